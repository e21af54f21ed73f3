"""The Chatwoot connector: one export folder in, events out.

Only this module joins the parts: it finds the files, reads the export ahead and hands each record
to its mapping. Memory grows with the messages of the export.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from candor.sources.base import Notes, RawRecord, RecordSkipped, SourceOptions
from candor.sources.chatwoot import dialogue, kinds, outcomes
from candor.sources.chatwoot.context import Around, Export, payload_of, read_export
from candor.sources.vendor import VendorExport

SETTINGS = (
    "account_id",
    "account_totals",
    "ai_text_kind",
    "auto_resolve_minutes",
    "ids",
    "test_inbox_ids",
    "version",
)
_FOLDERS = ("conversations", "messages", "reporting_events", "surveys", "contacts", "webhooks")
_Mapping = Callable[[Mapping[str, Any], Around], Iterable[Any]]


def _conversation(body: Mapping[str, Any], around: Around) -> Iterator[Any]:
    yield from dialogue.of_conversation(body, around)
    yield from outcomes.snapshot(body, around)


def _webhook(body: Mapping[str, Any], around: Around) -> Iterable[Any]:
    about, inner = payload_of(body)
    if about == "message":
        return dialogue.of_message(inner, around)
    if about == "conversation":
        return outcomes.of_status(body, around)
    raise RecordSkipped(f"webhook {body.get('event')} that means no event")


_MAPPINGS: Mapping[str, _Mapping] = {
    "conversation": _conversation,
    "message": dialogue.of_message,
    "contact": dialogue.of_contact,
    "reporting_event": outcomes.of_report,
    "survey": outcomes.of_survey,
    "outcome": outcomes.of_outcome,
    "webhook": _webhook,
}


class Chatwoot(VendorExport[Export, Around]):
    """Reads a folder of Chatwoot exports."""

    name: ClassVar[str] = "chatwoot"
    title: ClassVar[str] = "Chatwoot"
    settings: ClassVar[tuple[str, ...]] = SETTINGS
    folders: ClassVar[tuple[str, ...]] = _FOLDERS
    mappings: ClassVar[Mapping[str, _Mapping]] = _MAPPINGS

    def read_export(self, files: Sequence[Path], options: SourceOptions) -> Export:
        """What the records of an export must know of each other."""
        return read_export(files, self.ahead, options)

    def around(self, export: Export, options: SourceOptions, notes: Notes) -> Around:
        """The export, the settings and the notes."""
        return Around(export, options, notes)

    def read(self, path: Path) -> Iterator[RawRecord]:
        """Every record, told apart by its shape."""
        return kinds.VENDOR.read(path)

    def count(self, path: Path, options: SourceOptions) -> int | None:  # noqa: ARG002
        """Lines, or elements of a page or list."""
        return kinds.VENDOR.count(path)
