"""Control charts: is this period common variation, or did something change?

Each chart takes ordered periods and a frozen baseline (a prefix count); limits come from the
baseline only. A chart says stable or not; whether that is good is for the verdict. References:
Montgomery; NIST/SEMATECH e-Handbook 6.3.2; Laney 2002; Lucas 1985; Anhøj & Olesen 2014.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from candor.estimates.estimate import DEFAULT_THRESHOLDS, Refusal, Thresholds

_D2 = 1.128
"""Mean moving range of two normal values in standard deviations."""
_D4 = 3.267
"""Upper limit of a moving range in mean moving ranges."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Centre, limits and the points outside, one entry per period.

    Attributes:
        centre: centre line.
        low, high: control limits.
        flags: whether the point lies outside.
        sigma_z: factor by which the spread exceeds the binomial or Poisson (Laney), else 1.
    """

    centre: float
    low: tuple[float, ...]
    high: tuple[float, ...]
    flags: tuple[bool, ...]
    sigma_z: float = 1.0


@dataclass(frozen=True, slots=True)
class Path:
    """A running statistic and the index of its first signal (None without one)."""

    path: tuple[float, ...]
    first_signal: int | None


def xmr(
    x: Sequence[float],
    *,
    baseline: int | None = None,
    screen: bool = True,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Chart | Refusal:
    """Individuals chart: mean ± 3·(mean moving range)/1.128.

    Args:
        x: one value per period, in order.
        baseline: how many of the first periods set the limits; all without it.
        screen: leave moving ranges above 3.267 times their mean out, once.
        thresholds: least number of baseline periods.
    """
    base = x[:baseline]
    if len(base) < max(2, thresholds.baseline_points):
        return Refusal.BASELINE_SHORT
    ranges = [abs(b - a) for a, b in pairwise(base)]
    mean_range = fmean(ranges)
    if screen:
        kept = [r for r in ranges if r <= _D4 * mean_range]
        mean_range = fmean(kept) if kept else mean_range
    centre, half = fmean(base), 3 * mean_range / _D2
    return _chart(x, centre, [half] * len(x))


def p_chart(
    x: Sequence[int],
    n: Sequence[int],
    *,
    baseline: int | None = None,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Chart | Refusal:
    """Shares with binomial limits, clipped to 0–1. Too narrow at volume: see `laney_p`."""
    return _rates(x, n, baseline, thresholds, binomial=True, laney=False)


def u_chart(
    x: Sequence[int],
    n: Sequence[float],
    *,
    baseline: int | None = None,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Chart | Refusal:
    """Counts per exposure with Poisson limits, clipped at 0."""
    return _rates(x, n, baseline, thresholds, binomial=False, laney=False)


def laney_p(
    x: Sequence[int],
    n: Sequence[int],
    *,
    baseline: int | None = None,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Chart | Refusal:
    """Shares with limits widened by the spread actually seen between periods (p′)."""
    return _rates(x, n, baseline, thresholds, binomial=True, laney=True)


def laney_u(
    x: Sequence[int],
    n: Sequence[float],
    *,
    baseline: int | None = None,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Chart | Refusal:
    """Counts per exposure with limits widened by the spread between periods (u′)."""
    return _rates(x, n, baseline, thresholds, binomial=False, laney=True)


def _rates(
    x: Sequence[int],
    n: Sequence[float],
    baseline: int | None,
    thresholds: Thresholds,
    *,
    binomial: bool,
    laney: bool,
) -> Chart | Refusal:
    base = len(x) if baseline is None else baseline
    if min(base, len(x)) < max(2, thresholds.baseline_points):
        return Refusal.BASELINE_SHORT
    exposure = sum(n[:base])
    if exposure == 0 or min(n) <= 0:
        return Refusal.NOTHING_OBSERVED
    centre = sum(x[:base]) / exposure
    variance = centre * (1 - centre) if binomial else centre
    rates = [xi / ni for xi, ni in zip(x, n, strict=True)]
    spreads = [math.sqrt(variance / ni) for ni in n]
    sigma_z = 1.0
    if laney and variance > 0:
        z = [(r - centre) / s for r, s in zip(rates[:base], spreads[:base], strict=True)]
        sigma_z = fmean(abs(b - a) for a, b in pairwise(z)) / _D2
    ceiling = 1.0 if binomial else math.inf
    return _chart(
        rates, centre, [3 * sigma_z * s for s in spreads],
        floor=0.0, ceiling=ceiling, sigma_z=sigma_z,
    )  # fmt: skip


def _chart(
    x: Sequence[float],
    centre: float,
    halves: Sequence[float],
    *,
    floor: float = -math.inf,
    ceiling: float = math.inf,
    sigma_z: float = 1.0,
) -> Chart:
    low = tuple(max(floor, centre - half) for half in halves)
    high = tuple(min(ceiling, centre + half) for half in halves)
    flags = tuple(not a <= value <= b for value, a, b in zip(x, low, high, strict=True))
    return Chart(centre, low, high, flags, sigma_z)


def cusum(x: Sequence[float], *, target: float, k: float, h: float) -> tuple[Path, Path]:
    """Tabular cumulative sums above and below a target.

    Args:
        x: one value per period.
        target: in-control mean.
        k: slack, usually half a standard deviation.
        h: decision limit, usually five.
    """
    up = _accumulate([value - target - k for value in x], h)
    down = _accumulate([target - k - value for value in x], h)
    return up, down


def poisson_cusum(x: Sequence[int], *, rate: float, worse: float, h: float) -> Path:
    """Cumulative sum of counts against a doubling (or other) deterioration.

    Args:
        x: events per period.
        rate: in-control events per period.
        worse: events per period that must be noticed.
        h: decision limit.

    Raises:
        ValueError: the rates are not ordered 0 < rate < worse.
    """
    if not 0 < rate < worse:
        raise ValueError(f"{worse} must exceed {rate} > 0")
    k = (worse - rate) / math.log(worse / rate)
    return _accumulate([value - k for value in x], h, reach=True)


def _accumulate(steps: Sequence[float], h: float, *, reach: bool = False) -> Path:
    level, path, first = 0.0, [], None
    for index, step in enumerate(steps):
        level = max(0.0, level + step)
        path.append(level)
        if first is None and (level >= h if reach else level > h):
            first = index
    return Path(tuple(path), first)


def ewma(
    x: Sequence[float],
    *,
    target: float,
    sigma: float,
    weight: float = 0.2,
    width: float = 2.7,
    steady: bool = False,
) -> tuple[Path, Chart]:
    """Exponentially weighted mean with its limits.

    Args:
        x: one value per period.
        target: in-control mean.
        sigma: in-control standard deviation.
        weight: weight of the newest value.
        width: limits in standard deviations of the statistic.
        steady: use the limits reached after many periods from the start.
    """
    level, path, halves = target, [], []
    for index, value in enumerate(x, start=1):
        level = weight * value + (1 - weight) * level
        path.append(level)
        settled = 1.0 if steady else 1 - (1 - weight) ** (2 * index)
        halves.append(width * sigma * math.sqrt(weight / (2 - weight) * settled))
    chart = _chart(path, target, halves)
    first = next((i for i, flag in enumerate(chart.flags) if flag), None)
    return Path(tuple(path), first), chart


def t_chart(
    gaps: Sequence[float],
    *,
    baseline: int | None = None,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Chart | Refusal:
    """Time between rare events: individuals chart on gap^(1/3.6), limits in the gaps' own unit."""
    chart = xmr([gap ** (1 / 3.6) for gap in gaps], baseline=baseline, thresholds=thresholds)
    if isinstance(chart, Refusal):
        return chart

    def back(value: float) -> float:
        return float(max(0.0, value) ** 3.6)

    return Chart(
        back(chart.centre), tuple(map(back, chart.low)), tuple(map(back, chart.high)), chart.flags
    )


def g_chart(
    between: Sequence[int],
    *,
    baseline: int | None = None,
    chance: float = 0.00135,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Chart | Refusal:
    """Units between rare events: exact geometric limits, not three standard deviations.

    Three-sigma limits of a geometric count have a negative lower limit and flag 1.8 % of good
    points. A short gap is hardly ever flagged here: watch for deterioration with `poisson_cusum`.

    Args:
        between: units without the event between one event and the next, in order.
        baseline: how many of the first gaps set the limits; all without it.
        chance: chance of a point beyond either limit.
        thresholds: least number of baseline gaps.
    """
    base = between[:baseline]
    if len(base) < max(2, thresholds.baseline_points):
        return Refusal.BASELINE_SHORT
    centre = fmean(base)
    if centre == 0:
        return Refusal.NOTHING_OBSERVED
    # P(gap ≥ g) = q^g with q = mean/(1 + mean).
    log_q = math.log(centre / (1 + centre))
    low = math.floor(math.log1p(-chance) / log_q)
    high = math.ceil(math.log(chance) / log_q) - 1
    flags = tuple(not low <= gap <= high for gap in between)
    many = len(between)
    return Chart(centre, (float(low),) * many, (float(high),) * many, flags)


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs about the centre: unusually long ones, or too few crossings, mean a shift."""

    longest: int
    longest_allowed: int
    crossings: int
    crossings_needed: int

    @property
    def shifted(self) -> bool:
        """True when either rule is broken."""
        return self.longest > self.longest_allowed or self.crossings < self.crossings_needed


def anhoej_limits(n: int) -> tuple[int, int]:
    """Longest run allowed and crossings needed among n points off the centre."""
    reached, needed = 1, 0
    while reached * 20 < 2 ** (n - 1):  # the 5 % quantile of a fair coin tossed n − 1 times
        needed += 1
        reached += math.comb(n - 1, needed)
    return round(math.log2(n)) + 3, needed


def anhoej_runs(x: Sequence[float], centre: float) -> Runs | Refusal:
    """The two runs rules; points on the centre line are left out."""
    sides = [value > centre for value in x if value != centre]
    if len(sides) < 10:
        return Refusal.TOO_FEW
    longest = run = 1
    crossings = 0
    for before, after in pairwise(sides):
        crossings += before != after
        run = run + 1 if before == after else 1
        longest = max(longest, run)
    allowed, needed = anhoej_limits(len(sides))
    return Runs(longest, allowed, crossings, needed)
