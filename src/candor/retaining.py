"""Gives up what is older than ``[retention]`` allows; what was counted stays.

Texts go first: their rows keep times, authors and scores. Whole conversations go later: their ids become
random marks, and a customer's id with the last of the customer's conversations. Both are rewritten
in place, so that every figure can still be reckoned. Raw bytes of records that were not accepted and
raw pages are blanked and removed. Scores must be there before texts go; ``pipeline.retain`` sees to it.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from candor import unsaying
from candor.access import audit
from candor.access.permissions import OPERATOR
from candor.access.store import Store
from candor.engines.duck import DuckEngine
from candor.events import registry
from candor.lake import Lake
from candor.lake.staging import scan
from candor.lake.tables import QUARANTINE
from candor.settings import RetentionSection
from candor.unsaying import Subjects, Unsaid
from candor.workspace import Workspace

SOURCE = "retention"
_DAY_US = 86_400_000_000
_GONE = "[expired]"
_MARKED = "erased:"
_LASTING = ("conversation", "message", "state_change", "handoff")


@dataclass
class Retained:
    """What was given up, or would be.

    Attributes:
        texts: rows that lost their texts, by table.
        conversations: conversations that lost their ids.
        rows: rows that lost ids, by table.
        raw_records: quarantined records whose raw bytes were blanked.
        raw_files: raw pages and bodies removed.
        is_dry: nothing was changed.
    """

    texts: Counter[str] = field(default_factory=Counter)
    conversations: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    raw_records: int = 0
    raw_files: int = 0
    is_dry: bool = False

    @property
    def is_nothing(self) -> bool:
        """Whether nothing was due."""
        return not (self.texts or self.rows or self.raw_records or self.raw_files)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for ``--json``."""
        told = asdict(self)
        return {
            **{name: told[name] for name in told if name != "is_dry"},
            "texts": dict(sorted(self.texts.items())),
            "rows": dict(sorted(self.rows.items())),
            "dry_run": self.is_dry,
        }

    def lines(self) -> list[str]:
        """For people."""
        if self.is_nothing:
            return ["retention: nothing is due"]
        told = "would go" if self.is_dry else "gone"
        texts = ", ".join(f"{count:,} {name}" for name, count in sorted(self.texts.items()))
        return [
            f"retention: texts {told}: {texts or 'none'}",
            f"  ids of {self.conversations:,} conversation(s), {sum(self.rows.values()):,} row(s) {told}",
            f"  {self.raw_records:,} raw record(s) and {self.raw_files:,} raw file(s) {told}",
        ]


def retain(workspace: Workspace, *, now_us: int | None = None, dry_run: bool = False) -> Retained:
    """Apply the periods of ``[retention]``.

    Args:
        workspace: whose data.
        now_us: from which instant ages count (epoch µs); default now.
        dry_run: only count what is due.
    """
    found = Retained(is_dry=dry_run)
    periods = workspace.settings.retention
    if not (workspace.root / "state.db").exists() or periods == RetentionSection():
        return found
    now_us = time.time_ns() // 1_000 if now_us is None else now_us
    with Lake.open(workspace.root) as lake:
        change = _Aged(found, _before(periods.text_days, now_us), _old(lake, periods, now_us))
        found.conversations = len(change.subjects.threads)
        before_us = _before(periods.quarantine_days, now_us)
        if before_us is not None:
            change.blanked = unsaying.blank_quarantine(lake, None, before_us, dry_run=dry_run)
            found.raw_records = len(change.blanked)
        if dry_run:
            _count(lake, change)
        else:
            lake.rewrite(change, SOURCE)
    found.raw_files = _remove_pages(
        workspace.restricted, _before(periods.pages_days, now_us), dry_run
    )
    if dry_run or found.is_nothing:
        return found
    if found.texts or found.rows:
        # Transcripts hold texts and ids, facts hold ids; figures of facts without either stay.
        gone = "*.duckdb*" if found.rows else "text_*.duckdb*"
        for path in workspace.serving.glob(gone):
            path.unlink()
    _note(workspace.restricted, found)
    return found


def _before(days: int | None, now_us: int) -> int | None:
    return None if days is None else now_us - days * _DAY_US


def _old(lake: Lake, periods: RetentionSection, now_us: int) -> Subjects:
    """Threads in which nothing happened since the period began, and people who have no other."""
    oldest_us = periods.oldest_us(now_us)
    shown = lake.snapshot()
    files = {name: lake.verified_paths(name, shown) for name in _LASTING}
    if oldest_us is None or not files["conversation"]:
        return Subjects()
    happened = " union all ".join(
        f"select thread_id, occurred_at from {scan(paths)}" for paths in files.values() if paths
    )
    with DuckEngine() as engine:
        rows = engine.rows(
            f"select thread_id, epoch_us(max(occurred_at)) as last_us from ({happened}) as h"
            " where thread_id is not null group by thread_id order by thread_id"
        )
        people = engine.rows(
            f"select distinct customer_id, thread_id from {scan(files['conversation'])}"
            " where customer_id is not null order by 1, 2"
        )
    old = {thread for thread, last_us in rows if last_us < oldest_us}
    kept = {customer for customer, thread in people if thread not in old}
    return Subjects(
        customers={
            customer
            for customer, thread in people
            if customer not in kept and not customer.startswith(_MARKED)
        },
        threads={thread for thread in old if not thread.startswith(_MARKED)},
    )


class _Aged:
    """What becomes of the rows of one file."""

    def __init__(self, found: Retained, text_before_us: int | None, subjects: Subjects) -> None:
        self.subjects = subjects
        self.blanked: set[str] = set()
        self._found = found
        self._text_before_us = text_before_us
        self._unsaid = Unsaid(subjects, found.rows, keeps_customers=True)

    def __call__(self, table: str, held: pa.Table) -> pa.Table | None:
        if table == QUARANTINE:
            return self._emptied(held)
        shorter = self._without_texts(table, held) if table in registry() else None
        if not self.subjects.threads and not self.subjects.customers:
            return shorter
        changed = self._unsaid(table, held if shorter is None else shorter)
        return shorter if changed is None else changed

    def _emptied(self, held: pa.Table) -> pa.Table | None:
        rows = held.to_pylist()
        if not any(row["quarantine_id"] in self.blanked for row in rows):
            return None
        new = [
            {**row, "raw_bytes": 0, "preview": ""} if row["quarantine_id"] in self.blanked else row
            for row in rows
        ]
        return pa.Table.from_pylist(new, schema=held.schema)

    def _without_texts(self, table: str, held: pa.Table) -> pa.Table | None:
        fields = [one for one in registry()[table].fields if one.personal == "text"]
        if self._text_before_us is None or not fields:
            return None
        rows = held.to_pylist()
        count = 0
        for row in rows:
            if _us(row["occurred_at"]) >= self._text_before_us:
                continue
            new = {one.name: _GONE if one.required else None for one in fields if row[one.name]}
            if row["extra"] is not None and row["source"] != "candor":
                new["extra"] = None
            if any(row[name] != value for name, value in new.items()):
                row.update(new)
                count += 1
        if not count:
            return None
        self._found.texts[table] += count
        return pa.Table.from_pylist(rows, schema=held.schema)


def _us(instant: Any) -> int:
    return int(instant.timestamp() * 1_000_000)


def _count(lake: Lake, change: _Aged) -> None:
    """Let the change count without writing anything."""
    shown = lake.snapshot()
    for table in sorted(shown.files):
        for path in lake.verified_paths(table, shown):
            change(table, pq.read_table(path, partitioning=None))


def _remove_pages(restricted: Path, before_us: int | None, dry_run: bool) -> int:
    if before_us is None:
        return 0
    due = [
        path
        for name in unsaying.RAW_FOLDERS
        for path in sorted((restricted / name).rglob("*"))
        if path.is_file()
        and path.name not in unsaying.NO_PAGES
        and path.stat().st_mtime_ns // 1_000 < before_us
    ]
    if not dry_run:
        for path in due:
            path.unlink()
    return len(due)


def _note(restricted: Path, found: Retained) -> None:
    store = Store(restricted)
    try:
        with store.change() as connection:
            audit.append(
                connection, OPERATOR, "retention.applied", at=store.now(), detail=found.as_dict()
            )
    finally:
        store.close()
