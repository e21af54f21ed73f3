"""The threshold is the one the costs ask for, its interval covers it, and little data gives none."""

from __future__ import annotations

import numpy as np
import pytest

from candor.estimates.escalation_threshold import advise
from candor.estimates.estimate import Refusal
from candor.estimates.reliability import Stated


def stated(count: int, seed: int, *, power: float = 1.0, informed: bool = True) -> list[Stated]:
    """Answers whose odds of being right are the stated odds to a power, 40 customers."""
    rng = np.random.default_rng(seed)
    said = rng.uniform(0.03, 0.97, count)
    odds = (said / (1 - said)) ** power
    chance = odds / (1 + odds) if informed else np.full(count, 0.7)
    came = rng.random(count) < chance
    return [
        Stated(round(float(c) * 1e6), bool(t), n % 40, 1)
        for n, (c, t) in enumerate(zip(said, came, strict=True))
    ]


def test_honest_confidences_give_the_threshold_of_the_costs() -> None:
    found = advise(stated(20_000, 1), cost_wrong=10, cost_handover=3, customers=40)
    assert found.threshold.point == pytest.approx(0.7, abs=0.02)
    assert found.threshold.low is not None
    assert found.threshold.high is not None
    assert found.threshold.low < 0.7 < found.threshold.high
    assert found.threshold.high - found.threshold.low < 0.06
    assert found.slope.point == pytest.approx(1.0, abs=0.05)
    assert found.handed_over == pytest.approx((0.7 - 0.03) / 0.94, abs=0.02)
    assert found.constant == "always"
    assert found.pays
    # E[min(3, 10 (1 - c))] for c uniform on 0.03–0.97, against 3.
    expected = (0.67 * 3 + 10 * (0.3**2 - 0.03**2) / 2) / 0.94
    assert found.cost_of_threshold == pytest.approx(expected, abs=0.06)
    assert found.saving.point == pytest.approx(3 - expected, abs=0.06)


def test_boastful_confidences_are_seen_through() -> None:
    found = advise(stated(20_000, 2, power=0.5), cost_wrong=4, cost_handover=1, customers=40)
    assert found.threshold.point == pytest.approx(0.9, abs=0.02)
    assert found.slope.point == pytest.approx(0.5, abs=0.05)


def test_the_interval_covers_the_threshold_as_often_as_it_says() -> None:
    held = 0
    for seed in range(100):
        found = advise(
            stated(800, 100 + seed), cost_wrong=10, cost_handover=4, customers=40, replicates=120
        )
        assert found.threshold.low is not None
        assert found.threshold.high is not None
        held += found.threshold.low <= 0.6 <= found.threshold.high
    assert held >= 88


def test_a_confidence_that_says_nothing_gives_no_threshold() -> None:
    found = advise(stated(4_000, 3, informed=False), cost_wrong=10, cost_handover=4, customers=40)
    assert found.threshold.refusal is Refusal.JUDGE_UNINFORMATIVE
    assert found.threshold.point is None
    assert found.slope.low is not None
    assert found.slope.low <= 0
    assert found.pays is None


def test_a_threshold_that_saves_nothing_is_not_said_to_pay() -> None:
    found = advise(stated(1_000, 4), cost_wrong=10, cost_handover=9.9, customers=40)
    assert found.threshold.point == pytest.approx(0.02, abs=0.03)
    assert found.constant == "never"
    assert found.pays is False
    dear = advise(stated(1_000, 4), cost_wrong=10, cost_handover=10, customers=40)
    assert dear.threshold.point == 0.0


@pytest.mark.parametrize(
    ("statements", "customers", "why"),
    [
        (stated(199, 5), 40, Refusal.TOO_FEW),
        ([Stated(900_000, True, n % 40, 10) for n in range(40)], 40, Refusal.TOO_FEW),
        (stated(2_000, 6), 29, Refusal.TOO_FEW_CUSTOMERS),
        ([Stated(s.confidence_ppm, s.came_true, s.bucket % 9, 1) for s in stated(900, 7)], 40,
         Refusal.TOO_FEW_CUSTOMERS),
        ([], 0, Refusal.TOO_FEW),
    ],
)  # fmt: skip
def test_below_a_minimum_nothing_is_advised(
    statements: list[Stated], customers: int, why: Refusal
) -> None:
    found = advise(statements, cost_wrong=10, cost_handover=4, customers=customers)
    assert (found.threshold.refusal, found.saving.refusal, found.handed_over) == (why, why, None)


@pytest.mark.parametrize(("wrong", "handover"), [(0, 1), (1, 0), (-1, 1), (float("inf"), 1)])
def test_costs_must_be_costs(wrong: float, handover: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        advise(stated(300, 8), cost_wrong=wrong, cost_handover=handover, customers=40)
