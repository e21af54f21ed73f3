"""The small language of rule conditions: parsed, checked against the columns, printed as SQL.

Column names, constants, and, or, not, comparisons, in, and the helpers ``by(t)`` (it happened up to
the moment of evaluation), ``ever(t)`` (it happened) and ``within(t, anchor, 7d)``. Nothing else is
accepted, so that a rule file can do nothing but decide. A condition whose value depends on something
not known is NULL.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass

from candor.errors import nearest
from candor.resolution.columns import COLUMNS, LABELS, SESSION_ENDS
from candor.window import duration

_SPAN = re.compile(r"(?<![\w'\"])(\d+)(h|d)\b")
_ANCHOR = re.compile(r"^(t_\w+)(?:\((\d+)\))?(?:\s*\+\s*(\d+[hd]))?$")
_OPERATORS: dict[type[ast.cmpop], str] = {
    ast.Eq: "=", ast.NotEq: "<>", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
_SETS: dict[type[ast.cmpop], str] = {ast.In: "in", ast.NotIn: "not in"}
_WORDS = {"class", "word"}


class ExpressionError(ValueError):
    """What is wrong with a condition, in words a rule's author understands."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A checked condition.

    Attributes:
        text: as written.
        sql: boolean SQL over ``columns.FROM`` in which ``{at}`` stands for the moment of evaluation
            (NULL: not known).
        names: columns or labels it reads.
        constant: its value when it is the constant True or False.
        waits: SQL of the instant from which ``within`` helpers can say no; None without one.
    """

    text: str
    sql: str
    names: frozenset[str]
    constant: bool | None = None
    waits: str | None = None


@dataclass(frozen=True, slots=True)
class Anchor:
    """A moment of evaluation: an instant of the conversation plus a time.

    Attributes:
        text: as written.
        sql: epoch microseconds; NULL when neither the instant nor the end is known.
    """

    text: str
    sql: str


def anchor(text: str) -> Anchor:
    """Parses ``t_last_activity + 72h``; an instant that is null falls back to the end.

    Raises:
        ExpressionError: it is not of that form.
    """
    found = _ANCHOR.match(text.strip())
    if not found:
        raise ExpressionError(f"'{text}' is not an instant like `t_last_activity + 72h`")
    name, hours, span = found.groups()
    if name == "t_session_end":
        if hours is None or int(hours) not in SESSION_ENDS:
            known = ", ".join(str(one) for one in SESSION_ENDS)
            raise ExpressionError(f"t_session_end is known for a silence of {known} hours only")
        base = SESSION_ENDS[int(hours)]
    elif name in COLUMNS and COLUMNS[name].kind == "instant" and hours is None:
        base = COLUMNS[name].sql
    else:
        raise ExpressionError(f"unknown instant '{name}'; {nearest(name, _instants())}")
    end = COLUMNS["t_conversation_end"].sql
    first = base if base == end else f"coalesce({base}, {end})"
    return Anchor(text, first if span is None else f"{first} + {duration(span)}")


def condition(text: str | bool, names: Mapping[str, str] | None = None) -> Condition:
    """Parses and checks one condition.

    Args:
        text: the condition; a bare True or False of YAML is accepted.
        names: label name → SQL, for the conditions of ``judge_then``; columns otherwise.

    Raises:
        ExpressionError: it is not in the language or names something unknown.
    """
    written = str(text)
    try:
        tree = ast.parse(_SPAN.sub(r"'\1\2'", written), mode="eval").body
    except SyntaxError as error:
        raise ExpressionError(f"'{written}' cannot be read: {error.msg}") from None
    if isinstance(tree, ast.Constant) and isinstance(tree.value, bool):
        return Condition(written, str(tree.value).lower(), frozenset(), tree.value)
    printer = _Printer(names)
    sql = printer.boolean(tree)
    waits = None
    if printer.waits:
        waits = (
            printer.waits[0] if len(printer.waits) == 1 else f"greatest({', '.join(printer.waits)})"
        )
    return Condition(written, sql, frozenset(printer.seen), None, waits)


def _instants() -> list[str]:
    return [column.name for column in COLUMNS.values() if column.kind == "instant"]


class _Printer:
    def __init__(self, labels: Mapping[str, str] | None) -> None:
        self.labels = labels
        self.seen: set[str] = set()
        self.waits: list[str] = []

    def boolean(self, node: ast.expr) -> str:
        match node:
            case ast.BoolOp(op=op, values=values):
                word = " and " if isinstance(op, ast.And) else " or "
                return "(" + word.join(self.boolean(value) for value in values) + ")"
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return f"(not {self.boolean(operand)})"
            case ast.Compare():
                return self._comparison(node)
            case ast.Call():
                return self._helper(node)
            case ast.Name(id=name):
                return self._flag(name)
            case ast.Constant(value=bool() as value):
                return str(value).lower()
        raise ExpressionError(f"'{ast.unparse(node)}' is no condition of the rule language")

    def _flag(self, name: str) -> str:
        sql, kind = self._column(name)
        if kind != "flag":
            raise ExpressionError(f"'{name}' is {_article(kind)}, not true or false")
        return sql

    def _column(self, name: str) -> tuple[str, str]:
        self.seen.add(name)
        if self.labels is not None:
            if name not in self.labels:
                raise ExpressionError(f"unknown label '{name}'; {nearest(name, sorted(LABELS))}")
            return self.labels[name], "label"
        if name not in COLUMNS:
            raise ExpressionError(f"unknown column '{name}'; {nearest(name, sorted(COLUMNS))}")
        column = COLUMNS[name]
        return column.sql, column.kind

    def _comparison(self, node: ast.Compare) -> str:
        if len(node.ops) != 1:
            raise ExpressionError(f"'{ast.unparse(node)}' chains comparisons; write two of them")
        if not isinstance(node.left, ast.Name):
            raise ExpressionError(f"'{ast.unparse(node)}' must begin with a column")
        sql, kind = self._column(node.left.id)
        op, right = node.ops[0], node.comparators[0]
        if type(op) in _SETS:
            return self._membership(sql, kind, op, right)
        if type(op) not in _OPERATORS:
            raise ExpressionError(f"'{ast.unparse(node)}' uses an operator outside the language")
        if isinstance(right, ast.Name) and right.id not in ("true", "false"):
            other, other_kind = self._column(right.id)
            if other_kind != kind:
                raise ExpressionError(f"'{ast.unparse(node)}' compares {kind} with {other_kind}")
            return f"({sql} {_OPERATORS[type(op)]} {other})"
        return self._to_constant(sql, kind, op, right)

    def _to_constant(self, sql: str, kind: str, op: ast.cmpop, right: ast.expr) -> str:
        literal = _literal(right)
        if kind == "label":
            if isinstance(literal, bool):
                literal = str(literal).lower()
            if isinstance(literal, int):
                return f"(try_cast({sql} as integer) {_OPERATORS[type(op)]} {literal})"
            return f"(lower({sql}) {_OPERATORS[type(op)]} {_quoted(literal.lower())})"
        if kind in _WORDS and isinstance(literal, str) and isinstance(op, ast.Eq | ast.NotEq):
            # A word that was never said is none of the words; a class that is not known may be any.
            own = f"coalesce({sql}, '')" if kind == "word" else sql
            return f"({own} {_OPERATORS[type(op)]} {_quoted(literal)})"
        if kind == "count" and isinstance(literal, int) and not isinstance(literal, bool):
            return f"({sql} {_OPERATORS[type(op)]} {literal})"
        if kind == "flag" and isinstance(literal, bool) and isinstance(op, ast.Eq | ast.NotEq):
            return f"({sql} {_OPERATORS[type(op)]} {str(literal).lower()})"
        raise ExpressionError(f"{_article(kind)} cannot be compared with {literal!r} this way")

    def _membership(self, sql: str, kind: str, op: ast.cmpop, right: ast.expr) -> str:
        if kind not in _WORDS or not isinstance(right, ast.List) or not right.elts:
            raise ExpressionError("`in` needs a word and a list of words")
        words = [_literal(element) for element in right.elts]
        if not all(isinstance(word, str) for word in words):
            raise ExpressionError("`in` needs a list of words")
        listed = ", ".join(_quoted(str(word)) for word in words)
        own = f"coalesce({sql}, '')" if kind == "word" else sql
        return f"({own} {_SETS[type(op)]} ({listed}))"

    def _helper(self, node: ast.Call) -> str:
        name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
        wanted = {"by": 1, "ever": 1, "within": 3}
        if name not in wanted or len(node.args) != wanted[name] or node.keywords:
            raise ExpressionError(
                f"'{ast.unparse(node)}' is none of by(t), ever(t), within(t, anchor, 7d)"
            )
        happened = self._instant(node.args[0])
        if name == "ever":
            return f"({happened} is not null)"
        if name == "by":
            return f"coalesce({happened} <= {{at}}, false)"
        start = self._instant(node.args[1])
        span = _literal(node.args[2])
        if not isinstance(span, str):
            raise ExpressionError(f"'{ast.unparse(node)}' needs a time like 7d")
        width = duration(span)
        self.waits.append(f"{start} + {width}")
        return f"coalesce({happened} - {start} <= {width}, false)"

    def _instant(self, node: ast.expr) -> str:
        if not isinstance(node, ast.Name):
            raise ExpressionError(f"'{ast.unparse(node)}' is no instant")
        sql, kind = self._column(node.id)
        if kind != "instant":
            raise ExpressionError(f"'{node.id}' is {_article(kind)}, not an instant")
        return sql


def _literal(node: ast.expr) -> str | int | bool:
    if isinstance(node, ast.Name) and node.id in ("true", "false"):
        return node.id == "true"
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int | bool):
        return node.value
    raise ExpressionError(f"'{ast.unparse(node)}' is no word, number, True or False")


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
