"""Calibration epochs: which labels may be pooled, how well a judge does, and whether it drifted.

An epoch is one judge with one model, prompt, rubric and preprocessing. A new epoch starts without
labels and draws a visible break; labels of two epochs are never pooled. A frozen gold set is scored
again in every epoch. Shares lie in 0–1. Sources: McNemar 1947; Begg & Greenes 1983.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from candor.estimates.agreement import mcnemar_exact
from candor.estimates.arithmetic import divide, t_quantile
from candor.estimates.estimate import (
    DEFAULT_THRESHOLDS,
    Evidence,
    Reckoning,
    Refusal,
    Thresholds,
)
from candor.estimates.labelled import begg_greenes
from candor.estimates.proportion import clopper_pearson, wilson
from candor.estimates.ratio import bucket_jackknife


@dataclass(frozen=True, slots=True)
class Epoch:
    """What must stay the same for labels to belong together.

    Attributes:
        judge: name of the judge.
        model: model behind it.
        prompt_hash: hash of its prompt.
        rubric_version: version of the rubric people and judge follow.
        preprocessing_version: version of what is done to the text before.
    """

    judge: str
    model: str
    prompt_hash: str
    rubric_version: str
    preprocessing_version: str

    @property
    def epoch_id(self) -> str:
        """Short name: the same parts, the same name."""
        text = "\x1f".join(astuple(self))
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:12]


def one_epoch(epochs: Sequence[Epoch]) -> Epoch | Refusal:
    """The epoch that labels share: `unlabelled` without any, `incompatible` when they differ."""
    distinct = set(epochs)
    if not distinct:
        return Refusal.UNLABELLED
    return Refusal.INCOMPATIBLE if len(distinct) > 1 else next(iter(distinct))


@dataclass(frozen=True, slots=True)
class JudgeDrift:
    """A judge on the frozen gold set, before and now.

    Attributes:
        became_wrong: units it used to get right.
        became_right: units it used to get wrong.
        p: exact chance of so uneven a split; 1 when nothing changed.
        sensitivity_before, sensitivity_now: share found among the true ones.
        specificity_before, specificity_now: share cleared among the false ones.
    """

    became_wrong: int
    became_right: int
    p: float
    sensitivity_before: Reckoning
    sensitivity_now: Reckoning
    specificity_before: Reckoning
    specificity_now: Reckoning


def judge_drift(
    truth: Sequence[int],
    before: Sequence[int],
    now: Sequence[int],
    *,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> JudgeDrift | Refusal:
    """Whether a judge changed, on units scored in both epochs.

    Args:
        truth: human labels of the gold set, 0 or 1.
        before: verdicts of the earlier epoch.
        now: verdicts of the later epoch.
        level: confidence level.
        thresholds: least number of gold units.

    Returns:
        `unlabelled` or `too_few_labels` when the gold set is too small.
    """
    rows = list(zip(truth, before, now, strict=True))
    if not rows:
        return Refusal.UNLABELLED
    if len(rows) < thresholds.min_labels:
        return Refusal.TOO_FEW_LABELS
    wrong = sum(b == y and n != y for y, b, n in rows)
    right = sum(b != y and n == y for y, b, n in rows)
    p = mcnemar_exact(wrong, right)

    def share(verdicts: Sequence[int], of: int) -> Reckoning:
        hits = [v == of for y, v in zip(truth, verdicts, strict=True) if y == of]
        return _plain_share(sum(hits), len(hits), level)

    return JudgeDrift(
        wrong, right, 1.0 if isinstance(p, Refusal) else p,
        share(before, 1), share(now, 1), share(before, 0), share(now, 0),
    )  # fmt: skip


def _plain_share(k: int, n: int, level: float) -> Reckoning:
    """A share of independent units; exact limits when few are on either side."""
    if n == 0:
        return Reckoning.refused("clopper_pearson", Refusal.NOTHING_OBSERVED)
    few = min(k, n - k) <= 5
    low, high = clopper_pearson(k, n, level=level) if few else wilson(k / n, n, level=level)
    return Reckoning(
        "clopper_pearson" if few else "wilson", k / n, low, high, n_eff=float(n), k_eff=float(n),
        evidence=Evidence.HUMAN_SAMPLE,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Counts of one customer bucket.

    Attributes:
        flagged_true, flagged_false: reviewed units the judge flagged, by truth.
        clear_true, clear_false: reviewed units it did not flag, by truth.
        flagged, clear: all units by verdict, reviewed or not.
    """

    flagged_true: int
    flagged_false: int
    clear_true: int
    clear_false: int
    flagged: int
    clear: int


def corrected_accuracy(
    buckets: Sequence[Reviewed],
    *,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> tuple[Reckoning, Reckoning]:
    """Sensitivity and specificity corrected for selective review, with jackknife intervals.

    Args:
        buckets: counts by customer bucket.
        level: confidence level.
        thresholds: least number of reviewed units that were not flagged, and of buckets.

    Returns:
        Sensitivity and specificity; both refuse `too_few_labels` or `too_few_customers` together.
    """
    method = "begg_greenes_jackknife"
    rows = [
        (r.flagged_true, r.flagged_false, r.clear_true, r.clear_false, r.flagged, r.clear)
        for r in buckets
        if r.flagged + r.clear
    ]
    totals = [sum(column) for column in zip(*rows, strict=True)] or [0] * 6
    whole = _accuracy(totals, thresholds)
    sizes = [row[4] + row[5] for row in rows]
    k_eff = divide(sum(sizes) ** 2, sum(s * s for s in sizes)) if sizes else 0.0
    refusal = Refusal.TOO_FEW_LABELS if whole is None else None
    if refusal is None and (len(rows) < thresholds.min_customers or k_eff < thresholds.min_k_eff):
        refusal = Refusal.TOO_FEW_CUSTOMERS
    if refusal is not None:
        refused = Reckoning.refused(method, refusal, k_eff=k_eff)
        return refused, refused
    loose = Thresholds(min_labels=1)
    found = []
    for side in (0, 1):

        def figure(sums: Sequence[int], side: int = side) -> float:
            accuracy = _accuracy(sums, loose)
            return float("nan") if accuracy is None else accuracy[side]

        part = bucket_jackknife(rows, figure)
        point = part.value
        if part.variance > 0 and 0 < point < 1:
            n_eff = point * (1 - point) / part.variance
            low, high = wilson(point, n_eff, t_quantile(level, k_eff - 1))
        else:
            n_eff = float(totals[2] + totals[3])
            low, high = clopper_pearson(point * n_eff, n_eff, level=level)
        found.append(
            Reckoning(
                method, point, low, high, n_eff=n_eff, k_eff=k_eff, se=part.variance**0.5,
                evidence=Evidence.HUMAN_SAMPLE,
            )
        )  # fmt: skip
    return found[0], found[1]


def _accuracy(sums: Sequence[int], thresholds: Thresholds) -> tuple[float, float] | None:
    tp, fp, fn, tn, flagged, clear = sums
    found = begg_greenes(((tp, fp), (fn, tn)), flagged, clear, thresholds=thresholds)
    return None if isinstance(found, Refusal) else (found.sensitivity, found.specificity)
