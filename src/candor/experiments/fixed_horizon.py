"""Two arms read once, at the end: Welch, ratios, a covariate from before, and relative lift.

Each method takes sums over customers. Absolute points are primary for rates; a relative lift goes
by Fieller, because the denominator is an estimate too. Reading before the horizon needs
`sequential`. Sources: Welch 1947; Deng et al. 2013 (CUPED); Fieller 1954.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from scipy import special

from candor.estimates.arithmetic import normal_quantile, t_quantile
from candor.estimates.estimate import DEFAULT_THRESHOLDS, Reckoning, Refusal, Thresholds
from candor.estimates.proportion import newcombe_diff, wilson
from candor.estimates.ratio import gate, linearise
from candor.experiments.arms import ArmSums, Comparison, covariance

Kind = Literal["share", "mean", "ratio", "cuped"]


def compare_arms(
    control: ArmSums,
    treatment: ArmSums,
    *,
    kind: Kind = "mean",
    relative: Literal["no", "fieller", "delta"] = "no",
    mature_share: float = 1.0,
    sample_ratio_ok: bool = True,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Comparison:
    """Treatment minus control, or its relative lift.

    Args:
        control: sums of the control customers.
        treatment: sums of the treated customers.
        kind: share of customers (y is 0 or 1), mean per customer, ratio of sums, or mean with the
            covariate taken out.
        relative: a lift instead of a difference; `delta` is for comparison with other tools.
        mature_share: smaller of the two arms' shares of units past their window.
        sample_ratio_ok: the assignment counts agree with the design (`srm`).
        level: confidence level.
        thresholds: floors of the refusals.

    Returns:
        A comparison whose ``found`` refuses `srm_failed`, `immature`, `too_few` or
        `denominator_unstable`.
    """
    method = f"welch_{kind}" if relative == "no" else f"{relative}_{kind}"
    refusal = _refusal(control, treatment, mature_share, sample_ratio_ok, thresholds)
    if refusal is not None:
        return Comparison(Reckoning.refused(method, refusal))
    sides = [_figure(arm, kind) for arm in (control, treatment)]
    if kind == "cuped":
        sides = _without_covariate(control, treatment)
    (mean_c, v_c), (mean_t, v_t) = sides
    if kind == "ratio" and min(control.m, treatment.m) <= 0:
        return Comparison(Reckoning.refused(method, Refusal.DENOMINATOR_UNSTABLE))
    degrees = satterthwaite([v_c, v_t], [control.n, treatment.n])
    if kind == "share" and relative == "no" and v_c + v_t == 0:
        return _all_alike(control, treatment, level)
    if relative == "no":
        return _judge(method, mean_t - mean_c, v_c + v_t, degrees, control, treatment, level)
    if mean_c == 0:
        return Comparison(Reckoning.refused(method, Refusal.DENOMINATOR_UNSTABLE))
    lift = mean_t / mean_c - 1
    if relative == "delta":
        variance = v_t / mean_c**2 + mean_t**2 * v_c / mean_c**4
        return _judge(method, lift, variance, degrees, control, treatment, level)
    limits = fieller(
        mean_t, math.sqrt(v_t), mean_c, math.sqrt(v_c), quantile=t_quantile(level, degrees)
    )
    if isinstance(limits, Refusal):
        return Comparison(Reckoning.refused(method, limits))
    absolute = _judge(method, mean_t - mean_c, v_c + v_t, degrees, control, treatment, level)
    found = Reckoning(
        method, lift, limits[0], limits[1], n_eff=float(control.n + treatment.n),
        k_eff=float(min(control.n, treatment.n)),
    )  # fmt: skip
    return Comparison(found, absolute.p, degrees)


def _refusal(
    control: ArmSums,
    treatment: ArmSums,
    mature_share: float,
    sample_ratio_ok: bool,
    thresholds: Thresholds,
) -> Refusal | None:
    if not sample_ratio_ok:
        return Refusal.SRM_FAILED
    if min(control.n, treatment.n) < thresholds.min_units:
        return Refusal.TOO_FEW
    return Refusal.IMMATURE if mature_share < thresholds.mature_share else None


def _figure(arm: ArmSums, kind: Kind) -> tuple[float, float]:
    """Figure of an arm and the variance of it."""
    if kind == "share":
        return arm.mean, arm.mean * (1 - arm.mean) / arm.n
    if kind == "ratio" and arm.m > 0:
        return arm.ratio, arm.ratio_variance / arm.n
    return arm.mean, arm.variance / arm.n


def _all_alike(control: ArmSums, treatment: ArmSums, level: float) -> Comparison:
    """Nobody, or everybody, in each arm: limits from the arms' own, never of width zero."""
    (c, t) = ((arm.mean, *wilson(arm.mean, arm.n, level=level)) for arm in (control, treatment))
    difference, low, high = newcombe_diff(t, c)
    found = Reckoning(
        "newcombe", difference, low, high, n_eff=float(control.n + treatment.n),
        k_eff=float(min(control.n, treatment.n)),
    )  # fmt: skip
    return Comparison(found, 1.0 if difference == 0 else 0.0)


def _without_covariate(control: ArmSums, treatment: ArmSums) -> list[tuple[float, float]]:
    """Means and their variances after y − θ(x − x̄), θ from both arms together."""
    both = control + treatment
    spread = covariance(both.n, both.x, both.x, both.x2)
    theta = covariance(both.n, both.x, both.y, both.xy) / spread if spread > 0 else 0.0
    found = []
    for arm in (control, treatment):
        mean = arm.mean - theta * (arm.x / arm.n - both.x / both.n)
        variance = (
            arm.variance
            + theta**2 * covariance(arm.n, arm.x, arm.x, arm.x2)
            - 2 * theta * covariance(arm.n, arm.x, arm.y, arm.xy)
        )
        found.append((mean, max(0.0, variance) / arm.n))
    return found


def satterthwaite(variances: Sequence[float], sizes: Sequence[float]) -> float:
    """Degrees of freedom of a sum of independent variances of means."""
    total = math.fsum(variances)
    parts = math.fsum(v * v / (n - 1) for v, n in zip(variances, sizes, strict=True))
    return total**2 / parts if parts > 0 else math.fsum(sizes) - len(sizes)


def _judge(
    method: str,
    point: float,
    variance: float,
    degrees: float,
    control: ArmSums,
    treatment: ArmSums,
    level: float,
) -> Comparison:
    se = math.sqrt(variance)
    half = t_quantile(level, degrees) * se
    found = Reckoning(
        method, point, point - half, point + half, n_eff=float(control.n + treatment.n),
        k_eff=float(min(control.n, treatment.n)), se=se,
    )  # fmt: skip
    return Comparison(found, two_sided_p(point, se, degrees), degrees)


def two_sided_p(point: float, se: float, degrees: float) -> float:
    """Chance of so large a figure, or larger, without a difference."""
    if se == 0:
        return 1.0 if point == 0 else 0.0
    return 2 * float(special.stdtr(degrees, -abs(point) / se))


def fieller(
    mean_t: float,
    se_t: float,
    mean_c: float,
    se_c: float,
    *,
    quantile: float | None = None,
    level: float = 0.95,
) -> tuple[float, float] | Refusal:
    """Limits of a relative lift of independent arms.

    Args:
        mean_t: treatment mean.
        se_t: its standard error.
        mean_c: control mean.
        se_c: its standard error.
        quantile: two-sided quantile; that of the normal law at ``level`` without it.
        level: confidence level used without ``quantile``.

    Returns:
        Low and high, or `denominator_unstable` when the control may be 0 (g ≥ 1).
    """
    z = normal_quantile(level) if quantile is None else quantile
    if mean_c == 0:
        return Refusal.DENOMINATOR_UNSTABLE
    g = (z * se_c / mean_c) ** 2
    if g >= 1:
        return Refusal.DENOMINATOR_UNSTABLE
    r = mean_t / mean_c
    half = z / abs(mean_c) * math.sqrt(se_t**2 + r * r * se_c**2 - g * se_t**2)
    return (r - half) / (1 - g) - 1, (r + half) / (1 - g) - 1


def compare_buckets(
    control: tuple[Sequence[int], Sequence[int]],
    treatment: tuple[Sequence[int], Sequence[int]],
    *,
    units: tuple[int, int],
    customers: tuple[int, int],
    scale: int = 1,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Comparison:
    """Treatment minus control of any measure from its customer-bucket sums.

    Arms hold different customers, so their variances add; degrees of freedom from the effective
    buckets of both.

    Args:
        control: numerators and denominators by bucket.
        treatment: those of the treated.
        units: observed units of control and treatment.
        customers: distinct customers of control and treatment.
        scale: the difference is divided by it.
        level: confidence level.
        thresholds: floors of the refusals, applied to each arm.
    """
    method = "welch_buckets"
    found = []
    for (x, m), n, people in zip((control, treatment), units, customers, strict=True):
        refusal, k_eff = gate(m, units=n, customers=people, thresholds=thresholds)
        if refusal is not None:
            return Comparison(Reckoning.refused(method, refusal, k_eff=k_eff))
        found.append(linearise(x, m))
    degrees = satterthwaite([f.se**2 for f in found], [f.k_eff for f in found])
    point = (found[1].ratio - found[0].ratio) / scale
    se = math.hypot(found[0].se, found[1].se) / scale
    half = t_quantile(level, degrees) * se
    reckoning = Reckoning(
        method, point, point - half, point + half, n_eff=float(min(units)),
        k_eff=min(f.k_eff for f in found), se=se,
    )  # fmt: skip
    return Comparison(reckoning, two_sided_p(point, se, degrees), degrees)
