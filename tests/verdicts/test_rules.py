"""Diagnoses as data: every shipped rule's cases, multiplicity, and mistakes told with their lines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from candor.errors import CandorError
from candor.metrics.registry import load as catalogue
from candor.verdicts.board import TOTAL, Board, Level
from candor.verdicts.diagnose import diagnose
from candor.verdicts.findings import Severity
from candor.verdicts.rulebook import Case, Rule, load, read, shipped
from candor.verdicts.support import Interval, above, any_of, below, inside, minus, p_value

CASES = [(rule, case) for rule in shipped() for case in rule.cases]


@pytest.mark.parametrize(
    ("rule", "case"), CASES, ids=[f"{rule.code}-{case.title}" for rule, case in CASES]
)
def test_every_case_of_every_rule_comes_out_as_it_says(rule: Rule, case: Case) -> None:
    found = diagnose([rule], case.board())
    assert bool(found.findings) == case.fires
    for finding in found.findings:
        assert finding.code == rule.code
        assert finding.strength > 1.96
        assert "{" not in finding.sentence
        assert finding.evidence


def test_every_diagnosis_of_the_catalogue_is_there() -> None:
    wanted = {
        "masquerading_containment", "real_improvement", "repackaged_containment",
        "confidently_wrong", "deflecting_not_helping", "withheld_escalations",
        "smarter_escalation", "assist_noise", "complex_work_remains", "deflection_theatre",
        "not_absorbing", "broken_improvement", "quiet_return", "peak_capacity",
    }  # fmt: skip
    assert wanted <= {rule.code for rule in shipped()}


def test_every_metric_a_rule_looks_at_exists() -> None:
    assert {metric for rule in shipped() for metric in rule.metrics} <= set(catalogue().names)


@pytest.mark.parametrize("rule", shipped(), ids=lambda rule: rule.code)
def test_no_condition_of_a_rule_is_idle(rule: Rule) -> None:
    """Each condition alone keeps some case from firing, or the firing case from the board."""
    firing = next(case for case in rule.cases if case.fires)
    for at in range(len(rule.when)):
        rest = rule.model_copy(update={"when": (*rule.when[:at], *rule.when[at + 1 :])})
        if not rest.when:
            continue
        answers = rest.answers(firing.board(), TOTAL)
        assert answers is not None
        needed = set(rule.when[at].metrics())
        board = firing.board()
        board.levels = {key: v for key, v in board.levels.items() if key[0] not in needed}
        board.moves = {key: v for key, v in board.moves.items() if key[1] not in needed}
        if not needed:
            board.growth = {}
        assert not diagnose([rule], board).findings


GAP = """\
code: own_gap
title: Own gap
severity: low
team: content
owner: somebody
by: [intent_id]
when:
  - level: {metric: silent_failure_rate, above: 0.1}
finding: "Silent failures{where}: {silent_failure_rate}."
means: This is a rule for the tests only.
next_step: Nothing is to be done about it.
cases:
  - {title: well above the limit, levels: {silent_failure_rate: [0.3, 0.05, 90]}, fires: true}
  - {title: around the limit, levels: {silent_failure_rate: [0.11, 0.05, 90]}, fires: false}
"""


def _level(point: float, half: float = 0.03, units: int = 200) -> Level:
    return Level(Interval(point, point - half, point + half), "share", units)


def _by_intent(points: list[float], total: float | None = None) -> Board:
    board = Board()
    for at, point in enumerate(points):
        board.levels["silent_failure_rate", (("intent_id", f"i{at:02}"),)] = _level(point)
    if total is not None:
        board.levels["silent_failure_rate", TOTAL] = _level(total)
    return board


def test_a_rule_speaks_of_everything_and_names_where_it_is_clearest() -> None:
    (rule,) = read([("own.yaml", GAP)])
    found = diagnose([rule], _by_intent([0.2, 0.4, 0.1], total=0.25))
    (finding,) = found.findings
    assert finding.segment == {}
    assert "25.0" in finding.sentence
    assert "Clearest in intent i01, intent i00." in finding.sentence
    assert finding.size == pytest.approx(50)
    assert (finding.team, finding.severity) == ("content", Severity.LOW)
    assert found.tested == 4


def test_the_only_member_of_a_dimension_is_not_named() -> None:
    (rule,) = [rule for rule in shipped() if rule.code == "silent_failures"]
    (finding,) = diagnose([rule], _by_intent([0.5], total=0.5)).findings
    assert "Clearest" not in finding.sentence


def test_without_the_whole_each_segment_is_a_finding_in_order_of_size() -> None:
    (rule,) = read([("own.yaml", GAP)])
    found = diagnose([rule], _by_intent([0.2, 0.4, 0.1]))
    assert [f.segment for f in found.findings] == [{"intent_id": "i01"}, {"intent_id": "i00"}]
    assert found.findings[0].key == "own_gap[intent_id=i01]"
    assert found.undecided == {"own_gap": ("silent_failure_rate",)}


def test_asking_many_segments_raises_the_price() -> None:
    (rule,) = read([("own.yaml", GAP)])
    # 0.134 with half width 0.03 is 2.2 standard errors above the limit: p = .026.
    assert len(diagnose([rule], _by_intent([0.134])).findings) == 1
    assert diagnose([rule], _by_intent([0.134, *[0.1] * 30])).findings == ()


def test_a_users_rule_is_added_and_may_replace_a_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(GAP)
    mine = GAP.replace("code: own_gap", "code: silent_failures")
    (tmp_path / "theirs.yaml").write_text(mine)
    known = {metric for rule in shipped() for metric in rule.metrics}
    rules = {rule.code: rule for rule in load(tmp_path, known)}
    assert len(rules) == len(shipped()) + 1
    assert rules["silent_failures"].owner == "somebody"
    assert load(tmp_path / "none", known) == tuple(sorted(shipped(), key=lambda r: r.code))


WRONG = """\
code: Wrong
title: Wrong
severity: huge
team: sales
owner: somebody
by: [intend_id]
when:
  - level: {metric: silent_failure_rate, above: 0.1, below: 0.3}
finding: "Something is wrong here."
means: This is a rule for the tests only.
next_step: Nothing is to be done about it.
colour: red
cases: []
"""


def test_every_mistake_in_a_rule_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(WRONG)
    with pytest.raises(CandorError) as caught:
        load(tmp_path, {"silent_failure_rate"})
    told = {
        problem.where.removeprefix(f"{tmp_path}/wrong.yaml:"): problem
        for problem in caught.value.problems
    }
    assert sorted(where.split(":")[0] for where in told) == ["1", "12", "13", "3", "4", "6", "7"]
    assert "did you mean 'intent_id'?" in told["6: by"].what
    assert "`above` or `below`" in told["7: when"].what


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("silent_failure_rate, above", "silent_failure_rat, above", 8, "unknown metric"),
        ("[0.3, 0.05, 90]", "[0.12, 0.05, 90]", 13, "does not fire"),
        ("fires: false", "fires: true", 7, ""),
        ("- level:", "- levle:", 7, "unknown condition"),
    ],
)
def test_a_rule_that_contradicts_its_cases_is_refused(
    tmp_path: Path, old: str, new: str, line: int, what: str
) -> None:
    (tmp_path / "own.yaml").write_text(GAP.replace(old, new))
    with pytest.raises(CandorError) as caught:
        load(tmp_path, {"silent_failure_rate"})
    told = "\n".join(str(problem) for problem in caught.value.problems)
    assert what in told
    assert "own.yaml" in told
    assert line


def test_distances() -> None:
    found = Interval(0.20, 0.10, 0.40)
    assert above(found, 0.10) == pytest.approx(1.96, abs=0.001)
    assert below(found, 0.40) == pytest.approx(1.96, abs=0.001)
    assert above(found, 0.30) < 0
    assert inside(Interval(0.0, -0.02, 0.02), 0.05) == pytest.approx(4.9, abs=0.01)
    gap = minus(Interval(0.8, 0.77, 0.83), Interval(0.5, 0.46, 0.54))
    assert (gap.point, gap.low, gap.high) == pytest.approx((0.3, 0.25, 0.35))
    assert p_value(1.959964) == pytest.approx(0.05)
    assert p_value(-3) == 1
    assert any_of([2.5]) == 2.5
    assert any_of([2.5, -1.0]) == pytest.approx(2.243, abs=0.002)


def test_a_rule_is_immutable_data() -> None:
    rule = shipped()[0]
    with pytest.raises(Exception, match="frozen"):
        rule.code = "other"  # type: ignore[misc]
    assert replace(_level(0.2), units=3).units == 3
