"""A biased judge is put right by labels, whatever it says; without labels there is no rate."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from candor.estimates import Thresholds
from candor.reviewing.rates import Verdict, correct

Shared = Callable[[str], Path]
FEW = Thresholds(min_labels=20)


def verdicts(
    judged: list[int | None], truth: list[int], labelled: set[int], pi: float | None
) -> list[Verdict]:
    """One unit a customer bucket, or several; labels on some."""
    found = [
        Verdict(f"c{n}", False, "judge 1", said, n % 200, None) for n, said in enumerate(judged)
    ]
    found += [Verdict(f"c{n}", True, "ann", truth[n], n % 200, pi) for n in sorted(labelled)]
    return found


def planted(seed: int, units: int = 2_000) -> tuple[list[int | None], list[int]]:
    """46 % solved; the judge passes 95 % of the solved, 85 % of the others, and leaves 3 % open."""
    rng = random.Random(seed)
    truth = [int(rng.random() < 0.46) for _ in range(units)]
    judged: list[int | None] = [
        None if rng.random() < 0.03 else int(rng.random() < (0.95 if solved else 0.85))
        for solved in truth
    ]
    return judged, truth


def test_a_planted_biased_judge_is_corrected_within_its_interval() -> None:
    covered = raw_covered = 0
    runs = 200
    for seed in range(runs):
        judged, truth = planted(seed)
        drawn = set(random.Random(-1 - seed).sample(range(len(truth)), 120))
        found = correct("resolved", verdicts(judged, truth, drawn, 0.06))[0]
        assert found.raw is not None
        assert found.corrected.low is not None
        assert found.corrected.high is not None
        covered += found.corrected.low <= 0.46 <= found.corrected.high
        raw_covered += abs(found.raw - 0.46) < 0.05
        assert (found.units, found.labels, found.assumed) == (2_000, 120, 0)
    assert raw_covered == 0
    assert 0.90 <= covered / runs <= 1.0


def test_without_enough_labels_there_is_no_rate() -> None:
    judged, truth = planted(1)
    nothing = correct("resolved", verdicts(judged, truth, set(), None))[0]
    assert nothing.corrected.refusal == "unlabelled"
    few = correct("resolved", verdicts(judged, truth, set(range(25)), 0.01))[0]
    assert few.corrected.refusal == "too_few_labels"
    assert few.corrected.point is None


def test_labels_without_a_chance_count_within_their_verdict_only() -> None:
    judged, truth = planted(3)
    # People looked mainly at what was flagged: 90 failures said, 30 passes said.
    failed = [n for n, said in enumerate(judged) if said == 0][:90]
    passed = [n for n, said in enumerate(judged) if said == 1][:30]
    left = [n for n, said in enumerate(judged) if said is None][:10]
    found = correct("resolved", verdicts(judged, truth, {*failed, *passed, *left}, None))[0]
    naive = sum(truth[n] for n in (*failed, *passed)) / 120
    assert found.assumed == 130
    assert naive < 0.35
    assert found.corrected.low is not None
    assert found.corrected.high is not None
    assert found.corrected.low <= sum(truth) / len(truth) <= found.corrected.high


def test_two_people_are_the_ceiling() -> None:
    judged, truth = planted(5, 400)
    said = verdicts(judged, truth, set(range(100)), 0.25)
    said += [Verdict(f"c{n}", True, "bob", truth[n] if n % 10 else 1 - truth[n], n % 200, None) for n in range(40)]  # fmt: skip
    found = correct("resolved", said)[0]
    assert found.people is not None
    assert (found.people.pairs, found.people.raw) == (40, 0.9)
    assert found.labels == 100


JUDGES = {
    "quick_triage_v1": 0.92, "customer_outcome_v1": 0.70, "policy_chain_of_thought_v1": 0.74,
    "policy_conversation_v1": 0.58,
}  # fmt: skip
SOLVED = ("compliant", "correct", "pass", "satisfactory", "satisfied")


def recorded(shared: Shared, prompt: str) -> tuple[list[int | None], list[int]]:
    path = shared(f"data/tau2_llm_judges/airline.{prompt}.summary.json.gz")
    with gzip.open(path, "rt", encoding="utf-8") as handle:
        entries = json.load(handle)["entries"]
    said = [int(entry["judge_verdict"].strip().lower() in SOLVED) for entry in entries]
    return list(said), [int(entry["tau2_success"]) for entry in entries]


@pytest.mark.shared
@pytest.mark.parametrize("prompt", sorted(JUDGES))
def test_recorded_judges_are_corrected_by_half_the_labels(shared: Shared, prompt: str) -> None:
    judged, truth = recorded(shared, prompt)
    assert sum(map(int, truth)) == 23
    covered = refused = 0
    runs = 300
    for seed in range(runs):
        drawn = set(random.Random(seed).sample(range(50), 25))
        found = correct("resolved", verdicts(judged, truth, drawn, 0.5), thresholds=FEW)[0]
        assert found.raw == JUDGES[prompt]
        if found.corrected.low is None or found.corrected.high is None:
            # No label fell on one of the judge's verdicts: there is no rate rather than a wrong one.
            assert found.corrected.refusal == "too_few_labels"
            refused += 1
            continue
        covered += found.corrected.low <= 0.46 <= found.corrected.high
    assert refused / runs < 0.1
    assert covered / (runs - refused) >= 0.95
