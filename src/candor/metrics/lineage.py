"""Where a metric's figure comes from: columns of its fact, and behind them fields of events.

Columns are those of every condition, filters and exclusions included. Fields of events are found by
following the SQL of the facts: from a column through the expression that makes it, and through the
conditions of the steps it passes (filters, groupings, joins), down to the ``ev_*`` views. A left join
counts only when the joined table gives a value, since the facts join to the left on unique keys.
Following is by names inside each query; where a step cannot be followed all its columns are taken,
so that the answer may name too much but leaves out nothing that was found to matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.scope import Scope, build_scope

from candor.facts.build import Step, steps
from candor.metrics.compile import reads
from candor.metrics.definition import Definition
from candor.metrics.derived import Derived
from candor.metrics.expression import DIALECT

EVENT_PREFIX = "ev_"


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a metric reads.

    Attributes:
        metric: its name.
        fact: the fact it is about.
        columns: column of the fact to the places of the definition that read it.
        fields: fields of events, as ``event.field``, in order.
    """

    metric: str
    fact: str
    columns: Mapping[str, tuple[str, ...]]
    fields: tuple[str, ...]


def lineage(definition: Definition) -> Lineage:
    """Lineage of a metric through the SQL of the facts."""
    columns = {
        name: tuple(
            place for place in definition.texts() if name in definition.expression(place).columns
        )
        for name in sorted(reads(definition))
    }
    tracer = _tracer()
    fields: set[str] = set()
    for name in columns:
        fields |= tracer.column(definition.fact, name)
    return Lineage(definition.name, definition.fact, columns, tuple(sorted(fields)))


def derived_lineage(
    definition: Derived, grounds: Sequence[Definition]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Columns (``fact.column``) and event fields of everything a derived metric rests on.

    Args:
        definition: the derived metric.
        grounds: the counted metrics behind its inputs.
    """
    tracer = _tracer()
    columns: set[str] = set()
    fields: set[str] = set()
    for ground in grounds:
        traced = lineage(ground)
        columns |= {f"{ground.fact}.{name}" for name in traced.columns}
        fields |= set(traced.fields)
    for fact, reading in definition.reads.items():
        for name in {*reading.columns, *definition.condition(fact).columns}:
            columns.add(f"{fact}.{name}")
            fields |= tracer.column(fact, name)
    return tuple(sorted(columns)), tuple(sorted(fields))


@cache
def _tracer() -> _Tracer:
    return _Tracer(steps())


class _Tracer:
    """Follows columns through the facts' queries; every table's column is followed once."""

    def __init__(self, made_by: Mapping[str, Step]) -> None:
        self._scopes = {
            name: build_scope(sqlglot.parse_one(step.sql, dialect=DIALECT))
            for name, step in made_by.items()
        }
        # A table of connected components holds the nodes of the pairs it was made from.
        self._stitched = {step.stitches: name for name, step in made_by.items() if step.stitches}
        self._done: dict[tuple[str, str], frozenset[str]] = {}

    def column(self, table: str, name: str) -> frozenset[str]:
        """Event fields behind one column of a fact or step."""
        if table.startswith(EVENT_PREFIX):
            return frozenset({f"{table.removeprefix(EVENT_PREFIX)}.{name}"})
        key = (table, name)
        if key not in self._done:
            self._done[key] = frozenset()
            scope = self._scopes.get(table)
            if table in self._stitched:
                pairs = self._stitched[table]
                self._done[key] = self.column(pairs, "node") | self.column(pairs, "other")
            elif scope is not None:
                self._done[key] = frozenset(self._of(scope, name, set()))
        return self._done[key]

    def _of(self, scope: Scope, name: str, seen: set[tuple[int, str]]) -> set[str]:
        if (id(scope), name) in seen:
            return set()
        seen.add((id(scope), name))
        found: set[str] = set()
        if isinstance(scope.expression, exp.SetOperation):
            return self._of_branches(scope, name, seen)
        if not isinstance(scope.expression, exp.Select):
            return found
        wanted = [item for item in scope.expression.selects if item.alias_or_name == name]
        whole = not wanted
        nodes: list[exp.Expression] = list(wanted) or list(scope.expression.selects)
        nodes += [
            node
            for key in ("where", "having", "qualify", "group")
            for node in _listed(scope.expression.args.get(key))
        ]
        nodes += _joins(scope.expression, nodes)
        for node in nodes:
            for column in node.find_all(exp.Column):
                found |= self._source(scope, column, seen)
        if whole:
            for source in scope.sources.values():
                if isinstance(source, Scope):
                    found |= self._of(source, name, seen)
        return found

    def _of_branches(self, scope: Scope, name: str, seen: set[tuple[int, str]]) -> set[str]:
        """A union: the columns of its branches correspond by position."""
        names = list(scope.expression.named_selects)
        found: set[str] = set()
        for branch in scope.set_operation_scopes:
            own = list(branch.expression.named_selects)
            chosen = [own[names.index(name)]] if name in names else own
            for column in chosen:
                found |= self._of(branch, column, seen)
        return found

    def _source(self, scope: Scope, column: exp.Column, seen: set[tuple[int, str]]) -> set[str]:
        sources = scope.sources
        chosen = [sources[column.table]] if column.table in sources else list(sources.values())
        found: set[str] = set()
        for source in chosen:
            if isinstance(source, Scope):
                if column.table or _offers(source, column.name):
                    found |= self._of(source, column.name, seen)
            elif column.table or len(chosen) == 1:
                found |= self.column(source.name, column.name)
        return found


def _joins(select: exp.Select, nodes: list[exp.Expression]) -> list[exp.Expression]:
    """Conditions of the joins that matter to ``nodes``: all but left joins that give no value."""
    used = {column.table for node in nodes for column in node.find_all(exp.Column)}
    waiting = list(select.args.get("joins") or [])
    chosen: list[exp.Expression] = []
    found = True
    while found:
        found = False
        for join in list(waiting):
            if join.side != "LEFT" or join.alias_or_name in used or "" in used:
                chosen.append(join)
                waiting.remove(join)
                used |= {column.table for column in join.find_all(exp.Column)}
                found = True
    return chosen


def _offers(scope: Scope, name: str) -> bool:
    expression = scope.expression
    return not isinstance(expression, exp.Select) or any(
        item.alias_or_name == name for item in expression.selects
    )


def _listed(value: object) -> list[exp.Expression]:
    if isinstance(value, list):
        return [item for item in value if isinstance(item, exp.Expression)]
    return [value] if isinstance(value, exp.Expression) else []
