"""Every invariant between books and files, checked one by one; what `candor verify` shows.

Reads everything and changes nothing. Each finding names the file or row at fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from candor.engines.duck import DuckEngine
from candor.errors import Problem
from candor.lake.durable import sha256
from candor.lake.records import Finding, Snapshot
from candor.lake.rejects import RAW_FILE
from candor.lake.staging import scan
from candor.lake.state import StateDatabase
from candor.lake.tables import QUARANTINE, SUPERSEDED, LogEntry, Tables

_REPAIR = "put the file back from a backup, or ingest its source again into a new workspace"


def verify(tables: Tables, state: StateDatabase, restricted: Path) -> list[Finding]:
    """All broken invariants; empty when everything is as it was written."""
    chains = [Finding("verify.chain", problem) for problem in state.broken_chains()]
    if chains:
        return chains
    snapshot = state.snapshot()
    findings = [*_ledger(state, snapshot), *_snapshots(state)]
    for table in sorted({*snapshot.files, *snapshot.versions}):
        files = list(_files(tables, snapshot, table))
        findings += files
        findings += _log(tables, state, snapshot, table)
        if not files:
            findings += _rows(tables, snapshot, table)
    findings += _raw(tables, snapshot, restricted, {finding.problem.where for finding in findings})
    return findings


def _ledger(state: StateDatabase, snapshot: Snapshot) -> Iterator[Finding]:
    stored: dict[str, int] = {}
    for facts in state.ledger():
        accounted = facts.stored + facts.duplicate + facts.quarantined
        if facts.read != accounted:
            yield _finding(
                "verify.conservation",
                f"{facts.read} records read, {accounted} accounted for",
                f"batch '{facts.batch_id}'",
                "read = stored + duplicate + quarantined",
            )
        for event_type, count in facts.by_type.items():
            stored[event_type] = stored.get(event_type, 0) + count
    events = {name for name in snapshot.files if name not in (QUARANTINE, SUPERSEDED)}
    for event_type in sorted(events | set(stored)):
        if snapshot.rows(event_type) != stored.get(event_type, 0):
            yield _finding(
                "verify.ledger",
                f"the files hold {snapshot.rows(event_type)} events,"
                f" the ledger {stored.get(event_type, 0)}",
                f"table '{event_type}'",
                "equal counts",
            )


def _snapshots(state: StateDatabase) -> Iterator[Finding]:
    for seq, stored, recomputed in state.snapshot_ids():
        if stored != recomputed:
            yield _finding(
                "verify.snapshot", f"snapshot {seq} has id {stored}", str(state.path), recomputed
            )


def _files(tables: Tables, snapshot: Snapshot, table: str) -> Iterator[Finding]:
    for entry in snapshot.files.get(table, ()):
        path = tables.path(table) / entry.path
        if not path.exists():
            yield _finding("verify.file_missing", "the file is gone", str(path), _REPAIR)
        elif sha256(path) != entry.sha256:
            yield _finding("verify.file_damaged", "the file has other bytes", str(path), _REPAIR)
        elif pq.read_metadata(path).num_rows != entry.rows:
            yield _finding(
                "verify.rows", "the file has another number of rows", str(path), str(entry.rows)
            )


def _log(tables: Tables, state: StateDatabase, snapshot: Snapshot, table: str) -> Iterator[Finding]:
    hashes = state.log_hashes(table)
    found: set[int] = set()
    is_sound = True
    for entry in tables.entries(table):
        path = entry.path if isinstance(entry, LogEntry) else entry
        version = int(path.stem)
        found.add(version)
        if version not in hashes:
            yield _finding(
                "verify.log_pending",
                "the log has an entry that no committed batch made",
                str(path),
                "start any command that writes: it is settled then",
            )
        elif sha256(path) != hashes[version]:
            is_sound = False
            yield _finding("verify.log_damaged", "the entry has other bytes", str(path), _REPAIR)
    for version in sorted(set(hashes) - found):
        is_sound = False
        path = tables.log(table) / f"{version:020d}.json"
        yield _finding("verify.log_missing", "the log entry is gone", str(path), _REPAIR)
    if is_sound:
        listed = {entry.path for entry in snapshot.files.get(table, ())}
        if tables.delta_paths(table, snapshot.versions[table]) != listed:
            yield _finding(
                "verify.manifest",
                "the table lists other files than the manifest",
                str(tables.path(table)),
                "equal lists",
            )


def _rows(tables: Tables, snapshot: Snapshot, table: str) -> Iterator[Finding]:
    """No event is stored twice, and every event lies in its month."""
    files = snapshot.files.get(table, ())
    if not files or table == QUARANTINE:
        return
    paths = [tables.path(table) / entry.path for entry in files]
    content = "event_key, revision, content_hash"
    with DuckEngine(memory_limit="1GB") as engine:
        repeated = engine.rows(
            f"select count(*) - (select count(*) from (select distinct {content} from {scan(paths)}))"
            f" from {scan(paths)}"
        )[0][0]
        if repeated:
            yield _finding(
                "verify.duplicate",
                f"{repeated} events are stored twice",
                str(tables.path(table)),
                "each event once",
            )
        if table == SUPERSEDED:
            return
        for entry, path in zip(files, paths, strict=True):
            months = engine.rows(
                "select distinct strftime(make_timestamp(epoch_us(occurred_at)), '%Y-%m')"
                f" from {scan([path])}"
            )
            if months != [(entry.partition,)]:
                yield _finding(
                    "verify.month", "events of another month", str(path), entry.partition
                )


def _raw(
    tables: Tables, snapshot: Snapshot, restricted: Path, damaged: set[str]
) -> Iterator[Finding]:
    paths = [tables.path(QUARANTINE) / one.path for one in snapshot.files.get(QUARANTINE, ())]
    if not paths or any(str(path) in damaged for path in paths):
        return
    with DuckEngine() as engine:
        needed = engine.rows(
            f"select batch_id, max(raw_offset + raw_bytes) from {scan(paths)}"
            " where raw_bytes > 0 group by batch_id order by batch_id"
        )
    for batch_id, size in needed:
        path = restricted / batch_id / RAW_FILE
        # Raw bytes expire before their entries do, so a missing file is no finding.
        if path.exists() and path.stat().st_size < size:
            yield _finding("verify.raw", "the file is shorter than it was", str(path), f"{size} B")
        if path.exists() and path.stat().st_mode & 0o077:
            yield _finding("verify.raw_mode", "others may read it", str(path), "mode 0600")


def _finding(code: str, what: str, where: str, expected: str) -> Finding:
    return Finding(code, Problem(what, where, expected))
