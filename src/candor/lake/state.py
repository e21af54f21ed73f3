"""The state database: which batches exist, which files belong to them, what was seen before.

SQLite in WAL mode, every commit synced. A batch exists when ``record_batch`` has returned. Rows that
figures depend on (ledger, manifest, log entries, snapshots) carry chained hashes, because SQLite
does not checksum its pages: each row's hash covers the row and the hash before it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from candor.errors import CandorError, Problem
from candor.lake.records import BatchFacts, Coverage, FileEntry, SeenFile, Snapshot

_TABLES = """
create table if not exists ledger (
  seq integer primary key, batch_id text not null unique, source text not null,
  facts text not null, row_hash text not null);
create table if not exists manifest (
  id integer primary key, seq integer not null, table_name text not null, path text not null,
  sha256 text not null, bytes integer not null, row_count integer not null,
  partition_value text not null, row_hash text not null, unique (table_name, path));
create table if not exists retired (
  id integer primary key, seq integer not null, table_name text not null, path text not null,
  row_hash text not null, unique (table_name, path));
create table if not exists log_entry (
  id integer primary key, seq integer not null, table_name text not null,
  version integer not null, sha256 text not null, row_hash text not null,
  unique (table_name, version));
create table if not exists snapshot (
  seq integer primary key, snapshot_id text not null, vector text not null,
  row_hash text not null);
create table if not exists seen_file (
  source text not null, sha256 text not null, reader_signature text not null,
  records integer not null, quarantined integer not null, by_reason text not null,
  primary key (source, sha256, reader_signature));
create table if not exists coverage (
  seq integer primary key, source text not null, covered_from integer, covered_until integer,
  has_conversations integer not null);
create table if not exists unmapped (
  seq integer not null, event_type text not null, field text not null, value text not null,
  occurrences integer not null, primary key (seq, event_type, field, value));
create table if not exists note (
  seq integer not null, kind text not null, detail text not null, occurrences integer not null,
  primary key (seq, kind, detail));
"""
_CHAINED = {
    "ledger": ("seq", ("seq", "batch_id", "source", "facts")),
    "manifest": (
        "id",
        ("seq", "table_name", "path", "sha256", "bytes", "row_count", "partition_value"),
    ),
    "retired": ("id", ("seq", "table_name", "path")),
    "log_entry": ("id", ("seq", "table_name", "version", "sha256")),
    "snapshot": ("seq", ("seq", "snapshot_id", "vector")),
}


@dataclass(frozen=True, slots=True)
class TableCommit:
    """One table's part of a batch: the new Delta version, its log entries, its data files.

    ``removed`` names files that an erasure replaced; no later snapshot holds them.
    """

    table: str
    version: int
    log_hashes: Mapping[int, str]
    files: Sequence[FileEntry]
    removed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Observations:
    """What is remembered of a batch beside its figures: unknown words and connectors' notes."""

    unmapped: Mapping[tuple[str, str, str], int]
    notes: Mapping[tuple[str, str], int]


def canonical_json(value: Any) -> str:
    """One text for one value: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


class StateDatabase:
    """Connection to one workspace's ``state.db``; one per thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=full")
        self._db.execute("pragma secure_delete=on")
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def last_seq(self) -> int:
        """Number of the last committed batch, 0 when there is none."""
        return int(self._db.execute("select coalesce(max(seq), 0) from ledger").fetchone()[0])

    def record_batch(
        self, facts: BatchFacts, commits: Iterable[TableCommit], observed: Observations
    ) -> str:
        """The commit point: ledger row, manifest and snapshot vector in one transaction.

        Returns:
            the id of the snapshot that first holds the batch.
        """
        self._db.execute("begin immediate")
        try:
            snapshot_id = self._record(facts, commits, observed)
            self._db.execute("commit")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("rollback")
            raise
        return snapshot_id

    def facts(
        self, batch_id: str
    ) -> tuple[BatchFacts, str, dict[tuple[str, str, str], int]] | None:
        """A committed batch's facts, its snapshot id and unmapped words; None when unknown."""
        row = self._db.execute(
            "select seq, facts from ledger where batch_id = ?", (batch_id,)
        ).fetchone()
        if row is None:
            return None
        seq, text = row
        snapshot_id = self._db.execute(
            "select snapshot_id from snapshot where seq = ?", (seq,)
        ).fetchone()[0]
        words = self._db.execute(
            "select event_type, field, value, occurrences from unmapped where seq = ?"
            " order by event_type, field, value",
            (seq,),
        )
        return BatchFacts(**json.loads(text)), snapshot_id, {(a, b, c): n for a, b, c, n in words}

    def ledger(self) -> list[BatchFacts]:
        """Every committed batch in order."""
        rows = self._db.execute("select facts from ledger order by seq").fetchall()
        return [BatchFacts(**json.loads(text)) for (text,) in rows]

    def snapshot(self, snapshot_id: str | None = None) -> Snapshot:
        """The last snapshot, or the one of that id.

        Raises:
            CandorError: ``lake.state_damaged`` when a chained row was altered,
                ``lake.no_such_snapshot``.
        """
        broken = self.broken_chains()
        if broken:
            raise CandorError("lake.state_damaged", broken)
        if snapshot_id is None:
            row = self._db.execute(
                "select seq, snapshot_id, vector from snapshot order by seq desc limit 1"
            ).fetchone()
            if row is None:
                return Snapshot(_snapshot_id({}, []), 0, {}, {})
        else:
            row = self._db.execute(
                "select seq, snapshot_id, vector from snapshot where snapshot_id = ?"
                " order by seq desc limit 1",
                (snapshot_id,),
            ).fetchone()
            if row is None:
                raise CandorError(
                    "lake.no_such_snapshot",
                    Problem(f"there is no snapshot '{snapshot_id}'", str(self.path)),
                )
        seq, found, vector = row
        gone = self._db.execute(
            "select count(*) from manifest as m join retired as r using (table_name, path)"
            " where m.seq <= ? and r.seq > ?",
            (seq, seq),
        ).fetchone()[0]
        if gone:
            raise CandorError(
                "lake.erased",
                Problem(
                    f"snapshot '{found}' was published and can no longer be reproduced", "", "",
                    f"an erasure replaced {gone} of its files; its figures stay as published",
                ),
            )  # fmt: skip
        files: dict[str, list[FileEntry]] = {}
        for table, *entry in self._db.execute(
            "select table_name, path, sha256, bytes, row_count, partition_value from manifest"
            " where seq <= ?1 and not exists (select 1 from retired as r where r.seq <= ?1"
            " and r.table_name = manifest.table_name and r.path = manifest.path)"
            " order by table_name, partition_value, path",
            (seq,),
        ):
            files.setdefault(table, []).append(FileEntry(*entry))
        return Snapshot(
            found, seq, json.loads(vector), {name: tuple(rows) for name, rows in files.items()}
        )

    def retired(self) -> list[tuple[str, str]]:
        """Table and path of every file that an erasure replaced."""
        rows = self._db.execute("select table_name, path from retired order by table_name, path")
        return [(table, path) for table, path in rows]

    def tidy(self) -> None:
        """Leave nothing of earlier rows in the file or its log."""
        self._db.execute("vacuum")
        self._db.execute("pragma wal_checkpoint(truncate)")

    def log_hashes(self, table: str) -> dict[int, str]:
        """SHA-256 of each committed Delta log entry of one table, by version."""
        rows = self._db.execute(
            "select version, sha256 from log_entry where table_name = ? order by version", (table,)
        )
        return dict(rows.fetchall())

    def seen_file(self, source: str, sha256: str, reader_signature: str) -> SeenFile | None:
        """The counts of a file read to the end before, or None."""
        row = self._db.execute(
            "select records, quarantined, by_reason from seen_file"
            " where source = ? and sha256 = ? and reader_signature = ?",
            (source, sha256, reader_signature),
        ).fetchone()
        return None if row is None else SeenFile(sha256, row[0], row[1], json.loads(row[2]))

    def coverage(self, seq: int) -> list[Coverage]:
        """Coverage of every source over the batches up to ``seq``."""
        rows = self._db.execute(
            "select source, min(covered_from), max(covered_until), max(has_conversations)"
            " from coverage where seq <= ? group by source order by source",
            (seq,),
        )
        return [Coverage(a, b, c, bool(d)) for a, b, c, d in rows]

    def unmapped(self) -> dict[tuple[str, str, str], int]:
        """Words unknown to an optional enum, counted over all batches."""
        rows = self._db.execute(
            "select event_type, field, value, sum(occurrences) from unmapped"
            " group by event_type, field, value order by event_type, field, value"
        )
        return {(a, b, c): n for a, b, c, n in rows}

    def notes(self) -> dict[tuple[str, str], int]:
        """What connectors noticed, counted over all batches."""
        rows = self._db.execute(
            "select kind, detail, sum(occurrences) from note group by kind, detail"
            " order by kind, detail"
        )
        return {(a, b): n for a, b, n in rows}

    def broken_chains(self) -> list[Problem]:
        """The first altered row of each chained table, if any."""
        problems = []
        for table, (key, columns) in _CHAINED.items():
            previous = ""
            for row in self._db.execute(
                f"select {key}, {', '.join(columns)}, row_hash from {table} order by {key}"
            ):
                expected = _chain(previous, row[1:-1])
                if row[-1] != expected:
                    problems.append(
                        Problem(
                            f"row {row[0]} of table '{table}' is not what was written",
                            str(self.path),
                            "an unbroken chain of row hashes",
                            "put back state.db from a backup, or remove it: it is rebuilt from the"
                            " tables' commits on the next start",
                        )
                    )
                    break
                previous = expected
        return problems

    def snapshot_ids(self) -> list[tuple[int, str, str]]:
        """(seq, stored id, recomputed id) of every snapshot."""
        found = []
        for seq, snapshot_id, vector in self._db.execute(
            "select seq, snapshot_id, vector from snapshot order by seq"
        ).fetchall():
            found.append((seq, snapshot_id, _snapshot_id(json.loads(vector), self._hashes(seq))))
        return found

    def _record(
        self, facts: BatchFacts, commits: Iterable[TableCommit], observed: Observations
    ) -> str:
        seq = facts.seq
        vector = self._vector()
        self._append("ledger", (seq, facts.batch_id, facts.source, canonical_json(asdict(facts))))
        for commit in commits:
            vector[commit.table] = commit.version
            for version, digest in sorted(commit.log_hashes.items()):
                self._append("log_entry", (seq, commit.table, version, digest))
            for one in commit.files:
                self._append(
                    "manifest",
                    (seq, commit.table, one.path, one.sha256, one.bytes, one.rows, one.partition),
                )
            for path in commit.removed:
                self._append("retired", (seq, commit.table, path))
        for source, sha256, signature, records, quarantined, by_reason in facts.seen_files:
            self._db.execute(
                "insert or replace into seen_file values (?, ?, ?, ?, ?, ?)",
                (source, sha256, signature, records, quarantined, canonical_json(by_reason)),
            )
        self._db.execute(
            "insert into coverage values (?, ?, ?, ?, ?)",
            (
                seq,
                facts.source,
                facts.covered_from_us,
                facts.covered_until_us,
                int(facts.has_conversations),
            ),
        )
        for (event_type, field, value), count in sorted(observed.unmapped.items()):
            self._db.execute(
                "insert into unmapped values (?, ?, ?, ?, ?)",
                (seq, event_type, field, value, count),
            )
        for (kind, detail), count in sorted(observed.notes.items()):
            self._db.execute("insert into note values (?, ?, ?, ?)", (seq, kind, detail, count))
        snapshot_id = _snapshot_id(vector, self._hashes(seq))
        self._append("snapshot", (seq, snapshot_id, canonical_json(vector)))
        return snapshot_id

    def _vector(self) -> dict[str, int]:
        row = self._db.execute("select vector from snapshot order by seq desc limit 1").fetchone()
        return {} if row is None else json.loads(row[0])

    def _hashes(self, seq: int) -> list[tuple[str, str, str]]:
        return self._db.execute(
            "select table_name, path, sha256 from manifest where seq <= ?1 and not exists"
            " (select 1 from retired as r where r.seq <= ?1"
            " and r.table_name = manifest.table_name and r.path = manifest.path)"
            " order by table_name, path",
            (seq,),
        ).fetchall()

    def _append(self, table: str, values: tuple[Any, ...]) -> None:
        key, columns = _CHAINED[table]
        last = self._db.execute(
            f"select row_hash from {table} order by {key} desc limit 1"
        ).fetchone()
        marks = ", ".join("?" for _ in range(len(columns) + 1))
        self._db.execute(
            f"insert into {table} ({', '.join(columns)}, row_hash) values ({marks})",
            (*values, _chain(last[0] if last else "", values)),
        )


def _chain(previous: str, values: Sequence[Any]) -> str:
    return hashlib.sha256((previous + canonical_json(list(values))).encode()).hexdigest()


def _snapshot_id(vector: Mapping[str, int], hashes: Iterable[Sequence[str]]) -> str:
    text = canonical_json([sorted(vector.items()), [list(one) for one in hashes]])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
