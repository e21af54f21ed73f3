"""The queue in the browser: blind, at most two people, nobody twice, and into the lake once."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from candor.access.permissions import OPERATOR
from candor.access.sessions import form_mark
from candor.lake.lock import WriteLock
from candor.reviewing import desk as serving
from candor.reviewing import queue as drawing
from candor.web.site import Site
from candor.workspace import Workspace

Browser = Callable[..., TestClient]


@pytest.fixture
def site(own_site: Site) -> Site:
    """These tests write: they have a workspace of their own."""
    return own_site


@pytest.fixture
def reviewer(
    site: Site, browser: Browser, person: Callable[..., object]
) -> Callable[..., TestClient]:
    """Logs in a reviewer who may read text."""

    def make(name: str) -> TestClient:
        made = person(name, "reviewer")
        site.people.grant_text(OPERATOR, made.id, "labelling", 7)  # type: ignore[attr-defined]
        return browser(name)

    return make


def _draw(root: Path, size: int, salt: str) -> drawing.Queue:
    return drawing.draw_queue(
        Workspace.open(root), "resolved", size, double=0.5, salt=salt, floor=1
    )


def _answer(client: TestClient, queue: str, item: str, label: str) -> int:
    sent = client.post(
        "/queue/answer",
        data={"mark": form_mark(next(iter(client.cookies.values()))), "queue": queue,
              "conversation": item, "label": label, "comment": "=1+1"},
    )  # fmt: skip
    return sent.status_code


def test_two_people_label_blind_and_then_see_where_they_differ(
    own_root: Path, site: Site, reviewer: Callable[..., TestClient]
) -> None:
    drawn = _draw(own_root, 4, "a")
    queue, workspace = drawn.queue, Workspace.open(own_root)
    first, second = reviewer("rex"), reviewer("roz")
    items = serving.opened(workspace, queue).items
    told = first.get(f"/api/queue/{queue}").json()
    assert (told["conversation"], told["left_for_you"]) == (items[0], len(items))
    assert {"actor", "text"} == set(told["said"][0])
    page = first.get(f"/queue/{queue}").text
    assert items[0] in page
    for word in ("true_resolution", "Counted as", "Resolution rate", "sentinel"):
        assert word not in page
    for item in items:
        assert _answer(first, queue, item, "true") == 303
    assert _answer(first, queue, items[0], "false") == 422
    assert "Nothing is left for you" in first.get(f"/queue/{queue}").text
    assert second.get(f"/queue/{queue}/disagreements").status_code == 422
    assert second.get(f"/queue/{queue}/export").status_code == 422
    now = serving.opened(workspace, queue)
    assert now.double
    for item in sorted(now.double):
        assert _answer(second, queue, item, "false") == 303
    single = next(item for item in items if item not in now.double)
    assert _answer(second, queue, single, "false") == 422
    told = second.get(f"/queue/{queue}/disagreements").text
    assert all(item in told for item in now.double)
    told = second.get(f"/api/queue/{queue}/disagreements").json()
    assert {one["conversation"] for one in told["disagreements"]} == now.double
    assert all({(a["yours"], a["label"]) for a in one["answers"]} == {(True, "false"), (False, "true")}
               for one in told["disagreements"])  # fmt: skip
    (listed,) = [one for one in second.get("/api/queue").json()["queues"] if one["queue"] == queue]
    assert (listed["left_for_you"], listed["disagreements"]) == (0, len(now.double))
    done = serving.opened(workspace, queue)
    assert set(done.disagreements) == done.double
    assert done.both == len(done.double) == drawn.double
    given = list(csv.DictReader(io.StringIO(first.get(f"/queue/{queue}/export").text)))
    assert len(given) == done.asked
    assert {row["comment"] for row in given} == {"'=1+1"}
    assert not {"rex", "roz"} & {row["assessor"] for row in given}
    mark = form_mark(next(iter(first.cookies.values())))
    with WriteLock(own_root / "lake" / ".lock", 0):
        # Somebody else is writing: it is said at once, and nothing is lost.
        busy = first.post("/queue/store", data={"mark": mark, "queue": queue})
    assert busy.status_code == 409
    assert "the answers are kept" in busy.text
    assert len(serving.opened(workspace, queue).answers) == done.asked
    sent = first.post("/queue/store", data={"mark": mark, "queue": queue})
    assert sent.status_code == 303
    again = serving.store(workspace, queue)
    assert (again.read, again.stored, again.duplicate) == (done.asked, 0, done.asked)
    actions = [row[0] for row in site.store.connection.execute("select action from audit")]
    assert actions.count("label.add") == done.asked
    assert "text.open" in actions


def test_no_label_without_the_grant_and_none_that_is_no_answer(
    own_root: Path, browser: Browser, person: Callable[..., object],
    reviewer: Callable[..., TestClient],
) -> None:  # fmt: skip
    queue = _draw(own_root, 3, "b").queue
    item = serving.opened(Workspace.open(own_root), queue).items[0]
    person("una", "reviewer")
    una = browser("una")
    assert una.get("/queue").status_code == 200
    assert una.get(f"/queue/{queue}").status_code == 422
    assert _answer(una, queue, item, "true") == 422
    rex = reviewer("rex")
    assert _answer(rex, queue, item, "perhaps") == 422
    assert _answer(rex, queue, "t-nowhere", "true") == 422
    assert _answer(rex, "../secrets", item, "true") == 404
    assert serving.opened(Workspace.open(own_root), queue).answers == ()


def test_a_line_cut_off_by_a_fault_is_not_an_answer(own_root: Path) -> None:
    workspace = Workspace.open(own_root)
    queue = _draw(own_root, 2, "c").queue
    item = serving.opened(workspace, queue).items[0]
    serving.answer(workspace, queue, serving.Answer(item, "k1:" + "0" * 32, "true", "", ""))
    path = own_root / serving.FOLDER / queue / serving.ANSWERS
    with path.open("a", encoding="utf-8") as out:
        out.write('{"conversation_id": "t')
    assert [one.label for one in serving.opened(workspace, queue).answers] == ["true"]
