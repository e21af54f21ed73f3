"""Handed-over contacts are left out and counted; a cost that is not known gives no threshold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from candor import pipeline
from candor.cli import main as program
from candor.engines.duck import DuckEngine
from candor.errors import CandorError
from candor.lake.serving import Serving
from candor.reviewing.confidence import confidence
from candor.workspace import Workspace


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("confidence") / "desk"
    pipeline.build_demo(folder, conversations=400, seed=4)
    return Workspace.open(folder)


def test_only_contacts_that_the_ai_kept_are_looked_at(demo: Workspace) -> None:
    found = confidence(demo, cost_wrong=12, cost_handover=4)
    with DuckEngine(Serving(demo.serving).current().facts, read_only=True) as engine:
        last = engine.rows(
            "select count(*), count(case when c.escalated then 1 end) from message as m inner join"
            " conversation as c on m.conversation_key = c.conversation_key where m.is_last_ai_answer"
            " and m.ai_confidence_ppm is not null and not m.is_test and not m.is_spam"
        )[0]
    units = sum(one.count for one in found.reliability.curve)
    assert (units + found.handed_over + found.undecided, found.handed_over) == last
    assert found.handed_over > 0
    assert found.advice is not None
    assert found.advice.units == units
    assert found.as_dict()["advice"]["threshold"]["method"] == "logistic_threshold"


def test_the_cost_of_a_handover_comes_from_the_rates(
    demo: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    rates = demo.root / "rates.yaml"
    was = rates.read_text("utf-8") if rates.exists() else None
    rates.unlink(missing_ok=True)
    assert program.main(["confidence", "-w", str(demo.root), "--cost-wrong", "12"]) == 0
    assert "no threshold: give --cost-handover (or rates.yaml)" in capsys.readouterr().out
    rates.write_text("human:\n  cost_per_minute: 1.00\n  overhead_share: 0.5\n", "utf-8")
    found = confidence(demo, cost_wrong=12)
    with DuckEngine(Serving(demo.serving).current().facts, read_only=True) as engine:
        minutes = engine.rows(
            "select sum(handle_us) / count(handle_us) / 6e7 from conversation"
            " where escalated and handle_us is not null and not is_test and not is_spam"
        )[0][0]
    assert found.handover_from == "rates.yaml"
    assert found.cost_handover == pytest.approx(1.5 * minutes)
    rates.unlink()
    if was is not None:
        rates.write_text(was, "utf-8")


def test_the_program_says_it(demo: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["confidence", "-w", str(demo.root)]
    assert program.main([*where, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["advice"] is None
    assert 0 < told["reliability"]["brier"]["point"] < 1
    assert program.main([*where, "--cost-wrong", "12", "--cost-handover", "4"]) == 0
    assert "threshold" in capsys.readouterr().out
    assert program.main([*where, "--cost-wrong", "-1"]) == 2


def test_without_a_stated_confidence_there_is_nothing_to_say(tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    assert program.main(["init", str(folder)]) == 0
    lines = [
        {"type": "message", "thread_id": "a", "message_id": f"m{n}", "occurred_at": f"2026-05-01T10:0{n}:00Z",
         "actor": actor, "is_public": True, "text": "Where is my parcel?"}
        for n, actor in enumerate(("customer", "ai_agent"))
    ]  # fmt: skip
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    opened = Workspace.open(folder)
    pipeline.ingest(opened, "canonical", [path])
    pipeline.measure(opened)
    with pytest.raises(CandorError, match="no answer with a known end"):
        confidence(opened)
    assert program.main(["topics", "-w", str(folder)]) == 0
