"""Views somebody saved: a title and a path of this server with its filters."""

from __future__ import annotations

from dataclasses import dataclass

from candor.access import audit, secrets
from candor.access.permissions import Actor
from candor.access.store import Store
from candor.errors import CandorError, Problem

MOST = 100


@dataclass(frozen=True, slots=True)
class SavedView:
    """One saved view."""

    id: str
    title: str
    path: str
    saved_at: int


class SavedViews:
    """The saved views of one store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def of(self, person: str) -> list[SavedView]:
        """Those of a person, by title."""
        rows = self.store.connection.execute(
            "select id, title, path, saved_at from saved_view where person = ? order by title, id",
            (person,),
        )
        return [SavedView(*row) for row in rows]

    def save(self, by: Actor, title: str, path: str, *, request: str = "") -> None:
        """Keep a view.

        Args:
            by: whose.
            title: 1 to 80 printable characters.
            path: of this server.
            request: id of the request.

        Raises:
            CandorError: ``view.invalid`` with every mistake.
        """
        problems = []
        if not 0 < len(title.strip()) <= 80 or not title.isprintable():
            problems.append(Problem("a title has 1 to 80 printable characters", "title"))
        if not path.startswith("/") or path.startswith(("//", "/\\")) or not path.isprintable():
            problems.append(Problem("this is no page of this server", "page"))
        if len(self.of(by.id)) >= MOST:
            problems.append(Problem(f"there are {MOST} saved views", "", "", "remove one first"))
        if problems:
            raise CandorError("view.invalid", problems)
        made, now = secrets.identifier("v"), self.store.now()
        with self.store.change() as db:
            db.execute(
                "insert into saved_view values (?, ?, ?, ?, ?)",
                (made, by.id, title.strip(), path, now),
            )
            audit.append(db, by, "view.save", made, at=now, request=request)

    def remove(self, by: Actor, identifier: str, *, request: str = "") -> None:
        """Forget one of one's own.

        Raises:
            CandorError: ``view.unknown``, whether it is not there or not one's own.
        """
        with self.store.change() as db:
            gone = db.execute(
                "delete from saved_view where id = ? and person = ?", (identifier, by.id)
            ).rowcount
            if not gone:
                raise CandorError("view.unknown", Problem("there is no such view"))
            audit.append(db, by, "view.remove", identifier, at=self.store.now(), request=request)
