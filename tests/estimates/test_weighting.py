"""Survey answers weighted to everybody eligible, and how much silence could undo them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from candor.estimates.arithmetic import t_quantile
from candor.estimates.bounds import is_tipped, tipping_point
from candor.estimates.estimate import Caveat, Evidence, Refusal
from candor.estimates.nonresponse import response_adjusted_mean
from candor.estimates.proportion import clopper_pearson, wilson
from candor.estimates.weighting import (
    Moments,
    Weights,
    calibration_weights,
    greg,
    kish_deff,
    poststratify,
    rake,
    trimmed,
    weighted_mean,
)


def test_poststratified_mean_by_hand() -> None:
    counts = [[2, 1]] * 20
    sums = [[2, 0]] * 10 + [[1, 1]] * 10
    found = poststratify(counts, sums, [100, 300], customers=20)
    # 30 of 40 are content in the first cell, 10 of 20 in the second.
    assert found.point == pytest.approx(0.25 * 0.75 + 0.75 * 0.5)
    e = [0.25 / 40 * (s[0] - 1.5) + 0.75 / 20 * (s[1] - 0.5) for s in sums]
    assert found.se == pytest.approx(math.sqrt(20 / 19 * math.fsum(v * v for v in e)))
    assert found.caveats == (Caveat.ADJUSTED_OBSERVED_ONLY,)
    assert found.evidence is Evidence.SURVEY_WEIGHTED
    assert found.k_eff == 20


def test_a_cell_without_answers_refuses_unless_nobody_is_in_it() -> None:
    counts, sums = [[3, 0]] * 20, [[2, 0]] * 20
    assert poststratify(counts, sums, [10, 10], customers=20).refusal is Refusal.TOO_FEW
    assert poststratify(counts, sums, [10, 0], customers=20).point == pytest.approx(2 / 3)
    few = poststratify([[3]] * 10, [[2]] * 10, [10], customers=10)
    assert few.refusal is Refusal.TOO_FEW_CUSTOMERS
    assert poststratify([[0]], [[0]], [10], customers=0).refusal is Refusal.NOTHING_OBSERVED


def test_raked_weights_meet_both_margins() -> None:
    rng = np.random.Generator(np.random.Philox(41))
    rows, columns = rng.integers(0, 3, 300), rng.integers(0, 2, 300)
    targets = [[500.0, 300.0, 200.0], [650.0, 350.0]]
    found = rake([rows.tolist(), columns.tolist()], targets)
    assert isinstance(found, Weights)
    assert found.converged
    for own, target in ((rows, targets[0]), (columns, targets[1])):
        assert np.bincount(own, found.values) == pytest.approx(target, rel=1e-5)
    assert found.deff == pytest.approx(kish_deff(found.values))
    assert rake([[0, 0]], [[1.0, 1.0]]) is Refusal.TOO_FEW
    with pytest.raises(ValueError, match="different size"):
        rake([[0], [0]], [[1.0], [2.0]])


def test_trimming_keeps_the_sum_and_equal_weights_have_no_design_effect() -> None:
    assert kish_deff([2.0] * 7) == pytest.approx(1)
    assert kish_deff([1, 3]) == pytest.approx(1 + 1 / 4)
    assert kish_deff([1, 3], [10, 10]) == pytest.approx(1 + 1 / 4)
    cut = trimmed([1.0, 1, 1, 1, 16])
    assert math.fsum(cut) == pytest.approx(20)
    assert cut[4] / cut[0] == pytest.approx(5)
    raked = rake([[0] * 50 + [1]], [[10.0, 90.0]], trim=5)
    assert isinstance(raked, Weights)
    assert raked.values[50] / raked.values[0] == pytest.approx(5)


def test_weighted_mean_with_equal_weights_is_the_clustered_mean() -> None:
    y = [0.0, 1, 1, 0, 1, 1] * 10
    buckets = [i // 2 for i in range(60)]
    found = weighted_mean([4.0] * 60, y, buckets, customers=30)
    assert found.point == pytest.approx(2 / 3)
    residual = [y[2 * b] + y[2 * b + 1] - 4 / 3 for b in range(30)]
    assert found.se == pytest.approx(math.sqrt(30 / 29 * sum(r * r for r in residual)) / 60)
    assert found.n_eff == pytest.approx(2 / 9 * 60 / 59 / found.se**2)
    share = weighted_mean([4.0] * 60, y, buckets, customers=30, is_share=True)
    assert share.n_eff == pytest.approx(2 / 9 / found.se**2)
    assert (share.low, share.high) == wilson(2 / 3, share.n_eff, t_quantile(0.95, 29))
    sure = weighted_mean([4.0] * 60, [1.0] * 60, buckets, customers=30, is_share=True)
    assert (sure.low, sure.high) == clopper_pearson(30, 30)
    assert weighted_mean([1.0] * 5, [1.0] * 5, range(5), customers=5).refusal is Refusal.TOO_FEW


def test_calibrated_answers_meet_the_totals_and_beat_the_plain_mean() -> None:
    rng = np.random.Generator(np.random.Philox(42))
    plain_miss, ours_miss, covered = [], [], 0
    for _ in range(200):
        x = rng.normal(0, 1, 2000)
        y = 3 + 2 * x + rng.normal(0, 0.5, 2000)
        answered = rng.random(2000) < 1 / (1 + np.exp(1.5 - x))
        bucket = rng.integers(0, 60, 2000)
        design = np.column_stack([np.ones(2000), x])
        moments = [
            Moments((design[m].T @ design[m]).tolist(), (design[m].T @ y[m]).tolist())
            for m in (answered & (bucket == b) for b in range(60))
        ]
        totals = design.sum(axis=0).tolist()
        found = greg(moments, totals, customers=400)
        weights = calibration_weights(design[answered].tolist(), totals)
        assert (weights @ design[answered]) == pytest.approx(totals, abs=1e-6)
        assert found.point == pytest.approx(float(weights @ y[answered]) / 2000)
        plain_miss.append(y[answered].mean() - y.mean())
        ours_miss.append(found.point - y.mean())
        covered += found.low <= y.mean() <= found.high
    assert np.mean(plain_miss) > 1
    assert abs(np.mean(ours_miss)) < 0.01
    assert 0.90 <= covered / 200 <= 0.99


def test_how_far_silence_must_differ() -> None:
    assert tipping_point(0.08, 0.2) == pytest.approx(-0.1)
    assert is_tipped(0.08, 0.2, 0.12)
    assert not is_tipped(0.08, 0.2, 0.09)
    assert tipping_point(0.08, 1.0) is Refusal.NOTHING_OBSERVED
    assert not is_tipped(0.08, 1.0, 5)
    with pytest.raises(ValueError, match="impossible"):
        tipping_point(0.1, 1.5)


def test_answers_of_some_speak_for_all_when_either_model_is_right() -> None:
    rng = np.random.Generator(np.random.Philox(43))
    covered, raw, ours = 0, [], []
    for _ in range(60):
        x = rng.normal(size=(1200, 2))
        y = 3 + x[:, 0] - 0.5 * x[:, 1] + rng.normal(size=1200)
        answered = (rng.random(1200) < 1 / (1 + np.exp(0.5 - x[:, 0]))).astype(int)
        seen = np.where(answered == 1, y, np.nan)
        found = response_adjusted_mean(
            x, answered.tolist(), seen.tolist(), [f"c{i}" for i in range(1200)]
        )
        raw.append(y[answered == 1].mean() - 3)
        ours.append(found.point - 3)
        covered += found.low <= 3 <= found.high
        assert found.caveats == (Caveat.ADJUSTED_OBSERVED_ONLY,)
    assert np.mean(raw) > 0.3
    assert abs(np.mean(ours)) < 0.02
    assert covered / 60 >= 0.88
    assert found.se == pytest.approx(np.std(ours), rel=0.35)


def test_nobody_or_everybody_answered() -> None:
    x, who = [[float(i % 7)] for i in range(200)], [f"c{i}" for i in range(200)]
    y = [float(i % 5) for i in range(200)]
    assert response_adjusted_mean(x, [0] * 200, y, who).refusal is Refusal.NOTHING_OBSERVED
    few = [int(i < 29) for i in range(200)]
    assert response_adjusted_mean(x, few, y, who).refusal is Refusal.TOO_FEW
    everybody = response_adjusted_mean(x, [1] * 200, y, who)
    assert everybody.point == pytest.approx(2.0)
    one = response_adjusted_mean(x, [1] * 200, y, [f"c{i % 9}" for i in range(200)])
    assert one.refusal is Refusal.TOO_FEW_CUSTOMERS
