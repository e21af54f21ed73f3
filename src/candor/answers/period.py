"""Stretches of reporting days that figures are about, and which one is shown when none was asked for."""

from __future__ import annotations

from dataclasses import dataclass

from candor import window

SETTLING_DAYS = 7
"""A period is shown by default once the longest usual window has passed for all of it."""
LONGER = {
    "all": (), "quarter": ("all",), "month": ("quarter", "all"), "week": ("month", "quarter", "all"),
    "day": ("week", "month", "quarter", "all"),
}  # fmt: skip
"""What is shown instead of a period in which too little happened."""


@dataclass(frozen=True)
class Period:
    """A stretch of reporting days, end excluded; None on both sides means everything."""

    grain: str
    since: int | None
    until: int | None

    @property
    def words(self) -> str:
        """As a person would say it."""
        if self.since is None or self.until is None:
            return "all data"
        first, last = window.to_date(self.since), window.to_date(self.until - 1)
        if self.grain == "month":
            return f"{first:%B %Y}"
        if first == last:
            return f"{first:%d %B %Y}"
        return f"{first:%d %B %Y} to {last:%d %B %Y}"

    def before(self) -> Period | None:
        """The period before; None when this one is everything."""
        if self.since is None:
            return None
        start = window.period_start(self.since - 1, self.grain)
        return Period(self.grain, start, self.since)


@dataclass(frozen=True)
class Calendar:
    """The days a publication knows of.

    Attributes:
        zone: time zone of reporting days.
        horizon_us: instant up to which all sources reach.
        bounds: first and last day of conversations whose clocks mean something; None without any.
    """

    zone: str
    horizon_us: int
    bounds: tuple[int, int] | None

    def period(self, grain: str, until: int | None) -> Period:
        """The period that ends before a day, else the last one that has settled.

        Everything when there is no such period, or when the clocks of all conversations are made up.
        """
        if grain == "all" or self.bounds is None:
            return Period("all", None, until)
        if until is None:
            horizon = window.day_of(self.horizon_us, self.zone)
            settled = min(horizon - SETTLING_DAYS, self.bounds[1])
            start = window.period_start(settled, grain)
            if window.period_end(start, grain) > settled:
                start = window.period_start(start - 1, grain)
        else:
            start = window.period_start(until - 1, grain)
        if start < window.period_start(self.bounds[0], grain):
            return Period("all", None, None)
        return Period(grain, start, window.period_end(start, grain))
