"""The Ada connector: one export folder in, events out.

Only this module joins the parts: it finds the files, reads the export ahead and hands each record
to its mapping. Memory grows with the messages of the export.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from candor.errors import CandorError, Problem
from candor.sources.ada import kinds, mapping
from candor.sources.ada.context import Around, Export, read_export
from candor.sources.ada.mapping import BY_DAY
from candor.sources.base import Notes, RawRecord, Source, SourceOptions
from candor.sources.configured import check_settings
from candor.sources.envelopes import JSON_FILES
from candor.sources.readers.paths import files_under
from candor.sources.shapes import Item, ReadAhead

SETTINGS = (
    "ai_text_kind",
    "api_version",
    "csat",
    "currency",
    "human_minute_cost",
    "identity_variables",
    "intent_field",
    "requested_since",
    "requested_until",
    "review_values",
    "sampling_share",
)
_FOLDERS = ("conversations", "messages")
_Mapping = Callable[[Mapping[str, Any], Around], Iterable[Any]]
_MAPPINGS: Mapping[str, _Mapping] = {
    "conversation": mapping.of_conversation,
    "message": mapping.of_message,
}


def _check_share(options: SourceOptions) -> None:
    share = options.settings.get("sampling_share")
    is_number = isinstance(share, int | float) and not isinstance(share, bool) and 0 < share <= 1
    if share is None or share == BY_DAY or is_number:
        return
    raise CandorError(
        "source.setting",
        Problem(
            f"'{share}' is no share of conversations",
            f"[sources.{options.name}.settings] sampling_share",
            f"a number above 0 and at most 1, or '{BY_DAY}'",
            "leave it out when nobody declared how Ada draws its sample",
        ),
    )


class Ada(Source):
    """Reads a folder of Ada exports."""

    name: ClassVar[str] = "ada"
    title: ClassVar[str] = "Ada"
    record_unit: ClassVar[str] = "record"
    reads_ahead: ClassVar[bool] = True

    def __init__(self) -> None:
        self._exports: ReadAhead[Export] = ReadAhead(_FOLDERS)

    def files(self, paths: Sequence[Path], options: SourceOptions) -> list[Path]:
        """JSON and JSON Lines files under the paths, by name."""
        check_settings(options, SETTINGS)
        _check_share(options)
        return files_under(paths, JSON_FILES)

    def records(self, path: Path, options: SourceOptions) -> Iterator[RawRecord]:
        """Every record, with the export it belongs to."""
        key = (sorted(options.ai_actor_ids), dict(options.settings))
        export = self._exports.of(path, key, lambda files: read_export(files, options))
        for record in kinds.VENDOR.read(path):
            yield record if record.reason else replace(record, value=(record.value, export))

    def events(self, value: Any, options: SourceOptions, notes: Notes) -> Iterable[Any]:
        """The events of one record, by the mapping of its kind."""
        item: Item = value[0]
        return list(_MAPPINGS[item.kind](item.body, Around(value[1], options, notes)))

    def count(self, path: Path, options: SourceOptions) -> int | None:  # noqa: ARG002
        """Lines, or elements of a page or list."""
        return kinds.VENDOR.count(path)
