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
NEED, NEEDED, NOT_NEEDED, BREACH, SERVICE = 0.35, 0.60, 0.10, 0.15, 0.55
"""Planted: contacts that need a human, the share of those and of the others handed over, breaches,
and the mean of the five parts of service."""
PARTS = ("relevance", "professionalism", "efficiency", "clarity")


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
    rng, other = random.Random(5), random.Random(113)
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
            yield from mixed(other, thread, day, chance)
        else:
            yield from mixed(other, thread, day, None)
        if not labelled and number % 4 == 0 and not (channel == "email" and number < 40):
            yield verdict(thread, day, "bob", "knowledge_gap", label="true", is_blind=False)
            yield verdict(thread, day, "bob", "tone", value=1.0, is_blind=False)


def mixed(
    rng: random.Random, thread: str, day: int, chance: dict[str, float] | None
) -> Iterator[dict[str, Any]]:
    """Verdicts that decide who is counted, or stand beside events, and the other parts of service."""
    needs = rng.random() < NEED
    if rng.random() < (NEEDED if needs else NOT_NEEDED):
        yield {
            "type": "handoff", "handoff_id": f"h{thread}", "thread_id": thread,
            "occurred_at": at(day, 3), "from_actor": "ai_agent", "to_actor": "human_agent",
            "reason": "customer_request", "is_planned": False, "is_failed": False,
        }  # fmt: skip
    said = rng.random() < (0.8 if needs else 0.25)
    yield verdict(thread, day, "judge", "needs_human", label=str(said).lower())
    breach = rng.random() < BREACH
    flagged = rng.random() < (0.9 if breach else 0.2)
    yield verdict(thread, day, "judge", "violation", label=str(flagged).lower())
    if chance is not None:
        yield verdict(thread, day, "ann", "needs_human", label=str(needs).lower(), **chance)
        yield verdict(thread, day, "ann", "violation", label=str(breach).lower(), **chance)
    if day % 2:
        return
    parts = [min(1.0, max(0.0, rng.gauss(SERVICE, 0.1))) for _ in PARTS]
    for part, truth in zip(PARTS, parts, strict=True):
        kind = {"value": round(min(1.0, max(0.0, truth + rng.gauss(0.2, 0.1))), 4)}
        yield verdict(thread, day, "kin_same_family", part, assessor_version="m~changed1/x", **kind)
        if chance is not None:
            yield verdict(thread, day, "ann", part, value=round(truth, 4), **chance)


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


@pytest.mark.parametrize(
    ("metric", "truth", "says", "method"),
    [
        ("missed_escalation_rate", 1 - NEEDED, 0.58, "poststratified_domain_process"),
        ("appropriate_escalation_rate", 0.764, 0.67, "poststratified_process"),
        (
            "escalation_accuracy",
            NEED * NEEDED + (1 - NEED) * (1 - NOT_NEEDED),
            0.28 * 0.6 + 0.1625 * 0.1 + 0.07 * 0.4 + 0.4875 * 0.9,
            "poststratified_process",
        ),
        ("policy_violation_rate", BREACH, 0.305, "poststratified_process"),
        ("service_quality", (TONE + 4 * SERVICE) / 5, 0.75, "ppi_tuned_process"),
    ],
)
def test_verdicts_that_decide_who_counts_or_stand_beside_events_are_corrected_too(
    desk: Workspace, metric: str, truth: float, says: float, method: str
) -> None:
    found = one(desk, metric)
    assert found.judged is not None
    assert found.judged.says == pytest.approx(says, abs=0.06)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= truth <= found.high
    assert (found.method, str(found.evidence)) == (method, "judge_corrected")
    assert "uncorrected_judge" not in found.caveats


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
