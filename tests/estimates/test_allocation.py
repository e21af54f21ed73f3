"""Money shared out over touchpoints, and how strong a hidden cause would have to be."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from candor.estimates.allocation import (
    Path,
    Removal,
    allocated_total,
    equal_split,
    markov_removal,
    path_game,
    revenue_protected,
    shapley,
)
from candor.estimates.confounding import e_value, ratio_of_means, sensitivity_caveats
from candor.estimates.estimate import Caveat, Evidence, Reckoning, Refusal

PATHS = [
    Path(("bot", "mail", "bot"), 90.0, 10),
    Path(("mail",), 10.0, 30),
    Path(("bot",), 25.0, 60),
    Path(("call", "bot", "mail"), 10.0, 0),
]


def test_equal_split_adds_up_and_counts_a_touchpoint_once() -> None:
    credit = equal_split(PATHS)
    assert credit == {
        "bot": pytest.approx(45 + 25 + 10 / 3), "call": pytest.approx(10 / 3),
        "mail": pytest.approx(45 + 10 + 10 / 3),
    }  # fmt: skip
    assert equal_split([Path((), 5.0)]) is Refusal.NOTHING_OBSERVED


def test_the_shapley_value_of_the_path_game_is_equal_split() -> None:
    credit = shapley(["bot", "call", "mail"], path_game(PATHS))
    assert credit == pytest.approx(equal_split(PATHS))


def test_beyond_twelve_players_orders_are_sampled_and_still_add_up() -> None:
    players = [f"p{i:02}" for i in range(14)]
    credit = shapley(players, lambda s: float(len(s & {"p00", "p01"}) == 2) * 10)
    assert math.fsum(credit.values()) == pytest.approx(10)
    assert credit["p00"] == pytest.approx(5, abs=0.5)
    assert credit["p05"] == 0
    with pytest.raises(ValueError, match="once"):
        shapley(["a", "a"], len)


def test_removal_of_the_only_way_in_loses_everything() -> None:
    found = markov_removal([Path(("a", "b"), 3, 1), Path(("a", "c"), 1, 3)])
    assert isinstance(found, Removal)
    assert found.conversion == pytest.approx(0.5)
    assert found.effect == {"a": 1, "b": pytest.approx(0.75), "c": pytest.approx(0.25)}
    assert found.credit == {"a": 2, "b": pytest.approx(1.5), "c": pytest.approx(0.5)}
    assert markov_removal([Path(("a",), 0, 5)]) is Refusal.NOTHING_OBSERVED


def test_a_loop_ends_somewhere() -> None:
    found = markov_removal([Path(("a", "b", "a"), 1, 1)])
    assert isinstance(found, Removal)
    # From a: half to b (and back), a quarter each to the ends.
    assert found.conversion == pytest.approx(0.5)


def test_allocated_money_says_that_it_is_no_cause() -> None:
    found = allocated_total([10.0, 0.0, 5.0, 1.0] * 5, customers=40)
    assert found.point == 80
    deviations = [6.0**2, 4.0**2, 1.0**2, 3.0**2]
    assert found.se == pytest.approx(math.sqrt(20 / 19 * 5 * sum(deviations)))
    assert found.high - 80 == pytest.approx(stats.t.ppf(0.975, 19) * found.se)
    assert found.caveats == (Caveat.ALLOCATION_NOT_CAUSAL,)
    assert found.evidence is Evidence.ALLOCATED
    assert allocated_total([1.0] * 9, customers=9).refusal is Refusal.TOO_FEW_CUSTOMERS
    assert allocated_total([], customers=0).refusal is Refusal.NOTHING_OBSERVED


def test_protected_revenue_needs_both_chances() -> None:
    without = Reckoning("x", 0.30, 0.26, 0.34, n_eff=500, k_eff=90)
    saved = Reckoning("x", 0.20, 0.17, 0.24, n_eff=400, k_eff=80, caveats=(Caveat.NOWCAST,))
    found = revenue_protected(1000.0, without, saved)
    assert found.point == pytest.approx(100)
    assert found.low == pytest.approx(100 - 1000 * math.hypot(0.04, 0.04))
    assert found.high == pytest.approx(100 + 1000 * math.hypot(0.04, 0.03))
    assert found.caveats == (Caveat.NOWCAST,)
    refused = revenue_protected(1000.0, without, Reckoning.refused("x", Refusal.TOO_FEW))
    assert refused.refusal is Refusal.MISSING_COMPONENT


def test_e_value_of_a_limit_beyond_one_is_one() -> None:
    assert e_value(1.8) == pytest.approx(3)
    assert e_value(1 / 1.8) == pytest.approx(3)
    assert e_value(1.8, 0.9) == 1
    assert e_value(0.5, 1.1) == 1
    assert e_value(1.8, 1.0) == 1
    assert e_value(10.73, 8.02) == pytest.approx(15.52336, abs=6e-6)
    assert sensitivity_caveats(1.8, 1.05) == (Caveat.SENSITIVITY_LOW,)
    assert sensitivity_caveats(1.8, 1.5) == ()
    assert ratio_of_means(0.5, 1.0) == pytest.approx(math.exp(0.455))
    with pytest.raises(ValueError, match="positive"):
        e_value(0)
