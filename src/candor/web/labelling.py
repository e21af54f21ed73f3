"""The review queue in the browser: one conversation after the other, blind, answered by key or form.

Who labels sees what was said and nothing else: no verdict, no stratum, no other answer. What others
answered is shown to somebody only when nothing is left for them to answer.
"""

from __future__ import annotations

import csv
import io
from typing import Annotated

from fastapi import Form, Request
from starlette.responses import RedirectResponse, Response

from candor.access import audit
from candor.access.permissions import Permission
from candor.access.sessions import form_mark
from candor.answers import Answers
from candor.errors import CandorError, Problem
from candor.privacy.keys import load_or_create
from candor.privacy.pseudonyms import Pseudonymiser
from candor.reports import inert
from candor.reviewing import desk, form
from candor.reviewing import queue as drawing
from candor.web import answering, render
from candor.web.doors import Doors
from candor.web.guard import Denied, actor_of, request_id, session_of, site_of
from candor.window import format_instant
from candor.workspace import Workspace

_Text = Annotated[str, Form(max_length=600)]


def mount(doors: Doors) -> None:
    """The routes of this module."""
    may = Permission.LABEL
    doors.add("GET", "/queue", may, listed, name="queues", summary="Review queues")
    doors.add("GET", "/queue/{queue}", may, item, name="queue", summary="The next item to label")
    doors.add(
        "GET", "/queue/{queue}/disagreements", may, disagreements, name="disagreements",
        summary="Items on which two people differ",
    )  # fmt: skip
    doors.add("GET", "/queue/{queue}/export", may, export, name="queue_export",
              summary="Answers of a queue as a file of labels")  # fmt: skip
    doors.add("POST", "/queue/answer", may, answer, name="queue/answer", summary="Label an item")
    doors.add("POST", "/queue/store", may, store, name="queue/store",
              summary="Put the answers of a queue into the lake")  # fmt: skip


def listed(request: Request) -> Response:
    """Every queue, how far it is, and what is left for whoever looks."""
    workspace, me = _workspace(request), _me(request)
    drawn = [desk.opened(workspace, name) for name in desk.queues(workspace)]
    body = render.fragment(
        "queues.html.j2", queues=[(one, one.left_for(me)) for one in drawn],
        mark=form_mark(session_of(request)), reads_text=actor_of(request).may(Permission.TEXT),
    )  # fmt: skip
    return answering.shell(request, "Review queue", body)


def item(request: Request, queue: str) -> Response:
    """The next item for whoever looks; opening its text is in the audit log before it leaves."""
    _must_read(request)
    workspace, me, site = _workspace(request), _me(request), site_of(request)
    drawn = desk.opened(workspace, queue)
    wanted = drawn.next_for(me)
    lines: list[tuple[str, str]] = []
    if wanted is not None:

        def said(answers: Answers) -> list[tuple[str, str]]:
            publication = answers.publication
            return drawing.said(publication.facts, publication.text, [wanted]).get(wanted, [])

        lines = site.desk.ask(("queue", wanted), said, is_fresh=True)
        with site.store.change() as db:
            audit.append(
                db, actor_of(request), "text.open", wanted, at=site.store.now(),
                request=request_id(request), detail={"queue": queue},
            )  # fmt: skip
    body = render.fragment(
        "queue_item.html.j2", drawn=drawn, wanted=wanted, lines=lines, left=drawn.left_for(me),
        mark=form_mark(session_of(request)),
    )  # fmt: skip
    return answering.shell(request, "Review queue", body)


def answer(
    request: Request, queue: _Text = "", conversation: _Text = "", label: _Text = "",
    comment: _Text = "",
) -> Response:  # fmt: skip
    """Keep an answer and show the next item."""
    _must_read(request)
    site = site_of(request)
    now = site.store.now()
    given = desk.Answer(
        conversation, _me(request), label, comment.strip(), format_instant(now)
    )  # fmt: skip
    with site.store.change() as db:
        audit.append(db, actor_of(request), "label.add", conversation[:200], at=now,
                     request=request_id(request), detail={"queue": queue[:80]})  # fmt: skip
        desk.answer(_workspace(request), queue, given)
    return RedirectResponse(f"/queue/{render.segment_path(queue)}", 303)


def disagreements(request: Request, queue: str) -> Response:
    """Where two people differ, for those who have nothing left to answer."""
    drawn = _finished(request, queue)
    body = render.fragment("disagreements.html.j2", drawn=drawn, me=_me(request))
    return answering.shell(request, "Disagreements", body)


def export(request: Request, queue: str) -> Response:
    """The answers as ``candor labels import`` reads them."""
    drawn, site = _finished(request, queue), site_of(request)
    text = io.StringIO()
    out = csv.DictWriter(text, form.COLUMNS, lineterminator="\r\n")
    out.writeheader()
    for row in desk.rows(drawn):
        out.writerow(
            {name: "true" if value is True else inert.cell(str(value))
             for name, value in row.items()}
        )  # fmt: skip
    with site.store.change() as db:
        audit.append(db, actor_of(request), "export", "labels", at=site.store.now(),
                     request=request_id(request), detail={"queue": queue})  # fmt: skip
    headers = {"content-disposition": f'attachment; filename="{drawn.name}.csv"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def store(request: Request, queue: _Text = "") -> Response:
    """Put what was answered into the lake."""
    site = site_of(request)
    found = desk.store(_workspace(request), queue)
    with site.store.change() as db:
        audit.append(db, actor_of(request), "label.store", queue[:80], at=site.store.now(),
                     request=request_id(request), detail=found.as_dict())  # fmt: skip
    return RedirectResponse("/queue", 303)


def _finished(request: Request, queue: str) -> desk.Drawn:
    drawn = desk.opened(_workspace(request), queue)
    if left := drawn.left_for(_me(request)):
        raise CandorError(
            "queue.invalid",
            Problem(
                f"{left} items are left for you; what others said is shown after them", "queue"
            ),
        )
    return drawn


def _must_read(request: Request) -> None:
    actor = actor_of(request)
    if not actor.may(Permission.TEXT):
        raise Denied(422, "labelling needs the text: an admin can grant it to you for a while")


def _workspace(request: Request) -> Workspace:
    return Workspace.open(site_of(request).root)


def _me(request: Request) -> str:
    key_id, key = load_or_create(_workspace(request).restricted)
    return Pseudonymiser(key, key_id).one("person", actor_of(request).name)
