"""Exact coverage of the binomial intervals, by enumeration, and simulated failures of naive methods."""

from __future__ import annotations

import math
from math import comb

import numpy as np
import pytest

from candor.estimates import compare, quantile
from candor.estimates import time_to_event as tte
from candor.estimates.estimate import Refusal
from candor.estimates.proportion import clopper_pearson, mn_diff, wilson
from candor.estimates.ratio import linearise, share_from


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


def test_f02_conversations_are_not_independent() -> None:
    rng = np.random.default_rng(1302)
    runs, truth = 400, 1.2 / 1.7
    naive = ours = 0
    for _ in range(runs):
        sizes = 1 + rng.negative_binomial(0.4, 0.06, 3000)
        solved = rng.binomial(sizes, rng.beta(1.2, 0.5, 3000))
        bucket = rng.integers(0, 200, 3000)
        m = np.bincount(bucket, sizes, 200).astype(int).tolist()
        x = np.bincount(bucket, solved, 200).astype(int).tolist()
        low, high = wilson(sum(x) / sum(m), sum(m))
        naive += low <= truth <= high
        found = share_from(linearise(x, m), customers=3000, level=0.95)
        ours += found.low <= truth <= found.high
    assert naive / runs <= 0.60
    assert 0.93 <= ours / runs <= 0.98


def test_f04_recent_reopens_read_too_low() -> None:
    rng = np.random.default_rng(1304)
    runs, n = 40, 20_000
    figures = []
    for _ in range(runs):
        age = rng.uniform(0, 28, n)
        delay = np.where(rng.random(n) < 0.12, 7 * rng.beta(1, 2.5, n), np.inf)
        seen = delay <= age
        recent, mature = age < 7, age >= 7
        # A unit is at risk on every delay day it was watched in full, or returned in.
        day = np.minimum(np.where(seen, delay, age), 7)
        events = [int((seen & (delay >= d) & (delay < d + 1)).sum()) for d in range(7)]
        at_risk = [
            int(((day >= d + 1) | (seen & (delay >= d) & (delay < d + 1))).sum()) for d in range(7)
        ]
        curve = tte.km(events, at_risk).survival
        now = tte.nowcast(
            seen[recent].astype(int).tolist(), age[recent].tolist(), [1.0, *curve], window=7
        )
        figures.append((seen[recent].mean(), seen[mature].mean(), 1 - curve[-1], now.point))
    naive, on_mature, on_all, nowcast = np.mean(figures, axis=0)
    assert naive <= 0.095
    assert on_mature == pytest.approx(0.12, abs=0.004)
    assert on_all == pytest.approx(0.12, abs=0.004)
    assert nowcast == pytest.approx(0.12, abs=0.004)


def test_f09_mix_hides_better_performance() -> None:
    rng = np.random.default_rng(1309)
    found = []
    for _ in range(200):
        den = np.array([[14_000, 10_000], [6_000, 10_000]], float)
        num = rng.binomial(den.astype(int), [[0.90, 0.93], [0.50, 0.53]]).astype(float)
        part = compare.decompose(num, den)
        assert part.change < 0
        assert part.mix_driven
        assert part.change == pytest.approx(part.performance + part.mix, abs=1e-12)
        found.append(part.performance)
    assert np.mean(found) == pytest.approx(0.03, abs=0.002)


def test_f13_averaged_percentiles() -> None:
    rng = np.random.default_rng(1313)
    naive, ours = [], []
    for _ in range(20):
        days = [
            rng.lognormal(4.2, 0.8, 100) if day % 7 >= 5 else rng.lognormal(3, 0.8, 1000)
            for day in range(28)
        ]
        everything = np.sort(np.concatenate(days))
        true = everything[int(np.floor(0.9 * (len(everything) - 1)))]
        naive.append(np.mean([np.quantile(day, 0.9) for day in days]) / true - 1)
        counts: dict[int, int] = {}
        for value in everything:
            bucket = quantile.bucket_of(float(value))
            counts[bucket] = counts.get(bucket, 0) + 1
        ours.append(abs(quantile.sketch_quantile(counts, 0.9).point / true - 1))
    assert np.mean(naive) >= 0.30
    assert max(ours) <= 0.0101


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
