"""Means and ratios of measured values per unit: how much one unit varies, and the zero case.

Values arrive as integer sums (microseconds, millionths, counts). The interval itself comes from
`ratio`; here are the variance of one unit, which turns a standard error into an effective n, and
the interval of a mean count that was observed to be exactly zero.
"""

from __future__ import annotations

from candor.estimates.arithmetic import divide
from candor.estimates.estimate import Reckoning
from candor.estimates.rare import garwood


def unit_variance(
    *, units: int, total: int, total_sq: int, den: int, den_sq: int, cross: int, scale: int = 1
) -> float | None:
    """Variance of one unit's contribution to total/den, on the scale of the point.

    For a mean (den = units) it is the sample variance of the values; for a ratio that of the
    residuals x − R·m, per squared mean denominator.

    Returns:
        None when fewer than two units or no squares were stored.
    """
    if units < 2 or den == 0 or (total_sq == 0 and total != 0):
        return None
    # Σ(x − R·m)² with R = total/den, brought over the common denominator den².
    residual = total_sq * den**2 - 2 * total * den * cross + total**2 * den_sq
    return divide(max(0, residual) * units**2, (units - 1) * den**4 * scale**2)


def zero_count(customers: int, k_eff: float, *, level: float = 0.95) -> Reckoning:
    """A mean count observed to be 0: exact Poisson limits with the customers as exposure."""
    low, high = garwood(0, float(customers), level=level)
    return Reckoning(
        "garwood_customers", 0.0, low, high, n_eff=float(customers), k_eff=k_eff, se=0.0
    )
