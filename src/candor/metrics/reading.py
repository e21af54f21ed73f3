"""Reads metric definitions from YAML files and reports every problem of every file at once.

Each problem names file and line, what was expected and the nearest spelling. Nothing is run and no
engine is loaded; the columns come from the facts' published schema.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from yaml.constructor import SafeConstructor

from candor.errors import CandorError, Problem, nearest
from candor.facts import schema
from candor.metrics.definition import Definition
from candor.metrics.derived import Derived
from candor.metrics.expression import Expression, is_boolean, parse
from candor.yaml_lines import Place, line_at, lines_of

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BOOLEAN_PLACES = (
    "include", "outcome", "confirmed", "exclude", "unknown", "requires", "judged",
)  # fmt: skip


class _InvalidFileError(Exception):
    """A file's problems, on their way to the one report."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__()
        self.problems = problems


def read(files: Iterable[tuple[str, str]]) -> list[Definition | Derived]:
    """Definitions of many files, counted and derived, in the order of the files.

    Args:
        files: (name of the file as shown to people, its text).

    Raises:
        CandorError: ``metric.invalid`` with every problem of every file.
    """
    found: list[tuple[str, Definition | Derived]] = []
    problems: list[Problem] = []
    for name, text in files:
        try:
            found.append((name, _read_one(name, text)))
        except _InvalidFileError as invalid:
            problems.extend(invalid.problems)
    problems.extend(_clashes(found))
    if problems:
        raise CandorError("metric.invalid", problems)
    return [definition for _, definition in found]


def folder(path: Path) -> list[tuple[str, str]]:
    """The YAML files under a folder, in a stable order; empty when there is none."""
    if not path.is_dir():
        return []
    return [(str(file), file.read_text(encoding="utf-8")) for file in sorted(path.rglob("*.yaml"))]


@cache
def column_types(fact: str) -> Mapping[str, str]:
    """Column to SQL type of a fact."""
    return {name: column.type for name, column in schema.columns(fact).items()}


def _clashes(found: list[tuple[str, Definition | Derived]]) -> list[Problem]:
    first: dict[str, str] = {}
    problems = []
    for name, definition in found:
        if definition.name in first:
            problems.append(
                Problem(
                    f"metric '{definition.name}' is defined already in {first[definition.name]}",
                    name,
                    "a name of its own",
                    "rename one of the two",
                )
            )
        first.setdefault(definition.name, name)
    names = sorted(first)
    for name, definition in found:
        for key in ("guardrails", "related", "shown_with"):
            problems.extend(
                Problem(
                    f"{key} names the unknown metric '{other}'", name, "", nearest(other, names)
                )
                for other in getattr(definition, key)
                if other not in first
            )
    derived = {item.name: item for _, item in found if isinstance(item, Derived)}
    for name, definition in found:
        if isinstance(definition, Derived):
            problems.extend(_inputs(name, definition, derived, names))
    return problems


def _inputs(
    name: str, definition: Derived, derived: Mapping[str, Derived], names: list[str]
) -> list[Problem]:
    """Inputs that do not exist, or that lead back to the metric itself."""
    problems = [
        Problem(f"input '{role}' names the unknown metric '{other}'", name, "",
                nearest(other, names))
        for role, other in definition.inputs.items()
        if other not in names
    ]  # fmt: skip
    seen: set[str] = set()
    waiting = list(definition.inputs.values())
    while waiting:
        other = waiting.pop()
        if other == definition.name:
            problems.append(
                Problem(f"'{definition.name}' is reckoned from itself", name,
                        "inputs that do not lead back to it")
            )  # fmt: skip
            break
        if other in derived and other not in seen:
            seen.add(other)
            waiting += derived[other].inputs.values()
    return problems


def _read_one(name: str, text: str) -> Definition | Derived:
    try:
        node = _composed(text)
        raw = SafeConstructor().construct_document(node) if node is not None else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        what = getattr(error, "problem", None) or str(error)
        raise _InvalidFileError([Problem(f"not YAML: {what}", f"{name}{line}")]) from None
    if not isinstance(raw, dict) or node is None:
        raise _InvalidFileError([Problem("a definition is a mapping of keys", f"{name}:1")])
    problems: list[Problem] = []
    lines = lines_of(name, node, problems)
    model = Derived if raw.get("estimator") == "derived" else Definition
    try:
        definition = model.model_validate(raw)
    except ValidationError as error:
        problems.extend(_problem(name, lines, dict(item), model) for item in error.errors())
        raise _InvalidFileError(problems) from None
    if isinstance(definition, Derived):
        problems.extend(_bind_derived(name, lines, definition))
    else:
        problems.extend(_bind(name, lines, definition))
    if problems:
        raise _InvalidFileError(problems)
    return definition


def _composed(text: str) -> yaml.Node | None:
    """The document, read by the quick loader; a mistake is told by the one with better words."""
    try:
        return yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError:
        return yaml.compose(text, Loader=yaml.SafeLoader)


def _problem(
    name: str, lines: Mapping[Place, int], item: dict[str, Any], model: type[BaseModel]
) -> Problem:
    path: Place = tuple(item["loc"])
    where = f"{name}:{line_at(lines, path)}"
    key = ".".join(str(part) for part in path)
    if item["type"] == "extra_forbidden":
        fix = nearest(str(path[-1]), _keys_at(model, path[:-1]))
        return Problem(f"unknown key '{key}'", where, "", fix)
    if item["type"] == "missing":
        return Problem(f"key '{key}' is missing", where)
    message = str(item["msg"]).removeprefix("Value error, ")
    found = "" if isinstance(item.get("input"), dict) else f" (found {item.get('input')!r})"
    return Problem(f"{key}: {message}{found}" if key else message, where)


def _keys_at(model: type[BaseModel], path: Place) -> tuple[str, ...]:
    for part in path:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        inner = next(_models(field.annotation), None) if field is not None else None
        model = inner or model
    return tuple(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (tuple, Union, types.UnionType):
        for part in get_args(annotation):
            yield from _models(part)


def _bind(name: str, lines: Mapping[Place, int], definition: Definition) -> list[Problem]:
    known = column_types(definition.fact)
    expressions: dict[str, Expression] = {}
    problems: list[Problem] = []
    for place, text in definition.texts().items():
        path: Place = tuple(place.split("."))
        where = f"{name}:{line_at(lines, path)}: {place}"
        expression, found = parse(text, known, where)
        problems.extend(found)
        if expression is None:
            continue
        expressions[place] = expression
        if path[0] in _BOOLEAN_PLACES and not is_boolean(expression, known):
            problems.append(Problem("is not a condition", where, "true, false or null"))
        if path[0] in ("value", "numerator", "denominator") and is_boolean(expression, known):
            problems.append(Problem("is a condition", where, "a whole number or an amount"))
    problems.extend(_unknown_columns(name, lines, definition, known))
    definition.bind(expressions)
    return problems


def _bind_derived(name: str, lines: Mapping[Place, int], definition: Derived) -> list[Problem]:
    """Checks the facts a derived metric reads: their names, columns and conditions."""
    expressions: dict[str, Expression] = {}
    problems: list[Problem] = []
    for fact, reading in definition.reads.items():
        line = line_at(lines, ("reads", fact))
        where = f"{name}:{line}: reads.{fact}"
        if fact not in schema.facts():
            fix = nearest(fact, schema.facts())
            problems.append(Problem(f"there is no fact '{fact}'", where, "", fix))
            continue
        known = column_types(fact)
        problems += [
            Problem(f"there is no column '{column}'", where, "", nearest(column, list(known)))
            for column in reading.columns
            if column not in known
        ]
        expression, found = parse(reading.where, known, where)
        problems.extend(found)
        if expression is None:
            continue
        expressions[fact] = expression
        if not is_boolean(expression, known):
            problems.append(Problem("is not a condition", where, "true, false or null"))
    definition.bind(expressions)
    return problems


def _unknown_columns(
    name: str, lines: Mapping[Place, int], definition: Definition, known: Mapping[str, str]
) -> list[Problem]:
    problems = [
        Problem(
            f"there is no segment '{segment}'",
            f"{name}:{line_at(lines, ('segments', number))}: segments",
            "",
            nearest(segment, list(known)),
        )
        for number, segment in enumerate(definition.segments)
        if segment not in known
    ]
    own = None if definition.judged is None else definition.judged.own
    if own is not None and known.get(own) != "BOOLEAN":
        problems.append(
            Problem(
                f"there is no true-or-false column '{own}'",
                f"{name}:{line_at(lines, ('judged', 'own'))}: judged.own",
                "",
                nearest(own, [column for column, kind in known.items() if kind == "BOOLEAN"]),
            )
        )
    for number, example in enumerate(definition.examples):
        rows: list[tuple[Place, dict[str, Any]]] = [
            (("examples", number, "given"), example.given),
            *((("examples", number, "rows", at), row.row) for at, row in enumerate(example.rows)),
        ]
        for path, row in rows:
            problems.extend(
                Problem(
                    f"there is no column '{column}'",
                    f"{name}:{line_at(lines, path)}: examples",
                    "",
                    nearest(column, list(known)),
                )
                for column in row
                if column not in known
            )
    return problems
