"""Planted effects are found in simulated worlds, and a world without any raises no finding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from candor import pipeline
from candor.answers import Answers
from candor.answers.ticking import run
from candor.simulator import WORLDS, reference
from candor.simulator import simulate as play
from candor.verdicts.findings import Severity
from candor.verdicts.scorecard import Scorecard
from candor.workspace import Workspace

CONVERSATIONS, SEED = 4_000, 7
"""As many as `candor demo` simulates: fewer are too few to tell every planted effect from chance."""
RULE = """\
code: own_rule
title: Own rule
severity: low
team: content
owner: somebody
when:
  - level: {metric: true_resolution_rate, above: 0.3}
finding: "It resolves {true_resolution_rate}."
means: This is a rule for the tests only.
next_step: Nothing is to be done about it.
cases:
  - {title: well above the limit, levels: {true_resolution_rate: [0.6, 0.05, 90]}, fires: true}
  - {title: around the limit, levels: {true_resolution_rate: [0.31, 0.05, 90]}, fires: false}
"""
TARGETS = """\
- {metric: true_resolution_rate, improve: "+5% a month from baseline"}
- {metric: containment_rate, target: 0.75, better: higher, segment: {channel: voice}}
"""


def _build(folder: Path, world: str) -> Path:
    workspace = Workspace.create(folder / world, f'[workspace]\nname = "{world}"\n')
    (workspace.root / "intents.yaml").write_text(reference.INTENTS_YAML, encoding="utf-8")
    play(CONVERSATIONS, SEED, workspace.root / "simulated", world=WORLDS[world])
    events = workspace.root / "simulated" / "events.jsonl"
    pipeline.ingest(workspace, "canonical", [events], name="desk")
    pipeline.measure(workspace)
    return workspace.root


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build(tmp_path_factory.mktemp("worlds"), "demo")


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build(tmp_path_factory.mktemp("worlds"), "quiet")


@contextmanager
def _with(root: Path, **files: str) -> Iterator[None]:
    """Reference files that exist for a while."""
    written = []
    try:
        for name, text in files.items():
            path = root / name.replace("__", "/").replace("_yaml", ".yaml")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            written.append(path)
        yield
    finally:
        for path in written:
            path.unlink()


def _card(root: Path) -> Scorecard:
    with Answers.open(root) as answers:
        return answers.scorecard()


@pytest.fixture(scope="module")
def card(planted: Path) -> Scorecard:
    return _card(planted)


def test_what_was_planted_is_found(planted: Path, card: Scorecard) -> None:
    found = {(one.code, *one.segment.values()): one for one in card.findings}
    release = found["regressed_release", "r14"]
    assert "true_resolution_rate" in release.metrics
    assert release.evidence[0].unit == "points"
    assert {"regressed_release"} == {one.code for one in card.findings if "release" in one.segment}
    assert ("regressed_release", "r13") not in found
    assert "true_resolution_rate" in found["unfair_gap", "south"].metrics
    silent = found["silent_failures",]
    assert silent.strength > 1.96
    assert len(silent.conversations) == 5
    with Answers.open(planted) as answers:
        page = answers.why(silent.conversations[0])
    verdicts = [v for c in page.contacts for v in c.verdicts if v.metric == "silent_failure_rate"]
    assert any(v.state in ("true", "confirmed") for v in verdicts)


def test_rows_say_stability_split_and_change_since_the_baseline(card: Scorecard) -> None:
    row = card.row("true_resolution_rate")
    assert row is not None
    assert row.stability is not None
    assert (row.stability.chart, row.stability.baseline_points) == ("laney_p", 31)
    assert row.split is not None
    parts = (row.split.within, row.split.mix, row.split.entry_exit)
    assert sum(part.point for part in parts if part) == pytest.approx(row.change.point)
    assert card.baseline == "August 2026"
    assert row.since_baseline is not None
    assert row.since_baseline.previous is not None
    assert [note.text for note in card.annotations] == ["Release r13", "Release r14"]
    assert card.as_dict()["findings"][0]["key"] == card.findings[0].key


def test_the_users_files_count(planted: Path, card: Scorecard) -> None:
    policy = "- {day: 2026-09-02, text: New policy, kind: policy, rebase: true}\n"
    with _with(planted, targets_yaml=TARGETS, rules__own_yaml=RULE, annotations_yaml=policy):
        own = _card(planted)
    plain, row = card.row("true_resolution_rate"), own.row("true_resolution_rate")
    assert plain is not None
    assert plain.since_baseline is not None
    assert plain.since_baseline.previous is not None
    assert row is not None
    assert row.target is not None
    assert row.target.target == pytest.approx(1.05 * plain.since_baseline.previous)
    voice = own.row("containment_rate")
    assert voice is not None
    assert [dict(member.estimate.segment) for member in voice.members] == [{"channel": "voice"}]
    assert "own_rule" in {one.code for one in own.findings}
    assert "New policy" in [note.text for note in own.annotations]
    assert row.stability is not None
    assert str(row.stability.refusal) == "baseline_short"
    assert row.since_baseline is None


def test_a_quiet_world_raises_no_finding(quiet: Path) -> None:
    card = _card(quiet)
    assert [one.key for one in card.findings if one.severity is not Severity.GOOD] == []
    signals = sum(
        row.stability is not None
        and row.stability.word in ("signal_above", "signal_below", "shifted")
        for row in card.rows
    )
    judged = sum(row.stability is not None and row.stability.price is not None for row in card.rows)
    assert judged > 30
    assert signals < 3 * card.false_signals


def test_a_slow_decline_is_no_releases_fault(tmp_path: Path) -> None:
    """Every later release looks worse than the one before; only the decline is named."""
    found = {one.code: one for one in _card(_build(tmp_path, "drifting")).findings}
    assert "true_resolution_rate" in found["steady_decline"].metrics
    assert "regressed_release" not in found


def test_a_whole_that_fell_because_of_the_mix_is_told_apart(tmp_path: Path) -> None:
    """Better in every intent, worse as a whole: Simpson's reversal."""
    card = _card(_build(tmp_path, "reversed"))
    found = {one.code: one for one in card.findings}
    assert "true_resolution_rate" in found["mix_reversal"].metrics
    row = card.row("true_resolution_rate")
    assert row is not None
    assert row.split is not None
    assert row.split.within is not None
    assert (row.change.high or 0) < 0 < (row.split.within.low or 0)


def test_a_tick_looks_once_and_tells_once(planted: Path) -> None:
    with Answers.open(planted) as answers:
        dry = run(answers, dry_run=True, environment={})
        assert not (planted / "alerts.db").exists()
        first = run(answers, environment={})
        again = run(answers, environment={})
    assert first.looked == dry.looked
    assert sum(first.looked.values()) > 150
    assert first.signals == dry.signals
    assert sum(again.looked.values()) == 0
    assert again.open == first.open
