"""Intervals for a share of independent units, and for the difference of two such shares.

Pure functions of counts; shares lie in 0–1. Wilson takes an effective n and any quantile, which is
how clustered shares get their limits (see `ratio`). Methods: Wilson 1927; Clopper & Pearson 1934;
Newcombe 1998 (methods 3 and 10); Miettinen & Nurminen 1985.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy import special

from candor.estimates.arithmetic import normal_quantile

Limits = tuple[float, float]


def wilson(share: float, n: float, quantile: float | None = None, *, level: float = 0.95) -> Limits:
    """Wilson score limits of a share.

    Args:
        share: observed share in 0–1.
        n: units, or effective units; > 0.
        quantile: two-sided quantile; that of the normal law at ``level`` when left out.
        level: confidence level used without ``quantile``.

    Raises:
        ValueError: n is not positive or the share lies outside 0–1.
    """
    if n <= 0 or not 0 <= share <= 1:
        raise ValueError(f"a share of {share} of {n} units has no interval")
    z = normal_quantile(level) if quantile is None else quantile
    centre = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # At the edges the closed form leaves rounding dust where the limit is exactly 0 or 1.
    low = 0.0 if share == 0 else max(0.0, (centre - half) / scale)
    high = 1.0 if share == 1 else min(1.0, (centre + half) / scale)
    return low, high


def clopper_pearson(k: float, n: float, *, level: float = 0.95) -> Limits:
    """Exact limits of a share of k in n.

    Raises:
        ValueError: n is not positive or k lies outside 0–n.
    """
    if n <= 0 or not 0 <= k <= n:
        raise ValueError(f"{k} of {n} units is no share")
    tail = (1 - level) / 2
    low = 0.0 if k == 0 else float(special.betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n else float(special.betaincinv(k + 1, n - k, 1 - tail))
    return low, high


def newcombe_diff(
    first: tuple[float, float, float], second: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Difference of two independent figures from their own limits (method 10).

    Args:
        first: share, low, high.
        second: share, low, high; subtracted.

    Returns:
        Difference, low, high.
    """
    p1, l1, u1 = first
    p2, l2, u2 = second
    difference = p1 - p2
    return (
        difference,
        difference - math.hypot(p1 - l1, u2 - p2),
        difference + math.hypot(u1 - p1, p2 - l2),
    )


def mn_diff(
    k1: int, n1: int, k2: int, n2: int, *, level: float = 0.95
) -> tuple[float, float, float]:
    """Miettinen–Nurminen score limits of the difference of two independent shares.

    Returns:
        Difference, low, high.

    Raises:
        ValueError: a count is impossible.
    """
    if min(n1, n2) <= 0 or not 0 <= k1 <= n1 or not 0 <= k2 <= n2:
        raise ValueError("counts must satisfy 0 ≤ k ≤ n and n > 0")
    p1, p2 = k1 / n1, k2 / n2
    difference = p1 - p2
    z = normal_quantile(level)

    def excess(delta: float) -> float:
        first, second = _restricted(k1, n1, k2, n2, delta)
        total = n1 + n2
        variance = (first * (1 - first) / n1 + second * (1 - second) / n2) * total / (total - 1)
        if variance <= 0:
            return -z * z if difference == delta else math.inf
        return (difference - delta) ** 2 / variance - z * z

    return difference, _root(excess, difference, -1.0), _root(excess, difference, 1.0)


def _restricted(k1: int, n1: int, k2: int, n2: int, delta: float) -> tuple[float, float]:
    """Maximum-likelihood shares under p1 − p2 = delta (closed form of the cubic)."""
    total = n1 + n2
    a = float(total)
    b = (n1 + 2 * n2) * delta - total - (k1 + k2)
    c = (n2 * delta - total - 2 * k2) * delta + k1 + k2
    d = k2 * delta * (1 - delta)
    v = (b / (3 * a)) ** 3 - b * c / (6 * a * a) + d / (2 * a)
    u = math.copysign(math.sqrt(max(0.0, (b / (3 * a)) ** 2 - c / (3 * a))), v or 1.0)
    ratio = 0.0 if u == 0 else v / u**3
    angle = (math.pi + math.acos(min(1.0, max(-1.0, ratio)))) / 3
    second = min(1.0, max(0.0, 2 * u * math.cos(angle) - b / (3 * a)))
    return min(1.0, max(0.0, second + delta)), second


def _root(excess: Callable[[float], float], start: float, end: float) -> float:
    inner = end * (1 - 1e-12)
    if (end < 0 and start <= inner) or (end > 0 and start >= inner) or excess(inner) <= 0:
        return end
    from scipy import optimize

    return float(optimize.brentq(excess, min(start, inner), max(start, inner), xtol=1e-13))
