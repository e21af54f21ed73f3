"""Reference files of a workspace: read, checked, hashed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from candor.errors import CandorError
from candor.workspace import Workspace

CONFIG = '[workspace]\nname = "Test"\n'


def test_create_makes_a_private_restricted_folder_and_refuses_twice(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws", CONFIG)
    assert workspace.settings.workspace.name == "Test"
    assert stat.S_IMODE(workspace.restricted.stat().st_mode) == 0o700
    with pytest.raises(CandorError, match="already"):
        Workspace.create(tmp_path / "ws", CONFIG)


def test_intents_mistakes_are_all_named(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path, CONFIG)
    (tmp_path / "intents.yaml").write_text(
        "- {intent_id: refund, risk: hihg}\n- {intent_id: track, automatable: true}\n", "utf-8"
    )
    with pytest.raises(CandorError) as caught:
        workspace.intents()
    assert [problem.where.rsplit(" ", 1)[1] for problem in caught.value.problems] == [
        "0.risk",
        "1.automatable",
    ]


def test_intents_and_agents_are_read_and_hashed(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path, CONFIG)
    assert workspace.intents() == ()
    assert workspace.reference_hashes() == {}
    (tmp_path / "intents.yaml").write_text(
        "intents:\n  - {intent_id: refund, kind: action, is_automatable: false}\n", "utf-8"
    )
    (tmp_path / "agents.csv").write_text("human_agent_id,team\nh-1,billing\nh-2,\n", "utf-8")
    assert workspace.intents()[0].is_automatable is False
    assert [(agent.human_agent_id, agent.team) for agent in workspace.human_agents()] == [
        ("h-1", "billing"),
        ("h-2", None),
    ]
    assert set(workspace.reference_hashes()) == {"intents.yaml", "agents.csv"}


def test_an_unknown_agents_column_is_named_with_the_nearest(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path, CONFIG)
    (tmp_path / "agents.csv").write_text("human_agent_id,teem\nh-1,billing\n", "utf-8")
    with pytest.raises(CandorError, match="did you mean 'team'"):
        workspace.human_agents()


def test_a_repeated_intent_is_refused(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path, CONFIG)
    (tmp_path / "intents.yaml").write_text("- {intent_id: a}\n- {intent_id: a}\n", "utf-8")
    with pytest.raises(CandorError, match="'a' is listed twice"):
        workspace.intents()
