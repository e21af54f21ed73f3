"""What a better AI would mean: more resolutions, cost and human hours, carried through with intervals.

A scenario, not a forecast: it changes one share and leaves everything else as it is measured.
Products of independent estimates carry their relative one-sided widths in quadrature (MOVER on the
logarithm). Money is in the workspace currency, times in seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from candor.estimates import Refusal

Limits = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What changes when a share rises; each as point, low and high.

    Attributes:
        share: the changed share; never above 1.
        resolutions: more true resolutions in the period.
        cost: money saved, where a human conversation's and an AI conversation's cost are known.
        capacity: human seconds freed, where handle time is known.
    """

    share: Limits
    resolutions: Limits
    cost: Limits | None
    capacity: Limits | None


def change_share(
    *,
    units: int,
    share: Limits,
    relative: float,
    human_cost: float | None = None,
    handle_seconds: Limits | None = None,
) -> Scenario | Refusal:
    """Raise a share by a relative amount, such as containment quality by a tenth.

    Args:
        units: conversations of which the share is taken (contained ones).
        share: point, low, high now.
        relative: 0.1 raises it by a tenth; it may be negative.
        human_cost: what one conversation costs that a person must take up.
        handle_seconds: human time such a conversation takes.

    Returns:
        The scenario, or ``nothing_observed`` without units.
    """
    if units <= 0:
        return Refusal.NOTHING_OBSERVED
    changed = tuple(min(1.0, max(0.0, one * (1 + relative))) for one in share)
    more = tuple(units * (new - old) for new, old in zip(changed, share, strict=True))
    resolutions = (more[0], min(more), max(more))
    cost = None if human_cost is None else _times(resolutions, (human_cost,) * 3)
    capacity = None if handle_seconds is None else _times(resolutions, handle_seconds)
    return Scenario((changed[0], min(changed), max(changed)), resolutions, cost, capacity)


def _times(first: Limits, second: Limits) -> Limits:
    """Product of two independent figures of which the second is positive."""
    point = first[0] * second[0]
    if point == 0:
        return 0.0, min(first[1] * second[2], 0.0), max(first[2] * second[2], 0.0)

    def width(side: int, other: int) -> float:
        return abs(point) * math.hypot(
            (first[side] - first[0]) / first[0], (second[other] - second[0]) / second[0]
        )

    # More of what is lost costs more: below zero the upper limit of the second pulls down.
    down, up = (1, 2) if point > 0 else (2, 1)
    return point, point - width(1, down), point + width(2, up)


@dataclass(frozen=True, slots=True)
class Bill:
    """What changes in money with price and volume, beside the changed share.

    Counts and prices are known, so nothing here has an interval.

    Attributes:
        fees_now, fees_then: charged resolutions at their price, today and in the scenario.
        handling_now, handling_then: what people and usage cost; it grows with the volume.
    """

    fees_now: float
    fees_then: float
    handling_now: float
    handling_then: float

    @property
    def more(self) -> float:
        """Money spent more than today; negative when it is less."""
        return self.fees_then - self.fees_now + self.handling_then - self.handling_now


def bill(
    *, charged: int, fees: float, handling: float, price: float | None = None, volume: float = 0.0
) -> Bill:
    """The bill of a scenario.

    Args:
        charged: resolutions charged in the period.
        fees: what they cost.
        handling: cost of people and usage in the period.
        price: of one charged resolution; the price of today when left out.
        volume: relative change of the conversations; 0.1 is a tenth more.
    """
    grown = 1 + volume
    then = fees * grown if price is None else charged * grown * price
    return Bill(fees, then, handling, handling * grown)


def net(saved: Limits, more: float) -> Limits:
    """Money left of what was saved when more is spent."""
    return saved[0] - more, saved[1] - more, saved[2] - more
