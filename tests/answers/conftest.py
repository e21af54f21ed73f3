"""One measured workspace of simulated conversations, some of them judged by a person and a machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from candor import pipeline
from candor.answers import Answers
from candor.simulator import reference
from candor.workspace import Workspace


def labels(events: Path) -> list[dict[str, Any]]:
    """Verdicts on the tone of every sixth AI message of the log: a person's and a machine's.

    The machine errs on every seventh item, and on every third once a new version of it serves.
    """
    messages = [
        event
        for event in map(json.loads, events.read_text(encoding="utf-8").splitlines())
        if event["type"] == "message" and event["actor"] == "ai_agent"
    ]
    messages.sort(key=lambda event: (event["occurred_at"], event["message_id"]))
    made = []
    for at, event in enumerate(messages[::6]):
        truth = "poor" if at % 4 == 0 else "good"
        late = at > len(messages) // 9
        errs = at % 3 == 0 if late else at % 7 == 0
        other = {"poor": "good", "good": "poor"}[truth]
        shared = {
            "type": "assessment", "thread_id": event["thread_id"], "message_id": event["message_id"],
            "occurred_at": event["occurred_at"], "criterion": "tone",
        }  # fmt: skip
        made += [
            {**shared, "assessment_id": f"h{at}", "assessor_kind": "human", "assessor_id": "rater",
             "assessor_version": "1", "label": truth},
            {**shared, "assessment_id": f"m{at}", "assessor_kind": "llm", "assessor_id": "judge",
             "assessor_version": "2" if late else "1", "label": other if errs else truth},
        ]  # fmt: skip
    return made


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder: Path = tmp_path_factory.mktemp("answers") / "demo"
    config = (Path(pipeline.__file__).parent / "template.toml").read_text(encoding="utf-8")
    workspace = Workspace.create(
        folder, config.replace("{name}", "Desk").replace("{currency}", "USD")
    )
    (folder / "intents.yaml").write_text(reference.INTENTS_YAML, encoding="utf-8")
    (folder / "targets.yaml").write_text(reference.TARGETS_YAML, encoding="utf-8")
    made = folder / "simulated"
    pipeline.simulate(made, 2000, 7, "demo")
    judged = folder / "labels.jsonl"
    rows = labels(made / "events.jsonl")
    judged.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    result = pipeline.ingest(
        workspace, "canonical", [made / "events.jsonl", judged], name="demo_desk"
    )
    assert not result.refused
    pipeline.measure(workspace)
    return workspace


@pytest.fixture
def answers(measured: Workspace) -> Iterator[Answers]:
    with Answers(measured) as opened:
        yield opened
