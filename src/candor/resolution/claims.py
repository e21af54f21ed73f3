"""A claimant's verdicts against what is known: confusion table, agreement, and the gap with its interval.

Arrays in, counts and figures out; whose claims they are and how the truth is known is decided in
``answers``. Intervals come from customer buckets. Only conversations with both a claim that says
something and a known truth are compared; the others are counted beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from candor.estimates.agreement import kappa
from candor.estimates.estimate import DEFAULT_THRESHOLDS, Reckoning, Thresholds, published
from candor.estimates.ratio import bucket_ratio
from candor.measure import BUCKETS


@dataclass(frozen=True, slots=True)
class Table:
    """Claimed against true, in conversations.

    Attributes:
        right_yes: claimed solved, and it is.
        wrong_yes: claimed solved, and it is not.
        wrong_no: not claimed, though it is solved.
        right_no: not claimed, and it is not solved.
    """

    right_yes: int
    wrong_yes: int
    wrong_no: int
    right_no: int

    @property
    def total(self) -> int:
        """Conversations compared."""
        return self.right_yes + self.wrong_yes + self.wrong_no + self.right_no

    @property
    def agreed(self) -> float | None:
        """Share of equal verdicts; None without any."""
        return (self.right_yes + self.right_no) / self.total if self.total else None

    @property
    def kappa(self) -> float | None:
        """Cohen's coefficient; None where one verdict is all there is."""
        rows = ((self.right_yes, self.wrong_yes), (self.wrong_no, self.right_no))
        try:
            return kappa(rows)
        except ValueError:
            return None

    @property
    def ac1(self) -> float | None:
        """Gwet's coefficient; None where one verdict is all there is."""
        if self.agreed is None:
            return None
        yes = (2 * self.right_yes + self.wrong_yes + self.wrong_no) / (2 * self.total)
        chance = 2 * yes * (1 - yes)
        return (self.agreed - chance) / (1 - chance) if chance else None

    def as_dict(self) -> dict[str, int]:
        """Plain data."""
        return {
            "claimed_true": self.right_yes, "claimed_false": self.wrong_yes,
            "unclaimed_true": self.wrong_no, "unclaimed_false": self.right_no,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """One claimant's claims in one segment, against what is known.

    Attributes:
        claims: conversations with a claim.
        unclear: of them, those whose claim says nothing that can be compared.
        unknown: of the others, those whose outcome is not known.
        table: the ones compared.
        claimed, true: shares claimed and truly solved among the compared.
        gap: the first minus the second, paired.
        passed: share claimed solved among what is not.
    """

    claims: int
    unclear: int
    unknown: int
    table: Table
    claimed: Reckoning
    true: Reckoning
    gap: Reckoning
    passed: Reckoning

    def as_dict(self) -> dict[str, Any]:
        """Plain data, numbers as published."""
        return {
            "claims": self.claims, "unclear": self.unclear, "unknown_truth": self.unknown,
            "compared": self.table.total, "table": self.table.as_dict(),
            "agreed": published(self.table.agreed), "kappa": published(self.table.kappa),
            "ac1": published(self.table.ac1), **_interval(self.claimed, "claimed"),
            **_interval(self.true, "true"), **_interval(self.gap, "gap"),
            **_interval(self.passed, "failures_passed"),
        }  # fmt: skip


def check(
    claimed: np.ndarray, truth: np.ndarray, buckets: np.ndarray, *, level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Check:  # fmt: skip
    """Claims against the truth.

    Args:
        claimed: int[n], 1 claimed solved, 0 not, -1 says nothing.
        truth: int[n], 1 solved, 0 not, -1 not known.
        buckets: customer bucket of each.
        level: of the intervals.
        thresholds: floors of the refusals.
    """
    both = (claimed >= 0) & (truth >= 0)
    said, held, chosen = claimed[both] == 1, truth[both] == 1, buckets[both]
    table = Table(
        int((said & held).sum()), int((said & ~held).sum()), int((~said & held).sum()),
        int((~said & ~held).sum()),
    )  # fmt: skip

    def share(values: np.ndarray, among: np.ndarray, kind: str) -> Reckoning:
        x = np.rint(np.bincount(among, weights=values, minlength=BUCKETS)).astype(np.int64)
        m = np.bincount(among, minlength=BUCKETS)
        return bucket_ratio(
            x.tolist(), m.tolist(), kind="share" if kind == "share" else "mean", units=len(values),
            customers=int((m > 0).sum()), level=level, thresholds=thresholds,
        )  # fmt: skip

    return Check(
        claims=len(claimed), unclear=int((claimed < 0).sum()),
        unknown=int(((claimed >= 0) & (truth < 0)).sum()), table=table,
        claimed=share(said.astype(np.int64), chosen, "share"),
        true=share(held.astype(np.int64), chosen, "share"),
        gap=_bounded(
            share(said.astype(np.int64) - held.astype(np.int64), chosen, "mean"), table,
            len(np.unique(chosen)), level,
        ),
        passed=share(said[~held].astype(np.int64), chosen[~held], "share"),
    )  # fmt: skip


def _bounded(gap: Reckoning, table: Table, customers: int, level: float) -> Reckoning:
    """Where no two verdicts differ the rows show no spread: how often they could, by customers."""
    if gap.refusal is not None or table.wrong_yes or table.wrong_no:
        return gap
    most = 1 - ((1 - level) / 2) ** (1 / customers)
    return replace(gap, low=-most, high=most)


def _interval(found: Reckoning, name: str) -> dict[str, Any]:
    refusal = None if found.refusal is None else str(found.refusal)
    return {
        name: published(found.point), f"{name}_low": published(found.low),
        f"{name}_high": published(found.high), f"{name}_refusal": refusal,
    }  # fmt: skip
