"""Where the marks of an interval bar and of the resolution ladder lie, in per cent of their width.

Only positions; the template draws them. Shares span 0–1; other units from zero (or the smallest
limit) to a round figure above the largest mark.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from candor.estimates.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Bar:
    """Positions in per cent; ``first`` and ``last`` are the figures at the ends."""

    low: float
    point: float
    high: float
    target: float | None
    first: float
    last: float

    @property
    def width(self) -> float:
        """Length of the interval, never invisible."""
        return max(0.8, self.high - self.low)


def bar(estimate: Estimate, target: float | None = None) -> Bar | None:
    """The interval bar of an estimate; None where there is no interval."""
    point, low, high = estimate.point, estimate.low, estimate.high
    if point is None or low is None or high is None:
        return None
    goals = [] if target is None else [target]
    if estimate.unit == "share":
        first, last = 0.0, 1.0
        peak = max([high, *goals])
        if peak < 0.25:
            last = _round_up(peak * 1.15)
    else:
        first = min(0.0, low, *goals)
        round_up = _round_up_time if estimate.unit == "seconds" else _round_up
        first = -round_up(-first) if first < 0 else 0.0
        last = round_up(max(high, 0.0, *goals) * 1.1)
    span = (last - first) or 1.0

    def place(number: float) -> float:
        return round(100 * min(1.0, max(0.0, (number - first) / span)), 3)

    return Bar(
        place(low), place(point), place(high), None if target is None else place(target),
        first, last,
    )  # fmt: skip


def _round_up(number: float) -> float:
    """The next figure with one significant digit (or 1.5, 2.5) at or above."""
    if number <= 0:
        return 0.0
    size = 10.0 ** math.floor(math.log10(number))
    for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10):
        if step * size >= number * (1 - 1e-12):
            return step * size
    return 10 * size


def _round_up_time(seconds: float) -> float:
    """The next round duration at or above: 30 s, 15 min, 3 h, 2 days."""
    for size, steps in (
        (1, (1, 2, 3, 5, 10, 15, 20, 30)), (60, (1, 2, 3, 5, 10, 15, 20, 30)),
        (3600, (1, 2, 3, 4, 6, 8, 12, 18)),
    ):  # fmt: skip
        for step in steps:
            if step * size >= seconds:
                return float(step * size)
    return 86_400 * _round_up(seconds / 86_400)


@dataclass(frozen=True, slots=True)
class Step:
    """One piece of the ladder: its kind, words, and place in per cent."""

    kind: str
    label: str
    start: float
    width: float
    share: float


def ladder(estimate: Estimate) -> tuple[Step, ...]:
    """Confirmed, assumed, unknown and not solved, as parts of all eligible units."""
    bounds = estimate.bounds
    if bounds is None:
        return ()
    confirmed = bounds.confirmed or 0.0
    parts = [
        ("confirmed", "Confirmed by the customer or a system of record", confirmed),
        ("assumed", "Assumed: answered, and nothing speaks against it", bounds.lower - confirmed),
        ("unknown", "Not known", bounds.upper - bounds.lower),
        ("failed", "Not solved by the AI", 1 - bounds.upper),
    ]
    steps = []
    start = 0.0
    for kind, label, share in parts:
        share_shown = max(0.0, share)
        if share_shown > 0:
            steps.append(
                Step(kind, label, round(100 * start, 3), round(100 * share_shown, 3), share_shown)
            )
        start += share_shown
    return tuple(steps)
