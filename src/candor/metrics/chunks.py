"""Rows of a fact as integer arrays, in blocks of whole spans.

One query per chunk gives answers to the elementary conditions, keys and values; what the metrics
make of them is looked up by signature. A chunk is cut into blocks that are small enough to be
worked on in memory that is used again. Memory is bounded by the chunk, whatever the fact's size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
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
from candor.metrics.layout import span_end, span_of
from candor.metrics.plan import Plan, sum_kinds

CHUNK_ROWS = 1_000_000
BLOCK_ROWS = 131_072
_TERM_ROWS = 16_384
"""Rows whose terms are reckoned together, small enough for the processor's cache."""
_FACTORS: dict[str, tuple[int, ...]] = {
    "total": (0,), "total_sq": (0, 0), "den": (1,), "den_sq": (1, 1), "cross": (0, 1),
}  # fmt: skip


@dataclass(frozen=True)
class Periods:
    """The periods of a fact's rows.

    Attributes:
        days: day and number of rows, in order; all days of the spans that have rows.
        spans: first days, in order.
        rows: number of rows of each span.
    """

    days: list[tuple[int, int]]
    spans: list[int]
    rows: list[int]

    @classmethod
    def of(cls, days: list[tuple[int, int]]) -> Periods:
        """The periods of these days."""
        rows: dict[int, int] = {}
        for day, n in days:
            rows[span_of(day)] = rows.get(span_of(day), 0) + n
        return cls(days, list(rows), list(rows.values()))

    def chunks(self) -> Iterator[range]:
        """Numbers of the spans of each chunk."""
        return self._runs(range(len(self.spans)), CHUNK_ROWS)

    def condition(self, spans: range) -> str:
        """SQL that holds on the days of some spans."""
        runs: list[list[int]] = []
        for number in spans:
            start = self.spans[number]
            if runs and runs[-1][1] == start:
                runs[-1][1] = span_end(start)
            else:
                runs.append([start, span_end(start)])
        return " or ".join(f"day >= {since} and day < {until}" for since, until in runs)

    def blocks(self, spans: range) -> Iterator[range]:
        """Numbers of the spans of each block of a chunk."""
        return self._runs(spans, BLOCK_ROWS)

    def _runs(self, spans: range, most: int) -> Iterator[range]:
        """Neighbouring spans, at most so many rows together if they are more than one."""
        if not spans:
            return
        first, size = spans.start, 0
        for number in spans:
            size += self.rows[number]
            if number > first and size > most:
                yield range(first, number)
                first, size = number, self.rows[number]
        yield range(first, spans.stop)

    def positions(self, day: Ints) -> Codes:
        """Number of the span of each day."""
        position = {start: number for number, start in enumerate(self.spans)}
        first, last = self.days[0][0], self.days[-1][0]
        table = np.zeros(last - first + 1, dtype=np.int32)
        for number, _ in self.days:
            table[number - first] = position[span_of(number)]
        found: Codes = table[day - first]
        return found


@dataclass(frozen=True)
class Rows:
    """A block of rows as arrays, in the order of span and bucket.

    Attributes:
        spans: numbers of the spans that the block covers.
        signature: number of each row's signature.
        span: position of each row's span in ``spans``.
        bucket: customer bucket.
        members: values of each dimension, in order; of the total ('') the one unknown.
        dims: for each dimension, the position of each row's value in ``members``.
        terms: rows × sums; zero where the value is not known.
        sizes: for each metric with values, the largest absolute value.
        slots: for each quantile metric, the rows whose value is known and the slot of each: 0 for
            values of zero or less, b + 1 for log bucket b.
    """

    spans: range
    signature: Codes
    span: Codes
    bucket: Codes
    members: dict[str, pa.Array]
    dims: dict[str, Codes]
    terms: Ints
    sizes: dict[int, int]
    slots: dict[int, tuple[Ints, Ints]]


@dataclass(frozen=True)
class _Chunk:
    """What one query gave, in its order, and the order by span and bucket."""

    order: Ints
    signature: Codes
    span: Codes
    bucket: Codes
    observed: dict[int, Flags]
    members: dict[str, pa.Array]
    dims: dict[str, Codes]
    values: dict[str, Ints]
    log_buckets: dict[str, Ints]


class Reader:
    """Fetches the rows of one fact.

    Args:
        engine: holds the fact.
        plan: the metrics.
        judge: numbers the signatures.
        periods: of the fact's rows.
        dims: names of the dimensions, '' for the total.
    """

    def __init__(
        self, engine: Engine, plan: Plan, judge: Judge, periods: Periods, dims: tuple[str, ...]
    ) -> None:
        self.engine, self.plan, self.judge, self.periods = engine, plan, judge, periods
        self.dims = [name for name in dims if name]
        self._values = {
            at: value_parts(definition)
            for at, definition in enumerate(plan.metrics)
            if sum_kinds(definition)
        }
        # Equal values of several metrics are fetched once.
        parts = sorted({part for own in self._values.values() for part in own})
        self._name = {part: f"v{number}" for number, part in enumerate(parts)}
        self._sketched = sorted({self._values[at][0] for at in plan.quantiles})

    def blocks(self) -> Iterator[Callable[[], Rows]]:
        """All rows, block after block; each is made when it is called for."""
        for spans in self.periods.chunks():
            chunk = self._fetch(spans)
            ends = np.cumsum(self.periods.rows[spans.start : spans.stop])
            start = 0
            for block in self.periods.blocks(spans):
                stop = int(ends[block.stop - 1 - spans.start])
                yield self._block(chunk, spans, block, chunk.order[start:stop])
                start = stop

    def _fetch(self, spans: range) -> _Chunk:
        words = self.judge.word_items
        inner = [*words, "day", "bucket", *self.dims]
        inner += [f"{part} as {name}" for part, name in self._name.items()]
        outer = [*(f"w{number}" for number in range(len(words))), "day", "bucket", *self.dims]
        outer += [f"coalesce({name}, 0) as {name}" for name in self._name.values()]
        outer += [
            f"coalesce({sql.log_bucket(self._name[part])}, 0) as b{self._name[part]}"
            for part in self._sketched
        ]
        table = self.engine.arrow(
            f"select {', '.join(outer)} from (select {', '.join(inner)} from {self.plan.fact} "
            f"where {self.periods.condition(spans)}) as found"
        )
        bucket = column(table, "bucket").astype(np.int32)
        span = self.periods.positions(column(table, "day")) - np.int32(spans.start)
        found = {dim: _encoded(table.column(dim)) for dim in self.dims}
        return _Chunk(
            order=_order(span * BUCKETS + bucket, len(spans) * BUCKETS),
            signature=self.judge.numbers([column(table, f"w{n}") for n in range(len(words))]),
            span=span,
            bucket=bucket,
            observed=self.judge.observed(self._values.keys()),
            members={"": pa.nulls(1, pa.string())} | {dim: one[0] for dim, one in found.items()},
            dims={dim: one[1] for dim, one in found.items()},
            values={part: column(table, name) for part, name in self._name.items()},
            log_buckets={part: column(table, f"b{self._name[part]}") for part in self._sketched},
        )

    def _block(self, chunk: _Chunk, spans: range, block: range, rows: Ints) -> Callable[[], Rows]:
        def made() -> Rows:
            signature = chunk.signature[rows]
            known = {at: flag[signature] for at, flag in chunk.observed.items()}
            values = {
                at: [chunk.values[part][rows] * known[at] for part in own]
                for at, own in self._values.items()
            }
            return Rows(
                spans=block,
                signature=signature,
                span=chunk.span[rows] - np.int32(block.start - spans.start),
                bucket=chunk.bucket[rows],
                members=chunk.members,
                dims={dim: codes[rows] for dim, codes in chunk.dims.items()},
                terms=self._terms(values, len(rows)),
                sizes={at: max(_largest(one) for one in own) for at, own in values.items()},
                slots={
                    at: _slots(chunk.log_buckets[self._values[at][0]], rows, known[at])
                    for at in self.plan.quantiles
                },
            )

        return made

    def _terms(self, values: dict[int, list[Ints]], rows: int) -> Ints:
        terms: Ints = np.empty((rows, len(self.plan.sums)), dtype=np.int64)
        for start in range(0, rows, _TERM_ROWS):
            block = slice(start, start + _TERM_ROWS)
            for number, item in enumerate(self.plan.sums):
                factors = [values[item.metric][part][block] for part in _FACTORS[item.kind]]
                terms[block, number] = math.prod(factors[1:], start=factors[0])
        return terms


def value_parts(definition: Definition) -> list[str]:
    """SQL of a metric's values: the value, or numerator and denominator."""
    return [
        sql.value(definition, part)
        for part in ("value", "numerator", "denominator")
        if getattr(definition, part) is not None
    ]


def _largest(values: Ints) -> int:
    return max(int(values.max(initial=0)), -int(values.min(initial=0)))


def _order(place: Codes, size: int) -> Ints:
    small = np.uint16 if size <= np.iinfo(np.uint16).max else np.int32
    return np.argsort(place.astype(small), kind="stable")  # by digits, for 16 bits


def _slots(log_bucket: Ints, rows: Ints, known: Flags) -> tuple[Ints, Ints]:
    used = np.flatnonzero(known)
    found = log_bucket[rows[used]]
    return used, np.where(found == sql.NOT_POSITIVE, 0, found + 1)


def _encoded(values: pa.ChunkedArray) -> tuple[pa.Array, Codes]:
    """Distinct texts in order, the unknown one first, and for each row its position."""
    encoded = pc.dictionary_encode(values, null_encoding="encode").combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = pa.concat_arrays(encoded.chunks)
    texts = encoded.dictionary.to_pylist()
    order = sorted(range(len(texts)), key=lambda at: (texts[at] is not None, texts[at]))
    position: Codes = np.empty(len(texts), dtype=np.int32)
    position[order] = np.arange(len(texts), dtype=np.int32)
    codes: Codes = position[np.asarray(encoded.indices)]
    return pa.array([texts[at] for at in order], pa.string()), codes
