"""Quantiles from log buckets whose counts add up over days and segments.

γ = (1+α)/(1−α); a value x > 0 lies in bucket ⌈ln x / ln γ⌉ and is read back as 2γᵇ/(γ+1), within
α of the truth. Values of zero or less share one bucket below all others. Reference: Masson, Rim &
Lee 2019.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from candor.estimates.arithmetic import normal_quantile
from candor.estimates.estimate import DEFAULT_THRESHOLDS, Reckoning, Refusal, Thresholds
from candor.measure import SKETCH_ALPHA

NOT_POSITIVE = -(2**31)
"""Bucket of values ≤ 0."""


def bucket_of(value: float, alpha: float = SKETCH_ALPHA) -> int:
    """Log bucket of a value."""
    if value <= 0:
        return NOT_POSITIVE
    return math.ceil(round(math.log(value) / math.log((1 + alpha) / (1 - alpha)), 9))


def value_of(bucket: int, alpha: float = SKETCH_ALPHA) -> float:
    """The value a bucket stands for."""
    if bucket == NOT_POSITIVE:
        return 0.0
    gamma = (1 + alpha) / (1 - alpha)
    return 2 * gamma**bucket / (gamma + 1)


def sketch_bucket(counts: Mapping[int, int], rank: float) -> int:
    """Smallest bucket with more than ``rank`` values at or below it.

    Raises:
        ValueError: the sketch is empty.
    """
    reached = 0
    for bucket in sorted(counts):
        reached += counts[bucket]
        if reached > rank:
            return bucket
    if not reached:
        raise ValueError("an empty sketch has no quantile")
    return max(bucket for bucket, n in counts.items() if n)


def sketch_quantile(
    counts: Mapping[int, int],
    q: float,
    *,
    alpha: float = SKETCH_ALPHA,
    design_effect: float = 1.0,
    level: float = 0.95,
    scale: int = 1,
    k_eff: float | None = None,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """A quantile with the interval of its rank.

    Args:
        counts: values per log bucket.
        q: quantile in 0–1.
        alpha: relative error of the buckets.
        design_effect: how much the customers' repeat values widen the rank (≥ 1).
        level: confidence level.
        scale: values are divided by it (microseconds to seconds: 1,000,000).
        k_eff: effective clusters, for the record; the number of values without it.
        thresholds: floor of values above the quantile.

    Raises:
        ValueError: q is not inside 0–1.
    """
    if not 0 < q < 1:
        raise ValueError(f"{q} is not a quantile")
    method = f"sketch_p{q * 100:g}"
    n = sum(counts.values())
    if n == 0:
        return Reckoning.refused(method, Refusal.NOTHING_OBSERVED)
    if n * (1 - q) < thresholds.min_tail:
        return Reckoning.refused(method, Refusal.TOO_FEW, k_eff=k_eff)
    deff = max(1.0, design_effect)
    half = normal_quantile(level) * math.sqrt(n * q * (1 - q) * deff)

    def read(rank: float) -> float:
        return value_of(sketch_bucket(counts, rank), alpha) / scale

    point = read(q * (n - 1))
    low = read(max(0.0, n * q - half - 1)) * (1 - alpha)
    high = read(min(n - 1.0, n * q + half)) * (1 + alpha)
    return Reckoning(
        method, point, min(low, point), max(high, point),
        n_eff=n / deff, k_eff=float(n) if k_eff is None else k_eff,
    )  # fmt: skip
