"""People, the audit log and share links: what admins and auditors look after."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Request
from starlette.datastructures import URL
from starlette.responses import HTMLResponse, RedirectResponse, Response

from candor.access import audit
from candor.access.permissions import ROLES, Actor, Permission
from candor.access.sessions import form_mark
from candor.errors import CandorError, Problem, nearest
from candor.settings import SEGMENTS
from candor.web import answering, asked, doors, looking, render
from candor.web.guard import actor_of, request_id, session_of, site_of
from candor.window import format_instant

_Text = Annotated[str, Form(max_length=300)]
_Secret = Annotated[str, Form(max_length=200)]
_PAGE = 100
_READER = Actor("", "", "share", permissions=frozenset({Permission.FIGURES}))
"""What a share link shows is what a viewer sees: no money, no agents, no text, no small cells."""


def mount(table: doors.Doors) -> None:
    """The routes of this module."""
    people, share = Permission.PEOPLE, Permission.SHARE
    table.add("GET", "/people", people, everybody, name="people", summary="Accounts")
    table.add("GET", "/api/people", people, everybody_data, name="api_people", is_described=True,
              summary="Accounts: roles, restrictions, grants of reading text")  # fmt: skip
    for path, endpoint, summary in (
        ("/people/add", add, "A new account"),
        ("/people/role", role, "Another role or scope"),
        ("/people/disable", disable, "Switch an account off or on"),
        ("/people/password", password, "Set a password"),
        ("/people/text", text, "Grant reading text"),
        ("/people/text/end", end_text, "End a grant"),
    ):
        table.add("POST", path, people, endpoint, name=path[1:], summary=summary)
    table.add("GET", "/audit", Permission.AUDIT, trail, name="audit", summary="Audit log")
    table.add(
        "GET", "/api/audit", Permission.AUDIT, trail_data, name="api_audit",
        summary="Audit log, and whether its chain holds", is_described=True,
        params=("action", "before"),
    )  # fmt: skip
    table.add("GET", "/shares", share, links, name="shares", summary="Share links")
    table.add("GET", "/api/shares", share, links_data, name="api_shares", is_described=True,
              summary="Share links without their secrets")  # fmt: skip
    table.add("POST", "/shares/add", share, make_link, name="shares/add", summary="Make a link")
    table.add("POST", "/shares/revoke", share, revoke, name="shares/revoke", summary="End a link")
    table.add(
        "GET", "/s/{secret}", Permission.PUBLIC, opened, name="shared", summary="A shared page",
        is_scoped=True,
    )  # fmt: skip


def everybody(request: Request) -> Response:
    """The page of accounts."""
    site = site_of(request)
    body = render.fragment(
        "people.html.j2", people=site.people.everybody(), roles=ROLES, segments=SEGMENTS,
        me=actor_of(request), mark=form_mark(session_of(request)),
    )  # fmt: skip
    return answering.shell(request, "People", body)


def everybody_data(request: Request) -> Response:
    """The same as JSON."""
    return answering.data(
        {
            "people": [
                {"id": one.id, "name": one.name, "role": one.role, "is_disabled": one.is_disabled,
                 "confined_to": dict(one.scope), "created_at": format_instant(one.created_at),
                 "reads_text": [{"reason": grant.reason, "until": format_instant(grant.until)}
                                for grant in one.grants]}
                for one in site_of(request).people.everybody()
            ]
        }
    )  # fmt: skip


def add(
    request: Request, name: _Text = "", role: _Text = "", password: _Secret = "", scope: _Text = ""
) -> Response:
    """A new account."""
    site_of(request).people.add(
        actor_of(request), name, role, password, scope=_scope(scope), request=request_id(request)
    )
    return RedirectResponse("/people", 303)


def role(request: Request, person: _Text = "", role: _Text = "", scope: _Text = "") -> Response:
    """Another role or scope."""
    site_of(request).people.set_role(
        actor_of(request), person, role, _scope(scope), request=request_id(request)
    )
    return RedirectResponse("/people", 303)


def disable(request: Request, person: _Text = "", off: _Text = "") -> Response:
    """Switch an account off or on."""
    site_of(request).people.disable(
        actor_of(request), person, is_disabled=off == "yes", request=request_id(request)
    )
    return RedirectResponse("/people", 303)


def password(request: Request, person: _Text = "", password: _Secret = "") -> Response:
    """Set somebody's password."""
    site_of(request).people.set_password(
        actor_of(request), person, password, request=request_id(request)
    )
    return RedirectResponse("/people", 303)


def text(
    request: Request,
    person: _Text = "",
    reason: _Text = "",
    days: Annotated[int, Form(ge=0, le=1000)] = 7,
) -> Response:
    """Let somebody read text for a while."""
    site_of(request).people.grant_text(
        actor_of(request), person, reason, days, request=request_id(request)
    )
    return RedirectResponse("/people", 303)


def end_text(request: Request, person: _Text = "") -> Response:
    """End somebody's grants."""
    site_of(request).people.end_grants(actor_of(request), person, request=request_id(request))
    return RedirectResponse("/people", 303)


def trail(request: Request) -> Response:
    """The page of the audit log."""
    site = site_of(request)
    wanted, rows, checked = _trail(request)
    names = {person.id: person.name for person in site.people.everybody()}
    body = render.fragment(
        "audit.html.j2", rows=rows, checked=checked, names=names, asked=wanted,
        head=audit.head(site.store.connection), more=rows[-1].seq if len(rows) == _PAGE else None,
    )  # fmt: skip
    return answering.shell(request, "Audit log", body)


def trail_data(request: Request) -> Response:
    """The same as JSON."""
    _, rows, checked = _trail(request)
    return answering.data(
        {
            "entries": [row.as_dict() for row in rows], "rows": checked.rows, "head": checked.head,
            "broken": checked.broken, "problem": checked.problem,
        }
    )  # fmt: skip


def links(request: Request) -> Response:
    """The page of share links."""
    return _links(request)


def links_data(request: Request) -> Response:
    """The same as JSON."""
    return answering.data(
        {
            "shares": [
                {"id": one.id, "title": one.title, "snapshot": one.snapshot, "views": one.views,
                 "created_at": format_instant(one.created_at), "until": format_instant(one.until),
                 "revoked_at": None if one.revoked_at is None else format_instant(one.revoked_at)}
                for one in site_of(request).shares.all()
            ]
        }
    )  # fmt: skip


def make_link(
    request: Request,
    page: Annotated[str, Form(max_length=1000)] = "",
    days: Annotated[int, Form(ge=1, le=90)] = 14,
) -> Response:
    """Keep a page as a viewer sees it and show its link, once."""
    site, actor = site_of(request), actor_of(request)
    if not site.may_share:
        raise CandorError(
            "share.invalid",
            Problem("share links are switched off", "", "`candor serve --share-links`"),
        )
    title, snapshot, kept = _frozen(request, page)
    raw = site.shares.add(actor, title, snapshot, kept, days, request=request_id(request))
    return _links(request, secret=f"{request.base_url}s/{raw}")


def revoke(request: Request, share: _Text = "") -> Response:
    """End a link."""
    site_of(request).shares.revoke(actor_of(request), share, request=request_id(request))
    return RedirectResponse("/shares", 303)


def opened(request: Request, secret: str) -> Response:
    """A shared page, as it was kept."""
    found = site_of(request).shares.open(secret, request=request_id(request))
    if found is None:
        raise CandorError("page.unknown", Problem("there is no such page"))
    return HTMLResponse(found)


def _frozen(request: Request, page: str) -> tuple[str, str, str]:
    """Title, snapshot and HTML of a page, made for a reader without an account."""
    wanted = URL(page)
    found = looking.view_at(wanted.path) if page.startswith("/") and not wanted.netloc else None
    if found and not found[0].holds_text and found[0].permission == Permission.FIGURES:
        view, names = found
        scope = {**request.scope, "query_string": wanted.query.encode(), "path_params": names}
        reader = Actor("", "", "share", permissions=_READER.permissions,
                       scope=actor_of(request).scope)  # fmt: skip
        made, _ = doors.shown(Request(scope), view, reader)
        html = render.page(
            title=made.title, body=made.body, actor=reader, mark="", here="", under="", navigation=[], menu=[],
            snapshot=made.snapshot, as_of=made.as_of, tools=[], pinned="", moved_from=None,
            shared="", kept="", views=[],
        )  # fmt: skip
        return made.title, made.snapshot, html
    raise CandorError("share.invalid", Problem("this page cannot be shared", "page"))


def _links(request: Request, *, secret: str = "") -> Response:
    site = site_of(request)
    body = render.fragment(
        "shares.html.j2", shares=site.shares.all(), secret=secret, may_share=site.may_share,
        now=site.store.now(), mark=form_mark(session_of(request)),
    )  # fmt: skip
    return answering.shell(request, "Share links", body)


def _trail(request: Request) -> tuple[asked.Asked, list[audit.Entry], audit.Checked]:
    db = site_of(request).store.connection
    wanted = asked.read(
        request.query_params.multi_items(), ("action", "before"), actor_of(request),
        takes_segments=False,
    )  # fmt: skip
    before = wanted.get("before")
    rows = audit.entries(
        db, before=int(before) if before else None, limit=_PAGE, action=wanted.get("action") or ""
    )
    return wanted, rows, audit.check(db)


def _scope(text: str) -> dict[str, str]:
    """``channel=chat, brand=acme`` as a mapping.

    Raises:
        CandorError: every mistake at once.
    """
    found: dict[str, str] = {}
    problems = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        name, _, value = part.partition("=")
        if name.strip() not in SEGMENTS or not value.strip():
            problems.append(
                Problem(f"'{part}' is no restriction", "scope", "segment=value",
                        nearest(name.strip(), SEGMENTS))
            )  # fmt: skip
        found[name.strip()] = value.strip()
    if problems:
        raise CandorError("person.invalid", problems)
    return found
