"""With a shifted clock texts go, then ids; the figures stay, and a dry run changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from candor import pipeline
from candor.access import audit
from candor.access.store import Store
from candor.errors import CandorError
from candor.events import ReasonCode
from candor.lake.serving import Serving
from candor.window import parse_instant
from candor.workspace import Workspace

from .desk import CONFIG, SOLVED, desk, take, thread
from .test_erasure import counts, found, messages


def clock(day: str) -> int:
    return parse_instant(day + "T00:00:00Z", "UTC")


def aged(folder: Path, periods: str) -> Workspace:
    """The desk, and a customer whose talks are a month apart, with periods of retention."""
    made = desk(folder)
    late = [
        {**one, "occurred_at": one["occurred_at"].replace("-05-", "-06-")} for one in
        thread("june", SOLVED, 5, customer="c-a")
    ]  # fmt: skip
    take(made, folder / "june.jsonl", late)
    pipeline.measure(made)
    (made.root / "candor.toml").write_text(CONFIG + "\n[retention]\n" + periods)
    return Workspace.open(made.root)


def test_texts_go_and_figures_stay(tmp_path: Path) -> None:
    made = aged(tmp_path, "text_days = 30\n")
    before = counts(made)
    stale = Serving(made.serving).current()
    now = clock("2026-06-03")
    tried = pipeline.retain(made, dry_run=True, now_us=now)
    assert tried.texts["message"] == 9
    assert tried.is_dry
    assert messages(made)["a-0"] is not None, "a dry run changes nothing"
    done = pipeline.retain(made, now_us=now)
    assert done.texts == tried.texts
    texts = messages(made)
    assert {name for name, text in texts.items() if text is None} == {
        f"{one}-{n}" for one in "abc" for n in range(3)
    }  # fmt: skip
    assert counts(made) == before
    assert stale.facts.exists(), "an earlier publication keeps its figures"
    assert not stale.text.exists()
    assert found(made, ["Restart your router"]) == []
    assert pipeline.verify(made) == []
    assert pipeline.retain(made, now_us=now).is_nothing
    store = Store(made.restricted)
    (entry,) = audit.entries(store.connection, action="retention")
    assert json.loads(entry.detail)["texts"]["message"] == 9
    store.close()
    again = pipeline.ingest(made, "canonical", [tmp_path / "feed.jsonl"], name="feed")
    assert again.stored == 0
    assert messages(made)["a-0"] is None


def test_conversations_lose_their_ids_and_do_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = aged(tmp_path, "conversation_days = 30\n")
    before = counts(made)
    now = clock("2026-06-03")
    done = pipeline.retain(made, now_us=now)
    assert done.conversations == 3
    kept = [name for name in messages(made) if not name.startswith("erased:")]
    assert {name[0] for name in kept} == {"d", "l", "j"}
    after = counts(made)
    assert after == before, "people too: who has a younger talk keeps the id until it goes"
    assert pipeline.verify(made) == []
    assert pipeline.retain(made, now_us=now).is_nothing
    monkeypatch.setattr("candor.ingesting.time.time_ns", lambda: now * 1_000)
    other = take(made, tmp_path / "copy.jsonl", thread("b", SOLVED, 2), name="copy")
    assert (other.stored, other.by_reason[ReasonCode.SUPPRESSED]) == (0, 4)


def test_raw_bytes_and_pages_go(tmp_path: Path) -> None:
    made = aged(tmp_path, "quarantine_days = 5\npages_days = 5\n")
    bad: list[dict[str, Any]] = [{"type": "message", "thread_id": "zebra", "actor": "customer"}]
    take(made, tmp_path / "bad.jsonl", bad)
    pages = made.restricted / "pulls" / "desk"
    pages.mkdir(parents=True)
    (pages / "1.json").write_text("[]")
    (pages / "places.json").write_text("{}")
    assert pipeline.retain(made).is_nothing, "neither is five days old"
    later = clock("2036-01-01")
    tried = pipeline.retain(made, now_us=later, dry_run=True)
    assert (tried.raw_records, tried.raw_files) == (1, 1)
    assert found(made, ["zebra"])
    done = pipeline.retain(made, now_us=later)
    assert (done.raw_records, done.raw_files) == (1, 1)
    assert found(made, ["zebra"]) == []
    assert [path.name for path in pages.iterdir()] == ["places.json"]
    assert pipeline.retain(made, now_us=later).is_nothing


def test_periods_that_cannot_be_are_told(tmp_path: Path) -> None:
    with pytest.raises(CandorError) as caught:
        Workspace.create(
            tmp_path / "w", CONFIG + "[retention]\ntext_days = 40\nconversation_days = 30\n"
        )
    assert "text_days (40)" in str(caught.value)
