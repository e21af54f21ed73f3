"""Langfuse observations and traces as spans, and its scores as assessments.

Only this module maps Langfuse. A trace of the older export is a span around the observations that
name no parent. Scores about an experiment, and everything outside the production environments, are
kept and marked so that no figure counts them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import EventDict, Notes, RecordRefused
from candor.sources.langfuse import kinds
from candor.sources.prompts import answered, heard, unpacked
from candor.sources.shapes import Item, list_of, object_of, rest, text_of
from candor.sources.span_events import Around, is_test, keeps_extra, message_of, of_span, priced
from candor.sources.spans import Forest, Span

RUN = "experiment:"
"""Prefix of the thread of a score about an experiment: no conversation has it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How records are to be read: the settings, and where to note what was noticed.

    Attributes:
        settings: the connector's settings.
        notes: where to note it.
        forest: None while the export is read ahead; then only what is still needed is read.
    """

    settings: Mapping[str, Any]
    notes: Notes
    forest: Forest | None = None

    def is_needed(self, identity: str, among: str) -> bool:
        """Whether what a span heard (``fresh``) or said (``speakers``) is looked at."""
        return self.forest is None or identity in getattr(self.forest, among)


def id_of(body: Mapping[str, Any], key: str) -> str:
    """An id as text.

    Raises:
        RecordRefused: ID_MISSING.
    """
    if body.get(key) in (None, ""):
        raise RecordRefused(ReasonCode.ID_MISSING, key, "an id")
    return str(body[key])


def trace_span(trace: str) -> str:
    """Id of the span that stands for a trace."""
    return f"trace:{trace}"


def span_of(kind: str, body: Mapping[str, Any], reading: Reading) -> Span:
    """An observation, or a trace of the older export, as a span.

    Raises:
        RecordRefused: without an id or a time.
    """
    is_trace = kind == "trace"
    identity = id_of(body, "id")
    trace = identity if is_trace else id_of(body, "traceId")
    identity = trace_span(trace) if is_trace else identity
    began = "timestamp" if is_trace else "startTime"
    started = kinds.instant(body.get(began), began)
    ended = None if is_trace else _time(body, "endTime")
    word = "SPAN" if is_trace else str(body.get("type")).upper()
    role = kinds.ROLES.get(word)
    if role is None:
        reading.notes.add("span_type_unknown", word)
        role = "other"
    tokens = _tokens(body)
    model = text_of(body.get("providedModelName"))
    # A trace states the sum of its observations, which state their own.
    cost, currency = (None, "") if is_trace else _cost(body, model, tokens, reading.settings)
    metadata = _metadata(body)
    result = body.get("output")
    return Span(
        id=identity,
        trace=trace,
        parent=None if is_trace else (text_of(body.get("parentObservationId")) or trace_span(trace)),
        session=_named(metadata, "thread_metadata", reading) or text_of(body.get("sessionId")),
        started=started,
        ended=ended,
        revision=_time(body, "updatedAt") or ended or started,
        role=role,
        name=text_of(body.get("name")) or word.lower(),
        heard=heard(body.get("input")) if reading.is_needed(identity, "fresh") else (),
        said=answered(result) if reading.is_needed(identity, "speakers") else None,
        is_failed=str(body.get("level")).upper() == "ERROR",
        customer=_named(metadata, "customer_metadata", reading) or text_of(body.get("userId")),
        agent=_agent(body, reading.settings),
        release=text_of(body.get("release")) or text_of(body.get("version")),
        model=model,
        is_test=is_test(body.get("environment"), reading.settings),
        cost=cost,
        currency=currency,
        tokens=tokens[2],
        documents=_documents(result) if role == "retriever" else (),
        arguments=body.get("input") if role in {"tool", "retriever"} else None,
        result=_verdict(result) if role == "guardrail" else None,
    )  # fmt: skip


def _metadata(body: Mapping[str, Any]) -> dict[str, Any]:
    return object_of(unpacked(body.get("metadata"))) if body.get("metadata") else {}


def _time(body: Mapping[str, Any], key: str) -> int | None:
    return None if body.get(key) in (None, "") else kinds.instant(body[key], key)


def _named(metadata: Mapping[str, Any], setting: str, reading: Reading) -> str | None:
    """An identifier that the user keeps in metadata; one the interface has cut short is none."""
    key = reading.settings.get(setting)
    value = text_of(metadata.get(str(key))) if key else None
    if value is not None and len(value) >= kinds.CUT_AT:
        reading.notes.add("metadata_cut", f"{key}: name it in expandMetadata and export again")
        return None
    return value


def _agent(body: Mapping[str, Any], settings: Mapping[str, Any]) -> str | None:
    declared = text_of(settings.get("ai_agent_id"))
    if declared is not None:
        return declared
    # The trace is named after what serves it; the blob export and version 2 carry that name.
    return text_of(body.get("traceName"))


def _tokens(body: Mapping[str, Any]) -> tuple[int | None, int | None, int | None]:
    """Tokens in, out and altogether."""
    usage = object_of(unpacked(body.get("usageDetails")))
    if not usage:
        return None, None, None
    counts = {key: int(value) for key, value in usage.items() if _is_count(value)}
    total = counts.get("total") or sum(counts.values()) or None
    return counts.get("input"), counts.get("output"), total


def _is_count(value: Any) -> bool:
    return str(value).isdigit()


def _cost(
    body: Mapping[str, Any],
    model: str | None,
    tokens: tuple[int | None, int | None, int | None],
    settings: Mapping[str, Any],
) -> tuple[Decimal | None, str]:
    stated = body.get("totalCost")
    if stated in (None, ""):
        # The Parquet export has no prices; the user's prices stand in.
        return priced(model, tokens[0], tokens[1], settings), str(settings.get("currency", "USD"))
    try:
        return Decimal(str(stated)), "USD"
    except InvalidOperation:
        raise RecordRefused(
            ReasonCode.TYPE_MISMATCH, "totalCost", "an amount", str(stated)[:80]
        ) from None


def _documents(value: Any) -> tuple[str, ...]:
    """Ids of what was retrieved; documents without an id are left out."""
    found = unpacked(value)
    if isinstance(found, dict):
        found = next((found[key] for key in ("documents", "results", "docs") if key in found), [])
    ids = []
    for one in list_of(found):
        holder = object_of(one)
        inner = object_of(holder.get("metadata"))
        identity = holder.get("id") or holder.get("document_id") or inner.get("id")
        if identity not in (None, ""):
            ids.append(str(identity))
    return tuple(ids)


def _verdict(value: Any) -> str | None:
    found = unpacked(value)
    if isinstance(found, dict):
        found = next(
            (found[key] for key in ("result", "action", "decision", "verdict") if key in found),
            None,
        )
    return None if found is None else str(found)


def _extra(kind: str, body: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    found = rest(body, kinds.KNOWN[kind])
    named = {settings.get("thread_metadata"), settings.get("customer_metadata")}
    kept = {key: value for key, value in _metadata(body).items() if key not in named}
    if kept:
        found["metadata"] = kept
    if body.get("tags"):
        found["tags"] = unpacked(body["tags"])
    if body.get("environment"):
        found["environment"] = body["environment"]
    return found


def of_observation(item: Item, body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """The events of an observation or trace, whose body may be under other names by now."""
    if item.seen is None:
        span = span_of(item.kind, body, Reading(around.settings, around.notes, around.forest))
    else:
        span, noticed = item.seen
        around.notes.add_all(noticed)
    if keeps_extra(span, around.forest):
        span.extra = _extra(item.kind, body, around.settings)
    return of_span(span, around)


def of_score(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """A score as an assessment of what it is about.

    Raises:
        RecordRefused: a score without id, time or subject, or of an unknown origin.
    """
    name = id_of(body, "name")
    subject, identity, trace = _subject(body)
    source = str(body.get("source")).upper()
    customers = list_of(around.settings.get("customer_scores"))
    assessor = "customer" if name in customers else kinds.ASSESSORS.get(source)
    if assessor is None:
        raise RecordRefused(
            ReasonCode.ENUM_UNKNOWN, "source", "one of " + ", ".join(kinds.ASSESSORS), source
        )
    thread, message = _place(subject, identity, trace, around)
    label, value, explanation, extra = _value(body)
    at = kinds.instant(body.get("timestamp"), "timestamp")
    yield {
        "type": "assessment",
        "assessment_id": id_of(body, "id"),
        "thread_id": thread,
        "message_id": message,
        "occurred_at": at,
        "revision": _time(body, "updatedAt") or at,
        "assessor_kind": assessor,
        "assessor_id": text_of(body.get("authorUserId")) or f"langfuse_{source.lower()}:{name}",
        "assessor_version": text_of(body.get("configId")) or "unknown",
        "criterion": name,
        "label": label,
        "value": value,
        "explanation": explanation,
        "sampling_probability": None,
        "is_blind": None,
        "extra": {**rest(body, kinds.KNOWN["score"]), **extra, "subject": subject},
    }


def _subject(body: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """What a score is about: kind, id, and the trace it lies in."""
    subject = object_of(body.get("subject"))
    if subject.get("kind") and subject.get("id"):
        return str(subject["kind"]), str(subject["id"]), text_of(subject.get("traceId"))
    trace = text_of(body.get("traceId"))
    for kind, key in (
        ("experiment", "datasetRunId"),
        ("observation", "observationId"),
        ("session", "sessionId"),
        ("trace", "traceId"),
    ):
        if text_of(body.get(key)) is not None:
            return kind, str(body[key]), trace
    raise RecordRefused(
        ReasonCode.ID_MISSING, "subject", "what the score is about: ask for fields=subject"
    )


def _place(
    subject: str, identity: str, trace: str | None, around: Around
) -> tuple[str, str | None]:
    """Thread and message that a score judges."""
    forest = around.forest
    if subject == "session":
        return identity, None
    if subject == "experiment":
        return f"{RUN}{identity}", None
    note = forest.notes.get(identity) if subject == "observation" else None
    home = identity if subject == "trace" else trace or (note.trace if note else None)
    if home is None:
        raise RecordRefused(
            ReasonCode.ORPHAN, "subject.traceId", "an observation of the same export, or its trace"
        )
    thread = forest.thread_of(home)
    if thread not in forest.threads:
        around.notes.add("score_without_trace", "scores whose trace is not in the export")
    speaker = forest.answer_of(identity) if subject == "observation" else None
    return thread, None if speaker is None else message_of(speaker)


def _value(
    body: Mapping[str, Any],
) -> tuple[str | None, float | None, str | None, dict[str, Any]]:
    """Label, number, explanation, and what belongs to none of them."""
    kind, value = str(body.get("dataType")).upper(), body.get("value")
    comment = text_of(body.get("comment"))
    word = text_of(body.get("stringValue"))
    if kind == "CORRECTION":
        return None, None, comment, {"correction": word or value}
    if kind == "TEXT":
        return None, None, text_of(word or value), {"comment": comment} if comment else {}
    if kind == "CATEGORICAL":
        return word or text_of(value), None, comment, {}
    if value is None:
        return word, None, comment, {}
    if kind == "BOOLEAN":
        number = float(str(value).lower() in {"1", "1.0", "true"})
        return "true" if number else "false", number, comment, {}
    return word, float(value), comment, {}
