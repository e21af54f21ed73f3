"""The generic source: any CSV, JSON Lines, JSON, Parquet or XLSX file by a user's mapping file.

Reads exactly as the mapping declares and refuses what is no list of records, such as a table of
rates: rates cannot be rebuilt from rates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from candor.errors import CandorError, Problem
from candor.events import ReasonCode
from candor.sources.base import (
    FileRefused,
    Notes,
    RawRecord,
    RecordSkipped,
    Source,
    SourceOptions,
)
from candor.sources.mapping import Mapping
from candor.sources.mapping_plan import Plan
from candor.sources.readers import counters, csv, json_array, json_lines, parquet, xlsx
from candor.sources.readers.paths import files_under
from candor.sources.summaries import looks_aggregated

_PATTERNS = {
    "csv": ("*.csv", "*.csv.gz", "*.txt"),
    "tsv": ("*.tsv", "*.tsv.gz"),
    "jsonl": ("*.jsonl", "*.ndjson", "*.jsonl.gz", "*.ndjson.gz"),
    "json": ("*.json", "*.json.gz"),
    "parquet": ("*.parquet",),
    "xlsx": ("*.xlsx",),
}


@dataclass(frozen=True, slots=True)
class _Row:
    """A record on its way from ``records`` to ``events`` with the plan of its file."""

    value: Any
    number: int
    plan: Plan


class GenericSource(Source):
    """``candor ingest generic FILE --mapping FILE``."""

    name = "generic"
    title = "Any table or JSON file, by a mapping file"
    record_unit = "one row or JSON object"

    def files(self, paths: Sequence[Path], options: SourceOptions) -> list[Path]:
        """Files as given; folders are searched by the mapping's ``files`` or its format."""
        mapping = _mapping_of(options)
        return files_under(paths, mapping.files or _PATTERNS[mapping.format.type])

    def records(self, path: Path, options: SourceOptions) -> Iterator[RawRecord]:
        """Every record, with what its file's rules need to know."""
        mapping = _mapping_of(options)
        plan = Plan(mapping)
        plan.start_file()
        if plan.has_extremes:
            for record in _filled(_read(path, mapping, plan), mapping):
                if record.reason is None and not plan.is_skipped(record.value, record.number):
                    plan.note_extremes(record.value, record.number)
        for record in _filled(_read(path, mapping, plan), mapping):
            if record.reason is None:
                _check_aggregate(path, record, mapping)
                yield RawRecord(
                    record.number, record.ref, record.raw, _Row(record.value, record.number, plan)
                )
            else:
                yield record

    def events(self, value: Any, options: SourceOptions, notes: Notes) -> Iterable[Any]:
        """Events by the mapping's rules."""
        row: _Row = value
        if row.plan.is_skipped(row.value, row.number):
            raise RecordSkipped(_mapping_of(options).skip_when)
        made = row.plan.events(row.value, row.number)
        found = row.plan.state.notes
        if found.counts:
            notes.add_all(found)
            found.counts.clear()
        return made

    def count(self, path: Path, options: SourceOptions) -> int | None:
        """Records by the counter of the format, those left out on purpose included."""
        mapping = _mapping_of(options)
        kind, encoding = mapping.format.type, mapping.format.encoding
        if kind in ("csv", "tsv"):
            return counters.count_rows(path, mapping.format.dialect, encoding)
        if kind == "jsonl":
            return counters.count_lines(path, encoding)
        if kind == "json":
            return counters.count_elements(path, mapping.format.records, encoding)
        return parquet.count(path) if kind == "parquet" else None


def _mapping_of(options: SourceOptions) -> Mapping:
    if not isinstance(options.mapping, Mapping):
        raise CandorError(
            "sources.no_mapping",
            Problem(
                "the generic source needs a mapping file", options.name,
                "--mapping FILE, or `mapping` in candor.toml",
                "let `candor init DIR --from FILE` propose one",
            ),
            exit_code=2,
        )  # fmt: skip
    return options.mapping


def _read(path: Path, mapping: Mapping, plan: Plan) -> Iterator[RawRecord]:
    """Records of the declared format."""
    declared = mapping.format
    if declared.type in ("csv", "tsv"):
        return csv.read(path, declared.dialect, encoding=declared.encoding, required=plan.required)
    if declared.type == "jsonl":
        return json_lines.read(path, declared.encoding)
    if declared.type == "json":
        return json_array.read(path, declared.records, declared.encoding)
    if declared.type == "parquet":
        return parquet.read(path, required=plan.required)
    return xlsx.read(path, sheet=declared.sheet, required=plan.required)


def _filled(records: Iterator[RawRecord], mapping: Mapping) -> Iterator[RawRecord]:
    """Records in which declared columns were taken over from earlier rows of their thread."""
    fill = mapping.fill
    if fill is None:
        yield from records
        return
    nulls = mapping.format.null_values
    known: dict[Any, dict[str, Any]] = {}
    for record in records:
        row = record.value
        if isinstance(row, dict) and isinstance(row.get(fill.thread), str | int):
            last = known.setdefault(row[fill.thread], {})
            for name in fill.columns:
                value = row.get(name)
                if value is None or (isinstance(value, str) and value in nulls):
                    if name in last:
                        row[name] = last[name]
                else:
                    last[name] = value
        yield record


def _check_aggregate(path: Path, record: RawRecord, mapping: Mapping) -> None:
    if record.number != 1 or not isinstance(record.value, dict):
        return
    keys = {
        str(one.column)
        for rule in mapping.rules
        for one in rule.fields
        if one.column is not None and one.target.endswith("_id")
    } | {name for rule in mapping.rules for name in rule.key}
    if looks_aggregated(list(record.value), keys):
        raise FileRefused(
            ReasonCode.HEADER_MISSING,
            f"{path.name} is a summary: its columns are rates and counts per period or group",
            "one row per conversation, message or change, with its id",
            "export the single records; rates cannot be rebuilt from rates",
        )
