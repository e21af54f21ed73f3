"""Spans of the GenAI and OpenInference conventions as spans of ours.

Only this module gives attributes a meaning. Text attributes are opt-in: without them structure and
cost arrive and no message does. A span of neither convention only carries the tree; its session and
customer count for its trace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import Notes, RecordRefused
from candor.sources.otel import attributes, kinds
from candor.sources.otel.attributes import first_of, listed
from candor.sources.otel.containers import Packed
from candor.sources.prompts import Said, answered, heard, unpacked
from candor.sources.shapes import list_of, object_of, text_of
from candor.sources.span_events import is_test, priced
from candor.sources.spans import Forest, Role, Span

_ERROR = (2, "2", "STATUS_CODE_ERROR", "ERROR")


@dataclass(frozen=True, slots=True)
class Reading:
    """How spans are to be read: the settings, where to note, and what is still needed.

    Attributes:
        settings: the connector's settings.
        notes: what was noticed.
        forest: None while the export is read ahead; then only what is still needed is read.
    """

    settings: Mapping[str, Any]
    notes: Notes
    forest: Forest | None = None

    def needs(self, identity: str, among: str) -> bool:
        """Whether what a span heard (``fresh``) or said (``speakers``) is looked at."""
        return self.forest is None or identity in getattr(self.forest, among)


@dataclass(slots=True)
class Told:
    """A span or log record under one set of names.

    Attributes:
        heads: what stands in front of the attributes' first indexes.
    """

    trace: str | None
    span: str | None
    parent: str | None
    name: str
    started: int | None
    ended: int | None
    is_error: bool
    attributes: Mapping[str, Any]
    heads: frozenset[str]
    events: Sequence[Mapping[str, Any]]
    is_log: bool


def told_by(packed: Packed) -> Told:
    """A record of OTLP, or a row of a table of spans, under one set of names.

    Raises:
        RecordRefused: a time that cannot be read.
    """
    body = packed.body
    context = object_of(body.get("context"))
    status = body.get("status")
    code = object_of(status).get("code") or object_of(status).get("status_code")
    is_log = packed.is_log
    values = _attributes(body)
    began = body.get("startTimeUnixNano", body.get("start_time"))
    if is_log:
        began = body.get("timeUnixNano") or body.get("observedTimeUnixNano")
    return Told(
        attributes.trace_identity(
            first_of(body, "traceId", "context.trace_id") or first_of(context, "trace_id")
        ),
        attributes.identity(
            first_of(body, "spanId", "context.span_id") or first_of(context, "span_id")
        ),
        attributes.identity(first_of(body, "parentSpanId", "parent_id")),
        str(first_of(body, "name", "eventName") or values.get("event.name") or ""),
        attributes.instant(began, "startTimeUnixNano"),
        attributes.instant(body.get("endTimeUnixNano", body.get("end_time")), "endTimeUnixNano"),
        code in _ERROR or body.get("status_code") in _ERROR,
        values,
        attributes.heads_of(values),
        [one for one in list_of(body.get("events")) if isinstance(one, dict)],
        is_log,
    )  # fmt: skip


def _attributes(body: Mapping[str, Any]) -> dict[str, Any]:
    pairs = body.get("attributes")
    found = dict(attributes.of_pairs(pairs))
    if not isinstance(pairs, list):
        for key, value in body.items():
            # A table of spans has a column for each attribute, named after it.
            if key.startswith("attributes.") and value is not None:
                found[key.removeprefix("attributes.")] = value
    kind = body.get("span_kind")
    if isinstance(kind, str) and kind in kinds.SPAN_KINDS:
        found.setdefault("openinference.span.kind", kind)
    for prefix in ("llm", "retrieval", "input", "output", "tool", "session", "user"):
        if isinstance(found.get(prefix), dict):
            found.update(_flat(found.pop(prefix), prefix))
    return found


def _flat(value: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Nested attributes under dotted names; lists stay as they are."""
    found: dict[str, Any] = {}
    for key, one in value.items():
        name = f"{prefix}.{key}"
        found.update(_flat(one, name) if isinstance(one, dict) else {name: one})
    return found


def role_of(told: Told, notes: Notes) -> Role | None:
    """What a span is; None for a span of neither convention."""
    word = told.attributes.get("openinference.span.kind")
    if word not in (None, ""):
        role = kinds.SPAN_KINDS.get(str(word).upper())
    else:
        word = told.attributes.get("gen_ai.operation.name")
        if word in (None, ""):
            if any(key.startswith("gen_ai.guardrail.") for key in told.attributes):
                return "guardrail"
            # The oldest instrumentations name a provider and no operation.
            is_call = first_of(told.attributes, "gen_ai.system", "gen_ai.provider.name") is not None
            return "model" if is_call else None
        role = kinds.OPERATIONS.get(str(word))
    if role is None:
        notes.add("span_type_unknown", str(word))
        return "other"
    return role


def span_of(told: Told, packed: Packed, reading: Reading) -> Span:
    """A span as ours.

    Raises:
        RecordRefused: without ids or a time.
    """
    if told.trace is None or told.span is None:
        raise RecordRefused(ReasonCode.ID_MISSING, "spanId", "the ids of a span and its trace")
    if told.started is None:
        raise RecordRefused(ReasonCode.TS_UNPARSED, "startTimeUnixNano", "when the span began")
    is_details = told.is_log
    identity = f"{told.span}:details" if is_details else told.span
    values, settings = told.attributes, reading.settings
    slots = kinds.slots_of(values)
    role = "model" if is_details else role_of(told, reading.notes)
    model = text_of(slots.get("model"))
    tokens = _number(slots.get("tokens_in")), _number(slots.get("tokens_out"))
    cost, currency = _cost(slots.get("cost"), model, tokens, settings)
    is_asked = role in {"tool", "retriever", "guardrail"}
    return Span(
        id=identity,
        trace=told.trace,
        parent=told.span if is_details else told.parent,
        session=_session(slots, values, settings),
        started=told.started,
        ended=told.ended,
        revision=0,
        role=role or "other",
        is_bare=role is None,
        name=_named(told, role, slots),
        heard=_heard(told) if reading.needs(identity, "fresh") else (),
        said=_said(told) if reading.needs(identity, "speakers") else None,
        is_failed=told.is_error or bool(values.get("error.type")),
        customer=text_of(slots.get("customer")),
        agent=_agent(slots.get("agent"), packed, settings),
        release=text_of(slots.get("release") or packed.resource.get("service.version")),
        model=model,
        is_test=is_test(
            slots.get("environment") or first_of(packed.resource, *kinds.ENVIRONMENTS), settings
        ),
        # What an inner log tells of a call, the call's span tells too.
        cost=None if is_details else cost,
        currency=currency,
        tokens=None if tokens == (None, None) else (tokens[0] or 0) + (tokens[1] or 0),
        documents=_documents(values) if role == "retriever" else (),
        arguments=unpacked(slots.get("arguments")) if is_asked else None,
        result=_verdict(slots.get("verdict")) if role == "guardrail" else None,
        answers_as=text_of(values.get("gen_ai.response.id")),
    )  # fmt: skip


def _session(
    slots: Mapping[str, Any], values: Mapping[str, Any], settings: Mapping[str, Any]
) -> str | None:
    found = slots.get("session")
    named = settings.get("thread_attribute")
    return text_of(first_of(values, str(named)) if found is None and named else found)


def _agent(found: Any, packed: Packed, settings: Mapping[str, Any]) -> str | None:
    declared = text_of(settings.get("ai_agent_id"))
    if declared is not None:
        return declared
    return text_of(found or packed.resource.get("service.name"))


def _named(told: Told, role: Role | None, slots: Mapping[str, Any]) -> str:
    if role in {"tool", "guardrail"}:
        return str(slots.get(role) or told.name)
    return told.name or str(role)


def _number(found: Any) -> int | None:
    try:
        return None if found is None else int(found)
    except (TypeError, ValueError):
        return None


def _cost(
    stated: Any,
    model: str | None,
    tokens: tuple[int | None, int | None],
    settings: Mapping[str, Any],
) -> tuple[Decimal | None, str]:
    if stated is None:
        return priced(model, *tokens, settings), str(settings.get("currency", "USD"))
    try:
        return Decimal(str(stated)), "USD"
    except InvalidOperation:
        raise RecordRefused(
            ReasonCode.TYPE_MISMATCH, kinds.COSTS[0], "an amount", str(stated)[:80]
        ) from None


def _heard(told: Told) -> list[Said]:
    for name in kinds.INPUT_LISTS:
        if name in told.heads and (messages := listed(told.attributes, name)):
            is_plain = isinstance(messages[0], dict) and "role" in messages[0]
            return heard(messages if is_plain else [_message(one) for one in messages])
    said = [
        {"role": kinds.IN_EVENTS[str(event.get("name"))], **_plain(event)}
        for event in told.events
        if event.get("name") in kinds.IN_EVENTS
    ]
    return heard(said) if said else heard(told.attributes.get("input.value"))


def _said(told: Told) -> str | None:
    for name in kinds.OUTPUT_LISTS:
        if name in told.heads and (messages := listed(told.attributes, name)):
            return answered([{"role": "assistant", **_message(one)} for one in messages])
    choices = [_plain(event) for event in told.events if event.get("name") == kinds.OUT_EVENT]
    if choices:
        return answered([one.get("message", one) for one in choices])
    return answered(told.attributes.get("output.value"))


def _plain(event: Mapping[str, Any]) -> dict[str, Any]:
    values = attributes.of_pairs(event.get("attributes"))
    return {**values, "content": values.get("content")}


def _message(one: Any) -> dict[str, Any]:
    """A message whose keys may carry OpenInference's prefix and indexes of their own."""
    if not isinstance(one, dict):
        return {"content": one}
    inner = one.get("message")
    if isinstance(inner, dict):
        one = inner
    found: dict[str, Any] = {key.removeprefix("message."): value for key, value in one.items()}
    if "content" not in found and "parts" not in found:
        texts = [
            found[key]
            for key in sorted(found)
            if key.startswith("contents.") and key.endswith("message_content.text")
        ]
        found["content"] = "\n".join(str(text) for text in texts)
    return found


def _documents(values: Mapping[str, Any]) -> tuple[str, ...]:
    ids = []
    for name in kinds.DOCUMENT_LISTS:
        for one in listed(values, name):
            holder = object_of(one)
            inner = object_of(holder.get("document"))
            found = first_of(holder, "id", "document.id") or first_of(inner, "id")
            if found is not None:
                ids.append(str(found))
    return tuple(ids)


def _verdict(told: Any) -> str | None:
    found = unpacked(told)
    if isinstance(found, dict):
        found = first_of(found, "decision", "result", "action", "verdict")
    return None if found is None else str(found)


def extra_of(told: Told, packed: Packed) -> dict[str, Any]:
    """What no field holds."""
    kept = {
        key: value
        for key, value in told.attributes.items()
        if not kinds.is_known(key) and value not in (None, "", [], {})
    }
    found = {
        key: value
        for key, value in packed.body.items()
        if key not in _READ_BODY and not key.startswith(("attributes.", "context.", "resource"))
        and value not in (None, "", [], {}, 0)
    }  # fmt: skip
    if kept:
        found["attributes"] = kept
    if packed.schema_url:
        found["schema_url"] = packed.schema_url
    return found


_READ_BODY = frozenset((
    "traceId", "spanId", "parentSpanId", "name", "startTimeUnixNano", "endTimeUnixNano", "kind",
    "attributes", "events", "status", "context", "parent_id", "start_time", "end_time",
    "status_code", "span_kind", "flags", "traceState", "links", "timeUnixNano",
    "observedTimeUnixNano", "eventName", "body", "severityNumber", "severityText",
))  # fmt: skip
