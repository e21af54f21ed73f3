"""Measure cells made by hand for the tests of estimates, verdicts and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from candor.measure import BucketSums, MeasureCell


def share_cell(
    trues: Sequence[int],
    units: Sequence[int],
    *,
    metric: str = "containment_rate",
    customers: int | None = None,
    unknown: Mapping[str, int] | None = None,
    excluded: Mapping[str, int] | None = None,
    confirmed: int | None = None,
    anonymous: int = 0,
    available: bool = True,
) -> MeasureCell:
    """A share with one entry per bucket."""
    buckets = {
        index: BucketSums(n, x, x, n, n, x)
        for index, (x, n) in enumerate(zip(trues, units, strict=True))
    }
    return MeasureCell(
        metric=metric, definition=f"{metric}@1", grain="month", period_start=20_574,
        period_end=20_605, segment={}, eligible=sum(units) + sum((unknown or {}).values()),
        unknown=unknown or {}, excluded=excluded or {}, buckets=buckets,
        customers=len(units) if customers is None else customers, anonymous=anonymous,
        confirmed=confirmed, available=available, missing="" if available else "no event 'claim'",
    )  # fmt: skip


def value_cell(values: Sequence[Sequence[int]], *, metric: str = "handle_time") -> MeasureCell:
    """A mean with one list of values per bucket."""
    buckets = {
        index: BucketSums(len(v), sum(v), sum(x * x for x in v), len(v), len(v), sum(v))
        for index, v in enumerate(values)
    }
    return MeasureCell(
        metric=metric, definition=f"{metric}@1", grain="all", period_start=None, period_end=None,
        segment={}, eligible=sum(map(len, values)), unknown={}, excluded={}, buckets=buckets,
        customers=len(values),
    )  # fmt: skip
