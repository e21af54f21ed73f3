"""The weekly rhythm of a daily series: what each weekday leads one to expect.

Levels per weekday are used only where the baseline shows that weekdays differ (χ² or F, p < .01);
fitting seven levels to noise would make the limits too narrow. Never fitted to judged points.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from scipy import special

from candor.verdicts.history import History, Kind, Observation
from candor.window import to_date

SCALED: Mapping[Kind, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "share": (float, float),
    "rate": (float, float),
    "value": (float, float),
    "amount": (math.log, math.exp),
}
"""To the scale on which a kind of figure varies evenly, and back."""
_DAYS = 7
_LEVEL = 0.01


def weekday_levels(
    history: History, base: Sequence[Observation], every: Sequence[Observation]
) -> tuple[list[float], float]:
    """Expected figure of every period (scaled), and the share of the baseline's variance this took.

    Args:
        history: kind and grain of the series.
        base: baseline periods.
        every: all periods, in the order of the answer.
    """
    centre = _level(history, base)
    flat = [centre] * len(every), 0.0
    groups: dict[int, list[Observation]] = {}
    for one in base:
        groups.setdefault(_weekday(one), []).append(one)
    if history.grain != "day" or len(groups) < _DAYS or min(map(len, groups.values())) < 3:
        return flat
    if _p(history, base, groups) >= _LEVEL:
        return flat
    levels = {day: _level(history, group) for day, group in groups.items()}
    return [levels[_weekday(one)] for one in every], (_DAYS - 1) / len(base)


def _weekday(one: Observation) -> int:
    return to_date(one.start).weekday()


def _level(history: History, observations: Sequence[Observation]) -> float:
    if history.kind in ("value", "amount"):
        scaled, _ = SCALED[history.kind]
        weights = [float(one.size) for one in observations]
        return fmean((scaled(one.value) for one in observations), weights)
    # Kept off the edges, where nothing could vary.
    events = sum(one.events or 0 for one in observations)
    size = sum(one.size for one in observations)
    top = size - 0.5 if history.kind == "share" else float("inf")
    return min(max(events, 0.5), top) / size


def _p(
    history: History, base: Sequence[Observation], groups: dict[int, list[Observation]]
) -> float:
    """Chance of differences between weekdays as large as these when there are none (F test)."""
    centre = _level(history, base)
    scaled, _ = SCALED[history.kind]
    level = {day: _level(history, group) for day, group in groups.items()}
    between = within = 0.0
    for one in base:
        own = level[_weekday(one)]
        between += one.size * (own - centre) ** 2
        within += one.size * (scaled(one.value) - own) ** 2
    degrees = len(base) - _DAYS
    if within <= 0 or degrees < 1:
        return 1.0
    return float(special.fdtrc(_DAYS - 1, degrees, (between / (_DAYS - 1)) / (within / degrees)))
