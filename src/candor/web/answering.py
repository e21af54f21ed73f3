"""Answers as HTTP: pages in their shell, JSON with sorted keys, and every refusal in one shape."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from candor.access.people import Throttled
from candor.access.permissions import ANONYMOUS, Actor, Permission
from candor.access.sessions import form_mark
from candor.errors import CandorError
from candor.web import asked as asking
from candor.web import files, render
from candor.web.aside import Pending
from candor.web.guard import Denied, request_id, site_of
from candor.web.surroundings import refused
from candor.web.view import Shown, View, encoded

log = logging.getLogger("candor.web")
NAVIGATION: tuple[tuple[str, str, Permission], ...] = (
    ("Scorecard", "/", Permission.FIGURES),
    ("Metrics", "/glossary", Permission.FIGURES),
    ("Resolution", "/resolution", Permission.FIGURES),
    ("Conversations", "/conversations", Permission.FIGURES),
    ("Topics", "/topics", Permission.FIGURES),
    ("Teamwork", "/handoffs", Permission.FIGURES),
    ("Economics", "/economics", Permission.MONEY),
    ("Queue", "/queue", Permission.LABEL),
    ("Reviews", "/reviews/weekly", Permission.MONEY),
    ("Alerts", "/alerts", Permission.FIGURES),
    ("Health", "/health", Permission.FIGURES),
)
MENU: tuple[tuple[str, str, Permission], ...] = (
    ("Your account", "/account", Permission.ACCOUNT),
    ("Annotations", "/annotations", Permission.FIGURES),
    ("Calibration", "/calibration", Permission.FIGURES),
    ("Connect data", "/connect", Permission.INGEST),
    ("Scheduled mail", "/mailings", Permission.ACCOUNT),
    ("Share links", "/shares", Permission.SHARE),
    ("People", "/people", Permission.PEOPLE),
    ("Privacy", "/privacy", Permission.CONFIG),
    ("Audit log", "/audit", Permission.AUDIT),
)
UNSCOPED = frozenset(
    {
        "/alerts",
        "/annotations",
        "/calibration",
        "/resolution",
        "/economics",
        "/handoffs",
        "/topics",
        "/queue",
        "/bill",
        "/connect",
        "/reviews",
        "/reviews/weekly",
        "/plan",
        "/privacy",
        "/vendor",
        "/health",
    }
)
_UNDER = {
    link: links[0] for links in (["/economics", "/intents", "/bill"], ["/resolution", "/claims"],
                                 ["/reviews/weekly", "/plan", "/vendor"],
                                 ["/handoffs", "/drop-off", "/assist", "/releases", "/experiments", "/fairness"],
                                 ["/topics", "/knowledge"])
    for link in links
}  # fmt: skip
"""Page → the entry of the navigation it stands under."""
_STATUS = {"unknown": 404, "none": 409, "outdated": 409, "locked": 409, "damaged": 503, "invalid": 422,
           "outside": 403, "exists": 409, "last_admin": 409, "weak": 422}  # fmt: skip


def data(value: Mapping[str, Any], status: int = 200) -> Response:
    """JSON."""
    return Response(encoded(value), status, media_type="application/json")


def page(request: Request, view: View, made: Shown, asked: asking.Asked) -> Response:
    """A view in its shell, with what can be taken along."""
    tools = []
    actor = _actor(request)
    query = f"?{request.url.query}" if request.url.query else ""
    path = _encoded(request)
    under = f"/{view.name}" if view.path == "/" else path
    if actor.may(Permission.EXPORT) and not view.holds_text:
        tools += [(form.upper(), f"/export/{form}{under}{query}") for form in files.offered(made)]
    tools.append(("JSON", f"/api{under}{query}"))
    pinned = asked.url(path, snapshot=made.snapshot)
    moved = asked.get("snapshot") not in (None, made.snapshot)
    may_share = site_of(request).may_share and not view.holds_text and actor.may(Permission.SHARE)
    may_share = may_share and view.permission is Permission.FIGURES
    return shell(
        request, made.title, made.body, snapshot=made.snapshot, as_of=made.as_of, tools=tools,
        pinned=pinned, moved_from=asked.get("snapshot") if moved else None,
        kept=f"{path}{query}" if actor.kind == "person" else "",
        shared=f"{path}{query}" if may_share else "",
    )  # fmt: skip


def shell(
    request: Request,
    title: str,
    body: Markup,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """Any page."""
    site, actor = site_of(request), _actor(request)
    about = site.desk.about()
    session = getattr(request.state, "session", "")
    values: dict[str, Any] = {
        "snapshot": about.get("snapshot", ""), "as_of": about.get("as_of", ""), "tools": [],
        "pinned": "", "moved_from": None, "shared": "", "kept": "", **more,
    }  # fmt: skip
    views = site.saved.of(actor.id) if actor.kind == "person" else []
    text = render.page(
        views=views, title=title, body=body, actor=actor, mark=form_mark(session) if session else "",
        here=request.url.path, under=_UNDER.get(request.url.path, request.url.path),
        navigation=_open_to(actor, NAVIGATION), menu=_open_to(actor, MENU),
        **values,
    )  # fmt: skip
    return Response(
        text.encode("utf-8", "replace"), status, dict(headers or {}), "text/html; charset=utf-8"
    )


def _open_to(actor: Actor, links: tuple[tuple[str, str, Permission], ...]) -> list[tuple[str, str]]:
    """The links that lead somewhere for this actor."""
    return [
        (label, path) for label, path, needed in links
        if actor.may(needed) and not (actor.scope and path in UNSCOPED)
    ]  # fmt: skip


def told(request: Request, error: Exception) -> Response:
    """Any refusal or mistake, as a page or as JSON."""
    match error:
        case Pending():
            return _waiting(request)
        case Denied() if error.status == 401 and not _wants_json(request):
            return RedirectResponse(f"/login?next={quote(_path(request), safe='')}", 303)
        case Denied():
            code = {401: "login.needed", 429: "rate.limit"}.get(error.status, "denied")
            headers = {"retry-after": str(error.wait)} if error.wait else {}
            return _refusal(request, error.status, refused(code, error.what), headers)
        case Throttled():
            what = "too many failed logins; wait and try again"
            return _refusal(
                request, 429, refused("login.throttled", what), {"retry-after": str(error.seconds)}
            )
        case CandorError() if _is_first_run(request, error):
            return RedirectResponse("/connect", 303)
        case CandorError():
            body = error.as_dict()
            root = str(site_of(request).root)
            plain = json.loads(json.dumps(body).replace(root + "/", "").replace(root, ""))
            status = _STATUS.get(
                error.code.rpartition(".")[2], 422 if error.exit_code == 2 else 400
            )
            return _refusal(request, status, plain)
        case RequestValidationError():
            problems = [
                {"what": str(one["msg"]), "where": ".".join(str(part) for part in one["loc"]),
                 "expected": "", "fix": ""}
                for one in error.errors()
            ]  # fmt: skip
            return _refusal(request, 422, {"error": "request.invalid", "problems": problems})
        case HTTPException():
            known = {404: "there is no such page", 405: "that is not done here"}
            code = "page.unknown" if error.status_code == 404 else "request.refused"
            said = known.get(error.status_code, "the request was refused")
            return _refusal(request, error.status_code, refused(code, said))
        case _:
            log.error("a fault of candor in request %s", request_id(request))
            said = (
                f"this is a fault of candor, not of your request; its id is {request_id(request)}"
            )
            return _refusal(request, 500, refused("candor.fault", said))


def _is_first_run(request: Request, error: CandorError) -> bool:
    """Nothing was published yet, and whoever opens the first page may connect data."""
    actor = _actor(request)
    return (
        error.code == "serving.none" and request.url.path == "/" and not actor.scope
        and actor.may(Permission.INGEST) and not _wants_json(request)
    )  # fmt: skip


def _refusal(
    request: Request,
    status: int,
    body: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
) -> Response:
    if _wants_json(request):
        answer = data(body, status)
        answer.headers.update(headers or {})
        return answer
    fragment = render.fragment("refusal.html.j2", status=status, problems=body["problems"])
    return shell(
        request, _TITLES.get(status, "Not possible"), fragment, status=status, headers=headers
    )


def _waiting(request: Request) -> Response:
    """Not ready: browsers ask again by themselves, programs are told when."""
    headers = {"retry-after": "2"}
    if _wants_json(request):
        answer = data(refused("answer.pending", "it is being worked out; ask again"), 202)
        answer.headers.update(headers)
        return answer
    body = render.fragment("waiting.html.j2")
    return shell(request, "One moment", body, status=202, headers={**headers, "refresh": "2"})


TOLD: tuple[type[Exception], ...] = (
    Pending, Denied, Throttled, CandorError, RequestValidationError, HTTPException,
)  # fmt: skip
"""Everything that is answered, rather than failed."""
_TITLES = {404: "Not found", 403: "Not allowed", 429: "Too many requests", 500: "A fault of candor",
           409: "Nothing to show yet"}  # fmt: skip


def _wants_json(request: Request) -> bool:
    return request.url.path.startswith(("/api", "/export")) or "authorization" in request.headers


def _actor(request: Request) -> Actor:
    found: Actor = getattr(request.state, "actor", ANONYMOUS)
    return found


def _encoded(request: Request) -> str:
    """The path of a request as it stands in a link."""
    return quote(str(request.scope["path"]), safe="/:@!$&*,;=~")


def _path(request: Request) -> str:
    query = request.url.query
    return f"{_encoded(request)}?{query}" if query else _encoded(request)
