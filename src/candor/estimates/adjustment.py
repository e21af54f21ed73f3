"""Adjusted differences without cross-fitting: regression, weighting, and both, with robust errors.

One parametric outcome model per arm and one propensity model; standard errors carry the estimation
of every model (stacked estimating equations). Prefer `aipw`, which needs neither model to be right
in form; these are the classical figures to set beside it. Source: Stefanski & Boos 2002.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from candor.estimates.arithmetic import normal_quantile
from candor.estimates.estimate import Reckoning
from candor.estimates.regressions import (
    Floats,
    Link,
    binary_model,
    least_squares,
    probability,
    with_constant,
)

Adjustment = Literal["RA", "IPW", "AIPW"]


def treatment_effect(
    y: Sequence[float],
    treated: Sequence[int],
    outcome_x: npt.ArrayLike,
    treatment_x: npt.ArrayLike,
    *,
    how: Adjustment,
    link: Link = "logit",
    level: float = 0.95,
) -> Reckoning:
    """Mean effect over everybody, units independent.

    Args:
        y: n outcomes.
        treated: n zeros and ones, both present.
        outcome_x: [n, p] covariates of the outcome models.
        treatment_x: [n, q] covariates of the propensity model.
        how: regression adjustment, inverse-probability weighting (weights scaled to 1 within
            each arm), or both (augmented).
        link: of the propensity model.
        level: confidence level.
    """
    outcome, d = np.asarray(y, float), np.asarray(treated, float)
    x, z = (
        with_constant(np.asarray(a, float).reshape(len(d), -1)) for a in (outcome_x, treatment_x)
    )
    betas = [least_squares(x[d == arm], outcome[d == arm]) for arm in (0, 1)]
    gamma = binary_model(z, d, link)
    moments = _MOMENTS[how]
    start = moments(np.zeros(2), betas[0], betas[1], gamma, x, z, d, outcome, link)[:, :2]
    means = start.mean(axis=0)
    if how == "IPW":
        p = probability(z, gamma, link)
        weights = np.column_stack([(1 - d) / (1 - p), d / p])
        means = (weights * outcome[:, None]).sum(axis=0) / weights.sum(axis=0)
    sizes = (2, x.shape[1], x.shape[1], z.shape[1])
    cuts = np.cumsum(sizes)[:-1]

    def stacked(parameters: Floats) -> Floats:
        mean, b0, b1, g = np.split(parameters, cuts)
        return moments(mean, b0, b1, g, x, z, d, outcome, link)

    parameters = np.concatenate([means, *betas, gamma])
    se = _sandwich(stacked, parameters)
    point = float(means[1] - means[0])
    half = normal_quantile(level) * se
    return Reckoning(
        f"treatment_effect_{how.lower()}", point, point - half, point + half,
        n_eff=float(len(d)), k_eff=float(len(d)), se=se,
    )  # fmt: skip


def _sandwich(stacked: Callable[[Floats], Floats], parameters: Floats) -> float:
    """Standard error of the second mean minus the first."""
    values = stacked(parameters)
    n, p = values.shape
    slope = np.empty((p, p))
    for j in range(p):
        step = 1e-5 * max(1.0, abs(float(parameters[j])))
        ahead, behind = parameters.copy(), parameters.copy()
        ahead[j] += step
        behind[j] -= step
        slope[:, j] = (stacked(ahead).mean(axis=0) - stacked(behind).mean(axis=0)) / (2 * step)
    bread = np.linalg.inv(slope)
    covariance = bread @ (values.T @ values / n) @ bread.T / n
    contrast = np.zeros(p)
    contrast[:2] = (-1, 1)
    return math.sqrt(float(contrast @ covariance @ contrast))


def _models(
    b0: Floats, b1: Floats, g: Floats, x: Floats, z: Floats, d: Floats, y: Floats, link: Link
) -> tuple[Floats, Floats, Floats, Floats]:
    """Predictions of both arms, propensities, and the equations that define the models."""
    m0, m1, p = x @ b0, x @ b1, probability(z, g, link)
    score = d - p
    if link == "probit":
        predictor = z @ g
        density = np.exp(-predictor * predictor / 2) / math.sqrt(2 * math.pi)
        score = score * density / (p * (1 - p))
    equations = np.column_stack(
        [((1 - d) * (y - m0))[:, None] * x, (d * (y - m1))[:, None] * x, score[:, None] * z]
    )
    return m0, m1, p, equations


def _regression(
    mean: Floats, b0: Floats, b1: Floats, g: Floats,
    x: Floats, z: Floats, d: Floats, y: Floats, link: Link,
) -> Floats:  # fmt: skip
    m0, m1, _, equations = _models(b0, b1, g, x, z, d, y, link)
    return np.column_stack([m0 - mean[0], m1 - mean[1], equations])


def _weighting(
    mean: Floats, b0: Floats, b1: Floats, g: Floats,
    x: Floats, z: Floats, d: Floats, y: Floats, link: Link,
) -> Floats:  # fmt: skip
    _, _, p, equations = _models(b0, b1, g, x, z, d, y, link)
    return np.column_stack([(1 - d) / (1 - p) * (y - mean[0]), d / p * (y - mean[1]), equations])


def _augmented(
    mean: Floats, b0: Floats, b1: Floats, g: Floats,
    x: Floats, z: Floats, d: Floats, y: Floats, link: Link,
) -> Floats:  # fmt: skip
    m0, m1, p, equations = _models(b0, b1, g, x, z, d, y, link)
    return np.column_stack(
        [
            m0 + (1 - d) / (1 - p) * (y - m0) - mean[0],
            m1 + d / p * (y - m1) - mean[1],
            equations,
        ]
    )


_MOMENTS: dict[Adjustment, Callable[..., Floats]] = {
    "RA": _regression,
    "IPW": _weighting,
    "AIPW": _augmented,
}
