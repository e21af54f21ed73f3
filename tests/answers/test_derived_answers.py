"""Derived metrics behind every door: show, catalogue, explain, scorecard, doctor."""

from __future__ import annotations

from pathlib import Path

import pytest

from candor.answers import Answers, catalogue, doctor, explain, instrumentation
from candor.answers.derived import Ask, Figure, method
from candor.answers.instrumentation import gaps, requirements, wanted
from candor.answers.period import Period
from candor.answers.reckoning import Reckoner
from candor.errors import CandorError
from candor.estimates import Refusal
from candor.events.registry import registry as event_types
from candor.metrics import registry
from candor.workspace import Workspace


def test_show_gives_rows_like_any_other_with_their_components(answers: Answers) -> None:
    (row,) = (one.as_row() for one in answers.estimates(["improvement_rate"]).estimates)
    assert row["definition"] == "improvement_rate@1"
    assert row["unit"] == "points"
    assert row["low"] < row["point"] < row["high"]
    months = row["detail"]["months"]
    own = answers.estimates(["true_resolution_rate"], grain="month").estimates
    settled = [one for one in own if one.point is not None]
    assert [one["point"] for one in months] == pytest.approx([one.point for one in settled])
    assert row["observed"] == sum(one.observed for one in settled)


def test_counted_and_derived_come_in_the_order_asked(answers: Answers) -> None:
    names = ["improvement_rate", "true_resolution_rate"]
    found = [one.metric for one in answers.estimates(names).estimates]
    assert found == names
    assert "improvement_rate" in {one.metric for one in answers.estimates([]).estimates}


def test_a_breakdown_asks_once_per_member_and_what_has_none_is_refused(answers: Answers) -> None:
    rows = answers.estimates(["improvement_rate"], by=("channel",)).estimates
    members = {
        one.segment["channel"]
        for one in answers.estimates(["true_resolution_rate"], by=("channel",)).estimates
        if one.segment
    }
    assert {one.segment["channel"] for one in rows} == members
    (one,) = (one for one in rows if one.segment == {"channel": "chat"})
    (same,) = answers.estimates(["improvement_rate"], where={"channel": "chat"}).estimates
    assert (one.point, one.low, one.high) == (same.point, same.low, same.high)
    (refused,) = answers.estimates(["improvement_rate"], grain="week").estimates
    assert refused.refusal is Refusal.UNAVAILABLE
    assert refused.missing == "a figure by week: improvement_rate is about a longer past"
    (refused,) = answers.estimates(["improvement_rate"], by=("channel", "release")).estimates
    assert "derived figures take one dimension" in refused.missing
    with pytest.raises(CandorError) as caught:
        answers.estimates(["improvement_rate"], by=("chanel",))
    assert caught.value.code == "measure.dimension"


def test_the_scorecard_has_a_row_for_every_derived_metric(answers: Answers) -> None:
    card = answers.scorecard()
    shown = {row.info.name for row in card.rows} | {one.metric for one in card.hidden}
    assert set(answers.catalogue.derived) <= shown


def test_before_and_baseline_are_whole_periods(answers: Answers) -> None:
    reckoner: Reckoner = answers.reckoner
    assert reckoner.bounds is not None
    first, last = reckoner.bounds
    baseline = reckoner.baseline
    assert baseline is not None
    assert baseline.since is not None
    assert baseline.until is not None
    assert first <= baseline.since < baseline.until <= last
    assert 28 <= baseline.until - baseline.since <= 31
    assert reckoner.before(Period("all", 100, 130)) == Period("all", 70, 100)
    assert reckoner.before(Period("all", None, None)) is None


def test_explain_tells_method_inputs_and_lineage(measured: Workspace) -> None:
    page = explain(measured, "improvement_rate")
    assert page.method.startswith("Weighted least squares over the months")
    assert page.sql == ""
    assert "conversation.true_resolution" in page.columns
    assert "message.feedback" in page.fields
    told = page.as_dict()
    assert (told["estimator"], told["inputs"]) == ("derived", {"metric": "true_resolution_rate"})


def test_the_catalogue_names_the_event_to_instrument_next(measured: Workspace) -> None:
    rows = {row.metric: row for row in catalogue(measured)}
    assert set(rows) == set(registry.load().names)
    assert rows["improvement_rate"].available
    late = rows["sla_adherence_first_response"]
    assert late.available is False
    assert late.instrument.startswith("event conversation")
    nps = rows["nps"]
    assert nps.available is False
    assert nps.instrument.startswith("event survey (survey_id")


def test_an_unmeasured_workspace_is_told_what_each_metric_needs(
    tmp_path: Path, measured: Workspace
) -> None:
    fresh = Workspace.create(tmp_path / "new", measured.config_path.read_text(encoding="utf-8"))
    rows = {row.metric: row for row in catalogue(fresh)}
    assert rows["escalation_rate"].available is None
    assert rows["escalation_rate"].instrument.startswith("event handoff (handoff_id, thread_id")
    from candor import pipeline

    pipeline.simulate(tmp_path / "made", 100, 3, "demo")
    lines = (tmp_path / "made" / "events.jsonl").read_text(encoding="utf-8").splitlines()
    kept = tmp_path / "kept.jsonl"
    kept.write_text(
        "\n".join(line for line in lines if '"type": "claim"' not in line and
                  '"type":"claim"' not in line), encoding="utf-8",
    )  # fmt: skip
    pipeline.ingest(fresh, "canonical", [kept], name="desk")
    rows = {row.metric: row for row in catalogue(fresh)}
    assert rows["resolution_rate_claimed"].available is False
    assert rows["resolution_rate_claimed"].instrument.startswith("event claim (claim_id")
    assert rows["escalation_rate"].available is None


def test_the_doctor_lists_at_most_five_gaps_by_what_they_unlock(measured: Workspace) -> None:
    found = [one for one in doctor(measured) if one.what.startswith("instrument next")]
    assert 1 <= len(found) <= 5
    unlocked = [int(one.do.split("available")[0].split()[-1]) for one in found
                if "would make" in one.do]  # fmt: skip
    assert unlocked == sorted(unlocked, reverse=True)


def test_gaps_count_what_one_event_alone_unlocks() -> None:
    found = gaps(
        {
            "one": ("claim",), "two": ("claim", "survey"), "three": ("survey",), "four": ("survey",),
            "five": (),
        }
    )  # fmt: skip
    assert [(gap.wanted.event, gap.unlocks, gap.helps) for gap in found] == [
        ("survey", ("four", "three"), ("two",)), ("claim", ("one",), ("two",)),
    ]  # fmt: skip


def test_every_requirement_of_the_catalogue_names_an_event_or_a_file() -> None:
    known = registry.load()
    unnamed = {
        f"{metric.name}: {words}"
        for metric in known.every
        for words in requirements(known, metric)
        if not wanted(words).event
    }
    assert not unnamed


def test_every_word_for_a_field_names_a_real_one() -> None:
    types = event_types()
    for event, fields in instrumentation._SPOKEN.values():
        if event in types:
            assert set(fields) <= {field.name for field in types[event].fields}


def test_a_requirement_names_event_and_fields() -> None:
    assert wanted("handoff").fields[:2] == ("handoff_id", "thread_id")
    assert wanted("message with ai_confidence").sentence == (
        "event message (ai_confidence): message with ai_confidence"
    )
    spoken = wanted("label of hallucination by a person, with its sampling probability")
    assert spoken.event == "assessment"
    assert "sampling_probability" in spoken.fields
    assert wanted("latency of AI messages").fields == ("latency_ms",)
    assert wanted("monthly rates in rates.yaml").sentence.startswith("rates.yaml: ")


def test_a_method_name_is_taken_once() -> None:
    def pure(_given: object) -> Figure:
        return Figure.refused(Refusal.TOO_FEW)

    def run(_ask: Ask) -> list[Figure]:
        return []

    with pytest.raises(ValueError, match="slope_per_month"):
        method("slope_per_month", pure=pure)(run)
