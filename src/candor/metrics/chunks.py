"""Rows of a fact as integer arrays, chunk by chunk of whole spans.

One query per chunk gives answers to the elementary conditions, keys and values; what the metrics
make of them is looked up by signature. Memory is bounded by the chunk, whatever the fact's size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from candor.measure import BUCKETS
from candor.metrics import compile as sql
from candor.metrics.definition import Definition
from candor.metrics.direct import column
from candor.metrics.engine import Engine
from candor.metrics.grouping import Codes
from candor.metrics.judging import Judge
from candor.metrics.kernel import Flags, Ints
from candor.metrics.layout import span_of
from candor.metrics.plan import Plan
from candor.window import period_start

CHUNK_ROWS = 1_000_000
_BLOCK_ROWS = 16_384
"""Rows whose terms are reckoned together, small enough for the processor's cache."""
_FACTORS: dict[str, tuple[int, ...]] = {
    "total": (0,), "total_sq": (0, 0), "den": (1,), "den_sq": (1, 1), "cross": (0, 1),
}  # fmt: skip


@dataclass(frozen=True)
class Periods:
    """The periods of a fact's rows.

    Attributes:
        days: day and number of rows, in order.
        spans, months: first days, in order.
    """

    days: list[tuple[int, int]]
    spans: list[int]
    months: list[int]

    @classmethod
    def of(cls, days: list[tuple[int, int]]) -> Periods:
        """The periods of these days."""
        spans = sorted({span_of(day) for day, _ in days})
        return cls(days, spans, sorted({period_start(day, "month") for day, _ in days}))

    def chunks(self) -> Iterator[tuple[int, int, range]]:
        """First day, day after the last and numbers of the spans of each chunk."""
        rows: dict[int, int] = {}
        for day, n in self.days:
            rows[span_of(day)] = rows.get(span_of(day), 0) + n
        first, size = 0, 0
        for number, span in enumerate(self.spans, 1):
            size += rows[span]
            last = number == len(self.spans)
            if size >= CHUNK_ROWS or last:
                until = self.days[-1][0] + 1 if last else self.spans[number]
                yield self.spans[first], until, range(first, number)
                first, size = number, 0

    def positions(self, day: Ints, grain: str) -> Codes:
        """Number of the span or month of each day."""
        periods = self.spans if grain == "span" else self.months
        position = {start: number for number, start in enumerate(periods)}
        first, last = self.days[0][0], self.days[-1][0]
        table = np.zeros(last - first + 1, dtype=np.int32)
        for number, _ in self.days:
            start = span_of(number) if grain == "span" else period_start(number, grain)
            table[number - first] = position[start]
        found: Codes = table[day - first]
        return found


@dataclass(frozen=True)
class Rows:
    """A chunk of rows as arrays, in the order of span and bucket.

    Attributes:
        spans: numbers of the spans that the chunk covers.
        signature: number of each row's signature.
        span, month: numbers of the periods; ``span`` counts from the chunk's first.
        bucket: customer bucket.
        dims: member of each dimension.
        terms: rows × sums; zero where the value is not known.
        slots: for each quantile metric, the rows whose value is known and the slot of each: 0 for
            values of zero or less, b + 1 for log bucket b.
    """

    spans: range
    signature: Codes
    span: Codes
    month: Codes
    bucket: Codes
    dims: dict[str, Codes]
    terms: Ints
    slots: dict[int, tuple[Ints, Ints]]


class Reader:
    """Fetches the chunks of one fact.

    Args:
        engine: holds the fact.
        plan: the metrics.
        judge: numbers the signatures.
        periods: of the fact's rows.
        members: values of each dimension, in the order of their codes.
    """

    def __init__(
        self,
        engine: Engine,
        plan: Plan,
        judge: Judge,
        periods: Periods,
        members: dict[str, list[str | None]],
    ) -> None:
        self.engine, self.plan, self.judge, self.periods = engine, plan, judge, periods
        self.members = {name: pa.array(known, pa.string()) for name, known in members.items()}
        self._values = {
            name: part
            for at, definition in enumerate(plan.metrics)
            for name, part in zip(
                _value_names(at, definition), value_parts(definition), strict=True
            )
        }

    def chunks(self) -> Iterator[Rows]:
        """All rows, chunk after chunk."""
        for since, until, spans in self.periods.chunks():
            yield self._fetch(since, until, spans)

    def _fetch(self, since: int, until: int, spans: range) -> Rows:
        dims = [name for name in self.members if name]
        words = self.judge.word_items
        inner = [*words, "day", "bucket", *dims]
        inner += [f"{part} as {name}" for name, part in self._values.items()]
        outer = [*[f"w{number}" for number in range(len(words))], "day", "bucket", *dims]
        outer += [f"coalesce({name}, 0) as {name}" for name in self._values]
        outer += [
            f"coalesce({sql.log_bucket(f'v{at}_0')}, 0) as b{at}" for at in self.plan.quantiles
        ]
        table = self.engine.arrow(
            f"select {', '.join(outer)} from (select {', '.join(inner)} from {self.plan.fact} "
            f"where day >= {since} and day < {until}) as found"
        )
        day, bucket = column(table, "day"), column(table, "bucket").astype(np.int32)
        span = self.periods.positions(day, "span") - np.int32(spans.start)
        order = _order(span * BUCKETS + bucket, len(spans) * BUCKETS)
        signature = self.judge.numbers([column(table, f"w{n}") for n in range(len(words))])[order]
        valued = sorted({item.metric for item in self.plan.sums} | {*self.plan.quantiles})
        observed = self.judge.observed(valued)
        known = {at: flag[signature] for at, flag in observed.items()}
        return Rows(
            spans=spans,
            signature=signature,
            span=span[order],
            month=self.periods.positions(day, "month")[order],
            bucket=bucket[order],
            dims={name: _codes(table.column(name), self.members[name])[order] for name in dims},
            terms=self._terms(table, known, order),
            slots={
                at: _slots(column(table, f"b{at}")[order], known[at]) for at in self.plan.quantiles
            },
        )

    def _terms(self, table: pa.Table, known: dict[int, Flags], order: Ints) -> Ints:
        values = {
            name: column(table, name)[order] * known[at]
            for at, definition in enumerate(self.plan.metrics)
            for name in _value_names(at, definition)
        }
        terms: Ints = np.empty((len(order), len(self.plan.sums)), dtype=np.int64)
        for start in range(0, len(order), _BLOCK_ROWS):
            block = slice(start, start + _BLOCK_ROWS)
            for number, item in enumerate(self.plan.sums):
                factors = [values[f"v{item.metric}_{part}"][block] for part in _FACTORS[item.kind]]
                terms[block, number] = math.prod(factors[1:], start=factors[0])
        return terms


def value_parts(definition: Definition) -> list[str]:
    """SQL of a metric's values: the value, or numerator and denominator."""
    return [
        sql.value(definition, part)
        for part in ("value", "numerator", "denominator")
        if getattr(definition, part) is not None
    ]


def _value_names(at: int, definition: Definition) -> list[str]:
    return [f"v{at}_{number}" for number, _ in enumerate(value_parts(definition))]


def _order(place: Codes, size: int) -> Ints:
    small = np.uint16 if size <= np.iinfo(np.uint16).max else np.int32
    return np.argsort(place.astype(small), kind="stable")  # by digits, for 16 bits


def _codes(values: pa.ChunkedArray, members: pa.Array) -> Codes:
    found: Codes = np.asarray(pc.index_in(values, value_set=members).combine_chunks())
    return found


def _slots(log_bucket: Ints, known: Flags) -> tuple[Ints, Ints]:
    used = np.flatnonzero(known)
    found = log_bucket[used]
    return used, np.where(found == sql.NOT_POSITIVE, 0, found + 1)
