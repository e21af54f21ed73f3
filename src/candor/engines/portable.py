"""The portable subset of SQL: what may stand in a fact or metric so that every engine agrees.

Reads SQL text and reports each construct outside the subset with file and line; runs nothing.
The rules guard against results that differ between engines, threads or row orders: inexact
division and averages, approximate or unordered aggregates, ties, clocks, chance and silent
rounding. Assumes DuckDB's spelling, which SQLGlot can print for other engines.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from candor.engines.duck import FUNCTIONS

_INEXACT = "sums and squares are kept in integers; division happens once, in Python"
_FORBIDDEN: dict[type[exp.Expression], str] = {
    exp.Div: f"'/' divides inexactly; {_INEXACT}",
    exp.Avg: f"avg divides inexactly; {_INEXACT}",
    exp.Stddev: _INEXACT,
    exp.StddevPop: _INEXACT,
    exp.StddevSamp: _INEXACT,
    exp.Variance: _INEXACT,
    exp.VariancePop: _INEXACT,
    exp.Corr: _INEXACT,
    exp.CovarPop: _INEXACT,
    exp.CovarSamp: _INEXACT,
    exp.AnyValue: "any_value depends on row order; use min, max or arg_min with a unique key",
    exp.First: "first depends on row order; use arg_min with a unique key",
    exp.Last: "last depends on row order; use arg_max with a unique key",
    exp.ApproxDistinct: "approximate results differ between engines; use count(distinct …)",
    exp.ApproxQuantile: "approximate results differ between engines; use log buckets",
    exp.DateDiff: "engines count boundaries differently; subtract epoch microseconds",
    exp.TimestampDiff: "engines count boundaries differently; subtract epoch microseconds",
    exp.CurrentTimestamp: "a definition may not read the clock; use setting.as_of_us",
    exp.CurrentDate: "a definition may not read the clock; use setting.as_of_us",
    exp.CurrentTime: "a definition may not read the clock; use setting.as_of_us",
    exp.Rand: "a definition may not use chance",
    exp.TableSample: "a definition may not use chance",
    exp.Star: "columns are named one by one",
}
_FORBIDDEN_NAMES = {
    "approx_count_distinct", "approx_quantile", "approx_top_k", "avg", "corr", "date_diff",
    "datediff", "favg", "fsum", "gen_random_uuid", "get_current_timestamp", "hash", "kahan_sum",
    "mad", "median", "mode", "now", "random", "regr_slope", "reservoir_quantile", "stddev",
    "stddev_pop", "stddev_samp", "today", "transaction_timestamp", "uuid", "var_pop", "var_samp",
    "variance",
}  # fmt: skip
_INTEGERS = {
    exp.DataType.Type.TINYINT,
    exp.DataType.Type.SMALLINT,
    exp.DataType.Type.INT,
    exp.DataType.Type.BIGINT,
    exp.DataType.Type.INT128,
}
_FRACTIONS = {exp.DataType.Type.DOUBLE, exp.DataType.Type.FLOAT}
_ORDERED_LISTS = (exp.ArrayAgg, exp.GroupConcat)
_UNIQUE_SUFFIXES = ("_key", "_id", "_no", "_hash")


@dataclass(frozen=True, slots=True)
class Finding:
    """One construct outside the portable subset.

    Attributes:
        file: name of the file it stands in.
        line: line counted from 1; 0 when the parser gives no place.
        rule: short name of the rule, such as ``div``.
        message: what is wrong and what to write instead.
    """

    file: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.message}"


def lint(sql: str, file: str) -> list[Finding]:
    """Every construct of ``sql`` outside the portable subset, in order of appearance.

    Args:
        sql: one or more statements in DuckDB's spelling.
        file: name shown in findings.
    """
    try:
        trees = sqlglot.parse(sql, dialect="duckdb")
    except SqlglotError as error:
        return [Finding(file, _error_line(error), "syntax", str(error).splitlines()[0])]
    found: list[Finding] = []
    for tree in trees:
        if tree is None:
            continue
        found.extend(
            Finding(file, _line(node, sql), *problem)
            for node in tree.walk()
            if (problem := _problem(node)) is not None
        )
    return sorted(found, key=lambda item: (item.line, item.rule, item.message))


def _problem(node: exp.Expression) -> tuple[str, str] | None:
    if isinstance(node, exp.Star) and isinstance(node.parent, exp.Count):
        return None
    for kind, message in _FORBIDDEN.items():
        if type(node) is kind:
            return kind.__name__.lower(), message
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
        return None  # reported once, at the star itself
    if isinstance(node, exp.Func) and (name := _function_name(node)) in _FORBIDDEN_NAMES:
        return name, f"{name} is outside the portable subset"
    if isinstance(node, exp.Window):
        return _window_problem(node)
    if isinstance(node, exp.Limit) and node.find_ancestor(exp.Select, exp.Subquery) is not None:
        return "limit", "which rows a limit keeps depends on ties; filter by a condition"
    if isinstance(node, exp.ArgMax | exp.ArgMin):
        return _tie_problem(node)
    if isinstance(node, _ORDERED_LISTS) and not _is_ordered(node):
        return "unordered", "an aggregate list needs an order that ends in a unique key"
    if isinstance(node, exp.Cast) and _rounds_silently(node):
        return "cast", "a cast of a fraction to an integer rounds differently; floor it first"
    return None


def _window_problem(node: exp.Window) -> tuple[str, str] | None:
    order = node.args.get("order")
    if node.args.get("alias") is not None:  # refers to a named window, checked where it is defined
        return None
    if order is None and not isinstance(node.this, exp.Count | exp.Sum | exp.Min | exp.Max):
        return "window", "a window needs an order that ends in a unique key"
    if order is not None and isinstance(
        node.this, exp.RowNumber | exp.Lag | exp.Lead | exp.FirstValue
    ):
        last = order.expressions[-1].find(exp.Column)
        if last is None or not last.name.endswith(_UNIQUE_SUFFIXES):
            return "tie", "the window's order does not end in a unique key"
    return None


def _tie_problem(node: exp.Expression) -> tuple[str, str] | None:
    columns = list(node.expression.find_all(exp.Column))
    if any(column.name.endswith(_UNIQUE_SUFFIXES) for column in columns):
        return None
    return "tie", "arg_min and arg_max need a second key that is unique, such as (at, event_key)"


def _is_ordered(node: exp.Expression) -> bool:
    return node.find(exp.Order) is not None


def _rounds_silently(node: exp.Cast) -> bool:
    if node.to.this not in _INTEGERS:
        return False
    inner = node.this.unnest()
    if isinstance(inner, exp.Floor | exp.Ceil):
        return False
    if any(not part.is_string and "." in part.name for part in inner.find_all(exp.Literal)):
        return True
    return any(isinstance(part, exp.Cast) and part.to.this in _FRACTIONS for part in inner.walk())


def _function_name(node: exp.Func) -> str:
    if isinstance(node, exp.Anonymous):
        name = str(node.name).lower()
        return "" if name in FUNCTIONS else name
    return str(node.sql_name()).lower()


def _line(node: exp.Expression, sql: str) -> int:
    """Line of the first token under ``node`` for which the parser kept a place."""
    for part in node.walk():
        if "line" in part.meta:
            return int(part.meta["line"])
    text = node.sql(dialect="duckdb").lower()
    position = sql.lower().find(text)
    if position < 0 and isinstance(node, exp.Func):
        position = sql.lower().find(_function_name(node) + "(")
    return sql.count("\n", 0, position) + 1 if position >= 0 else 0


def _error_line(error: SqlglotError) -> int:
    details = getattr(error, "errors", None) or [{}]
    return int(details[0].get("line") or 0)
