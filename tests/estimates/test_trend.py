"""The weighted slope: against the closed form by hand, and its coverage when months scatter."""

from __future__ import annotations

import numpy as np
import pytest

from candor.estimates import Refusal
from candor.estimates.trend import weighted_slope


def test_by_hand() -> None:
    # times 0, 1, 2 with weights 1, 4, 1: mean time 1, spread 2; slope (0.3 - 0.1) / 2.
    found = weighted_slope([0, 1, 2], [0.1, 0.2, 0.3], [1.0, 0.5, 1.0])
    assert found.point == pytest.approx(0.1)
    assert found.se == pytest.approx(np.sqrt(1 / 2))
    assert found.high == pytest.approx(0.1 + 12.7062047 * np.sqrt(0.5))


def test_scatter_beyond_the_errors_widens_and_never_narrows() -> None:
    calm = weighted_slope([0, 1, 2, 3], [0.5, 0.5, 0.5, 0.5], [0.01] * 4)
    wild = weighted_slope([0, 1, 2, 3], [0.5, 0.6, 0.4, 0.5], [0.01] * 4)
    assert calm.se == pytest.approx(0.01 / np.sqrt(5))
    # residuals about the fitted slope -0.02: 0.8 of 1e-2 squared over two degrees of freedom
    residual = sum(r * r for r in (-0.03, 0.09, -0.09, 0.03)) / 0.01**2
    assert wild.point == pytest.approx(-0.02)
    assert wild.se == pytest.approx(np.sqrt(residual / 2 / (5 / 0.01**2)))


def test_too_few_and_impossible() -> None:
    assert weighted_slope([0, 1], [0.1, 0.2], [0.1, 0.1]).refusal is Refusal.BASELINE_SHORT
    with pytest.raises(ValueError, match="positive"):
        weighted_slope([0, 1, 2], [0.1, 0.2, 0.3], [0.1, 0.0, 0.1])


def test_coverage_of_the_true_slope() -> None:
    rng = np.random.default_rng(20260501)
    times, errors = np.arange(6.0), np.full(6, 0.02)
    hits = 0
    for _ in range(800):
        y = 0.5 + 0.01 * times + rng.normal(0, 0.02, 6) + rng.normal(0, 0.02, 6)
        found = weighted_slope(times.tolist(), y.tolist(), errors.tolist())
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 0.01 <= found.high
    assert 0.93 <= hits / 800 <= 0.99
