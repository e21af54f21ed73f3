"""Transcripts taken over from the last publication are those that would be written anew."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from candor import transcribing
from candor.engines.duck import DuckEngine
from candor.events import arrow_schema
from candor.lake import Lake
from candor.lake.serving import Serving

START = datetime(2025, 1, 20, 9, tzinfo=UTC)
ROWS = "select * from timeline order by all"
THREADS = 60


def message(number: int, *, revision: int = 0, thread: int | None = None) -> dict[str, Any]:
    at = START + timedelta(minutes=7 * number)
    return {
        "message_id": f"m{number}", "thread_id": f"t{number % THREADS if thread is None else thread}",
        "occurred_at": at, "actor": "customer", "is_public": True, "revision": revision,
        "text": f"text {number} of revision {revision}",
    }  # fmt: skip


def conversation(number: int) -> dict[str, Any]:
    return {
        "thread_id": f"t{number}", "started_at": START, "occurred_at": START,
        "customer_id": f"k1:{number % 9:032x}", "intent_id": None, "channel": "chat",
    }  # fmt: skip


def confirmation(number: int) -> dict[str, Any]:
    return {
        "confirmation_id": f"c{number}", "occurred_at": START + timedelta(days=1), "system": "ledger",
        "kind": "refund_issued", "supports": "resolved", "customer_id": f"k1:{number:032x}",
    }  # fmt: skip


def handoff(number: int) -> dict[str, Any]:
    return {
        "handoff_id": f"h{number}", "thread_id": f"t{number}", "occurred_at": START,
        "from_actor": "ai_agent", "to_actor": "human_agent", "reason": "asked",
    }  # fmt: skip


class Desk:
    """A lake and its publications of nothing but transcripts."""

    def __init__(self, root: Path) -> None:
        self.lake = Lake.open(root, create=True)
        self.serving = Serving(root / "serving")

    def store(self, **events: list[dict[str, Any]]) -> None:
        with self.lake.batch("shop") as batch:
            for kind, rows in events.items():
                schema = arrow_schema(kind).append(pa.field("record_no", pa.int64()))
                known = [
                    {"source": "shop", "revision": 0, "observed_at": START, "record_no": number}
                    | {key: value for key, value in row.items() if key in schema.names}
                    for number, row in enumerate(rows)
                ]
                batch.add(kind, pa.Table.from_pylist(known, schema=schema))
            batch.commit()

    def write(self, target: Path, serving: Serving) -> dict[str, str]:
        with DuckEngine() as engine:
            return transcribing.write(
                engine, self.lake, self.lake.create_views(engine.connection), serving, target
            )

    def publish(self) -> list[tuple[Any, ...]]:
        number = self.serving.next_number()
        facts, text = self.serving.building(number)
        DuckEngine(facts).close()
        told = self.write(text, self.serving)
        published = self.serving.publish(number, {"transcripts": told})
        return read(published.text)

    def anew(self, folder: Path) -> list[tuple[Any, ...]]:
        target = folder / "anew.duckdb"
        target.unlink(missing_ok=True)
        self.write(target, Serving(folder / "nothing"))
        return read(target)


def read(file: Path) -> list[tuple[Any, ...]]:
    with DuckEngine(file, read_only=True) as engine:
        return engine.rows(ROWS)


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each publication but the first was built upon the one before."""
    found: list[bool] = []
    copy: Callable[..., bool] = Serving.copy

    def counted(*arguments: Any) -> bool:
        found.append(copy(*arguments))
        return found[-1]

    monkeypatch.setattr(Serving, "copy", counted)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_taken_over_is_as_good_as_anew(tmp_path: Path, copies: list[bool], seed: int) -> None:
    rng = random.Random(seed)
    desk = Desk(tmp_path)
    desk.store(
        message=[message(n) for n in range(900)],
        conversation=[conversation(n) for n in range(0, THREADS, 2)],
        handoff=[handoff(n) for n in range(0, THREADS, 5)],
    )
    assert len(desk.publish()) == 900 + 12
    for step in range(4):
        late = rng.sample(range(900), 12)
        desk.store(
            message=[message(1000 + 20 * step + n) for n in range(8)]
            # An edit, and an edit that moves the message to another thread.
            + [message(n, revision=1 + step) for n in late[:6]]
            + [message(n, revision=1 + step, thread=rng.randrange(THREADS)) for n in late[6:]],
            conversation=[conversation(n) for n in rng.sample(range(THREADS), 3)],
            confirmation=[confirmation(n) for n in rng.sample(range(9), 2)],
        )
        written = desk.publish()
        assert written == desk.anew(tmp_path)
    assert {row[3] for row in written} == {"message", "handoff", "confirmation"}
    assert copies == [True] * 4


def test_an_unchanged_lake_writes_nothing_new(tmp_path: Path, copies: list[bool]) -> None:
    desk = Desk(tmp_path)
    desk.store(message=[message(n) for n in range(50)])
    first = desk.publish()
    assert len(first) == 50
    assert desk.publish() == first
    assert copies == [True]


def test_damaged_transcripts_are_not_built_upon(tmp_path: Path, copies: list[bool]) -> None:
    desk = Desk(tmp_path)
    desk.store(message=[message(n) for n in range(50)])
    first = desk.publish()
    published = desk.serving.current().text
    raw = bytearray(published.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    published.write_bytes(bytes(raw))
    assert desk.publish() == first
    assert copies == [False]


def test_many_new_events_or_another_definition_write_all_anew(
    tmp_path: Path, copies: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path)
    desk.store(message=[message(n) for n in range(50)])
    desk.publish()
    desk.store(message=[message(n) for n in range(50, 100)])
    assert len(desk.publish()) == 100
    monkeypatch.setattr(transcribing, "VERSION", "another")
    assert len(desk.publish()) == 100
    assert copies == []
