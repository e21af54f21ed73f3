"""What changed with a release: the difference to the one before, and what its own trend explains.

Units belong to the release that served them, not to a date. A difference between releases is a
coincidence in time unless customers were assigned to them (`experiments`); the wording is always
`coincident_with_release`. Source: STATISTICS §8.4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from candor.estimates.arithmetic import t_quantile
from candor.estimates.compare import ratio_change
from candor.estimates.estimate import (
    DEFAULT_THRESHOLDS,
    Caveat,
    Reckoning,
    Refusal,
    Thresholds,
)

Table = npt.NDArray[np.int64]
MIN_TREND_DAYS = 7


@dataclass(frozen=True, slots=True)
class ReleaseChange:
    """A release against the one before it.

    Attributes:
        change: new minus old, as it is.
        slope: change a day within the old release, before the new one came.
        beyond_trend: change less what the slope explains up to the middle of the new release.
        overlapping_days: days on which both releases served (a canary, a slow roll-out).
    """

    change: Reckoning
    slope: Reckoning
    beyond_trend: Reckoning
    overlapping_days: int


def release_change(
    old: tuple[Table, Table],
    new: tuple[Table, Table],
    *,
    days: Sequence[int],
    customers: tuple[int, int],
    level: float = 0.95,
    scale: int = 1,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> ReleaseChange:
    """The change between two releases, with the pre-trend of the old one.

    Args:
        old: numerators and denominators of the old release, each [K, D] by bucket and day.
        new: those of the new release over the same buckets and days.
        days: the D days, increasing.
        customers: distinct customers of the old and the new release.
        level: confidence level.
        scale: figures are divided by it.
        thresholds: floors of the refusals.

    Returns:
        The slope, and what lies beyond it, refuse `baseline_short` with fewer than seven days of
        the old release before the new one.
    """
    (x0, m0), (x1, m1) = (tuple(np.asarray(t, np.int64) for t in pair) for pair in (old, new))
    change = ratio_change(
        (x1.sum(axis=1).tolist(), m1.sum(axis=1).tolist()),
        (x0.sum(axis=1).tolist(), m0.sum(axis=1).tolist()),
        units=(int(m1.sum()), int(m0.sum())), customers=(customers[1], customers[0]),
        level=level, scale=scale, thresholds=thresholds,
    )  # fmt: skip
    overlap = int(((m0.sum(axis=0) > 0) & (m1.sum(axis=0) > 0)).sum())
    if change.refusal is not None or change.k_eff is None:
        nothing = Reckoning.refused("weighted_slope", change.refusal or Refusal.NOTHING_OBSERVED)
        return ReleaseChange(change, nothing, nothing, overlap)
    k_eff = change.k_eff
    change = replace(change, caveats=(*change.caveats, Caveat.COINCIDENT_WITH_RELEASE))
    day = np.asarray(days, float)
    start = int(np.flatnonzero(m1.sum(axis=0))[0])
    before = m0[:, :start].sum(axis=0) > 0
    if int(before.sum()) < MIN_TREND_DAYS:
        short = Reckoning.refused("weighted_slope", Refusal.BASELINE_SHORT, k_eff=change.k_eff)
        return ReleaseChange(change, short, short, overlap)

    def figures(keep: npt.NDArray[np.bool_] | None) -> tuple[float, float]:
        a0, b0, a1, b1 = (
            (t if keep is None else t[keep]).sum(axis=0).astype(float) for t in (x0, m0, x1, m1)
        )
        slope = _slope(day[:start], a0[:start], b0[:start]) / scale
        apart = float((day * b1).sum() / b1.sum() - (day * b0).sum() / b0.sum())
        difference = float(a1.sum() / b1.sum() - a0.sum() / b0.sum()) / scale
        return slope, difference - slope * apart

    filled = np.flatnonzero(m0.sum(axis=1) + m1.sum(axis=1))
    partial = [figures(np.arange(len(m0)) != b) for b in filled]
    whole = figures(None)
    k, t = len(partial), t_quantile(level, k_eff - 1)
    found = []
    for index, method in enumerate(("weighted_slope", "release_beyond_trend")):
        values = [row[index] for row in partial]
        centre = math.fsum(values) / k
        se = math.sqrt((k - 1) / k * math.fsum((v - centre) ** 2 for v in values))
        point = whole[index]
        found.append(
            Reckoning(
                method, point, point - t * se, point + t * se, n_eff=change.n_eff,
                k_eff=change.k_eff, se=se, caveats=(Caveat.COINCIDENT_WITH_RELEASE,),
            )
        )  # fmt: skip
    return ReleaseChange(change, found[0], found[1], overlap)


def _slope(
    day: npt.NDArray[np.float64], x: npt.NDArray[np.float64], m: npt.NDArray[np.float64]
) -> float:
    """Least-squares slope of the daily ratio, days weighted by their units."""
    used = m > 0
    centre = (day[used] * m[used]).sum() / m[used].sum()
    apart = day[used] - centre
    spread = float((m[used] * apart * apart).sum())
    return float((apart * x[used]).sum() / spread) if spread else 0.0
