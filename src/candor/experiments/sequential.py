"""Reading an experiment every day without fooling oneself: always-valid intervals.

An interval from here may be looked at as often as one likes and still holds over all looks
together; the price is its width. Sources: Waudby-Smith et al. (arXiv 2103.06476); Howard et al.
2021 (normal and beta-binomial mixtures).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy import optimize, special

from candor.estimates.estimate import Reckoning, Refusal
from candor.experiments.arms import Comparison

MIN_CUSTOMERS = 100
"""Customers an arm needs before an asymptotic sequence is read."""


def mixture_scale(v_opt: float, alpha: float) -> float:
    """Mixture parameter ρ that makes the bound tightest at variance ``v_opt``."""
    return v_opt / (2 * math.log(1 / alpha) + math.log(1 + 2 * math.log(1 / alpha)))


def normal_mixture_bound(v: float, *, v_opt: float, alpha: float = 0.05) -> float:
    """Two-sided bound on a sum with variance ``v`` that holds at all times at once.

    Args:
        v: variance of the sum so far.
        v_opt: variance at which the bound is tightest.
        alpha: chance of ever leaving the bound.
    """
    rho = mixture_scale(v_opt, alpha)
    return math.sqrt((v + rho) * math.log((v + rho) / (rho * alpha * alpha)))


def always_valid(
    difference: float,
    se: float,
    customers: int,
    planned: int,
    *,
    smaller_arm: int | None = None,
    alpha: float = 0.05,
) -> Comparison:
    """Asymptotic confidence sequence of a difference or lift.

    Args:
        difference: figure so far.
        se: its standard error so far, > 0.
        customers: customers in both arms so far.
        planned: customers in both arms at the horizon; where the sequence is tightest.
        smaller_arm: customers of the smaller arm; half of ``customers`` without it.
        alpha: chance of ever being wrong.

    Returns:
        A comparison with an always-valid p-value; `too_few` below 100 customers in an arm.

    Raises:
        ValueError: the standard error or the plan is not positive.
    """
    method = "confidence_sequence"
    if se <= 0 or planned <= 0:
        raise ValueError("needs a positive standard error and a positive plan")
    if (customers // 2 if smaller_arm is None else smaller_arm) < MIN_CUSTOMERS:
        return Comparison(Reckoning.refused(method, Refusal.TOO_FEW))
    n = float(customers)
    rho2 = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / planned
    grown = n * rho2 + 1
    spread = 2 * grown * math.log(math.sqrt(grown) / alpha) / (n * rho2)
    half = se * math.sqrt(spread)
    z = difference / se
    exponent = rho2 * n * z * z / (2 * grown)
    p = min(1.0, math.exp(math.log(grown) / 2 - exponent))
    found = Reckoning(
        method, difference, difference - half, difference + half, n_eff=n,
        k_eff=n / 2 if smaller_arm is None else float(smaller_arm), se=se,
    )  # fmt: skip
    return Comparison(found, p)


def bernoulli_cs(
    k: int, n: int, *, tuned_at: float, alpha: float = 0.05
) -> tuple[float, float] | Refusal:
    """Beta-binomial confidence sequence of one share, exact at any time and for small n.

    Args:
        k: successes so far.
        n: units so far.
        tuned_at: number of units at which it is tightest.
        alpha: chance of ever being wrong.

    Returns:
        Low and high, or `nothing_observed` without units.

    Raises:
        ValueError: k lies outside 0–n, or the tuning is not positive.
    """
    if not 0 <= k <= n or tuned_at <= 0:
        raise ValueError("needs 0 ≤ k ≤ n and a positive tuning")
    if n == 0:
        return Refusal.NOTHING_OBSERVED

    def excess(p: float) -> float:
        variance = p * (1 - p)
        rho = mixture_scale(variance * tuned_at, alpha)
        r = max(rho - variance, 1e-3 * variance)
        a, b = r / (1 - p), r / p
        evidence = special.betaln(a + k, b + n - k) - special.betaln(a, b)
        return float(evidence - k * math.log(p) - (n - k) * math.log1p(-p) - math.log(1 / alpha))

    share = min(max(k / n, 1e-9), 1 - 1e-9)
    return _edge(excess, share, 1e-12), _edge(excess, share, 1 - 1e-12)


def _edge(excess: Callable[[float], float], inside: float, end: float) -> float:
    """The share nearest ``end`` that is not rejected."""
    if abs(end - inside) < 1e-8 or excess(end) <= 0:
        return float(round(end))
    low, high = min(inside, end), max(inside, end)
    return float(optimize.brentq(excess, low, high, xtol=1e-12))
