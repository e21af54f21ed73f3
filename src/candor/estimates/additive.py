"""Additive models of a share, fitted near known weights and judged on customers they never saw.

Log odds are an intercept plus weight times feature. The penalty draws each weight to where it started,
in units of the feature's own spread, so few labels change little. Every prediction that is judged was
made by a fit without its customer, the penalty chosen without it too (nested folds by group).
Features are finite; a feature that is not known is 0, which adds nothing.
Reference: ridge regression towards a target, van Wieringen 2015 (arXiv 1509.09169).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
RIDGES = (1.0, 3.0, 10.0, 30.0, 100.0, 1_000.0)
"""Penalties tried: how many labels' worth of belief stands behind the starting weights."""
FOLDS = 5
_FREE, _LEAST_SPREAD = 0.01, 0.2
_STEPS = 60
_TOLERANCE = 1e-9
Fit = Callable[[Floats, Floats, Floats, float], Floats]
Predict = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fit and how it did on customers it never saw.

    Attributes:
        weights: fitted on everything; the intercept comes first.
        ridge: penalty chosen on everything.
        predicted: for each unit, by a fit without its group.
    """

    weights: Floats
    ridge: float
    predicted: Floats


def log_odds(start: Sequence[float]) -> tuple[Fit, Predict]:
    """Fit and prediction of log odds.

    Args:
        start: intercept and weights to begin from and be drawn to.
    """
    centre = np.asarray(start, dtype=np.float64)

    def fit(x: Floats, y: Floats, w: Floats, ridge: float) -> Floats:
        design = np.column_stack([np.ones(len(x)), x])
        # The intercept is all but free; a feature that hardly varies must not stand in for it.
        spread = np.concatenate([[_FREE], np.maximum(x.std(axis=0), _LEAST_SPREAD)])
        penalty = ridge * spread**2
        beta = centre.copy()
        loss = _loss(design, y, w, beta, centre, penalty)
        for _ in range(_STEPS):
            p = _logistic(design @ beta)
            gradient = design.T @ (w * (p - y)) + penalty * (beta - centre)
            curve = design.T @ (design * (w * p * (1 - p))[:, None]) + np.diag(penalty)
            step = np.linalg.solve(curve, gradient)
            size = 1.0
            while (after := _loss(design, y, w, beta - size * step, centre, penalty)) > loss:
                size /= 2
                if size < 1e-8:
                    return beta
            beta, before, loss = beta - size * step, loss, after
            if before - loss < _TOLERANCE:
                break
        return beta

    def predict(x: Floats, beta: Floats) -> Floats:
        return _logistic(np.column_stack([np.ones(len(x)), x]) @ beta)

    return fit, predict


def cross_fitted(
    x: Floats, y: Floats, w: Floats, group: Ints, method: tuple[Fit, Predict], *,
    ridges: Sequence[float] = RIDGES, folds: int = FOLDS,
) -> Fitted:  # fmt: skip
    """Fit on everything, and predict every unit by a fit that never saw its group.

    Args:
        x: features, n × m.
        y: outcome, 0 or 1.
        w: weight of each unit.
        group: customer bucket of each unit; a group is never split.
        method: from ``log_odds``.
        ridges: penalties to choose from, in each outer fold anew.
        folds: number of folds, inner and outer.
    """
    fit, predict = method
    fold = _folds(group, folds)
    predicted = np.full(len(y), np.nan)
    for number in range(folds):
        out = fold == number
        if out.any():
            ridge = _chosen(x[~out], y[~out], w[~out], group[~out], method, ridges, folds)
            predicted[out] = predict(x[out], fit(x[~out], y[~out], w[~out], ridge))
    ridge = _chosen(x, y, w, group, method, ridges, folds)
    return Fitted(fit(x, y, w, ridge), ridge, predicted)


def _chosen(
    x: Floats, y: Floats, w: Floats, group: Ints, method: tuple[Fit, Predict],
    ridges: Sequence[float], folds: int,
) -> float:  # fmt: skip
    """The penalty with the least squared error on groups left out; the greatest of equals."""
    fit, predict = method
    fold = _folds(group, folds)
    errors = []
    for ridge in ridges:
        error = 0.0
        for number in range(folds):
            out = fold == number
            if out.any() and not out.all():
                made = predict(x[out], fit(x[~out], y[~out], w[~out], ridge))
                error += float(np.sum(w[out] * (made - y[out]) ** 2))
        errors.append(error)
    return min(zip(errors, (-ridge for ridge in ridges), strict=True))[1] * -1


def _folds(group: Ints, folds: int) -> Ints:
    """A fold for each unit: groups in turn, the largest first, so that folds are of a size."""
    names, counts = np.unique(group, return_counts=True)
    order = names[np.lexsort((names, -counts))]
    place = {int(name): number % folds for number, name in enumerate(order)}
    return np.array([place[int(name)] for name in group], dtype=np.int64)


def _loss(
    design: Floats, y: Floats, w: Floats, beta: Floats, centre: Floats, penalty: Floats
) -> float:
    z = design @ beta
    misfit = np.sum(w * (np.logaddexp(0.0, z) - y * z))
    return float(misfit + 0.5 * np.sum(penalty * (beta - centre) ** 2))


def _logistic(z: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(z, -40.0, 40.0))))
