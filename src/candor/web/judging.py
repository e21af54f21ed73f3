"""One conversation judged by a rubric in the browser, picked by whoever judges.

The text is shown, so it is granted by name and its opening is in the audit log, as for the review queue.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Request
from starlette.responses import RedirectResponse, Response

from candor.access import audit
from candor.access.permissions import Permission
from candor.access.sessions import form_mark
from candor.answers import Answers
from candor.errors import CandorError, Problem
from candor.events import identity
from candor.overriding import standing
from candor.privacy.keys import load_or_create
from candor.privacy.pseudonyms import Pseudonymiser
from candor.reviewing import picked
from candor.reviewing import queue as drawing
from candor.scorers.judges.rubric import Rubric
from candor.web import answering, render
from candor.web.doors import Doors
from candor.web.guard import Denied, actor_of, request_id, session_of, site_of
from candor.window import format_instant
from candor.workspace import Workspace

_Text = Annotated[str, Form(max_length=300)]
_Many = Annotated[list[str] | None, Form(max_length=100)]


def mount(doors: Doors) -> None:
    """The routes of this module."""
    may = Permission.LABEL
    doors.add("GET", "/judge/{conversation:path}", may, page, name="judge",
              summary="Judge a conversation by a rubric")  # fmt: skip
    doors.add("GET", "/api/judge/{conversation:path}", may, data, name="api_judge", is_described=True,
              summary="A conversation's words and the rubrics to judge it by")  # fmt: skip
    doors.add("POST", "/judge", may, answer, name="judge/answer",
              summary="Keep what was judged by a rubric")  # fmt: skip


def page(request: Request, conversation: str) -> Response:
    """What was said, and the rubrics to judge it by."""
    name, lines, asked = _opened(request, conversation)
    body = render.fragment(
        "judge.html.j2", conversation=name, lines=lines, asked=asked,
        mark=form_mark(session_of(request)) if session_of(request) else "",
    )  # fmt: skip
    return answering.shell(request, "Judge by a rubric", body)


def data(request: Request, conversation: str) -> Response:
    """The same as JSON."""
    name, lines, asked = _opened(request, conversation)
    return answering.data(
        {
            "conversation": name,
            "said": [{"actor": actor, "text": words} for actor, words in lines],
            "rubrics": [
                {"rubric": rubric.label, "questions": [
                    {"criterion": one.criterion.name, "question": one.criterion.question,
                     "true_when": one.criterion.true_when, "false_when": one.criterion.false_when,
                     "answered": one.given or None, "barred": one.barred or None}
                    for one in questions
                ]}
                for rubric, questions in asked
            ],
        }
    )  # fmt: skip


def _opened(
    request: Request, conversation: str
) -> tuple[str, list[tuple[str, str]], list[tuple[Rubric, tuple[picked.Asked, ...]]]]:
    """The conversation's id, what was said, and what is asked; the log says that it was opened."""
    _must_read(request)
    site, workspace, me = site_of(request), Workspace.open(site_of(request).root), _me(request)
    found = standing(workspace, conversation)
    name = found.conversation_id

    def said(answers: Answers) -> list[tuple[str, str]]:
        publication = answers.publication
        return drawing.said(publication.facts, publication.text, [name]).get(name, [])

    lines = site.desk.ask(("judge", name), said, is_fresh=True)
    with site.store.change() as db:
        audit.append(db, actor_of(request), "text.open", found.thread_id, at=site.store.now(),
                     request=request_id(request), detail={"by": "rubric"})  # fmt: skip
    asked = [
        (rubric, tuple(picked.asked(workspace, rubric, name, found.thread_id, me)))
        for rubric in picked.known_rubrics(workspace)
    ]
    return name, lines, asked


def answer(
    request: Request,
    conversation: _Text = "",
    rubric: _Text = "",
    criterion: _Many = None,
    label: _Many = None,
    comment: Annotated[str, Form(max_length=2_000)] = "",
) -> Response:
    """Keep the answers as labels of whoever is logged in."""
    _must_read(request)
    site, workspace, me = site_of(request), Workspace.open(site_of(request).root), _me(request)
    found = standing(workspace, conversation)
    chosen = _rubric(workspace, rubric)
    names, labels = criterion or [], label or []
    if len(names) != len(labels) or len(set(names)) != len(names):
        raise CandorError(
            "label.invalid", Problem("each criterion has one answer", "label"), exit_code=2
        )
    now = site.store.now()
    kept = picked.judge(
        workspace, chosen,
        picked.asked(workspace, chosen, found.conversation_id, found.thread_id, me),
        dict(zip(names, labels, strict=True)), conversation=found.conversation_id, assessor=me,
        comment=comment.strip(), at=format_instant(now),
    )  # fmt: skip
    with site.store.change() as db:
        audit.append(
            db, actor_of(request), "label.add",
            f"conversation:{identity.thread_key(found.conversation_id):015x}", at=now,
            request=request_id(request), detail={"rubric": chosen.label, "stored": kept.stored},
        )  # fmt: skip
    return RedirectResponse(f"/judge/{render.segment_path(found.conversation_id)}", 303)


def _rubric(workspace: Workspace, wanted: str) -> Rubric:
    known = {one.label: one for one in picked.known_rubrics(workspace)}
    if wanted not in known:
        raise CandorError(
            "label.invalid", Problem("there is no such rubric", "rubric", ", ".join(known)),
            exit_code=2,
        )  # fmt: skip
    return known[wanted]


def _must_read(request: Request) -> None:
    if not actor_of(request).may(Permission.TEXT):
        raise Denied(422, "judging needs the text: an admin can grant it to you for a while")


def _me(request: Request) -> str:
    key_id, key = load_or_create(Workspace.open(site_of(request).root).restricted)
    return Pseudonymiser(key, key_id).one("person", actor_of(request).name)
