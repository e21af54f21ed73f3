"""One conversation: everything that happened on one timeline, and how every metric counted it.

Text is shown only to those who were granted it, and each opening is in the audit log before the page
leaves.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from candor.access.permissions import Permission
from candor.answers import narrowed
from candor.answers.conversation import ConversationPage
from candor.errors import CandorError, Problem
from candor.web import visible
from candor.web.render import fragment
from candor.web.view import Look, Shown, View

ORDER = ("confirmed", "true", "false", "value", "unknown", "excluded", "outside")
ACTS: tuple[tuple[str, str, frozenset[Permission]], ...] = (
    ("Set its outcome", "override", frozenset({Permission.OVERRIDE})),
    ("Judge it by a rubric", "judge", frozenset({Permission.LABEL, Permission.TEXT})),
)
"""What somebody may do about one contact: words, path, what it needs."""
_RECENT = 30


def make(look: Look) -> Shown:
    """The page of a conversation or thread."""
    wanted = look.names["conversation"]
    page = look.answers.why(wanted)
    for name, value in look.asked.scope.items():
        if any(contact.facts.get(name) != value for contact in page.contacts):
            # What is not yours is not there.
            raise CandorError("conversation.unknown", Problem("there is no such conversation"))
    reads_text = look.actor.may(Permission.TEXT)
    if not reads_text:
        page = _without_text(page)
    money = {
        item.name for item in look.answers.catalogue.every
        if not visible.may_see(item.measured_in, look.actor)
    }  # fmt: skip
    page = replace(
        page,
        contacts=tuple(
            replace(
                one,
                verdicts=tuple(v for v in one.verdicts if v.metric not in money),
                facts={
                    name: value
                    for name, value in one.facts.items()
                    if name != "overridden_by" or look.actor.may(Permission.AGENTS)
                },
            )
            for one in page.contacts
        ),
    )
    units = {item.name: item.measured_in for item in look.answers.catalogue.every}
    judged = [
        (contact, sorted((v for v in contact.verdicts if v.state != "outside"),
                         key=lambda v: (ORDER.index(v.state), v.title)),
         sum(1 for v in contact.verdicts if v.state == "outside"))
        for contact in page.contacts
    ]  # fmt: skip
    others = narrowed.others(
        look.answers, [one.conversation_id for one in page.contacts], look.asked.scope
    )
    acts = [
        (words, path) for words, path, needed in ACTS
        if needed <= look.actor.permissions and not look.actor.scope
    ]  # fmt: skip
    body = fragment(
        "conversation.html.j2", look=look, acts=acts, page=page, judged=judged, reads_text=reads_text,
        units=units, others=others, currency=look.answers.workspace.settings.workspace.currency,
    )  # fmt: skip
    return Shown(
        f"Conversation {page.thread_id}", body, {**page.as_dict(), "text_shown": reads_text, "others": others},
        page.snapshot, look.answers.as_of, opened=(page.thread_id,) if reads_text else (),
    )  # fmt: skip


def find(look: Look) -> Shown:
    """Find a conversation by its id; without one, the latest."""
    wanted = (look.asked.get("id") or "").strip()
    rows = narrowed.recent(look.answers, wanted, look.asked.where, _RECENT)
    body = fragment("conversations.html.j2", look=look, asked=look.asked, rows=rows, wanted=wanted)
    data: dict[str, Any] = {"query": wanted, "conversations": rows}
    return Shown(
        "Conversations", body, data, look.answers.snapshot, look.answers.as_of,
        tables=lambda: [("Conversations", narrowed.RECENT, [list(row.values()) for row in rows])],
    )  # fmt: skip


def _without_text(page: ConversationPage) -> ConversationPage:
    """The page without words: grounds of a score quote messages, so they go too."""
    return replace(
        page,
        timeline=tuple(replace(one, text="", raw_ref="") for one in page.timeline),
        scores=tuple(replace(one, evidence=(), told="") for one in page.scores),
    )


VIEW = View(
    "conversation", "/conversations/{conversation:path}", make, is_scoped=True, holds_text=True,
    takes_segments=True, summary="One conversation: timeline and how every metric counted it",
)  # fmt: skip
FIND = View(
    "conversations", "/conversations", find, params=("id",), is_scoped=True, takes_segments=True,
    summary="Conversations by id, the latest first",
)  # fmt: skip
