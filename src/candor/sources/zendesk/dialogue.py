"""Comments, conversation-log entries and loader chat events as messages.

Only this module decides who spoke in Zendesk and whether customers saw it. The same utterance may be
exported as a log entry and as a comment; both get the id of the ticket event, and the log entry,
which tells a bot from a seat, is the later revision. What an AI text does (``kind``) is unknown
unless the setting ``ai_text_kind = "question_mark"`` is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources import markup
from candor.sources.base import EventDict, RecordRefused
from candor.sources.benchmark import kind_of_text
from candor.sources.instants import SECOND, of_iso, of_milliseconds
from candor.sources.zendesk.authors import is_bot_author, is_rule
from candor.sources.zendesk.changes import Change
from candor.sources.zendesk.context import Around
from candor.sources.zendesk.kinds import Item

_TICKET_EVENT = re.compile(r"zen:(?:ticket_event|comment|audit_event):(\d+)$")
_LOG_ACTOR = {"user": "customer", "agent": "human_agent", "bot": "ai_agent", "system": "system"}
_FROM_LOG = 1
_COMMENT_FIELDS = frozenset(
    [
        "id",
        "ticket_id",
        "author_id",
        "user_id",
        "body",
        "html_body",
        "plain_body",
        "public",
        "created_at",
        "created",
        "type",
        "via",
        "audit_id",
        "event_type",
    ]
)
_LOG_FIELDS = frozenset(
    ["id", "ticket_id", "created_at", "author", "content", "type", "reference", "actor"]
)
_CHAT_FIELDS = frozenset(
    [
        "id",
        "chat_id",
        "ticket_id",
        "created_at",
        "timestamp",
        "actor_id",
        "actor_name",
        "type",
        "message",
        "original_message",
        "department",
    ]
)


def rest(body: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """Fields that no column holds, empty ones left out."""
    return {
        key: value
        for key, value in body.items()
        if key not in known and value not in (None, "", [], {})
    }


def ticket_of(item: Item) -> str:
    """The ticket a record belongs to.

    Raises:
        RecordRefused: ID_MISSING when neither record, page nor file name tells.
    """
    if item.page_ticket is None:
        raise RecordRefused(
            ReasonCode.ID_MISSING,
            "ticket_id",
            "the ticket in the record, the page, or the file's name (comments_51880.json)",
        )
    return item.page_ticket


def message(
    thread: str,
    message_id: str,
    occurred_at: int,
    *,
    actor: str | None,
    body: markup.Body | None,
    settings: Mapping[str, Any],
    **fields: Any,
) -> EventDict:
    """A message event; ``extra`` of ``fields`` is joined with the quoted history."""
    extra = dict(fields.pop("extra", {}))
    text = None if body is None else body.text or None
    if body is not None and body.quoted:
        extra["quoted"] = body.quoted
    is_public = fields.pop("is_public", True)
    kind = fields.pop("kind", None if is_public else "note")
    if kind is None and actor == "ai_agent" and text:
        kind = kind_of_text(text) if settings.get("ai_text_kind") == "question_mark" else None
    return {
        "type": "message",
        "message_id": message_id,
        "thread_id": thread,
        "occurred_at": occurred_at,
        "actor": actor,
        "is_public": is_public,
        "text": text,
        "kind": kind,
        "extra": extra or None,
        **fields,
    }


def of_comment(item: Item, around: Around) -> Iterator[EventDict]:
    """The message of a comment from a comments page or a loader's comment table."""
    body = item.body
    yield _comment(
        ticket_of(item),
        str(body["id"]),
        of_iso(body.get("created_at", body.get("created")), "created_at"),
        author=body.get("author_id", body.get("user_id")),
        body=body,
        around=around,
    )


def of_change(ticket: str, change: Change, around: Around) -> EventDict:
    """The message of a comment inside an audit or ticket event."""
    body = change.body
    via = body.get("via") or change.via
    return _comment(
        ticket,
        change.id,
        change.at,
        author=change.author,
        body={**body, "via": via},
        around=around,
    )


def _comment(
    ticket: str,
    comment_id: str,
    at: int,
    *,
    author: Any,
    body: Mapping[str, Any],
    around: Around,
) -> EventDict:
    who = None if author is None else str(author)
    actor = "system" if is_rule(body.get("via")) else around.export.role_of(ticket, who)
    if actor is None:
        around.notes.add("actor_unknown", f"author {who}")
    if actor == "human_agent" and who in around.export.fast_seats:
        around.notes.add("actor_maybe_ai", f"seat {who} answers in {around.export.fast_seats[who]}")
    html = body.get("html_body")
    plain = body.get("body") or body.get("plain_body") or ""
    text = markup.of_html(str(html)) if html else markup.of_plain(str(plain))
    extra = rest(body, _COMMENT_FIELDS)
    redacted = around.export.redacted.get(comment_id)
    if redacted is not None:
        around.notes.add("message_redacted", "comment")
        text, extra = markup.Body("", None), {"is_redacted": True}
    return message(
        ticket,
        f"comment:{comment_id}",
        at,
        actor=actor,
        body=text,
        settings=around.settings,
        actor_id=who,
        is_public=body.get("public") is not False,
        revision=0 if redacted is None else redacted // SECOND,
        extra=extra,
    )


def of_log(item: Item, around: Around) -> Iterator[EventDict]:
    """The message of a conversation-log entry or messaging webhook."""
    body, ticket = item.body, ticket_of(item)
    author = body.get("author") or body.get("actor") or {}
    seat = author.get("zen:support:user_id")
    if is_bot_author(body):
        actor: str | None = "ai_agent"
    else:
        actor = _LOG_ACTOR.get(str(author.get("type")))
        if actor == "human_agent" and seat is not None and str(seat) in around.export.ai_actors:
            actor = "ai_agent"
    if actor is None:
        around.notes.add("actor_unknown", f"author type {author.get('type')}")
    content = body.get("content")
    content = content if isinstance(content, dict) else {"type": "text", "text": content or ""}
    reference = _TICKET_EVENT.search(str(body.get("reference") or ""))
    is_comment = reference is not None
    at = of_iso(body.get("created_at"), "created_at")
    at += around.export.place_of(ticket, at, str(body.get("id")))
    yield message(
        ticket,
        f"comment:{reference[1]}" if reference else f"log:{body['id']}",
        at,
        actor=actor,
        body=_content_text(content),
        settings=around.settings,
        actor_id=None if seat is None else str(seat),
        is_public=body.get("public", content.get("public")) is not False,
        revision=_FROM_LOG if is_comment else 0,
        knowledge_ids=_articles(content),
        extra={
            **rest(body, _LOG_FIELDS),
            **({"content_type": content["type"]} if content.get("type") != "text" else {}),
        },
    )


def _content_text(content: Mapping[str, Any]) -> markup.Body | None:
    for key in ("html_body", "htmlText", "text", "body", "markdownText", "plain_body"):
        value = content.get(key)
        if isinstance(value, str) and value:
            return (
                markup.of_html(value)
                if key in {"html_body", "htmlText"}
                else markup.Body(value, None)
            )
    items = content.get("items") or content.get("actions") or []
    titles = [
        str(one.get("title") or one.get("text") or "") for one in items if isinstance(one, dict)
    ]
    shown = "\n".join(f"- {title}" for title in titles if title)
    return markup.Body(shown, None) if shown else None


def _articles(content: Mapping[str, Any]) -> list[str] | None:
    found = content.get("articles") or content.get("article_ids")
    if not isinstance(found, list):
        return None
    return [str(one.get("id") if isinstance(one, dict) else one) for one in found]


def of_chat(item: Item, around: Around) -> Iterator[EventDict]:
    """The message, or the department transfer, of a loader's chat event."""
    body, ticket = item.body, ticket_of(item)
    if body.get("created_at") is not None:
        at = of_iso(body["created_at"], "created_at")
    else:
        at = of_milliseconds(body.get("timestamp"), "timestamp")
    side, _, seat = str(body.get("actor_id") or "").partition(":")
    actor = {"agent": "human_agent", "visitor": "customer", "system": "system"}.get(side)
    if is_bot_author(body) or seat in around.export.ai_actors:
        actor = "ai_agent"
    identity = body.get("id") or f"{body.get('chat_id')}:{at}:{side}"
    if body.get("type") in {"ChatDepartmentTransfer", "ChatTransfer"}:
        yield {
            "type": "handoff",
            "handoff_id": f"chat:{identity}",
            "thread_id": ticket,
            "occurred_at": at,
            "from_actor": "ai_agent" if actor in {"ai_agent", "system"} else "human_agent",
            "to_actor": "human_agent",
            "to_queue": str(body["department"]) if body.get("department") else None,
            "is_planned": False,
            "is_failed": False,
            "accepted_at": around.export.accepted_at(ticket, at),
        }
        return
    if actor is None:
        around.notes.add("actor_unknown", f"chat actor {side or 'absent'}")
    original = body.get("original_message")
    text = body.get("message")
    if text is None and isinstance(original, dict):
        inner = original.get("content")
        text = inner.get("text") if isinstance(inner, dict) else original.get("text")
    yield message(
        ticket,
        f"chat:{identity}",
        at,
        actor=actor,
        body=markup.Body(str(text or ""), None),
        settings=around.settings,
        actor_id=seat or None,
        extra=rest(body, _CHAT_FIELDS),
    )
