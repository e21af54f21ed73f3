"""Every worked example of every definition, run on the engine; and every mutation breaks one."""

from __future__ import annotations

from typing import Any

import pytest
from made_facts import fill
from sqlglot import exp

from candor.engines.duck import DuckEngine
from candor.metrics import compile as sql
from candor.metrics import registry
from candor.metrics.cells import cells_of
from candor.metrics.compile import Scope
from candor.metrics.definition import Definition, Example
from candor.metrics.direct import sums
from candor.metrics.expression import DIALECT, Expression
from candor.metrics.plan import codes_of, plan

CATALOGUE = registry.load()
_CONNECTIVES = exp.And | exp.Or | exp.Not | exp.Paren


def _rows(example: Example) -> list[dict[str, Any]]:
    return [{**example.given, **row.row} for row in example.rows]


def _outcomes(engine: DuckEngine, definition: Definition) -> list[tuple[Any, ...]]:
    wanted = plan(definition.fact, [definition], anonymous=False)
    names = ["c0"] + ["v0"] * bool(definition.value or definition.numerator)
    names += ["w0"] * (definition.denominator is not None)
    coded = sql.coded(wanted, Scope())
    return engine.rows(f"select {', '.join(names)} from ({coded}) as coded order by person_key")


def _matches(engine: DuckEngine, definition: Definition, example: Example) -> bool:
    codes = codes_of(definition)
    for found, row in zip(_outcomes(engine, definition), example.rows, strict=True):
        state, reason = codes.state(found[0])
        if state in ("known", "true", "confirmed"):
            if row.state != "observed":
                return False
            if definition.outcome is not None:
                if (state != "known") != bool(row.value) or (state == "confirmed") != row.confirmed:
                    return False
            elif found[1] != row.value or (len(found) > 2 and found[2] != row.denominator):
                return False
        elif row.state != (f"{state}:{reason}" if reason else state):
            return False
    return True


@pytest.mark.parametrize("definition", list(CATALOGUE), ids=lambda item: item.name)
def test_example_gives_its_measure(engine: DuckEngine, definition: Definition) -> None:
    for example in definition.examples:
        fill(engine, definition.fact, _rows(example))
        assert _matches(engine, definition, example), (definition.name, example.title)
        cell = cells_of(sums(engine, definition.fact, [definition], Scope()), definition, Scope())[
            0
        ]
        expected = example.measure
        assert (cell.eligible, cell.observed, cell.total) == (
            expected.eligible, expected.observed, expected.total,
        )  # fmt: skip
        assert {k: n for k, n in cell.unknown.items() if n} == expected.unknown
        assert {k: n for k, n in cell.excluded.items() if n} == expected.excluded
        assert expected.confirmed == cell.confirmed
        assert expected.denominator is None or expected.denominator == cell.den
        assert cell.eligible == cell.observed + sum(cell.unknown.values())
        assert cell.customers == cell.observed


def _leaves(tree: exp.Expression) -> list[exp.Expression]:
    """Conditions a tree is made of, connectives left out; columns of numbers are no conditions."""
    found: list[exp.Expression] = []
    for node in tree.walk():
        if isinstance(node, _CONNECTIVES) or not isinstance(node, exp.Condition):
            continue
        parent = node.parent
        while isinstance(parent, exp.Paren | exp.Not):
            parent = parent.parent
        searched = isinstance(parent, exp.If) and parent.parent.args.get("this") is None
        if (
            parent is None
            or isinstance(parent, exp.And | exp.Or)
            or (searched and parent.this is node)
        ):
            found.append(node)
    return found


def _other(literal: exp.Literal) -> exp.Literal:
    if literal.is_string:
        return exp.Literal.string(literal.this + "_other")
    return exp.Literal.number(int(literal.this) + 1)


def _mutants(definition: Definition) -> list[tuple[str, str, Expression]]:
    """(place, what was done, the changed expression)."""
    made = []
    for place in definition.texts():
        head = place.split(".")[0]
        if head in ("requires", "follow", "judged"):
            continue
        tree = definition.expression(place).tree
        if head in ("value", "numerator", "denominator"):
            changed: exp.Expression = exp.Add(
                this=exp.Paren(this=tree.copy()), expression=exp.Literal.number(1)
            )
            made.append((place, "value + 1", Expression("", changed)))
        else:
            made.append(
                (place, "negated", Expression("", exp.Not(this=exp.Paren(this=tree.copy()))))
            )
        if head in ("exclude", "unknown", "confirmed"):
            made.append((place, "removed", Expression("", exp.false())))
        for number in range(len(_leaves(tree))):
            copy = tree.copy()
            leaf = _leaves(copy)[number]
            if leaf is copy:
                continue
            leaf.replace(exp.Paren(this=exp.Not(this=exp.Paren(this=leaf.copy()))))
            made.append((place, f"turned {leaf.sql(dialect=DIALECT)}", Expression("", copy)))
        for number in range(len(list(tree.find_all(exp.Literal)))):
            copy = tree.copy()
            literal = list(copy.find_all(exp.Literal))[number]
            literal.replace(_other(literal))
            made.append((place, f"changed {literal.this}", Expression("", copy)))
    return made


@pytest.mark.parametrize("definition", list(CATALOGUE), ids=lambda item: item.name)
def test_every_mutation_breaks_an_example(engine: DuckEngine, definition: Definition) -> None:
    example = definition.examples[0]
    fill(engine, definition.fact, _rows(example))
    survived = []
    for place, what, changed in _mutants(definition):
        mutant = definition.model_copy()
        mutant.__pydantic_private__ = {
            "_expressions": {other: definition.expression(other) for other in definition.texts()}
            | {place: changed}
        }
        if _matches(engine, mutant, example):
            survived.append((place, what))
    assert not survived
