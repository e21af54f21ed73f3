"""Where a series changed its level, found afterwards; an annotation, never a verdict.

Least squares on standardised values with a penalty per break, minimised exactly over all
segmentations. For watching as data arrive use a cumulative sum (`control.cusum`). Source: Killick
et al. 2012 (penalised segmentation); penalty and noise as in STATISTICS §8.3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median

import numpy as np

from candor.estimates.estimate import Refusal

MIN_POINTS = 20
MIN_SEGMENT = 7


def change_points(
    x: Sequence[float], *, min_segment: int = MIN_SEGMENT
) -> tuple[int, ...] | Refusal:
    """Indices at which a new level begins.

    Args:
        x: one value per period, in order.
        min_segment: fewest periods of one level.

    Returns:
        Indices in order (28: the level changed after 28 values), or `too_few` under 20 values.
    """
    n = len(x)
    if n < MIN_POINTS:
        return Refusal.TOO_FEW
    sigma = noise(x)
    if sigma == 0:
        return ()
    scaled = np.asarray(x, float) / sigma
    scaled -= scaled.mean()
    sums = np.concatenate([[0.0], np.cumsum(scaled)])
    penalty = 2 * math.log(n)
    best = np.full(n + 1, math.inf)
    best[0] = -penalty
    origin = np.zeros(n + 1, dtype=int)
    for end in range(min_segment, n + 1):
        start = np.arange(end - min_segment + 1)
        # Squares about a segment's mean, less Σx², which is the same for every segmentation.
        within = -((sums[end] - sums[start]) ** 2) / (end - start)
        cost = best[start] + within + penalty
        origin[end] = int(np.argmin(cost))
        best[end] = cost[origin[end]]
    found, end = [], n
    while origin[end] > 0:
        end = int(origin[end])
        found.append(end)
    return tuple(reversed(found))


def noise(x: Sequence[float]) -> float:
    """Standard deviation about the level: median |x_i − x_{i−1}| / (0.6745·√2), robust to jumps.

    When most neighbours are equal the mean moving range over 1.128 stands in.
    """
    steps = [abs(b - a) for a, b in pairwise(x)]
    typical = median(steps) / (0.6745 * math.sqrt(2))
    return typical if typical > 0 else fmean(steps) / 1.128
