"""What the published data lack for each metric, and by what a derived metric can be broken down."""

from __future__ import annotations

from collections.abc import Sequence

from candor.answers.asked import Asked
from candor.answers.derived import find
from candor.engines.duck import DuckEngine
from candor.metrics import query
from candor.metrics.definition import Definition
from candor.metrics.derived import Derived
from candor.metrics.registry import Catalogue


def lacking(engine: DuckEngine, catalogue: Catalogue, asked: Asked) -> dict[str, tuple[str, ...]]:
    """Metric of either kind to the requirements that the data do not meet.

    A derived metric lacks what its inputs lack; where they lack nothing, what it needs itself.
    """
    found = asked.lacking(list(catalogue))
    for definition in catalogue.derived.values():
        told = dict.fromkeys(
            words
            for ground in catalogue.grounds(definition.name, needed=True)
            for words in found[ground.name]
        )
        if not told and not _readable(engine, definition):
            told = dict.fromkeys(definition.needs)
        found[definition.name] = tuple(told)
    return found


def _readable(engine: DuckEngine, definition: Derived) -> bool:
    return all(
        engine.rows(
            f"select coalesce(bool_or({definition.condition(fact).sql}), false) from {fact}"
        )[0][0]
        for fact in definition.reads
    )


def breaks_down(definition: Derived, grounds: Sequence[Definition], wanted: set[str]) -> bool:
    """Whether a derived metric can be broken down or filtered by these dimensions."""
    if not wanted:
        return True
    if find(definition.method).breakdown == "none" or not grounds:
        return False
    return all(wanted <= set(query.dimensions(ground)) for ground in grounds)
