"""The catalogue: every metric shipped with candor and every one the user added.

Loads definitions only; neither facts nor an engine are touched. A user's metric may not take the
name of a shipped one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

from candor.errors import CandorError, Problem, nearest
from candor.metrics.definition import CATEGORIES, Category, Definition
from candor.metrics.reading import folder, read


@dataclass(frozen=True)
class Catalogue:
    """Definitions by name, in the order of the name.

    Attributes:
        definitions: every metric.
        digest: SHA-256 over the texts of all definitions, for provenance.
    """

    definitions: Mapping[str, Definition]
    digest: str

    def __iter__(self) -> Iterator[Definition]:
        return iter(self.definitions.values())

    def __len__(self) -> int:
        return len(self.definitions)

    def __contains__(self, name: object) -> bool:
        return name in self.definitions

    def get(self, name: str) -> Definition:
        """One metric, by name or by a name it is also known as.

        Raises:
            CandorError: ``metric.unknown`` with the nearest name.
        """
        found = self.definitions.get(name) or self._aliases.get(_plain(name))
        if found is None:
            raise CandorError(
                "metric.unknown",
                Problem(
                    f"there is no metric '{name}'",
                    "",
                    "",
                    f"{nearest(name, list(self.definitions))}; `candor metrics` lists all",
                ),
                exit_code=2,
            )
        return found

    def some(self, names: list[str] | tuple[str, ...]) -> list[Definition]:
        """Metrics by name; all of them when ``names`` is empty. Every unknown name at once.

        Raises:
            CandorError: ``metric.unknown``.
        """
        if not names:
            return list(self)
        problems: list[Problem] = []
        found: list[Definition] = []
        for name in names:
            try:
                found.append(self.get(name))
            except CandorError as error:
                problems.extend(error.problems)
        if problems:
            raise CandorError("metric.unknown", problems, exit_code=2)
        return found

    def search(self, words: str) -> list[Definition]:
        """Metrics whose name, title, other names, question or family hold every word."""
        wanted = _plain(words).split()
        return [
            definition
            for definition in self
            if all(word in self._haystacks[definition.name] for word in wanted)
        ]

    def by_category(self) -> dict[Category, list[Definition]]:
        """The five categories of the management page; within one, primary before diagnostic."""
        rank = {"primary": 0, "secondary": 1, "diagnostic": 2}
        return {
            category: sorted(
                (item for item in self if item.category == category),
                key=lambda item: (rank[item.tier], item.name),
            )
            for category in CATEGORIES
        }

    def of_fact(self, fact: str) -> list[Definition]:
        """Metrics of one fact."""
        return [definition for definition in self if definition.fact == fact]

    @cached_property
    def _aliases(self) -> dict[str, Definition]:
        return {_plain(alias): item for item in self for alias in item.also_known_as}

    @cached_property
    def _haystacks(self) -> dict[str, str]:
        return {
            item.name: _plain(
                " ".join((item.name, item.title, item.question, item.family, *item.also_known_as))
            )
            for item in self
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
    found = {item.name: item for item in sorted(read(texts), key=lambda item: item.name)}
    digest = hashlib.sha256()
    for text in sorted(text for _, text in texts):
        digest.update(text.encode())
        digest.update(b"\x00")
    return Catalogue(found, digest.hexdigest())


@cache
def _shipped() -> tuple[tuple[str, str], ...]:
    root = Path(str(files("candor.metrics").joinpath("catalogue")))
    return tuple(
        (f"catalogue/{Path(name).relative_to(root).as_posix()}", text)
        for name, text in folder(root)
    )


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("_", " ").replace("-", " ").split())
