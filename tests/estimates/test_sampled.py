"""Shares from a sample with known chances: weights, exact limits, and no zero where nobody looked."""

from __future__ import annotations

import pytest

from candor.estimates.estimate import Refusal
from candor.estimates.from_cell import make
from candor.estimates.rare import ceiling_n, garwood, sampled_share
from candor.measure import BucketSums, MeasureCell

ONE = 1_000_000


def cell(weights: list[tuple[int, bool]]) -> MeasureCell:
    """One customer per checked unit: weight in whole units, and whether it was found true."""
    buckets = {}
    for at, (weight, found) in enumerate(weights):
        w = weight * ONE
        x = w if found else 0
        buckets[at] = BucketSums(1, x, x * x, w, w * w, x * w)
    return MeasureCell(
        "hallucination_rate", "hallucination_rate@1", "all", None, None, {}, len(weights), {}, {},
        buckets, len(weights),
    )  # fmt: skip


def estimate(weights: list[tuple[int, bool]]):
    return make(
        cell(weights), estimator="sampled", unit="share", evidence="human_sample", snapshot="s",
        as_of="2026-05-01T00:00:00Z",
    )  # fmt: skip


def test_equal_chances_give_the_plain_share_with_poisson_limits() -> None:
    found = estimate([(4, at < 2) for at in range(100)])
    assert (found.point, found.observed, found.total) == (0.02, 100, 8)
    low, high = garwood(2, 100)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert (found.method, str(found.evidence)) == ("garwood_sampled", "human_sample")


def test_a_zero_has_an_upper_limit_and_says_what_it_excludes() -> None:
    found = estimate([(1, False)] * 150)
    assert (found.point, found.low) == (0, 0)
    assert found.high == pytest.approx(3.688879 / 150, rel=1e-6)
    assert ceiling_n(0.01) == 300


def test_oversampled_suspects_count_for_less() -> None:
    """Half of the suspected hundred were checked, and one in nine of the other nine hundred."""
    weights = [(2, at < 10) for at in range(50)] + [(9, False)] * 100
    found = estimate(weights)
    assert found.point == pytest.approx(20 / 1000)
    # Kish: the sample is worth (Σw)² / Σw² equal units.
    kish = 1000**2 / (50 * 4 + 100 * 81)
    assert found.n_eff is not None
    assert found.n_eff <= kish
    plain = estimate([(1, at < 10) for at in range(150)])
    assert plain.point == pytest.approx(10 / 150)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.02 < found.high < plain.high


def test_frequent_events_get_the_exact_limits_of_a_share() -> None:
    found = estimate([(1, at % 2 == 0) for at in range(100)])
    assert (found.point, found.method) == (0.5, "clopper_pearson_sampled")
    assert found.low == pytest.approx(0.3983, abs=2e-3)
    assert found.high == pytest.approx(0.6017, abs=2e-3)


def test_the_boundary_between_rare_and_frequent() -> None:
    at_limit = sampled_share(10, 100, 100, n_clustered=None)
    above = sampled_share(11, 100, 100, n_clustered=None)
    assert (at_limit.method, above.method) == ("garwood_sampled", "clopper_pearson_sampled")


def test_customers_who_repeat_widen_it() -> None:
    alone = sampled_share(5, 100, 100, n_clustered=100.0)
    shared = sampled_share(5, 100, 100, n_clustered=25.0)
    assert alone.high is not None
    assert shared.high is not None
    assert (alone.n_eff, shared.n_eff) == (100, 25)
    assert shared.high > alone.high


def test_few_checked_units_are_refused() -> None:
    assert estimate([(1, False)] * 29).refusal is Refusal.TOO_FEW
    assert estimate([]).refusal is Refusal.NOTHING_OBSERVED


def test_a_count_of_nothing_watched_is_no_zero() -> None:
    empty = make(
        cell([]), estimator="count", unit="count", evidence="census", snapshot="s", as_of="x"
    )
    assert (empty.refusal, empty.point) == (Refusal.NOTHING_OBSERVED, None)
    watched = make(
        cell([(1, False)]),
        estimator="count",
        unit="count",
        evidence="census",
        snapshot="s",
        as_of="x",
    )
    assert (watched.refusal, watched.point) == (None, 0)
