"""Agreement of pairs, stated confidence and median waits: against other formulas and published figures."""

from __future__ import annotations

import numpy as np
import pytest

from candor.estimates import Refusal, Thresholds
from candor.estimates.agreement import gwet_ac1, krippendorff_alpha
from candor.estimates.median_time import median_time
from candor.estimates.pairs import Pair, agreement, agreement_change, by_criterion
from candor.estimates.reliability import Stated, reliability

LOOSE = Thresholds(min_units=1, min_customers=2, min_k_eff=1, min_labels=2)


def _pairs(seed: int, n: int, agree: float, criterion: str = "c") -> list[Pair]:
    rng = np.random.default_rng(seed)
    found = []
    for at in range(n):
        human = str(rng.choice(["a", "b", "c"], p=[0.7, 0.2, 0.1]))
        machine = human if rng.random() < agree else str(rng.choice(["a", "b", "c"]))
        found.append(Pair(criterion, human, machine, at % 60))
    return found


def test_one_criterion_is_gwet_and_krippendorff() -> None:
    pairs = _pairs(1, 400, 0.8)
    code = {"a": 0.0, "b": 1.0, "c": 2.0}
    columns = [[code[p.human] for p in pairs], [code[p.machine] for p in pairs]]
    found = agreement(pairs)
    assert found.point == pytest.approx(gwet_ac1(columns))
    table = by_criterion(pairs)["c"]
    assert table.alpha == pytest.approx(krippendorff_alpha(columns))
    assert sum(table.confusion.values()) == table.pairs == 400


def test_criteria_are_averaged_by_their_items_and_single_labels_left_out() -> None:
    first, second = _pairs(2, 300, 0.9, "x"), _pairs(3, 100, 0.5, "y")
    alone = [agreement(part).point or 0.0 for part in (first, second)]
    constant = [Pair("z", "a", "a", b) for b in range(50)]
    found = agreement([*first, *second, *constant])
    assert found.point == pytest.approx((300 * alone[0] + 100 * alone[1]) / 400)
    assert found.n_eff == 450


def test_equal_pairs_may_be_counted_together() -> None:
    pairs = _pairs(4, 200, 0.7)
    doubled = [Pair(p.criterion, p.human, p.machine, p.bucket, 2) for p in pairs]
    one, two = agreement(pairs), agreement(doubled)
    assert one.point == pytest.approx(two.point)
    assert (one.low, one.high) == pytest.approx((two.low, two.high))


def test_agreement_refuses() -> None:
    assert agreement([]).refusal is Refusal.UNLABELLED
    assert agreement(_pairs(5, 29, 0.9)).refusal is Refusal.TOO_FEW_LABELS
    few = [Pair("c", "a", "b" if at % 3 else "a", at % 3) for at in range(60)]
    assert agreement(few).refusal is Refusal.TOO_FEW_CUSTOMERS
    same = [Pair("c", "a", "a", at) for at in range(60)]
    assert agreement(same).refusal is Refusal.TOO_FEW


def test_interval_of_the_agreement_covers_the_truth() -> None:
    truth = agreement(_pairs(6, 60_000, 0.8)).point
    hits = 0
    for seed in range(120):
        found = agreement(_pairs(1000 + seed, 240, 0.8))
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= (truth or 0.0) <= found.high
    assert 0.89 <= hits / 120 <= 0.995


def test_a_change_of_agreement_is_the_difference() -> None:
    now, before = _pairs(7, 300, 0.6), _pairs(8, 300, 0.9)
    found = agreement_change(now, before)
    assert found.point == pytest.approx(
        (agreement(now).point or 0) - (agreement(before).point or 0)
    )
    assert found.high is not None
    assert found.high < 0


def test_reliability_by_hand_and_its_edges() -> None:
    rows = [
        Stated(900_000, True, 0, 8), Stated(900_000, False, 1, 2), Stated(300_000, False, 0, 3),
        Stated(300_000, True, 1, 2), Stated(1_000_000, True, 2, 5),
    ]  # fmt: skip
    found = reliability(rows, customers=20, thresholds=LOOSE)
    assert found.brier.point == pytest.approx((8 * 0.01 + 2 * 0.81 + 3 * 0.09 + 2 * 0.49) / 20)
    assert [(step.low, step.count) for step in found.curve] == [(0.3, 5), (0.9, 15)]
    assert found.expected_error == pytest.approx((15 * (14 / 15 - 13 / 15) + 5 * 0.1) / 20)
    assert found.climatology == pytest.approx(0.75 * 0.25)
    with pytest.raises(ValueError, match="0–1"):
        reliability([Stated(1_000_001, True, 0, 1)], customers=1)


def test_perfect_confidence_has_brier_zero_and_a_real_interval() -> None:
    rows = [Stated(1_000_000 * (b % 2), bool(b % 2), b, 3) for b in range(40)]
    found = reliability(rows, customers=40)
    assert (found.brier.point, found.brier.low) == (0.0, 0.0)
    assert found.expected_error == 0


PLACEBO = (1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23)
SIX_MP = (6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35)
SIX_MP_EVENT = (1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0)


def test_median_of_the_leukaemia_trial() -> None:
    placebo = median_time(PLACEBO, [1] * 21, min_units=20)
    assert placebo.found.point == 8
    assert (placebo.found.low, placebo.found.high) == (4, 11)
    treated = median_time(SIX_MP, SIX_MP_EVENT, min_units=20)
    # Freireich 1963: median 23 weeks; its upper limit is not reached, so there is no interval.
    assert treated.found.refusal is Refusal.IMMATURE
    assert next(t for t, alive in treated.curve if alive <= 0.5) == 23
    assert treated.lower == 13


def test_median_refuses_small_and_immature_samples() -> None:
    assert median_time([], []).found.refusal is Refusal.NOTHING_OBSERVED
    assert median_time([1] * 29, [1] * 29).found.refusal is Refusal.TOO_FEW
    waiting = median_time(range(1, 41), [int(t <= 15) for t in range(1, 41)])
    assert waiting.found.refusal is Refusal.IMMATURE
    assert waiting.happened == 15
