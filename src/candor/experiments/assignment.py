"""Which arm a customer is in: a salted hash, the same on every day and every machine.

The salt differs from that of the variance buckets, so that arms are spread over all of them. The
unit is the customer unless a design says otherwise (queue-days where arms share a queue). Source:
STATISTICS §4.1 and the hash of §2.3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

SALT = "candor-experiment-v1:"
_SPAN = 16**15


@dataclass(frozen=True, slots=True)
class Design:
    """What is declared before anyone looks.

    Attributes:
        experiment_id: name; part of the hash, so that two experiments do not share their arms.
        shares: intended share of units by arm, Σ = 1; order matters for the hash.
        unit: what is assigned.
        horizon: planned units in both arms together.
        primary: metric the decision rests on.
        guardrails: margin by metric that must not be lost.
        eligible_intents: intents that enter, judged at entry; empty for all.

    Raises:
        ValueError: shares are not positive or do not add up to 1, or the horizon is not positive.
    """

    experiment_id: str
    shares: Mapping[str, float]
    unit: Literal["customer", "thread", "queue_day"] = "customer"
    horizon: int = 1
    primary: str = ""
    guardrails: Mapping[str, float] = field(default_factory=dict)
    eligible_intents: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        total = sum((Fraction(share) for share in self.shares.values()), Fraction(0))
        if len(self.shares) < 2 or min(self.shares.values()) <= 0 or abs(total - 1) > 1e-9:
            raise ValueError("an experiment has two or more arms whose shares add up to 1")
        if self.horizon < 1:
            raise ValueError("the horizon is a positive number of units")


def position(experiment_id: str, unit_id: str) -> Fraction:
    """Where a unit falls on 0–1: the first 15 hex digits of md5(salt, experiment, unit).

    Raises:
        ValueError: the unit has no id; unknown customers take no part.
    """
    if not unit_id:
        raise ValueError("a unit without an id cannot be assigned")
    text = f"{SALT}{experiment_id}:{unit_id}"
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return Fraction(int(digest[:15], 16), _SPAN)


def arm_of(design: Design, unit_id: str) -> str:
    """The arm of a unit."""
    at, reached = position(design.experiment_id, unit_id), Fraction(0)
    *first, last = design.shares
    for arm in first:
        reached += Fraction(design.shares[arm])
        if at < reached:
            return arm
    return last
