"""Whether a series of estimates rises or falls: named only when the interval of the slope says so.

The slope is that of ``estimates.trend``, from the periods' own intervals. Periods without a figure
are left out; too few of them have no trend.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from candor.estimates.arithmetic import normal_quantile
from candor.estimates.estimate import Estimate, published
from candor.estimates.trend import weighted_slope
from candor.verdicts.bands import Better
from candor.verdicts.compare import Direction

MIN_PERIODS = 6
"""Fewer periods have no slope worth naming."""
MONTH_DAYS = 30.4375


@dataclass(frozen=True, slots=True)
class Trend:
    """Slope of a metric over the periods shown.

    Attributes:
        direction: better, worse, higher, lower, no clear change, cannot say.
        point, low, high: slope per month in ``unit``; None without one.
        unit: `points` for shares.
        periods: periods with a figure.
        reason: the explaining sentence.
    """

    direction: Direction
    point: float | None
    low: float | None
    high: float | None
    unit: str
    periods: int
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data, numbers as published."""
        return {
            "direction": str(self.direction),
            "point": published(self.point),
            "low": published(self.low),
            "high": published(self.high),
            "unit": self.unit,
            "per": "month",
            "periods": self.periods,
            "reason": self.reason,
        }


def trend(series: Sequence[Estimate], *, better: Better, unit: str, level: float = 0.95) -> Trend:
    """Slope over the estimates of consecutive periods.

    Args:
        series: one estimate per period, oldest first.
        better: which direction is good.
        unit: unit of the estimates.
        level: confidence level of the slope's interval.
    """
    shown = "points" if unit == "share" else unit
    known = [
        ((e.period_start + e.period_end) / 2 / MONTH_DAYS, e.point, (e.high - e.low) / 2)
        for e in series
        if e.point is not None and e.low is not None and e.high is not None
        and e.period_start is not None and e.period_end is not None and e.high > e.low
    ]  # fmt: skip
    if len(known) < MIN_PERIODS:
        reason = f"{len(known)} periods have a figure; a trend needs {MIN_PERIODS}."
        return Trend(Direction.CANNOT_SAY, None, None, None, shown, len(known), reason)
    z = normal_quantile(level)
    found = weighted_slope(
        [t for t, _, _ in known], [y for _, y, _ in known], [half / z for _, _, half in known],
        level=level, min_periods=MIN_PERIODS,
    )  # fmt: skip
    slope, low, high = found.point or 0.0, found.low or 0.0, found.high or 0.0
    if low <= 0 <= high:
        direction, reason = Direction.NO_CLEAR_CHANGE, "The interval of the slope holds zero."
    else:
        rose = low > 0
        reason = f"The whole interval of the slope lies {'above' if rose else 'below'} zero."
        direction = Direction.HIGHER if rose else Direction.LOWER
        if better != "neither":
            direction = Direction.BETTER if rose == (better == "higher") else Direction.WORSE
    return Trend(direction, slope, low, high, shown, len(known), reason)
