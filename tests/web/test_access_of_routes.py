"""Every route against every kind of actor; the committed matrix is what the routes say."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from candor.access.permissions import ALWAYS, OPERATOR, ROLES, Permission
from candor.access.sessions import form_mark
from candor.web import matrix
from candor.web.application import create, routes
from candor.web.guard import own_form
from candor.web.site import Site
from candor.web.streaming import streamed_form

PAGE = Path(__file__).resolve().parents[2] / "docs" / "permissions.md"
FILLED = {
    "name": "containment_rate", "outcome": "numerator", "conversation": "t1", "form": "csv",
    "secret": "none", "queue": "none", "bill": "none",
    "upload": "none", "topic": "t1",
}  # fmt: skip
OTHER_NAMES = {"/static/{name}": "web.css"}


def _address(path: str) -> str:
    if path in OTHER_NAMES:
        return re.sub(r"\{.*?\}", OTHER_NAMES[path], path)
    return re.sub(r"\{(\w+)(:path)?\}", lambda found: FILLED[found[1]], path)


def _ask(client: TestClient, method: str, path: str) -> int:
    if method == "GET":
        return client.get(_address(path)).status_code
    raw = next(iter(client.cookies.values()), "")
    return client.post(path, data={"mark": form_mark(raw)}).status_code


def test_the_committed_matrix_is_what_the_routes_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == matrix.table(), (
        "run: python -m candor.web.matrix > docs/permissions.md"
    )


def test_no_route_is_without_a_guard_and_whatever_changes_something_needs_a_form_of_ours(
    site: Site,
) -> None:
    table = routes()
    declared = table.permissions
    application = create(site).app
    reached = set()
    for route in application.routes:  # type: ignore[attr-defined]
        for inner in getattr(getattr(route, "original_router", None), "routes", [route]):
            assert isinstance(inner, APIRoute), inner
            (method,) = inner.methods
            reached.add((method, inner.path))
            calls = [each.dependency for each in inner.dependencies]
            assert any("guard" in call.__qualname__ for call in calls), inner.path
            if method == "POST" and declared[(method, inner.path)] is not Permission.PUBLIC:
                is_form = own_form in calls or streamed_form in calls
                # A route for tokens takes no form, and no other route may do without one.
                assert is_form is ((method, inner.path) not in table.by_token), inner.path
    assert reached == set(declared)


@pytest.mark.parametrize("role", list(ROLES))
def test_each_role_reaches_exactly_what_it_may(
    role: str, browser: Callable[..., TestClient], person: Callable[..., object]
) -> None:
    person("other-admin", "admin")
    held = ROLES[role] | ALWAYS
    wrong = []
    person("somebody", role)
    client, by_token = browser("somebody"), routes().by_token
    for (method, path), permission in routes().permissions.items():
        if path in ("/logout", "/login"):
            continue
        if (method, path) in by_token:
            # Whatever a person may do: a cookie opens none of these.
            assert _ask(client, method, path) == 403, path
            continue
        status = _ask(client, method, path)
        if (permission not in held and status != 403) or (
            permission in held and status in (401, 403)
        ):
            wrong.append((method, path, str(permission), status))
        assert status < 500, path
        if path == "/account/password":
            client = browser("somebody")
    assert wrong == []


def test_strangers_reach_what_is_public_and_nothing_else(
    browser: Callable[..., TestClient],
) -> None:
    client = browser()
    for (method, path), permission in routes().permissions.items():
        status = _ask(client, method, path)
        if permission is Permission.PUBLIC:
            assert status in (200, 401, 404), path
        elif path.startswith(("/api", "/export")):
            assert status == 401, path
        else:
            assert status == 303, path


def test_a_token_reads_what_it_holds_and_changes_nothing(
    browser: Callable[..., TestClient], person: Callable[..., object], site: Site
) -> None:
    person("ann", "analyst")
    actor = site.people.named("ann").actor()
    raw = site.sessions.issue(actor, "nightly", ["figures:read"], 30)
    client = browser()
    client.headers["authorization"] = f"Bearer {raw}"
    for (method, path), permission in routes().permissions.items():
        status = _ask(client, method, path)
        if permission is Permission.PUBLIC and method == "GET":
            assert status in (200, 404), path
        elif permission is Permission.FIGURES:
            assert status == 200, path
        else:
            assert status == 403, path
    site.sessions.revoke(actor, site.sessions.tokens(actor.id)[0].id)
    assert client.get("/api/scorecard").status_code == 401
    assert client.get("/healthz").status_code == 401


def test_what_was_taken_away_is_gone_at_once(
    browser: Callable[..., TestClient], person: Callable[..., object], site: Site
) -> None:
    person("ada", "admin")
    made = person("ann", "analyst")
    client = browser("ann")
    assert client.get("/export/csv/scorecard").status_code == 200
    site.people.set_role(OPERATOR, made.id, "viewer", {})  # type: ignore[attr-defined]
    assert client.get("/export/csv/scorecard").status_code == 401
    client = browser("ann")
    assert client.get("/export/csv/scorecard").status_code == 403
    site.people.disable(OPERATOR, made.id, is_disabled=True)  # type: ignore[attr-defined]
    assert client.get("/").status_code == 303


def test_an_account_confined_to_a_part_sees_no_page_about_everything(
    browser: Callable[..., TestClient], person: Callable[..., object]
) -> None:
    person("ann", "analyst", channel="email")
    client = browser("ann")
    found = routes()
    for (method, path), permission in found.permissions.items():
        if method == "POST" or permission not in ROLES["analyst"]:
            continue
        status = _ask(client, method, path)
        if (method, path) in found.scoped:
            assert status in (200, 404), path
        else:
            assert status == 403, path
    assert client.get("/?channel=chat").status_code == 403
    assert client.get("/api/scorecard").json()["where"] == {"channel": "email"}


def test_every_page_has_its_json_and_its_description() -> None:
    found = routes()
    pages = {path for method, path in found.permissions if method == "GET"}
    without = {
        path for path in pages
        if not path.startswith(("/api/", "/export/"))
        and ("/api/scorecard" if path == "/" else f"/api{path}") not in pages
    }  # fmt: skip
    # Nothing is shown there: doors in, files, and what is for machines or was frozen as HTML.
    assert without == {
        "/healthz", "/metrics", "/static/{name}", "/login", "/login/sso", "/login/sso/back",
        "/s/{secret}", "/bill/{bill}/dispute/{form}", "/queue/{queue}/export",
    }  # fmt: skip
    described = {
        inner.path for inner in found.router.routes
        if isinstance(inner, APIRoute) and inner.include_in_schema
    }  # fmt: skip
    assert {path for path in pages if path.startswith("/api/")} - {"/api/openapi.json"} <= described


def test_denials_are_in_the_audit_log(
    browser: Callable[..., TestClient], person: Callable[..., object], site: Site
) -> None:
    person("vic", "viewer")
    browser("vic").get("/audit")
    row = site.store.connection.execute(
        "select action, target, actor_kind from audit order by seq desc limit 1"
    ).fetchone()
    assert row == ("denied", "audit:read", "person")
