"""May it ship? One rule for all experiments, with every failing clause named.

Ship when at least one success metric is superior, every guardrail is non-inferior, nothing
deteriorated, and the checks pass. α is shared among success metrics only; guardrails need none.
Differences are treatment minus control in the metric's own unit. Source: Schultzberg et al. 2024.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from candor.estimates.arithmetic import t_quantile
from candor.estimates.estimate import Refusal
from candor.experiments.arms import Comparison

Role = Literal["success", "guardrail", "watched"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One metric of an experiment.

    Attributes:
        metric: name.
        role: `success` may win, `guardrail` must not lose more than its margin, `watched` must
            not get worse.
        comparison: treatment against control.
        better: direction that is good.
        margin: loss of a guardrail that is accepted, ≥ 0, declared beforehand.
    """

    metric: str
    role: Role
    comparison: Comparison
    better: Literal["higher", "lower"] = "higher"
    margin: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rule says.

    Attributes:
        outcome: `ship`; `abort` when something got worse; else `hold`.
        failing: clauses that stand against shipping, in words, in order of the criteria.
        superior: success metrics that won.
    """

    outcome: Literal["ship", "hold", "abort"]
    failing: tuple[str, ...]
    superior: tuple[str, ...]


def ship_decision(
    criteria: Sequence[Criterion],
    *,
    sample_ratio_ok: bool,
    is_mature: bool,
    checks: Sequence[tuple[str, bool]] = (),
    alpha: float = 0.05,
) -> Decision | Refusal:
    """Apply the rule.

    Args:
        criteria: metrics with their roles and margins, all declared beforehand.
        sample_ratio_ok: the assignment counts agree with the design.
        is_mature: outcomes of both arms are past their window.
        checks: further quality checks, by name.
        alpha: overall chance of a false win.

    Returns:
        `srm_failed` or `immature` before anything is judged.

    Raises:
        ValueError: no success metric is declared, or a margin is negative.
    """
    success = [c for c in criteria if c.role == "success"]
    if not success or min((c.margin for c in criteria), default=0.0) < 0:
        raise ValueError("a decision needs a success metric and margins of 0 or more")
    if not sample_ratio_ok:
        return Refusal.SRM_FAILED
    if not is_mature:
        return Refusal.IMMATURE
    superior = tuple(c.metric for c in success if _bound(c, alpha / len(success)) > 0)
    failing = [] if superior else ["no success metric is superior"]
    worse = [c.metric for c in criteria if -_bound(c, alpha, upper=True) > 0]
    for c in criteria:
        if c.comparison.found.refusal is not None:
            failing.append(f"{c.metric} has no figure ({c.comparison.found.refusal})")
        elif c.metric in worse:
            failing.append(f"{c.metric} got worse")
        elif c.role == "guardrail" and _bound(c, 2 * alpha) <= -c.margin:
            failing.append(f"{c.metric} may have lost more than {c.margin:g}")
    failing += [f"check failed: {name}" for name, passed in checks if not passed]
    outcome: Literal["ship", "hold", "abort"] = "hold" if failing else "ship"
    return Decision("abort" if worse else outcome, tuple(failing), superior)


def _bound(criterion: Criterion, alpha: float, *, upper: bool = False) -> float:
    """Lower (or upper) limit at two-sided ``alpha`` of the difference in the good direction."""
    found, degrees = criterion.comparison.found, criterion.comparison.degrees
    if found.point is None or found.low is None or found.high is None:
        return float("inf") if upper else float("-inf")
    sign = 1.0 if criterion.better == "higher" else -1.0
    if found.se is None or degrees is None:
        # Always-valid and Fieller limits hold at their own level, whatever alpha is asked for.
        limits = sorted((sign * found.low, sign * found.high))
        return limits[1] if upper else limits[0]
    half = t_quantile(1 - alpha, degrees) * found.se
    return sign * found.point + (half if upper else -half)


def power_per_metric(power: float, guardrails: int, *, protect_success: bool = True) -> float:
    """Power each metric needs for the whole decision to have ``power``.

    Args:
        power: of the decision.
        guardrails: their number.
        protect_success: count the success metric among those that must not fail.
    """
    return 1 - (1 - power) / (guardrails + protect_success)
