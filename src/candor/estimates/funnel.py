"""Funnel plot: agents, intents or vendors at one time, never as a league table.

Each is held against one target with limits that widen with its own uncertainty and with the spread
that such groups have among each other anyway. Figures and errors in one unit. Source: Spiegelhalter
2005.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from candor.estimates.arithmetic import normal_quantile
from candor.estimates.between_groups import between_group
from candor.estimates.estimate import Refusal

MIN_GROUPS = 5


@dataclass(frozen=True, slots=True)
class Funnel:
    """Limits of each group.

    Attributes:
        target: what all are held against.
        low, high: limits per group.
        flags: whether the group lies outside.
        tau: spread among the groups that the limits allow for.
    """

    target: float
    low: tuple[float, ...]
    high: tuple[float, ...]
    flags: tuple[bool, ...]
    tau: float


def funnel(
    figures: Sequence[float],
    errors: Sequence[float],
    target: float | None = None,
    *,
    level: float = 0.998,
) -> Funnel | Refusal:
    """Limits target ± z·√(SE² + τ²).

    Args:
        figures: one per group, G of them.
        errors: their standard errors, positive.
        target: declared target; the random-effects mean without one.
        level: level of the limits; three standard deviations by custom.

    Returns:
        `too_few` with fewer than five groups.

    Raises:
        ValueError: a standard error is not positive.
    """
    if len(figures) < MIN_GROUPS:
        return Refusal.TOO_FEW
    spread = between_group(figures, errors, estimator="DL")
    if isinstance(spread, Refusal):
        return spread
    aim = spread.mean if target is None else target
    z = normal_quantile(level)
    halves = [z * math.hypot(se, spread.tau) for se in errors]
    return Funnel(
        aim,
        tuple(aim - half for half in halves),
        tuple(aim + half for half in halves),
        tuple(abs(r - aim) > half for r, half in zip(figures, halves, strict=True)),
        spread.tau,
    )
