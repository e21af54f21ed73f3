"""Do groups differ at all, and by how much in spread: random effects over group figures.

The greatest minus the smallest of several groups is never a finding: equal groups differ by chance.
Here stand the overall test, the between-group standard deviation with its interval, and figures
shrunken toward the mean, the only ones that may be ranked. Units are those of the figures. Source:
DerSimonian & Kacker 2007; Viechtbauer 2007 (Q-profile interval).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from scipy import optimize, special

from candor.estimates.arithmetic import chi_square_quantile
from candor.estimates.estimate import Refusal

MIN_GROUPS = 3


@dataclass(frozen=True, slots=True)
class BetweenGroups:
    """Spread between groups beyond chance.

    Attributes:
        tau: between-group standard deviation.
        low, high: its interval.
        q: weighted sum of squares about the common mean.
        p: chance of so much spread, or more, among equal groups.
        mean, mean_se: mean over groups under random effects.
        shrunken: each group's figure pulled toward the mean by its own uncertainty.
    """

    tau: float
    low: float
    high: float
    q: float
    p: float
    mean: float
    mean_se: float
    shrunken: tuple[float, ...]


def between_group(
    figures: Sequence[float],
    errors: Sequence[float],
    *,
    estimator: Literal["PM", "DL"] = "PM",
    level: float = 0.95,
) -> BetweenGroups | Refusal:
    """Overall test and between-group standard deviation.

    Args:
        figures: one figure per group, G of them.
        errors: their standard errors, G positive numbers.
        estimator: Paule–Mandel, or DerSimonian–Laird.
        level: confidence level of the interval of τ.

    Returns:
        `too_few` with fewer than three groups.

    Raises:
        ValueError: a standard error is not positive.
    """
    groups = len(figures)
    if groups < MIN_GROUPS:
        return Refusal.TOO_FEW
    if min(errors) <= 0:
        raise ValueError("every group needs a positive standard error")
    variances = [se * se for se in errors]

    def spread(tau2: float) -> float:
        return _weighted(figures, [v + tau2 for v in variances])[2]

    q, p = heterogeneity(figures, errors)
    if estimator == "DL":
        w = [1 / v for v in variances]
        scale = math.fsum(w) - math.fsum(x * x for x in w) / math.fsum(w)
        tau2 = max(0.0, (q - (groups - 1)) / scale)
    else:
        tau2 = _root(spread, groups - 1.0)
    tail = (1 - level) / 2
    low = _root(spread, chi_square_quantile(1 - tail, groups - 1))
    high = _root(spread, chi_square_quantile(tail, groups - 1))
    mean, variance, _ = _weighted(figures, [v + tau2 for v in variances])
    shrunken = tuple(
        v / (v + tau2) * mean + tau2 / (v + tau2) * r
        for r, v in zip(figures, variances, strict=True)
    )
    return BetweenGroups(
        math.sqrt(tau2), math.sqrt(low), math.sqrt(high), q, p, mean, math.sqrt(variance), shrunken,
    )  # fmt: skip


def heterogeneity(figures: Sequence[float], errors: Sequence[float]) -> tuple[float, float]:
    """Weighted squares about the common mean, and the chance of as much among equal groups."""
    _, _, q = _weighted(figures, [se * se for se in errors])
    return q, float(special.chdtrc(len(figures) - 1, q))


def _weighted(figures: Sequence[float], variances: Sequence[float]) -> tuple[float, float, float]:
    """Weighted mean, its variance and the weighted squares about it."""
    weights = [1 / v for v in variances]
    total = math.fsum(weights)
    mean = math.fsum(w * r for w, r in zip(weights, figures, strict=True)) / total
    squares = math.fsum(w * (r - mean) ** 2 for w, r in zip(weights, figures, strict=True))
    return mean, 1 / total, squares


def _root(spread: Callable[[float], float], wanted: float) -> float:
    """The variance at which the weighted squares equal ``wanted``; 0 when they never exceed it."""
    if spread(0.0) <= wanted:
        return 0.0
    end = 1e-12
    while spread(end) > wanted:
        end *= 4
    return float(optimize.brentq(lambda t: spread(t) - wanted, 0.0, end, xtol=1e-15, rtol=1e-12))
