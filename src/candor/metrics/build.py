"""Builds the stored measures: every metric of a fact, every stored breakdown, one pass over rows.

The finest stored period is the *span*: a calendar week cut where a month ends, so that weeks,
months, quarters and the whole are sums of spans, bucket by bucket. Reasons need no buckets and are
kept per span; histograms per month. Tables hold packed words; ``measure_layout`` says where each
count lies and for which text of its definition. A sum that might leave 64 bits is not stored: its
metric is then answered from the facts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from candor.measure import BUCKETS
from candor.metrics import compile as sql
from candor.metrics import kernel
from candor.metrics.chunks import Periods, Reader, Rows, value_parts
from candor.metrics.definition import Definition
from candor.metrics.engine import Engine
from candor.metrics.grouping import Branch, Codes, branch, shared
from candor.metrics.judging import Judge
from candor.metrics.kernel import Fields, Ints
from candor.metrics.layout import (
    BUCKET_KINDS,
    LAYOUT,
    digest,
    period_table,
    span_of,
    table_name,
)
from candor.metrics.plan import Plan, by_fact, plan
from candor.metrics.reading import column_types

THREADS = 2


def build(engine: Engine, metrics: Sequence[Definition], segmentations: Sequence[str]) -> None:
    """Store the measures of ``metrics`` by each of ``segmentations`` and in total.

    Replaces whatever was stored. Facts without rows get no tables.
    """
    layout: list[dict[str, Any]] = []
    periods: set[int] = set()
    for fact, group in by_fact(metrics).items():
        days = engine.rows(f"select day, count(*) from {fact} group by day order by day")
        if days:
            known = column_types(fact)
            dims = ("", *(name for name in segmentations if name in known))
            found = Periods.of(days)
            layout += _Builder(engine, fact, group, dims, found).build()
            periods |= {*found.spans, *found.months}
    engine.load("measure_period", period_table(sorted(periods)))
    engine.load("measure_layout", pa.Table.from_pylist(layout, schema=LAYOUT))


@dataclass(frozen=True)
class _Added:
    """A chunk whose values are added up; its counts wait until all signatures are known.

    Attributes:
        spans: first days of the chunk's spans.
        signature: number of each row's signature.
        fine, coarse: rows by span and bucket, and by span.
        sums: for each dimension, its fine cells × sums; taken out as tables are made.
    """

    spans: list[int]
    signature: Codes
    fine: list[Branch]
    coarse: list[Branch]
    sums: dict[str, Ints]


class _Builder:
    """One fact's build: values chunk after chunk, then counts of the signatures met."""

    def __init__(
        self,
        engine: Engine,
        fact: str,
        metrics: Sequence[Definition],
        dims: tuple[str, ...],
        periods: Periods,
    ) -> None:
        self.engine, self.fact, self.dims, self.periods = engine, fact, dims, periods
        anonymous = "customer_known" in column_types(fact)
        stored = self._within_words(plan(fact, metrics, anonymous=anonymous))
        self.plan = plan(fact, stored, anonymous=anonymous)
        self.members: dict[str, list[str | None]] = {
            name: [row[0] for row in engine.rows(
                f"select distinct {name} from {fact} order by {name} nulls first"
            )] if name else [None]
            for name in dims
        }  # fmt: skip

    def build(self) -> list[dict[str, Any]]:
        """Write the fact's tables; returns its layout."""
        if not self.plan.metrics:
            return []
        judge = Judge(self.engine, self.plan)
        reader = Reader(self.engine, self.plan, judge, self.periods, self.members)
        chunks: list[_Added] = []
        histograms: dict[str, list[pa.Table]] = {name: [] for name in self.dims}
        # The kernels release the interpreter lock; results are taken in a fixed order.
        with ThreadPoolExecutor(max_workers=THREADS) as pool:
            for rows in reader.chunks():
                made = pool.map(lambda name, rows=rows: self._histogram(rows, name), self.dims)
                chunks.append(self._add(pool, rows))
                for name, table in zip(self.dims, made, strict=True):
                    histograms[name].append(table)
            fine, coarse = self._fields(judge)
            parts = [("bucket", fine), ("reason", coarse)]
            for part, made_of in (
                (part, self._tables(pool, chunks, part, fields)) for part, fields in parts
            ):
                for name, table in made_of:
                    self.engine.load(table_name(self.fact, name, part), table)
        for name, pieces in histograms.items():
            self.engine.load(table_name(self.fact, name, "histogram"), pa.concat_tables(pieces))
        return self._layout(fine, coarse)

    def _within_words(self, wanted: Plan) -> list[Definition]:
        """Metrics whose sums cannot leave 64 bits, whatever the grouping."""
        rows = sum(n for _, n in self.periods.days)
        parts = [part for definition in wanted.metrics for part in value_parts(definition)]
        if not parts:
            return list(wanted.metrics)
        items = ", ".join(f"coalesce(min({part}), 0), coalesce(max({part}), 0)" for part in parts)
        limits = iter(self.engine.rows(f"select {items} from {self.fact}")[0])
        _, per_cell = self._largest_cells
        kept = []
        for at, definition in enumerate(wanted.metrics):
            sizes = [
                max(abs(int(next(limits))), abs(int(next(limits)))) for _ in value_parts(definition)
            ]
            biggest = max(sizes, default=0)
            squared = any(item.metric == at and item.kind.endswith(("sq", "oss"))
                          for item in wanted.sums)  # fmt: skip
            if kernel.fits(biggest, rows) and (
                not squared or kernel.fits(biggest * biggest, per_cell)
            ):
                kept.append(definition)
        return kept

    @cached_property
    def _largest_cells(self) -> tuple[int, int]:
        """Most rows in a span, and in a span of one bucket."""
        days = [day for day, _ in self.periods.days]
        self.engine.load(
            "metric_span",
            pa.table(
                {
                    "day": pa.array(days, pa.int32()),
                    "span": pa.array([span_of(day) for day in days], pa.int32()),
                }
            ),
            temporary=True,
        )
        (row,) = self.engine.rows(
            "select max(total), max(n) from (select sum(n) over (partition by span) as total, n "
            f"from (select span, count(*) as n from {self.fact} as fact join metric_span "
            "on metric_span.day = fact.day group by span, bucket) as cells) as spans"
        )
        self.engine.run("drop table metric_span")
        return int(row[0]), int(row[1])

    def _add(self, pool: ThreadPoolExecutor, rows: Rows) -> _Added:
        sizes = {name: len(members) for name, members in self.members.items()}
        count = len(rows.signature)

        def grouped(place: Codes, places: int) -> Iterator[Branch]:
            plans = shared(sizes, places, count)
            return pool.map(lambda own: branch(place, rows.dims, own), plans)

        of_bucket = grouped(rows.span * BUCKETS + rows.bucket, len(rows.spans) * BUCKETS)
        of_span = grouped(rows.span, len(rows.spans))
        fine = list(of_bucket)
        sums = pool.map(lambda one: list(one.add(rows.terms)), fine)
        return _Added(
            spans=[self.periods.spans[number] for number in rows.spans],
            signature=rows.signature,
            fine=fine,
            coarse=list(of_span),
            sums={name: found for part in sums for name, found in part},
        )

    def _fields(self, judge: Judge) -> tuple[Fields, Fields]:
        per_span, per_cell = self._largest_cells
        flags = [(count.kind in BUCKET_KINDS, judge.flag(count)) for count in self.plan.counts]
        return (
            kernel.pack([flag for own, flag in flags if own], per_cell),
            kernel.pack([flag for own, flag in flags if not own], per_span),
        )

    def _tables(
        self, pool: ThreadPoolExecutor, chunks: list[_Added], part: str, fields: Fields
    ) -> Iterator[tuple[str, pa.Table]]:
        """Tables of all dimensions, the next in the making while one is taken."""
        pieces: dict[str, list[pa.Table]] = {}
        work = [
            (chunk, one)
            for chunk in chunks
            for one in (chunk.fine if part == "bucket" else chunk.coarse)
        ]
        made = pool.map(lambda item: self._pieces(item[0], item[1], part, fields), work)
        for found in made:
            for name, table in found:
                own = pieces.setdefault(name, [])
                own.append(table)
                if len(own) == len(chunks):
                    yield name, pa.concat_tables(pieces.pop(name))

    def _pieces(
        self, chunk: _Added, one: Branch, part: str, fields: Fields
    ) -> list[tuple[str, pa.Table]]:
        made = []
        for name, counts in one.add(fields.words, chunk.signature):
            members = self.members[name]
            place, member = np.divmod(one.dims[name].present, len(members))
            table = {}
            if part == "bucket":
                place, bucket = np.divmod(place, BUCKETS)
                table["bucket"] = pa.array(bucket, pa.int16())
            table |= _columns("p", counts)
            if part == "bucket":
                table |= _columns("s", chunk.sums.pop(name))
            made.append((name, pa.table(_keys(chunk.spans, members, place, member) | table)))
        return made

    def _histogram(self, rows: Rows, name: str) -> pa.Table:
        members = self.members[name]
        place = rows.month if not name else rows.month * len(members) + rows.dims[name]
        parts = []
        for at, (used, slot) in rows.slots.items():
            width = int(slot.max(initial=-1)) + 1
            counted = np.bincount(place[used] * width + slot)
            cells = np.flatnonzero(counted)
            number, log_bucket = np.divmod(cells, max(1, width))
            month, member = np.divmod(number, len(members))
            parts.append(
                pa.table(
                    _keys(self.periods.months, members, month, member)
                    | {
                        "metric": pa.array(np.full(len(cells), at), pa.int32()),
                        "log_bucket": pa.array(
                            np.where(log_bucket == 0, sql.NOT_POSITIVE, log_bucket - 1), pa.int32()
                        ),
                        "n": pa.array(counted[cells], pa.int64()),
                    }
                )
            )
        if not parts:
            none: Ints = np.empty(0, dtype=np.int64)
            kinds = {"metric": pa.int32(), "log_bucket": pa.int32(), "n": pa.int64()}
            return pa.table(
                _keys(self.periods.months, members, none, none)
                | {key: pa.array([], kind) for key, kind in kinds.items()}
            )
        return pa.concat_tables(parts)

    def _layout(self, fine: Fields, coarse: Fields) -> list[dict[str, Any]]:
        numbers = {True: iter(fine.number), False: iter(coarse.number)}
        fields = {True: fine, False: coarse}
        entries: list[tuple[int, str, str, int, int, int]] = []
        for count in self.plan.counts:
            own = count.kind in BUCKET_KINDS
            number = next(numbers[own])
            slot = fields[own].packed.slot(number) if number >= 0 else None
            entries.append(
                (count.metric, count.kind, count.reason, -1 if slot is None else slot.word,
                 0 if slot is None else slot.shift, fields[own].packed.width)
            )  # fmt: skip
        entries += [(s.metric, s.kind, "", n, 0, 64) for n, s in enumerate(self.plan.sums)]
        entries += [(at, "histogram", "", at, 0, 64) for at in self.plan.quantiles]
        metrics = self.plan.metrics
        digests = [digest(definition) for definition in metrics]
        return [
            {
                "fact": self.fact, "dimension": name, "metric": metrics[at].name,
                "digest": digests[at], "kind": kind, "reason": reason,
                "word": word, "shift": shift, "width": width,
            }
            for name in self.dims
            for at, kind, reason, word, shift, width in entries
        ]  # fmt: skip


def _columns(letter: str, sums: Ints) -> dict[str, pa.Array]:
    return {
        f"{letter}{number}": pa.array(one)
        for number, one in enumerate(np.ascontiguousarray(sums.T))
    }


def _keys(
    periods: list[int], members: list[str | None], place: Ints, member: Ints
) -> dict[str, pa.Array]:
    return {
        "period": pa.array(np.asarray(periods, dtype=np.int32)[place]),
        "member": pa.array(members, pa.string()).take(pa.array(member, pa.int32())),
    }
