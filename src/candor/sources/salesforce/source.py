"""The Salesforce connector: one export folder in, events out.

Only this module joins the parts: it finds the files, reads the export ahead and hands each record
to its mapping. Memory grows with the messages of the export.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from candor.events.reasons import ReasonCode
from candor.sources.base import FileRefused, Notes, RawRecord, SourceOptions
from candor.sources.salesforce import kinds, messaging, tracing
from candor.sources.salesforce.context import Around, Export, read_export
from candor.sources.vendor import VendorExport

SETTINGS = ("ai_text_kind", "api_version", "case_status_map", "entries")
OFF_CORE = "off_core"
"""Setting of orgs whose channels keep their entries outside the core."""
_FOLDERS = ("sessions", "entries", "tracing", "cases")
_Mapping = Callable[[Mapping[str, Any], Around], Iterable[Any]]
_MAPPINGS: Mapping[str, _Mapping] = {
    "session": messaging.of_session,
    "entry": messaging.of_entry,
    "case": messaging.of_case,
    "case_history": messaging.of_case_history,
    "end_user": messaging.of_end_user,
    "ai_session": tracing.of_ai_session,
    "ai_message": tracing.of_ai_message,
    "moment": tracing.of_moment,
    "outcome": tracing.of_outcome,
    "step": tracing.of_step,
    "log": tracing.of_log,
}


def _require_entries(path: Path, export: Export, options: SourceOptions) -> None:
    """Refuse sessions whose words are withheld: they would look like bots that nobody talked to."""
    if export.accepted and not export.entries and options.settings.get("entries") != OFF_CORE:
        raise FileRefused(
            ReasonCode.TYPE_MISMATCH,
            f"{path.name}: people accepted sessions, but the export holds no ConversationEntry",
            "the entries of the sessions in the same folder",
            "grant 'Access Conversation Entries' and export again; for enhanced channels, whose"
            f' entries lie elsewhere, set entries = "{OFF_CORE}"',
        )


class Salesforce(VendorExport[Export, Around]):
    """Reads a folder of Salesforce exports."""

    name: ClassVar[str] = "salesforce"
    title: ClassVar[str] = "Salesforce"
    settings: ClassVar[tuple[str, ...]] = SETTINGS
    folders: ClassVar[tuple[str, ...]] = _FOLDERS
    mappings: ClassVar[Mapping[str, _Mapping]] = _MAPPINGS
    patterns: ClassVar[Sequence[str]] = kinds.FILES

    def read_export(self, files: Sequence[Path], options: SourceOptions) -> Export:
        """What the records of an export must know of each other."""
        return read_export(files, self.ahead, options)

    def around(self, export: Export, options: SourceOptions, notes: Notes) -> Around:
        """The export, the settings and the notes."""
        return Around(export, options, notes)

    def read(self, path: Path) -> Iterator[RawRecord]:
        """Every record, told apart by its shape."""
        return kinds.read(path)

    def records(self, path: Path, options: SourceOptions) -> Iterator[RawRecord]:
        """Every record, with the export it belongs to.

        Raises:
            FileRefused: sessions whose words are withheld.
        """
        for record in super().records(path, options):
            if record.reason is None and record.value[0].kind == "session":
                _require_entries(path, record.value[1], options)
            yield record

    def count(self, path: Path, options: SourceOptions) -> int | None:  # noqa: ARG002
        """Rows, lines, or elements of a list."""
        return kinds.count(path)
