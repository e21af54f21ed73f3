"""The outcome of one conversation, set by a person: tried, seen in figures, then stored with a reason.

Trying is a question like others, so a long one is waited for as others are; it stores nothing. What
was shown is what is confirmed: who was overtaken meanwhile is told so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse, Response

from candor import overriding
from candor.access.permissions import Permission
from candor.access.sessions import form_mark
from candor.answers import Answers, rehearsed
from candor.errors import CandorError, Problem
from candor.overriding import By, Corrected
from candor.rehearsing import Moved
from candor.web import answering, asked, render, visible
from candor.web.doors import Doors
from candor.web.guard import actor_of, request_id, session_of, site_of
from candor.workspace import Workspace

OUTCOMES = {
    "resolved": "Resolved", "not_resolved": "Not resolved", "unknown": "Cannot be told",
    overriding.WITHDRAWN: "Withdraw what was set",
}  # fmt: skip
_TRIED = "tried"
"""Author and reason of what is only tried: neither moves a figure."""
_Text = Annotated[str, Form(max_length=300)]


@dataclass(frozen=True, slots=True)
class Tried:
    """An override that was tried, and what its figures are called."""

    made: Corrected
    titles: dict[str, str]
    currency: str


class Wanted(BaseModel):
    """What a program sends to set an outcome.

    Attributes:
        outcome: resolved, not_resolved, unknown, or withdrawn.
        reason: why, in words; personal data are masked.
        revision: how many revisions its history had when it was looked at; any when left out.
    """

    model_config = ConfigDict(extra="forbid")
    outcome: str = Field(max_length=40)
    reason: str = Field(max_length=4_000)
    revision: int | None = Field(default=None, ge=0, le=1_000_000)


@dataclass(frozen=True, slots=True)
class Looked:
    """What a page or a program is told: what stands, what was chosen, and the figures it would move."""

    stands: overriding.Standing
    chosen: str
    tried: Tried | None
    figures: list[Moved]


def mount(doors: Doors) -> None:
    """The routes of this module."""
    may = Permission.OVERRIDE
    doors.add("GET", "/override/{conversation:path}", may, page, name="override",
              summary="The outcome of a conversation: its history, and what another would move",
              params=("outcome",))  # fmt: skip
    doors.add("GET", "/api/override/{conversation:path}", may, data, name="api_override",
              summary="The outcome of a conversation: its history, and what another would move",
              params=("outcome",), is_described=True)  # fmt: skip
    doors.add("POST", "/api/override/{conversation:path}", may, confirm_data, name="api_override_set",
              summary="Set or withdraw the outcome of a conversation, by a token", is_described=True,
              takes_token=True)  # fmt: skip
    doors.add("POST", "/override", may, confirm, name="override/set",
              summary="Set or withdraw the outcome of a conversation")  # fmt: skip


def page(request: Request, conversation: str) -> Response:
    """What stands, what stood before, and what the chosen outcome would move."""
    told = _looked(request, conversation)
    body = render.fragment(
        "override.html.j2", stands=told.stands, chosen=told.chosen, tried=told.tried,
        figures=told.figures, outcomes=OUTCOMES,
        may_withdraw=any(one.stands for one in told.stands.history),
        mark=form_mark(session_of(request)) if session_of(request) else "",
    )  # fmt: skip
    return answering.shell(request, "Outcome of a conversation", body)


def data(request: Request, conversation: str) -> Response:
    """The same as JSON."""
    told = _looked(request, conversation)
    return answering.data(
        {
            "conversation": told.stands.conversation_id, "thread": told.stands.thread_id,
            "outcome": told.stands.outcome, "revision": len(told.stands.history),
            "history": [one.as_dict() for one in told.stands.history],
            "tried": told.chosen or None,
            "notes": list(told.tried.made.notes) if told.tried else [],
            "moves": [one.as_dict() for one in told.figures] if told.tried else None,
        }
    )  # fmt: skip


def confirm_data(request: Request, conversation: str, wanted: Wanted) -> Response:
    """Store it for a program, signed by its token's name."""
    site, actor = site_of(request), actor_of(request)
    made = overriding.override(
        Workspace.open(site.root), conversation, wanted.outcome, author=f"{actor.name} (token)",
        reason=wanted.reason, revision=wanted.revision, by=By(actor, request_id(request), site.store),
    )  # fmt: skip
    return answering.data({"override": made.override.as_dict(), "notes": list(made.notes)}, 201)


def _looked(request: Request, conversation: str) -> Looked:
    site, actor = site_of(request), actor_of(request)
    given = asked.read(
        request.query_params.multi_items(), ("outcome",), actor, takes_segments=False
    )
    chosen = given.get("outcome") or ""
    if chosen and chosen not in OUTCOMES:
        raise CandorError(
            "request.invalid", Problem("that is no outcome", "outcome", ", ".join(OUTCOMES)),
            exit_code=2,
        )  # fmt: skip
    workspace = Workspace.open(site.root)
    stands = overriding.standing(workspace, conversation)
    tried = None
    if chosen:
        # Another override anywhere changes what stands before this one.
        key = ("override", stands.conversation_id, chosen, len(overriding.overrides(workspace)))
        tried = site.desk.need(
            key, partial(_tried, conversation=stands.conversation_id, outcome=chosen)
        )
    figures = [
        one for one in (tried.made.moved or [] if tried else [])
        if visible.may_see(one.unit, actor)
    ]  # fmt: skip
    return Looked(stands, chosen, tried, figures)


def confirm(
    request: Request,
    conversation: _Text = "",
    outcome: _Text = "",
    reason: Annotated[str, Form(max_length=4_000)] = "",
    revision: Annotated[int, Form(ge=0, le=1_000_000)] = 0,
) -> Response:
    """Store it, signed by whoever is logged in."""
    site, actor = site_of(request), actor_of(request)
    made = overriding.override(
        Workspace.open(site.root), conversation, outcome, author=actor.name, reason=reason,
        revision=revision, by=By(actor, request_id(request), site.store),
    )  # fmt: skip
    where = render.segment_path(made.override.conversation_id)
    return RedirectResponse(f"/override/{where}", 303)


def _tried(answers: Answers, *, conversation: str, outcome: str) -> Tried:
    made = rehearsed.preview(
        answers.workspace, conversation, outcome, author=_TRIED, reason=_TRIED
    )  # fmt: skip
    titles = {item.name: item.title for item in answers.catalogue.every}
    return Tried(made, titles, answers.workspace.settings.workspace.currency)
