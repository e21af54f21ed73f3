"""Agreement between raters, human or machine: the ceiling of every judge.

Never one coefficient alone: with skewed margins κ falls while raters agree. Ratings are categories
or numbers; None is a rating that was not given. References: Krippendorff 2011; Gwet 2008.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from scipy import special

from candor.estimates import draws
from candor.estimates.arithmetic import divide
from candor.estimates.estimate import (
    DEFAULT_THRESHOLDS,
    Evidence,
    Reckoning,
    Refusal,
    Thresholds,
)

Ratings = Sequence[Sequence[float | None]]
"""One row per rater, one column per unit."""
Scale = Literal["nominal", "ordinal", "interval", "ratio"]


def _units(ratings: Ratings) -> list[Counter[float]]:
    """Ratings per unit, units with at least two."""
    units = [Counter(v for v in column if v is not None) for column in zip(*ratings, strict=True)]
    return [unit for unit in units if unit.total() >= 2]


def krippendorff_alpha(ratings: Ratings, scale: Scale = "nominal") -> float:
    """Krippendorff's alpha: 1 minus observed over expected disagreement.

    Raises:
        ValueError: no unit was rated twice, or every rating is the same.
    """
    units = _units(ratings)
    margins: Counter[float] = Counter()
    for unit in units:
        margins.update(unit)
    total = margins.total()
    distance = _distance(margins, scale)
    observed = math.fsum(
        n * m * distance(c, d) / (unit.total() - 1)
        for unit in units for c, n in unit.items() for d, m in unit.items()
    )  # fmt: skip
    expected = math.fsum(
        n * m * distance(c, d) / (total - 1) for c, n in margins.items() for d, m in margins.items()
    ) if total > 1 else 0.0  # fmt: skip
    if expected == 0:
        raise ValueError("alpha needs units rated twice and more than one value")
    return 1 - observed / expected


def _distance(margins: Counter[float], scale: Scale) -> Callable[[float, float], float]:
    if scale == "nominal":
        return lambda c, d: float(c != d)
    if scale == "interval":
        return lambda c, d: (c - d) ** 2
    if scale == "ratio":
        return lambda c, d: ((c - d) / (c + d)) ** 2 if c + d else 0.0

    def ordinal(c: float, d: float) -> float:
        low, high = min(c, d), max(c, d)
        between = sum(n for value, n in margins.items() if low <= value <= high)
        return (between - (margins[c] + margins[d]) / 2) ** 2

    return ordinal


def gwet_ac1(ratings: Ratings) -> float:
    """Gwet's AC1 for any number of raters, with missing ratings.

    Raises:
        ValueError: no unit was rated twice, or only one category occurs.
    """
    columns = [Counter(v for v in column if v is not None) for column in zip(*ratings, strict=True)]
    rated = [unit for unit in columns if unit]
    pairs = [unit for unit in rated if unit.total() >= 2]
    categories = sorted(set().union(*rated)) if rated else []
    if not pairs or len(categories) < 2:
        raise ValueError("AC1 needs units rated twice and more than one category")
    agreed = math.fsum(
        sum(n * (n - 1) for n in unit.values()) / (unit.total() * (unit.total() - 1))
        for unit in pairs
    ) / len(pairs)  # fmt: skip
    shares = [math.fsum(u[c] / u.total() for u in rated) / len(rated) for c in categories]
    chance = math.fsum(s * (1 - s) for s in shares) / (len(categories) - 1)
    return (agreed - chance) / (1 - chance)


def kappa(table: Sequence[Sequence[int]]) -> float:
    """Cohen's kappa of a square table of two raters.

    Raises:
        ValueError: the table is empty or holds one category only.
    """
    total = sum(map(sum, table))
    rows = [sum(row) for row in table]
    columns = [sum(column) for column in zip(*table, strict=True)]
    expected = sum(r * c for r, c in zip(rows, columns, strict=True))
    if total == 0 or expected == total * total:
        raise ValueError("kappa needs ratings in more than one category")
    agreed = sum(table[i][i] for i in range(len(table)))
    return divide(agreed * total - expected, total * total - expected)


def fleiss_kappa(counts: Sequence[Sequence[int]]) -> float:
    """Fleiss' kappa of units by categories, each unit rated equally often.

    Raises:
        ValueError: units were rated differently often, or one category holds everything.
    """
    raters = sum(counts[0])
    if raters < 2 or any(sum(row) != raters for row in counts):
        raise ValueError("every unit must be rated by the same number of raters, at least two")
    units = len(counts)
    agreed = sum(n * (n - 1) for row in counts for n in row) / (units * raters * (raters - 1))
    shares = [sum(column) / (units * raters) for column in zip(*counts, strict=True)]
    chance = math.fsum(share * share for share in shares)
    if chance == 1:
        raise ValueError("kappa needs ratings in more than one category")
    return (agreed - chance) / (1 - chance)


def agreement_interval(
    ratings: Ratings,
    buckets: Sequence[int],
    coefficient: Callable[[Ratings], float],
    *,
    salt: str,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """A coefficient with its interval by resampling customer buckets.

    Args:
        ratings: one row per rater, one column per unit.
        buckets: customer bucket of each unit.
        coefficient: `gwet_ac1`, `krippendorff_alpha` or another function of ratings.
        salt: what the draws are for: metric, epoch, period.
        level: confidence level.
        thresholds: least number of units rated twice and of buckets.

    Returns:
        `too_few` below 30 units rated twice, `too_few_customers` with too few buckets, or
        `nothing_observed` when the coefficient does not exist (one category only).
    """
    method = "agreement_bootstrap"
    columns = list(zip(*ratings, strict=True))
    twice = [c for c in columns if sum(value is not None for value in c) >= 2]
    if len(twice) < thresholds.min_units:
        refusal = Refusal.TOO_FEW if twice else Refusal.NOTHING_OBSERVED
        return Reckoning.refused(method, refusal)
    rows: dict[int, list[tuple[float | None, ...]]] = {}
    for column, bucket in zip(columns, buckets, strict=True):
        rows.setdefault(bucket, []).append(column)

    def figure(drawn: Sequence[list[tuple[float | None, ...]]]) -> float:
        return coefficient(list(zip(*(unit for row in drawn for unit in row), strict=True)))

    ordered = [rows[bucket] for bucket in sorted(rows)]
    try:
        figure(ordered)
    except ValueError:
        return Reckoning.refused(method, Refusal.NOTHING_OBSERVED)
    found = draws.bucket_bootstrap(ordered, figure, salt=salt, level=level, thresholds=thresholds)
    return replace(found, method=method, evidence=Evidence.HUMAN_SAMPLE)


def mcnemar_exact(b: int, c: int) -> float | Refusal:
    """Two-sided exact p of the discordant pairs; `nothing_observed` when there are none."""
    if b + c == 0:
        return Refusal.NOTHING_OBSERVED
    return min(1.0, 2 * float(special.bdtr(min(b, c), b + c, 0.5)))
