"""The book of alerts: ``alerts.db`` in the workspace, a small SQLite file of its own.

Only this module reads and writes it. It holds what was looked at, which alerts are open, acknowledged
or snoozed, and what was delivered where; never a figure that is not also in the publication. One
signal after another of the same key is one alert; it closes after three periods without one.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from candor.answers.watching import Looked
from candor.errors import CandorError, Problem
from candor.verdicts.alerts import QUIET_PERIODS, Signal, State
from candor.window import to_date

FILE = "alerts.db"
_SCHEMA = """
create table if not exists alert (
    id integer primary key,
    key text not null,
    metric text not null,
    state text not null check (state in ('open', 'acknowledged', 'closed')),
    first_period integer not null,
    last_period integer not null,
    occurrences integer not null,
    quiet integer not null,
    snoozed_until text,
    told text not null
);
create unique index if not exists one_living_alert on alert (key) where state <> 'closed';
create table if not exists seen (metric text primary key, period integer not null);
create table if not exists delivery (
    alert_id integer not null references alert (id),
    channel text not null,
    sent_at text,
    attempts integer not null,
    error text,
    primary key (alert_id, channel)
);
"""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Attributes:
        id: number in this book.
        key: metric, grain and side.
        metric: name of the metric.
        state: open, acknowledged or closed.
        first_period, last_period: first and latest period with a signal.
        occurrences: periods with a signal.
        snoozed_until: nothing is sent before this instant (ISO); None when awake.
        told: its latest signal as plain data.
    """

    id: int
    key: str
    metric: str
    state: State
    first_period: int
    last_period: int
    occurrences: int
    snoozed_until: str | None
    told: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "id": self.id,
            "key": self.key,
            "state": self.state,
            "since": to_date(self.first_period).isoformat(),
            "latest": to_date(self.last_period).isoformat(),
            "occurrences": self.occurrences,
            "snoozed_until": self.snoozed_until,
            **{name: value for name, value in self.told.items() if name != "key"},
        }


class AlertBook:
    """The alerts of one workspace. Use as a context manager.

    Args:
        root: folder of the workspace.
        keep: False never makes the file: without one the book is empty and forgotten.
    """

    def __init__(self, root: Path, *, keep: bool = True) -> None:
        path = root / FILE
        place = path if keep or path.exists() else ":memory:"
        self._connection = sqlite3.connect(place, isolation_level=None, timeout=10)
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = full")
        self._connection.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def seen(self) -> dict[str, int]:
        """Metric to the first day of the last period looked at."""
        return dict(self._connection.execute("select metric, period from seen").fetchall())

    def enter(self, looked: Iterable[Looked]) -> None:
        """Book looks: new signals open alerts or belong to living ones, quiet periods close them.

        All of it is one transaction.
        """
        with self._transaction():
            for one in looked:
                for each in one.looks:
                    if each.signal is not None:
                        self._signal(each.signal)
                    self._quiet(one.watched.metric, each.signal)
                    self._connection.execute(
                        "insert into seen values (?, ?) on conflict (metric)"
                        " do update set period = excluded.period",
                        (one.watched.metric, each.start),
                    )

    def alerts(self, *, closed: bool = False) -> list[Alert]:
        """Living alerts, newest first; with ``closed`` also those that are over."""
        return self._select("" if closed else "where state <> 'closed'")

    def due(self, channel: str, now: datetime) -> list[Alert]:
        """Open alerts that were not yet delivered by a channel and are not asleep."""
        return [
            alert
            for alert in self._select(
                "where state = 'open' and not exists (select 1 from delivery as d where"
                " d.alert_id = alert.id and d.channel = ? and d.sent_at is not null)",
                (channel,),
            )
            if alert.snoozed_until is None or datetime.fromisoformat(alert.snoozed_until) <= now
        ]

    def delivered(
        self, alerts: Iterable[Alert], channel: str, now: datetime, *, error: str | None = None
    ) -> None:
        """Note that alerts were sent by a channel, or why they were not."""
        sent = None if error else now.astimezone(UTC).isoformat()
        with self._transaction():
            self._connection.executemany(
                "insert into delivery values (?, ?, ?, 1, ?) on conflict (alert_id, channel)"
                " do update set sent_at = excluded.sent_at, error = excluded.error,"
                " attempts = delivery.attempts + 1",
                [(alert.id, channel, sent, error) for alert in alerts],
            )

    def acknowledge(self, identifier: int) -> Alert:
        """Somebody took care: nothing more is sent about this alert.

        Raises:
            CandorError: ``alerts.unknown``.
        """
        return self._change(identifier, "state = 'acknowledged'", ())

    def snooze(self, identifier: int, until: datetime) -> Alert:
        """Nothing is sent before ``until``; if it is still open then, it is sent.

        Raises:
            CandorError: ``alerts.unknown``.
        """
        return self._change(identifier, "snoozed_until = ?", (until.astimezone(UTC).isoformat(),))

    def _signal(self, signal: Signal) -> None:
        told = json.dumps(signal.as_dict(), sort_keys=True, ensure_ascii=False)
        changed = self._connection.execute(
            "update alert set last_period = ?, occurrences = occurrences + 1, quiet = 0, told = ?"
            " where key = ? and state <> 'closed'",
            (signal.start, told, signal.key),
        )
        if not changed.rowcount:
            self._connection.execute(
                "insert into alert (key, metric, state, first_period, last_period, occurrences,"
                " quiet, told) values (?, ?, 'open', ?, ?, 1, 0, ?)",
                (signal.key, signal.watched.metric, signal.start, signal.start, told),
            )

    def _quiet(self, metric: str, signal: Signal | None) -> None:
        """Count a period for the living alerts of a metric that had no signal in it."""
        self._connection.execute(
            "update alert set quiet = quiet + 1,"
            f" state = case when quiet + 1 >= {QUIET_PERIODS} then 'closed' else state end"
            " where metric = ? and state <> 'closed' and key <> ?",
            (metric, signal.key if signal else ""),
        )

    def _change(self, identifier: int, change: str, values: tuple[Any, ...]) -> Alert:
        with self._transaction():
            self._connection.execute(
                f"update alert set {change} where id = ? and state <> 'closed'",
                (*values, identifier),
            )
            found = self._select("where id = ? and state <> 'closed'", (identifier,))
        if not found:
            raise CandorError(
                "alerts.unknown",
                Problem(
                    f"there is no living alert {identifier}", "", "",
                    "`candor alerts list` shows them",
                ),
                exit_code=2,
            )  # fmt: skip
        return found[0]

    def _select(self, condition: str, values: tuple[Any, ...] = ()) -> list[Alert]:
        with closing(self._connection.cursor()) as cursor:
            rows = cursor.execute(
                "select id, key, metric, state, first_period, last_period, occurrences,"
                f" snoozed_until, told from alert {condition} order by last_period desc, id desc",
                values,
            ).fetchall()
        return [_alert(row) for row in rows]

    def _transaction(self) -> _Transaction:
        return _Transaction(self._connection)


def _alert(row: tuple[Any, ...]) -> Alert:
    number, key, metric, state, first, last, occurrences, snoozed_until, told = row
    return Alert(
        number, key, metric, state, first, last, occurrences, snoozed_until, json.loads(told)
    )


class _Transaction:
    """All or nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("begin immediate")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.execute("rollback" if kind else "commit")
