"""The OpenTelemetry connector: one folder of traces and logs in, events out.

Only this module joins the parts: it finds the files, reads the export ahead and hands each span or
log record to its mapping. Memory grows with spans, not with their texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from candor.sources import span_events
from candor.sources.base import (
    FileRefused,
    Notes,
    RawRecord,
    RecordRefused,
    RecordSkipped,
    SourceOptions,
)
from candor.sources.otel import containers, kinds, mapping, opinions
from candor.sources.shapes import Read
from candor.sources.span_events import Around
from candor.sources.spans import Forest
from candor.sources.vendor import VendorExport

SETTINGS = (*span_events.SETTINGS, "ai_agent_id", "thread_attribute")


def read_export(files: Iterable[Path], read: Read, options: SourceOptions) -> Forest:
    """Read every file of an export ahead; what cannot be read is told when its own turn comes."""
    forest = Forest()
    for path in files:
        try:
            for record in read(path):
                if record.reason is None:
                    _note(forest, record.value, options)
        except FileRefused:
            continue
    forest.settle()
    return forest


def _note(forest: Forest, packed: containers.Packed, options: SourceOptions) -> None:
    reading = mapping.Reading(options.settings, Notes())
    try:
        told = mapping.told_by(packed)
        span = None
        if not told.is_log or told.name == kinds.DETAILS:
            span = mapping.span_of(told, packed, reading)
            forest.add(span)
        packed.seen = (told, span, reading.notes)
    except (RecordRefused, AttributeError, LookupError, TypeError, ValueError):
        return  # The mapping will say what is wrong with it.


class OpenTelemetry(VendorExport[Forest, Around]):
    """Reads a folder of OTLP files or tables of spans."""

    name: ClassVar[str] = "otel"
    title: ClassVar[str] = "OpenTelemetry"
    record_unit: ClassVar[str] = "span or log record"
    settings: ClassVar[tuple[str, ...]] = SETTINGS
    folders: ClassVar[tuple[str, ...]] = ("traces", "logs", "spans")
    patterns: ClassVar[Sequence[str]] = containers.FILES

    def read_export(self, files: Sequence[Path], options: SourceOptions) -> Forest:
        """The spans of an export, by their parents."""
        return read_export(files, self.ahead, options)

    def around(self, export: Forest, options: SourceOptions, notes: Notes) -> Around:
        """The spans, the settings and the notes."""
        return Around(export, options.settings, notes)

    def read(self, path: Path) -> Iterator[RawRecord]:
        """Every span and log record of a file."""
        return containers.read(path)

    def events(self, value: Any, options: SourceOptions, notes: Notes) -> Iterable[Any]:
        """The events of one span or log record.

        Raises:
            RecordRefused: a span without ids or times.
            RecordSkipped: a span of no AI convention, a step inside an answer, another log record.
        """
        packed, forest = value
        around = self.around(forest, options, notes)
        told = mapping.told_by(packed) if packed.seen is None else packed.seen[0]
        if told.is_log and told.name == kinds.EVALUATION:
            return list(opinions.of_record(told, around))
        if told.is_log and told.name != kinds.DETAILS:
            raise RecordSkipped("log record that is no evaluation")
        if packed.seen is None:
            span = mapping.span_of(told, packed, mapping.Reading(options.settings, notes, forest))
        else:
            _, span, noticed = packed.seen
            notes.add_all(noticed)
        if span_events.keeps_extra(span, forest):
            span.extra = mapping.extra_of(told, packed)
        found: list[Any] = [] if span.is_bare else list(span_events.of_span(span, around))
        if opinions.has_any(told):
            found += opinions.of_record(told, around)
        if not found and span.is_bare:
            raise RecordSkipped("span of no AI convention")
        if not found:
            raise RecordSkipped("step inside an answer, which means no event")
        return found
