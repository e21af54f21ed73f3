"""Evaluations and annotations of spans as assessments.

Only this module maps them. An evaluation event carries no conversation: it belongs to the span it
was recorded on, else to the span whose response it names; else it is an orphan, kept and counted.
Who evaluated is told by OpenInference and not by the GenAI conventions, where it counts as code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import EventDict, RecordRefused
from candor.sources.otel import attributes, kinds
from candor.sources.otel.attributes import first_of, listed
from candor.sources.otel.mapping import Told
from candor.sources.shapes import object_of, text_of
from candor.sources.span_events import Around, message_of
from candor.sources.spans import Forest

_SESSION = "session.annotations"
_SPAN = "annotations"


def of_record(told: Told, around: Around) -> Iterator[EventDict | RecordRefused]:
    """Every assessment a span or log record holds."""
    if told.is_log:
        yield _evaluation(told.attributes, told, told.started, around)
        return
    for event in told.events:
        if event.get("name") == kinds.EVALUATION:
            values = attributes.of_pairs(event.get("attributes"))
            at = attributes.instant(
                event.get("timeUnixNano", event.get("timestamp")), "timeUnixNano"
            )
            yield _evaluation(values, told, at or told.started, around)
    for prefix in (_SPAN, _SESSION):
        for one in listed(told.attributes, prefix):
            yield _annotation(object_of(one), told, prefix, around)


def has_any(told: Told) -> bool:
    """Whether a span holds assessments of its own."""
    return any(event.get("name") == kinds.EVALUATION for event in told.events) or any(
        one in told.heads for one in (_SPAN, _SESSION)
    )


def _evaluation(
    values: Mapping[str, Any], told: Told, at: int | None, around: Around
) -> EventDict | RecordRefused:
    name = text_of(values.get("gen_ai.evaluation.name"))
    if name is None:
        return RecordRefused(ReasonCode.ID_MISSING, "gen_ai.evaluation.name", "what was judged")
    if at is None:
        return RecordRefused(ReasonCode.TS_UNPARSED, "timeUnixNano", "when it was judged")
    forest, response = around.forest, text_of(values.get("gen_ai.response.id"))
    span = told.span if told.span in forest.notes else forest.answers.get(response or "")
    trace = forest.notes[span].trace if span is not None else told.trace
    thread = forest.thread_of(trace) if trace is not None else None
    if thread not in forest.threads:
        around.notes.add("evaluation_orphan", "evaluations of a span that is not in the export")
        thread = None
    version = text_of(first_of(values, "gen_ai.request.model", "gen_ai.evaluation.version"))
    return {
        "type": "assessment",
        "assessment_id": f"{span or told.span or response}:{name}:{at}",
        "thread_id": thread,
        "message_id": _message(span, forest),
        "occurred_at": at,
        "assessor_kind": "llm" if version and "gen_ai.request.model" in values else "code",
        "assessor_id": f"evaluation:{name}",
        "assessor_version": version or "unknown",
        "criterion": name,
        "label": text_of(values.get("gen_ai.evaluation.score.label")),
        "value": _number(values.get("gen_ai.evaluation.score.value")),
        "explanation": text_of(values.get("gen_ai.evaluation.explanation")),
        "sampling_probability": None,
        "is_blind": None,
        "extra": {"response_id": response} if response else None,
    }


def _annotation(
    body: Mapping[str, Any], told: Told, prefix: str, around: Around
) -> EventDict | RecordRefused:
    inner = object_of(body.get("annotation"))
    one = {key.removeprefix("annotation."): value for key, value in (inner or body).items()}
    name, word = text_of(one.get("name")), str(one.get("annotator_kind") or "").upper()
    kind = kinds.ANNOTATORS.get(word)
    if name is None or told.span is None or told.trace is None or told.started is None:
        return RecordRefused(ReasonCode.ID_MISSING, f"{prefix}.name", "what was judged")
    if kind is None:
        return RecordRefused(
            ReasonCode.ENUM_UNKNOWN, "annotator_kind", "one of " + ", ".join(kinds.ANNOTATORS), word
        )
    thread = around.forest.thread_of(told.trace)
    about = thread if prefix == _SESSION else told.span
    identifier = text_of(one.get("identifier")) or ""
    return {
        "type": "assessment",
        "assessment_id": f"{about}:{name}:{word}:{identifier}",
        "thread_id": thread,
        "message_id": None if prefix == _SESSION else _message(told.span, around.forest),
        "occurred_at": told.started if told.ended is None else told.ended,
        "assessor_kind": kind,
        "assessor_id": identifier or f"annotation:{word.lower()}",
        "assessor_version": "unknown",
        "criterion": name,
        "label": text_of(one.get("label")),
        "value": _number(one.get("score")),
        "explanation": text_of(one.get("explanation")),
        "sampling_probability": None,
        "is_blind": None,
    }


def _message(span: str | None, forest: Forest) -> str | None:
    """The message that a span answered with, or was a part of."""
    speaker = None if span is None else forest.answer_of(span)
    return None if speaker is None else message_of(speaker)


def _number(value: Any) -> float | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
