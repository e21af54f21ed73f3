"""Settles what a crash left behind; runs with the write lock held, before anything is written.

Log entries above the last snapshot vector belong to a batch whose commit point was never reached. If
every table of that batch has its entry, whole and with all files intact, the batch is finished as if
nothing had happened. Otherwise its entries move to ``lake/_recovered``, so that readers of the
Delta tables see the batch in every table or in none, as candor's own readers always do. A lost state
database is rebuilt the same way, from the first entry on.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from candor.errors import Problem
from candor.lake.durable import make_folder, sha256, sync
from candor.lake.records import BatchFacts, FileEntry, Finding
from candor.lake.rejects import remove_unknown
from candor.lake.state import Observations, StateDatabase, TableCommit
from candor.lake.tables import LogEntry, Tables

_ORPHAN_SECONDS = 24 * 3600
_RECOVERED = "_recovered"
_STAGING = "_staging"


def recover(tables: Tables, state: StateDatabase, restricted: Path) -> list[Finding]:
    """Finish or take back unfinished batches, and remove what they left.

    Returns:
        what was done, one finding each; empty after an orderly end.

    Raises:
        CandorError: ``lake.state_damaged``; nothing may be settled by books that were altered.
    """
    state.snapshot()
    findings: list[Finding] = []
    pending, torn = _above_vector(tables, state)
    replaced = {
        (table, path)
        for parts in pending.values()
        for table, entries in parts.items()
        for path in (entries[-1].batch or {}).get("removed", ())
    }
    for table, path in torn:
        findings.append(_set_aside(tables, table, path, "is empty or torn"))
    for seq in sorted(pending):
        parts = pending[seq]
        if _is_complete(tables, parts, replaced) and seq == state.last_seq() + 1:
            _adopt(state, parts)
            findings.append(
                _finding("recovery.finished", f"batch {seq} was finished", tables.folder)
            )
        else:
            findings += [
                _set_aside(tables, table, entry.path, "belongs to an unfinished batch")
                for table, entries in sorted(parts.items())
                for entry in reversed(entries)
            ]
    staging = tables.folder / _STAGING
    if staging.exists():
        for folder in sorted(staging.iterdir()):
            shutil.rmtree(folder)
            findings.append(_finding("recovery.staging", "unfinished staging removed", folder))
    known = {facts.batch_id for facts in state.ledger()}
    for folder in remove_unknown(restricted, known):
        findings.append(_finding("recovery.raw", "raw bytes of no batch removed", folder))
    findings += _remove_orphans(tables, state)
    return findings


def _above_vector(
    tables: Tables, state: StateDatabase
) -> tuple[dict[int, dict[str, list[LogEntry]]], list[tuple[str, Path]]]:
    """Entries beyond the committed ones: by batch and table, and those that cannot be read."""
    pending: dict[int, dict[str, list[LogEntry]]] = {}
    torn: list[tuple[str, Path]] = []
    for table in tables.names():
        committed = state.log_hashes(table)
        newest = max(committed, default=-1)
        log = tables.log(table)
        if not any(path.stem.isdigit() and int(path.stem) > newest for path in log.glob("*.json")):
            continue
        creation: list[LogEntry] = []
        is_broken = False
        for entry in tables.entries(table):
            path = entry.path if isinstance(entry, LogEntry) else entry
            if int(path.stem) <= newest:
                continue
            if is_broken or isinstance(entry, Path):
                is_broken = True
                torn.append((table, path))
            elif entry.batch is None:
                # The creation of a table holds no event; it goes with the first batch after it.
                creation = [entry]
            else:
                parts = pending.setdefault(int(entry.batch["seq"]), {})
                parts[table] = [*creation, entry]
                creation = []
    torn.reverse()
    return pending, torn


def _is_complete(
    tables: Tables, parts: dict[str, list[LogEntry]], replaced: set[tuple[str, str]]
) -> bool:
    """Every table of the batch has its entry and every file is what the entry says.

    Files that a later erasure replaced may be gone.
    """
    for table, entries in parts.items():
        batch = entries[-1].batch
        if batch is None or sorted(parts) != sorted(batch["tables"]):
            return False
        for path, digest, size, _rows, _partition in batch["files"]:
            if (table, path) in replaced:
                continue
            file = tables.path(table) / path
            if not file.exists() or file.stat().st_size != size or sha256(file) != digest:
                return False
    return True


def _adopt(state: StateDatabase, parts: dict[str, list[LogEntry]]) -> None:
    facts: BatchFacts | None = None
    commits = []
    for table, entries in sorted(parts.items()):
        described = dict(entries[-1].batch or {})
        files = [FileEntry(*one) for one in described.pop("files")]
        removed = tuple(described.pop("removed", ()))
        facts = BatchFacts(**described)
        for entry in entries:
            sync(entry.path)
        sync(entries[-1].path.parent)
        hashes = {entry.version: sha256(entry.path) for entry in entries}
        commits.append(TableCommit(table, entries[-1].version, hashes, files, removed))
    if facts is not None:
        state.record_batch(facts, commits, Observations({}, {}))


def _set_aside(tables: Tables, table: str, path: Path, why: str) -> Finding:
    folder = tables.folder / _RECOVERED / table
    make_folder(folder)
    target = folder / f"{path.stem}-{time.time_ns()}.json"
    path.rename(target)
    sync(folder)
    sync(path.parent)
    return _finding("recovery.log_entry", f"log entry {path.name} {why} and was set aside", target)


def _remove_orphans(tables: Tables, state: StateDatabase) -> Iterable[Finding]:
    """Data files that an erasure replaced, and those of no committed batch once they are a day old."""
    for table, name in state.retired():
        file = tables.path(table) / name
        if file.exists():
            file.unlink()
            yield _finding("recovery.erased", "data file that an erasure replaced removed", file)
    snapshot = state.snapshot()
    for table in tables.names():
        root = tables.path(table)
        known = {entry.path for entry in snapshot.files.get(table, ())}
        for path in sorted(root.glob("*=*/*.parquet")):
            is_old = time.time() - path.stat().st_mtime > _ORPHAN_SECONDS
            if is_old and str(path.relative_to(root)) not in known:
                path.unlink()
                yield _finding("recovery.orphan", "data file of no batch removed", path)


def _finding(code: str, what: str, where: Path) -> Finding:
    return Finding(code, Problem(what, str(where)))
