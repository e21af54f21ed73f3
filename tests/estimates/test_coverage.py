"""Exact coverage by enumeration, and coverage by simulation where nothing can be enumerated."""

from __future__ import annotations

import math
from math import comb

import numpy as np
import pytest

from candor.estimates import compare
from candor.estimates.estimate import Refusal
from candor.estimates.proportion import clopper_pearson, mn_diff, wilson


def _coverage(limits: list[tuple[float, float]], p: float) -> float:
    n = len(limits) - 1
    return math.fsum(
        comb(n, k) * p**k * (1 - p) ** (n - k)
        for k, (low, high) in enumerate(limits)
        if low <= p <= high
    )


@pytest.mark.parametrize("n", [5, 12, 30])
def test_clopper_pearson_never_covers_less_than_it_says(n: int) -> None:
    limits = [clopper_pearson(k, n) for k in range(n + 1)]
    assert min(_coverage(limits, p) for p in np.linspace(0.001, 0.999, 499)) >= 0.95


@pytest.mark.parametrize(("n", "mean"), [(12, 0.9551), (30, 0.9545), (60, 0.9530)])
def test_wilson_covers_what_it_says_on_average(n: int, mean: float) -> None:
    limits = [wilson(k / n, n) for k in range(n + 1)]
    covered = [_coverage(limits, p) for p in np.linspace(0.01, 0.99, 491)]
    assert np.mean(covered) == pytest.approx(mean, abs=0.002)
    assert min(covered) > 0.83


def test_miettinen_nurminen_covers_two_small_samples() -> None:
    n1, n2, p1, p2 = 10, 12, 0.3, 0.6
    covered = math.fsum(
        comb(n1, a) * p1**a * (1 - p1) ** (n1 - a) * comb(n2, b) * p2**b * (1 - p2) ** (n2 - b)
        for a in range(n1 + 1) for b in range(n2 + 1)
        if mn_diff(a, n1, b, n2)[1] <= p1 - p2 <= mn_diff(a, n1, b, n2)[2]
    )  # fmt: skip
    assert 0.94 <= covered <= 0.98


def test_drift_knows_chance_from_change() -> None:
    rng = np.random.default_rng(1307)
    flat = np.full(10, 0.1)
    alarms = rules = judged = 0
    for _ in range(1000):
        now, reference = rng.multinomial(100, flat).tolist(), rng.multinomial(100, flat).tolist()
        found = compare.drift(now, reference)
        if isinstance(found, Refusal):
            continue
        judged += 1
        alarms += found.psi > found.threshold
        rules += found.psi > 0.1
    assert judged > 300
    assert rules / judged >= 0.75
    assert alarms / judged <= 0.11
