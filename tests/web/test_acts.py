"""What people do in the dashboard: share, make tokens, save views, mind alerts, note, read the log."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from candor.access.sessions import form_mark
from candor.errors import CandorError
from candor.web.site import Site

from .conftest import Parts

Browser = Callable[..., TestClient]
Maker = Callable[..., object]


def test_a_shared_page_stays_as_it_was_and_shows_what_a_viewer_sees(
    ann: TestClient, browser: Browser, site: Site
) -> None:
    mark = form_mark(ann.cookies["candor-local"])
    made = ann.post("/shares/add", data={"mark": mark, "page": "/?view=tiers", "days": 7})
    link = re.search(r"http://127\.0\.0\.1/s/[\w-]+", made.text)
    assert link is not None
    stranger = browser()
    page = stranger.get(link[0])
    assert page.status_code == 200
    assert "True resolution rate" in page.text
    assert "Cost to serve" not in page.text
    assert "ann" not in Parts(page.text).text
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    for wanted in (
        "/conversations/t1",
        "/plan",
        "/people",
        "https://example.com/",
        "//x/",
        "/nope",
        "",
    ):
        refused = ann.post("/shares/add", data={"mark": mark, "page": wanted, "days": 7})
        assert refused.status_code == 422, wanted
    ann.post("/shares/revoke", data={"mark": mark, "share": site.shares.all()[0].id})
    assert stranger.get(link[0]).status_code == 404
    site.may_share = False
    refused = ann.post("/shares/add", data={"mark": mark, "page": "/", "days": 7})
    assert refused.status_code == 422


def test_the_description_lists_what_one_may_ask(
    browser: Browser, person: Maker, ann: TestClient
) -> None:
    person("vic", "viewer")
    everything = ann.get("/api/openapi.json").json()
    assert everything["openapi"].startswith("3.")
    assert "/api/audit" in everything["paths"]
    mine = set(browser("vic").get("/api/openapi.json").json()["paths"])
    assert "/api/scorecard" in mine
    assert not {"/api/audit", "/export/{form}/scorecard", "/api/plan"} & mine
    names = {p["name"] for p in everything["paths"]["/api/scorecard"]["get"]["parameters"]}
    assert {"view", "grain", "channel", "snapshot"} <= names


def test_prometheus_reads_counters(ann: TestClient) -> None:
    ann.get("/")
    text = ann.get("/metrics").text
    found = dict(re.findall(r"^(\w+) (\d+)$", text, re.MULTILINE))
    assert int(found["candor_audit_rows"]) >= 3
    assert "# TYPE candor_requests_total counter" in text


def test_the_audit_page_says_whether_the_chain_holds(ann: TestClient, site: Site) -> None:
    assert "The chain holds" in ann.get("/audit").text
    data = ann.get("/api/audit?action=login").json()
    assert {row["action"] for row in data["entries"]} == {"login"}
    site.store.connection.executescript("drop trigger audit_stands")
    site.store.connection.execute("update audit set action = 'nothing' where seq = 2")
    assert "Row 2 is not what was written" in ann.get("/audit").text
    assert ann.get("/api/audit").json()["broken"] == 2


def test_a_token_is_shown_once(ann: TestClient) -> None:
    mark = form_mark(ann.cookies["candor-local"])
    data = {"mark": mark, "name": "nightly", "permissions": ["figures:read"], "days": 30}
    made = ann.post("/account/tokens", data=data)
    raw = re.search(r"candor_[\w-]{43}", made.text)
    assert raw is not None
    assert raw[0] not in ann.get("/account").text
    del data["permissions"]
    refused = ann.post("/account/tokens", data=data)
    assert refused.status_code == 422
    assert "no permission was chosen" in refused.text.lower()


def test_a_saved_view_is_ones_own_and_stays_on_this_server(
    ann: TestClient, browser: Browser, person: Maker, site: Site
) -> None:
    mark = form_mark(ann.cookies["candor-local"])
    wanted = "/metric/containment_rate?by=channel"
    sent = ann.post(
        "/account/views/save", data={"mark": mark, "title": "<b>Mine</b>", "page": wanted}
    )
    assert sent.headers["location"] == wanted
    assert f'<a href="{wanted}">&lt;b&gt;Mine&lt;/b&gt;</a>' in ann.get("/glossary").text
    for page in ("https://example.com", "//example.com", "javascript:1", ""):
        data = {"mark": mark, "title": "x", "page": page}
        assert ann.post("/account/views/save", data=data).status_code == 422, page
    person("vic", "viewer")
    vic = browser("vic")
    assert "Mine" not in vic.get("/glossary").text
    data = {"mark": form_mark(vic.cookies["candor-local"]),
            "view": site.saved.of(site.people.named("ann").id)[0].id}  # fmt: skip
    assert vic.post("/account/views/remove", data=data).status_code == 404
    assert ann.post("/account/views/remove", data={**data, "mark": mark}).status_code == 303
    assert "Mine" not in ann.get("/glossary").text


def test_alerts_are_taken_care_of_and_the_log_says_by_whom(
    ann: TestClient, browser: Browser, person: Maker, site: Site
) -> None:
    from candor.answers.alert_book import AlertBook

    with AlertBook(site.root) as book:
        book._connection.execute(
            "insert into alert (key, metric, state, first_period, last_period, occurrences, quiet,"
            " told) values ('k', 'containment_rate', 'open', 20700, 20700, 1, 0, ?)",
            (json.dumps({"title": "<i>t</i>", "sentence": "It fell.", "unit": "share"}),),
        )
        (alert,) = book.alerts()
    try:
        assert "&lt;i&gt;t&lt;/i&gt;" in ann.get("/alerts").text
        data = {"mark": form_mark(ann.cookies["candor-local"]), "alert": alert.id, "days": 3}
        assert ann.post("/alerts/snooze", data=data).status_code == 303
        assert ann.post("/alerts/acknowledge", data=data).status_code == 303
        (told,) = ann.get("/api/alerts").json()["alerts"]
        assert told["state"] == "acknowledged"
        assert told["snoozed_until"]
        rows = ann.get("/api/audit?action=alert").json()["entries"]
        assert [row["action"] for row in rows] == ["alert.acknowledge", "alert.snooze"]
        before = ann.get("/api/audit").json()["rows"]
        assert ann.post("/alerts/acknowledge", data={**data, "alert": 99}).status_code == 404
        assert ann.get("/api/audit").json()["rows"] == before, "no act, no row"
    finally:
        (site.root / "alerts.db").unlink()


def test_a_note_is_written_for_everybody_and_never_breaks_the_file(
    ann: TestClient, browser: Browser, person: Maker, site: Site
) -> None:
    path = site.root / "annotations.yaml"
    mark = form_mark(ann.cookies["candor-local"])
    path.write_text("# kept\n- {day: 2026-09-01, text: new hours}", encoding="utf-8")
    try:
        data = {"mark": mark, "day": "2026-09-03", "text": "<b>policy</b>: - x", "kind": "policy"}
        assert ann.post("/annotations/add", data=data).status_code == 303
        assert path.read_text(encoding="utf-8").startswith("# kept\n- {day: 2026-09-01")
        told = ann.get("/api/annotations").json()["annotations"]
        found = [(one["day"], one["text"], one["kind"]) for one in told if one["kind"] != "release"]
        assert found == [
            ("2026-09-01", "new hours", "other"), ("2026-09-03", "<b>policy</b>: - x", "policy"),
        ]  # fmt: skip
        assert "&lt;b&gt;policy&lt;/b&gt;: - x" in ann.get("/annotations").text
        before = path.read_bytes(), ann.get("/api/audit").json()["rows"]
        for wrong in ({"day": "soon"}, {"text": "a\nb: c"}, {"text": ""}, {"kind": "release"}):
            assert ann.post("/annotations/add", data={**data, **wrong}).status_code == 422, wrong
        path.write_text("[]", encoding="utf-8")
        assert ann.post("/annotations/add", data=data).status_code in (400, 422)
        assert path.read_text(encoding="utf-8") == "[]"
        assert before[1] == ann.get("/api/audit").json()["rows"], "no act, no row"
        person("vic", "viewer")
        assert "Note something" not in browser("vic").get("/annotations").text
    finally:
        path.unlink()


def test_only_a_shared_page_is_held_by_named_origins(
    ann: TestClient, browser: Browser, site: Site
) -> None:
    mark = form_mark(ann.cookies["candor-local"])
    sent = ann.post("/shares/add", data={"mark": mark, "page": "/?grain=all", "days": 7})
    link = re.search(r"/s/[A-Za-z0-9_-]+", sent.text)[0]
    stranger = browser()
    assert stranger.get(link).headers["x-frame-options"] == "DENY"
    site.embedders = ("https://intranet.example.com",)
    held = stranger.get(link).headers
    assert held["content-security-policy"].endswith("frame-ancestors https://intranet.example.com")
    assert "x-frame-options" not in held
    for other in ("/login", "/", "/static/web.css", "/healthz", "/api/scorecard"):
        headers = ann.get(other).headers
        assert headers["x-frame-options"] == "DENY", other
        assert "frame-ancestors 'none'" in headers["content-security-policy"], other


@pytest.mark.parametrize(
    "origin",
    ["http://a.example", "https://a.example/path", "https://*.example", "https://a b", "'self'"],
)
def test_an_origin_is_checked_before_it_enters_a_policy(origin: str) -> None:
    from candor.cli.serving import _origins

    assert _origins(["https://a.example:8443"], may_share=True) == ("https://a.example:8443",)
    with pytest.raises(CandorError, match="is no origin"):
        _origins([origin], may_share=True)
    with pytest.raises(CandorError, match="only shared pages"):
        _origins(["https://a.example"], may_share=False)
