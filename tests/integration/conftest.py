"""One measured demo workspace for all integration tests, and the program as users run it."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from candor import pipeline
from candor.ingesting import IngestResult
from candor.lake import Lake
from candor.workspace import Workspace

DEMO_CONVERSATIONS = 2_000
DEMO_SEED = 11
MESSAGES = """\
format: {format}
emit:
  - type: message
    fields:
      message_id: event_id
      thread_id: conversation_id
      occurred_at: ts
      actor: {{column: actor, map: {{customer: customer, ai: ai_agent, agent: human_agent}}}}
      text: body
    extra:
      channel: channel
      csat: {{column: csat, as: number}}
  - type: conversation
    once_per: [conversation_id]
    fields:
      thread_id: conversation_id
      started_at: {{column: ts, take: earliest}}
      channel: channel
"""


@dataclass(frozen=True)
class Ran:
    """One finished run of the program."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON that holds no NaN or infinity."""

        def refuse(word: str) -> None:
            raise AssertionError(f"{word} in JSON")

        return json.loads(self.out, parse_constant=refuse)


def run_candor(*arguments: str | Path, **environment: str) -> Ran:
    """The program in a process of its own, as a shell would start it."""
    done = subprocess.run(
        [sys.executable, "-c", "from candor.cli.main import run; run()", *map(str, arguments)],
        capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200", **environment},
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def candor() -> Callable[..., Ran]:
    """``candor(*arguments, VARIABLE=value)``."""
    return run_candor


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """The demo workspace as ``candor demo`` builds it, and what that run said."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    folder, told = shared / "demo", shared / "demo_run.json"
    with (shared / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            ran = run_candor(
                "demo", folder, "--conversations", str(DEMO_CONVERSATIONS), "--seed", str(DEMO_SEED)
            )
            told.write_text(json.dumps([ran.code, ran.out, ran.err]))
    ran = Ran(*json.loads(told.read_text()))
    assert ran.code == 0, ran.err
    return folder, ran


@pytest.fixture(scope="session")
def demo(demo_run: tuple[Path, Ran]) -> Path:
    """The measured demo workspace; read only."""
    return demo_run[0]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace.create(tmp_path / "desk", '[workspace]\nname = "Desk"\n')


def take(workspace: Workspace, source: str, *paths: Path, **options: Any) -> IngestResult:
    """Ingest, and hold the books to account at once."""
    result = pipeline.ingest(workspace, source, list(paths), **options)
    assert result.read == result.stored + result.duplicate + result.quarantined
    assert result.miscounted == []
    return result


def events_stored(workspace: Workspace, kind: str) -> int:
    """Rows of one event type in the lake."""
    with Lake.open(workspace.root) as lake:
        return lake.snapshot().rows(kind)


def broken(workspace: Workspace) -> list[str]:
    """What ``Lake.verify`` finds."""
    with Lake.open(workspace.root) as lake:
        return [str(finding) for finding in lake.verify()]
