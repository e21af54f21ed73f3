"""An Intercom conversation as a thread: who, where, how it began, and what it is joined to.

Only this module makes the conversation event and its links. The initial channel is kept; a channel
or state that moved later is a current value and goes to ``extra`` with the interval it moved in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from candor.sources import markup
from candor.sources.base import EventDict, Notes
from candor.sources.instants import SECOND, iso, of_seconds
from candor.sources.intercom.parts import Part, listed

_CHANNELS = {
    "messenger": "messaging",
    "conversation": "messaging",
    "whatsapp": "messaging",
    "email": "email",
    "twitter": "social",
    "facebook": "social",
    "instagram": "social",
    "sms": "sms",
    "phone_call": "voice",
    "phone_switch": "voice",
    "zendesk_ticket": None,
}
_DIRECTIONS = {
    "customer_initiated": "inbound",
    "admin_initiated": "proactive",
    "campaigns_initiated": "proactive",
    "automated": "proactive",
    "operator_initiated": "proactive",
}
_KNOWN = frozenset(
    [
        "type",
        "id",
        "created_at",
        "updated_at",
        "title",
        "state",
        "open",
        "priority",
        "source",
        "contacts",
        "conversation_parts",
        "conversation_rating",
        "ai_agent",
        "ai_agent_participated",
        "channel",
        "external_references",
        "linked_objects",
        "monitor_evaluations",
        "scorecards",
    ]
)
_OTHER_CONVERSATION = re.compile(r"/conversations?/(\d+)")


def conversation_event(thread: str, body: Mapping[str, Any], notes: Notes) -> EventDict:
    """The conversation, with what is known to be missing from it."""
    started = of_seconds(body.get("created_at"), "created_at")
    updated = of_seconds(body.get("updated_at") or body.get("created_at"), "updated_at")
    source = body.get("source") if isinstance(body.get("source"), dict) else {}
    source = source or {}
    ai_agent = body.get("ai_agent") if isinstance(body.get("ai_agent"), dict) else {}
    ai_agent = ai_agent or {}
    channel = body.get("channel") if isinstance(body.get("channel"), dict) else {}
    channel = channel or {}
    initial = channel.get("initial") or source.get("type")
    extra = {key: value for key, value in body.items() if key not in _KNOWN and value}
    if channel.get("current") not in (None, channel.get("initial")):
        extra["channel_current"] = channel["current"]
        extra["changed_between"] = [iso(started), iso(updated)]
    missing = missing_parts(body)
    if missing:
        notes.add(
            "thread_truncated", f"conversation {thread}: {missing} parts are not in the export"
        )
        extra["missing_parts"] = missing
    delivered = source.get("delivered_as")
    subject = body.get("title") or source.get("subject")
    return {
        "type": "conversation",
        "thread_id": thread,
        "occurred_at": started,
        "revision": updated // SECOND,
        "started_at": started,
        "ended_at": None,
        # A word outside the tables is stored raw and counted, never guessed.
        "channel": _CHANNELS.get(str(initial), str(initial)) if initial else None,
        "direction": _DIRECTIONS.get(str(delivered), str(delivered)) if delivered else None,
        "customer_id": customer_of(body),
        "entry_point": ai_agent.get("source_title"),
        "subject": markup.read(str(subject)).text if subject else None,
        "priority": body.get("priority") if isinstance(body.get("priority"), str) else None,
        "is_test": str(ai_agent.get("source_type") or "").endswith("_preview"),
        "is_spam": False,
        "ai_agent_id": "fin" if body.get("ai_agent_participated") is True else None,
        "attributes": {
            "is_truncated": bool(missing),
            "ai_agent_participated": body.get("ai_agent_participated"),
        },
        "extra": extra or None,
    }


def missing_parts(body: Mapping[str, Any]) -> int:
    """How many parts the vendor counts that are not in the export (it gives the 500 newest)."""
    holder = body.get("conversation_parts")
    total = holder.get("total_count") if isinstance(holder, dict) else None
    received = len(listed(body, "conversation_parts"))
    return max(int(total) - received, 0) if isinstance(total, int) else 0


def customer_of(body: Mapping[str, Any]) -> str | None:
    """Who opened it, when a customer did; else the first contact."""
    source = body.get("source")
    author = source.get("author") if isinstance(source, dict) else None
    if isinstance(author, dict) and author.get("type") in {"user", "lead", "contact"}:
        return str(author["id"]) if author.get("id") else None
    for contact in listed(body, "contacts"):
        if isinstance(contact, dict) and contact.get("id"):
            return str(contact["id"])
    return None


def links(thread: str, body: Mapping[str, Any], parts: list[Part]) -> Iterator[EventDict]:
    """Links to other systems, parents, merged conversations and the one this was escalated from."""
    at = of_seconds(body.get("created_at"), "created_at")
    for reference in listed(body, "external_references"):
        if isinstance(reference, dict) and reference.get("id"):
            yield _link(thread, str(reference["id"]), "same_issue", at)
    for linked in listed(body, "linked_objects"):
        if isinstance(linked, dict) and linked.get("id"):
            yield _link(thread, str(linked["id"]), "parent", at)
    for part in parts:
        details = part.body.get("event_details")
        if part.type.startswith("merged_") and isinstance(details, dict):
            other = details.get("conversation_id") or details.get("merged_conversation_id")
            if other:
                yield _link(thread, str(other), "merged", part.at)
    origin = escalated_from(thread, parts)
    if origin is not None:
        yield _link(thread, origin, "transferred", at)


def _link(thread: str, other: str, kind: str, at: int) -> EventDict:
    return {
        "type": "link",
        "link_id": f"{kind}:{thread}:{other}",
        "occurred_at": at,
        "from_thread_id": thread,
        "to_thread_id": other,
        "kind": kind,
    }


def escalated_from(thread: str, parts: list[Part]) -> str | None:
    """The conversation named in the summary note with which an escalation opened this one."""
    for part in parts[:3]:
        if part.type != "note" or part.actor not in {"ai_agent", "system"}:
            continue
        found = _OTHER_CONVERSATION.search(str(part.body.get("body") or ""))
        if found and found[1] != thread:
            return found[1]
    return None


def handoff_of_origin(
    thread: str, body: Mapping[str, Any], parts: list[Part]
) -> Iterator[EventDict]:
    """The handoff of the conversation that this one continues; that one was never reassigned."""
    origin = escalated_from(thread, parts)
    if origin is None:
        return
    replies = (p.at for p in parts if p.actor == "human_agent" and p.has_words and p.is_public)
    accepted = next(replies, None)
    yield {
        "type": "handoff",
        "handoff_id": f"{origin}:1",
        "thread_id": origin,
        "occurred_at": of_seconds(body.get("created_at"), "created_at"),
        "revision": 1,
        "from_actor": "ai_agent",
        "to_actor": "human_agent",
        "reason": None,
        "is_planned": False,
        "accepted_at": accepted,
        # Responsibility passed to the new conversation, whoever answers there.
        "is_failed": False,
        "extra": {"continued_in": thread},
    }


def identities(thread: str, body: Mapping[str, Any]) -> Iterator[EventDict]:
    """External ids and addresses that the conversation shows of its contacts."""
    at = of_seconds(body.get("created_at"), "created_at")
    updated = of_seconds(body.get("updated_at") or body.get("created_at"), "updated_at")
    source = body.get("source")
    author = source.get("author") if isinstance(source, dict) else None
    people = [*listed(body, "contacts"), author]
    seen = set()
    for person in people:
        if not isinstance(person, dict) or person.get("id") in (None, ""):
            continue
        if person.get("type") in {"admin", "bot", "team"}:
            continue
        for key, kind in (("external_id", "external"), ("email", "email")):
            identity = f"contact:{person['id']}:{key}:by:{thread}"
            if person.get(key) and identity not in seen:
                seen.add(identity)
                yield {
                    "type": "identity",
                    "identity_id": identity,
                    "occurred_at": at,
                    "revision": updated // SECOND,
                    "customer_id": str(person["id"]),
                    "alias_kind": kind,
                    "alias": str(person[key]),
                    "is_removed": False,
                }
