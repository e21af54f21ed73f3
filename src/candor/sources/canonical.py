"""Canonical JSON Lines: one event per line, already in candor's own words.

Nothing is mapped: field names and values are those of the event registry. An unknown type is set
aside with the nearest known spelling.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from candor.errors import nearest
from candor.events import ReasonCode, registry
from candor.sources.base import EventDict, Notes, RawRecord, RecordRefused, Source, SourceOptions
from candor.sources.readers import counters, json_lines
from candor.sources.readers.paths import files_under

_PATTERNS = ("*.jsonl", "*.ndjson", "*.jsonl.gz", "*.ndjson.gz")


class CanonicalSource(Source):
    """``candor ingest canonical FILE``."""

    name = "canonical"
    title = "Canonical JSON Lines"
    record_unit = "one line that is not blank"

    def files(self, paths: Sequence[Path], options: SourceOptions) -> list[Path]:  # noqa: ARG002
        """Files as given; folders are searched for JSON Lines."""
        return files_under(paths, _PATTERNS)

    def records(self, path: Path, options: SourceOptions) -> Iterator[RawRecord]:
        """Every line."""
        return json_lines.read(path, known=options.known)

    def events(
        self,
        value: Any,
        options: SourceOptions,  # noqa: ARG002
        notes: Notes,  # noqa: ARG002
    ) -> Iterable[EventDict]:
        """The event itself.

        Raises:
            RecordRefused: the line is no object, or names no known type of event.
        """
        if type(value) is not dict:
            raise RecordRefused(
                ReasonCode.TYPE_MISMATCH, "", "a JSON object with the fields of one event"
            )
        known = registry()
        name = value.get("type")
        if not isinstance(name, str) or name not in known:
            preview = "" if name is None else str(name)
            raise RecordRefused(
                ReasonCode.ENUM_UNKNOWN,
                "type",
                f"a type of event; {nearest(preview, list(known))}",
                preview[:80],
            )
        return [value]

    def count(self, path: Path, options: SourceOptions) -> int | None:  # noqa: ARG002
        """Lines that are not blank."""
        return counters.count_lines(path)
