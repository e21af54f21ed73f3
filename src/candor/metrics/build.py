"""Builds the stored measures: every metric of a fact, every stored breakdown, one pass over rows.

The finest stored period is the *span*: a calendar week cut where a month ends, so that weeks,
months, quarters and the whole are sums of spans, bucket by bucket. Reasons and histograms need no
buckets and are kept per span. Tables hold packed words; ``measure_layout`` says where each count
lies and for which text of its definition. A sum that might leave 64 bits is not stored: its metric
is then answered from the facts. Where measures are stored already, only the spans whose rows moved
are built again (see ``held``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from candor.measure import BUCKETS
from candor.metrics import compile as sql
from candor.metrics import held as standing
from candor.metrics import kernel
from candor.metrics.chunks import Periods, Reader, Rows
from candor.metrics.definition import Definition
from candor.metrics.engine import Engine
from candor.metrics.grouping import Branch, Codes, branch, shared
from candor.metrics.held import Days, Held
from candor.metrics.judging import Judge
from candor.metrics.kernel import Fields, Ints
from candor.metrics.layout import (
    BUCKET_KINDS,
    LAYOUT,
    PARTS,
    digest,
    period_table,
    table_name,
)
from candor.metrics.plan import Plan, by_fact, plan
from candor.metrics.query import availability
from candor.metrics.reading import column_types

THREADS = 2
AHEAD = 8
"""Blocks that may wait for a thread while the next chunk is fetched."""
SQUARES = ("total_sq", "den_sq", "cross")


@dataclass(frozen=True, slots=True)
class Stored:
    """What was stored.

    Attributes:
        lacking: metric to what the data lack for it, as ``query.availability`` says.
        moved: fact to the first days of the spans that were built again or are gone; a fact that is
            not named was built whole.
    """

    lacking: dict[str, str]
    moved: dict[str, set[int]]


def build(
    engine: Engine,
    metrics: Sequence[Definition],
    segmentations: Sequence[str],
    *,
    is_kept: bool = False,
) -> Stored:
    """Store the measures of ``metrics`` by each of ``segmentations`` and in total.

    Metrics that the data cannot answer and facts without rows cost a glance; a fact with rows
    outside every day is answered from its rows.

    Args:
        engine: holds the facts.
        metrics: definitions.
        segmentations: dimensions.
        is_kept: measures that are stored already were made by the same code, so what still stands
            of them is left; else everything is replaced.
    """
    lacking = availability(engine, metrics)
    ready = [definition for definition in metrics if not lacking[definition.name]]
    is_kept = is_kept and standing.is_any(engine)
    # Each table of its own would be written through to the disk before the next.
    engine.run("begin transaction")
    layout: list[dict[str, Any]] = []
    found: dict[str, Days] = {}
    moved: dict[str, set[int]] = {}
    for fact, group in by_fact(ready).items():
        known = column_types(fact)
        wanted = plan(fact, group, anonymous="customer_known" in known)
        dims = ("", *(name for name in segmentations if known.get(name) == "VARCHAR"))
        days = standing.days(engine, wanted, dims)
        if days is None or not days.sizes:
            continue
        found[fact] = days
        entries = None
        held = standing.read(engine, wanted, dims) if is_kept else None
        if held is not None:
            moved[fact] = held.moved(days)
            entries = _Builder(engine, wanted, dims, days, held).build()
        if entries is None:
            moved.pop(fact, None)
            entries = _Builder(engine, wanted, dims, days, None).build()
        layout += entries or []
    if is_kept:
        _forget(engine, keep=found)
    starts = sorted({start for days in found.values() for start in days.spans})
    engine.load("measure_period", period_table(starts))
    engine.load("measure_span", standing.span_table(found))
    engine.load("measure_layout", pa.Table.from_pylist(layout, schema=LAYOUT))
    engine.run("commit")
    return Stored(lacking, moved)


def _forget(engine: Engine, keep: Collection[str]) -> None:
    """Drop the measures of facts that have none any more."""
    for (fact,) in engine.rows("select distinct fact from measure_span order by fact"):
        if fact not in keep:
            for part in PARTS:
                engine.run(f"drop table if exists {table_name(str(fact), part)}")


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
    """One fact's build: values block after block, then counts of the signatures met.

    Args:
        engine: holds the fact.
        wanted: what is added up.
        dims: dimensions, '' for the total.
        days: the fact's rows.
        held: what is stored already; only what moved is built then, and put beside it.
    """

    def __init__(
        self, engine: Engine, wanted: Plan, dims: tuple[str, ...], days: Days, held: Held | None
    ) -> None:
        self.engine, self.plan, self.dims, self.held = engine, wanted, dims, held
        self.fact, self.rows = wanted.fact, sum(size for _, size in days.sizes)
        self.moved = held.moved(days) if held else {*days.spans}
        self.periods = Periods.of(days.within(self.moved))

    def build(self) -> list[dict[str, Any]] | None:
        """Write the fact's tables; returns its layout.

        None, and nothing is written, where new rows cannot lie as what is held does.
        """
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
            largest = self._largest(blocks)
            kept = self._within_words(blocks, largest)
            fields = self._fields(judge, kept, blocks)
            if fields is None or (self.held and len(kept) < len(self.plan.metrics)):
                return None
            for part, own in zip(("bucket", "reason"), fields, strict=True):
                self._write(part, self._tables(pool, blocks, part, own, kept))
        histograms = ((name, pa.table(b.histogram[name])) for name in self.dims for b in blocks)
        self._write("histogram", histograms)
        return self._layout(*fields, kept, largest)

    def _write(self, part: str, tables: Iterable[tuple[str, pa.Table]]) -> None:
        """Store the rows of all dimensions, in the place of those whose spans moved."""
        named = [
            table.append_column("dimension", pa.repeat(pa.scalar(name), table.num_rows))
            for name, table in tables
        ]
        stored = table_name(self.fact, part)
        if self.held is None:
            self.engine.load(stored, pa.concat_tables(named))
            return
        if self.moved:
            listed = ", ".join(map(str, sorted(self.moved)))
            self.engine.run(f"delete from {stored} where period in ({listed})")
        if named:
            self.engine.load("measure_moved", pa.concat_tables(named), temporary=True)
            self.engine.run(
                f"insert into {stored} by name select * from measure_moved; drop table measure_moved"
            )

    def _largest(self, blocks: Sequence[_Added]) -> list[int]:
        """For each metric, the largest absolute value of all rows, or of all there ever were."""
        before = self.held.largest if self.held else [0] * len(self.plan.metrics)
        return [
            max(known, *(block.sizes.get(at, 0) for block in blocks), 0)
            for at, known in enumerate(before)
        ]

    def _within_words(self, blocks: Sequence[_Added], largest: Sequence[int]) -> set[int]:
        """Metrics whose sums cannot have left 64 bits, whatever the grouping."""
        per_cell = max((block.per_cell for block in blocks), default=0)
        if self.held:
            per_cell = max(per_cell, self.held.fine.packed.mask)
        squared = {item.metric for item in self.plan.sums if item.kind in SQUARES}
        return {
            at
            for at, size in enumerate(largest)
            if kernel.fits(size, self.rows)
            and (at not in squared or kernel.fits(size * size, per_cell))
        }

    def _add(self, made: Callable[[], Rows]) -> _Added:
        rows = made()
        spans = [self.periods.spans[number] for number in rows.spans]
        sizes = {name: len(members) for name, members in rows.members.items()}
        count = len(rows.signature)
        place = rows.span * BUCKETS + rows.bucket
        fine, coarse = (
            [branch(one, rows.dims, own) for own in shared(sizes, places, count)]
            for one, places in ((place, len(rows.spans) * BUCKETS), (rows.span, len(rows.spans)))
        )
        return _Added(
            spans=spans,
            members=rows.members,
            signature=rows.signature,
            fine=fine,
            coarse=coarse,
            sums={name: found for one in fine for name, found in one.add(rows.terms)},
            histogram={name: _histogram(rows, spans, name) for name in self.dims},
            sizes=rows.sizes,
            per_span=int(np.bincount(rows.span).max()),
            per_cell=int(np.bincount(place).max()),
        )

    def _fields(
        self, judge: Judge, kept: set[int], blocks: Sequence[_Added]
    ) -> tuple[Fields, Fields] | None:
        per_cell = max((block.per_cell for block in blocks), default=0)
        per_span = max((block.per_span for block in blocks), default=0)
        flags = [
            (count.kind in BUCKET_KINDS, flag if count.metric in kept else np.zeros_like(flag))
            for count, flag in zip(self.plan.counts, judge.flags(), strict=True)
        ]
        fine = [flag for own, flag in flags if own]
        coarse = [flag for own, flag in flags if not own]
        if self.held is None:
            return (
                kernel.pack(fine, judge.size, per_cell),
                kernel.pack(coarse, judge.size, per_span),
            )
        alike = [
            kernel.pack_alike(own, judge.size, rows, part.packed, part.number)
            for own, rows, part in (
                (fine, per_cell, self.held.fine), (coarse, per_span, self.held.coarse)
            )
        ]  # fmt: skip
        return None if alike[0] is None or alike[1] is None else (alike[0], alike[1])

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

    def _layout(
        self, fine: Fields, coarse: Fields, kept: set[int], largest: Sequence[int]
    ) -> list[dict[str, Any]]:
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
                "word": word, "shift": shift, "width": width, "largest": largest[at],
            }
            for name in self.dims
            for at, kind, reason, word, shift, width in entries
            if at in kept
        ]  # fmt: skip


def _histogram(rows: Rows, spans: list[int], name: str) -> dict[str, pa.Array]:
    """Values by span, member and log bucket, for each metric that shows quantiles."""
    size = len(rows.members[name])
    place = rows.span * size + (rows.dims[name] if name else 0)
    none: Ints = np.empty(0, dtype=np.int64)
    found: list[tuple[Ints, Ints, Ints, Ints]] = [(none, none, none, none)]
    for at, (used, slot) in rows.slots.items():
        width = int(slot.max(initial=-1)) + 1
        counted = np.bincount(place[used] * width + slot)
        cells = np.flatnonzero(counted)
        cell, log_bucket = np.divmod(cells, max(1, width))
        found.append((cell, np.full(len(cells), at), log_bucket, counted[cells]))
    cell, metric, slot, n = (np.concatenate(part) for part in zip(*found, strict=True))
    return _keys(spans, rows.members[name], *np.divmod(cell, size)) | {
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
