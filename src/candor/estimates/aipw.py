"""Lift of one treatment over another in observational data: doubly robust and cross-fitted.

The estimand is the mean effect over everybody in the data, analysed by entry point; covariates must
be known before the contact, for routing by difficulty is the whole raw effect. Folds are made of
whole customers. Without overlap there is no answer. Units are those of the outcome. Sources:
Robins, Rotnitzky & Zhao 1994; Chernozhukov et al. 2018.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from candor.estimates.arithmetic import t_quantile
from candor.estimates.estimate import DEFAULT_THRESHOLDS, Reckoning, Refusal, Thresholds
from candor.estimates.regressions import (
    Floats,
    binary_model,
    least_squares,
    probability,
    with_constant,
)

FOLDS = 5
CLIP = (0.01, 0.99)
OVERLAP = (0.05, 0.95)
MAX_OUTSIDE = 0.10
"""Share of units without overlap above which the comparison is refused."""
FOLD_SALT = "candor-folds-v1:"


@dataclass(frozen=True, slots=True)
class Lift:
    """An adjusted difference and what speaks for or against believing it.

    Attributes:
        found: treated minus untreated, over everybody.
        raw: the difference of plain means.
        outside: share of units whose propensity lies outside 0.05–0.95.
        balance: standardised mean difference of each covariate, before weighting.
        weighted_balance: the same after weighting by the inverse propensity; should be < 0.1.
        placebo: the same estimate for an outcome from before the treatment; should hold 0.
        target: whom the figure is about.
    """

    found: Reckoning
    raw: float | None
    outside: float | None
    balance: tuple[float, ...] = ()
    weighted_balance: tuple[float, ...] = ()
    placebo: Reckoning | None = None
    target: str = "everybody"


def fold_of(customer: str, folds: int = FOLDS) -> int:
    """The fold of a customer: a salted hash, so that it never changes with the data."""
    digest = hashlib.md5((FOLD_SALT + customer).encode(), usedforsecurity=False).hexdigest()
    return int(digest[:15], 16) % folds


def aipw(
    x: npt.ArrayLike,
    treated: Sequence[int],
    y: Sequence[float],
    customers: Sequence[str],
    *,
    folds: Sequence[int] | None = None,
    placebo: Sequence[float] | None = None,
    trim_to: tuple[float, float] | None = None,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Lift:
    """Augmented inverse-probability weighting with out-of-fold regressions.

    Args:
        x: [n, p] covariates from before the contact.
        treated: n zeros and ones.
        y: n outcomes.
        customers: n customer ids; the units of independence.
        folds: fold of each unit, whole customers together; by hash without it.
        placebo: n outcomes from before the treatment.
        trim_to: declares another target: only units with a propensity inside these limits.
        level: confidence level.
        thresholds: floors of the refusals.

    Returns:
        A lift whose ``found`` refuses `too_few`, `too_few_customers` or `no_overlap`.

    Raises:
        ValueError: the units of a customer lie in different folds.
    """
    design = with_constant(np.asarray(x, float).reshape(len(y), -1))
    d, outcome = np.asarray(treated, float), np.asarray(y, float)
    _, cluster = np.unique(np.asarray(customers), return_inverse=True)
    fold = np.array([fold_of(c) for c in customers] if folds is None else folds, int)
    refusal = _too_few(d, cluster, fold, design.shape[1], thresholds)
    if refusal is not None:
        return Lift(Reckoning.refused("aipw", refusal), None, None)
    propensity = _out_of_fold_propensity(design, d, fold)
    outside = float(((propensity < OVERLAP[0]) | (propensity > OVERLAP[1])).mean())
    raw = float(outcome[d == 1].mean() - outcome[d == 0].mean())
    before = _balance(design[:, 1:], d, np.ones(len(d)))
    weights = np.where(d == 1, 1 / _clip(propensity), 1 / (1 - _clip(propensity)))
    after = _balance(design[:, 1:], d, weights)
    if trim_to is None and outside > MAX_OUTSIDE:
        refused = Reckoning.refused("aipw", Refusal.NO_OVERLAP)
        return Lift(refused, raw, outside, before, after)
    keep = np.ones(len(d), bool)
    target = "everybody"
    if trim_to is not None:
        keep = (propensity >= trim_to[0]) & (propensity <= trim_to[1])
        target = f"propensity {trim_to[0]:g}–{trim_to[1]:g}"
        refusal = _too_few(d[keep], cluster[keep], None, design.shape[1], thresholds)
        if refusal is not None:
            refused = Reckoning.refused("aipw", refusal)
            return Lift(refused, raw, outside, before, after, target=target)

    def effect(of: Floats) -> Reckoning:
        score = _scores(design, d, of, propensity, fold)
        return _clustered(score[keep], cluster[keep], level)

    return Lift(
        effect(outcome), raw, outside, before, after,
        None if placebo is None else effect(np.asarray(placebo, float)), target,
    )  # fmt: skip


def _clip(propensity: Floats) -> Floats:
    return np.asarray(np.clip(propensity, *CLIP), dtype=np.float64)


def _too_few(
    d: Floats,
    cluster: npt.NDArray[np.intp],
    fold: npt.NDArray[np.int64] | None,
    width: int,
    thresholds: Thresholds,
) -> Refusal | None:
    arms = [d == arm for arm in (0.0, 1.0)]
    if len(d) == 0 or not all(arm.any() for arm in arms):
        return Refusal.NOTHING_OBSERVED
    if min(int(arm.sum()) for arm in arms) < thresholds.min_units:
        return Refusal.TOO_FEW
    if min(len(np.unique(cluster[arm])) for arm in arms) < thresholds.min_customers:
        return Refusal.TOO_FEW_CUSTOMERS
    if fold is None:
        return None
    if any(len(np.unique(fold[cluster == c])) > 1 for c in _repeated(cluster)):
        raise ValueError("a customer lies in two folds")
    trains = [int(((fold != own) & arm).sum()) for own in np.unique(fold) for arm in arms]
    return Refusal.TOO_FEW if min(trains) <= width else None


def _repeated(cluster: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    names, sizes = np.unique(cluster, return_counts=True)
    return np.asarray(names[sizes > 1])


def _out_of_fold_propensity(design: Floats, d: Floats, fold: npt.NDArray[np.int64]) -> Floats:
    propensity = np.empty(len(d))
    for own in np.unique(fold):
        held = fold == own
        propensity[held] = probability(design[held], binary_model(design[~held], d[~held]))
    return propensity


def _scores(
    design: Floats, d: Floats, y: Floats, propensity: Floats, fold: npt.NDArray[np.int64]
) -> Floats:
    e = _clip(propensity)
    expected = np.empty((len(d), 2))
    for own in np.unique(fold):
        held = fold == own
        for arm in (0, 1):
            train = ~held & (d == arm)
            expected[held, arm] = design[held] @ least_squares(design[train], y[train])
    m0, m1 = expected[:, 0], expected[:, 1]
    return np.asarray(m1 - m0 + d * (y - m1) / e - (1 - d) * (y - m0) / (1 - e), dtype=np.float64)


def _clustered(score: Floats, cluster: npt.NDArray[np.intp], level: float) -> Reckoning:
    n = len(score)
    point = math.fsum(score) / n
    names, own = np.unique(cluster, return_inverse=True)
    k = len(names)
    sums = np.bincount(own, score - point, k)
    sizes = np.bincount(own, minlength=k).astype(float)
    se = math.sqrt(k / (k - 1) * float((sums**2).sum())) / n
    k_eff = n**2 / float((sizes**2).sum())
    half = t_quantile(level, k_eff - 1) * se
    n_eff = float(np.var(score, ddof=1)) / se**2 if se else float(k)
    return Reckoning("aipw", point, point - half, point + half, n_eff=n_eff, k_eff=k_eff, se=se)


def _balance(x: Floats, d: Floats, weights: Floats) -> tuple[float, ...]:
    """Difference of weighted means over the pooled standard deviation of the two arms."""
    found = []
    for column in x.T:
        means = [float(np.average(column[d == arm], weights=weights[d == arm])) for arm in (0, 1)]
        spread = math.sqrt((float(column[d == 0].var()) + float(column[d == 1].var())) / 2)
        found.append((means[1] - means[0]) / spread if spread else 0.0)
    return tuple(found)
