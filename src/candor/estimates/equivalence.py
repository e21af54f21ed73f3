"""Equal enough, different, or not shown; and how small a gap the data could have shown at all.

Absence of a detected difference is not equality. Two one-sided tests decide equality against a
margin fixed beforehand; the 4/5 rule is not used. Source: Schuirmann 1987.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from scipy import special

from candor.estimates.arithmetic import normal_quantile, t_quantile
from candor.estimates.estimate import DEFAULT_THRESHOLDS, Refusal, Thresholds

Outcome = Literal["equivalent", "different", "not_shown"]


@dataclass(frozen=True, slots=True)
class Equivalence:
    """What a difference shows against a margin.

    Attributes:
        outcome: `equivalent` when the 90 % interval lies inside ± margin; else `different` when
            the 95 % interval excludes 0; else `not_shown`.
        low, high: the 90 % interval (twice the one-sided level).
        p: larger of the two one-sided p-values against the margin.
        detectable: smallest true gap that would be found with 80 % power.
    """

    outcome: Outcome
    low: float
    high: float
    p: float
    detectable: float


def tost(
    difference: float,
    se: float,
    degrees: float,
    margin: float,
    *,
    level: float = 0.95,
    power: float = 0.80,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Equivalence | Refusal:
    """Two one-sided tests of a difference against ± margin.

    Args:
        difference: point.
        se: its standard error, > 0.
        degrees: degrees of freedom (K_eff − 1).
        margin: largest difference that does not matter, > 0, in the unit of the difference.
        level: confidence level; each one-sided test is at 1 − level.
        power: of the detectable gap.
        thresholds: least effective number of clusters.

    Returns:
        `too_few_customers` when the degrees of freedom are too few.

    Raises:
        ValueError: the margin or the standard error is not positive.
    """
    if margin <= 0 or se <= 0:
        raise ValueError("needs a positive margin and a positive standard error")
    if degrees < thresholds.min_k_eff - 1:
        return Refusal.TOO_FEW_CUSTOMERS
    one_sided = float(special.stdtrit(degrees, level)) * se
    low, high = difference - one_sided, difference + one_sided
    p = max(
        float(special.stdtr(degrees, -(difference + margin) / se)),
        float(special.stdtr(degrees, (difference - margin) / se)),
    )
    outcome: Outcome = "not_shown"
    if -margin < low and high < margin:
        outcome = "equivalent"
    elif abs(difference) > t_quantile(level, degrees) * se:
        outcome = "different"
    return Equivalence(outcome, low, high, p, detectable_gap(se, 0.0, level=level, power=power))


def detectable_gap(
    first_se: float, second_se: float, *, level: float = 0.95, power: float = 0.80
) -> float:
    """Smallest true difference of two figures that would be found: (z + z_power)·√(SE₁² + SE₂²)."""
    z = normal_quantile(level) + normal_quantile(2 * power - 1)
    return z * math.hypot(first_se, second_se)
