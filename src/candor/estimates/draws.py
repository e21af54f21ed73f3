"""Random draws that are the same every time: seeded from what they are for, never from a clock.

A seed is a text (metric, version, window); the same text gives the same draws. Normal draws come
from uniform ones by the inverse normal law. Bootstrap weights belong to a bucket and a replicate,
so adding a bucket changes nothing in the others. Source: STATISTICS §0.1 rule 9 and §2.6.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy import special

from candor.estimates.estimate import DEFAULT_THRESHOLDS, Reckoning, Refusal, Thresholds

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Row = TypeVar("Row")
_CUMULATIVE_POISSON = tuple(
    math.fsum(math.exp(-1) / math.factorial(j) for j in range(k + 1)) for k in range(13)
)


def generator(*parts: object) -> np.random.Generator:
    """A generator seeded from the text of ``parts``."""
    digest = hashlib.md5("\x1f".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()
    return np.random.Generator(np.random.Philox(key=int(digest, 16)))


def normals(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Standard normal draws by inversion."""
    uniform = np.clip(rng.random(shape), 1e-12, 1 - 1e-12)
    return np.asarray(special.ndtri(uniform), dtype=np.float64)


def dirichlet(rng: np.random.Generator, means: Sequence[float], *, concentration: float) -> Floats:
    """One draw of shares around ``means`` (Σ = 1); a greater concentration stays closer to them."""
    gammas = rng.gamma(np.asarray(means, float) * concentration)
    total = float(gammas.sum())
    return np.asarray(gammas / total if total else np.asarray(means, float), dtype=np.float64)


def poisson_weights(buckets: Sequence[int], replicates: int, *, salt: str) -> Integers:
    """Bootstrap weights: Poisson(1) from the hash of (bucket, replicate), expressible in SQL.

    Args:
        buckets: bucket numbers, K of them.
        replicates: R, 200 to 500.
        salt: what the draws are for.

    Returns:
        [R, K] weights.
    """
    cuts = np.array(_CUMULATIVE_POISSON)
    uniform = np.array(
        [
            [_uniform(f"{salt}\x1f{bucket}\x1f{replicate}") for bucket in buckets]
            for replicate in range(replicates)
        ]
    ).reshape(replicates, len(buckets))
    return np.asarray(np.searchsorted(cuts, uniform, side="right"), dtype=np.int64)


def bucket_bootstrap(
    rows: Sequence[Row],
    function: Callable[[Sequence[Row]], float],
    *,
    salt: str,
    replicates: int = 300,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """Percentile interval of a figure that is no smooth function of sums (agreement).

    Never for maxima, minima, ranks or winners. Replicates for which the figure does not exist
    (``ValueError`` or division by zero) are left out.

    Args:
        rows: whatever belongs to one customer bucket, K of them.
        function: from a list of such rows, each as often as it was drawn, to the figure.
        salt: what the draws are for.
        replicates: how many are drawn.
        level: confidence level.
        thresholds: least number of buckets.

    Returns:
        `too_few_customers` with too few buckets or when fewer than half the replicates exist.
    """
    method = "bucket_bootstrap"
    k = len(rows)
    if k < thresholds.min_customers:
        return Reckoning.refused(method, Refusal.TOO_FEW_CUSTOMERS, k_eff=float(k))
    values = []
    for weights in poisson_weights(range(k), replicates, salt=salt):
        drawn = [
            row for row, weight in zip(rows, weights.tolist(), strict=True) for _ in range(weight)
        ]
        try:
            values.append(function(drawn))
        except (ValueError, ZeroDivisionError):
            continue
    if 2 * len(values) < replicates:
        return Reckoning.refused(method, Refusal.TOO_FEW_CUSTOMERS, k_eff=float(k))
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    point = function(rows)
    se = float(np.std(values, ddof=1))
    return Reckoning(
        method, point, min(float(low), point), max(float(high), point),
        n_eff=float(k), k_eff=float(k), se=se,
    )  # fmt: skip


def _uniform(text: str) -> float:
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return int(digest[:13], 16) / 16**13
