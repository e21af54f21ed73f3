"""What one Amazon Connect record needs to know of its neighbours: the contact record of its contact.

A Contact Lens file says neither whether an AI agent was on the contact nor, once it was renamed,
when its recording began; a span repeats the dialogue before it, which a transcript may tell, too.
Only this module reads ahead, and only when a file asks. Files that Contact Lens named are passed over,
so memory grows with contacts and with messages in spans, not with words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from candor.sources.amazon_connect import kinds
from candor.sources.base import FileRefused, Notes, RecordRefused, SourceOptions
from candor.sources.envelopes import JSON_FILES
from candor.sources.readers.paths import files_under
from candor.sources.shapes import Item, object_of, text_of

_FOLDERS = frozenset(
    ("analysis", "voice", "chat", "email", "redacted", "contacts", "evaluations", "spans", "lens")
)


@dataclass(frozen=True, slots=True, order=True)
class Contact:
    """What a contact record says that its Contact Lens file does not."""

    updated: int
    initiated: int
    connected: int | None
    has_ai: bool


@dataclass(slots=True)
class Export:
    """The contact records around a file, read when first asked for."""

    folder: Path
    contacts: dict[str, Contact] = field(default_factory=dict)
    transcribed: set[str] = field(default_factory=set)
    heard: dict[str, tuple[int, str]] = field(default_factory=dict)
    is_read: bool = False

    def contact(self, identity: str) -> Contact | None:
        """The newest record of a contact; None when the export holds none."""
        self._look()
        return self.contacts.get(identity)

    def has_transcript(self, contact: str) -> bool:
        """Whether a Contact Lens file or segments tell what was said on a contact."""
        self._look()
        return contact in self.transcribed

    def is_first(self, message: str, span: str) -> bool:
        """Whether a message stands in no earlier span: every later one repeats it."""
        self._look()
        return self.heard.get(message, (0, span))[1] == span

    def _look(self) -> None:
        if self.is_read:
            return
        self.is_read = True
        others = []
        for path in files_under([self.folder], JSON_FILES):
            contact = kinds.clue_of(path).contact
            if contact is not None:
                self.transcribed.add(contact)
            if kinds.LENS_NAME.match(path.name) is None:
                others.append(path)
        self._read(others)

    def _read(self, files: Iterable[Path]) -> None:
        for path in files:
            try:
                for record in kinds.VENDOR.read(path):
                    if isinstance(record.value, Item):
                        self._note_item(record.value)
            except FileRefused:
                continue  # It is told when its own turn comes.

    def _note_item(self, item: Item) -> None:
        if item.kind == "contact":
            self._note(kinds.body_of(item))
        elif item.kind == "lens":
            contact = text_of(object_of(item.body.get("CustomerMetadata")).get("ContactId"))
            self.transcribed.update(() if contact is None else (contact,))
        elif item.kind == "span":
            self._note_span(item.body)

    def _note_span(self, body: Mapping[str, Any]) -> None:
        try:
            place = (kinds.required_instant(body, "startTimestamp"), str(body["spanId"]))
        except RecordRefused:
            return  # The mapping will say what is wrong with it.
        for message in kinds.messages_of(body):
            self.heard[message["messageId"]] = min(
                place, self.heard.get(message["messageId"], place)
            )

    def _note(self, body: Mapping[str, Any]) -> None:
        try:
            identity = text_of(body.get("Id"))
            agent = body.get("AgentInfo")
            found = Contact(
                kinds.instant(body, "LastUpdateTimestamp") or 0,
                kinds.required_instant(body, "InitiationTimestamp"),
                kinds.instant(agent, "ConnectedToAgentTimestamp")
                if isinstance(agent, dict)
                else None,
                bool(kinds.agents_of(body)),
            )
        except (RecordRefused, AttributeError, TypeError, ValueError):
            return  # The mapping will say what is wrong with it.
        if identity is not None:
            known = self.contacts.get(identity)
            if known is None or found.updated >= known.updated:
                self.contacts[identity] = found


@dataclass(frozen=True, slots=True)
class Around:
    """What a mapping may look at beside its record."""

    export: Export
    clue: kinds.Clue
    options: SourceOptions
    notes: Notes

    @property
    def settings(self) -> Mapping[str, Any]:
        """The connector's settings."""
        return self.options.settings


class Exports:
    """The export that a file belongs to; the last one is kept, as long as its files stay the same."""

    def __init__(self) -> None:
        self._kept: tuple[tuple[Path, float], Export] | None = None

    def of(self, path: Path) -> Export:
        """The export around a file."""
        root = root_of(path)
        key = (root, root.stat().st_mtime)
        if self._kept is None or self._kept[0] != key:
            self._kept = (key, Export(root))
        return self._kept[1]


def root_of(path: Path) -> Path:
    """The folder above the folders that the vendor makes: kinds of files, years, months, days."""
    folder = path.parent
    while folder.name.lower() in _FOLDERS or (folder.name.isdecimal() and len(folder.name) <= 4):
        folder = folder.parent
    return folder
