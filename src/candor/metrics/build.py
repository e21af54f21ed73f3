"""Builds the stored measures: every metric of a fact, every stored breakdown, one pass over rows.

The finest stored period is the *span*: a calendar week cut where a month ends, so that weeks,
months, quarters and the whole are sums of spans, bucket by bucket. Reasons need no buckets and are
kept per span; histograms per month. Tables hold packed words; ``measure_layout`` says where each
count lies and for which text of its definition. A sum that might leave 64 bits is not stored: its
metric is then answered from the facts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from candor.measure import BUCKETS
from candor.metrics import compile as sql
from candor.metrics import kernel
from candor.metrics.chunks import Periods, Reader, Rows
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
    table_name,
)
from candor.metrics.plan import by_fact, plan
from candor.metrics.query import availability
from candor.metrics.reading import column_types

THREADS = 2
AHEAD = 8
"""Blocks that may wait for a thread while the next chunk is fetched."""
SQUARES = ("total_sq", "den_sq", "cross")


def build(
    engine: Engine, metrics: Sequence[Definition], segmentations: Sequence[str]
) -> dict[str, str]:
    """Store the measures of ``metrics`` by each of ``segmentations`` and in total.

    Replaces whatever was stored. Metrics that the data cannot answer and facts without rows cost a
    glance; a fact with rows outside every day is answered from its rows.

    Returns:
        metric to what the data lack for it, as ``query.availability`` says.
    """
    lacking = availability(engine, metrics)
    ready = [definition for definition in metrics if not lacking[definition.name]]
    # Each table of its own would be written through to the disk before the next.
    engine.run("begin transaction")
    layout: list[dict[str, Any]] = []
    periods: set[int] = set()
    for fact, group in by_fact(ready).items():
        days = engine.rows(f"select day, count(*) from {fact} group by day order by day")
        if days and all(day is not None for day, _ in days):
            known = column_types(fact)
            dims = ("", *(name for name in segmentations if known.get(name) == "VARCHAR"))
            found = Periods.of(days)
            layout += _Builder(engine, fact, group, dims, found).build()
            periods |= {*found.spans, *found.months(range(len(found.spans)))}
    engine.load("measure_period", period_table(sorted(periods)))
    engine.load("measure_layout", pa.Table.from_pylist(layout, schema=LAYOUT))
    engine.run("commit")
    return lacking


@dataclass(frozen=True)
class _Added:
    """A block whose values are added up; its counts wait until all signatures are known.

    Attributes:
        spans: first days of the block's spans.
        members: values of each dimension, in the order of their codes.
        signature: number of each row's signature.
        fine, coarse: rows by span and bucket, and by span.
        sums: for each dimension, its fine cells × sums; taken out as tables are made.
        histogram: for each dimension, its columns.
        sizes: for each metric with values, the largest absolute value.
        per_span, per_cell: most rows in a span, and in a span of one bucket.
    """

    spans: list[int]
    members: dict[str, pa.Array]
    signature: Codes
    fine: list[Branch]
    coarse: list[Branch]
    sums: dict[str, Ints]
    histogram: dict[str, dict[str, pa.Array]]
    sizes: dict[int, int]
    per_span: int
    per_cell: int


class _Builder:
    """One fact's build: values block after block, then counts of the signatures met."""

    def __init__(
        self,
        engine: Engine,
        fact: str,
        metrics: Sequence[Definition],
        dims: tuple[str, ...],
        periods: Periods,
    ) -> None:
        self.engine, self.fact, self.dims, self.periods = engine, fact, dims, periods
        self.plan = plan(fact, metrics, anonymous="customer_known" in column_types(fact))

    def build(self) -> list[dict[str, Any]]:
        """Write the fact's tables; returns its layout."""
        judge = Judge(self.plan)
        reader = Reader(self.engine, self.plan, judge, self.periods, self.dims)
        # The kernels release the interpreter lock; results are taken in a fixed order.
        with ThreadPoolExecutor(max_workers=THREADS) as pool:
            blocks: list[_Added] = []
            waiting: deque[Future[_Added]] = deque()
            for made in reader.blocks():
                waiting.append(pool.submit(self._add, made))
                if len(waiting) > AHEAD:
                    blocks.append(waiting.popleft().result())
            blocks += [one.result() for one in waiting]
            kept = self._within_words(blocks)
            fine, coarse = self._fields(judge, kept, blocks)
            for part, fields in (("bucket", fine), ("reason", coarse)):
                for name, table in self._tables(pool, blocks, part, fields, kept):
                    self.engine.load(table_name(self.fact, name, part), table)
        for name in self.dims:
            table = pa.concat_tables([pa.table(block.histogram[name]) for block in blocks])
            self.engine.load(table_name(self.fact, name, "histogram"), table)
        return self._layout(fine, coarse, kept)

    def _within_words(self, blocks: list[_Added]) -> set[int]:
        """Metrics whose sums cannot have left 64 bits, whatever the grouping."""
        rows = sum(self.periods.rows)
        per_cell = max(block.per_cell for block in blocks)
        squared = {item.metric for item in self.plan.sums if item.kind in SQUARES}
        kept = set()
        for at in range(len(self.plan.metrics)):
            size = max(block.sizes.get(at, 0) for block in blocks)
            if kernel.fits(size, rows) and (
                at not in squared or kernel.fits(size * size, per_cell)
            ):
                kept.add(at)
        return kept

    def _add(self, made: Callable[[], Rows]) -> _Added:
        rows = made()
        sizes = {name: len(members) for name, members in rows.members.items()}
        count = len(rows.signature)
        place = rows.span * BUCKETS + rows.bucket
        fine, coarse = (
            [branch(one, rows.dims, own) for own in shared(sizes, places, count)]
            for one, places in ((place, len(rows.spans) * BUCKETS), (rows.span, len(rows.spans)))
        )
        return _Added(
            spans=[self.periods.spans[number] for number in rows.spans],
            members=rows.members,
            signature=rows.signature,
            fine=fine,
            coarse=coarse,
            sums={name: found for one in fine for name, found in one.add(rows.terms)},
            histogram={name: _histogram(rows, name) for name in self.dims},
            sizes=rows.sizes,
            per_span=int(np.bincount(rows.span).max()),
            per_cell=int(np.bincount(place).max()),
        )

    def _fields(self, judge: Judge, kept: set[int], blocks: list[_Added]) -> tuple[Fields, Fields]:
        per_cell = max(block.per_cell for block in blocks)
        per_span = max(block.per_span for block in blocks)
        flags = [
            (count.kind in BUCKET_KINDS, flag if count.metric in kept else np.zeros_like(flag))
            for count, flag in zip(self.plan.counts, judge.flags(), strict=True)
        ]
        return (
            kernel.pack([flag for own, flag in flags if own], judge.size, per_cell),
            kernel.pack([flag for own, flag in flags if not own], judge.size, per_span),
        )

    def _tables(
        self,
        pool: ThreadPoolExecutor,
        blocks: list[_Added],
        part: str,
        fields: Fields,
        kept: set[int],
    ) -> Iterator[tuple[str, pa.Table]]:
        """Tables of all dimensions, the next in the making while one is taken."""
        pieces: dict[str, list[pa.Table]] = {}
        work = [
            (block, one)
            for block in blocks
            for one in (block.fine if part == "bucket" else block.coarse)
        ]
        made = pool.map(lambda item: self._pieces(item[0], item[1], part, fields, kept), work)
        for found in made:
            for name, table in found:
                own = pieces.setdefault(name, [])
                own.append(table)
                if len(own) == len(blocks):
                    yield name, pa.concat_tables(pieces.pop(name))

    def _pieces(
        self, block: _Added, one: Branch, part: str, fields: Fields, kept: set[int]
    ) -> list[tuple[str, pa.Table]]:
        made = []
        for name, counts in one.add(fields.words, block.signature):
            members = block.members[name]
            place, member = np.divmod(one.dims[name].present, len(members))
            table = {}
            if part == "bucket":
                place, bucket = np.divmod(place, BUCKETS)
                table["bucket"] = pa.array(bucket, pa.int16())
            table |= _columns("p", counts)
            if part == "bucket":
                sums = _columns("s", block.sums.pop(name))
                table |= {
                    f"s{number}": sums[f"s{number}"]
                    for number, item in enumerate(self.plan.sums)
                    if item.metric in kept
                }
            made.append((name, pa.table(_keys(block.spans, members, place, member) | table)))
        return made

    def _layout(self, fine: Fields, coarse: Fields, kept: set[int]) -> list[dict[str, Any]]:
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
            if at in kept
        ]  # fmt: skip


def _histogram(rows: Rows, name: str) -> dict[str, pa.Array]:
    """Values by month, member and log bucket, for each metric that shows quantiles."""
    months, month = np.unique(rows.months, return_inverse=True)
    size = len(rows.members[name])
    place = month[rows.span] * size + (rows.dims[name] if name else 0)
    none: Ints = np.empty(0, dtype=np.int64)
    found: list[tuple[Ints, Ints, Ints, Ints]] = [(none, none, none, none)]
    for at, (used, slot) in rows.slots.items():
        width = int(slot.max(initial=-1)) + 1
        counted = np.bincount(place[used] * width + slot)
        cells = np.flatnonzero(counted)
        cell, log_bucket = np.divmod(cells, max(1, width))
        found.append((cell, np.full(len(cells), at), log_bucket, counted[cells]))
    cell, metric, slot, n = (np.concatenate(part) for part in zip(*found, strict=True))
    return _keys(months.tolist(), rows.members[name], *np.divmod(cell, size)) | {
        "metric": pa.array(metric, pa.int32()),
        "log_bucket": pa.array(np.where(slot == 0, sql.NOT_POSITIVE, slot - 1), pa.int32()),
        "n": pa.array(n, pa.int64()),
    }


def _columns(letter: str, sums: Ints) -> dict[str, pa.Array]:
    return {
        f"{letter}{number}": pa.array(one)
        for number, one in enumerate(np.ascontiguousarray(sums.T))
    }


def _keys(periods: list[int], members: pa.Array, place: Ints, member: Ints) -> dict[str, pa.Array]:
    return {
        "period": pa.array(np.asarray(periods, dtype=np.int32)[place]),
        "member": members.take(pa.array(member, pa.int32())),
    }
