"""The file that remembers people, sessions, tokens, share links and the audit log.

SQLite in WAL mode with full synchronisation, mode 0600 in a folder of mode 0700. One connection a
thread. Every change is one ``begin immediate`` transaction that holds its audit row.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from candor.access import audit

NAME = "access.db"
_SCHEMA = """
create table if not exists person (
  id text primary key, name text not null unique collate nocase, role text not null,
  password text not null, is_disabled integer not null default 0, scope text not null default '{}',
  created_at integer not null
);
create table if not exists text_grant (
  id text primary key, person text not null references person(id), reason text not null,
  granted_by text not null, granted_at integer not null, until integer not null
);
create table if not exists session (
  hash text primary key, person text not null references person(id), created_at integer not null,
  seen_at integer not null, address text not null, agent text not null
);
create table if not exists token (
  id text primary key, hash text not null unique, person text not null references person(id),
  name text not null, permissions text not null, created_at integer not null,
  until integer not null, revoked_at integer, used_at integer
);
create table if not exists failure (at integer not null, key text not null);
create index if not exists failure_by_key on failure (key, at);
create table if not exists share (
  id text primary key, hash text not null unique, person text not null, title text not null,
  snapshot text not null, page blob not null, created_at integer not null, until integer not null,
  revoked_at integer, views integer not null default 0
);
create table if not exists saved_view (
  id text primary key, person text not null references person(id), title text not null,
  path text not null, saved_at integer not null
);
create table if not exists mail_address (
  person text primary key references person(id), address text not null
);
create table if not exists mailing (
  id text primary key, person text not null references person(id), title text not null,
  page text not null, cadence text not null, weekday integer not null, hour integer not null,
  sent text not null, sent_at integer, claimed text not null, claimed_at integer not null,
  failure text not null, failures integer not null
);
"""


class Store:
    """The opened file.

    Args:
        folder: a folder only its owner may read; it is made when missing.
        clock: epoch microseconds; tests hand in their own.
    """

    def __init__(self, folder: Path, clock: Callable[[], int] | None = None) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / NAME
        self.now = clock or (lambda: time.time_ns() // 1000)
        self._threads = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        os.close(descriptor)
        self.path.chmod(0o600)
        self.connection.executescript(_SCHEMA + audit.SCHEMA)

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection of this thread."""
        found: sqlite3.Connection | None = getattr(self._threads, "connection", None)
        if found is None:
            found = sqlite3.connect(
                self.path, isolation_level=None, timeout=10, check_same_thread=False
            )
            for pragma in ("journal_mode = wal", "synchronous = full", "foreign_keys = on",
                           "trusted_schema = off"):  # fmt: skip
                found.execute(f"pragma {pragma}")
            self._threads.connection = found
            with self._lock:
                self._open.append(found)
        return found

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: all of it happens, its audit rows included, or nothing."""
        connection = self.connection
        connection.execute("begin immediate")
        try:
            yield connection
        except BaseException:
            connection.execute("rollback")
            raise
        connection.execute("commit")

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for connection in self._open:
                connection.close()
            self._open.clear()
