"""A small measured workspace with hostile texts in it, one desk for all tests, a fresh store each."""

from __future__ import annotations

import functools
import json
import pickle
import shutil
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the dashboard needs the extra [serve]")

from fastapi.testclient import TestClient

from candor import pipeline
from candor.access import secrets
from candor.access.people import Person
from candor.access.permissions import OPERATOR
from candor.access.store import Store
from candor.answers import Answers
from candor.answers import review as reviewing
from candor.reviewing.topic_memory import FOLDER, Kept, remember
from candor.web.application import create
from candor.web.desk import Desk
from candor.web.site import Rates, Site
from candor.web.views import packs
from candor.workspace import Workspace

PASSWORD = "a long enough sentence"
BASE = "http://127.0.0.1"
HOSTILE = (
    "<script>document.title='broken'</script>",
    "<img src=x onerror=\"document.title='broken'\">",
    "'\"><svg onload=document.title='broken'>",
    '=HYPERLINK("http://example.com","open")',
    "+1+1|cmd",
    "\u202emoc.elpmaxe\u202c \u2066isolated\u2069",
    "{{ 7 * 7 }} ${7*7} {% raw %}",
    "javascript:document.title='broken'",
    "]]></style></script><script>document.title='broken'</script>",
    "nul \x1b[31mred\x1b[0m bell\x07",
)
BILL_HEAD = "invoice,line,vendor,from,to,outcome,amount,currency,conversation_id"
HOSTILE_THREAD = "<script>document.title='broken'</script>"
HOSTILE_INTENT = "=1+1<b onmouseover=document.title='broken'>\u202eintent"


def hostile_events() -> Iterator[dict[str, Any]]:
    """A conversation a day of September, whose every text an attacker wrote."""
    for number, text in enumerate(HOSTILE * 2):
        thread = HOSTILE_THREAD if number == 0 else f"hostile {number} {text}"
        at = f"2026-09-{number + 1:02d}T10:0"
        yield {
            "type": "conversation", "thread_id": thread, "occurred_at": f"{at}0:00Z",
            "started_at": f"{at}0:00Z", "channel": "chat", "direction": "inbound",
            "customer_id": f"cust-hostile-{number}", "language": "en", "region": text,
            "customer_segment": HOSTILE_INTENT, "entry_point": text, "intent_id": HOSTILE_INTENT,
            "is_test": False, "is_spam": False, "ai_agent_id": text, "release": text,
        }  # fmt: skip
        for place, actor in enumerate(("customer", "ai_agent", "customer")):
            yield {
                "type": "message", "message_id": f"h{number}-{place}", "thread_id": thread,
                "occurred_at": f"{at}{place + 1}:00Z", "actor": actor, "is_public": True,
                "text": f"{text} {place}",
            }  # fmt: skip


def bill_of(root: Path) -> str:
    """An invoice over a dozen conversations, and over one that nobody knows."""
    with Answers.open(root) as answers:
        threads = answers.engine.rows(
            "select thread_id from conversation where ai_involved and not is_test"
            " and thread_id not like '%hostile%' and thread_id not like '<%'"
            " order by thread_id limit 12"
        )
    rows = [
        f"i1,{n},Vendor,2026-07-01,2026-11-01,resolution,0.99,EUR,{thread}"
        for n, (thread,) in enumerate(threads, 1)
    ]
    return "\n".join(
        [
            "invoice,line,vendor,from,to,outcome,amount,currency,conversation_id",
            *rows,
            "i1,99,=1+1,2026-07-01,2026-11-01,resolution,0.99,EUR,t-none",
        ]
    )


class Parts(HTMLParser):
    """Every element of a page, as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the measured workspace."""
    folder = tmp_path_factory.mktemp("dashboard") / "workspace"
    pipeline.initialise(folder, [])
    settings = folder / "candor.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace('currency = "USD"', 'currency = "EUR"'), encoding="utf-8")
    workspace = Workspace.open(folder)
    made = folder / "simulated"
    pipeline.simulate(made, 90, 7, "demo")
    with (made / "events.jsonl").open("a", encoding="utf-8") as out:
        for event in hostile_events():
            out.write(json.dumps(event) + "\n")
    from candor.simulator import reference

    for name in ("TARGETS", "RATES", "INTENTS"):
        text = getattr(reference, f"{name}_YAML")
        (folder / f"{name.lower()}.yaml").write_text(text, encoding="utf-8")
    result = pipeline.ingest(workspace, "canonical", [made / "events.jsonl"], name="desk")
    assert result.stored > 0
    pipeline.measure(workspace)
    _store_topics(folder)
    return folder


def _store_topics(folder: Path) -> None:
    """Two topics as a run would have stored them, one of all conversations, named by an attacker."""
    with Answers.open(folder) as answers:
        keys = [
            int(key) for (key,) in answers.engine.rows("select conversation_key from conversation")
        ]
        seen = int(answers.about["as_of_us"])
    topics = {
        "t1": (("order", "money", HOSTILE[0], HOSTILE[3]), frozenset(keys)),
        "t2": (("refund", "weeks"), frozenset(sorted(keys)[:3])),
    }
    remember(
        folder / FOLDER,
        {
            name: (Kept(name, {"order": 0.5}, "group-t1", terms, ("order",), seen_us=seen), members)
            for name, (terms, members) in topics.items()
        },
        2,
    )  # fmt: skip


class Crossing(Desk):
    """Questions and answers cross into another process and back, as they do in a server."""

    def need(self, key: Any, question: Any) -> Any:
        pickle.loads(pickle.dumps(question))
        return pickle.loads(pickle.dumps(super().need(key, question)))


@pytest.fixture(scope="session")
def desk(root: Path) -> Iterator[Desk]:
    """One desk, so that an expensive answer is worked out once for all tests.

    The four reviews differ in their period only; here they all show the monthly one. Scorecards are
    remembered, because plan, reviews and the vendor page each reckon one of their own.
    """
    opened, monthly = Crossing(root, wait=120), functools.cache(reviewing.review)
    whole, known = Answers.scorecard, dict[Any, Any]()

    def scorecard(self: Answers, **asked: Any) -> Any:
        key = (str(self.workspace.root), self.period(**asked))
        if key not in known:
            known[key] = whole(self, **asked)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Answers, "scorecard", scorecard)
        # Only what pages see: other tests of this process ask for reviews too.
        same = {"review": lambda answers, _, **__: monthly(answers, "monthly")}
        patch.setattr(packs, "reviewing", SimpleNamespace(**{**vars(reviewing), **same}))
        yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _cheap_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    from argon2 import PasswordHasher

    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(secrets, "_hasher", lambda: quick)
    secrets.nobody.cache_clear()


@pytest.fixture
def site(root: Path, desk: Desk, tmp_path: Path) -> Iterator[Site]:
    """A server with a store of its own."""
    store = Store(tmp_path / "restricted")
    yield Site(root, desk, store, may_share=True, rates=Rates(burst=100_000))
    store.close()


@pytest.fixture(scope="module")
def own_root(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the measured workspace that a file's tests may write to."""
    folder = tmp_path_factory.mktemp("own") / "workspace"
    shutil.copytree(root, folder)
    return folder


@pytest.fixture
def own_site(own_root: Path, tmp_path: Path) -> Iterator[Site]:
    """A server of the copy, with a store of its own."""
    store, desk = Store(tmp_path / "restricted"), Desk(own_root, wait=60)
    yield Site(own_root, desk, store, rates=Rates(burst=100_000))
    desk.close()
    store.close()


@pytest.fixture
def person(site: Site) -> Callable[..., Person]:
    """Makes an account."""

    def make(name: str, role: str, **scope: str) -> Person:
        return site.people.add(OPERATOR, name, role, PASSWORD, scope=scope)

    return make


@pytest.fixture
def browser(site: Site) -> Callable[..., TestClient]:
    """A client, logged in when a name is given."""
    application = create(site)

    def open_(name: str = "", **options: Any) -> TestClient:
        client = TestClient(
            application, base_url=BASE, follow_redirects=False,
            headers={"sec-fetch-site": "same-origin"}, **options,
        )  # fmt: skip
        if name:
            sent = client.post("/login", data={"name": name, "password": PASSWORD})
            assert sent.status_code == 303, sent.text
        return client

    return open_


@pytest.fixture
def ann(
    browser: Callable[..., TestClient], person: Callable[..., Person], site: Site
) -> TestClient:
    """An admin who may read text."""
    made = person("ann", "admin")
    site.people.grant_text(OPERATOR, made.id, "tests of pages", 7)
    return browser("ann")
