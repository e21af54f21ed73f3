"""The plan and the questionnaire: proposed targets that mean what they say, answers or what to ask."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from candor.answers.pages_reading import read
from candor.answers.plan import Plan, Proposal, Step, _filled, _rounded, propose
from candor.answers.vendor import Question, Source, _state, questionnaire
from candor.estimates.estimate import Estimate, Refusal
from candor.verdicts.bands import Status, status
from candor.verdicts.targets import load_targets

from .sample import scorecard


def _estimate(point: float, low: float, high: float, unit: str = "share") -> Estimate:
    row = scorecard().row("rephrase_rate")
    assert row is not None
    return replace(row.estimate, point=point, low=low, high=high, unit=unit)


def test_a_proposed_target_is_met_when_clearly_better_and_amber_when_as_good() -> None:
    base = _estimate(0.651, 0.62, 0.682)
    target = propose(base, "higher", "CX", "August 2026")
    assert target is not None
    assert (target.target, target.amber) == (0.69, 0.039)
    assert status(base, target).status is Status.UNSURE
    assert status(_estimate(0.75, 0.70, 0.80), target).status is Status.MET
    assert status(_estimate(0.60, 0.57, 0.63), target).status is Status.MISSED
    assert target.note == "baseline August 2026: 0.651 (0.62 to 0.682)"


def test_lower_is_better_turns_it_round() -> None:
    base = _estimate(0.142, 0.121, 0.166)
    target = propose(base, "lower", "", "x")
    assert target is not None
    assert target.target == 0.12
    assert target.amber == pytest.approx(0.022)
    assert status(base, target, "lower").status is Status.UNSURE
    assert status(_estimate(0.1, 0.09, 0.11), target, "lower").status is Status.MET
    assert status(_estimate(0.2, 0.18, 0.22), target, "lower").status is Status.MISSED


def test_nothing_is_proposed_from_a_refusal_or_beyond_the_possible() -> None:
    row = scorecard().row("groundedness_rate")
    assert row is not None
    assert row.estimate.refusal is Refusal.UNAVAILABLE
    assert propose(row.estimate, "higher", "", "x") is None
    full = propose(_estimate(0.998, 0.99, 0.9999), "higher", "", "x")
    assert full is not None
    assert full.target == 1.0


@pytest.mark.parametrize(
    ("number", "up", "found"),
    [(0.651, True, 0.66), (0.651, False, 0.65), (0.66, True, 0.66), (1234.0, True, 1300.0),
     (0.0, True, 0.0), (-0.123, True, -0.12), (-0.123, False, -0.13)],
)  # fmt: skip
def test_two_digits_outwards(number: float, up: bool, found: float) -> None:
    assert _rounded(number, up=up) == found


def test_the_proposed_lines_can_be_copied(tmp_path: Path) -> None:
    base = _estimate(0.651, 0.62, 0.682)
    target = propose(base, "higher", "head of support", "August 2026")
    assert target is not None
    plan = Plan((), {}, (), (), "crawl", (), None, "", (Proposal(base, "Rephrase rate", target),),
                (), (), (), "August 2026", "s", "2026-06-05T06:00:00Z", {})  # fmt: skip
    path = tmp_path / "targets.yaml"
    path.write_text(plan.targets_yaml(), "utf-8")
    (loaded,) = load_targets(path, ["rephrase_rate"]).all
    assert loaded == target


def test_steps_are_checked_and_filled_once() -> None:
    steps = [Step.model_validate(item) for item in read("plan")["steps"]]
    assert {step.days for step in steps} == {30, 60, 90}
    assert all(step.owner and step.done for step in steps)
    # What comes from the data is not read as a place again.
    assert _filled("Do {gap}: {finding}", {"gap": "{finding}", "finding": "x"}) == "Do {finding}: x"


def test_every_question_says_why_and_what_to_ask_for() -> None:
    questions = [one for topic in questionnaire().topics for one in topic.questions]
    assert len(questions) >= 18
    assert all(isinstance(one, Question) and one.ask.endswith("?") for one in questions)
    assert all(one.why[-1] in ".?" and one.ask_for[-1] in ".?" for one in questions)
    assert all(one.answer.metrics or one.answer.events or one.answer.by for one in questions), (
        "a question that no figure can answer"
    )


def test_an_answer_is_whole_only_when_everything_is_there() -> None:
    there, absent = _estimate(0.5, 0.4, 0.6), scorecard().row("groundedness_rate")
    assert absent is not None
    source = Source(metrics=("a", "b"))
    assert _state(source, [there, there], [], []) == "answered"
    assert _state(source, [there, absent.estimate], [], []) == "partly"
    assert _state(source, [absent.estimate], [], []) == "cannot_say"
    assert _state(source, [there], [], []) == "partly"  # b does not exist
    by = Source(by="language", of="a")
    assert _state(by, [], [there], []) == "cannot_say"  # one group is no comparison
    assert _state(by, [], [there, there], []) == "answered"
    events = Source(events=("claim", "survey"))
    assert _state(events, [], [], [("claim", 3), ("survey", 0)]) == "partly"
