"""Chatwoot conversations and messages as events, with the people they show.

Only this module makes conversations, messages and identities out of Chatwoot. Activity lines are no
messages and their localised words are never read. A deleted message keeps its place and loses its
words. The instant of a message is its second; equal seconds keep the order of the rising ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources import markup
from candor.sources.base import EventDict, RecordRefused, RecordSkipped
from candor.sources.benchmark import kind_of_text
from candor.sources.chatwoot import kinds
from candor.sources.chatwoot.context import (
    Around,
    conversation_key,
    conversation_of,
    updated_of,
)
from candor.sources.shapes import keys, list_of, object_of, rest, text_of

_ANSWER_IN_MESSAGE = 1 << 60
ANSWER = 1 << 61
_KNOWN = keys(
    "id display_id account_id account inbox_id status messages meta created_at updated_at timestamp"
    " priority channel contact_inbox contact_id changed_attributes event sender"
    " last_non_activity_message labels campaign_id"
)
_MESSAGE_KNOWN = keys(
    "id account_id account inbox_id inbox conversation_id conversation content message_type private"
    " content_type sender sender_type sender_id created_at updated_at event contact"
    " processed_message_content content_attributes"
)


def of_conversation(body: Mapping[str, Any], around: Around) -> Iterator[EventDict | RecordRefused]:
    """The conversation, the messages it holds, its state if nothing else tells it, and its contact."""
    if body.get("display_id") not in (None, body.get("id")) and not around.settings.get("ids"):
        raise RecordRefused(
            ReasonCode.TYPE_MISMATCH,
            "display_id",
            'ids as the interface gives them: for a database dump set ids = "database"',
        )
    thread = around.thread(body, conversation_key(body, around.settings))
    export, updated = around.export, updated_of(body)
    started = _started(thread, body, around)
    meta = object_of(body.get("meta"))
    extra = rest(body, _KNOWN)
    additional = object_of(body.get("additional_attributes"))
    channel = (
        meta.get("channel") or body.get("channel") or export.inboxes.get(str(body.get("inbox_id")))
    )
    agent = export.ai_agents.get(thread)
    tests = {str(one) for one in list_of(around.settings.get("test_inbox_ids"))}
    if thread not in export.dialogues:
        around.notes.add("dialogue_missing", "conversations without an exported message")
    _compare_totals(around)
    yield {
        "type": "conversation",
        "thread_id": thread,
        "occurred_at": started,
        "revision": updated,
        "started_at": started,
        "ended_at": None,
        # A word outside the table is stored raw and counted, never guessed.
        "channel": kinds.CHANNELS.get(str(channel), str(channel)) if channel else None,
        "direction": "proactive" if _campaign(body) is not None else None,
        "customer_id": _contact(body, meta),
        "language": text_of(
            additional.get("conversation_language") or additional.get("browser_language")
        ),
        "entry_point": text_of(additional.get("referer")),
        "subject": text_of(additional.get("mail_subject")),
        "priority": text_of(body.get("priority")),
        "is_test": str(body.get("inbox_id")) in tests,
        "is_spam": False,
        "ai_agent_id": agent[1] if agent else None,
        "attributes": _attributes(body, meta),
        "extra": extra or None,
    }
    for message in list_of(body.get("messages")):
        if not isinstance(message, dict):
            yield RecordRefused(ReasonCode.TYPE_MISMATCH, "messages", "a list of objects")
        elif kinds.type_of_message(message) != "activity":
            try:
                yield from of_message(
                    {
                        "account_id": body.get("account_id"),
                        "conversation_id": conversation_key(body, around.settings),
                        **message,
                    },
                    around,
                )
            except RecordRefused as refused:
                yield refused
    contact = object_of(meta.get("sender"))
    yield from _aliases(contact, f":by:{thread}", started, updated)


def _compare_totals(around: Around) -> None:
    """Count statuses that the export lacks; a list call leaves out what is not open."""
    counts = around.export.counts()
    totals = object_of(around.settings.get("account_totals"))
    for status, total in sorted(totals.items()):
        if counts[status] != total:
            around.notes.add(
                "conversations_missing",
                f"{counts[status]} {status} conversations in the export, {total} in the account",
            )
    if not totals and len(around.export.statuses) > 1 and set(counts) == {"open"}:
        around.notes.add(
            "conversations_missing", "every conversation is open: list with status=all"
        )


def _started(thread: str, body: Mapping[str, Any], around: Around) -> int:
    if body.get("created_at") is not None:
        return kinds.instant(body["created_at"], "created_at")
    first = around.export.dialogues.first(thread)
    if first is None:
        # Only the last activity is known: the conversation is not older than that.
        around.notes.add("start_unknown", "conversations without created_at and without a message")
        return updated_of(body)
    return first


def _campaign(body: Mapping[str, Any]) -> Any:
    additional = object_of(body.get("additional_attributes"))
    return body.get("campaign_id") or additional.get("campaign_id")


def _contact(body: Mapping[str, Any], meta: Mapping[str, Any]) -> str | None:
    sender, inbox = object_of(meta.get("sender")), object_of(body.get("contact_inbox"))
    return text_of(sender.get("id") or inbox.get("contact_id") or body.get("contact_id"))


def _attributes(body: Mapping[str, Any], meta: Mapping[str, Any]) -> dict[str, Any] | None:
    kept = {
        "inbox_id": text_of(body.get("inbox_id")),
        "team_id": text_of(object_of(meta.get("team")).get("id")),
        "labels": list_of(body.get("labels")) or None,
    }
    return {key: value for key, value in kept.items() if value} or None


def of_message(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """One message; for the request to rate, the survey's offer (and answer) too.

    Raises:
        RecordSkipped: an activity line.
        RecordRefused: a database row whose conversation is named by a database id.
    """
    told = kinds.type_of_message(body)
    if told == "activity":
        raise RecordSkipped("activity that means no event")
    if isinstance(body.get("content_type"), int) and around.settings.get("ids") != "database":
        raise RecordRefused(
            ReasonCode.TYPE_MISMATCH,
            "content_type",
            'a word as the interface gives it: for a database dump set ids = "database"',
        )
    if body.get("id") is None:
        raise RecordRefused(ReasonCode.ID_MISSING, "id", "the message's id")
    thread = around.thread(body, conversation_of(body))
    second = kinds.instant(body.get("created_at"), "created_at")
    at = second + around.export.dialogues.place(thread, str(body["id"]), second)
    updated = body.get("updated_at")
    actor = kinds.actor_of(body, around.options.ai_actor_ids, around.notes)
    if told not in {"incoming", "outgoing", "template"}:
        around.notes.add("message_type_unknown", told)
    _, identity = kinds.sender_of(body)
    attributes = object_of(body.get("content_attributes"))
    is_deleted = attributes.get("deleted") is True
    is_public = body.get("private") is not True
    written = None if is_deleted else markup.read(str(body.get("content") or ""))
    text = (written.text or None) if written else None
    extra = rest(body, _MESSAGE_KNOWN)
    kept = {key: value for key, value in attributes.items() if key != "submitted_values" and value}
    if kept:
        extra["content_attributes"] = kept
    if body.get("content_type") not in (None, "text", 0):
        extra["content_type"] = body["content_type"]
    if written and written.quoted:
        extra["quoted"] = written.quoted
    if is_deleted:
        extra = {"is_redacted": True}
        around.notes.add("message_redacted", "message")
    is_offer = body.get("content_type") in kinds.OFFERS
    yield {
        "type": "message",
        "message_id": str(body["id"]),
        "thread_id": thread,
        "occurred_at": at,
        "revision": 0 if updated is None else kinds.instant(updated, "updated_at"),
        "actor": actor,
        "actor_id": identity,
        "is_public": is_public,
        "text": text,
        "kind": _kind(actor, text, around, is_public=is_public, is_offer=is_offer),
        "extra": extra or None,
    }
    if is_offer:
        yield from _offer(thread, body, attributes, second)


def _kind(
    actor: str | None, text: str | None, around: Around, *, is_public: bool, is_offer: bool
) -> str | None:
    if is_offer:
        return "survey"
    if not is_public:
        return "note"
    if actor == "ai_agent" and text and around.settings.get("ai_text_kind") == "question_mark":
        return kind_of_text(text)
    return None


def _offer(
    thread: str, body: Mapping[str, Any], attributes: Mapping[str, Any], at: int
) -> Iterator[EventDict]:
    submitted = object_of(attributes.get("submitted_values"))
    answer = object_of(submitted.get("csat_survey_response"))
    updated = kinds.instant(body.get("updated_at", body.get("created_at")), "updated_at")
    rank = _ANSWER_IN_MESSAGE if answer.get("rating") is not None else 0
    yield survey(thread, None, answer, asked=at, at=updated if rank else at, rank=rank)


def survey(
    thread: str,
    customer: str | None,
    answer: Mapping[str, Any],
    *,
    asked: int | None,
    at: int,
    rank: int,
) -> EventDict:
    """The one survey of a conversation: an offer, or its answer, which outranks every offer."""
    rating = answer.get("rating")
    is_answered = rating is not None
    return {
        "type": "survey",
        "survey_id": f"{thread}:csat",
        "thread_id": thread,
        "customer_id": customer,
        "occurred_at": at,
        "revision": rank + at,
        "instrument": "csat",
        "version": "chatwoot-csat",
        "asked_at": asked,
        "answered_at": at if is_answered else None,
        "score": None if rating is None else float(rating),
        "scale_min": 1.0,
        "scale_max": 5.0,
        "comment": text_of(answer.get("feedback_message")),
        # Chatwoot asks about the conversation, whoever answered in it.
        "about": "whole",
    }


def of_contact(body: Mapping[str, Any], _: Around) -> Iterator[EventDict]:
    """Addresses and the outside id of a contact.

    Raises:
        RecordSkipped: the contact is known by nothing but its number.
    """
    created = body.get("created_at")
    at = kinds.instant(
        created if created is not None else body.get("last_activity_at"), "created_at"
    )
    updated = body.get("updated_at", body.get("last_activity_at"))
    revision = at if updated is None else kinds.instant(updated, "updated_at")
    found = list(_aliases(body, "", at, revision))
    if not found:
        raise RecordSkipped("contact that means no event")
    yield from found


def _aliases(
    contact: Mapping[str, Any], suffix: str, at: int, revision: int
) -> Iterator[EventDict]:
    if contact.get("id") is None:
        return
    for key, kind in (("email", "email"), ("phone_number", "phone"), ("identifier", "external")):
        if contact.get(key):
            yield {
                "type": "identity",
                "identity_id": f"contact:{contact['id']}:{key}{suffix}",
                "occurred_at": at,
                "revision": revision,
                "customer_id": str(contact["id"]),
                "alias_kind": kind,
                "alias": str(contact[key]),
                "is_removed": False,
            }
