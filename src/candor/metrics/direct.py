"""Sums of many metrics by one fused pass over the rows of a fact.

One grouping by cell and customer bucket gives every count and every sum; one grouping by cell and
person gives the distinct customers; each quantile metric adds one grouping by log bucket. Nothing
is computed per metric beyond its row code.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from candor.metrics import compile as sql
from candor.metrics.cells import Ints, Key, Sums, totals_by_cell
from candor.metrics.compile import Scope
from candor.metrics.definition import Definition
from candor.metrics.engine import Engine
from candor.metrics.plan import Packing, Plan, packing, plan
from candor.metrics.reading import column_types


def sums(engine: Engine, fact: str, metrics: Sequence[Definition], scope: Scope) -> Sums:
    """All sums of ``metrics`` over ``scope``, from the rows of ``fact``."""
    wanted = plan(fact, metrics, anonymous="customer_known" in column_types(fact))
    rows = int(engine.rows(f"select count(*) from {fact}")[0][0])
    return fused(engine, wanted, scope, rows)


def fused(engine: Engine, wanted: Plan, scope: Scope, rows: int) -> Sums:
    """All sums of a plan; ``rows`` bounds every count."""
    packed = packing(len(wanted.counts), rows)
    source = sql.coded(wanted, scope, extra=_extra(wanted))
    table = engine.arrow(_bucket_query(wanted, scope, packed, source))
    keys, cell = _keys(table, scope)
    bucket = column(table, "bucket")
    counts = unpack(table, packed)
    totals = [
        [int(value) for value in table.column(f"s{number}").to_pylist()]
        for number in range(len(wanted.sums))
    ]
    position = {key: number for number, key in enumerate(keys)}
    return Sums(
        plan=wanted,
        keys=keys,
        cell=cell,
        bucket=bucket,
        counts=counts,
        sums=totals,
        reasons=totals_by_cell(cell, counts, len(keys)),
        customers=customers(engine, wanted, scope, rows, position),
        histograms=histograms(engine, wanted, scope, position),
        **delays(engine, wanted, scope, position),
    )


def customers(
    engine: Engine, wanted: Plan, scope: Scope, rows: int, position: dict[Key, int]
) -> Ints:
    """Distinct persons among the observed units: cells × metrics.

    Every metric's flag is one packed field; the bitwise or over a person's units keeps it at one,
    so that adding up the words counts persons of all metrics at once.
    """
    observed = [count for count in wanted.counts if count.kind == "observed"]
    packed = packing(len(observed), rows)
    flags = ", ".join(
        f"bit_or({word}) as p{number}" for number, word in enumerate(sql.words(observed, packed))
    )
    person = sql.persons(wanted.fact)
    inner = ", ".join([*scope.keys, *person, flags])
    outer = ", ".join([*scope.keys, *_word_sums(packed)])
    group = ", ".join([*scope.keys, *person])
    table = engine.arrow(
        f"select {outer} from (select {inner} from ({sql.coded(wanted, scope)}) as coded "
        f"group by {group}) as persons{grouped(scope.keys)}"
    )
    found = np.zeros((len(position), len(wanted.metrics)), dtype=np.int64)
    per_cell = unpack(table, packed)
    for number, key in enumerate(key_rows(table, scope)):
        if key in position:
            found[position[key]] = per_cell[number]
    return found


def histograms(
    engine: Engine, wanted: Plan, scope: Scope, position: dict[Key, int]
) -> dict[int, dict[int, dict[int, int]]]:
    """Log-bucket counts of each quantile metric by cell."""
    found: dict[int, dict[int, dict[int, int]]] = {}
    for at in wanted.quantiles:
        alone = plan(wanted.fact, [wanted.metrics[at]], anonymous=False)
        known = alone.counts[[c.kind for c in alone.counts].index("observed")].low
        table = engine.arrow(
            f"select {', '.join([*scope.keys, 'log_bucket', 'count(*) as n'])} from (select "
            f"{', '.join([*scope.keys, sql.log_bucket('v0') + ' as log_bucket'])} "
            f"from ({sql.coded(alone, scope)}) as coded where c0 = {known}) as bucketed"
            f"{grouped([*scope.keys, 'log_bucket'])}"
        )
        by_cell: dict[int, dict[int, int]] = defaultdict(dict)
        for key, bucket, n in zip(
            key_rows(table, scope), column(table, "log_bucket").tolist(),
            column(table, "n").tolist(), strict=True,
        ):  # fmt: skip
            by_cell[position[key]][bucket] = n
        found[at] = dict(by_cell)
    return found


def column(table: pa.Table, name: str) -> Ints:
    """An integer column as an array."""
    found = table.column(name)
    # One chunk is read where it lies; more are copied together.
    whole = found.chunk(0) if found.num_chunks == 1 else found.combine_chunks()
    # By this protocol the whole numbers pass without pandas being imported for them.
    array: Ints = np.from_dlpack(whole).astype(np.int64, copy=False)
    return array


def unpack(table: pa.Table, packed: Packing) -> Ints:
    """Fields of the packed words ``p0`` … of a table: rows × fields."""
    counts = np.empty((table.num_rows, packed.size), dtype=np.int64)
    word_of = [column(table, f"p{number}") for number in range(packed.words)]
    for number in range(packed.size):
        slot = packed.slot(number)
        counts[:, number] = (word_of[slot.word] >> slot.shift) & packed.mask
    return counts


def _bucket_query(wanted: Plan, scope: Scope, packed: Packing, source: str) -> str:
    keys = [*scope.keys, "bucket"]
    items = [
        *keys,
        *[
            f"cast(sum({word}) as bigint) as p{number}"
            for number, word in enumerate(sql.words(wanted.counts, packed))
        ],
        *[
            f"{sql.sum_of(item, wanted.metrics[item.metric])} as s{number}"
            for number, item in enumerate(wanted.sums)
        ],
    ]
    return f"select {', '.join(items)} from ({source}) as coded{grouped(keys)}"


def delays(
    engine: Engine, wanted: Plan, scope: Scope, position: dict[Key, int]
) -> dict[str, dict[int, dict[tuple[int, int], tuple[int, ...]]]]:
    """Time-to-event sums of each followed metric, by cell and bucket, per whole delay day."""
    events: dict[int, dict[tuple[int, int], tuple[int, ...]]] = {}
    at_risk: dict[int, dict[tuple[int, int], tuple[int, ...]]] = {}
    for at in wanted.followed:
        definition = wanted.metrics[at]
        alone = plan(wanted.fact, [definition], anonymous=False)
        pairs = sql.follow_counts(0, definition)
        keys = [*scope.keys, "bucket"]
        flags = [
            f"cast(sum(cast(({condition}) as bigint)) as bigint) as {name}{day}"
            for day, pair in enumerate(pairs)
            for name, condition in zip("ek", pair, strict=True)
        ]
        table = engine.arrow(
            f"select {', '.join([*keys, *flags])} from ({sql.coded(alone, scope)}) as coded"
            f"{grouped(keys)}"
        )
        places = list(
            zip(
                [position[key] for key in key_rows(table, scope)],
                column(table, "bucket").tolist(),
                strict=True,
            )
        )
        days = range(definition.follow_days)
        for name, target in (("e", events), ("k", at_risk)):
            per_day = [column(table, f"{name}{day}").tolist() for day in days]
            target[at] = dict(zip(places, zip(*per_day, strict=True), strict=True))
    return {"events": events, "at_risk": at_risk}


def _extra(wanted: Plan) -> tuple[str, ...]:
    return ("customer_known",) if any(c.kind == "anonymous" for c in wanted.counts) else ()


def _word_sums(packed: Packing) -> list[str]:
    return [
        f"cast(coalesce(sum(p{number}), 0) as bigint) as p{number}"
        for number in range(packed.words)
    ]


def grouped(keys: Sequence[str]) -> str:
    """Grouping and a total order; without keys the one row of the whole."""
    if not keys:
        return ""
    order = ", ".join(f"{key} nulls first" for key in keys)
    return f" group by {', '.join(keys)} order by {order}"


def key_rows(table: pa.Table, scope: Scope) -> list[Key]:
    """The cell of each row of a result."""
    periods = (
        [None] * table.num_rows if scope.grain == "all" else table.column("period").to_pylist()
    )
    values = [table.column(f"by_{name}").to_pylist() for name in scope.by]
    rows = list(zip(*values, strict=True)) if values else [()] * table.num_rows
    return list(zip(periods, rows, strict=True))


def _keys(table: pa.Table, scope: Scope) -> tuple[list[Key], Ints]:
    rows = key_rows(table, scope)
    keys = list(dict.fromkeys(rows))
    if not keys and scope.grain == "all" and not scope.by:
        keys = [(None, ())]
    position = {key: number for number, key in enumerate(keys)}
    return keys, np.array([position[key] for key in rows], dtype=np.int64)
