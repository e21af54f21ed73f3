"""Corrections hold what was planted: kind judges, unequal chances, error rates of other days."""

from __future__ import annotations

import random

import pytest

from candor.estimates.judge_corrected import (
    Label,
    Stratum,
    corrected_domain,
    corrected_score,
    corrected_share,
    labels_needed,
)

RUNS = 150


def scored(seed: int) -> tuple[list[tuple[int, int, float]], list[Label]]:
    """1,500 units of 200 customer groups; mean truth 0.5, the judge says 0.7; low verdicts are drawn more often."""
    rng = random.Random(seed)
    units, labels = [], []
    shift = [rng.gauss(0, 0.05) for _ in range(200)]
    for number in range(1_500):
        bucket = number % 200
        truth = min(1.0, max(0.0, 0.5 + shift[bucket] + rng.gauss(0, 0.15)))
        said = min(1.0, max(0.0, 0.7 + 0.6 * (truth - 0.5) + rng.gauss(0, 0.05)))
        units.append((bucket, 1, said))
        pi = 0.2 if said < 0.7 else 0.05
        if rng.random() < pi:
            labels.append(Label(truth, said, "j", bucket, pi))
    return units, labels


def test_a_kind_judge_is_put_right_whatever_the_chances_of_being_drawn() -> None:
    covered, naive = 0, 0
    for seed in range(RUNS):
        found = corrected_score(*scored(seed))
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.5 <= found.high
        labels = scored(seed)[1]
        naive += abs(sum(one.truth for one in labels) / len(labels) - 0.5) < 0.025
    assert 0.90 <= covered / RUNS <= 1.0
    assert naive < RUNS / 4  # labels without their chances would be wrong


def counted(seed: int) -> tuple[dict[Stratum, dict[int, int]], list[Label]]:
    """1,500 units, 35 % of them counted, of which 40 % are true, more in some customer groups.

    The judge counts 80 % of the ones to count and a quarter of the others, of which it calls 90 % true.
    """
    rng = random.Random(seed)
    units: dict[Stratum, dict[int, int]] = {}
    labels = []
    shift = [rng.gauss(0, 0.1) for _ in range(200)]
    for number in range(1_500):
        bucket = number % 200
        is_counted = rng.random() < 0.35
        is_true = rng.random() < (0.4 + shift[bucket] if is_counted else 0.9)
        truth = float(is_true) if is_counted else -1.0
        said = float(is_true) if rng.random() < (0.8 if is_counted else 0.25) else -1.0
        counts = units.setdefault(("j", said), {})
        counts[bucket] = counts.get(bucket, 0) + 1
        pi = 0.1 if said < 0 else 0.25
        if rng.random() < pi:
            labels.append(Label(truth, said, "j", bucket, pi))
    return units, labels


def test_what_the_judge_left_out_counts_in_the_share_of_what_should_be_counted() -> None:
    covered = 0
    for seed in range(RUNS):
        units, labels = counted(seed)
        found = corrected_domain(units, labels)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.4 <= found.high
        said = {verdict: sum(counts.values()) for (_, verdict), counts in units.items()}
        assert said[1.0] / (said[1.0] + said[0.0]) > 0.5  # the judge's own share
    assert 0.90 <= covered / RUNS <= 1.0


def test_a_share_of_what_should_be_counted_needs_labels_of_it() -> None:
    units, labels = counted(1)
    few = [one for one in labels if one.truth >= 0][:29]
    assert corrected_domain(units, []).refusal == "unlabelled"
    assert corrected_domain(units, few).refusal == "too_few_labels"
    seen = [one for one in labels if one.said != -1]
    assert (
        corrected_domain(units, seen * 2).refusal == "too_few_labels"
    )  # the left-out ones unlabelled
    alone = [Label(one.truth, one.said, "j", 1, one.pi) for one in labels]
    assert corrected_domain(units, alone).refusal == "too_few_customers"
    plain = [
        Label(0.0 if one.truth > 0 else one.truth, one.said, "j", one.bucket, 0.2) for one in labels
    ]
    found = corrected_domain(units, plain)
    assert (found.point, found.caveats) == (0.0, ("few_minority_labels",))


def test_a_judge_that_follows_nobody_adds_nothing() -> None:
    rng = random.Random(1)
    labels = [Label(rng.random(), 0.9, "j", n, None) for n in range(60)]
    found = corrected_score([(n, 1, 0.9) for n in range(200)], labels)
    assert found.caveats == ("judge_no_gain",)
    assert str(found.evidence) == "human_sample"
    assert found.point == pytest.approx(sum(one.truth for one in labels) / 60)


def test_few_labels_or_few_customers_give_no_score() -> None:
    units, labels = scored(3)
    assert corrected_score(units, []).refusal == "unlabelled"
    assert corrected_score(units, labels[:29]).refusal == "too_few_labels"
    crowded = [Label(one.truth, one.said, "j", n % 14, 0.1) for n, one in enumerate(labels)]
    assert corrected_score(units, crowded).refusal == "too_few_customers"


def share(seed: int) -> tuple[dict[tuple[str, float | None], dict[int, int]], list[Label]]:
    """2,000 units, 30 % true; the judge finds 95 % and calls 40 % of the others true."""
    rng = random.Random(seed)
    units: dict[tuple[str, float | None], dict[int, int]] = {}
    labels = []
    for number in range(2_000):
        truth = rng.random() < 0.3
        said = float(rng.random() < (0.95 if truth else 0.4))
        counts = units.setdefault(("j", said), {})
        counts[number % 200] = counts.get(number % 200, 0) + 1
        if rng.random() < 0.1:
            labels.append(Label(float(truth), said, "j", number % 200, 0.1))
    return units, labels


def test_error_rates_of_other_days_cover_and_are_named() -> None:
    covered = 0
    for seed in range(RUNS):
        units, _ = share(seed)
        found = corrected_share(units, [], elsewhere=share(-1 - seed)[1], apparent_n=2_000)
        assert found.caveats == ("transported_error_rates",)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.3 <= found.high
    assert 0.90 <= covered / RUNS <= 1.0


def test_labels_of_another_machine_or_without_chances_are_not_transported() -> None:
    units, labels = share(4)
    other = [Label(one.truth, one.said, "k", one.bucket, one.pi) for one in labels]
    assert corrected_share(units, [], elsewhere=other, apparent_n=2_000).refusal == "unlabelled"
    chanceless = [Label(one.truth, one.said, "j", one.bucket, None) for one in labels]
    assert (
        corrected_share(units, [], elsewhere=chanceless, apparent_n=2_000).refusal == "unlabelled"
    )


def test_labels_needed() -> None:
    assert labels_needed(0.5, 10_000) == 385
    assert labels_needed(0.92, 10_000) == 114
    assert labels_needed(1.0, 10_000) == 160  # eight of the rarer kind
    assert labels_needed(0.5, 200) == 200
    assert labels_needed(0.7, 10_000, variance=0.01) == 30
