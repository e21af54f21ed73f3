"""What a URL asks for: only known parameters, each of a known form; anything else is refused.

A filter is a segment from the list of segments and a value that is compared, never written into a
query as it stands. Nothing here reaches an engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from candor.access.permissions import Actor
from candor.errors import CandorError, Problem, nearest
from candor.settings import SEGMENTS

GRAINS = ("day", "week", "month", "quarter", "all")
NONE = "(none)"
"""How a filter asks for units where the segment is not known."""
_LONGEST = 200
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,60}", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_CHANGE = re.compile(r"-?\d{1,3}(\.\d{1,4})?", re.ASCII)
_FORMS = {
    "view": _NAME, "outcome": _NAME, "stage": _NAME, "grain": _NAME, "until": _DATE, "by": _NAME, "metric": _NAME,
    "action": re.compile(r"[a-z][a-z._]{0,40}", re.ASCII), "before": _NUMBER, "page": _NUMBER,
    "quality": _CHANGE, "volume": _CHANGE, "price": re.compile(r"\d{1,7}(\.\d{1,6})?", re.ASCII),
    "snapshot": re.compile(r"[0-9a-f]{16}", re.ASCII),
    "q": re.compile(r"[^\x00-\x1f]{0,200}"), "id": re.compile(r"[^\x00-\x1f]{0,200}"),
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """The parameters of one request.

    Attributes:
        given: parameter to value, segments left out.
        where: segment to value; None asks for the unknown ones.
        scope: the part of ``where`` that the actor is confined to.
    """

    given: Mapping[str, str] = field(default_factory=dict)
    where: Mapping[str, str | None] = field(default_factory=dict)
    scope: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str | None:
        """A parameter; None when it was left out or is empty."""
        return self.given.get(name) or None

    def number(self, name: str, default: int) -> int:
        """A parameter that is a number."""
        return int(self.given.get(name) or default)

    @property
    def key(self) -> tuple[tuple[str, str | None], ...]:
        """Equal for requests that ask the same, whatever the order of their parameters."""
        said = {**self.given, **{f"where.{name}": value for name, value in self.where.items()}}
        said.pop("snapshot", None)
        return tuple(sorted(said.items()))

    def url(self, path: str, /, **changes: str | None) -> str:
        """A path with these parameters, some changed; None leaves one out."""
        said: dict[str, str | None] = {
            **{name: value for name, value in self.given.items() if name != "snapshot"},
            **{name: NONE if value is None else value for name, value in self.where.items()
               if name not in self.scope},
            **changes,
        }  # fmt: skip
        kept = [(name, value) for name, value in said.items() if value]
        return f"{path}?{urlencode(kept)}" if kept else path


def read(
    pairs: Iterable[tuple[str, str]],
    allowed: Sequence[str],
    actor: Actor,
    *,
    takes_segments: bool,
) -> Asked:
    """The parameters of a request, checked.

    Args:
        pairs: as they stand in the URL.
        allowed: names this page knows, beside segments and ``snapshot``.
        actor: who asks; its scope is laid over the filters.
        takes_segments: whether the page can be narrowed to segments.

    Raises:
        CandorError: ``request.invalid`` with every mistake; ``scope.outside``.
    """
    known = [*allowed, "snapshot", *(SEGMENTS if takes_segments else ())]
    given: dict[str, str] = {}
    where: dict[str, str | None] = {}
    problems = []
    seen = set()
    for name, value in pairs:
        if name not in known:
            problems.append(
                Problem(f"unknown parameter '{name[:60]}'", "", "", nearest(name, known))
            )
        elif name in seen:
            problems.append(Problem("stands twice", name))
        elif name in SEGMENTS and name not in allowed:
            if len(value) > _LONGEST or "\x00" in value:
                problems.append(Problem("is too long", name, f"at most {_LONGEST} characters"))
            elif value:
                where[name] = None if value == NONE else value
        elif value and not _FORMS[name].fullmatch(value):
            problems.append(Problem("has a form that is not known", name))
        else:
            given[name] = value
        seen.add(name)
    if given.get("grain") and given["grain"] not in GRAINS:
        problems.append(Problem(f"unknown grain '{given['grain']}'", "grain", ", ".join(GRAINS)))
    if problems:
        raise CandorError("request.invalid", problems, exit_code=2)
    for name, value in actor.scope.items():
        if where.get(name, value) != value:
            raise CandorError(
                "scope.outside", Problem(f"your account is confined to {name} '{value}'")
            )
    if takes_segments:
        where.update(actor.scope)
    return Asked(given, where, dict(actor.scope))
