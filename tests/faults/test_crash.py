"""Death at any moment: what was acknowledged is there, and no batch is half there (F-1, F-4)."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from candor.lake import Lake
from candor.lake.state import StateDatabase
from candor.lake.tables import Tables

from . import worker

KILLS = 10


def check(root: Path, acknowledged: set[int]) -> set[int]:
    """Invariants after a fault; the batches that are there."""
    with Lake.open(root) as lake:
        assert lake.verify() == []
        connection = duckdb.connect()
        connection.execute("set TimeZone = 'UTC'")
        lake.create_views(connection)
        counts = {}
        for event_type, expected in (
            ("message", worker.MESSAGES),
            ("conversation", worker.THREADS),
        ):
            rows = connection.execute(
                f"select cast(substr(split_part(thread_id, '-', 1), 2) as int), count(*)"
                f" from ev_{event_type} group by 1"
            ).fetchall()
            assert {count for _, count in rows} <= {expected}
            counts[event_type] = {number for number, _ in rows}
        assert counts["message"] == counts["conversation"]
        raws = {lake.quarantine_show(e.quarantine_id)[1] for e in lake.quarantine_list()}
        assert raws == {f"bad {number}".encode() for number in counts["message"]}
        assert acknowledged <= counts["message"]
        return counts["message"]


def test_kill_9_at_any_moment(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 30)
    print(f"seed {seed}")
    rng = random.Random(seed)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["candor.lake"])
    root, log = tmp_path / "w", tmp_path / "acknowledged"
    root.mkdir()
    acknowledged: set[int] = set()
    interrupted = 0
    for attempt in range(KILLS):
        log.write_text("")
        first = max(acknowledged, default=-1) + 1
        process = context.Process(target=worker.run, args=(root, log, first, 10_000))
        process.start()
        deadline = time.monotonic() + 20
        # Every second run gets one batch through first, however slow the machine is.
        awaited = "ack" if attempt % 2 else "begin"
        while awaited not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(rng.uniform(0.02, 0.25))
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        lines = log.read_text().splitlines()
        interrupted += lines[-1].startswith("begin")
        acknowledged |= {int(line.split()[1]) for line in lines if line.startswith("ack")}
        check(root, acknowledged)
    assert interrupted >= 0.6 * KILLS
    assert acknowledged
    with Lake.open(root) as lake:
        for number in range(max(acknowledged) + 2):
            worker.ingest(lake, number)
    assert check(root, acknowledged) == set(range(max(acknowledged) + 2))


class Failing:
    """Makes call number ``at`` of a function fail with an I/O error."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
        self.calls = 0
        self.at = at
        real = os.fsync

        def fsync(descriptor: int) -> None:
            self.calls += 1
            if self.calls == self.at:
                raise OSError(5, "Input/output error")
            real(descriptor)

        monkeypatch.setattr("candor.lake.durable.os.fsync", fsync)

    @property
    def has_fired(self) -> bool:
        return self.calls >= self.at


def test_every_sync_may_fail_and_the_same_process_goes_on(tmp_path: Path) -> None:
    root = tmp_path / "w"
    root.mkdir()
    with Lake.open(root, create=True) as lake:
        worker.ingest(lake, 0)
    for at in range(1, 60):
        with pytest.MonkeyPatch.context() as patch, Lake.open(root) as lake:
            failing = Failing(patch, at)
            try:
                worker.ingest(lake, at)
                acknowledged = {0, at}
            except OSError:
                acknowledged = {0}
            if not failing.has_fired:
                break
            worker.ingest(lake, 0)
        check(root, acknowledged)
    else:
        pytest.fail("the commit never ended without the fault")
    assert at >= 10
    assert check(root, {0}) >= {0, at}


def test_death_before_the_commit_point_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Lake.open(tmp_path, create=True) as lake:
        worker.ingest(lake, 0)
        with monkeypatch.context() as patch:

            def die(*_: object) -> str:
                raise OSError(5, "Input/output error")

            patch.setattr(StateDatabase, "record_batch", die)
            with pytest.raises(OSError, match="Input/output"):
                worker.ingest(lake, 1, "one")
        assert lake.committed("one") is None
        assert lake.snapshot().rows("message") == worker.MESSAGES
    with Lake.open(tmp_path) as lake:
        assert [finding.code for finding in lake.recovered] == ["recovery.finished"]
        report = lake.committed("one")
        assert report is not None
        assert (report.stored, report.quarantined) == (25, 1)
    assert check(tmp_path, {0, 1}) == {0, 1}


def test_death_between_two_tables_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Tables.append
    with Lake.open(tmp_path, create=True) as lake:
        worker.ingest(lake, 0)
        with monkeypatch.context() as patch:

            def append(self: Tables, table: str, *rest: object) -> object:
                if table == "message":
                    raise OSError(28, "No space left on device")
                return real(self, table, *rest)  # type: ignore[arg-type]

            patch.setattr(Tables, "append", append)
            with pytest.raises(OSError, match="No space"):
                worker.ingest(lake, 1)
        log = tmp_path / "lake/events/conversation/_delta_log"
        assert len(list(log.glob("*.json"))) == 3
        worker.ingest(lake, 2)
        assert {finding.code for finding in lake.recovered} == {"recovery.log_entry"} | {
            "recovery.raw"
        }
    assert check(tmp_path, {0, 2}) == {0, 2}
    assert len(list((tmp_path / "lake/_recovered").rglob("*.json"))) == 1


@pytest.mark.parametrize("content", [b"", b'{"commitInfo": {"ti'])
def test_torn_log_entry_is_set_aside(tmp_path: Path, content: bytes) -> None:
    with Lake.open(tmp_path, create=True) as lake:
        worker.ingest(lake, 0)
    log = tmp_path / "lake/events/message/_delta_log"
    (log / f"{2:020d}.json").write_bytes(content)
    with Lake.open(tmp_path) as lake:
        assert [finding.code for finding in lake.recovered] == ["recovery.log_entry"]
        worker.ingest(lake, 1)
    assert check(tmp_path, {0, 1}) == {0, 1}
    assert next((tmp_path / "lake/_recovered").rglob("*.json")).read_bytes() == content


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize(
    ("call", "action", "when"),
    [
        ("fsync", "error=EIO", 9),
        ("fsync", "signal=SIGKILL", 14),
        ("linkat,rename", "error=ENOSPC", 1),
    ],
)
def test_system_call_faults(tmp_path: Path, call: str, action: str, when: int) -> None:
    root, log, trace = tmp_path / "w", tmp_path / "acknowledged", tmp_path / "trace"
    root.mkdir()
    with Lake.open(root, create=True) as lake:
        worker.ingest(lake, 0)
    command = ["strace", "-f", "-q", "-o", str(trace), "-e", f"trace={call}"]
    command += ["-e", f"inject={call}:{action}:when={when}", sys.executable, worker.__file__]
    done = subprocess.run(
        [*command, str(root), str(log), "1", "3"], capture_output=True, timeout=60, check=False
    )
    traced = trace.read_text()
    assert "(INJECTED)" in traced or "killed by SIGKILL" in traced
    assert done.returncode != 0
    lines = log.read_text().splitlines() if log.exists() else []
    acknowledged = {0} | {int(one.split()[1]) for one in lines if one.startswith("ack")}
    check(root, acknowledged)
    with Lake.open(root) as lake:
        for number in range(1, 4):
            worker.ingest(lake, number)
    assert check(root, acknowledged) == {0, 1, 2, 3}


def test_readers_see_a_batch_in_every_table_or_in_none(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["candor.lake"])
    log = tmp_path / "acknowledged"
    root = tmp_path / "w"
    root.mkdir()
    with Lake.open(root, create=True) as lake:
        writer = context.Process(target=worker.run, args=(root, log, 0, 11))
        writer.start()
        seen: set[int] = set()
        while writer.is_alive():
            with duckdb.connect() as connection:
                connection.execute("set TimeZone = 'UTC'")
                taken = lake.create_views(connection, types=["message", "conversation"])
                ((messages, threads),) = connection.execute(
                    "select (select count(*) from ev_message), (select count(*) from ev_conversation)"
                ).fetchall()
            assert messages == taken.seq * worker.MESSAGES
            assert threads == taken.seq * worker.THREADS
            seen.add(taken.seq)
        writer.join()
        assert writer.exitcode == 0
        assert len(seen) >= 4
        assert lake.snapshot().rows("message") == 12 * worker.MESSAGES
