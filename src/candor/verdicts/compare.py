"""Whether a metric changed since the period before, and in which direction.

A direction is named only when the interval of the change excludes zero. The change reckoned from
customer buckets is preferred; from two intervals alone the periods count as independent, which is
too wide for returning customers and hence cautious.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from candor.estimates.estimate import Estimate, published
from candor.estimates.proportion import newcombe_diff
from candor.verdicts.bands import REASONS, Better


class Direction(StrEnum):
    """The word for a change."""

    BETTER = "better"
    WORSE = "worse"
    HIGHER = "higher"
    LOWER = "lower"
    NO_CLEAR_CHANGE = "no_clear_change"
    CANNOT_SAY = "cannot_say"


@dataclass(frozen=True, slots=True)
class Change:
    """A difference between two periods.

    Attributes:
        direction: better, worse, higher, lower (no direction is good), no clear change, cannot say.
        point, low, high: the difference with its interval, current minus previous; None without.
        unit: unit of the difference; `points` for shares (0–1).
        reason: the explaining sentence.
        previous: the figure before, None without.
    """

    direction: Direction
    point: float | None
    low: float | None
    high: float | None
    unit: str
    reason: str
    previous: float | None = None

    def as_dict(self) -> dict[str, object]:
        """Plain data, numbers as published."""
        return {
            "direction": str(self.direction),
            "point": published(self.point),
            "low": published(self.low),
            "high": published(self.high),
            "unit": self.unit,
            "reason": self.reason,
            "previous": published(self.previous),
        }


def compare(
    current: Estimate,
    previous: Estimate | None,
    *,
    better: Better = "higher",
    change: Estimate | None = None,
) -> Change:
    """Current against previous.

    Args:
        current: the later period.
        previous: the earlier period of the same length; None without one.
        better: which direction is good.
        change: the difference reckoned from customer buckets, where there is one.
    """
    unit = "points" if current.unit == "share" else current.unit
    before = None if previous is None else previous.point
    for estimate, name in ((current, "this period"), (previous, "the earlier period")):
        if estimate is None:
            return _cannot_say(unit, "There is no earlier period.", before)
        if estimate.refusal is not None:
            return _cannot_say(unit, f"Of {name}: {REASONS[estimate.refusal]}", before)
    if change is not None and change.refusal is not None:
        return _cannot_say(unit, REASONS[change.refusal], before)
    difference = _difference(current, previous, change)
    if difference is None:
        return _cannot_say(unit, "A count has no interval to compare by.", before)
    point, low, high = difference
    direction, reason = _direction(low, high, better)
    return Change(direction, point, low, high, unit, reason, before)


def _cannot_say(unit: str, reason: str, before: float | None) -> Change:
    return Change(Direction.CANNOT_SAY, None, None, None, unit, reason, before)


def _difference(
    current: Estimate, previous: Estimate | None, change: Estimate | None
) -> tuple[float, float, float] | None:
    if change is not None:
        parts = (change.point, change.low, change.high)
        return None if None in parts else parts  # type: ignore[return-value]
    sides = []
    for estimate in (current, previous):
        if estimate is None or estimate.point is None:
            return None
        if estimate.low is None or estimate.high is None:
            return None
        sides.append((estimate.point, estimate.low, estimate.high))
    return newcombe_diff(sides[0], sides[1])


def _direction(low: float, high: float, better: Better) -> tuple[Direction, str]:
    if low <= 0 <= high:
        return Direction.NO_CLEAR_CHANGE, "The interval of the change holds zero."
    rose = low > 0
    reason = f"The whole interval of the change lies {'above' if rose else 'below'} zero."
    if better == "neither":
        return (Direction.HIGHER if rose else Direction.LOWER), reason
    good = rose == (better == "higher")
    return (Direction.BETTER if good else Direction.WORSE), reason
