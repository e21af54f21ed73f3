"""What is kept how long, what is due, and erasures: asked for, carried out, listed without a name."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Form, Request
from starlette.responses import RedirectResponse, Response

from candor import retaining
from candor.access import audit
from candor.access.permissions import Permission
from candor.access.sessions import form_mark
from candor.answers import Answers
from candor.connecting import erasure
from candor.errors import CandorError, Problem
from candor.retaining import Retained
from candor.settings import RetentionSection
from candor.web import answering, render
from candor.web.doors import Doors
from candor.web.guard import actor_of, request_id, session_of, site_of
from candor.window import format_instant
from candor.workspace import Workspace

_Text = Annotated[str, Form(max_length=1_000)]
_PATH = "/privacy"
_SHOWN = 50
_PERIODS = {
    "text_days": "Texts of messages",
    "conversation_days": "Ids of conversations and customers",
    "quarantine_days": "Raw bytes of records set aside",
    "pages_days": "Raw pages and bodies as they came",
}


def mount(doors: Doors) -> None:
    """The routes of this module."""
    may = Permission.CONFIG
    doors.add("GET", _PATH, may, page, name="privacy", summary="Retention and erasures")
    doors.add("GET", "/api/privacy", may, data, name="api_privacy", is_described=True,
              summary="Periods of retention, what is due, and erasures without names")  # fmt: skip
    doors.add(
        "POST", "/privacy/erase", may, erase, name="privacy/erase", summary="Ask for an erasure"
    )
    doors.add("POST", "/privacy/finish", may, finish, name="privacy/finish",
              summary="Finish erasures that were asked for")  # fmt: skip


def due(answers: Answers) -> tuple[Retained, int]:
    """The question for what is due now, and when that was (epoch µs)."""
    now_us = time.time_ns() // 1_000
    return retaining.retain(answers.workspace, now_us=now_us, dry_run=True), now_us


def page(request: Request) -> Response:
    """Periods, what is due, erasures, and the form."""
    told = _told(request)
    body = render.fragment(
        "privacy.html.j2", told=told, titles=_PERIODS, kinds=erasure.KINDS,
        longest=erasure.LONGEST, mark=form_mark(session_of(request)),
    )  # fmt: skip
    return answering.shell(request, "Privacy", body, refresh=told["is_running"])


def data(request: Request) -> Response:
    """The same as JSON."""
    return answering.data(_told(request))


def erase(
    request: Request, what: _Text = "", who: _Text = "", again: _Text = "", reason: _Text = "",
    sure: _Text = "",
) -> Response:  # fmt: skip
    """Begin an erasure."""
    value, why = who.strip(), reason.strip()
    erasure.check(_workspace(request), what, value, again.strip(), why, sure)
    return _begin(request, {what: value, "reason": why})


def finish(request: Request) -> Response:
    """Finish what was asked for and is not done.

    Raises:
        CandorError: ``erasure.none``: nothing was left unfinished.
    """
    works = erasure.listed(_workspace(request))
    if not works or works[0].status != "failed":
        raise CandorError("erasure.none", Problem("no erasure was left unfinished"))
    return _begin(request, {})


def _begin(request: Request, subject: dict[str, str]) -> Response:
    site, actor = site_of(request), actor_of(request)
    named = next((name for name in erasure.KINDS if name in subject), "earlier ones")
    # The log says so before it is begun: what is gone cannot be logged any more.
    with site.store.change() as db:
        audit.append(
            db, actor, "erasure.asked", named, at=site.store.now(), request=request_id(request)
        )
    erasure.start(_workspace(request), actor.id, site.store.now(), subject)
    return RedirectResponse(_PATH, 303)


def _told(request: Request) -> dict[str, Any]:
    site, workspace = site_of(request), _workspace(request)
    works = erasure.listed(workspace)
    is_running = any(one.status == "running" for one in works)
    names = {person.id: person.name for person in site.people.everybody()}
    done = audit.entries(site.store.connection, action="erasure.done", limit=_SHOWN)
    applied = audit.entries(site.store.connection, action="retention.applied", limit=_SHOWN)
    return {
        "retention": workspace.settings.retention.model_dump(),
        "due": None if is_running else _due(request, workspace),
        "asked": [
            {**asdict(one), "owner": names.get(one.owner, "somebody"),
             "began": format_instant(one.began_us)}
            for one in works
        ],
        "erased": [{"at": format_instant(one.at), **json.loads(one.detail)} for one in done],
        "applied": [{"at": format_instant(one.at), **json.loads(one.detail)} for one in applied],
        "is_running": is_running,
    }  # fmt: skip


def _due(request: Request, workspace: Workspace) -> dict[str, Any] | None:
    """What is due; None where no period is set, or nothing is published."""
    if workspace.settings.retention == RetentionSection():
        return None
    try:
        found, now_us = site_of(request).desk.need("retention", due)
    except CandorError:
        # Between an erasure and the next publication there is nothing to look at.
        return None
    return {**found.as_dict(), "lines": found.lines(), "at": format_instant(now_us)}


def _workspace(request: Request) -> Workspace:
    return Workspace.open(site_of(request).root)
