"""What can be said although outcomes are unknown: worst-case bounds.

An unknown outcome is neither true nor false; it widens the answer. Reference: Manski 1990.
"""

from __future__ import annotations

from candor.estimates.arithmetic import divide
from candor.estimates.estimate import Bounds, Refusal
from candor.estimates.proportion import wilson


def worst_case_bounds(
    response: float, mean: float, lowest: float = 0.0, highest: float = 1.0
) -> tuple[float, float]:
    """Bounds of a mean when only a share of the units answered.

    Args:
        response: share of units observed, 0–1.
        mean: mean among them.
        lowest: smallest value a unit could have.
        highest: greatest value a unit could have.

    Raises:
        ValueError: the response lies outside 0–1 or the mean outside its range.
    """
    if not 0 <= response <= 1 or not lowest <= mean <= highest:
        raise ValueError(f"a mean of {mean} at response {response} is impossible")
    missing = 1 - response
    return response * mean + missing * lowest, response * mean + missing * highest


def tipping_point(adjusted: float, response: float) -> float | Refusal:
    """How far non-respondents of one arm must differ for the adjusted difference to vanish.

    δ* = −Δ/(1−r): a mean difference Δ is zero when those who did not answer score δ* off those
    who did. Where |δ*| lies within the spread actually seen between arms, the sign is not known.

    Args:
        adjusted: weighted difference, in score units.
        response: share of the arm that answered, 0–1.

    Returns:
        `nothing_observed` when everybody answered: nobody is left who could tip it.

    Raises:
        ValueError: the response lies outside 0–1.
    """
    if not 0 <= response <= 1:
        raise ValueError(f"a response of {response} is impossible")
    if response == 1:
        return Refusal.NOTHING_OBSERVED
    return -adjusted / (1 - response)


def is_tipped(adjusted: float, response: float, spread: float) -> bool:
    """Whether differences as large as those seen among respondents would undo the finding.

    Args:
        adjusted: weighted difference.
        response: share of the arm that answered.
        spread: largest difference between arms of respondents in the covariates' cells, ≥ 0.
    """
    shift = tipping_point(adjusted, response)
    return not isinstance(shift, Refusal) and abs(shift) <= spread


def resolution_bounds(
    *,
    true: int,
    false: int,
    unknown: int,
    confirmed: int | None,
    design_effect: float,
    quantile: float,
) -> Bounds:
    """The figures that stand beside a three-valued share, over all eligible units.

    Args:
        true: units whose outcome is true.
        false: units whose outcome is false.
        unknown: units whose outcome is not known; at least one unit in all.
        confirmed: how many of the true ones are confirmed.
        design_effect: units per effective unit among those observed.
        quantile: two-sided quantile of the figure's own interval.
    """
    units = true + false + unknown
    n_eff = units / design_effect
    lower, upper = divide(true, units), divide(true + unknown, units)
    return Bounds(
        confirmed=None if confirmed is None else divide(confirmed, units),
        lower=lower,
        upper=upper,
        low=wilson(lower, n_eff, quantile)[0],
        high=wilson(upper, n_eff, quantile)[1],
    )
