"""The small expression language of mapping files: parsed here, compiled to Python closures.

Never evaluates Python. Values are text, exact numbers, true/false, lists, objects and null; null
makes every comparison and sum null, and a condition that is null does not hold. Text compared with
a number is read as a number; what cannot be read so is null.

Grammar, loosest first: ``or``; ``and``; ``not``; ``= != < <= > >=``, ``is [not] null``,
``[not] in (…)``; ``+ -``; ``* /``; literals ('text', 12.5, true, false, null), columns (bare, or in
backticks when the name holds other than letters, digits, ``_``, ``.`` and a leading ``$.``),
``$index``, ``$record``, functions, parentheses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, DivisionByZero, InvalidOperation
from typing import Any

from candor.errors import nearest
from candor.sources.functions import BESIDE, FUNCTIONS
from candor.sources.scope import Compiled, Resolver, Scope, number_of

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>\d+(?:\.\d+)?)
    | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    | (?P<quoted>`[^`]+`)
    | (?P<name>\$?\.?[A-Za-z_][\w.]*|\$index)
    | (?P<sign><=|>=|!=|<>|==|[=<>(),+\-*/])
    )""",
    re.VERBOSE,
)
_LIMIT = 2_000
_NESTING = 50
_WORDS = frozenset({"and", "or", "not", "is", "in", "null", "true", "false"})


class ExpressionError(Exception):
    """What is wrong with an expression, and where in it (position from 1)."""

    def __init__(self, what: str, position: int, fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.position = position
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression.

    Attributes:
        run: what computes it.
        columns: columns it names.
        looks_beside: it asks for the element before or after its own.
    """

    run: Compiled
    columns: tuple[str, ...]
    looks_beside: bool = False


def compile_expression(text: str, resolve: Resolver) -> Expression:
    """Compile ``text``.

    Args:
        text: at most 2,000 characters.
        resolve: gives, for a column name, what reads it.

    Raises:
        ExpressionError: it does not follow the grammar.
    """
    parser = _Parser(text, resolve)
    run = parser.whole()
    return Expression(run, tuple(parser.columns), parser.looks_beside)


@dataclass(slots=True)
class _Token:
    kind: str
    text: str
    position: int


class _Parser:
    def __init__(self, text: str, resolve: Resolver) -> None:
        if len(text) > _LIMIT:
            raise ExpressionError(f"an expression of more than {_LIMIT} characters", _LIMIT)
        self.columns: list[str] = []
        self.looks_beside = False
        self._resolve = resolve
        self._tokens = _tokens(text)
        self._at = 0
        self._nesting = 0

    def whole(self) -> Compiled:
        result = self._or()
        if self._here.kind != "end":
            raise self._wrong("the end of the expression")
        return result

    @property
    def _here(self) -> _Token:
        return self._tokens[self._at]

    def _wrong(self, expected: str) -> ExpressionError:
        token = self._here
        found = "the end" if token.kind == "end" else f"'{token.text}'"
        return ExpressionError(f"expected {expected}, found {found}", token.position)

    def _take(self, *texts: str) -> str:
        token = self._here
        if token.kind in ("sign", "word") and token.text in texts:
            self._at += 1
            return token.text
        return ""

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise self._wrong(f"'{text}'")

    def _or(self) -> Compiled:
        self._nesting += 1
        if self._nesting > _NESTING:
            raise ExpressionError("too many parentheses", self._here.position)
        parts = [self._and()]
        while self._take("or"):
            parts.append(self._and())
        self._nesting -= 1
        return parts[0] if len(parts) == 1 else _any(parts)

    def _and(self) -> Compiled:
        parts = [self._not()]
        while self._take("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else _all(parts)

    def _not(self) -> Compiled:
        negations = 0
        while self._take("not"):
            negations += 1
        inner = self._comparison()
        return _negation(inner) if negations % 2 else inner

    def _comparison(self) -> Compiled:
        left = self._sum()
        if self._take("is"):
            negated = bool(self._take("not"))
            self._need("null")
            return _is_null(left, negated)
        negated = bool(self._take("not"))
        if negated or self._here.text == "in":
            self._need("in")
            self._need("(")
            choices = [self._sum()]
            while self._take(","):
                choices.append(self._sum())
            self._need(")")
            return _membership(left, choices, negated)
        sign = self._take("=", "==", "!=", "<>", "<", "<=", ">", ">=")
        return _comparison(sign, left, self._sum()) if sign else left

    def _sum(self) -> Compiled:
        result = self._product()
        while sign := self._take("+", "-"):
            result = _arithmetic(sign, result, self._product())
        return result

    def _product(self) -> Compiled:
        result = self._single()
        while sign := self._take("*", "/"):
            result = _arithmetic(sign, result, self._single())
        return result

    def _single(self) -> Compiled:
        token = self._here
        if self._take("-"):
            return _arithmetic("-", _constant(0), self._single())
        if self._take("("):
            inner = self._or()
            self._need(")")
            return inner
        self._at += 1
        if token.kind == "number":
            return _constant(Decimal(token.text) if "." in token.text else int(token.text))
        if token.kind == "text":
            quote = token.text[0]
            return _constant(token.text[1:-1].replace(2 * quote, quote))
        if token.kind == "word" and token.text in _CONSTANTS:
            return _constant(_CONSTANTS[token.text])
        if token.kind == "name" and self._here.text == "(":
            return self._function(token)
        if token.kind in ("name", "quoted"):
            name = token.text.strip("`")
            self.columns.append(name)
            return self._resolve(name)
        self._at -= 1
        raise self._wrong("a value")

    def _function(self, token: _Token) -> Compiled:
        made = FUNCTIONS.get(token.text)
        if made is None:
            raise ExpressionError(
                f"unknown function '{token.text}'", token.position,
                nearest(token.text, list(FUNCTIONS)),
            )  # fmt: skip
        self.looks_beside = self.looks_beside or token.text in BESIDE
        self._need("(")
        arguments = [self._or()]
        while self._take(","):
            arguments.append(self._or())
        self._need(")")
        least, most, function = made
        if not least <= len(arguments) <= most:
            raise ExpressionError(
                f"'{token.text}' takes {least} arguments, not {len(arguments)}", token.position
            )
        return function(arguments)


def _tokens(text: str) -> list[_Token]:
    tokens = []
    at = 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            rest = text[at:].lstrip()
            raise ExpressionError(f"cannot read '{rest[:12]}'", len(text) - len(rest) + 1)
        kind = str(match.lastgroup)
        found, position = match.group(kind), match.start(kind) + 1
        if kind == "name" and found.lower() in _WORDS:
            kind, found = "word", found.lower()
        tokens.append(_Token(kind, found, position))
        at = match.end()
    tokens.append(_Token("end", "", len(text) + 1))
    return tokens


_CONSTANTS: dict[str, Any] = {"null": None, "true": True, "false": False}


def _constant(value: Any) -> Compiled:
    return lambda _row, _scope: value


def _any(parts: Sequence[Compiled]) -> Compiled:
    def run(row: Any, scope: Scope) -> bool | None:
        result: bool | None = False
        for part in parts:
            value = part(row, scope)
            if value is True:
                return True
            if value is not False:
                result = None
        return result

    return run


def _all(parts: Sequence[Compiled]) -> Compiled:
    def run(row: Any, scope: Scope) -> bool | None:
        result: bool | None = True
        for part in parts:
            value = part(row, scope)
            if value is False:
                return False
            if value is not True:
                result = None
        return result

    return run


def _negation(inner: Compiled) -> Compiled:
    def run(row: Any, scope: Scope) -> bool | None:
        value = inner(row, scope)
        return not value if isinstance(value, bool) else None

    return run


def _is_null(inner: Compiled, negated: bool) -> Compiled:
    if negated:
        return lambda row, scope: inner(row, scope) is not None
    return lambda row, scope: inner(row, scope) is None


def _same(left: Any, right: Any) -> bool | None:
    if left is None or right is None:
        return None
    if type(left) is str and type(right) is str:
        return left == right
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    numbers = number_of(left), number_of(right)
    return None if None in numbers else bool(numbers[0] == numbers[1])


def _membership(left: Compiled, choices: Sequence[Compiled], negated: bool) -> Compiled:
    def run(row: Any, scope: Scope) -> bool | None:
        value = left(row, scope)
        if value is None:
            return None
        found = any(_same(value, choice(row, scope)) for choice in choices)
        return found is not negated

    return run


def _comparison(sign: str, left: Compiled, right: Compiled) -> Compiled:
    if sign in ("=", "=="):
        return lambda row, scope: _same(left(row, scope), right(row, scope))
    if sign in ("!=", "<>"):
        return _negation(_comparison("=", left, right))
    order = _ORDERS[sign]

    def run(row: Any, scope: Scope) -> bool | None:
        one, other = left(row, scope), right(row, scope)
        if type(one) is not str or type(other) is not str:
            one, other = number_of(one), number_of(other)
        return None if one is None or other is None else order(one, other)

    return run


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda one, other: bool(one < other),
    "<=": lambda one, other: bool(one <= other),
    ">": lambda one, other: bool(one > other),
    ">=": lambda one, other: bool(one >= other),
}
_SUMS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
    "/": lambda one, other: Decimal(one) / Decimal(other),
}


def _arithmetic(sign: str, left: Compiled, right: Compiled) -> Compiled:
    compute = _SUMS[sign]

    def run(row: Any, scope: Scope) -> Any:
        one, other = number_of(left(row, scope)), number_of(right(row, scope))
        if one is None or other is None:
            return None
        try:
            return compute(one, other)
        except (DivisionByZero, InvalidOperation, ArithmeticError):
            return None

    return run
