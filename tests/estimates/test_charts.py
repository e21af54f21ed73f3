"""Charts beyond their limits: the price of rules, frozen baselines, season, gaps, funnels."""

from __future__ import annotations

import math

import numpy as np
import pytest

from candor.estimates import control, run_rules
from candor.estimates.control import Chart
from candor.estimates.estimate import Refusal
from candor.estimates.funnel import Funnel, funnel
from candor.estimates.phases import phased, phased_shares, phased_values, seasonal_residuals


def test_the_limit_rule_costs_one_alarm_in_370_points() -> None:
    assert run_rules.run_length(["limit"]) == pytest.approx(1 / 0.0026997960632602, rel=1e-9)
    assert run_rules.run_length(["limit"], shift=3.0) == pytest.approx(2.0, rel=1e-6)
    assert run_rules.run_length() < run_rules.run_length(["limit", "two_of_three"])
    assert run_rules.false_alarms(70, run_rules.run_length()) == pytest.approx(0.763, abs=1e-3)
    assert run_rules.false_alarms(70, run_rules.run_length(["limit"])) == pytest.approx(
        0.189, abs=1e-3
    )


def test_alarms_of_each_rule() -> None:
    assert run_rules.run_alarms([0, 3.1, -3.1, 3.0, -3.0], ["limit"]) == (
        False, True, True, False, False,
    )  # fmt: skip
    assert run_rules.run_alarms([2.1, 0, 2.1, -2.1], ["two_of_three"]) == (
        False, False, True, False,
    )  # fmt: skip
    assert run_rules.run_alarms([1.1, 1.2, 0, 1.5, 1.1], ["four_of_five"])[-1]
    assert not any(run_rules.run_alarms([1.1, 1.2, 0, -1.5, 1.1], ["four_of_five"]))
    assert run_rules.run_alarms([0.1] * 9, ["run_of_eight"]) == (*[False] * 7, True, False)
    assert run_rules.run_alarms([0.1] * 9, ["run_of_eight"], clear=False)[-2:] == (True, True)


def test_exact_run_lengths_are_those_of_simulation() -> None:
    rng = np.random.Generator(np.random.Philox(71))
    z = rng.normal(0, 1, 200_000).tolist()
    alarms = sum(run_rules.run_alarms(z))
    assert len(z) / alarms == pytest.approx(run_rules.run_length(), rel=0.06)


def test_a_cumulative_sum_notices_a_shift_early_and_cries_wolf_rarely() -> None:
    assert run_rules.cusum_run_length(k=0.5, h=5) == pytest.approx(465.44, abs=0.05)
    assert run_rules.cusum_run_length(k=0.5, h=5, shift=1) == pytest.approx(10.38, abs=0.01)
    assert run_rules.cusum_run_length(k=0.5, h=5, shift=-1) == pytest.approx(10.38, abs=0.01)


def test_a_rare_count_by_hand() -> None:
    # With limit 1 and slack ½ the first event alarms at once unless it is a single one after 0.
    p0, p1 = math.exp(-0.1), 0.1 * math.exp(-0.1)
    # States 0 and ½: from ½ no event leads to 0, any event alarms.
    length = (1 + p1) / (1 - p0 - p1 * p0)
    assert run_rules.poisson_run_length(rate=0.1, k=0.5, h=1.0) == pytest.approx(length, rel=1e-9)


def test_geometric_limits_keep_their_chance() -> None:
    rng = np.random.Generator(np.random.Philox(72))
    gaps = (rng.geometric(0.01, 20_000) - 1).tolist()
    chart = control.g_chart(gaps)
    assert isinstance(chart, Chart)
    assert np.mean(chart.flags) <= 0.0035
    three_sigma = chart.centre + 3 * math.sqrt(chart.centre * (chart.centre + 1))
    assert np.mean(np.array(gaps) > three_sigma) == pytest.approx(0.018, abs=0.003)
    q = chart.centre / (1 + chart.centre)
    assert q ** (chart.high[0] + 1) <= 0.00135 < q ** chart.high[0]
    assert control.g_chart([3] * 19) is Refusal.BASELINE_SHORT
    assert control.g_chart([0] * 20) is Refusal.NOTHING_OBSERVED


def test_a_phase_begins_where_it_was_declared_and_nowhere_else() -> None:
    rng = np.random.Generator(np.random.Philox(76))
    low, high = rng.uniform(9, 11, 30).tolist(), rng.uniform(19, 21, 25).tolist()
    one = phased_values([*low, *high])
    assert len(one) == 1
    assert isinstance(one[0].chart, Chart)
    assert all(one[0].chart.flags[30:])
    two = phased_values([*low, *high], [30])
    assert [(p.start, p.end) for p in two] == [(0, 30), (30, 55)]
    assert all(isinstance(p.chart, Chart) and not any(p.chart.flags) for p in two)
    young = phased_values([*low, *high], [30, 45])
    assert young[1].chart is Refusal.BASELINE_SHORT
    assert young[2].chart is Refusal.BASELINE_SHORT
    with pytest.raises(ValueError, match="within the periods"):
        phased(10, [10], lambda a, b: Refusal.TOO_FEW)


def test_shares_in_phases_are_those_of_the_laney_chart() -> None:
    rng = np.random.Generator(np.random.Philox(74))
    n = [400] * 40
    x = rng.binomial(n, 0.3).tolist()
    found = phased_shares(x, n)[0].chart
    assert found == control.laney_p(x, n, baseline=20)
    assert phased_shares(x, n, counts=True)[0].chart == control.laney_u(x, n, baseline=20)


def test_the_season_is_that_of_the_baseline() -> None:
    day = [i % 7 for i in range(70)]
    x = [100 - 20 * (d >= 5) + (i >= 56) * 7.0 for i, d in enumerate(day)]
    found = seasonal_residuals(x, day, baseline=56)
    assert isinstance(found, tuple)
    assert found[:56] == pytest.approx([100 - 40 / 7] * 56)
    assert found[56:] == pytest.approx([107 - 40 / 7] * 14)
    assert seasonal_residuals(x, day, baseline=8) is Refusal.BASELINE_SHORT
    holiday = [*day[:69], 7]
    assert seasonal_residuals(x, holiday, baseline=56) is Refusal.BASELINE_SHORT


def test_a_funnel_allows_for_the_spread_groups_have_anyway() -> None:
    rng = np.random.Generator(np.random.Philox(75))
    se = np.repeat([0.005, 0.02], 15)
    figures = rng.normal(0.8, np.hypot(se, 0.03))
    naive = np.abs(figures - 0.8) > 3.09 * se
    found = funnel(figures.tolist(), se.tolist(), 0.8)
    assert isinstance(found, Funnel)
    assert naive.sum() > 8
    assert sum(found.flags) <= 1
    assert found.tau == pytest.approx(0.03, abs=0.012)
    assert found.high[0] - found.target == pytest.approx(
        3.0902 * math.hypot(0.005, found.tau), rel=1e-4
    )
    odd = figures.copy()
    odd[0] = 0.5
    flagged = funnel(odd.tolist(), se.tolist(), 0.8)
    assert isinstance(flagged, Funnel)
    assert flagged.flags[0]
    assert funnel([0.1] * 4, [0.1] * 4) is Refusal.TOO_FEW
