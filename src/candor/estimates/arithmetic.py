"""Exact division and the quantiles every interval needs. Knows nothing of metrics.

Integers are divided once, here; the quotient is the correctly rounded value of the fraction.
Quantiles come from scipy's special functions.
"""

from __future__ import annotations

from fractions import Fraction

from scipy import special


def divide(numerator: int, denominator: int) -> float:
    """The correctly rounded quotient of two integers.

    Raises:
        ZeroDivisionError: the denominator is 0; callers refuse before they divide.
    """
    return float(Fraction(numerator, denominator))


def normal_quantile(level: float) -> float:
    """Two-sided normal quantile: 1.959964 at level .95."""
    return float(special.ndtri(0.5 + level / 2))


def t_quantile(level: float, degrees: float) -> float:
    """Two-sided Student quantile for (fractional) degrees of freedom."""
    return float(special.stdtrit(degrees, 0.5 + level / 2))


def chi_square_quantile(probability: float, degrees: float) -> float:
    """Quantile of the chi-square law."""
    return float(special.chdtri(degrees, 1 - probability))
