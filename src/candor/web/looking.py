"""Asks the desk for what a view shows to somebody: the one way in for pages, files and tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from candor.access.permissions import Actor
from candor.answers import Answers
from candor.web import asked
from candor.web.desk import Desk
from candor.web.view import Look, Shown, View


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
    return desk.ask(key, make), found
