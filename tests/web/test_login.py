"""Logging in, forms of other sites, headers, hosts, bodies, rates: the surroundings of every page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from candor.access.sessions import form_mark
from candor.web.site import Rates, Site
from candor.web.surroundings import HEADERS, LARGEST_BODY, POLICY

from .conftest import BASE, PASSWORD

Browser = Callable[..., TestClient]
Maker = Callable[..., object]
EVERYWHERE = ("/healthz", "/login", "/", "/nope", "/static/web.css", "/api/scorecard", "/s/none")


@pytest.mark.parametrize("path", EVERYWHERE)
def test_every_answer_carries_the_headers(browser: Browser, path: str) -> None:
    answer = browser().get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    kept = "public" if path.startswith("/static") else "no-store"
    assert kept in answer.headers["cache-control"]
    assert "server" not in answer.headers
    assert "unsafe" not in POLICY
    assert "*" not in POLICY


def test_a_fault_is_answered_with_its_id_and_nothing_else(
    browser: Browser, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: str) -> None:
        raise RuntimeError("select secret from /home/somebody")

    monkeypatch.setattr(site.shares, "open", lambda *_, **__: broken(""))
    answer = browser(raise_server_exceptions=False).get("/s/any")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "fault of candor" in answer.text
    assert answer.headers["content-security-policy"] == POLICY


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    browser: Browser, person: Maker, site: Site
) -> None:
    person("vic", "viewer")
    sent = browser().post("/login", data={"name": "vic", "password": PASSWORD})
    cookie = sent.headers["set-cookie"]
    assert cookie.startswith("candor-local=")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    site.is_secure = True
    sent = browser().post("/login", data={"name": "vic", "password": PASSWORD})
    assert sent.headers["set-cookie"].startswith("__Host-candor=")
    assert "Secure" in sent.headers["set-cookie"]
    assert "max-age=31536000" in sent.headers["strict-transport-security"]


def test_logging_in_gives_a_new_session_and_logging_out_ends_it(
    browser: Browser, person: Maker
) -> None:
    person("vic", "viewer")
    client = browser("vic")
    first = client.cookies["candor-local"]
    client.post("/login", data={"name": "vic", "password": PASSWORD})
    assert client.cookies["candor-local"] != first
    left = client.post("/logout", data={"mark": form_mark(client.cookies["candor-local"])})
    assert left.headers["clear-site-data"] == '"cache", "storage"'
    client.cookies.set("candor-local", first)
    assert client.get("/").status_code == 200, "the other session stands"


def test_an_unknown_name_and_a_wrong_password_are_told_alike(
    browser: Browser, person: Maker
) -> None:
    person("vic", "viewer")
    answers = [
        browser().post("/login", data={"name": name, "password": "wrong password"})
        for name in ("vic", "nobody")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].text == answers[1].text


def test_too_many_failures_make_one_wait(browser: Browser, person: Maker) -> None:
    person("vic", "viewer")
    client = browser()
    for _ in range(8):
        client.post("/login", data={"name": "vic", "password": "wrong password"})
    answer = client.post("/login", data={"name": "vic", "password": PASSWORD})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 900


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": ""},
    ],
)
def test_forms_of_other_sites_are_refused(
    browser: Browser, person: Maker, headers: dict[str, str]
) -> None:
    person("vic", "viewer")
    client = browser("vic")
    data = {"mark": form_mark(client.cookies["candor-local"]), "name": "vic", "password": PASSWORD}
    for path in ("/logout", "/login"):
        assert client.post(path, data=data, headers=headers).status_code == 403, path
    assert client.get("/account").status_code == 200


@pytest.mark.parametrize(
    ("origin", "expected"),
    [(BASE, 303), ("http://127.0.0.1.example.com", 403), ("null", 403), ("http://[", 403),
     (None, 403), ("https://example.com", 403)],
)  # fmt: skip
def test_without_that_header_the_origin_decides(
    browser: Browser, person: Maker, origin: str | None, expected: int
) -> None:
    person("vic", "viewer")
    client = browser()
    del client.headers["sec-fetch-site"]
    headers = {} if origin is None else {"origin": origin}
    sent = client.post("/login", data={"name": "vic", "password": PASSWORD}, headers=headers)
    assert sent.status_code == expected


def test_a_form_needs_the_mark_of_its_own_session(browser: Browser, person: Maker) -> None:
    person("vic", "viewer")
    client, other = browser("vic"), browser("vic")
    for mark in ("", "é", form_mark(other.cookies["candor-local"])):
        assert client.post("/logout", data={"mark": mark}).status_code == 403
    assert client.get("/account").status_code == 200


@pytest.mark.parametrize(
    "wanted",
    ["//example.com", "/\\example.com", "https://example.com", "\\\\example.com", "javascript:1",
     "/a\r\nset-cookie: x=y", "http:/example.com", "/%0d\n"],
)  # fmt: skip
def test_logging_in_never_leads_to_another_site(
    browser: Browser, person: Maker, wanted: str
) -> None:
    person("vic", "viewer")
    data = {"name": "vic", "password": PASSWORD, "next": wanted}
    assert browser().post("/login", data=data).headers["location"] == "/"


def test_logging_in_leads_back_to_the_page_that_was_wanted(browser: Browser, person: Maker) -> None:
    person("vic", "viewer")
    sent = browser().get("/metric/containment_rate?by=channel")
    assert sent.headers["location"] == "/login?next=%2Fmetric%2Fcontainment_rate%3Fby%3Dchannel"
    data = {"name": "vic", "password": PASSWORD, "next": "/metric/containment_rate?by=channel"}
    answer = browser().post("/login", data=data)
    assert answer.headers["location"] == "/metric/containment_rate?by=channel"


@pytest.mark.parametrize(
    "host", ["example.com", "127.0.0.1.example.com", "", "localhost@example.com"]
)
def test_other_host_names_are_not_answered(browser: Browser, host: str) -> None:
    assert browser().get("/healthz", headers={"host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost:8750", "127.0.0.1", "[::1]:8750", "LOCALHOST"])
def test_names_of_this_host_are_answered(browser: Browser, host: str) -> None:
    assert browser().get("/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(browser: Browser, method: str) -> None:
    assert browser().request(method, "/login").status_code == 405


def test_large_bodies_are_refused_whatever_their_header_says(browser: Browser) -> None:
    client = browser()
    assert client.post("/login", content=b"x" * (LARGEST_BODY + 1)).status_code == 413

    def parts():
        for _ in range(20):
            yield b"x" * (LARGEST_BODY // 10)

    kind = {"content-type": "application/x-www-form-urlencoded"}
    try:
        status = client.post("/login", content=parts(), headers=kind).status_code
    except Exception as error:
        assert "disconnect" in type(error).__name__.lower()  # noqa: PT017
    else:
        assert 400 <= status < 500


@pytest.mark.parametrize("header", ["Bearer", "Bearer x", "Basic dmljOng=", "Bearer candor_x", "é"])
def test_tokens_that_are_none_open_nothing_even_with_a_cookie(
    browser: Browser, person: Maker, header: str
) -> None:
    person("vic", "viewer")
    client = browser("vic")
    answer = client.get("/api/glossary", headers={"authorization": header.encode("latin-1")})
    assert answer.status_code == 401


def test_who_asks_too_often_waits(browser: Browser, person: Maker, site: Site) -> None:
    person("vic", "viewer")
    client = browser("vic")
    site.rates = Rates(burst=3, per_second=0.5, clock=lambda: 100.0)
    assert [client.get("/account").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert client.get("/account").headers["retry-after"] == "2"


def test_a_bucket_of_requests_refills() -> None:
    now = [0.0]
    rates = Rates(burst=2, per_second=1.0, clock=lambda: now[0])
    assert [rates.wait("a"), rates.wait("a"), rates.wait("a")] == [0, 0, 1]
    assert rates.wait("b") == 0
    now[0] = 1.0
    assert [rates.wait("a"), rates.wait("a")] == [0, 1]


@pytest.mark.parametrize("path", ["/static/../desk.py", "/static/access.db", "/static/%2e%2e/x"])
def test_only_listed_files_are_served(browser: Browser, path: str) -> None:
    assert browser().get(path).status_code == 404
