"""What plain dashboards get wrong, simulated: the naive figure fails, candor's holds (F01–F07).

Seeds, generators and the numbers asserted are those of the reference simulations.
"""

from __future__ import annotations

import numpy as np
import pytest

from candor.estimates import compare, control, labelled
from candor.estimates import time_to_event as tte
from candor.estimates.bounds import worst_case_bounds
from candor.estimates.estimate import Caveat
from candor.estimates.proportion import wilson
from candor.estimates.ratio import linearise, share_from
from candor.estimates.weighting import poststratify
from candor.experiments import ArmSums, always_valid, compare_arms

Tables = tuple[np.ndarray, np.ndarray]


def judged(rng: np.random.Generator, rate: float, se: float, sp: float, N: int, n: int) -> Tables:
    """Counts (y1f1, y0f1, y1f0, y0f0) of a population and of a simple random sample of it."""
    p = [rate * se, (1 - rate) * (1 - sp), rate * (1 - se), (1 - rate) * sp]
    population = rng.multinomial(N, p)
    return population, rng.multivariate_hypergeometric(population, n)


def labels_of(sample: np.ndarray, N: int) -> labelled.Labels:
    """The sample as labels; stratum 0 is what the judge flagged."""
    y1f1, y0f1, y1f0, y0f0 = sample.tolist()
    truth = [1] * y1f1 + [0] * y0f1 + [1] * y1f0 + [0] * y0f0
    n = len(truth)
    return labelled.Labels(truth, [0] * (y1f1 + y0f1) + [1] * (y1f0 + y0f0), [n / N] * n, range(n))


def test_f01_the_rate_of_a_judge_is_not_the_truth() -> None:
    rng = np.random.default_rng(1301)
    runs, N, n, truth = 4000, 20_000, 300, 0.80
    naive = ours = 0
    widths, human = [], []
    for _ in range(runs):
        population, sample = judged(rng, truth, 0.92, 0.80, N, n)
        flagged = int(population[0] + population[1])
        low, high = wilson(flagged / N, N)
        naive += low <= truth <= high
        found = labelled.poststratified_rate(
            [flagged, N - flagged], labels_of(sample, N), target="period"
        )
        ours += found.low <= truth <= found.high
        widths.append(found.high - found.low)
        low, high = wilson(int(sample[0] + sample[2]) / n, n)
        human.append(high - low)
    assert naive / runs <= 0.01
    assert 0.93 <= ours / runs <= 0.98
    assert np.mean(widths) < 0.80 * np.mean(human)


def test_f02_conversations_are_not_independent() -> None:
    rng = np.random.default_rng(1302)
    runs, truth = 1000, 1.2 / 1.7
    naive = ours = 0
    for _ in range(runs):
        sizes = 1 + rng.negative_binomial(0.4, 0.06, 3000)
        solved = rng.binomial(sizes, rng.beta(1.2, 0.5, 3000))
        bucket = rng.integers(0, 200, 3000)
        m = np.bincount(bucket, sizes, 200).astype(int).tolist()
        x = np.bincount(bucket, solved, 200).astype(int).tolist()
        low, high = wilson(sum(x) / sum(m), sum(m))
        naive += low <= truth <= high
        found = share_from(linearise(x, m), customers=3000, level=0.95)
        ours += found.low <= truth <= found.high
    assert naive / runs <= 0.60
    assert 0.93 <= ours / runs <= 0.98


def test_f03_a_plain_p_chart_at_volume_flags_nearly_everything() -> None:
    rng = np.random.default_rng(1303)
    plain, laney, sigma = [], [], []
    for _ in range(1000):
        n = [280_000] * 20
        x = rng.binomial(n, np.clip(rng.normal(0.953, 0.0045, 20), 0, 1)).tolist()
        narrow, wide = control.p_chart(x, n), control.laney_p(x, n)
        assert isinstance(narrow, control.Chart)
        assert isinstance(wide, control.Chart)
        plain.append(sum(narrow.flags))
        laney.append(sum(wide.flags))
        sigma.append(wide.sigma_z)
    assert np.mean(plain) >= 13
    assert np.mean(laney) <= 0.5
    assert np.mean(sigma) == pytest.approx(11.4, abs=0.5)


def test_f04_recent_reopens_read_too_low() -> None:
    rng = np.random.default_rng(1304)
    runs, n = 200, 20_000
    figures = []
    for _ in range(runs):
        age = rng.uniform(0, 28, n)
        delay = np.where(rng.random(n) < 0.12, 7 * rng.beta(1, 2.5, n), np.inf)
        seen = delay <= age
        recent, mature = age < 7, age >= 7
        # A unit is at risk on every delay day it was watched in full, or returned in.
        day = np.minimum(np.where(seen, delay, age), 7)
        events = [int((seen & (delay >= d) & (delay < d + 1)).sum()) for d in range(7)]
        at_risk = [
            int(((day >= d + 1) | (seen & (delay >= d) & (delay < d + 1))).sum()) for d in range(7)
        ]
        curve = tte.km(events, at_risk).survival
        now = tte.nowcast(
            seen[recent].astype(int).tolist(), age[recent].tolist(), [1.0, *curve], window=7
        )
        assert now.caveats == (Caveat.NOWCAST,)
        figures.append((seen[recent].mean(), seen[mature].mean(), 1 - curve[-1], now.point))
    naive, on_mature, on_all, nowcast = np.mean(figures, axis=0)
    assert naive <= 0.095
    assert on_mature == pytest.approx(0.12, abs=0.004)
    assert on_all == pytest.approx(0.12, abs=0.004)
    assert nowcast == pytest.approx(0.12, abs=0.004)


def test_f05_raw_satisfaction_flatters_and_weighting_cures_only_what_is_seen() -> None:
    rng = np.random.default_rng(1305)
    runs, n = 200, 20_000
    bias: dict[str, list[float]] = {key: [] for key in ("raw_mar", "mar", "raw_mnar", "mnar")}
    for _ in range(runs):
        for kind, pull in (("mar", 0.0), ("mnar", 0.5)):
            resolved, chat = rng.random(n) < 0.7, rng.random(n) < 0.4
            content = rng.random(n) < 0.25 + 0.5 * resolved + 0.1 * chat
            logit = -2.6 + 1.1 * resolved + 0.5 * chat + pull * (2 * content - 1.0)
            answered = rng.random(n) < 1 / (1 + np.exp(-logit))
            cell, bucket = 2 * resolved + chat, rng.integers(0, 200, n)
            place = bucket * 4 + cell
            counts = np.bincount(place[answered], minlength=800).reshape(200, 4)
            sums = np.bincount(place[answered], content[answered], 800).reshape(200, 4)
            found = poststratify(
                counts.tolist(), sums.tolist(), np.bincount(cell, minlength=4).tolist(),
                customers=int(answered.sum()), is_share=True,
            )  # fmt: skip
            assert found.caveats == (Caveat.ADJUSTED_OBSERVED_ONLY,)
            truth, raw = float(content.mean()), float(content[answered].mean())
            low, high = worst_case_bounds(float(answered.mean()), raw)
            assert low <= truth <= high
            bias[kind].append(found.point - truth)
            bias[f"raw_{kind}"].append(raw - truth)
    assert np.mean(bias["raw_mar"]) >= 0.07
    assert abs(np.mean(bias["mar"])) <= 0.01
    assert np.mean(bias["mnar"]) >= 0.10
    assert np.mean(bias["raw_mnar"]) > np.mean(bias["mnar"])


def test_f06_looking_every_day_finds_wins_that_are_none() -> None:
    rng = np.random.default_rng(1306)
    runs, a_day, days = 2000, 400, 28
    naive = ours = 0
    ratios = []
    for _ in range(runs):
        wins = rng.binomial(a_day, 0.75, (2, days)).cumsum(axis=1)
        peeked = sequence = False
        for day in range(1, days + 1):
            n = a_day * day
            c, t = int(wins[0, day - 1]), int(wins[1, day - 1])
            fixed = compare_arms(ArmSums(n, c, c), ArmSums(n, t, t), kind="share")
            peeked |= fixed.p < 0.05
            found = always_valid(fixed.found.point, fixed.found.se, 2 * n, 2 * a_day * days).found
            sequence |= not found.low <= 0 <= found.high
        naive += peeked
        ours += sequence
        ratios.append((found.high - found.low) / (fixed.found.high - fixed.found.low))
    assert naive / runs >= 0.20
    assert ours / runs <= 0.05
    assert np.mean(ratios) == pytest.approx(1.55, abs=0.05)


def test_f07_a_fixed_threshold_of_drift_is_wrong_at_every_size() -> None:
    rng = np.random.default_rng(1307)
    runs, flat = 4000, np.full(10, 0.1)
    drifted = np.array([0.085, 0.09, 0.095, 0.1, 0.1, 0.1, 0.1, 0.105, 0.11, 0.115])
    fixed: dict[str, float] = {}
    ours: dict[str, float] = {}
    for name, n, now in (
        ("small", 100, flat), ("large", 20_000, flat), ("drifted", 20_000, drifted),
    ):  # fmt: skip
        threshold = compare.psi_threshold(10, n, n)
        index = [
            compare.stability_index(a, b)
            for a, b in zip(
                rng.multinomial(n, now, runs).tolist(), rng.multinomial(n, flat, runs).tolist(),
                strict=True,
            )
        ]  # fmt: skip
        fixed[name] = float(np.mean(np.array(index) > 0.1))
        ours[name] = float(np.mean(np.array(index) > threshold))
    assert fixed["small"] >= 0.75
    assert fixed["drifted"] <= 0.01
    assert ours["small"] <= 0.09
    assert ours["large"] <= 0.09
    assert ours["drifted"] >= 0.99
