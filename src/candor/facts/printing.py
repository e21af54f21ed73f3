"""Prints a step's portable SQL for the engine at hand: same rows, less work.

The SQL files stay the definition. What is printed differs in three ways that cannot change a row:
settings stand as numbers instead of a join to their one row; left joins to tables without rows give
nulls at once, and a step that can hold no row is known to; joins on unique keys are done by position
where the step says so (see ``aligned``). Pure text to text; runs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp

from candor.facts.aligned import Plan, lift

DIALECT = "duckdb"
SETTING = "setting"
_SETTING = "setting__{}__"
_NULL = "null__{}__{}__"


@lru_cache(maxsize=256)
def parsed(sql: str) -> exp.Expr:
    """The tree of a step; shared, so whoever changes it copies it first."""
    return sqlglot.parse_one(sql, dialect=DIALECT)


@dataclass(frozen=True, slots=True)
class Printed:
    """One step as it is run.

    Attributes:
        sql: its text.
        is_empty: it can give no row, since what it reads has none.
        plan: what is put side by side first, as the relation the text reads; None for nothing.
    """

    sql: str
    is_empty: bool
    plan: Plan | None


def printed(
    sql: str,
    *,
    settings: Mapping[str, int],
    empty: frozenset[str],
    types: Callable[[str], Mapping[str, str]],
    base: str = "",
) -> Printed:
    """A step with settings as numbers, without joins to nothing, its aligned joins taken out.

    Args:
        sql: one step in the portable subset.
        settings: the columns of the table ``setting``.
        empty: tables known to have no rows.
        types: SQL types of a table's columns by name.
        base: how an aligned step names the table whose rows it keeps; "" for other steps.
    """
    made, nulls = shortened(sql, empty, base)
    text = made.sql
    for table in nulls:
        for name, kind in types(table).items():
            text = text.replace(_NULL.format(table, name), f"cast(null as {kind})")
    for name, value in settings.items():
        text = text.replace(_SETTING.format(name), f"cast({value} as bigint)")
    return Printed(text, made.is_empty, made.plan)


@lru_cache(maxsize=512)
def shortened(sql: str, empty: frozenset[str], base: str) -> tuple[Printed, tuple[str, ...]]:
    """Like ``printed`` with tokens for settings and typed nulls, and the tables that nulls stand for."""
    tree = parsed(sql).copy()
    nulls: set[str] = set()
    is_empty = _shorten(tree, _Scope(empty), nulls)
    plan = lift(tree, base) if base and not is_empty else None
    return Printed(tree.sql(dialect=DIALECT), is_empty, plan), tuple(sorted(nulls))


@dataclass(frozen=True)
class _Scope:
    """What is known to give no row: tables, whose types are known, and queries named above."""

    tables: frozenset[str]
    queries: frozenset[str] = frozenset()

    def names(self, node: exp.Expr | None) -> bool:
        """Whether a FROM or JOIN is of something without rows."""
        if node is None or not isinstance(node.this, exp.Table):
            return False
        return node.this.name in self.tables or node.this.name in self.queries


def _shorten(tree: exp.Expr, scope: _Scope, nulls: set[str]) -> bool:
    """Change a query in place; true when it can give no row."""
    clause = tree.args.get("with_")
    for one in clause.expressions if clause is not None else ():
        is_empty = _shorten(one.this, scope, nulls)
        queries = scope.queries | {one.alias} if is_empty else scope.queries - {one.alias}
        scope = _Scope(scope.tables - {one.alias}, queries)
    if isinstance(tree, exp.Union):
        left = _shorten(tree.this, scope, nulls)
        right = _shorten(tree.expression, scope, nulls)
        return left and right
    if not isinstance(tree, exp.Select):
        return False
    for nested in tree.find_all(exp.Subquery):
        if nested.find_ancestor(exp.Select) is tree:
            _shorten(nested.this, scope, nulls)
    return _shorten_select(tree, scope, nulls)


def _shorten_select(select: exp.Select, scope: _Scope, nulls: set[str]) -> bool:
    joins = select.args.get("joins") or []
    gives_none = scope.names(select.args.get("from_"))
    kept = []
    replaced: dict[str, tuple[bool, str]] = {}
    for join in joins:
        name = join.this.name if isinstance(join.this, exp.Table) else ""
        if name == SETTING and join.kind == "CROSS":
            replaced[join.alias_or_name] = (True, name)
        elif name in scope.tables and join.side == "LEFT":
            replaced[join.alias_or_name] = (False, name)
            nulls.add(name)
        else:
            gives_none |= not join.side and scope.names(join)
            kept.append(join)
    if replaced:
        select.set("joins", kept)
        _replace(select, replaced)
    if any(join.side in ("FULL", "RIGHT") for join in joins):
        return False
    return gives_none and _without_rows_gives_none(select)


def _without_rows_gives_none(select: exp.Select) -> bool:
    """A query over nothing gives nothing unless it adds up everything into one row."""
    if select.args.get("group") is not None:
        return True
    return not any(
        part.find_ancestor(exp.Select) is select and part.find_ancestor(exp.Window) is None
        for item in select.expressions
        for part in item.find_all(exp.AggFunc)
    )


def _replace(select: exp.Select, replaced: Mapping[str, tuple[bool, str]]) -> None:
    for column in list(select.find_all(exp.Column)):
        if column.find_ancestor(exp.Select) is not select or column.table not in replaced:
            continue
        is_setting, table = replaced[column.table]
        token = _SETTING.format(column.name) if is_setting else _NULL.format(table, column.name)
        node: exp.Expr = exp.var(token)
        if column.parent is select and column.arg_key == "expressions":
            node = exp.alias_(node, column.name)
        column.replace(node)
