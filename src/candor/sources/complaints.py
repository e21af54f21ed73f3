"""Reads plain values out of a located document and collects every mistake with its line.

The vocabulary of checking: texts, lists of texts, flags, words of a closed list, conditions. Knows
nothing of what a mapping file holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from candor.errors import Problem, nearest
from candor.sources.expressions import ExpressionError, compile_expression
from candor.sources.located import Node
from candor.sources.scope import Compiled


def _unresolved(_: str) -> Compiled:
    return lambda _row, _scope: None


class Complaints:
    """What is wrong with one document.

    Args:
        name: the document, for messages.
        problems: the mistakes, to which more are added.
    """

    def __init__(self, name: str, problems: list[Problem]) -> None:
        self.problems = problems
        self._name = name
        self._beside: list[tuple[Node | int, str]] = []

    def wrong(self, node: Node | int, what: str, expected: str = "", fix: str = "") -> None:
        """Adds a mistake at the line of ``node``."""
        line = node if isinstance(node, int) else node.line
        self.problems.append(Problem(what, f"{self._name}:{line}", expected, fix))

    def _map(self, node: Node, known: Sequence[str]) -> dict[str, Node]:
        for key, inner in node.value.items():
            if key not in known:
                self.wrong(inner, f"unknown key '{key}'", "", nearest(key, known))
        return dict(node.value)

    def _text(self, node: Node | None, key: str, default: str = "") -> str:
        if node is None:
            return default
        if node.is_map or node.is_list or node.value is None:
            self.wrong(node, f"'{key}' is no text", "a word")
            return default
        return node.text

    def _texts(self, node: Node | None, key: str) -> tuple[str, ...]:
        if node is None:
            return ()
        if not node.is_list:
            return (self._text(node, key),)
        return tuple(self._text(inner, key) for inner in node.value)

    def _flag(self, node: Node | None, key: str, default: bool) -> bool:
        if node is None:
            return default
        if not isinstance(node.value, bool):
            self.wrong(node, f"'{key}' is '{node.text}'", "true or false")
            return default
        return node.value

    def _one_of(self, node: Node | None, key: str, known: Sequence[str], default: str) -> str:
        word = self._text(node, key, default)
        if node is not None and word not in known:
            self.wrong(
                node, f"'{key}' is '{word}'", "one of " + ", ".join(known), nearest(word, known)
            )
        return word

    def _condition(self, node: Node | None, key: str) -> str:
        text = self._text(node, key)
        if node is not None:
            self._check_expression(text, node, key)
        return text

    def _check_expression(self, text: str, node: Node | int, key: str) -> None:
        try:
            found = compile_expression(text, _unresolved)
        except ExpressionError as error:
            what = f"'{key}': {error.what} (character {error.position} of \"{text[:60]}\")"
            self.wrong(node, what, "", error.fix)
            return
        if found.looks_beside:
            self._beside.append((node, key))

    def _refuse_beside(self, is_wrong: Callable[[str], bool]) -> None:
        """Expressions that look at a neighbour where there is none."""
        for node, key in self._beside:
            if is_wrong(key):
                self.wrong(
                    node,
                    f"'{key}' looks at a neighbour",
                    "next and previous within 'for_each' only",
                )

    def _sign(self, node: Node | None, key: str, default: str | None) -> str | None:
        if node is None:
            return default
        if node.value is None and not node.is_list:
            return None
        text = self._text(node, key)
        if len(text) != 1 or not text.isascii():
            self.wrong(node, f"'{key}' is '{text}'", "one ASCII character, or null for none")
            return default
        return text

    def _nulls(self, node: Node | None, default: str | None) -> frozenset[str]:
        if node is None:
            return frozenset() if default is None else frozenset({default})
        if not node.is_list:
            self.wrong(node, "'null_values' is no list", '["", "NULL"]')
            return frozenset()
        return frozenset(inner.text for inner in node.value)
