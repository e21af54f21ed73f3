"""Reads quarantined records again and says what became of each.

A record is read from its own raw bytes where they say everything, else from its file when that
still lies there unchanged, else not at all: nothing is read with less around it than it needs.
Reading happens in the confined child, as at ingest.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from candor.events import ReasonCode
from candor.lake import QuarantineRow, RawRejected, Replayed
from candor.reoffering.memory import Kept, OriginalFile
from candor.sources import run
from candor.sources.base import RejectedRecord, Source, SourceOptions
from candor.sources.envelopes import is_lines
from candor.sources.mapping import Mapping as MappingFile
from candor.sources.run import PrivacySettings

_POSITION = re.compile(r"(?P<member>.*):(?:byte|row) (?P<offset>\d+):record \d+", re.DOTALL)
# Only the beginning of these records was kept.
_CUT = frozenset({ReasonCode.SIZE_LIMIT, ReasonCode.FIELD_TOO_LONG})
Shape = Literal["lines", "array", "table"]


def unchanged(records: Sequence[RawRejected]) -> Replayed:
    """The outcome of records that nobody read: each stays as it was."""
    return _Pool(records).replayed()


class Reader:
    """Reads quarantined records of one source again; pass ``read`` to ``Lake.replay``.

    Args:
        connector: the source's connector.
        options: how it is read now.
        privacy: how personal data are masked.
        kept: how it was read before.

    Attributes:
        not_offered: records that could not be read again, by why.
    """

    def __init__(
        self, connector: Source, options: SourceOptions, privacy: PrivacySettings, kept: Kept
    ) -> None:
        self._connector = connector
        self._options = options
        self._privacy = privacy
        self._kept = kept
        self.not_offered: Counter[str] = Counter()

    def read(self, records: Sequence[RawRejected]) -> Replayed:
        """The events of the offered records, and what still cannot be accepted."""
        pool = _Pool(records)
        for (sha256, _), units in sorted(pool.by_member().items()):
            original_file = self._kept.files.get(sha256)
            if original_file is None:
                self._leave(units, "it is not known which file they came from")
                continue
            self._read_units(pool, original_file, sha256, units)
        return pool.replayed()

    def _read_units(self, pool: _Pool, file: OriginalFile, sha256: str, units: list[_Unit]) -> None:
        shape = _shape(self._connector.name, file.path, self._options)
        if shape is None:
            if file.path.is_file() and run.fingerprint(file.path) == sha256:
                self._from_file(pool, file.path, units)
            else:
                self._leave(units, f"{file.path} is needed to read them and is not there unchanged")
            return
        whole = [unit for unit in units if unit.reasons.isdisjoint(_CUT)]
        self._leave([unit for unit in units if unit not in whole], "only their beginning was kept")
        if whole:
            self._from_bytes(pool, file, shape, whole)

    def _leave(self, units: Sequence[_Unit], why: str) -> None:
        if units:
            self.not_offered[why] += len(units)

    def _from_file(self, pool: _Pool, path: Path, units: list[_Unit]) -> None:
        """Reads the whole file and takes the offered records out of it."""
        by_ref = {unit.ref: unit for unit in units}
        for piece in run.read(self._connector, [path], self._options, privacy=self._privacy):
            if piece.refused is not None:
                pool.forget(units)
                self._leave(units, f"{path.name} is refused: {piece.refused.what}")
                return
            pool.take(piece.tables, piece.quarantine, by_ref.get)

    def _from_bytes(
        self, pool: _Pool, file: OriginalFile, shape: Shape, units: list[_Unit]
    ) -> None:
        """Reads a file made of the offered records; in halves while they are not told apart."""
        try:
            content, starts = _rebuilt(shape, file, units, self._options)
        except (UnicodeError, LookupError):
            self._leave(units, f"they cannot be written in {file.encoding} again")
            return
        by_offset = dict(zip(starts, units, strict=True))
        alone = units[0] if len(units) == 1 else None

        def unit_of(ref: str) -> _Unit | None:
            found = _POSITION.fullmatch(ref)
            return alone or by_offset.get(int(found["offset"]) if found else -1)

        with tempfile.TemporaryDirectory(prefix="candor-") as folder:
            path = Path(folder) / file.path.name
            path.write_bytes(content)
            read = 0
            whole = True
            for piece in run.read(self._connector, [path], self._options, privacy=self._privacy):
                if piece.refused is not None:
                    whole = False
                    break
                read += piece.read
                whole = pool.take(piece.tables, piece.quarantine, unit_of) and whole
        if whole and (alone or (read == len(units) and all(pool.has(unit) for unit in units))):
            return
        pool.forget(units)
        if alone is None:
            half = len(units) // 2
            self._from_bytes(pool, file, shape, units[:half])
            self._from_bytes(pool, file, shape, units[half:])


@dataclass(slots=True, eq=False)
class _Unit:
    """One record, which may stand in several entries: one per element that was refused."""

    number: int
    ref: str
    raw: bytes
    offset: int
    entries: list[tuple[int, RawRejected]] = field(default_factory=list)

    @property
    def reasons(self) -> frozenset[str]:
        return frozenset(entry.entry.reason for _, entry in self.entries)


class _Pool:
    """The offered records, and what was read of them so far."""

    def __init__(self, records: Sequence[RawRejected]) -> None:
        self._records = records
        self._units: dict[tuple[str, str], _Unit] = {}
        numbers = count()
        for position, record in enumerate(records, start=1):
            entry = record.entry
            found = _POSITION.fullmatch(entry.raw_ref)
            unit = self._units.setdefault(
                (entry.file_sha256, entry.raw_ref),
                _Unit(
                    next(numbers), entry.raw_ref, record.raw, int(found["offset"]) if found else 0
                ),
            )
            unit.entries.append((position, record))
        self._tables: list[tuple[str, pa.Table]] = []
        self._faults: dict[int, list[RejectedRecord]] = {}
        self._accepted: set[int] = set()

    def by_member(self) -> dict[tuple[str, str], list[_Unit]]:
        """The records by file and member, in the order of the file."""
        found: dict[tuple[str, str], list[_Unit]] = {}
        for (sha256, ref), unit in self._units.items():
            match = _POSITION.fullmatch(ref)
            found.setdefault((sha256, match["member"] if match else ref), []).append(unit)
        for units in found.values():
            units.sort(key=lambda unit: (unit.offset, unit.ref))
        return found

    def take(
        self, tables: Mapping[str, pa.Table], faults: Iterable[RejectedRecord], unit_of: Any
    ) -> bool:
        """Keep what belongs to offered records; false when something belongs to none."""
        is_whole = True
        for kind, table in tables.items():
            refs = table.column("raw_ref").to_pylist()
            units = {ref: unit_of(ref) for ref in set(refs)}
            is_whole = is_whole and None not in units.values()
            numbers = [unit.number if (unit := units[ref]) else None for ref in refs]
            column = pa.array(numbers, pa.int64())
            at = table.schema.get_field_index("record_no")
            mine = table.set_column(at, "record_no", column).filter(pc.is_valid(column))
            if mine.num_rows:
                self._tables.append((kind, mine))
                self._accepted.update(number for number in numbers if number is not None)
        for fault in faults:
            unit = unit_of(fault.raw_ref)
            if unit is None:
                is_whole = False
            else:
                self._faults.setdefault(unit.number, []).append(fault)
        return is_whole

    def has(self, unit: _Unit) -> bool:
        """Whether anything was read of the record."""
        return unit.number in self._accepted or unit.number in self._faults

    def forget(self, units: Sequence[_Unit]) -> None:
        """Take back what was read of these records."""
        gone = {unit.number for unit in units}
        listed = pa.array(sorted(gone), pa.int64())
        self._tables = [
            (kind, table.filter(pc.invert(pc.is_in(table.column("record_no"), value_set=listed))))
            for kind, table in self._tables
        ]
        self._accepted -= gone
        for number in gone:
            self._faults.pop(number, None)

    def replayed(self) -> Replayed:
        """The outcome, numbered by the position in the offered list."""
        chosen: list[tuple[int, int, str]] = []
        rejected: list[QuarantineRow] = []
        for unit in self._units.values():
            faults = self._faults.get(unit.number, [])
            for position, record in unit.entries:
                same = [f for f in faults if _is_same(f, record)]
                if unit.number in self._accepted and not same:
                    chosen.append((unit.number, position, unit.ref))
                    rejected += [_row(position, record, fault) for fault in faults]
                else:
                    # An entry whose own mistake still stands is not settled by its neighbours.
                    first = next(iter(same or faults), None)
                    rejected.append(_row(position, record, first, is_whole=True))
        return Replayed(dict(self._renumbered(chosen)), tuple(rejected))

    def _renumbered(self, chosen: list[tuple[int, int, str]]) -> Iterator[tuple[str, pa.Table]]:
        """By type, the events of (unit, position, ref): those of a unit once per position."""
        by_kind: dict[str, list[pa.Table]] = {}
        for kind, table in self._tables:
            by_kind.setdefault(kind, []).append(table)
        for kind, tables in sorted(by_kind.items()):
            whole = pa.concat_tables(tables)
            places: dict[int, list[int]] = {}
            for row, number in enumerate(whole.column("record_no").to_pylist()):
                places.setdefault(number, []).append(row)
            picked = [
                (row, position, ref)
                for number, position, ref in chosen
                for row in places.get(number, ())
            ]
            if picked:
                rows, positions, refs = zip(*picked, strict=True)
                taken = whole.take(pa.array(rows, pa.int64()))
                taken = _with(taken, "record_no", pa.array(positions, pa.int64()))
                yield kind, _with(taken, "raw_ref", pa.array(refs, pa.string()))


def _with(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(at), column)


def _is_same(fault: RejectedRecord, record: RawRejected) -> bool:
    return (str(fault.reason), fault.field) == (record.entry.reason, record.entry.field)


def _row(
    position: int, record: RawRejected, fault: RejectedRecord | None, *, is_whole: bool = False
) -> QuarantineRow:
    """A rejection under the position and place of the entry it belongs to."""
    entry = record.entry
    if fault is None:
        told = (ReasonCode(entry.reason), entry.field, entry.detail, entry.preview)
    else:
        told = (fault.reason, fault.field, fault.detail, fault.preview)
    return QuarantineRow(
        position, entry.raw_ref, *told, record.raw, entry.file_sha256,
        is_partial=not is_whole,
    )  # fmt: skip


def _shape(connector: str, path: Path, options: SourceOptions) -> Shape | None:
    """How raw bytes become a file again; None when the records' file says more than they do."""
    if connector == "canonical" or (connector == "intercom" and is_lines(path)):
        return "lines"
    if connector == "tau_bench":
        return "array"
    mapping = options.mapping
    if connector != "generic" or not isinstance(mapping, MappingFile):
        return None
    shapes: dict[str, Shape] = {"jsonl": "lines", "json": "array", "csv": "table", "tsv": "table"}
    return None if mapping.looks_around else shapes.get(mapping.format.type)


def _rebuilt(
    shape: Shape, file: OriginalFile, units: Sequence[_Unit], options: SourceOptions
) -> tuple[bytes, list[int]]:
    """A file of the records' bytes, and at which byte of its UTF-8 form each begins."""
    member = _POSITION.fullmatch(units[0].ref)
    head, between, tail = b"", b"\n", b"\n"
    if shape == "table":
        head = file.prefaces.get(member["member"] if member else "", b"")
        head = head if not head or head.endswith((b"\n", b"\r")) else head + b"\n"
        between = tail = b""
    elif shape == "array":
        mapping = options.mapping
        key = mapping.format.records if isinstance(mapping, MappingFile) else None
        keys = key.split(".") if key else []
        head = b"".join(b"{" + json.dumps(name).encode() + b":" for name in keys) + b"["
        between, tail = b",", b"]" + b"}" * len(keys)
    content, starts = bytearray(head), []
    for number, unit in enumerate(units):
        if number:
            content += between
        starts.append(len(content))
        content += unit.raw
        if shape == "table" and not unit.raw.endswith((b"\n", b"\r")):
            content += b"\n"
    content += tail
    if not file.encoding:
        return bytes(content), starts
    # Raw bytes are kept as UTF-8; the file was written in another encoding.
    return bytes(content).decode().encode(file.encoding), starts
