"""Shares, means and ratios from sums by customer bucket: the default estimator.

The customer is the unit of independence, so uncertainty is read off the spread between buckets of
customers, never between conversations. R = ΣX/ΣM; SE² = K/(K−1)·Σ(X_b − R·M_b)²/(ΣM)²; degrees of
freedom K_eff − 1 with K_eff = (ΣM)²/ΣM_b². The sums are integers, so R and SE² are exact fractions
rounded once. Reference: linearised ratio of cluster totals (R package survey) and the delete-one
jackknife.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from candor.estimates.arithmetic import divide, t_quantile
from candor.estimates.estimate import DEFAULT_THRESHOLDS, Reckoning, Refusal, Thresholds
from candor.estimates.proportion import clopper_pearson, wilson

Kind = Literal["share", "mean", "money"]


@dataclass(frozen=True, slots=True)
class Linearised:
    """Point, standard error and clusters of a ratio of bucket sums."""

    ratio: float
    se: float
    k: int
    k_eff: float

    def quantile(self, level: float) -> float:
        """Student quantile at K_eff − 1 degrees of freedom."""
        return t_quantile(level, self.k_eff - 1)


def linearise(x: Sequence[int], m: Sequence[int]) -> Linearised:
    """Ratio of bucket sums with its cluster-robust standard error.

    Args:
        x: numerator sums per bucket, K integers.
        m: denominator sums per bucket, K integers ≥ 0; empty buckets (0) are left out.

    Raises:
        ValueError: fewer than two non-empty buckets.
    """
    pairs = [(xb, mb) for xb, mb in zip(x, m, strict=True) if mb]
    k = len(pairs)
    if k < 2:
        raise ValueError(f"{k} non-empty buckets have no spread")
    numerator = sum(xb for xb, _ in pairs)
    denominator = sum(mb for _, mb in pairs)
    squares = sum((xb * denominator - numerator * mb) ** 2 for xb, mb in pairs)
    variance = divide(k * squares, (k - 1) * denominator**4)
    k_eff = divide(denominator**2, sum(mb * mb for _, mb in pairs))
    return Linearised(divide(numerator, denominator), math.sqrt(variance), k, k_eff)


def bucket_ratio(
    x: Sequence[int],
    m: Sequence[int],
    *,
    kind: Kind,
    units: int,
    customers: int,
    level: float = 0.95,
    scale: int = 1,
    unit_variance: float | None = None,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """A share, mean or ratio with its interval from customer-bucket sums.

    Args:
        x: numerator sums per bucket.
        m: denominator sums per bucket.
        kind: `share` keeps the interval inside 0–1; `money` is a mean of money.
        units: observed units.
        customers: distinct customers among them.
        level: confidence level.
        scale: the point is divided by it (microseconds to seconds: 1,000,000).
        unit_variance: variance of one unit's contribution on the scale of the point, for n_eff of
            a mean; without it n_eff is K_eff.
        thresholds: floors of the refusals.

    Returns:
        Reckoning with method `wilson_neff`, `clopper_pearson_customers` or `bucket_t`.
    """
    method = "wilson_neff" if kind == "share" else "bucket_t"
    refusal, k_eff = gate(m, units=units, customers=customers, thresholds=thresholds)
    if refusal is not None:
        return Reckoning.refused(method, refusal, k_eff=k_eff)
    found = linearise(x, m)
    if kind == "share":
        return share_from(found, customers=customers, level=level)
    point = divide(sum(x), sum(m) * scale)
    se = found.se / scale
    half = found.quantile(level) * se
    n_eff = found.k_eff if not se or unit_variance is None else unit_variance / se**2
    return Reckoning(
        method, point, point - half, point + half, n_eff=n_eff, k_eff=found.k_eff, se=se
    )


def share_from(found: Linearised, *, customers: int, level: float) -> Reckoning:
    """Limits of a share: Wilson on the effective n, exact on customers when nothing varies."""
    share = found.ratio
    if found.se == 0 or not 0 < share < 1:
        low, high = clopper_pearson(share * customers, customers, level=level)
        return Reckoning(
            "clopper_pearson_customers", share, low, high,
            n_eff=float(customers), k_eff=found.k_eff, se=found.se,
        )  # fmt: skip
    n_eff = share * (1 - share) / found.se**2
    low, high = wilson(share, n_eff, found.quantile(level))
    return Reckoning("wilson_neff", share, low, high, n_eff=n_eff, k_eff=found.k_eff, se=found.se)


def gate(
    m: Sequence[int], *, units: int, customers: int, thresholds: Thresholds = DEFAULT_THRESHOLDS
) -> tuple[Refusal | None, float | None]:
    """The refusals every bucketed figure shares, in their fixed order, and K_eff."""
    filled = [mb for mb in m if mb]
    denominator = sum(filled)
    if denominator == 0 or units == 0:
        return Refusal.NOTHING_OBSERVED, None
    k_eff = divide(denominator**2, sum(mb * mb for mb in filled))
    if units < thresholds.min_units:
        return Refusal.TOO_FEW, k_eff
    few = min(customers, len(filled)) < thresholds.min_customers
    if few or k_eff < thresholds.min_k_eff:
        return Refusal.TOO_FEW_CUSTOMERS, k_eff
    return None, k_eff


@dataclass(frozen=True, slots=True)
class Jackknife:
    """A smooth function of bucket sums with its delete-one-bucket variance."""

    value: float
    variance: float
    k: int

    def limits(self, level: float, degrees: float) -> tuple[float, float]:
        """Value ± t·√V."""
        half = t_quantile(level, degrees) * math.sqrt(self.variance)
        return self.value - half, self.value + half


def bucket_jackknife(
    sums: Sequence[Sequence[int]], function: Callable[[Sequence[int]], float]
) -> Jackknife:
    """Value and variance of a smooth function of bucket sums, dropping one bucket at a time.

    The same bucket leaves every term, so customers present in both periods of a change are
    accounted for. Not for quantiles, extremes, ranks or winners.

    Args:
        sums: K rows of p integer sums.
        function: from the p totals to the figure.

    Raises:
        ValueError: fewer than two buckets.
    """
    rows = [tuple(row) for row in sums]
    k = len(rows)
    if k < 2:
        raise ValueError(f"{k} buckets have no spread")
    totals = [sum(column) for column in zip(*rows, strict=True)]
    partial = [
        function([total - part for total, part in zip(totals, row, strict=True)]) for row in rows
    ]
    mean = math.fsum(partial) / k
    variance = (k - 1) / k * math.fsum((value - mean) ** 2 for value in partial)
    return Jackknife(function(totals), variance, k)
