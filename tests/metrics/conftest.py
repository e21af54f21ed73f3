"""An engine with a reporting calendar, and facts made by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from made_facts import fill, new_engine

from candor.engines.duck import DuckEngine
from candor.facts import schema


@pytest.fixture(scope="session")
def engine() -> Iterator[DuckEngine]:
    with new_engine() as made:
        yield made


@pytest.fixture
def facts(engine: DuckEngine) -> Callable[..., DuckEngine]:
    """Fills facts by name; facts not named are empty."""

    def make(**tables: Sequence[Mapping[str, Any]]) -> DuckEngine:
        for fact in schema.facts():
            fill(engine, fact, tables.get(fact, ()))
        return engine

    return make
