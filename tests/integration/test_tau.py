"""Public recordings with a graded end, read and measured as a user would: τ-bench and τ²-bench.

The expected figures were counted from the recordings themselves. Their customers are simulated and
their tasks hard; what they show is how far "contained" stands from "solved".
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from math import comb
from pathlib import Path
from typing import Any

import pytest

from candor import pipeline
from candor.answers.snapshot import Answers
from candor.estimates.estimate import Estimate, Refusal
from candor.workspace import Workspace

from .conftest import take

TAU2 = """\
[workspace]
name = "Bench"
[sources.tau2_bench]
connector = "tau2_bench"
[sources.tau2_bench.settings]
zone = "UTC"
"""
DURATIONS = {
    "direct_human_resolution_time",
    "escalation_delay",
    "handle_time",
    "handoff_wait_time",
    "post_handoff_resolution_time",
    "self_service_completion_time",
    "time_to_first_response_ai",
    "time_to_first_response_human",
    "time_to_resolution",
}
SPOKEN = {"voice_response_latency"}
NO_WINDOW = (
    *(f"ai_first_contact_resolution_{window}" for window in ("24h", "72h")),
    *(f"reopen_rate_{window}" for window in ("24h", "48h", "72h", "7d")),
    *(f"repeat_contact_rate_{days}d" for days in (3, 7)),
)


@pytest.fixture(scope="module")
def bench(
    shared: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Answers]:
    """The measured airline recordings."""
    folder = shared("data/tau_bench_gpt4o_airline")
    workspace = Workspace.create(
        tmp_path_factory.mktemp("tau") / "bench", '[workspace]\nname = "Bench"\n'
    )
    result = take(workspace, "tau_bench", folder)
    assert (result.read, result.stored, result.quarantined) == (200, 200, 0)
    pipeline.measure(workspace)
    with Answers(workspace) as answers:
        yield answers


def figures(answers: Answers, *names: str) -> dict[str, Estimate]:
    return {one.metric: one for one in answers.estimates(list(names)).estimates}


def counted(answers: Answers, condition: str) -> int:
    return int(answers.engine.rows(f"select count(*) from conversation where {condition}")[0][0])


def sums(one: Estimate) -> tuple[int, int, float | None]:
    return one.eligible, one.observed, one.total


def test_who_and_how_it_ended(bench: Answers) -> None:
    assert counted(bench, "true") == 200
    assert counted(bench, "is_synthetic_time") == 200
    assert counted(bench, "escalated") == 48
    assert counted(bench, "not escalated") == 152
    assert counted(bench, "forced_termination") == 5
    assert counted(bench, "forced_termination and system_verdict is null") == 5
    assert counted(bench, "forced_termination and true_resolution is null") == 5
    assert counted(bench, "forced_termination and not contained") == 5
    assert counted(bench, "system_verdict is not null") == 195
    assert counted(bench, "system_verdict = 'confirms'") == 84
    assert bench.engine.rows("select count(distinct person_key) from conversation")[0][0] == 34


def test_contained_is_not_solved(bench: Answers) -> None:
    found = figures(
        bench,
        "containment_rate",
        "containment_quality",
        "silent_failure_rate",
        "true_resolution_rate",
        "deflection_rate",
        "escalation_rate",
    )
    assert sums(found["containment_rate"]) == (200, 200, 147)
    assert sums(found["containment_quality"]) == (147, 147, 49)
    assert sums(found["silent_failure_rate"]) == (147, 147, 98)
    assert sums(found["true_resolution_rate"]) == (200, 195, 49)
    assert sums(found["deflection_rate"]) == (200, 200, 152)
    assert sums(found["escalation_rate"]) == (200, 200, 48)
    assert found["containment_rate"].point == 147 / 200
    assert found["silent_failure_rate"].point == 98 / 147
    assert found["containment_rate"].customers == 34


def test_a_system_of_record_outranks_the_last_words(bench: Answers) -> None:
    angry = "rage_quit and not escalated and system_verdict = 'confirms'"
    assert counted(bench, angry) == 3
    assert counted(bench, f"{angry} and contained and true_resolution") == 3


def test_made_up_times_give_no_duration(bench: Answers) -> None:
    timed = {one.name for one in bench.catalogue if one.measured_in == "seconds"}
    assert timed == DURATIONS | SPOKEN
    refused = {
        one.metric: (one.refusal, one.observed, one.point)
        for one in bench.estimates(sorted(timed)).estimates
    }
    assert refused == {
        **dict.fromkeys(DURATIONS, (Refusal.NOTHING_OBSERVED, 0, None)),
        **dict.fromkeys(SPOKEN, (Refusal.UNAVAILABLE, 0, None)),
    }


def test_made_up_times_are_left_out_where_success_needs_time(bench: Answers) -> None:
    for name, one in figures(bench, *NO_WINDOW).items():
        count = 152 if name.startswith("reopen") else 200
        assert (one.eligible, one.excluded["synthetic_time"]) == (0, count), name
        assert one.refusal is Refusal.NOTHING_OBSERVED


def test_pass_hat_k(bench: Answers) -> None:
    """The share of tasks that all of k trials solve; a run that was cut off solved nothing."""
    trials: Counter[str] = Counter()
    solved: Counter[str] = Counter()
    for thread, verdict in bench.engine.rows("select thread_id, system_verdict from conversation"):
        _, task, _ = thread.rsplit(":", 2)
        trials[task] += 1
        solved[task] += verdict == "confirms"
    assert Counter(trials.values()) == {4: 50}
    passed = [
        sum(Fraction(comb(solved[task], k), comb(4, k)) for task in trials) / 50
        for k in (1, 2, 3, 4)
    ]
    assert [float(round(one, 3)) for one in passed] == [0.42, 0.273, 0.22, 0.2]


def test_thanks_and_contradiction_stand_side_by_side(bench: Answers) -> None:
    polite = bench.engine.rows(
        "select conversation_id from conversation where contained and reply_class = 'gratitude'"
        " and system_verdict = 'contradicts' order by conversation_id"
    )
    assert len(polite) == 53
    page = bench.why(polite[0][0])
    assert page.paradox == (
        f"{polite[0][0]} ends with the customer's thanks, yet a system of record contradicts it."
    )
    spoken = [one for one in page.timeline if one.kind == "message" and one.actor == "customer"]
    assert spoken[-1].text == "Thank you so much for your help!"
    records = [one for one in page.timeline if one.kind == "confirmation"]
    assert [one.detail for one in records] == ["tau_bench · end_state_check · contradicts"]
    assert records[0].at > spoken[-1].at
    verdicts = {one.metric: (one.state, one.reason) for one in page.contacts[0].verdicts}
    assert verdicts["containment_rate"][0] == "true"
    assert verdicts["silent_failure_rate"] == (
        "confirmed",
        "a system of record contradicts it",
    )


def measured_tau2(workspace: Workspace, path: Path) -> list[Any]:
    (workspace.root / "candor.toml").write_text(TAU2, encoding="utf-8")
    workspace = Workspace.open(workspace.root)
    assert take(workspace, "tau2_bench", path).stored == 20
    pipeline.measure(workspace)
    with Answers(workspace) as answers:
        found = figures(
            answers, "cost_to_serve", "containment_rate", "silent_failure_rate", "escalation_rate"
        )
        facts = answers.engine.rows(
            "select count(case when system_verdict = 'confirms' then 1 end), count(system_verdict),"
            " count(case when is_synthetic_time then 1 end), count(cost_amount), sum(cost_amount)"
            " from conversation"
        )[0]
        return [found, facts]


def test_an_unknown_cost_is_no_cost_of_zero(
    workspace: Workspace, shared: Callable[[str], Path]
) -> None:
    path = shared("data/tau2_runs/ft-gpt-4.1_airline.json.gz")
    found, facts = measured_tau2(workspace, path)
    assert facts == (13, 20, 0, 0, None)
    assert sums(found["containment_rate"]) == (20, 20, 14)
    assert sums(found["escalation_rate"]) == (20, 20, 6)
    cost = found["cost_to_serve"]
    assert (cost.refusal, cost.missing, cost.point) == (Refusal.UNAVAILABLE, "cost", None)
    # The clock is real here, and one minute of it: who was not contradicted may still come back.
    assert sums(found["silent_failure_rate"]) == (14, 5, 5)


def test_a_known_cost_is_added_up(workspace: Workspace, shared: Callable[[str], Path]) -> None:
    path = shared("data/tau2_runs/gpt-4.1_airline.json.gz")
    found, facts = measured_tau2(workspace, path)
    with gzip.open(path) as file:
        runs = json.load(file)["simulations"]
    assert facts[:4] == (10, 20, 0, 20)
    assert round(float(facts[4]), 6) == round(sum(run["agent_cost"] for run in runs), 6)
    assert sums(found["containment_rate"]) == (20, 20, 16)
    assert found["cost_to_serve"].refusal is not Refusal.UNAVAILABLE
