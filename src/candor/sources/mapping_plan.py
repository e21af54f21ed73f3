"""A checked mapping compiled into functions: a record in, event dictionaries out.

Decides which rules apply to which records and elements; ``mapping_values`` says how a cell becomes
a value. What is remembered between records lives in ``FileState`` and ends with the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from candor.events import ReasonCode, registry
from candor.events.convert import Refused, convert
from candor.sources.base import EventDict, Notes, RecordRefused
from candor.sources.expressions import compile_expression
from candor.sources.mapping import TABLES, EventRule, FieldRule, FileFormat, Mapping
from candor.sources.mapping_check import ASSUMED, WHEN_IT_HAPPENED
from candor.sources.mapping_values import TIME_FIELD, value_of
from candor.sources.scope import Compiled, Scope, text_of
from candor.sources.times import TimeReader, TimeSpec

_OCCURRED = "occurred_at"


@dataclass(slots=True)
class FileState:
    """What is remembered while one file is read.

    Attributes:
        notes: where things noticed are counted.
        once: for each rule the keys for which its event was made, and from what.
        extremes: for each (rule, field) the earliest or latest instant per key.
        known_columns: columns that some rule names.
        noticed: columns already reported as unmapped.
    """

    notes: Notes = field(default_factory=Notes)
    once: dict[int, dict[tuple[Any, ...], int]] = field(default_factory=dict)
    extremes: dict[tuple[int, str], dict[tuple[Any, ...], int]] = field(default_factory=dict)
    noticed: set[str] = field(default_factory=set)


class Plan:
    """All rules of a mapping, ready to run.

    Attributes:
        required: columns without which a table is refused.
        has_extremes: some field takes the earliest or latest of a thread, so the file must be gone
            through once before (``note_extremes``).
    """

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._nulls = mapping.format.null_values
        self._is_table = mapping.format.type in TABLES
        self._times: dict[TimeSpec, TimeReader] = {}
        self._named: dict[str, bool] = {}
        self.state = FileState()
        self._rules = [_Rule(self, number, rule) for number, rule in enumerate(mapping.rules)]
        self._skip = (
            compile_expression(mapping.skip_when, self.column(optional=False, nested=False)).run
            if mapping.skip_when
            else None
        )
        if mapping.fill is not None:
            for name in (mapping.fill.thread, *mapping.fill.columns):
                self._named[name] = True
        self.required = tuple(name for name, needed in self._named.items() if needed)
        self.has_extremes = any(rule.extremes for rule in self._rules)
        self._known = {name.split(".")[0] for name in self._named} | set(self._named)
        self._known |= {rule.for_each.split(".")[0] for rule in mapping.rules if rule.for_each}

    def start_file(self) -> FileState:
        """Forget the last file."""
        self.state = FileState()
        return self.state

    def is_skipped(self, row: Any, number: int) -> bool:
        """Whether the mapping leaves this record out on purpose."""
        return self._skip is not None and self._skip(row, Scope(row, number=number)) is True

    def note_extremes(self, row: Any, number: int) -> None:
        """First pass: the earliest and latest instants of each thread."""
        for rule in self._rules:
            rule.note_extremes(row, number)

    def events(self, row: Any, number: int) -> list[EventDict | RecordRefused]:
        """Events of one record; elements that cannot be mapped are among them as refusals.

        Args:
            row: the parsed record.
            number: its position in the file, from 1.
        """
        if not isinstance(row, dict):
            raise RecordRefused(ReasonCode.TYPE_MISMATCH, "", "an object with named values")
        made: list[EventDict | RecordRefused] = []
        repeated: list[EventDict] = []
        for rule in self._rules:
            rule.run(row, number, made, repeated)
        if not made and repeated:
            # Nothing but what earlier rows said already: storage must see it to call it a duplicate.
            made.extend(repeated)
        if self._mapping.keep_unmapped:
            self._keep_unmapped(row, made)
        return made

    def _keep_unmapped(self, row: dict[str, Any], made: list[EventDict | RecordRefused]) -> None:
        if self._known >= row.keys():
            return
        left = {
            name: value
            for name, value in row.items()
            if name not in self._known and value is not None and value != ""
        }
        new = row.keys() - self._known - self.state.noticed
        for name in sorted(new):
            self.state.noticed.add(name)
            self.state.notes.add("unmapped_column", name)
        if left:
            first = next((event for event in made if isinstance(event, dict)), None)
            if first is not None:
                first["extra"] = {**left, **first.get("extra", {})}

    # -- columns --------------------------------------------------------------------------------
    def column(self, *, optional: bool, nested: bool) -> Callable[[str], Compiled]:
        """Makes, for a column name, what reads it from the row or, with ``$.``, the record."""

        def resolve(name: str) -> Compiled:
            if name == "$index":
                return lambda _row, scope: scope.index
            if name == "$record":
                return lambda _row, scope: scope.number
            if name == "$item":
                return self._null_checked(lambda row, _scope: row)
            of_record = name.startswith("$.")
            path = name.removeprefix("$.")
            if of_record or not nested:
                self._named[path] = self._named.get(path, False) or not optional
            if not (of_record and nested) and (self._is_table or "." not in path):
                return self._simple(path)
            read = self._at(path)
            if of_record and nested:
                return self._null_checked(lambda _row, scope: read(scope.record))
            return self._null_checked(lambda row, _scope: read(row))

        return resolve

    def _simple(self, name: str) -> Compiled:
        """One closure for the commonest case, a plain name: reading cells is most of the work."""
        nulls = self._nulls

        def run(row: Any, scope: Scope) -> Any:  # noqa: ARG001 - one signature for all
            value = row.get(name) if type(row) is dict else None
            return None if type(value) is str and value in nulls else value

        return run

    def _at(self, path: str) -> Callable[[Any], Any]:
        if self._is_table or "." not in path:
            return lambda row: row.get(path) if type(row) is dict else None
        parts = path.split(".")

        def walk(row: Any) -> Any:
            if type(row) is dict and path in row:
                return row[path]
            for part in parts:
                if type(row) is dict:
                    row = row.get(part)
                elif type(row) is list and part.isdigit() and int(part) < len(row):
                    row = row[int(part)]
                else:
                    return None
            return row

        return walk

    def _null_checked(self, read: Compiled) -> Compiled:
        nulls = self._nulls
        if not nulls:
            return read

        def run(row: Any, scope: Scope) -> Any:
            value = read(row, scope)
            return None if type(value) is str and value in nulls else value

        return run

    def time_spec(self, rule: FieldRule) -> TimeSpec:
        """How this field's times are written."""
        return rule.time or self._mapping.time

    def time_reader(self, rule: FieldRule) -> TimeReader:
        """The reader of this field's times."""
        spec = self.time_spec(rule)
        if spec not in self._times:
            self._times[spec] = TimeReader(spec)
        return self._times[spec]

    @property
    def format(self) -> FileFormat:
        """How the files are written."""
        return self._mapping.format


class _Rule:
    """One rule of ``emit``."""

    def __init__(self, plan: Plan, number: int, rule: EventRule) -> None:
        self._plan = plan
        self._number = number
        self._rule = rule
        nested = bool(rule.for_each)
        resolve = plan.column(optional=False, nested=nested)
        event_type = registry()[rule.type]
        self._when = compile_expression(rule.when, resolve).run if rule.when else None
        self._among = compile_expression(rule.among, resolve).run if rule.among else None
        self._array = plan.column(optional=True, nested=False)(rule.for_each) if nested else None
        self._once = [resolve(name) for name in rule.once_per]
        self._key = [resolve(name) for name in rule.key]
        given = {one.target for one in rule.fields}
        missing = [name for name in event_type.key if name not in given]
        self._key_field = missing[0] if missing and rule.key else ""
        by_name = {one.name: one for one in event_type.fields}
        self._fields = [
            (
                one.target,
                value_of(plan, one, by_name.get(one.target, TIME_FIELD), rule.type, nested),
            )
            for one in rule.fields
        ]
        self._takes_items = any(
            "$item" in (one.column or one.expression or "") for one in (*rule.fields, *rule.extra)
        )
        self._extra = [
            (one.target, value_of(plan, one, None, rule.type, nested)) for one in rule.extra
        ]
        self.extremes = [
            (target, min if one.take == "earliest" else max, read)
            for one, (target, read) in zip(rule.fields, self._fields, strict=True)
            if one.take
        ]
        self._assumed = {
            name: value
            for (type_name, name), value in ASSUMED.items()
            if type_name == rule.type and name not in given
        }
        self._occurred = (
            ()
            if _OCCURRED in given
            else tuple(name for name in WHEN_IT_HAPPENED.get(rule.type, ()) if name in given)
        )

    def note_extremes(self, row: Any, number: int) -> None:
        """First pass over a record."""
        if not self.extremes or not isinstance(row, dict):
            return
        for element, scope in self._elements(row, number):
            if isinstance(element, RecordRefused) or not self._applies(element, scope):
                continue
            key = self._once_key(element, scope)
            for target, best, read in self.extremes:
                try:
                    value = convert(TIME_FIELD, read(element, scope))
                except (RecordRefused, Refused):
                    continue
                if value is not None:
                    known = self._plan.state.extremes.setdefault((self._number, target), {})
                    known[key] = best(known[key], value) if key in known else value

    def run(
        self,
        row: dict[str, Any],
        number: int,
        made: list[EventDict | RecordRefused],
        repeated: list[EventDict],
    ) -> None:
        """Adds this rule's events of a record to ``made``, known repetitions to ``repeated``."""
        for element, scope in self._elements(row, number):
            if isinstance(element, RecordRefused):
                made.append(element)
                continue
            if not self._applies(element, scope):
                continue
            if not isinstance(element, dict) and not self._takes_items:
                made.append(
                    RecordRefused(ReasonCode.TYPE_MISMATCH, self._rule.for_each, "an object")
                )
                continue
            try:
                event = self._event(element, scope)
            except RecordRefused as refused:
                made.append(refused)
                continue
            if self._once and self._is_repeated(event, element, scope):
                repeated.append(event)
            else:
                made.append(event)

    def _elements(self, row: dict[str, Any], number: int) -> Iterator[tuple[Any, Scope]]:
        whole = Scope(row, number=number)
        if self._array is None:
            yield row, whole
            return
        found = self._array(row, whole)
        if found is None:
            return
        if not isinstance(found, list):
            yield (
                RecordRefused(ReasonCode.TYPE_MISMATCH, self._rule.for_each, "an array"),
                whole,
            )
            return
        chosen = [
            (index, element)
            for index, element in enumerate(found)
            if self._among is None or self._among(element, Scope(row, index, number)) is True
        ]
        for place, (index, element) in enumerate(chosen):
            yield element, Scope(row, index, number, chosen, place)

    def _applies(self, row: Any, scope: Scope) -> bool:
        return self._when is None or self._when(row, scope) is True

    def _event(self, row: Any, scope: Scope) -> EventDict:
        event: EventDict = {"type": self._rule.type, **self._assumed}
        for target, read in self._fields:
            event[target] = read(row, scope)
        if self._key_field:
            event[self._key_field] = self._joined_key(row, scope)
        for name in self._occurred:
            if event.get(name) is not None:
                event[_OCCURRED] = event[name]
                break
        if self._extra or scope.seen:
            extra = {name: read(row, scope) for name, read in self._extra}
            extra.update(scope.seen)
            event["extra"] = {name: value for name, value in extra.items() if value is not None}
        return event

    def _joined_key(self, row: Any, scope: Scope) -> str:
        parts = []
        for read in self._key:
            text = text_of(read(row, scope))
            if text is None:
                raise RecordRefused(
                    ReasonCode.ID_MISSING, self._key_field,
                    "a value in each of " + ", ".join(self._rule.key),
                )  # fmt: skip
            parts.append(text)
        if len(parts) == 1:
            return parts[0]
        return "|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts)

    def _once_key(self, row: Any, scope: Scope) -> tuple[Any, ...]:
        return tuple(text_of(read(row, scope)) for read in self._once)

    def _is_repeated(self, event: EventDict, row: Any, scope: Scope) -> bool:
        """Whether this key's event was made before; says so where it would now differ."""
        key = self._once_key(row, scope)
        state = self._plan.state
        for target, _, _ in self.extremes:
            best = state.extremes.get((self._number, target), {}).get(key)
            if best is not None:
                event[target] = best
        if self.extremes and self._occurred:
            event[_OCCURRED] = next(
                (event[name] for name in self._occurred if event.get(name) is not None), None
            )
        seen = state.once.setdefault(self._number, {})
        content = hash(repr([(k, v) for k, v in event.items() if k not in (_OCCURRED, "extra")]))
        if key not in seen:
            seen[key] = content
            return False
        if seen[key] != content:
            state.notes.add(
                "not_constant", f"{self._rule.type} per {', '.join(self._rule.once_per)}"
            )
        return True
