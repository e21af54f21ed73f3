"""The page of experiments: exposures, checks, differences with their limits, and a verdict or none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from candor.answers import Answers
from candor.answers.experimenting import Experiment, experiments
from candor.estimates.estimate import Refusal
from candor.experiments.shipping import Decision
from candor.reports import experiments_page
from candor.reports.document import Bullets, Table, words

DECLARED = """\
- id: style
  title: Shorter answers
  shares: {control: 0.5, new: 0.5}
  horizon: HORIZON
  success: [containment_rate]
  guardrails: {escalation_rate: 0.9}
"""
EVERYBODY = (
    "select distinct 'style' as experiment_id, 'p' || person_key as unit_id, person_key as event_key,"
    " 'customer' as unit, case when person_key % 2 = 0 then 'control' else 'new' end as arm,"
    " cast(0 as bigint) as assigned_at, cast(0 as integer) as day, person_key, true as customer_known,"
    " cast(0 as smallint) as bucket, cast(null as bigint) as thread_key, 'test' as source,"
    " false as is_test, false as is_spam from conversation"
)


@pytest.fixture
def place(root: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    shutil.copytree(root, folder, ignore=shutil.ignore_patterns("lake", "simulated", "restricted"))
    return folder


@pytest.fixture
def answers(place: Path) -> Iterator[Answers]:
    with Answers.open(place) as opened:
        # The arms of sixty customers are small.
        opened.__dict__["thresholds"] = replace(opened.thresholds, min_units=20)
        yield opened


def declare(
    answers: Answers, horizon: int, *more: str, rows: str = EVERYBODY
) -> tuple[Experiment, ...]:
    path = answers.workspace.root / "experiments.yaml"
    path.write_text(DECLARED.replace("HORIZON", str(horizon)) + "".join(more))
    answers.engine.run(f"create or replace temp table exposure as {rows}")
    return experiments(answers)


def test_an_arms_figure_is_that_of_its_customers(answers: Answers) -> None:
    (one,) = declare(answers, 10)
    (against,) = one.treatments
    line = against.lines[0]
    person = dict(answers.engine.rows("select conversation_id, person_key from conversation"))
    listed = {
        outcome: [
            person[unit.conversation_id]
            for unit in answers.units("containment_rate", outcome, 1000)
        ]
        for outcome in ("numerator", "denominator")
    }
    for arm, even, figure in (("control", 0, line.control), ("new", 1, line.treatment)):
        assert one.counts[arm] == len({key for key in person.values() if key % 2 == even})
        true, known = (
            sum(key % 2 == even for key in listed[name]) for name in ("numerator", "denominator")
        )
        assert figure == pytest.approx(true / known)
    assert line.comparison.found.refusal is None, one.as_dict()
    assert line.comparison.found.point == pytest.approx(line.treatment - line.control)
    assert against.lines[1].role == "guardrail"


def test_before_its_size_it_is_read_with_limits_for_every_look(answers: Answers) -> None:
    (early,) = declare(answers, 100_000)
    assert not early.is_final
    assert early.treatments[0].lines[0].comparison.found.refusal is Refusal.TOO_FEW, "100 an arm"
    (final,) = declare(answers, 10)
    assert final.is_final
    assert final.treatments[0].lines[0].comparison.found.method == "welch_ratio"


def test_arms_that_do_not_hold_what_was_declared_are_not_believed(answers: Answers) -> None:
    uneven = f"select * from ({EVERYBODY}) where arm = 'control' or person_key % 7 = 1"
    (one,) = declare(answers, 10, rows=uneven)
    assert one.as_dict()["sample_ratio"]["failed"] is True
    assert one.treatments[0].decision is Refusal.SRM_FAILED
    (section,) = experiments_page.sections((one,), hides_few=False)
    (checks,) = [block for block in section.blocks if isinstance(block, Bullets)]
    assert "nothing else about them is believed" in checks.lines[0]


def test_what_is_not_declared_is_counted_and_not_judged(answers: Answers) -> None:
    other = f"{EVERYBODY} union all select * replace ('try' as experiment_id) from ({EVERYBODY})"
    declared, tried = declare(answers, 10, rows=other)
    assert isinstance(declared.treatments[0].decision, Decision)
    assert (tried.id, tried.treatments) == ("try", ())
    assert sum(tried.counts.values()) == sum(declared.counts.values())
    assert "proves nothing" in " ".join(experiments_page.summary((tried,)))


def test_what_happened_before_the_exposure_does_not_count(answers: Answers) -> None:
    late = EVERYBODY.replace(
        "cast(0 as bigint) as assigned_at", "cast(9e15 as bigint) as assigned_at"
    )
    (one,) = declare(answers, 10, rows=late)
    line = one.treatments[0].lines[0]
    assert (line.control, line.treatment) == (None, None)
    assert line.comparison.found.point is None


def test_few_units_are_hidden_from_those_who_may_not_see_them(answers: Answers) -> None:
    few = f"{EVERYBODY} order by person_key limit 7"
    (one,) = declare(answers, 1000, rows=few)
    for hides, shown in ((True, "few customers"), (False, "7")):
        (section,) = experiments_page.sections((one,), hides_few=hides)
        table = next(block for block in section.blocks if isinstance(block, Table))
        said = [words(row[1]) for row in table.rows]
        assert said.count("few customers") == (2 if hides else 0), shown
