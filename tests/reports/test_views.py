"""Views arrange one scorecard: complete lists, few primary figures, old figures judged by intervals."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from candor.answers import views
from candor.answers.legacy import compare_pairs
from candor.answers.pages_reading import CADENCES, moves, pack
from candor.answers.vendor import questionnaire
from candor.errors import CandorError
from candor.metrics.registry import load
from candor.verdicts.compare import Change, Direction
from candor.verdicts.scorecard import MetricRow

from .sample import scorecard

ALL = sorted(views.every())


def _rows() -> dict[str, MetricRow]:
    return {row.info.name: row for row in scorecard().rows}


def _named(name: str, like: str, **changed: Any) -> MetricRow:
    """A row of the sample under another name, its estimate changed."""
    row = _rows()[like]
    estimate = replace(row.estimate, metric=name, **changed)
    return replace(row, info=replace(row.info, name=name), estimate=estimate)


def test_every_name_of_a_page_is_a_metric() -> None:
    known = set(load().names)
    named = {name for view in views.every().values() for name in view.names()}
    named |= {name for cadence in CADENCES for name in pack(cadence).metrics()}
    named |= questionnaire().metrics() | set(moves().metrics)
    assert len(named) > 100
    assert named <= known
    assert set(moves().families) >= {item.family for item in load().every}


def test_the_page_holds_nineteen_headline_figures_in_five_categories() -> None:
    view = views.choose(None, None)
    assert view.name == "categories"
    assert len(view.sections) == 5
    assert sum(len(section.primary) for section in view.sections) == 19


@pytest.mark.parametrize("stage", list(views.every()["maturity"].stages))
def test_a_stage_looks_at_few_figures(stage: str) -> None:
    lists = views.every()["maturity"].stages[stage]
    assert 3 <= len(lists.primary) <= 5
    assert 5 <= len(lists.secondary) <= 10
    names = [name for name, _ in lists.listed()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ALL)
def test_a_metric_stands_once_and_brings_what_must_stand_beside_it(name: str) -> None:
    arranged = views.arrange(scorecard(), views.every()[name], load())
    shown = [row.info.name for row in arranged.card.rows]
    assert shown
    assert len(shown) == len(set(shown))
    for row in arranged.card.rows:
        assert {other for other in row.info.shown_with if scorecard().row(other)} <= set(shown)


def test_the_default_view_loses_nothing() -> None:
    arranged = views.arrange(scorecard(), views.choose(None, None), load())
    known = set(load().names)
    expected = {row.info.name for row in scorecard().rows} & known
    assert {row.info.name for row in arranged.card.rows} == expected
    automation = arranged.card.categories[0]
    assert [row.info.name for row in automation.rows][:3] == [
        "true_resolution_rate", "automation_rate", "containment_rate",
    ]  # fmt: skip
    assert [row.info.tier for row in automation.rows] == sorted(
        (row.info.tier for row in automation.rows), key=views.WEIGHTS.index
    )


def test_figures_are_those_of_the_scorecard() -> None:
    arranged = views.arrange(scorecard(), views.choose("tiers", None), load())
    for row in arranged.card.rows:
        found = scorecard().row(row.info.name)
        assert found is not None
        assert (row.estimate, row.verdict, row.change) == (
            found.estimate, found.verdict, found.change,
        )  # fmt: skip


def test_a_stage_narrows_any_view_and_alone_asks_for_the_view_by_maturity() -> None:
    assert views.choose(None, "walk").name == "maturity"
    whole = views.arrange(scorecard(), views.choose("tiers", None), load())
    early = views.arrange(scorecard(), views.choose("tiers", "crawl"), load(), "crawl")
    assert {row.info.name for row in early.card.rows} < {row.info.name for row in whole.card.rows}
    levels = {item.name: item.stage.level for item in load().every}
    partners = {other for row in early.card.rows for other in row.info.shown_with}
    assert all(
        levels[row.info.name] == "crawl" for row in early.card.rows
        if row.info.name not in partners
    )  # fmt: skip
    staged = views.arrange(scorecard(), views.choose(None, "crawl"), load(), "crawl")
    assert staged.card.categories[0].name == "primary"
    assert staged.card.categories[0].rows[0].info.name == "true_resolution_rate"


@pytest.mark.parametrize(
    ("view", "stage", "told"),
    [("teirs", None, "did you mean 'tiers'?"), (None, "crwal", "did you mean 'crawl'?")],
)
def test_a_misspelt_view_is_usage(view: str | None, stage: str | None, told: str) -> None:
    with pytest.raises(CandorError) as caught:
        views.choose(view, stage)
    assert caught.value.exit_code == 2
    assert told in caught.value.problems[0].fix


def test_a_hyphen_does_for_an_underscore() -> None:
    assert views.choose("support-agent", None).name == "support_agent"


def _answer(pair: str, rows: dict[str, MetricRow]) -> tuple[str, str]:
    pairs = [one for one in views.every()["legacy"].pairs if one.name == pair]
    (found,) = compare_pairs(pairs, rows)
    return found.answer, found.sentence


def test_deflection_misleads_where_its_interval_lies_above() -> None:
    rows = {
        "deflection_rate": _named("deflection_rate", "deflection_rate", point=0.7, low=0.68, high=0.72),
        "true_resolution_rate": _named(
            "true_resolution_rate", "true_resolution_rate", point=0.6, low=0.57, high=0.63
        ),
    }  # fmt: skip
    answer, sentence = _answer("deflection", rows)
    assert answer == "misleads"
    assert "70.0" in sentence
    assert "57.0–63.0" in sentence
    close = {**rows, "true_resolution_rate": _named(
        "true_resolution_rate", "true_resolution_rate", point=0.69, low=0.66, high=0.72)}  # fmt: skip
    assert _answer("deflection", close)[0] == "not_here"
    # The paired difference decides where there is one, whatever the two intervals say.
    paired = {**close, "deflection_gap": _named(
        "deflection_gap", "deflection_rate", point=0.02, low=0.01, high=0.03)}  # fmt: skip
    assert _answer("deflection", paired)[0] == "misleads"
    assert _answer("deflection", {"deflection_rate": rows["deflection_rate"]})[0] == "cannot_say"


def test_a_survey_misleads_where_few_are_heard() -> None:
    def rows(asked: float, answered: float) -> dict[str, MetricRow]:
        return {
            name: _named(name, "csat_ai_only", point=point, low=point - 0.05, high=point + 0.05)
            for name, point in (
                ("csat_ai_only", 0.8), ("survey_send_rate", asked),
                ("survey_response_rate", answered),
            )
        }  # fmt: skip

    answer, sentence = _answer("csat", rows(0.5, 0.2))
    assert answer == "misleads"
    assert "10.0" in sentence  # heard
    assert "8.0" in sentence  # nobody else satisfied
    assert "98.0" in sentence  # everybody else satisfied
    assert _answer("csat", rows(1.0, 0.9))[0] == "not_here"


def test_handle_time_misleads_only_when_both_clearly_rise() -> None:
    def moved(name: str, direction: Direction, point: float, unit: str) -> MetricRow:
        change = Change(direction, point, point - 0.01, point + 0.01, unit, "")
        return replace(_named(name, "true_resolution_rate"), change=change)

    worse = moved("handle_time", Direction.WORSE, 42.0, "seconds")
    better = moved("automation_rate", Direction.BETTER, 0.05, "points")
    answer, sentence = _answer("aht", {"handle_time": worse, "automation_rate": better})
    assert answer == "misleads"
    assert "+42.0" in sentence
    flat = moved("automation_rate", Direction.NO_CLEAR_CHANGE, 0.05, "points")
    assert _answer("aht", {"handle_time": worse, "automation_rate": flat})[0] == "not_here"
    unsaid = replace(worse, change=Change(Direction.CANNOT_SAY, None, None, None, "seconds", ""))
    assert _answer("aht", {"handle_time": unsaid, "automation_rate": better})[0] == "cannot_say"


def test_benchmarks_stand_apart_from_targets() -> None:
    known = load()
    one = next(item for item in known.every if item.name == "true_resolution_rate")
    benchmark = SimpleNamespace(
        model_dump=lambda: {"segment": "SMB", "good": "40", "great": "50", "world_class": "60",
                            "source": "a survey", "date": "2026-01"}
    )  # fmt: skip
    given = SimpleNamespace(name=one.name, benchmarks=(benchmark,), stage=one.stage,
                            category=one.category, frameworks=one.frameworks)  # fmt: skip
    arranged = views.arrange(
        scorecard(),
        views.choose("categories", None),
        SimpleNamespace(every=[given]),  # type: ignore[arg-type]
    )
    assert arranged.as_dict()["benchmarks"] == {
        "true_resolution_rate": [
            {"segment": "SMB", "good": "40", "great": "50", "world_class": "60",
             "source": "a survey", "date": "2026-01"}
        ]
    }  # fmt: skip
    row = arranged.card.row("true_resolution_rate")
    assert row is not None
    assert row.target is not None
    assert row.target.target == 0.6
