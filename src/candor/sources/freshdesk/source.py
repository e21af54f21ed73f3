"""The Freshdesk connector: one export folder in, events out.

Only this module joins the parts: it finds the files, reads the export ahead and hands each record
to its mapping. Memory grows with the messages of the export.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from candor.sources.base import Notes, RawRecord, SourceOptions
from candor.sources.freshdesk import kinds, people, tickets
from candor.sources.freshdesk.context import Around, Export, read_export
from candor.sources.vendor import VendorExport

SETTINGS = ("ai_text_kind", "intent_field", "rating_scores", "status_map", "test_tags")
_FOLDERS = ("tickets", "conversations", "ratings", "contacts", "companies")
_Mapping = Callable[[Mapping[str, Any], Around], Iterable[Any]]
_MAPPINGS: Mapping[str, _Mapping] = {
    "ticket": tickets.of_ticket,
    "entry": tickets.of_entry,
    "rating": people.of_rating,
    "contact": people.of_contact,
    "company": people.of_company,
}


class Freshdesk(VendorExport[Export, Around]):
    """Reads a folder of Freshdesk exports."""

    name: ClassVar[str] = "freshdesk"
    title: ClassVar[str] = "Freshdesk"
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
