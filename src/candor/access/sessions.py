"""Sessions of people in browsers, and tokens of programs.

A session ends after 30 minutes without a request and after 12 hours anyway; on logout, change of
password or role, and disabling. Both are opaque, random and stored hashed. A token holds no more
than its owner holds at the moment it is used.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass

from candor.access import audit, secrets
from candor.access.people import DAY, MINUTE, People, Person
from candor.access.permissions import TOKEN_SCOPES, Actor, Permission
from candor.access.store import Store
from candor.errors import CandorError, Problem, nearest

IDLE, ABSOLUTE = 30 * MINUTE, 12 * 60 * MINUTE
_SEEN_EVERY = MINUTE
PREFIX = "candor_"
LONGEST_TOKEN_DAYS = 366


@dataclass(frozen=True, slots=True)
class Session:
    """One browser somebody is logged in with; ``mark`` names it without opening it."""

    mark: str
    created_at: int
    seen_at: int
    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a program, without its secret."""

    id: str
    name: str
    permissions: tuple[str, ...]
    created_at: int
    until: int
    revoked_at: int | None
    used_at: int | None


class Sessions:
    """Sessions and tokens of one store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.people = People(store)

    def start(self, person: Person, address: str, agent: str, *, request: str = "") -> str:
        """A new session; returns what the browser keeps."""
        raw, now = secrets.token(), self.store.now()
        with self.store.change() as db:
            db.execute("delete from session where created_at < ? or seen_at < ?",
                       (now - ABSOLUTE, now - IDLE))  # fmt: skip
            db.execute(
                "insert into session values (?, ?, ?, ?, ?, ?)",
                (secrets.hashed(raw), person.id, now, now, address[:64], agent[:120]),
            )
            audit.append(db, person.actor(), "login", person.id, at=now, request=request)
        return raw

    def person(self, raw: str) -> Person | None:
        """Whose session this is; None when it has ended."""
        now, key = self.store.now(), secrets.hashed(raw)
        row = self.store.connection.execute(
            "select person, created_at, seen_at from session where hash = ?", (key,)
        ).fetchone()
        if row is None or now - row[1] > ABSOLUTE or now - row[2] > IDLE:
            return None
        person = self.people.get(row[0])
        if person.is_disabled:
            return None
        if now - row[2] > _SEEN_EVERY:
            with self.store.change() as db:
                db.execute("update session set seen_at = ? where hash = ?", (now, key))
        return person

    def end(self, by: Actor, raw: str, *, request: str = "") -> None:
        """Log out."""
        with self.store.change() as db:
            db.execute("delete from session where hash = ?", (secrets.hashed(raw),))
            audit.append(db, by, "logout", by.id, at=self.store.now(), request=request)

    def of(self, person: str) -> list[Session]:
        """Where somebody is logged in, latest first."""
        now = self.store.now()
        rows = self.store.connection.execute(
            "select substr(hash, 1, 12), created_at, seen_at, address, agent from session"
            " where person = ? and created_at > ? and seen_at > ? order by seen_at desc, hash",
            (person, now - ABSOLUTE, now - IDLE),
        )
        return [Session(*row) for row in rows]

    def end_marked(self, by: Actor, mark: str, *, request: str = "") -> None:
        """End one of one's own sessions.

        Raises:
            CandorError: ``session.unknown``.
        """
        with self.store.change() as db:
            ended = db.execute(
                "delete from session where person = ? and substr(hash, 1, 12) = ?", (by.id, mark)
            ).rowcount
            if not ended:
                raise CandorError("session.unknown", Problem("there is no such session"))
            audit.append(db, by, "session.end", by.id, at=self.store.now(), request=request)

    def issue(
        self, by: Actor, name: str, permissions: list[str], days: int, *, request: str = ""
    ) -> str:
        """A token for a program; returns its secret, which is not kept.

        Raises:
            CandorError: every mistake at once.
        """
        allowed = sorted(TOKEN_SCOPES & by.permissions)
        problems = [
            Problem(
                f"'{wanted}' cannot be given to a token of yours",
                "permissions",
                ", ".join(allowed),
                nearest(wanted, allowed),
            )
            for wanted in permissions
            if wanted not in allowed
        ]
        if not permissions:
            problems.append(Problem("no permission was chosen", "permissions"))
        if not name.strip() or len(name) > 80 or not name.isprintable():
            problems.append(Problem("a name has 1 to 80 printable characters", "name"))
        if not 1 <= days <= LONGEST_TOKEN_DAYS:
            problems.append(
                Problem(f"{days} days are not possible", "days", f"1 to {LONGEST_TOKEN_DAYS}")
            )
        if problems:
            raise CandorError("token.invalid", problems)
        made, raw, now = secrets.identifier("t"), PREFIX + secrets.token(), self.store.now()
        with self.store.change() as db:
            db.execute(
                "insert into token values (?, ?, ?, ?, ?, ?, ?, null, null)",
                (made, secrets.hashed(raw), by.id, name.strip(),
                 json.dumps(sorted(set(permissions))), now, now + days * DAY),
            )  # fmt: skip
            audit.append(
                db, by, "token.issue", made, at=now, request=request,
                detail={"permissions": sorted(set(permissions)), "days": days},
            )  # fmt: skip
        return raw

    def token_actor(self, raw: str) -> Actor | None:
        """The program that shows this token; None when it is unknown, revoked or has ended."""
        now = self.store.now()
        row = self.store.connection.execute(
            "select id, name, person, permissions, until, revoked_at, used_at from token"
            " where hash = ?",
            (secrets.hashed(raw),),
        ).fetchone()
        if row is None or row[5] is not None or row[4] <= now:
            return None
        person = self.people.get(row[2])
        if person.is_disabled:
            return None
        if row[6] is None or now - row[6] > _SEEN_EVERY:
            with self.store.change() as db:
                db.execute("update token set used_at = ? where id = ?", (now, row[0]))
        held = frozenset(Permission(each) for each in json.loads(row[3])) & person.permissions
        return Actor(row[0], row[1], "token", "", held, dict(person.scope))

    def tokens(self, person: str) -> list[Token]:
        """The tokens of a person, latest first."""
        rows = self.store.connection.execute(
            "select id, name, permissions, created_at, until, revoked_at, used_at from token"
            " where person = ? order by created_at desc, id",
            (person,),
        )
        return [Token(row[0], row[1], tuple(json.loads(row[2])), *row[3:]) for row in rows]

    def revoke(self, by: Actor, identifier: str, *, request: str = "") -> None:
        """Make a token of one's own useless.

        Raises:
            CandorError: ``token.unknown``, whether it is not there or not one's own.
        """
        now = self.store.now()
        with self.store.change() as db:
            changed = db.execute(
                "update token set revoked_at = ? where id = ? and person = ? and revoked_at is null",
                (now, identifier, by.id),
            ).rowcount
            if not changed:
                raise CandorError("token.unknown", Problem("there is no such token"))
            audit.append(db, by, "token.revoke", identifier, at=now, request=request)


def form_mark(raw: str) -> str:
    """What a form of this session must carry, so that another site cannot send it."""
    return hmac.new(raw.encode(), b"candor form", hashlib.sha256).hexdigest()
