"""Status, change, targets and the scorecard, with numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from candor.errors import CandorError
from candor.estimates import Estimate, Refusal, change, make
from candor.verdicts import (
    Direction,
    MetricEntry,
    Status,
    Target,
    Targets,
    build,
    compare,
    load_targets,
    status,
    wording,
)
from candor.verdicts.scorecard import MetricInfo, Scorecard
from estimates.cells import share_cell

LINEAGE: dict[str, Any] = {"evidence": "census", "snapshot": "s1", "as_of": "2026-06-01T00:00:00Z"}


def _share(trues: int, *, metric: str = "containment_rate", **options: Any) -> Estimate:
    """40 customers with ten units each; ``trues`` of ten are true, one more for every other one."""
    cell = share_cell([trues + b % 2 for b in range(40)], [10] * 40, metric=metric, **options)
    return make(cell, estimator="proportion", unit="share", **LINEAGE)


def _interval(low: float, high: float) -> Estimate:
    return replace(_share(5), point=(low + high) / 2, low=low, high=high)


@pytest.mark.parametrize(
    ("low", "high", "amber", "better", "expected"),
    [
        (0.70, 0.80, 0.0, "higher", Status.MET),
        (0.60, 0.70, 0.0, "higher", Status.UNSURE),
        (0.60, 0.699, 0.0, "higher", Status.MISSED),
        (0.60, 0.699, 0.05, "higher", Status.UNSURE),
        (0.60, 0.649, 0.05, "higher", Status.MISSED),
        (0.60, 0.70, 0.0, "lower", Status.MET),
        (0.65, 0.75, 0.0, "lower", Status.UNSURE),
        (0.71, 0.75, 0.0, "lower", Status.MISSED),
        (0.71, 0.75, 0.02, "lower", Status.UNSURE),
        (0.71, 0.75, 0.0, "neither", Status.NO_TARGET),
    ],
)
def test_status_comes_from_the_interval(
    low: float, high: float, amber: float, better: Any, expected: Status
) -> None:
    target = Target(metric="containment_rate", target=0.70, amber=amber)
    assert status(_interval(low, high), target, better).status is expected


@pytest.mark.parametrize(
    ("found", "ceiling", "told"),
    [
        (0, 0.005, "600 independent ones checked, with 0 found, would show that it is below 0.5 %; so far they are worth 400."),
        (1, 0.005, "2,369 independent ones checked, with 6 found, would"),
        (2, 0.004, "At the share found so far no sample would show it below 0.4 %."),
    ],
)  # fmt: skip
def test_a_rare_thing_says_what_sample_would_prove_its_target(
    found: int, ceiling: float, told: str
) -> None:
    cell = share_cell([1] * found + [0] * (40 - found), [10] * 40, metric="policy_violation_rate")
    estimate = make(cell, estimator="rare", unit="share", **LINEAGE)
    held = status(estimate, Target(metric="policy_violation_rate", target=ceiling), "lower")
    assert held.status is Status.UNSURE
    assert told in held.reason
    assert "checked" not in status(_interval(0.0, 0.9), Target(metric="x", target=0.5)).reason


def test_a_target_may_give_the_direction_that_a_definition_leaves_open() -> None:
    target = Target(metric="containment_rate", target=0.7, better="lower")
    assert status(_interval(0.5, 0.6), target, "neither").status is Status.MET
    assert status(_interval(0.75, 0.8), target, "neither").status is Status.MISSED


def test_a_refusal_is_withheld_and_says_why() -> None:
    refused = _share(5, customers=3)
    found = status(refused, Target(metric="containment_rate", target=0.1))
    assert found.status is Status.WITHHELD
    assert "customers" in found.reason
    absent = make(
        share_cell([], [], available=False), estimator="proportion", unit="share", **LINEAGE
    )
    assert status(absent, None).reason == "no event 'claim'"


def test_direction_needs_an_interval_away_from_zero() -> None:
    before, after = _share(5), _share(7)
    assert compare(after, before).direction is Direction.BETTER
    assert compare(after, before, better="lower").direction is Direction.WORSE
    assert compare(after, before, better="neither").direction is Direction.HIGHER
    assert compare(before, before).direction is Direction.NO_CLEAR_CHANGE
    assert compare(after, None).direction is Direction.CANNOT_SAY
    refused = compare(after, _share(5, customers=3))
    assert refused.direction is Direction.CANNOT_SAY
    assert refused.point is None


def test_the_change_of_returning_customers_is_sharper() -> None:
    old, new = (share_cell([n + b % 5 for b in range(40)], [10] * 40) for n in (3, 4))
    found = change(new, old, unit="share", **LINEAGE)
    before, after = (make(c, estimator="proportion", unit="share", **LINEAGE) for c in (old, new))
    sharp, plain = compare(after, before, change=found), compare(after, before)
    assert sharp.point == pytest.approx(0.1)
    assert sharp.high - sharp.low < (plain.high - plain.low) / 10
    assert sharp.unit == "points"


TARGETS = """\
- metric: containment_rate
  target: 0.7
  amber: 0.05
- metric: containment_rate
  target: 0.5
  segment: {channel: voice}
- metric: containmint_rate
  target: high
  amber: -1
  colour: red
- metric: containment_rate
  target: 0.8
- target: 3
"""


def test_every_mistake_in_targets_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "targets.yaml"
    path.write_text(TARGETS)
    with pytest.raises(CandorError) as caught:
        load_targets(path, ["containment_rate"])
    told = [str(problem) for problem in caught.value.problems]
    for line, words in [
        (7, "did you mean 'containment_rate'?"), (8, "number"), (9, "greater"),
        (10, "unknown key 'colour'"), (11, "second target"), (13, "'metric' is missing"),
    ]:  # fmt: skip
        assert any(f"targets.yaml:{line}" in text and words in text for text in told), (line, told)
    assert len(told) == 6


def test_the_most_specific_target_holds(tmp_path: Path) -> None:
    path = tmp_path / "targets.yaml"
    path.write_text("\n".join(TARGETS.splitlines()[:6]))
    targets = load_targets(path, ["containment_rate"])
    assert targets.find("containment_rate").target == 0.7
    assert targets.find("containment_rate", {"channel": "voice", "region": "eu"}).target == 0.5
    assert targets.find("containment_rate", {"channel": "chat"}).target == 0.7
    assert targets.find("silent_failure_rate") is None
    assert load_targets(tmp_path / "none.yaml").all == ()


@pytest.mark.parametrize("text", ["targets: []\n", "3\n", "- a\n"])
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "targets.yaml"
    path.write_text(text)
    with pytest.raises(CandorError) as caught:
        load_targets(path)
    assert caught.value.code == "targets.invalid"


def _info(name: str, **options: Any) -> MetricInfo:
    return MetricInfo(name, name.replace("_", " "), f"How about {name}?", "automation", **options)


def _card(*entries: MetricEntry, targets: Targets | None = None) -> Scorecard:
    return build(
        entries, targets, title="Acme", period="May 2026", grain="month", data_health={"fresh": 1},
        snapshot="s1", as_of="2026-06-01T00:00:00Z",
    )  # fmt: skip


def _resolution(**options: Any) -> MetricEntry:
    found = _share(4, metric="true_resolution_rate", **options)
    return MetricEntry(_info("true_resolution_rate", tier="primary"), found)


def test_deflection_is_never_shown_alone() -> None:
    deflection = MetricEntry(_info("deflection_rate"), _share(7, metric="deflection_rate"))
    alone = _card(deflection)
    assert alone.rows == ()
    assert alone.hidden[0].metric == "deflection_rate"
    assert "true_resolution_rate" in alone.hidden[0].reason
    beside = _card(deflection, MetricEntry(_info("other"), _share(5)), _resolution())
    assert [row.info.name for row in beside.rows] == [
        "true_resolution_rate",
        "deflection_rate",
        "other",
    ]
    without_figure = _card(deflection, _resolution(customers=3))
    assert [row.info.name for row in without_figure.rows] == ["true_resolution_rate"]


def test_headlines_say_the_figures_and_the_doubt() -> None:
    card = _card(
        MetricEntry(_info("containment_rate"), _share(7)),
        _resolution(unknown={"undetermined": 100}, confirmed=120),
        targets=Targets((Target(metric="containment_rate", target=0.9),)),
    )
    texts = [headline.text for headline in card.headlines]
    assert texts[0].startswith("The AI looked successful in 75.0\u202f% of conversations; it truly")
    assert "resolved 45.0\u202f%" in texts[0]
    assert "confirms 24.0\u202f% of all eligible" in texts[0]
    assert "Whether 20.0\u202f% of them" in texts[1]
    assert "36.0\u202f%" in texts[1]
    assert "56.0\u202f%" in texts[1]
    assert texts[-1] == "Of 1 target: 1 missed."
    assert card.has_status("missed")
    assert not card.has_status("unsure")


def test_a_missing_resolution_is_named_not_guessed() -> None:
    card = _card(MetricEntry(_info("containment_rate"), _share(7)), _resolution(customers=3))
    assert "cannot be said: too few different customers" in card.headlines[0].text


def test_the_page_is_plain_data() -> None:
    card = _card(_resolution(), MetricEntry(_info("containment_rate"), _share(7), _share(5)))
    data = json.loads(json.dumps(card.as_dict(), allow_nan=False))
    row = data["categories"][0]["metrics"][1]
    assert row["change"]["direction"] == "better"
    assert row["change"]["point"] == pytest.approx(0.2)
    assert row["status"] == "no_target"
    assert data["data_health"] == {"fresh": 1}


def test_a_metric_twice_or_without_category_is_a_mistake() -> None:
    entry = _resolution()
    with pytest.raises(ValueError, match="twice"):
        _card(entry, entry)
    with pytest.raises(ValueError, match="no category"):
        _card(replace(entry, info=replace(entry.info, category="fun")))


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [
        (0.735, "share", "73.5 %"), (0.00012, "share", "0.012 %"), (1.0, "share", "100.0 %"),
        (-0.042, "points", "−4.2 points"), (0.0, "points", "0.0 points"), (42.04, "seconds", "42.0 s"),
        (250.4, "seconds", "4 min 10 s"), (119.8, "seconds", "2 min"), (7260, "seconds", "2 h 1 min"),
        (200_000, "seconds", "2.3 days"), (1234.5, "money", "1,234.50 EUR"), (3.456, "count", "3.46"),
        (1200, "count", "1,200"), (None, "share", "—"),
    ],
)  # fmt: skip
def test_figures_in_words(number: float | None, unit: str, text: str) -> None:
    assert wording.figure(number, unit, "EUR").replace(wording.THIN, " ") == text


def test_intervals_in_words() -> None:
    assert wording.interval(0.1, 0.2, "share").replace(wording.THIN, " ") == "10.0–20.0 %"
    assert (
        wording.interval(-0.1, 0.2, "points").replace(wording.THIN, " ") == "−10.0 to 20.0 points"
    )
    assert wording.interval(30, 90, "seconds").replace(wording.THIN, " ") == "30.0 s to 1 min 30 s"
    assert wording.signed(0.0001, "points").replace(wording.THIN, " ") == "0.0 points"
    assert wording.signed(0.1, "points").replace(wording.THIN, " ") == "+10.0 points"


def test_every_refusal_has_its_sentence() -> None:
    from candor.verdicts.bands import REASONS

    assert set(REASONS) == set(Refusal)
