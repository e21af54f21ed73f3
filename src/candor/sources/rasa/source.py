"""The Rasa connector: trackers, event streams or analytics tables in, events out.

Only this module joins the parts. Trackers are read once, however many files they are in; rows are read
beside the other rows of their folder, because a row does not say which session it belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from candor.sources.base import Notes, RawRecord, RecordSkipped, Source, SourceOptions
from candor.sources.configured import check_settings
from candor.sources.envelopes import JSON_FILES
from candor.sources.rasa import kinds, mapping, tables
from candor.sources.rasa.context import Around, Export, read_export
from candor.sources.readers.paths import files_under
from candor.sources.shapes import Item, ReadAhead, Recent

SETTINGS = (
    "ai_agent_id",
    "ai_text_kind",
    "fallback_actions",
    "handoff_actions",
    "handoff_flows",
    "identity_slots",
    "production_environments",
    "response_kinds",
    "session_expiration_minutes",
    "studio_version",
)
_NEEDS_NEIGHBOURS = frozenset(("stored", "streamed", "session"))
_Mapping = Callable[[Mapping[str, Any], Around], Iterable[Any]]
_MAPPINGS: Mapping[str, _Mapping] = {
    "tracker": mapping.of_tracker,
    "session": tables.of_session,
    "sender": tables.of_sender,
    "user_message": tables.of_user_message,
    "bot_message": tables.of_bot_message,
    "action": tables.of_action,
    "table_event": tables.of_event,
    "outcome": tables.of_outcome,
}


class Rasa(Source):
    """Reads a folder of Rasa exports."""

    name: ClassVar[str] = "rasa"
    title: ClassVar[str] = "Rasa"
    record_unit: ClassVar[str] = "record"
    reads_ahead: ClassVar[bool] = True

    def __init__(self) -> None:
        self._exports: ReadAhead[Export] = ReadAhead(("trackers", "events", "tables"))
        self._recent = Recent()

    def files(self, paths: Sequence[Path], options: SourceOptions) -> list[Path]:
        """JSON and JSON Lines files under the paths, by name."""
        check_settings(options, SETTINGS)
        return files_under(paths, JSON_FILES)

    def records(self, path: Path, options: SourceOptions) -> Iterator[RawRecord]:
        """Every record; a row comes with the export it belongs to."""
        export, nobody = None, Export()
        for record in self._recent.again(path, kinds.VENDOR.read):
            item = record.value
            if not isinstance(item, Item):
                yield record
                continue
            if item.kind in _NEEDS_NEIGHBOURS and export is None:
                key = dict(options.settings)
                export = self._exports.of(path, key, lambda files: self._built(files, options))
                self._recent.drop(path)
            told = (item, export or nobody)
            yield RawRecord(record.number, record.ref, record.raw, told, key=record.key)

    def _built(self, files: Sequence[Path], options: SourceOptions) -> Export:
        self._recent = Recent()
        return read_export(files, self._ahead, options)

    def _ahead(self, path: Path) -> Iterator[RawRecord]:
        return self._recent.first(path, kinds.VENDOR.read(path))

    def events(self, value: Any, options: SourceOptions, notes: Notes) -> Iterable[Any]:
        """The events of one record, by the mapping of its kind.

        Raises:
            RecordSkipped: the record means no event.
        """
        item, export = value
        around = Around(export, options, notes)
        if item.kind in {"stored", "streamed"}:
            return list(mapping.of_row(item, around))
        found = _MAPPINGS.get(item.kind)
        if found is None:
            raise RecordSkipped(f"{item.kind} that means no event")
        return list(found(item.body, around))

    def count(self, path: Path, options: SourceOptions) -> int | None:  # noqa: ARG002
        """Lines, or elements of a list."""
        return kinds.VENDOR.count(path)
