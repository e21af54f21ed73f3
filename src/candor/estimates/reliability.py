"""Is a stated confidence honest? Brier score, calibration error and the reliability curve.

Confidences and outcomes come as counts of equal pairs per customer bucket, confidences in
millionths. The Brier score is the mean squared distance of confidence and outcome (0 is perfect);
its limits follow from the customer buckets. Bins are equally wide and fixed beforehand. References:
Brier 1950; Murphy 1973 for the split into reliability, resolution and uncertainty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from candor.estimates.arithmetic import divide
from candor.estimates.estimate import DEFAULT_THRESHOLDS, Reckoning, Thresholds
from candor.estimates.ratio import bucket_ratio

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Stated:
    """Equal statements of one customer bucket.

    Attributes:
        confidence_ppm: stated confidence, millionths.
        came_true: whether the outcome was true.
        bucket: customer bucket.
        count: how many.
    """

    confidence_ppm: int
    came_true: bool
    bucket: int
    count: int


@dataclass(frozen=True, slots=True)
class Bin:
    """One step of the reliability curve: confidences from ``low`` up to ``high``."""

    low: float
    high: float
    count: int
    confidence: float
    came_true: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """How well stated confidences hold.

    Attributes:
        brier: mean squared error with its interval.
        expected_error: mean absolute gap of confidence and outcome over the bins, by size.
        greatest_error: greatest such gap of any bin.
        mean_confidence, base_rate: over all statements.
        climatology: Brier score of always stating the base rate.
        curve: filled bins, lowest confidence first.
    """

    brier: Reckoning
    expected_error: float
    greatest_error: float
    mean_confidence: float
    base_rate: float
    climatology: float
    curve: tuple[Bin, ...]


def reliability(
    statements: Sequence[Stated],
    *,
    customers: int,
    bins: int = 10,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reliability:
    """Brier score, expected calibration error and curve of stated confidences.

    Args:
        statements: counts of equal statements.
        customers: distinct customers behind them.
        bins: number of equally wide bins; a confidence on an edge belongs to the upper one, 1 to
            the last.
        level: confidence level.
        thresholds: floors of the refusals.

    Raises:
        ValueError: a confidence lies outside 0–1 or there are no bins.
    """
    if bins < 1 or any(not 0 <= one.confidence_ppm <= MILLION for one in statements):
        raise ValueError("confidences lie in 0–1 and need at least one bin")
    squares: dict[int, int] = {}
    counts: dict[int, int] = {}
    filled: dict[int, tuple[int, int, int]] = {}
    for one in statements:
        error = one.confidence_ppm - MILLION * one.came_true
        squares[one.bucket] = squares.get(one.bucket, 0) + one.count * error * error
        counts[one.bucket] = counts.get(one.bucket, 0) + one.count
        at = min(bins - 1, one.confidence_ppm * bins // MILLION)
        n, confidence, true = filled.get(at, (0, 0, 0))
        filled[at] = (
            n + one.count,
            confidence + one.count * one.confidence_ppm,
            true + one.count * one.came_true,
        )
    buckets = sorted(counts)
    total = sum(counts.values())
    brier = bucket_ratio(
        [squares[b] for b in buckets], [counts[b] for b in buckets], kind="mean", units=total,
        customers=customers, level=level, scale=MILLION * MILLION, thresholds=thresholds,
    )  # fmt: skip
    if brier.low is not None and brier.high is not None:
        brier = replace(brier, low=max(0.0, brier.low), high=min(1.0, brier.high))
    if not total:
        return Reliability(brier, 0.0, 0.0, 0.0, 0.0, 0.0, ())
    curve = tuple(
        Bin(at / bins, (at + 1) / bins, n, divide(confidence, n * MILLION), divide(true, n))
        for at, (n, confidence, true) in sorted(filled.items())
    )
    gaps = [(one.count, abs(one.confidence - one.came_true)) for one in curve]
    base = divide(sum(true for _, _, true in filled.values()), total)
    return Reliability(
        brier,
        expected_error=sum(n * gap for n, gap in gaps) / total,
        greatest_error=max(gap for _, gap in gaps),
        mean_confidence=divide(sum(c for _, c, _ in filled.values()), total * MILLION),
        base_rate=base,
        climatology=base * (1 - base),
        curve=curve,
    )
