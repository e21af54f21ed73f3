"""From a cell to an estimate: refusals in order, caveats, scales, bounds, and the published row."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from candor.estimates import (
    Caveat,
    Estimate,
    Evidence,
    Refusal,
    Thresholds,
    change,
    make,
    published,
)
from candor.estimates.arithmetic import t_quantile
from candor.estimates.estimate import weakest
from candor.estimates.proportion import wilson
from candor.estimates.quantile import bucket_of
from candor.measure import BucketSums, MeasureCell

from .cells import share_cell, value_cell


def _make(cell: MeasureCell, **options: Any) -> Estimate:
    given = {"estimator": "proportion", "unit": "share", "evidence": "census"} | options
    return make(cell, snapshot="s1", as_of="2026-06-01T00:00:00Z", **given)


TWENTY = share_cell([3, 1, 2, 2] * 5, [4, 2, 3, 4] * 5)


def test_share_from_buckets_by_hand() -> None:
    found = _make(TWENTY)
    # 40 of 65; residuals X_b − R·M_b are those of four buckets, five times over.
    r = Fraction(40, 65)
    squares = 5 * sum((x - r * m) ** 2 for x, m in [(3, 4), (1, 2), (2, 3), (2, 4)])
    variance = Fraction(20, 19) * squares / 65**2
    assert found.point == float(r)
    assert found.n_eff == pytest.approx(float(r * (1 - r) / variance), rel=1e-12)
    assert found.k_eff == float(Fraction(65**2, 5 * (16 + 4 + 9 + 16)))
    t = t_quantile(0.95, found.k_eff - 1)
    assert t > 2.09  # wider than with the 19 degrees of freedom of 20 equal customers
    assert (found.low, found.high) == wilson(found.point, found.n_eff, t)
    assert (found.observed, found.eligible, found.customers) == (65, 65, 20)
    assert found.method == "wilson_neff"
    assert found.evidence is Evidence.CENSUS


@pytest.mark.parametrize(
    ("cell", "refusal"),
    [
        (replace(TWENTY, available=False), Refusal.UNAVAILABLE),
        (share_cell([], []), Refusal.NOTHING_OBSERVED),
        (share_cell([1] * 20, [1] * 20), Refusal.TOO_FEW),
        (share_cell([1] * 10, [9] * 10), Refusal.TOO_FEW_CUSTOMERS),
        (share_cell([1] * 20, [9] * 20, customers=14), Refusal.TOO_FEW_CUSTOMERS),
        (share_cell([500, *[1] * 20], [900, *[1] * 20]), Refusal.TOO_FEW_CUSTOMERS),
        (replace(TWENTY, unknown={"immature": 4}), Refusal.IMMATURE),
        (share_cell([], [], unknown={"immature": 40}), Refusal.IMMATURE),
        (share_cell([1], [1], unknown={"immature": 40}), Refusal.TOO_FEW),
    ],
)
def test_refusals_hold_no_figure_and_come_in_order(cell: MeasureCell, refusal: Refusal) -> None:
    found = _make(cell)
    assert found.refusal is refusal
    assert (found.point, found.low, found.high) == (None, None, None)
    assert found.caveats == ()
    json.dumps(found.as_row(), allow_nan=False)


def test_a_few_open_windows_do_not_refuse() -> None:
    assert _make(replace(TWENTY, unknown={"immature": 3})).refusal is None
    assert _make(replace(TWENTY, unknown={"undetermined": 40})).refusal is None
    just_enough = share_cell([3, 2] * 19, [3, 2] * 19, unknown={"immature": 5})
    assert just_enough.observed == 95
    assert _make(just_enough).refusal is None
    assert (
        _make(replace(just_enough, unknown={"immature": 4, "open": 2})).refusal is Refusal.IMMATURE
    )
    strict = Thresholds(mature_share=0.99)
    assert (
        _make(replace(TWENTY, unknown={"immature": 3}), thresholds=strict).refusal
        is Refusal.IMMATURE
    )


def test_nothing_varies_falls_back_to_exact_limits_on_customers() -> None:
    found = _make(share_cell([3] * 20, [3] * 20, customers=20))
    assert found.method == "clopper_pearson_customers"
    assert (found.point, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.025 ** (1 / 20), rel=1e-9)
    assert found.n_eff == 20


def test_caveats() -> None:
    assert _make(share_cell([5] + [1, 0] * 10, [14] + [2] * 20)).caveats == (
        Caveat.DOMINANT_CUSTOMER,
    )
    assert _make(replace(TWENTY, anonymous=14)).caveats == (Caveat.ANONYMOUS_CUSTOMERS,)
    assert _make(replace(TWENTY, anonymous=13)).caveats == ()


def test_bounds_hold_the_three_figures() -> None:
    cell = share_cell(
        [3, 1, 2, 2] * 20, [4, 2, 3, 4] * 20, unknown={"undetermined": 140}, confirmed=60
    )
    found = _make(cell, evidence="by_confirmation")
    assert found.bounds is not None
    assert found.bounds.confirmed == 60 / 400
    assert found.bounds.lower == 160 / 400
    assert found.bounds.upper == 300 / 400
    assert found.bounds.low < 0.4 < found.point < 0.75 < found.bounds.high
    assert found.unknown_share == 140 / 400
    assert found.evidence is Evidence.CENSUS
    assert _make(replace(cell, confirmed=160), evidence="by_confirmation").evidence is (
        Evidence.CUSTOMER_CONFIRMED
    )


def test_unknowns_never_move_the_point_and_always_widen_the_bounds() -> None:
    few, many = (replace(TWENTY, unknown={"undetermined": n}) for n in (5, 50))
    assert _make(few).point == _make(many).point == _make(TWENTY).point
    assert _make(many).bounds.upper - _make(many).bounds.lower > (
        _make(few).bounds.upper - _make(few).bounds.lower
    )


def test_a_mean_of_times_is_in_seconds_and_n_eff_counts_units() -> None:
    values = [
        [60_000_000 + 1_000_000 * (7 * b % 11), 90_000_000 - 1_000_000 * (5 * b % 13)]
        for b in range(40)
    ]
    found = _make(value_cell(values), estimator="mean", unit="seconds")
    flat = [v / 1e6 for pair in values for v in pair]
    mean = math.fsum(flat) / 80
    assert found.point == pytest.approx(mean, rel=1e-12)
    assert found.total == pytest.approx(math.fsum(flat))
    spread = math.fsum((v - mean) ** 2 for v in flat) / 79
    # The two values of a customer pull in opposite directions, so each unit is worth more than one.
    assert found.n_eff == pytest.approx(spread / _se(found) ** 2, rel=1e-9)
    assert found.n_eff > 80


def _se(found: Estimate) -> float:
    return (found.high - found.low) / 2 / t_quantile(0.95, found.k_eff - 1)


def test_zero_events_are_a_real_zero_with_a_limit() -> None:
    found = _make(value_cell([[0, 0]] * 50, metric="transfers"), estimator="mean", unit="count")
    assert found.point == found.low == 0
    assert found.high == pytest.approx(3.6889 / 50, abs=1e-4)


def test_quantile_reads_the_histogram_in_seconds() -> None:
    values = [[1_000_000 * (1 + (17 * b + 31 * i) % 200) for i in range(5)] for b in range(60)]
    histogram: dict[int, int] = {}
    for value in (v for row in values for v in row):
        histogram[bucket_of(value)] = histogram.get(bucket_of(value), 0) + 1
    cell = replace(value_cell(values), histogram=histogram)
    true = sorted(v for row in values for v in row)[int(0.9 * 299)] / 1e6
    found = _make(cell, estimator="quantile", unit="seconds", quantile=0.9)
    assert found.point == pytest.approx(true, rel=0.0101)
    assert found.low < found.point < found.high
    assert found.method == "sketch_p90"
    assert (
        _make(cell, estimator="quantile", unit="seconds", quantile=0.99).refusal is Refusal.TOO_FEW
    )


def test_time_to_event_from_delay_counts() -> None:
    buckets = {b: BucketSums(10, 1, 1, 10, 10, 1) for b in range(40)}
    cell = replace(
        TWENTY, buckets=buckets, customers=40,
        events_by_delay={b: (1 if b % 2 else 0, 0, 1 if b % 4 == 0 else 0) for b in range(40)},
        at_risk_by_delay=dict.fromkeys(range(40), (10, 9, 5)),
    )  # fmt: skip
    found = _make(cell, estimator="time_to_event")
    assert found.point == pytest.approx(1 - (1 - 20 / 400) * (1 - 10 / 200), rel=1e-12)
    t = t_quantile(0.95, found.k_eff - 1)
    assert (found.low, found.high) == wilson(found.point, found.n_eff, t)
    assert found.k_eff == 40
    young = replace(cell, at_risk_by_delay=dict.fromkeys(range(40), (10, 9, 0)), events_by_delay={})
    assert _make(young, estimator="time_to_event").refusal is Refusal.IMMATURE


def test_a_count_has_no_interval() -> None:
    found = _make(TWENTY, estimator="count", unit="count")
    assert (found.point, found.low, found.high) == (40, None, None)


def test_change_shares_its_customers() -> None:
    before = share_cell([2, 1, 1, 2] * 10, [4] * 40)
    after = share_cell([3, 2, 2, 3] * 10, [4] * 40)
    found = change(after, before, unit="share", evidence="census", snapshot="s", as_of="t")
    assert found.unit == "points"
    # Every customer improved by the same quarter: nothing about the change varies.
    assert (found.point, found.low, found.high) == (0.25, 0.25, 0.25)
    other = replace(before, definition="containment_rate@2")
    refused = change(after, other, unit="share", evidence="census", snapshot="s", as_of="t")
    assert refused.refusal is Refusal.INCOMPATIBLE


def test_change_interval_is_that_of_the_jackknife() -> None:
    before = share_cell([2, 1, 0, 3] * 5, [4, 3, 2, 6] * 5)
    after = share_cell([3, 2, 1, 1] * 5, [5, 4, 4, 3] * 5)
    found = change(after, before, unit="share", evidence="census", snapshot="s", as_of="t")
    totals = [sum(s.total for s in c.buckets.values()) for c in (after, before)]
    partial = []
    for b in range(20):
        rates = [
            Fraction(t - c.buckets[b].total, c.den - c.buckets[b].den)
            for t, c in zip(totals, (after, before), strict=True)
        ]
        partial.append(rates[0] - rates[1])
    mean = sum(partial) / 20
    variance = Fraction(19, 20) * sum((p - mean) ** 2 for p in partial)
    assert found.point == pytest.approx(float(Fraction(35, 80) - Fraction(30, 75)), rel=1e-12)
    assert _se(found) == pytest.approx(math.sqrt(variance), rel=1e-9)


def test_an_incomplete_estimate_cannot_exist() -> None:
    good = _make(TWENTY)
    for broken in (
        {"low": None}, {"n_eff": None}, {"method": ""}, {"point": math.nan}, {"unknown": 3},
        {"low": 0.9, "high": 0.1}, {"refusal": Refusal.TOO_FEW}, {"point": None},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="containment_rate"):
            replace(good, **broken)


def test_the_row_is_rounded_and_complete() -> None:
    row = _make(replace(TWENTY, excluded={"test": 2})).as_row()
    assert row["point"] == 0.615384615385
    assert row["period_start"] == "2026-05-01"
    assert row["period_end"] == "2026-06-01"
    assert row["excluded"] == {"test": 2}
    assert set(row) >= {
        "metric", "grain", "period_start", "period_end", "segment", "eligible", "observed",
        "unknown", "excluded", "total", "point", "low", "high", "level", "n_eff", "customers",
        "k_eff", "method", "evidence", "unit", "refusal", "caveats", "definition", "snapshot",
    }  # fmt: skip
    assert published(-0.0) == 0
    assert published(2.0000000000005) == 2
    assert published(1234567.890125) == 1234567.89012


def test_the_weakest_grade_wins() -> None:
    assert weakest((Evidence.CENSUS, Evidence.PROVISIONAL)) is Evidence.PROVISIONAL


def test_order_of_buckets_changes_no_digit() -> None:
    shuffled = replace(TWENTY, buckets=dict(reversed(TWENTY.buckets.items())))
    assert _make(shuffled).as_row() == _make(TWENTY).as_row()
