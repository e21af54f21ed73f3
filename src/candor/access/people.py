"""People: accounts, roles, scopes, passwords, and grants of reading text.

The first admin is made on the command line of the host. There is no default account. A name that is
not known answers as slowly, and with the same words, as a wrong password.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from candor.access import audit, secrets
from candor.access.permissions import ALWAYS, ROLES, Actor, Permission
from candor.access.store import Store
from candor.errors import CandorError, Problem, nearest

MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE
WINDOW, BY_NAME, BY_ADDRESS = 15 * MINUTE, 8, 40
"""Failed logins within the window after which a name, or an address, must wait."""
LONGEST_GRANT_DAYS = 90
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Grant:
    """Somebody may read text until a day, for a reason."""

    id: str
    reason: str
    granted_by: str
    granted_at: int
    until: int


@dataclass(frozen=True, slots=True)
class Person:
    """An account.

    Attributes:
        id, name, role: identity and what it may do.
        is_disabled: cannot log in; everything it held is void.
        scope: segment to value its figures are confined to.
        created_at: epoch microseconds.
        grants: those that have not ended.
    """

    id: str
    name: str
    role: str
    is_disabled: bool
    scope: Mapping[str, str]
    created_at: int
    grants: tuple[Grant, ...] = ()

    @property
    def permissions(self) -> frozenset[Permission]:
        """Everything allowed now."""
        if self.is_disabled:
            return frozenset()
        text = {Permission.TEXT} if self.grants else set()
        return ROLES[self.role] | ALWAYS | text

    def actor(self) -> Actor:
        """The person as one who asks."""
        return Actor(self.id, self.name, "person", self.role, self.permissions, dict(self.scope))


class Throttled(Exception):  # noqa: N818 - it is not an error of the person who waits
    """Too many failed logins; try again after so many seconds."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"wait {seconds} s")
        self.seconds = seconds


class People:
    """The accounts of one store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add(
        self,
        by: Actor,
        name: str,
        role: str,
        password: str,
        *,
        scope: Mapping[str, str] | None = None,
        request: str = "",
    ) -> Person:
        """A new account.

        Raises:
            CandorError: every mistake at once.
        """
        wanted = name.strip()
        problems = _role_problems(role)
        if not 0 < len(wanted) <= _LONGEST_NAME or not wanted.isprintable():
            problems.append(
                Problem("a name has 1 to 80 printable characters", "name", "such as ada.lovelace")
            )
        problems += _password_problems(password, wanted)
        if problems:
            raise CandorError("person.invalid", problems)
        made, now = secrets.identifier("p"), self.store.now()
        protected = secrets.protect(password)
        try:
            with self.store.change() as db:
                db.execute(
                    "insert into person values (?, ?, ?, ?, 0, ?, ?)",
                    (made, wanted, role, protected, json.dumps(dict(scope or {})), now),
                )
                audit.append(
                    db, by, "person.add", made, at=now, request=request,
                    detail={"role": role, "scope": dict(scope or {})},
                )  # fmt: skip
        except sqlite3.IntegrityError:
            raise CandorError(
                "person.exists", Problem(f"there is an account '{wanted}' already", "name")
            ) from None
        return self.get(made)

    def get(self, identifier: str) -> Person:
        """One account by id.

        Raises:
            CandorError: ``person.unknown``.
        """
        row = self.store.connection.execute(
            f"select {_COLUMNS} from person where id = ?", (identifier,)
        ).fetchone()
        if row is None:
            raise _unknown(identifier)
        return self._person(row)

    def named(self, name: str) -> Person:
        """One account by name.

        Raises:
            CandorError: ``person.unknown``.
        """
        row = self.store.connection.execute(
            f"select {_COLUMNS} from person where name = ?", (name.strip(),)
        ).fetchone()
        if row is None:
            raise _unknown(name)
        return self._person(row)

    def everybody(self) -> list[Person]:
        """All accounts by name."""
        rows = self.store.connection.execute(f"select {_COLUMNS} from person order by name, id")
        return [self._person(row) for row in rows.fetchall()]

    def login(self, name: str, password: str, address: str, *, request: str = "") -> Person | None:
        """The person whose name and password these are; None when they are not.

        Raises:
            Throttled: there were too many failures from this name or address.
        """
        now = self.store.now()
        keys = {"name:" + secrets.hashed(name.strip().lower()): BY_NAME,
                "address:" + secrets.hashed(address): BY_ADDRESS}  # fmt: skip
        self._wait(keys, now)
        row = self.store.connection.execute(
            "select id, password, is_disabled from person where name = ?", (name.strip(),)
        ).fetchone()
        right = secrets.matches(row[1] if row else secrets.nobody(), password)
        if row is not None and right and not row[2]:
            with self.store.change() as db:
                db.execute("delete from failure where key = ?", (next(iter(keys)),))
            return self.get(row[0])
        anyone = Actor(row[0] if row else "", "", "anonymous")
        with self.store.change() as db:
            db.execute("delete from failure where at < ?", (now - WINDOW,))
            db.executemany("insert into failure values (?, ?)", [(now, key) for key in keys])
            audit.append(db, anyone, "login.denied", at=now, request=request)
        return None

    def set_role(
        self, by: Actor, identifier: str, role: str, scope: Mapping[str, str], *, request: str = ""
    ) -> None:
        """Another role or scope; sessions of the person end.

        Raises:
            CandorError: an unknown role or person, or the last admin would be gone.
        """
        if problems := _role_problems(role):
            raise CandorError("person.invalid", problems)
        person = self.get(identifier)
        with self.store.change() as db:
            if person.role == "admin" and role != "admin":
                _keep_an_admin(db, identifier)
            db.execute(
                "update person set role = ?, scope = ? where id = ?",
                (role, json.dumps(dict(scope)), identifier),
            )
            end_sessions(db, identifier)
            audit.append(
                db, by, "person.role", identifier, at=self.store.now(), request=request,
                detail={"before": person.role, "after": role, "scope": dict(scope)},
            )  # fmt: skip

    def disable(self, by: Actor, identifier: str, *, is_disabled: bool, request: str = "") -> None:
        """Switch an account off or on; sessions and tokens of one switched off are void.

        Raises:
            CandorError: an unknown person, or the last admin would be gone.
        """
        person = self.get(identifier)
        with self.store.change() as db:
            if is_disabled and person.role == "admin":
                _keep_an_admin(db, identifier)
            db.execute(
                "update person set is_disabled = ? where id = ?", (int(is_disabled), identifier)
            )
            end_sessions(db, identifier)
            audit.append(
                db, by, "person.disable" if is_disabled else "person.enable", identifier,
                at=self.store.now(), request=request,
            )  # fmt: skip

    def set_password(self, by: Actor, identifier: str, password: str, *, request: str = "") -> None:
        """Another password; sessions of the person end.

        Raises:
            CandorError: an unknown person or a weak password.
        """
        person = self.get(identifier)
        secrets.check_password(password, person.name)
        protected = secrets.protect(password)
        with self.store.change() as db:
            db.execute("update person set password = ? where id = ?", (protected, identifier))
            end_sessions(db, identifier)
            audit.append(
                db, by, "person.password", identifier, at=self.store.now(), request=request
            )

    def is_password(self, identifier: str, password: str) -> bool:
        """Whether this is the person's password."""
        row = self.store.connection.execute(
            "select password from person where id = ?", (identifier,)
        ).fetchone()
        return row is not None and secrets.matches(row[0], password)

    def grant_text(
        self, by: Actor, identifier: str, reason: str, days: int, *, request: str = ""
    ) -> None:
        """Let a person read text for some days.

        Raises:
            CandorError: an unknown person, no reason, or a time that is too long.
        """
        self.get(identifier)
        problems = []
        if len(reason.strip()) < 5:
            problems.append(Problem("a reason is needed", "reason", "a few words"))
        if not 1 <= days <= LONGEST_GRANT_DAYS:
            problems.append(
                Problem(f"{days} days are not possible", "days", f"1 to {LONGEST_GRANT_DAYS}")
            )
        if problems:
            raise CandorError("grant.invalid", problems)
        made, now = secrets.identifier("g"), self.store.now()
        with self.store.change() as db:
            db.execute(
                "insert into text_grant values (?, ?, ?, ?, ?, ?)",
                (made, identifier, reason.strip()[:300], by.id, now, now + days * DAY),
            )
            audit.append(
                db, by, "grant.text", identifier, at=now, request=request,
                detail={"grant": made, "days": days},
            )  # fmt: skip

    def end_grants(self, by: Actor, identifier: str, *, request: str = "") -> None:
        """End every grant of a person now."""
        now = self.store.now()
        with self.store.change() as db:
            db.execute(
                "update text_grant set until = ? where person = ? and until > ?",
                (now, identifier, now),
            )
            audit.append(db, by, "grant.end", identifier, at=now, request=request)

    def _person(self, row: tuple[Any, ...]) -> Person:
        grants = self.store.connection.execute(
            "select id, reason, granted_by, granted_at, until from text_grant"
            " where person = ? and until > ? order by until, id",
            (row[0], self.store.now()),
        ).fetchall()
        return Person(
            row[0], row[1], row[2], bool(row[3]), json.loads(row[4]), row[5],
            tuple(Grant(*grant) for grant in grants),
        )  # fmt: skip

    def _wait(self, keys: Mapping[str, int], now: int) -> None:
        for key, most in keys.items():
            times = [
                row[0]
                for row in self.store.connection.execute(
                    "select at from failure where key = ? and at > ? order by at desc limit ?",
                    (key, now - WINDOW, most),
                )
            ]
            if len(times) >= most:
                raise Throttled(max(1, (times[-1] + WINDOW - now) // 1_000_000))


_COLUMNS = "id, name, role, is_disabled, scope, created_at"


def _unknown(who: str) -> CandorError:
    return CandorError("person.unknown", Problem(f"there is no account '{who}'"))


def _role_problems(role: str) -> list[Problem]:
    if role in ROLES:
        return []
    return [Problem(f"unknown role '{role}'", "role", ", ".join(ROLES), nearest(role, list(ROLES)))]


def _password_problems(password: str, name: str) -> list[Problem]:
    try:
        secrets.check_password(password, name)
    except CandorError as error:
        return list(error.problems)
    return []


def _keep_an_admin(db: sqlite3.Connection, leaving: str) -> None:
    left = db.execute(
        "select count(*) from person where role = 'admin' and not is_disabled and id <> ?",
        (leaving,),
    ).fetchone()[0]
    if not left:
        raise CandorError(
            "person.last_admin",
            Problem("this is the last admin", "", "another admin first", "add one, then try again"),
        )


def end_sessions(db: sqlite3.Connection, person: str) -> None:
    """Log a person out everywhere; the caller holds the transaction."""
    db.execute("delete from session where person = ?", (person,))
