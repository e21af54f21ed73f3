"""Finds every mistake of a mapping file at once, each with its line and the nearest spelling.

What passes here can be compiled; what the files themselves hold is checked when they are read.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from candor.errors import CandorError, nearest
from candor.events import ENVELOPE, EventType, registry
from candor.sources import located
from candor.sources.claims import crosswalk
from candor.sources.complaints import Complaints
from candor.sources.located import Node
from candor.sources.mapping import CASTS, FORMATS, EventRule, FieldRule, FileFormat, Fill, Mapping
from candor.sources.readers.dialect import Dialect
from candor.sources.readers.encodings import canonical_name
from candor.sources.times import TimeReader, TimeSpec, TimeSpecError

TOP_KEYS = (
    "source", "files", "format", "time", "emit", "fill_within_thread", "skip_when", "keep_unmapped",
)  # fmt: skip
FORMAT_KEYS = (
    "type", "delimiter", "quote", "escape", "header", "columns", "skip_rows", "encoding",
    "null_values", "decimal", "thousands", "records", "sheet",
)  # fmt: skip
TIME_KEYS = ("format", "zone", "unit")
TIME_UNITS = ("s", "ms", "us", "ns", "days")
RULE_KEYS = ("type", "when", "for_each", "among", "once_per", "key", "fields", "extra")
FIELD_KEYS = (
    "column", "constant", "expr", "map", "on_unmapped", "default", "time", "as", "null_values",
    "split", "optional", "take",
)  # fmt: skip
ASSUMED: dict[tuple[str, str], bool] = {
    ("conversation", "is_test"): False,
    ("conversation", "is_spam"): False,
    ("message", "is_public"): True,
    ("handoff", "is_planned"): False,
    ("handoff", "is_failed"): False,
}
WHEN_IT_HAPPENED: dict[str, tuple[str, ...]] = {
    "conversation": ("started_at",),
    "survey": ("answered_at", "asked_at"),
    "release": ("deployed_at",),
    "gap": ("opened_at",),
    "exposure": ("assigned_at",),
    "erasure": ("requested_at",),
}
_GIVEN = tuple(f.name for f in ENVELOPE if f.name in ("occurred_at", "observed_at", "revision"))


def checked_mapping(text: str, name: str) -> Mapping:
    """The mapping in ``text``; raises ``mapping.invalid`` with every problem."""
    document = located.parse(text, name)
    checker = _Checker(name, document.problems)
    mapping = checker.mapping(document.root, text)
    if mapping is None or checker.problems:
        checker.problems.sort(key=lambda problem: _line_of(problem.where))
        raise CandorError("mapping.invalid", checker.problems)
    return mapping


def _line_of(where: str) -> int:
    parts = where.split(":")
    return next((int(part) for part in reversed(parts) if part.strip().isdigit()), 0)


class _Checker(Complaints):
    def mapping(self, root: Node, text: str) -> Mapping | None:
        if not root.is_map:
            self.wrong(root, "it is not a mapping of keys", "the keys " + ", ".join(TOP_KEYS))
            return None
        top = self._map(root, TOP_KEYS)
        file_format = self._format(top.get("format"), root)
        time = self._time(top.get("time"))
        rules = self._rules(top.get("emit"), root)
        files = self._texts(top.get("files"), "files")
        for pattern in files:
            if pattern.startswith("/") or ".." in pattern.split("/"):
                self.wrong(
                    top["files"], f"the pattern '{pattern}' leaves the folder", "names below it"
                )
        return Mapping(
            self._name, text, self._text(top.get("source"), "source"), files, file_format, time,
            rules, self._fill(top.get("fill_within_thread")),
            self._alone(top.get("skip_when")),
            self._flag(top.get("keep_unmapped"), "keep_unmapped", True),
        )  # fmt: skip

    # -- sections -------------------------------------------------------------------------------
    def _format(self, node: Node | None, root: Node) -> FileFormat:
        if node is None or not node.is_map:
            self.wrong(node or root, "'format' is missing", 'format: {type: csv, delimiter: ","}')
            return FileFormat("csv")
        keys = self._map(node, FORMAT_KEYS)
        if "type" not in keys:
            self.wrong(node, "the format has no 'type'", "one of " + ", ".join(FORMATS))
        kind = self._one_of(keys.get("type"), "type", FORMATS, "csv")
        header = self._flag(keys.get("header"), "header", True)
        columns = self._texts(keys.get("columns"), "columns")
        if not header and not columns:
            self.wrong(node, "there is no header and no 'columns'", "the names of the columns")
        if header and columns:
            self.wrong(
                keys["columns"], "'columns' beside a header", "one of the two", "header: false"
            )
        skip = keys.get("skip_rows")
        if skip is not None and (type(skip.value) is not int or skip.value < 0):
            self.wrong(skip, f"'skip_rows' is '{skip.text}'", "a number of lines")
        delimiter = self._text(keys.get("delimiter"), "delimiter", "\t" if kind == "tsv" else ",")
        if kind == "csv" and "delimiter" not in keys:
            self.wrong(
                node, "a csv has no 'delimiter'", "the sign between its cells", 'delimiter: ","'
            )
        dialect = Dialect(
            delimiter.replace("\\t", "\t"),
            self._sign(keys.get("quote"), "quote", '"'),
            self._sign(keys.get("escape"), "escape", None),
            header, columns, skip.value if skip is not None and type(skip.value) is int else 0,
        )  # fmt: skip
        if not dialect.delimiter or dialect.delimiter[0] in "\r\n":
            self.wrong(keys["delimiter"], "the delimiter is empty", "one or more characters")
        for key in ("delimiter", "quote", "escape", "skip_rows"):
            if key in keys and kind not in ("csv", "tsv"):
                self.wrong(keys[key], f"'{key}' has no meaning for {kind}", "no such key")
        return FileFormat(
            kind, dialect, self._encoding(keys.get("encoding")),
            self._nulls(keys.get("null_values"), "" if kind in ("csv", "tsv", "xlsx") else None),
            self._text(keys.get("decimal"), "decimal", "."),
            self._text(keys.get("thousands"), "thousands"),
            self._text(keys["records"], "records") if "records" in keys else None,
            self._text(keys["sheet"], "sheet") if "sheet" in keys else None,
        )  # fmt: skip

    def _encoding(self, node: Node | None) -> str | None:
        if node is None:
            return None
        text = self._text(node, "encoding")
        try:
            return canonical_name(text)
        except LookupError:
            self.wrong(
                node, f"unknown encoding '{text}'", "a name such as utf-8, cp1252, iso-8859-1"
            )
            return None

    def _time(self, node: Node | None) -> TimeSpec:
        if node is None:
            return TimeSpec()
        if not node.is_map:
            self.wrong(
                node, "'time' has no keys", '{format: "%d.%m.%Y %H:%M", zone: Europe/Berlin}'
            )
            return TimeSpec()
        keys = self._map(node, TIME_KEYS)
        formats = tuple(one for one in self._texts(keys.get("format"), "format") if one != "iso")
        zone = self._text(keys.get("zone"), "zone") or None
        if zone is not None and zone not in available_timezones():
            known = sorted(available_timezones())
            self.wrong(keys["zone"], f"unknown time zone '{zone}'", "", nearest(zone, known))
            zone = None
        unit = None
        if "unit" in keys:
            unit = self._one_of(keys["unit"], "unit", TIME_UNITS, "s")
            if formats:
                self.wrong(keys["unit"], "a 'unit' beside a 'format'", "one of the two")
            if unit == "days" and zone is None:
                self.wrong(
                    keys["unit"], "serial days without a 'zone'", "the zone of the spreadsheet"
                )
        spec = TimeSpec(formats, zone, unit)
        try:
            TimeReader(spec)
        except TimeSpecError as error:
            self.wrong(keys["format"], str(error), "directives such as %d.%m.%Y %H:%M:%S %z")
            return TimeSpec((), zone, unit)
        return spec

    def _fill(self, node: Node | None) -> Fill | None:
        if node is None:
            return None
        if not node.is_map:
            self.wrong(
                node, "'fill_within_thread' has no keys", "{thread: Ticket, columns: [Customer]}"
            )
            return None
        keys = self._map(node, ("thread", "columns"))
        fill = Fill(
            self._text(keys.get("thread"), "thread"), self._texts(keys.get("columns"), "columns")
        )
        if not fill.thread or not fill.columns:
            self.wrong(node, "'fill_within_thread' needs 'thread' and 'columns'", "both")
        return fill

    # -- rules ----------------------------------------------------------------------------------
    def _rules(self, node: Node | None, root: Node) -> tuple[EventRule, ...]:
        if node is None or not node.is_list or not node.value:
            self.wrong(
                node or root, "'emit' is missing or empty", "a list of rules, one per event type"
            )
            return ()
        rules = (self._rule(inner) for inner in node.value)
        return tuple(rule for rule in rules if rule is not None)

    def _rule(self, node: Node) -> EventRule | None:
        if not node.is_map:
            self.wrong(node, "a rule has no keys", "type and fields")
            return None
        keys = self._map(node, RULE_KEYS)
        known = registry()
        name = self._text(keys.get("type"), "type")
        if name not in known:
            what = f"unknown type of event '{name}'" if name else "a rule has no 'type'"
            self.wrong(keys.get("type", node), what, "", nearest(name, list(known)))
            return None
        event_type = known[name]
        self._beside.clear()
        fields = self._fields(keys.get("fields"), node, event_type)
        extra = keys.get("extra")
        rule = EventRule(
            name, node.line, fields,
            self._named_fields(extra, None) if extra is not None else (),
            self._texts(keys.get("key"), "key"),
            self._condition(keys.get("when"), "when"),
            self._text(keys.get("for_each"), "for_each"),
            self._texts(keys.get("once_per"), "once_per"),
            self._condition(keys.get("among"), "among"),
        )  # fmt: skip
        self._check_neighbours(rule, keys.get("among"))
        self._check_complete(rule, event_type)
        return rule

    def _check_neighbours(self, rule: EventRule, among: Node | None) -> None:
        """Only elements of an array have neighbours, and ``among`` decides which they are."""
        if among is not None and not rule.for_each:
            self.wrong(among, "'among' in a rule without 'for_each'", "both or none")
        self._refuse_beside(lambda key: key == "among" or not rule.for_each)

    def _alone(self, node: Node | None) -> str:
        """The condition under which whole records are left out."""
        self._beside.clear()
        text = self._condition(node, "skip_when")
        self._refuse_beside(lambda _: True)
        return text

    def _check_complete(self, rule: EventRule, event_type: EventType) -> None:
        given = {one.target for one in rule.fields}
        derived = self._derived_key(rule, event_type, given)
        for one in event_type.fields:
            if one.required and one.name not in {*given, derived}:
                if (rule.type, one.name) in ASSUMED:
                    continue
                hint = (
                    " or `key:` with the columns that identify it"
                    if one.name in event_type.key
                    else ""
                )
                self.wrong(
                    rule.line,
                    f"{rule.type} needs the field '{one.name}'",
                    f"it under `fields`{hint}",
                )
        if "occurred_at" not in given and not given & set(WHEN_IT_HAPPENED.get(rule.type, ())):
            self.wrong(rule.line, f"{rule.type} needs the field 'occurred_at'", "when it happened")
        for given_field in rule.fields:
            if given_field.take and not rule.once_per:
                self.wrong(
                    given_field.line,
                    f"'take: {given_field.take}' in a rule without 'once_per'",
                    "both or none",
                )

    def _derived_key(self, rule: EventRule, event_type: EventType, given: set[str]) -> str:
        """The key field that ``key`` makes, "" when it makes none."""
        missing = [name for name in event_type.key if name not in given]
        if not rule.key or not missing:
            return ""
        if len(event_type.key) > 1:
            self.wrong(
                rule.line, f"the key of {rule.type} has several fields",
                "each of " + ", ".join(event_type.key) + " under `fields`",
            )  # fmt: skip
        return missing[0]

    def _fields(
        self, node: Node | None, rule: Node, event_type: EventType
    ) -> tuple[FieldRule, ...]:
        if node is None or not node.is_map:
            self.wrong(node or rule, "a rule has no 'fields'", "{thread_id: Ticket, …}")
            return ()
        return self._named_fields(node, event_type)

    def _named_fields(self, node: Node, event_type: EventType | None) -> tuple[FieldRule, ...]:
        if not node.is_map:
            self.wrong(node, "no names of fields", "{name: column}")
            return ()
        rules = []
        for target, inner in node.value.items():
            if event_type is not None:
                known = [*_GIVEN, *(one.name for one in event_type.fields)]
                if target not in known:
                    self.wrong(
                        inner, f"{event_type.name} has no field '{target}'", "",
                        nearest(target, known) + "; other columns go under `extra`",
                    )  # fmt: skip
                    continue
            rule = self._field(target, inner)
            if rule is not None:
                rules.append(rule)
                if event_type is not None:
                    self._check_words(rule, event_type, inner)
        return tuple(rules)

    def _field(self, target: str, node: Node) -> FieldRule | None:
        if not node.is_map:
            if node.is_list or node.value is None:
                self.wrong(node, f"'{target}' names no column", "a column, or {constant: …}")
                return None
            return FieldRule(target, node.line, column=node.text)
        keys = self._map(node, FIELD_KEYS)
        origins = [key for key in ("column", "constant", "expr") if key in keys]
        if len(origins) != 1:
            self.wrong(
                node, f"'{target}' has {' and '.join(origins) or 'no origin'}",
                "exactly one of column, constant and expr",
            )  # fmt: skip
            return None
        expression = self._text(keys["expr"], "expr") if "expr" in keys else None
        if expression is not None:
            self._check_expression(expression, keys["expr"], target)
        words = self._words(keys.get("map"), target)
        return FieldRule(
            target, node.line,
            column=self._text(keys["column"], "column") if "column" in keys else None,
            constant=keys["constant"].plain() if "constant" in keys else None,
            is_constant="constant" in keys,
            expression=expression,
            words=words,
            refuse_unmapped=self._one_of(
                keys.get("on_unmapped"), "on_unmapped", ("null", "refuse"), "null"
            ) == "refuse" if "on_unmapped" in keys and keys["on_unmapped"].value is not None else False,
            default=keys["default"].plain() if "default" in keys else None,
            time=self._time(keys["time"]) if "time" in keys else None,
            cast=self._one_of(keys["as"], "as", CASTS, "text") if "as" in keys else None,
            null_values=self._nulls(keys.get("null_values"), None),
            split=self._text(keys["split"], "split") if "split" in keys else None,
            is_optional=self._flag(keys.get("optional"), "optional", False),
            take=self._one_of(keys["take"], "take", ("earliest", "latest"), "") if "take" in keys else "",
        )  # fmt: skip

    def _words(self, node: Node | None, target: str) -> dict[str, Any] | None:
        """A value map, or a vocabulary of claims by its name."""
        if node is None:
            return None
        if node.is_map:
            words: dict[str, Any] = node.plain()
            return words
        known = [f"claims.{name}" for name in crosswalk()]
        if node.text not in known:
            self.wrong(
                node, f"the map of '{target}' has no words", "{Mail: email}, or claims.judge_verdict",
                nearest(node.text, known) if node.text.startswith("claims") else "",
            )  # fmt: skip
            return None
        return dict(crosswalk()[node.text.removeprefix("claims.")][-1].values)

    def _check_words(self, rule: FieldRule, event_type: EventType, node: Node) -> None:
        """Words that a map or constant yields must be words of the field."""
        if not event_type.has(rule.target):
            return
        one = event_type.field(rule.target)
        if rule.is_constant and rule.constant is None and one.required:
            self.wrong(node, f"'{rule.target}' is required and cannot be null", "a value")
        if one.kind != "enum":
            return
        words: list[tuple[Any, Node]] = []
        if rule.is_constant:
            words.append((rule.constant, node))
        if rule.words is not None:
            given = node.value["map"]
            if given.is_map:
                words.extend((inner.value, inner) for inner in given.value.values())
            else:
                words.extend((word, given) for word in dict.fromkeys(rule.words.values()))
        if rule.default is not None:
            words.append((rule.default, node.value["default"]))
        for word, at in words:
            if word is not None and word not in one.values:
                self.wrong(
                    at, f"'{word}' is no word of {event_type.name}.{rule.target}",
                    "one of " + ", ".join(one.values), nearest(str(word), one.values),
                )  # fmt: skip
