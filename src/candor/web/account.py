"""Logging in and out, and one's own account: sessions, tokens, password."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Form, Request
from starlette.responses import RedirectResponse, Response

from candor.access.identities import NotProved
from candor.access.people import Person
from candor.access.permissions import TOKEN_SCOPES, Permission
from candor.access.sessions import form_mark
from candor.errors import CandorError, Problem
from candor.web import answering, render
from candor.web.doors import Doors
from candor.web.guard import (
    Denied,
    actor_of,
    address_of,
    came_from_here,
    request_id,
    session_of,
    site_of,
)
from candor.window import format_instant

_Text = Annotated[str, Form(max_length=300)]
_ABSOLUTE_SECONDS = 12 * 3600
_ATTEMPT_SECONDS = 600


def mount(doors: Doors) -> None:
    """The routes of this module."""
    public, own = Permission.PUBLIC, Permission.ACCOUNT
    doors.add("GET", "/login", public, login_page, name="login", summary="Log in", is_scoped=True)
    doors.add("POST", "/login", public, login, name="login_send", summary="Log in", is_scoped=True)
    doors.add("GET", "/login/sso", public, begin_sso, name="login_sso",
              summary="Log in at the identity provider", is_scoped=True)  # fmt: skip
    doors.add("GET", "/login/sso/back", public, finish_sso, name="login_sso_back",
              summary="The identity provider's answer", is_scoped=True)  # fmt: skip
    for path, endpoint, summary in (
        ("/logout", logout, "Log out"),
        ("/account/sessions/end", end_session, "End one of one's sessions"),
        ("/account/tokens", issue, "Make a token"),
        ("/account/tokens/revoke", revoke, "Revoke a token"),
        ("/account/password", password, "Change one's password"),
        ("/account/views/save", save_view, "Save a view"),
        ("/account/views/remove", remove_view, "Remove a saved view"),
    ):
        doors.add("POST", path, own, endpoint, name=path[1:], summary=summary, is_scoped=True)
    doors.add(
        "GET", "/account", own, account, name="account", summary="Own account", is_scoped=True
    )
    doors.add("GET", "/api/account", own, data, name="api_account", is_scoped=True, is_described=True,
              summary="Own account: sessions, tokens without their secrets, saved views")  # fmt: skip


def login_page(request: Request) -> Response:
    """The form."""
    return _form(request, _own_path(request.query_params.get("next", "/")))


def login(
    request: Request,
    name: _Text = "",
    password: Annotated[str, Form(max_length=200)] = "",
    next: _Text = "/",  # noqa: A002 - the name of the field
) -> Response:
    """Start a session, or say that name and password do not fit."""
    came_from_here(request)
    site = site_of(request)
    person = site.people.login(name, password, address_of(request), request=request_id(request))
    if person is None:
        return _form(request, _own_path(next), "Name and password do not fit.", status=401)
    return _let_in(request, person, next)


def begin_sso(request: Request) -> Response:
    """Send the browser to the identity provider, with what it must bring back."""
    site = site_of(request)
    if site.sso is None:
        raise CandorError("page.unknown", Problem("there is no such page"))
    following = _own_path(request.query_params.get("next", "/"))
    try:
        where, attempt = site.sso.begin(_back(request), following)
    except NotProved as error:
        return _not_proved(request, error, following)
    answer = RedirectResponse(where, 303)
    answer.set_cookie(
        f"{site.cookie}-sso", attempt.kept(), max_age=_ATTEMPT_SECONDS, path="/", httponly=True,
        samesite="lax", secure=site.is_secure,
    )  # fmt: skip
    return answer


def finish_sso(request: Request) -> Response:
    """Let in whom the provider's answer proves, with the role of a group."""
    site = site_of(request)
    if site.sso is None:
        raise CandorError("page.unknown", Problem("there is no such page"))
    kept = request.cookies.get(f"{site.cookie}-sso", "")
    try:
        proved, following = site.sso.finish(dict(request.query_params), kept, _back(request))
    except NotProved as error:
        return _not_proved(request, error, "/")
    if not proved.role:
        site.identities.leave(proved.issuer, proved.subject, request=request_id(request))
        return _form(request, "/", "None of your groups has a role here.", status=403)
    person = site.identities.login(
        proved.issuer, proved.subject, proved.name, proved.role, request=request_id(request)
    )
    if person is None:
        return _form(request, "/", "Your account is switched off.", status=403)
    answer = _let_in(request, person, following)
    answer.delete_cookie(f"{site.cookie}-sso", path="/", httponly=True, secure=site.is_secure)
    return answer


def _not_proved(request: Request, error: NotProved, following: str) -> Response:
    """Say what did not fit."""
    site_of(request).identities.deny(error.why, request=request_id(request))
    return _form(request, following, f"{error.what[:1].upper()}{error.what[1:]}.", status=401)


def _back(request: Request) -> str:
    """The address to which the provider sends the browser back; the host is one of ours."""
    scheme = "https" if site_of(request).is_secure else "http"
    return f"{scheme}://{request.headers['host']}/login/sso/back"


def _let_in(request: Request, person: Person, following: str) -> Response:
    site = site_of(request)
    agent = request.headers.get("user-agent", "")
    raw = site.sessions.start(person, address_of(request), agent, request=request_id(request))
    answer = RedirectResponse(_own_path(following), 303)
    answer.set_cookie(
        site.cookie, raw, max_age=_ABSOLUTE_SECONDS, path="/", httponly=True, samesite="lax",
        secure=site.is_secure,
    )  # fmt: skip
    return answer


def logout(request: Request) -> Response:
    """End the session; the browser forgets what it kept."""
    site = site_of(request)
    site.sessions.end(actor_of(request), session_of(request), request=request_id(request))
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(site.cookie, path="/", httponly=True, secure=site.is_secure)
    answer.headers["clear-site-data"] = '"cache", "storage"'
    return answer


def account(request: Request) -> Response:
    """The page."""
    return _account(request)


def data(request: Request) -> Response:
    """The same as JSON."""
    site, actor = site_of(request), actor_of(request)
    person = site.people.get(actor.id)
    return answering.data(
        {
            "name": person.name, "role": person.role, "confined_to": dict(person.scope),
            "permissions": sorted(str(one) for one in person.permissions),
            "sessions": [_dated(asdict(one)) for one in site.sessions.of(person.id)],
            "tokens": [_dated(asdict(one)) for one in site.sessions.tokens(person.id)],
            "views": [{"title": one.title, "path": one.path} for one in site.saved.of(person.id)],
        }
    )  # fmt: skip


def _dated(row: dict[str, Any]) -> dict[str, Any]:
    """The same with its instants as people write them."""
    return {
        name: format_instant(value)
        if isinstance(value, int) and (name.endswith("_at") or name == "until") else value
        for name, value in row.items()
    }  # fmt: skip


def end_session(request: Request, session: _Text = "") -> Response:
    """End one session."""
    site_of(request).sessions.end_marked(actor_of(request), session, request=request_id(request))
    return RedirectResponse("/account", 303)


def issue(
    request: Request,
    name: _Text = "",
    days: Annotated[int, Form(ge=1, le=366)] = 90,
    permissions: Annotated[list[str] | None, Form(max_length=20)] = None,
) -> Response:
    """Make a token and show its secret, once."""
    raw = site_of(request).sessions.issue(
        actor_of(request), name, permissions or [], days, request=request_id(request)
    )
    return _account(request, secret=raw)


def revoke(request: Request, token: _Text = "") -> Response:
    """Make a token useless."""
    site_of(request).sessions.revoke(actor_of(request), token, request=request_id(request))
    return RedirectResponse("/account", 303)


def password(
    request: Request,
    old: Annotated[str, Form(max_length=200)] = "",
    new: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Another password; every session ends."""
    site, actor = site_of(request), actor_of(request)
    if wait := site.rates.wait(f"password:{actor.id}"):
        raise Denied(429, "too many tries", wait)
    if not site.people.is_password(actor.id, old):
        raise CandorError("password.invalid", Problem("the present password is another one", "old"))
    site.people.set_password(actor, actor.id, new, request=request_id(request))
    return RedirectResponse("/login", 303)


def save_view(
    request: Request, title: _Text = "", page: Annotated[str, Form(max_length=1000)] = ""
) -> Response:
    """Keep a view, and stay on it."""
    site_of(request).saved.save(actor_of(request), title, page, request=request_id(request))
    return RedirectResponse(_own_path(page), 303)


def remove_view(request: Request, view: _Text = "") -> Response:
    """Forget a view."""
    site_of(request).saved.remove(actor_of(request), view, request=request_id(request))
    return RedirectResponse("/account", 303)


def _account(request: Request, *, secret: str = "") -> Response:
    site, actor = site_of(request), actor_of(request)
    person = site.people.get(actor.id)
    body = render.fragment(
        "account.html.j2", person=person, actor=actor, secret=secret,
        sessions=site.sessions.of(person.id), tokens=site.sessions.tokens(person.id),
        views=site.saved.of(person.id),
        offered=sorted(TOKEN_SCOPES & actor.permissions), now=site.store.now(), mark=_mark(request),
    )  # fmt: skip
    return answering.shell(request, "Your account", body)


def _form(request: Request, following: str, problem: str = "", *, status: int = 200) -> Response:
    body = render.fragment("login.html.j2", following=following, problem=problem,
                           sso=site_of(request).sso)  # fmt: skip
    return answering.shell(request, "Log in", body, status=status)


def _own_path(wanted: str) -> str:
    """Where to go after logging in: a path of this server, never another one."""
    is_own = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if is_own and "\\" not in wanted and wanted.isprintable() else "/"


def _mark(request: Request) -> str:
    return form_mark(session_of(request))
