"""What one Ada record needs to know of its neighbours in the same export.

A message names its sender by an id that only the conversation explains, an escalation has no time of
its own, and the vendor's labels cover a sample whose share only the whole day shows. Only this
module reads a whole export ahead. Absent neighbours leave questions open; nothing is guessed.
Instants are epoch microseconds; days are days of UTC since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.ada import kinds
from candor.sources.base import FileRefused, Notes, RecordRefused, SourceOptions
from candor.sources.dialogues import Dialogues
from candor.sources.instants import DAY, of_iso
from candor.sources.shapes import Item, Read, list_of, text_of

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class People:
    """The ids a conversation knows."""

    customers: frozenset[str]
    agents: frozenset[str]


@dataclass(slots=True)
class Export:
    """One export folder, read ahead."""

    dialogues: Dialogues = field(default_factory=Dialogues)
    people: dict[str, People] = field(default_factory=dict)
    engaged: dict[str, tuple[int, int, bool]] = field(default_factory=dict)
    days: set[int] = field(default_factory=set)
    strata: dict[int, tuple[int, int, int]] = field(default_factory=dict)

    def share_labelled(self, day: int) -> tuple[Fraction | None, int]:
        """Share of a day's engaged conversations that are labelled, and when that was last told."""
        labelled, engaged, updated = self.strata.get(day, (0, 0, 0))
        return (Fraction(labelled, engaged) if engaged else None), updated

    def close(self) -> None:
        """Add up the days once every conversation was noted."""
        for day, updated, is_labelled in self.engaged.values():
            labelled, engaged, latest = self.strata.get(day, (0, 0, 0))
            self.strata[day] = (labelled + is_labelled, engaged + 1, max(latest, updated))

    def gaps(self, since: str, until: str) -> list[str]:
        """Ranges of requested days (ISO dates, end excluded) on which no conversation began."""
        first, end = date.fromisoformat(since), date.fromisoformat(until)
        wanted = [first + timedelta(days=n) for n in range((end - first).days)]
        missing = [day for day in wanted if (day - _EPOCH).days not in self.days]
        ranges: list[tuple[date, date]] = []
        for day in missing:
            if ranges and day - ranges[-1][1] == timedelta(days=1):
                ranges[-1] = (ranges[-1][0], day)
            else:
                ranges.append((day, day))
        return [f"{a}" if a == b else f"{a} to {b}" for a, b in ranges]


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


def id_of(body: Mapping[str, Any], key: str = "_id") -> str:
    """An id as text.

    Raises:
        RecordRefused: ID_MISSING.
    """
    if body.get(key) in (None, ""):
        raise RecordRefused(ReasonCode.ID_MISSING, key, "the record's id")
    return str(body[key])


def updated_of(body: Mapping[str, Any]) -> int:
    """The vendor's update clock: of the record in the export, else of what it describes."""
    for key in ("record_last_updated", "date_updated", "date_created"):
        if body.get(key) is not None:
            return of_iso(body[key], key)
    raise RecordRefused(ReasonCode.TS_UNPARSED, "date_created", "an ISO-8601 date and time")


def actor_of(
    body: Mapping[str, Any], export: Export, ai_actors: frozenset[str], notes: Notes | None = None
) -> str | None:
    """customer, ai_agent, human_agent or None (counted as ``actor_unknown``)."""
    sender = text_of(body.get("sender"))
    word = (sender or "").lower()
    people = export.people.get(str(body.get("conversation_id")))
    if word in kinds.BOT or sender in ai_actors:
        return "ai_agent"
    is_chatter = sender is not None and sender == text_of(body.get("chatter_id"))
    if word in kinds.CUSTOMER or is_chatter or (people and sender in people.customers):
        return "customer"
    if word in kinds.PERSON or (people and sender in people.agents):
        return "human_agent"
    if notes is not None:
        # An id is personal; that there was one is all that may be told.
        notes.add("actor_unknown", "sender that no conversation of the export explains")
    return None


def is_labelled(body: Mapping[str, Any]) -> bool:
    """Whether the vendor looked at a conversation."""
    return body.get("automated_resolution_classification") not in (None, "")


def read_export(files: Iterable[Path], read: Read, options: SourceOptions) -> Export:
    """Read every file of an export ahead; what cannot be read is told when its own turn comes."""
    export = Export()
    messages: list[dict[str, Any]] = []
    for path in files:
        try:
            for record in read(path):
                if isinstance(record.value, Item):
                    _note(export, record.value, messages)
        except FileRefused:
            continue
    for body in messages:
        actor = actor_of(body, export, options.ai_actor_ids)
        thread, identity, at = str(body["conversation_id"]), str(body["_id"]), body["at"]
        export.dialogues.add(thread, identity, at, actor, is_public=True)
    export.close()
    return export


def _note(export: Export, item: Item, messages: list[dict[str, Any]]) -> None:
    body = item.body
    try:
        at = of_iso(body.get("date_created"), "date_created")
        if item.kind == "message":
            kept = {"at": at, "_id": id_of(body), "conversation_id": body["conversation_id"]}
            messages.append(
                {**kept, "sender": body.get("sender"), "chatter_id": body.get("chatter_id")}
            )
            return
        thread = id_of(body)
        customers = (text_of(body.get("chatter_id")), text_of(body.get("end_user_id")))
        agents = frozenset(str(one) for one in list_of(body.get("agent_id")))
        export.people[thread] = People(frozenset(c for c in customers if c), agents)
        day = at // DAY
        export.days.add(day)
        if body.get("is_engaged") is True and body.get("is_test_user") is not True:
            found = (day, updated_of(body), is_labelled(body))
            earlier = export.engaged.get(thread)
            if earlier is None or found[1] >= earlier[1]:
                export.engaged[thread] = found
    except (RecordRefused, AttributeError, KeyError, TypeError, ValueError):
        return  # The mapping will say what is wrong with it.
