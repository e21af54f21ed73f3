"""What one metric adds up to in one cell (metric x period x segment). Measures add; nothing here divides.

Sums are exact integers per customer bucket (0 … 199). Times are microseconds, shares of one row
millionths, money millionths of the currency unit, so that every sum is an integer and the same on
every engine. Estimators read these; they never see SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

BUCKETS = 200
BUCKET_SCHEME = "md5-60/200/v1"
SKETCH_ALPHA = 0.01

EstimatorKind = Literal[
    "proportion", "mean", "ratio", "quantile", "count", "time_to_event", "sampled", "rare"
]
Unit = Literal["share", "count", "seconds", "money", "score", "points"]


@dataclass(frozen=True, slots=True)
class BucketSums:
    """Additive sums of one customer bucket.

    Attributes:
        observed: units whose outcome is known.
        total: sum of outcomes or values (true = 1; times in µs; shares and money in millionths).
        total_sq: sum of squares of the same.
        den: denominator sum of a ratio (equals ``observed`` for shares and means).
        den_sq: sum of squared denominators.
        cross: sum of value times denominator.
    """

    observed: int = 0
    total: int = 0
    total_sq: int = 0
    den: int = 0
    den_sq: int = 0
    cross: int = 0

    def __add__(self, other: BucketSums) -> BucketSums:
        return BucketSums(
            self.observed + other.observed,
            self.total + other.total,
            self.total_sq + other.total_sq,
            self.den + other.den,
            self.den_sq + other.den_sq,
            self.cross + other.cross,
        )


@dataclass(frozen=True, slots=True)
class MeasureCell:
    """One metric in one cell, before any statistics.

    Attributes:
        metric: name of the metric.
        definition: ``name@version``.
        grain: all, day, week, month or quarter.
        period_start: first reporting day (days since 1970-01-01), None for ``all``.
        period_end: day after the last, None for ``all``.
        segment: dimension to value; empty for the total. A null value stays None.
        eligible: units counted in; ``observed`` + ``unknown``.
        unknown: units whose outcome is not (yet) known, by reason.
        excluded: units left out, by reason.
        buckets: sums by customer bucket.
        customers: distinct persons among the observed units (not additive).
        anonymous: observed units without a known customer.
        confirmed: of a share: observed units that are true by confirmation (for bounds).
        histogram: log-bucket counts of the values (quantile estimators), see SKETCH_ALPHA.
        events_by_delay: time-to-event: events by whole delay day; ``at_risk_by_delay``: units at
            risk at the start of that delay day. Both by bucket: {bucket: [count per day]}.
        available: False when the data hold no event this metric needs.
        missing: what is missing, for people, when not available.
        since, until: days asked about, end excluded; None without a limit.
        where: filters asked for; dimension to value.
    """

    metric: str
    definition: str
    grain: str
    period_start: int | None
    period_end: int | None
    segment: Mapping[str, str | None]
    eligible: int
    unknown: Mapping[str, int]
    excluded: Mapping[str, int]
    buckets: Mapping[int, BucketSums]
    customers: int
    anonymous: int = 0
    confirmed: int | None = None
    histogram: Mapping[int, int] = field(default_factory=dict)
    events_by_delay: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    at_risk_by_delay: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    available: bool = True
    missing: str = ""
    since: int | None = None
    until: int | None = None
    where: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def days(self) -> tuple[int | None, int | None]:
        """First day and the day after the last, by its period and by what was asked for."""
        starts = [day for day in (self.period_start, self.since) if day is not None]
        ends = [day for day in (self.period_end, self.until) if day is not None]
        return max(starts, default=None), min(ends, default=None)

    @property
    def observed(self) -> int:
        """Units whose outcome is known."""
        return sum(sums.observed for sums in self.buckets.values())

    @property
    def total(self) -> int:
        """Sum of outcomes or values over all buckets, in the measure's integer unit."""
        return sum(sums.total for sums in self.buckets.values())

    @property
    def den(self) -> int:
        """Sum of denominators over all buckets."""
        return sum(sums.den for sums in self.buckets.values())
