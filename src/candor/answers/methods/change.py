"""Methods about change over time: slopes over months, changes against the baseline.

Times are months of 30.4375 days; figures of shares move in points (0–1). A period that is refused
(immature, too few) takes no part: a slope rests on settled months only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from candor.answers.derived import Ask, Figure, method
from candor.estimates import Estimate, Refusal
from candor.estimates.arithmetic import normal_quantile
from candor.estimates.trend import MIN_PERIODS, weighted_slope
from candor.window import to_date

MONTH_DAYS = 30.4375


def slope_of(given: Mapping[str, Any]) -> Figure:
    """Slope per month of ``months``: rows of (month, figure, standard error, name of the month)."""
    months: Sequence[Sequence[Any]] = given["months"]
    found = weighted_slope(
        [month[0] for month in months], [month[1] for month in months],
        [month[2] for month in months], level=given.get("level", 0.95),
        min_periods=given.get("min_periods", MIN_PERIODS),
    )  # fmt: skip
    return Figure.of(
        found,
        detail={
            "months": [
                {"month": str(month[-1]), "point": month[1], "se": month[2]} for month in months
            ]
        },
    )  # fmt: skip


@method("slope_per_month", pure=slope_of, grains=("all",), breakdown="each", compares=False)
def slope_per_month(ask: Ask) -> list[Figure]:
    """Weighted least squares over the months whose figure has settled, up to the period's end."""
    history = [
        one for one in ask.role("metric", grain="month", period=ask.upto())
        if one.point is not None and _error(one)
    ]  # fmt: skip
    given = {
        **ask.params, "level": ask.level,
        "months": [(_month(one), one.point, _error(one), _name(one)) for one in history],
    }  # fmt: skip
    figure = slope_of(given)
    observed = sum(one.observed for one in history)
    shared = {"eligible": observed, "observed": observed}
    if figure.refusal is Refusal.BASELINE_SHORT:
        return [
            figure.within(
                missing=f"{len(history)} settled months, at least "
                f"{ask.params.get('min_periods', MIN_PERIODS)} are needed",
                **shared,
            )
        ]
    return [figure.within(customers=max(one.customers for one in history), **shared)]


def _month(one: Estimate) -> float:
    return ((one.period_start or 0) + (one.period_end or 0)) / 2 / MONTH_DAYS


def _name(one: Estimate) -> str:
    return f"{to_date(one.period_start or 0):%Y-%m}"


def _error(one: Estimate) -> float:
    """Standard error read off the interval, which is symmetric on no scale but near enough."""
    if one.low is None or one.high is None:
        return 0.0
    return (one.high - one.low) / 2 / normal_quantile(one.level)
