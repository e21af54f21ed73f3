"""What cost buys: cost per resolution, savings, return, payback, cost of failure, time to value.

Pure arithmetic on estimates and exact money. Costs are known; what is uncertain is how many
requests were really resolved, how often people came back, and how the mix of paths would have been.
Intervals of sums of estimates add their one-sided widths in quadrature (MOVER); functions of customer
buckets drop one bucket at a time. Sources: Zou & Donner 2008 (MOVER).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from candor.estimates import Reckoning, Refusal
from candor.estimates.ratio import bucket_jackknife, gate

Limits = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its limits over ``units`` units of which it holds.

    Attributes:
        units: how many units the share is of.
        point, low, high: the share and its interval.
        confirmed: share of the units that is true by confirmation; None without one.
        upper: share when every unknown unit counts as true.
    """

    units: int
    point: float
    low: float
    high: float
    confirmed: float | None = None
    upper: float | None = None


def summed(rates: Sequence[Rate]) -> Limits:
    """Σ units × share with MOVER limits; the shares are taken as independent."""
    point = math.fsum(one.units * one.point for one in rates)
    down = math.sqrt(math.fsum((one.units * (one.point - one.low)) ** 2 for one in rates))
    up = math.sqrt(math.fsum((one.units * (one.high - one.point)) ** 2 for one in rates))
    return point, point - down, point + up


def per_resolution(cost: float, rates: Sequence[Rate]) -> tuple[Reckoning, dict[str, float | None]]:
    """Cost over true resolutions; the interval is that of the resolutions.

    Args:
        cost: all-in money.
        rates: share truly resolved of each group of conversations.

    Returns:
        The figure, and its bounds: with confirmed resolutions only, and with every unknown one.
    """
    method = "cost_over_resolutions"
    if not rates or not sum(one.units for one in rates):
        return Reckoning.refused(method, Refusal.NOTHING_OBSERVED), {}
    point, low, high = summed(rates)
    confirmed = [one.units * one.confirmed for one in rates if one.confirmed is not None]
    most = math.fsum(
        one.units * (one.upper if one.upper is not None else one.point) for one in rates
    )
    least = math.fsum(confirmed) if len(confirmed) == len(rates) else 0.0
    bounds = {
        "resolutions": point,
        "confirmed_only": cost / least if least > 0 else None,
        "every_unknown_resolved": cost / most if most > 0 else None,
    }
    if point <= 0 or low <= 0:
        return Reckoning.refused(method, Refusal.DENOMINATOR_UNSTABLE), bounds
    return Reckoning(method, cost / point, cost / high, cost / low), bounds


def mix_savings(
    buckets: Sequence[Sequence[int]],
    unit_costs: Sequence[float],
    *,
    baseline_cost: float | None = None,
    customers: int,
    level: float = 0.95,
) -> Reckoning:
    """What the same conversations would have cost at the baseline's mix of paths, less what they did.

    Args:
        buckets: rows of 2p conversations by customer bucket: p paths now, p paths in the baseline.
        unit_costs: all-in cost of a conversation on each path now, p of them.
        baseline_cost: all-in cost of a conversation in the baseline, when it was measured then; the
            baseline's columns are not read then.
        customers: distinct customers now.
        level: confidence level.
    """
    method, p = "mix_savings", len(unit_costs)
    now = [sum(row[:p]) for row in buckets]
    before = [sum(row[p:]) for row in buckets]
    refusal, k_eff = gate(now, units=sum(now), customers=customers)
    if refusal is None and baseline_cost is None:
        refusal, k_before = gate(before, units=sum(before), customers=customers)
        k_eff = min(k_eff or 0.0, k_before or 0.0)
    if refusal is not None or k_eff is None:
        return Reckoning.refused(method, refusal or Refusal.NOTHING_OBSERVED, k_eff=k_eff)
    volume = sum(now)

    def saved(totals: Sequence[int]) -> float:
        current = sum(totals[:p])
        mean_now = math.fsum(c * n for c, n in zip(unit_costs, totals[:p], strict=True)) / current
        if baseline_cost is not None:
            return volume * (baseline_cost - mean_now)
        past = sum(totals[p:])
        mean_then = math.fsum(c * n for c, n in zip(unit_costs, totals[p:], strict=True)) / past
        return volume * (mean_then - mean_now)

    found = bucket_jackknife([row for row in buckets if sum(row)], saved)
    low, high = found.limits(level, k_eff - 1)
    return Reckoning(
        method, found.value, low, high,
        n_eff=float(customers), k_eff=k_eff, se=math.sqrt(found.variance),
    )  # fmt: skip


def scaled(found: Reckoning, factor: float, method: str) -> Reckoning:
    """A figure times a known positive number."""
    if found.refusal is not None or found.point is None or found.low is None or found.high is None:
        return Reckoning.refused(method, found.refusal or Refusal.MISSING_COMPONENT)
    return Reckoning(
        method, found.point * factor, found.low * factor, found.high * factor,
        n_eff=found.n_eff, k_eff=found.k_eff, caveats=found.caveats,
    )  # fmt: skip


def payback(invested: float, savings: Reckoning, days: int) -> Reckoning:
    """Days until savings have paid back what was spent once.

    Args:
        invested: money paid once.
        savings: net savings of ``days`` days, what was paid once left out.
        days: length of the period of the savings.

    Returns:
        ``denominator_unstable`` when the savings may be none: then it may never be paid back.
    """
    method = "payback"
    if savings.point is None or savings.low is None or savings.high is None:
        return Reckoning.refused(method, savings.refusal or Refusal.MISSING_COMPONENT)
    if savings.low <= 0:
        return Reckoning.refused(method, Refusal.DENOMINATOR_UNSTABLE, k_eff=savings.k_eff)
    daily = [days * invested / saved for saved in (savings.point, savings.high, savings.low)]
    return Reckoning(method, daily[0], daily[1], daily[2], n_eff=savings.n_eff, k_eff=savings.k_eff)


@dataclass(frozen=True, slots=True)
class Week:
    """One settled period of a quality series; ``start`` and ``end`` are reporting days."""

    start: int
    end: int
    point: float
    low: float
    high: float


def time_to_value(
    weeks: Sequence[Week], *, go_live: int, target: float, sustain: int
) -> tuple[Reckoning, dict[str, Any]]:
    """Days from going live to the first day of a run of periods that hold the target.

    The point asks that every figure of ``sustain`` successive periods reaches the target; the lower
    limit asks it of the upper limits, the upper limit of the lower ones. Where the intervals have
    not got there yet, the upper limit is the time observed so far and is marked as censored.

    Args:
        weeks: settled periods in order, refused ones left out.
        go_live: reporting day.
        target: least figure.
        sustain: periods in a row.
    """
    method = "sustained_runs"
    after = [week for week in weeks if week.end > go_live]
    starts = {
        name: _run(after, [getattr(week, name) >= target for week in after], sustain)
        for name in ("point", "low", "high")
    }
    detail: dict[str, Any] = {"periods": len(after), "target": target, "sustain": sustain}
    if len(after) < sustain:
        return Reckoning.refused(method, Refusal.BASELINE_SHORT), detail
    if starts["point"] is None or starts["high"] is None:
        return Reckoning.refused(method, Refusal.IMMATURE), {**detail, "reached": False}
    observed = after[-1].end - go_live
    surely = starts["low"]
    point = float(max(0, starts["point"] - go_live))
    low = float(max(0, starts["high"] - go_live))
    high = float(observed if surely is None else max(0, surely - go_live))
    return (
        Reckoning(method, point, low, max(high, point)),
        {**detail, "reached": True, "high_is_censored": surely is None},
    )


def _run(weeks: Sequence[Week], holds: Sequence[bool], sustain: int) -> int | None:
    length = 0
    for number, good in enumerate(holds):
        follows = number > 0 and weeks[number].start == weeks[number - 1].end
        length = (length + 1 if follows else 1) if good else 0
        if length == sustain:
            return weeks[number - sustain + 1].start
    return None
