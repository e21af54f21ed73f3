"""YAML with line numbers: a small, plain tree in which every value knows where it was written.

Only true/false, numbers and null are anything but text (``no`` and ``on`` are words here), keys are
always text, repeated keys and aliases are mistakes. Reads nothing from disk.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from candor.errors import CandorError, Problem

_SIZE_LIMIT = 1 << 20
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_ZERO_LED = re.compile(r"[+-]?0\d+")
_WORDS: dict[str, Any] = {
    "true": True, "false": False, "null": None, "~": None, "": None,
}  # fmt: skip
_NESTING = 30


@dataclass(slots=True)
class Node:
    """One value of a document.

    Attributes:
        value: dict of str → Node, list of Node, or a plain value.
        line: where it begins, from 1.
        text: a scalar as it was written, else "".
    """

    value: Any
    line: int
    text: str = ""

    @property
    def is_map(self) -> bool:
        """Whether it is a mapping of keys."""
        return isinstance(self.value, dict)

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return isinstance(self.value, list)

    def plain(self) -> Any:
        """The value without line numbers."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


@dataclass(slots=True)
class Document:
    """A parsed document and the mistakes already found in it."""

    root: Node
    problems: list[Problem] = field(default_factory=list)


def parse(text: str, name: str) -> Document:
    """The document in ``text``.

    Args:
        text: YAML.
        name: what to call it in messages.

    Raises:
        CandorError: ``mapping.syntax`` when it is no YAML, or more than 1 MiB.
    """
    if len(text) > _SIZE_LIMIT:
        raise CandorError("mapping.syntax", Problem("it is over 1 MiB", name, "a mapping file"))
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise CandorError(
                    "mapping.syntax",
                    Problem(
                        f"the alias '*{event.anchor}' is not supported",
                        f"{name}:{event.start_mark.line + 1 if event.start_mark else 1}",
                        "the value itself",
                    ),
                )
        top = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        what = getattr(error, "problem", None) or "it cannot be read"
        raise CandorError("mapping.syntax", Problem(what, f"{name}:{line}", "YAML")) from None
    except RecursionError:
        raise CandorError("mapping.syntax", Problem("it is nested too deeply", name)) from None
    document = Document(Node(None, 1))
    if top is not None:
        document.root = _node(top, document.problems, name, 0)
    return document


def _node(found: yaml.Node, problems: list[Problem], name: str, depth: int) -> Node:
    line = found.start_mark.line + 1
    if depth > _NESTING:
        raise CandorError("mapping.syntax", Problem("nested too deeply", f"{name}:{line}"))
    if isinstance(found, yaml.MappingNode):
        values: dict[str, Node] = {}
        for key, inner in found.value:
            word = key.value if isinstance(key, yaml.ScalarNode) else ""
            where = f"{name}:{key.start_mark.line + 1}"
            if not isinstance(key, yaml.ScalarNode):
                problems.append(Problem("a key that is no text", where, "a word"))
            elif word in values:
                problems.append(Problem(f"the key '{word}' stands here twice", where, "once"))
            else:
                values[word] = _node(inner, problems, name, depth + 1)
        return Node(values, line)
    if isinstance(found, yaml.SequenceNode):
        return Node([_node(inner, problems, name, depth + 1) for inner in found.value], line)
    return Node(_scalar(found), line, str(found.value))


def _scalar(found: yaml.Node) -> Any:
    text = str(found.value)
    if getattr(found, "style", None) is not None:
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    match = _NUMBER.fullmatch(text)
    if match is None or _ZERO_LED.fullmatch(text):
        return text
    return float(text) if match[1] else int(text)
