"""A figure that rests on a biased judge is put right by labels, wherever it is shown, or marked."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from candor import pipeline, window
from candor.answers import Answers
from candor.cli.main import main
from candor.estimates import Estimate
from candor.reviewing.rates import corrected_rates
from candor.workspace import Workspace

CONVERSATIONS = 900
SHARE, TONE = 0.30, 0.45
"""Planted: contacts that fall into a gap, and the mean tone. The judge says about 0.62 and 0.75."""
CHANCE = 0.22


def at(day: int, minute: int) -> str:
    start = window.parse_instant("2026-03-02T09:00:00Z", "UTC")
    return window.format_instant(start + day * 86_400_000_000 + minute * 60_000_000)


def verdict(thread: str, day: int, who: str, criterion: str, **said: Any) -> dict[str, Any]:
    kind = "human" if who in ("ann", "bob") else "llm"
    return {
        "type": "assessment", "assessment_id": f"{who}:{criterion}:{thread}", "thread_id": thread,
        "occurred_at": at(day, 2), "assessor_kind": kind, "assessor_id": who, "criterion": criterion,
        "assessor_version": "1", **said,
    }  # fmt: skip


def planted() -> Iterator[dict[str, Any]]:
    """A judge that finds 95 % of the gaps and sees one in 48 % of the others; kind on tone.

    People label about a fifth, of the first eight weeks only, and hardly any mail. Bob picks others and
    finds a gap in each, the judge's word in sight.
    """
    rng = random.Random(5)
    for number in range(CONVERSATIONS):
        thread, day = f"t{number}", number % 70
        channel = "email" if number % 9 == 0 else "chat"
        yield {
            "type": "conversation", "thread_id": thread, "occurred_at": at(day, 0),
            "started_at": at(day, 0), "channel": channel, "direction": "inbound",
            "customer_id": f"c{rng.randrange(500)}", "language": "en", "is_test": False,
            "is_spam": False,
        }  # fmt: skip
        for minute, actor in ((0, "customer"), (1, "ai_agent")):
            yield {
                "type": "message", "message_id": f"{thread}-{minute}", "thread_id": thread,
                "occurred_at": at(day, minute), "actor": actor, "actor_id": "x", "is_public": True,
                "text": "Where is my parcel?" if actor == "customer" else "It left on Monday.",
            }  # fmt: skip
        gap = rng.random() < SHARE
        tone = min(1.0, max(0.0, rng.gauss(TONE, 0.15)))
        says = rng.random() < (0.95 if gap else 0.48)
        kind = min(1.0, max(0.0, 0.7 * tone + 0.44 + rng.gauss(0, 0.05)))
        yield verdict(thread, day, "judge", "knowledge_gap", label=str(says).lower())
        changed = {"assessor_version": "m~changed1/x"}
        yield verdict(thread, day, "kin_same_family", "tone", value=round(kind, 4), **changed)
        labelled = channel == "chat" and day < 56 and rng.random() < CHANCE
        if labelled or (channel == "email" and number < 40):
            chance = {"sampling_probability": CHANCE}
            yield verdict(thread, day, "ann", "knowledge_gap", label=str(gap).lower(), **chance)
            yield verdict(thread, day, "ann", "tone", value=round(tone, 4), **chance)
        elif number % 4 == 0:
            yield verdict(thread, day, "bob", "knowledge_gap", label="true", is_blind=False)
            yield verdict(thread, day, "bob", "tone", value=1.0, is_blind=False)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("judged")
    pipeline.initialise(folder / "desk", [])
    workspace = Workspace.open(folder / "desk")
    path = folder / "events.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in planted()), encoding="utf-8")
    pipeline.ingest(workspace, "canonical", [path], name="feed")
    pipeline.measure(workspace)
    return workspace


def one(desk: Workspace, metric: str, **asked: Any) -> Estimate:
    with Answers.open(desk.root) as answers:
        return answers.estimates([metric], **asked).estimates[0]


def test_a_biased_judge_is_corrected_within_its_interval(desk: Workspace) -> None:
    found = one(desk, "knowledge_gap_rate")
    assert found.judged is not None
    assert found.judged.says == pytest.approx(0.62, abs=0.04)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= SHARE <= found.high < found.judged.says
    assert (found.method, str(found.evidence)) == ("poststratified_process", "judge_corrected")
    assert found.judged.machines == ("judge 1",)
    assert 130 <= found.judged.labels <= 180
    (told,) = corrected_rates(desk, criterion="knowledge_gap")
    assert (told.labels, told.assumed) == (found.judged.labels, 0)
    assert not {"uncorrected_judge", "same_family_judge"} & set(found.caveats)
    row = found.as_row()["judged"]
    assert row["machine_says"] == pytest.approx(found.judged.says)
    assert row["corrected"]["point"] == found.as_row()["point"]


def test_a_kind_judge_of_the_same_family_is_corrected_and_named(desk: Workspace) -> None:
    found = one(desk, "service_tone")
    assert found.judged is not None
    assert found.judged.says == pytest.approx(0.75, abs=0.02)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= TONE <= found.high
    assert found.high - found.low < 0.04
    assert found.method == "ppi_tuned_process"
    assert found.judged.same_family
    assert found.judged.machines == ("kin_same_family m~changed1/x",)
    assert {"same_family_judge", "judge_changed"} <= set(found.caveats)


def test_a_segment_with_few_labels_borrows_from_no_other(desk: Workspace) -> None:
    chat = one(desk, "knowledge_gap_rate", where={"channel": "chat"})
    mail = one(desk, "knowledge_gap_rate", where={"channel": "email"})
    assert str(chat.evidence) == "judge_corrected"
    assert mail.judged is not None
    assert mail.point == pytest.approx(0.6, abs=0.12)
    assert 0 < mail.judged.labels < 30
    assert mail.judged.corrected.refusal == "too_few_labels"
    assert mail.judged.needed > mail.judged.labels
    assert "uncorrected_judge" in mail.caveats
    with Answers.open(desk.root) as answers:
        by = answers.estimates(["knowledge_gap_rate"], by=("channel",)).estimates
        assert {e.segment["channel"]: e.point for e in by} == {
            "chat": chat.point,
            "email": mail.point,
        }


def test_days_without_labels_take_the_error_rates_of_others_openly(desk: Workspace) -> None:
    late = one(desk, "knowledge_gap_rate", since="2026-04-27")
    assert late.judged is not None
    assert late.judged.labels == 0
    assert late.method == "rogan_gladen"
    assert "transported_error_rates" in late.caveats
    assert late.low is not None
    assert late.high is not None
    assert late.low <= SHARE <= late.high < late.judged.says
    tone = one(desk, "service_tone", since="2026-04-27")
    assert tone.judged is not None
    assert tone.judged.corrected.refusal == "unlabelled"
    assert "uncorrected_judge" in tone.caveats


def test_every_door_shows_the_corrected_figure(
    desk: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "knowledge_gap_rate", "experience_score", "-w", str(desk.root)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "judge, corrected by human labels" in shown
    assert "By a machine alone: there are no labels of people" in shown
    page, book = tmp_path / "card.html", tmp_path / "card.json"
    for out in (page, book):
        assert main(["scorecard", "--grain", "all", "--out", str(out), "-w", str(desk.root)]) == 0
    assert "put right by" in page.read_text("utf-8")
    assert "By a machine alone" in page.read_text("utf-8")
    rows = [
        row
        for category in json.loads(book.read_text("utf-8"))["categories"]
        for row in category["metrics"]
    ]
    found = {row["metric"]: row["estimate"] for row in rows}
    assert found["knowledge_gap_rate"]["judged"]["machine_says"] == pytest.approx(0.62, abs=0.03)
    assert found["knowledge_gap_rate"]["point"] < 0.4
    assert found["experience_score"]["caveats"][-1] == "uncorrected_judge"
