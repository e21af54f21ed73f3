"""The Chatwoot connector: one export folder in, events out.

Only this module joins the parts: it finds the files, reads the export ahead and hands each record
to its mapping. Memory grows with the messages of the export.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from candor.sources.base import Notes, RawRecord, RecordSkipped, Source, SourceOptions
from candor.sources.chatwoot import dialogue, kinds, outcomes
from candor.sources.chatwoot.context import Around, Export, payload_of, read_export
from candor.sources.configured import check_settings
from candor.sources.envelopes import JSON_FILES
from candor.sources.readers.paths import files_under
from candor.sources.shapes import Item, ReadAhead

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


class Chatwoot(Source):
    """Reads a folder of Chatwoot exports."""

    name: ClassVar[str] = "chatwoot"
    title: ClassVar[str] = "Chatwoot"
    record_unit: ClassVar[str] = "record"
    reads_ahead: ClassVar[bool] = True

    def __init__(self) -> None:
        self._exports: ReadAhead[Export] = ReadAhead(_FOLDERS)

    def files(self, paths: Sequence[Path], options: SourceOptions) -> list[Path]:
        """JSON and JSON Lines files under the paths, by name."""
        check_settings(options, SETTINGS)
        return files_under(paths, JSON_FILES)

    def records(self, path: Path, options: SourceOptions) -> Iterator[RawRecord]:
        """Every record, with the export it belongs to."""
        key = (sorted(options.ai_actor_ids), dict(options.settings))
        export = self._exports.of(path, key, lambda files: read_export(files, options))
        for record in kinds.VENDOR.read(path):
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
        """Lines, or elements of a page or list."""
        return kinds.VENDOR.count(path)
