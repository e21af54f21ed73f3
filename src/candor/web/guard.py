"""Who asks, and whether they may: the one place where every route is let through or refused.

A session's cookie counts only on requests of this site's own pages; a token ignores cookies. Denials
of known actors are in the audit log.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Annotated, cast

from fastapi import Form, Request

from candor.access import audit
from candor.access.permissions import ALWAYS, ANONYMOUS, Actor, Permission
from candor.access.sessions import PREFIX, form_mark
from candor.web.site import Site

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Denied(Exception):  # noqa: N818 - an answer, not a fault
    """The request is refused.

    Args:
        status: HTTP status.
        what: for people.
        wait: seconds to wait, for 429.
    """

    def __init__(self, status: int, what: str, wait: int = 0) -> None:
        super().__init__(what)
        self.status, self.what, self.wait = status, what, wait


def site_of(request: Request) -> Site:
    """The server a request came to."""
    return cast("Site", request.app.state.site)


def actor_of(request: Request) -> Actor:
    """Who asks, once a guard has let the request through."""
    return cast("Actor", request.state.actor)


def session_of(request: Request) -> str:
    """What the browser keeps; "" for tokens and strangers."""
    return cast("str", request.state.session)


def address_of(request: Request) -> str:
    """Where the request came from."""
    return request.client.host if request.client else ""


def request_id(request: Request) -> str:
    """Id of the request, as the log and the audit log have it."""
    return cast("str", request.scope.get("candor.request", ""))


def guard(
    permission: Permission, *, is_scoped: bool, takes_token: bool = False
) -> Callable[..., None]:
    """A dependency that lets a request through.

    Args:
        permission: what the route needs.
        is_scoped: whether the route confines itself to the actor's scope; others refuse actors that
            are confined.
        takes_token: whether it changes something for programs that show a token. Those have no form to come from,
            so nobody else is let through: what a browser sends by itself opens nothing here.
    """

    def check(request: Request) -> None:
        site = site_of(request)
        actor, session = _who(site, request, takes_token=takes_token)
        request.state.actor, request.state.session = actor, session
        if wait := site.rates.wait(actor.id or address_of(request)):
            raise Denied(429, "too many requests", wait)
        if permission is Permission.PUBLIC:
            return
        if actor.kind == "anonymous":
            raise Denied(401, "log in first")
        if takes_token and actor.kind != "token":
            raise Denied(403, "this is for programs that show a token; people use the page")
        if actor.kind == "token" and permission in ALWAYS:
            raise Denied(403, "an account is minded in person")
        if not actor.may(permission):
            _note(site, request, actor, permission)
            raise Denied(403, f"your account may not do this ({permission})")
        if actor.scope and not is_scoped:
            _note(site, request, actor, permission)
            raise Denied(403, "this page is about everything; your account is confined to a part")

    return check


def own_form(request: Request, mark: Annotated[str, Form(max_length=64)] = "") -> None:
    """A dependency of every route that changes something: the form came from a page of ours."""
    came_from_here(request)
    session = request.cookies.get(site_of(request).cookie, "")
    if not hmac.compare_digest(form_mark(session).encode(), mark.encode()):
        raise Denied(403, "this form is not from the page you are logged in on; load it again")


def came_from_here(request: Request) -> None:
    """Refuse a changing request that another site's page sent.

    Raises:
        Denied: its origin is another one, or is not told.
    """
    said = request.headers.get("sec-fetch-site")
    if said is not None:
        if said != "same-origin":
            raise Denied(403, "the request came from another site")
        return
    scheme = "https" if site_of(request).is_secure else "http"
    if request.headers.get("origin") != f"{scheme}://{request.headers.get('host', '')}":
        raise Denied(403, "the request does not tell which page it came from")


def _who(site: Site, request: Request, *, takes_token: bool) -> tuple[Actor, str]:
    header = request.headers.get("authorization", "")
    if header:
        scheme, _, raw = header.partition(" ")
        found = None
        if scheme.lower() == "bearer" and raw.startswith(PREFIX):
            found = site.sessions.token_actor(raw.strip())
        if found is None:
            raise Denied(401, "the token is not known, was revoked or has ended")
        if request.method not in SAFE and not takes_token:
            raise Denied(403, "a token does not change this; it is done in person")
        return found, ""
    raw = request.cookies.get(site.cookie, "")
    person = site.sessions.person(raw) if raw else None
    return (ANONYMOUS, "") if person is None else (person.actor(), raw)


def _note(site: Site, request: Request, actor: Actor, permission: Permission) -> None:
    with site.store.change() as db:
        audit.append(
            db, actor, "denied", str(permission), at=site.store.now(), request=request_id(request)
        )
