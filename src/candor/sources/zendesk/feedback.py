"""Satisfaction ratings and survey responses as surveys; reviews of either kind as assessments.

Only this module reads Zendesk's opinions. The old rating and the new survey are two versions and
never one series. The rating follows the assignee at rating time, so whom it is about stays unknown.
A row the vendor did not evaluate is no score. Hand-picked reviews have no sampling probability.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import EventDict, RecordRefused
from candor.sources.instants import SECOND, of_iso
from candor.sources.zendesk.context import Around
from candor.sources.zendesk.dialogue import rest
from candor.sources.zendesk.kinds import Item

CLASSIC = "zendesk-satisfaction-rating"
_SCORES = {"good": 1.0, "bad": 0.0}
_RATING_KNOWN = frozenset(
    [
        "id",
        "ticket_id",
        "requester_id",
        "assignee_id",
        "group_id",
        "score",
        "comment",
        "created_at",
        "updated_at",
        "url",
    ]
)
_RESPONSE_KNOWN = frozenset(["id", "survey_id", "survey_version", "answers", "ticket_id", "url"])
_REVIEW_KNOWN = frozenset(["id", "reviewer", "ratings", "scorecard", "createdISO", "updatedISO"])
_AUTOQA_KNOWN = frozenset(
    [
        "autoqaRatingId",
        "autoqaReviewId",
        "externalTicketId",
        "ratingCategoryId",
        "ratingCategoryName",
        "scorecardId",
        "score",
        "evaluated",
        "createdAt",
        "updatedAt",
    ]
)


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def is_offered(item: Item) -> bool:
    """Whether a rating row tells of a survey at all: ``unoffered`` means nobody was asked."""
    return item.body.get("score") != "unoffered"


def is_evaluated(item: Item) -> bool:
    """Whether the vendor scored an automatic quality row."""
    return item.body.get("evaluated") is not False


def of_rating(item: Item, around: Around) -> Iterator[EventDict]:
    """One offer of the old survey; its answer is a later revision of the same survey."""
    body = item.body
    ticket = str(body["ticket_id"])
    created = of_iso(body.get("created_at"), "created_at")
    updated = of_iso(body.get("updated_at") or body.get("created_at"), "updated_at")
    word = str(body.get("score"))
    base = word.removesuffix("_with_comment").removesuffix("_without_comment")
    score = _SCORES.get(base)
    if score is None and base not in {"offered", "received"}:
        around.notes.add("survey_score_unknown", word)
    is_answered = base != "offered"
    yield {
        "type": "survey",
        "survey_id": f"{CLASSIC}:{ticket}",
        "thread_id": ticket,
        "customer_id": _text(body.get("requester_id")),
        "occurred_at": created,
        # An answer always outranks the bare offer, whatever the order of delivery.
        "revision": updated // SECOND * 2 + int(is_answered),
        "instrument": "csat",
        "version": CLASSIC,
        "asked_at": around.export.offered.get(ticket),
        "answered_at": updated if is_answered else None,
        "score": score,
        "scale_min": 0.0,
        "scale_max": 1.0,
        "comment": _text(body.get("comment")),
        "about": None,
        "extra": {
            **rest(body, _RATING_KNOWN),
            "score_word": word,
            "assignee_at_rating": _text(body.get("assignee_id")),
        },
    }


def of_response(item: Item, around: Around) -> Iterator[EventDict | RecordRefused]:
    """One survey per rated question of a response; skipped questions leave the score open."""
    body = item.body
    version = f"{body['survey_id']}@{body.get('survey_version')}"
    ticket = _ticket_of_response(body)
    answers = [answer for answer in body.get("answers") or [] if isinstance(answer, dict)]
    comments = [
        str(a["value"]) for a in answers if a.get("type") == "open_ended" and a.get("value")
    ]
    closed = [a for a in answers if a.get("type") != "open_ended"]
    for position, answer in enumerate(closed):
        created = of_iso(answer.get("created_at") or body.get("created_at"), "answers.created_at")
        updated = of_iso(answer.get("updated_at") or answer.get("created_at"), "answers.updated_at")
        is_skipped = answer.get("type") == "skipped" or not answer.get("selections")
        scale = _scale(answer, version, around.settings)
        if scale is None:
            yield RecordRefused(
                ReasonCode.TYPE_MISMATCH,
                "survey_version",
                f'the scale of survey {version}: set survey_scales = {{"{version}" = [1, 5]}}',
                version,
            )
            continue
        yield {
            "type": "survey",
            "survey_id": f"response:{body['id']}:{position}",
            "thread_id": ticket,
            "occurred_at": created,
            "revision": updated // SECOND,
            "instrument": "csat" if position == 0 else "other",
            "version": version,
            "asked_at": around.export.offered.get(ticket or ""),
            "answered_at": None if is_skipped else updated,
            "score": None if is_skipped else _selected(answer),
            "scale_min": scale[0],
            "scale_max": scale[1],
            "comment": "\n".join(comments) or None if position == 0 else None,
            "about": None,
            "extra": rest(body, _RESPONSE_KNOWN) or None,
        }


def _ticket_of_response(body: Mapping[str, Any]) -> str | None:
    if body.get("ticket_id") is not None:
        return str(body["ticket_id"])
    for subject in body.get("subjects") or []:
        name = subject.get("zrn") or subject.get("id") if isinstance(subject, dict) else subject
        if str(name).startswith("zen:ticket:"):
            return str(name).removeprefix("zen:ticket:")
    return None


def _selected(answer: Mapping[str, Any]) -> float | None:
    first = answer["selections"][0]
    value = first.get("rating", first.get("value")) if isinstance(first, dict) else first
    return None if value is None else float(value)


def _scale(
    answer: Mapping[str, Any], version: str, settings: Mapping[str, Any]
) -> tuple[float, float] | None:
    given = (settings.get("survey_scales") or {}).get(version)
    if given is not None:
        return float(given[0]), float(given[1])
    question = answer.get("question")
    options = question.get("options") if isinstance(question, dict) else None
    offered = [
        option.get("rating", option.get("value"))
        for option in options or []
        if isinstance(option, dict)
    ]
    values = [float(value) for value in offered if value is not None]
    return (min(values), max(values)) if len(values) > 1 else None


def _assessment(identity: str, at: int, **fields: Any) -> EventDict:
    return {
        "type": "assessment",
        "assessment_id": identity,
        "occurred_at": at,
        "sampling_probability": None,
        **fields,
    }


def of_review(item: Item, _: Around) -> Iterator[EventDict]:
    """One assessment per rated category of a person's review."""
    body = item.body
    reviewer = body.get("reviewer")
    who = reviewer.get("id") if isinstance(reviewer, dict) else reviewer
    scorecard = body.get("scorecard") if isinstance(body.get("scorecard"), dict) else {}
    created = of_iso(body.get("createdISO"), "createdISO")
    updated = of_iso(body.get("updatedISO") or body.get("createdISO"), "updatedISO")
    ticket = _text(body.get("externalTicketId") or body.get("conversationExternalId"))
    for rating in body["ratings"]:
        yield _assessment(
            f"qa:{body['id']}:{rating.get('categoryId')}",
            created,
            revision=updated // SECOND,
            thread_id=ticket,
            assessor_kind="human",
            assessor_id=f"zendesk_qa:{who}",
            assessor_version="1",
            rubric=_text((scorecard or {}).get("id")),
            criterion=str(rating.get("categoryName") or rating.get("categoryId")),
            value=None if rating.get("score") is None else float(rating["score"]),
            explanation=_text(rating.get("comment")),
            is_blind=None,
            extra=rest(rating, frozenset({"categoryId", "categoryName", "score", "comment"}))
            or None,
        )


def of_autoqa(item: Item, _: Around) -> Iterator[EventDict]:
    """The vendor's own score of one category, or of a whole automatic review."""
    body = item.body
    created = of_iso(body.get("createdAt"), "createdAt")
    updated = of_iso(body.get("updatedAt") or body.get("createdAt"), "updatedAt")
    identity = body.get("autoqaRatingId") or f"review:{body['autoqaReviewId']}"
    criterion = body.get("ratingCategoryName") or body.get("ratingCategoryId") or "overall"
    yield _assessment(
        f"autoqa:{identity}",
        created,
        revision=updated // SECOND,
        thread_id=_text(body.get("externalTicketId")),
        assessor_kind="vendor",
        assessor_id="zendesk_autoqa",
        assessor_version="1",
        rubric=_text(body.get("scorecardId")),
        criterion=str(criterion),
        value=None if body.get("score") is None else float(body["score"]),
        extra=rest(body, _AUTOQA_KNOWN) or None,
    )


def of_calibration(item: Item, around: Around) -> Iterator[EventDict]:
    """A person's review made in a calibration session; whether it was blind is not exported."""
    body = {"ratings": [], **item.body, "id": f"calibration:{item.body['calibrationSessionId']}"}
    for event in of_review(Item(item.kind, body), around):
        yield {**event, "is_blind": None}


def of_dispute(item: Item, _: Around) -> Iterator[EventDict]:
    """A dispute of a review, kept as a candidate for an override and never applied by itself."""
    body = item.body
    yield _assessment(
        f"dispute:{body['disputeId']}",
        of_iso(body.get("createdAt") or body.get("createdISO"), "createdAt"),
        thread_id=_text(body.get("externalTicketId")),
        assessor_kind="human",
        assessor_id="zendesk_qa:dispute",
        assessor_version="1",
        rubric=_text(body.get("scorecardId")),
        criterion="dispute",
        label=_text(body.get("status")),
        explanation=_text(body.get("comment") or body.get("reason")),
        extra={"override_candidate": rest(body, frozenset({"comment", "reason"}))},
    )
