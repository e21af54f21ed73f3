"""A new version restates history and says so; a silent change of a workspace metric is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from candor import pipeline, restating
from candor.answers import Answers, explain
from candor.errors import CandorError
from candor.metrics import registry
from candor.restating import Restated
from candor.workspace import Workspace

SHIPPED = Path(registry.__file__).parent / "catalogue" / "containment" / "involvement_rate.yaml"


def _own(text: str) -> str:
    lines = text.replace("involvement_rate", "own_rate").splitlines()
    return "\n".join(
        'also_known_as: ["own one"]' if line.startswith("also_known_as") else line for line in lines
    )


OWN = _own(SHIPPED.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("restating") / "demo"
    made = pipeline.build_demo(folder, conversations=300, seed=5)
    return Workspace.open(made.workspace_root)


def test_versions_restate_and_silent_changes_are_refused(workspace: Workspace) -> None:
    path = workspace.metrics_dir / "own_rate.yaml"
    path.write_text(OWN, encoding="utf-8")
    assert pipeline.measure(workspace).restated == ()
    with Answers(workspace) as answers:
        before = {
            one.period_start: one.point
            for one in answers.estimates(["own_rate"], grain="month").estimates
        }

    text = OWN.replace("outcome: ai_involved", "outcome: ai_involved and not human_involved")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CandorError) as caught:
        pipeline.measure(workspace)
    assert caught.value.code == "metric.version"
    (problem,) = caught.value.problems
    assert "still version 1" in problem.what
    assert "set `version: 2`" in problem.fix

    text = text.replace("version: 1\ntitle", "version: 2\ntitle").replace(
        "examples:", '  - {version: 2, date: "2027-01-05", change: "without humans"}\nexamples:', 1
    )
    path.write_text(text, encoding="utf-8")
    result = pipeline.measure(workspace)
    with Answers(workspace) as answers:
        after = {
            one.period_start: one.point
            for one in answers.estimates(["own_rate"], grain="month").estimates
        }
    moved = [start for start in before if before[start] != after[start]]
    assert len(moved) == len(result.restated) >= 2
    assert all(
        line.startswith("own_rate: version 1 → 2 on 2027-01-05: published figure for ")
        for line in result.restated
    )
    assert result.lines()[-1] == f"  restated: {result.restated[-1]}"
    assert explain(workspace, "own_rate").restated == result.restated
    assert explain(workspace, "involvement_rate").restated == ()

    again = pipeline.measure(workspace)
    assert again.restated == ()
    assert explain(workspace, "own_rate").restated == result.restated


def test_moves_are_told_with_their_figures() -> None:
    def told(version: int, **months: float | None) -> dict[str, dict[str, object]]:
        return {
            "a": {"version": version, "meaning": str(version), "date": "2026-04-01",
                  "unit": "share", "months": {k.replace("m", "2026-"): v for k, v in months.items()}}
        }  # fmt: skip

    (one,) = restating.restated(
        told(1, m03=0.612, m04=0.5), told(2, m03=0.608, m04=0.5, m05=None), with_data=False
    )
    assert one.sentences == [
        "a: version 1 → 2 on 2026-04-01: published figure for March 2026 moved "
        "61.2\u202f% → 60.8\u202f%"
    ]
    assert Restated.of(one.as_dict()) == one
    assert restating.restated(told(1, m03=0.6), told(1, m03=0.5), with_data=True) == []
    (same,) = restating.restated(told(1, m03=0.6), told(2, m03=0.6), with_data=True)
    assert same.sentences == [
        "a: version 1 → 2 on 2026-04-01: no published figure moved (the data changed as well)"
    ]
