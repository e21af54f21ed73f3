"""Closed-form anchors of the single methods, their refusals and their rules of use."""

from __future__ import annotations

import math

import numpy as np
import pytest

from candor.estimates import agreement, bounds, compare, control, labelled, rare
from candor.estimates import time_to_event as tte
from candor.estimates.estimate import Caveat, Evidence, Refusal
from candor.estimates.proportion import clopper_pearson, wilson


def test_wilson_at_the_edges_is_exact() -> None:
    z2 = 3.841458820694124
    assert wilson(0, 10) == (0.0, pytest.approx(z2 / (10 + z2)))
    assert wilson(1, 10) == (pytest.approx(10 / (10 + z2)), 1.0)
    with pytest.raises(ValueError, match="no interval"):
        wilson(0.5, 0)


def test_clopper_pearson_of_none_in_ten() -> None:
    assert clopper_pearson(0, 10) == (0.0, pytest.approx(1 - 0.025 ** (1 / 10)))


def test_garwood_upper_limit_of_zero() -> None:
    assert rare.garwood(0, 1000)[1] == pytest.approx(-math.log(0.025) / 1000)


def test_a_tiny_rate_cannot_be_certified_by_a_small_sample() -> None:
    assert rare.certify(0, 29_957, 0.0001).refusal is Refusal.UNCERTIFIABLE
    assert rare.certify(0, 29_958, 0.0001).point == 0


def test_kaplan_meier_without_events_has_no_limits_to_invent() -> None:
    curve = tte.km([0, 0], [10, 5])
    assert curve.survival == (1.0, 1.0)
    assert curve.low == (None, None)
    with pytest.raises(ValueError, match="at risk"):
        tte.km([3], [2])


def test_a_short_baseline_refuses() -> None:
    assert control.xmr([1.0] * 19) is Refusal.BASELINE_SHORT
    assert control.p_chart([1] * 5, [10] * 5) is Refusal.BASELINE_SHORT


def test_the_baseline_is_frozen() -> None:
    calm = [10.0, 11.0] * 10
    chart = control.xmr([*calm, 40.0], baseline=20)
    assert isinstance(chart, control.Chart)
    assert chart.centre == 10.5
    assert chart.high[0] == pytest.approx(10.5 + 3 / 1.128)
    assert chart.flags == (*[False] * 20, True)


def test_laney_u_widens_the_poisson_limits() -> None:
    x, n = [30, 60] * 10, [100.0] * 20
    plain, laney = control.u_chart(x, n), control.laney_u(x, n)
    assert isinstance(plain, control.Chart)
    assert isinstance(laney, control.Chart)
    assert laney.sigma_z == pytest.approx(30 / math.sqrt(45) / 1.128)
    assert laney.high[0] > plain.high[0]


def test_t_chart_flags_a_long_silence_only() -> None:
    chart = control.t_chart([5.0, 7.0] * 10 + [400.0], baseline=20)
    assert isinstance(chart, control.Chart)
    assert chart.flags[-1]
    assert not any(chart.flags[:-1])
    assert 5 < chart.centre < 7


def test_runs_find_a_shift() -> None:
    shifted = control.anhoej_runs([1.0] * 12 + [-1.0] * 12, 0.0)
    assert isinstance(shifted, control.Runs)
    assert (shifted.longest, shifted.crossings, shifted.shifted) == (12, 1, True)
    calm = control.anhoej_runs([1.0, -1.0] * 12, 0.0)
    assert isinstance(calm, control.Runs)
    assert not calm.shifted
    assert control.anhoej_runs([1.0] * 9, 0.0) is Refusal.TOO_FEW


def test_poisson_cusum_needs_an_ordered_pair_of_rates() -> None:
    with pytest.raises(ValueError, match="exceed"):
        control.poisson_cusum([1], rate=2, worse=1, h=5)


def test_entry_and_exit_complete_the_decomposition() -> None:
    den = np.array([[100, 80], [50, 0], [0, 60]], float)
    num = np.array([[60, 56], [10, 0], [0, 12]], float)
    found = compare.decompose(num, den)
    assert found.change == pytest.approx(68 / 140 - 70 / 150, abs=1e-12)
    assert found.performance + found.mix + found.entry_exit == pytest.approx(
        found.change, abs=1e-12
    )
    assert found.performance == pytest.approx(0.7 - 0.6)
    # Rate of the common cell is .7 (.6 before); the new cell pulls 60/140 of the way to .2.
    assert found.entry_exit == pytest.approx(60 / 140 * (0.2 - 0.7) - 50 / 150 * (0.2 - 0.6))


def test_kitagawa_interval_covers_its_terms() -> None:
    rng = np.random.Generator(np.random.Philox(8))
    den = rng.integers(5, 15, (100, 2, 2)).astype(float)
    num = rng.binomial(den.astype(int), np.array([[0.7, 0.8], [0.4, 0.5]])).astype(float)
    found = compare.kitagawa(num, den, customers=400)
    assert isinstance(found, compare.Kitagawa)
    assert found.performance.low < 0.1 < found.performance.high
    assert found.mix.low < 0 < found.mix.high
    assert compare.kitagawa(num[:10], den[:10], customers=400) is Refusal.TOO_FEW_CUSTOMERS


def test_drift_of_equal_samples_is_nil() -> None:
    found = compare.drift([50, 30, 20], [500, 300, 200])
    assert isinstance(found, compare.Drift)
    assert (found.psi, found.jensen_shannon, found.p) == (0, 0, 1)
    assert compare.drift([1, 2], [3, 900]) is Refusal.TOO_FEW


def test_worst_case_bounds_refuse_the_impossible() -> None:
    with pytest.raises(ValueError, match="impossible"):
        bounds.worst_case_bounds(1.2, 0.5)


def _labels(truth: list[int], flagged: list[int], pi: list[float] | None = None) -> labelled.Labels:
    n = len(truth)
    return labelled.Labels(truth, flagged, pi or [0.1] * n, [i % 60 for i in range(n)])


def test_process_variance_is_the_default_and_rests_on_customers() -> None:
    rng = np.random.Generator(np.random.Philox(5))
    truth = rng.binomial(1, 0.7, 300).tolist()
    flagged = [int(rng.random() < (0.9 if y else 0.2)) for y in truth]
    found = labelled.poststratified_rate([5000, 15_000], _labels(truth, flagged))
    assert found.method == "poststratified_process"
    assert found.evidence is Evidence.JUDGE_CORRECTED
    assert found.low < found.point < found.high
    assert found.k_eff == 60
    one_customer = labelled.Labels(truth, flagged, [0.1] * 300, [0] * 300)
    refused = labelled.poststratified_rate([5000, 15_000], one_customer)
    assert refused.refusal is Refusal.TOO_FEW_CUSTOMERS


def test_few_labels_of_the_rarer_class_fall_back_to_the_labels() -> None:
    truth = [1] * 95 + [0] * 5
    found = labelled.poststratified_rate([1000, 9000], _labels(truth, [1] * 100))
    assert found.refusal is Refusal.TOO_FEW_LABELS  # a tenth of the units is unlabelled
    found = labelled.poststratified_rate([100, 9900], _labels(truth, [1] * 100))
    assert (found.low, found.high) == clopper_pearson(95, 100)
    assert found.caveats == (Caveat.FEW_MINORITY_LABELS,)
    assert found.evidence is Evidence.HUMAN_SAMPLE


def test_no_labels_refuses() -> None:
    assert labelled.poststratified_rate([10, 10], _labels([], [])).refusal is Refusal.UNLABELLED
    few = _labels([1] * 15 + [0] * 14, [1] * 29)
    assert labelled.poststratified_rate([1, 999], few).refusal is Refusal.TOO_FEW_LABELS


def test_a_guessing_judge_is_uninformative() -> None:
    assert (
        labelled.rogan_gladen(0.5, 1000, 0.55, 60, 0.5, 60).refusal is Refusal.JUDGE_UNINFORMATIVE
    )


def test_judge_gain_is_that_of_the_correlation() -> None:
    # 40 of 50 agree on balanced margins: phi is .6, so a label is worth 1/(1 − .36) of one.
    truth, judged = [0, 1] * 25, [0, 1] * 20 + [1, 0] * 5
    assert labelled.judge_gain(truth, judged) == (pytest.approx(0.36), pytest.approx(1 / 0.64))
    assert labelled.judge_gain([0, 1] * 20, [0, 0, 1, 1] * 10) is None


def test_review_of_flagged_units_only_cannot_be_corrected() -> None:
    assert labelled.begg_greenes(((50, 10), (3, 20)), 100, 900) is Refusal.TOO_FEW_LABELS


def test_mcnemar_by_hand() -> None:
    assert agreement.mcnemar_exact(1, 5) == pytest.approx(2 * (1 + 6) / 64)
    assert agreement.mcnemar_exact(4, 4) == 1
    assert agreement.mcnemar_exact(0, 0) is Refusal.NOTHING_OBSERVED


def test_agreement_needs_variation() -> None:
    with pytest.raises(ValueError, match="alpha"):
        agreement.krippendorff_alpha([[1, 1], [1, 1]])
    with pytest.raises(ValueError, match="AC1"):
        agreement.gwet_ac1([[1, 1], [1, 1]])
