"""How strong something unobserved would have to be to explain a finding away.

An observational lift is never shown without this number. Source: VanderWeele & Ding 2017; the
approximation for means is theirs (risk ratio ≈ exp(0.91·d)).
"""

from __future__ import annotations

import math

from candor.estimates.estimate import Caveat

LOW = 1.5
"""E-value of the limit below which `sensitivity_low` is attached (a convention)."""


def e_value(risk_ratio: float, limit: float | None = None) -> float:
    """Least association of an unobserved cause with both treatment and outcome, as risk ratio.

    Args:
        risk_ratio: the finding; below 1 its inverse is taken.
        limit: the limit of its interval nearest 1, when the E-value of the limit is wanted.

    Returns:
        A number ≥ 1; 1 when the limit lies on the other side of 1.

    Raises:
        ValueError: a ratio is not positive.
    """
    figure = risk_ratio if limit is None else limit
    if min(figure, risk_ratio) <= 0:
        raise ValueError("a risk ratio is positive")
    if limit is not None and (risk_ratio - 1) * (limit - 1) <= 0:
        return 1.0
    ratio = figure if figure >= 1 else 1 / figure
    return ratio + math.sqrt(ratio * (ratio - 1))


def ratio_of_means(difference: float, deviation: float) -> float:
    """Approximate risk ratio of a difference of means: exp(0.91·difference/deviation).

    Raises:
        ValueError: the standard deviation is not positive.
    """
    if deviation <= 0:
        raise ValueError("a standard deviation is positive")
    return math.exp(0.91 * difference / deviation)


def sensitivity_caveats(risk_ratio: float, limit: float) -> tuple[Caveat, ...]:
    """`sensitivity_low` when a weak unobserved cause could move the interval to 1."""
    return (Caveat.SENSITIVITY_LOW,) if e_value(risk_ratio, limit) < LOW else ()
