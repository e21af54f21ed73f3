"""Figures of value, worked by hand, and what must hold of them whatever the numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candor.economics.capacity import IntentSums, unlocked
from candor.economics.lift import Sums, difference, relative
from candor.economics.loyalty import correlation
from candor.economics.portfolio import IntentLine, ranked
from candor.economics.value import Rate, Week, mix_savings, per_resolution, summed, time_to_value
from candor.economics.what_if import Scenario, change_share
from candor.estimates import Refusal
from candor.estimates.arithmetic import t_quantile


def test_sums_of_shares_widen_in_quadrature():
    # 100 × (0.5 ± 0.03) + 100 × (0.5 ± 0.04): ± √(3² + 4²) = ± 5 (Zou & Donner 2008).
    found = summed([Rate(100, 0.5, 0.47, 0.53), Rate(100, 0.5, 0.46, 0.54)])
    assert found == pytest.approx((100, 95, 105))


def test_cost_over_resolutions_turns_the_interval_round():
    found, bounds = per_resolution(1000, [Rate(100, 0.5, 0.4, 0.8, 0.25, 0.9)])
    assert (found.point, found.low, found.high) == pytest.approx((20, 12.5, 25))
    assert bounds["confirmed_only"] == pytest.approx(40)
    assert bounds["every_unknown_resolved"] == pytest.approx(1000 / 90)
    _, without = per_resolution(1000, [Rate(100, 0.5, 0.4, 0.8)])
    assert without["confirmed_only"] is None


@given(
    st.floats(1, 1e6), st.integers(1, 10_000),
    st.tuples(*[st.floats(0.01, 1)] * 3).map(sorted),
)  # fmt: skip
def test_a_cost_lies_inside_its_interval(cost, units, limits):
    low, point, high = limits
    found, _ = per_resolution(cost, [Rate(units, point, low, high)])
    assert found.low <= found.point * (1 + 1e-9)
    assert found.point <= found.high * (1 + 1e-9)


def test_savings_by_hand():
    # Twenty buckets alike: no spread. 20 × (3 at 1, 1 at 5) now, 20 × 4 at 5 before: 20 × (20 − 8).
    found = mix_savings([[3, 1, 0, 4]] * 20, [1.0, 5.0], customers=20)
    assert (found.point, found.low, found.high) == pytest.approx((240, 240, 240))
    few = mix_savings([[3, 1, 0, 4]] * 14, [1.0, 5.0], customers=14)
    assert few.refusal is Refusal.TOO_FEW_CUSTOMERS
    empty = mix_savings([[3, 1, 0, 0]] * 20, [1.0, 5.0], customers=20)
    assert empty.refusal is Refusal.NOTHING_OBSERVED


def week(number: int, point: float, half: float = 0.0) -> Week:
    return Week(7 * number, 7 * number + 7, point, point - half, point + half)


def test_a_gap_between_weeks_ends_a_run():
    weeks = [week(0, 0.7), week(1, 0.7), week(3, 0.7), week(4, 0.7), week(5, 0.7)]
    found, _ = time_to_value(weeks, go_live=0, target=0.7, sustain=3)
    assert found.point == 21


def test_weeks_before_going_live_do_not_count():
    weeks = [week(number, 0.7) for number in range(6)]
    found, detail = time_to_value(weeks, go_live=21, target=0.7, sustain=3)
    assert (found.point, detail["periods"]) == (0, 3)
    short, _ = time_to_value(weeks, go_live=28, target=0.7, sustain=3)
    assert short.refusal is Refusal.BASELINE_SHORT


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.3)), min_size=3, max_size=20))
def test_limits_of_time_to_value_hold_its_point(series):
    weeks = [week(number, point, half) for number, (point, half) in enumerate(series)]
    found, _ = time_to_value(weeks, go_live=0, target=0.5, sustain=3)
    if found.refusal is None:
        assert found.low <= found.point <= found.high


def alike(buckets: int = 20) -> list[Sums]:
    """Simpson: with help it is better in both strata, and looks worse when they are thrown together."""
    rows = []
    for bucket in range(buckets):
        rows += [
            Sums("easy", 1, bucket, 9, 10, 10), Sums("easy", 0, bucket, 72, 90, 90),
            Sums("hard", 1, bucket, 27, 90, 90), Sums("hard", 0, bucket, 2, 10, 10),
        ]  # fmt: skip
    return rows


def test_strata_undo_a_change_of_mix():
    found = difference(alike(), customers=20)
    # Both strata weigh one half: (0.9 − 0.8)/2 + (0.3 − 0.2)/2.
    assert found.found.point == pytest.approx(0.1)
    assert (found.with_help, found.without) == pytest.approx((0.6, 0.5))
    raw = (9 + 27) / 100 - (72 + 2) / 100
    assert raw < 0
    assert relative(alike(), customers=20).found.point == pytest.approx(0.2)


def test_lifts_refuse_what_they_cannot_know():
    assert difference([], customers=0).found.refusal is Refusal.NOTHING_OBSERVED
    assert difference(alike(3), customers=3).found.refusal is Refusal.TOO_FEW_CUSTOMERS
    nobody = [Sums("x", 1, b, 5, 5, 5) for b in range(20)] + [
        Sums("x", 0, b, 0, 5, 5) for b in range(20)
    ]
    assert relative(nobody, customers=20).found.refusal is Refusal.DENOMINATOR_UNSTABLE


def test_interval_of_a_lift_is_the_jackknife_of_its_buckets():
    rows = []
    for bucket in range(20):
        rows += [Sums("x", 1, bucket, 4 if bucket % 2 else 2, 4, 4), Sums("x", 0, bucket, 2, 4, 4)]
    found = difference(rows, customers=20).found
    # One stratum: mean of 1 and ½ over 20 buckets; delete-one variance = sample variance of a mean.
    deviation = math.sqrt(20 * 0.25**2 / 19 / 20)
    half = t_quantile(0.95, 19) * deviation
    assert (found.point, found.low, found.high) == pytest.approx((0.25, 0.25 - half, 0.25 + half))


def test_hours_freed_by_hand():
    rows = [IntentSums("a", b, 10, 8, 4, 2, 2 * 600_000_000) for b in range(20)]
    rows += [IntentSums("b", b, 5, 5, 5, 0, 0) for b in range(20)]
    found = unlocked(rows, customers=20)
    # 200 conversations, half of the known ones automated, ten minutes each: 1,000 minutes.
    assert found.found.point == pytest.approx(60_000)
    assert (found.without_time, list(found.by_intent)) == (100, ["a"])
    assert unlocked(rows[20:], customers=20).found.refusal is Refusal.NOTHING_OBSERVED


def test_correlation_is_pearsons_with_fishers_limits():
    # r = ½ from 4 cells of 9, 3, 3, 9; n = 103 would give tanh(0.549306 ± 0.196) (Fisher 1921).
    pairs = [(0, 0)] * 9 + [(0, 1)] * 3 + [(1, 0)] * 3 + [(1, 1)] * 9
    found = correlation([*pairs, *pairs])
    half = 1.959963985 / math.sqrt(45)
    assert found.point == pytest.approx(0.5)
    assert (found.low, found.high) == pytest.approx(
        (math.tanh(math.atanh(0.5) - half), math.tanh(math.atanh(0.5) + half))
    )
    assert correlation(pairs).refusal is Refusal.TOO_FEW
    assert correlation([(0, number) for number in range(40)]).refusal is Refusal.NOTHING_OBSERVED
    assert correlation([(n, 2 * n) for n in range(40)]).refusal is Refusal.DENOMINATOR_UNSTABLE


def test_an_intent_without_a_score_has_no_rank():
    found = ranked(
        [
            IntentLine("b", 10, 5.0, 0.5, (0.4, 0.3, 0.5)),
            IntentLine("a", 10, 5.0, 0.1, (0.4, 0.3, 0.5)),
            IntentLine("c", 10, 5.0, None, None, reason="too_few"),
        ]
    )
    assert [(row["intent"], row["rank"]) for row in found.rows] == [("a", 1), ("b", 2), ("c", None)]
    # b does more already than the score promises: nothing is left, never less than nothing.
    assert found.rows[1]["headroom_money"] == {"point": 0.0, "low": 0.0, "high": 0.0}
    assert found.headroom == pytest.approx((15, 10, 20))
    assert ranked([]).headroom is None


def test_a_tenth_more_quality_by_hand():
    found = change_share(
        units=1000, share=(0.5, 0.4, 0.6), relative=0.1, human_cost=6.0,
        handle_seconds=(600.0, 500.0, 700.0),
    )  # fmt: skip
    assert isinstance(found, Scenario)
    assert found.share == pytest.approx((0.55, 0.44, 0.66))
    assert found.resolutions == pytest.approx((50, 40, 60))
    assert found.cost == pytest.approx((300, 240, 360))
    width = 30_000 * math.hypot(0.2, 1 / 6)
    assert found.capacity == pytest.approx((30_000, 30_000 - width, 30_000 + width))


def test_a_share_cannot_pass_one_and_may_fall():
    found = change_share(units=100, share=(0.95, 0.9, 1.0), relative=0.1)
    assert isinstance(found, Scenario)
    assert found.share == pytest.approx((1.0, 0.99, 1.0))
    assert found.resolutions == pytest.approx((5, 0, 9))
    less = change_share(units=100, share=(0.5, 0.4, 0.6), relative=-0.1, human_cost=2.0)
    assert isinstance(less, Scenario)
    assert less.resolutions == pytest.approx((-5, -6, -4))
    assert less.cost == pytest.approx((-10, -12, -8))
    assert change_share(units=0, share=(0.5, 0.4, 0.6), relative=0.1) is Refusal.NOTHING_OBSERVED
