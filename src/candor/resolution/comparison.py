"""Rule against rule on the same conversations: rates with bounds, agreement, and the evidence ladder.

Figures come from codes that were evaluated in one pass (``judged``); intervals from customer buckets.
Two rules are compared on the conversations that both of them decide. No rate is shown without the
share it says nothing about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from candor.estimates.estimate import DEFAULT_THRESHOLDS, Reckoning, Refusal, Thresholds, published
from candor.estimates.ratio import bucket_ratio
from candor.measure import BUCKETS
from candor.resolution import ladder
from candor.resolution.judged import Judged

Outcomes = np.ndarray
"""U[n] of resolved, not_resolved, undetermined, needs_judge, excluded."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What one rule makes of the conversations.

    Attributes:
        name, title: of the rule.
        resolved, not_resolved, undetermined, needs_judge, excluded: conversations.
        reasons: undetermined ones by reason.
        decided: resolved ÷ decided, with its interval.
        lower, upper: every undecided one counted as not resolved, as resolved; None without any.
        assumed: share of the decided verdicts that rest on an assumption of ours.
        about: the rule as plain data; empty for figures that are no rule.
    """

    name: str
    title: str
    resolved: int
    not_resolved: int
    undetermined: int
    needs_judge: int
    excluded: int
    reasons: dict[str, int]
    decided: Reckoning
    lower: float | None
    upper: float | None
    assumed: float | None
    about: dict[str, Any]

    @property
    def counted(self) -> int:
        """Conversations inside the rule's denominator."""
        return self.resolved + self.not_resolved + self.undetermined + self.needs_judge

    def as_dict(self) -> dict[str, Any]:
        """Plain data, numbers as published."""
        return {
            "rule": self.name, "title": self.title, "counted": self.counted,
            "resolved": self.resolved, "not_resolved": self.not_resolved,
            "undetermined": self.undetermined, "needs_judge": self.needs_judge,
            "excluded": self.excluded, "reasons": self.reasons, **_interval(self.decided, "decided"),
            "lower": published(self.lower), "upper": published(self.upper),
            "assumed_share": published(self.assumed), "definition": self.about,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rules on the conversations both decide.

    Attributes:
        first, second: names.
        both: conversations both decide.
        agreed: share with the same outcome; None without any.
        ac1: Gwet's chance-corrected agreement; None where only one outcome occurs.
        only_first, only_second: resolved under one and not under the other.
        difference: rate of the first minus that of the second on these, with its paired interval.
    """

    first: str
    second: str
    both: int
    agreed: float | None
    ac1: float | None
    only_first: int
    only_second: int
    difference: Reckoning

    def as_dict(self) -> dict[str, Any]:
        """Plain data, numbers as published."""
        return {
            "first": self.first, "second": self.second, "both": self.both,
            "agreed": published(self.agreed), "ac1": published(self.ac1),
            "only_first": self.only_first, "only_second": self.only_second,
            **_interval(self.difference, "difference"),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One rung of the ladder.

    Attributes:
        name, title, is_beside: of the rung.
        alone: what the rung says by itself.
        proved: what is proved up to it; equal to ``alone`` beside the ladder.
        dropped: conversations proved up to the rung before and not up to this one.
    """

    name: str
    title: str
    is_beside: bool
    alone: Rate
    proved: Rate
    dropped: int

    def as_dict(self) -> dict[str, Any]:
        """Plain data, numbers as published."""
        hidden = ("rule", "title", "definition", "assumed_share")
        return {
            "rung": self.name, "title": self.title, "is_beside": self.is_beside,
            "dropped": self.dropped,
            **{
                name: {k: v for k, v in rate.as_dict().items() if k not in hidden}
                for name, rate in (("alone", self.alone), ("proved", self.proved))
            },
        }  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """Every rule beside every other.

    Attributes:
        conversations: threads looked at.
        rates: one per rule, then the figures that stand beside them.
        pairs: every two of them, in that order.
        steps: the evidence ladder.
    """

    conversations: int
    rates: tuple[Rate, ...]
    pairs: tuple[Pair, ...]
    steps: tuple[Step, ...]

    def pair(self, first: str, second: str) -> Pair:
        """Two rules, in either order.

        Raises:
            KeyError: they were not compared.
        """
        for pair in self.pairs:
            if {pair.first, pair.second} == {first, second}:
                return pair
        raise KeyError(f"{first} and {second}")

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "conversations": self.conversations,
            "rules": [rate.as_dict() for rate in self.rates],
            "pairs": [pair.as_dict() for pair in self.pairs],
            "ladder": [step.as_dict() for step in self.steps],
        }


def compare(
    judged: Judged, beside: Sequence[tuple[str, str, Outcomes]] = (), *, level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Comparison:  # fmt: skip
    """Rates, agreement and ladder.

    Args:
        judged: every thread under every rule.
        beside: name, title and outcomes of figures to stand beside the rules.
        level: of the intervals.
        thresholds: floors of the refusals.
    """
    rates = []
    columns: list[tuple[str, Outcomes]] = []
    for number, rule in enumerate(judged.rules):
        outcomes = judged.outcomes(number)
        columns.append((rule.id, outcomes))
        rates.append(
            _rate(
                rule.id, rule.title, outcomes, judged.buckets, level, thresholds,
                reasons=_reasons(judged, number), assumed=_assumed(judged, number, outcomes),
                about=dict(rule.about()),
            )
        )  # fmt: skip
    for name, title, outcomes in beside:
        columns.append((name, outcomes))
        rates.append(_rate(name, title, outcomes, judged.buckets, level, thresholds))
    pairs = [
        _pair(columns[a], columns[b], judged.buckets, level, thresholds)
        for a in range(len(columns))
        for b in range(a + 1, len(columns))
    ]
    steps = _steps(judged, level, thresholds)
    return Comparison(len(judged), tuple(rates), tuple(pairs), tuple(steps))


def differences(
    judged: Judged, first: int, second: int, *, limit: int = 20
) -> list[dict[str, str]]:
    """Conversations that are resolved under one rule and not under the other, and why.

    Args:
        judged: every thread under every rule.
        first: number of the rule under which they are resolved.
        second: number of the rule under which they are not.
        limit: most conversations.
    """
    a, b = judged.outcomes(first), judged.outcomes(second)
    rows = np.flatnonzero((a == "resolved") & (b == "not_resolved"))[:limit]
    names = judged.threads["conversation_id"]
    return [
        {
            "conversation": names[int(row)].as_py(),
            "first": judged.decision(int(row), first).words,
            "second": judged.decision(int(row), second).words,
        }
        for row in rows
    ]


def furthest(pairs: Sequence[Pair], said: set[str], most: int) -> list[Pair]:
    """Pairs with the largest difference, of those whose rules both have a share of their own."""
    known = [p for p in pairs if p.difference.point is not None and {p.first, p.second} <= said]
    return sorted(known, key=lambda p: -abs(p.difference.point or 0))[:most]


def dropouts(judged: Judged, *, limit: int = 20) -> dict[str, list[dict[str, str]]]:
    """Conversations that are proved up to the rung before and not up to this one, by rung.

    Args:
        judged: every thread on the ladder.
        limit: most conversations of a rung, for each thing it may say of them.

    Returns:
        Rung → conversations, each with what the rung says of it: ``not_resolved``,
        ``undetermined`` or ``needs_judge``.
    """
    names = judged.threads["conversation_id"]
    return {
        ladder.RUNGS[number].name: [
            {
                "conversation": names[int(row)].as_py(),
                "says": ladder.WORDS[int(judged.rungs[row, number])],
            }
            for code in (ladder.NOT_RESOLVED, ladder.UNDETERMINED, ladder.NEEDS_JUDGE)
            for row in np.flatnonzero(lost & (judged.rungs[:, number] == code))[:limit]
        ]
        for number, lost in _losses(judged)
    }


def _losses(judged: Judged) -> Iterator[tuple[int, np.ndarray]]:
    """Number of a rung of the ladder, and bool[n] of what is lost there."""
    proved = ladder.cumulative(judged.rungs)
    standing = judged.rungs[:, 0] != ladder.EXCLUDED if len(judged) else np.zeros(0, dtype=bool)
    for number, rung in enumerate(ladder.RUNGS):
        if not rung.is_beside:
            reached = proved[:, number] == ladder.RESOLVED
            yield number, standing & ~reached
            standing = reached


def from_three_valued(known: np.ndarray, value: np.ndarray, counted: np.ndarray) -> Outcomes:
    """Outcomes of a figure with true, false and not known.

    Args:
        known: bool[n], the outcome is known.
        value: bool[n], it is resolved.
        counted: bool[n], inside the denominator.
    """
    found = np.where(known, np.where(value, "resolved", "not_resolved"), "undetermined")
    return np.where(counted, found, "excluded").astype(object)


def _rate(
    name: str, title: str, outcomes: Outcomes, buckets: np.ndarray, level: float,
    thresholds: Thresholds, *, reasons: dict[str, int] | None = None, assumed: float | None = None,
    about: dict[str, Any] | None = None,
) -> Rate:  # fmt: skip
    counts = {
        word: int((outcomes == word).sum())
        for word in ("resolved", "not_resolved", "undetermined", "needs_judge", "excluded")
    }
    resolved = outcomes == "resolved"
    decided = resolved | (outcomes == "not_resolved")
    counted = len(outcomes) - counts["excluded"]
    undecided = counts["undetermined"] + counts["needs_judge"]
    share = _share(resolved[decided].astype(np.int64), buckets[decided], level, thresholds)
    # A rule that leaves the rest to a judge decides its refusals first: their share says nothing.
    most = (1 - thresholds.mature_share) * counted
    if counts["needs_judge"] > most:
        share = Reckoning.refused(share.method, Refusal.UNLABELLED, k_eff=share.k_eff)
    elif (reasons or {}).get("immature", 0) > most:
        share = Reckoning.refused(share.method, Refusal.IMMATURE, k_eff=share.k_eff)
    return Rate(
        name=name, title=title, **counts, reasons=reasons or {}, decided=share,
        lower=counts["resolved"] / counted if counted else None,
        upper=(counts["resolved"] + undecided) / counted if counted else None,
        assumed=assumed, about=about or {},
    )  # fmt: skip


def _share(
    values: np.ndarray, buckets: np.ndarray, level: float, thresholds: Thresholds
) -> Reckoning:
    """A share of units, clustered by customer bucket; buckets stand for customers in the floors."""
    x = np.bincount(buckets, weights=values, minlength=BUCKETS).astype(np.int64)
    m = np.bincount(buckets, minlength=BUCKETS)
    return bucket_ratio(
        x.tolist(), m.tolist(), kind="share", units=len(values), customers=int((m > 0).sum()),
        level=level, thresholds=thresholds,
    )  # fmt: skip


def _pair(
    first: tuple[str, Outcomes], second: tuple[str, Outcomes], buckets: np.ndarray, level: float,
    thresholds: Thresholds,
) -> Pair:  # fmt: skip
    a, b = first[1], second[1]
    decided = np.isin(a, ("resolved", "not_resolved")) & np.isin(b, ("resolved", "not_resolved"))
    yes_a, yes_b = (a == "resolved")[decided], (b == "resolved")[decided]
    both = int(decided.sum())
    gap = yes_a.astype(np.int64) - yes_b.astype(np.int64)
    chosen = buckets[decided]
    x = np.rint(np.bincount(chosen, weights=gap, minlength=BUCKETS)).astype(np.int64)
    m = np.bincount(chosen, minlength=BUCKETS)
    difference = bucket_ratio(
        x.tolist(), m.tolist(), kind="mean", units=both, customers=int((m > 0).sum()), level=level,
        thresholds=thresholds,
    )  # fmt: skip
    table = [int((~yes_a & ~yes_b).sum()), int((yes_a & yes_b).sum())]
    only = [int((yes_a & ~yes_b).sum()), int((~yes_a & yes_b).sum())]
    return Pair(
        first[0], second[0], both, sum(table) / both if both else None, _ac1(table, only),
        only[0], only[1], difference,
    )  # fmt: skip


def _ac1(agreed: list[int], only: list[int]) -> float | None:
    """Gwet's AC1 of a two-by-two table; None where one outcome is all there is."""
    total = sum(agreed) + sum(only)
    if not total:
        return None
    yes = (2 * agreed[1] + only[0] + only[1]) / (2 * total)
    if yes in (0, 1):
        return None
    chance = 2 * yes * (1 - yes)
    return (sum(agreed) / total - chance) / (1 - chance)


def _reasons(judged: Judged, number: int) -> dict[str, int]:
    pairs = judged.codes[:, number].astype(np.int64) * 16 + judged.labelled[:, number]
    found: dict[str, int] = {}
    for pair, count in zip(*np.unique(pairs, return_counts=True), strict=True):
        row = int(np.flatnonzero(pairs == pair)[0])
        decision = judged.decision(row, number)
        if decision.outcome == "undetermined":
            found[decision.reason] = found.get(decision.reason, 0) + int(count)
    return dict(sorted(found.items()))


def _assumed(judged: Judged, number: int, outcomes: Outcomes) -> float | None:
    codes = judged.codes[:, number]
    decided = np.isin(outcomes, ("resolved", "not_resolved"))
    if not decided.any():
        return None
    lines = judged.rules[number].lines
    assumed = [n for n, line in enumerate(lines, start=1) if line.basis == "assumed"]
    return float(np.isin(codes[decided], assumed).mean())


def _steps(judged: Judged, level: float, thresholds: Thresholds) -> list[Step]:
    proved = ladder.cumulative(judged.rungs)
    lost = {number: int(rows.sum()) for number, rows in _losses(judged)}
    steps = []
    for number, rung in enumerate(ladder.RUNGS):
        sides = []
        for codes in (judged.rungs[:, number], proved[:, number]):
            words = np.asarray([ladder.WORDS[int(code)] for code in codes], dtype=object)
            sides.append(_rate(rung.name, rung.title, words, judged.buckets, level, thresholds))
        steps.append(
            Step(rung.name, rung.title, rung.is_beside, sides[0], sides[1], lost.get(number, 0))
        )
    return steps


def _interval(found: Reckoning, name: str) -> dict[str, Any]:
    refusal = None if found.refusal is None else str(found.refusal)
    return {
        name: published(found.point), f"{name}_low": published(found.low),
        f"{name}_high": published(found.high), f"{name}_n_eff": published(found.n_eff),
        f"{name}_refusal": refusal,
    }  # fmt: skip
