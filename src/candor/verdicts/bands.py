"""The status of an estimate against its target, from the interval alone.

For a metric that should be high: met when the whole interval reaches the target, missed when the
whole interval lies below the amber band, unsure between. The amber band is the part next to the
target on its bad side; without one (0) every figure certainly short of the target is missed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from candor.estimates.estimate import Caveat, Estimate, Refusal
from candor.estimates.rare import ceiling_n
from candor.verdicts.targets import Target

Better = Literal["higher", "lower", "neither"]
_MOST = 100_000
"""Finds beyond which the share is too near its target for a sample to be worth naming."""
_RARE = ("garwood_", "clopper_pearson_sampled")


class Status(StrEnum):
    """What can be said about a target. Colour follows from it: green, red, amber, grey."""

    MET = "met"
    MISSED = "missed"
    UNSURE = "unsure"
    WITHHELD = "withheld"
    NO_TARGET = "no_target"


REASONS: dict[Refusal, str] = {
    Refusal.UNAVAILABLE: "The data hold no such event.",
    Refusal.NOTHING_OBSERVED: "No unit with a known outcome.",
    Refusal.TOO_FEW: "Too few units to say anything.",
    Refusal.TOO_FEW_CUSTOMERS: "Too few different customers to say anything.",
    Refusal.IMMATURE: "Too many units are still inside the window in which they may come back.",
    Refusal.UNLABELLED: "No human labels in the current calibration epoch.",
    Refusal.TOO_FEW_LABELS: "Too few human labels.",
    Refusal.JUDGE_UNINFORMATIVE: "The judge cannot tell the two outcomes apart.",
    Refusal.UNCERTIFIABLE: "Too few units were checked to support a rate this low.",
    Refusal.BASELINE_SHORT: "The baseline is too short for control limits.",
    Refusal.SRM_FAILED: "The assignment counts contradict the design.",
    Refusal.NO_OVERLAP: "The groups compared are too different.",
    Refusal.DENOMINATOR_UNSTABLE: "The denominator is too uncertain to divide by.",
    Refusal.SUPPRESSED: "Hidden to protect the few people in this cell.",
    Refusal.INCOMPATIBLE: "The figures were counted by different definitions.",
    Refusal.MISSING_COMPONENT: "A component of the index is missing.",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A status and the sentence that explains it."""

    status: Status
    reason: str


def status(estimate: Estimate, target: Target | None, better: Better = "higher") -> Verdict:
    """Hold an estimate against a target.

    Args:
        estimate: the figure, or a refusal.
        target: what was aimed at; None without a target.
        better: which direction is good; a metric with neither has no status.
    """
    if estimate.refusal is not None:
        detail = estimate.missing if estimate.refusal is Refusal.UNAVAILABLE else ""
        return Verdict(Status.WITHHELD, detail or REASONS[estimate.refusal])
    if target is None:
        return Verdict(Status.NO_TARGET, "No target is set.")
    low, high = estimate.low, estimate.high
    direction = target.better or better
    if direction == "neither" or low is None or high is None:
        return Verdict(
            Status.NO_TARGET,
            "Neither direction is good by itself: say `better` with the target to have a status.",
        )
    if Caveat.UNCORRECTED_JUDGE in estimate.caveats:
        return Verdict(
            Status.UNSURE, "Only a machine says so, and no labels of people say how often it errs."
        )
    goal, amber = float(target.target), float(target.amber)
    if direction == "lower":
        low, high, goal = -high, -low, -goal
    if low >= goal:
        return Verdict(Status.MET, "The whole interval lies on the right side of it.")
    if high < goal - amber:
        return Verdict(Status.MISSED, "The whole interval lies on the wrong side of it.")
    if high < goal:
        return Verdict(Status.UNSURE, "On the wrong side of it, but within the amber band.")
    return Verdict(
        Status.UNSURE, f"The interval holds it: it may be met or missed.{_proof(estimate, target)}"
    )


def _proof(estimate: Estimate, target: Target) -> str:
    """What sample would show that a rare thing stays below its target; "" for other figures."""
    ceiling = float(target.target)
    if not estimate.method.startswith(_RARE) or not 0 < ceiling < 1 or estimate.n_eff is None:
        return ""
    share = estimate.point or 0.0
    if share >= ceiling:
        return f" At the share found so far no sample would show it below {100 * ceiling:g} %."
    found = round(share * estimate.n_eff)
    needed = ceiling_n(ceiling, found)
    while found < (expected := math.ceil(share * needed)) < _MOST:
        found, needed = expected, ceiling_n(ceiling, expected)
    if expected >= _MOST:
        return ""
    return (
        f" {needed:,} independent ones checked, with {found} found, would show that it is below"
        f" {100 * ceiling:g} %; so far they are worth {int(estimate.n_eff):,}."
    )
