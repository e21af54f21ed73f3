"""A workspace to pull into, a server to pull from, and a clock that does not wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from candor.lake import Lake
from candor.pulling import PullResult, pull
from candor.pulling.client import Clock
from candor.sources import run
from candor.window import parse_instant
from candor.workspace import Workspace
from pulling.server import Vendor, serving

SECRET = "s3cr3t-8f41c0de-do-not-keep"
NOW = parse_instant("2024-06-10T12:00:00+00:00") / 1_000_000
MAPPING = """\
format: {type: json, records: items}
emit:
  - type: message
    fields:
      message_id: id
      thread_id: thread
      occurred_at: at
      actor: {constant: customer}
      is_public: {constant: true}
      text: text
"""


def item(number: int, **more: Any) -> dict[str, Any]:
    minute, second = divmod(number, 60)
    return {
        "id": f"m{number}", "thread": f"t{number // 3}",
        "at": f"2024-06-01T10:{minute:02d}:{second:02d}Z", "text": f"text {number}", **more,
    }  # fmt: skip


@dataclass
class Waiting:
    """A clock that notes how long it was asked to wait."""

    at: float = NOW
    waits: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.waits.append(round(seconds, 3))
        self.at += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.at, lambda: self.at, self.sleep)

    @property
    def long(self) -> list[float]:
        """Waits that are more than keeping the pace."""
        return [one for one in self.waits if one >= 1]


@dataclass
class Puller:
    """Pulls from one server into one workspace."""

    root: Path
    vendor: Vendor
    waiting: Waiting = field(default_factory=Waiting)
    environment: dict[str, str] = field(default_factory=lambda: {"THE_TOKEN": SECRET})

    def configure(self, toml: str) -> None:
        text = f'[workspace]\nname = "test"\n{toml}'
        (self.root / "candor.toml").write_text(text, "utf-8")

    def describe(self, streams: str, **more: str) -> None:
        limits = more.get("limits", "{per_minute: 6000, retries: 3}")
        (self.root / "desk.yaml").write_text(
            f"title: Desk\nconnector: generic\nbase_url: {self.vendor.address}/api\n"
            f"auth: {{kind: bearer, token_env: THE_TOKEN}}\nlimits: {limits}\nstreams:\n{streams}",
            "utf-8",
        )
        (self.root / "desk_mapping.yaml").write_text(more.get("mapping", MAPPING), "utf-8")
        self.configure(
            '[sources.desk]\nconnector = "generic"\nmapping = "desk_mapping.yaml"\n'
            f'[sources.desk.pull]\ndescription = "desk.yaml"\nallow_private = true\n'
            f'since = "2024-06-01"\n{more.get("toml", "")}'
        )

    def pull(self, source: str = "desk", **more: Any) -> PullResult:
        return pull(
            Workspace.open(self.root), source, environment=self.environment,
            clock=self.waiting.clock, **more,
        )  # fmt: skip

    def stored(self, *types: str) -> set[tuple[str, ...]]:
        """Identity and content of every stored event."""
        with Lake.open(self.root) as lake:
            snapshot = lake.snapshot()
            found = set()
            for kind in types or ("message",):
                for path in lake.verified_paths(kind, snapshot):
                    table = pq.read_table(path, columns=["event_id", "content_hash"])
                    found |= {(kind, *row.values()) for row in table.to_pylist()}
            return found

    def rows(self, kind: str) -> list[dict[str, Any]]:
        with Lake.open(self.root) as lake:
            return [
                row
                for path in lake.verified_paths(kind, lake.snapshot())
                for row in pq.read_table(path).to_pylist()
            ]


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading in a child is tested elsewhere; here its start would take most of the time."""
    monkeypatch.setattr("candor.ingesting.run.read", partial(run.read, in_child=False))


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with serving(Vendor()) as served:
        yield served


@pytest.fixture
def puller(tmp_path: Path, vendor: Vendor) -> Puller:
    root = tmp_path / "workspace"
    root.mkdir()
    return Puller(root, vendor)


@pytest.fixture
def another(tmp_path: Path, vendor: Vendor) -> Callable[[str], Puller]:
    """A second workspace that pulls from the same server."""

    def make(name: str) -> Puller:
        root = tmp_path / name
        root.mkdir()
        return Puller(root, vendor)

    return make
