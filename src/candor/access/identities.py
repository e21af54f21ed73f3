"""Accounts of people who log in at an identity provider: known by issuer and subject, never by name.

A name or mail address of the provider is shown and no more: an account that exists is not taken over by
whoever is called the same. The role follows the provider's groups at each login; leaving every
group ends what the account held.
"""

from __future__ import annotations

import sqlite3

from candor.access import audit, secrets
from candor.access.people import People, Person, end_sessions
from candor.access.permissions import Actor
from candor.access.store import Store

SCHEMA = """
create table if not exists identity (
  issuer text not null, subject text not null, person text not null references person(id),
  created_at integer not null, primary key (issuer, subject)
);
"""
_PROVIDER = Actor("sso", "identity provider", "operator")
_LONGEST_NAME = 60
_NO_PASSWORD = ""
"""No hash: nothing a person types matches it."""


class NotProved(Exception):  # noqa: N818 - an answer, not a fault
    """The provider's answer does not prove who logs in.

    Args:
        why: one word for the audit log.
        what: for people.
    """

    def __init__(self, why: str, what: str) -> None:
        super().__init__(what)
        self.why, self.what = why, what


class Identities:
    """The accounts of one store that a provider vouches for."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.people = People(store)
        self.store.connection.executescript(SCHEMA)

    def login(
        self, issuer: str, subject: str, name: str, role: str, *, request: str = ""
    ) -> Person | None:
        """The account of a subject, made at its first login; None when it was switched off.

        Args:
            issuer: of the provider.
            subject: as the provider names the person for good.
            name: shown; made unlike every other.
            role: by the groups of this login.
            request: id of the request.
        """
        now = self.store.now()
        with self.store.change() as db:
            found = self._person(db, issuer, subject)
            if found is None:
                found = secrets.identifier("p")
                db.execute(
                    "insert into person values (?, ?, ?, ?, 0, '{}', ?)",
                    (found, _free_name(db, name), role, _NO_PASSWORD, now),
                )
                db.execute(
                    "insert into identity values (?, ?, ?, ?)", (issuer, subject, found, now)
                )
                audit.append(db, _PROVIDER, "person.add", found, at=now, request=request,
                             detail={"role": role, "by": "sso"})  # fmt: skip
            else:
                before = db.execute("select role from person where id = ?", (found,)).fetchone()[0]
                if before != role:
                    db.execute("update person set role = ? where id = ?", (role, found))
                    end_sessions(db, found)
                    audit.append(db, _PROVIDER, "person.role", found, at=now, request=request,
                                 detail={"before": before, "after": role, "by": "sso"})  # fmt: skip
        person = self.people.get(found)
        return None if person.is_disabled else person

    def leave(self, issuer: str, subject: str, *, request: str = "") -> None:
        """The subject is in no group that has a role: its sessions and tokens end."""
        now = self.store.now()
        with self.store.change() as db:
            found = self._person(db, issuer, subject)
            if found is not None:
                end_sessions(db, found)
                db.execute(
                    "update token set revoked_at = ? where person = ? and revoked_at is null",
                    (now, found),
                )
            audit.append(db, _PROVIDER, "login.denied", found or "", at=now, request=request,
                         detail={"by": "sso", "why": "group"})  # fmt: skip

    def deny(self, why: str, *, request: str = "") -> None:
        """Note a login that the provider's answer did not prove."""
        with self.store.change() as db:
            audit.append(db, _PROVIDER, "login.denied", at=self.store.now(), request=request,
                         detail={"by": "sso", "why": why})  # fmt: skip

    @staticmethod
    def _person(db: sqlite3.Connection, issuer: str, subject: str) -> str | None:
        row = db.execute(
            "select person from identity where issuer = ? and subject = ?", (issuer, subject)
        ).fetchone()
        return None if row is None else str(row[0])


def _free_name(db: sqlite3.Connection, wanted: str) -> str:
    """The name, cut and cleaned, with a number where somebody has it already."""
    name = "".join(each for each in wanted if each.isprintable()).strip()[:_LONGEST_NAME] or "sso"
    number = 1
    while True:
        tried = name if number == 1 else f"{name} ({number})"
        if db.execute("select 1 from person where name = ?", (tried,)).fetchone() is None:
            return tried
        number += 1
