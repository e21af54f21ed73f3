"""The figures that rules look at: levels, changes and volumes, by metric and segment.

A plain container, filled by whoever has the figures; a figure that was refused is simply not there,
and a rule that needs it is not decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from candor.verdicts.support import Interval

Versus = Literal["previous", "baseline"]
Segment = tuple[tuple[str, str | None], ...]
"""Dimension and value; empty for everything. One dimension at most."""
TOTAL: Segment = ()


@dataclass(frozen=True, slots=True)
class Level:
    """A figure of the period: its interval, its unit, and how many units are behind it."""

    interval: Interval
    unit: str = "share"
    units: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """A change: its interval, its unit, the figure before, and the units of the period."""

    interval: Interval
    unit: str = "points"
    before: float = 0.0
    units: int = 0


@dataclass
class Board:
    """Every figure that was not refused.

    Attributes:
        levels: (metric, segment) to the figure of the period.
        moves: (versus, metric, segment) to the change since then.
        growth: (versus, segment) to the relative growth of the number of conversations per day.
        titles: metric to its title.
    """

    levels: dict[tuple[str, Segment], Level] = field(default_factory=dict)
    moves: dict[tuple[Versus, str, Segment], Move] = field(default_factory=dict)
    growth: dict[tuple[Versus, Segment], Interval] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)

    def segments(self, dimension: str) -> list[Segment]:
        """The members of a dimension that have a figure, ordered by value."""
        found = {
            segment
            for segment in (*(s for _, s in self.levels), *(s for _, _, s in self.moves))
            if len(segment) == 1 and segment[0][0] == dimension
        }
        return sorted(found, key=lambda s: (s[0][1] is None, s[0][1] or ""))

    def title(self, metric: str) -> str:
        """How the metric is called on pages."""
        return self.titles.get(metric, metric.replace("_", " "))
