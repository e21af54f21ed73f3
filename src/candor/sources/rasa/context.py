"""What one Rasa row needs to know of its neighbours: the sender's other events, or its session's facts.

Only this module reads an export ahead, and only for rows: a tracker says everything itself, so a folder
of trackers is read once. Memory grows with events, about 100 bytes each. Absent neighbours leave
questions open; nothing is guessed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from candor.sources.base import FileRefused, Notes, RecordRefused, SourceOptions
from candor.sources.rasa import kinds
from candor.sources.rasa.timeline import EXPIRES_AFTER, SESSION_START, Step, Timeline
from candor.sources.shapes import Item, Read, text_of

_ROWS = frozenset(("stored", "streamed"))


@dataclass(slots=True)
class Export:
    """The rows of an export."""

    rows: dict[str, dict[tuple[int, int, str], Step]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    channels: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, tuple[int, str | None, str | None]] = field(default_factory=dict)
    _timelines: dict[str, tuple[Timeline, dict[tuple[int, int, str], int]]] = field(
        default_factory=dict
    )

    def timeline(self, sender: str, expires_after: int) -> tuple[Timeline, dict[Any, int]]:
        """The sender's events in order, and the position of each."""
        found = self._timelines.get(sender)
        if found is None:
            keys = sorted(self.rows[sender])
            line = Timeline(sender, [self.rows[sender][key] for key in keys], expires_after)
            found = (line, {key: position for position, key in enumerate(keys)})
            self._timelines[sender] = found
        return found


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

    @property
    def expires_after(self) -> int:
        """Minutes of silence that end a session."""
        declared = self.settings.get("session_expiration_minutes")
        return EXPIRES_AFTER if declared is None else int(declared)

    @property
    def ai_agent_id(self) -> str | None:
        """The assistant's name, if declared."""
        return text_of(self.settings.get("ai_agent_id"))

    def is_test(self, channel: str | None, environment: str | None) -> bool:
        """Whether a session was a trial: a developer's channel, or no production environment."""
        declared = self.settings.get("production_environments")
        production = kinds.PRODUCTION if declared is None else frozenset(map(str, declared))
        outside = environment is not None and environment.lower() not in production
        return outside or (channel or "").lower() in kinds.TEST_CHANNELS


def step_of(event: Mapping[str, Any], settings: Mapping[str, Any]) -> Step:
    """An event as far as sessions need it.

    Raises:
        RecordRefused: it has no time.
    """
    word = str(event.get("event"))
    if word == "action" and event.get("name") == SESSION_START:
        word = SESSION_START
    metadata = kinds.metadata_of(event)
    return Step(
        kinds.instant(event.get("timestamp")),
        word,
        text_of(event.get("input_channel")) if word == "user" else None,
        kinds.model_of(event),
        text_of(event.get("environment") or metadata.get("environment")),
        kinds.is_handoff(event, settings),
    )


def key_of(item: Item, event: Mapping[str, Any]) -> tuple[int, int, str]:
    """Place of a row among its sender's: its time, then its number, then what it is."""
    number = item.body.get("id", item.body.get("sequence_number"))
    number = number if isinstance(number, int) and not isinstance(number, bool) else None
    told = (event.get("message_id"), event.get("text"), event.get("name"), event.get("value"))
    rest = f"{event.get('event')}:{told}" if number is None else ""
    return kinds.instant(event.get("timestamp")), number or 0, rest


def read_export(files: Iterable[Path], read: Read, options: SourceOptions) -> Export:
    """Read the rows of an export ahead; what cannot be read is told when its own turn comes."""
    export = Export()
    for path in files:
        try:
            for record in read(path):
                if isinstance(record.value, Item):
                    _note(export, record.value, options)
        except FileRefused:
            continue
    return export


def _note(export: Export, item: Item, options: SourceOptions) -> None:
    body = item.body
    try:
        if item.kind in _ROWS:
            event = kinds.event_of(item)
            step = step_of(event, options.settings)
            export.rows[str(body["sender_id"])][key_of(item, event)] = step
        elif item.kind == "sender" and body.get("channel"):
            export.channels[str(body["id"])] = str(body["channel"])
        elif item.kind == "table_event":
            session = str(body["session_id"])
            number = int(body.get("sequence_number") or 0)
            found = (number, text_of(body.get("model_id")), text_of(body.get("environment")))
            if session not in export.sessions or found[0] < export.sessions[session][0]:
                export.sessions[session] = found
    except (RecordRefused, AttributeError, KeyError, TypeError, ValueError):
        return  # The mapping will say what is wrong with it.
