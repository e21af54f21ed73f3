"""Outcomes that need time: reopening, return, refund — Kaplan–Meier, competing risks, nowcast.

Delays are whole days; counts of events and of units at risk come per delay day and, for clustered
limits, per customer bucket. Censoring is by staggered entry only, and the law of the delay is
taken as stable across entry dates. No event so far is not the same as solved. References: Kaplan &
Meier 1958; Aalen & Johansen 1978.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from candor.estimates.arithmetic import divide, normal_quantile, t_quantile
from candor.estimates.estimate import (
    DEFAULT_THRESHOLDS,
    Caveat,
    Evidence,
    Reckoning,
    Refusal,
    Thresholds,
)
from candor.estimates.proportion import clopper_pearson, wilson
from candor.estimates.ratio import bucket_jackknife


@dataclass(frozen=True, slots=True)
class Survival:
    """Kaplan–Meier curve at each step.

    Attributes:
        survival: share without event after each step.
        se: Greenwood standard error of it.
        low, high: log–log limits of it; None where the curve is 1 or 0.
    """

    survival: tuple[float, ...]
    se: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]


def km(events: Sequence[int], at_risk: Sequence[int], *, level: float = 0.95) -> Survival:
    """Kaplan–Meier with log–log Greenwood limits.

    Args:
        events: events at each step (delay day), W integers.
        at_risk: units at risk at the start of each step.
        level: confidence level.

    Raises:
        ValueError: more events than units at risk, or the lengths differ.
    """
    z = normal_quantile(level)
    alive, greenwood = 1.0, 0.0
    survival: list[float] = []
    errors: list[float] = []
    limits: list[tuple[float | None, float | None]] = []
    for e, r in zip(events, at_risk, strict=True):
        if not 0 <= e <= r:
            raise ValueError(f"{e} events among {r} at risk")
        if e:
            alive *= divide(r - e, r)
            greenwood = greenwood + divide(e, r * (r - e)) if e < r else math.inf
        survival.append(alive)
        errors.append(alive * math.sqrt(greenwood) if alive else 0.0)
        if 0 < alive < 1:
            spread = z * math.sqrt(greenwood) / math.log(alive)
            limits.append((alive ** math.exp(-spread), alive ** math.exp(spread)))
        else:
            limits.append((None, None))
    low, high = ([pair[i] for pair in limits] for i in (0, 1))
    return Survival(tuple(survival), tuple(errors), tuple(low), tuple(high))


def steps(
    times: Sequence[int], happened: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Distinct event times, events at each, units at risk at each, from one row per unit."""
    moments = sorted({t for t, e in zip(times, happened, strict=True) if e})
    events = [sum(1 for t, e in zip(times, happened, strict=True) if e and t == m) for m in moments]
    at_risk = [sum(1 for t in times if t >= m) for m in moments]
    return tuple(moments), tuple(events), tuple(at_risk)


def clustered_incidence(
    events: Sequence[Sequence[int]],
    at_risk: Sequence[Sequence[int]],
    *,
    customers: int,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """Share with the event within W days, with delete-one-bucket limits.

    Args:
        events: K rows (buckets) of W delay days.
        at_risk: K rows of W delay days, at the start of the day.
        customers: distinct customers.
        level: confidence level.
        thresholds: floors of the refusals.
    """
    method = "km_jackknife"
    rows = [(*e, *r) for e, r in zip(events, at_risk, strict=True) if any(r)]
    if not rows:
        return Reckoning.refused(method, Refusal.NOTHING_OBSERVED)
    width = len(rows[0]) // 2
    entered = [row[width] for row in rows]
    k_eff = divide(sum(entered) ** 2, sum(m * m for m in entered)) if sum(entered) else 0.0
    last = sum(row[-1] for row in rows)
    if last == 0:
        return Reckoning.refused(method, Refusal.IMMATURE, k_eff=k_eff)
    if last < thresholds.min_units:
        return Reckoning.refused(method, Refusal.TOO_FEW, k_eff=k_eff)
    few = min(customers, len(rows)) < thresholds.min_customers
    if few or k_eff < thresholds.min_k_eff:
        return Reckoning.refused(method, Refusal.TOO_FEW_CUSTOMERS, k_eff=k_eff)
    found = bucket_jackknife(rows, lambda totals: _incidence(totals[:width], totals[width:]))
    point = found.value
    if found.variance == 0 or not 0 < point < 1:
        low, high = clopper_pearson(point * customers, customers, level=level)
        n_eff = float(customers)
    else:
        n_eff = point * (1 - point) / found.variance
        low, high = wilson(point, n_eff, t_quantile(level, k_eff - 1))
    return Reckoning(
        method, point, low, high, n_eff=n_eff, k_eff=k_eff, se=math.sqrt(found.variance)
    )


def _incidence(events: Sequence[int], at_risk: Sequence[int]) -> float:
    alive = 1.0
    for e, r in zip(events, at_risk, strict=True):
        if e:
            alive *= divide(r - e, r)
    return 1.0 - alive


def aalen_johansen(
    events: Sequence[Sequence[int]], at_risk: Sequence[int]
) -> tuple[tuple[float, ...], ...]:
    """Cumulative incidence of each cause; another cause is a competitor, not a censoring.

    Args:
        events: W rows (steps) of J causes.
        at_risk: units at risk at the start of each step.

    Returns:
        J curves of W values.

    Raises:
        ValueError: more events than units at risk, or the lengths differ.
    """
    causes = len(events[0]) if events else 0
    alive = 1.0
    reached = [0.0] * causes
    curves: list[list[float]] = [[] for _ in range(causes)]
    for row, r in zip(events, at_risk, strict=True):
        if sum(row) > r:
            raise ValueError(f"{sum(row)} events among {r} at risk")
        for j, d in enumerate(row):
            if d:
                reached[j] += alive * divide(d, r)
            curves[j].append(reached[j])
        if sum(row):
            alive *= divide(r - sum(row), r)
    return tuple(tuple(curve) for curve in curves)


def nowcast(
    happened: Sequence[int],
    age: Sequence[float],
    survival: Sequence[float],
    *,
    window: int,
    level: float = 0.95,
    tolerance: float | None = None,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """The share a recent cohort will reach, from the delay law of a longer stable period.

    A unit without event so far counts with the probability that it still comes. The interval holds
    the spread among units and that of the events still to come, not that of the delay law.

    Args:
        happened: 1 where the event came already, n units.
        age: days each unit has been observed.
        survival: share without event at day 0 … W of the reference period.
        window: W in days.
        level: confidence level.
        tolerance: half-width beyond which the answer is `immature`.
        thresholds: floor of units.
    """
    method = "nowcast"
    n = len(happened)
    if n < thresholds.min_units:
        return Reckoning.refused(method, Refusal.TOO_FEW if n else Refusal.NOTHING_OBSERVED)
    if survival[window] <= 0 or survival[0] != 1:
        raise ValueError("the reference curve must start at 1 and not reach 0 inside the window")
    chances = [
        1.0 if came else 1 - survival[window] / _at(survival, min(a, window))
        for came, a in zip(happened, age, strict=True)
    ]
    point = math.fsum(chances) / n
    spread = math.fsum((c - point) ** 2 for c in chances) / n
    to_come = math.fsum(c * (1 - c) for c in chances) / n
    se = math.sqrt((spread + to_come) / n)
    half = normal_quantile(level) * se
    if tolerance is not None and half > tolerance:
        return Reckoning.refused(method, Refusal.IMMATURE)
    n_eff = point * (1 - point) / se**2 if se else float(n)
    low, high = wilson(point, n_eff, level=level)
    return Reckoning(
        method, point, low, high, n_eff=n_eff, k_eff=float(n), se=se,
        caveats=(Caveat.NOWCAST,), evidence=Evidence.PROVISIONAL,
    )  # fmt: skip


def _at(curve: Sequence[float], age: float) -> float:
    """The curve between whole days, on a straight line."""
    day = int(age)
    if day + 1 >= len(curve):
        return curve[-1]
    return curve[day] + (age - day) * (curve[day + 1] - curve[day])
