"""Event dictionaries become Arrow tables, checked against the registry, column by column.

A batch is collected per event type and converted one column at a time. A column whose values all
have the expected Python type is converted whole; otherwise each value goes through ``convert``, the
reference. Either way every problem of every row is reported, and a row with a problem is left out
whole. Identity columns are not set here: storage stamps them.

Of the envelope, ``source``, ``occurred_at``, ``observed_at`` and ``revision`` may come with the
record. ``event_id``, ``loaded_at`` and ``raw_ref`` of a record decide nothing and are kept in
``extra``, beside every key no column holds.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from candor.errors import nearest
from candor.events.convert import (
    EARLIEST_US,
    FUTURE_LIMIT_US,
    Refused,
    convert,
    object_text,
    preview,
    read_object,
)
from candor.events.reasons import ReasonCode
from candor.events.registry import registry
from candor.events.schema import ARROW, TIMESTAMP, arrow_schema
from candor.events.types import ENVELOPE, EventType, Field

_NONE = type(None)
_GIVEN = tuple(
    f for f in ENVELOPE if f.name in ("source", "occurred_at", "observed_at", "revision")
)
_PLAIN_TYPES: dict[str, frozenset[type]] = {
    "string": frozenset({str, _NONE}),
    "id": frozenset({str, _NONE}),
    "enum": frozenset({str, _NONE}),
    "int": frozenset({int, _NONE}),
    "float": frozenset({float, int, _NONE}),
    "bool": frozenset({bool, _NONE}),
}
_FIRST_PRINTABLE = 0x20
_FIRST_NOT_ASCII = 0x80
_DELETE = 0x7F


@dataclass(frozen=True, slots=True)
class RowProblem:
    """One value that kept its row out.

    Attributes:
        record_no: the record it came from.
        type: event type.
        field: the field ("" for the record as a whole).
        code: closed list of reasons.
        value_preview: the value, at most 80 characters; unredacted, not for logs.
        expected: what the field takes.
    """

    record_no: int
    type: str
    field: str
    code: ReasonCode
    value_preview: str
    expected: str


@dataclass(slots=True)
class Converted:
    """What a batch became.

    Attributes:
        tables: valid rows by event type: ``arrow_schema`` and ``record_no``; event_id and loaded_at
            are null.
        problems: every problem, ordered by event type, record and field.
        unmapped: words unknown to an optional enum, counted by (type, field, value).
    """

    tables: dict[str, pa.Table] = field(default_factory=dict)
    problems: list[RowProblem] = field(default_factory=list)
    unmapped: Counter[tuple[str, str, str]] = field(default_factory=Counter)


class Batcher:
    """Collects event dictionaries and converts them.

    Args:
        source: name of the configured source, for records that name none.
        observed_at_us: when the source told us, for records that do not say; None takes each
            record's ``occurred_at``.
        received_at_us: when the batch arrived, against which TS_FUTURE is judged; default now.
    """

    def __init__(
        self,
        source: str = "canonical",
        *,
        observed_at_us: int | None = None,
        received_at_us: int | None = None,
    ) -> None:
        self._source = source
        self._observed_at_us = observed_at_us
        self._received_at_us = time.time_ns() // 1_000 if received_at_us is None else received_at_us
        self._rows: dict[str, _Rows] = {}
        self._unknown: list[RowProblem] = []
        self._count = 0

    def __len__(self) -> int:
        """Events added since the last ``take``."""
        return self._count

    def add(self, type: str, values: dict[str, Any], record_no: int, raw_ref: str) -> None:  # noqa: A002
        """Adds one event; it is checked by ``take``. ``values`` must not change until then."""
        self._count += 1
        rows = self._rows.get(type)
        if rows is None:
            rows = self._open(type, record_no)
            if rows is None:
                return
        rows.values.append(values)
        rows.record_nos.append(record_no)
        rows.raw_refs.append(raw_ref)

    def take(self) -> Converted:
        """Converts and forgets what was added."""
        result = Converted(problems=self._unknown)
        for name in sorted(self._rows):
            rows = self._rows[name]
            if rows.values:
                result.tables[name] = _TypeBatch(
                    rows, result, self._source, self._observed_at_us, self._received_at_us
                ).table()
        self._rows, self._unknown, self._count = {}, [], 0
        return result

    def _open(self, type_name: str, record_no: int) -> _Rows | None:
        known = registry()
        event_type = known.get(type_name) if isinstance(type_name, str) else None
        if event_type is None:
            hint = nearest(str(type_name), list(known))
            self._unknown.append(
                RowProblem(
                    record_no,
                    str(type_name),
                    "type",
                    ReasonCode.ENUM_UNKNOWN,
                    preview(type_name),
                    hint,
                )
            )
            return None
        return self._rows.setdefault(type_name, _Rows(event_type))


@dataclass(slots=True)
class _Rows:
    event_type: EventType
    values: list[dict[str, Any]] = field(default_factory=list)
    record_nos: list[int] = field(default_factory=list)
    raw_refs: list[str] = field(default_factory=list)


class _TypeBatch:
    """The rows of one event type on their way to a table."""

    def __init__(
        self,
        rows: _Rows,
        result: Converted,
        source: str,
        observed_at_us: int | None,
        received_at_us: int,
    ) -> None:
        self.rows = rows
        self.type = rows.event_type
        self.result = result
        self.source = source
        self.observed_at_us = observed_at_us
        self.latest_us = received_at_us + FUTURE_LIMIT_US
        self.problems: list[tuple[int, RowProblem]] = []
        self.left_over: dict[int, dict[str, Any]] = {}
        self.order = {f.name: n for n, f in enumerate((*ENVELOPE, *self.type.fields))}

    def table(self) -> pa.Table:
        rows, count = self.rows, len(self.rows.values)
        fields = (*_GIVEN, *self.type.fields)
        present = self._shapes({f.name for f in fields})
        columns = {f.name: self._column(f, f.name in present) for f in fields}
        self._defaults(columns)
        columns["raw_ref"] = pa.array(rows.raw_refs, pa.string())
        columns["event_id"] = pa.nulls(count, pa.string())
        columns["loaded_at"] = pa.nulls(count, TIMESTAMP)
        columns["extra"] = self._extra(count)
        schema = arrow_schema(self.type.name)
        arrays = [columns[name] for name in schema.names]
        table = pa.Table.from_arrays(arrays, schema=schema).append_column(
            "record_no", pa.array(rows.record_nos, pa.int64())
        )
        if self.problems:
            keep = np.ones(count, dtype=bool)
            keep[[at for at, _ in self.problems]] = False
            table = table.filter(pa.array(keep))
            self.problems.sort(key=lambda p: (p[0], self.order.get(p[1].field, -1)))
            self.result.problems.extend(problem for _, problem in self.problems)
        return table

    def _shapes(self, columns: set[str]) -> set[str]:
        """Names that occur at all; sets aside what no column holds."""
        known = columns | {"type"}
        shapes: dict[tuple[str, ...], list[str]] = {}
        for at, values in enumerate(self.rows.values):
            shape = tuple(values)
            odd = shapes.get(shape)
            if odd is None:
                odd = shapes[shape] = [name for name in shape if name not in known]
            if odd:
                self._set_aside(at, values, odd)
        return {name for shape in shapes for name in shape}

    def _set_aside(self, at: int, values: dict[str, Any], odd: list[str]) -> None:
        left = {name: values[name] for name in odd if name != "extra"}
        if values.get("extra") is not None:
            try:
                left = {**read_object(values["extra"]), **left}
            except Refused as refused:
                self._wrong(at, "extra", refused, values["extra"])
        if left:
            self.left_over.setdefault(at, {}).update(left)

    def _wrong(self, at: int, name: str, refused: Refused, value: Any) -> None:
        number = self.rows.record_nos[at]
        problem = RowProblem(
            number, self.type.name, name, refused.code, preview(value), refused.expected
        )
        self.problems.append((at, problem))

    def _column(self, f: Field, is_present: bool) -> pa.Array:
        count = len(self.rows.values)
        name = f.name
        if not is_present and not (f.required and name != "source"):
            return pa.nulls(count, ARROW[f.kind])
        raw = [values.get(name) for values in self.rows.values]
        array = self._whole(f, raw)
        if array is None:
            array = self._one_by_one(f, raw)
        if f.required and name != "source" and array.null_count:
            self._missing(f, raw)
        return array

    def _whole(self, f: Field, raw: list[Any]) -> pa.Array | None:
        """The column at once, or None where a value needs a look of its own."""
        if f.kind == "timestamp":
            return self._whole_timestamps(f, raw)
        plain = _PLAIN_TYPES.get(f.kind)
        if plain is None or not plain.issuperset(map(type, raw)):
            return None
        if f.kind == "enum" and not {*f.values, None}.issuperset(raw):
            return None
        try:
            array = pa.array(raw, ARROW[f.kind])
        except (UnicodeEncodeError, OverflowError, pa.ArrowException):
            return None
        return array if _WHOLE.get(f.kind, _accept)(f, array) else None

    def _whole_timestamps(self, f: Field, raw: list[Any]) -> pa.Array | None:
        types = set(map(type, raw)) - {_NONE}
        try:
            if types <= {str}:
                array = pa.array(raw, pa.string()).cast(TIMESTAMP)
            elif types == {int}:
                array = pa.array(raw, pa.int64()).cast(TIMESTAMP)
            else:
                return None
        except (UnicodeEncodeError, OverflowError, pa.ArrowException):
            return None
        latest = None if f.may_be_future else self.latest_us
        return array if _between(array.view(pa.int64()), EARLIEST_US, latest) else None

    def _one_by_one(self, f: Field, raw: list[Any]) -> pa.Array:
        stored: list[Any] = []
        for at, value in enumerate(raw):
            try:
                stored.append(self._checked(f, at, value))
            except Refused as refused:
                self._wrong(at, f.name, refused, value)
                stored.append(None)
        if f.kind == "timestamp":
            return pa.array(stored, pa.int64()).cast(TIMESTAMP)
        return pa.array(stored, ARROW[f.kind])

    def _checked(self, f: Field, at: int, value: Any) -> Any:
        stored = convert(f, value)
        if stored is None:
            return None
        if f.kind == "timestamp" and not f.may_be_future and stored > self.latest_us:
            raise Refused(ReasonCode.TS_FUTURE, "an instant at most 24 h after its receipt")
        if f.kind == "enum" and stored not in f.values:
            if f.required:
                raise Refused(ReasonCode.ENUM_UNKNOWN, "one of " + ", ".join(f.values))
            self.left_over.setdefault(at, {})[f.name] = stored
            self.result.unmapped[self.type.name, f.name, stored] += 1
            return None
        if f.name in self.type.key and stored == "":
            raise Refused(ReasonCode.ID_MISSING, "a value, it identifies the event")
        if f.name in self.type.key and f.kind == "string":
            convert(Field(f.name, "id"), stored)
        return stored

    def _missing(self, f: Field, raw: list[Any]) -> None:
        is_identity = f.kind == "id" or f.name in self.type.key
        code = ReasonCode.ID_MISSING if is_identity else ReasonCode.TYPE_MISMATCH
        for at, value in enumerate(raw):
            if value is None:
                self._wrong(at, f.name, Refused(code, "a value, it is required"), None)

    def _defaults(self, columns: dict[str, pa.Array]) -> None:
        columns["source"] = pc.fill_null(columns["source"], self.source)
        columns["revision"] = pc.fill_null(columns["revision"], 0)
        observed = columns["observed_at"]
        if self.observed_at_us is None:
            columns["observed_at"] = pc.coalesce(observed, columns["occurred_at"])
        else:
            default = pa.scalar(self.observed_at_us, pa.int64()).cast(TIMESTAMP)
            columns["observed_at"] = pc.fill_null(observed, default)

    def _extra(self, count: int) -> pa.Array:
        if not self.left_over:
            return pa.nulls(count, pa.string())
        texts: list[str | None] = [None] * count
        for at, left in self.left_over.items():
            try:
                texts[at] = object_text(left)
            except Refused as refused:
                self._wrong(at, "extra", refused, left)
        return pa.array(texts, pa.string())


def _accept(_field: Field, _array: pa.Array) -> bool:
    return True


def _between(array: pa.Array, low: float | None, high: float | None) -> bool:
    found = pc.min_max(array)
    least, most = found["min"].as_py(), found["max"].as_py()
    if least is None:
        return True
    return (low is None or least >= low) and (high is None or most <= high)


def _bytes(array: pa.Array) -> np.ndarray[Any, np.dtype[np.uint8]]:
    buffer = array.buffers()[2]
    return np.frombuffer(buffer, np.uint8) if buffer is not None else np.zeros(0, np.uint8)


def _whole_ids(_field: Field, array: pa.Array) -> bool:
    held = _bytes(array)
    if held.size and (held.min() < _FIRST_PRINTABLE or held.max() >= _DELETE):
        return False
    return bool(pc.min(pc.binary_length(array)).as_py() != 0)


def _whole_strings(f: Field, array: pa.Array) -> bool:
    if f.personal == "text":
        return True
    if f.required:
        # It may be part of a key, where empty text and control characters are refused.
        return _whole_ids(f, array)
    held = _bytes(array)
    # Only ASCII is surely NFC.
    return not held.size or bool(held.max() < _FIRST_NOT_ASCII)


def _whole_numbers(f: Field, array: pa.Array) -> bool:
    if f.kind == "float" and not pc.all(pc.is_finite(array), min_count=0).as_py():
        return False
    return _between(array, f.minimum, f.maximum)


_WHOLE: dict[str, Callable[[Field, pa.Array], bool]] = {
    "id": _whole_ids,
    "string": _whole_strings,
    "int": _whole_numbers,
    "float": _whole_numbers,
}
