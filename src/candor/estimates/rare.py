"""Rare events: exact Poisson limits and how much must be checked to certify a ceiling.

A count of zero in a stream that is instrumented is a real zero and still has an upper limit.
Reference: Garwood 1936.
"""

from __future__ import annotations

import math

from candor.estimates.arithmetic import chi_square_quantile
from candor.estimates.estimate import Reckoning, Refusal


def garwood(events: int, exposure: float = 1.0, *, level: float = 0.95) -> tuple[float, float]:
    """Exact limits of a Poisson rate per unit of exposure.

    Raises:
        ValueError: events are negative or there is no exposure.
    """
    if events < 0 or exposure <= 0:
        raise ValueError(f"{events} events in an exposure of {exposure} have no rate")
    tail = (1 - level) / 2
    low = 0.0 if events == 0 else chi_square_quantile(tail, 2 * events) / 2
    high = chi_square_quantile(1 - tail, 2 * events + 2) / 2
    return low / exposure, high / exposure


def ceiling_n(ceiling: float, events: int = 0, *, level: float = 0.95) -> int:
    """Units that must be checked, with ``events`` found, to show that a rate lies below ``ceiling``.

    One-sided at ``level``. For a ceiling of 0.01 % and no event: 29,958.

    Raises:
        ValueError: the ceiling is not in 0–1 or events are negative.
    """
    if not 0 < ceiling < 1 or events < 0:
        raise ValueError(f"a ceiling of {ceiling} with {events} events cannot be tested")
    return math.ceil(chi_square_quantile(level, 2 * (events + 1)) / (2 * ceiling))


def certify(events: int, units: int, ceiling: float, *, level: float = 0.95) -> Reckoning:
    """The rate of a rare event, or `uncertifiable` when too few units were checked for the claim."""
    method = "garwood"
    if units == 0:
        return Reckoning.refused(method, Refusal.NOTHING_OBSERVED)
    if units < ceiling_n(ceiling, level=level):
        return Reckoning.refused(method, Refusal.UNCERTIFIABLE)
    low, high = garwood(events, units, level=level)
    return Reckoning(method, events / units, low, high, n_eff=float(units), k_eff=float(units))
