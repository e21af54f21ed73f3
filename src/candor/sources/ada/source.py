"""The Ada connector: one export folder in, events out.

Only this module joins the parts: it finds the files, reads the export ahead and hands each record
to its mapping. Memory grows with the messages of the export.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from candor.errors import CandorError, Problem
from candor.sources.ada import kinds, mapping
from candor.sources.ada.context import Around, Export, read_export
from candor.sources.ada.mapping import BY_DAY
from candor.sources.base import Notes, RawRecord, SourceOptions
from candor.sources.vendor import VendorExport

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


class Ada(VendorExport[Export, Around]):
    """Reads a folder of Ada exports."""

    name: ClassVar[str] = "ada"
    title: ClassVar[str] = "Ada"
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

    def check(self, options: SourceOptions) -> None:
        """Refuse settings that mean nothing.

        Raises:
            CandorError: ``source.setting``.
        """
        super().check(options)
        _check_share(options)
