"""What one Freshdesk record needs to know of its neighbours in the same export.

The interface has no history: what changed shows only between two pulls of the same ticket, and who
came after a change shows only in the entries. Only this module reads a whole export ahead. Absent
neighbours leave questions open; nothing is guessed. Instants are epoch microseconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import FileRefused, Notes, RecordRefused, SourceOptions
from candor.sources.dialogues import Dialogues
from candor.sources.freshdesk import kinds
from candor.sources.instants import of_iso
from candor.sources.shapes import Item, Read, list_of, text_of

QUERY_LIMIT = 30_000
"""Tickets that one query gives at most: 300 pages of 100."""


@dataclass(frozen=True, slots=True, order=True)
class Pull:
    """A ticket as it stood at one update."""

    at: int
    status: str
    responder: str
    group: str


@dataclass(slots=True)
class Export:
    """One export folder, read ahead."""

    dialogues: Dialogues = field(default_factory=Dialogues)
    pulls: dict[str, set[Pull]] = field(default_factory=lambda: defaultdict(set))
    ai_agents: dict[str, tuple[int, str]] = field(default_factory=dict)
    full: dict[str, int] = field(default_factory=dict)

    def before(self, ticket: str, at: int) -> Pull | None:
        """The ticket as it stood in the pull before."""
        earlier = [pull for pull in self.pulls.get(ticket, ()) if pull.at < at]
        return max(earlier) if earlier else None

    def ended_after(self, ticket: str, at: int) -> bool:
        """Whether the ticket was solved or closed in a pull at or after an instant."""
        return any(p.at >= at and p.status in {"4", "5"} for p in self.pulls.get(ticket, ()))

    def latest(self, ticket: str) -> int:
        """The last instant anything is known of a ticket."""
        pulls = [pull.at for pull in self.pulls.get(ticket, ())]
        return max([self.dialogues.latest(ticket), *pulls])


@dataclass(frozen=True, slots=True)
class Around:
    """What a mapping may look at beside its record."""

    export: Export
    options: SourceOptions
    notes: Notes

    @property
    def settings(self) -> Mapping[str, Any]:
        """The connector's settings."""
        return self.options.settings


def actor_of(
    body: Mapping[str, Any], ai_actors: frozenset[str], notes: Notes | None = None
) -> str | None:
    """customer, ai_agent, human_agent or None (counted as ``actor_unknown``)."""
    user = text_of(body.get("user_id"))
    if body.get("incoming") is True:
        return "customer"
    if user in ai_actors:
        return "ai_agent"
    if user is None:
        if notes is not None:
            notes.add("actor_unknown", "an outgoing entry without user_id")
        return None
    return "human_agent"


def id_of(body: Mapping[str, Any], key: str = "id") -> str:
    """An id as text.

    Raises:
        RecordRefused: ID_MISSING.
    """
    if body.get(key) in (None, ""):
        raise RecordRefused(ReasonCode.ID_MISSING, key, "the record's id")
    return str(body[key])


def updated_of(body: Mapping[str, Any]) -> int:
    """The vendor's update clock of a record."""
    updated = body.get("updated_at")
    if updated is None:
        return of_iso(body.get("created_at"), "created_at")
    return of_iso(updated, "updated_at")


def read_export(files: Iterable[Path], read: Read, options: SourceOptions) -> Export:
    """Read every file of an export ahead; what cannot be read is told when its own turn comes."""
    export = Export()
    for path in files:
        tickets = 0
        try:
            for record in read(path):
                if isinstance(record.value, Item):
                    tickets += record.value.kind == "ticket"
                    _note(export, options, record.value)
        except FileRefused:
            continue
        if tickets and tickets % QUERY_LIMIT == 0:
            export.full[path.name] = tickets
    return export


def _note(export: Export, options: SourceOptions, item: Item) -> None:
    try:
        if item.kind == "ticket":
            ticket = id_of(item.body)
            _note_ticket(export, ticket, item.body)
            for entry in list_of(item.body.get("conversations")):
                _note_entry(export, options, {"ticket_id": ticket, **entry})
        elif item.kind == "entry":
            _note_entry(export, options, item.body)
    except (RecordRefused, AttributeError, TypeError, ValueError):
        return  # The mapping will say what is wrong with it.


def _note_ticket(export: Export, ticket: str, body: Mapping[str, Any]) -> None:
    pull = Pull(
        updated_of(body),
        str(body.get("status")),
        str(body.get("responder_id") or ""),
        str(body.get("group_id") or ""),
    )
    export.pulls[ticket].add(pull)
    created = of_iso(body.get("created_at"), "created_at")
    actor = None if str(body.get("source")) == kinds.OUTBOUND else "customer"
    export.dialogues.add(ticket, "", created, actor, is_public=True)


def _note_entry(export: Export, options: SourceOptions, body: Mapping[str, Any]) -> None:
    ticket = id_of(body, "ticket_id")
    at = of_iso(body.get("created_at"), "created_at")
    actor = actor_of(body, options.ai_actor_ids)
    is_public = body.get("private") is not True
    export.dialogues.add(ticket, id_of(body), at, actor, is_public=is_public)
    if actor == "ai_agent":
        found = (at, str(body["user_id"]))
        export.ai_agents[ticket] = min(found, export.ai_agents.get(ticket, found))
