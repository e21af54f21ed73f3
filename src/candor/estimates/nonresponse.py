"""A mean over everybody although only some answered: doubly robust, cross-fitted.

Right when either the model of the answer or the model of answering is right, and still wrong where
answering depends on what nobody observed: `adjusted_observed_only` always. Units are those of the
answers. Source: Robins, Rotnitzky & Zhao 1994; STATISTICS §6.2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from candor.estimates.aipw import CLIP, fold_of
from candor.estimates.arithmetic import t_quantile
from candor.estimates.estimate import (
    DEFAULT_THRESHOLDS,
    Caveat,
    Evidence,
    Reckoning,
    Refusal,
    Thresholds,
)
from candor.estimates.regressions import binary_model, least_squares, probability, with_constant


def response_adjusted_mean(
    x: npt.ArrayLike,
    answered: Sequence[int],
    y: Sequence[float],
    customers: Sequence[str],
    *,
    folds: Sequence[int] | None = None,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """Mean of m̂(x) + answered·(y − m̂(x))/ê(x) over everybody, models fitted out of fold.

    Args:
        x: [n, p] covariates of everybody eligible.
        answered: n zeros and ones.
        y: n answers; what stands where nobody answered is not read.
        customers: n customer ids.
        folds: fold of each unit, whole customers together; by hash without it.
        level: confidence level.
        thresholds: floors of the refusals, applied to those who answered.
    """
    method = "response_adjusted"
    design = with_constant(np.asarray(x, float).reshape(len(y), -1))
    d = np.asarray(answered, float)
    outcome = np.where(d == 1, np.asarray(y, float), 0.0)
    names, cluster = np.unique(np.asarray(customers), return_inverse=True)
    fold = np.array([fold_of(c) for c in customers] if folds is None else folds, int)
    replies = int(d.sum())
    if replies == 0:
        return Reckoning.refused(method, Refusal.NOTHING_OBSERVED)
    fewest = min(int(((fold != own) & (d == 1)).sum()) for own in np.unique(fold))
    if replies < thresholds.min_units or fewest <= design.shape[1]:
        return Reckoning.refused(method, Refusal.TOO_FEW)
    if len(np.unique(cluster[d == 1])) < thresholds.min_customers:
        return Reckoning.refused(method, Refusal.TOO_FEW_CUSTOMERS)
    score = np.empty(len(d))
    for own in np.unique(fold):
        held, train = fold == own, fold != own
        beta = least_squares(design[train & (d == 1)], outcome[train & (d == 1)])
        chance = np.ones(int(held.sum()))
        if replies < len(d):
            model = binary_model(design[train], d[train])
            chance = np.clip(probability(design[held], model), CLIP[0], 1.0)
        expected = design[held] @ beta
        score[held] = expected + d[held] * (outcome[held] - expected) / chance
    n, k = len(score), len(names)
    point = math.fsum(score) / n
    sums = np.bincount(cluster, score - point, k)
    sizes = np.bincount(cluster, minlength=k).astype(float)
    se = math.sqrt(k / (k - 1) * float((sums**2).sum())) / n
    k_eff = n**2 / float((sizes**2).sum())
    half = t_quantile(level, k_eff - 1) * se
    spread = float(np.var(outcome[d == 1], ddof=1))
    return Reckoning(
        method, point, point - half, point + half, n_eff=spread / se**2 if se else float(k),
        k_eff=k_eff, se=se, caveats=(Caveat.ADJUSTED_OBSERVED_ONLY,),
        evidence=Evidence.SURVEY_WEIGHTED,
    )  # fmt: skip
