"""The outcome of a conversation in the browser: tried before it counts, signed, and never overtaken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from candor import overriding
from candor.access.sessions import form_mark
from candor.answers import Answers
from candor.rehearsing import Figure, Moved
from candor.web import correcting
from candor.web.site import Site
from candor.workspace import Workspace

from .conftest import HOSTILE, HOSTILE_THREAD

Browser = Callable[..., TestClient]
Person = Callable[..., object]
MOVED = [Moved("containment_rate", "share", Figure(400, 200.0, 0.5), Figure(400, 204.0, 0.51)),
         Moved("cost_of_failure", "money", Figure(9, 777.0, 777.0), Figure(9, 778.0, 778.0))]  # fmt: skip


@pytest.fixture
def site(own_site: Site) -> Site:
    """These tests write: they have a workspace of their own."""
    return own_site


@pytest.fixture
def wanted(own_root: Path) -> str:
    """A conversation that the AI alone is said to have resolved."""
    with Answers.open(own_root) as answers:
        return str(
            answers.engine.rows(
                "select conversation_id from conversation where true_resolution and ai_involved"
                " and not is_test and not escalated and thread_id like 't%' order by conversation_id limit 1"
            )[0][0]
        )


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an override would move is told in figures of this file, not counted anew."""

    def preview(workspace: Workspace, conversation: str, outcome: str, **said: str):
        standing = overriding.standing(workspace, conversation)
        made = overriding.Override(
            standing.conversation_id, standing.thread_id, len(standing.history), standing.outcome,
            outcome, said["author"], said["reason"], "", outcome != "withdrawn",
        )  # fmt: skip
        return overriding.Corrected(made, MOVED, ("a note <b>of it</b>",))

    monkeypatch.setattr(correcting.rehearsed, "preview", preview)


def _send(client: TestClient, conversation: str, outcome: str, **more: object):
    mark = form_mark(next(iter(client.cookies.values())))
    return client.post(
        "/override",
        data={"mark": mark, "conversation": conversation, "outcome": outcome,
              "reason": "the refund was never paid", "revision": 0, **more},
    )  # fmt: skip


def _at(conversation: str, outcome: str = "") -> str:
    return f"/override/{quote(conversation, safe='')}" + (f"?outcome={outcome}" if outcome else "")


@pytest.mark.usefixtures("cheap")
def test_it_is_tried_then_set_then_withdrawn_and_each_act_is_signed(
    own_root: Path, wanted: str, site: Site, browser: Browser, person: Person
) -> None:
    person("rex", "reviewer")
    rex = browser("rex")
    assert _at(wanted) in rex.get(f"/conversations/{quote(wanted, safe='')}").text
    before = rex.get(_at(wanted)).text
    assert "<strong>resolved</strong>" in before
    assert "Nobody has set its outcome" in before
    assert 'name="reason"' not in before
    assert 'value="withdrawn"' not in before
    tried = rex.get(_at(wanted, "not_resolved")).text
    assert "Containment rate" in tried
    assert "50.0" in tried
    assert "51.0" in tried
    assert "<b>of it" not in tried
    # Money is not for reviewers.
    assert "cost_of_failure" not in tried
    workspace = Workspace.open(own_root)
    assert overriding.standing(workspace, wanted).history == ()
    sent = _send(rex, wanted, "not_resolved")
    assert (sent.status_code, sent.headers["location"]) == (303, _at(wanted))
    (first,) = overriding.standing(workspace, wanted).history
    assert (first.outcome, first.before, first.author, first.reason, first.stands) == (
        "not_resolved", "resolved", "rex", "the refund was never paid", True,
    )  # fmt: skip
    told = rex.get(_at(wanted)).text
    assert "the refund was never paid" in told
    assert "rex" in told
    assert 'value="withdrawn"' in told
    # The same form once more, and a form that was loaded before somebody else's decision.
    again = _send(rex, wanted, "resolved")
    assert again.status_code == 409
    assert "set meanwhile" in again.text
    assert len(overriding.standing(workspace, wanted).history) == 1
    assert _send(rex, wanted, "withdrawn", revision=1).status_code == 303
    assert [one.stands for one in overriding.standing(workspace, wanted).history] == [False] * 2
    rows = site.store.connection.execute(
        "select action, actor, actor_kind, request from audit where action like 'override.%'"
    ).fetchall()
    assert [row[0] for row in rows] == ["override.set", "override.withdraw"]
    assert {row[1:3] for row in rows} == {(site.people.named("rex").id, "person")}
    assert all(row[3] for row in rows)


def test_what_is_no_decision_is_refused_in_words(
    own_root: Path, wanted: str, browser: Browser, person: Person, site: Site
) -> None:
    person("ada", "admin")
    ada = browser("ada")
    stood = len(overriding.overrides(Workspace.open(own_root)))
    revision = len(overriding.standing(Workspace.open(own_root), wanted).history)
    for conversation, outcome, reason, status, said in (
        (wanted, "not_resolved", "  ", 422, "no reason, or a long one"),
        (wanted, "not_resolved", "x" * 2_001, 422, "no reason, or a long one"),
        (wanted, "maybe", "why", 422, "unknown outcome"),
        (wanted, "withdrawn", "why", 409, "nothing stands that could be withdrawn"),
        ("t-nowhere", "resolved", "why", 404, "no conversation"),
    ):
        sent = _send(ada, conversation, outcome, reason=reason, revision=revision)
        assert sent.status_code == status, sent.text
        assert said in sent.text.lower()
    assert ada.get(_at(wanted, "maybe")).status_code == 422
    assert ada.get(_at("t-nowhere")).status_code == 404
    unmarked = ada.post("/override", data={"conversation": wanted, "outcome": "resolved",
                                           "reason": "why"})  # fmt: skip
    assert unmarked.status_code == 403
    assert len(overriding.overrides(Workspace.open(own_root))) == stood
    made = "select count(*) from audit where action like 'override.%'"
    assert site.store.connection.execute(made).fetchone() == (0,)


def test_who_may_not_decide_sees_no_way_to(wanted: str, browser: Browser, person: Person) -> None:
    person("ada", "admin")
    person("vic", "viewer")
    person("con", "reviewer", channel="chat")
    for name in ("vic", "con"):
        client = browser(name)
        assert client.get(_at(wanted)).status_code == 403
        assert _send(client, wanted, "resolved").status_code == 403
        assert "/override/" not in client.get(f"/conversations/{quote(wanted, safe='')}").text


@pytest.mark.usefixtures("cheap")
def test_hostile_words_stay_words(own_root: Path, browser: Browser, person: Person) -> None:
    person("ada", "admin")
    ada = browser("ada")
    name = overriding.standing(Workspace.open(own_root), HOSTILE_THREAD).conversation_id
    assert _send(ada, name, "unknown", reason=HOSTILE[0]).status_code == 303
    text = ada.get(_at(name, "resolved")).text
    assert HOSTILE[0] not in text
    assert "&lt;script&gt;" in text


@pytest.mark.usefixtures("cheap")
def test_a_program_sets_an_outcome_by_its_token_and_a_cookie_opens_nothing_there(
    site: Site, wanted: str, browser: Browser, person: Person
) -> None:
    person("rex", "reviewer")
    rex = browser("rex")
    actor = site.people.named("rex").actor()
    at = f"/api/override/{quote(wanted, safe='')}"
    before = rex.get(at).json()
    assert before["outcome"] == "resolved"
    tried = rex.get(f"{at}?outcome=not_resolved").json()
    # Money is not for reviewers; what is theirs stands with its counts.
    assert [one["metric"] for one in tried["moves"]] == ["containment_rate"]
    assert tried["moves"][0]["after"] == {"observed": 400, "total": 204.0, "point": 0.51}
    said = {"outcome": "not_resolved", "reason": "no refund came", "revision": before["revision"]}
    assert rex.post(at, json=said).status_code == 403
    program = browser()

    def send(held: str, **more: object) -> int:
        token = site.sessions.issue(actor, f"nightly {held}", [held], 3)
        program.headers["authorization"] = f"Bearer {token}"
        return int(program.post(at, json={**said, **more}).status_code)

    assert send("figures:read") == 403
    assert send("override:write", colour="red") == 422
    assert send("override:write", reason=" ") == 422
    assert send("override:write") == 201
    assert send("override:write") == 409
    history = rex.get(at).json()["history"]
    assert len(history) == before["revision"] + 1
    last = history[-1]
    assert (last["outcome"], last["stands"]) == ("not_resolved", True)
    assert last["author"] == "nightly override:write (token)"
    row = site.store.connection.execute(
        "select actor_kind from audit where action like 'override%' order by seq desc limit 1"
    ).fetchone()
    assert row == ("token",)
