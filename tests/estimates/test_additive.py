"""Fits near known weights find planted ones, stay where nothing speaks, and never see who they judge."""

from __future__ import annotations

import numpy as np
import pytest

from candor.estimates.additive import cross_fitted, log_odds

RNG = np.random.default_rng(7)


def test_planted_log_odds_are_found_from_elsewhere() -> None:
    x = RNG.normal(size=(4_000, 3))
    truth = np.array([0.5, 1.5, -1.0, 0.0])
    p = 1 / (1 + np.exp(-(truth[0] + x @ truth[1:])))
    y = (RNG.random(4_000) < p).astype(float)
    fit, predict = log_odds([0.0, 0.0, 0.0, 0.0])
    found = fit(x, y, np.ones(4_000), 1.0)
    assert found == pytest.approx(truth, abs=0.12)
    assert predict(x, found).mean() == pytest.approx(y.mean(), abs=0.003)


def test_without_penalty_it_is_the_maximum_of_the_likelihood() -> None:
    # Two groups, 30 of 40 and 10 of 40: log odds are known in closed form.
    x = np.repeat([[0.0], [1.0]], 40, axis=0)
    y = np.concatenate([np.repeat([1.0, 0.0], [30, 10]), np.repeat([1.0, 0.0], [10, 30])])
    fit, _ = log_odds([0.0, 0.0])
    assert fit(x, y, np.ones(80), 1e-9) == pytest.approx([np.log(3), -2 * np.log(3)], abs=1e-5)


def test_a_great_penalty_keeps_the_starting_weights() -> None:
    x = RNG.normal(size=(100, 1))
    y = (x[:, 0] > 0).astype(float)
    fit, _ = log_odds([0.3, -2.0])
    assert fit(x, y, np.ones(100), 1e9) == pytest.approx([0.3, -2.0], abs=1e-3)


def test_weights_count_as_copies() -> None:
    x = RNG.normal(size=(50, 2))
    y = (RNG.random(50) < 0.5).astype(float)
    w = RNG.integers(1, 4, 50).astype(float)
    copies = np.repeat(np.arange(50), w.astype(int))
    fit, _ = log_odds([0.0, 0.0, 0.0])
    one = fit(x, y, w, 1e-6)
    assert fit(x[copies], y[copies], np.ones(len(copies)), 1e-6) == pytest.approx(one, abs=1e-3)


def test_a_memorised_customer_does_not_help() -> None:
    # Each customer has an own indicator that tells the outcome: useless for unseen customers.
    group = np.repeat(np.arange(40), 5)
    x = np.eye(40)[group]
    y = np.repeat(RNG.integers(0, 2, 40), 5).astype(float)
    fitted = cross_fitted(x, y, np.ones(200), group, log_odds([0.0] * 41))
    fit, predict = log_odds([0.0] * 41)
    seen = predict(x, fit(x, y, np.ones(200), 0.01))
    assert np.mean((seen - y) ** 2) < 0.05
    assert np.mean((fitted.predicted - y) ** 2) > 0.2
    assert not np.isnan(fitted.predicted).any()
