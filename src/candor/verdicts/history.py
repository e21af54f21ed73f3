"""What a metric did period after period, as a control chart needs it.

Turns measure cells into observations and nothing else: no interval, no verdict. A period without a
known unit has no observation; it is left out, never 0. Values are in the metric's unit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from candor.estimates.arithmetic import divide
from candor.estimates.from_cell import SCALES
from candor.estimates.quantile import NOT_POSITIVE, sketch_bucket, value_of
from candor.measure import EstimatorKind, MeasureCell, Unit

Kind = Literal["share", "rate", "value", "amount"]


@dataclass(frozen=True, slots=True)
class Observation:
    """One period.

    Attributes:
        start, end: its days (days since 1970-01-01), end excluded.
        value: the figure of the period, without any floor on the number of units.
        size: units or exposure behind it.
        events: integer numerator of a share or a rate; None for other values.
    """

    start: int
    end: int
    value: float
    size: int
    events: int | None = None


@dataclass(frozen=True, slots=True)
class History:
    """A metric over time.

    Attributes:
        metric: name.
        kind: share (events among units), rate (events per exposure), amount (a positive time or
            sum of money, which varies by factors) or value.
        grain: length of a period: day, week or month.
        observations: in order of time.
    """

    metric: str
    kind: Kind
    grain: str
    observations: tuple[Observation, ...]


def history(
    cells: Iterable[MeasureCell],
    *,
    metric: str,
    estimator: EstimatorKind,
    unit: Unit,
    grain: str,
    quantile: float | None = None,
) -> History:
    """The observations of one metric.

    Args:
        cells: its cells, one per period, in any order.
        metric: name.
        estimator: how sums become a figure.
        unit: what the figure is measured in; fixes the scale of the sums.
        grain: length of a period.
        quantile: which quantile of a quantile metric; the median when left out.
    """
    kind = _kind(estimator, unit)
    found = []
    for cell in sorted(cells, key=lambda cell: cell.period_start or 0):
        if cell.period_start is None or cell.period_end is None or not cell.available:
            continue
        is_count = kind in ("share", "rate")
        size = cell.den if is_count else cell.observed
        if not size:
            continue
        value = _value(cell, estimator, unit, 0.5 if quantile is None else quantile)
        if kind == "amount" and value <= 0:
            continue
        found.append(
            Observation(
                cell.period_start, cell.period_end, value, size,
                cell.total if is_count else None,
            )
        )  # fmt: skip
    return History(metric, kind, grain, tuple(found))


def _kind(estimator: EstimatorKind, unit: Unit) -> Kind:
    if estimator in ("proportion", "rare", "time_to_event"):
        return "share"
    # Only whole events per exposure vary like a Poisson count.
    if estimator == "ratio" and unit in ("share", "count"):
        return "rate"
    return "amount" if unit in ("seconds", "money") else "value"


def _value(cell: MeasureCell, estimator: EstimatorKind, unit: Unit, q: float) -> float:
    scale = SCALES[unit]
    if estimator == "quantile":
        counts: dict[int, int] = {}
        for bucket, n in cell.histogram.items():
            own = bucket if bucket >= 0 else NOT_POSITIVE
            counts[own] = counts.get(own, 0) + n
        return value_of(sketch_bucket(counts, q * (sum(counts.values()) - 1))) / scale
    if estimator == "count":
        return divide(cell.total, scale)
    return divide(cell.total, cell.den * scale)
