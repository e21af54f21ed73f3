"""From a measure to an estimate: chooses the estimator, applies refusals and caveats in order.

The only place where a `MeasureCell` becomes an `Estimate`. Integers are divided by the unit's scale
(microseconds to seconds, millionths to one) exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from candor.estimates import compare, mean, rare, time_to_event
from candor.estimates import quantile as sketch
from candor.estimates.arithmetic import divide, t_quantile
from candor.estimates.bounds import resolution_bounds
from candor.estimates.estimate import (
    DEFAULT_THRESHOLDS,
    Bounds,
    Caveat,
    Estimate,
    Evidence,
    Reckoning,
    Refusal,
    Thresholds,
    weakest,
)
from candor.estimates.ratio import bucket_ratio, linearise
from candor.measure import BucketSums, EstimatorKind, MeasureCell, Unit

SCALES: dict[str, int] = {
    "share": 1, "count": 1, "points": 1, "seconds": 1_000_000, "money": 1_000_000,
    "score": 1_000_000,
}  # fmt: skip
WEIGHT = 1_000_000
"""Weights of a sample are millionths of the units that a sampled one stands for."""
IMMATURE_REASONS = frozenset({"immature", "open"})
"""Reasons for an unknown or excluded unit that pass with time: its window, or itself, is open."""
BY_CONFIRMATION = "by_confirmation"


def make(
    cell: MeasureCell,
    *,
    estimator: EstimatorKind,
    unit: Unit,
    level: float = 0.95,
    evidence: str,
    snapshot: str,
    as_of: str,
    definition: str = "",
    quantile: float | None = None,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
    immature_reasons: frozenset[str] = IMMATURE_REASONS,
) -> Estimate:
    """One estimate of one cell.

    Args:
        cell: exact sums.
        estimator: how the sums become a figure.
        unit: what the figure is measured in; fixes the scale of the sums.
        level: confidence level.
        evidence: grade, or `by_confirmation`: the weakest rung among the units.
        snapshot: id of the publication.
        as_of: instant up to which data were read (ISO).
        definition: ``name@version``; that of the cell when left out.
        quantile: which quantile; the median when left out.
        thresholds: floors of refusals and caveats.
        immature_reasons: reasons that count as not past the window.

    Raises:
        ValueError: an estimator or a grade that does not exist.
    """
    reckoning = _reckon(
        cell, estimator, unit, level=level, q=0.5 if quantile is None else quantile,
        thresholds=thresholds, immature_reasons=immature_reasons,
    )  # fmt: skip
    unknown = sum(cell.unknown.values())
    known = cell.available
    return Estimate(
        metric=cell.metric,
        definition=definition or cell.definition,
        grain=cell.grain,
        period_start=cell.period_start,
        period_end=cell.period_end,
        segment=dict(cell.segment),
        eligible=cell.observed + unknown,
        observed=cell.observed,
        unknown=unknown,
        unknown_reasons=dict(cell.unknown),
        excluded=dict(cell.excluded),
        total=divide(cell.total, WEIGHT if estimator == "sampled" else SCALES[unit])
        if known
        else None,
        point=reckoning.point,
        low=reckoning.low,
        high=reckoning.high,
        level=level,
        n_eff=reckoning.n_eff,
        customers=cell.customers,
        k_eff=reckoning.k_eff,
        method=reckoning.method,
        evidence=reckoning.evidence or _grade(cell, evidence),
        unit=unit,
        refusal=reckoning.refusal,
        caveats=(*_caveats(cell, reckoning, thresholds), *reckoning.caveats),
        snapshot=snapshot,
        as_of=as_of,
        bounds=_bounds(cell, level, thresholds) if estimator in ("proportion", "rare") else None,
        missing=cell.missing,
    )


def change(
    current: MeasureCell,
    previous: MeasureCell,
    *,
    unit: Unit,
    level: float = 0.95,
    evidence: str,
    snapshot: str,
    as_of: str,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
    immature_reasons: frozenset[str] = IMMATURE_REASONS,
) -> Estimate:
    """Current minus previous of a share, mean or ratio, with the customers of both accounted for.

    The cell, counts and exclusions reported are those of the current period. A change of a share
    is in `points`. Quantiles have no such change: hold their two intervals against each other.

    Args:
        current: the metric in the later period.
        previous: the same metric and segment in the earlier period.
        unit: what the metric is measured in.
        level: confidence level.
        evidence: grade, as for `make`.
        snapshot: id of the publication.
        as_of: instant up to which data were read (ISO).
        thresholds: floors of refusals and caveats.
        immature_reasons: reasons that count as not past the window.
    """
    method = "bucket_jackknife"
    if not (current.available and previous.available):
        found = Reckoning.refused(method, Refusal.UNAVAILABLE)
    elif current.definition != previous.definition:
        found = Reckoning.refused(method, Refusal.INCOMPATIBLE)
    else:
        buckets = sorted({*current.buckets, *previous.buckets})
        found = compare.ratio_change(
            _aligned(current, buckets), _aligned(previous, buckets),
            units=(current.observed, previous.observed),
            customers=(current.customers, previous.customers),
            level=level, scale=SCALES[unit], thresholds=thresholds,
        )  # fmt: skip
        waits = any(_is_immature(c, thresholds, immature_reasons) for c in (current, previous))
        if waits and found.refusal in (None, Refusal.NOTHING_OBSERVED):
            found = Reckoning.refused(method, Refusal.IMMATURE, k_eff=found.k_eff)
    unknown = sum(current.unknown.values())
    return Estimate(
        metric=current.metric,
        definition=current.definition,
        grain=current.grain,
        period_start=current.period_start,
        period_end=current.period_end,
        segment=dict(current.segment),
        eligible=current.observed + unknown,
        observed=current.observed,
        unknown=unknown,
        unknown_reasons=dict(current.unknown),
        excluded=dict(current.excluded),
        total=None,
        point=found.point,
        low=found.low,
        high=found.high,
        level=level,
        n_eff=found.n_eff,
        customers=min(current.customers, previous.customers),
        k_eff=found.k_eff,
        method=found.method,
        evidence=weakest((_grade(current, evidence), _grade(previous, evidence))),
        unit="points" if unit == "share" else unit,
        refusal=found.refusal,
        caveats=tuple(_caveats(current, found, thresholds)),
        snapshot=snapshot,
        as_of=as_of,
        missing=current.missing or previous.missing,
    )


def _aligned(cell: MeasureCell, buckets: list[int]) -> tuple[list[int], list[int]]:
    """Numerators and denominators over a common list of buckets."""
    none = BucketSums()
    rows = [cell.buckets.get(bucket, none) for bucket in buckets]
    return [sums.total for sums in rows], [sums.den for sums in rows]


def _reckon(
    cell: MeasureCell,
    estimator: EstimatorKind,
    unit: Unit,
    *,
    level: float,
    q: float,
    thresholds: Thresholds,
    immature_reasons: frozenset[str],
) -> Reckoning:
    estimators: dict[str, Callable[[], Reckoning]] = {
        "proportion": lambda: _ratio(cell, unit, level, thresholds),
        "mean": lambda: _ratio(cell, unit, level, thresholds),
        "ratio": lambda: _ratio(cell, unit, level, thresholds),
        "quantile": lambda: _quantile(cell, unit, level, q, thresholds),
        "time_to_event": lambda: _time_to_event(cell, level, thresholds),
        "sampled": lambda: _sampled(cell, level, thresholds),
        "rare": lambda: _rare(cell, unit, level, thresholds),
        "count": lambda: _count(cell, unit),
    }
    if estimator not in estimators:
        raise ValueError(f"'{estimator}' is not one of {', '.join(estimators)}")
    if not cell.available:
        return Reckoning.refused(estimator, Refusal.UNAVAILABLE)
    found = estimators[estimator]()
    waits = estimator not in ("count", "time_to_event")
    refused_worse = found.refusal is not None and found.refusal is not Refusal.NOTHING_OBSERVED
    if waits and not refused_worse and _is_immature(cell, thresholds, immature_reasons):
        return Reckoning.refused(found.method, Refusal.IMMATURE, k_eff=found.k_eff)
    return found


def _is_immature(
    cell: MeasureCell, thresholds: Thresholds, immature_reasons: frozenset[str]
) -> bool:
    waiting = sum(n for reason, n in cell.unknown.items() if reason in immature_reasons)
    excluded = sum(n for reason, n in cell.excluded.items() if reason in immature_reasons)
    units = cell.observed + sum(cell.unknown.values()) + excluded
    return units > 0 and units - waiting - excluded < thresholds.mature_share * units


def _columns(cell: MeasureCell) -> tuple[list[int], list[int]]:
    """Numerator and denominator sums in bucket order."""
    ordered = [cell.buckets[bucket] for bucket in sorted(cell.buckets)]
    return [sums.total for sums in ordered], [sums.den for sums in ordered]


def _ratio(cell: MeasureCell, unit: Unit, level: float, thresholds: Thresholds) -> Reckoning:
    x, m = _columns(cell)
    is_share = unit == "share" and all(0 <= xb <= mb for xb, mb in zip(x, m, strict=True))
    scale = SCALES[unit]
    sums = list(cell.buckets.values())
    spread = mean.unit_variance(
        units=cell.observed,
        total=cell.total,
        total_sq=sum(s.total_sq for s in sums),
        den=cell.den,
        den_sq=sum(s.den_sq for s in sums),
        cross=sum(s.cross for s in sums),
        scale=scale,
    )
    found = bucket_ratio(
        x, m,
        kind="share" if is_share else "money" if unit == "money" else "mean",
        units=cell.observed, customers=cell.customers, level=level, scale=scale,
        unit_variance=spread, thresholds=thresholds,
    )  # fmt: skip
    counts_nothing = found.refusal is None and unit == "count" and not any(x)
    if counts_nothing and found.k_eff is not None:
        return mean.zero_count(cell.customers, found.k_eff, level=level)
    return found


def _quantile(
    cell: MeasureCell, unit: Unit, level: float, q: float, thresholds: Thresholds
) -> Reckoning:
    shared = _ratio(cell, unit, level, thresholds)
    if shared.refusal is not None:
        return Reckoning.refused(f"sketch_p{q * 100:g}", shared.refusal, k_eff=shared.k_eff)
    # The share below the quantile is not kept per bucket; the design effect of the mean stands in.
    deff = cell.observed / shared.n_eff if shared.n_eff else 1.0
    counts: dict[int, int] = {}
    for bucket, n in cell.histogram.items():
        # Integer values start at bucket 0, so anything below holds values of zero or less.
        own = bucket if bucket >= 0 else sketch.NOT_POSITIVE
        counts[own] = counts.get(own, 0) + n
    return sketch.sketch_quantile(
        counts, q, design_effect=deff, level=level, scale=SCALES[unit], k_eff=shared.k_eff,
        thresholds=thresholds,
    )  # fmt: skip


def _count(cell: MeasureCell, unit: Unit) -> Reckoning:
    if not cell.observed:  # nobody counted: no zero
        return Reckoning.refused("count", Refusal.NOTHING_OBSERVED)
    return Reckoning("count", point=divide(cell.total, SCALES[unit]))


def _without_correction(n_eff: float | None, clusters: int) -> float | None:
    """Exact limits allow for few units themselves: the factor K / (K − 1) is taken out again."""
    return None if n_eff is None else n_eff * clusters / (clusters - 1)


def _rare(cell: MeasureCell, unit: Unit, level: float, thresholds: Thresholds) -> Reckoning:
    """Poisson limits as long as the event is rare, else those of any share."""
    if cell.den and cell.total > rare.RARE * cell.den:
        return _ratio(cell, unit, level, thresholds)
    return rare.clustered_rate(
        *_columns(cell), customers=cell.customers, level=level, thresholds=thresholds
    )


def _sampled(cell: MeasureCell, level: float, thresholds: Thresholds) -> Reckoning:
    shared = _ratio(cell, "share", level, thresholds)
    if shared.refusal is not None:
        return shared
    found = rare.sampled_share(
        cell.total, cell.den, sum(sums.den_sq for sums in cell.buckets.values()),
        n_clustered=_without_correction(shared.n_eff, len(cell.buckets)), level=level,
    )  # fmt: skip
    return replace(found, k_eff=shared.k_eff)


def _time_to_event(cell: MeasureCell, level: float, thresholds: Thresholds) -> Reckoning:
    width = max((len(row) for row in cell.at_risk_by_delay.values()), default=0)
    buckets = sorted(cell.at_risk_by_delay)

    def days(counts: Mapping[int, tuple[int, ...]], bucket: int) -> tuple[int, ...]:
        row = counts.get(bucket, ())
        return (*row, *(0,) * (width - len(row)))

    return time_to_event.clustered_incidence(
        [days(cell.events_by_delay, bucket) for bucket in buckets],
        [days(cell.at_risk_by_delay, bucket) for bucket in buckets],
        customers=cell.customers, level=level, thresholds=thresholds,
    )  # fmt: skip


def _grade(cell: MeasureCell, evidence: str) -> Evidence:
    if evidence != BY_CONFIRMATION:
        return Evidence(evidence)
    all_confirmed = bool(cell.total) and cell.confirmed == cell.total
    return Evidence.CUSTOMER_CONFIRMED if all_confirmed else Evidence.CENSUS


def _caveats(cell: MeasureCell, found: Reckoning, thresholds: Thresholds) -> list[Caveat]:
    if found.refusal is not None or found.method == "count":
        return []
    caveats = []
    _, m = _columns(cell)
    dominant = max(m, default=0) > thresholds.dominant_share * sum(m)
    if dominant or (found.k_eff is not None and found.k_eff < thresholds.low_k_eff):
        caveats.append(Caveat.DOMINANT_CUSTOMER)
    if cell.anonymous > thresholds.anonymous_share * cell.observed:
        caveats.append(Caveat.ANONYMOUS_CUSTOMERS)
    return caveats


def _bounds(cell: MeasureCell, level: float, thresholds: Thresholds) -> Bounds | None:
    """Bounds of a share with unknown or confirmed outcomes, where its own interval exists."""
    unknown = sum(cell.unknown.values())
    if not cell.available or (not unknown and cell.confirmed is None):
        return None
    found = _ratio(cell, "share", level, thresholds)
    if found.refusal is not None or not found.n_eff or found.k_eff is None:
        return None
    x, m = _columns(cell)
    return resolution_bounds(
        true=cell.total, false=cell.observed - cell.total, unknown=unknown,
        confirmed=cell.confirmed, design_effect=cell.observed / found.n_eff,
        quantile=t_quantile(level, linearise(x, m).k_eff - 1),
    )  # fmt: skip
