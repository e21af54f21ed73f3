"""Do the arms hold as many customers as they should? If not, nothing else about them is believed.

Counted on assigned customers, and again after every eligibility step. The chi-square is for one
look; the evidence value may be watched every day and alarms later. Sources: Kohavi, Tang & Xu 2020;
Lindon & Malek 2022 (Dirichlet-multinomial mixture).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

from candor.estimates.estimate import Refusal

ALARM_P = 0.001
ALARM_EVIDENCE = 1000.0
CONCENTRATION = 100.0


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Assignment counts against the design.

    Attributes:
        p: chance of counts so far off, or further, for one look.
        evidence: value that may be watched; its inverse bounds the chance of ever reaching it.
    """

    p: float
    evidence: float

    @property
    def failed(self) -> bool:
        """Whether the result panel must be blocked."""
        return self.p < ALARM_P or self.evidence >= ALARM_EVIDENCE


def srm(counts: Sequence[int], shares: Sequence[float]) -> SampleRatio | Refusal:
    """Chi-square and evidence of a sample-ratio mismatch.

    Args:
        counts: assigned customers per arm.
        shares: intended shares, Σ = 1.

    Returns:
        `nothing_observed` without customers.

    Raises:
        ValueError: the lengths differ or a share is not positive.
    """
    if len(counts) != len(shares) or min(shares) <= 0:
        raise ValueError("every arm needs a count and a positive share")
    total = sum(counts)
    if total == 0:
        return Refusal.NOTHING_OBSERVED
    statistic = math.fsum(
        (n - total * w) ** 2 / (total * w) for n, w in zip(counts, shares, strict=True)
    )
    p = float(special.chdtrc(len(counts) - 1, statistic))
    return SampleRatio(p, srm_evidence(counts, shares))


def srm_evidence(
    counts: Sequence[int], shares: Sequence[float], *, concentration: float = CONCENTRATION
) -> float:
    """Evidence against the design, valid at every look: 1 is none, 1,000 alarms.

    Args:
        counts: assigned customers per arm.
        shares: intended shares.
        concentration: how close to the design the alternative is expected to lie.
    """
    total = sum(counts)
    log = float(special.gammaln(concentration) - special.gammaln(concentration + total))
    for n, w in zip(counts, shares, strict=True):
        log += float(special.gammaln(concentration * w + n) - special.gammaln(concentration * w))
        log -= n * math.log(w)
    return math.exp(min(log, 700.0))
