"""Asks the desk for what a view shows to somebody: the one way in for pages, files and tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from candor.access.permissions import Actor
from candor.answers import Answers
from candor.web import asked
from candor.web.desk import Desk
from candor.web.view import Look, Shown, View
from candor.web.views import ALL


def shown(
    desk: Desk,
    view: View,
    pairs: Iterable[tuple[str, str]],
    names: Mapping[str, str],
    actor: Actor,
) -> tuple[Shown, asked.Asked]:
    """What a view shows to somebody.

    Args:
        desk: where answers are worked out.
        view: what is looked at.
        pairs: parameters as they stand in a URL.
        names: parts of the path.
        actor: who looks.

    Raises:
        Pending: it is being worked out.
        CandorError: a parameter is wrong, or what the view raised.
    """
    found = asked.read(pairs, view.params, actor, takes_segments=view.takes_segments)
    path = view.path
    for part, value in names.items():
        path = path.replace(f"{{{part}:path}}", value).replace(f"{{{part}}}", value)

    def make(answers: Answers) -> Shown:
        return view.make(Look(answers, desk, found, actor, path, names))

    key = (view.name, tuple(sorted(names.items())), found.key, actor.audience)
    return desk.ask(key, make, is_fresh=view.holds_text), found


def view_at(path: str) -> tuple[View, dict[str, str]] | None:
    """The view a path leads to, and the parts of the path; None where there is none."""
    for view in ALL:
        names = _match(view.path, path)
        if names is not None:
            return view, names
    return None


def _match(pattern: str, path: str) -> dict[str, str] | None:
    """The named parts of a path; None when it is another path."""
    wanted, given = pattern.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    names = {}
    for part, text_part in zip(wanted, given, strict=True):
        if part.startswith("{"):
            names[part.strip("{}")] = text_part
        elif part != text_part:
            return None
    return names
