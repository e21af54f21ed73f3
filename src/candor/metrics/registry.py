"""The catalogue: every metric shipped with candor and every one the user added.

Loads definitions only; neither facts nor an engine are touched. A user's metric may not take the
name of a shipped one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

from candor.errors import CandorError, Problem, nearest
from candor.metrics.definition import Definition
from candor.metrics.derived import Derived
from candor.metrics.describing import CATEGORIES, Category
from candor.metrics.reading import folder, read

Metric = Definition | Derived


@dataclass(frozen=True)
class Catalogue:
    """Metrics by name, in the order of the name. Iterating gives the counted ones.

    Attributes:
        definitions: every counted metric.
        derived: every metric reckoned from figures of others.
        digest: SHA-256 over the texts of all definitions, for provenance.
        own: names of the user's own metrics; the others are shipped.
    """

    definitions: Mapping[str, Definition]
    derived: Mapping[str, Derived]
    digest: str
    own: frozenset[str] = frozenset()

    def __iter__(self) -> Iterator[Definition]:
        return iter(self.definitions.values())

    def __len__(self) -> int:
        return len(self.definitions)

    def __contains__(self, name: object) -> bool:
        return name in self.definitions or name in self.derived

    @cached_property
    def every(self) -> tuple[Metric, ...]:
        """Both kinds, in the order of the name."""
        both: list[Metric] = [*self.definitions.values(), *self.derived.values()]
        return tuple(sorted(both, key=lambda item: item.name))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of both kinds, in order."""
        return tuple(item.name for item in self.every)

    def find(self, name: str) -> Metric:
        """One metric of either kind, by name or by a name it is also known as.

        Raises:
            CandorError: ``metric.unknown`` with the nearest name.
        """
        found = (
            self.definitions.get(name) or self.derived.get(name) or self._aliases.get(_plain(name))
        )
        if found is None:
            raise CandorError(
                "metric.unknown",
                Problem(
                    f"there is no metric '{name}'",
                    "",
                    "",
                    f"{nearest(name, list(self.names))}; `candor metrics` lists all",
                ),
                exit_code=2,
            )
        return found

    def get(self, name: str) -> Definition:
        """One counted metric, by name or by a name it is also known as.

        Raises:
            CandorError: ``metric.unknown`` with the nearest name; ``metric.derived`` where the
                metric has no units of its own.
        """
        found = self.find(name)
        if isinstance(found, Derived):
            raise CandorError(
                "metric.derived",
                Problem(
                    f"'{found.name}' is reckoned from other figures and has no units of its own",
                    "",
                    "a counted metric",
                    f"it is made of {', '.join(found.inputs.values())}" if found.inputs else "",
                ),
                exit_code=2,
            )
        return found

    def chosen(self, names: Sequence[str]) -> list[Metric]:
        """Metrics of either kind by name; all when ``names`` is empty. Every unknown name at once.

        Raises:
            CandorError: ``metric.unknown``.
        """
        if not names:
            return list(self.every)
        problems: list[Problem] = []
        found: list[Metric] = []
        for name in names:
            try:
                found.append(self.find(name))
            except CandorError as error:
                problems.extend(error.problems)
        if problems:
            raise CandorError("metric.unknown", problems, exit_code=2)
        return found

    def some(self, names: Sequence[str]) -> list[Definition]:
        """Counted metrics by name; all of them when ``names`` is empty.

        Raises:
            CandorError: ``metric.unknown`` or ``metric.derived``.
        """
        if not names:
            return list(self)
        return [self.get(item.name) for item in self.chosen(names)]

    def search(self, words: str) -> list[Metric]:
        """Metrics whose name, title, other names, question or family hold every word."""
        wanted = _plain(words).split()
        return [
            item
            for item in self.every
            if all(word in self._haystacks[item.name] for word in wanted)
        ]

    def by_category(self) -> dict[Category, list[Metric]]:
        """The five categories of the management page; within one, primary before diagnostic."""
        rank = {"primary": 0, "secondary": 1, "diagnostic": 2}
        return {
            category: sorted(
                (item for item in self.every if item.category == category),
                key=lambda item: (rank[item.tier], item.name),
            )
            for category in CATEGORIES
        }

    def of_fact(self, fact: str) -> list[Definition]:
        """Counted metrics of one fact."""
        return [definition for definition in self if definition.fact == fact]

    def grounds(self, name: str, *, needed: bool = False) -> list[Definition]:
        """The counted metrics a metric rests on, itself when it is counted; in order of name.

        Args:
            name: of either kind.
            needed: leave out those without which there still is a figure.
        """
        found: dict[str, Definition] = {}
        waiting, seen = [name], set[str]()
        while waiting:
            one = waiting.pop()
            if one in self.definitions:
                found[one] = self.definitions[one]
            elif one not in seen:
                seen.add(one)
                item = self.derived[one]
                skipped = item.optional if needed else ()
                waiting += [other for role, other in item.inputs.items() if role not in skipped]
        return [found[one] for one in sorted(found)]

    @cached_property
    def _aliases(self) -> dict[str, Metric]:
        return {_plain(alias): item for item in self.every for alias in item.also_known_as}

    @cached_property
    def _haystacks(self) -> dict[str, str]:
        return {
            item.name: _plain(
                " ".join((item.name, item.title, item.question, item.family, *item.also_known_as))
            )
            for item in self.every
        }


def load(user_folder: Path | None = None) -> Catalogue:
    """The shipped catalogue and the user's own metrics.

    Args:
        user_folder: ``metrics/`` of a workspace; a missing folder adds nothing.

    Raises:
        CandorError: ``metric.invalid`` with every problem of every file.
    """
    own = folder(user_folder) if user_folder is not None else []
    return _catalogue(tuple(own))


@cache
def _catalogue(own: tuple[tuple[str, str], ...]) -> Catalogue:
    texts = [*_shipped(), *own]
    every = read(texts)
    found = sorted(every, key=lambda item: item.name)
    digest = hashlib.sha256()
    for text in sorted(text for _, text in texts):
        digest.update(text.encode())
        digest.update(b"\x00")
    return Catalogue(
        {item.name: item for item in found if isinstance(item, Definition)},
        {item.name: item for item in found if isinstance(item, Derived)},
        digest.hexdigest(),
        frozenset(item.name for item in every[len(_shipped()) :]),
    )


@cache
def _shipped() -> tuple[tuple[str, str], ...]:
    root = Path(str(files("candor.metrics").joinpath("catalogue")))
    return tuple(
        (f"catalogue/{Path(name).relative_to(root).as_posix()}", text)
        for name, text in folder(root)
    )


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("_", " ").replace("-", " ").split())
