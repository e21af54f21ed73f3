"""Alerts: what moved, and somebody who takes care or lets it sleep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Form, Request
from starlette.responses import RedirectResponse, Response

from candor.access import audit
from candor.access.permissions import Permission
from candor.access.sessions import form_mark
from candor.answers.alert_book import Alert, AlertBook
from candor.web import answering, render, visible
from candor.web.doors import Doors
from candor.web.guard import actor_of, request_id, session_of, site_of

_Number = Annotated[int, Form(ge=1)]


def mount(doors: Doors) -> None:
    """The routes of this module."""
    read, act = Permission.FIGURES, Permission.ANNOTATE
    doors.add("GET", "/alerts", read, page, name="alerts", summary="Alerts")
    doors.add(
        "GET", "/api/alerts", read, data, name="api_alerts", is_described=True,
        summary="Alerts, those that are over too",
    )  # fmt: skip
    for path, endpoint, summary in (
        ("/alerts/acknowledge", acknowledge, "Take care of an alert"),
        ("/alerts/snooze", snooze, "Send nothing about an alert for a while"),
    ):
        doors.add("POST", path, act, endpoint, name=path[1:], summary=summary)


def page(request: Request) -> Response:
    """The page."""
    found, session = _alerts(request), session_of(request)
    body = render.fragment(
        "alerts.html.j2", alerts=[(one, dict(one.told)) for one in found],
        may_act=actor_of(request).may(Permission.ANNOTATE),
        mark=form_mark(session) if session else "",
    )  # fmt: skip
    return answering.shell(request, "Alerts", body)


def data(request: Request) -> Response:
    """The same as JSON."""
    return answering.data({"alerts": [alert.as_dict() for alert in _alerts(request)]})


def acknowledge(request: Request, alert: _Number = 1) -> Response:
    """Nothing more is sent about it."""
    return _act(request, "alert.acknowledge", alert, {})


def snooze(
    request: Request, alert: _Number = 1, days: Annotated[int, Form(ge=1, le=366)] = 7
) -> Response:
    """Nothing is sent for some days."""
    return _act(request, "alert.snooze", alert, {"days": days})


def _alerts(request: Request) -> list[Alert]:
    actor = actor_of(request)
    with AlertBook(site_of(request).root, keep=False) as book:
        return [
            alert for alert in book.alerts(closed=True)
            if visible.may_see(str(alert.told.get("unit", "")), actor)
        ]  # fmt: skip


def _act(request: Request, action: str, alert: int, detail: dict[str, Any]) -> Response:
    site = site_of(request)
    with site.store.change() as db, AlertBook(site.root) as book:
        audit.append(
            db, actor_of(request), action, str(alert), at=site.store.now(),
            request=request_id(request), detail=detail,
        )  # fmt: skip
        if "days" in detail:
            book.snooze(alert, datetime.now(UTC) + timedelta(days=detail["days"]))
        else:
            book.acknowledge(alert)
    return RedirectResponse("/alerts", 303)
