"""The Langfuse connector: one export folder in, events out.

Only this module joins the parts: it finds the files, reads the export ahead and hands each record to
its mapping. Memory grows with observations, not with their texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from candor.events.reasons import ReasonCode
from candor.sources import span_events
from candor.sources.base import (
    FileRefused,
    Notes,
    RawRecord,
    RecordRefused,
    RecordSkipped,
    SourceOptions,
)
from candor.sources.langfuse import kinds, mapping
from candor.sources.shapes import Item, Read
from candor.sources.span_events import Around
from candor.sources.spans import Forest
from candor.sources.vendor import VendorExport

SETTINGS = (
    *span_events.SETTINGS,
    "ai_agent_id",
    "customer_metadata",
    "customer_scores",
    "thread_metadata",
)
_TEXTS = frozenset(("input", "output"))


@dataclass(slots=True)
class Export:
    """One export folder, read ahead."""

    forest: Forest = field(default_factory=Forest)
    has_texts: bool = False


def read_export(files: Iterable[Path], read: Read, options: SourceOptions) -> Export:
    """Read every file of an export ahead; what cannot be read is told when its own turn comes."""
    export = Export()
    for path in files:
        try:
            for record in read(path):
                if isinstance(record.value, Item) and record.value.kind != "score":
                    _note(export, record.value, options)
        except FileRefused:
            continue
    export.forest.settle()
    return export


def _note(export: Export, item: Item, options: SourceOptions) -> None:
    body = kinds.named(item.body)
    export.has_texts = export.has_texts or bool(_TEXTS & body.keys())
    reading = mapping.Reading(options.settings, Notes())
    try:
        span = mapping.span_of(item.kind, body, reading)
        export.forest.add(span)
        item.seen = (span, reading.notes)
    except (RecordRefused, AttributeError, LookupError, TypeError, ValueError):
        return  # The mapping will say what is wrong with it.


class Langfuse(VendorExport[Export, Around]):
    """Reads a folder of Langfuse exports."""

    name: ClassVar[str] = "langfuse"
    title: ClassVar[str] = "Langfuse"
    record_unit: ClassVar[str] = "observation or score"
    settings: ClassVar[tuple[str, ...]] = SETTINGS
    folders: ClassVar[tuple[str, ...]] = kinds.FOLDERS
    patterns: ClassVar[Sequence[str]] = kinds.FILES

    def read_export(self, files: Sequence[Path], options: SourceOptions) -> Export:
        """The observations of an export, by their parents."""
        return read_export(files, self.ahead, options)

    def around(self, export: Export, options: SourceOptions, notes: Notes) -> Around:
        """The observations, the settings and the notes."""
        return Around(export.forest, options.settings, notes)

    def read(self, path: Path) -> Iterator[RawRecord]:
        """Every record of a file."""
        return kinds.read(path)

    def records(self, path: Path, options: SourceOptions) -> Iterator[RawRecord]:
        """Every record, with the export it belongs to.

        Raises:
            FileRefused: observations were exported without what was said.
        """
        for record in super().records(path, options):
            if record.reason is None:
                item, export = record.value
                if item.kind != "score" and not export.has_texts:
                    raise FileRefused(
                        ReasonCode.TYPE_MISMATCH,
                        f"{path.name} holds observations without input and output",
                        "the field group io, which is not among the default ones",
                        "export again with fields=core,basic,io,metadata,model,usage,prompt,metrics,"
                        "trace_context",
                    )
            yield record

    def events(self, value: Any, options: SourceOptions, notes: Notes) -> Iterable[Any]:
        """The events of one record.

        Raises:
            RecordSkipped: a step inside an answer, which means no event.
        """
        item, export = value
        body, around = kinds.named(item.body), self.around(export, options, notes)
        if item.kind == "score":
            return list(mapping.of_score(body, around))
        events = list(mapping.of_observation(item, body, around))
        if not events:
            raise RecordSkipped("step inside an answer, which means no event")
        return events

    def count(self, path: Path, options: SourceOptions) -> int | None:  # noqa: ARG002
        """Lines, rows, or elements of a page or list."""
        return kinds.count(path)
