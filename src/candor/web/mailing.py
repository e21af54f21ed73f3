"""Scheduled mail: everybody's own mailings, and for admins everybody's, with the addresses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Form, Request
from starlette.responses import RedirectResponse, Response

from candor.access.mailings import CADENCES, WEEKDAYS, Mailings
from candor.access.permissions import Actor, Permission
from candor.access.sessions import form_mark
from candor.errors import CandorError
from candor.web import answering, posting, render
from candor.web.doors import Doors
from candor.web.guard import actor_of, request_id, session_of, site_of
from candor.window import format_instant
from candor.workspace import Workspace

_Text = Annotated[str, Form(max_length=300)]
_OFFERED = (
    ("Scorecard", "/"), ("Daily review", "/reviews/daily"), ("Weekly review", "/reviews/weekly"),
    ("Monthly review", "/reviews/monthly"), ("Handoffs", "/handoffs"), ("Resolution", "/resolution"),
    ("Economics", "/economics"),
)  # fmt: skip


def mount(doors: Doors) -> None:
    """The routes of this module."""
    own, people = Permission.ACCOUNT, Permission.PEOPLE
    doors.add("GET", "/mailings", own, page, name="mailings", summary="Scheduled mail",
              is_scoped=True)  # fmt: skip
    doors.add("GET", "/api/mailings", own, data, name="api_mailings", is_scoped=True, is_described=True,
              summary="Scheduled mail: one's own, for admins everybody's")  # fmt: skip
    for path, endpoint, summary in (
        ("/mailings/add", add, "Send a page to oneself on a schedule"),
        ("/mailings/remove", remove, "End a mailing"),
    ):
        doors.add("POST", path, own, endpoint, name=path[1:], summary=summary, is_scoped=True)
    doors.add("POST", "/mailings/address", people, address, name="mailings/address",
              summary="Say where somebody's mail goes")  # fmt: skip


def page(request: Request) -> Response:
    """The page."""
    site, actor = site_of(request), actor_of(request)
    mailings, is_admin = Mailings(site.store), actor.may(Permission.PEOPLE)
    settings = Workspace.open(site.root).settings
    everybody = site.people.everybody() if is_admin else []
    names = {person.id: person.name for person in everybody}
    body = render.fragment(
        "mailings.html.j2",
        mailings=mailings.every() if is_admin else mailings.of(actor.id), names=names, me=actor.id,
        address=mailings.address(actor.id), offered=_offered(request, actor), cadences=CADENCES,
        weekdays=list(enumerate(WEEKDAYS)), zone=settings.workspace.timezone,
        has_server=bool(settings.alerts.smtp_host),
        addresses=[(person, mailings.address(person.id)) for person in everybody],
        mark=form_mark(session_of(request)),
    )  # fmt: skip
    return answering.shell(request, "Scheduled mail", body)


def data(request: Request) -> Response:
    """The same as JSON."""
    site, actor = site_of(request), actor_of(request)
    mailings, is_admin = Mailings(site.store), actor.may(Permission.PEOPLE)
    found = mailings.every() if is_admin else mailings.of(actor.id)
    return answering.data(
        {
            "mailings": [
                {"id": one.id, "person": one.person, "title": one.title, "page": one.page,
                 "cadence": one.cadence,
                 "weekday": WEEKDAYS[one.weekday] if one.cadence == "weekly" else None,
                 "hour": one.hour, "failure": one.failure or None,
                 "sent_at": None if one.sent_at is None else format_instant(one.sent_at)}
                for one in found
            ],
            "address": mailings.address(actor.id) or None,
            "offered": [{"title": title, "path": path} for title, path in _offered(request, actor)],
        }
    )  # fmt: skip


def add(
    request: Request,
    title: _Text = "",
    page: Annotated[str, Form(max_length=1000)] = "",
    cadence: _Text = "weekly",
    weekday: Annotated[int, Form(ge=0, le=6)] = 0,
    hour: Annotated[int, Form(ge=0, le=23)] = 8,
) -> Response:
    """Send a page to oneself from the next time on."""
    site, actor = site_of(request), actor_of(request)
    posting.sendable(page, site.people.get(actor.id))
    zone = Workspace.open(site.root).settings.workspace.timezone
    named = title.strip() or dict(_named(request, actor)).get(page, page)
    Mailings(site.store).add(
        actor, named[:80], page, cadence, weekday, hour, now=_now(request), zone=zone,
        request=request_id(request),
    )  # fmt: skip
    return RedirectResponse("/mailings", 303)


def remove(request: Request, mailing: _Text = "") -> Response:
    """End a mailing."""
    site, actor = site_of(request), actor_of(request)
    Mailings(site.store).remove(
        actor, mailing, anybody=actor.may(Permission.PEOPLE), request=request_id(request)
    )
    return RedirectResponse("/mailings", 303)


def address(request: Request, person: _Text = "", address: _Text = "") -> Response:
    """Say where somebody's mail goes; nothing forgets it."""
    site = site_of(request)
    Mailings(site.store).set_address(
        actor_of(request), person, address, request=request_id(request)
    )
    return RedirectResponse("/mailings", 303)


def _offered(request: Request, actor: Actor) -> list[tuple[str, str]]:
    """Title and path of what this person may have sent."""
    person = site_of(request).people.get(actor.id)
    found = []
    for title, path in (*_OFFERED, *_saved(request, actor)):
        try:
            posting.sendable(path, person)
        except CandorError:
            continue
        found.append((title, path))
    return found


def _named(request: Request, actor: Actor) -> list[tuple[str, str]]:
    return [(path, title) for title, path in (*_OFFERED, *_saved(request, actor))]


def _saved(request: Request, actor: Actor) -> list[tuple[str, str]]:
    return [(view.title, view.path) for view in site_of(request).saved.of(actor.id)]


def _now(request: Request) -> datetime:
    return datetime.fromtimestamp(site_of(request).store.now() / 1e6, UTC)
