"""Improvement targets, annotations and trends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from candor.errors import CandorError
from candor.estimates import Estimate, make
from candor.verdicts.annotations import Annotation, coincides, load_annotations
from candor.verdicts.compare import Change, Direction
from candor.verdicts.targets import load_targets, months_between, pace
from candor.verdicts.trend import trend
from candor.window import to_day
from estimates.cells import share_cell

IMPROVE = """\
- {metric: true_resolution_rate, improve: "+5% a month from baseline", amber: 0.02}
- {metric: silent_failure_rate, improve: "-2 points a quarter from baseline"}
- {metric: containment_rate, target: 0.7}
- {metric: containment_rate, target: 0.5, segment: {channel: voice}}
"""


def test_a_pace_becomes_the_figure_of_the_period(tmp_path: Path) -> None:
    path = tmp_path / "targets.yaml"
    path.write_text(IMPROVE)
    raw = load_targets(path)
    figures = {"true_resolution_rate": 0.60, "silent_failure_rate": 0.20}

    def baseline(metric: str, _segment: Mapping[str, str]) -> float | None:
        return figures.get(metric)

    found = raw.resolved(baseline, 2.0)
    target = found.find("true_resolution_rate")
    assert target is not None
    assert (target.target, target.better, target.amber) == (pytest.approx(0.66), "higher", 0.02)
    silent = found.find("silent_failure_rate")
    assert silent is not None
    assert (silent.target, silent.better) == (pytest.approx(0.20 - 0.02 * 2 / 3), "lower")
    assert found.find("containment_rate", {"channel": "voice"}).target == 0.5  # type: ignore[union-attr]
    assert raw.segmented() == {"channel": ("containment_rate",)}


def test_without_a_baseline_a_pace_is_no_target(tmp_path: Path) -> None:
    path = tmp_path / "targets.yaml"
    path.write_text(IMPROVE)
    raw = load_targets(path)
    assert raw.resolved(lambda _m, _s: None, 2.0).find("true_resolution_rate") is None
    assert raw.resolved(lambda _m, _s: 0.5, None).find("true_resolution_rate") is None
    assert raw.resolved(lambda _m, _s: 0.5, 0.0).find("true_resolution_rate") is None


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("+5% a month from baseline", 0.8 + 0.05 * 0.8 * 3),
        ("-1 point per month from baseline", 0.8 - 0.03),
        ("+0.1 a quarter from baseline", 0.9),
        ("+12 points a year from baseline", 0.83),
    ],
)
def test_paces(text: str, target: float) -> None:
    assert pace(text).target(0.8, 3.0) == pytest.approx(target)


def test_mistakes_in_paces_are_told_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "targets.yaml"
    path.write_text(
        "- {metric: a, improve: five per cent}\n- {metric: b, improve: +1% a month from baseline, target: 2}\n"
        "- {metric: c, improve: +1% a month from baseline, color: red}\n"
    )
    with pytest.raises(CandorError) as caught:
        load_targets(path)
    told = [str(problem) for problem in caught.value.problems]
    assert len(told) == 3
    assert ":1: improve" in told[0]
    assert "not a pace" in told[0]
    assert ":2: improve" in told[1]
    assert "not both" in told[1]
    assert ":3: color" in told[2]


def test_months_between_calendar_dates() -> None:
    assert months_between(date(2026, 9, 1), date(2026, 11, 1)) == 2
    assert months_between(date(2026, 9, 1), date(2026, 9, 16)) == pytest.approx(15 / 30.4375)


def test_annotations_are_read_and_mistakes_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "annotations.yaml"
    assert load_annotations(path) == ()
    path.write_text(
        "- {day: 2026-09-10, text: Return policy changed, kind: policy, rebase: true}\n"
        "- {day: 2026-08-01, text: Summer sale}\n"
    )
    found = load_annotations(path)
    assert [(a.text, a.kind, a.rebase) for a in found] == [
        ("Summer sale", "other", False), ("Return policy changed", "policy", True),
    ]  # fmt: skip
    path.write_text("- {day: soon, text: Sale}\n- {day: 2026-08-01, text: x, knd: sale}\n")
    with pytest.raises(CandorError) as caught:
        load_annotations(path)
    told = " ".join(str(problem) for problem in caught.value.problems)
    assert f"{path}:1: day" in told
    assert f"{path}:2: text" in told
    assert "did you mean 'kind'?" in told


def test_a_release_coincides_only_with_a_supported_change_inside_the_two_periods() -> None:
    notes = (
        Annotation(100, "Release a", "release"), Annotation(110, "Release b", "release"),
        Annotation(115, "Sale", "campaign"), Annotation(140, "Release c", "release"),
    )  # fmt: skip
    worse = Change(Direction.WORSE, -0.1, -0.15, -0.05, "points", "")
    assert [a.text for a in coincides(worse, notes, 100, 140)] == ["Release b"]
    unclear = Change(Direction.NO_CLEAR_CHANGE, -0.1, -0.25, 0.05, "points", "")
    assert coincides(unclear, notes, 100, 140) == ()
    assert coincides(worse, notes, None, 140) == ()


def _week(at: int, trues: int) -> Estimate:
    cell = share_cell([trues + b % 2 for b in range(40)], [10] * 40)
    made = make(
        cell, estimator="proportion", unit="share", evidence="census", snapshot="s", as_of="t"
    )
    start = to_day(date(2026, 6, 1)) + 7 * at
    return replace(made, period_start=start, period_end=start + 7)


def test_a_trend_is_named_only_when_its_interval_allows_it() -> None:
    falling = trend([_week(at, 8 - at) for at in range(7)], better="higher", unit="share")
    assert falling.direction is Direction.WORSE
    assert falling.point == pytest.approx(-0.1 * 30.4375 / 7, rel=0.02)
    assert falling.unit == "points"
    wavy = trend([_week(at, 5 + (at % 2)) for at in range(8)], better="higher", unit="share")
    assert wavy.direction is Direction.NO_CLEAR_CHANGE
    short = trend([_week(at, 8 - at) for at in range(5)], better="higher", unit="share")
    assert (short.direction, short.point) == (Direction.CANNOT_SAY, None)
