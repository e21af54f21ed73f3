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
_STORES_WITHIN = 1.0
"""Seconds for which a page waits for another writer; what was answered is kept in any case."""


def mount(doors: Doors) -> None:
    """The routes of this module."""
    may = Permission.LABEL
    doors.add("GET", "/queue", may, listed, name="queues", summary="Review queues")
    doors.add("GET", "/queue/{queue}", may, item, name="queue", summary="The next item to label")
    doors.add(
        "GET", "/queue/{queue}/disagreements", may, disagreements, name="disagreements",
        summary="Items on which two people differ",
    )  # fmt: skip
    for path, endpoint, summary in (
        ("", listed_data, "Review queues, how far they are, and what is left for who asks"),
        ("/{queue}", item_data, "The next item to label, with its words"),
        ("/{queue}/disagreements", disagreements_data, "Items on which two people differ"),
    ):
        doors.add("GET", f"/api/queue{path}", may, endpoint, is_described=True, summary=summary,
                  name=f"api_{endpoint.__name__}")  # fmt: skip
    doors.add("GET", "/queue/{queue}/export", may, export, name="queue_export",
              summary="Answers of a queue as a file of labels")  # fmt: skip
    doors.add("POST", "/queue/answer", may, answer, name="queue/answer", summary="Label an item")
    doors.add("POST", "/queue/store", may, store, name="queue/store",
              summary="Put the answers of a queue into the lake")  # fmt: skip


def listed(request: Request) -> Response:
    """Every queue, how far it is, and what is left for whoever looks."""
    body = render.fragment(
        "queues.html.j2", queues=_queues(request), mark=form_mark(session_of(request)),
        reads_text=actor_of(request).may(Permission.TEXT),
    )  # fmt: skip
    return answering.shell(request, "Review queue", body)


def listed_data(request: Request) -> Response:
    """The same as JSON."""
    return answering.data({
        "queues": [
            {"queue": one.name, "question": one.criterion, "conversations": len(one.items),
             "answers": len(one.answers), "answers_wanted": one.asked, "left_for_you": left,
             "disagreements": None if left else len(one.disagreements)}
            for one, left in _queues(request)
        ]
    })  # fmt: skip


def _queues(request: Request) -> list[tuple[desk.Drawn, int]]:
    workspace, me = _workspace(request), _me(request)
    drawn = [desk.opened(workspace, name) for name in desk.queues(workspace)]
    return [(one, one.left_for(me)) for one in drawn]


def item(request: Request, queue: str) -> Response:
    """The next item for whoever looks."""
    drawn, wanted, lines = _next(request, queue)
    body = render.fragment(
        "queue_item.html.j2", drawn=drawn, wanted=wanted, lines=lines,
        left=drawn.left_for(_me(request)), mark=form_mark(session_of(request)),
    )  # fmt: skip
    return answering.shell(request, "Review queue", body)


def item_data(request: Request, queue: str) -> Response:
    """The same as JSON."""
    drawn, wanted, lines = _next(request, queue)
    return answering.data(
        {
            "queue": drawn.name, "question": drawn.criterion, "conversation": wanted,
            "left_for_you": drawn.left_for(_me(request)), "choices": list(desk.CHOICES),
            "said": [{"actor": actor, "text": words} for actor, words in lines],
        }
    )  # fmt: skip


def _next(request: Request, queue: str) -> tuple[desk.Drawn, str | None, list[tuple[str, str]]]:
    """The next item and its words; opening them is in the audit log before they leave."""
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
    return drawn, wanted, lines


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


def disagreements_data(request: Request, queue: str) -> Response:
    """The same as JSON; who else answered is not told."""
    drawn, me = _finished(request, queue), _me(request)
    return answering.data(
        {
            "queue": drawn.name, "question": drawn.criterion, "answered_by_two": drawn.both,
            "disagreements": [
                {"conversation": name, "answers": [
                    {"yours": one.assessor == me, "label": one.label, "comment": one.comment}
                    for one in answers
                ]}
                for name, answers in drawn.disagreements.items()
            ],
        }
    )  # fmt: skip


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
    try:
        found = desk.store(_workspace(request), queue, wait_seconds=_STORES_WITHIN)
    except CandorError as error:
        if error.code != "lake.locked":
            raise
        raise CandorError(
            "queue.locked",
            Problem("other data are being stored right now", queue[:80], "",
                    "nothing is lost: the answers are kept; store them in a minute"),
        ) from None  # fmt: skip
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
