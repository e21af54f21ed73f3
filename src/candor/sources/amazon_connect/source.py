"""The Amazon Connect connector: one export folder in, events out.

Only this module joins the parts: it finds the files and hands each record to its mapping. Files are
read one by one; only a file that asks for its contact record has the contact records read beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from candor.errors import CandorError, Problem
from candor.sources.amazon_connect import contacts, kinds, lens, reviews
from candor.sources.amazon_connect.context import Around, Exports
from candor.sources.base import Notes, RawRecord, Source, SourceOptions
from candor.sources.configured import check_settings
from candor.sources.envelopes import JSON_FILES
from candor.sources.readers.paths import files_under

SETTINGS = (
    "ai_text_kind",
    "currency",
    "human_minute_cost",
    "system_role",
    "test_attribute",
    "token_prices",
)
_SYSTEM_ROLES = ("ai_agent", "system")
_Mapping = Callable[[Mapping[str, Any], Around], Iterable[Any]]
_MAPPINGS: Mapping[str, _Mapping] = {
    "contact": contacts.of_contact,
    "segments": lens.of_segments,
    "lens": lens.of_lens,
    "evaluation": reviews.of_evaluation,
    "span": reviews.of_span,
}


class AmazonConnect(Source):
    """Reads a folder of Amazon Connect exports."""

    name: ClassVar[str] = "amazon_connect"
    title: ClassVar[str] = "Amazon Connect"
    record_unit: ClassVar[str] = "record"
    reads_ahead: ClassVar[bool] = True

    def __init__(self) -> None:
        self._exports = Exports()

    def files(self, paths: Sequence[Path], options: SourceOptions) -> list[Path]:
        """JSON and JSON Lines files under the paths, by name.

        Raises:
            CandorError: ``source.setting``.
        """
        check_settings(options, SETTINGS)
        role = options.settings.get("system_role")
        if role not in (None, *_SYSTEM_ROLES):
            raise CandorError(
                "source.setting",
                Problem(
                    f"'{role}' is nobody who speaks for the system",
                    f"[sources.{options.name}.settings] system_role",
                    " or ".join(_SYSTEM_ROLES),
                    "leave it out to go by the contact records",
                ),
            )
        self._exports = Exports()
        return files_under(paths, JSON_FILES)

    def records(self, path: Path, options: SourceOptions) -> Iterator[RawRecord]:  # noqa: ARG002
        """Every record, with its file's name and the export it belongs to."""
        clue, export = kinds.clue_of(path), self._exports.of(path)
        for record in kinds.VENDOR.read(path):
            if record.reason is not None:
                yield record
                continue
            told = (record.value, clue, export)
            yield RawRecord(record.number, record.ref, record.raw, told, key=record.key)

    def events(self, value: Any, options: SourceOptions, notes: Notes) -> Iterable[Any]:
        """The events of one record, by the mapping of its kind."""
        item, clue, export = value
        around = Around(export, clue, options, notes)
        return list(_MAPPINGS[item.kind](kinds.body_of(item), around))

    def count(self, path: Path, options: SourceOptions) -> int | None:  # noqa: ARG002
        """Lines, or elements of a page or list."""
        return kinds.VENDOR.count(path)
