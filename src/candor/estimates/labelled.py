"""Rates corrected by human labels: a judge's verdicts on every unit, the truth on a sample.

Labels must belong to one calibration epoch (judge, model, prompt, rubric, preprocessing) and carry
the probability with which their unit was drawn. A judge is never taken as the truth. References:
Rogan & Gladen 1978; Lang & Reiczigel 2014; Begg & Greenes 1983; Angelopoulos, Duchi & Zrnic 2023.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from candor.estimates.arithmetic import normal_quantile, t_quantile
from candor.estimates.estimate import (
    DEFAULT_THRESHOLDS,
    Caveat,
    Evidence,
    Reckoning,
    Refusal,
    Thresholds,
)
from candor.estimates.proportion import clopper_pearson, wilson

MINORITY_LABELS = 8
"""Labels in the rarer class below which only the labels themselves are trusted."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Human labels of one epoch, one entry per labelled unit.

    Attributes:
        truth: 0 or 1.
        stratum: index of the unit's stratum (verdict × pre-declared group).
        pi: probability with which the unit was drawn, in (0, 1].
        bucket: customer bucket.
    """

    truth: Sequence[int]
    stratum: Sequence[int]
    pi: Sequence[float]
    bucket: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Stratum:
    share: float
    n: float


def poststratified_rate(
    units: Sequence[int],
    labels: Labels,
    *,
    target: Literal["process", "period"] = "process",
    unit_buckets: Sequence[Sequence[int]] | None = None,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """A rate from strata of judge verdicts with known size and labelled samples within.

    Args:
        units: units per stratum, H integers (all of them).
        labels: the labelled sample.
        target: `process` judges how the system works (delete-one-bucket variance); `period`
            describes these conversations only (design variance).
        unit_buckets: K rows of H: units per bucket and stratum, so that dropping a bucket also
            drops its units; without it stratum sizes stay fixed.
        level: confidence level.
        thresholds: floors of the refusals.

    Returns:
        A rate from the strata; from the labels alone, with `judge_no_gain`, when the strata explain
        nothing, or with `few_minority_labels` when one class has fewer than eight labels.
    """
    method = f"poststratified_{target}"
    refusal = _too_few_labels(units, labels, thresholds)
    if refusal is not None:
        return Reckoning.refused(method, refusal)
    total, n = sum(units), len(labels.truth)
    positives = sum(labels.truth)
    if min(positives, n - positives) < MINORITY_LABELS:
        return _labels_only(units, labels, level)
    helps = _judge_helps(labels)
    if not helps:
        method = f"human_labels_{target}"
        units, unit_buckets = [total], unit_buckets and [[sum(row)] for row in unit_buckets]
        labels = Labels(labels.truth, [0] * n, labels.pi, labels.bucket)
    point, found = _poststratify(units, labels)
    if target == "period":
        variance = math.fsum(
            (size / total) ** 2 * s.share * (1 - s.share) / (s.n + 1)
            for size, s in zip(units, found, strict=True)
        )
        quantile, k_eff = normal_quantile(level), float(n)
    else:
        buckets = sorted(set(labels.bucket))
        sizes = [labels.bucket.count(b) for b in buckets]
        k_eff = n**2 / sum(size**2 for size in sizes)
        if len(buckets) < thresholds.min_customers or k_eff < thresholds.min_k_eff:
            return Reckoning.refused(method, Refusal.TOO_FEW_CUSTOMERS, k_eff=k_eff)
        variance = _bucket_variance(units, labels, unit_buckets, buckets)
        quantile = t_quantile(level, k_eff - 1)
    n_eff = point * (1 - point) / variance
    low, high = wilson(point, n_eff, quantile)
    return Reckoning(
        method, point, low, high, n_eff=n_eff, k_eff=k_eff, se=math.sqrt(variance),
        caveats=() if helps else (Caveat.JUDGE_NO_GAIN,),
        evidence=Evidence.JUDGE_CORRECTED if helps else Evidence.HUMAN_SAMPLE,
    )  # fmt: skip


def _judge_helps(labels: Labels) -> bool:
    """Whether the strata explain more of the truth than as many strata would by chance."""
    n, strata = len(labels.truth), sorted(set(labels.stratum))
    mean = sum(labels.truth) / n
    if len(strata) < 2 or not 0 < mean < 1:
        return True
    between = 0.0
    for h in strata:
        own = [y for y, s in zip(labels.truth, labels.stratum, strict=True) if s == h]
        between += len(own) * (sum(own) / len(own) - mean) ** 2
    return between / (n * mean * (1 - mean)) >= (len(strata) - 1) / (n - 2)


def _too_few_labels(units: Sequence[int], labels: Labels, thresholds: Thresholds) -> Refusal | None:
    if not labels.truth:
        return Refusal.UNLABELLED
    labelled = set(labels.stratum)
    uncovered = any(size > 0.05 * sum(units) and h not in labelled for h, size in enumerate(units))
    short = len(labels.truth) < thresholds.min_labels
    return Refusal.TOO_FEW_LABELS if short or uncovered else None


def _poststratify(units: Sequence[int], labels: Labels) -> tuple[float, list[_Stratum]]:
    found = []
    for h in range(len(units)):
        inside = [
            (y, p)
            for y, s, p in zip(labels.truth, labels.stratum, labels.pi, strict=True)
            if s == h
        ]
        weights = [1 / p for _, p in inside]
        if len({p for _, p in inside}) <= 1:
            n = float(len(inside))
            share = (sum(y for y, _ in inside) + 0.5) / (n + 1)
        else:
            n = math.fsum(weights) ** 2 / math.fsum(w * w for w in weights)
            share = math.fsum(y / p for y, p in inside) / math.fsum(weights)
        found.append(_Stratum(share, n))
    total = sum(units)
    return math.fsum(size / total * s.share for size, s in zip(units, found, strict=True)), found


def _bucket_variance(
    units: Sequence[int],
    labels: Labels,
    unit_buckets: Sequence[Sequence[int]] | None,
    buckets: Sequence[int],
) -> float:
    dropped = buckets if unit_buckets is None else range(len(unit_buckets))
    values = []
    for bucket in dropped:
        keep = [i for i, b in enumerate(labels.bucket) if b != bucket]
        rest = Labels(
            [labels.truth[i] for i in keep], [labels.stratum[i] for i in keep],
            [labels.pi[i] for i in keep], [labels.bucket[i] for i in keep],
        )  # fmt: skip
        sizes = units
        if unit_buckets is not None:
            own = unit_buckets[bucket]
            sizes = [size - part for size, part in zip(units, own, strict=True)]
            if not any(own) and len(keep) == len(labels.truth):
                continue
        values.append(_poststratify(sizes, rest)[0])
    k = len(values)
    centre = math.fsum(values) / k
    return (k - 1) / k * math.fsum((v - centre) ** 2 for v in values)


def _labels_only(units: Sequence[int], labels: Labels, level: float) -> Reckoning:
    """Exact limits from the labels alone, per stratum unless they are a simple random sample."""
    n, positives = len(labels.truth), sum(labels.truth)
    caveats = (Caveat.FEW_MINORITY_LABELS,)
    if len(set(labels.pi)) == 1:
        point = positives / n
        low, high = clopper_pearson(positives, n, level=level)
    else:
        total, strata = sum(units), sorted({h for h, size in enumerate(units) if size})
        point = low = high = 0.0
        for h in strata:
            own = [y for y, s in zip(labels.truth, labels.stratum, strict=True) if s == h]
            share = units[h] / total
            if not own:
                point, high = point + share / 2, high + share
                continue
            limits = clopper_pearson(sum(own), len(own), level=1 - (1 - level) / len(strata))
            point += share * sum(own) / len(own)
            low, high = low + share * limits[0], high + share * limits[1]
    return Reckoning(
        "clopper_pearson_labels", point, low, min(1.0, high), n_eff=float(n), k_eff=float(n),
        caveats=caveats, evidence=Evidence.HUMAN_SAMPLE,
    )  # fmt: skip


def judge_gain(truth: Sequence[float], judged: Sequence[float]) -> tuple[float, float] | None:
    """Squared correlation of judge and truth, and how many times the labels are worth by it.

    Returns:
        None when the judge adds nothing (ρ² < 1/(n−2)) or one of the two does not vary.
    """
    y, f = np.asarray(truth, float), np.asarray(judged, float)
    if len(y) < 3 or not y.std() or not f.std():
        return None
    rho2 = float(np.corrcoef(y, f)[0, 1] ** 2)
    return (rho2, 1 / (1 - rho2) if rho2 < 1 else math.inf) if rho2 >= 1 / (len(y) - 2) else None


def ppi_mean(
    truth: Sequence[float],
    judged: Sequence[float],
    *,
    judged_mean: float,
    judged_variance: float,
    units: int,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """Power-tuned prediction-powered mean of a continuous score.

    Args:
        truth: labels, n values.
        judged: judge scores of the same units, n values.
        judged_mean: mean judge score over the unlabelled units, N of them.
        judged_variance: its sample variance there.
        units: N.
        level: confidence level.
        thresholds: least number of labels.
    """
    method = "ppi_tuned"
    n = len(truth)
    if n == 0:
        return Reckoning.refused(method, Refusal.UNLABELLED)
    if n < thresholds.min_labels:
        return Reckoning.refused(method, Refusal.TOO_FEW_LABELS)
    weight, point, variance = ppi_terms(
        truth, judged, judged_mean=judged_mean, judged_variance=judged_variance, units=units
    )
    half = t_quantile(level, n - 1) * math.sqrt(variance)
    spread = float(np.var(np.asarray(truth, float), ddof=1))
    return Reckoning(
        method, point, point - half, point + half,
        n_eff=spread / variance if variance else float(n), k_eff=float(n), se=math.sqrt(variance),
        caveats=() if weight > 0 else (Caveat.JUDGE_NO_GAIN,),
        evidence=Evidence.JUDGE_CORRECTED if weight > 0 else Evidence.HUMAN_SAMPLE,
    )  # fmt: skip


def ppi_terms(
    truth: Sequence[float],
    judged: Sequence[float],
    *,
    judged_mean: float,
    judged_variance: float,
    units: int,
    ddof: int = 1,
) -> tuple[float, float, float]:
    """Tuning weight λ, mean and variance of the prediction-powered mean (see `ppi_mean`)."""
    y, f = np.asarray(truth, float), np.asarray(judged, float)
    n = len(y)
    covariance = float(np.cov(y, f, ddof=ddof)[0, 1])
    # Variance of the judge over labelled and unlabelled units together.
    pooled_mean = (f.sum() + judged_mean * units) / (n + units)
    squares = (
        ((f - pooled_mean) ** 2).sum()
        + judged_variance * (units - ddof)
        + units * (judged_mean - pooled_mean) ** 2
    )
    pooled = float(squares) / (n + units - ddof)
    weight = min(1.0, max(0.0, covariance / ((1 + n / units) * pooled))) if pooled else 0.0
    residual = y - weight * f
    point = weight * judged_mean + float(residual.mean())
    variance = weight**2 * judged_variance / units + float(residual.var(ddof=ddof)) / n
    return weight, point, variance


def rogan_gladen(
    apparent: float,
    n: float,
    sensitivity: float,
    n_positive: int,
    specificity: float,
    n_negative: int,
    *,
    level: float = 0.95,
) -> Reckoning:
    """A rate corrected by error rates of another period of the same epoch.

    Args:
        apparent: share the judge called positive, on n (effective) units.
        n: (effective) units.
        sensitivity: share the judge found among the human positives.
        n_positive: human positives.
        specificity: share the judge cleared among the human negatives.
        n_negative: human negatives.
        level: confidence level.

    Returns:
        `judge_uninformative` rather than a negative rate, or when the judge may be guessing.
    """
    method = "rogan_gladen"
    youden = sensitivity + specificity - 1
    z = normal_quantile(level)
    noise = (
        sensitivity * (1 - sensitivity) / n_positive + specificity * (1 - specificity) / n_negative
    )
    if youden - z * math.sqrt(noise) <= 0:
        return Reckoning.refused(method, Refusal.JUDGE_UNINFORMATIVE)
    point = (apparent + specificity - 1) / youden
    if not 0 <= point <= 1:
        return Reckoning.refused(method, Refusal.JUDGE_UNINFORMATIVE)
    low, high = lang_reiczigel(
        apparent, n, sensitivity, n_positive, specificity, n_negative, level=level
    )
    return Reckoning(
        method, point, min(low, point), max(high, point), n_eff=float(n), k_eff=float(n),
        caveats=(Caveat.TRANSPORTED_ERROR_RATES,), evidence=Evidence.JUDGE_CORRECTED,
    )  # fmt: skip


def lang_reiczigel(
    apparent: float,
    n: float,
    sensitivity: float,
    n_positive: int,
    specificity: float,
    n_negative: int,
    *,
    level: float = 0.95,
) -> tuple[float, float]:
    """Limits of a rate corrected by estimated error rates, clipped to 0–1."""
    z = normal_quantile(level)
    p, size = (n * apparent + z * z / 2) / (n + z * z), n + z * z
    se, n1 = (n_positive * sensitivity + 1) / (n_positive + 2), n_positive + 2
    sp, n0 = (n_negative * specificity + 1) / (n_negative + 2), n_negative + 2
    rate = (p + sp - 1) / (se + sp - 1)
    found, cleared = se * (1 - se) / n1, sp * (1 - sp) / n0
    shift = 2 * z * z * (rate * found - (1 - rate) * cleared)
    variance = (p * (1 - p) / size + rate**2 * found + (1 - rate) ** 2 * cleared) / (
        se + sp - 1
    ) ** 2
    half = z * math.sqrt(variance)
    return max(0.0, min(1.0, rate + shift - half)), min(1.0, max(0.0, rate + shift + half))


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Sensitivity and specificity of a judge."""

    sensitivity: float
    specificity: float


def begg_greenes(
    verified: tuple[tuple[int, int], tuple[int, int]],
    positives: int,
    negatives: int,
    *,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Accuracy | Refusal:
    """Accuracy of a judge whose flagged units were reviewed more often than the others.

    Args:
        verified: reviewed units as ((flagged true, flagged false), (clear true, clear false)).
        positives: all units the judge flagged, reviewed or not.
        negatives: all units it did not flag.
        thresholds: least number of reviewed units that were not flagged.
    """
    (tp, fp), (fn, tn) = verified
    if fn + tn < thresholds.min_labels or tp + fp == 0:
        return Refusal.TOO_FEW_LABELS
    a, b = tp / (tp + fp), fn / (fn + tn)
    return Accuracy(
        sensitivity=a * positives / (a * positives + b * negatives),
        specificity=(1 - b) * negatives / ((1 - b) * negatives + (1 - a) * positives),
    )
