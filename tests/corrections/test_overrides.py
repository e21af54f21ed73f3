"""An outcome set by hand: what it moves, what it never moves, who made it, and how it is taken back."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from candor import overriding, pipeline
from candor.access import audit
from candor.access.store import Store
from candor.answers import Answers, rehearsed
from candor.answers.reckoning import Reckoner
from candor.cli.main import main
from candor.engines.duck import DuckEngine
from candor.errors import CandorError
from candor.estimates import Estimate
from candor.lake import Lake
from candor.lake.serving import Serving
from candor.metrics.derived import Derived
from candor.workspace import Workspace

from .desk import desk

MOVED = {
    "true_resolution", "resolution_assumed", "silent_failure", "claim_held", "ai_fcr_24h",
    "ai_fcr_72h", "human_fcr_72h", "intents_solved", "override_outcome", "overridden_by",
    "overridden_at", "self_service_us",
}  # fmt: skip
"""Columns an override may move; every other column of the conversation stays."""


def conversations(workspace: Workspace) -> dict[str, dict[str, Any]]:
    with DuckEngine(Serving(workspace.serving).current().facts, read_only=True) as engine:
        rows = engine.arrow("select * from conversation").to_pylist()
    return {row["thread_id"]: row for row in rows}


def digests(workspace: Workspace) -> dict[str, tuple[int, int]]:
    with Lake.open(workspace.root) as lake:
        shown = lake.snapshot()
        return {
            name: lake.content_digest(name, shown)
            for name in sorted(shown.files)
            if name not in ("override", "assessment", "quarantine", "superseded")
        }


@pytest.fixture
def measured(tmp_path: Path) -> Workspace:
    workspace = desk(tmp_path)
    pipeline.measure(workspace)
    return workspace


def test_a_preview_tells_what_measure_then_does_and_a_withdrawal_undoes_it(
    measured: Workspace,
) -> None:
    before, stored = conversations(measured), digests(measured)
    assert before["a"]["true_resolution"] is True
    tried = overriding.override(
        measured, "a", "not_resolved", author="ann", reason="read: never done", preview=True
    )
    assert overriding.overrides(measured) == [], "a preview stores nothing"
    assert tried.moved is not None
    by_name = {one.metric: one for one in tried.moved}
    figure = by_name["true_resolution_rate"]
    assert (figure.before.total, figure.after.total) == (3.0, 2.0)
    assert (figure.before.observed, figure.after.observed) == (4, 4)

    made = overriding.override(
        measured, "a#1", "not_resolved", author="ann", reason="mail jo@example.org: never done"
    )
    assert made.override.revision == 0
    assert "jo@example.org" not in made.override.reason, "masked before it is stored"
    assert conversations(measured) == before, "it counts from the next measure on"
    published = pipeline.measure(measured)
    assert [one["metric"] for one in published.overridden] == [one.metric for one in tried.moved]
    assert published.overridden == tuple(one.as_dict() for one in tried.moved)
    assert any("true_resolution_rate" in line for line in published.lines())
    after = conversations(measured)
    assert after["a"]["true_resolution"] is False
    assert after["a"]["silent_failure"] is True
    assert (after["a"]["override_outcome"], after["a"]["overridden_by"]) == ("not_resolved", "ann")
    changed = {name for name in before["a"] if before["a"][name] != after["a"][name]}
    assert changed <= MOVED
    assert {name: after[name] for name in "bcd"} == {name: before[name] for name in "bcd"}
    assert digests(measured) == stored, "no other event was touched"

    overriding.override(measured, "a", "withdrawn", author="bob", reason="my mistake")
    pipeline.measure(measured)
    assert conversations(measured) == before
    history = overriding.overrides(measured)
    assert [(one.outcome, one.author, one.revision, one.stands) for one in history] == [
        ("not_resolved", "ann", 0, False), ("withdrawn", "bob", 1, False),
    ]  # fmt: skip
    assert pipeline.verify(measured) == []


def test_resolved_and_unknown_stand_above_every_other_evidence(measured: Workspace) -> None:
    before = conversations(measured)
    assert before["b"]["true_resolution"] is False
    overriding.override(measured, "b", "resolved", author="ann", reason="called, it works")
    overriding.override(measured, "c", "unknown", author="ann", reason="cannot tell")
    pipeline.measure(measured)
    after = conversations(measured)
    assert after["b"]["true_resolution"] is True
    assert after["c"]["true_resolution"] is None
    assert after["b"]["contradicted"] is True, "what the customer said still stands"
    for name in "bc":
        changed = {one for one in before[name] if before[name][one] != after[name][one]}
        assert changed <= MOVED
        assert after[name]["contained"] == before[name]["contained"]
    with Answers(measured) as answers:
        page = answers.why("b")
        (rules_after,) = {tuple((one.rule, one.outcome) for one in page.rules)}
        told = [one for one in page.timeline if one.kind == "override"]
        (verdict,) = [
            one for one in page.contacts[0].verdicts if one.metric == "true_resolution_rate"
        ]
    assert len(rules_after) >= 16
    assert (told[0].detail, told[0].text) == (
        "b#1 · not_resolved → resolved · by ann", "called, it works",
    )  # fmt: skip
    assert verdict.state == "true"
    assert verdict.reason == "set by hand: resolved"


def test_the_commands_the_export_and_the_audit_row(
    measured: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--workspace", str(measured.root))
    who = ("--author", "=ann", "--reason", "read again")
    assert main(["override", "d", *who, *where]) == 2, "outcome or withdraw"
    assert main(["override", "d", "--outcome", "resolvd", *who, *where]) == 2
    assert "resolved" in capsys.readouterr().err
    assert main(["override", "nobody", "--outcome", "resolved", *who, *where]) == 1
    assert main(["override", "d", "--withdraw", *who, *where]) == 1, "nothing stands"
    assert main(["override", "d", "--outcome", "not_resolved", "--json", *who, *where]) == 0
    capsys.readouterr()
    out = tmp_path / "all.csv"
    assert main(["overrides", "--out", str(out), "--json", *where]) == 0
    (row,) = json.loads(capsys.readouterr().out)["overrides"]
    assert (row["conversation_id"], row["before"], row["outcome"]) == (
        "d#1", "resolved", "not_resolved",
    )  # fmt: skip
    (written,) = list(csv.DictReader(out.read_text("utf-8").splitlines()))
    assert written["author"] == "'=ann", "no cell is a formula"
    store = Store(measured.restricted)
    (entry,) = audit.entries(store.connection)
    assert (entry.action, entry.actor) == ("override.set", "operator")
    assert "d#1" not in json.dumps(entry.as_dict())
    assert audit.check(store.connection).problem == ""
    store.close()


def test_every_mistake_is_told_at_once(measured: Workspace) -> None:
    with pytest.raises(CandorError) as caught:
        overriding.override(measured, "a", "solved", author=" ", reason="")
    assert len(caught.value.problems) == 3


def test_a_preview_reckons_derived_figures_from_the_facts_that_are_tried(
    measured: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Reckoner.of_period

    def counted(self: Reckoner, definition: Derived, *rest: Any, **more: Any) -> list[Estimate]:
        (found, *_) = whole(self, definition, *rest, **more)
        if definition.name != "candor_index":
            return [found]
        rows = self.rows("select count(*) from conversation where true_resolution")
        at = float(rows[0][0])
        return [replace(found, point=at, low=at, high=at, n_eff=1.0, k_eff=1.0, refusal=None)]

    monkeypatch.setattr(Reckoner, "of_period", counted)
    tried = rehearsed.preview(measured, "a", "not_resolved", author="ann", reason="read")
    by_name = {one.metric: one for one in tried.moved or ()}
    assert (by_name["candor_index"].before.point, by_name["candor_index"].after.point) == (3.0, 2.0)
    assert by_name["true_resolution_rate"].after.total == 2.0
    assert overriding.overrides(measured) == []
