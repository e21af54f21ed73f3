"""Public data read by the mappings shipped as examples, against figures counted without candor."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from candor import pipeline
from candor.answers.snapshot import Answers
from candor.sources.mapping import load_mapping
from candor.workspace import Workspace

from .conftest import events_stored, take

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def reference(shared: Callable[[str], Path]) -> dict[str, Any]:
    """The figures, by set."""
    found: dict[str, Any] = json.loads(shared("data/reference.json").read_text("utf-8"))
    return found


def read(workspace: Workspace, mapping: str, path: Path, records: int) -> Workspace:
    """One file read whole by a shipped mapping, measured with the metrics that lie beside it."""
    file = EXAMPLES / "mappings" / f"{mapping}.yaml"
    result = take(workspace, "generic", path, name=mapping, mapping=file)
    assert (result.read, result.stored, result.quarantined) == (records, records, 0)
    own = EXAMPLES / "metrics" / mapping
    for metric in own.glob("*.yaml") if own.exists() else ():
        shutil.copy(metric, workspace.metrics_dir)
    pipeline.measure(workspace)
    return workspace


def shown(workspace: Workspace, name: str, **asked: Any) -> tuple[int, int]:
    """Total and number of units of one figure of ``candor show``."""
    with Answers(workspace) as answers:
        (one,) = answers.estimates([name], **asked).estimates
    assert one.observed == one.eligible
    assert one.total is not None
    return int(one.total), one.observed


def counted(share: dict[str, Any]) -> tuple[int, int]:
    return share["total"], share["n"]


def test_every_shipped_mapping_is_sound() -> None:
    names = {path.name for path in (EXAMPLES / "mappings").glob("*.yaml")}
    assert names == {
        "betold.yaml", "hint3.yaml", "star.yaml", "star_requests.yaml", "tau2_judges.yaml",
    }  # fmt: skip
    for path in (EXAMPLES / "mappings").glob("*.yaml"):
        assert load_mapping(path).rules


def test_the_guide_names_files_that_exist_and_the_reference(reference: dict[str, Any]) -> None:
    guide = (EXAMPLES.parent / "docs" / "guides" / "public-data.md").read_text("utf-8")
    named = set(re.findall(r"examples/[\w./*]+\.yaml", guide))
    assert len(named) == 7
    for pattern in named:
        assert list(EXAMPLES.parent.glob(pattern)), pattern
    star, betold = reference["star"], reference["betold_valid"]
    shares = (
        star["acceptance_by_message"], star["acceptance_by_request"], star["completed"],
        star["customer_says_all_done"], star["annoyed_share"], betold["positives"],
    )  # fmt: skip
    for share in shares:
        assert f"{share['total']:,} of {share['n']:,}" in guide
    for bot in reference["hint3"]["bots"].values():
        for share in bot["at_threshold_0_1"]["dialogflow"].values():
            assert f"{100 * share:.1f} %" in guide
    for turn in ("8", "9", "10", "11", "12"):
        step = betold["drop_off_by_bot_turn"][turn]
        assert f"{step['left']} of {step['at_risk']:,}" in guide


def test_star_by_message(
    workspace: Workspace, shared: Callable[[str], Path], reference: dict[str, Any]
) -> None:
    star = reference["star"]
    read(workspace, "star", shared("data/star/dialogues.jsonl.gz"), star["dialogues"])
    kept = {"suggestion": star["acceptance_by_message"]["n"], "conversation": star["dialogues"]}
    assert {kind: events_stored(workspace, kind) for kind in kept} == kept
    assert events_stored(workspace, "message") == 86_673
    expected = {
        "guidance_acceptance_rate": star["acceptance_by_message"],
        "dialogue_completed_share": star["completed"],
        "customer_says_done_share": star["customer_says_all_done"],
        "customer_annoyed_share": star["annoyed_share"],
    }
    assert {name: shown(workspace, name) for name in expected} == {
        name: counted(share) for name, share in expected.items()
    }


def test_star_by_request(
    workspace: Workspace, shared: Callable[[str], Path], reference: dict[str, Any]
) -> None:
    star = reference["star"]
    read(workspace, "star_requests", shared("data/star/dialogues.jsonl.gz"), star["dialogues"])
    share = counted(star["acceptance_by_request"])
    assert shown(workspace, "guidance_acceptance_rate") == share
    assert events_stored(workspace, "suggestion") == share[1] == star["suggestion_requests"]
    with Answers(workspace) as answers:
        made = dict(
            answers.engine.rows("select decision, count(*) from suggestion group by decision")
        )
    after = star["next_agent_action"]
    assert made["rejected"] == after["utter"]
    assert made["ignored"] == sum(after.values()) - after["utter"] - after["pick_suggestion"]


@pytest.mark.parametrize("bot", ["sofmattress", "curekart"])
def test_hint3_at_two_published_thresholds(
    workspace: Workspace, shared: Callable[[str], Path], reference: dict[str, Any], bot: str
) -> None:
    of_bot = reference["hint3"]["bots"][bot]
    read(workspace, "hint3", shared(f"data/hint3/preds/dialogflow_{bot}.csv"), of_bot["test"])
    with shared(f"data/hint3/results/dialogflow_{bot}.csv").open(newline="") as table:
        published = {row["Threshold"]: row for row in csv.DictReader(table)}
    lowest = of_bot["at_threshold_0_1"]["dialogflow"]
    assert round(float(published["0.1"]["Accuracy"]), 6) == lowest["accuracy"]
    for threshold in ("0.1", "0.3"):
        expected = {name: round(float(value), 6) for name, value in published[threshold].items()}
        release = {"release": threshold}
        right, asked = shown(workspace, "intent_recognition_accuracy", where=release)
        assert (asked, round(right / asked, 6)) == (of_bot["test"], expected["Accuracy"])
        inside = {"customer_segment": "in_scope", **release}
        right, known = shown(workspace, "intent_recognition_accuracy", where=inside)
        assert known == of_bot["test"] - of_bot["test_out_of_scope"]
        assert round(right / known, 6) == expected["Inscope Accuracy"]
        noticed, outside = shown(workspace, "novel_intent_recall", where=release)
        assert (outside, noticed > 0) == (of_bot["test_out_of_scope"], True)
        with Answers(workspace) as answers:
            (recall,) = answers.estimates(["novel_intent_recall"], where=release).estimates
        assert recall.point is not None
        assert round(recall.point, 6) == expected["OOS Recall"]


def test_betold_is_one_outcome(
    workspace: Workspace, shared: Callable[[str], Path], reference: dict[str, Any]
) -> None:
    betold = reference["betold_valid"]
    read(workspace, "betold", shared("data/betold/BETOLD_valid.json.gz"), betold["calls"])
    assert events_stored(workspace, "message") == betold["utterances"]
    assert shown(workspace, "hung_up_or_asked_share") == counted(betold["positives"])
    spoken = {"bot_utterances": "nlg", "caller_utterances": "nlu"}
    assert {name: shown(workspace, name) for name in spoken} == {
        name: (betold["by_caller"][who], betold["calls"]) for name, who in spoken.items()
    }
    with Answers(workspace) as answers:
        rows = answers.estimates(["hung_up_or_asked_by_turn"], by=("turn",)).estimates
        told_apart = answers.engine.rows(
            "select count(*) from conversation where escalated or abandoned or rage_quit"
        )
    assert told_apart == [(0,)]
    curve = {int(str(row.segment["turn"])): (row.eligible, row.total) for row in rows}
    # The fact stops at the twentieth turn.
    assert curve == {
        int(turn): (one["at_risk"], one["left"])
        for turn, one in betold["drop_off_by_bot_turn"].items()
        if int(turn) <= 20
    }


def test_a_workspace_without_a_single_message_is_measured(
    workspace: Workspace, tmp_path: Path
) -> None:
    path, mapping = tmp_path / "x.csv", tmp_path / "x.yaml"
    path.write_text("id,at\n1,2026-05-01T10:00:00Z\n2,2026-05-01T11:00:00Z\n", "utf-8")
    mapping.write_text(
        'format: {type: csv, delimiter: ","}\nemit:\n'
        "  - {type: conversation, fields: {thread_id: id, started_at: at}}\n",
        "utf-8",
    )
    assert take(workspace, "generic", path, mapping=mapping).stored == 2
    pipeline.measure(workspace)
    with Answers(workspace) as answers:
        assert answers.engine.rows("select count(*) from conversation") == [(2,)]
