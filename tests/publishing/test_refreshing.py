"""A publication brought up to date is the publication that would be built from nothing."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from candor import pipeline, refreshing
from candor.engines.duck import DuckEngine
from candor.facts import refresh
from candor.facts.steps import steps
from candor.lake import Lake
from candor.lake.serving import Serving
from candor.measure import MeasureCell
from candor.metrics import query, registry
from candor.workspace import Workspace

CONFIG = '[workspace]\nname = "Refreshed"\ncurrency = "USD"\n'
STORED = [step.name for step in steps().values() if not step.name.startswith("_")]


def facts(workspace: Workspace) -> dict[str, list[tuple[Any, ...]]]:
    pointer = json.loads((workspace.serving / "current.json").read_text())
    with DuckEngine(workspace.serving / pointer["facts"]["name"], read_only=True) as engine:
        return {name: engine.rows(f'select * from "{name}" order by all') for name in STORED}


def monthly(workspace: Workspace) -> dict[str, Any]:
    """Every definition with its monthly figures."""
    pointer = json.loads((workspace.serving / "current.json").read_text())
    found: dict[str, Any] = pointer["about"]["definitions"]
    return found


def measured(workspace: Workspace) -> list[MeasureCell]:
    """Figures from the stored measures, by week and channel."""
    pointer = json.loads((workspace.serving / "current.json").read_text())
    catalogue = registry.load()
    with DuckEngine(workspace.serving / pointer["facts"]["name"], read_only=True) as engine:
        metrics = [item for item in catalogue if "channel" in query.dimensions(item)]
        cells = query.measures(engine, metrics, by=("channel",), grain="week")
    return sorted(cells, key=lambda c: (c.metric, c.period_start or 0, str(c.segment)))


@pytest.fixture
def arrived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Workspace, Path]:
    """A measured workspace of a simulated desk, and what arrives of it afterwards."""
    monkeypatch.setattr(refresh, "MOST", 1)
    pipeline.simulate(tmp_path / "made", 120, 11, "demo")
    lines = (tmp_path / "made" / "events.jsonl").read_text().splitlines(keepends=True)
    lines.sort(key=lambda line: json.loads(line)["occurred_at"])
    chance = random.Random(5)
    late = {
        *range(len(lines) * 97 // 100, len(lines)),
        *chance.sample(range(len(lines) // 2, len(lines)), 30),
    }
    for name, wanted in (("first", False), ("late", True)):
        kept = [line for place, line in enumerate(lines) if (place in late) == wanted]
        (tmp_path / f"{name}.jsonl").write_text("".join(kept))
    workspace = Workspace.create(tmp_path / "desk", CONFIG)
    pipeline.ingest(workspace, "canonical", [tmp_path / "first.jsonl"], name="desk")
    pipeline.measure(workspace)
    return workspace, tmp_path / "late.jsonl"


def test_late_events_give_what_building_anew_gives(arrived: tuple[Workspace, Path]) -> None:
    workspace, late = arrived
    pipeline.ingest(workspace, "canonical", [late], name="desk")
    refreshed = pipeline.measure(workspace)
    assert refreshed.upon == 1
    found = facts(workspace)
    figures, cells = monthly(workspace), measured(workspace)
    anew = pipeline.measure(workspace, anew=True)
    assert anew.upon is None
    assert anew.snapshot == refreshed.snapshot
    assert anew.facts == refreshed.facts
    expected = facts(workspace)
    assert [name for name in STORED if found[name] != expected[name]] == []
    assert len(found["conversation"]) > 100
    assert monthly(workspace) == figures
    assert measured(workspace) == cells
    assert sum(bool(one["months"]) for one in figures.values()) > 60
    # Another file, or other settings, code or models: nothing is taken over.
    serving, copy = Serving(workspace.serving), workspace.serving / "facts_9.duckdb.building"
    basis = refreshing.basis(workspace, "another")
    about = json.loads((workspace.serving / "current.json").read_text())
    with Lake.open(workspace.root) as lake:
        own = str(about["about"]["refresh"]["basis"])
        assert refreshing.take_over(lake, serving, copy, basis) is None
        assert refreshing.take_over(lake, serving, copy, own) is not None
        copy.unlink()
        published = workspace.serving / about["facts"]["name"]
        damaged = bytearray(published.read_bytes())
        damaged[-1] ^= 1
        published.write_bytes(damaged)
        assert refreshing.take_over(lake, serving, copy, own) is None
        assert not copy.exists()


def test_what_facts_rest_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace.create(tmp_path / "desk", CONFIG)
    found = [refreshing.basis(workspace, "1"), refreshing.basis(workspace, "2")]
    monkeypatch.setattr("candor.__version__", "0.0.0")
    found.append(refreshing.basis(workspace, "1"))
    workspace.config_path.write_text(CONFIG + '[conversation]\nidle_gap = "12h"\n')
    found.append(refreshing.basis(workspace, "1"))
    (workspace.root / "intents.yaml").write_text("- {intent_id: refund}\n")
    found.append(refreshing.basis(workspace, "1"))
    assert len(set(found)) == len(found)
    assert refreshing.basis(workspace, "1") == found[-1]
