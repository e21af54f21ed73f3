"""Differences between two periods, what part of them is mix, and drift of a distribution.

A change drops the same customer bucket from both periods, so customers present in both are
accounted for. Differences of shares are `points`, stored 0–1. References: Kitagawa 1955; Das Gupta
1993; Yurdakul & Naranjo 2020.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from candor.estimates.arithmetic import chi_square_quantile, divide, t_quantile
from candor.estimates.estimate import DEFAULT_THRESHOLDS, Estimate, Reckoning, Refusal, Thresholds
from candor.estimates.ratio import bucket_jackknife, gate

Table = npt.NDArray[np.float64]
Periods = tuple[Sequence[int], Sequence[int]]
"""Numerator and denominator sums of one period, by bucket, aligned with the other period's."""


def square_and_add(current: Estimate, previous: Estimate) -> Reckoning:
    """The difference of two figures from their intervals (MOVER), as if they were independent.

    Raises:
        ValueError: one of them has no interval.
    """
    sides = (current.point, current.low, current.high, previous.point, previous.low, previous.high)
    if any(number is None for number in sides):
        raise ValueError("a difference needs two figures with intervals")
    p1, l1, u1, p0, l0, u0 = (float(number or 0.0) for number in sides)
    point = p1 - p0
    return Reckoning(
        "square_and_add", point, point - math.hypot(p1 - l1, u0 - p0),
        point + math.hypot(u1 - p1, p0 - l0),
        n_eff=min(current.n_eff or 0.0, previous.n_eff or 0.0),
        k_eff=min(current.k_eff or 0.0, previous.k_eff or 0.0),
    )  # fmt: skip


def ratio_change(
    current: Periods,
    previous: Periods,
    *,
    units: tuple[int, int],
    customers: tuple[int, int],
    level: float = 0.95,
    scale: int = 1,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """Current minus previous of a share, mean or ratio, by delete-one-bucket jackknife.

    Args:
        current: (numerators, denominators) of K buckets now.
        previous: those of the same K buckets in the same order, before.
        units: observed units now and before.
        customers: distinct customers now and before.
        level: confidence level.
        scale: the difference is divided by it.
        thresholds: floors of the refusals, applied to each period.
    """
    method = "bucket_jackknife"
    sizes = []
    for (_, den), n, people in zip((current, previous), units, customers, strict=True):
        refusal, k_eff = gate(den, units=n, customers=people, thresholds=thresholds)
        if refusal is not None:
            return Reckoning.refused(method, refusal, k_eff=k_eff)
        sizes.append(k_eff or 0.0)
    rows = [row for row in zip(*current, *previous, strict=True) if row[1] or row[3]]

    def difference(totals: Sequence[int]) -> float:
        x1, m1, x0, m0 = totals
        return divide(x1 * m0 - x0 * m1, m1 * m0 * scale)

    found = bucket_jackknife(rows, difference)
    low, high = found.limits(level, min(sizes) - 1)
    return Reckoning(
        method, found.value, low, high,
        n_eff=float(min(units)), k_eff=min(sizes), se=math.sqrt(found.variance),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decomposition:
    """A change of a rate taken apart; the three terms add up to the change.

    Attributes:
        change: new rate minus old.
        performance: what the same mix would have changed by.
        mix: what the same rates would have changed by.
        entry_exit: what cells did that exist in one period only.
        cells: performance, mix and entry or exit of each cell, C rows of 3.
        mix_driven: the change and the performance differ in sign.
    """

    change: float
    performance: float
    mix: float
    entry_exit: float
    cells: tuple[tuple[float, float, float], ...]

    @property
    def mix_driven(self) -> bool:
        """True when the change and the performance point in opposite directions."""
        return self.change * self.performance < 0


def decompose(numerators: Table, denominators: Table) -> Decomposition:
    """Kitagawa's two terms with Das Gupta's symmetric weights, plus entry and exit of cells.

    Args:
        numerators: [C, 2] sums, column 0 the old period.
        denominators: [C, 2] units.

    Raises:
        ValueError: a period is empty, or no cell exists in both.
    """
    num, den = np.asarray(numerators, float), np.asarray(denominators, float)
    units = den.sum(axis=0)
    common: npt.NDArray[np.bool_] = np.all(den > 0, axis=1, keepdims=True)[:, 0]
    if not (units > 0).all() or not common.any():
        raise ValueError("both periods need units, and some cell must exist in both")
    rates = np.divide(num, den, out=np.zeros_like(num), where=den > 0)
    inside = den[common].sum(axis=0)
    weights = np.where(common[:, None], den / inside, 0.0)
    performance = weights.sum(axis=1) / 2 * (rates[:, 1] - rates[:, 0])
    mix = rates.sum(axis=1) / 2 * (weights[:, 1] - weights[:, 0])
    base = num[common].sum(axis=0) / inside
    # A cell of one period only pulls that period's rate away from the rate of the common cells.
    pull = np.where(common[:, None], 0.0, (num - base * den) / units)
    entry_exit = pull[:, 1] - pull[:, 0]
    totals = num.sum(axis=0) / units
    return Decomposition(
        change=float(totals[1] - totals[0]),
        performance=math.fsum(performance),
        mix=math.fsum(mix),
        entry_exit=math.fsum(entry_exit),
        cells=tuple(
            (float(a), float(b), float(c))
            for a, b, c in zip(performance, mix, entry_exit, strict=True)
        ),
    )


@dataclass(frozen=True, slots=True)
class Kitagawa:
    """The decomposition and each of its terms with an interval (points)."""

    found: Decomposition
    performance: Reckoning
    mix: Reckoning
    entry_exit: Reckoning


def kitagawa(
    numerators: Table,
    denominators: Table,
    *,
    customers: int,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Kitagawa | Refusal:
    """Performance, mix, and entry or exit with delete-one-bucket intervals.

    Args:
        numerators: [K, C, 2] sums by bucket, cell and period (0 = old).
        denominators: [K, C, 2] units.
        customers: distinct customers of both periods.
        level: confidence level.
        thresholds: floors of the refusals.
    """
    num, den = np.asarray(numerators, float), np.asarray(denominators, float)
    per_bucket = [int(m) for m in den.sum(axis=(1, 2))]
    units = int(den.sum(axis=(0, 1)).min())
    refusal, k_eff = gate(per_bucket, units=units, customers=customers, thresholds=thresholds)
    if refusal is not None or k_eff is None:
        return refusal or Refusal.NOTHING_OBSERVED
    filled = [b for b, m in enumerate(per_bucket) if m]
    num_total, den_total = num.sum(axis=0), den.sum(axis=0)
    whole = decompose(num_total, den_total)
    parts = _without_each(num_total - num[filled], den_total - den[filled])
    k, t = len(filled), t_quantile(level, k_eff - 1)

    def term(name: str) -> Reckoning:
        values = parts[name].tolist()
        centre = math.fsum(values) / k
        se = math.sqrt((k - 1) / k * math.fsum((v - centre) ** 2 for v in values))
        point = float(getattr(whole, name))
        return Reckoning(
            "kitagawa_jackknife", point, point - t * se, point + t * se,
            n_eff=float(units), k_eff=k_eff, se=se,
        )  # fmt: skip

    return Kitagawa(whole, term("performance"), term("mix"), term("entry_exit"))


def _without_each(num: Table, den: Table) -> dict[str, Table]:
    """The terms of `decompose` for each of K pairs of tables [K, C, 2] at once.

    Raises:
        ValueError: a period is empty, or no cell exists in both.
    """
    units = den.sum(axis=1, keepdims=True)
    common = (den > 0).all(axis=2, keepdims=True)
    if not (units > 0).all() or not (common.sum(axis=1) > 0).all():
        raise ValueError("both periods need units, and some cell must exist in both")
    rates = np.divide(num, den, out=np.zeros_like(num), where=den > 0)
    inside = np.where(common, den, 0.0).sum(axis=1, keepdims=True)
    weights = np.where(common, den / inside, 0.0)
    performance = weights.sum(axis=2) / 2 * (rates[:, :, 1] - rates[:, :, 0])
    mix = rates.sum(axis=2) / 2 * (weights[:, :, 1] - weights[:, :, 0])
    base = np.where(common, num, 0.0).sum(axis=1, keepdims=True) / inside
    pull = np.where(common, 0.0, (num - base * den) / units)
    return {
        "performance": performance.sum(axis=1),
        "mix": mix.sum(axis=1),
        "entry_exit": (pull[:, :, 1] - pull[:, :, 0]).sum(axis=1),
    }


@dataclass(frozen=True, slots=True)
class Drift:
    """How far two distributions over the same bins lie apart.

    Attributes:
        psi: population stability index; empty bins count as ½ a unit.
        threshold: what it stays below in 95 of 100 cases without drift.
        jensen_shannon: divergence in bits, 0–1.
        p: chi-square test of equal distributions.
    """

    psi: float
    threshold: float
    jensen_shannon: float
    p: float


def drift(
    now: Sequence[int], reference: Sequence[int], *, design_effect: float = 1.0
) -> Drift | Refusal:
    """Drift of a binned distribution against a frozen reference with the same bins.

    Args:
        now: units per bin, B integers.
        reference: units per bin of the reference, B integers.
        design_effect: units per independent unit; both sizes are divided by it.

    Returns:
        `too_few` when a bin of the reference is expected to hold fewer than 5 units now.
    """
    n, m = sum(now), sum(reference)
    if n == 0 or m == 0:
        return Refusal.NOTHING_OBSERVED
    bins = [(a, b) for a, b in zip(now, reference, strict=True) if a or b]
    if any(divide(b * n, m) < 5 for _, b in bins if b):
        return Refusal.TOO_FEW
    statistic = 0.0
    for a, b in bins:
        pooled = divide(a + b, n + m)
        statistic += (a - n * pooled) ** 2 / (n * pooled) + (b - m * pooled) ** 2 / (m * pooled)
    p = float(special.chdtrc(len(bins) - 1, statistic / design_effect)) if len(bins) > 1 else 1.0
    return Drift(
        psi=stability_index(now, reference),
        threshold=psi_threshold(len(bins), n / design_effect, m / design_effect),
        jensen_shannon=jensen_shannon([a / n for a, _ in bins], [b / m for _, b in bins]),
        p=p,
    )


def stability_index(now: Sequence[int], reference: Sequence[int]) -> float:
    """Population stability index Σ(a − b)·ln(a/b); an empty bin counts as half a unit.

    Bins empty on both sides say nothing and are left out.
    """
    n, m = sum(now), sum(reference)
    shares = [
        (max(a, 0.5) / n, max(b, 0.5) / m) for a, b in zip(now, reference, strict=True) if a or b
    ]
    return math.fsum((a - b) * math.log(a / b) for a, b in shares)


def psi_threshold(bins: int, n: float, m: float, *, level: float = 0.95) -> float:
    """Stability index that samples of n and m units exceed by chance with 1 − level."""
    return chi_square_quantile(level, bins - 1) * (1 / n + 1 / m) if bins > 1 else 0.0


def jensen_shannon(p: Sequence[float], q: Sequence[float]) -> float:
    """Jensen–Shannon divergence in bits of two distributions over the same bins."""
    terms = []
    for a, b in zip(p, q, strict=True):
        middle = (a + b) / 2
        terms += [share / 2 * math.log2(share / middle) for share in (a, b) if share > 0]
    return math.fsum(terms)
