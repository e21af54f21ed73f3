"""Which messages are scored, what is appended, and that arrival order changes nothing."""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from candor.engines.duck import DuckEngine
from candor.events import arrow_schema
from candor.lake import Lake
from candor.scorers.run import score_messages

HOUR = 3_600_000_000
START = 1_780_000_000_000_000


class MemoryLake:
    """Messages and assessments in lists, shown as the lake's views would show them."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.appended: list[pa.Table] = []

    def snapshot(self) -> object:
        return None

    def create_views(
        self, connection: Any, snapshot: object, types: Iterable[str] | None = None
    ) -> None:
        assert set(types or ()) == {"message", "assessment"}
        schema = pa.schema(
            [("event_key", pa.int64()), ("thread_key", pa.int64()), ("thread_id", pa.string()), ("message_id", pa.string()),
             ("occurred_at", pa.int64()), ("revision", pa.int64()), ("actor", pa.string()), ("kind", pa.string()), ("text", pa.string())]
        )  # fmt: skip
        current = {m["event_key"]: m for m in sorted(self.messages, key=lambda m: m["revision"])}
        connection.register("ev_message", pa.Table.from_pylist(list(current.values()), schema))
        stored = pa.concat_tables([arrow_schema("assessment").empty_table(), *self.appended])
        connection.register("ev_assessment", stored)

    def batch(self, source: str) -> Any:
        assert source == "candor"
        return contextlib.nullcontext(_Batch(self))

    def append_trusted(self, type_name: str, rows: pa.Table) -> None:
        assert type_name == "assessment"
        assert rows.schema == arrow_schema("assessment")
        known = {row["assessment_id"] for table in self.appended for row in table.to_pylist()}
        assert rows["revision"].to_pylist().count(0) == 0 or not known & {
            row["assessment_id"] for row in rows.to_pylist() if row["revision"] == 0
        }
        self.appended.append(rows)

    def assessments(self) -> dict[str, dict[str, Any]]:
        """Current assessments by id: the greatest revision wins."""
        rows = [row for table in self.appended for row in table.to_pylist()]
        return {row["assessment_id"]: row for row in sorted(rows, key=lambda row: row["revision"])}

    def criteria(self, criterion: str) -> dict[str, tuple[Any, Any]]:
        return {
            row["message_id"]: (row["label"], row["value"])
            for row in self.assessments().values()
            if row["criterion"] == criterion
        }


class _Batch:
    """A batch that stores revisions of known assessments."""

    def __init__(self, lake: MemoryLake) -> None:
        self._lake = lake

    def add(self, type_name: str, rows: pa.Table) -> None:
        appended = [row for table in self._lake.appended for row in table.to_pylist()]
        known = {(row["assessment_id"], row["revision"]) for row in appended}
        assert rows["record_no"].to_pylist() == list(range(1, rows.num_rows + 1))
        assert not known & {(row["assessment_id"], row["revision"]) for row in rows.to_pylist()}
        self._lake.append_trusted(type_name, rows.drop_columns("record_no"))

    def commit(self) -> None:
        """Nothing is held back."""


def message(
    key: int, thread: int, actor: str, text: str | None, kind: str | None = None, revision: int = 0
) -> dict[str, Any]:
    return {
        "event_key": key, "thread_key": thread, "thread_id": f"t{thread}", "message_id": f"m{key}", "occurred_at": START + key * HOUR,
        "revision": revision, "actor": actor, "kind": kind, "text": text,
    }  # fmt: skip


@pytest.fixture
def engine() -> Iterator[DuckEngine]:
    with DuckEngine(threads=1) as made:
        yield made


def run(engine: DuckEngine, lake: MemoryLake, chunk_rows: int = 1000) -> int:
    said: list[str] = []
    done = score_messages(engine, lake, log=said.append, chunk_rows=chunk_rows)
    assert len(said) == 1
    return done.messages


THREAD = [
    message(1, 7, "customer", "My payment was declined twice"),
    message(2, 7, "ai_agent", "Sorry, I did not understand that. Could you rephrase?"),
    message(3, 7, "customer", "The payment keeps getting declined"),
    message(4, 7, "ai_agent", "Check your limit in the app.", "answer"),
    message(5, 7, "customer", "Thanks, that worked!"),
    message(6, 8, "customer", "Moja karta nie jest aktywna i nie dziala prosze"),
    message(7, 8, "customer", "  "),
    message(8, 8, "system", "closed"),
    message(9, 8, "customer", None),
]


def test_what_is_appended(engine: DuckEngine) -> None:
    lake = MemoryLake()
    lake.messages = THREAD
    assert run(engine, lake) == 5
    assert lake.criteria("reply_class") == {
        "m1": ("follow_up", None), "m3": ("negative", None), "m5": ("affirm", None), "m6": (None, None),
    }  # fmt: skip
    assert lake.criteria("rephrase") == {"m3": ("true", None)}
    assert lake.criteria("message_kind") == {"m2": ("fallback", None)}
    assert lake.criteria("sentiment")["m5"] == (None, 0.4926)
    assert "m6" not in lake.criteria("sentiment")
    row = lake.assessments()["reply_class:5:1"]
    assert (
        row["occurred_at"].timestamp() * 1_000_000
        == START + 5 * HOUR
        == row["observed_at"].timestamp() * 1_000_000
    )
    assert (row["source"], row["assessor_kind"], row["assessor_id"], row["assessor_version"]) == (
        "candor",
        "code",
        "candor_signals",
        "1",
    )
    assert (row["revision"], row["thread_id"], row["extra"], row["event_id"]) == (
        0,
        "t7",
        None,
        None,
    )


def test_nothing_is_scored_twice(engine: DuckEngine) -> None:
    lake = MemoryLake()
    lake.messages = THREAD
    run(engine, lake)
    before = len(lake.appended)
    assert run(engine, lake) == 0
    assert len(lake.appended) == before


def test_an_edited_message_is_scored_again(engine: DuckEngine) -> None:
    lake = MemoryLake()
    lake.messages = list(THREAD)
    run(engine, lake)
    lake.messages.append(message(3, 7, "customer", "Thank you so much", revision=2))
    assert run(engine, lake) == 1
    assert lake.criteria("reply_class")["m3"] == ("gratitude", None)
    assert lake.criteria("rephrase")["m3"] == ("false", None)
    assert run(engine, lake) == 0


@pytest.mark.parametrize("chunk_rows", [1, 3, 1000])
def test_order_of_arrival_changes_nothing(engine: DuckEngine, chunk_rows: int) -> None:
    whole = MemoryLake()
    whole.messages = THREAD
    run(engine, whole)
    rng = random.Random(3)
    for shuffled in itertools.islice(iter(lambda: rng.sample(THREAD, len(THREAD)), None), 6):
        lake = MemoryLake()
        for part in (shuffled[:2], shuffled[2:5], shuffled[5:]):
            lake.messages += part
            run(engine, lake, chunk_rows)
        assert lake.assessments() == whole.assessments()


def test_with_the_lake(engine: DuckEngine, tmp_path: Path) -> None:
    with Lake.open(tmp_path, create=True) as lake:
        for revision, text in ((0, "why was my payment declined"), (1, "Thank you so much")):
            rows = [
                message(1, 7, "customer", "My payment was declined"),
                message(3, 7, "customer", text, revision=revision),
            ]
            schema = arrow_schema("message").append(pa.field("record_no", pa.int64()))
            stored = [
                {**{name: row[name] for name in ("message_id", "thread_id", "actor", "text", "occurred_at", "revision")},
                 "source": "demo", "observed_at": START, "is_public": True, "record_no": number}
                for number, row in enumerate(rows, start=1)
            ]  # fmt: skip
            with lake.batch("demo", None) as batch:
                batch.add("message", pa.Table.from_pylist(stored, schema))
                batch.commit()
            done = score_messages(engine, lake, log=lambda _: None)
            assert done.messages == 2 - revision
        lake.create_views(engine.connection)
        found = engine.rows(
            "select message_id, criterion, label, revision from ev_assessment where criterion <> 'sentiment' order by all"
        )
    assert found == [
        ("m1", "reply_class", "follow_up", 0),
        ("m3", "rephrase", "false", 1),
        ("m3", "reply_class", "gratitude", 1),
    ]
