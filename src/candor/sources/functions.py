"""The functions of the expression language of mapping files.

Each makes, from its compiled arguments, what computes it; null arguments give null unless said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from candor.sources.scope import Compiled, Scope, number_of, text_of


def _on_texts(function: Callable[..., Any]) -> Callable[[Sequence[Compiled]], Compiled]:
    """A function of texts that is null as soon as one of them is."""

    def make(arguments: Sequence[Compiled]) -> Compiled:
        def run(row: Any, scope: Scope) -> Any:
            texts = [text_of(argument(row, scope)) for argument in arguments]
            return None if None in texts else function(*texts)

        return run

    return make


def _concat(arguments: Sequence[Compiled]) -> Compiled:
    def run(row: Any, scope: Scope) -> str | None:
        texts = [text_of(argument(row, scope)) for argument in arguments]
        return None if None in texts else "".join(map(str, texts))

    return run


def _coalesce(arguments: Sequence[Compiled]) -> Compiled:
    def run(row: Any, scope: Scope) -> Any:
        for argument in arguments:
            if (value := argument(row, scope)) is not None:
                return value
        return None

    return run


def _number(arguments: Sequence[Compiled]) -> Compiled:
    inner = arguments[0]
    return lambda row, scope: number_of(inner(row, scope))


def _split(text: str, separator: str, position: str) -> str | None:
    number = number_of(position)
    if not separator or number is None or number != int(number) or number < 0:
        return None
    parts = text.split(separator)
    return parts[int(number)] if number < len(parts) else None


def _beside(step: int) -> Callable[[Sequence[Compiled]], Compiled]:
    """A value of the element before or after this one; null past the ends of the array."""

    def make(arguments: Sequence[Compiled]) -> Compiled:
        inner = arguments[0]

        def run(_row: Any, scope: Scope) -> Any:
            there = scope.moved(step)
            return None if there is None else inner(*there)

        return run

    return make


_MANY = 50
BESIDE = frozenset({"next", "previous"})
FUNCTIONS: dict[str, tuple[int, int, Callable[[Sequence[Compiled]], Compiled]]] = {
    "concat": (1, _MANY, _concat),
    "coalesce": (1, _MANY, _coalesce),
    "number": (1, 1, _number),
    "next": (1, 1, _beside(1)),
    "previous": (1, 1, _beside(-1)),
    "lower": (1, 1, _on_texts(str.lower)),
    "upper": (1, 1, _on_texts(str.upper)),
    "strip": (1, 1, _on_texts(str.strip)),
    "split": (3, 3, _on_texts(_split)),
    "contains": (2, 2, _on_texts(lambda text, part: part in text)),
    "starts_with": (2, 2, _on_texts(str.startswith)),
}
