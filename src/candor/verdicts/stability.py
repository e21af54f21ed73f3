"""Stability: is the period common variation around a frozen past, or did something special happen?

The second fact beside the status; never a colour and never an arrow. The chart follows from the
data: Laney p′ for shares, u′ for events per exposure, individuals of means and (on logarithms) of
times and money, each allowed the spread its number of units gives; Poisson CUSUM and time between
events where events are rare. Limits come from the baseline alone. Because they are
estimated from few periods, they are widened so that a new point leaves them as seldom as the
textbook says (1 in 370); the published charts alone give two to four times as many false signals.
References: Montgomery; Laney 2002; Anhøj & Olesen 2014; degrees of freedom of a mean moving range
after Wheeler.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from statistics import fmean
from typing import Any

from candor.estimates import control
from candor.estimates.arithmetic import t_quantile
from candor.estimates.estimate import DEFAULT_THRESHOLDS, Refusal, Thresholds, published
from candor.verdicts.history import History, Kind, Observation
from candor.verdicts.season import SCALED, weekday_levels
from candor.window import to_date

_IN_LIMITS = 0.9973002039367398
"""Share of normal values within three standard deviations."""
_RARE = 2.0
"""Expected events of the rarer outcome in a period below which limits cannot see a change."""
_GAP_EVENTS = 0.5
"""Events a period up to which the gap between two of them can be told from periods."""
_CUSUM = ((0.2, 4.25), (0.5, 5.0), (1.0, 5.5), (2.0, 6.0), (5.0, 6.0))
"""Decision limit of a Poisson CUSUM against doubling, by events per period: 1 false alarm in ~370."""
_FALSE_LIMIT = 1 / 370.4
_FALSE_RUNS = 0.09
"""Chance that either runs rule breaks in about 30 stable points around an estimated centre."""
_RUNS_FROM = 10
"""Points from which the runs rules are applied."""


class Word(StrEnum):
    """What can be said about stability."""

    STABLE = "stable"
    SIGNAL_ABOVE = "signal_above"
    SIGNAL_BELOW = "signal_below"
    SHIFTED = "shifted"
    BASELINE_SHORT = "baseline_short"
    CANNOT_SAY = "cannot_say"


WORDS: dict[Word, str] = {
    Word.STABLE: "stable",
    Word.SIGNAL_ABOVE: "signal above",
    Word.SIGNAL_BELOW: "signal below",
    Word.SHIFTED: "shifted",
    Word.BASELINE_SHORT: "baseline too short",
    Word.CANNOT_SAY: "cannot say",
}


@dataclass(frozen=True, slots=True)
class Plotted:
    """One point of the chart with its limits.

    Attributes:
        start: first day of the period.
        value: its figure.
        centre, low, high: what the baseline leads one to expect.
        side: 1 above the upper limit, -1 below the lower one, 0 inside.
    """

    start: int
    value: float
    centre: float
    low: float
    high: float
    side: int = 0


@dataclass(frozen=True, slots=True)
class Stability:
    """Whether a metric varied as it did in its baseline.

    Attributes:
        word: what can be said.
        reason: the sentence behind it.
        chart: kind of chart; "" where there is none.
        grain: length of its periods.
        points: baseline and judged points, in order of time.
        baseline_points: how many of them are the baseline.
        price: chance of at least one false signal among the judged points; None without a chart.
        since: first day of the latest signal, or of the judged points when shifted.
        refusal: why nothing can be said.
    """

    word: Word
    reason: str
    chart: str = ""
    grain: str = ""
    points: tuple[Plotted, ...] = ()
    baseline_points: int = 0
    price: float | None = None
    since: int | None = None
    refusal: Refusal | None = None

    @property
    def judged(self) -> tuple[Plotted, ...]:
        """The points after the baseline."""
        return self.points[self.baseline_points :]

    def as_dict(self) -> dict[str, Any]:
        """Plain data, numbers as published."""
        last = self.points[-1] if self.points else None
        return {
            "word": str(self.word),
            "reason": self.reason,
            "chart": self.chart,
            "grain": self.grain,
            "centre": published(last.centre) if last else None,
            "low": published(last.low) if last else None,
            "high": published(last.high) if last else None,
            "baseline_points": self.baseline_points,
            "judged_points": len(self.judged),
            "price": published(self.price),
            "since": None if self.since is None else to_date(self.since).isoformat(),
            "refusal": None if self.refusal is None else str(self.refusal),
        }


def stability(
    history: History,
    *,
    baseline: tuple[int, int],
    judged: tuple[int, int],
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
    runs: bool = True,
) -> Stability:
    """Judge the periods of ``judged`` against those of ``baseline``.

    Args:
        history: the metric over time.
        baseline: days of the frozen past, end excluded.
        judged: days that are judged, end excluded; those inside the baseline are not.
        thresholds: least number of baseline periods.
        runs: apply the runs rules as well as the limits.
    """
    base = [o for o in history.observations if baseline[0] <= o.start and o.end <= baseline[1]]
    later = [
        o for o in history.observations
        if max(judged[0], baseline[1]) <= o.start and o.end <= judged[1]
    ]  # fmt: skip
    grain = history.grain
    if len(base) < thresholds.baseline_points:
        return Stability(
            Word.BASELINE_SHORT,
            f"The baseline holds {len(base)} {grain}s with a figure; limits need "
            f"{thresholds.baseline_points}.",
            grain=grain, baseline_points=len(base), refusal=Refusal.BASELINE_SHORT,
        )  # fmt: skip
    if not later:
        inside = judged[0] < baseline[1]
        reason = "The period shown is the baseline itself." if inside else "No point to judge."
        return Stability(
            Word.CANNOT_SAY, reason, grain=grain, baseline_points=len(base),
            refusal=Refusal.NOTHING_OBSERVED,
        )  # fmt: skip
    if _is_rare(history.kind, base):
        return _rare(history, base, later, thresholds)
    charted = _charted(history, base, later, thresholds)
    if charted is None:
        return Stability(
            Word.CANNOT_SAY, "The baseline does not vary at all, so no limits follow from it.",
            grain=grain, baseline_points=len(base), refusal=Refusal.BASELINE_SHORT,
        )  # fmt: skip
    chart, points = charted
    found = Stability(
        Word.STABLE, "", chart, grain, points, len(base),
        price=_price(len(later), runs=runs),
    )  # fmt: skip
    return _judged(found, runs=runs)


def _price(points: int, *, runs: bool) -> float:
    inside = (1 - _FALSE_LIMIT) ** points
    return 1 - inside * (1 - _FALSE_RUNS if runs and points >= _RUNS_FROM else 1.0)


def widening(points: int, *, lost: float = 0.0) -> float:
    """Factor on three-sigma limits that were estimated from a baseline.

    A new point differs from an estimated centre by √(1 + 1/m) standard deviations, and the mean of
    m − 1 moving ranges has about 0.62·(m − 1) degrees of freedom.

    Args:
        points: baseline points m.
        lost: share of the baseline's variance taken out by fitted levels (weekdays).
    """
    degrees = 0.62 * (points - 1) * (1 - lost)
    inflated = (1 + 1 / points) * (1 + lost) / (1 - lost)
    return t_quantile(_IN_LIMITS, degrees) / 3 * math.sqrt(inflated)


def _charted(
    history: History, base: Sequence[Observation], later: Sequence[Observation],
    thresholds: Thresholds,
) -> tuple[str, tuple[Plotted, ...]] | None:  # fmt: skip
    """Points with limits: standardised by what each period's size lets vary, then an XmR chart.

    None where the baseline does not vary at all.
    """
    every = [*base, *later]
    m = len(base)
    scaled, back = SCALED[history.kind]
    levels, lost = weekday_levels(history, base, every)
    spreads = _spreads(history.kind, levels, every)
    z = [(scaled(o.value) - c) / s for o, c, s in zip(every, levels, spreads, strict=True)]
    name = {"share": "laney_p", "rate": "laney_u", "value": "xmr", "amount": "xmr_log"}[
        history.kind
    ]
    # On standardised values Laney's limits are those of an individuals chart around zero; only the
    # individuals chart itself leaves out unusually large moving ranges.
    screen = history.kind in ("value", "amount")
    found = control.xmr(z, baseline=m, screen=screen, thresholds=thresholds)
    if isinstance(found, Refusal) or found.high[0] <= found.centre:
        return None
    half = (found.high[0] - found.centre) * widening(m, lost=lost)
    floor = 0.0 if history.kind in ("share", "rate") else -math.inf
    ceiling = 1.0 if history.kind == "share" else math.inf
    points = []
    for o, centre, spread in zip(every, levels, spreads, strict=True):
        low = back(max(floor, centre - half * spread))
        high = back(min(ceiling, centre + half * spread))
        side = 1 if o.value > high else -1 if o.value < low else 0
        points.append(Plotted(o.start, o.value, back(centre), low, high, side))
    return name + ("_weekday" if lost else ""), tuple(points)


def _spreads(
    kind: Kind, levels: Sequence[float], every: Sequence[Observation]
) -> list[float]:  # fmt: skip
    """What chance alone would let each period vary by, up to a factor the chart finds itself."""
    variances = [c * (1 - c) if kind == "share" else c if kind == "rate" else 1.0 for c in levels]
    return [math.sqrt(v / o.size) for v, o in zip(variances, every, strict=True)]


def _judged(found: Stability, *, runs: bool) -> Stability:
    signals = [point for point in found.judged if point.side]
    of = f"{len(found.judged)} {found.grain}s"
    if signals:
        last = signals[-1]
        word = Word.SIGNAL_ABOVE if last.side > 0 else Word.SIGNAL_BELOW
        side = "above" if last.side > 0 else "below"
        return replace(
            found, word=word, since=last.start,
            reason=f"{len(signals)} of {of} outside the limits; the latest, {side} them, "
            f"on {to_date(last.start)}.",
        )  # fmt: skip
    rule = _runs(found.judged) if runs else None
    if rule is not None and rule.shifted:
        over = fmean(1.0 if p.value > p.centre else 0.0 for p in found.judged) > 0.5
        return replace(
            found, word=Word.SHIFTED, since=found.judged[0].start,
            reason=f"No point outside the limits, but the {of} keep to one side "
            f"({'above' if over else 'below'} the baseline's centre: longest run {rule.longest}, "
            f"{rule.crossings} crossings).",
        )  # fmt: skip
    return replace(found, reason=f"All {of} vary as the baseline did.")


def _runs(points: Sequence[Plotted]) -> control.Runs | None:
    found = control.anhoej_runs([p.value - p.centre for p in points], 0.0)
    return None if isinstance(found, Refusal) else found


def _is_rare(kind: Kind, base: Sequence[Observation]) -> bool:
    if kind in ("value", "amount"):
        return False
    events, size = _events(base), sum(o.size for o in base)
    rarer = min(events, size - events) if kind == "share" else events
    return rarer < _RARE * len(base)


def _events(observations: Sequence[Observation]) -> int:
    return sum(o.events or 0 for o in observations)


def _rare(
    history: History, base: Sequence[Observation], later: Sequence[Observation],
    thresholds: Thresholds,
) -> Stability:  # fmt: skip
    """Cumulative sum against a doubling; the time between events against a fall."""
    flip = history.kind == "share" and 2 * _events(base) > sum(o.size for o in base)
    counts = [(o.size - (o.events or 0) if flip else o.events or 0) for o in (*base, *later)]
    m, grain = len(base), history.grain
    seen, size = sum(counts[:m]), sum(o.size for o in base)
    if not seen:
        return Stability(
            Word.BASELINE_SHORT,
            f"The baseline holds no event in {m} {grain}s; how rare they are is not known.",
            grain=grain, baseline_points=m, refusal=Refusal.BASELINE_SHORT,
        )  # fmt: skip
    # One standard error up, because the rate is estimated from few events.
    rate = (seen + math.sqrt(seen)) / size
    expected = [rate * o.size for o in later]
    limit = _decision(fmean(expected))
    level, since = 0.0, None
    for o, count, mean in zip(later, counts[m:], expected, strict=True):
        level = max(0.0, level + count - mean / math.log(2))
        if level >= limit and since is None:
            since = o.start
    share = seen / size
    centre = 1 - share if flip else share
    points = tuple(Plotted(o.start, o.value, centre, centre, centre) for o in (*base, *later))
    found = Stability(
        Word.STABLE, f"No sign that the {seen} events in the baseline became twice as frequent.",
        "poisson_cusum", grain, points, m, price=_price(len(later), runs=False),
    )  # fmt: skip
    if since is not None:
        word = Word.SIGNAL_BELOW if flip else Word.SIGNAL_ABOVE
        reason = (
            f"Rare events became clearly more frequent than in the baseline by {to_date(since)}."
        )
        return replace(found, word=word, since=since, reason=reason)
    if seen > _GAP_EVENTS * m:
        return found
    gaps = _gaps([o.size for o in (*base, *later)], counts)
    before = sum(1 for start, _ in gaps if start < sum(o.size for o in base))
    chart = control.t_chart([gap for _, gap in gaps], baseline=before, thresholds=thresholds)
    if isinstance(chart, Refusal) or not gaps[before:]:
        return found
    widest = chart.high[0] * widening(before) ** 3.6
    if max(gap for _, gap in gaps[before:]) > widest:
        word = Word.SIGNAL_ABOVE if flip else Word.SIGNAL_BELOW
        reason = "An unusually long stretch without these rare events."
        return replace(found, word=word, chart="t", since=later[0].start, reason=reason)
    return found


def _gaps(sizes: Sequence[int], counts: Sequence[int]) -> list[tuple[int, float]]:
    """Units between one event and the next as (units before it, gap); several in a period share it."""
    gaps: list[tuple[int, float]] = []
    passed, since = 0, 0.0
    for size, count in zip(sizes, counts, strict=True):
        for _ in range(count):
            step = size / count
            gaps.append((passed, since + step))
            since = 0.0
        since += 0.0 if count else size
        passed += size
    if since:
        gaps.append((passed, since))
    return gaps


def _decision(mean: float) -> float:
    """Decision limit of the cumulative sum, interpolated between the tabled means."""
    if mean <= _CUSUM[0][0]:
        return _CUSUM[0][1]
    for (left, low), (right, high) in pairwise(_CUSUM):
        if mean <= right:
            return low + (high - low) * (mean - left) / (right - left)
    return _CUSUM[-1][1]
