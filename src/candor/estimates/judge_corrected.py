"""A machine's rate or mean score put right by people's labels: which method speaks, and how many labels it takes.

A share with labels of its own is post-stratified by what the machine said (STATISTICS §1.1). Where
its own labels are too few, error rates that the same machine showed on other days may stand in,
openly (§1.3). A score takes the difference of people and machine, tuned by how well the machine
follows them (§1.2), with weights for unequal chances. Nothing else is ever borrowed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from candor.estimates.arithmetic import normal_quantile, t_quantile
from candor.estimates.estimate import (
    DEFAULT_THRESHOLDS,
    Caveat,
    Evidence,
    Reckoning,
    Refusal,
    Thresholds,
)
from candor.estimates.labelled import MINORITY_LABELS, Labels, poststratified_rate, rogan_gladen
from candor.estimates.proportion import clopper_pearson, wilson

HALF_WIDTH = 0.05
"""Precision that the number of labels is told for: five points to either side."""
_FEW = frozenset({Refusal.UNLABELLED, Refusal.TOO_FEW_LABELS, Refusal.TOO_FEW_CUSTOMERS})
_RARE = 0.05
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Label:
    """One unit that a person judged.

    Attributes:
        truth: 1 or 0, or a score in 0–1.
        said: the machine's verdict on the same unit; None where it has none or left it open.
        epoch: machine, version and rubric behind ``said``.
        bucket: customer bucket.
        pi: chance with which the unit was drawn; None when not recorded.
    """

    truth: float
    said: float | None
    epoch: str
    bucket: int
    pi: float | None


Stratum = tuple[str, float | None]
"""Epoch and verdict; the verdict is None where the machine left the unit open."""


def corrected_share(
    units: Mapping[Stratum, Mapping[int, int]],
    labels: Sequence[Label],
    *,
    elsewhere: Sequence[Label] = (),
    apparent_n: float = 0.0,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """A share of units after people's labels.

    Args:
        units: for each epoch and verdict of the machine, units per customer bucket.
        labels: of these units.
        elsewhere: labels of the same machines on other days of the same population, with their
            chances; used only where ``labels`` are too few, and then named.
        apparent_n: independent units behind the machine's rate, for that case.
        level: confidence level.
        thresholds: floors of the refusals.
    """
    strata = sorted(units, key=lambda one: (one[0], -1.0 if one[1] is None else one[1]))
    place = {stratum: at for at, stratum in enumerate(strata)}
    buckets = sorted({bucket for counts in units.values() for bucket in counts})
    number = {bucket: at for at, bucket in enumerate(buckets)}
    sizes = [sum(units[stratum].values()) for stratum in strata]
    own = [one for one in labels if (one.epoch, one.said) in place]
    drawn = [0] * len(strata)
    for one in own:
        drawn[place[one.epoch, one.said]] += 1
    found = poststratified_rate(
        sizes,
        Labels(
            [int(one.truth) for one in own],
            [place[one.epoch, one.said] for one in own],
            [
                one.pi if one.pi is not None
                else drawn[place[one.epoch, one.said]] / sizes[place[one.epoch, one.said]]
                for one in own
            ],
            [number[one.bucket] for one in own],
        ),
        unit_buckets=[[units[stratum].get(bucket, 0) for stratum in strata] for bucket in buckets],
        level=level, thresholds=thresholds,
    )  # fmt: skip
    if found.refusal not in _FEW or not elsewhere:
        return found
    moved = _transported(units, elsewhere, apparent_n, level, thresholds)
    return found if moved is None or moved.refusal is not None else moved


def _transported(
    units: Mapping[Stratum, Mapping[int, int]], labels: Sequence[Label], apparent_n: float,
    level: float, thresholds: Thresholds,
) -> Reckoning | None:  # fmt: skip
    """The rate by error rates of one machine on other days; None where these are not known.

    What the machine left open counts as not called true, here and in its error rates.
    """
    total = sum(sum(counts.values()) for counts in units.values())
    by_epoch: dict[str, int] = {}
    for (epoch, _), counts in units.items():
        by_epoch[epoch] = by_epoch.get(epoch, 0) + sum(counts.values())
    epoch = max(by_epoch, key=lambda name: (by_epoch[name], name))
    known = [one for one in labels if one.epoch == epoch and one.pi is not None]
    if by_epoch[epoch] < (1 - _RARE) * total or len(known) < thresholds.min_labels:
        return None
    sides = {}
    for truth in (1, 0):
        weights = np.array([1 / (one.pi or 1) for one in known if int(one.truth) == truth])
        agreed = [(one.said == 1) == (truth == 1) for one in known if int(one.truth) == truth]
        if len(weights) < MINORITY_LABELS:
            return None
        sides[truth] = (
            float((weights * agreed).sum() / weights.sum()),
            int(weights.sum() ** 2 / (weights**2).sum()),
        )
    true = sum(sum(counts.values()) for (_, said), counts in units.items() if said == 1)
    return rogan_gladen(true / total, min(apparent_n, total), *sides[1], *sides[0], level=level)


def corrected_score(
    judged: Sequence[tuple[int, int, float]],
    labels: Sequence[Label],
    *,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """A mean score after people's labels: θ = λ·F̄ + the weighted mean of Y − λ·F on the labels.

    Args:
        judged: (customer bucket, units, sum of the machine's scores) of all units it scored.
        labels: of these units; those without a recorded chance count as drawn at random.
        level: confidence level.
        thresholds: floors of the refusals.

    Returns:
        The mean over the units that the machine scored, with the variance of leaving out one
        customer bucket after another; ``judge_no_gain`` where the machine does not follow people.
    """
    method = "ppi_tuned_process"
    told = [one for one in labels if one.said is not None]
    if not told:
        return Reckoning.refused(method, Refusal.UNLABELLED)
    if len(told) < thresholds.min_labels:
        return Reckoning.refused(method, Refusal.TOO_FEW_LABELS)
    inside = np.array([one.bucket for one in told])
    buckets, counts = np.unique(inside, return_counts=True)
    k_eff = len(told) ** 2 / float((counts.astype(float) ** 2).sum())
    if len(buckets) < thresholds.min_customers or k_eff < thresholds.min_k_eff:
        return Reckoning.refused(method, Refusal.TOO_FEW_CUSTOMERS, k_eff=k_eff)
    every = sorted({*(row[0] for row in judged), *(int(b) for b in buckets)})
    at = {bucket: number for number, bucket in enumerate(every)}
    sums = np.zeros((7, len(every)))
    for bucket, n, total in judged:
        sums[0, at[bucket]] += n
        sums[1, at[bucket]] += total
    weight = np.array([1 / one.pi if one.pi is not None else 1.0 for one in told])
    truth = np.array([one.truth for one in told])
    said = np.array([one.said for one in told], float)
    terms = (weight, weight * truth, weight * said, weight * truth * said, weight * said**2)
    for row, term in enumerate(terms, 2):
        np.add.at(sums[row], [at[int(b)] for b in inside], term)
    whole = sums.sum(axis=1)
    tuning, point = _difference(whole[:, None])
    _, left_out = _difference(whole[:, None] - sums)
    k = len(every)
    variance = (k - 1) / k * float(((left_out - left_out.mean()) ** 2).sum())
    half = t_quantile(level, k_eff - 1) * math.sqrt(variance)
    spread = float(np.average((truth - np.average(truth, weights=weight)) ** 2, weights=weight))
    helps = float(tuning[0]) > 0
    centre = float(point[0])
    return Reckoning(
        method, centre, max(0.0, centre - half), min(1.0, centre + half),
        n_eff=spread / variance if variance else float(len(told)), k_eff=k_eff,
        se=math.sqrt(variance), caveats=() if helps else (Caveat.JUDGE_NO_GAIN,),
        evidence=Evidence.JUDGE_CORRECTED if helps else Evidence.HUMAN_SAMPLE,
    )  # fmt: skip


def _difference(sums: Floats) -> tuple[Floats, Floats]:
    """Tuning weight and mean for each column of (N, ΣF, Σw, ΣwY, ΣwF, ΣwYF, ΣwF²)."""
    units, total, w, wy, wf, wyf, wff = sums
    scored = np.divide(total, units, out=np.zeros_like(total), where=units > 0)
    y, f = wy / w, wf / w
    spread = wff / w - f * f
    together = wyf / w - y * f
    tuning = np.clip(
        np.divide(together, spread, out=np.zeros_like(spread), where=spread > 1e-12), 0.0, 1.0
    )
    return tuning, tuning * scored + y - tuning * f


def corrected_domain(
    units: Mapping[Stratum, Mapping[int, int]],
    labels: Sequence[Label],
    *,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """A share among units that a verdict tells apart from others, after people's labels.

    Post-stratified above and below the line: R = Σ N_h·P(true | h) ÷ Σ N_h·P(counted | h), over the
    strata h of what the machine says, units it leaves out being one of them. So what it missed
    counts too. Variance by leaving out one customer bucket after another (STATISTICS §1.1, §2.4).

    Args:
        units: for each epoch and verdict of the machine, -1 for not counted, units per customer
            bucket.
        labels: of these units; truth 1, 0, or -1 for a unit that is not counted.
        level: confidence level.
        thresholds: floors of the refusals, held against the labels of counted units.
    """
    method = "poststratified_domain_process"
    strata = sorted(units, key=lambda one: (one[0], -2.0 if one[1] is None else one[1]))
    place = {stratum: at for at, stratum in enumerate(strata)}
    own = [one for one in labels if (one.epoch, one.said) in place]
    counted = [one for one in own if one.truth >= 0]
    if not own:
        return Reckoning.refused(method, Refusal.UNLABELLED)
    sizes = np.array([sum(units[stratum].values()) for stratum in strata], float)
    drawn = np.bincount([place[one.epoch, one.said] for one in own], minlength=len(strata))
    is_uncovered = bool(((drawn == 0) & (sizes > _RARE * sizes.sum())).any())
    if is_uncovered or len(counted) < thresholds.min_labels:
        return Reckoning.refused(method, Refusal.TOO_FEW_LABELS)
    buckets, held = np.unique([one.bucket for one in counted], return_counts=True)
    k_eff = len(counted) ** 2 / float((held.astype(float) ** 2).sum())
    if len(buckets) < thresholds.min_customers or k_eff < thresholds.min_k_eff:
        return Reckoning.refused(method, Refusal.TOO_FEW_CUSTOMERS, k_eff=k_eff)
    positives = sum(one.truth == 1 for one in counted)
    if min(positives, len(counted) - positives) < MINORITY_LABELS:
        if len({one.pi for one in own}) > 1 or own[0].pi is None:
            return Reckoning.refused(method, Refusal.TOO_FEW_LABELS)
        low, high = clopper_pearson(positives, len(counted), level=level)
        return Reckoning(
            "clopper_pearson_labels", positives / len(counted), low, high,
            n_eff=float(len(counted)), k_eff=k_eff, caveats=(Caveat.FEW_MINORITY_LABELS,),
            evidence=Evidence.HUMAN_SAMPLE,
        )  # fmt: skip
    every = sorted(
        {*(bucket for counts in units.values() for bucket in counts), *(o.bucket for o in own)}
    )
    at = {bucket: number for number, bucket in enumerate(every)}
    sums = np.zeros((4, len(strata), len(every)))
    for stratum, counts in units.items():
        for bucket, n in counts.items():
            sums[0, place[stratum], at[bucket]] += n
    for one in own:
        h = place[one.epoch, one.said]
        weight = 1 / one.pi if one.pi is not None else sizes[h] / drawn[h]
        sums[1:, h, at[one.bucket]] += weight * np.array([1.0, one.truth >= 0, one.truth == 1])
    whole = sums.sum(axis=2, keepdims=True)
    point = float(_domain_share(whole)[0])
    left_out = _domain_share(whole - sums)
    k = len(every)
    variance = (k - 1) / k * float(((left_out - left_out.mean()) ** 2).sum())
    n_eff = point * (1 - point) / variance if variance else float(len(counted))
    low, high = wilson(point, n_eff, t_quantile(level, k_eff - 1))
    return Reckoning(
        method, point, low, high, n_eff=n_eff, k_eff=k_eff, se=math.sqrt(variance),
        evidence=Evidence.JUDGE_CORRECTED,
    )  # fmt: skip


def _domain_share(sums: Floats) -> Floats:
    """The ratio for each last place of (units; weight of labels, of counted ones, of true ones) × stratum.

    A stratum without labels takes the shares of all of them.
    """
    sizes, weight, *parts = sums
    all_weight = weight.sum(axis=0)
    counted, true = (
        (
            sizes
            * np.where(
                weight > 1e-9, part / np.maximum(weight, 1e-9), part.sum(axis=0) / all_weight
            )
        ).sum(axis=0)
        for part in parts
    )
    return np.asarray(true / counted)


def labels_needed(
    machine: float, units: int, *, variance: float | None = None, level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> int:  # fmt: skip
    """Random labels that would give a figure within five points, planned at the machine's own rate.

    Args:
        machine: the machine's rate or mean score.
        units: units there are; more cannot be labelled.
        variance: of a unit's score; that of a share when left out.
        level: confidence level.
        thresholds: fewest labels that are ever used.
    """
    rate = min(0.95, max(0.05, machine))
    spread = rate * (1 - rate) if variance is None else variance
    precise = math.ceil(normal_quantile(level) ** 2 * spread / HALF_WIDTH**2)
    rarer = math.ceil(MINORITY_LABELS / min(rate, 1 - rate)) if variance is None else 0
    return min(units, max(thresholds.min_labels, precise, rarer))
