"""Annotations: what happened outside the figures, noted for everybody."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Request
from starlette.responses import RedirectResponse, Response

from candor.access import audit
from candor.access.permissions import Permission
from candor.access.sessions import form_mark
from candor.answers import noting
from candor.verdicts.annotations import Annotation
from candor.web import answering, render
from candor.web.doors import Doors
from candor.web.guard import actor_of, request_id, session_of, site_of

_Text = Annotated[str, Form(max_length=300)]


def mount(doors: Doors) -> None:
    """The routes of this module."""
    read = Permission.FIGURES
    doors.add("GET", "/annotations", read, page, name="annotations", summary="Annotations")
    doors.add(
        "GET", "/api/annotations", read, data, name="api_annotations", is_described=True,
        summary="Releases, and what people noted",
    )  # fmt: skip
    doors.add(
        "POST", "/annotations/add", Permission.ANNOTATE, add, name="annotations/add",
        summary="Note something",
    )  # fmt: skip


def page(request: Request) -> Response:
    """The page."""
    session = session_of(request)
    body = render.fragment(
        "annotations.html.j2", noted=list(reversed(_noted(request))), kinds=noting.KINDS,
        may_add=actor_of(request).may(Permission.ANNOTATE) and bool(session),
        mark=form_mark(session) if session else "",
    )  # fmt: skip
    return answering.shell(request, "Annotations", body)


def data(request: Request) -> Response:
    """The same as JSON."""
    return answering.data({"annotations": [one.as_dict() for one in _noted(request)]})


def add(request: Request, day: _Text = "", text: _Text = "", kind: _Text = "other") -> Response:
    """Note something."""
    site = site_of(request)
    with site.store.change() as db:
        audit.append(
            db, actor_of(request), "annotation.add", day[:10], at=site.store.now(),
            request=request_id(request), detail={"kind": kind[:20]},
        )  # fmt: skip
        noting.annotate(site.root, day, text, kind)
    return RedirectResponse("/annotations", 303)


def _noted(request: Request) -> tuple[Annotation, ...]:
    return site_of(request).desk.ask("annotations", noting.noted)
