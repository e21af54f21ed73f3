"""Sums as they come from an engine, made into measure cells.

Only integers pass through here. A cell's totals are the sums over its customer buckets, so that
whatever is published adds up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from candor.measure import BUCKETS, BucketSums, MeasureCell
from candor.metrics.compile import Scope
from candor.metrics.definition import Definition
from candor.metrics.plan import Plan
from candor.window import period_end

Ints = npt.NDArray[np.int64]
Key = tuple[int | None, tuple[str | None, ...]]


@dataclass
class Sums:
    """Sums of one plan over one scope.

    Attributes:
        plan: what was added up.
        keys: cells, as (period, values of the dimensions).
        cell: for each bucket row, the position of its cell in ``keys`` (sorted).
        bucket: for each bucket row, its customer bucket.
        counts: bucket rows × ``plan.counts``.
        sums: for each of ``plan.sums``, one integer per bucket row.
        reasons: cells × ``plan.counts``: totals that were kept without buckets; None when
            ``counts`` holds every count.
        customers: cells × metrics.
        histograms: metric to cell to log bucket to count.
        events, at_risk: metric to (cell, bucket) to counts per delay day.
    """

    plan: Plan
    keys: list[Key]
    cell: Ints
    bucket: Ints
    counts: Ints
    sums: list[list[int]]
    reasons: Ints
    customers: Ints
    histograms: Mapping[int, Mapping[int, Mapping[int, int]]] = field(default_factory=dict)
    events: Mapping[int, Mapping[tuple[int, int], tuple[int, ...]]] = field(default_factory=dict)
    at_risk: Mapping[int, Mapping[tuple[int, int], tuple[int, ...]]] = field(default_factory=dict)


def cells_of(sums: Sums, definition: Definition, scope: Scope) -> list[MeasureCell]:
    """The cells of one metric; the total without dimension and period always exists."""
    at = next(n for n, item in enumerate(sums.plan.metrics) if item.name == definition.name)
    mine = [(number, count) for number, count in enumerate(sums.plan.counts) if count.metric == at]
    place: dict[str, int] = {count.kind: number for number, count in mine if count.reason == ""}
    starts = np.searchsorted(sums.cell, np.arange(len(sums.keys) + 1))
    cells = []
    for number, (period, values) in enumerate(sums.keys):
        unknown = _by_reason(sums, number, [(n, c.reason) for n, c in mine if c.kind == "unknown"])
        excluded = _by_reason(
            sums, number, [(n, c.reason) for n, c in mine if c.kind == "excluded"]
        )
        observed = int(sums.reasons[number, place["observed"]])
        eligible = observed + sum(unknown.values())
        if not (eligible or sum(excluded.values()) or (scope.grain == "all" and not scope.by)):
            continue
        span = slice(int(starts[number]), int(starts[number + 1]))
        cells.append(
            MeasureCell(
                metric=definition.name,
                definition=definition.id,
                grain=scope.grain,
                period_start=period,
                period_end=None if period is None else period_end(period, scope.grain),
                segment=dict(zip(scope.by, values, strict=True)),
                eligible=eligible,
                unknown=unknown,
                excluded=excluded,
                buckets=_buckets(sums, at, definition, place, span),
                customers=int(sums.customers[number, at]),
                anonymous=_optional(sums, number, place.get("anonymous")) or 0,
                confirmed=_optional(sums, number, place.get("confirmed")),
                histogram=dict(sums.histograms.get(at, {}).get(number, {})),
                events_by_delay=_delays(sums.events.get(at, {}), number),
                at_risk_by_delay=_delays(sums.at_risk.get(at, {}), number),
                since=scope.since,
                until=scope.until,
                where=dict(scope.where),
            )
        )
    return cells


def totals_by_cell(cell: Ints, counts: Ints, size: int) -> Ints:
    """Counts per cell from counts per (cell, bucket); rows must be sorted by cell."""
    totals = np.zeros((size, counts.shape[1]), dtype=np.int64)
    np.add.at(totals, cell, counts)
    return totals


def _by_reason(sums: Sums, cell: int, reasons: Sequence[tuple[int, str]]) -> dict[str, int]:
    return {reason: int(sums.reasons[cell, number]) for number, reason in reasons}


def _optional(sums: Sums, cell: int, number: int | None) -> int | None:
    return None if number is None else int(sums.reasons[cell, number])


def _delays(
    found: Mapping[tuple[int, int], tuple[int, ...]], cell: int
) -> dict[int, tuple[int, ...]]:
    return {bucket: found[cell, bucket] for bucket in range(BUCKETS) if (cell, bucket) in found}


def _buckets(
    sums: Sums, at: int, definition: Definition, place: Mapping[str, int], span: slice
) -> dict[int, BucketSums]:
    buckets = sums.bucket[span].tolist()
    observed = sums.counts[span, place["observed"]].tolist()
    if definition.outcome is not None:
        true = sums.counts[span, place["true"]].tolist()
        return {
            bucket: BucketSums(n, t, t, n, n, t)
            for bucket, n, t in zip(buckets, observed, true, strict=True)
            if n
        }
    parts = {
        item.kind: values[span]
        for item, values in zip(sums.plan.sums, sums.sums, strict=True)
        if item.metric == at
    }
    total = parts["total"]
    zeros = [0] * len(total)
    square = parts.get("total_sq", zeros)
    den, den_sq = parts.get("den", observed), parts.get("den_sq", observed)
    cross = parts.get("cross", total)
    return {
        bucket: BucketSums(n, *rest)
        for bucket, n, *rest in zip(
            buckets, observed, total, square, den, den_sq, cross, strict=True
        )
        if n
    }
