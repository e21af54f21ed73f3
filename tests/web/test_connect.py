"""Connecting data in the browser: from files to a scorecard, and everything that must not get through."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from candor import pipeline
from candor.access.permissions import OPERATOR
from candor.access.sessions import form_mark
from candor.access.store import Store
from candor.connecting import job
from candor.connecting.uploads import Upload, Uploads
from candor.sources import recognising, run
from candor.web import connect
from candor.web.application import create
from candor.web.desk import Desk
from candor.web.site import Rates, Site
from candor.web.surroundings import LARGER_BODIES
from candor.workspace import Workspace

from .conftest import BASE, HOSTILE, PASSWORD, Parts

HEAD = "ticket_id,message_id,created_at,sender,body,channel\n"
ROWS = "".join(
    f"T{ticket},M{ticket}{turn},2026-06-{ticket + 1:02d}T09:0{turn}:00Z,{who},{text},chat\n"
    for ticket in range(6)
    for turn, (who, text) in enumerate(
        [("customer", "where is my parcel?"), ("bot", "it is on its way"), ("customer", "thanks")]
    )
)
BROKEN = "T9,M90,yesterday,customer,when?,chat\n"


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Site]:
    """The server of a workspace in which nothing was ever stored."""
    root = tmp_path / "empty"
    pipeline.initialise(root, [])
    store = Store(root / "restricted")
    made = Site(root, Desk(root, wait=60), store, rates=Rates(burst=100_000))
    yield made
    made.desk.close()
    store.close()


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are done at once, in this process; that files are read apart is tested elsewhere."""

    def start(workspace: Workspace, upload: Upload, state: job.State, step: job.Step) -> None:
        state.step, state.status, state.error = step, "running", {}
        upload.save(state)
        held = upload.lock()
        try:
            job.work(workspace, upload)
        finally:
            os.close(held)

    monkeypatch.setattr(connect.job, "start", start)
    monkeypatch.setattr(job, "recognise", recognising.look)
    monkeypatch.setattr("candor.ingesting.run.read", partial(run.read, in_child=False))


def _log_in(site: Site, name: str, role: str = "admin") -> TestClient:
    site.people.add(OPERATOR, name, role, PASSWORD)
    client = TestClient(
        create(site), base_url=BASE, follow_redirects=False,
        headers={"sec-fetch-site": "same-origin"},
    )  # fmt: skip
    assert client.post("/login", data={"name": name, "password": PASSWORD}).status_code == 303
    return client


def _mark(client: TestClient) -> str:
    return form_mark(next(iter(client.cookies.values())))


def _upload(client: TestClient, *files: tuple[str, bytes], mark: str | None = None):
    return client.post(
        "/connect/upload", data={"mark": _mark(client) if mark is None else mark},
        files=[("files", (name, content)) for name, content in files],
    )  # fmt: skip


def _act(client: TestClient, step: str, upload: str, **fields: str):
    return client.post(f"/connect/{step}", data={"mark": _mark(client), "upload": upload, **fields})


def _state(client: TestClient, upload: str) -> dict:
    return client.get(f"/api/connect/{upload}").json()


def _left(site: Site) -> list[str]:
    folder = site.root / "restricted" / "uploads"
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != "lock")


@pytest.mark.usefixtures("here")
def test_from_a_file_to_the_first_scorecard(empty: Site) -> None:
    client = _log_in(empty, "ada")
    assert client.get("/").headers["location"] == "/connect"
    assert "Nothing has been measured yet" in client.get("/connect").text
    content = (HEAD + ROWS + BROKEN).encode()
    sent = _upload(client, ("../../Help Desk <1>.csv", content))
    assert sent.status_code == 303, sent.text
    upload = sent.headers["location"].rpartition("/")[2]
    state = _state(client, upload)
    assert state["files"] == [{"name": "Help_Desk_1_.csv", "bytes": len(content)}]
    assert (state["read_as"], state["name"], state["status"]) == (
        "mapping", "help_desk_1", "done",
    )  # fmt: skip
    assert "thread_id: ticket_id" in state["mapping"]
    assert "where is my parcel" in client.get(f"/connect/{upload}").text

    wrong = state["mapping"].replace("thread_id: ticket_id", "thread: ticket_id")
    _act(client, "rehearse", upload, name="desk", read_as="mapping", mapping=wrong)
    state = _state(client, upload)
    assert state["status"] == "failed"
    assert "line" in json.dumps(state["error"]) or ":" in state["error"]["problems"][0]["where"]
    assert "What is wrong" in client.get(f"/connect/{upload}").text
    assert _act(client, "store", upload).status_code == 422

    right = wrong.replace("thread: ticket_id", "thread_id: ticket_id").replace("\n", "\r\n")
    _act(client, "rehearse", upload, name="desk", read_as="mapping", mapping=right)
    state = _state(client, upload)
    found = state["result"]
    assert state["rehearsed"], state
    assert (found["read"], found["stored"], found["duplicate"], found["quarantined"]) == (
        19, 18, 0, 1,
    )  # fmt: skip
    (reason,) = found["reasons"]
    assert reason["reason"] == "TS_UNPARSED"
    assert reason["examples"][0]["where"].startswith("Help_Desk_1_.csv")
    assert "time: {format" in reason["fix"]
    assert not list((empty.root / "lake").rglob("*.parquet")), "a rehearsal stores nothing"
    assert client.get("/").status_code == 303

    assert _act(client, "store", upload).status_code == 303
    state = _state(client, upload)
    assert (state["step"], state["status"]) == ("store", "done"), state["error"]
    assert state["result"]["stored"] == 18
    assert _left(empty) == ["mapping.yaml", "state.json"], "the file itself is gone"
    page = client.get("/")
    assert page.status_code == 200
    assert state["snapshot"] in page.text
    assert (empty.root / "mappings" / "desk.yaml").exists()

    again = _upload(client, ("export.csv", (HEAD + ROWS).encode())).headers["location"]
    second = again.rpartition("/")[2]
    taken = _act(client, "rehearse", second, name="desk", read_as="mapping", mapping="emit: []")
    assert taken.status_code == 303
    _act(client, "rehearse", second, name="desk", read_as="saved:desk")
    found = _state(client, second)["result"]
    assert (found["read"], found["stored"], found["duplicate"]) == (18, 0, 18)
    assert _act(client, "drop", second).headers["location"] == "/connect"
    assert client.get(f"/connect/{second}").status_code == 404

    actions = [
        row[0]
        for row in empty.store.connection.execute(
            "select action from audit where action like 'connect%' order by seq"
        )
    ]
    assert actions == [
        "connect.upload", "connect.rehearse", "connect.store", "connect.stored", "connect.upload",
        "connect.rehearse", "connect.drop",
    ]  # fmt: skip


def test_the_work_is_done_by_a_process_of_its_own_and_its_death_is_told(
    empty: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, started = subprocess.Popen, []

    def held(*arguments: Any, **named: Any) -> Any:
        started.append(start(*arguments, **named))
        started[-1].send_signal(signal.SIGSTOP)
        return started[-1]

    # The work must not be over before it was looked at.
    monkeypatch.setattr(subprocess, "Popen", held)
    client = _log_in(empty, "ada")
    event = {"type": "message", "thread_id": "t", "occurred_at": "2026-05-01T10:00:00Z"}
    sent = _upload(client, ("events.jsonl", json.dumps(event).encode()))
    upload = sent.headers["location"].rpartition("/")[2]
    found = Uploads(empty.root / "restricted").get(upload, empty.people.named("ada").id)
    assert found.is_worked_on()
    page = client.get(f"/connect/{upload}").text
    assert '<noscript><meta http-equiv="refresh"' in page
    assert 'hx-trigger="every 1s"' in page
    assert _act(client, "drop", upload).status_code == 409
    assert _upload(client, ("more.csv", b"a,b\n1,2\n")).status_code == 409
    started[0].send_signal(signal.SIGCONT)
    while found.is_worked_on():
        time.sleep(0.05)
    state = _state(client, upload)
    assert (state["status"], state["read_as"]) == ("done", "connector:canonical"), state
    broken = found.state()
    broken.status = "running"
    found.save(broken)
    assert _state(client, upload)["error"]["error"] == "upload.interrupted"
    assert "Look again" in client.get(f"/connect/{upload}").text


def test_only_who_may_store_uploads_and_only_from_a_form_of_ours(empty: Site) -> None:
    client = _log_in(empty, "ada")
    files = ("a.csv", (HEAD + ROWS).encode())
    assert _upload(client, files, mark="0" * 64).status_code == 403
    assert _upload(client, files, mark="").status_code == 403
    after = {"files": [("files", files)], "data": {"late": "x"}}
    assert client.post("/connect/upload", **after).status_code == 403
    assert client.post("/connect/upload", content=b"{}").status_code == 415
    damaged = {"content-type": "multipart/form-data; boundary=b"}
    for body in (b"--b\r\n", b"nothing", b"--b\r\ncontent-disposition: form-data\r\n\r\n"):
        answer = client.post("/connect/upload", content=body, headers=damaged)
        assert answer.status_code in (400, 403), body
    other = {"sec-fetch-site": "cross-site"}
    assert client.post("/connect/upload", headers=other, files=[("f", files)]).status_code == 403
    assert _upload(client).status_code in (403, 415, 422)
    for role in ("viewer", "analyst", "reviewer", "auditor"):
        assert _upload(_log_in(empty, role, role), files).status_code == 403
    stranger = TestClient(create(empty), base_url=BASE, follow_redirects=False)
    assert stranger.post("/connect/upload", content=b"x").headers["location"].startswith("/login")
    assert _left(empty) == []


def test_what_is_too_large_never_stays(empty: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    client = _log_in(empty, "ada")
    assert LARGER_BODIES == {"/connect/upload": 100 << 20}
    monkeypatch.setitem(LARGER_BODIES, "/connect/upload", 4_000)
    assert _upload(client, ("a.csv", b"x" * 5_000)).status_code == 413

    def endless() -> Iterator[bytes]:
        yield b"--b\r\ncontent-disposition: form-data; name=mark\r\n\r\n" + _mark(client).encode()
        yield b"\r\n--b\r\ncontent-disposition: form-data; name=f; filename=a.csv\r\n\r\n"
        for _ in range(100):
            yield b"x" * 1_000

    kind = {"content-type": "multipart/form-data; boundary=b"}
    assert client.post("/connect/upload", content=endless(), headers=kind).status_code == 413
    assert _left(empty) == []
    monkeypatch.setitem(LARGER_BODIES, "/connect/upload", 1 << 20)
    many = [(f"{number}.csv", b"a\n") for number in range(21)]
    assert _upload(client, *many).status_code == 422
    assert _left(empty) == []


@pytest.mark.usefixtures("here")
def test_hostile_files_are_data(empty: Site) -> None:
    client = _log_in(empty, "ada")
    cells = "\n".join(
        f'"{text.replace(chr(34), chr(34) * 2)}",m{number},no time,customer,'
        f'"{text.replace(chr(34), chr(34) * 2)}",chat'
        for number, text in enumerate(HOSTILE)
        if "\x07" not in text
    )
    name = "<img src=x onerror=alert(1)>.csv"
    upload = _upload(client, (name, (HEAD + cells).encode())).headers["location"]
    identifier = upload.rpartition("/")[2]
    mapping = _state(client, identifier)["mapping"]
    assert mapping
    _act(client, "rehearse", identifier, name="desk", read_as="mapping",
         mapping=mapping.replace("thread_id: message_id", "thread_id: ticket_id"))  # fmt: skip
    page = client.get(upload)
    tags = Parts(page.text).found
    assert not [tag for tag, _ in tags if tag in ("img", "svg", "iframe")]
    assert sum(tag == "script" for tag, _ in tags) == 2
    assert not [key for _, names in tags for key in names if key.startswith("on")]
    for content, said in ((b"", "EMPTY_FILE"), (b"PK\x03\x04 no archive", "ARCHIVE_DAMAGED"),
                          (b"month,containment rate,csat %\n2026-01,90%,80%\n", "summary")):  # fmt: skip
        upload = _upload(client, ("a.csv", content)).headers["location"]
        page = client.get(upload).text
        assert "What is wrong" in page, said
        assert "Traceback" not in page
        assert str(empty.root) not in page, said


@pytest.mark.usefixtures("here")
def test_an_upload_is_its_owner_s_alone(empty: Site) -> None:
    ada, bea = _log_in(empty, "ada"), _log_in(empty, "bea")
    where = _upload(ada, ("a.csv", (HEAD + ROWS).encode())).headers["location"]
    upload = where.rpartition("/")[2]
    assert ada.get(where).status_code == 200
    assert bea.get(where).status_code == 404
    assert bea.get(f"/api{where}").status_code == 404
    for step in ("look", "rehearse", "store", "drop"):
        assert _act(bea, step, upload).status_code == 404
    assert "a.csv" not in bea.get("/connect").text
    assert ada.get("/connect/..%2f..%2frestricted").status_code == 404


def test_exports_of_two_vendors_are_not_read_as_one(empty: Site, here: Callable[..., None]) -> None:
    client = _log_in(empty, "ada")
    zendesk = json.dumps({"requester_id": 1, "ticket_form_id": 2}).encode()
    intercom = json.dumps({"conversation_parts": {}, "statistics": {}}).encode()
    where = _upload(client, ("z.jsonl", zendesk), ("i.jsonl", intercom)).headers["location"]
    told = _state(client, where.rpartition("/")[2])["error"]
    assert told["error"] == "recognise.mixed"
    assert [one["where"] for one in told["problems"]] == ["i.jsonl", "z.jsonl"]
    where = _upload(client, ("z.jsonl", zendesk), ("other.jsonl", b'{"a": 1}')).headers["location"]
    assert _state(client, where.rpartition("/")[2])["read_as"] == "connector:zendesk"
