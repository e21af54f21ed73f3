"""Logging in at an identity provider: who is let in as what, and every way in which it must not work."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

pytest.importorskip("authlib", reason="logging in at a provider needs the extra [sso]")

from candor.access.permissions import OPERATOR
from candor.access.store import Store
from candor.errors import CandorError
from candor.settings import SsoSection
from candor.web.application import create
from candor.web.desk import Desk
from candor.web.site import Rates, Site
from candor.web.sso import SECRET as VARIABLE
from candor.web.sso import Attempt, Sso

from .conftest import BASE, PASSWORD
from .provider import CLIENT, SECRET, Provider, listening, new_key

ROLES = {"cx-leads": "admin", "cx-analysts": "analyst", "cx": "viewer"}


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    """One provider; making keys takes a while."""
    with listening(Provider()) as found:
        yield found


@pytest.fixture
def provider(running: Provider) -> Provider:
    """The provider as it was at the beginning."""
    issuer, keys = running.issuer, running.keys[:1]
    running.__init__()  # type: ignore[misc]
    running.issuer, running.keys = issuer, keys
    return running


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


def section(provider: Provider, **changes: Any) -> SsoSection:
    told = {"issuer": provider.issuer, "client_id": CLIENT, "roles": ROLES, "allow_private": True}
    return SsoSection(**{**told, **changes})


@pytest.fixture
def site(tmp_path: Path, provider: Provider, clock: Clock) -> Iterator[Site]:
    """A server of an empty workspace that knows the provider."""
    root = tmp_path / "w"
    root.mkdir()
    (root / "candor.toml").write_text("")
    store = Store(root / "restricted")
    sso = Sso(section(provider), {VARIABLE: SECRET}, clock)
    made = Site(root, Desk(root), store, rates=Rates(burst=100_000), sso=sso)
    yield made
    made.desk.close()
    store.close()


_MADE: list[Any] = []
"""One application for all tests: making its routes takes longer than a login."""


@pytest.fixture
def browser(site: Site) -> Callable[[], TestClient]:
    if not _MADE:
        _MADE.append(create(site))
    (application,) = _MADE
    application.site = application.app.state.site = site

    def open_() -> TestClient:
        return TestClient(application, base_url=BASE, follow_redirects=False)

    return open_


def go(client: TestClient, provider: Provider, following: str = "/account") -> Any:
    """Through the whole login; returns the last answer."""
    sent = client.get("/login/sso", params={"next": following})
    if sent.status_code != 303:
        return sent
    return client.get("/login/sso/back", params=provider.authorise(sent.headers["location"]))


def denied(site: Site) -> list[str]:
    rows = site.store.connection.execute(
        "select detail from audit where action = 'login.denied' order by seq"
    )
    return [json.loads(row[0])["why"] for row in rows]


def test_who_is_in_a_group_gets_its_role(
    browser: Callable[[], TestClient], provider: Provider, site: Site
) -> None:
    client = browser()
    assert "Log in with your company" in client.get("/login").text
    answer = go(client, provider)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert client.get("/account").status_code == 200
    (person,) = site.people.everybody()
    assert (person.name, person.role) == ("ada", "analyst")
    assert client.get("/people").status_code == 403
    kept = [one.name for one in client.cookies.jar]
    assert kept == ["candor-local"], "what was kept of the attempt is gone"
    assert site.people.login("ada", "", "here") is None, "there is no password"
    assert go(browser(), provider).status_code == 303
    assert len(site.people.everybody()) == 1
    actions = [row[0] for row in site.store.connection.execute("select action from audit")]
    assert actions == ["person.add", "login", "denied", "login.denied", "login"]


def test_an_account_is_never_taken_over_by_its_name(
    browser: Callable[[], TestClient], provider: Provider, site: Site
) -> None:
    local = site.people.add(OPERATOR, "ada", "admin", PASSWORD)
    assert go(browser(), provider).status_code == 303
    provider.subject, provider.name = "subject-2", "ADA\x00"
    assert go(browser(), provider).status_code == 303
    assert [(one.name, one.role) for one in site.people.everybody()] == [
        ("ada", "admin"), ("ada (2)", "analyst"), ("ADA (3)", "analyst"),
    ]  # fmt: skip
    assert site.people.login("ada", PASSWORD, "here").id == local.id


def test_the_role_follows_the_groups_and_ends_with_them(
    browser: Callable[[], TestClient], provider: Provider, site: Site
) -> None:
    first = browser()
    go(first, provider)
    provider.groups = ["other", "cx", "cx-leads"]
    second = browser()
    go(second, provider)
    (person,) = site.people.everybody()
    assert person.role == "admin", "the first group of the configuration counts"
    assert first.get("/account").status_code == 303, "sessions of the other role ended"
    raw = site.sessions.issue(person.actor(), "nightly", ["figures:read"], 30)
    provider.groups = ["other"]
    answer = go(browser(), provider)
    assert answer.status_code == 403
    assert "None of your groups" in answer.text
    assert second.get("/account").status_code == 303
    assert site.sessions.token_actor(raw) is None
    for groups in (None, [], "cx", {"cx": 1}):
        provider.groups = groups
        assert go(browser(), provider).status_code == (303 if groups in ("cx", {"cx": 1}) else 403)
    site.people.add(OPERATOR, "root", "admin", PASSWORD)
    site.people.disable(OPERATOR, person.id, is_disabled=True)
    provider.groups = ["cx"]
    assert "switched off" in go(browser(), provider).text


NOW = int(time.time())


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"claims": {"nonce": "n" * 43}}, "token"), ({"claims": {"nonce": None}}, "token"),
        ({"claims": {"aud": "another"}}, "token"), ({"claims": {"aud": None}}, "token"),
        ({"claims": {"aud": [CLIENT, "another"]}}, "token"),
        ({"claims": {"azp": "another"}}, "token"),
        ({"claims": {"iss": "https://other.example.com"}}, "token"),
        ({"claims": {"exp": NOW - 120}}, "token"), ({"claims": {"exp": None}}, "token"),
        ({"claims": {"exp": "soon"}}, "token"), ({"claims": {"nbf": NOW + 86_400}}, "token"),
        ({"claims": {"sub": None}}, "token"), ({"claims": {"sub": ""}}, "token"),
        ({"claims": {"at_hash": "x"}}, "token"),
        ({"algorithm": "none"}, "signature"), ({"algorithm": "PS256"}, "signature"),
        ({"configuration": {"issuer": "https://other.example.com"}}, "configuration"),
        ({"configuration": {"jwks_uri": 7}}, "configuration"),
        ({"configuration": {"jwks_uri": "ftp://127.0.0.1/keys"}}, "keys"),
        ({"configuration": {"token_endpoint": "http://127.0.0.1:9/token"}}, "token"),
        ({"is_down": True}, "configuration"),
    ],
)  # fmt: skip
def test_a_token_that_does_not_fit_lets_nobody_in(
    browser: Callable[[], TestClient], provider: Provider, site: Site, wrong: dict, why: str
) -> None:
    for name, value in wrong.items():
        setattr(provider, name, value)
    client = browser()
    answer = go(client, provider)
    assert answer.status_code == 401
    assert denied(site) == [why]
    assert site.people.everybody() == []
    assert "candor-local" not in client.cookies
    assert provider.issuer not in answer.text


def test_a_token_signed_with_somebody_else_s_key_lets_nobody_in(
    browser: Callable[[], TestClient], provider: Provider, site: Site
) -> None:
    provider.signer = new_key("k1")
    assert go(browser(), provider).status_code == 401
    assert denied(site) == ["signature"]


def test_keys_may_change_and_are_not_asked_for_at_every_bad_token(
    browser: Callable[[], TestClient], provider: Provider, clock: Clock
) -> None:
    old = provider.keys[0]
    assert go(browser(), provider).status_code == 303
    provider.keys = [old, new_key("k2")]
    assert go(browser(), provider).status_code == 401, "keys were asked for a moment ago"
    clock.ahead = 31
    assert go(browser(), provider).status_code == 303
    assert provider.asked.count("/keys") == 2
    provider.keys = [provider.keys[1]]
    provider.signer = old
    clock.ahead = 62
    assert go(browser(), provider).status_code == 401, "a key that was taken back signs nothing"
    asked = provider.asked.count("/keys")
    for _ in range(5):
        go(browser(), provider)
    assert provider.asked.count("/keys") == asked


def test_an_answer_belongs_to_the_browser_that_asked(
    browser: Callable[[], TestClient], provider: Provider, site: Site, clock: Clock
) -> None:
    attacker, victim = browser(), browser()
    sent = attacker.get("/login/sso")
    answer = provider.authorise(sent.headers["location"])
    # The attacker's answer in the victim's browser: without and with an attempt of its own.
    assert victim.get("/login/sso/back", params=answer).status_code == 401
    victim.get("/login/sso")
    assert victim.get("/login/sso/back", params=answer).status_code == 401
    assert attacker.get("/login/sso/back", params={**answer, "iss": "https://x"}).status_code == 401
    assert attacker.get("/login/sso/back", params={**answer, "error": "no"}).status_code == 401
    assert denied(site) == ["attempt", "state", "issuer", "refused"]
    assert attacker.get("/login/sso/back", params=answer).status_code == 303
    kept = attacker.get("/login/sso")
    attacker.get("/login/sso/back", params=provider.authorise(kept.headers["location"]))
    again = browser()
    again.cookies.update(victim.cookies)
    assert again.get("/login/sso/back", params=answer).status_code == 401, "a code holds once"
    late = browser()
    answer = provider.authorise(late.get("/login/sso").headers["location"])
    clock.ahead = 601
    assert late.get("/login/sso/back", params=answer).status_code == 401
    assert denied(site)[-1] == "late"


@pytest.mark.parametrize(
    "kept", ["", "x", "e30=", "W10=", "bnVsbA==", "\xff", Attempt("s", "n", "v", "/", 1).kept()]
)
def test_what_a_browser_keeps_is_not_believed(site: Site, kept: str) -> None:
    assert site.sso is not None
    with pytest.raises(Exception, match="did not begin"):
        site.sso.finish({"state": "s", "code": "c"}, kept, "http://x")


def test_it_leads_nowhere_else(browser: Callable[[], TestClient], provider: Provider) -> None:
    for wanted in ("//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nb"):
        answer = go(browser(), provider, wanted)
        assert answer.headers["location"] == "/", wanted
    sent = browser().get("/login/sso")
    query = parse_qs(urlsplit(sent.headers["location"]).query)
    assert query["redirect_uri"] == [f"{BASE}/login/sso/back"]
    assert query["scope"] == ["openid profile email"]
    assert "code_verifier" not in query
    cookie = sent.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_without_a_provider_there_is_no_such_page(
    browser: Callable[[], TestClient], site: Site
) -> None:
    site.sso = None
    client = browser()
    assert client.get("/login/sso").status_code == 404
    assert client.get("/login/sso/back").status_code == 404
    assert "Log in with" not in client.get("/login").text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"roles": {"cx": "owner"}}, "unknown role 'owner'"), ({"scopes": ("profile",)}, "openid"),
        ({"allow_private": False}, "address is not allowed"),
        ({"issuer": "https://a:b@id.example.com"}, "address is not allowed"),
    ],
)  # fmt: skip
def test_a_configuration_that_cannot_be_right_is_refused(
    provider: Provider, changes: dict, said: str
) -> None:
    with pytest.raises(CandorError) as told:
        Sso(section(provider, **changes), {})
    assert said in str(told.value)
