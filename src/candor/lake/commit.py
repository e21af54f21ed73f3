"""The crash-safe sequence that makes a batch exist: the only way anything enters the lake.

The caller holds the write lock and has written its data files. Then, in this order: every table's
Delta commit, synced; last, one transaction of the state database, which is the commit point. Until
it, no reader sees anything of the batch; after it, readers see all of it in every table. What a
crash leaves between the two is settled by ``recovery`` before the next batch.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from candor.lake.durable import VERIFIED, make_folder, sync
from candor.lake.records import BatchFacts, FileEntry
from candor.lake.state import Observations, StateDatabase
from candor.lake.tables import QUARANTINE, NewFile, Tables


def publish(
    tables: Tables,
    state: StateDatabase,
    facts: BatchFacts,
    files: Mapping[str, Sequence[NewFile]],
    observed: Observations,
) -> str:
    """Commit written files to all their tables as one batch.

    A batch that brings no file still leaves an (empty) entry in the quarantine table's log, so that
    ledger and coverage can be rebuilt from the tables alone.

    Returns:
        id of the snapshot that first holds the batch.

    Raises:
        OSError: outcome unknown; opening the lake anew, or the next batch, settles it.
    """
    parts = {table: list(new) for table, new in files.items() if new} or {QUARANTINE: []}
    facts = replace(facts, tables=sorted(parts))
    described = asdict(facts)
    commits = [tables.append(table, parts[table], described) for table in facts.tables]
    return state.record_batch(facts, commits, observed)


def new_path(tables: Tables, table: str, partition: str) -> Path:
    """A final, unique name for a data file; its folder exists and is synced."""
    folder = tables.path(table) / f"{tables.partition(table)}={partition}"
    make_folder(folder)
    return folder / f"part-{uuid.uuid4().hex}.parquet"


def seal(
    tables: Tables,
    table: str,
    path: Path,
    *,
    rows: int,
    partition: str,
    first_us: int | None = None,
    last_us: int | None = None,
) -> NewFile:
    """Sync a written data file and its folder, and take its fingerprint."""
    sync(path)
    sync(path.parent)
    entry = FileEntry(
        os.fspath(path.relative_to(tables.path(table))),
        VERIFIED.digest(path),
        path.stat().st_size,
        rows,
        partition,
    )
    return NewFile(entry, first_us, last_us)
