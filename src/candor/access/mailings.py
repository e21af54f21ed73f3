"""Pages sent by mail on a schedule: who gets which page when, and what became of it.

Everybody asks for pages themselves; only admins say to which address somebody's mail goes. A mailing is sent once
for each period of its schedule: the period is claimed before the mail leaves, and the mail carries an id made of
both, so that an interrupted sending can be repeated without a second letter being taken for another one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from candor.access import audit, secrets
from candor.access.people import MINUTE
from candor.access.permissions import Actor
from candor.access.store import Store
from candor.errors import CandorError, Problem, nearest

Cadence = Literal["daily", "weekly"]
CADENCES = ("daily", "weekly")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MOST = 20
INTERRUPTED = 15 * MINUTE
"""After so long a sending of which nothing is known is repeated."""
_ADDRESS = re.compile(
    r"[^\s@<>,;:\"'()\[\]\\\x00-\x1f\x7f]{1,64}@[A-Za-z0-9.-]{1,180}\.[A-Za-z]{2,30}"
)


@dataclass(frozen=True, slots=True)
class Mailing:
    """One page that goes to one person.

    Attributes:
        id, person: of the mailing, and who gets it.
        title, page: what it is called, and the path with its filters.
        cadence: daily or weekly.
        weekday: 0 is Monday; of weekly ones.
        hour: of the day in the workspace's zone.
        sent: period sent last, as the date it was due; "" for none.
        sent_at: epoch microseconds of the last letter; None for none.
        claimed: period being sent; "" when none is.
        claimed_at: since when.
        failure: why the last attempt failed; "" when it did not.
        failures: failed attempts in this period.
    """

    id: str
    person: str
    title: str
    page: str
    cadence: Cadence
    weekday: int
    hour: int
    sent: str
    sent_at: int | None
    claimed: str
    claimed_at: int
    failure: str
    failures: int

    @property
    def when(self) -> str:
        """The schedule in words."""
        day = "every day" if self.cadence == "daily" else f"every {WEEKDAYS[self.weekday]}"
        return f"{day} at {self.hour:02d}:00"


def period(mailing: Mailing, now: datetime, zone: str) -> str:
    """The period that is due: the date of the last moment of the schedule that has passed.

    Args:
        mailing: with its schedule.
        now: an instant with its zone.
        zone: of the workspace; the hour is one of its clock.
    """
    return _last(mailing.cadence, mailing.weekday, mailing.hour, now, zone)


def _last(cadence: str, weekday: int, hour: int, now: datetime, zone: str) -> str:
    local = now.astimezone(ZoneInfo(zone))
    day = local.date()
    if local.hour < hour:
        day -= timedelta(days=1)
    if cadence == "weekly":
        day -= timedelta(days=(day.weekday() - weekday) % 7)
    return day.isoformat()


class Mailings:
    """The mailings of one store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def every(self) -> list[Mailing]:
        """All of them, by person and title."""
        return self._where("1 = 1", ())

    def of(self, person: str) -> list[Mailing]:
        """Those of a person, by title."""
        return self._where("person = ?", (person,))

    def address(self, person: str) -> str:
        """Where somebody's mail goes; "" where nobody said."""
        row = self.store.connection.execute(
            "select address from mail_address where person = ?", (person,)
        ).fetchone()
        return "" if row is None else str(row[0])

    def set_address(self, by: Actor, person: str, address: str, *, request: str = "") -> None:
        """Say where somebody's mail goes; "" forgets it. The audit log holds no address.

        Raises:
            CandorError: ``mailing.invalid``, ``person.unknown``.
        """
        wanted = address.strip()
        if wanted and not _ADDRESS.fullmatch(wanted):
            raise CandorError(
                "mailing.invalid", Problem("this is no address", "address", "name@example.com")
            )
        with self.store.change() as db:
            if not db.execute("select 1 from person where id = ?", (person,)).fetchone():
                raise CandorError("person.unknown", Problem("there is no such account"))
            db.execute("delete from mail_address where person = ?", (person,))
            if wanted:
                db.execute("insert into mail_address values (?, ?)", (person, wanted))
            action = "mail.address" if wanted else "mail.address.end"
            audit.append(db, by, action, person, at=self.store.now(), request=request)

    def add(
        self,
        by: Actor,
        title: str,
        page: str,
        cadence: str,
        weekday: int,
        hour: int,
        *,
        now: datetime,
        zone: str,
        request: str = "",
    ) -> None:
        """Send a page to oneself from the next moment of the schedule on.

        Args:
            by: who gets it.
            title: 1 to 80 printable characters.
            page: a path of this server that the person may see.
            cadence: daily or weekly.
            weekday: 0 is Monday.
            hour: 0 to 23, by the clock of the zone.
            now: an instant with its zone.
            zone: of the workspace.
            request: id of the request.

        Raises:
            CandorError: ``mailing.invalid`` with every mistake.
        """
        problems = []
        if not 0 < len(title.strip()) <= 80 or not title.isprintable():
            problems.append(Problem("a title has 1 to 80 printable characters", "title"))
        if cadence not in CADENCES:
            problems.append(
                Problem(
                    f"'{cadence[:20]}' is no cadence", "cadence", "", nearest(cadence, CADENCES)
                )
            )
        if not 0 <= weekday <= 6 or not 0 <= hour <= 23:
            problems.append(Problem("there is no such moment", "hour", "a weekday and 0 to 23"))
        if not self.address(by.id):
            problems.append(
                Problem("nobody has said where your mail goes", "address", "",
                        "an admin sets it under /mailings")
            )  # fmt: skip
        if len(self.of(by.id)) >= MOST:
            problems.append(Problem(f"there are {MOST} mailings", "", "", "remove one first"))
        if problems:
            raise CandorError("mailing.invalid", problems)
        made, at = secrets.identifier("m"), self.store.now()
        passed = _last(cadence, weekday, hour, now, zone)
        with self.store.change() as db:
            db.execute(
                "insert into mailing values (?, ?, ?, ?, ?, ?, ?, ?, null, '', 0, '', 0)",
                (made, by.id, title.strip(), page, cadence, weekday, hour, passed),
            )
            audit.append(
                db, by, "mailing.add", made, at=at, request=request, detail={"cadence": cadence}
            )

    def remove(self, by: Actor, identifier: str, *, anybody: bool, request: str = "") -> None:
        """End a mailing: one's own, or with ``anybody`` anyone's.

        Raises:
            CandorError: ``mailing.unknown``, whether it is not there or not one's own.
        """
        with self.store.change() as db:
            gone = db.execute(
                "delete from mailing where id = ? and (person = ? or ?)",
                (identifier, by.id, anybody),
            ).rowcount
            if not gone:
                raise CandorError("mailing.unknown", Problem("there is no such mailing"))
            audit.append(db, by, "mailing.remove", identifier, at=self.store.now(), request=request)

    def claim(self, mailing: Mailing, due: str) -> bool:
        """Take a period for sending; false when it was sent, or somebody else is sending it."""
        now = self.store.now()
        with self.store.change() as db:
            taken = db.execute(
                "update mailing set claimed = ?, claimed_at = ?,"
                " failures = case when claimed = ? then failures else 0 end"
                " where id = ? and sent < ? and (claimed <> ? or failure <> '' or claimed_at < ?)",
                (due, now, due, mailing.id, due, due, now - INTERRUPTED),
            ).rowcount
            if taken:
                db.execute("update mailing set failure = '' where id = ?", (mailing.id,))
        return bool(taken)

    def sent(self, by: Actor, mailing: Mailing, due: str) -> None:
        """The letter of a period has left."""
        now = self.store.now()
        with self.store.change() as db:
            db.execute(
                "update mailing set sent = ?, sent_at = ?, claimed = '', failure = '', failures = 0"
                " where id = ?",
                (due, now, mailing.id),
            )
            audit.append(db, by, "mailing.send", mailing.id, at=now, detail={"period": due})

    def failed(self, by: Actor, mailing: Mailing, due: str, why: str) -> None:
        """The letter of a period could not be sent; the next tick tries again."""
        now = self.store.now()
        with self.store.change() as db:
            db.execute(
                "update mailing set failure = ?, failures = failures + 1 where id = ?",
                (why[:300], mailing.id),
            )
            audit.append(db, by, "mailing.fail", mailing.id, at=now, detail={"period": due})

    def _where(self, condition: str, values: tuple[str, ...]) -> list[Mailing]:
        rows = self.store.connection.execute(
            "select id, person, title, page, cadence, weekday, hour, sent, sent_at, claimed,"
            f" claimed_at, failure, failures from mailing where {condition}"
            " order by person, title, id",
            values,
        )
        return [Mailing(*row) for row in rows]
