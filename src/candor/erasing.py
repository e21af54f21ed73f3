"""Carries out erasures: what a person said and was called goes, what was counted stays.

Works off every ``erasure`` event that was not carried out yet. The plan is on the disk before the
first change and goes with the last, so that an erasure that was cut short is finished by the next
call. In rows of the person texts and free data become null and identifiers become random marks that
keep rows of one thing together; nobody can find the way back, because the key of the marks is never
written.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from candor import ingesting, window
from candor.access import audit
from candor.access.permissions import OPERATOR
from candor.access.store import Store
from candor.engines.duck import DuckEngine
from candor.errors import CandorError, Problem
from candor.events import registry
from candor.lake import Lake
from candor.lake.staging import scan
from candor.lake.tables import QUARANTINE, SUPERSEDED
from candor.privacy import suppression
from candor.privacy.keys import load_or_create
from candor.privacy.pseudonyms import Pseudonymiser
from candor.screening import customer_columns
from candor.workspace import Workspace

SOURCE = "erasures"
_PLAN = "erasing.json"
_ITEMS = ("thread_id", "from_thread_id", "to_thread_id", "message_id", "handoff_id")
_NO_MARK = frozenset({"account_id", "ai_agent_id", "experiment_id", "invoice_id", "gap_id"})
_RAW = ("pulls", "received")


@dataclass
class Plan:
    """What is to be erased; kept below ``restricted`` only while it is carried out.

    Attributes:
        events: ids of the erasure events.
        customers: pseudonyms.
        threads: ids of their threads, and of threads that are to go themselves.
        words: raw identifiers to look for in raw bytes.
    """

    events: list[str] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


@dataclass
class Erased:
    """What was done, without naming anybody.

    Attributes:
        erasures: erasure events carried out.
        threads: threads concerned.
        rows: stored rows rewritten, by table.
        files: data files replaced.
        raw_records: quarantined records whose raw bytes were blanked.
        raw_files: raw pages and bodies removed or blanked.
    """

    erasures: int = 0
    threads: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    files: int = 0
    raw_records: int = 0
    raw_files: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "rows": dict(sorted(self.rows.items()))}


def erase(workspace: Workspace, *, customer: str = "", thread: str = "", reason: str) -> Erased:
    """Ask for an erasure and carry it out, with all that were asked for earlier.

    Args:
        workspace: whose lake.
        customer: id of the customer as the source gives it.
        thread: id of a thread; one of the two.
        reason: why, without naming anybody.

    Raises:
        CandorError: ``usage.erase``.
    """
    if bool(customer) == bool(thread) or not reason.strip():
        raise CandorError(
            "usage.erase",
            Problem("one subject and a reason are needed", "--customer, --thread, --reason"),
            exit_code=2,
        )
    now = window.format_instant(_now_us())
    event = {
        "type": "erasure", "erasure_id": f"asked:{secrets.token_hex(16)}", "occurred_at": now,
        "subject_kind": "customer" if customer else "thread", "subject_id": customer or thread,
        "requested_at": now, "reason": reason.strip(),
    }  # fmt: skip
    # Noted first: once the event is stored, only the pseudonym is left of a customer's id.
    noted = _noted(workspace.restricted)
    noted.words = sorted({*noted.words, customer or thread})
    suppression.write_private(workspace.restricted / _PLAN, json.dumps(asdict(noted)))
    with tempfile.TemporaryDirectory(dir=workspace.restricted) as folder:
        lines = Path(folder) / "erasure.jsonl"
        lines.write_text(json.dumps(event) + "\n", encoding="utf-8")
        ingesting.ingest(workspace, "canonical", [lines], name=SOURCE)
    return settle(workspace)


def settle(workspace: Workspace) -> Erased:
    """Carry out every erasure that was asked for and is not done.

    Args:
        workspace: whose lake.
    """
    if not (workspace.root / "state.db").exists():
        return Erased()
    restricted = workspace.restricted
    listed = suppression.load(restricted)
    key_id, key = load_or_create(restricted)
    people = Pseudonymiser(key, key_id)
    with Lake.open(workspace.root) as lake:
        plan = _plan(restricted, lake, listed)
        if not plan.events:
            return Erased()
        suppression.write_private(restricted / _PLAN, json.dumps(asdict(plan)))
        listed.customers |= set(plan.customers)
        listed.threads |= {people.one("thread", one) for one in plan.threads}
        suppression.save(restricted, listed)
        done = Erased(len(plan.events), len(plan.threads))
        change = _Change(plan, done)
        hits = _blank_quarantine(lake, change.pattern)
        done.raw_records = len(hits)
        change.hits = hits
        done.files = lake.rewrite(change, SOURCE)
    done.raw_files = sum(_blank_pages(restricted / name, change.pattern) for name in _RAW)
    for path in (workspace.root / "judges" / "answers.db", *workspace.root.glob("reviews/*/*")):
        if path.name.endswith(".db") or (
            path.is_file() and change.pattern.search(path.read_bytes())
        ):
            path.unlink(missing_ok=True)
    # Terms of topics come from texts; the next run begins with new ids.
    shutil.rmtree(workspace.root / "topics", ignore_errors=True)
    for path in workspace.serving.glob("*.duckdb*"):
        path.unlink()
    _note(restricted, done)
    listed.done |= set(plan.events)
    suppression.save(restricted, listed)
    (restricted / _PLAN).unlink()
    return done


def _noted(restricted: Path) -> Plan:
    """The plan of an erasure that was cut short; an empty one otherwise."""
    if not (restricted / _PLAN).exists():
        return Plan()
    return Plan(**json.loads((restricted / _PLAN).read_text(encoding="utf-8")))


def _plan(restricted: Path, lake: Lake, listed: suppression.Suppressed) -> Plan:
    plan = _noted(restricted)
    shown = lake.snapshot()
    asked, talks = (lake.verified_paths(name, shown) for name in ("erasure", "conversation"))
    with DuckEngine() as engine:
        rows = engine.rows(f"select event_id, subject_kind, subject_id from {scan(asked)}") if asked else []  # fmt: skip
        new = [row for row in rows if row[0] not in listed.done and row[0] not in plan.events]
        customers = {row[2] for row in new if row[1] == "customer"}
        threads = {row[2] for row in new if row[1] == "thread"}
        if talks and customers:
            known = engine.rows(
                f"select distinct customer_id, thread_id from {scan(talks)}"
                " where customer_id is not null"
            )
            threads |= {thread for customer, thread in known if customer in customers}
    plan.events += [row[0] for row in new]
    plan.customers = sorted({*plan.customers, *customers})
    plan.threads = sorted({*plan.threads, *threads})
    plan.words = sorted({*plan.words, *plan.threads, *plan.customers})
    return plan


class _Change:
    """Rewrites the rows of the people of a plan, table by table."""

    def __init__(self, plan: Plan, done: Erased) -> None:
        self._threads, self._customers = set(plan.threads), set(plan.customers)
        self._events = set(plan.events)
        self._done = done
        self._key = secrets.token_bytes(32)
        self._hashes: dict[tuple[int, str], str] = {}
        self.hits: set[str] = set()
        listed = "|".join(re.escape(word) for word in sorted(plan.words, key=len, reverse=True))
        self.pattern = re.compile(rf"(?<![\w-])(?:{listed})(?![\w-])".encode())

    def __call__(self, table: str, held: pa.Table) -> pa.Table | None:
        if table == SUPERSEDED:
            return self._rows(table, held, self._hidden)
        if table == QUARANTINE:
            return self._rows(table, held, self._set_aside)
        return self._rows(table, held, lambda row: self._event(table, row))

    def _rows(self, table: str, held: pa.Table, change: Any) -> pa.Table | None:
        rows = held.to_pylist()
        changed = [change(row) for row in rows]
        count = sum(one is not None for one in changed)
        if not count:
            return None
        self._done.rows[table] += count
        new = [old if one is None else one for old, one in zip(rows, changed, strict=True)]
        return pa.Table.from_pylist(new, schema=held.schema)

    def _hidden(self, row: dict[str, Any]) -> dict[str, Any] | None:
        found = self._hashes.get((row["event_key"], row["content_hash"]))
        return None if found is None else {**row, "content_hash": found}

    def _set_aside(self, row: dict[str, Any]) -> dict[str, Any] | None:
        told = f"{row['preview']} {row['detail']} {row['raw_ref']}".encode()
        if row["quarantine_id"] not in self.hits and not self.pattern.search(told):
            return None
        return {**row, "preview": "", "detail": "erased", "raw_ref": "", "raw_bytes": 0}

    def _event(self, table: str, row: dict[str, Any]) -> dict[str, Any] | None:
        kind = registry()[table]
        columns = customer_columns(table)
        is_own = (
            any(row[name] in self._customers for name in columns)
            or any(row.get(name) in self._threads for name in _ITEMS[:3])
            or row["event_id"] in self._events
        )
        if not is_own and not self._threads & set(row.get("thread_ids") or ()):
            return None
        new = dict(row)
        for one in kind.fields:
            value = row[one.name]
            if value is None:
                continue
            if one.name == "thread_ids":
                new[one.name] = [self._mark(v) if v in self._threads else v for v in value]
            elif one.personal == "text":
                new[one.name] = "[erased]" if one.required else None
            elif one.name == "attributes":
                made_up = (json.loads(value) or {}).get("synthetic_time")
                new[one.name] = '{"synthetic_time":true}' if made_up is True else None
            elif one.name == "target_id" and table == "override":
                thread, _, number = value.rpartition("#")
                new[one.name] = f"{self._mark(thread)}#{number}"
            elif self._is_named(table, one.name, one.personal, row):
                new[one.name] = self._mark(value)
        # candor's own notes on its scores are hashes; without them it would score anew.
        new |= {"extra": row["extra"] if row["source"] == "candor" else None, "raw_ref": ""}
        new["content_hash"] = hashlib.md5(
            self._key + row["content_hash"].encode(), usedforsecurity=False
        ).hexdigest()
        self._hashes[row["event_key"], row["content_hash"]] = new["content_hash"]
        return new

    def _is_named(self, table: str, name: str, personal: str | None, row: dict[str, Any]) -> bool:
        """Whether a column names the person, or a thing by which the person can be found."""
        if personal in ("identifier:customer", "identifier:alias") or name in _ITEMS:
            return True
        # candor's own scores are named by numbers, and other rows are found by those names.
        own = name in registry()[table].key and row["source"] != "candor"
        return own and name not in _NO_MARK and isinstance(row[name], str)

    def _mark(self, value: str) -> str:
        return "erased:" + hmac.digest(self._key, value.encode(), "sha256")[:12].hex()


def _blank_quarantine(lake: Lake, pattern: re.Pattern[bytes]) -> set[str]:
    """Overwrite raw records that name somebody; ids of their entries."""
    files = lake.verified_paths(QUARANTINE, lake.snapshot())
    if not files:
        return set()
    with DuckEngine() as engine:
        rows = engine.rows(
            f"select quarantine_id, batch_id, raw_offset, raw_bytes from {scan(files)}"
            " where raw_bytes > 0 and replayed_at is null order by batch_id, raw_offset"
        )
    hits = set()
    for name, batch, offset, size in rows:
        path = lake.raw_folder / batch / "raw.bin"
        if not path.exists():
            continue
        with path.open("r+b") as handle:
            handle.seek(offset)
            if not pattern.search(handle.read(size)):
                continue
            handle.seek(offset)
            handle.write(b" " * size)
            handle.flush()
            os.fsync(handle.fileno())
        hits.add(name)
    return hits


def _blank_pages(folder: Path, pattern: re.Pattern[bytes]) -> int:
    """Take lines that name somebody out of raw pages; other forms go whole. Files touched."""
    touched = 0
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        if path.name in ("places.json", "lock") or not pattern.search(path.read_bytes()):
            continue
        touched += 1
        if path.suffix != ".jsonl":
            path.unlink()
            continue
        lines = path.read_bytes().splitlines(keepends=True)
        draft = path.with_suffix(".draft")
        draft.write_bytes(b"".join(line for line in lines if not pattern.search(line)))
        draft.chmod(0o600)
        draft.replace(path)
    return touched


def _note(restricted: Path, done: Erased) -> None:
    store = Store(restricted)
    try:
        with store.change() as connection:
            audit.append(
                connection, OPERATOR, "erasure.done", at=store.now(), detail=done.as_dict()
            )
    finally:
        store.close()


def _now_us() -> int:
    import time

    return time.time_ns() // 1000
