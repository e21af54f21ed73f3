"""Where a YAML file says what: the line of every key and element, so that a mistake can name it."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from candor.errors import Problem

Place = tuple[str | int, ...]
"""Keys and positions from the root of a document to a value."""


def lines_of(name: object, root: yaml.Node, problems: list[Problem]) -> dict[Place, int]:
    """Lines (from 1) of all keys and elements, by their place.

    Args:
        name: of the file, as problems shall call it.
        root: the composed document.
        problems: receives keys given twice, of which YAML would keep the last silently.
    """
    lines: dict[Place, int] = {}
    _mark(name, root, (), lines, problems)
    return lines


def line_at(lines: Mapping[Place, int], place: Place) -> int:
    """Line of a place, or of the nearest one around it that has one; 1 at the least."""
    around = (place[:size] for size in range(len(place), 0, -1))
    return next((lines[one] for one in around if one in lines), 1)


def _mark(
    name: object, node: yaml.Node, place: Place, lines: dict[Place, int], problems: list[Problem]
) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                problems.append(Problem(f"key '{key.value}' is given twice", f"{name}:{line}"))
            seen.add(key.value)
            lines[(*place, key.value)] = line
            _mark(name, value, (*place, key.value), lines, problems)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            lines[(*place, number)] = value.start_mark.line + 1
            _mark(name, value, (*place, number), lines, problems)
