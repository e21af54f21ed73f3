"""A picked conversation judged by a rubric: a label like others, not blind, and in no random sample."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from candor.access.permissions import OPERATOR
from candor.access.sessions import form_mark
from candor.reviewing import desk as serving
from candor.reviewing import labels
from candor.reviewing import queue as drawing
from candor.web.site import Site
from candor.workspace import Workspace

Browser = Callable[..., TestClient]
ITEM, THREAD = "t1#1", "t1"


@pytest.fixture
def site(own_site: Site) -> Site:
    """These tests write: they have a workspace of their own."""
    return own_site


@pytest.fixture
def rex(site: Site, browser: Browser, person: Callable[..., object]) -> TestClient:
    """A reviewer who may read text."""
    made = person("rex", "reviewer")
    site.people.grant_text(OPERATOR, made.id, "quality", 7)  # type: ignore[attr-defined]
    return browser("rex")


def _send(client: TestClient, answers: dict[str, str], **more: object):
    mark = form_mark(next(iter(client.cookies.values())))
    said = {"mark": mark, "conversation": ITEM, "rubric": "support@1", "comment": "=1+1 read twice",
            "criterion": list(answers), "label": list(answers.values()), **more}  # fmt: skip
    return client.post("/judge", data=said)


def _stored(root: Path) -> dict[str, dict[str, object]]:
    rows = labels.stored(Workspace.open(root), thread=THREAD)
    return {str(row["criterion"]): dict(row) for row in rows}


def test_answers_are_labels_that_are_not_blind_and_not_drawn(
    own_root: Path, site: Site, rex: TestClient
) -> None:
    where = f"/judge/{quote(ITEM, safe='')}"
    assert where in rex.get(f"/conversations/{THREAD}").text
    page = rex.get(where).text
    assert "Was the tone of the replies polite and fitting?" in page
    sent = _send(rex, {"polite": "true", "clear": "unknown", "relevant": ""})
    assert (sent.status_code, sent.headers["location"]) == (303, where), sent.text
    found = _stored(own_root)
    assert set(found) == {"polite", "clear"}
    assert (found["polite"]["label"], found["clear"]["label"]) == ("true", "unknown")
    for row in found.values():
        assert row["is_blind"] is False
        assert row["sampling_probability"] is None
        assert row["rubric"] == "support@1"
        assert row["conversation_id"] == ITEM
        assert row["comment"] == "=1+1 read twice"
        assert str(row["assessor"]).startswith("k")
        assert "rex" not in str(row["assessor"])
    assert '<option value="true" selected>Yes' in rex.get(where).text
    # The same answer is nothing new; another one replaces it.
    assert _send(rex, {"polite": "true"}).status_code == 422
    assert _send(rex, {"polite": "false"}).status_code == 303
    assert _stored(own_root)["polite"]["label"] == "false"
    actions = [row[0] for row in site.store.connection.execute("select action from audit")]
    assert actions.count("label.add") == 2
    assert actions.count("text.open") >= 2


def test_what_is_asked_blind_is_not_asked_here(own_root: Path, rex: TestClient) -> None:
    workspace = Workspace.open(own_root)
    drawn = drawing.draw_queue(workspace, "resolved", 2, double=0.0, salt="j", floor=1)
    item = serving.opened(workspace, drawn.queue).items[0]
    text = rex.get(f"/judge/{quote(item, safe='')}").text
    assert f"it is asked in the review queue {drawn.queue}" in text
    assert 'value="resolved"' not in text
    sent = _send(rex, {"resolved": "true"}, conversation=item)
    assert sent.status_code == 422
    assert drawn.queue in sent.text
    assert not list(labels.stored(workspace, criterion="resolved"))


def test_what_is_no_judgement_is_refused_in_words(
    own_root: Path, rex: TestClient, browser: Browser, person: Callable[..., object]
) -> None:
    stood = _stored(own_root)
    for answers, more, status in (
        ({}, {}, 422), ({"relevant": ""}, {}, 422), ({"relevant": "perhaps"}, {}, 422),
        ({"kindness": "true"}, {}, 422), ({"relevant": "true"}, {"rubric": "none@1"}, 422),
        ({"relevant": "true"}, {"comment": "x" * 501}, 422),
        ({"relevant": "true"}, {"label": ["true", "false"]}, 422),
        ({"relevant": "true"}, {"conversation": "t-nowhere"}, 404),
        ({"relevant": "true"}, {"mark": "forged"}, 403),
    ):  # fmt: skip
        assert _send(rex, answers, **more).status_code == status, (answers, more)
    person("una", "reviewer")
    una = browser("una")
    assert una.get("/judge/t1").status_code == 422
    assert _send(una, {"relevant": "true"}).status_code == 422
    assert "/judge/" not in una.get(f"/conversations/{THREAD}").text
    person("con", "reviewer", channel="chat")
    assert browser("con").get("/judge/t1").status_code == 403
    assert _stored(own_root) == stood
