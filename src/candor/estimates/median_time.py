"""How long until it happens, for half of them, when some are still waiting.

The median of the Kaplan–Meier curve with limits read off its log–log limits (Brookmeyer & Crowley
1982). Units are taken as independent: where few customers have many of them the limits are too narrow. A
median that the curve has not reached yet is not known, nor is one whose upper limit it has not
reached. Times are in the unit given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from candor.estimates.estimate import Reckoning, Refusal
from candor.estimates.time_to_event import km, steps

HALF = 0.5


@dataclass(frozen=True, slots=True)
class Waiting:
    """Median waiting time and the curve behind it.

    Attributes:
        found: the median with its interval, or why there is none.
        units, happened: all units, and those for which it happened.
        lower: lower limit of the median, also where the upper one is not reached; None without.
        curve: (time, share still waiting) at each event.
    """

    found: Reckoning
    units: int
    happened: int
    lower: float | None
    curve: tuple[tuple[int, float], ...]


def median_time(
    times: Sequence[int],
    happened: Sequence[int],
    *,
    level: float = 0.95,
    scale: int = 1,
    min_units: int = 30,
) -> Waiting:
    """Median time to an event under right-censoring.

    Args:
        times: time to the event, or for how long the unit has been watched without it.
        happened: 1 where the event came.
        level: confidence level.
        scale: the median is divided by it (microseconds to seconds: 1,000,000).
        min_units: fewest units.

    Returns:
        `nothing_observed`, `too_few`, or `immature` while the curve, or its upper limit, lies
        above one half.
    """
    method = "km_median"
    n, events = len(times), sum(happened)

    def refused(refusal: Refusal) -> Waiting:
        return Waiting(Reckoning.refused(method, refusal), n, events, None, ())

    if n == 0:
        return refused(Refusal.NOTHING_OBSERVED)
    if n < min_units:
        return refused(Refusal.TOO_FEW)
    moments, counts, at_risk = steps(times, happened)
    curve = km(counts, at_risk, level=level)
    shown = tuple(zip(moments, curve.survival, strict=True))

    def first(values: Sequence[float | None], last: float) -> float | None:
        for moment, value, alive in zip(moments, values, curve.survival, strict=True):
            reached = last if value is None and alive == 0 else value
            if reached is not None and reached <= HALF:
                return moment / scale
        return None

    point = next((t / scale for t, alive in shown if alive <= HALF), None)
    low = first(curve.low, 0.0)
    high = first(curve.high, 1.0)
    if point is None or low is None or high is None:
        found = Reckoning.refused(method, Refusal.IMMATURE)
    else:
        found = Reckoning(method, point, low, high, n_eff=float(n), k_eff=float(n))
    return Waiting(found, n, events, low, shown)
