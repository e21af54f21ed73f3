"""The Salesforce connector: one export folder in, events out.

Only this module joins the parts: it finds the files, reads the export ahead and hands each record
to its mapping. Memory grows with the messages of the export.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from candor.events.reasons import ReasonCode
from candor.sources.base import FileRefused, Notes, RawRecord, RecordSkipped, Source, SourceOptions
from candor.sources.configured import check_settings
from candor.sources.readers.paths import files_under
from candor.sources.salesforce import kinds, messaging, tracing
from candor.sources.salesforce.context import Around, Export, read_export
from candor.sources.shapes import Item, ReadAhead

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


class Salesforce(Source):
    """Reads a folder of Salesforce exports."""

    name: ClassVar[str] = "salesforce"
    title: ClassVar[str] = "Salesforce"
    record_unit: ClassVar[str] = "record"
    reads_ahead: ClassVar[bool] = True

    def __init__(self) -> None:
        self._exports: ReadAhead[Export] = ReadAhead(_FOLDERS, kinds.FILES)

    def files(self, paths: Sequence[Path], options: SourceOptions) -> list[Path]:
        """CSV, Parquet, JSON and JSON Lines files under the paths, by name."""
        check_settings(options, SETTINGS)
        return files_under(paths, kinds.FILES)

    def records(self, path: Path, options: SourceOptions) -> Iterator[RawRecord]:
        """Every record, with the export it belongs to."""
        key = (sorted(options.ai_actor_ids), dict(options.settings))
        export = self._exports.of(path, key, lambda files: read_export(files, options))
        for record in kinds.read(path):
            if isinstance(record.value, Item) and record.value.kind == "session":
                _require_entries(path, export, options)
            yield record if record.reason else replace(record, value=(record.value, export))

    def events(self, value: Any, options: SourceOptions, notes: Notes) -> Iterable[Any]:
        """The events of one record, by the mapping of its kind.

        Raises:
            RecordSkipped: the record means no event.
        """
        item: Item = value[0]
        mapping = _MAPPINGS.get(item.kind)
        if mapping is None:
            raise RecordSkipped(f"{item.kind} that means no event")
        return list(mapping(item.body, Around(value[1], options, notes)))

    def count(self, path: Path, options: SourceOptions) -> int | None:  # noqa: ARG002
        """Rows, lines, or elements of a list."""
        return kinds.count(path)
