"""Alerts: a period that leaves its control limits on the bad side, told once.

Only the limits speak here (1 point in 370 of a stable series), and Poisson sums for rare events; runs
rules would double the false alarms. A metric without a good direction alerts on either side. Which
signals belong to one alert is decided by its key; what was sent to whom is kept elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from candor.estimates.estimate import DEFAULT_THRESHOLDS, Thresholds, published
from candor.estimates.from_cell import IMMATURE_REASONS
from candor.measure import MeasureCell
from candor.verdicts import wording
from candor.verdicts.bands import Better
from candor.verdicts.history import History
from candor.verdicts.stability import Plotted, Stability, Word, stability
from candor.window import to_date

State = Literal["open", "acknowledged", "closed"]
QUIET_PERIODS = 3
"""Periods without a signal after which an alert is over."""
MEMORY = 28
"""Periods over which rare events are added up."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A metric that is watched.

    Attributes:
        metric, title, owner: identity, and who is told.
        better: which direction is good.
        unit: unit of its figures.
        grain: day or week.
        currency: of money.
    """

    metric: str
    title: str
    owner: str
    better: Better
    unit: str
    grain: str
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Signal:
    """One period of one metric outside its limits.

    Attributes:
        watched: what was watched.
        start: first day of the period.
        side: above or below.
        value: figure of the period.
        centre, low, high: what the baseline leads one to expect.
        chart: kind of chart.
        sentence: what happened, in plain words.
    """

    watched: Watched
    start: int
    side: Literal["above", "below"]
    value: float
    centre: float
    low: float
    high: float
    chart: str
    sentence: str

    @property
    def key(self) -> str:
        """What makes it the same alert tomorrow."""
        return f"{self.watched.metric}/{self.watched.grain}/{self.side}"

    def as_dict(self) -> dict[str, Any]:
        """Plain data, numbers as published."""
        return {
            "key": self.key,
            "metric": self.watched.metric,
            "title": self.watched.title,
            "owner": self.watched.owner,
            "grain": self.watched.grain,
            "period": to_date(self.start).isoformat(),
            "side": self.side,
            "value": published(self.value),
            "centre": published(self.centre),
            "low": published(self.low),
            "high": published(self.high),
            "unit": self.watched.unit,
            "chart": self.chart,
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at one period found.

    Attributes:
        start: first day of the period.
        signal: on the bad side; None without one.
        word: what the chart said.
    """

    start: int
    signal: Signal | None
    word: Word


def look(
    watched: Watched,
    history: History,
    *,
    baseline: tuple[int, int],
    period: tuple[int, int],
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Look:
    """Judge one period of one metric.

    Args:
        watched: the metric.
        history: its past.
        baseline: days of the frozen past, end excluded.
        period: days of the period, end excluded.
        thresholds: least number of baseline periods.
    """
    length = period[1] - period[0]
    since = max(baseline[1], period[1] - MEMORY * length)
    found = stability(
        history, baseline=baseline, judged=(since, period[1]), thresholds=thresholds, runs=False
    )
    last = found.points[-1] if found.points else None
    if last is None or last.start != period[0] or last.start < baseline[1]:
        return Look(period[0], None, found.word)
    side = _side(found, last)
    if side == 0 or not _is_bad(watched.better, side):
        return Look(period[0], None, Word.STABLE if side == 0 else found.word)
    return Look(period[0], _signal(watched, found, last, side), found.word)


def is_settled(cell: MeasureCell, share: float = 0.95) -> bool:
    """Whether enough of a period's units are past their windows to judge it."""
    waiting = sum(n for reason, n in cell.unknown.items() if reason in IMMATURE_REASONS)
    left_out = sum(n for reason, n in cell.excluded.items() if reason in IMMATURE_REASONS)
    units = cell.eligible + left_out
    return units - waiting - left_out >= share * units


def _side(found: Stability, last: Plotted) -> int:
    """1 above, -1 below, 0 inside; a sum of rare events speaks in the period in which it crosses."""
    if found.chart not in ("poisson_cusum", "t"):
        return last.side
    if found.since != last.start:
        return 0
    return 1 if found.word is Word.SIGNAL_ABOVE else -1 if found.word is Word.SIGNAL_BELOW else 0


def _is_bad(better: Better, side: int) -> bool:
    return better == "neither" or (side > 0) == (better == "lower")


def _signal(watched: Watched, found: Stability, last: Plotted, side: int) -> Signal:
    def shown(number: float) -> str:
        return wording.figure(number, watched.unit, watched.currency)

    word: Literal["above", "below"] = "above" if side > 0 else "below"
    when = f"on {to_date(last.start):%d %B %Y}"
    if watched.grain == "week":
        when = f"in the week of {to_date(last.start):%d %B %Y}"
    if found.chart in ("poisson_cusum", "t"):
        sentence = (
            f"{watched.title} {when}: rare events became clearly more frequent than in the baseline "
            f"({shown(last.centre)})."
        )
    else:
        limit = last.high if side > 0 else last.low
        sentence = (
            f"{watched.title} {when} was {shown(last.value)}, {word} its limit of {shown(limit)} "
            f"(usually about {shown(last.centre)})."
        )
    return Signal(
        watched, last.start, word, last.value, last.centre, last.low, last.high, found.chart,
        sentence,
    )  # fmt: skip
