"""Every counted metric on random facts: the planner's sums are those of a plain reading, row by row.

Random values are drawn around what the definitions compare with, so that every branch is taken:
each condition of each metric is true of some row, false of another and unknown of a third.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import sqlglot
from made_facts import FIRST_DAY, fill, new_engine
from plainly import added, state_of
from sqlglot import exp

from candor.engines.duck import DuckEngine
from candor.facts import schema
from candor.measure import MeasureCell
from candor.metrics import build, query, registry, store
from candor.metrics.compile import Scope, persons
from candor.metrics.definition import Definition
from candor.window import DAY, period_start

CATALOGUE = registry.load()
FACTS = sorted({definition.fact for definition in CATALOGUE})
SEED, SIZE = 20_261_121, 400


def _mine(fact: str) -> list[Definition]:
    return [definition for definition in CATALOGUE if definition.fact == fact]


def _compared(fact: str) -> dict[str, list[Any]]:
    """Column to what any metric compares it with."""
    found: dict[str, list[Any]] = defaultdict(list)
    for definition in _mine(fact):
        for text in definition.texts().values():
            for node in sqlglot.parse_one(text, dialect="duckdb").walk():
                if not isinstance(node, (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE,
                                         exp.In, exp.Between, exp.Case)):  # fmt: skip
                    continue
                sides = (
                    [one.this for one in node.args["ifs"]] if isinstance(node, exp.Case)
                    else [node]
                )  # fmt: skip
                if isinstance(node.this, exp.Column):
                    found[node.this.name] += [
                        leaf.this if leaf.is_string else int(leaf.this)
                        for side in sides
                        for leaf in side.find_all(exp.Literal)
                    ]
    return found


def _drawn(fact: str) -> list[dict[str, Any]]:
    draw = random.Random(f"{SEED} {fact}")
    compared = _compared(fact)
    keys = set(schema.key(fact))

    def one(name: str, kind: str, number: int) -> Any:
        fixed = {
            "bucket": number % 37, "person_key": draw.randrange(90),
            "day": FIRST_DAY + draw.randrange(75), "customer_known": draw.random() < 0.9,
        }  # fmt: skip
        if name in fixed:
            return fixed[name]
        if name in keys:
            return f"u{number}" if kind == "VARCHAR" else number
        if draw.random() < 0.15:
            return None
        if kind == "BOOLEAN":
            return draw.random() < (0.2 if name in ("is_test", "is_spam") else 0.6)
        near = compared.get(name, [])
        if kind == "VARCHAR":
            return draw.choice([*near, "other"])
        if kind.startswith("DECIMAL"):
            return Decimal(draw.randrange(-5_000_000, 90_000_000)) / 1_000_000
        if near and draw.random() < 0.8:
            return draw.choice(near) + draw.choice((-1, 0, 1))
        if fact == "voice_call" and name.endswith("_us"):
            return draw.randrange(100_000_000)  # squares of a call's seconds are stored
        if name.endswith(("_us", "_at")):
            return draw.choice((draw.randrange(9 * DAY), draw.randrange(9) * DAY))
        return draw.randrange(1_000_000 if name.endswith("_ppm") else 12)

    columns = schema.columns(fact)
    return [
        {name: one(name, column.type, number) for name, column in columns.items()}
        for number in range(SIZE)
    ]


@pytest.fixture(scope="module", params=FACTS)
def drawn(request: pytest.FixtureRequest) -> Iterator[tuple[str, list[dict[str, Any]], DuckEngine]]:
    fact = request.param
    rows = _drawn(fact)
    with new_engine() as engine:
        fill(engine, fact, rows)
        yield fact, rows, engine


def _held(cell: MeasureCell) -> dict[str, Any]:
    return {
        "unknown": {reason: n for reason, n in cell.unknown.items() if n},
        "excluded": {reason: n for reason, n in cell.excluded.items() if n},
        "buckets": {
            b: (s.observed, s.total, s.total_sq, s.den, s.den_sq, s.cross)
            for b, s in cell.buckets.items()
        },
        "customers": cell.customers,
        "anonymous": cell.anonymous,
        "confirmed": cell.confirmed,
        "histogram": dict(cell.histogram),
        "events": {b: found for b, found in cell.events_by_delay.items() if any(found)},
        "at_risk": {b: found for b, found in cell.at_risk_by_delay.items() if any(found)},
    }  # fmt: skip


def _dimension(fact: str) -> str | None:
    shared = set.intersection(*(set(query.dimensions(item)) for item in _mine(fact)))
    return next((name for name in ("channel", "intent_id", "path", *sorted(shared)) if name in shared), None)  # fmt: skip


def _expected(
    fact: str, rows: list[dict[str, Any]], by: str | None, grain: str
) -> dict[tuple[str, Any, Any], dict[str, Any]]:
    found = {}
    for definition in _mine(fact):
        cells: dict[tuple[Any, Any], list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            period = None if grain == "all" else period_start(row["day"], grain)
            cells[period, row[by] if by else None].append(row)
        for (period, member), own in cells.items():
            held = added(definition, own, persons(fact))
            if (
                held["unknown"]
                or held["excluded"]
                or held["buckets"]
                or (grain == "all" and not by)
            ):
                found[definition.name, period, member] = held
    return found


@pytest.mark.parametrize(("grain", "is_split"), [("all", False), ("all", True), ("week", False)])
def test_every_sum_is_that_of_a_plain_reading(
    drawn: tuple[str, list[dict[str, Any]], DuckEngine], grain: str, is_split: bool
) -> None:
    fact, rows, engine = drawn
    by = _dimension(fact) if is_split else None
    expected = _expected(fact, rows, by, grain)
    assert _told(fact, engine, by, grain) == expected
    build.build(engine, _mine(fact), [by] if by else [])
    scope = Scope(grain, (by,) if by else ())
    assert store.sums(engine, fact, _mine(fact), scope) is not None
    assert _told(fact, engine, by, grain) == expected
    engine.run("drop table measure_layout")


def _told(
    fact: str, engine: DuckEngine, by: str | None, grain: str
) -> dict[tuple[str, Any, Any], dict[str, Any]]:
    cells = query.measures(engine, _mine(fact), by=(by,) if by else (), grain=grain)
    assert all(cell.available for cell in cells)
    return {
        (cell.metric, cell.period_start, cell.segment[by] if by else None): _held(cell)
        for cell in cells
    }


def test_random_rows_reach_every_state(
    drawn: tuple[str, list[dict[str, Any]], DuckEngine],
) -> None:
    """Otherwise the comparison would be one of zeros with zeros."""
    fact, rows, _ = drawn
    for definition in _mine(fact):
        reached = {state_of(definition, row) for row in rows}
        wanted = {("known", ""), *(("excluded", reason) for reason in definition.exclude)}
        assert wanted <= reached, (definition.name, wanted - reached)
