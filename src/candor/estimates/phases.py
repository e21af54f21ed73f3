"""Frozen baselines: a chart per phase, phases begin at declared events only, season taken out first.

A baseline is the first periods of its phase and never moves with the data; a new phase begins at a
release, a policy or a calibration epoch that somebody declared. Day-of-week means come from the
baseline alone, so that a later change cannot hide in its own season. Source: STATISTICS §3.5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from candor.estimates.control import Chart, laney_p, laney_u, xmr
from candor.estimates.estimate import DEFAULT_THRESHOLDS, Refusal, Thresholds


@dataclass(frozen=True, slots=True)
class Phase:
    """One stretch of periods under one frozen baseline.

    Attributes:
        start, end: first period and the one after the last.
        chart: limits over the stretch, or `baseline_short` while it is still being drawn up.
    """

    start: int
    end: int
    chart: Chart | Refusal


def phased(
    count: int, starts: Sequence[int], draw: Callable[[int, int], Chart | Refusal]
) -> tuple[Phase, ...]:
    """A chart per phase.

    Args:
        count: number of periods.
        starts: periods at which a declared event begins a new phase; 0 is implied.
        draw: chart of the periods from a first to one after the last.

    Raises:
        ValueError: a start lies outside the periods.
    """
    if any(not 0 <= start < count for start in starts):
        raise ValueError("a phase begins within the periods")
    cuts = [*sorted({0, *starts}), count]
    return tuple(Phase(a, b, draw(a, b)) for a, b in pairwise(cuts))


def phased_shares(
    x: Sequence[int],
    n: Sequence[int],
    starts: Sequence[int] = (),
    *,
    counts: bool = False,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> tuple[Phase, ...]:
    """Laney charts of shares (or counts per exposure) with a frozen baseline in every phase.

    Args:
        x: events per period.
        n: units, or exposure, per period.
        starts: periods at which a declared event begins a new phase.
        counts: u′ instead of p′.
        thresholds: `baseline_points` is the length of each baseline.
    """
    chart = laney_u if counts else laney_p
    return phased(
        len(x), starts,
        lambda a, b: chart(
            x[a:b], n[a:b], baseline=thresholds.baseline_points, thresholds=thresholds
        ),
    )  # fmt: skip


def phased_values(
    x: Sequence[float],
    starts: Sequence[int] = (),
    *,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> tuple[Phase, ...]:
    """Individuals charts of one value per period with a frozen baseline in every phase."""
    return phased(
        len(x), starts,
        lambda a, b: xmr(x[a:b], baseline=thresholds.baseline_points, thresholds=thresholds),
    )  # fmt: skip


def seasonal_residuals(
    x: Sequence[float], season: Sequence[int], *, baseline: int
) -> tuple[float, ...] | Refusal:
    """Values less what their season usually is, about the baseline's mean.

    Args:
        x: one value per period, in order.
        season: the season of each period: day of the week, and one more for holidays.
        baseline: how many of the first periods set the seasonal means.

    Returns:
        `baseline_short` when a season that occurs has fewer than two periods in the baseline.
    """
    usual: dict[int, list[float]] = {}
    for value, own in zip(x[:baseline], season[:baseline], strict=True):
        usual.setdefault(own, []).append(value)
    if any(len(usual.get(own, [])) < 2 for own in set(season)):
        return Refusal.BASELINE_SHORT
    centre = fmean(x[:baseline])
    means = {own: fmean(values) for own, values in usual.items()}
    return tuple(value - means[own] + centre for value, own in zip(x, season, strict=True))
