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
from candor.metrics.definition import Definition
from candor.metrics.direct import column
from candor.metrics.engine import Engine
from candor.metrics.kernel import Fields, Flags, Ints
from candor.metrics.layout import (
    BUCKET_KINDS,
    LAYOUT,
    digest,
    period_table,
    span_of,
    table_name,
)
from candor.metrics.plan import Count, Plan, by_fact, plan
from candor.metrics.reading import column_types
from candor.metrics.signature import Signature, signature
from candor.window import period_start

CHUNK_ROWS = 1_000_000
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
            layout += _Builder(engine, fact, group, dims, days).build()
            periods |= {span_of(day) for day, _ in days}
            periods |= {period_start(day, "month") for day, _ in days}
    engine.load("measure_period", period_table(sorted(periods)))
    engine.load("measure_layout", pa.Table.from_pylist(layout, schema=LAYOUT))


@dataclass(frozen=True)
class _Rows:
    """A chunk of rows as arrays; values are zero where they are not known.

    ``slots`` gives, for each quantile metric, the rows whose value is known and the slot of each:
    0 for values of zero or less, b + 1 for log bucket b.
    """

    signature: Ints
    order: kernel.Order
    span: Ints
    month: Ints
    bucket: Ints
    dims: dict[str, Ints]
    values: dict[str, Ints]
    slots: dict[int, tuple[Ints, Ints]]


class _Builder:
    """One fact's build: signatures first, then chunk after chunk of rows."""

    def __init__(
        self,
        engine: Engine,
        fact: str,
        metrics: Sequence[Definition],
        dims: tuple[str, ...],
        days: list[tuple[Any, ...]],
    ) -> None:
        self.engine, self.fact, self.dims, self.days = engine, fact, dims, days
        self.spans = sorted({span_of(day) for day, _ in days})
        self.months = sorted({period_start(day, "month") for day, _ in days})
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
        made = signature(self.plan)
        if any(count.kind == "anonymous" for count in self.plan.counts):
            made.add("customer_known")
        self._materialise(made)
        codes, unknown_customer = self._codes(made)
        flags = [_flag(count, codes, unknown_customer) for count in self.plan.counts]
        kinds = [count.kind in BUCKET_KINDS for count in self.plan.counts]
        per_span, per_cell = self._largest_cells
        fine = kernel.pack([f for f, own in zip(flags, kinds, strict=True) if own], per_cell)
        coarse = kernel.pack([f for f, own in zip(flags, kinds, strict=True) if not own], per_span)
        observed = {
            count.metric: flag
            for count, flag in zip(self.plan.counts, flags, strict=True)
            if count.kind == "observed"
        }
        parts: dict[str, list[pa.Table]] = {}
        for rows in self._chunks(made, observed):
            terms = self._terms(rows, observed)
            # Additions release the interpreter lock; results are taken in the order of the dims.
            with ThreadPoolExecutor(max_workers=THREADS) as pool:
                made_of = pool.map(
                    lambda name, rows=rows, terms=terms: self._cells(
                        name, rows, terms, fine, coarse
                    ),
                    self.dims,
                )
                for name, tables in zip(self.dims, made_of, strict=True):
                    for part, table in tables.items():
                        parts.setdefault(table_name(self.fact, name, part), []).append(table)
        for name, pieces in parts.items():
            self.engine.load(name, pa.concat_tables(pieces))
        self.engine.run("drop table metric_row; drop table metric_signature")
        return self._layout(fine, coarse)

    def _within_words(self, wanted: Plan) -> list[Definition]:
        """Metrics whose sums cannot leave 64 bits, whatever the grouping."""
        rows = sum(n for _, n in self.days)
        valued = [at for at, item in enumerate(wanted.metrics) if item.outcome is None]
        if not valued:
            return list(wanted.metrics)
        items = ", ".join(
            f"coalesce(max(abs(cast({part} as hugeint))), 0)"
            for at in valued
            for part in _value_parts(wanted.metrics[at])
        )
        largest = iter(self.engine.rows(f"select {items} from {self.fact}")[0])
        _, per_cell = self._largest_cells
        kept = []
        for at, definition in enumerate(wanted.metrics):
            sizes = [int(next(largest)) for _ in _value_parts(definition)]
            biggest = max(sizes, default=0)
            squared = any(item.metric == at and item.kind.endswith(("sq", "oss"))
                          for item in wanted.sums)  # fmt: skip
            if kernel.fits(biggest, rows) and (
                not squared or kernel.fits(biggest * biggest, per_cell)
            ):
                kept.append(definition)
        return kept

    @cached_property
    def _per_span(self) -> dict[int, int]:
        """Rows of each span, in order."""
        found: dict[int, int] = {}
        for day, n in self.days:
            found[span_of(day)] = found.get(span_of(day), 0) + n
        return found

    @cached_property
    def _largest_cells(self) -> tuple[int, int]:
        """Most rows in a span, and in a span of one bucket."""
        self.engine.load(
            "metric_span",
            pa.table(
                {
                    "day": pa.array([day for day, _ in self.days], pa.int32()),
                    "span": pa.array([span_of(day) for day, _ in self.days], pa.int32()),
                }
            ),
            temporary=True,
        )
        (row,) = self.engine.rows(
            f"select max(n) from (select count(*) as n from {self.fact} as fact "
            "join metric_span on metric_span.day = fact.day group by span, bucket) as cells"
        )
        self.engine.run("drop table metric_span")
        return max(self._per_span.values()), int(row[0])

    def _materialise(self, made: Signature) -> None:
        """Write what the build needs of each row once, as integers only."""
        values = [
            f"{part} as v{at}_{number}"
            for at, definition in enumerate(self.plan.metrics)
            for number, part in enumerate(_value_parts(definition))
        ]
        dims = [name for name in self.dims if name]
        inner = ["day", "bucket", *dims, *made.word_items(), *values]
        outer = ["found.day", "found.bucket", *[f"found.w{n}" for n in range(made.words)]]
        outer += [f"found.{value.rsplit(' ', 1)[1]}" for value in values]
        joins = ""
        for number, name in enumerate(dims):
            members = self.members[name]
            self.engine.load(
                f"metric_member_{number}",
                pa.table(
                    {
                        "member": pa.array(members, pa.string()),
                        "place": pa.array(range(len(members)), pa.int32()),
                    }
                ),
                temporary=True,
            )
            outer.append(f"of_{number}.place as d{number}")
            joins += (
                f" join metric_member_{number} as of_{number} "
                f"on of_{number}.member is not distinct from found.{name}"
            )
        self.engine.run(
            f"create or replace temp table metric_row as select {', '.join(outer)} "
            f"from (select {', '.join(inner)} from {self.fact}) as found{joins}"
        )
        for number in range(len(dims)):
            self.engine.run(f"drop table metric_member_{number}")

    def _codes(self, made: Signature) -> tuple[Ints, Flags]:
        words = ", ".join(f"w{number}" for number in range(made.words))
        self.engine.run(
            "create or replace temp table metric_signature as select cast(row_number() over "
            f"(order by {words}) - 1 as integer) as signature, {words} from "
            f"(select distinct {words} from metric_row) as answers"
        )
        outcomes = [
            f"({rewritten['outcome'].sql}) as o{at}" for at, rewritten in enumerate(made.metrics)
        ]
        cases = [
            f"cast({sql.code(definition, at, made.metrics[at])} as bigint) as c{at}"
            for at, definition in enumerate(self.plan.metrics)
        ]
        answers = [f"a{number}" for number in range(len(made.atoms))]
        known = made.atoms.index("customer_known") if "customer_known" in made.atoms else None
        extra = "false" if known is None else f"a{known} is not true"
        table = self.engine.arrow(
            f"select {', '.join(cases)}, cast({extra} as bigint) as anonymous from (select "
            f"signature, {', '.join(answers)}, {', '.join(outcomes)} from (select signature, "
            f"{', '.join(made.answer_items())} from metric_signature) as answered) as judged "
            "order by signature"
        )
        codes = np.stack([column(table, f"c{at}") for at in range(len(self.plan.metrics))])
        return codes, column(table, "anonymous").astype(bool)

    def _chunks(self, made: Signature, observed: dict[int, Flags]) -> Iterator[_Rows]:
        first: int | None = None
        size = 0
        for number, span in enumerate(self.spans):
            size += self._per_span[span]
            first = span if first is None else first
            last = number + 1 == len(self.spans)
            if size >= CHUNK_ROWS or last:
                until = self.days[-1][0] + 1 if last else self.spans[number + 1]
                yield self._fetch(made, observed, first, until)
                first, size = None, 0

    def _fetch(self, made: Signature, observed: dict[int, Flags], since: int, until: int) -> _Rows:
        values = [
            f"v{at}_{number}"
            for at, definition in enumerate(self.plan.metrics)
            for number, _ in enumerate(_value_parts(definition))
        ]
        dims = [name for name in self.dims if name]
        items = [
            "signature", "day", "bucket", *[f"d{number}" for number in range(len(dims))],
            *[f"coalesce({name}, 0) as {name}" for name in values],
            *[
                f"coalesce({sql.log_bucket(f'v{at}_0')}, 0) as b{at}" for at in self.plan.quantiles
            ],
        ]  # fmt: skip
        matched = " and ".join(
            f"metric_signature.w{number} = metric_row.w{number}" for number in range(made.words)
        )
        table = self.engine.arrow(
            f"select {', '.join(items)} from metric_row join metric_signature on {matched} "
            f"where day >= {since} and day < {until}"
        )
        signatures = column(table, "signature")
        day = column(table, "day")
        return _Rows(
            signature=signatures,
            order=kernel.order(signatures, len(next(iter(observed.values())))),
            span=_lookup(day, self.spans, "span", self.days),
            month=_lookup(day, self.months, "month", self.days),
            bucket=column(table, "bucket"),
            dims={name: column(table, f"d{number}") for number, name in enumerate(dims)},
            values={name: column(table, name) for name in values},
            slots={
                at: _slots(column(table, f"b{at}"), observed[at][signatures])
                for at in self.plan.quantiles
            },
        )

    def _terms(self, rows: _Rows, observed: dict[int, Flags]) -> Ints:
        """The terms of the sums per row, zero where the value is not known: rows × sums."""
        made: Ints = np.empty((len(rows.bucket), len(self.plan.sums)), dtype=np.int64)
        for number, item in enumerate(self.plan.sums):
            term = observed[item.metric][rows.signature].astype(np.int64)
            for part in _FACTORS[item.kind]:
                term *= rows.values[f"v{item.metric}_{part}"]
            made[:, number] = term
        return made

    def _cells(
        self, name: str, rows: _Rows, terms: Ints, fine: Fields, coarse: Fields
    ) -> dict[str, pa.Table]:
        members = self.members[name]
        size = len(members)
        place = rows.span * size + rows.dims.get(name, 0)
        where = kernel.cells(place * BUCKETS + rows.bucket)
        counts = kernel.add_signatures(where, rows.order, fine.words)
        sums = kernel.add_rows(where, terms)
        bucket = _table(self.spans, members, where.present // BUCKETS, size) | {
            "bucket": pa.array(where.present % BUCKETS, pa.int16()),
            **{f"p{number}": counts[:, number] for number in range(fine.packed.words)},
            **{f"s{number}": sums[:, number] for number in range(len(self.plan.sums))},
        }
        where = kernel.cells(place)
        counts = kernel.add_signatures(where, rows.order, coarse.words)
        reason = _table(self.spans, members, where.present, size) | {
            f"p{number}": counts[:, number] for number in range(coarse.packed.words)
        }
        return {
            "bucket": pa.table(bucket),
            "reason": pa.table(reason),
            "histogram": self._histogram(rows, name),
        }

    def _histogram(self, rows: _Rows, name: str) -> pa.Table:
        members = self.members[name]
        place = rows.month * len(members) + rows.dims.get(name, 0)
        parts = []
        for at, (used, slot) in rows.slots.items():
            width = int(slot.max(initial=0)) + 1
            counted = np.bincount(place[used] * width + slot)
            cells = np.flatnonzero(counted)
            log_bucket = np.where(cells % width == 0, sql.NOT_POSITIVE, cells % width - 1)
            parts.append(
                pa.table(
                    _table(self.months, members, cells // width, len(members))
                    | {
                        "metric": pa.array(np.full(len(cells), at), pa.int32()),
                        "log_bucket": pa.array(log_bucket, pa.int32()),
                        "n": pa.array(counted[cells], pa.int64()),
                    }
                )
            )
        if not parts:
            empty = _table(self.months, members, np.array([], dtype=np.int64), len(members))
            return pa.table(
                empty | {"metric": pa.array([], pa.int32()),
                         "log_bucket": pa.array([], pa.int32()), "n": pa.array([], pa.int64())}
            )  # fmt: skip
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
        return [
            {
                "fact": self.fact, "dimension": name, "metric": metrics[at].name,
                "digest": digest(metrics[at]), "kind": kind, "reason": reason,
                "word": word, "shift": shift, "width": width,
            }
            for name in self.dims
            for at, kind, reason, word, shift, width in entries
        ]  # fmt: skip


_FACTORS: dict[str, tuple[int, ...]] = {
    "total": (0,), "total_sq": (0, 0), "den": (1,), "den_sq": (1, 1), "cross": (0, 1),
}  # fmt: skip


def _value_parts(definition: Definition) -> list[str]:
    return [
        sql.value(definition, part)
        for part in ("value", "numerator", "denominator")
        if getattr(definition, part) is not None
    ]


def _flag(count: Count, codes: Ints, unknown_customer: Flags) -> Flags:
    code = codes[count.metric]
    flag: Flags = (code >= count.low) & (code <= count.high)
    return flag & unknown_customer if count.kind == "anonymous" else flag


def _lookup(day: Ints, periods: list[int], grain: str, days: list[tuple[Any, ...]]) -> Ints:
    """Position of each row's span or month among ``periods``."""
    first, last = days[0][0], days[-1][0]
    position = {start: number for number, start in enumerate(periods)}
    table = np.zeros(last - first + 1, dtype=np.int64)
    for number, _ in days:
        start = span_of(number) if grain == "span" else period_start(number, grain)
        table[number - first] = position[start]
    found: Ints = table[day - first]
    return found


def _slots(log_bucket: Ints, known: Flags) -> tuple[Ints, Ints]:
    used = np.flatnonzero(known)
    found = log_bucket[used]
    return used, np.where(found == sql.NOT_POSITIVE, 0, found + 1)


def _table(
    periods: list[int], members: list[str | None], cells: Ints, size: int
) -> dict[str, pa.Array]:
    indices = pa.array(cells % size, pa.int32())
    return {
        "period": pa.array(np.asarray(periods, dtype=np.int32)[cells // size], pa.int32()),
        "member": pa.array(members, pa.string()).take(indices),
    }
