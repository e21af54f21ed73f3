"""Audits and ticket events as one list of changes, whichever of their layouts was exported.

Both hold the same events under the same ids: an audit as ``events``, a ticket event as
``child_events``; a field change as ``field_name``/``value`` or as ``<field>``/``previous_value``.
Only this module knows those layouts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import RecordRefused
from candor.sources.instants import of_iso, of_seconds

_FIELDS = ("status", "assignee_id", "group_id", "custom_status_id", "merged_ticket_ids")
_COMMENTS = frozenset({"Comment", "VoiceComment", "FacebookComment"})
_OFFERS = frozenset({"SurveyOffered", "SatisfactionOffered"})


@dataclass(frozen=True, slots=True)
class Change:
    """One thing an audit says happened.

    Attributes:
        kind: field, comment, redaction, macro, call or offer.
        id: the vendor's event id, the same in audits and ticket events.
        at: epoch microseconds.
        author: user id; ``-1`` is the system.
        via: the vendor's ``via`` of the event, else of the audit.
        name: field, or macro.
        value: new value as text; None when emptied.
        previous: value before, as text.
        is_public: of a comment.
        target: the comment redacted.
        body: the vendor's event.
    """

    kind: str
    id: str
    at: int
    author: str | None
    via: Any
    name: str = ""
    value: str | None = None
    previous: str | None = None
    is_public: bool = False
    target: str | None = None
    body: Any = None


def changes_of(record: dict[str, Any]) -> Iterator[Change]:
    """The changes of an audit or ticket event that candor has a use for, in the vendor's order.

    Changes of one audit share its second and are parted by a microsecond each.

    Raises:
        RecordRefused: the record has no time, or no list of events.
    """
    events = record.get("events", record.get("child_events"))
    if not isinstance(events, list):
        raise RecordRefused(ReasonCode.TYPE_MISMATCH, "events", "a list", repr(events)[:80])
    at = time_of(record)
    outer = record.get("author_id", record.get("updater_id"))
    for position, event in enumerate(events):
        if not isinstance(event, dict):
            continue
        given = event.get("id")
        identity = f"{record.get('id')}.{position}" if given is None else str(given)
        author = event.get("author_id") if event.get("author_id") is not None else outer
        kind = str(event.get("type") if "child_events" not in record else _child_type(event))
        common = {
            "id": identity,
            # A comment keeps its own instant, which other exports of it name without its neighbours.
            "at": at if kind in _COMMENTS else at + position,
            "author": None if author is None else str(author),
            "via": event.get("via") or record.get("via"),
            "body": event,
        }
        yield from _changes(kind, event, common)


def time_of(record: dict[str, Any]) -> int:
    """``created_at``, else the whole seconds of ``timestamp``."""
    if record.get("created_at") is not None:
        return of_iso(record["created_at"], "created_at")
    return of_seconds(record.get("timestamp"), "timestamp")


def _child_type(event: dict[str, Any]) -> Any:
    return event.get("event_type") or event.get("type")


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        return ",".join(str(one) for one in value) or None
    return None if value is None or value == "" else str(value)


def _changes(kind: str, event: dict[str, Any], common: dict[str, Any]) -> Iterator[Change]:
    if kind in _COMMENTS:
        is_public = event.get("public") is not False
        yield Change("comment", is_public=is_public, **common)
        data = event.get("data")
        if kind == "VoiceComment" and isinstance(data, dict):
            yield Change("call", name=str(data.get("call_id") or ""), **common)
    elif kind in {"CommentRedactionEvent", "RedactionEvent"}:
        yield Change("redaction", target=_text(event.get("comment_id")), **common)
    elif event.get("macro_id") is not None:
        yield Change("macro", name=str(event["macro_id"]), **common)
    elif kind in _OFFERS:
        yield Change("offer", name=str(event.get("survey_id") or ""), **common)
    elif kind in {"Create", "Change"}:
        yield from _field_changes(event, common)


def _field_changes(event: dict[str, Any], common: dict[str, Any]) -> Iterator[Change]:
    if event.get("field_name") is not None:
        named = [(str(event["field_name"]), event.get("value"))]
    else:
        named = [(name, event[name]) for name in _FIELDS if name in event]
    for name, value in named:
        if name in _FIELDS:
            previous = _text(event.get("previous_value"))
            yield Change(
                "field",
                name=name,
                value=_text(value),
                previous=previous,
                **{
                    **common,
                    # One event of the flat layout may name several fields.
                    "id": common["id"] if len(named) == 1 else f"{common['id']}.{name}",
                },
            )
