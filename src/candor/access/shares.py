"""Share links: one page as it stood on one snapshot, for whoever holds the link.

The page itself is kept, so that it shows the same figures whatever is published later. It never
holds text, names of agents or small cells; whoever makes it sees to that. A link ends by itself, can
be revoked, and every view is in the audit log.
"""

from __future__ import annotations

from dataclasses import dataclass

from candor.access import audit, secrets
from candor.access.people import DAY
from candor.access.permissions import Actor
from candor.access.store import Store
from candor.errors import CandorError, Problem

LONGEST_DAYS = 90
_LARGEST = 8_000_000


@dataclass(frozen=True, slots=True)
class Share:
    """A link without its secret."""

    id: str
    title: str
    snapshot: str
    created_at: int
    until: int
    revoked_at: int | None
    views: int


class Shares:
    """The share links of one store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add(
        self, by: Actor, title: str, snapshot: str, page: str, days: int, *, request: str = ""
    ) -> str:
        """Keep a page; returns the secret of its link.

        Raises:
            CandorError: ``share.invalid``.
        """
        body = page.encode("utf-8")
        if not 1 <= days <= LONGEST_DAYS or len(body) > _LARGEST:
            raise CandorError(
                "share.invalid",
                Problem(f"{days} days are not possible", "days", f"1 to {LONGEST_DAYS}"),
            )
        raw, made, now = secrets.token(), secrets.identifier("s"), self.store.now()
        with self.store.change() as db:
            db.execute(
                "insert into share values (?, ?, ?, ?, ?, ?, ?, ?, null, 0)",
                (made, secrets.hashed(raw), by.id, title[:200], snapshot, body, now,
                 now + days * DAY),
            )  # fmt: skip
            audit.append(
                db, by, "share.add", made, at=now, request=request,
                detail={"snapshot": snapshot, "days": days},
            )  # fmt: skip
        return raw

    def open(self, raw: str, *, request: str = "") -> str | None:
        """The page of a link; None when there is none, or it has ended."""
        now = self.store.now()
        row = self.store.connection.execute(
            "select id, page from share where hash = ? and revoked_at is null and until > ?",
            (secrets.hashed(raw), now),
        ).fetchone()
        if row is None:
            return None
        with self.store.change() as db:
            db.execute("update share set views = views + 1 where id = ?", (row[0],))
            audit.append(
                db, Actor(row[0], "", "share"), "share.view", row[0], at=now, request=request
            )
        return bytes(row[1]).decode("utf-8")

    def all(self) -> list[Share]:
        """Every link, latest first."""
        rows = self.store.connection.execute(
            "select id, title, snapshot, created_at, until, revoked_at, views from share"
            " order by created_at desc, id"
        )
        return [Share(*row) for row in rows]

    def revoke(self, by: Actor, identifier: str, *, request: str = "") -> None:
        """End a link now and forget its page.

        Raises:
            CandorError: ``share.unknown``.
        """
        now = self.store.now()
        with self.store.change() as db:
            changed = db.execute(
                "update share set revoked_at = ?, page = x'' where id = ? and revoked_at is null",
                (now, identifier),
            ).rowcount
            if not changed:
                raise CandorError("share.unknown", Problem("there is no such link"))
            audit.append(db, by, "share.revoke", identifier, at=now, request=request)
