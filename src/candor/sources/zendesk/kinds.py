"""What kind of Zendesk record a piece of JSON is, told by the keys it carries.

Only this module looks at envelopes and shapes. File names decide nothing but the ticket of a
comment or log page, which does not name its own ticket. Records wrapped by a loader
(``_airbyte_data``) are unwrapped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import FileRefused, RawRecord
from candor.sources.envelopes import is_lines, top_level_keys
from candor.sources.readers import json_array, json_lines

# Key of a page → kind of its elements.
ENVELOPES = {
    "tickets": "ticket",
    "ticket_events": "ticket_event",
    "audits": "audit",
    "ticket_audits": "audit",
    "comments": "comment",
    "events": "log_event",
    "conversation_log": "log_event",
    "chat_events": "chat_event",
    "ticket_metric_events": "metric_event",
    "ticket_metrics": "ticket_metric",
    "satisfaction_ratings": "rating",
    "survey_responses": "survey_response",
    "users": "user",
    "organizations": "organization",
    "deleted_tickets": "deleted_ticket",
    "conversations": "ai_export",
    "reviews": "qa_review",
    "ratings": "autoqa_rating",
    "calibrationSessions": "calibration",
    "disputes": "dispute",
}
CONTEXT_ONLY = frozenset({"metric_event", "ticket_metric"})

# (kind, keys it must have, keys it must not have), first match wins.
_SHAPES: tuple[tuple[str, frozenset[str], frozenset[str]], ...] = tuple(
    (kind, frozenset(have.split()), frozenset(lack.split()))
    for kind, have, lack in (
        ("ticket_event", "child_events", ""),
        ("audit", "events ticket_id author_id", ""),
        ("deleted_ticket", "deleted_at previous_state", ""),
        ("autoqa_rating", "autoqaRatingId", ""),
        ("autoqa_review", "autoqaReviewId", "autoqaRatingId"),
        ("calibration", "calibrationSessionId", ""),
        ("dispute", "disputeId", ""),
        ("qa_review", "reviewer ratings", ""),
        ("ai_export", "bot_id conversation_id", ""),
        ("survey_response", "survey_id answers", ""),
        ("metric_event", "metric instance_id", ""),
        ("ticket_metric", "reopens replies", ""),
        ("rating", "score ticket_id requester_id", "subject"),
        ("chat_event", "actor_id original_message", ""),
        ("chat_event", "actor_id chat_id", ""),
        ("log_event", "author content", "part_type"),
        ("ticket", "requester_id status", "score"),
        ("comment", "public author_id", "events child_events"),
        ("comment", "public ticket_id user_id", ""),
        ("organization", "domain_names", ""),
        ("user", "role", "messages"),
    )
)
_TICKET_IN_NAME = re.compile(r"(?<!\d)(\d{1,18})(?!\d)")
_PAGE_KINDS = frozenset({"comment", "log_event"})


@dataclass(frozen=True, slots=True)
class Item:
    """One record with what its file adds.

    Attributes:
        kind: one of the kinds above.
        body: the record.
        page_ticket: ticket of a comment or log page, from the page or the file's name.
    """

    kind: str
    body: dict[str, Any]
    page_ticket: str | None = None


def kind_of(body: dict[str, Any]) -> str | None:
    """Kind by shape; None when no shape fits."""
    for kind, have, lack in _SHAPES:
        if have <= body.keys() and not lack & body.keys():
            return kind
    return None


def read(path: Path) -> Iterator[RawRecord]:
    """Every record of a file, its value an ``Item``.

    ``.jsonl``/``.ndjson`` hold a record or a page a line; ``.json`` holds a page, a list or one
    record.

    Raises:
        FileRefused: the file as a whole cannot be read, or holds an error answer.
    """
    in_name = _TICKET_IN_NAME.search(path.name)
    hint = in_name[1] if in_name else None
    if is_lines(path):
        for record in json_lines.read(path):
            yield from _line(record, hint)
        return
    keys = top_level_keys(path)
    envelopes = [key for key in keys if key in ENVELOPES]
    if not keys or kind_if_single(keys):
        for record in json_array.read(path):
            yield _item(record, None, hint)
        return
    if not envelopes:
        raise _no_records(path, keys)
    page_ticket = _page_ticket(path, keys) or hint
    for number, key in enumerate(envelopes):
        for record in json_array.read(path, key=key):
            # Sideloads beside the page (users of a ticket page) are numbered after it.
            shifted = record._replace(number=record.number + number * 10_000_000)
            yield _item(shifted, ENVELOPES[key], page_ticket)


def kind_if_single(keys: list[str]) -> str | None:
    """Kind of a document that is one record and not a page."""
    return kind_of(dict.fromkeys(keys))


def is_page(keys: list[str]) -> bool:
    """Whether a document is a page of records rather than a list or one record."""
    # An audit has ``events`` and a QA review ``ratings`` of its own.
    return kind_if_single(keys) is None and any(key in ENVELOPES for key in keys)


def _page_ticket(path: Path, keys: list[str]) -> str | None:
    if "ticket_id" not in keys:
        return None
    value = json_array.top_level(path, ("ticket_id",)).get("ticket_id")
    return None if value is None else str(value)


def _no_records(path: Path, keys: list[str]) -> FileRefused:
    if {"error", "errors", "status", "title", "detail"} & set(keys):
        return FileRefused(
            ReasonCode.TYPE_MISMATCH,
            f"{path.name} is an error answer, so this part of the export is not available",
            "a page of records",
            "unavailable is not zero: leave the file out, or export it with a plan that has it",
        )
    return FileRefused(
        ReasonCode.TYPE_MISMATCH,
        f"{path.name} holds no records known of Zendesk (keys: {', '.join(keys[:8])})",
        "a page with one of " + ", ".join(sorted(ENVELOPES)),
        "see the Zendesk guide for what to export",
    )


def _line(record: RawRecord, hint: str | None) -> Iterator[RawRecord]:
    body = record.value
    if record.reason is None and isinstance(body, dict) and kind_of(body) is None:
        for key in ENVELOPES.keys() & body.keys():
            if isinstance(body[key], list):
                ticket = str(body["ticket_id"]) if body.get("ticket_id") is not None else hint
                for position, element in enumerate(body[key]):
                    part = record._replace(
                        number=record.number * 10_000 + position,
                        ref=f"{record.ref}:{key}[{position}]",
                        value=element,
                    )
                    yield _item(part, ENVELOPES[key], ticket)
                return
    yield _item(record, None, hint)


def _item(record: RawRecord, expected: str | None, page_ticket: str | None) -> RawRecord:
    if record.reason is not None:
        return record
    body = record.value
    if isinstance(body, dict) and isinstance(body.get("_airbyte_data"), dict):
        body = body["_airbyte_data"]
    kind = kind_of(body) if isinstance(body, dict) else None
    if kind is None:
        # A page may hold leaner records than the shapes ask for; its key is word enough.
        kind = expected
    if not isinstance(body, dict) or kind is None:
        return record._replace(
            value=None,
            reason=ReasonCode.TYPE_MISMATCH,
            detail="a Zendesk record: ticket, comment, audit, log event, rating, review …",
        )
    if "ticket_id" in body and body["ticket_id"] is not None:
        page_ticket = str(body["ticket_id"])
    elif kind not in _PAGE_KINDS:
        page_ticket = None
    item = Item(kind, body, page_ticket)
    return RawRecord(record.number, record.ref, record.raw, item, key=record.key)
