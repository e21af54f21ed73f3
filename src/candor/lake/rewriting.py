"""Replaces data files by others with the same rows and other values: the one way anything is unsaid.

Only an erasure does this. The new files are synced, every table's log is told in one entry each,
and one transaction of the state database makes it so in all tables at once; only then are the old
files removed. What a crash leaves in between is finished or taken back by ``recovery``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from candor.lake import commit
from candor.lake.batch import Surroundings
from candor.lake.records import BatchFacts, FileEntry
from candor.lake.state import Observations
from candor.lake.tables import QUARANTINE, SUPERSEDED, NewFile

Change = Callable[[str, pa.Table], "pa.Table | None"]


def rewrite(around: Surroundings, change: Change, source: str) -> int:
    """Rewrite the current files of every table.

    Args:
        around: the lake.
        change: see ``Lake.rewrite``; event tables come before ``superseded``.
        source: name in the ledger.

    Returns:
        files replaced.

    Raises:
        RuntimeError: a change dropped or added rows.
    """
    with around.lock:
        around.recover()
        snapshot = around.state.snapshot()
        parts: dict[str, tuple[list[FileEntry], list[NewFile]]] = {}
        for table in sorted(snapshot.files, key=lambda name: (name == SUPERSEDED, name)):
            around.verified(table, snapshot, None)
            for entry in snapshot.files[table]:
                held = pq.read_table(around.tables.path(table) / entry.path, partitioning=None)
                changed = change(table, held)
                if changed is None:
                    continue
                if changed.num_rows != entry.rows:
                    raise RuntimeError(f"{changed.num_rows} rows in place of {entry.rows}")
                old, new = parts.setdefault(table, ([], []))
                old.append(entry)
                new.append(_written(around, table, entry, changed))
        if not parts:
            return 0
        _commit(around, parts, source)
        around.state.tidy()
        return sum(len(old) for old, _ in parts.values())


def _written(around: Surroundings, table: str, entry: FileEntry, changed: pa.Table) -> NewFile:
    path = commit.new_path(around.tables, table, entry.partition)
    pq.write_table(changed, path, compression="zstd")
    bounds: tuple[int | None, int | None] = (None, None)
    if table != SUPERSEDED:
        clock = changed.column("seen_at" if table == QUARANTINE else "occurred_at")
        bounds = (_us(pc.min(clock)), _us(pc.max(clock)))
    return commit.seal(
        around.tables, table, path, rows=entry.rows, partition=entry.partition,
        first_us=bounds[0], last_us=bounds[1],
    )  # fmt: skip


def _commit(
    around: Surroundings, parts: dict[str, tuple[list[FileEntry], list[NewFile]]], source: str
) -> None:
    seq, now = around.state.last_seq() + 1, time.time_ns() // 1_000
    facts = BatchFacts(
        seq=seq, batch_id=f"e{seq:08d}-{now:x}", source=source, loaded_at_us=now, read=0, stored=0,
        duplicate=0, quarantined=0, by_type={}, by_reason={}, conflicts=0,
        covered_from_us=None, covered_until_us=None, has_conversations=False, tables=sorted(parts),
    )  # fmt: skip
    commits = [
        around.tables.replace(table, old, new, asdict(facts))
        for table, (old, new) in sorted(parts.items())
    ]
    around.state.record_batch(facts, commits, Observations({}, {}))
    for table, (old, _) in sorted(parts.items()):
        for entry in old:
            (around.tables.path(table) / entry.path).unlink(missing_ok=True)


def _us(value: pa.Scalar) -> int | None:
    found = value.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).as_py()
    return None if found is None else int(found)
