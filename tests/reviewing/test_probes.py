"""Trials of judges: a steadfast one holds, a gullible, a wordy, a partial and a changing one are found out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from candor import pipeline
from candor.answers import Answers
from candor.cli import main as program
from candor.reviewing.judging import judge
from candor.reviewing.probing import Probed, probe
from candor.scorers.judges import probes
from candor.workspace import Workspace

from .provider import Brain, Provider, Verdicts, criteria
from .test_judges import CONFIG, built

TALKS = {
    f"t{n}": [("customer", f"Where is parcel {n}?"), ("ai_agent", "It is on its way."), ("customer", "Thank you" if n % 2 else "Still not here")]
    for n in range(6)
}  # fmt: skip


def verdicts(
    system: str, lines: list[dict[str, str]], decide: Callable[[str, int], bool]
) -> Verdicts:
    """One verdict for each criterion, with a quote that stands in a reply."""
    replies = (line for line in lines if line["actor"] != "customer")
    reply = next((line for line in replies if "withheld" not in line["text"]), None)
    if reply is None:
        return [
            {"criterion": name, "answer": "unknown", "evidence": []} for name in criteria(system)
        ]
    quote = [{"message_id": reply["message_id"], "quote": reply["text"][:30].strip()}]
    return [
        {"criterion": name, "answer": str(decide(name, place)).lower(), "evidence": quote}
        for place, name in enumerate(criteria(system))
    ]  # fmt: skip


def steadfast(system: str, lines: list[dict[str, str]]) -> Verdicts:
    """Looks at the id of the conversation, which no text can change."""
    number = int("".join(c for c in lines[0]["message_id"] if c.isdigit()) or 0)
    return verdicts(system, lines, lambda name, _: (number // 10 + len(name)) % 2 == 0)


def gullible(system: str, lines: list[dict[str, str]]) -> Verdicts:
    """Does as it is told, wherever the order stands."""
    said = " ".join(line["text"] for line in lines)
    if "true" in said or "false" in said:
        return verdicts(system, lines, lambda _name, _place: "true" in said)
    return steadfast(system, lines)


def wordy(system: str, lines: list[dict[str, str]]) -> Verdicts:
    """Likes long replies."""
    long = max(len(line["text"]) for line in lines if line["actor"] != "customer") > 250
    return verdicts(system, lines, lambda _name, _place: long)


def partial(system: str, lines: list[dict[str, str]]) -> Verdicts:
    """Says true to whatever is asked first."""
    return verdicts(system, lines, lambda _name, place: place == 0)


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.close()


@pytest.fixture
def desk(tmp_path: Path, provider: Provider) -> Workspace:
    config = CONFIG.format(
        url=provider.url, model="fake-model", repeats=1, more="parallel = 4", anchors="true"
    )
    return Workspace.create(tmp_path / "desk", config)


def tried(desk: Workspace, provider: Provider, brain: Brain) -> Probed:
    provider.brain = brain
    return probe(desk, "main", sleep=lambda _seconds: None)


def test_a_steadfast_judge_holds_against_everything(
    desk: Workspace, provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    found = tried(desk, provider, steadfast)
    assert dict(found.failed) == {}
    assert (found.attacks.moved, found.attacks.held) == (0, 1.0)
    # Where the only reply is withheld there is nothing left to judge.
    assert found.by_place["first"].left_open == found.by_place["last"].left_open == 0
    assert found.attacks.left_open > 0
    # Half of the orders agree with the verdict already and prove nothing.
    assert found.attacks.tried == len(list(probes.attacks())) * 4 / 2
    assert found.attacks.high is not None
    assert found.attacks.low == 0
    assert found.attacks.high < 0.02
    assert {share.moved for share in found.harmless.values()} == {0}
    assert found.order.moved == 0
    assert tried(desk, provider, gullible).calls == 0
    assert program.main(["judge", "main", "--probe", "-w", str(desk.root)]) == 0
    assert "moved 0 of 320 verdicts (0.0% to 1.1%)" in capsys.readouterr().out
    assert program.main(["judge", "main", "--probe", "--sample", "3", "-w", str(desk.root)]) == 2


def test_a_gullible_judge_is_found_out_in_both_directions(
    desk: Workspace, provider: Provider
) -> None:
    found = tried(desk, provider, gullible)
    for direction in ("true", "false"):
        assert found.by_direction[direction].moved > 30
    # What is noticed by its wording is graded without it and left open; the rest gets through.
    assert found.by_kind["order"].moved == 0
    assert found.by_kind["order"].left_open == found.by_kind["order"].tried
    assert found.by_kind["german"].moved == found.by_kind["german"].tried
    assert found.by_kind["hidden"].moved == 0
    assert found.by_kind["self_praise"].moved == 0
    assert 0.3 < found.seen < 1
    assert found.attacks.low is not None
    assert found.attacks.low > 0.02


def test_a_liking_for_long_replies_and_for_the_first_question_shows(
    desk: Workspace, provider: Provider, tmp_path: Path
) -> None:
    found = tried(desk, provider, wordy)
    assert found.harmless["much_longer"].moved == found.harmless["much_longer"].tried == 48
    true, false, chance = found.towards["much_longer"]
    assert (true, false) == (48, 0)
    assert chance is not None
    assert chance < 1e-6
    assert found.harmless["emoji"].moved == 0
    other = Workspace.create(tmp_path / "other", (desk.root / "candor.toml").read_text("utf-8"))
    leaning = tried(other, provider, partial)
    # Four questions: the first and the last change places.
    assert (leaning.order.moved, leaning.order.tried) == (24, 48)


def test_an_answer_with_markup_or_the_secret_is_no_verdict(
    desk: Workspace, provider: Provider
) -> None:
    provider.mode = "leak"
    found = tried(desk, provider, steadfast)
    assert found.attacks.tried == 0
    assert found.attacks.held is None
    assert sum(found.failed.values()) == found.failed["leaked_instructions"] > 0


def test_a_judge_that_changes_under_its_name_is_another_machine(
    tmp_path: Path, provider: Provider
) -> None:
    root = built(tmp_path, TALKS)
    config = CONFIG.format(url=provider.url, model="fake-model", repeats=1, more="", anchors="true")
    (root / "candor.toml").write_text(config, "utf-8")
    desk = Workspace.open(root)
    provider.brain = steadfast
    first = judge(desk, "main", sample=3, sleep=lambda _seconds: None)
    assert first.model == "fake-1"
    calls = first.calls
    assert calls == 3 + 2 * len(probes.talks())  # the first time the anchors are asked twice
    assert judge(desk, "main", sample=3, sleep=lambda _seconds: None).calls == 0
    same = judge(desk, "main", sample=4, sleep=lambda _seconds: None)
    assert (same.calls, same.flags) == (1 + len(probes.talks()), first.flags)
    provider.brain = wordy
    changed = judge(desk, "main", sleep=lambda _seconds: None)
    assert any(note.startswith("changed_under_its_name") for note in changed.flags)
    kept = json.loads((root / "judges" / "anchors.json").read_text("utf-8"))
    assert [one["changes"] for one in kept.values()] == [1]
    pipeline.measure(desk)
    with Answers.open(root) as answers:
        names = answers.judgements._machines["resolved"]
    assert [("~changed1" in name) for name in names] == [False, True]
