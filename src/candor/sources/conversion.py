"""Parse → map → check → mask, for one file, in one process.

The only place where connector, batcher and masking meet. Yields pieces of bounded size so that the
next can be read while the last is written. Every record ends as events, as quarantine, or both; none
vanishes.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from candor.events import Batcher, Converted, ReasonCode, RowProblem, registry
from candor.sources.base import (
    UNMAPPED_WORD,
    FileRefused,
    Notes,
    RawRecord,
    RecordRefused,
    RecordSkipped,
    RejectedRecord,
    Source,
    SourceOptions,
)
from candor.sources.batch import SourceBatch
from candor.sources.protection import PrivacySettings, Protector
from candor.sources.readers import bytestream

CHUNK_EVENTS = 25_000
_CHUNK_RAW_BYTES = 24 << 20
_CHUNK_REJECTED = 5_000
_RAW_PREVIEW = 1_000
_PROBLEMS_SHOWN = 20
_CUT_WORD = re.compile(r"\S*…$")
# What a connector may stumble over in a record of unforeseen shape. Anything else is our mistake.
_UNFORESEEN = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@dataclass(slots=True)
class _Fault:
    """One reason against a record or an element of it, before masking."""

    record: RawRecord
    reason: ReasonCode
    field: str
    detail: str
    preview: str
    is_partial: bool = False


@dataclass(slots=True)
class _Piece:
    """What was read since the last piece was handed over."""

    records: dict[int, RawRecord] = field(default_factory=dict)
    raw_bytes: int = 0
    faults: list[_Fault] = field(default_factory=list)
    refusals: dict[int, list[RecordRefused]] = field(default_factory=dict)
    known: int = 0


def convert(
    source: Source,
    path: Path,
    options: SourceOptions,
    privacy: PrivacySettings,
    *,
    chunk_events: int = CHUNK_EVENTS,
) -> Iterator[SourceBatch]:
    """The pieces of one file; the last one is ``done``, with ``refused`` set if it must be.

    Args:
        source: the connector.
        path: the file.
        options: the configured source.
        privacy: how to mask.
        chunk_events: about how many events a piece holds.
    """
    sha256 = bytestream.fingerprint(path)
    conversion = _Conversion(source, path, options, privacy, sha256)
    try:
        yield from conversion.pieces(chunk_events)
        counted = source.count(path, options)
    except FileRefused as refused:
        yield SourceBatch(path.name, sha256, refused=refused, done=True)
        return
    last = SourceBatch(path.name, sha256, done=True, counted=counted)
    if counted is not None and counted != conversion.passed:
        last.notes["count_differs", f"{conversion.passed} read, {counted} counted"] = 1
    yield last


class _Conversion:
    def __init__(
        self,
        source: Source,
        path: Path,
        options: SourceOptions,
        privacy: PrivacySettings,
        sha256: str,
    ) -> None:
        self._source = source
        self._path = path
        self._options = options
        self._sha256 = sha256
        self._protector = Protector(privacy)
        observed_at_us = options.observed_at_us or time.time_ns() // 1_000
        self._batcher = Batcher(options.name, observed_at_us=observed_at_us)
        self._notes = Notes()
        self._piece = _Piece()
        self.passed = 0

    def pieces(self, chunk_events: int) -> Iterator[SourceBatch]:
        """Every record of the file, in pieces."""
        read = 0
        for record in self._source.records(self._path, self._options):
            self.passed += 1
            if record.is_known:
                self._piece.known += 1
            elif record.reason is not None:
                self._fault(record, record.reason, "", record.detail, _text_of(record.raw))
            elif not self._map(record):
                continue
            read += 1
            self._piece.raw_bytes += len(record.raw)
            if (
                len(self._batcher) >= chunk_events
                or self._piece.raw_bytes >= _CHUNK_RAW_BYTES
                or len(self._piece.faults) >= _CHUNK_REJECTED
            ):
                yield self._take(read)
                read = 0
        if read or self._notes.counts:
            yield self._take(read)

    def _map(self, record: RawRecord) -> bool:
        """Takes the record's events or faults; false when it is left out on purpose."""
        number, ref = record.number, record.ref
        try:
            found = self._source.events(record.value, self._options, self._notes)
            events = found if isinstance(found, list) else list(found)
        except RecordRefused as refused:
            self._fault(record, refused.code, refused.field_name, refused.expected, refused.preview)
            return True
        except RecordSkipped as skipped:
            self._notes.add("skipped", skipped.why)
            return False
        except _UNFORESEEN as error:
            self._fault(
                record, ReasonCode.TYPE_MISMATCH, "",
                f"a record of the documented shape ({type(error).__name__} while mapping)",
                _text_of(record.raw),
            )  # fmt: skip
            return True
        if not events:
            self._fault(
                record, ReasonCode.TYPE_MISMATCH, "", "a record that means at least one event",
                _text_of(record.raw),
            )  # fmt: skip
            return True
        self._piece.records[number] = record
        add = self._batcher.add
        for event in events:
            if type(event) is dict:
                add(event.get("type", ""), event, number, ref)
            else:
                self._refuse_element(number, event)
        return True

    def _refuse_element(self, number: int, element: Any) -> None:
        if not isinstance(element, RecordRefused):
            raise TypeError(f"{self._source.name} yielded a {type(element).__name__}")
        self._piece.refusals.setdefault(number, []).append(element)

    def _fault(
        self, record: RawRecord, reason: ReasonCode, field_name: str, detail: str, preview: str
    ) -> None:
        self._piece.faults.append(_Fault(record, reason, field_name, detail, preview))

    def _take(self, read: int) -> SourceBatch:
        """Hands over what was collected."""
        converted = self._batcher.take()
        piece, self._piece = self._piece, _Piece()
        if converted.problems or piece.refusals:
            piece.faults.extend(self._set_aside(piece, converted))
            piece.faults.sort(key=lambda fault: fault.record.number)
        protector = self._protector
        tables = protector.tables(
            {name: table for name, table in converted.tables.items() if len(table)}
        )
        previews = protector.previews([_CUT_WORD.sub("…", f.preview) for f in piece.faults])
        quarantine = [
            RejectedRecord(
                fault.record.number, fault.record.ref, fault.reason, fault.field, fault.detail,
                preview, fault.record.raw, self._sha256, fault.is_partial,
            )
            for fault, preview in zip(piece.faults, previews, strict=True)
        ]  # fmt: skip
        notes, self._notes = self._notes, Notes()
        _fold_unmapped(notes, converted)
        masked, protector.masked = protector.masked, Counter()
        return SourceBatch(
            self._path.name, self._sha256, tables, quarantine, read,
            _masked_details(notes.counts, protector), _masked_words(converted, protector), masked,
            known=piece.known, keys=_keys(piece),
        )  # fmt: skip

    @staticmethod
    def _set_aside(piece: _Piece, converted: Converted) -> Iterator[_Fault]:
        """What was refused of the mapped records: elements of stored ones, or whole records."""
        accepted: set[int] = set()
        for table in converted.tables.values():
            accepted.update(table.column("record_no").to_pylist())
        found: dict[int, list[_Fault]] = {}
        for problem in converted.problems:
            record = piece.records[problem.record_no]
            found.setdefault(record.number, []).append(
                _Fault(
                    record, problem.code, _named(problem), problem.expected, _preview_of(problem)
                )
            )
        for number, refusals in piece.refusals.items():
            record = piece.records[number]
            found.setdefault(number, []).extend(
                _Fault(record, one.code, one.field_name, one.expected, one.preview)
                for one in refusals
            )
        for number, faults in found.items():
            if number in accepted:
                for fault in faults[:_PROBLEMS_SHOWN]:
                    fault.is_partial = True
                    yield fault
                continue
            # A record nobody can name is first of all that, whatever else is wrong with it.
            faults.sort(key=lambda fault: fault.reason is not ReasonCode.ID_MISSING)
            first = faults[0]
            others = [f"{f.field}: {f.reason} ({f.detail})" for f in faults[1:_PROBLEMS_SHOWN]]
            first.detail = "; also ".join([first.detail, *others])
            yield first


def _keys(piece: _Piece) -> bytes:
    """Keys of the records against which nothing was found."""
    faulty = {fault.record.number for fault in piece.faults}
    return b"".join(record.key for number, record in piece.records.items() if number not in faulty)


def _named(problem: RowProblem) -> str:
    return f"{problem.type}.{problem.field}" if problem.field else problem.type


def _preview_of(problem: RowProblem) -> str:
    """The value at fault; withheld where it is an identifier, which no pattern would mask."""
    event_type = registry().get(problem.type)
    if event_type is not None and event_type.has(problem.field):
        personal = event_type.field(problem.field).personal
        if personal is not None and personal.startswith("identifier"):
            return ""
    return problem.value_preview


def _text_of(raw: bytes) -> str:
    return raw[:_RAW_PREVIEW].decode("utf-8", "replace")


def _fold_unmapped(notes: Notes, converted: Converted) -> None:
    """Words outside a mapping's value map count like words unknown to an enum."""
    for (kind, detail), count in list(notes.counts.items()):
        if kind == UNMAPPED_WORD:
            type_name, name, word = detail.split("\x1f", 2)
            converted.unmapped[type_name, name, word] += count
            del notes.counts[kind, detail]


def _masked_details(
    counts: dict[tuple[str, str], int], protector: Protector
) -> dict[tuple[str, str], int]:
    details = protector.previews([detail for _, detail in counts])
    masked: dict[tuple[str, str], int] = {}
    for (kind, _), detail, count in zip(counts, details, counts.values(), strict=True):
        masked[kind, detail] = masked.get((kind, detail), 0) + count
    return masked


def _masked_words(converted: Converted, protector: Protector) -> Counter[tuple[str, str, str]]:
    words = protector.previews([word for _, _, word in converted.unmapped])
    masked: Counter[tuple[str, str, str]] = Counter()
    for (type_name, name, _), word, count in zip(
        converted.unmapped, words, converted.unmapped.values(), strict=True
    ):
        masked[type_name, name, word] += count
    return masked
