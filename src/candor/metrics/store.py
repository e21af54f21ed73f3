"""Reads stored measures: which question they can answer, and the sums that answer it.

A question is answered here when its breakdown is stored, its definitions are the ones that were
stored, and its limits fall between spans (see ``build``); otherwise the caller asks the facts. The
integers are the same either way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from candor.metrics import compile as sql
from candor.metrics import direct
from candor.metrics.cells import Key, Sums, totals_by_cell
from candor.metrics.compile import Scope
from candor.metrics.definition import Definition
from candor.metrics.direct import column
from candor.metrics.engine import Engine
from candor.metrics.layout import BUCKET_KINDS, digest, span_of, table_name
from candor.metrics.plan import Count, Plan, plan
from candor.metrics.reading import column_types


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one stored count lies; word -1 means that it is zero everywhere."""

    word: int
    shift: int
    width: int


_Layout = dict[tuple[str, str, str], _Place]


class Layouts:
    """Where stored counts lie, read once for each breakdown: for as long as nothing is stored anew.

    Args:
        engine: holds the stored measures.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._rows: dict[tuple[str, str], list[tuple[Any, ...]]] = {}

    def of(self, fact: str, dimension: str, metrics: Sequence[Definition]) -> _Layout | None:
        """Places of the counts of these metrics; None where one of them is not stored so."""
        rows = self._read(fact, dimension)
        digests = {row[0]: row[1] for row in rows}
        if any(digests.get(item.name) != digest(item) for item in metrics):
            return None
        return {(row[0], row[2], row[3]): _Place(*row[4:]) for row in rows}

    def _read(self, fact: str, dimension: str) -> list[tuple[Any, ...]]:
        if (fact, dimension) not in self._rows:
            stored = self._engine.rows(
                "select count(*) from information_schema.tables where table_name = 'measure_layout'"
            )
            self._rows[fact, dimension] = self._engine.rows(
                "select metric, digest, kind, reason, word, shift, width from measure_layout "
                f"where fact = {sql.text_literal(fact)}"
                f" and dimension = {sql.text_literal(dimension)}"
            ) if stored[0][0] else []  # fmt: skip
        return self._rows[fact, dimension]


def sums(
    engine: Engine,
    fact: str,
    metrics: Sequence[Definition],
    scope: Scope,
    layouts: Layouts | None = None,
) -> Sums | None:
    """Sums from the stored tables, or None when the facts must be asked."""
    dimension = _dimension(scope)
    if dimension is None or scope.grain == "day" or not _between_spans(scope):
        return None
    layout = (layouts or Layouts(engine)).of(fact, dimension, metrics)
    if layout is None:
        return None
    wanted = plan(fact, metrics, anonymous="customer_known" in column_types(fact))
    reader = _Reader(engine, wanted, scope, dimension, layout)
    return reader.read()


def _dimension(scope: Scope) -> str | None:
    """The one stored breakdown a question needs: '' for the total, None when it needs more."""
    names = {*scope.by, *(name for name, _ in scope.where)}
    return next(iter(names), "") if len(names) < 2 else None


def _between_spans(scope: Scope) -> bool:
    limits = [limit for limit in (scope.since, scope.until) if limit is not None]
    return all(span_of(limit) == limit for limit in limits)


class _Reader:
    """One question put to the stored tables of one breakdown."""

    def __init__(
        self, engine: Engine, wanted: Plan, scope: Scope, dimension: str, layout: _Layout
    ) -> None:
        self.engine, self.plan, self.scope = engine, wanted, scope
        self.dimension, self.layout = dimension, layout

    def read(self) -> Sums:
        """All sums of the plan."""
        fine = [n for n, c in enumerate(self.plan.counts) if c.kind in BUCKET_KINDS]
        coarse = [n for n, c in enumerate(self.plan.counts) if c.kind not in BUCKET_KINDS]
        reasons = self._table("reason", coarse, [], ())
        keys = direct.key_rows(reasons, self.scope)
        if not keys and not self.scope.keys:
            keys = [(None, ())]
        position = {key: number for number, key in enumerate(keys)}
        table = self._table("bucket", fine, list(range(len(self.plan.sums))), ("bucket",))
        cell = np.array(
            [position[key] for key in direct.key_rows(table, self.scope)], dtype=np.int64
        )
        counts = np.zeros((table.num_rows, len(self.plan.counts)), dtype=np.int64)
        for number in fine:
            counts[:, number] = column(table, f"n{number}")
        totals = totals_by_cell(cell, counts, len(keys))
        for number in coarse:
            found = column(reasons, f"n{number}")
            totals[: len(found), number] = found
        rows = int(totals.sum()) + 1
        return Sums(
            plan=self.plan,
            keys=keys,
            cell=cell,
            bucket=column(table, "bucket"),
            counts=counts,
            sums=[
                [int(value) for value in table.column(f"s{number}").to_pylist()]
                for number in range(len(self.plan.sums))
            ],
            reasons=totals,
            customers=direct.customers(self.engine, self.plan, self.scope, rows, position),
            histograms=self._histograms(position),
            **direct.delays(self.engine, self.plan, self.scope, position),
        )

    def _histograms(self, position: dict[Key, int]) -> dict[int, dict[int, dict[int, int]]]:
        number = {
            self.layout[self.plan.metrics[at].name, "histogram", ""].word: at
            for at in self.plan.quantiles
        }
        if not number:
            return {}
        found: dict[int, dict[int, dict[int, int]]] = {at: {} for at in number.values()}
        listed = ", ".join(str(stored) for stored in sorted(number))
        keys = [*self.scope.keys, "metric", "log_bucket"]
        table = self.engine.arrow(
            f"select {', '.join(keys)}, cast(sum(n) as bigint) as n from "
            f"({self._source('histogram', ('metric', 'log_bucket', 'n'))} "
            f"and stored.metric in ({listed})) as kept{direct.grouped(keys)}"
        )
        for key, metric, log_bucket, n in zip(
            direct.key_rows(table, self.scope), column(table, "metric").tolist(),
            column(table, "log_bucket").tolist(), column(table, "n").tolist(), strict=True,
        ):  # fmt: skip
            found[number[metric]].setdefault(position[key], {})[log_bucket] = n
        return found

    def _table(
        self, part: str, counts: list[int], values: list[int], extra: tuple[str, ...]
    ) -> pa.Table:
        places = {n: self._place(self.plan.counts[n]) for n in counts}
        sums = {
            n: self.layout[
                self.plan.metrics[self.plan.sums[n].metric].name, self.plan.sums[n].kind, ""
            ].word
            for n in values
        }
        stored = sorted({f"p{place.word}" for place in places.values() if place.word >= 0})
        stored += sorted(f"s{word}" for word in sums.values())
        keys = [*self.scope.keys, *extra]
        items = [*keys]
        for n, place in places.items():
            mask = (1 << place.width) - 1
            field = "0" if place.word < 0 else f"(p{place.word} >> {place.shift}) & {mask}"
            items.append(f"cast(coalesce(sum({field}), 0) as bigint) as n{n}")
        for n, word in sums.items():
            items.append(f"cast(coalesce(sum(s{word}), 0) as decimal(38, 0)) as s{n}")
        if not items:  # every count of this fact lies in the other table
            items.append("count(*) as kept_rows")
        return self.engine.arrow(
            f"select {', '.join(items)} from ({self._source(part, (*extra, *stored))}) as kept"
            f"{direct.grouped(keys)}"
        )

    def _place(self, count: Count) -> _Place:
        metric = self.plan.metrics[count.metric].name
        return self.layout[metric, count.kind, count.reason]

    def _source(self, part: str, columns: tuple[str, ...]) -> str:
        """Stored rows inside the scope, with its keys."""
        scope = self.scope
        items = [f"stored.{name} as {name}" for name in columns] or ["true as is_kept"]
        joined = ""
        if scope.grain != "all":
            items.insert(0, f"measure_period.{scope.grain} as period")
            joined = " join measure_period on measure_period.period = stored.period"
        items += [f"stored.member as by_{name}" for name in scope.by]
        conditions = [f"stored.dimension = {sql.text_literal(self.dimension)}"]
        if scope.since is not None:
            conditions.append(f"stored.period >= {scope.since}")
        if scope.until is not None:
            conditions.append(f"stored.period < {scope.until}")
        for _, value in scope.where:
            conditions.append(
                "stored.member is null" if value is None
                else f"stored.member = {sql.text_literal(value)}"
            )  # fmt: skip
        return (
            f"select {', '.join(items)} from {table_name(self.plan.fact, part)} "
            f"as stored{joined} where {' and '.join(conditions)}"
        )
