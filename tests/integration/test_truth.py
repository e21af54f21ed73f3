"""What was planted is what is measured: simulated worlds against their own ``truth.json``.

The way from the file to the figure is the user's: connector, lake, the built-in scorer's reading of
the words, facts, metric definitions. Every figure that the truth and the catalogue share must agree
to the last conversation, overall and in every cell.

Not compared, because the catalogue has no such metric: the latent resolution rate (nobody can see
it), return rates and counts of rephrases, rage quits and messages (they are columns, and the oracle
compares columns).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from candor.engines.duck import DuckEngine
from candor.facts.build import build_facts
from candor.lake import Lake
from candor.metrics.query import measures
from candor.metrics.registry import Catalogue, load
from candor.scorers.run import score_messages
from candor.simulator import DEMO, simulate
from candor.workspace import Workspace

from .conftest import take

CONVERSATIONS = 1_500
SEEDS = (11, 77)
DIMENSIONS = ("channel", "release", "customer_segment", "region")
UNSEEN = {
    "latent_resolution_rate",
    "messages",
    "rage_quit_rate",
    "rephrases",
    *(f"return_rate_{window}" for window in ("24h", "48h", "72h", "7d")),
}
DESK = """\
[workspace]
name = "Desk"
[conversation]
idle_gap = "24h"
idle_gap_by_channel = {}
"""


@dataclass(frozen=True)
class Played:
    """A simulated world with its facts built."""

    engine: DuckEngine
    catalogue: Catalogue
    truth: dict[str, Any]


@pytest.fixture(scope="module", params=SEEDS)
def played(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp(f"world{request.param}")
    simulate(CONVERSATIONS, request.param, folder, world=DEMO)
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    workspace = Workspace.create(folder / "desk", DESK)
    assert take(workspace, "canonical", folder / "events.jsonl").stored == truth["events"]
    as_of = datetime.fromisoformat(truth["as_of"])
    with Lake.open(workspace.root) as lake, DuckEngine() as engine:
        score_messages(engine, lake, log=lambda _line: None)
        lake.create_views(engine.connection)
        build_facts(engine, workspace.settings, as_of_us=int(as_of.timestamp()) * 1_000_000)
        yield Played(engine, load(workspace.metrics_dir), truth)


def shared_names(played: Played) -> list[str]:
    return sorted(set(played.truth["metrics"]) - UNSEEN)


def test_every_conversation_is_there(played: Played) -> None:
    rows = played.engine.rows("select count(*) from conversation")
    assert rows[0][0] == played.truth["contacts"]


def test_only_what_the_catalogue_cannot_see_is_left_out(played: Played) -> None:
    known = {definition.name for definition in played.catalogue}
    assert set(played.truth["metrics"]) - known == UNSEEN
    assert len(shared_names(played)) >= 30


def told(cell: dict[str, Any]) -> tuple[Any, ...]:
    if "eligible" in cell:
        return cell["eligible"], cell["observed"], cell["total"]
    return cell["observed"], cell["total"]


@pytest.mark.parametrize("dimension", ["", *DIMENSIONS])
def test_figures_are_those_planted(played: Played, dimension: str) -> None:
    definitions = played.catalogue.some(shared_names(played))
    by = (dimension,) if dimension else ()
    wrong = []
    seen: set[tuple[str, str | None]] = set()
    for cell in measures(played.engine, definitions, by=by):
        value = cell.segment.get(dimension)
        realised = played.truth["metrics"][cell.metric]["realised"]
        if dimension and value is None:
            continue
        planted = realised[dimension][value] if dimension else realised["overall"]
        observed = sum(one.observed for one in cell.buckets.values())
        total = sum(one.total for one in cell.buckets.values())
        found: tuple[Any, ...] = (cell.eligible, observed, total)
        if "eligible" not in planted:
            found = (observed, total / played.catalogue.get(cell.metric).scale)
        seen.add((cell.metric, value))
        if found != told(planted):
            wrong.append((cell.metric, value, told(planted), found))
    # A cell that no row came from must be one in which nothing was planted.
    for name in shared_names(played):
        realised = played.truth["metrics"][name]["realised"]
        cells = realised[dimension] if dimension else {None: realised["overall"]}
        wrong += [
            (name, value, told(planted), "no cell")
            for value, planted in cells.items()
            if (name, value) not in seen and any(told(planted))
        ]
    assert wrong == []
