"""Receiving spans over OTLP/HTTP: what is answered is on the disk, what is bad is refused."""

from __future__ import annotations

import gzip
import http.client
import json
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from candor import ingesting, receiving
from candor.errors import CandorError
from candor.events import registry
from candor.lake import Lake
from candor.receiving import TOKEN, Address, Inbox, address, receive, server
from candor.sources import run
from candor.workspace import Workspace
from sources_vendors import otlp

FIXTURES = Path(__file__).parents[1] / "sources_vendors" / "fixtures" / "otel"
JSON, PROTOBUF = "application/json", "application/x-protobuf"


def documents(name: str) -> list[dict[str, Any]]:
    text = (FIXTURES / f"{name}.jsonl").read_text("utf-8").replace('"17857', '"17227')
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading in a child is tested elsewhere; here its start would take most of the time."""
    monkeypatch.setattr("candor.ingesting.run.read", partial(run.read, in_child=False))


def workspace(root: Path) -> Workspace:
    root.mkdir()
    (root / "candor.toml").write_text(
        '[workspace]\nname = "t"\n[sources.otel]\nconnector = "otel"\n'
        'observed_at = "2024-09-01T00:00:00Z"\n',
        "utf-8",
    )
    return Workspace.open(root)


def stored(made: Workspace) -> set[tuple[str, ...]]:
    with Lake.open(made.root) as lake:
        snapshot = lake.snapshot()
        return {
            (kind, *row.values())
            for kind in registry()
            for path in lake.verified_paths(kind, snapshot)
            for row in pq.read_table(path, columns=["event_id", "content_hash"]).to_pylist()
        }


def send(port: int, path: str, body: bytes, kind: str, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request("POST", path, body, {"Content-Type": kind, **named})
        with connection.getresponse() as response:
            response.read()
            return response.status
    finally:
        connection.close()


@contextmanager
def listening(where: Address, inbox: Inbox) -> Iterator[int]:
    with server(where, inbox) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield made.server_address[1]
        finally:
            made.shutdown()
            thread.join()


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    made = Inbox(tmp_path / "received")
    yield made
    made.close()


def test_what_is_sent_is_stored_like_files(tmp_path: Path) -> None:
    made, until, ports = workspace(tmp_path / "a"), threading.Event(), []
    heard = threading.Event()

    def ready(port: int) -> None:
        ports.append(port)
        heard.set()

    thread = threading.Thread(
        target=receive,
        args=(made, receiving.doors(made, ["otel"], {}), Address("127.0.0.1", 0, "")),
        kwargs={
            "every_seconds": 60, "keep_hours": 24, "until": until, "told": lambda *_: None,
            "ready": ready,
        },
    )  # fmt: skip
    thread.start()
    assert heard.wait(10)
    (port,) = ports
    for one in documents("traces"):
        assert send(port, "/v1/traces", otlp.request(one), PROTOBUF) == 200
    for one in documents("openinference"):
        body = gzip.compress(json.dumps(one, indent=1).encode())
        assert send(port, "/v1/traces", body, JSON, Content_Encoding="gzip") == 200
    for one in documents("logs"):
        assert send(port, "/v1/logs", json.dumps(one).encode(), JSON) == 200
        # Not heard, so sent again: nothing counts twice.
        assert send(port, "/v1/logs", json.dumps(one).encode(), JSON) == 200
    until.set()
    thread.join()
    by_hand = workspace(tmp_path / "b")
    folder = tmp_path / "files"
    folder.mkdir()
    for name in ("traces", "openinference", "logs"):
        lines = "".join(json.dumps(one) + "\n" for one in documents(name))
        (folder / f"{name}.jsonl").write_text(lines, "utf-8")
    (by_hand.root / "restricted").mkdir(mode=0o700)
    for path in made.restricted.glob("*key*"):
        (by_hand.restricted / path.name).write_bytes(path.read_bytes())
        (by_hand.restricted / path.name).chmod(0o600)
    ingesting.ingest(by_hand, "otel", [folder])
    assert len(stored(by_hand)) > 30
    assert stored(made) == stored(by_hand)
    kept = list((made.restricted / "received" / "otel").iterdir())
    assert len(kept) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}


def test_an_answer_means_it_is_on_the_disk(inbox: Inbox) -> None:
    (one, *_) = documents("traces")
    with listening(Address("127.0.0.1", 0, ""), inbox) as port:
        assert send(port, "/v1/traces", otlp.request(one), PROTOBUF) == 200
        (path,) = inbox.folder.glob("traces-*.pb.part")
        assert path.read_bytes() == otlp.framed(otlp.request(one))


BOMB = gzip.compress(b" " * ((64 << 20) + 1))


@pytest.mark.parametrize(
    ("path", "body", "kind", "headers", "status"),
    [
        ("/v1/metrics", b"{}", JSON, {}, 404),
        ("/v1/traces", b"{}", "text/plain", {}, 415),
        ("/v1/traces", b'{"resourceSpans": [', JSON, {}, 400),
        ("/v1/traces", b"[1]", JSON, {}, 400),
        ("/v1/traces", b"\x0a\x05abc", PROTOBUF, {}, 400),
        ("/v1/traces", b"{}", JSON, {"Content_Encoding": "br"}, 415),
        ("/v1/traces", b"nonsense", JSON, {"Content_Encoding": "gzip"}, 400),
        ("/v1/traces", BOMB, JSON, {"Content_Encoding": "gzip"}, 413),
        ("/v1/traces", b" " * ((16 << 20) + 1), JSON, {}, 413),
    ],
    ids=["path", "type", "cut json", "list", "cut pb", "encoding", "no gzip", "bomb", "large"],
)
def test_what_cannot_be_read_is_refused(
    inbox: Inbox, path: str, body: bytes, kind: str, headers: dict[str, str], status: int
) -> None:
    with listening(Address("127.0.0.1", 0, ""), inbox) as port:
        try:
            assert send(port, path, body, kind, **headers) == status
        except (BrokenPipeError, ConnectionResetError):
            assert status == 413, "an answer may come before a body that is too large was sent"
    assert not list(inbox.folder.iterdir())


def test_a_token_is_asked_for(inbox: Inbox) -> None:
    with listening(Address("127.0.0.1", 0, "let-me-in"), inbox) as port:
        assert send(port, "/v1/logs", b"{}", JSON) == 401
        assert send(port, "/v1/logs", b"{}", JSON, Authorization="Bearer wrong") == 401
        assert send(port, "/v1/logs", b"{}", JSON, Authorization="Bearer let-me-in") == 200


def test_other_machines_need_a_token() -> None:
    assert address("127.0.0.1", 4318, {}).token == ""
    assert address("0.0.0.0", 4318, {TOKEN: "x"}).token == "x"
    with pytest.raises(CandorError) as caught:
        address("0.0.0.0", 4318, {})
    assert caught.value.code == "receive.open"


@pytest.mark.parametrize("form", ["pb", "jsonl"])
def test_what_a_dying_process_wrote_half_is_cut_off(tmp_path: Path, form: str) -> None:
    first = Inbox(tmp_path)
    first.keep("traces", form, b"{}")
    first.keep("traces", form, b"{}")
    (open_file,) = first._open.values()
    open_file.handle.close()
    part = open_file.path
    whole = part.read_bytes()
    part.write_bytes(whole + whole[: len(whole) // 2 - 1])
    second = Inbox(tmp_path)
    (path,) = second.close()
    assert path.suffix == f".{form}"
    assert path.read_bytes() == whole


def test_files_go_after_their_hours(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.keep("traces", "jsonl", b"{}")
    assert len(inbox.close()) == 1
    inbox.forget(1)
    assert len(inbox.close()) == 1
    inbox.forget(-1)
    assert inbox.close() == []


def test_a_taken_port_and_a_wrong_duration_are_mistakes_of_the_user(inbox: Inbox) -> None:
    free = Address("127.0.0.1", 0, "")
    with listening(free, inbox) as port, pytest.raises(CandorError) as caught:
        server(Address("127.0.0.1", port, ""), inbox)
    assert caught.value.code == "receive.port"
    with pytest.raises(CandorError) as caught:
        receiving.seconds("soon", "--every")
    assert caught.value.problems[0].where == "--every"
    assert receiving.seconds("5m", "--every") == 300
