"""What Intercom, its customers and reviewers say of a conversation: claims, ratings, scorecards.

Only this module reads opinions. ``ai_agent.created_at`` and ``updated_at`` are times of the rating,
never of the claim; the claim is a snapshot at the conversation's ``updated_at``. Monitors list only
what they flagged and scorecards what somebody picked, so neither has a sampling probability.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from candor.sources import claims
from candor.sources.base import EventDict, Notes
from candor.sources.instants import SECOND, iso, of_seconds
from candor.sources.intercom.kinds import version
from candor.sources.intercom.parts import listed

CLAIMANT = "intercom"
_ENUM_CHANGED = (2, 15)


def claim(
    thread: str, body: Mapping[str, Any], api_version: str, notes: Notes
) -> Iterator[EventDict]:
    """The claim of a conversation in which the AI agent took part; else nothing was claimed on."""
    ai_agent = body.get("ai_agent")
    if body.get("ai_agent_participated") is not True or not isinstance(ai_agent, dict):
        return
    if "resolution_state" not in ai_agent:
        return
    raw = ai_agent["resolution_state"]
    text = "null" if raw is None else str(raw)
    created = of_seconds(body.get("created_at"), "created_at")
    updated = of_seconds(body.get("updated_at") or body.get("created_at"), "updated_at")
    notes.add("api_version", api_version)
    _note_break(notes)
    yield {
        "type": "claim",
        "claim_id": f"{thread}:resolution_state",
        "thread_id": thread,
        "occurred_at": updated,
        "revision": updated // SECOND,
        "claimant": CLAIMANT,
        "raw_value": text,
        "claimed": claims.claimed(CLAIMANT, text, notes, api_version=api_version),
        "api_version": api_version,
        "is_billable": None,
        "extra": {"changed_between": [iso(created), iso(updated)]},
    }


def _note_break(notes: Notes) -> None:
    seen = {detail for kind, detail in notes.counts if kind == "api_version"}
    sides = {version(one) >= _ENUM_CHANGED for one in seen}
    key = ("series_break", "claims before and from API version 2.15 do not form one series")
    if len(sides) > 1 and key not in notes.counts:
        notes.add(*key)


def ratings(thread: str, body: Mapping[str, Any], customer: str | None) -> Iterator[EventDict]:
    """The rating of people (asked or answered) and the rating of the AI agent."""
    rating = body.get("conversation_rating")
    if isinstance(rating, dict) and rating.get("created_at") is not None:
        asked = of_seconds(rating["created_at"], "conversation_rating.created_at")
        score, updated = rating.get("rating"), rating.get("updated_at")
        is_answered = score is not None and updated is not None
        answered = of_seconds(updated, "conversation_rating.updated_at") if is_answered else None
        yield _survey(
            thread,
            "conversation_rating",
            customer,
            body,
            occurred_at=asked,
            asked_at=asked,
            answered_at=answered,
            score=None if score is None else float(score),
            comment=rating.get("remark"),
            about="human_agent",
        )
    ai_agent = body.get("ai_agent")
    if isinstance(ai_agent, dict) and ai_agent.get("rating") is not None:
        times = [
            of_seconds(ai_agent[key], f"ai_agent.{key}")
            for key in ("created_at", "updated_at")
            if ai_agent.get(key) is not None
        ]
        snapshot = of_seconds(body.get("updated_at") or body.get("created_at"), "updated_at")
        yield _survey(
            thread,
            "ai_agent_rating",
            customer,
            body,
            occurred_at=times[0] if times else snapshot,
            asked_at=None,
            answered_at=times[-1] if times else None,
            score=float(ai_agent["rating"]),
            comment=ai_agent.get("rating_remark"),
            about="ai_agent",
        )


def _survey(
    thread: str, name: str, customer: str | None, body: Mapping[str, Any], **fields: Any
) -> EventDict:
    updated = of_seconds(body.get("updated_at") or body.get("created_at"), "updated_at")
    return {
        "type": "survey",
        "survey_id": f"{thread}:{name}",
        "thread_id": thread,
        "customer_id": customer,
        "revision": updated // SECOND,
        "instrument": "csat",
        "version": f"intercom-{name.replace('_', '-')}",
        "scale_min": 1.0,
        "scale_max": 5.0,
        **fields,
    }


def assessments(
    thread: str, body: Mapping[str, Any], settings: Mapping[str, Any]
) -> Iterator[EventDict]:
    """Scorecard verdicts, monitor flags and the vendor's experience score."""
    updated = of_seconds(body.get("updated_at") or body.get("created_at"), "updated_at")
    for scorecard in listed(body, "scorecards"):
        yield from _scorecard(thread, scorecard, updated)
    for monitor in listed(body, "monitor_evaluations"):
        evaluated = monitor.get("evaluated_at")
        yield _assessment(
            f"{thread}:monitor:{monitor.get('monitor_id')}",
            thread,
            updated if evaluated is None else of_seconds(evaluated, "evaluated_at"),
            updated,
            assessor_kind="vendor",
            assessor_id="intercom_monitor",
            assessor_version="1",
            rubric=_text(monitor.get("monitor_type")),
            criterion=str(monitor.get("monitor_name") or monitor.get("monitor_id")),
            label=_text(monitor.get("result")),
            explanation=_text(monitor.get("explanation")),
            extra={"is_flagged_only": True},
        )
    name = str(settings.get("cx_score_attribute", "CX Score rating"))
    attributes = body.get("custom_attributes")
    value = attributes.get(name) if isinstance(attributes, dict) else None
    if value is not None:
        yield _assessment(
            f"{thread}:cx_score",
            thread,
            updated,
            updated,
            assessor_kind="vendor",
            assessor_id="intercom_cx_score",
            assessor_version="1",
            criterion="cx_score",
            **_verdict(value),
        )


def _scorecard(thread: str, scorecard: Mapping[str, Any], updated: int) -> Iterator[EventDict]:
    card, card_version = scorecard.get("scorecard_id"), scorecard.get("scorecard_version_id")
    evaluated = scorecard.get("evaluated_at")
    at = updated if evaluated is None else of_seconds(evaluated, "scorecards.evaluated_at")
    common = {"rubric": _text(card), "assessor_version": str(card_version or "unversioned")}
    base = f"{thread}:scorecard:{card}:{card_version}"
    for source, key in (("human", "score"), ("ai", "ai_score")):
        if scorecard.get(key) is not None:
            yield _assessment(
                f"{base}:overall:{source}",
                thread,
                at,
                updated,
                criterion="overall",
                value=float(scorecard[key]),
                **_assessor(source),
                **common,
            )
    for evaluator in scorecard.get("evaluators") or []:
        result = evaluator.get("result")
        if not isinstance(result, dict) or result.get("value") is None:
            continue
        source = str(result.get("source"))
        yield _assessment(
            f"{base}:{evaluator.get('evaluator_id')}:{source}",
            thread,
            at,
            updated,
            criterion=str(evaluator.get("evaluator_id")),
            explanation=_text(result.get("reasoning") or result.get("other_text")),
            extra={"reason_ids": result["reason_ids"]} if result.get("reason_ids") else None,
            **_verdict(result["value"]),
            **_assessor(source),
            **common,
        )


def _assessor(source: str) -> dict[str, str]:
    if source == "human":
        return {"assessor_kind": "human", "assessor_id": "intercom_reviewer"}
    return {"assessor_kind": "vendor", "assessor_id": "intercom_scorecard"}


def _verdict(value: Any) -> dict[str, Any]:
    if isinstance(value, (bool, str)):
        return {"label": str(value).lower() if isinstance(value, bool) else value}
    return {"value": float(value)}


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _assessment(identity: str, thread: str, at: int, updated: int, **fields: Any) -> EventDict:
    return {
        "type": "assessment",
        "assessment_id": identity,
        "thread_id": thread,
        "occurred_at": at,
        "revision": updated // SECOND,
        "sampling_probability": None,
        "is_blind": None,
        **fields,
    }
