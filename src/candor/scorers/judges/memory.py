"""What was asked and answered, and what it cost: one SQLite file, so that nothing is paid for twice.

Answers are kept as they came and checked again when read. Money is counted before sending at the
worst case and put right afterwards; a run that was killed has at most counted too much.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from pathlib import Path

from candor.scorers.judges.client import Endpoint, Reply
from candor.scorers.judges.prompt import Prompt

_SCHEMA = """
create table if not exists answer (
    key text primary key, model text not null, text text not null, tokens_in integer,
    tokens_out integer, asked_at text not null default current_timestamp
);
create table if not exists spent (
    id integer primary key, judge text not null, amount real not null,
    asked_at text not null default current_timestamp
);
"""


class Memory:
    """Remembered answers and money spent; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        path.chmod(0o600)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def known(self, key: str) -> Reply | None:
        """The answer under a key."""
        with self._lock:
            row = self._db.execute(
                "select text, model, tokens_in, tokens_out from answer where key = ?", (key,)
            ).fetchone()
        return None if row is None else Reply(*row)

    def remember(self, key: str, reply: Reply) -> None:
        """Keep an answer."""
        with self._lock:
            self._db.execute(
                "insert or replace into answer (key, model, text, tokens_in, tokens_out)"
                " values (?, ?, ?, ?, ?)",
                (key, reply.model, reply.text, reply.tokens_in, reply.tokens_out),
            )

    def forget(self, key: str) -> None:
        """Drop an answer, so that it is asked for anew."""
        with self._lock:
            self._db.execute("delete from answer where key = ?", (key,))

    def reserve(self, judge: str, amount: float, budget: float | None) -> int | None:
        """Count the worst case of a call before it is sent; None when the budget does not allow it."""
        with self._lock:
            spent = self._spent(judge)
            if budget is not None and spent + amount > budget + 1e-12:
                return None
            cursor = self._db.execute(
                "insert into spent (judge, amount) values (?, ?)", (judge, amount)
            )
            return cursor.lastrowid

    def settle(self, reservation: int, amount: float) -> None:
        """Put the true cost in the place of the reserved one."""
        with self._lock:
            self._db.execute("update spent set amount = ? where id = ?", (amount, reservation))

    def spent(self, judge: str) -> float:
        """Money counted for a judge so far."""
        with self._lock:
            return self._spent(judge)

    def _spent(self, judge: str) -> float:
        row = self._db.execute("select sum(amount) from spent where judge = ?", (judge,)).fetchone()
        return float(row[0] or 0.0)


def answer_key(endpoint: Endpoint, epoch: str, prompt: Prompt, repeat: int) -> str:
    """One name for one question: judge, model, decoding, prompt with its conversation, repeat."""
    told = (
        epoch, endpoint.model, repr(endpoint.temperature), str(endpoint.max_tokens), prompt.system,
        prompt.user, str(repeat),
    )  # fmt: skip
    return hashlib.sha256("\x1f".join(told).encode()).hexdigest()
