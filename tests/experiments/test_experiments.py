"""Assignment, reading, fixed-horizon and always-valid comparisons, and the rule for shipping."""

from __future__ import annotations

import math
from dataclasses import replace
from math import comb

import numpy as np
import pytest
from scipy import stats

from candor.estimates.estimate import Reckoning, Refusal
from candor.experiments import (
    ArmSums,
    Comparison,
    Criterion,
    Decision,
    Design,
    Exposure,
    Outcome,
    always_valid,
    arm_of,
    bernoulli_cs,
    compare_arms,
    read_arms,
    ship_decision,
    srm,
)
from candor.experiments.assignment import position
from candor.experiments.fixed_horizon import compare_buckets, fieller
from candor.experiments.ratio_mismatch import SampleRatio, srm_evidence
from candor.experiments.shipping import power_per_metric

HALVES = Design("exp-1", {"control": 0.5, "treatment": 0.5}, horizon=4000)


def test_assignment_follows_the_shares_and_the_experiment() -> None:
    design = Design("exp-2", {"a": 0.2, "b": 0.3, "c": 0.5})
    counts = dict.fromkeys(design.shares, 0)
    for i in range(10_000):
        counts[arm_of(design, f"c{i}")] += 1
    found = srm(list(counts.values()), [0.2, 0.3, 0.5])
    assert isinstance(found, SampleRatio)
    assert found.p > 0.01
    moved = [position("exp-1", f"c{i}") < 0.5 for i in range(4000)]
    other = [position("exp-2", f"c{i}") < 0.5 for i in range(4000)]
    assert abs(np.corrcoef(moved, other)[0, 1]) < 0.05
    with pytest.raises(ValueError, match="without an id"):
        arm_of(design, "")
    with pytest.raises(ValueError, match="add up"):
        Design("x", {"a": 0.5, "b": 0.4})
    with pytest.raises(ValueError, match="horizon"):
        Design("x", {"a": 0.5, "b": 0.5}, horizon=0)


def test_arms_cut_across_the_variance_buckets() -> None:
    """The salts differ: knowing the bucket says nothing about the arm."""
    import hashlib

    bucket = [
        int(hashlib.md5(f"candor-bucket-v1:c{i}".encode()).hexdigest()[:15], 16) % 200
        for i in range(20_000)
    ]
    treated = np.array([arm_of(HALVES, f"c{i}") == "treatment" for i in range(20_000)])
    sizes = np.bincount(bucket, minlength=200)
    share = np.bincount(bucket, treated, 200) / sizes
    z2 = ((share - 0.5) ** 2 * sizes / 0.25).sum()
    assert 0.001 < stats.chi2.sf(z2, 200) < 0.999


def test_a_customer_stays_in_the_first_arm_and_counts_without_outcome() -> None:
    exposures = [
        Exposure("c1", "control", 10), Exposure("c1", "treatment", 20), Exposure("c2", "treatment", 5),
        Exposure("c3", "treatment", 7), Exposure("c4", "old_arm", 1), Exposure("c5", "control", 3),
    ]  # fmt: skip
    outcomes = [
        Outcome("c1", 2.0, 3.0, 1.0), Outcome("c2", 1.0, 1.0, immature=1), Outcome("c9", 5.0),
    ]  # fmt: skip
    found = read_arms(HALVES, exposures, outcomes)
    assert found.arms["control"] == ArmSums(2, 2, 4, 3, 9, 6, 1, 1, 2)
    assert found.arms["treatment"] == ArmSums(2, 1, 1, 1, 1, 1, 0, 0, 0)
    assert (found.crossed, found.strange, found.unexposed) == (1, 1, 1)
    assert found.mature_share == 0.5
    assert found == read_arms(HALVES, list(reversed(exposures)), list(reversed(outcomes)))
    with pytest.raises(ValueError, match="two outcome rows"):
        read_arms(HALVES, exposures, [outcomes[0], outcomes[0]])


def test_a_lopsided_reading_blocks_every_result() -> None:
    exposures = [Exposure(f"c{i}", "control" if i % 3 else "treatment", 0) for i in range(3000)]
    found = read_arms(HALVES, exposures, [])
    assert not found.sample_ratio_ok
    blocked = compare_arms(
        found.arms["control"], found.arms["treatment"], sample_ratio_ok=found.sample_ratio_ok
    )
    assert blocked.found.refusal is Refusal.SRM_FAILED
    assert read_arms(HALVES, [], []).sample_ratio is Refusal.NOTHING_OBSERVED


def _arms(seed: int, n: int = 800, lift: float = 0.0) -> tuple[ArmSums, ArmSums, np.ndarray]:
    rng = np.random.Generator(np.random.Philox(seed))
    x = rng.normal(5, 2, 2 * n)
    y = x + rng.normal(0, 1, 2 * n) + np.repeat([0.0, lift], n)
    rows = np.column_stack([y, np.ones(2 * n), x])
    return (
        ArmSums.of(map(tuple, rows[:n].tolist())),
        ArmSums.of(map(tuple, rows[n:].tolist())),
        rows,
    )


def test_welch_is_that_of_scipy() -> None:
    control, treatment, rows = _arms(61, 800, 0.2)
    found = compare_arms(control, treatment)
    theirs = stats.ttest_ind(rows[800:, 0], rows[:800, 0], equal_var=False)
    assert found.p == pytest.approx(theirs.pvalue, rel=1e-9)
    limits = theirs.confidence_interval()
    assert (found.found.low, found.found.high) == pytest.approx((limits.low, limits.high), rel=1e-9)


def test_a_covariate_from_before_narrows_the_interval() -> None:
    control, treatment, _ = _arms(62, 800, 0.3)
    plain, ours = compare_arms(control, treatment), compare_arms(control, treatment, kind="cuped")
    width = [c.found.high - c.found.low for c in (plain, ours)]
    assert width[1] / width[0] == pytest.approx(1 / math.sqrt(5), rel=0.06)  # var 5 → 1
    assert ours.found.low < 0.3 < ours.found.high
    flat = replace(control, x=0.0, x2=0.0, xy=0.0)
    flat_t = replace(treatment, x=0.0, x2=0.0, xy=0.0)
    assert compare_arms(flat, flat_t, kind="cuped").found.point == plain.found.point


def test_refusals_of_a_comparison() -> None:
    control, treatment, _ = _arms(63)
    assert compare_arms(control, treatment, mature_share=0.9).found.refusal is Refusal.IMMATURE
    few = ArmSums.of([(1.0, 1.0, 0.0)] * 29)
    assert compare_arms(few, treatment).found.refusal is Refusal.TOO_FEW
    none = ArmSums.of([(0.0, 0.0, 0.0)] * 40)
    assert compare_arms(none, none, kind="ratio").found.refusal is Refusal.DENOMINATOR_UNSTABLE
    assert compare_arms(none, treatment, relative="fieller").found.refusal is (
        Refusal.DENOMINATOR_UNSTABLE
    )
    assert fieller(1.0, 0.1, 0.1, 0.06) is Refusal.DENOMINATOR_UNSTABLE


def test_arms_where_nobody_did_it_still_have_limits() -> None:
    none = ArmSums(200, 0.0, 0.0)
    found = compare_arms(none, none, kind="share").found
    assert found.point == 0
    assert found.high == -found.low == pytest.approx(3.8415 / (200 + 3.8415), abs=1e-4)


def test_fieller_covers_where_the_denominator_is_noisy() -> None:
    rng = np.random.Generator(np.random.Philox(64))
    ours = delta = 0
    runs, mean_c, mean_t, se = 4000, 1.0, 1.2, 0.2
    for c, t in zip(rng.normal(mean_c, se, runs), rng.normal(mean_t, se, runs), strict=True):
        limits = fieller(float(t), se, float(c), se)
        if not isinstance(limits, Refusal):
            ours += limits[0] <= 0.2 <= limits[1]
        else:
            ours += 1  # says that it does not know
        spread = math.sqrt(se**2 / c**2 + t**2 * se**2 / c**4)
        delta += abs(t / c - 1 - 0.2) <= 1.96 * spread
    assert 0.94 <= ours / runs <= 0.96
    assert ours > delta - runs * 0.02


def test_buckets_and_customers_agree_when_each_bucket_is_one_customer() -> None:
    rng = np.random.Generator(np.random.Philox(65))
    c, t = rng.binomial(1, 0.6, 150).tolist(), rng.binomial(1, 0.7, 150).tolist()
    found = compare_buckets((c, [1] * 150), (t, [1] * 150), units=(150, 150), customers=(150, 150))
    sums = [ArmSums.of((float(v), 1.0, 0.0) for v in arm) for arm in (c, t)]
    other = compare_arms(*sums)
    assert found.found.point == pytest.approx(other.found.point)
    assert found.found.se == pytest.approx(other.found.se)
    assert found.p == pytest.approx(other.p, rel=1e-6)
    few = compare_buckets((c[:9], [4] * 9), (t, [1] * 150), units=(36, 150), customers=(9, 150))
    assert few.found.refusal is Refusal.TOO_FEW_CUSTOMERS


def test_beta_binomial_sequence_is_hardly_ever_left_exactly() -> None:
    """Every path of 60 units, enumerated: the chance of ever excluding the truth."""
    p, n_max = 0.3, 60
    alive = {0: 1.0}
    left = 0.0
    for n in range(1, n_max + 1):
        grown: dict[int, float] = {}
        for k, mass in alive.items():
            grown[k] = grown.get(k, 0.0) + mass * (1 - p)
            grown[k + 1] = grown.get(k + 1, 0.0) + mass * p
        alive = {}
        for k, mass in grown.items():
            low, high = bernoulli_cs(k, n, tuned_at=30)
            if low <= p <= high:
                alive[k] = mass
            else:
                left += mass
    assert 0.001 < left <= 0.05
    fixed = math.fsum(
        comb(60, k) * p**k * (1 - p) ** (60 - k)
        for k in range(61)
        if not bernoulli_cs(k, 60, tuned_at=30)[0] <= p <= bernoulli_cs(k, 60, tuned_at=30)[1]
    )
    assert fixed < left
    assert bernoulli_cs(0, 0, tuned_at=5) is Refusal.NOTHING_OBSERVED


def test_always_valid_needs_customers_and_is_wider_than_one_look() -> None:
    assert always_valid(0.1, 0.02, 150, 4000).found.refusal is Refusal.TOO_FEW
    found = always_valid(0.1, 0.02, 4000, 4000)
    ratio = (found.found.high - found.found.low) / (2 * 1.96 * 0.02)
    assert 1.4 < ratio < 1.6
    late = always_valid(0.1, 0.02, 4000, 40_000)
    assert late.found.high > found.found.high
    assert found.p < 0.05
    with pytest.raises(ValueError, match="positive"):
        always_valid(0.1, 0, 4000, 4000)


def test_evidence_of_a_mismatch_is_an_expected_one_without_it() -> None:
    """Its mean under the design is exactly 1: every count of 40 customers enumerated."""
    mean = math.fsum(
        comb(40, k) * 0.25**k * 0.75 ** (40 - k) * srm_evidence([k, 40 - k], [0.25, 0.75])
        for k in range(41)
    )
    assert mean == pytest.approx(1, rel=1e-10)
    with pytest.raises(ValueError, match="positive share"):
        srm([1, 2], [1.0])


def _difference(point: float, se: float) -> Comparison:
    half = stats.t.ppf(0.975, 400) * se
    return Comparison(
        Reckoning("welch_mean", point, point - half, point + half, 900.0, 400.0, se), 0.5, 400.0
    )


WIN = Criterion("resolution", "success", _difference(0.05, 0.01))
SAFE = Criterion("csat", "guardrail", _difference(-0.002, 0.004), margin=0.02)


def test_ship_needs_a_win_and_no_loss() -> None:
    given = {"sample_ratio_ok": True, "is_mature": True}
    assert ship_decision([WIN, SAFE], **given) == Decision("ship", (), ("resolution",))
    tight = replace(SAFE, margin=0.005)
    assert ship_decision([WIN, tight], **given) == Decision(
        "hold", ("csat may have lost more than 0.005",), ("resolution",)
    )
    flat = Criterion("resolution", "success", _difference(0.01, 0.01))
    assert ship_decision([flat, SAFE], **given).failing == ("no success metric is superior",)
    loss = Criterion("effort", "watched", _difference(0.4, 0.1), better="lower")
    assert ship_decision([WIN, SAFE, loss], **given) == Decision(
        "abort", ("effort got worse",), ("resolution",)
    )
    blind = replace(SAFE, comparison=Comparison(Reckoning.refused("x", Refusal.TOO_FEW)))
    assert ship_decision([WIN, blind], **given).failing == ("csat has no figure (too_few)",)
    late = ship_decision([WIN, SAFE], **given, checks=[("clock skew", False)])
    assert late.failing == ("check failed: clock skew",)


def test_several_success_metrics_share_alpha_and_guardrails_do_not() -> None:
    given = {"sample_ratio_ok": True, "is_mature": True}
    barely = Criterion("a", "success", _difference(0.0205, 0.01))
    assert ship_decision([barely], **given).superior == ("a",)
    idle = Criterion("b", "success", _difference(0.0, 0.01))
    assert ship_decision([barely, idle], **given).superior == ()
    more = [replace(SAFE, metric=f"g{i}") for i in range(6)]
    assert ship_decision([barely, *more], **given).outcome == "ship"
    assert power_per_metric(0.8, 3) == pytest.approx(0.95)
    assert power_per_metric(0.8, 4, protect_success=False) == pytest.approx(0.95)


def test_nothing_is_decided_on_a_broken_or_young_experiment() -> None:
    assert ship_decision([WIN], sample_ratio_ok=False, is_mature=True) is Refusal.SRM_FAILED
    assert ship_decision([WIN], sample_ratio_ok=True, is_mature=False) is Refusal.IMMATURE
    with pytest.raises(ValueError, match="success metric"):
        ship_decision([SAFE], sample_ratio_ok=True, is_mature=True)


def test_a_sequence_may_ship_too() -> None:
    early = always_valid(0.1, 0.02, 4000, 4000)
    found = ship_decision(
        [replace(WIN, comparison=replace(early, found=replace(early.found, se=None)))],
        sample_ratio_ok=True, is_mature=True,
    )  # fmt: skip
    assert isinstance(found, Decision)
    assert found.outcome == "ship"
