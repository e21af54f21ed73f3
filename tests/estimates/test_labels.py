"""Labels: the plan, the draw, epochs, judge drift, corrected accuracy, agreement with interval."""

from __future__ import annotations

import numpy as np
import pytest

from candor.estimates import agreement, draws, labelled
from candor.estimates.arithmetic import t_quantile
from candor.estimates.calibration import (
    Epoch,
    JudgeDrift,
    Reviewed,
    corrected_accuracy,
    judge_drift,
    one_epoch,
)
from candor.estimates.estimate import Caveat, Evidence, Refusal
from candor.estimates.proportion import clopper_pearson, wilson
from candor.estimates.sampling import draw, label_plan, whole

UNITS = [600, 250, 100, 50]


def test_a_plan_spends_its_labels_and_keeps_a_random_tenth() -> None:
    plan = label_plan(UNITS, [0.95, 0.7, 0.5, 0.2], 200)
    assert plan.sentinel == 20
    assert sum(plan.stratified) == 180
    assert plan.stratified == (75, 65, 29, 11)
    assert plan.pi[3] == pytest.approx(1 - 0.98 * (1 - 11 / 50))
    assert label_plan([500, 4], [0.5, 0.5], 60).stratified[1] == 4  # the floor, as far as it goes
    everyone = label_plan([20, 10], [0.5, 0.5], 500)
    assert everyone.pi == (1, 1)
    with pytest.raises(ValueError, match="units"):
        label_plan([0], [0.5], 10)


def test_whole_numbers_add_up() -> None:
    assert whole([1.5, 1.5, 1.0], 4, most=[9, 9, 9]) == (2, 1, 1)
    assert whole([5.0, 1.0], 6, most=[2, 9]) == (2, 4)


def test_the_draw_is_repeatable_and_holds_what_was_planned() -> None:
    ids = [f"u{i}" for i in range(1000)]
    stratum = [0] * 600 + [1] * 250 + [2] * 100 + [3] * 50
    plan = label_plan(UNITS, [0.95, 0.7, 0.5, 0.2], 200)
    first = draw(ids, stratum, plan, salt="csat:e1")
    backwards = draw(ids[::-1], stratum[::-1], plan, salt="csat:e1")
    assert first == backwards
    assert draw(ids, stratum, plan, salt="csat:e2") != first
    place = dict(zip(ids, stratum, strict=True))
    sizes = np.bincount([place[u] for u in first], minlength=4)
    assert all(n >= s for n, s in zip(sizes, plan.stratified, strict=True))
    assert len(first) == pytest.approx(
        sum(p * n for p, n in zip(plan.pi, UNITS, strict=True)), abs=8
    )
    with pytest.raises(ValueError, match="other units"):
        draw(ids[:-1], stratum[:-1], plan, salt="x")


def test_the_chance_of_being_drawn_is_the_one_stored() -> None:
    plan = label_plan([300, 60], [0.9, 0.5], 60)
    ids = [f"u{i}" for i in range(360)]
    stratum = [0] * 300 + [1] * 60
    drawn = np.zeros(2)
    for salt in range(150):
        chosen = draw(ids, stratum, plan, salt=str(salt))
        for unit in chosen:
            drawn[stratum[int(unit[1:])]] += 1
    assert drawn / 150 / [300, 60] == pytest.approx(plan.pi, rel=0.03)


def test_labels_of_two_epochs_do_not_mix() -> None:
    one = Epoch("judge", "model-a", "p1", "r1", "c1")
    other = Epoch("judge", "model-b", "p1", "r1", "c1")
    assert one_epoch([one, one]) == one
    assert one_epoch([one, other]) is Refusal.INCOMPATIBLE
    assert one_epoch([]) is Refusal.UNLABELLED
    assert one.epoch_id != other.epoch_id
    assert one.epoch_id == Epoch("judge", "model-a", "p1", "r1", "c1").epoch_id


def test_a_judge_that_drifted_is_seen_on_the_gold_set() -> None:
    truth = [1] * 60 + [0] * 40
    before = [1] * 54 + [0] * 6 + [0] * 36 + [1] * 4
    now = [1] * 42 + [0] * 18 + [0] * 36 + [1] * 4
    found = judge_drift(truth, before, now)
    assert isinstance(found, JudgeDrift)
    assert (found.became_wrong, found.became_right) == (12, 0)
    assert found.p == pytest.approx(2 / 2**12)
    assert (found.sensitivity_before.point, found.sensitivity_now.point) == (0.9, 0.7)
    assert (found.sensitivity_now.low, found.sensitivity_now.high) == wilson(0.7, 60)
    assert (found.specificity_now.low, found.specificity_now.high) == clopper_pearson(36, 40)
    same = judge_drift(truth, before, before)
    assert isinstance(same, JudgeDrift)
    assert same.p == 1
    assert judge_drift(truth[:29], before[:29], now[:29]) is Refusal.TOO_FEW_LABELS
    assert judge_drift([], [], []) is Refusal.UNLABELLED


def test_corrected_accuracy_covers_the_truth_under_selective_review() -> None:
    rng = np.random.Generator(np.random.Philox(81))
    covered = naive = 0
    for _ in range(150):
        truth = rng.random(4000) < 0.3
        flagged = np.where(truth, rng.random(4000) < 0.8, rng.random(4000) < 0.1)
        reviewed = rng.random(4000) < np.where(flagged, 0.4, 0.08)
        bucket = rng.integers(0, 80, 4000)
        rows = [
            Reviewed(
                *(int((own & reviewed & f & t).sum()) for f, t in (
                    (flagged, truth), (flagged, ~truth), (~flagged, truth), (~flagged, ~truth)
                )),
                int((own & flagged).sum()), int((own & ~flagged).sum()),
            )
            for own in (bucket == b for b in range(80))
        ]  # fmt: skip
        se, sp = corrected_accuracy(rows)
        covered += (se.low <= 0.8 <= se.high) + (sp.low <= 0.9 <= sp.high)
        naive += int((reviewed & truth & flagged).sum()) / int((reviewed & truth).sum())
    assert naive / 150 > 0.92  # reviewers looked where the judge had flagged
    assert 0.91 <= covered / 300 <= 0.99
    n_eff = se.point * (1 - se.point) / se.se**2
    assert (se.low, se.high) == wilson(se.point, n_eff, t_quantile(0.95, se.k_eff - 1))
    sure = corrected_accuracy([Reviewed(5, 0, 0, 5, 30, 300)] * 20)
    assert sure[0].point == sure[1].point == 1
    assert (sure[0].low, sure[0].high) == clopper_pearson(100, 100)
    few = corrected_accuracy([Reviewed(5, 1, 0, 1, 30, 300)] * 20)
    assert few[0].refusal is few[1].refusal is Refusal.TOO_FEW_LABELS
    clumped = corrected_accuracy([Reviewed(50, 10, 9, 60, 300, 3000)] * 5)
    assert clumped[0].refusal is Refusal.TOO_FEW_CUSTOMERS


def test_a_judge_without_gain_leaves_the_labels_alone() -> None:
    truth = [1, 0, 1, 1, 0] * 20
    blind = [0, 1] * 50  # says nothing about the truth
    labels = labelled.Labels(truth, blind, [0.1] * 100, [i % 50 for i in range(100)])
    found = labelled.poststratified_rate([900, 100], labels, target="period")
    assert found.caveats == (Caveat.JUDGE_NO_GAIN,)
    assert found.evidence is Evidence.HUMAN_SAMPLE
    assert found.method == "human_labels_period"
    assert found.point == pytest.approx(60.5 / 101)  # the judge's lopsided strata play no part
    process = labelled.poststratified_rate([900, 100], labels, unit_buckets=[[18, 2]] * 50)
    assert process.method == "human_labels_process"
    assert process.low < 0.6 < process.high


def test_agreement_has_an_interval_by_customer() -> None:
    rng = np.random.Generator(np.random.Philox(82))
    truth = rng.random(400) < 0.5
    raters = [np.where(rng.random(400) < 0.1, ~truth, truth).astype(float).tolist() for _ in "ab"]
    buckets = [i // 4 for i in range(400)]
    found = agreement.agreement_interval(raters, buckets, agreement.gwet_ac1, salt="e1")
    assert found.point == pytest.approx(agreement.gwet_ac1(raters))
    assert found.low < 0.64 < found.high  # two raters right nine times in ten: 2·.82 − 1
    assert found.high - found.point == pytest.approx(found.point - found.low, rel=0.5)
    assert found.high - found.low == pytest.approx(2 * 1.96 * found.se, rel=0.15)
    simple = 2 * np.sqrt(0.82 * 0.18 / 400)
    assert found.se == pytest.approx(simple, rel=0.35)
    assert found == agreement.agreement_interval(raters, buckets, agreement.gwet_ac1, salt="e1")
    few = agreement.agreement_interval(
        [r[:29] for r in raters], buckets[:29], agreement.gwet_ac1, salt="e1"
    )
    assert few.refusal is Refusal.TOO_FEW
    same = agreement.agreement_interval([[1.0] * 40] * 2, range(40), agreement.gwet_ac1, salt="e1")
    assert same.refusal is Refusal.NOTHING_OBSERVED
    clumped = agreement.agreement_interval(raters, [0] * 400, agreement.gwet_ac1, salt="e1")
    assert clumped.refusal is Refusal.TOO_FEW_CUSTOMERS


def test_bootstrap_weights_are_poisson_and_belong_to_their_bucket() -> None:
    weights = draws.poisson_weights(range(100), 200, salt="s")
    assert weights.mean() == pytest.approx(1, abs=0.02)
    assert weights.var() == pytest.approx(1, abs=0.05)
    assert (draws.poisson_weights(range(50, 100), 200, salt="s") == weights[:, 50:]).all()
    assert np.bincount(weights.ravel())[0] / weights.size == pytest.approx(np.exp(-1), abs=0.01)
