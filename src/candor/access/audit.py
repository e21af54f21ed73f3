"""The audit log: append-only, each row chained to the one before by SHA-256.

A row is appended inside the transaction of the act it tells of. Triggers forbid change and deletion;
the chain shows either if it was done around them. A chain alone cannot show that its tail was cut or
the file replaced: hold it against an anchor (number and hash of a row) that is kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from candor.access.permissions import Actor

SCHEMA = """
create table if not exists audit (
  seq integer primary key, at integer not null, actor text not null, actor_kind text not null,
  action text not null, target text not null, detail text not null, request text not null,
  prev text not null, hash text not null
);
create trigger if not exists audit_stands before update on audit
  begin select raise(abort, 'the audit log is append-only'); end;
create trigger if not exists audit_stays before delete on audit
  begin select raise(abort, 'the audit log is append-only'); end;
"""
FIRST = "0" * 64
"""What the first row is chained to."""
_FIELDS = ("seq", "at", "actor", "actor_kind", "action", "target", "detail", "request", "prev")


@dataclass(frozen=True, slots=True)
class Entry:
    """One row.

    Attributes:
        seq: number, from 1 without gaps.
        at: epoch microseconds, UTC.
        actor, actor_kind: who, by id, never by name.
        action: what, as ``login``, ``text.open`` …
        target: on what.
        detail: canonical JSON of what else matters; no personal data, no text, no secret.
        request: id of the request.
        prev, hash: the chain.
    """

    seq: int
    at: int
    actor: str
    actor_kind: str
    action: str
    target: str
    detail: str
    request: str
    prev: str
    hash: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Checked:
    """What checking the chain found.

    Attributes:
        rows: rows that stand.
        head: hash of the last row that stands.
        broken: number of the first row that does not fit; None when all do.
        problem: what is wrong, in words; "" when nothing.
    """

    rows: int
    head: str
    broken: int | None = None
    problem: str = ""


def append(
    connection: sqlite3.Connection,
    actor: Actor,
    action: str,
    target: str = "",
    *,
    at: int,
    request: str = "",
    detail: Mapping[str, Any] | None = None,
) -> Entry:
    """Add a row; the caller holds a write transaction (``begin immediate``).

    Raises:
        RuntimeError: there is no transaction, so two rows could claim one place in the chain.
    """
    if not connection.in_transaction:
        raise RuntimeError("an audit row is written inside the transaction of its act")
    seq, prev = head(connection)
    values: dict[str, Any] = {
        "seq": seq + 1, "at": at, "actor": actor.id, "actor_kind": actor.kind, "action": action,
        "target": target, "detail": _canonical(detail or {}), "request": request, "prev": prev,
    }  # fmt: skip
    entry = Entry(**values, hash=_digest(values))
    connection.execute(
        "insert into audit values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", tuple(asdict(entry).values())
    )
    return entry


def head(connection: sqlite3.Connection) -> tuple[int, str]:
    """Number and hash of the last row: what an anchor keeps."""
    row = connection.execute("select seq, hash from audit order by seq desc limit 1").fetchone()
    return (int(row[0]), str(row[1])) if row else (0, FIRST)


def entries(
    connection: sqlite3.Connection, *, before: int | None = None, limit: int = 100, action: str = ""
) -> list[Entry]:
    """Rows, latest first.

    Args:
        connection: of the store.
        before: only rows with a smaller number.
        limit: most rows.
        action: only this one and those below it (``text`` finds ``text.open``).
    """
    rows = connection.execute(
        "select * from audit where seq < ? and (? = '' or action = ? or action like ? || '.%')"
        " order by seq desc limit ?",
        (before if before is not None else 1 << 62, action, action, action, limit),
    )
    return [Entry(*row) for row in rows]


def check(connection: sqlite3.Connection, anchor: tuple[int, str] | None = None) -> Checked:
    """Follow the chain from its first row.

    Args:
        connection: of the store.
        anchor: number and hash of a row noted elsewhere.
    """
    prev, count = FIRST, 0
    for row in connection.execute("select * from audit order by seq"):
        entry = Entry(*row)
        problem = ""
        if entry.seq != count + 1:
            problem = f"row {count + 1} is missing"
        elif entry.prev != prev:
            problem = f"row {entry.seq} does not follow the row before it"
        elif entry.hash != _digest({name: getattr(entry, name) for name in _FIELDS}):
            problem = f"row {entry.seq} is not what was written"
        elif anchor is not None and entry.seq == anchor[0] and entry.hash != anchor[1]:
            problem = f"row {entry.seq} is not the anchored one"
        if problem:
            return Checked(count, prev, count + 1, problem)
        prev, count = entry.hash, count + 1
    if anchor is not None and anchor[0] > count:
        return Checked(count, prev, count + 1, f"the log ends before the anchored row {anchor[0]}")
    return Checked(count, prev)


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _digest(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical({name: values[name] for name in _FIELDS}).encode()).hexdigest()
