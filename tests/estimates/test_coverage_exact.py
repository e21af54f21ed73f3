"""Exact coverage of intervals and exact size of tests: every outcome enumerated, none simulated."""

from __future__ import annotations

import math
from dataclasses import replace
from math import comb
from typing import Any

import numpy as np
import pytest
from scipy import stats

from candor.estimates import agreement, labelled, make, rare
from candor.estimates.estimate import Estimate, Refusal
from candor.estimates.proportion import newcombe_diff, wilson
from candor.experiments import ArmSums, compare_arms

from .cells import share_cell


def _binomial(n: int, p: float) -> list[float]:
    return [comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]


@pytest.mark.parametrize("mean", [0.3, 1.0, 3.0, 8.5, 20.0])
def test_poisson_limits_never_cover_less_than_they_say(mean: float) -> None:
    top = int(mean + 12 * math.sqrt(mean) + 12)
    covered = math.fsum(
        stats.poisson.pmf(x, mean)
        for x in range(top)
        if rare.garwood(x)[0] <= mean <= rare.garwood(x)[1]
    )
    assert 0.95 <= covered <= 1


def test_the_ceiling_is_certified_wrongly_in_one_case_of_twenty_at_most() -> None:
    for events in range(4):
        n = rare.ceiling_n(0.01, events)
        assert stats.poisson.cdf(events, n * 0.01) <= 0.05
        assert stats.poisson.cdf(events, (n - 1) * 0.01) > 0.05


def test_newcombe_covers_two_small_samples() -> None:
    n1, n2 = 15, 12
    limits = {
        (a, b): newcombe_diff((a / n1, *wilson(a / n1, n1)), (b / n2, *wilson(b / n2, n2)))
        for a in range(n1 + 1) for b in range(n2 + 1)
    }  # fmt: skip
    found = []
    for p1 in (0.2, 0.5, 0.8, 0.95):
        for p2 in (0.3, 0.6, 0.9):
            m1, m2 = _binomial(n1, p1), _binomial(n2, p2)
            found.append(math.fsum(
                m1[a] * m2[b] for (a, b), (_, low, high) in limits.items() if low <= p1 - p2 <= high
            ))  # fmt: skip
    assert min(found) > 0.92
    assert np.mean(found) == pytest.approx(0.955, abs=0.012)


def test_a_share_in_two_arms_of_forty_covers_its_difference() -> None:
    n = 40
    limits = {}
    for a in range(n + 1):
        for b in range(n + 1):
            found = compare_arms(ArmSums(n, a, a), ArmSums(n, b, b), kind="share").found
            limits[a, b] = (found.low, found.high)
    for p1, p2, least in ((0.5, 0.5, 0.94), (0.3, 0.6, 0.935), (0.8, 0.7, 0.93), (0.9, 0.9, 0.91)):
        m1, m2 = _binomial(n, p1), _binomial(n, p2)
        covered = math.fsum(
            m1[a] * m2[b] for (a, b), (low, high) in limits.items() if low <= p2 - p1 <= high
        )
        assert least <= covered <= 0.985, (p1, p2)


def test_strata_of_a_judge_cover_the_rate_of_the_period() -> None:
    """Two strata of 40 and 20 labels, as delivered: with the rule of eight labels of a class."""
    sizes, labels = (14_000, 6_000), (40, 20)
    limits = {}
    for a in range(labels[0] + 1):
        for b in range(labels[1] + 1):
            truth = [1] * a + [0] * (labels[0] - a) + [1] * b + [0] * (labels[1] - b)
            stratum = [0] * labels[0] + [1] * labels[1]
            pi = [n / N for n, N in zip(labels, sizes, strict=True) for _ in range(n)]
            found = labelled.poststratified_rate(
                list(sizes), labelled.Labels(truth, stratum, pi, range(60)), target="period"
            )
            limits[a, b] = (found.low, found.high)
    coverage = []
    for p1 in (0.75, 0.9, 0.97):
        for p0 in (0.1, 0.3, 0.6):
            m1, m0 = _binomial(labels[0], p1), _binomial(labels[1], p0)
            rate = 0.7 * p1 + 0.3 * p0
            coverage.append(
                math.fsum(
                    m1[a] * m0[b] for (a, b), (low, high) in limits.items() if low <= rate <= high
                )
            )
    assert min(coverage) >= 0.93
    assert np.mean(coverage) <= 0.985


def test_rogan_gladen_covers_with_estimated_error_rates() -> None:
    n, n1, n0, rate, se, sp = 60, 30, 30, 0.5, 0.9, 0.85
    apparent = rate * se + (1 - rate) * (1 - sp)
    masses = _binomial(n, apparent), _binomial(n1, se), _binomial(n0, sp)
    covered = counted = 0.0
    for a in range(n + 1):
        for b in range(15, n1 + 1):
            for c in range(15, n0 + 1):
                mass = masses[0][a] * masses[1][b] * masses[2][c]
                if mass < 1e-8:
                    continue
                low, high = labelled.lang_reiczigel(a / n, n, b / n1, n1, c / n0, n0)
                counted += mass
                covered += mass * (low <= rate <= high)
    assert counted > 0.999
    assert 0.94 <= covered / counted <= 0.98


def test_mcnemar_rejects_a_steady_judge_in_one_case_of_twenty_at_most() -> None:
    for discordant in range(1, 40):
        wrong = math.fsum(
            comb(discordant, b) / 2**discordant
            for b in range(discordant + 1)
            if agreement.mcnemar_exact(b, discordant - b) <= 0.05
        )
        assert wrong <= 0.05
    assert wrong > 0.02


def _rare(cell: Any) -> Estimate:
    return make(cell, estimator="rare", unit="share", evidence="census", snapshot="s", as_of="t")


def test_a_rare_rate_has_poisson_limits_of_its_events() -> None:
    cell = share_cell([1, 1, 1] + [0] * 97, [50] * 100)
    found = _rare(cell)
    assert found.method == "garwood_clustered"
    assert found.point == 3 / 5000
    # Three events in three buckets are three separate events, to a hair.
    assert found.n_eff == pytest.approx(5000, rel=0.03)
    low, high = rare.garwood(3, 5000)
    assert (found.low, found.high) == pytest.approx((low, high), rel=0.03)
    together = _rare(share_cell([3] + [0] * 99, [50] * 100))
    assert together.n_eff == pytest.approx(5000 / 3, rel=0.05)
    assert together.low < found.low < found.high < together.high
    none = _rare(share_cell([0] * 100, [50] * 100))
    assert (none.low, none.high) == (0, pytest.approx(3.6889 / 5000, rel=1e-4))
    assert _rare(share_cell([], [])).refusal is Refusal.NOTHING_OBSERVED
    assert _rare(share_cell([1] * 10, [50] * 10)).refusal is Refusal.TOO_FEW_CUSTOMERS
    assert _rare(replace(cell, unknown={"immature": 4000})).refusal is Refusal.IMMATURE


def test_what_is_no_longer_rare_has_the_limits_of_a_share() -> None:
    frequent = share_cell([5, 15] * 50, [50] * 100)
    found = _rare(frequent)
    plain = make(
        frequent, estimator="proportion", unit="share", evidence="census", snapshot="s", as_of="t"
    )
    assert found.method == plain.method != "garwood_clustered"
    assert (found.point, found.low, found.high) == (plain.point, plain.low, plain.high)


def test_clustered_rare_events_are_covered_where_plain_ones_are_not() -> None:
    """Half of the customers with events have four of them at once."""
    rng = np.random.Generator(np.random.Philox(91))
    runs, units, ours, plain = 2000, [50] * 200, 0, 0
    for _ in range(runs):
        x = (rng.poisson(0.03, 200) + 4 * rng.poisson(0.03, 200)).tolist()
        found = rare.clustered_rate(x, units, customers=400)
        truth = 0.03 * 5 / 50
        ours += found.low <= truth <= found.high
        low, high = rare.garwood(sum(x), sum(units))
        plain += low <= truth <= high
    assert plain / runs < 0.85
    assert ours / runs >= 0.91
