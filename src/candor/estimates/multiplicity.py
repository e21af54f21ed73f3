"""Many questions at once: which of several p-values may be called findings.

Holm for confirmatory families, Benjamini–Hochberg for exploratory ones (Benjamini & Hochberg 1995).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from candor.estimates.arithmetic import normal_quantile


def holm(p: Sequence[float], *, level: float = 0.05) -> tuple[bool, ...]:
    """Which hypotheses are rejected with the family-wise error held at ``level``."""
    m = len(p)
    rejected = [False] * m
    for rank, index in enumerate(_ascending(p)):
        if p[index] > level / (m - rank):
            break
        rejected[index] = True
    return tuple(rejected)


def holm_adjusted(p: Sequence[float]) -> tuple[float, ...]:
    """Holm's adjusted p-values: reject where one is at most the family-wise level."""
    m = len(p)
    adjusted, reached = [0.0] * m, 0.0
    for rank, index in enumerate(_ascending(p)):
        reached = max(reached, min(1.0, (m - rank) * p[index]))
        adjusted[index] = reached
    return tuple(adjusted)


def benjamini_hochberg_adjusted(p: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values: reject where one is at most the false discovery rate."""
    m = len(p)
    adjusted, reached = [0.0] * m, 1.0
    for rank, index in reversed(list(enumerate(_ascending(p), start=1))):
        reached = min(reached, p[index] * m / rank)
        adjusted[index] = reached
    return tuple(adjusted)


def benjamini_hochberg(p: Sequence[float], *, level: float = 0.05) -> tuple[bool, ...]:
    """Which hypotheses are rejected with the false discovery rate held at ``level``."""
    m = len(p)
    order = _ascending(p)
    passed = [rank for rank, index in enumerate(order, start=1) if p[index] <= level * rank / m]
    keep = set(order[: max(passed, default=0)])
    return tuple(index in keep for index in range(m))


def non_inferiority_n(
    share: float,
    margin: float,
    *,
    alpha: float = 0.05,
    power: float = 0.80,
    design_effect: float = 1.0,
) -> int:
    """Units per arm to show that a share is not worse by more than ``margin`` (one-sided).

    Raises:
        ValueError: the share is not inside 0–1 or the margin is not positive.
    """
    if not 0 < share < 1 or margin <= 0:
        raise ValueError("needs a share inside 0–1 and a positive margin")
    z = normal_quantile(1 - 2 * alpha) + normal_quantile(2 * power - 1)
    return math.ceil(design_effect * z * z * 2 * share * (1 - share) / margin**2)


def _ascending(p: Sequence[float]) -> list[int]:
    if any(not 0 <= value <= 1 for value in p):
        raise ValueError("a p-value lies in 0–1")
    return sorted(range(len(p)), key=lambda index: (p[index], index))
