"""One batch on its way into the lake: events and rejected records in, all of it or none out.

A batch holds the write lock from its beginning to its end. Files are numbered inside the batch, so
that a file found unreadable half-way can be taken back whole. ``read`` is what ``read_count`` was
told; without it, the distinct records seen. The commit refuses a batch whose records do not add up.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from candor.engines.duck import DuckEngine
from candor.errors import CandorError, Problem
from candor.events import ReasonCode
from candor.lake import commit
from candor.lake.durable import make_folder
from candor.lake.known import KnownLists
from candor.lake.lock import WriteLock
from candor.lake.records import (
    BatchFacts,
    CommitReport,
    QuarantineRow,
    Rejected,
    SeenFile,
    Snapshot,
)
from candor.lake.rejects import NO_FILE, Rejects
from candor.lake.sieve import Sieve, Sifted
from candor.lake.staging import Staging
from candor.lake.state import Observations, StateDatabase
from candor.lake.tables import QUARANTINE, QUARANTINE_SCHEMA, SUPERSEDED, NewFile, Tables
from candor.lake.tally import StagedFile, rejections, report

_MEMORY = "1GB"
_CONVERSATIONAL = ("conversation", "message")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a batch needs of its lake.

    Attributes:
        recover: settles what earlier crashes left; called with the lock held.
        verified: verified data files of a table in a snapshot.
    """

    folder: Path
    restricted: Path
    tables: Tables
    state: StateDatabase
    lock: WriteLock
    rule_version: str
    recover: Callable[[], object]
    verified: Callable[[str, Snapshot, str | None], list[Path]]


class Batch:
    """Use as a context manager; without ``commit`` nothing remains of it.

    Args:
        around: the lake.
        source: name of the configured source.
        batch_id: name of the batch; made from its number when None.
        is_trusted: events are new and unique by construction.
    """

    def __init__(
        self, around: Surroundings, source: str, batch_id: str | None, *, is_trusted: bool = False
    ) -> None:
        self._around = around
        self._source = source
        self._batch_id = batch_id
        self._is_trusted = is_trusted
        self._known = KnownLists(
            around.folder, source, lambda name: around.state.facts(name) is not None
        )
        self._loaded_at_us = time.time_ns() // 1_000
        self._files: list[StagedFile] = []
        self._is_open = False
        self._seen: list[SeenFile] = []
        self._unmapped: Counter[tuple[str, str, str]] = Counter()
        self._notes: Counter[tuple[str, str]] = Counter()
        self._marks = QUARANTINE_SCHEMA.empty_table()
        self._has_read_count = False
        self._sifted: dict[str, Sifted] = {}
        self._is_prepared = self._is_rehearsed = False
        self._new: dict[str, list[NewFile]] = {}

    def __enter__(self) -> Self:
        self._around.lock.__enter__()
        try:
            self._begin()
        except BaseException:
            self._around.lock.release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._engine.close()
            self._rejects.close()
            shutil.rmtree(self._staging_folder, ignore_errors=True)
        finally:
            self._around.lock.release()

    def begin_file(self, sha256: str) -> None:
        """What follows belongs to the file of this fingerprint; harmless while it is open."""
        if not self._is_open or self._files[-1].sha256 != sha256:
            self._files.append(StagedFile(sha256))
            self._is_open = True

    def end_file(self, reader_signature: str = "") -> None:
        """The file was read to its end.

        Args:
            reader_signature: names connector, mapping and rules; "" when the file must be read
                again next time.
        """
        if self._is_open:
            self._files[-1].signature = reader_signature
            self._is_open = False

    def refuse_file(self, reason: ReasonCode, detail: str, raw_ref: str) -> None:
        """The current file cannot be read as a whole: everything it brought is forgotten.

        It leaves one quarantine entry without a record; none of its records count as read.
        """
        file = self._current()
        file.is_refused = True
        row = QuarantineRow(0, raw_ref, reason, detail=detail, file_sha256=file.sha256)
        self._rejects.add([row], NO_FILE)
        self._is_open = False

    def skip_file(self, seen: SeenFile) -> None:
        """Count a file that need not be read again: its stored records are duplicates."""
        self._seen.append(seen)

    def add(self, event_type: str, table: pa.Table) -> None:
        """Take events of the current file.

        Args:
            event_type: name in the registry.
            table: ``arrow_schema`` columns and ``record_no`` int64.
        """
        self._current()
        self._staging.add(event_type, table, len(self._files) - 1)

    def quarantine(self, rows: Iterable[Rejected]) -> None:
        """Take rejected records, or rejected elements of stored ones, of the current file."""
        self._current()
        self._rejects.add(rows, len(self._files) - 1)

    def read_count(self, records: int) -> None:
        """Add to the number of records read from the current file."""
        self._current().read += records
        self._has_read_count = True

    def known_count(self, records: int) -> None:
        """Of the records read from the current file, those known to be stored already."""
        self._current().known += records

    def remember(self, keys: bytes) -> None:
        """Keys of records of the current file by which they may be recognised later."""
        self._current().keys.append(keys)

    def unmapped(self, words: Mapping[tuple[str, str, str], int]) -> None:
        """Add words unknown to an optional enum, by (type, field, value)."""
        self._unmapped.update(words)

    def notes(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Add what the connector noticed, by (kind, detail)."""
        self._notes.update(counts)

    def settle(self, marks: pa.Table) -> None:
        """Store these states of earlier quarantine entries with the batch (see ``replay``)."""
        self._marks = pa.concat_tables([self._marks, marks.cast(QUARANTINE_SCHEMA)])

    def outcomes(self) -> dict[int, bool]:
        """After ``prepare``: by record number of a one-file batch, whether anything was new."""
        return dict(
            self._engine.rows(
                "select record_no, bool_or(is_new) from outcome group by record_no order by 1"
            )
        )

    def prepare(self) -> None:
        """Sift everything taken so far; called by ``commit`` when it was not before."""
        self._sift(is_written=True)

    def rehearse(self) -> CommitReport:
        """What a commit would report now; the batch can then only be left.

        Raises:
            CandorError: ``lake.conservation`` when records do not add up.
        """
        self._sift(is_written=False)
        return report(self._facts(None, None), "", dict(sorted(self._unmapped.items())))

    def _sift(self, *, is_written: bool) -> None:
        if self._is_prepared:
            return
        self._is_prepared, self._is_rehearsed = True, not is_written
        refused = [number for number, file in enumerate(self._files) if file.is_refused]
        self._sieve = Sieve(self._engine, refused, is_trusted=self._is_trusted)
        snapshot = self._around.state.snapshot()
        for event_type, staged in sorted(self._staging.finish().items()):
            stored = [] if self._is_trusted else self._verified(event_type, snapshot)
            known = [] if self._is_trusted else self._verified(SUPERSEDED, snapshot, event_type)
            sifted = self._sieve.sift(event_type, staged, stored, known)
            self._sifted[event_type] = sifted
            if is_written:
                self._new[event_type] = [
                    self._write_month(event_type, number, sifted)
                    for number in range(len(sifted.months))
                ]
        self._rejects.settle(self._engine, refused, self._verified(QUARANTINE, snapshot))

    def commit(
        self, covered_from: int | None = None, covered_until: int | None = None
    ) -> CommitReport:
        """Make the batch exist.

        Args:
            covered_from: start of what the source covers (epoch µs); default: its first event.
            covered_until: end of it; default: its last event.

        Raises:
            CandorError: ``lake.conservation`` when records do not add up.
            OSError: outcome unknown; the next batch settles it, and offering the same records
                again stores nothing twice.
            RuntimeError: it was rehearsed, so what is new was not written.
        """
        self.prepare()
        if self._is_rehearsed:
            raise RuntimeError("a batch that was rehearsed cannot be committed")
        facts = self._facts(covered_from, covered_until)
        self._write_superseded()
        self._write_quarantine()
        observed = Observations(self._unmapped, self._notes)
        self._remember()
        snapshot_id = commit.publish(
            self._around.tables, self._around.state, facts, self._new, observed
        )
        return report(facts, snapshot_id, dict(sorted(self._unmapped.items())))

    def _begin(self) -> None:
        self._around.recover()
        self._seq = self._around.state.last_seq() + 1
        self._batch_id = self._batch_id or f"b{self._seq:08d}-{self._loaded_at_us:x}"
        if self._around.state.facts(self._batch_id) is not None:
            raise CandorError(
                "lake.batch_exists",
                Problem(f"batch '{self._batch_id}' is stored already", str(self._around.folder)),
            )
        self._staging_folder = self._around.folder / "_staging" / self._batch_id
        make_folder(self._staging_folder, 0o700)
        self._engine = DuckEngine(memory_limit=_MEMORY, temp_dir=self._staging_folder / "spilled")
        self._staging = Staging(self._staging_folder, self._engine, self._loaded_at_us)
        self._rejects = Rejects(
            self._staging_folder,
            self._source,
            self._batch_id,
            self._around.rule_version,
            self._loaded_at_us,
        )

    def _remember(self) -> None:
        keys: dict[str, bytes] = {}
        for file in self._files:
            if file.signature and not file.is_refused:
                keys[file.signature] = keys.get(file.signature, b"") + b"".join(file.keys)
        if any(keys.values()):
            self._known.forget_unstored()
            self._known.write(self._seq, str(self._batch_id), keys)

    def _current(self) -> StagedFile:
        if not self._is_open:
            self.begin_file("")
        return self._files[-1]

    def _verified(self, table: str, snapshot: Snapshot, partition: str | None = None) -> list[Path]:
        return self._around.verified(table, snapshot, partition)

    def _write_month(self, event_type: str, number: int, sifted: Sifted) -> NewFile:
        month = sifted.months[number]
        path = commit.new_path(self._around.tables, event_type, month.name)
        self._sieve.write(event_type, month, path)
        return commit.seal(
            self._around.tables,
            event_type,
            path,
            rows=month.rows,
            partition=month.name,
            first_us=month.first_us,
            last_us=month.last_us,
        )

    def _write_superseded(self) -> None:
        for event_type, rows in self._engine.rows(
            "select event_type, count(*) from superseded group by event_type order by event_type"
        ):
            path = commit.new_path(self._around.tables, SUPERSEDED, event_type)
            self._engine.run(
                "copy (select event_key, revision, content_hash from superseded"
                f" where event_type = '{event_type}' order by all)"
                f" to '{str(path).replace(chr(39), chr(39) * 2)}' (format parquet, compression zstd)"
            )
            new = commit.seal(
                self._around.tables, SUPERSEDED, path, rows=rows, partition=event_type
            )
            self._new.setdefault(SUPERSEDED, []).append(new)

    def _write_quarantine(self) -> None:
        fresh = self._engine.rows("select count(*) from quarantine_new")[0][0]
        if not fresh and not self._marks.num_rows:
            return
        month = time.strftime("%Y-%m", time.gmtime(self._loaded_at_us // 1_000_000))
        path = commit.new_path(self._around.tables, QUARANTINE, month)
        rows = self._rejects.write(self._engine, path, self._around.restricted, self._marks)
        self._new[QUARANTINE] = [
            commit.seal(
                self._around.tables,
                QUARANTINE,
                path,
                rows=rows,
                partition=month,
                first_us=self._loaded_at_us,
                last_us=self._loaded_at_us,
            )
        ]

    def _facts(self, covered_from: int | None, covered_until: int | None) -> BatchFacts:
        sifted = self._sifted
        stored, duplicate = self._engine.rows(
            """
            with record as (
              select bool_or(is_new) as is_new from outcome group by file_no, record_no)
            select count(*) filter (is_new), count(*) filter (not is_new) from record
            """
        )[0]
        seen_files, quarantined, by_reason = rejections(self._engine, self._source, self._files)
        read = sum(file.read for file in self._files if not file.is_refused)
        duplicate += sum(file.known for file in self._files if not file.is_refused)
        if not self._has_read_count:
            read = stored + duplicate + quarantined
        if read != stored + duplicate + quarantined:
            raise CandorError(
                "lake.conservation",
                Problem(
                    f"{read} records read, but {stored} stored, {duplicate} duplicate and"
                    f" {quarantined} quarantined",
                    f"batch '{self._batch_id}'",
                    "read = stored + duplicate + quarantined",
                    "nothing was stored; report this, it is a fault of the connector",
                ),
            )
        for seen in self._seen:
            read += seen.read
            duplicate += seen.read - seen.quarantined
            quarantined += seen.quarantined
            by_reason.update(seen.by_reason)
        firsts = [one.first_us for one in sifted.values() if one.first_us is not None]
        lasts = [one.last_us for one in sifted.values() if one.last_us is not None]
        conflicts = self._engine.rows("select count(*) from contested")[0][0]
        return BatchFacts(
            seq=self._seq,
            batch_id=str(self._batch_id),
            source=self._source,
            loaded_at_us=self._loaded_at_us,
            read=read,
            stored=stored,
            duplicate=duplicate,
            quarantined=quarantined,
            by_type={name: one.fresh for name, one in sifted.items() if one.fresh},
            by_reason=dict(sorted(by_reason.items())),
            conflicts=conflicts,
            covered_from_us=covered_from if covered_from is not None else min(firsts, default=None),
            covered_until_us=(
                covered_until if covered_until is not None else max(lasts, default=None)
            ),
            has_conversations=any(
                sifted[name].offered for name in _CONVERSATIONAL if name in sifted
            ),
            seen_files=seen_files,
        )
