"""Retention and erasures on a page: what is due, whom a state names (nobody), and who may ask."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from candor import pipeline
from candor.access import audit
from candor.access.permissions import OPERATOR
from candor.access.sessions import form_mark
from candor.access.store import Store
from candor.connecting import erasure
from candor.engines.duck import DuckEngine
from candor.errors import CandorError
from candor.lake import Lake
from candor.lake.staging import scan
from candor.rates import Rates
from candor.web.application import create
from candor.web.desk import Desk
from candor.web.site import Site
from candor.workspace import Workspace

from .conftest import BASE, PASSWORD

SECRET = "cust-miranda-4711"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Site]:
    """The server of a workspace with two customers, never measured."""
    root = tmp_path / "shop"
    pipeline.initialise(root, [])
    events = []
    for number, customer in enumerate((SECRET, "cust-other")):
        thread, at = f"t{number}", f"2026-09-0{number + 1}T10:0"
        events.append({
            "type": "conversation", "thread_id": thread, "occurred_at": f"{at}0:00Z",
            "started_at": f"{at}0:00Z", "channel": "chat", "direction": "inbound",
            "customer_id": customer, "is_test": False, "is_spam": False,
        })  # fmt: skip
        events.append({
            "type": "message", "message_id": f"m{number}", "thread_id": thread,
            "occurred_at": f"{at}1:00Z", "actor": "customer", "is_public": True,
            "text": f"my parcel number {number} is lost",
        })  # fmt: skip
    given = tmp_path / "events.jsonl"
    given.write_text("".join(json.dumps(one) + "\n" for one in events), encoding="utf-8")
    pipeline.ingest(Workspace.open(root), "canonical", [given], name="desk")
    store = Store(root / "restricted")
    made = Site(root, Desk(root, wait=60), store, rates=Rates(burst=100_000))
    made.people.add(OPERATOR, "ada", "admin", PASSWORD)
    yield made
    made.desk.close()
    store.close()


@pytest.fixture
def ada(shop: Site) -> TestClient:
    """An admin of the shop."""
    client = TestClient(
        create(shop), base_url=BASE, follow_redirects=False,
        headers={"sec-fetch-site": "same-origin"},
    )  # fmt: skip
    assert client.post("/login", data={"name": "ada", "password": PASSWORD}).status_code == 303
    return client


def form(client: TestClient, **changed: str) -> dict[str, str]:
    """A form filled in rightly, but for what is changed."""
    given = {"what": "customer", "who": SECRET, "again": SECRET, "reason": "asked by mail",
             "sure": "yes", "mark": form_mark(next(iter(client.cookies.values())))}  # fmt: skip
    return {**given, **changed}


def texts(root: Path) -> list[str | None]:
    """What messages hold."""
    with Lake.open(root) as lake, DuckEngine() as engine:
        paths = lake.verified_paths("message", lake.snapshot())
        rows = engine.rows(f"select text from {scan(paths)} order by thread_id")
    return [text for (text,) in rows]


def test_a_person_is_erased_and_named_nowhere(ada: TestClient, shop: Site) -> None:
    assert texts(shop.root)[0] == "my parcel number 0 is lost"
    sent = ada.post("/privacy/erase", data=form(ada))
    assert (sent.status_code, sent.headers["location"]) == (303, "/privacy")
    ends = time.monotonic() + 60
    while (told := ada.get("/api/privacy").json())["is_running"] and time.monotonic() < ends:
        time.sleep(0.2)
    (work,) = told["asked"]
    assert (work["status"], work["kind"], work["owner"]) == ("done", "customer", "ada"), work
    assert work["result"]["threads"] == 1
    assert [one["threads"] for one in told["erased"]] == [1]
    left = texts(shop.root)
    assert "0" not in str(left[0])
    assert left[1] == "my parcel number 1 is lost"
    assert SECRET not in ada.get("/privacy").text + json.dumps(told)
    held = [path for path in (shop.root / "restricted").rglob("*") if path.is_file()]
    assert [path for path in held if SECRET.encode() in path.read_bytes()] == []
    (entry,) = audit.entries(shop.store.connection, action="erasure.asked")
    assert (entry.actor_kind, entry.target) == ("person", "customer")


WRONG: tuple[dict[str, str], ...] = (
    {"again": "cust-mirando"},
    {"sure": ""},
    {"reason": ""},
    {"reason": f"{SECRET} asked"},
    {"what": "everybody"},
    {"what": "email"},
    {"mark": "forged"},
)


def test_nothing_begins_on_a_wrong_form(ada: TestClient, shop: Site) -> None:
    for changed in WRONG:
        sent = ada.post("/privacy/erase", data=form(ada, **changed))
        assert sent.status_code == (403 if "mark" in changed else 422), changed
        assert SECRET not in sent.text, changed
    assert erasure.listed(Workspace.open(shop.root)) == []
    assert audit.entries(shop.store.connection, action="erasure.asked") == []


def test_an_interrupted_one_is_finished_and_nothing_else_is(ada: TestClient, shop: Site) -> None:
    mark = {"mark": form(ada)["mark"]}
    assert ada.post("/privacy/finish", data=mark).status_code == 409
    workspace = Workspace.open(shop.root)
    folder = workspace.restricted / "erasures"
    folder.mkdir()
    work = erasure.Work("e_1", "somebody", 1, "customer")
    (folder / "e_1.json").write_text(json.dumps({
        "id": work.id, "owner": work.owner, "began_us": 1, "kind": work.kind, "status": "running",
        "doing": "erasing", "result": {}, "error": {},
    }))  # fmt: skip
    assert [one.status for one in erasure.listed(workspace)] == ["failed"]
    assert "Finish what was asked for" in ada.get("/privacy").text
    # A mistake of the work itself names nobody either.
    erasure.carry_out(workspace, work, {"email": "not-an-address", "reason": "asked"})
    assert work.status == "failed"
    assert "not-an-address" not in json.dumps(work.error)


def test_one_at_a_time(shop: Site) -> None:
    workspace = Workspace.open(shop.root)
    (workspace.restricted / "erasures").mkdir()
    with (workspace.restricted / "erasures" / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(CandorError) as caught:
            erasure.start(workspace, "x", 1, {"customer": SECRET, "reason": "asked"})
    assert caught.value.code == "erasure.exists"


def test_only_admins_see_it(
    browser: Callable[..., TestClient], person: Callable[..., object], ann: TestClient
) -> None:
    told = ann.get("/api/privacy").json()
    assert told["retention"] == dict.fromkeys(
        ("text_days", "conversation_days", "quarantine_days", "pages_days")
    )
    assert told["due"] is None
    assert "No period is set" in ann.get("/privacy").text
    for role in ("analyst", "auditor"):
        person(role, role)
        assert browser(role).get("/privacy").status_code == 403
