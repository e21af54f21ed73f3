"""The composite index: goalposts, pillars, caps, missing parts, its band and what moved it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from candor.estimates.composite import (
    Component,
    aggregate,
    composite,
    composite_jackknife,
    position,
)
from candor.estimates.composite_band import explain_change, sensitivity
from candor.estimates.estimate import Caveat, Refusal

PARTS = [
    Component("resolution", 0.4, 0.9, 2, "quality", 0.72, 0.70, 0.74, 900, 80),
    Component("relevance", 0.3, 0.9, 1, "quality", 0.61, 0.58, 0.64, 400, 60),
    Component("wait", 60, 5, 1, "operations", 22, 20, 25, 700, 70),
    Component("violations", 0.01, 0, 1, "safety", 0.002, 0.001, 0.004, 300, 40, 60, True),
]


def test_less_is_better_by_turning_the_goalposts() -> None:
    assert position(22, 60, 5) == pytest.approx(38 / 55)
    assert position(4, 60, 5) == 1
    assert position(90, 60, 5) == 0.01
    assert position(0, 100, 75_000, scale="log") == 0.01
    with pytest.raises(ValueError, match="goalposts"):
        position(1, 2, 2)
    with pytest.raises(ValueError, match="positive"):
        position(1, 0, 2, scale="log")


def test_index_by_hand() -> None:
    found = composite(PARTS, seed="index@1")
    quality = (2 * 0.64 + 0.31 / 0.6) / 3
    expected = 100 * quality ** (3 / 5) * (38 / 55) ** (1 / 5) * 0.8 ** (1 / 5)
    assert found.found.point == pytest.approx(expected, rel=1e-12)
    assert found.pillars["quality"] == pytest.approx(100 * quality)
    assert found.weights["resolution"] == pytest.approx(2 / 5)
    assert (found.found.n_eff, found.found.k_eff) == (300, 40)
    assert found.capped_by == ()
    assert found.found.low < expected < found.found.high


def test_the_band_is_that_of_the_delta_method_and_the_same_every_time() -> None:
    found = composite(PARTS, seed="index@1").found
    gradients = [
        (found.point / (100 * 1)) * part
        for part in (
            100 * 0.6 / ((2 * 0.64 + 0.31 / 0.6) / 3) * (2 / 3) / 0.5 * 0.02,
            100 * 0.6 / ((2 * 0.64 + 0.31 / 0.6) / 3) * (1 / 3) / 0.6 * 0.03,
            100 * 0.2 / (38 / 55) / 55 * 2.5,
            100 * 0.2 / 0.8 / 0.01 * 0.0015,
        )
    ]
    half = math.sqrt(math.fsum(g * g for g in gradients))
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.06)
    assert composite(PARTS, seed="index@1").found == found
    assert composite(PARTS, seed="index@2").found != found


def test_a_missed_guardrail_caps_and_a_missing_one_refuses() -> None:
    missed = [*PARTS[:3], replace(PARTS[3], missed=True)]
    found = composite(missed, seed="s")
    assert found.found.point == 60
    assert found.found.high == 60
    assert found.capped_by == ("violations",)
    near = composite([*PARTS[:3], replace(PARTS[3], missed=True, cap=64)], seed="s").found
    assert near.low < near.point == near.high == 64
    low_anyway = [replace(c, value=c.worst, low=None, high=None) for c in PARTS[:3]]
    assert composite([*low_anyway, missed[3]], seed="s").capped_by == ()
    blind = composite([*PARTS[:3], replace(PARTS[3], value=None)], seed="s")
    assert blind.found.refusal is Refusal.MISSING_COMPONENT
    assert blind.found.point is None
    assert blind.missing == ("violations",)


def test_a_missing_component_leaves_its_pillar_its_weight() -> None:
    gone = composite([PARTS[0], replace(PARTS[1], value=None), *PARTS[2:]], seed="s")
    assert gone.found.caveats == (Caveat.REWEIGHTED_MISSING,)
    expected = 100 * 0.64 ** (3 / 5) * (38 / 55) ** (1 / 5) * 0.8 ** (1 / 5)
    assert gone.found.point == pytest.approx(expected, rel=1e-12)
    assert gone.weights == {
        "resolution": pytest.approx(0.6), "wait": pytest.approx(0.2), "violations": pytest.approx(0.2),
    }  # fmt: skip
    assert composite([], seed="s").found.refusal is Refusal.MISSING_COMPONENT


def test_the_change_is_split_without_a_rest() -> None:
    later = [
        replace(PARTS[0], value=0.78), replace(PARTS[1], value=0.55), PARTS[2],
        replace(PARTS[3], value=0.006, missed=True),
    ]  # fmt: skip
    parts = explain_change(later, PARTS)
    change = composite(later, seed="s").found.point - composite(PARTS, seed="s").found.point
    assert math.fsum(parts.values()) == pytest.approx(change, abs=1e-9)
    assert parts["resolution"] > 0 > parts["relevance"]
    assert parts["wait"] == 0
    assert parts["violations"] < -5
    with pytest.raises(ValueError, match="compared with itself"):
        explain_change([replace(PARTS[0], best=0.95), *PARTS[1:]], PARTS)


def test_other_choices_widen_the_band() -> None:
    own = composite(PARTS, seed="s").found
    found = sensitivity(PARTS, seed="s")
    assert found.low < own.low
    assert own.high < found.high
    assert found.geometric == pytest.approx(own.point)
    assert found.arithmetic == pytest.approx(
        aggregate([0.64, 0.31 / 0.6, 38 / 55, 0.8], [2, 1, 1, 1], how="arithmetic")
    )
    assert found.without["violations"] == pytest.approx(
        100 * ((2 * 0.64 + 0.31 / 0.6) / 3) ** (3 / 4) * (38 / 55) ** (1 / 4)
    )
    assert 0.9 < found.inputs + found.weights + found.aggregation < 1.1
    certain = [replace(c, low=None, high=None) for c in PARTS]
    assert sensitivity(certain, seed="s").inputs == pytest.approx(0, abs=1e-12)


def test_jackknife_and_draws_agree_on_independent_components() -> None:
    rng = np.random.Generator(np.random.Philox(3))
    parts = [Component("a", 0.4, 0.9, 1, "p", 0.0), Component("b", 0.2, 0.9, 1, "q", 0.0)]
    m = rng.integers(8, 12, (150, 2))
    x = rng.binomial(m, [0.7, 0.6])
    sums = [
        [int(v) for pair in zip(xb, mb, strict=True) for v in pair]
        for xb, mb in zip(x, m, strict=True)
    ]
    found = composite_jackknife(parts, sums, k_eff=150.0, scales=(1, 1))
    shares = x.sum(axis=0) / m.sum(axis=0)
    z = [(shares[0] - 0.4) / 0.5, (shares[1] - 0.2) / 0.7]
    assert found.point == pytest.approx(100 * math.sqrt(z[0] * z[1]))
    in_thousandths = [[1000 * row[0], row[1], row[2], row[3]] for row in sums]
    assert composite_jackknife(parts, in_thousandths, k_eff=150.0, scales=(1000, 1)) == found
    se = np.sqrt(shares * (1 - shares) / m.sum(axis=0))
    half = 1.96 * se
    twin = [
        replace(part, value=float(s), low=float(s - h), high=float(s + h))
        for part, s, h in zip(parts, shares, half, strict=True)
    ]
    drawn = composite(twin, seed="s").found
    assert found.high - found.low == pytest.approx(drawn.high - drawn.low, rel=0.15)
