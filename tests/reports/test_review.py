"""Reviews: changes beyond chance only, an owner for every action, and quiet said plainly."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from candor.answers import Answers, review
from candor.answers.pages_reading import CADENCES, moves, pack
from candor.errors import CandorError
from candor.metrics.registry import load
from candor.reports import html
from candor.reports import review as pages
from candor.verdicts.bands import Status
from candor.verdicts.compare import Change, Direction
from candor.verdicts.findings import TEAMS, Exhibit, Finding, Severity
from candor.verdicts.scorecard import MetricRow, Scorecard
from candor.verdicts.stability import Plotted, Stability, Word

from .sample import LINEAGE, scorecard
from .test_html import _Page


class _Catalogue:
    """The shipped catalogue; a name it does not hold reads as a resolution metric."""

    def find(self, name: str) -> Any:
        known = load()
        return known.find(name if name in known else "true_resolution_rate")


def _answers() -> Answers:
    workspace = SimpleNamespace(
        settings=SimpleNamespace(
            estimates=SimpleNamespace(level=0.95),
            workspace=SimpleNamespace(name="Northwind Outdoor", currency="EUR"),
        )
    )
    about = {"provenance": {"lake snapshot": "41c09fd2"}, "data_health": {}}
    return SimpleNamespace(  # type: ignore[return-value]
        catalogue=_Catalogue(), workspace=workspace, about=about,
        snapshot=LINEAGE["snapshot"], as_of=LINEAGE["as_of"],
    )  # fmt: skip


def _moved(row: MetricRow, point: float, half: float) -> MetricRow:
    """The row with a change of ``point`` ± ``half``."""
    better = "higher" if row.info.better == "higher" else "lower"
    direction = Direction.NO_CLEAR_CHANGE
    if abs(point) > half:
        good = (point > 0) == (better == "higher")
        direction = Direction.BETTER if good else Direction.WORSE
    change = Change(direction, point, point - half, point + half, "points", "", 0.5)
    return replace(row, change=change)


def _card(**changed: tuple[float, float]) -> Scorecard:
    """The sample with given changes and no others, without targets."""
    card = scorecard()
    categories = []
    for category in card.categories:
        rows = []
        for row in category.rows:
            point, half = changed.get(row.info.name, (0.0, 0.05))
            still = replace(row, target=None, verdict=replace(row.verdict, status=Status.NO_TARGET))
            rows.append(_moved(still, point, half) if row.estimate.point is not None else still)
        categories.append(replace(category, rows=tuple(rows)))
    return replace(card, categories=tuple(categories))


def _finding(severity: Severity = Severity.HIGH, team: str = "engineering") -> Finding:
    exhibit = Exhibit("True resolution, change", "true_resolution_rate", {"release": "r14"}, -0.15,
                      -0.21, -0.09, "points", 120)  # fmt: skip
    return Finding(
        "release_regression", "A release made it worse", ("true_resolution_rate",),
        {"release": "r14"}, "Release r14 is worse than r13.", (exhibit,), "Roll it back.",
        "AI engineering", team, severity, size=38.0, conversations=("zd-1#1",),  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_quiet_period_says_so() -> None:
    found = review.compose(_answers(), pack("weekly"), _card())
    assert found.is_quiet
    assert found.clear == found.faint == ()
    assert found.actions == ()
    document = pages.document(_answers(), found)
    assert document.summary[0].startswith("Nothing to report: ")
    assert f"{found.compared} figures were looked at" in document.summary[0]
    text = " ".join(_Page(html.render_document(document)).texts)
    assert "No figure moved beyond what chance shows." in text
    assert text.count("nothing this time.") == len(TEAMS)


def test_a_clear_change_is_told_with_meaning_next_step_and_owner() -> None:
    found = review.compose(_answers(), pack("weekly"), _card(true_resolution_rate=(-0.12, 0.03)))
    (moved,) = found.clear
    assert moved.is_worse is True
    assert moved.reading is not None
    assert moved.reading.means == "The AI solved fewer of the requests it took on."
    assert (moved.team, moved.owner) == ("product", moved.row.info.owner)
    (action,) = found.actions
    assert action.severity is Severity.MEDIUM
    assert not found.is_quiet
    page = " ".join(_Page(html.render_document(pages.document(_answers(), found))).texts)
    assert moved.reading.do in page
    assert "Clearly worse: True resolution rate." in page


def test_a_change_that_chance_alone_shows_is_named_but_not_acted_on() -> None:
    # One of many intervals that barely excludes zero does not survive looking at all of them.
    found = review.compose(_answers(), pack("weekly"), _card(rephrase_rate=(0.051, 0.05)))
    assert found.clear == ()
    assert [one.row.info.name for one in found.faint] == ["rephrase_rate"]
    assert found.is_quiet
    page = " ".join(_Page(html.render_document(pages.document(_answers(), found))).texts)
    assert "Not counted as changes: Rephrase rate." in page


def test_a_finding_stands_first_and_covers_its_figure() -> None:
    card = replace(_card(true_resolution_rate=(-0.12, 0.03)), findings=(_finding(),))
    found = review.compose(_answers(), pack("weekly"), card)
    (action,) = found.actions
    assert (action.do, action.owner, action.team) == (
        "Roll it back.", "AI engineering", "engineering",
    )  # fmt: skip
    document = pages.document(_answers(), found)
    assert "Release r14 is worse than r13." in document.summary[0]
    page = " ".join(_Page(html.render_document(document)).texts)
    assert "about 38 conversations of the period" in page
    assert "−15.0" in page
    assert "zd-1#1" in page


def test_good_news_alone_leaves_the_review_quiet() -> None:
    found = review.compose(_answers(), pack("weekly"), _card(true_resolution_rate=(0.12, 0.03)))
    assert [one.is_worse for one in found.clear] == [False]
    assert [action.severity for action in found.actions] == [Severity.GOOD]
    assert found.is_quiet


def test_an_improvement_names_the_guardrail_that_got_worse() -> None:
    card = _card(true_resolution_rate=(0.12, 0.03), silent_failure_rate=(0.09, 0.02))
    found = review.compose(_answers(), pack("weekly"), card)
    better = next(one for one in found.clear if one.is_worse is False)
    assert better.guards == ("Silent failure rate",)


def test_a_missed_target_is_an_action_of_its_owner() -> None:
    card = scorecard()
    found = review.compose(_answers(), pack("weekly"), card)
    missed = {row.info.name for row in found.with_status(Status.MISSED)}
    assert missed == {"true_resolution_rate", "silent_failure_rate"}
    covered = {name for action in found.actions for name in action.metrics}
    assert missed <= covered
    owners = {name: a.owner for a in found.actions for name in a.metrics}
    assert owners["silent_failure_rate"] == "AI product"


def test_a_day_is_judged_by_its_limits_not_by_the_day_before() -> None:
    card = _card(abandonment_rate=(0.12, 0.03))
    assert review.compose(_answers(), pack("daily"), card).clear == ()
    point = Plotted(20_600, 0.2, 0.09, 0.03, 0.15)
    above = Stability(Word.SIGNAL_ABOVE, "1 of 3 days above the limits.", "p′", "day",
                      (point, point), 1)  # fmt: skip
    rows = tuple(
        replace(row, stability=above) if row.info.name == "abandonment_rate" else row
        for row in card.rows
    )
    signalled = replace(card, categories=(replace(card.categories[0], rows=rows),))
    found = review.compose(_answers(), pack("daily"), signalled)
    assert [one.row.info.name for one in found.clear] == ["abandonment_rate"]
    assert found.clear[0].is_worse is True
    page = " ".join(_Page(html.render_document(pages.document(_answers(), found))).texts)
    assert "1 of 3 days above the limits." in page


def test_what_cannot_be_said_stands_there_with_its_reason() -> None:
    found = review.compose(_answers(), pack("monthly"), scorecard())
    names = {row.info.name for row in found.withheld}
    assert names >= {"automation_rate", "csat_hybrid"}
    data = found.as_dict()
    assert {one["metric"] for one in data["cannot_be_said"]} == names
    page = " ".join(_Page(html.render_document(pages.document(_answers(), found))).texts)
    assert "Too many units are still inside the window" in page
    assert data["snapshot"] == LINEAGE["snapshot"]


def test_goals_say_how_far_and_at_which_pace() -> None:
    found = review.compose(_answers(), pack("monthly"), scorecard())
    page = " ".join(_Page(html.render_document(pages.document(_answers(), found))).texts)
    assert "Where each goal stands" in page
    row = found.card.row("true_resolution_rate")
    assert row is not None
    assert row.estimate.point is not None
    assert html.wording.signed(row.estimate.point - 0.6, "points") in page


def test_actions_are_in_the_order_of_teams_and_urgency() -> None:
    card = replace(
        scorecard(),
        findings=(_finding(Severity.LOW, "operations"), _finding(Severity.HIGH, "operations")),
    )
    actions = review.compose(_answers(), pack("weekly"), card).actions
    places = [TEAMS.index(action.team) for action in actions]
    assert places == sorted(places)
    own = [a.severity for a in actions if a.team == "operations"]
    assert own == sorted(own, key=list(Severity).index)


@pytest.mark.parametrize("cadence", CADENCES)
def test_every_pack_has_questions_and_every_team_its_words(cadence: str) -> None:
    assert len(pack(cadence).sections) >= 4
    assert len(pack(cadence).metrics()) >= 12
    assert set(moves().teams) == set(TEAMS)


def test_a_misspelt_cadence_is_usage() -> None:
    with pytest.raises(CandorError) as caught:
        review.check("montly")
    assert caught.value.exit_code == 2
    assert "did you mean 'monthly'?" in caught.value.problems[0].fix
