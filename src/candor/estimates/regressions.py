"""The two regressions adjustment needs: least squares and a binary model, unpenalised.

Plain numpy; the first column of a design is the constant. Fisher scoring with halved steps, so that
near-separation ends in large but finite coefficients. Source: McCullagh & Nelder 1989.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]
Link = Literal["logit", "probit"]
_ROUNDS = 100
_TINY = 1e-12


def with_constant(x: Floats) -> Floats:
    """The covariates with a leading column of ones."""
    return np.column_stack([np.ones(len(x)), x])


def least_squares(design: Floats, y: Floats) -> Floats:
    """Coefficients of an ordinary regression (least norm when columns are collinear)."""
    return np.asarray(np.linalg.lstsq(design, y, rcond=None)[0], dtype=np.float64)


def probability(design: Floats, coefficients: Floats, link: Link = "logit") -> Floats:
    """Fitted probabilities."""
    predictor = np.clip(design @ coefficients, -30, 30)
    inverse: Callable[[Floats], Floats] = special.expit if link == "logit" else special.ndtr
    return np.asarray(inverse(predictor), dtype=np.float64)


def binary_model(design: Floats, d: Floats, link: Link = "logit") -> Floats:
    """Coefficients of a logistic or probit regression by maximum likelihood.

    Args:
        design: [n, p] covariates with the constant.
        d: n zeros and ones, both present.
        link: logit or probit.
    """
    beta = np.zeros(design.shape[1])
    best = _likelihood(design, d, beta, link)
    for _ in range(_ROUNDS):
        score, weight = _scoring(design, d, beta, link)
        information = design.T @ (weight[:, None] * design)
        step = np.linalg.lstsq(information, design.T @ score, rcond=None)[0]
        scale = 1.0
        while scale > 1e-6 and _likelihood(design, d, beta + scale * step, link) < best - 1e-13:
            scale /= 2
        beta = beta + scale * step
        now = _likelihood(design, d, beta, link)
        if float(np.abs(scale * step).max()) < 1e-11 or abs(now - best) < 1e-15 * len(d):
            break
        best = now
    return beta


def _likelihood(design: Floats, d: Floats, beta: Floats, link: Link) -> float:
    p = np.clip(probability(design, beta, link), _TINY, 1 - _TINY)
    return float((d * np.log(p) + (1 - d) * np.log1p(-p)).sum())


def _scoring(design: Floats, d: Floats, beta: Floats, link: Link) -> tuple[Floats, Floats]:
    """Residual per unit of the predictor, and the expected curvature."""
    p = np.clip(probability(design, beta, link), _TINY, 1 - _TINY)
    if link == "logit":
        return d - p, p * (1 - p)
    predictor = np.clip(design @ beta, -30, 30)
    density = np.exp(-predictor * predictor / 2) / np.sqrt(2 * np.pi)
    return (d - p) * density / (p * (1 - p)), density * density / (p * (1 - p))
