"""Equal data give equal figures: to the byte on every run, and whatever way they arrived."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from candor import pipeline
from candor.answers import Answers
from candor.workspace import Workspace

from .conftest import take

SETTINGS = '[workspace]\nname = "Desk"\ntimezone = "Europe/Berlin"\n'
CONVERSATIONS = 200


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Lines of a simulated feed."""
    folder = tmp_path_factory.mktemp("simulated")
    pipeline.simulate(folder, CONVERSATIONS, 5, "demo")
    return (folder / "events.jsonl").read_text("utf-8").splitlines()


@pytest.fixture(scope="module")
def straight(events: list[str], tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The whole feed at once, measured."""
    root = tmp_path_factory.mktemp("straight")
    return measured(root, [events])


def measured(root: Path, files: list[list[str]], key: Path | None = None) -> Workspace:
    """A measured workspace of several files, ingested one after the other."""
    workspace = Workspace.create(root / "desk", SETTINGS)
    if key is not None:
        shutil.copy2(key / "pseudonym.key", workspace.restricted)
    for number, lines in enumerate(files):
        path = root / f"part-{number}.jsonl"
        path.write_text("\n".join(lines) + "\n", "utf-8")
        take(workspace, "canonical", path, name="feed")
    pipeline.measure(workspace)
    return workspace


def figures(workspace: Workspace) -> list[dict[str, Any]]:
    """Every estimate by quarter and channel and over everything, without the snapshot's id."""
    with Answers(workspace) as answers:
        rows = [*answers.estimates([]).estimates]
        rows += answers.estimates([], by=("channel",), grain="quarter").estimates
    return [{**row.as_row(), "snapshot": ""} for row in rows]


@pytest.fixture(scope="module")
def expected(straight: Workspace) -> list[dict[str, Any]]:
    """What the whole feed at once says."""
    return figures(straight)


@pytest.mark.parametrize("way", ["split", "shuffled", "thrice", "by_type"])
def test_the_way_data_arrive_changes_nothing(
    events: list[str],
    straight: Workspace,
    expected: list[dict[str, Any]],
    tmp_path: Path,
    way: str,
) -> None:
    lines = list(events)
    if way == "split":
        cut = len(lines) // 3
        files = [lines[2 * cut :], lines[:cut], lines[cut : 2 * cut]]
    elif way == "shuffled":
        random.Random(3).shuffle(lines)
        files = [lines]
    elif way == "thrice":
        files = [lines, lines[::-1], lines[: len(lines) // 2] * 2]
    else:
        of_type: dict[str, list[str]] = {}
        for line in lines:
            of_type.setdefault(json.loads(line)["type"], []).append(line)
        files = [of_type[name] for name in sorted(of_type, reverse=True)]
    other = measured(tmp_path, files, key=straight.restricted)
    found = figures(other)
    assert len(expected) == len(found) > 250
    differing = [(a, b) for a, b in zip(expected, found, strict=True) if a != b]
    assert differing == []


ON_THREADS = """
import sys
from candor.engines.duck import DuckEngine
begin = DuckEngine.__init__
def with_threads(self, path=None, *, threads=None, **named):
    begin(self, path, threads={threads}, **named)
DuckEngine.__init__ = with_threads
from candor.cli.main import run
run()
"""


def said(workspace: Path, threads: int, hash_seed: int) -> tuple[bytes, bytes]:
    """What `show` and `scorecard` say after `measure`, each in a process of its own."""

    def ask(*arguments: str) -> bytes:
        done = subprocess.run(
            [sys.executable, "-c", ON_THREADS.format(threads=threads), *arguments, "--json",
             "-w", str(workspace)],
            capture_output=True, check=False, env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    ask("measure")
    return ask("show", "--by", "channel", "--grain", "quarter"), ask("scorecard")


def test_measured_again_elsewhere_is_the_same_to_the_byte(
    straight: Workspace, tmp_path: Path
) -> None:
    answers = []
    for threads, hash_seed in ((1, 0), (2, 1)):
        # A copy of the lake alone: nothing that was published may be found again.
        copy = tmp_path / f"copy-{threads}"
        shutil.copytree(straight.root, copy, ignore=shutil.ignore_patterns("serving"))
        (copy / "serving").mkdir()
        answers.append(said(copy, threads, hash_seed))
    assert answers[0] == answers[1]
    assert len(answers[0][0]) > 100_000
