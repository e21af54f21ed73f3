"""What one Zendesk record needs to know of its neighbours in the same export.

A comment does not say who its author is to the ticket, an audit does not say whether a bot had
spoken before. Only this module reads a whole export folder ahead of its records. An export is the
folder of a file (or its parent, where files lie in folders of one kind). Absent neighbours leave
questions open; nothing is guessed. Memory grows with tickets and messages, about 100 bytes each.
"""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from candor.sources.base import FileRefused, Notes, RecordRefused
from candor.sources.instants import SECOND, of_iso
from candor.sources.shapes import Read
from candor.sources.zendesk import kinds
from candor.sources.zendesk.authors import is_bot_author
from candor.sources.zendesk.changes import Change, changes_of

FAST_REPLY = 10 * SECOND
FAST_REPLIES = 3
_REPLIES_KEPT = 500
_DAY_FILE = re.compile(r"conversation_(?P<bot>.+)_(?P<day>\d{4}-\d{2}-\d{2})_\d+\.json")
_ENDED = frozenset({"solved", "closed"})
_STAFF = frozenset({"agent", "admin"})


@dataclass(frozen=True, slots=True)
class Assignment:
    """A change of who is responsible: when, by which change, to whom."""

    at: int
    change_id: str
    assignee: str | None
    group: str | None


@dataclass(slots=True)
class Export:
    """One export folder, read ahead."""

    ai_actors: frozenset[str]
    requesters: dict[str, str] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    first_ai: dict[str, int] = field(default_factory=dict)
    human_messages: dict[str, array[int]] = field(default_factory=dict)
    ends: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    assignments: dict[str, list[Assignment]] = field(default_factory=lambda: defaultdict(list))
    handoffs: dict[str, str] = field(default_factory=dict)
    redacted: dict[str, int] = field(default_factory=dict)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    due: dict[tuple[str, str], int] = field(default_factory=dict)
    offered: dict[str, int] = field(default_factory=dict)
    bot_rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    bot_days: dict[str, set[date]] = field(default_factory=lambda: defaultdict(set))
    deleted: set[str] = field(default_factory=set)
    lists: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    spoken: set[str] = field(default_factory=set)
    log_ids: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    fast_seats: dict[str, str] = field(default_factory=dict)

    def role_of(self, ticket: str | None, author: str | None) -> str | None:
        """customer, ai_agent, human_agent or system; None when the export does not tell."""
        if author is None:
            return None
        if author == "-1":
            return "system"
        if author in self.ai_actors:
            return "ai_agent"
        requester = self.requesters.get(ticket or "")
        if requester == author:
            return "customer"
        role = self.roles.get(author)
        if role is not None:
            return "human_agent" if role in _STAFF else "customer"
        return None if requester is None else "human_agent"

    def is_handoff(self, ticket: str, change_id: str) -> bool:
        """Whether a change passed the ticket from the AI agent to people."""
        return self.handoffs.get(change_id) == ticket

    def place_of(self, ticket: str, at: int, entry: str) -> int:
        """Place of a log entry among those of its ticket and second, by the vendor's rising ids."""
        among = self.log_ids.get((ticket, at), [])
        return sum(1 for other in among if other < entry)

    def accepted_at(self, ticket: str, at: int) -> int | None:
        """First public message of a human agent in or after the second of an instant."""
        times = self.human_messages.get(ticket)
        at -= at % SECOND
        return min((time for time in times if time >= at), default=None) if times else None

    def ended_after(self, ticket: str, at: int) -> bool:
        """Whether the ticket was solved or closed at or after an instant."""
        return any(end >= at for end in self.ends.get(ticket, ()))

    def day_gaps(self) -> dict[str, list[str]]:
        """Days between the first and last export of each bot for which no file exists."""
        gaps = {}
        for bot, days in self.bot_days.items():
            span = (max(days) - min(days)).days
            wanted = {min(days) + timedelta(days=n) for n in range(span + 1)}
            if missing := sorted(wanted - days):
                gaps[bot] = [day.isoformat() for day in missing]
        return gaps

    def missing(self, full_lists: Iterable[str]) -> set[str]:
        """Tickets of earlier full lists that are in neither of the last two nor deleted."""
        names = [name for name in full_lists if name in self.lists]
        if len(names) < 3:
            return set()
        earlier = set().union(*(self.lists[name] for name in names[:-2]))
        return earlier - self.lists[names[-1]] - self.lists[names[-2]] - self.deleted


@dataclass(frozen=True, slots=True)
class Around:
    """What a mapping may look at beside its record."""

    export: Export
    settings: Mapping[str, Any]
    notes: Notes


def read_export(files: Iterable[Path], read: Read, ai_actors: frozenset[str]) -> Export:
    """Read every file of an export ahead; what cannot be read is told when its own turn comes."""
    export = Export(ai_actors)
    last_customer: dict[str, int] = {}
    replies: dict[str, list[int]] = defaultdict(list)
    items: list[tuple[str, int, str | None, str]] = []
    for path in sorted(files):
        if found := _DAY_FILE.fullmatch(path.name.removesuffix(".gz")):
            export.bot_days[found["bot"]].add(date.fromisoformat(found["day"]))
        try:
            for record in read(path):
                if isinstance(record.value, kinds.Item):
                    _note(export, path.name, record.value, items)
        except FileRefused:
            continue
    for ticket, at, author, face in sorted(items, key=lambda item: item[:2]):
        export.spoken.add(ticket)
        actor = face if face != "person" else export.role_of(ticket, author)
        if actor == "ai_agent":
            export.first_ai.setdefault(ticket, at)
        elif actor == "customer":
            last_customer[ticket] = at
        elif actor == "human_agent":
            export.human_messages.setdefault(ticket, array("q")).append(at)
            if author and ticket in last_customer and len(replies[author]) < _REPLIES_KEPT:
                replies[author].append(at - last_customer.pop(ticket))
    _find_handoffs(export)
    for author, delays in replies.items():
        middle = median(delays)
        if len(delays) >= FAST_REPLIES and middle <= FAST_REPLY:
            export.fast_seats[author] = f"{middle / SECOND:g} s (median of {len(delays)} replies)"
    return export


def _find_handoffs(export: Export) -> None:
    for ticket, changes in export.assignments.items():
        spoke = export.first_ai.get(ticket)
        if spoke is None:
            continue
        is_with_people = False
        for change in sorted(changes, key=lambda one: (one.at, one.change_id)):
            is_to_ai = change.assignee in export.ai_actors
            if is_to_ai or (change.assignee is None and change.group is None):
                is_with_people = False
            elif change.at < spoke:
                is_with_people = change.assignee is not None
            elif not is_with_people:
                export.handoffs[change.change_id] = ticket
                is_with_people = True


def _note(
    export: Export, file: str, item: kinds.Item, items: list[tuple[str, int, str | None, str]]
) -> None:
    body = item.body
    try:
        if item.kind in {"audit", "ticket_event"}:
            _note_changes(export, item, items)
        elif item.kind in _READERS:
            _READERS[item.kind](export, file, item)
        elif item.kind in {"comment", "log_event", "chat_event"} and item.page_ticket:
            if body.get("public") is False:
                return
            author = body.get("author_id", body.get("user_id"))
            face = "person"
            if item.kind != "comment":
                author, face = _log_author(item)
            at = of_iso(body.get("created_at") or body.get("created"), "created_at")
            who = None if author is None else str(author)
            if item.kind == "log_event":
                export.log_ids.setdefault((item.page_ticket, at), []).append(str(body["id"]))
            items.append((item.page_ticket, at, who, face))
    except (RecordRefused, KeyError, TypeError, AttributeError, ValueError):
        return  # The record itself reports what is wrong with it when it is mapped.


def _log_author(item: kinds.Item) -> tuple[str | None, str]:
    if is_bot_author(item.body):
        return None, "ai_agent"
    if item.kind == "chat_event":
        side, _, seat = str(item.body.get("actor_id") or "").partition(":")
        if "Message" not in str(item.body.get("type")):
            return None, "system"
        if side == "visitor":
            return None, "customer"
        return (seat or None, "person") if side == "agent" else (None, "system")
    author = item.body.get("author") or {}
    seat_id = author.get("zen:support:user_id")
    if author.get("type") == "user":
        return None, "customer"
    if author.get("type") != "agent":
        return None, "system"
    return (None, "human_agent") if seat_id is None else (str(seat_id), "person")


def _note_changes(
    export: Export, item: kinds.Item, items: list[tuple[str, int, str | None, str]]
) -> None:
    ticket = item.page_ticket
    if ticket is None:
        return
    assignee = group = None
    first: Change | None = None
    for change in changes_of(item.body):
        if change.kind == "comment" and change.is_public:
            items.append((ticket, change.at, change.author, "person"))
        elif change.kind == "redaction" and change.target:
            export.redacted[change.target] = change.at
        elif change.kind == "offer":
            export.offered.setdefault(ticket, change.at)
        elif change.kind == "field" and change.name == "status" and change.value in _ENDED:
            export.ends[ticket].append(change.at)
        elif change.kind == "field" and change.name in {"assignee_id", "group_id"}:
            first = first or change
            if change.name == "assignee_id":
                assignee, first = change.value, change
            else:
                group = change.value
    if first is not None:
        export.assignments[ticket].append(Assignment(first.at, first.id, assignee, group))


def _note_ticket(export: Export, file: str, item: kinds.Item) -> None:
    ticket, requester = str(item.body["id"]), item.body.get("requester_id")
    if requester is not None:
        export.requesters[ticket] = str(requester)
    export.lists[file].add(ticket)


def _note_user(export: Export, _: str, item: kinds.Item) -> None:
    export.roles[str(item.body["id"])] = str(item.body.get("role"))


def _note_metric(export: Export, _: str, item: kinds.Item) -> None:
    ticket = str(item.body.get("ticket_id") or item.body["id"])
    export.metrics[ticket] = {
        key: item.body[key] for key in ("reopens", "replies", "solved_at") if key in item.body
    }


def _note_clock(export: Export, _: str, item: kinds.Item) -> None:
    body = item.body
    target = (body.get("sla") or {}).get("target_in_seconds")
    field_name = {
        "reply_time": "due_first_response_at",
        "resolution_time": "due_resolution_at",
    }.get(str(body.get("metric")))
    is_calendar = (body.get("sla") or {}).get("business_hours") is False
    if body.get("type") != "apply_sla" or field_name is None or target is None or not is_calendar:
        return
    key = (str(body["ticket_id"]), field_name)
    due = of_iso(body["time"], "time") + int(target) * SECOND
    export.due[key] = min(due, export.due.get(key, due))


def _note_rating(export: Export, _: str, item: kinds.Item) -> None:
    if item.body.get("score") == "offered":
        offered = of_iso(item.body.get("created_at"), "created_at")
        ticket = str(item.body["ticket_id"])
        export.offered[ticket] = min(offered, export.offered.get(ticket, offered))


def _note_bot_row(export: Export, _: str, item: kinds.Item) -> None:
    thread = str(item.body.get("platform_conversation_id") or item.body["conversation_id"])
    export.bot_rows[thread] = item.body


def _note_deleted(export: Export, _: str, item: kinds.Item) -> None:
    export.deleted.add(str(item.body["id"]))


_READERS = {
    "ticket": _note_ticket,
    "user": _note_user,
    "ticket_metric": _note_metric,
    "metric_event": _note_clock,
    "rating": _note_rating,
    "ai_export": _note_bot_row,
    "deleted_ticket": _note_deleted,
}
