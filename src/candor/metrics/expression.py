"""SQL expressions of metric definitions: parsed, checked against the columns of a fact, printed.

Only this module reads the text of a condition. Expressions are the small portable subset of
``ALLOWED``: no division (a figure is divided once, in Python), no aggregate, no subquery, no
function whose result depends on the engine. Truth is three-valued; NULL means not (yet) known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from candor.errors import Problem, nearest

DIALECT = "duckdb"
ALLOWED: tuple[type[exp.Expression], ...] = (
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Neg,
    exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In,
    exp.Between, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Case, exp.If, exp.Coalesce, exp.Add, exp.Sub,
    exp.Mul, exp.Abs, exp.Least, exp.Greatest,
)  # fmt: skip


@dataclass(frozen=True, eq=True)
class Expression:
    """One checked expression.

    Attributes:
        text: as written in the definition.
        tree: its syntax tree.
    """

    text: str
    tree: exp.Expression

    @cached_property
    def sql(self) -> str:
        """Canonical text in the portable subset."""
        return str(self.tree.sql(dialect=DIALECT, comments=False))

    @cached_property
    def columns(self) -> frozenset[str]:
        """Names of the fact's columns it reads."""
        return frozenset(column.name for column in self.tree.find_all(exp.Column))


def parse(
    text: str, known: Mapping[str, str], where: str
) -> tuple[Expression | None, list[Problem]]:
    """Read one expression.

    Args:
        text: SQL as written.
        known: column to SQL type of the fact.
        where: file, line and key, as shown to people.

    Returns:
        The expression, or None with every problem found.
    """
    try:
        tree = sqlglot.parse_one(text, dialect=DIALECT)
    except SqlglotError as error:
        return None, [Problem(_pointed(text, error), where, "one SQL condition or number")]
    problems = [
        Problem(f"'{_shown(node)}' is not allowed in a definition", where,
                "comparisons, and/or/not, case, coalesce, is null, in, between, + - *")
        for node in tree.walk()
        if not isinstance(node, ALLOWED)
    ][:1]  # fmt: skip
    for name in sorted({column.name for column in tree.find_all(exp.Column)}):
        if name not in known:
            problems.append(
                Problem(f"there is no column '{name}'", where, "", nearest(name, list(known)))
            )
    if problems:
        return None, problems
    return Expression(text.strip(), tree), []


def is_boolean(expression: Expression, known: Mapping[str, str]) -> bool:
    """Whether the expression yields true, false or NULL rather than a number or a text."""
    return is_boolean_tree(expression.tree, known)


def is_boolean_tree(node: exp.Expression | None, known: Mapping[str, str]) -> bool:
    """The same for a syntax tree."""
    if isinstance(node, exp.Paren):
        return is_boolean_tree(node.this, known)
    if isinstance(node, exp.Column):
        return known.get(node.name) == "BOOLEAN"
    if isinstance(node, exp.Case):
        parts = [branch.args["true"] for branch in node.args["ifs"]]
        default = node.args.get("default")
        return all(is_boolean_tree(part, known) for part in [*parts, default] if part is not None)
    if isinstance(node, exp.Coalesce):
        return all(is_boolean_tree(part, known) for part in [node.this, *node.expressions])
    return isinstance(
        node,
        exp.Boolean | exp.Null | exp.And | exp.Or | exp.Not | exp.EQ | exp.NEQ | exp.GT | exp.GTE
        | exp.LT | exp.LTE | exp.Is | exp.In | exp.Between | exp.NullSafeEQ | exp.NullSafeNEQ,
    )  # fmt: skip


def _pointed(text: str, error: SqlglotError) -> str:
    details = getattr(error, "errors", None) or [{}]
    line, column = details[0].get("line") or 1, details[0].get("col") or 0
    reason = details[0].get("description") or str(error).splitlines()[0]
    lines = text.splitlines() or [""]
    shown = lines[min(line, len(lines)) - 1]
    length = max(len(details[0].get("highlight") or "x"), 1)
    caret = " " * max(column - length, 0) + "^"
    return f"cannot be read as SQL: {reason}\n    {shown}\n    {caret}"


def _shown(node: exp.Expression) -> str:
    text = str(node.sql(dialect=DIALECT))
    return text if len(text) <= 40 else text[:37] + "…"
