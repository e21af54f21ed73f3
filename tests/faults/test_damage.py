"""Damaged files, two writers, a lost state database (F-7, F-8, F-20)."""

from __future__ import annotations

import json
import multiprocessing
import random
import shutil
import sqlite3
import threading
from pathlib import Path

import duckdb
import pytest

from candor.errors import CandorError
from candor.lake import Lake

from . import worker


@pytest.fixture
def root(tmp_path: Path) -> Path:
    with Lake.open(tmp_path, create=True) as lake:
        worker.ingest(lake, 0)
        worker.ingest(lake, 1)
    return tmp_path


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x10
    path.write_bytes(bytes(content))


def test_flipped_bit_is_named_before_a_figure_is_made(root: Path) -> None:
    rng = random.Random(5)
    path = min(root.glob("lake/events/message/*/*.parquet"))
    whole = path.read_bytes()
    for _ in range(20):
        flip(path, rng.randrange(len(whole)))
        with Lake.open(root) as lake, duckdb.connect() as connection:
            with pytest.raises(CandorError, match=path.name) as caught:
                lake.create_views(connection)
            assert caught.value.code == "lake.file_damaged"
            assert [f.problem.where for f in lake.verify()] == [str(path)]
        path.write_bytes(whole)
    path.write_bytes(whole[:-1])
    with Lake.open(root) as lake, pytest.raises(CandorError, match=path.name):
        lake.verified_paths("message", lake.snapshot())
    path.unlink()
    with Lake.open(root) as lake:
        assert [f.code for f in lake.verify() if f.problem.where == str(path)] == [
            "verify.file_missing"
        ]


def test_older_copy_put_back_is_detected(root: Path) -> None:
    one, other = sorted(root.glob("lake/events/message/*/*.parquet"))
    shutil.copy(one, other)
    with Lake.open(root) as lake:
        assert {(f.code, f.problem.where) for f in lake.verify()} == {
            ("verify.file_damaged", str(other))
        }


def test_altered_log_entry_is_detected(root: Path) -> None:
    path = root / "lake/events/message/_delta_log" / f"{1:020d}.json"
    flip(path, path.stat().st_size // 2)
    with Lake.open(root) as lake:
        assert [(f.code, f.problem.where) for f in lake.verify()] == [
            ("verify.log_damaged", str(path))
        ]


@pytest.mark.parametrize(
    "change",
    [
        "update manifest set row_count = row_count + 1 where id = 1",
        "update ledger set facts = replace(facts, '\"read\":26', '\"read\":27')",
        "update snapshot set snapshot_id = 'x' where seq = 1",
        "update log_entry set version = 9 where id = 1",
        "delete from manifest where id = 1",
    ],
)
def test_altered_books_are_detected(root: Path, change: str) -> None:
    with sqlite3.connect(root / "state.db") as database:
        assert database.execute(change).rowcount >= 1
    database.close()
    with Lake.open(root) as lake:
        assert {f.code for f in lake.verify()} == {"verify.chain"}
        with pytest.raises(CandorError, match="row"):
            lake.snapshot()
        with pytest.raises(CandorError, match="row"):
            worker.ingest(lake, 3)


def test_lost_state_database_is_rebuilt(root: Path) -> None:
    with Lake.open(root) as lake:
        with lake.batch("shop") as batch:
            batch.commit(covered_until=1_900_000_000_000_000)
        before = lake.snapshot()
        ledger, coverage = lake._state.ledger(), lake.coverage()
    for path in root.glob("state.db*"):
        path.unlink()
    with Lake.open(root) as lake:
        assert [f.code for f in lake.recovered] == ["recovery.finished"] * 3
        assert lake.snapshot() == before
        assert lake._state.ledger() == ledger
        assert lake.coverage() == coverage
        assert lake.verify() == []


def test_a_second_writer_waits_or_refuses(root: Path) -> None:
    with (
        Lake.open(root, wait_seconds=0.1) as one,
        Lake.open(root, wait_seconds=10) as other,
        one.batch("shop") as batch,
    ):
        with pytest.raises(CandorError, match="another process is writing") as caught:
            worker.ingest(one, 5)
        assert caught.value.code == "lake.locked"
        threading.Timer(0.3, batch._around.lock.release).start()
        # The waiting writer gets its turn as soon as the first one is gone.
        worker.ingest(other, 6)
        assert other.snapshot().rows("message") == 60


def test_stale_lock_file_means_nothing(root: Path) -> None:
    (root / "lake/.lock").write_text(json.dumps({"pid": 1, "boot_id": "another"}))
    with Lake.open(root) as lake:
        worker.ingest(lake, 7)
        assert lake.snapshot().rows("message") == 60


def test_five_writers_of_the_same_files(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["candor.lake"])
    writers = [
        context.Process(target=worker.run, args=(tmp_path, tmp_path / f"log{n}", n % 2, 2))
        for n in range(5)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 5
    with Lake.open(tmp_path) as lake:
        assert lake.verify() == []
        assert lake.snapshot().rows("message") == 3 * worker.MESSAGES
        assert len(lake.quarantine_list()) == 3


def test_log_holds_no_text_statistics(root: Path) -> None:
    for path in root.glob("lake/**/_delta_log/*.json"):
        assert "of batch" not in path.read_text()
    entry = (root / "lake/events/message/_delta_log" / f"{1:020d}.json").read_text()
    (added,) = [json.loads(line)["add"] for line in entry.splitlines() if '"add"' in line]
    assert set(json.loads(added["stats"])["minValues"]) == {"occurred_at"}


def test_a_snapshot_once_taken_never_changes(root: Path) -> None:
    with Lake.open(root) as lake:
        taken = lake.snapshot()
        worker.ingest(lake, 9)
        assert lake.snapshot().id != taken.id
        assert lake.snapshot(taken.id) == taken
        with duckdb.connect() as connection:
            lake.create_views(connection, taken, ["message", "conversation"])
            assert connection.execute("select count(*) from ev_message").fetchone() == (40,)
            assert connection.execute("select count(*) from ev_conversation").fetchone() == (10,)
