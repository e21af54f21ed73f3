"""Two shapes of a metric page: how values spread, and what a change is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from candor.estimates.quantile import NOT_POSITIVE, value_of
from candor.verdicts.scorecard import MetricRow

_MOST_BINS = 16


@dataclass(frozen=True, slots=True)
class Bin:
    """Values between two figures.

    Attributes:
        low, high: figures in the metric's unit.
        units: how many.
        width: length of its bar in per cent of the longest.
    """

    low: float
    high: float
    units: int
    width: float


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a change, from where the part before it ended.

    Attributes:
        label: in words.
        start, end: figures in the metric's unit.
        low, width: position and length of its bar in per cent.
        kind: total, up or down.
    """

    label: str
    start: float
    end: float
    low: float
    width: float
    kind: str


def distribution(counts: Mapping[int, int], scale: int, fewest: int = 1) -> tuple[Bin, ...]:
    """Values by equal steps of their logarithm, few enough to be read.

    Args:
        counts: values by log bucket.
        scale: integer units in one unit of the metric.
        fewest: units a bin must hold; smaller ones are joined with the next.
    """
    known = sorted(bucket for bucket, units in counts.items() if units)
    if len(known) < 2 or sum(counts.values()) < fewest:
        return ()
    # Values of zero or less lie in one bucket far below all others.
    first = next(one for one in known if one != NOT_POSITIVE)
    size = -(-(known[-1] - first + 1) // _MOST_BINS)
    groups: dict[int, list[int]] = {}
    for bucket in known:
        groups.setdefault((bucket - first) // size, []).append(bucket)
    joined: list[list[int]] = []
    for group in groups.values():
        if joined and sum(counts[one] for one in joined[-1]) < fewest:
            joined[-1] += group
        else:
            joined.append(list(group))
    if len(joined) > 1 and sum(counts[one] for one in joined[-1]) < fewest:
        last = joined.pop()
        joined[-1] += last
    totals = [sum(counts[one] for one in group) for group in joined]
    most = max(totals)
    return tuple(
        Bin(value_of(group[0]) / scale, value_of(group[-1]) / scale, units,
            round(100 * units / most, 2))
        for group, units in zip(joined, totals, strict=True)
    )  # fmt: skip


def waterfall(row: MetricRow) -> tuple[Step, ...]:
    """From the figure of the period before to that of now, part by part; nothing without a split."""
    split, before, now = row.split, row.change.previous, row.estimate.point
    if split is None or split.within is None or before is None or now is None:
        return ()
    parts = (
        ("Same mix, other results", split.within), ("Another mix of conversations", split.mix),
        ("New or gone", split.entry_exit),
    )  # fmt: skip
    spans = [("The period before", 0.0, before, "total")]
    at = before
    for label, part in parts:
        if part is not None:
            spans.append((label, at, at + part.point, "up" if part.point >= 0 else "down"))
            at += part.point
    spans.append(("This period", 0.0, now, "total"))
    ends = [figure for _, start, end, kind in spans
            for figure in ((end,) if kind == "total" else (start, end))]  # fmt: skip
    # Small changes of large figures stay visible: the scale starts near the smallest of them.
    reach = max(ends) - min(ends)
    first = max(0.0, min(ends) - 0.5 * reach) if min(ends) >= 0 else min(ends)
    span = (max(*ends, first) - first) or 1.0

    def place(figure: float) -> float:
        return round(100 * min(1.0, max(0.0, (figure - first) / span)), 2)

    return tuple(
        Step(label, start, end, 0.0 if kind == "total" else place(min(start, end)),
             place(end) if kind == "total"
             else max(0.5, round(abs(place(end) - place(start)), 2)), kind)
        for label, start, end, kind in spans
    )  # fmt: skip
