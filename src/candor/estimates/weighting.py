"""Survey answers weighted to everybody who was eligible: post-stratification, raking, calibration.

Weights cure only what the known covariates explain; answers still depend on what nobody observed,
so every figure made here carries `adjusted_observed_only` and stands beside its worst-case bounds.
Values are on the scale of the score. Sources: Kalton & Flores-Cervantes 2003; Deville & Särndal
1992 (GREG); Lumley's R package survey for the clustered variances.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from candor.estimates.arithmetic import t_quantile
from candor.estimates.estimate import (
    DEFAULT_THRESHOLDS,
    Caveat,
    Evidence,
    Reckoning,
    Refusal,
    Thresholds,
)
from candor.estimates.proportion import clopper_pearson, wilson

Floats = npt.NDArray[np.float64]
TRIM = 5.0
"""Weights are cut at so many times their median (a convention)."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of respondents.

    Attributes:
        values: one per respondent or group of respondents alike; they add up to the population.
        deff: 1 + squared coefficient of variation: respondents per effective respondent (Kish).
        converged: the margins are met within the tolerance.
    """

    values: tuple[float, ...]
    deff: float
    converged: bool = True


def kish_deff(weights: Sequence[float], counts: Sequence[float] | None = None) -> float:
    """Design effect of unequal weights: n·Σw² / (Σw)².

    Args:
        weights: weight of one respondent.
        counts: respondents who share it; one each without.
    """
    n = [1.0] * len(weights) if counts is None else list(counts)
    squares = math.fsum(c * w * w for c, w in zip(n, weights, strict=True))
    total = math.fsum(c * w for c, w in zip(n, weights, strict=True))
    return math.fsum(n) * squares / total**2


def trimmed(weights: Sequence[float], *, multiple: float = TRIM) -> tuple[float, ...]:
    """Weights cut at a multiple of their median; what is cut is spread over all in proportion."""
    ceiling = multiple * float(np.median(weights))
    cut = [min(w, ceiling) for w in weights]
    scale = math.fsum(weights) / math.fsum(cut)
    return tuple(w * scale for w in cut)


def poststratify(
    counts: Sequence[Sequence[int]],
    sums: Sequence[Sequence[float]],
    population: Sequence[int],
    *,
    customers: int,
    min_cell: int = 5,
    jackknife: bool = False,
    is_share: bool = False,
    unit_variance: float | None = None,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """Mean of the answers with every cell at its share of the eligible units.

    SE² = K/(K−1)·Σ_b e_b² with e_b = Σ_g (W_g/n_g)(s_bg − ȳ_g·n_bg).

    Args:
        counts: [K, G] respondents by customer bucket and cell.
        sums: [K, G] sums of their answers.
        population: G eligible units per cell, respondents or not.
        customers: distinct customers among the respondents.
        min_cell: fewest respondents of a cell with eligible units; collapse cells first.
        jackknife: variance by dropping one bucket at a time instead (wider, with small cells).
        is_share: answers are 0 or 1; the interval is Wilson's and stays inside 0–1.
        unit_variance: variance of one answer, for n_eff of a mean; without it n_eff is K_eff.
        level: confidence level.
        thresholds: floors of the refusals.

    Returns:
        `too_few` when a cell has too few respondents.
    """
    method = "poststratified_jackknife" if jackknife else "poststratified"
    n, s = np.asarray(counts, float), np.asarray(sums, float)
    share = np.asarray(population, float) / sum(population)
    filled = n.sum(axis=1) > 0
    n, s = n[filled], s[filled]
    refusal, k_eff = _gate(n.sum(axis=1), customers, thresholds)
    cells = n.sum(axis=0)
    if refusal is None and bool((cells[share > 0] < min_cell).any()):
        refusal = Refusal.TOO_FEW
    if refusal is not None or k_eff is None:
        return Reckoning.refused(method, refusal or Refusal.NOTHING_OBSERVED, k_eff=k_eff)
    used = share > 0
    n, s, share, cells = n[:, used], s[:, used], share[used], cells[used]
    means = s.sum(axis=0) / cells
    point = math.fsum(share * means)
    k = len(n)
    if jackknife:
        rest = cells - n
        if bool((rest <= 0).any()):
            return Reckoning.refused(method, Refusal.TOO_FEW, k_eff=k_eff)
        partial = ((s.sum(axis=0) - s) / rest) @ share
        variance = (k - 1) / k * float(((partial - partial.mean()) ** 2).sum())
    else:
        residual = ((s - means * n) * (share / cells)).sum(axis=1)
        variance = k / (k - 1) * float((residual**2).sum())
    return _weighted(
        method, point, variance, k_eff, level, is_share=is_share, unit_variance=unit_variance
    )


def rake(
    margins: Sequence[Sequence[int]],
    targets: Sequence[Sequence[float]],
    *,
    counts: Sequence[float] | None = None,
    tolerance: float = 1e-6,
    rounds: int = 1000,
    trim: float | None = None,
) -> Weights | Refusal:
    """Weights that meet several margins at once, by iterative proportional fitting.

    Args:
        margins: V variables, each the category of every respondent.
        targets: V lists of eligible units per category; all with the same sum.
        counts: respondents who share a row; one each without.
        tolerance: largest relative miss of a margin.
        rounds: most passes over the variables.
        trim: cut weights at so many medians afterwards; margins are then met only roughly.

    Returns:
        `too_few` when a category with eligible units has no respondent.

    Raises:
        ValueError: the targets of two variables have different sums.
    """
    base = np.ones(len(margins[0])) if counts is None else np.asarray(counts, float)
    wanted = [np.asarray(target, float) for target in targets]
    total = float(wanted[0].sum())
    if any(abs(float(w.sum()) - total) > 1e-9 * total for w in wanted):
        raise ValueError("the margins describe populations of different size")
    index = [np.asarray(margin, int) for margin in margins]
    for own, target in zip(index, wanted, strict=True):
        if bool(((np.bincount(own, base, len(target)) == 0) & (target > 0)).any()):
            return Refusal.TOO_FEW
    mass = base * total / base.sum()
    converged = False
    for _ in range(rounds):
        for own, target in zip(index, wanted, strict=True):
            current = np.bincount(own, mass, len(target))
            mass *= np.divide(target, current, out=np.zeros_like(target), where=current > 0)[own]
        miss = max(
            float(
                np.abs(np.bincount(own, mass, len(target)) / np.maximum(target, 1e-300) - 1)[
                    target > 0
                ].max()
            )
            for own, target in zip(index, wanted, strict=True)
        )
        if miss <= tolerance:
            converged = True
            break
    weights = tuple(np.divide(mass, base, out=np.zeros_like(mass), where=base > 0).tolist())
    if trim is not None:
        weights = trimmed(weights, multiple=trim)
    return Weights(weights, kish_deff(weights, base.tolist()), converged)


def weighted_mean(
    weights: Sequence[float],
    answers: Sequence[float],
    buckets: Sequence[int],
    *,
    customers: int,
    is_share: bool = False,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """Mean of answers under given weights, linearised over customer buckets.

    Weights count as known, so the gain of raking to margins is not credited: the interval is
    somewhat too wide rather than too narrow.

    Args:
        weights: one per respondent.
        answers: their answers.
        buckets: their customer buckets.
        customers: distinct customers among them.
        is_share: answers are 0 or 1; the interval is Wilson's and stays inside 0–1.
        level: confidence level.
        thresholds: floors of the refusals.
    """
    method = "weighted_mean"
    w, y = np.asarray(weights, float), np.asarray(answers, float)
    names, own = np.unique(np.asarray(buckets, int), return_inverse=True)
    mass = np.bincount(own, w, len(names))
    refusal, k_eff = _gate(
        np.bincount(own, minlength=len(names)).astype(float), customers, thresholds
    )
    if refusal is not None or k_eff is None:
        return Reckoning.refused(method, refusal or Refusal.NOTHING_OBSERVED, k_eff=k_eff)
    point = math.fsum(w * y) / math.fsum(w)
    residual = np.bincount(own, w * y, len(names)) - point * mass
    k = len(names)
    variance = k / (k - 1) * float((residual**2).sum()) / float(w.sum()) ** 2
    spread = float((w * (y - point) ** 2).sum() / w.sum()) * len(y) / (len(y) - 1)
    return _weighted(method, point, variance, k_eff, level, is_share=is_share, unit_variance=spread)


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums of one customer bucket for calibration: p covariates, the first of them the constant 1.

    Attributes:
        xx: [p, p] sums of products of covariates.
        xy: p sums of covariate times answer.
    """

    xx: Sequence[Sequence[float]]
    xy: Sequence[float]


def calibration_weights(x: Sequence[Sequence[float]], totals: Sequence[float]) -> tuple[float, ...]:
    """GREG weights of respondents: w·(1 + (X − X̂)ᵀ(Σw·xxᵀ)⁻¹x) from equal starting weights.

    Args:
        x: [n, p] covariates, the first of them the constant 1.
        totals: p totals over everybody eligible, the first of them their number.
    """
    design = np.asarray(x, float)
    start = totals[0] / len(design)
    multiplier = _multiplier(start * design.T @ design, start * design.sum(axis=0), totals)
    return tuple((start * (1 + design @ multiplier)).tolist())


def greg(
    moments: Sequence[Moments],
    totals: Sequence[float],
    *,
    customers: int,
    unit_variance: float | None = None,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """Generalised regression mean: answers calibrated to known totals of covariates.

    Everything needed adds up over respondents, so bucket sums suffice.

    Args:
        moments: K buckets of respondents.
        totals: p totals over everybody eligible, the first of them their number.
        customers: distinct customers among the respondents.
        unit_variance: variance of one answer, for n_eff; without it n_eff is K_eff.
        level: confidence level.
        thresholds: floors of the refusals.

    Raises:
        numpy.linalg.LinAlgError: covariates are collinear.
    """
    method = "greg_calibration"
    xx = np.array([m.xx for m in moments], float)
    xy = np.array([m.xy for m in moments], float)
    refusal, k_eff = _gate(xx[:, 0, 0], customers, thresholds)
    if refusal is not None or k_eff is None:
        return Reckoning.refused(method, refusal or Refusal.NOTHING_OBSERVED, k_eff=k_eff)
    size = float(totals[0])
    start = size / float(xx[:, 0, 0].sum())
    slope = np.linalg.solve(xx.sum(axis=0), xy.sum(axis=0))
    # The weight of a unit is start·cᵀx, so its weighted residual adds up from the moments.
    c = _multiplier(start * xx.sum(axis=0), start * xx.sum(axis=0)[0], totals)
    c[0] += 1
    point = float(start * c @ xy.sum(axis=0)) / size
    residual = start * ((xy - xx @ slope) @ c) / size
    k = len(xx)
    centred = residual - residual.mean()
    variance = k / (k - 1) * float((centred**2).sum())
    return _weighted(method, point, variance, k_eff, level, unit_variance=unit_variance)


def _multiplier(weighted: Floats, estimated: Floats, totals: Sequence[float]) -> Floats:
    gap = np.asarray(totals, float) - estimated
    return np.asarray(np.linalg.solve(weighted, gap), dtype=np.float64)


def _gate(
    per_bucket: Floats, customers: int, thresholds: Thresholds
) -> tuple[Refusal | None, float | None]:
    sizes = per_bucket[per_bucket > 0]
    total = float(sizes.sum())
    if total == 0:
        return Refusal.NOTHING_OBSERVED, None
    k_eff = total**2 / float((sizes**2).sum())
    if total < thresholds.min_units:
        return Refusal.TOO_FEW, k_eff
    if min(customers, len(sizes)) < thresholds.min_customers or k_eff < thresholds.min_k_eff:
        return Refusal.TOO_FEW_CUSTOMERS, k_eff
    return None, k_eff


def _weighted(
    method: str,
    point: float,
    variance: float,
    k_eff: float,
    level: float,
    *,
    is_share: bool = False,
    unit_variance: float | None = None,
) -> Reckoning:
    se = math.sqrt(variance)
    quantile = t_quantile(level, k_eff - 1)
    low, high = point - quantile * se, point + quantile * se
    n_eff = k_eff if unit_variance is None or not variance else unit_variance / variance
    if is_share and variance and 0 < point < 1:
        n_eff = point * (1 - point) / variance
        low, high = wilson(point, n_eff, quantile)
    elif is_share:
        low, high = clopper_pearson(min(1.0, point) * k_eff, k_eff, level=level)
    return Reckoning(
        method, point, low, high, n_eff=n_eff, k_eff=k_eff, se=se,
        caveats=(Caveat.ADJUSTED_OBSERVED_ONLY,), evidence=Evidence.SURVEY_WEIGHTED,
    )  # fmt: skip
