"""Change points found afterwards, and a release held against the one before it."""

from __future__ import annotations

import numpy as np
import pytest

from candor.estimates.change_points import change_points, noise
from candor.estimates.compare import Drift, drift
from candor.estimates.drift_index import DriftIndex, drift_index
from candor.estimates.estimate import Caveat, Refusal
from candor.estimates.releases import release_change


def test_two_levels_are_found_where_they_change() -> None:
    rng = np.random.Generator(np.random.Philox(21))
    x = rng.normal(0, 1, 90) + np.repeat([0.0, 5.0, -1.0], 30)
    assert change_points(x.tolist()) == (30, 60)
    assert change_points((x * 1e-3 + 7).tolist()) == (30, 60)  # unit and origin do not matter
    assert change_points(x[:19].tolist()) is Refusal.TOO_FEW


def test_a_quiet_series_has_no_change_point() -> None:
    rng = np.random.Generator(np.random.Philox(22))
    found = [change_points(rng.normal(0, 1, 60).tolist()) for _ in range(200)]
    assert sum(bool(f) for f in found) / 200 <= 0.25
    assert change_points([3.0] * 40) == ()


def test_noise_is_not_fooled_by_a_jump() -> None:
    rng = np.random.Generator(np.random.Philox(23))
    x = rng.normal(0, 2, 400)
    x[200:] += 100
    assert noise(x.tolist()) == pytest.approx(2, rel=0.15)
    assert noise([0.0] * 15 + [1.0] * 15) == pytest.approx(1 / 29 / 1.128)


def test_no_level_is_shorter_than_a_week() -> None:
    rng = np.random.Generator(np.random.Philox(24))
    x = rng.normal(0, 1, 60)
    x[30:34] += 12
    found = change_points(x.tolist())
    assert isinstance(found, tuple)
    assert all(b - a >= 7 for a, b in zip((0, *found), (*found, 60), strict=True))


def _days(rates: list[float], seed: int, k: int = 120, n: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.Generator(np.random.Philox(seed))
    den = np.full((k, len(rates)), n)
    return rng.binomial(den, rates), den


def test_a_trend_that_was_there_before_explains_the_change() -> None:
    days = list(range(40))
    rising = [0.40 + 0.005 * d for d in days]
    num, den = _days(rising, 31)
    old = np.array([d < 28 for d in days])
    found = release_change(
        (num * old, den * old), (num * ~old, den * ~old), days=days, customers=(120, 120)
    )
    assert found.change.low > 0.05
    assert found.slope.point == pytest.approx(0.005, abs=0.001)
    assert found.beyond_trend.low < 0 < found.beyond_trend.high
    assert found.change.caveats == (Caveat.COINCIDENT_WITH_RELEASE,)
    assert found.overlapping_days == 0


def test_a_step_at_the_release_remains_beyond_the_trend() -> None:
    days = list(range(40))
    num, den = _days([0.5] * 28 + [0.4] * 12, 32)
    old = np.array([d < 28 for d in days])
    found = release_change(
        (num * old, den * old), (num * ~old, den * ~old), days=days, customers=(120, 120)
    )
    assert found.beyond_trend.high < 0
    assert found.beyond_trend.point == pytest.approx(-0.1, abs=0.03)
    assert found.slope.low < 0 < found.slope.high


def test_a_young_release_has_no_trend_to_compare_with() -> None:
    num, den = _days([0.5] * 10, 33)
    old = np.array([d < 5 for d in range(10)])
    found = release_change(
        (num * old, den * old), (num * ~old, den * ~old), days=list(range(10)), customers=(120, 120)
    )
    assert found.change.refusal is None
    assert found.slope.refusal is Refusal.BASELINE_SHORT
    assert found.beyond_trend.refusal is Refusal.BASELINE_SHORT
    nobody = release_change(
        (num * old, den * old), (num * 0, den * 0), days=list(range(10)), customers=(120, 0)
    )
    assert nobody.change.refusal is Refusal.NOTHING_OBSERVED


def test_the_drift_index_names_what_drifted_and_adjusts_for_looking_at_all() -> None:
    still = drift([500, 300, 200], [5000, 3000, 2000])
    moved = drift([400, 300, 300], [5000, 3000, 2000])
    little = drift([470, 320, 210], [5000, 3000, 2000])
    assert isinstance(moved, Drift)
    assert isinstance(little, Drift)
    thin = drift([1, 2], [3, 900])
    found = drift_index({"intents": moved, "inputs": still, "errors": little, "verdicts": thin})
    assert isinstance(found, DriftIndex)
    assert (found.driver, found.drifted) == ("intents", ("intents",))
    assert found.index == moved.jensen_shannon
    assert found.adjusted["intents"] == pytest.approx(3 * moved.p)
    assert found.refused == {"verdicts": Refusal.TOO_FEW}
    calm = drift_index({"inputs": still, "errors": little})
    assert isinstance(calm, DriftIndex)
    assert (calm.index, calm.driver, calm.drifted) == (0, None, ())
    assert drift_index({"verdicts": thin}) is Refusal.TOO_FEW
    assert drift_index({}) is Refusal.NOTHING_OBSERVED
