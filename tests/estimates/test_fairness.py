"""Groups: spread beyond chance, pairwise gaps with Holm, equal mix, equivalence, suppression."""

from __future__ import annotations

import math
from dataclasses import replace
from math import comb

import numpy as np
import pytest
from scipy import stats

from candor.estimates.between_groups import BetweenGroups, between_group, heterogeneity
from candor.estimates.equivalence import Equivalence, detectable_gap, tost
from candor.estimates.estimate import Reckoning, Refusal, Thresholds
from candor.estimates.fairness import Group, p_value, pairwise_gaps, standardised_gap
from candor.estimates.multiplicity import (
    benjamini_hochberg,
    benjamini_hochberg_adjusted,
    holm,
    holm_adjusted,
)
from candor.estimates.suppression import suppress, suppress_table


def test_equal_groups_have_no_spread() -> None:
    found = between_group([0.7, 0.7, 0.7], [0.02, 0.03, 0.01])
    assert isinstance(found, BetweenGroups)
    assert (found.tau, found.low, found.q, found.p) == (0, 0, 0, 1)
    assert found.shrunken == pytest.approx((0.7, 0.7, 0.7))
    assert between_group([0.7, 0.8], [0.1, 0.1]) is Refusal.TOO_FEW
    with pytest.raises(ValueError, match="positive"):
        between_group([0.7, 0.8, 0.9], [0.1, 0.1, 0.0])


def test_spread_of_equally_precise_groups_is_that_of_the_variance() -> None:
    figures, se = [0.60, 0.70, 0.80, 0.62], 0.03
    found = between_group(figures, [se] * 4)
    assert isinstance(found, BetweenGroups)
    sample = float(np.var(figures, ddof=1))
    assert found.tau == pytest.approx(math.sqrt(sample - se * se), rel=1e-9)
    squares = 3 * sample
    for limit, chance in ((found.low, 0.975), (found.high, 0.025)):
        wanted = squares / stats.chi2.ppf(chance, 3) - se * se
        assert limit == pytest.approx(math.sqrt(max(0, wanted)), rel=1e-6)
    pull = se * se / (se * se + found.tau**2)
    assert found.shrunken[2] == pytest.approx(pull * 0.68 + (1 - pull) * 0.80)
    laird = between_group(figures, [se] * 4, estimator="DL")
    assert isinstance(laird, BetweenGroups)
    assert laird.tau == pytest.approx(found.tau, rel=1e-9)  # equal weights: both agree


def _group(rate: float, n: int, rng: np.random.Generator, k: int = 100) -> Group:
    m = np.full(k, n // k)
    x = rng.binomial(m, rate)
    return Group(x.tolist(), m.tolist(), int(m.sum()), k)


def test_pairwise_gaps_are_adjusted_over_the_groups_that_can_be_judged() -> None:
    rng = np.random.Generator(np.random.Philox(11))
    groups = {
        "en": _group(0.80, 4000, rng),
        "de": _group(0.80, 4000, rng),
        "fr": _group(0.70, 4000, rng),
        "mt": Group([1] * 5, [2] * 5, 10, 5),
    }
    found = pairwise_gaps(groups, "en")
    assert set(found) == {"de", "fr", "mt"}
    assert found["fr"].is_found
    assert found["fr"].found.high < 0
    assert not found["de"].is_found
    assert found["de"].adjusted == max(found["de"].p, 2 * found["fr"].p)
    assert found["fr"].adjusted == pytest.approx(2 * found["fr"].p)
    assert found["mt"].found.refusal is Refusal.TOO_FEW
    assert (found["mt"].p, found["mt"].adjusted, found["mt"].detectable) == (None, None, None)
    se = math.sqrt(0.8 * 0.2 / 4000 + 0.7 * 0.3 / 4000)
    assert found["fr"].detectable == pytest.approx(2.8016 * se, rel=0.12)
    with pytest.raises(KeyError):
        pairwise_gaps(groups, "es")


def test_p_value_is_that_of_the_interval() -> None:
    rng = np.random.Generator(np.random.Philox(12))
    gap = pairwise_gaps({"a": _group(0.8, 2000, rng), "b": _group(0.77, 2000, rng)}, "a")["b"].found
    assert p_value(gap, gap.low) == pytest.approx(0.05, abs=1e-9)
    assert p_value(gap, gap.point) == 1
    certain = replace(gap, se=0.0)
    assert (p_value(certain, gap.point), p_value(certain)) == (1.0, 0.0)
    assert p_value(Reckoning.refused("x", Refusal.TOO_FEW)) is None


def test_a_gap_made_by_the_mix_disappears_at_equal_mix() -> None:
    rng = np.random.Generator(np.random.Philox(13))
    k = 120
    den = np.zeros((k, 3, 2), dtype=np.int64)
    den[:, :, 0] = [12, 4, 0]  # the reference asks easy questions
    den[:, :, 1] = [4, 12, 0]
    den[:5, 2, 1] = 1  # an intent of one group only
    rate = np.array([[0.9, 0.9], [0.5, 0.5], [0.5, 0.5]])
    num = rng.binomial(den, rate)
    found = standardised_gap(num, den, customers=(k, k))
    assert found.raw == pytest.approx(-0.2, abs=0.03)
    assert found.found.low < 0 < found.found.high
    assert abs(found.found.point) < 0.03
    assert found.covered == pytest.approx(3840 / 3845)
    totals, units = num.sum(axis=0), den.sum(axis=0)
    by_hand = [
        sum(totals[c, g] / units[c, g] * units[c].sum() for c in (0, 1)) / units[:2].sum()
        for g in (0, 1)
    ]
    assert (found.reference, found.group) == pytest.approx(tuple(by_hand))
    ratio = standardised_gap(num, den, customers=(k, k), contrast="ratio")
    assert ratio.found.point == pytest.approx(by_hand[1] / by_hand[0])
    assert ratio.found.low < 1 < ratio.found.high


def test_groups_without_common_cells_are_not_compared() -> None:
    den = np.zeros((50, 2, 2), dtype=np.int64)
    den[:, 0, 0] = den[:, 1, 1] = 5
    found = standardised_gap(den // 2, den, customers=(50, 50))
    assert found.found.refusal is Refusal.NO_OVERLAP
    assert found.group is None
    few = standardised_gap(den[:8] // 2, den[:8], customers=(8, 8))
    assert few.found.refusal is Refusal.TOO_FEW_CUSTOMERS


def test_the_interval_at_equal_mix_is_that_of_independent_cells() -> None:
    rng = np.random.Generator(np.random.Philox(14))
    k = 200
    den = np.zeros((k, 2, 2), dtype=np.int64)
    den[:100, :, 0] = [6, 3]  # each customer bucket belongs to one group
    den[100:, :, 1] = [2, 5]
    rate = np.array([[0.8, 0.7], [0.5, 0.6]])
    num = rng.binomial(den, rate)
    for mix, weights in (("pooled", [800, 800]), ("group", [200, 500])):
        found = standardised_gap(num, den, customers=(100, 100), mix=mix).found
        w = np.array(weights) / sum(weights)
        p = num.sum(axis=0) / den.sum(axis=0)
        assert found.point == pytest.approx(float((w * (p[:, 1] - p[:, 0])).sum()))
        variance = (w[:, None] ** 2 * p * (1 - p) / den.sum(axis=0)).sum()
        assert found.se == pytest.approx(math.sqrt(variance), rel=0.15)
        half = stats.t.ppf(0.975, found.k_eff - 1) * found.se
        assert found.high - found.point == pytest.approx(half)
        ratio = standardised_gap(num, den, customers=(100, 100), mix=mix, contrast="ratio").found
        rates = [float((w * p[:, side]).sum()) for side in (0, 1)]
        relative = math.sqrt(sum(
            float((w**2 * p[:, s] * (1 - p[:, s]) / den.sum(axis=0)[:, s]).sum()) / rates[s] ** 2
            for s in (0, 1)
        ))  # fmt: skip
        assert math.log(ratio.high / ratio.point) == pytest.approx(1.97 * relative, rel=0.15)


def test_one_customer_alone_is_no_overlap() -> None:
    den = np.zeros((60, 3, 2), dtype=np.int64)
    den[:30, 0, 0] = den[30:, 1, 1] = 3
    den[0, 2] = 90  # the only questions both groups ask come from one bucket
    den[1, 2] = 0
    found = standardised_gap(den // 3, den, customers=(40, 40), min_covered=0.3)
    assert found.found.refusal in (Refusal.NO_OVERLAP, Refusal.TOO_FEW_CUSTOMERS)
    spread = standardised_gap(
        den // 3, den, customers=(40, 40), min_covered=0.3,
        thresholds=Thresholds(min_k_eff=1.0),
    )  # fmt: skip
    assert spread.found.refusal is Refusal.NO_OVERLAP


def test_small_cells_share_one_rest() -> None:
    den = np.zeros((40, 4, 2), dtype=np.int64)
    den[:, 0] = 5
    den[:6, 1:] = 1  # three intents of six units each
    num = den // 2
    num[:6, 1] = 1
    found = standardised_gap(num, den, customers=(40, 40))
    assert found.covered == 1
    assert found.reference == pytest.approx((2 / 5 * 400 + 6 / 18 * 36) / 436)


def test_equivalence_has_three_outcomes() -> None:
    same = tost(0.001, 0.005, 60, 0.03)
    assert isinstance(same, Equivalence)
    assert same.outcome == "equivalent"
    assert same.p == pytest.approx(stats.t.sf((0.03 - 0.001) / 0.005, 60))
    half = stats.t.ppf(0.95, 60) * 0.005
    assert (same.low, same.high) == pytest.approx((0.001 - half, 0.001 + half))
    differs = tost(0.05, 0.01, 60, 0.03)
    assert isinstance(differs, Equivalence)
    assert differs.outcome == "different"
    unclear = tost(0.02, 0.02, 60, 0.03)
    assert isinstance(unclear, Equivalence)
    assert unclear.outcome == "not_shown"
    assert tost(0.0, 0.1, 1.0, 0.03) is Refusal.TOO_FEW_CUSTOMERS
    assert detectable_gap(0.01, 0.0) == pytest.approx(0.0280159, abs=1e-6)


def test_equivalence_is_wrong_at_most_as_often_as_it_says() -> None:
    """At the margin itself `equivalent` is wrong; over the normal law its chance is at most 5 %."""
    se, margin, wrong = 0.01, 0.02, 0.0
    for z in np.linspace(-8, 8, 16_001):
        found = tost(margin + z * se, se, 1e9, margin)
        assert isinstance(found, Equivalence)
        wrong += stats.norm.pdf(z) * 0.001 * (found.outcome == "equivalent")
    assert 0.035 < wrong <= 0.0501


def test_adjusted_p_values_reject_what_the_step_rules_reject() -> None:
    p = [0.0001, 0.0201, 0.0004, 0.0019, 0.0095, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 1.0]
    for level in (0.01, 0.05, 0.2):
        assert tuple(a <= level for a in holm_adjusted(p)) == holm(p, level=level)
        assert tuple(a <= level for a in benjamini_hochberg_adjusted(p)) == (
            benjamini_hochberg(p, level=level)
        )
    assert holm_adjusted([0.01, 0.04]) == pytest.approx((0.02, 0.04))
    assert holm_adjusted([]) == ()


def test_one_small_cell_takes_another_with_it() -> None:
    assert suppress({"en": 400, "de": 90, "mt": 6}) == ("de", "mt")
    assert suppress({"en": 400, "de": 90, "fr": 11}) == ()
    assert suppress({"en": 400, "de": 90, "mt": 6, "ga": 7}) == ("mt", "ga")
    # Two hidden cells of 4 people together would still be singled out as a group of 4.
    assert suppress({"en": 400, "de": 90, "mt": 2, "ga": 2}) == ("de", "mt", "ga")
    assert suppress({"mt": 3}) == ("mt",)
    assert suppress({"en": 30, "xx": 0, "mt": 5}) == ("en", "mt")


def test_no_hidden_cell_of_a_table_can_be_reckoned_from_its_totals() -> None:
    people = {
        ("chat", "en"): 300, ("chat", "de"): 80, ("chat", "mt"): 5,
        ("mail", "en"): 200, ("mail", "de"): 60, ("mail", "mt"): 40,
        ("call", "en"): 100, ("call", "de"): 50, ("call", "mt"): 30,
    }  # fmt: skip
    hidden = suppress_table(people)
    assert ("chat", "mt") in hidden
    for axis in (0, 1):
        for name in {key[axis] for key in people}:
            inside = [key for key in hidden if key[axis] == name]
            assert len(inside) != 1
            assert not inside or sum(people[key] for key in inside) >= 11
    assert len(hidden) == 4
    assert suppress_table({key: n + 20 for key, n in people.items()}) == frozenset()


def test_between_group_test_keeps_its_level_exactly() -> None:
    """Three binomial groups of 20 with one rate, every outcome enumerated."""
    n, p, rejected = 20, 0.5, 0.0
    mass = [comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    errors = [math.sqrt((k + 0.5) / (n + 1) * (1 - (k + 0.5) / (n + 1)) / n) for k in range(n + 1)]
    for a in range(n + 1):
        for b in range(n + 1):
            for c in range(n + 1):
                weight = mass[a] * mass[b] * mass[c]
                if weight < 1e-7:
                    continue
                picked = (a, b, c)
                _, chance = heterogeneity([k / n for k in picked], [errors[k] for k in picked])
                rejected += weight * (chance < 0.05)
    assert 0.03 <= rejected <= 0.07
