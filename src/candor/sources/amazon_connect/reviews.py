"""Evaluations and AI-agent spans as events: scores of reviewers, and what the AI agent did.

Only this module maps them. A draft is nobody's verdict; an evaluation made to calibrate reviewers
has criteria of its own, so that it enters no average of quality. Scores are shares from 0 to 1.
Tokens become a cost only at a declared price. Texts of spans are messages only where no transcript
tells the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources import markup
from candor.sources.amazon_connect import kinds
from candor.sources.amazon_connect.context import Around
from candor.sources.amazon_connect.lens import ASSESSOR
from candor.sources.base import EventDict, RecordRefused, RecordSkipped
from candor.sources.benchmark import kind_of_text, kind_of_tool
from candor.sources.instants import earliest_wins
from candor.sources.shapes import list_of, object_of, rest, text_of

_MICRO = Decimal("0.000001")
_STATUS = {"OK": "succeeded", "ERROR": "failed", "TIMEOUT": "failed"}
_SPAN_KNOWN = frozenset(("spanId", "startTimestamp", "endTimestamp", "status", "attributes"))


def of_evaluation(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """The score and the answers of one evaluation.

    Raises:
        RecordRefused: it names no contact or has no id.
        RecordSkipped: it is a draft or still under review.
    """
    status = str(body.get("Status"))
    if status != "SUBMITTED":
        raise RecordSkipped(f"evaluation {status}: nobody's verdict yet")
    identity, about = text_of(body.get("EvaluationId")), object_of(body.get("Metadata"))
    contact = text_of(about.get("ContactId"))
    if identity is None or contact is None:
        name = "EvaluationId" if identity is None else "Metadata.ContactId"
        raise RecordRefused(ReasonCode.ID_MISSING, name, "an id")
    at = kinds.instant(body, "LastModifiedTime")
    at = kinds.required_instant(body, "CreatedTime") if at is None else at
    is_calibration = (
        body.get("EvaluationType") == "CALIBRATION" or about.get("CalibrationSessionId") is not None
    )
    if is_calibration:
        around.notes.add("calibration", "evaluations kept apart from quality")
    prefix = "calibration:" if is_calibration else ""
    automatic = object_of(about.get("AutoEvaluation"))
    is_code = automatic.get("AutoEvaluationStatus") == "SUCCEEDED"
    version = text_of(body.get("EvaluationFormVersion")) or "unknown"
    extra = {
        key: about[key]
        for key in ("SamplingJobId", "CalibrationSessionId", "ContactParticipant")
        if about.get(key) is not None
    }

    def assessment(criterion: str, suggested: bool, **fields: Any) -> EventDict:
        assessor = "vendor" if suggested else "code" if is_code else "human"
        evaluator = ASSESSOR if suggested else kinds.tail(about.get("EvaluatorArn")) or "unknown"
        return {
            "type": "assessment",
            "assessment_id": f"{identity}:{'suggested:' if suggested else ''}{criterion}",
            "thread_id": contact,
            "occurred_at": at,
            "revision": at,
            "assessor_kind": assessor,
            "assessor_id": evaluator,
            "assessor_version": version,
            "rubric": text_of(body.get("EvaluationFormId")),
            "criterion": f"{prefix}{criterion}",
            # Who chose the contact by hand or by a job of unknown share says nothing of a rate.
            "sampling_probability": None,
            "extra": extra or None,
            **fields,
        }

    score = object_of(about.get("Score"))
    if score and score.get("NotApplicable") is not True:
        percentage = score.get("Percentage")
        yield assessment(
            "score",
            False,
            label="automatic_fail" if score.get("AutomaticFail") is True else None,
            value=None if percentage is None else float(percentage) / 100,
        )
    notes = object_of(body.get("Notes"))
    for question, answer in sorted(object_of(body.get("Answers")).items()):
        given = object_of(answer)
        remark = text_of(object_of(notes.get(question)).get("Value"))
        yield assessment(question, False, explanation=remark, **_answer(given.get("Value")))
        suggestions = [given.get("SystemSuggestedValue")]
        suggestions += [object_of(o).get("Value") for o in list_of(given.get("SuggestedAnswers"))]
        told = next((one for one in suggestions if one is not None), None)
        if told is not None:
            yield assessment(question, True, **_answer(told))


def _answer(value: Any) -> dict[str, Any]:
    """A label, a number, or neither where the question did not apply."""
    given = object_of(value)
    number = given.get("NumericValue")
    if isinstance(number, int | float) and not isinstance(number, bool):
        return {"label": None, "value": float(number)}
    if given.get("NotApplicable") is True:
        return {"label": None}
    values = list_of(given.get("StringValues"))
    return {"label": text_of(given.get("StringValue")) or text_of(", ".join(map(str, values)))}


def of_span(body: Mapping[str, Any], around: Around) -> Iterator[EventDict | RecordRefused]:
    """The step, what was said in it, its checks, its tokens at a declared price, the release seen.

    Raises:
        RecordRefused: it names no contact.
    """
    span, about = str(body["spanId"]), object_of(body.get("attributes"))
    contact = text_of(about.get("contactId"))
    if contact is None:
        raise RecordRefused(ReasonCode.ID_MISSING, "attributes.contactId", "the contact's id")
    at = kinds.required_instant(body, "startTimestamp")
    ended = kinds.instant(body, "endTimestamp")
    operation = text_of(about.get("operationName")) or text_of(body.get("spanName")) or "unknown"
    name = text_of(about.get("toolName")) or operation
    status = text_of(body.get("status"))
    is_tool = name != operation
    agent, version = text_of(about.get("aiAgentName")), text_of(about.get("aiAgentVersion"))
    release = None if agent is None or version is None else f"{agent}:{version}"
    is_told = _tells(contact, about, around)
    yield {
        "type": "action",
        "action_id": span,
        "thread_id": contact,
        "occurred_at": at,
        "actor": "ai_agent",
        "name": name,
        "kind": kind_of_tool(name, around.notes) if is_tool else "lookup",
        "status": None if status is None else _STATUS.get(status.upper()),
        "duration_ms": None if ended is None else max(ended - at, 0) // 1000,
        "extra": {
            **rest(body, _SPAN_KNOWN),
            "status": status,
            "attributes": {k: v for k, v in about.items() if not is_told or k not in kinds.SPOKEN},
        },
    }
    if is_told:
        yield from _messages(contact, span, body, release, around)
    for position, one in enumerate(list_of(about.get("guardrailAssessments"))):
        yield _guardrail(contact, span, position, object_of(one), at, around)
    yield from _cost(contact, span, about, at, around)
    if release is not None:
        yield {
            "type": "release",
            "ai_agent_id": agent,
            "release": release,
            "occurred_at": at,
            # Nobody tells when it went live: the earliest sight of it counts.
            "revision": earliest_wins(at),
            "deployed_at": at,
            "kind": "mixed",
            "extra": {"time_unknown": True},
        }


def _tells(contact: str, about: Mapping[str, Any], around: Around) -> bool:
    """Whether a span's texts are messages: a self-service agent's, of a contact without a transcript.

    What an agent that assists people says is not said to the customer.
    """
    words = str(about.get("aiAgentType")).upper().replace("_", "")
    if "SELFSERVICE" not in words or not any(about.get(name) for name in kinds.SPOKEN):
        return False
    if around.export.has_transcript(contact):
        around.notes.add("span_texts", "left out: the contact has a transcript")
        return False
    return True


def _messages(
    contact: str, span: str, body: Mapping[str, Any], release: str | None, around: Around
) -> Iterator[EventDict | RecordRefused]:
    """What no earlier span holds; the dialogue is repeated in each."""
    by_question_mark = around.settings.get("ai_text_kind") == "question_mark"
    for message in kinds.messages_of(body):
        identity, text = message["messageId"], kinds.words_of(message)
        if not text or not around.export.is_first(identity, span):
            continue
        word = str(message.get("participant"))
        actor = kinds.PARTICIPANTS.get(word)
        if actor is None:
            around.notes.add("actor_unknown", word)
        try:
            at = kinds.required_instant(message, "timestamp")
        except RecordRefused as refused:
            yield refused
            continue
        written = markup.read(text)
        yield {
            "type": "message",
            "message_id": identity,
            "thread_id": contact,
            "occurred_at": at,
            "actor": actor,
            "is_public": True,
            "text": written.text or None,
            "kind": kind_of_text(written.text)
            if by_question_mark and actor == "ai_agent" and written.text
            else None,
            "release": release if actor == "ai_agent" else None,
        }


def _guardrail(
    contact: str, span: str, position: int, given: Mapping[str, Any], at: int, around: Around
) -> EventDict:
    action = text_of(given.get("action")) or "unknown"
    if action not in kinds.GUARDRAIL_RESULTS:
        around.notes.add("guardrail_unknown", action)
    return {
        "type": "guardrail",
        "guardrail_id": f"{span}:{position}",
        "thread_id": contact,
        "occurred_at": at,
        "policy_id": text_of(given.get("guardrailId") or given.get("guardrailName")) or "unknown",
        "native_result": action,
        "result": kinds.GUARDRAIL_RESULTS.get(action),
        "component": text_of(given.get("source")),
        "extra": {"policies": given["policies"]} if given.get("policies") else None,
    }


def _cost(
    contact: str, span: str, about: Mapping[str, Any], at: int, around: Around
) -> Iterator[EventDict]:
    counted = {
        key: value
        for key, value in (
            ("input", about.get("usageInputTokens")),
            ("output", about.get("usageOutputTokens")),
        )
        if isinstance(value, int) and not isinstance(value, bool)
    }
    prices = object_of(around.settings.get("token_prices"))
    currency = around.settings.get("currency")
    if not sum(counted.values()):
        return
    if currency is None or not counted.keys() <= prices.keys():
        around.notes.add("cost_unknown", "tokens without token_prices and currency")
        return
    amount = sum((Decimal(str(prices[key])) * n for key, n in counted.items()), Decimal(0))
    yield {
        "type": "cost",
        "cost_id": span,
        "thread_id": contact,
        "occurred_at": at,
        "kind": "ai_usage",
        "quantity": float(sum(counted.values())),
        "unit": "token",
        "amount": amount.quantize(_MICRO, ROUND_HALF_EVEN),
        "currency": str(currency),
    }
