"""The lake: everything candor knows, as Delta tables of events, and the only door to them.

Writers go through ``batch``, ``append_trusted`` or ``replay``; readers through ``snapshot`` and
``create_views``. A batch is visible in all tables at once or not at all. One ``Lake`` object belongs
to one thread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa

import candor
from candor.engines.duck import DuckEngine
from candor.errors import CandorError, Problem
from candor.events import WAITING, registry
from candor.lake import rejects, rewriting, verify, views
from candor.lake.batch import Batch, Surroundings
from candor.lake.durable import VERIFIED, make_folder
from candor.lake.known import KnownLists
from candor.lake.lock import WriteLock
from candor.lake.records import (
    CommitReport,
    Coverage,
    Finding,
    QuarantineEntry,
    RawRejected,
    Replayed,
    ReplayReport,
    SeenFile,
    Snapshot,
)
from candor.lake.recovery import recover
from candor.lake.replaying import REPLAY_BYTES, portions, replay
from candor.lake.staging import scan
from candor.lake.state import StateDatabase
from candor.lake.tables import QUARANTINE, SUPERSEDED, Tables
from candor.lake.tally import report

_BATCH_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
WAIT_SECONDS = 30.0
"""How long writers wait for each other."""


class Lake:
    """Use ``Lake.open``; close it or use it as a context manager."""

    def __init__(self, root: Path, state: StateDatabase, wait_seconds: float) -> None:
        self.root = root
        self.recovered: list[Finding] = []
        self._state = state
        self._wait_seconds = wait_seconds
        self._folder = root / "lake"
        self._tables = Tables(self._folder)
        self._restricted = root / "restricted" / "quarantine"

    @classmethod
    def open(
        cls, workspace_root: Path, *, create: bool = False, wait_seconds: float = WAIT_SECONDS
    ) -> Self:
        """Open a workspace's lake and settle what earlier crashes left.

        Args:
            workspace_root: folder of the workspace.
            create: make an empty lake when there is none.
            wait_seconds: how long writers wait for each other.

        Raises:
            CandorError: ``lake.none`` when there is none and ``create`` is False.
        """
        root = workspace_root.resolve()
        database = root / "state.db"
        if not database.exists() and not Tables(root / "lake").names() and not create:
            raise CandorError(
                "lake.none",
                Problem(
                    "nothing has been ingested yet",
                    str(root),
                    "stored events",
                    "run `candor ingest …` first",
                ),
            )
        for folder in (root / "lake", root / "lake" / "events"):
            make_folder(folder)
        make_folder(root / "restricted", 0o700)
        lake = cls(root, StateDatabase(database), wait_seconds)
        # Whoever holds the lock has settled everything before writing; readers need not wait.
        lock = lake._lock(0.0)
        if lock.acquire():
            try:
                # With altered books nothing is settled and nothing can be written, only verified.
                if not lake._state.broken_chains():
                    lake._recover()
            finally:
                lock.release()
        return lake

    def close(self) -> None:
        """Close the state database."""
        self._state.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def batch(self, source: str, batch_id: str | None = None, *, rule_version: str = "") -> Batch:
        """A batch of one source, to be used in a ``with`` statement.

        Args:
            source: name of the configured source.
            batch_id: own name of the batch (letters, digits, ``._-``); None makes one.
            rule_version: version of the rules that reject records; default: candor's.

        Raises:
            CandorError: ``lake.batch_id`` when the name is none; on entering ``lake.locked`` and
                ``lake.batch_exists``.
        """
        if batch_id is not None and not _BATCH_ID.fullmatch(batch_id):
            raise CandorError(
                "lake.batch_id",
                Problem(f"'{batch_id}' cannot name a batch", "", "up to 80 of A-Z a-z 0-9 . _ -"),
            )
        return Batch(self._surroundings(rule_version), source, batch_id)

    def committed(self, batch_id: str) -> CommitReport | None:
        """The report of a stored batch; None when there is none of that name."""
        found = self._state.facts(batch_id)
        return None if found is None else report(*found)

    def append_trusted(self, event_type: str, table: pa.Table) -> CommitReport:
        """Store events that are new and unique by construction, without looking for known ones.

        Args:
            event_type: name in the registry.
            table: ``arrow_schema`` columns, with ``record_no`` or without.
        """
        source = table.column("source")[0].as_py() if table.num_rows else "candor"
        if "record_no" not in table.column_names:
            numbers = pa.array(range(1, table.num_rows + 1), pa.int64())
            table = table.append_column("record_no", numbers)
        with Batch(self._surroundings(""), source, None, is_trusted=True) as batch:
            batch.add(event_type, table)
            return batch.commit()

    def seen_file(self, source: str, sha256: str, reader_signature: str) -> SeenFile | None:
        """Counts of a file that was read to its end before by the same source and rules."""
        return self._state.seen_file(source, sha256, reader_signature)

    def known_records(self, source: str, reader_signature: str) -> tuple[Path, ...]:
        """Lists of keys of records that the same source and rules brought, all of them stored."""
        lists = KnownLists(self._folder, source, self._has_batch)
        return lists.files(reader_signature)

    def snapshot(self, snapshot_id: str | None = None) -> Snapshot:
        """The last committed snapshot, or an earlier one by id.

        Raises:
            CandorError: ``lake.state_damaged``, ``lake.no_such_snapshot``.
        """
        return self._state.snapshot(snapshot_id)

    def verified_paths(
        self, table: str, snapshot: Snapshot, partition: str | None = None
    ) -> list[Path]:
        """Data files of a table, each with the bytes it was committed with.

        Hashed once per process, and again when size, inode or modification time changed.

        Raises:
            CandorError: ``lake.file_damaged`` naming every file that is missing or altered.
        """
        paths = []
        problems = []
        for entry in snapshot.files.get(table, ()):
            if partition is not None and entry.partition != partition:
                continue
            path = self._tables.path(table) / entry.path
            paths.append(path)
            try:
                what = "" if VERIFIED.digest(path) == entry.sha256 else "the file has other bytes"
            except FileNotFoundError:
                what = "the file is gone"
            if what:
                problems.append(
                    Problem(
                        what,
                        str(path),
                        f"SHA-256 {entry.sha256}",
                        "put it back from a backup, or ingest its source into a new workspace",
                    )
                )
        if problems:
            raise CandorError("lake.file_damaged", problems)
        return paths

    def create_views(
        self,
        connection: duckdb.DuckDBPyConnection,
        snapshot: Snapshot | None = None,
        types: Collection[str] | None = None,
    ) -> Snapshot:
        """Make the temporary views ``ev_<type>`` of current events, and ``ev_coverage``.

        Args:
            connection: the session time zone must be UTC.
            snapshot: default: the last one.
            types: default: all event types.

        Returns:
            the snapshot that the views show.
        """
        shown = snapshot or self.snapshot()
        for event_type in sorted(types if types is not None else registry()):
            views.event_view(
                connection,
                event_type,
                self.verified_paths(event_type, shown),
                self.verified_paths(SUPERSEDED, shown, event_type),
            )
        views.coverage_view(connection, self._state.coverage(shown.seq))
        return shown

    def coverage(self, snapshot: Snapshot | None = None) -> list[Coverage]:
        """How far each source's data reach."""
        return self._state.coverage((snapshot or self.snapshot()).seq)

    def unmapped(self) -> dict[tuple[str, str, str], int]:
        """Words unknown to an optional enum over all batches, by (type, field, value)."""
        return self._state.unmapped()

    def notes(self) -> dict[tuple[str, str], int]:
        """What connectors noticed over all batches, by (kind, detail)."""
        return self._state.notes()

    def content_digest(self, event_type: str, snapshot: Snapshot | None = None) -> tuple[int, int]:
        """Rows and an order-free hash over identity and content of one table's stored events.

        Equal pairs mean equal sets of events, however and in how many batches they arrived.
        """
        paths = self.verified_paths(event_type, snapshot or self.snapshot())
        if not paths:
            return 0, 0
        with DuckEngine() as engine:
            rows, total = engine.rows(
                "select count(*), sum(cast(cast('0x' || substr(md5(event_id || content_hash), 1, 15)"
                f" as bigint) as hugeint)) from {scan(paths)}"
            )[0]
        return int(rows), int(total)

    def quarantine_list(self) -> list[QuarantineEntry]:
        """Every quarantine entry, settled ones included."""
        with DuckEngine() as engine:
            return rejects.listing(engine, self.verified_paths(QUARANTINE, self.snapshot()))

    def quarantine_show(self, quarantine_id: str) -> tuple[QuarantineEntry, bytes | None]:
        """One entry and its raw bytes; None when they are not kept or have expired.

        Raises:
            CandorError: ``lake.no_such_entry``.
        """
        entries = {entry.quarantine_id: entry for entry in self.quarantine_list()}
        if quarantine_id not in entries:
            raise CandorError(
                "lake.no_such_entry",
                Problem(
                    f"there is no quarantine entry '{quarantine_id}'",
                    str(self.root),
                    "",
                    "see `candor quarantine list`",
                ),
            )
        raw = self._raw([quarantine_id]).get(quarantine_id)
        return entries[quarantine_id], raw

    def replay(
        self,
        reader: Callable[[str, Sequence[RawRejected]], Replayed],
        *,
        source: str | None = None,
        waiting_only: bool = False,
    ) -> ReplayReport:
        """Offer quarantined records to a reader again and store what it now accepts.

        Args:
            reader: called with records of one source that still have raw bytes, as many at a time
                as fit into ``REPLAY_BYTES``; each call's records are one batch.
            source: only this source's records.
            waiting_only: only records whose reason may settle by itself; done at each ingest.

        Returns:
            what became of the records offered.
        """
        entries = [
            entry
            for entry in self.quarantine_list()
            if entry.replayed_at_us is None
            and entry.raw_bytes
            and (source is None or entry.source == source)
            and (not waiting_only or entry.reason in WAITING)
        ]
        total = ReplayReport()
        for part in portions(entries, REPLAY_BYTES):
            raw = self._raw([entry.quarantine_id for entry in part])
            records = [
                RawRejected(entry, raw[entry.quarantine_id])
                for entry in part
                if entry.quarantine_id in raw
            ]
            if records:
                name = part[0].source
                total = replay(self.batch(name), records, reader(name, records), total)
        return total

    def rewrite(self, change: Callable[[str, pa.Table], pa.Table | None], source: str) -> int:
        """Replace every data file in which something is to be changed; see ``rewriting.rewrite``.

        Args:
            change: the same rows of a table's file with other values, or None to leave them.
            source: name under which the ledger remembers it.

        Returns:
            files replaced.
        """
        return rewriting.rewrite(self._surroundings(""), change, source)

    @property
    def raw_folder(self) -> Path:
        """Folder of raw quarantined bytes."""
        return self._restricted

    def verify(self) -> list[Finding]:
        """Every broken invariant between files, logs and books; empty when all hold."""
        return verify.verify(self._tables, self._state, self._restricted)

    def _has_batch(self, batch_id: str) -> bool:
        return self._state.facts(batch_id) is not None

    def _raw(self, ids: Sequence[str]) -> dict[str, bytes]:
        with DuckEngine() as engine:
            stored = self.verified_paths(QUARANTINE, self.snapshot())
            return rejects.raw_bytes(engine, stored, self._restricted, ids)

    def _recover(self) -> None:
        self.recovered += recover(self._tables, self._state, self._restricted)

    def _lock(self, wait_seconds: float) -> WriteLock:
        return WriteLock(self._folder / ".lock", wait_seconds)

    def _surroundings(self, rule_version: str) -> Surroundings:
        return Surroundings(
            folder=self._folder,
            restricted=self._restricted,
            tables=self._tables,
            state=self._state,
            lock=self._lock(self._wait_seconds),
            rule_version=rule_version or candor.__version__,
            recover=self._recover,
            verified=self.verified_paths,
        )
