"""Rare events: exact Poisson limits and how much must be checked to certify a ceiling.

A count of zero in a stream that is instrumented is a real zero and still has an upper limit.
Reference: Garwood 1936.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from candor.estimates.arithmetic import chi_square_quantile
from candor.estimates.estimate import DEFAULT_THRESHOLDS, Reckoning, Refusal, Thresholds
from candor.estimates.proportion import clopper_pearson
from candor.estimates.ratio import gate, linearise

RARE = 0.1
"""Share up to which an event counts as rare."""


def garwood(events: float, exposure: float = 1.0, *, level: float = 0.95) -> tuple[float, float]:
    """Exact limits of a Poisson rate per unit of exposure; weighted events need not be whole.

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


def clustered_rate(
    events: Sequence[int],
    units: Sequence[int],
    *,
    customers: int,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """A rate of rare events per unit with exact Poisson limits, from sums by customer bucket.

    Events of one customer come together; the spread of the events over buckets says how many
    separate ones they are worth, never more than there are. None at all has the limit 3.69 over
    the units: that nothing happened shows no clustering.

    Args:
        events: events by bucket.
        units: units by bucket.
        customers: distinct customers.
        level: confidence level.
        thresholds: floors of the refusals.
    """
    method, n, x = "garwood_clustered", sum(units), sum(events)
    refusal, k_eff = gate(units, units=n, customers=customers, thresholds=thresholds)
    if refusal is not None:
        return Reckoning.refused(method, refusal, k_eff=k_eff)
    found = linearise(events, units)
    # Variance between buckets over that of as many independent events.
    together = max(1.0, found.se**2 * n * n / x) if x else 1.0
    low, high = garwood(x / together, n / together, level=level)
    return Reckoning(
        method, found.ratio, low, high, n_eff=n / together, k_eff=k_eff,
        se=math.sqrt(x * together) / n,
    )  # fmt: skip


def sampled_share(
    total: int, den: int, den_sq: int, *, n_clustered: float | None, level: float = 0.95
) -> Reckoning:
    """A share from a probability sample: what was found, each unit for all those it stands for.

    The sample is worth as many equal independent units as Kish's formula says of its weights, or
    as its customers leave, whichever is less. Up to a tenth the limits are Poisson's, above it the
    exact ones of a share; a share of none keeps all its units, as a rare event does.

    Args:
        total: weights of the units found true.
        den: weights of all units; > 0.
        den_sq: their squares, added up.
        n_clustered: effective units by customer; None when not known.
        level: confidence level.
    """
    share = total / den
    n = den * den / den_sq
    if 0 < share < 1 and n_clustered is not None:
        n = min(n, n_clustered)
    if share <= RARE:
        low, high = garwood(share * n, n, level=level)
        method = "garwood_sampled"
    else:
        low, high = clopper_pearson(min(share * n, n), n, level=level)
        method = "clopper_pearson_sampled"
    return Reckoning(method, share, low, min(high, 1.0), n_eff=n)


def certify(events: int, units: int, ceiling: float, *, level: float = 0.95) -> Reckoning:
    """The rate of a rare event, or `uncertifiable` when too few units were checked for the claim."""
    method = "garwood"
    if units == 0:
        return Reckoning.refused(method, Refusal.NOTHING_OBSERVED)
    if units < ceiling_n(ceiling, level=level):
        return Reckoning.refused(method, Refusal.UNCERTIFIABLE)
    low, high = garwood(events, units, level=level)
    return Reckoning(method, events / units, low, high, n_eff=float(units), k_eff=float(units))
