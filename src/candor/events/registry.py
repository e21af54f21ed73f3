"""Reads and validates the event types written under ``registry/``, one YAML file each.

Only this module reads those files. Every problem of every file is reported at once, with file and
line; the opening comment (question, rule, caveat) is part of what is checked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import yaml

from candor.errors import CandorError, Problem, nearest
from candor.events.types import ENVELOPE, KINDS, PERSONAL_MARKS, EventType, Field, Kind

FOLDER = Path(__file__).parent / "registry"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TYPE_KEYS = ("event", "doc", "key", "fields")
_FIELD_KEYS = (
    "kind",
    "required",
    "values",
    "doc",
    "personal",
    "personal_when",
    "minimum",
    "maximum",
    "may_be_future",
)
_ENVELOPE_NAMES = frozenset(field.name for field in ENVELOPE)


@cache
def registry() -> Mapping[str, EventType]:
    """All event types by name, in alphabetical order, read once per process."""
    return load(FOLDER)


def load(folder: Path) -> Mapping[str, EventType]:
    """Reads every ``*.yaml`` of a folder as an event type.

    Raises:
        CandorError: ``events.registry_invalid`` with every problem of every file.
    """
    problems: list[Problem] = []
    found: dict[str, EventType] = {}
    for path in sorted(folder.glob("*.yaml")):
        one = _File(path, problems).read()
        if one is not None:
            found[one.name] = one
    if not found and not problems:
        problems.append(Problem("no event type is defined", str(folder), "one YAML file per type"))
    if problems:
        raise CandorError("events.registry_invalid", problems)
    return MappingProxyType(found)


class _File:
    """One file on its way to an EventType; collects problems instead of stopping at the first."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        self.path = path
        self.problems = problems
        self.before = len(problems)

    def read(self) -> EventType | None:
        text = self.path.read_text(encoding="utf-8")
        try:
            root = yaml.compose(text, Loader=yaml.CSafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            line = mark.line + 1 if mark else 1
            self._wrong(line, f"not YAML: {error.problem}", "")
            return None
        if not isinstance(root, yaml.MappingNode):
            self._wrong(1, "no mapping", "keys event, doc, key, fields")
            return None
        question, rule, caveat = self._opening(text)
        entries = self._entries(root, _TYPE_KEYS, 1)
        for key in _TYPE_KEYS:
            if key not in entries:
                self._wrong(1, f"'{key}' is missing", "keys event, doc, key, fields")
        name = self._name(entries)
        doc = self._text(entries, "doc")
        fields = self._fields(entries)
        key_names = self._key(entries, fields)
        if len(self.problems) > self.before:
            return None
        return EventType(name, doc, key_names, fields, question, rule, caveat)

    def _wrong(self, line: int, what: str, expected: str, fix: str = "") -> None:
        self.problems.append(Problem(what, f"{self.path.name}:{line}", expected, fix))

    def _opening(self, text: str) -> tuple[str, str, str]:
        comment: list[str] = []
        for line in text.splitlines():
            if not line.startswith("#"):
                break
            comment.append(line.lstrip("#").strip())
        joined = " ".join(comment)
        match = re.fullmatch(r"(.+?\?)\s+Rule: (.+?)\s+Caveat: (.+)", joined)
        if match is None:
            self._wrong(
                1, "the opening comment is incomplete", "a question, 'Rule: …' and 'Caveat: …'"
            )
            return "", "", ""
        return match[1], match[2], match[3]

    def _entries(
        self, node: yaml.MappingNode, known: tuple[str, ...] | None, line: int
    ) -> dict[str, yaml.Node]:
        entries: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            line = key_node.start_mark.line + 1
            key = str(key_node.value)
            if key in entries:
                self._wrong(line, f"'{key}' is given twice", "each key once")
            elif known is not None and key not in known:
                self._wrong(line, f"unknown key '{key}'", "", nearest(key, known))
            entries[key] = value
        return entries

    def _value(self, node: yaml.Node) -> Any:
        loader = yaml.SafeLoader("")
        try:
            return loader.construct_document(node)
        finally:
            loader.dispose()

    def _text(self, entries: dict[str, yaml.Node], key: str) -> str:
        node = entries.get(key)
        if node is None:
            return ""
        value = self._value(node)
        if not isinstance(value, str) or not value.strip() or "\n" in value:
            self._wrong(node.start_mark.line + 1, f"'{key}' is not one line of text", "one line")
            return ""
        return value

    def _name(self, entries: dict[str, yaml.Node]) -> str:
        name = self._text(entries, "event")
        if name and name != self.path.stem:
            line = entries["event"].start_mark.line + 1
            self._wrong(line, f"event '{name}' is not named like its file", self.path.stem)
        return name

    def _fields(self, entries: dict[str, yaml.Node]) -> tuple[Field, ...]:
        node = entries.get("fields")
        if node is None:
            return ()
        if not isinstance(node, yaml.MappingNode):
            self._wrong(node.start_mark.line + 1, "'fields' is no mapping", "name: {kind: …}")
            return ()
        found: list[Field] = []
        for name, body in self._entries(node, None, node.start_mark.line + 1).items():
            line = body.start_mark.line + 1
            if not _NAME.fullmatch(name):
                self._wrong(line, f"field name '{name}' is not snake case", "lower case, digits, _")
            if name in _ENVELOPE_NAMES or name == "type":
                self._wrong(line, f"field '{name}' is already in the envelope", "another name")
            if isinstance(body, yaml.MappingNode):
                one = self._field(name, body, line)
                if one is not None:
                    found.append(one)
            else:
                self._wrong(line, f"field '{name}' is no mapping", "{kind: …, doc: …}")
        names = {field.name for field in found}
        for one in found:
            if one.personal_when is not None and one.personal_when[0] not in names:
                line = node.start_mark.line + 1
                self._wrong(line, f"'{one.name}' is personal by an unknown field", "a field here")
        return tuple(found)

    def _field(self, name: str, body: yaml.MappingNode, line: int) -> Field | None:
        entries = self._entries(body, _FIELD_KEYS, line)
        before = len(self.problems)
        values = {key: self._value(node) for key, node in entries.items() if key in _FIELD_KEYS}
        kind = values.get("kind")
        if kind not in KINDS:
            self._wrong(line, f"kind '{kind}' of '{name}'", "", nearest(str(kind), KINDS))
        doc = self._text(entries, "doc")
        if "doc" not in entries:
            self._wrong(line, f"field '{name}' has no doc", "one line saying what it holds")
        for flag in ("required", "may_be_future"):
            if not isinstance(values.get(flag, False), bool):
                self._wrong(line, f"'{flag}' of '{name}'", "true or false")
        known = values.get("values", [])
        if (kind == "enum") != bool(known):
            self._wrong(line, f"'values' of '{name}'", "values for an enum, and only there")
        elif not isinstance(known, list) or not all(isinstance(v, str) for v in known):
            self._wrong(line, f"'values' of '{name}'", "a list of words")
        elif len(set(known)) != len(known):
            self._wrong(line, f"'values' of '{name}' repeat a word", "each word once")
        personal = values.get("personal")
        if personal is not None and personal not in PERSONAL_MARKS:
            hint = nearest(str(personal), PERSONAL_MARKS)
            self._wrong(line, f"personal '{personal}' of '{name}'", "", hint)
        when = values.get("personal_when")
        if when is not None and (personal is None or not isinstance(when, dict) or len(when) != 1):
            self._wrong(line, f"'personal_when' of '{name}'", "{field: value} beside 'personal'")
        for bound in ("minimum", "maximum"):
            limit = values.get(bound)
            numeric = isinstance(limit, (int, float)) and not isinstance(limit, bool)
            if limit is not None and (kind not in ("int", "float") or not numeric):
                self._wrong(line, f"'{bound}' of '{name}'", "a number, on an int or float")
        if values.get("may_be_future") and kind != "timestamp":
            self._wrong(line, f"'may_be_future' of '{name}'", "only on a timestamp")
        if len(self.problems) > before:
            return None
        return Field(
            name=name,
            kind=cast("Kind", kind),
            required=values.get("required", False),
            values=tuple(known),
            doc=doc,
            personal=personal,
            personal_when=next(iter(when.items())) if when else None,
            minimum=values.get("minimum"),
            maximum=values.get("maximum"),
            may_be_future=values.get("may_be_future", False),
        )

    def _key(self, entries: dict[str, yaml.Node], fields: tuple[Field, ...]) -> tuple[str, ...]:
        node = entries.get("key")
        if node is None:
            return ()
        line = node.start_mark.line + 1
        names = self._value(node)
        if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
            self._wrong(line, "'key' is no list of field names", "[thread_id]")
            return ()
        required = {field.name for field in fields if field.required} | {"occurred_at"}
        for name in names:
            if name not in required:
                hint = nearest(name, sorted(required))
                self._wrong(line, f"key field '{name}' is not a required field", "", hint)
        kinds = {field.name: field.kind for field in fields} | {"occurred_at": "id"}
        for name in names:
            if kinds.get(name, "id") not in ("id", "string"):
                self._wrong(line, f"key field '{name}' is a {kinds[name]}", "an id or a string")
        return tuple(names)
