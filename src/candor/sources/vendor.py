"""A connector for a folder of a vendor's export, whose records are told apart by their shape.

What all such connectors do stands here: find the files, read the export ahead, hand each record to
the mapping of its kind. A subclass says what is its own. Memory grows with the export's index.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from candor.sources.base import Notes, RawRecord, RecordSkipped, Source, SourceOptions
from candor.sources.configured import check_settings
from candor.sources.envelopes import JSON_FILES
from candor.sources.readers.paths import files_under
from candor.sources.shapes import Item, ReadAhead, Recent

E = TypeVar("E")
A = TypeVar("A")


class VendorExport(Source, Generic[E, A]):
    """Reads a folder of one vendor's export.

    Attributes:
        settings: names that ``[sources.NAME.settings]`` may hold.
        folders: names of folders that hold one kind of file; the export is the folder above.
        patterns: names of files that are looked at.
        mappings: kind of record to what makes its events, from the body and what is around it; for
            those that do not override ``events``.
    """

    record_unit: ClassVar[str] = "record"
    reads_ahead: ClassVar[bool] = True
    settings: ClassVar[tuple[str, ...]]
    folders: ClassVar[tuple[str, ...]]
    patterns: ClassVar[Sequence[str]] = JSON_FILES
    mappings: ClassVar[Mapping[str, Callable[[Mapping[str, Any], Any], Iterable[Any]]]] = {}

    def __init__(self) -> None:
        self._exports: ReadAhead[E] = ReadAhead(self.folders, self.patterns)
        self._recent = Recent()

    @abstractmethod
    def read_export(self, files: Sequence[Path], options: SourceOptions) -> E:
        """What the records of an export must know of each other."""

    @abstractmethod
    def around(self, export: E, options: SourceOptions, notes: Notes) -> A:
        """What a mapping may look at beside its record."""

    @abstractmethod
    def read(self, path: Path) -> Iterator[RawRecord]:
        """Every record of a file."""

    def ahead(self, path: Path) -> Iterator[RawRecord]:
        """Every record of a file for ``read_export``; small files are kept for their own turn."""
        return self._recent.first(path, self.read(path))

    def check(self, options: SourceOptions) -> None:
        """Refuse settings that mean nothing.

        Raises:
            CandorError: ``source.setting``.
        """
        check_settings(options, self.settings)

    def files(self, paths: Sequence[Path], options: SourceOptions) -> list[Path]:
        """Files of the export under the paths, by name."""
        self.check(options)
        return files_under(paths, self.patterns)

    def records(self, path: Path, options: SourceOptions) -> Iterator[RawRecord]:
        """Every record, with the export it belongs to."""
        export = self.export_of(path, options)
        for record in self._recent.again(path, self.read):
            if record.reason is not None:
                yield record
            else:
                number, ref, raw, value = record[:4]
                yield RawRecord(number, ref, raw, (value, export), key=record.key)

    def export_of(self, path: Path, options: SourceOptions) -> E:
        """The export around a file, read ahead once."""
        key = (sorted(options.ai_actor_ids), dict(options.settings))
        return self._exports.of(path, key, lambda files: self._built(files, options))

    def _built(self, files: Sequence[Path], options: SourceOptions) -> E:
        self._recent = Recent()
        return self.read_export(files, options)

    def events(self, value: Any, options: SourceOptions, notes: Notes) -> Iterable[Any]:
        """The events of one record, by the mapping of its kind.

        Raises:
            RecordSkipped: the record means no event.
        """
        item: Item = value[0]
        mapping = self.mappings.get(item.kind)
        if mapping is None:
            raise RecordSkipped(f"{item.kind} that means no event")
        return list(mapping(item.body, self.around(value[1], options, notes)))
