"""Gaps between groups of customers: against a declared reference, raw and at equal mix.

Labels and error rates must come from within each group before figures arrive here: a judge that
errs more in one language makes a gap of its own. Attributes are usually proxies. Differences of
shares are `points`, stored 0–1; group minus reference. Sources: STATISTICS §7; Holm 1979; direct
standardisation after Keiding & Clayton 2014.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from candor.estimates.arithmetic import t_quantile
from candor.estimates.compare import ratio_change
from candor.estimates.equivalence import detectable_gap
from candor.estimates.estimate import DEFAULT_THRESHOLDS, Reckoning, Refusal, Thresholds
from candor.estimates.multiplicity import holm_adjusted
from candor.estimates.ratio import gate

Table = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Group:
    """Sums of one group by customer bucket; all groups list the same buckets.

    Attributes:
        numerators, denominators: K integers each.
        units: observed units.
        customers: distinct customers.
    """

    numerators: Sequence[int]
    denominators: Sequence[int]
    units: int
    customers: int


@dataclass(frozen=True, slots=True)
class Gap:
    """One group against the reference.

    Attributes:
        found: group minus reference with its interval at the single-comparison level.
        p: two-sided p-value of no difference; None when refused.
        adjusted: the same, adjusted over all groups (Holm).
        is_found: whether the adjusted p-value is below 1 − level.
        detectable: smallest true gap that would be found with 80 % power; None when refused.
    """

    found: Reckoning
    p: float | None
    adjusted: float | None
    is_found: bool
    detectable: float | None


def pairwise_gaps(
    groups: Mapping[str, Group],
    reference: str,
    *,
    level: float = 0.95,
    scale: int = 1,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Mapping[str, Gap]:
    """Each group minus the reference, with Holm's adjustment over the groups that can be judged.

    The same customer bucket leaves both groups, so people who belong to two groups are accounted
    for. Groups too small to judge are refused and take no part in the adjustment.

    Args:
        groups: sums by group, the reference among them.
        reference: the declared reference.
        level: confidence level.
        scale: differences are divided by it.
        thresholds: floors of the refusals, applied to each group.

    Raises:
        KeyError: the reference is not among the groups.
    """
    base = groups[reference]
    gaps = {}
    for name, group in groups.items():
        if name != reference:
            gaps[name] = ratio_change(
                (group.numerators, group.denominators), (base.numerators, base.denominators),
                units=(group.units, base.units), customers=(group.customers, base.customers),
                level=level, scale=scale, thresholds=thresholds,
            )  # fmt: skip
    p = {name: p_value(gap) for name, gap in gaps.items()}
    judged = {name: value for name, value in p.items() if value is not None}
    adjusted = dict(zip(judged, holm_adjusted(list(judged.values())), strict=True))
    return {
        name: Gap(
            gap, p[name], adjusted.get(name),
            is_found=name in adjusted and adjusted[name] <= 1 - level + 1e-12,
            detectable=None if gap.se is None else detectable_gap(gap.se, 0.0, level=level),
        )
        for name, gap in gaps.items()
    }  # fmt: skip


def p_value(found: Reckoning, null: float = 0.0) -> float | None:
    """Two-sided p-value of a figure against ``null`` by its standard error and K_eff − 1 degrees."""
    if found.point is None or found.se is None or found.k_eff is None:
        return None
    if found.se == 0:
        return 1.0 if found.point == null else 0.0
    return 2 * float(special.stdtr(found.k_eff - 1, -abs(found.point - null) / found.se))


@dataclass(frozen=True, slots=True)
class Standardised:
    """Two groups held against each other at one mix of cells.

    Attributes:
        found: difference or ratio, group against reference, at the common mix.
        group, reference: their rates at that mix; None when refused.
        raw: the same contrast without standardising; None when refused.
        covered: share of both groups' units that lie in cells with enough units of both.
    """

    found: Reckoning
    group: float | None
    reference: float | None
    raw: float | None
    covered: float


def standardised_gap(
    numerators: Table,
    denominators: Table,
    *,
    customers: tuple[int, int],
    contrast: Literal["difference", "ratio"] = "difference",
    mix: Literal["pooled", "group"] = "pooled",
    scale: int = 1,
    min_cell: int = 10,
    min_covered: float = 0.5,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Standardised:
    """Direct standardisation: both groups at one mix of the cells they share.

    Cells with fewer than ``min_cell`` units of either group are put together into one rest, left
    out when it is still too small; cells of one group only are left out. Interval by
    delete-one-bucket jackknife; that of a ratio is taken on the logarithm.

    Args:
        numerators: [K, C, 2] integer sums by bucket, cell and group (0 reference, 1 group).
        denominators: [K, C, 2] units.
        customers: distinct customers of the reference and of the group.
        contrast: group minus, or over, reference.
        mix: at which mix both are shown: that of all units, or that of the group.
        scale: rates are divided by it (microseconds to seconds: 1,000,000).
        min_cell: fewest units of each group for a cell of its own.
        min_covered: share of units that the cells must hold.
        level: confidence level.
        thresholds: floors of the refusals, applied to each group.

    Returns:
        `no_overlap` when the groups share too little, `denominator_unstable` for a ratio to 0.
    """
    method = f"standardised_{contrast}"
    num, den = np.asarray(numerators, np.int64), np.asarray(denominators, np.int64)
    sizes = []
    for side, people in enumerate(customers):
        per_bucket = [int(m) for m in den[:, :, side].sum(axis=1)]
        refusal, k_eff = gate(
            per_bucket, units=sum(per_bucket), customers=people, thresholds=thresholds
        )
        if refusal is not None:
            return _refused(method, refusal, k_eff)
        sizes.append(k_eff or 0.0)
    k_eff = min(sizes)
    num, den = _collapse(num, den, min_cell)
    covered = float(den.sum()) / float(np.asarray(denominators, np.int64).sum())
    if den.shape[1] == 0 or covered < min_covered:
        return _refused(method, Refusal.NO_OVERLAP, k_eff, covered)
    totals_n, totals_d = num.sum(axis=0), den.sum(axis=0)
    base, own = _at_common_mix(totals_n, totals_d, scale, mix)
    if contrast == "ratio" and min(base, own) <= 0:
        return _refused(method, Refusal.DENOMINATOR_UNSTABLE, k_eff, covered)
    partial = []
    for b in np.flatnonzero(den.sum(axis=(1, 2))):
        rest = totals_d - den[b]
        if not (rest > 0).all(axis=1).any():  # one customer holds everything that is shared
            return _refused(method, Refusal.NO_OVERLAP, k_eff, covered)
        rates = _at_common_mix(totals_n - num[b], rest, scale, mix)
        if contrast == "ratio" and min(rates) <= 0:
            return _refused(method, Refusal.DENOMINATOR_UNSTABLE, k_eff, covered)
        partial.append(_contrast(rates, contrast))
    k = len(partial)
    centre = math.fsum(partial) / k
    se = math.sqrt((k - 1) / k * math.fsum((value - centre) ** 2 for value in partial))
    point = _contrast((base, own), contrast)
    half = t_quantile(level, k_eff - 1) * se
    limits = (point, point - half, point + half)
    if contrast == "ratio":
        limits = (math.exp(limits[0]), math.exp(limits[1]), math.exp(limits[2]))
        se *= limits[0]
    plain = np.asarray(numerators).sum(axis=(0, 1)) / np.asarray(denominators).sum(axis=(0, 1))
    raw = float((plain[1] - plain[0]) / scale if contrast == "difference" else plain[1] / plain[0])
    units = int(np.asarray(denominators).sum(axis=(0, 1)).min())
    found = Reckoning(method, *limits, n_eff=float(units), k_eff=k_eff, se=se)
    return Standardised(found, own, base, raw, covered)


def _refused(
    method: str, refusal: Refusal, k_eff: float | None, covered: float = 0.0
) -> Standardised:
    return Standardised(Reckoning.refused(method, refusal, k_eff=k_eff), None, None, None, covered)


def _contrast(rates: tuple[float, float], contrast: Literal["difference", "ratio"]) -> float:
    base, own = rates
    return own - base if contrast == "difference" else math.log(own / base)


def _at_common_mix(
    num: Table, den: Table, scale: int, mix: Literal["pooled", "group"]
) -> tuple[float, float]:
    """Rates of reference and group weighted by the units of each cell, pooled or the group's."""
    shared = (den > 0).all(axis=1)
    weights = den[shared].sum(axis=1) if mix == "pooled" else den[shared][:, 1]
    rates = num[shared] / (den[shared] * scale)
    base, own = ((rates[:, side] * weights).sum() / weights.sum() for side in (0, 1))
    return float(base), float(own)


def _collapse(num: Table, den: Table, min_cell: int) -> tuple[Table, Table]:
    """Cells with enough units of both groups, and the others together if they then have enough."""
    units = den.sum(axis=0)
    kept = (units >= min_cell).all(axis=1)
    thin = ~kept & (units > 0).all(axis=1)
    rest_num = num[:, thin].sum(axis=1, keepdims=True)
    rest_den = den[:, thin].sum(axis=1, keepdims=True)
    if thin.any() and (rest_den.sum(axis=0) >= min_cell).all():
        return (
            np.concatenate([num[:, kept], rest_num], axis=1),
            np.concatenate([den[:, kept], rest_den], axis=1),
        )
    return num[:, kept], den[:, kept]
