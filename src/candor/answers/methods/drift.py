"""Methods about drift: is what happens now still what the frozen baseline leads one to expect?

Limits come from the baseline only. Performance is told apart from mix: a segment drifts when cases
of the same intent go differently, not when other cases come. Where many segments are looked at, the
limits are those of all of them together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from candor.answers import stacking
from candor.answers.derived import Ask, Figure, method
from candor.answers.stacking import Side
from candor.estimates import Reckoning, Refusal, Thresholds, compare
from candor.estimates.arithmetic import t_quantile
from candor.estimates.fairness import p_value
from candor.estimates.multiplicity import benjamini_hochberg
from candor.estimates.proportion import clopper_pearson
from candor.estimates.ratio import bucket_jackknife, gate, linearise
from candor.verdicts.history import History, Observation
from candor.verdicts.stability import stability
from candor.window import to_date

INTENT = "intent_id"
_NO_SPREAD = 1e-12
"""Buckets that all moved alike tell nothing of the uncertainty."""


def outside_limits(given: Mapping[str, Any]) -> Figure:
    """Share of judged days outside the control limits of the baseline days.

    ``baseline`` and ``judged`` are rows of (day, events, units); ``min_baseline`` is the fewest
    days the limits may be drawn from.
    """
    rows = {name: [tuple(row) for row in given[name]] for name in ("baseline", "judged")}
    observations = tuple(
        Observation(day, day + 1, events / units, units, events)
        for name in ("baseline", "judged")
        for day, events, units in rows[name]
        if units
    )
    size = len(rows["judged"])
    if not rows["baseline"] or not rows["judged"]:
        refusal = Refusal.BASELINE_SHORT if not rows["baseline"] else Refusal.NOTHING_OBSERVED
        return Figure.refused(refusal, eligible=size, observed=size)
    found = stability(
        History("", "share", "day", observations),
        baseline=(rows["baseline"][0][0], rows["baseline"][-1][0] + 1),
        judged=(rows["judged"][0][0], rows["judged"][-1][0] + 1),
        thresholds=Thresholds(baseline_points=given["min_baseline"]), runs=False,
    )  # fmt: skip
    if found.refusal is not None:
        return Figure.refused(found.refusal, missing=found.reason, eligible=size, observed=size)
    outside = [point for point in found.judged if point.side]
    days = len(found.judged)
    low, high = clopper_pearson(len(outside), days, level=given.get("level", 0.95))
    return Figure(
        len(outside) / days, low, high, n_eff=float(days), k_eff=float(days),
        eligible=days, observed=days, total=float(len(outside)), method="clopper_pearson_days",
        detail={
            "chart": found.chart, "baseline_days": found.baseline_points,
            "chance_of_a_false_signal": found.price,
            "outside": [
                {
                    "day": to_date(point.start).isoformat(), "value": point.value,
                    "low": point.low, "high": point.high,
                    "side": "above" if point.side > 0 else "below",
                }
                for point in outside
            ],
        },
    )  # fmt: skip


@method("days_outside_limits", pure=outside_limits, breakdown="each")
def days_outside_limits(ask: Ask) -> list[Figure]:
    """Days after the baseline whose rate lies outside the control limits drawn from the baseline."""
    both = ask.since_baseline()
    if both is None:
        return [Figure.refused(Refusal.BASELINE_SHORT, missing="days after a full baseline month")]
    given = {
        name: [
            (cell.period_start, cell.total, cell.den)
            for cell in ask.cells("metric", grain="day", period=period)
            if cell.period_start is not None and cell.den
        ]
        for name, period in zip(("baseline", "judged"), both, strict=True)
    }
    figure = outside_limits({**ask.params, **given, "level": ask.level})
    return [figure.within(customers=ask.cells("metric", period=both[1])[0].customers)]


def mix_divergence(given: Mapping[str, Any]) -> Figure:
    """Jensen–Shannon divergence (bits) of two mixes with a delete-one-bucket interval.

    ``now`` and ``before`` are member to ``[any, units]`` by bucket; members with fewer than
    ``min_cell`` units on either side are put together.
    """
    now, before = (stacking.side(given[name]) for name in ("now", "before"))
    level = given.get("level", 0.95)
    table = stacking.stack([before, now], floor=given["min_cell"])
    counts = table.denominators
    sizes = [stacking.units_of(side) for side in (before, now)]
    people = given.get("customers", sizes)
    for side in (0, 1):
        per_bucket = [int(m) for m in counts[:, :, side].sum(axis=1)]
        refusal, k_eff = gate(
            per_bucket, units=sizes[side], customers=people[side],
            thresholds=stacking.given_thresholds(given),
        )  # fmt: skip
        if refusal is not None:
            return Figure.refused(refusal, k_eff=k_eff, eligible=sizes[1], observed=sizes[1])
    totals = table.units
    effect = _design_effect(counts[:, :, 1])
    found = compare.drift(totals[:, 1].tolist(), totals[:, 0].tolist(), design_effect=effect)
    if isinstance(found, Refusal):
        return Figure.refused(found, eligible=sizes[1], observed=sizes[1])
    members = len(table.members)
    rows = [[*map(int, bucket[:, 0]), *map(int, bucket[:, 1])] for bucket in counts if bucket.any()]

    def divergence(sums: Sequence[int]) -> float:
        old, new = sums[:members], sums[members:]
        return compare.jensen_shannon([x / sum(new) for x in new], [x / sum(old) for x in old])

    spread = bucket_jackknife(rows, divergence)
    filled = counts[:, :, 1].sum(axis=1)
    k_eff = float(filled.sum() ** 2 / (filled**2).sum())
    low, high = spread.limits(level, k_eff - 1)
    return Figure(
        spread.value, max(0.0, low), min(1.0, high), n_eff=sizes[1] / effect, k_eff=k_eff,
        eligible=sizes[1], observed=sizes[1], customers=min(people), method="js_jackknife",
        detail={
            "psi": found.psi, "psi_threshold": found.threshold, "p": found.p,
            "design_effect": effect, "is_beyond_sampling_noise": found.psi > found.threshold,
            "shares": {
                str(name): {"now": float(new / sizes[1]), "before": float(old / sizes[0])}
                for name, (old, new) in zip(table.members, totals.tolist(), strict=True)
            },
        },
    )  # fmt: skip


@method("mix_divergence", pure=mix_divergence, breakdown="each")
def mix_divergence_of(ask: Ask) -> list[Figure]:
    """Mix of intents after the baseline against that of the baseline."""
    both = ask.since_baseline()
    if both is None:
        return [Figure.refused(Refusal.BASELINE_SHORT, missing="days after a full baseline month")]
    sides = [
        stacking.side_of(ask.cells("metric", by=(INTENT,), period=period), INTENT)
        for period in both
    ]
    people = [ask.cells("metric", period=period)[0].customers for period in both]
    return [
        mix_divergence(
            {
                **ask.params, "level": ask.level, "thresholds": ask.thresholds,
                "before": sides[0], "now": sides[1], "customers": people,
            }
        )
    ]  # fmt: skip


def _design_effect(counts: stacking.Table) -> float:
    """Units per independent unit: mean over members of clustered over binomial variance, ≥ 1."""
    per_bucket = [int(m) for m in counts.sum(axis=1)]
    total = sum(per_bucket)
    effects = []
    for member in range(counts.shape[1]):
        own = [int(x) for x in counts[:, member]]
        share = sum(own) / total
        if 0 < share < 1:
            se = linearise(own, per_bucket).se
            effects.append(se * se * total / (share * (1 - share)))
    return max(1.0, math.fsum(effects) / len(effects)) if effects else 1.0


def mix_effect(given: Mapping[str, Any]) -> Figure:
    """The part of a change that the mix made; the rest and the whole in the detail.

    ``now`` and ``before`` are member to sums by bucket; ``scale`` divides the totals.
    """
    now, before = (stacking.side(given[name]) for name in ("now", "before"))
    sizes = [stacking.units_of(side) for side in (before, now)]
    shared: dict[str, Any] = {"eligible": sizes[1], "observed": sizes[1]}
    if min(sizes) == 0:
        return Figure.refused(Refusal.NOTHING_OBSERVED, **shared)
    table = stacking.stack([before, now], floor=given["min_cell"])
    if not (table.units > 0).all(axis=1).any():
        return Figure.refused(Refusal.NO_OVERLAP, **shared)
    if len(table.members) < 2:  # with everything put together there is no mix to tell apart
        return Figure.refused(Refusal.TOO_FEW, **shared)
    people = given.get("customers", min(sizes))
    found = _apart(table, given, people)
    if isinstance(found, Refusal):
        return Figure.refused(found, **shared)
    whole = found.found
    return Figure.of(
        found.mix, customers=people, **shared,
        detail={
            "change": whole.change,
            "performance": _limits(found.performance),
            "mix": _limits(found.mix),
            "entry_exit": _limits(found.entry_exit),
            "is_mix_driven": whole.mix_driven,
            "is_paradox": whole.change > 0
            and (found.mix.low or 0.0) > 0
            and (found.performance.low or 0.0) <= 0,
            "members": {
                str(name): {"performance": rate, "mix": mix}
                for name, (rate, mix, _) in zip(table.members, whole.cells, strict=True)
            },
        },
    )  # fmt: skip


@method("mix_effect", pure=mix_effect, breakdown="each")
def mix_effect_of(ask: Ask) -> list[Figure]:
    """Change of the mean since the baseline that only another mix of intents made (Kitagawa)."""
    both = ask.since_baseline()
    if both is None:
        return [Figure.refused(Refusal.BASELINE_SHORT, missing="days after a full baseline month")]
    sides = [
        stacking.side_of(ask.cells("metric", by=(INTENT,), period=period), INTENT)
        for period in both
    ]
    people = min(ask.cells("metric", period=period)[0].customers for period in both)
    return [
        mix_effect(
            {
                **ask.params, "level": ask.level, "thresholds": ask.thresholds,
                "before": sides[0], "now": sides[1], "customers": people,
                "scale": ask.counted("metric").scale,
            }
        )
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Moved:
    dimension: str
    member: str | None
    found: Reckoning
    spread: float
    units: int


def greatest_change(given: Mapping[str, Any]) -> Figure:
    """The greatest change of performance among many segments, in baseline standard deviations.

    ``segments`` list ``dimension``, ``member`` and its sums by intent ``now`` and ``before``; a
    segment with fewer than ``min_units`` units on either side takes no part. Limits are
    simultaneous over all segments judged (Bonferroni).
    """
    level = given.get("level", 0.95)
    moved = []
    for segment in given["segments"]:
        one = _moved(segment, given)
        if one is not None:
            moved.append(one)
    if not moved:
        return Figure.refused(Refusal.TOO_FEW)
    beyond = 1 - (1 - level) / len(moved)
    probabilities = [p_value(one.found) or 0.0 for one in moved]
    flagged = benjamini_hochberg(probabilities, level=1 - level)
    table: list[dict[str, Any]] = []
    for one, p, is_flagged in zip(moved, probabilities, flagged, strict=True):
        half = t_quantile(beyond, (one.found.k_eff or 2.0) - 1) * (one.found.se or 0.0)
        point = one.found.point or 0.0
        table.append(
            {
                "dimension": one.dimension, "member": one.member, "change": point,
                "low": point - half, "high": point + half, "p": p,
                "standardised": point / one.spread,
                "is_outside": abs(point) > half, "is_found": is_flagged, "units": one.units,
            }
        )  # fmt: skip
    order = sorted(
        range(len(moved)),
        key=lambda at: (
            -abs(table[at]["standardised"]),
            moved[at].dimension,
            str(moved[at].member),
        ),
    )
    worst, row = moved[order[0]], table[order[0]]
    sign = 1.0 if row["change"] >= 0 else -1.0
    limits = sorted((sign * row["low"] / worst.spread, sign * row["high"] / worst.spread))
    units = sum(one.units for one in moved if one.dimension == worst.dimension)
    return Figure(
        abs(row["standardised"]), limits[0], limits[1], n_eff=worst.found.n_eff,
        k_eff=worst.found.k_eff, eligible=units, observed=units, method="greatest_change_bonferroni",
        detail={
            "segments_judged": len(moved),
            "segments_outside": sum(1 for one in table if one["is_outside"]),
            "greatest": f"{worst.dimension}={worst.member}",
            "table": [table[at] for at in order],
        },
    )  # fmt: skip


def _moved(segment: Mapping[str, Any], given: Mapping[str, Any]) -> _Moved | None:
    now, before = (stacking.side(segment[name]) for name in ("now", "before"))
    sizes = [stacking.units_of(side) for side in (before, now)]
    if min(sizes) < given["min_units"]:
        return None
    table = stacking.stack([before, now], floor=given["min_cell"])
    if not (table.units > 0).all(axis=1).any():
        return None
    scale = given.get("scale", 1)
    # Persons are not counted per segment and intent; there are at least as many as buckets.
    found = _apart(table, given, len(table.denominators))
    old = sum(x for sums in before.values() for x, _ in sums.values()) / sizes[0] / scale
    spread = math.sqrt(old * (1 - old)) if 0 < old < 1 else 0.0
    if isinstance(found, Refusal) or spread == 0 or (found.performance.se or 0.0) < _NO_SPREAD:
        return None
    return _Moved(segment["dimension"], segment["member"], found.performance, spread, sizes[1])


def _apart(
    table: stacking.Stack, given: Mapping[str, Any], customers: int
) -> compare.Kitagawa | Refusal:
    """Performance and mix of a change, either side large enough by itself."""
    thresholds = stacking.given_thresholds(given)
    for side in (0, 1):
        per_bucket = [int(m) for m in table.denominators[:, :, side].sum(axis=1)]
        refusal, _ = gate(
            per_bucket, units=sum(per_bucket), customers=customers, thresholds=thresholds
        )
        if refusal is not None:
            return refusal
    try:
        return compare.kitagawa(
            table.numerators / given.get("scale", 1), table.denominators.astype(float),
            customers=customers, level=given.get("level", 0.95), thresholds=thresholds,
        )  # fmt: skip
    except ValueError:  # without one bucket the two sides share no member any more
        return Refusal.TOO_FEW_CUSTOMERS


@method("greatest_change", pure=greatest_change, breakdown="none")
def greatest_change_of(ask: Ask) -> list[Figure]:
    """Performance of every segment since the baseline, at equal mix of intents; the greatest change."""
    both = ask.since_baseline()
    if both is None:
        return [Figure.refused(Refusal.BASELINE_SHORT, missing="days after a full baseline month")]
    segments = []
    for dimension in ask.params["dimensions"]:
        before, now = (_nested(ask, dimension, period) for period in both)
        # A release that came after the baseline is held against everything the baseline holds.
        whole = _merged(before) if dimension == "release" else None
        segments += [
            {"dimension": dimension, "member": member, "now": now[member],
             "before": whole if whole is not None else before[member]}
            for member in now
            if whole is not None or member in before
        ]  # fmt: skip
    figure = greatest_change(
        {
            **ask.params, "level": ask.level, "thresholds": ask.thresholds, "segments": segments,
            "scale": ask.counted("metric").scale,
        }
    )  # fmt: skip
    return [figure.within(customers=ask.cells("metric", period=both[1])[0].customers)]


def _nested(ask: Ask, dimension: str, period: Any) -> dict[str | None, Side]:
    """Member of a dimension to its sums by intent."""
    by = (dimension,) if dimension == INTENT else (dimension, INTENT)
    found: dict[str | None, dict[str | None, dict[int, tuple[int, int]]]] = {}
    for cell in ask.cells("metric", by=by, period=period):
        if cell.segment and cell.den:
            own = found.setdefault(cell.segment[dimension], {})
            own[cell.segment[INTENT]] = stacking.bucket_sums(cell)
    return dict(found)


def _merged(sides: Mapping[str | None, Side]) -> Side:
    found: dict[str | None, dict[int, tuple[int, int]]] = {}
    for side in sides.values():
        for intent, sums in side.items():
            found[intent] = stacking.summed({"a": found.get(intent, {}), "b": sums})
    return found


def _limits(found: Reckoning) -> dict[str, float | None]:
    return {"point": found.point, "low": found.low, "high": found.high}
