"""PostHog's AI events as spans, and what people and code thought of them as assessments.

Only this module maps them. An AI event is sent when its step has ended, so it began ``$ai_latency``
seconds before. Clients that know no user send the id of the trace as the person: that is nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import EventDict, Notes, RecordRefused
from candor.sources.instants import SECOND
from candor.sources.posthog import kinds
from candor.sources.posthog.kinds import Event
from candor.sources.prompts import answered, heard
from candor.sources.shapes import text_of
from candor.sources.span_events import Around, is_test, message_of, priced
from candor.sources.spans import Forest, Role, Span

_READ = frozenset((
    "$ai_trace_id", "$ai_session_id", "$ai_span_id", "$ai_generation_id", "$ai_parent_id",
    "$ai_span_name", "$ai_trace_name", "$ai_model", "$ai_input", "$ai_output_choices",
    "$ai_output", "$ai_input_state", "$ai_output_state", "$ai_input_tokens", "$ai_output_tokens",
    "$ai_latency", "$ai_is_error", "$ai_total_cost_usd", "$ai_tools",
))  # fmt: skip
_TOO_LONG = 30 * 24 * 3_600


def is_span(event: Event) -> bool:
    """Whether an event is a step of a trace, also one of a name that is not known."""
    if event.name in kinds.SPANS:
        return True
    is_ai = event.name.startswith("$ai_") and event.name not in kinds.OPINIONS
    return is_ai and "$ai_trace_id" in event.properties


def trace_span(trace: str) -> str:
    """Id of the span that stands for a trace."""
    return f"trace:{trace}"


def span_of(
    event: Event, settings: Mapping[str, Any], notes: Notes, forest: Forest | None = None
) -> Span:
    """An AI event as a span; with the forest only what is still needed is read.

    Raises:
        RecordRefused: without the id of a trace.
    """
    told = event.properties
    trace = text_of(told.get("$ai_trace_id"))
    if trace is None:
        raise RecordRefused(ReasonCode.ID_MISSING, "$ai_trace_id", "the id of the trace")
    role, name = _role(event, settings, notes)
    identity = _identity(event, trace)
    model = text_of(told.get("$ai_model"))
    tokens = _whole(told.get("$ai_input_tokens")), _whole(told.get("$ai_output_tokens"))
    given = told.get("$ai_input", told.get("$ai_input_state"))
    back = told.get("$ai_output_choices", told.get("$ai_output_state", told.get("$ai_output")))
    release = settings.get("release_property")
    environment = told.get(str(settings.get("environment_property", "environment")))
    cost, currency = _cost(told, model, tokens, settings)
    return Span(
        id=identity,
        trace=trace,
        parent=_parent(event, trace, identity),
        session=text_of(told.get("$ai_session_id")),
        started=event.at - _latency(told),
        ended=event.at,
        revision=0,
        role=role,
        name=name,
        heard=heard(given) if forest is None or identity in forest.fresh else (),
        said=answered(back) if forest is None or identity in forest.speakers else None,
        is_failed=told.get("$ai_is_error") in (True, "true", "True", 1),
        customer=None if event.person == trace else event.person,
        agent=text_of(settings.get("ai_agent_id")) or text_of(told.get("$ai_trace_name")),
        release=text_of(told.get(str(release))) if release else None,
        model=model,
        is_test=is_test(environment, settings),
        cost=cost if event.name != "$ai_trace" else None,
        currency=currency,
        tokens=None if tokens == (None, None) else (tokens[0] or 0) + (tokens[1] or 0),
        arguments=given if role == "tool" else None,
    )


def _identity(event: Event, trace: str) -> str:
    if event.name == "$ai_trace":
        return trace_span(trace)
    told = event.properties
    return text_of(told.get("$ai_span_id") or told.get("$ai_generation_id")) or event.id


def _parent(event: Event, trace: str, identity: str) -> str | None:
    """The step around it; the trace itself where none is named."""
    parent = text_of(event.properties.get("$ai_parent_id"))
    if identity == trace_span(trace):
        return None
    return trace_span(trace) if parent in (None, trace, identity) else parent


def _role(event: Event, settings: Mapping[str, Any], notes: Notes) -> tuple[Role, str]:
    name = text_of(event.properties.get("$ai_span_name")) or event.name.removeprefix("$ai_")
    role = kinds.SPANS.get(event.name)
    if role is None:
        notes.add("span_type_unknown", event.name)
        return "other", name
    tools = (*settings.get("tool_spans", ()), *settings.get("handoff_tools", ()))
    if event.name == "$ai_span" and name in tools:
        return "tool", name
    return role, name


def _latency(told: Mapping[str, Any]) -> int:
    """Microseconds a step took; nothing beyond belief."""
    try:
        seconds = Decimal(str(told.get("$ai_latency") or 0))
    except InvalidOperation:
        return 0
    return int(seconds * SECOND) if 0 <= seconds < _TOO_LONG else 0


def _whole(value: Any) -> int | None:
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError):
        return None


def _cost(
    told: Mapping[str, Any],
    model: str | None,
    tokens: tuple[int | None, int | None],
    settings: Mapping[str, Any],
) -> tuple[Decimal | None, str]:
    stated = told.get("$ai_total_cost_usd")
    if stated is None:
        return priced(model, *tokens, settings), str(settings.get("currency", "USD"))
    try:
        return Decimal(str(stated)), "USD"
    except InvalidOperation:
        raise RecordRefused(
            ReasonCode.TYPE_MISMATCH, "$ai_total_cost_usd", "an amount", str(stated)[:80]
        ) from None


def extra_of(event: Event) -> dict[str, Any]:
    """What no field holds."""
    kept = {
        key: value
        for key, value in event.properties.items()
        if key not in _READ and value not in (None, "", [], {})
    }
    return {**event.rest, **({"properties": kept} if kept else {})}


def of_opinion(event: Event, around: Around) -> Iterator[EventDict]:
    """Feedback of the customer, or a metric or evaluation by code or a model.

    Raises:
        RecordRefused: it names no trace.
    """
    told = event.properties
    trace = text_of(told.get("$ai_trace_id"))
    if trace is None:
        raise RecordRefused(ReasonCode.ID_MISSING, "$ai_trace_id", "the id of the trace")
    forest = around.forest
    thread = forest.thread_of(trace)
    if thread not in forest.threads:
        around.notes.add("opinion_without_trace", "feedback whose trace is not in the export")
    span = text_of(told.get("$ai_span_id") or told.get("$ai_generation_id"))
    speaker = forest.answer_of(span) if span else None
    kind = {"$ai_feedback": "customer", "$ai_evaluation": "llm"}.get(event.name, "code")
    word = event.name.removeprefix("$ai_")
    criterion = text_of(told.get(f"$ai_{word}_name")) or word
    value = told.get(f"$ai_{word}_value", told.get("$ai_evaluation_result"))
    number = _number(value)
    yield {
        "type": "assessment",
        "assessment_id": event.id,
        "thread_id": thread,
        "message_id": None if speaker is None else message_of(speaker),
        "occurred_at": event.at,
        "assessor_kind": kind,
        "assessor_id": f"posthog:{criterion}",
        "assessor_version": "unknown",
        "criterion": criterion,
        "label": None if value is None or number is not None else str(value),
        "value": number,
        "explanation": text_of(
            told.get("$ai_feedback_text") or told.get("$ai_evaluation_reasoning")
        ),
        "sampling_probability": None,
        "is_blind": None,
        "extra": dict(event.rest) or None,
    }


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or value in ("true", "false"):
        return float(value in (True, "true"))
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
