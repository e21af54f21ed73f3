"""Adjusted comparisons: folds by customer, overlap, balance, placebo, and the classical figures."""

from __future__ import annotations

import numpy as np
import pytest

from candor.estimates.adjustment import treatment_effect
from candor.estimates.aipw import aipw, fold_of
from candor.estimates.estimate import Refusal
from candor.estimates.regressions import binary_model, probability, with_constant


def _data(
    seed: int, n: int = 1500, pull: float = 0.8
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    rng = np.random.Generator(np.random.Philox(seed))
    x = rng.normal(size=(n, 2))
    d = rng.binomial(1, 1 / (1 + np.exp(-pull * x[:, 0])))
    y = 1.0 * d + 2 * x[:, 0] - x[:, 1] + rng.normal(size=n)
    return x, d, y, [f"c{i}" for i in range(n)]


def test_routing_by_difficulty_is_taken_out() -> None:
    x, d, y, who = _data(51)
    found = aipw(x, d.tolist(), y.tolist(), who)
    assert found.raw > 1.8
    assert found.found.low < 1 < found.found.high
    assert abs(found.balance[0]) > 0.5
    assert max(map(abs, found.weighted_balance)) < 0.1
    assert found.outside < 0.05
    assert found.target == "everybody"


def test_a_placebo_before_the_treatment_holds_nothing() -> None:
    x, d, y, who = _data(52)
    before = 2 * x[:, 0] + np.random.Generator(np.random.Philox(1)).normal(size=len(d))
    found = aipw(x, d.tolist(), y.tolist(), who, placebo=before.tolist())
    assert found.placebo.low < 0 < found.placebo.high
    hidden = before + 0.5 * d  # something else differs between the arms
    found = aipw(x, d.tolist(), y.tolist(), who, placebo=hidden.tolist())
    assert found.placebo.low > 0.2


def test_without_overlap_there_is_no_answer_unless_the_target_is_named() -> None:
    x, d, y, who = _data(53, pull=4)
    refused = aipw(x, d.tolist(), y.tolist(), who)
    assert refused.found.refusal is Refusal.NO_OVERLAP
    assert refused.outside > 0.1
    trimmed = aipw(x, d.tolist(), y.tolist(), who, trim_to=(0.1, 0.9))
    assert trimmed.target == "propensity 0.1–0.9"
    assert trimmed.found.low < 1 < trimmed.found.high
    assert trimmed.found.n_eff < 1500


def test_customers_not_conversations_are_independent() -> None:
    x, d, y, who = _data(54, n=600)
    once = aipw(x, d.tolist(), y.tolist(), who).found
    four = [np.repeat(a, 4, axis=0) for a in (x, d, y)]
    again = aipw(four[0], four[1].tolist(), four[2].tolist(), np.repeat(who, 4).tolist()).found
    assert again.point == pytest.approx(once.point, abs=1e-6)
    assert again.se == pytest.approx(once.se, rel=1e-6)
    assert (once.k_eff, again.k_eff) == (600, 600)
    assert once.n_eff == pytest.approx(600, rel=0.01)
    assert again.n_eff == pytest.approx(600, rel=0.01)
    split = [i % 5 for i in range(2400)]
    with pytest.raises(ValueError, match="two folds"):
        aipw(four[0], four[1].tolist(), four[2].tolist(), np.repeat(who, 4).tolist(), folds=split)


def test_folds_are_even_and_never_change() -> None:
    sizes = np.bincount([fold_of(f"customer-{i}") for i in range(5000)], minlength=5)
    assert sizes.min() > 900
    assert [fold_of(c) for c in ("a", "b", "c")] == [fold_of(c) for c in ("a", "b", "c")]


def test_too_few_refuse() -> None:
    x, d, y, who = _data(55, n=100)
    few = d * (np.cumsum(d) <= 20)
    assert aipw(x, few.tolist(), y.tolist(), who).found.refusal is Refusal.TOO_FEW
    assert aipw(x, [0] * 100, y.tolist(), who).found.refusal is Refusal.NOTHING_OBSERVED
    one = aipw(x, d.tolist(), y.tolist(), [f"c{i % 10}" for i in range(100)])
    assert one.found.refusal is Refusal.TOO_FEW_CUSTOMERS


def test_logistic_and_probit_reach_the_top_of_their_likelihood() -> None:
    x, d, _, _ = _data(56)
    design = with_constant(x)
    for link in ("logit", "probit"):
        beta = binary_model(design, d.astype(float), link)
        p = probability(design, beta, link)
        assert p.mean() == pytest.approx(d.mean(), abs=2e-3 if link == "probit" else 1e-9)
    separated = binary_model(
        with_constant(np.linspace(-1, 1, 50)[:, None]), np.repeat([0.0, 1], 25)
    )
    assert np.isfinite(separated).all()


@pytest.mark.parametrize("how", ["RA", "IPW", "AIPW"])
def test_classical_adjustments_agree_where_both_models_are_right(how: str) -> None:
    covered, points = 0, []
    for seed in range(60):
        x, d, y, _ = _data(100 + seed, n=600)
        found = treatment_effect(y.tolist(), d.tolist(), x, x, how=how)
        points.append(found.point)
        covered += found.low <= 1 <= found.high
    assert np.mean(points) == pytest.approx(1, abs=0.04)
    assert covered / 60 >= 0.85
    assert found.se == pytest.approx(np.std(points), rel=0.35)
