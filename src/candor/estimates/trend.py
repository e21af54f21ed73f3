"""Slope of a figure over time from its values per period, each with its own standard error.

Weighted least squares with weights 1/SE². The errors of the periods are taken as known; where the
periods scatter about the line more than these explain, the slope's error grows by the root of the
excess (Birge 1932), never shrinks. Limits use Student's law with m − 2 degrees of freedom. Units:
those of the figure, per unit of time given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from candor.estimates.arithmetic import t_quantile
from candor.estimates.estimate import Reckoning, Refusal

MIN_PERIODS = 3


def weighted_slope(
    times: Sequence[float],
    figures: Sequence[float],
    errors: Sequence[float],
    *,
    level: float = 0.95,
    min_periods: int = MIN_PERIODS,
) -> Reckoning:
    """Slope with its interval.

    Args:
        times: m points in time, not all equal.
        figures: one per point.
        errors: standard error of each, > 0.
        level: confidence level.
        min_periods: fewest points; at least 3.

    Returns:
        `baseline_short` with too few points.

    Raises:
        ValueError: an error is not positive, or all times are equal.
    """
    m = len(times)
    if m < max(3, min_periods):
        return Reckoning.refused("wls_slope", Refusal.BASELINE_SHORT)
    if min(errors) <= 0 or len(set(times)) < 2:
        raise ValueError("a slope needs positive standard errors and different times")
    weights = [1 / (se * se) for se in errors]
    total = math.fsum(weights)
    mean_t = math.fsum(w * t for w, t in zip(weights, times, strict=True)) / total
    mean_y = math.fsum(w * y for w, y in zip(weights, figures, strict=True)) / total
    spread = math.fsum(w * (t - mean_t) ** 2 for w, t in zip(weights, times, strict=True))
    moved = math.fsum(
        w * (t - mean_t) * (y - mean_y)
        for w, t, y in zip(weights, times, figures, strict=True)
    )  # fmt: skip
    slope = moved / spread
    residual = math.fsum(
        w * (y - mean_y - slope * (t - mean_t)) ** 2
        for w, t, y in zip(weights, times, figures, strict=True)
    )
    se = math.sqrt(max(1.0, residual / (m - 2)) / spread)
    half = t_quantile(level, m - 2) * se
    return Reckoning(
        "wls_slope", slope, slope - half, slope + half, n_eff=float(m), k_eff=float(m), se=se
    )
