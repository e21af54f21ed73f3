"""Pages by mail: at their hour, once, to whom may see them, without a word of a conversation."""

from __future__ import annotations

import email
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from candor.access import audit
from candor.access.mailings import Mailings, period
from candor.access.people import People, Person
from candor.access.permissions import OPERATOR
from candor.access.store import Store
from candor.errors import CandorError
from candor.web import posting
from candor.web.desk import Desk
from candor.web.site import Site

from .conftest import HOSTILE, PASSWORD

MONDAY = datetime(2026, 11, 16, 7, 30, tzinfo=UTC)
TUESDAY = datetime(2026, 11, 17, 9, 0, tzinfo=UTC)
ZONE = "Europe/Berlin"


class PostOffice:
    """Takes letters, or says why not."""

    def __init__(self) -> None:
        self.letters: list[email.message.EmailMessage] = []
        self.refuses = ""

    def __call__(self, message: Any, *_: Any, **__: Any) -> str | None:
        if self.refuses:
            return self.refuses
        self.letters.append(message)
        return None


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> PostOffice:
    made = PostOffice()
    monkeypatch.setattr(posting, "send_message", made)
    return made


@pytest.fixture
def place(
    root: Path, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The workspace with a mail server and accounts of its own."""
    folder = tmp_path / "workspace"
    shutil.copytree(root, folder, ignore=shutil.ignore_patterns("lake", "simulated", "restricted"))
    settings = (folder / "candor.toml").read_text(encoding="utf-8")
    for name, value in (
        ("smtp_host", "127.0.0.1"),
        ("email_from", "candor@example.org"),
        ("timezone", ZONE),
    ):
        settings, count = re.subn(rf'(?m)^{name} = "[^"]*"', f'{name} = "{value}"', settings)
        assert count == 1, name
    (folder / "candor.toml").write_text(settings, encoding="utf-8")
    # The pages are those of the desk that all tests share.
    monkeypatch.setattr(posting, "Desk", lambda *_, **__: Lent(desk))
    return folder


class Lent:
    """A desk that is not closed."""

    def __init__(self, desk: Desk) -> None:
        self.ask, self.need = desk.ask, desk.need

    def close(self) -> None:
        pass


def subscribed(
    folder: Path, role: str = "viewer", page: str = "/?grain=all", **more: Any
) -> tuple[Store, Person]:
    store = Store(folder / "restricted")
    made = People(store).add(OPERATOR, "eve", role, PASSWORD, scope=more.pop("scope", {}))
    mailings = Mailings(store)
    mailings.set_address(OPERATOR, made.id, "eve@example.org")
    mailings.add(
        made.actor(), "Mine", page, more.pop("cadence", "daily"), 1, 9, now=MONDAY, zone=ZONE
    )
    return store, made


def test_an_hour_is_one_of_the_workspaces_clock(tmp_path: Path) -> None:
    store, made = subscribed(tmp_path, cadence="weekly")
    (weekly,) = Mailings(store).of(made.id)
    assert weekly.when == "every Tuesday at 09:00"
    # Before and after 9 o'clock in Berlin, in winter and in summer.
    at = [datetime(2026, 11, 17, 7, 59, tzinfo=UTC), datetime(2026, 11, 17, 8, 0, tzinfo=UTC),
          datetime(2026, 7, 14, 6, 59, tzinfo=UTC), datetime(2026, 7, 14, 7, 0, tzinfo=UTC)]  # fmt: skip
    assert [period(weekly, one, ZONE) for one in at] == [
        "2026-11-10", "2026-11-17", "2026-07-07", "2026-07-14",
    ]  # fmt: skip
    store.close()


def test_a_letter_leaves_once_for_each_period(place: Path, office: PostOffice) -> None:
    store, _ = subscribed(place)
    assert posting.post(place, {}, now=MONDAY) == {}, "not before its hour"
    assert posting.post(place, {}, now=TUESDAY) == {"Mine": ""}
    assert posting.post(place, {}, now=TUESDAY) == {}
    (letter,) = office.letters
    assert letter["To"] == "eve@example.org"
    assert letter["From"] == "candor@example.org"
    assert ".2026-11-17@" in letter["Message-ID"]
    text = letter.get_body(("plain",)).get_content()
    assert "Containment rate: figure" in text
    assert "snapshot " in text
    actions = [row.action for row in audit.entries(store.connection, before=None, limit=20)]
    assert "mailing.send" in actions
    store.close()


def test_what_fails_is_shown_and_sent_at_a_later_tick(place: Path, office: PostOffice) -> None:
    store, made = subscribed(place)
    office.refuses = "the mail server answered 451"
    for times in (1, 2):
        assert posting.post(place, {}, now=TUESDAY) == {"Mine": office.refuses}
        (told,) = Mailings(store).of(made.id)
        assert (told.failure, told.failures) == (office.refuses, times)
    office.refuses = ""
    assert posting.post(place, {}, now=TUESDAY) == {"Mine": ""}
    (told,) = Mailings(store).of(made.id)
    assert (told.failure, told.failures, told.sent) == ("", 0, "2026-11-17")
    store.close()


def test_a_sending_that_was_interrupted_is_repeated_under_the_same_id(
    place: Path, office: PostOffice
) -> None:
    clock = [1_000_000_000]
    store, made = subscribed(place)
    store.now = lambda: clock[0]
    mailings = Mailings(store)
    (one,) = mailings.of(made.id)
    assert mailings.claim(one, "2026-11-17")
    assert not mailings.claim(one, "2026-11-17"), "somebody is sending it"
    clock[0] += 16 * 60 * 1_000_000
    assert mailings.claim(one, "2026-11-17"), "nothing was heard of it"
    store.close()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda people, one: people.set_role(OPERATOR, one.id, "viewer", {}), "may not see this page"),
        (lambda people, one: people.disable(OPERATOR, one.id, is_disabled=True), "switched off"),
        (lambda people, one: Mailings(people.store).set_address(OPERATOR, one.id, ""), "nobody has said"),
    ],
)  # fmt: skip
def test_who_lost_the_right_gets_nothing(
    place: Path, office: PostOffice, change: Callable[..., None], why: str
) -> None:
    store, made = subscribed(place, role="analyst", page="/economics?grain=all")
    change(People(store), made)
    assert why in posting.post(place, {}, now=TUESDAY)["Mine"]
    assert office.letters == []
    store.close()


def test_a_letter_is_confined_like_its_reader_and_holds_no_words_of_conversations(
    place: Path, office: PostOffice
) -> None:
    store, _ = subscribed(place, scope={"channel": "email"})
    assert posting.post(place, {}, now=TUESDAY) == {"Mine": ""}
    (letter,) = office.letters
    whole = str(letter) + letter.get_body(("plain",)).get_content()
    pages = [part.get_payload(decode=True).decode() for part in letter.iter_attachments()]
    for said in (*HOSTILE, "<script>"):
        assert said not in whole
        assert all(f"{said} 0" not in page for page in pages)
    store.close()


def test_pages_with_text_or_lists_are_not_sent(ann: TestClient, site: Site) -> None:
    made = site.people.named("ann")
    for page in ("/conversations", "/conversations/t1", "/metric/containment_rate/numerator",
                 "/people", "//example.com/", "https://example.com/"):  # fmt: skip
        with pytest.raises(CandorError, match="not sent by mail"):
            posting.sendable(page, made)


def test_the_page_of_mailings(
    ann: TestClient, browser: Callable[..., TestClient], person: Callable[..., Person], site: Site
) -> None:
    eve = person("eve", "viewer")
    theirs = browser("eve")
    assert "Nobody has said yet" in theirs.get("/mailings").text

    def mark(client: TestClient) -> str:
        return client.get("/mailings").text.split('name="mark" value="')[1].split('"')[0]

    refused = theirs.post(
        "/mailings/address",
        data={"mark": mark(theirs), "person": eve.id, "address": "x@example.org"},
    )
    assert refused.status_code == 403
    for address, status in (("eve@example.org", 303), ("eve@example.org\nBcc: x@example.org", 422)):
        sent = ann.post(
            "/mailings/address", data={"mark": mark(ann), "person": eve.id, "address": address}
        )
        assert sent.status_code == status
    for page, status in (("/", 303), ("/economics", 422), ("/conversations", 422)):
        data = {"mark": mark(theirs), "page": page, "cadence": "weekly", "weekday": 0, "hour": 8}
        assert theirs.post("/mailings/add", data=data).status_code == status, page
    shown = theirs.get("/mailings").text
    assert "every Monday at 08:00" in shown
    assert "/economics" not in shown
    (mine,) = Mailings(site.store).of(eve.id)
    bob = browser(person("bob", "viewer").name)
    assert (
        bob.post("/mailings/remove", data={"mark": mark(bob), "mailing": mine.id}).status_code
        == 404
    )
    assert (
        ann.post("/mailings/remove", data={"mark": mark(ann), "mailing": mine.id}).status_code
        == 303
    )
    assert Mailings(site.store).every() == []
