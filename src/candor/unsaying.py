"""Unsaying: rows lose what names somebody and keep what is counted; raw bytes lose whole records.

What an erasure and a retention period have in common. In rows of a subject texts and free data become
null and identifiers become random marks that keep rows of one thing together; nobody can find the
way back, because the key of the marks is never written.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from candor.engines.duck import DuckEngine
from candor.events import registry
from candor.lake import Lake
from candor.lake.staging import scan
from candor.lake.tables import QUARANTINE, SUPERSEDED
from candor.privacy.redaction import placeholder
from candor.screening import customer_columns

NOBODY = "[ERASED_0000]"
"""Stands where a placeholder told that an erased address or number had stood."""
RAW_FOLDERS = ("pulls", "received")
_ITEMS = ("thread_id", "from_thread_id", "to_thread_id", "message_id", "handoff_id")
_NO_MARK = frozenset({"account_id", "ai_agent_id", "experiment_id", "invoice_id", "gap_id"})
NO_PAGES = frozenset({"places.json", "lock"})


@dataclass(frozen=True, slots=True)
class Subjects:
    """Whose rows are rewritten.

    Attributes:
        customers: pseudonyms.
        threads: ids.
        events: ids of single events.
        words: to look for in raw bytes, as they are.
        patterns: regular expressions to look for there.
    """

    customers: set[str] = field(default_factory=set)
    threads: set[str] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    words: Sequence[str] = ()
    patterns: Sequence[str] = ()

    def pattern(self) -> re.Pattern[bytes] | None:
        """What finds them in raw bytes; None where nothing is to be looked for."""
        told = [re.escape(word) for word in sorted(self.words, key=len, reverse=True)]
        told += self.patterns
        return re.compile(rf"(?<![\w-])(?:{'|'.join(told)})(?![\w-])".encode()) if told else None


class Unsaid:
    """Rewrites the rows of some people and threads, table by table; pass it to ``Lake.rewrite``.

    Args:
        subjects: whose rows.
        rows: rows rewritten, counted here by table.
        mentions: kind and value of what may stand, masked, in texts of others.
        key: the workspace key, by which such values are masked.
        keeps_customers: a customer who is no subject keeps the id in rows of a thread that is one.

    Attributes:
        pattern: finds the words of the subjects in raw bytes; None where there are none.
        hits: ids of quarantine entries whose raw bytes were blanked.
    """

    def __init__(
        self,
        subjects: Subjects,
        rows: Counter[str],
        mentions: Sequence[tuple[str, str]] = (),
        key: bytes = b"",
        *,
        keeps_customers: bool = False,
    ) -> None:
        self._keeps_customers = keeps_customers
        self._threads, self._customers = subjects.threads, subjects.customers
        self._events = subjects.events
        self._rows_changed = rows
        self._mentions, self._workspace_key = mentions, key
        self._key = secrets.token_bytes(32)
        self._hashes: dict[tuple[int, str], str] = {}
        self._marks: dict[str, tuple[str, ...]] = {}
        self.hits: set[str] = set()
        self.pattern = subjects.pattern()

    def __call__(self, table: str, held: pa.Table) -> pa.Table | None:
        """The rows of one file as they are to be; None where nothing changes."""
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
        self._rows_changed[table] += count
        new = [old if one is None else one for old, one in zip(rows, changed, strict=True)]
        return pa.Table.from_pylist(new, schema=held.schema)

    def _hidden(self, row: dict[str, Any]) -> dict[str, Any] | None:
        found = self._hashes.get((row["event_key"], row["content_hash"]))
        return None if found is None else {**row, "content_hash": found}

    def _set_aside(self, row: dict[str, Any]) -> dict[str, Any] | None:
        told = f"{row['preview']} {row['detail']} {row['raw_ref']}".encode()
        is_named = self.pattern is not None and self.pattern.search(told)
        if row["quarantine_id"] not in self.hits and not is_named:
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
            return self._without_mentions(row)
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

    def _without_mentions(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """A row of somebody else whose placeholders say that the person's address stood there."""
        if not self._mentions:
            return None
        thread = row.get("thread_id") or ""
        marks = self._marks.get(thread)
        if marks is None:
            marks = self._marks[thread] = tuple(
                placeholder(self._workspace_key, thread, kind, value)
                for kind, value in self._mentions
            )
        new = {}
        for name, value in row.items():
            if isinstance(value, str) and "[" in value and any(mark in value for mark in marks):
                new[name] = value
                for mark in marks:
                    new[name] = new[name].replace(mark, NOBODY)
        return {**row, **new} if new else None

    def _is_named(self, table: str, name: str, personal: str | None, row: dict[str, Any]) -> bool:
        """Whether a column names the person, or a thing by which the person can be found."""
        if personal == "identifier:customer" and self._keeps_customers:
            return row[name] in self._customers
        if personal in ("identifier:customer", "identifier:alias") or name in _ITEMS:
            return True
        # candor's own scores are named by numbers, and other rows are found by those names.
        own = name in registry()[table].key and row["source"] != "candor"
        return own and name not in _NO_MARK and isinstance(row[name], str)

    def _mark(self, value: str) -> str:
        return "erased:" + hmac.digest(self._key, value.encode(), "sha256")[:12].hex()


def blank_quarantine(
    lake: Lake,
    pattern: re.Pattern[bytes] | None,
    before_us: int | None = None,
    *,
    dry_run: bool = False,
) -> set[str]:
    """Overwrite the raw bytes of quarantined records.

    Args:
        lake: whose quarantine.
        pattern: those that match it; None for all.
        before_us: those set aside before this instant (epoch µs); None whenever.
        dry_run: overwrite nothing.

    Returns:
        ids of their entries.
    """
    files = lake.verified_paths(QUARANTINE, lake.snapshot())
    if not files:
        return set()
    with DuckEngine() as engine:
        rows = engine.rows(
            f"select quarantine_id, batch_id, raw_offset, raw_bytes from {scan(files)}"
            " where raw_bytes > 0 and replayed_at is null"
            + ("" if before_us is None else f" and epoch_us(seen_at) < {before_us:d}")
            + " order by batch_id, raw_offset"
        )
    hits = set()
    for name, batch, offset, size in rows:
        path = lake.raw_folder / batch / "raw.bin"
        if not path.exists():
            continue
        with path.open("r+b") as handle:
            handle.seek(offset)
            held = handle.read(size)
            if not held.strip() or (pattern is not None and not pattern.search(held)):
                continue
            if not dry_run:
                handle.seek(offset)
                handle.write(b" " * size)
                handle.flush()
                os.fsync(handle.fileno())
        hits.add(name)
    return hits


def blank_pages(folder: Path, pattern: re.Pattern[bytes]) -> int:
    """Take the records that name somebody out of raw pages and bodies.

    Lines go one by one, elements of lists of a JSON document likewise; a file of another form, or
    one that still names somebody, goes whole.

    Returns:
        files touched.
    """
    touched = 0
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        if path.name in NO_PAGES:
            continue
        held = path.read_bytes()
        if not pattern.search(held):
            continue
        touched += 1
        kept = _without(held, path.suffix, pattern)
        if kept is None:
            path.unlink()
            continue
        draft = path.with_suffix(".draft")
        draft.write_bytes(kept)
        draft.chmod(0o600)
        draft.replace(path)
    return touched


def _without(held: bytes, suffix: str, pattern: re.Pattern[bytes]) -> bytes | None:
    """The content without the records that name somebody; None where they cannot be told apart."""
    if suffix in (".jsonl", ".ndjson"):
        lines = held.splitlines(keepends=True)
        return b"".join(line for line in lines if not pattern.search(line))
    if suffix != ".json":
        return None
    try:
        page = _pruned(json.loads(held), pattern)
    except ValueError:
        return None
    kept = json.dumps(page, ensure_ascii=False).encode()
    # A document that is one record, or a key that names somebody.
    return None if pattern.search(kept) else kept


def _pruned(value: Any, pattern: re.Pattern[bytes]) -> Any:
    if isinstance(value, dict):
        return {key: _pruned(inner, pattern) for key, inner in value.items()}
    if isinstance(value, list):
        return [one for one in value if not _names(one, pattern)]
    # A cursor or an address of the page itself may name somebody too.
    return None if _names(value, pattern) else value


def _names(value: Any, pattern: re.Pattern[bytes]) -> bool:
    return pattern.search(json.dumps(value, ensure_ascii=False).encode()) is not None
