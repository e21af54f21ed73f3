"""How far a figure or a change lies from where it would say nothing: distance, and its p-value.

Everything is read off published intervals, so that a finding can never claim more than the page
beside it shows. A distance is counted in standard errors of the side that faces the limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from candor.estimates.arithmetic import normal_quantile


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its interval at ``level``."""

    point: float
    low: float
    high: float
    level: float = 0.95

    @property
    def se_low(self) -> float:
        """Standard error on the lower side."""
        return (self.point - self.low) / normal_quantile(self.level)

    @property
    def se_high(self) -> float:
        """Standard error on the upper side."""
        return (self.high - self.point) / normal_quantile(self.level)


def above(found: Interval, limit: float) -> float:
    """Standard errors by which the figure lies above a limit; negative when it does not."""
    return _distance(found.point - limit, found.se_low if found.point > limit else found.se_high)


def below(found: Interval, limit: float) -> float:
    """Standard errors by which the figure lies below a limit; negative when it does not."""
    return _distance(limit - found.point, found.se_high if found.point < limit else found.se_low)


def inside(found: Interval, margin: float) -> float:
    """Least distance from ± margin, from inside; negative when the figure lies outside."""
    return min(above(found, -margin), below(found, margin))


def minus(a: Interval, b: Interval) -> Interval:
    """The difference of two figures from their intervals (squares of the sides add up).

    Figures on the same conversations vary together, so this is wider than needed: cautious.
    """
    low = math.hypot(a.point - a.low, b.high - b.point)
    high = math.hypot(a.high - a.point, b.point - b.low)
    point = a.point - b.point
    return Interval(point, point - low, point + high, a.level)


def p_value(distance: float) -> float:
    """Two-sided p-value of a distance in standard errors; 1 when it lies on the wrong side."""
    return 1.0 if distance <= 0 else float(2 * special.ndtr(-distance))


def any_of(distances: list[float]) -> float:
    """The distance of the best of several alternatives after paying for having looked at all."""
    best = max(distances)
    if len(distances) < 2 or best <= 0:
        return best
    return _inverse(min(1.0, len(distances) * p_value(best)))


def _inverse(p: float) -> float:
    return float(-special.ndtri(p / 2)) if p < 1 else 0.0


def _distance(difference: float, se: float) -> float:
    if se > 0:
        return difference / se
    return math.copysign(math.inf, difference) if difference else 0.0
