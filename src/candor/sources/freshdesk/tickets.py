"""Freshdesk tickets and their entries as events: who, where, what was said, what changed.

Only this module makes conversations, messages, states and handoffs out of Freshdesk. The description
is the first message. States come from the instants under ``stats`` and from the status at each pull;
a change between two pulls is dated to the later one and carries the interval. ``is_escalated`` is a
missed deadline and never a handoff.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources import markup
from candor.sources.base import EventDict, RecordRefused
from candor.sources.benchmark import kind_of_text
from candor.sources.freshdesk import kinds
from candor.sources.freshdesk.context import Around, actor_of, id_of, updated_of
from candor.sources.instants import SECOND, iso, of_iso
from candor.sources.shapes import keys, list_of, object_of, rest, text_of

_KNOWN = keys(
    "id subject description description_text status priority source requester_id requester"
    " responder_id group_id company_id product_id spam deleted due_by fr_due_by created_at"
    " updated_at stats conversations association_type associated_tickets_list type is_escalated"
    " fr_escalated"
)
_ENTRY_KNOWN = keys("id ticket_id user_id incoming private body body_text created_at updated_at")
_STATS = (
    ("resolved_at", "solved", None),
    ("closed_at", "closed", None),
    ("reopened_at", "open", "reopened"),
    ("pending_since", "pending", None),
)
_CHILDREN, _PARENTS = frozenset({"2", "4"}), frozenset({"1", "3"})


def of_ticket(body: Mapping[str, Any], around: Around) -> Iterator[EventDict | RecordRefused]:
    """Everything one pull of a ticket says; of a deleted one only that it is gone."""
    ticket = id_of(body)
    updated = updated_of(body)
    for name, count in sorted(around.export.full.items()):
        around.notes.add(
            "query_full",
            f"{name}: {count} tickets, where a query ends; go on from the last updated_at",
        )
    if body.get("deleted") is True:
        yield _erasure(ticket, updated)
        return
    yield _conversation(ticket, body, updated, around)
    yield from _description(ticket, body, updated, around)
    for position, entry in enumerate(list_of(body.get("conversations"))):
        if not isinstance(entry, dict):
            where = f"conversations[{position}]"
            yield RecordRefused(ReasonCode.TYPE_MISMATCH, where, "an object")
            continue
        try:
            yield from of_entry({"ticket_id": ticket, **entry}, around)
        except RecordRefused as refused:
            yield refused
    yield from _states(ticket, body, updated, around)
    yield from _handoff(ticket, body, updated, around)
    yield from _links(ticket, body, updated)


def _erasure(ticket: str, updated: int) -> EventDict:
    return {
        "type": "erasure",
        "erasure_id": f"deleted_ticket:{ticket}",
        "occurred_at": updated,
        "subject_kind": "thread",
        "subject_id": ticket,
        "requested_at": updated,
        "reason": "deleted in Freshdesk",
    }


def _conversation(ticket: str, body: Mapping[str, Any], updated: int, around: Around) -> EventDict:
    started = of_iso(body.get("created_at"), "created_at")
    source = text_of(body.get("source"))
    agent = around.export.ai_agents.get(ticket)
    tests = {str(tag) for tag in list_of(around.settings.get("test_tags"))}
    field = around.settings.get("intent_field")
    priority = text_of(body.get("priority"))
    return {
        "type": "conversation",
        "thread_id": ticket,
        "occurred_at": started,
        "revision": updated,
        "started_at": started,
        "ended_at": None,
        # A number outside the table is stored raw and counted, never guessed.
        "channel": None if source is None else kinds.CHANNELS.get(source, source),
        "direction": "proactive" if source == kinds.OUTBOUND else None,
        "customer_id": text_of(body.get("requester_id")),
        "account_id": text_of(body.get("company_id")),
        "brand": text_of(body.get("product_id")),
        "subject": text_of(body.get("subject")),
        "priority": None if priority is None else kinds.PRIORITIES.get(priority, priority),
        "intent_id": text_of(object_of(body.get("custom_fields")).get(field)) if field else None,
        "is_test": bool(tests & {str(tag) for tag in list_of(body.get("tags"))}),
        "is_spam": body.get("spam") is True,
        "ai_agent_id": agent[1] if agent else None,
        "due_first_response_at": _due(body, "fr_due_by"),
        "due_resolution_at": _due(body, "due_by"),
        "attributes": _attributes(body),
        "extra": {
            **rest(body, _KNOWN),
            **{
                f"vendor_{key}": value
                for key, value in object_of(body.get("stats")).items()
                if value
            },
        }
        or None,
    }


def _due(body: Mapping[str, Any], key: str) -> int | None:
    return None if body.get(key) is None else of_iso(body[key], key)


def _attributes(body: Mapping[str, Any]) -> dict[str, Any] | None:
    kept = {
        "ticket_type": text_of(body.get("type")),
        "group_id": text_of(body.get("group_id")),
        "missed_resolution_deadline": body.get("is_escalated"),
        "missed_response_deadline": body.get("fr_escalated"),
    }
    return {key: value for key, value in kept.items() if value is not None} or None


def _description(
    ticket: str, body: Mapping[str, Any], updated: int, around: Around
) -> Iterator[EventDict]:
    given = body.get("description_text") or body.get("description")
    if given is None:
        around.notes.add("description_missing", "tickets without their first message")
        return
    is_outbound = str(body.get("source")) == kinds.OUTBOUND
    author = text_of(body.get("responder_id" if is_outbound else "requester_id"))
    actor = "customer"
    if is_outbound:
        actor = "ai_agent" if author in around.options.ai_actor_ids else "human_agent"
    written = markup.read(str(given))
    yield {
        "type": "message",
        "message_id": f"ticket:{ticket}",
        "thread_id": ticket,
        "occurred_at": of_iso(body.get("created_at"), "created_at"),
        "revision": updated,
        "actor": actor,
        "actor_id": author,
        "is_public": True,
        "text": written.text or None,
        "kind": None,
        "extra": {"quoted": written.quoted} if written.quoted else None,
    }


def of_entry(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """One message: a reply, a note, or what the customer wrote."""
    ticket, identity = id_of(body, "ticket_id"), id_of(body)
    at = of_iso(body.get("created_at"), "created_at")
    actor = actor_of(body, around.options.ai_actor_ids, around.notes)
    is_public = body.get("private") is not True
    written = markup.read(str(body.get("body_text") or body.get("body") or ""))
    text = written.text or None
    kind = None if is_public else "note"
    asks = around.settings.get("ai_text_kind") == "question_mark"
    if is_public and actor == "ai_agent" and text and asks:
        kind = kind_of_text(text)
    extra = rest(body, _ENTRY_KNOWN)
    if written.quoted:
        extra["quoted"] = written.quoted
    yield {
        "type": "message",
        "message_id": f"entry:{identity}",
        "thread_id": ticket,
        "occurred_at": at + around.export.dialogues.place(ticket, identity, at),
        "revision": updated_of(body),
        "actor": actor,
        "actor_id": text_of(body.get("user_id")),
        "is_public": is_public,
        "text": text,
        "kind": kind,
        "extra": extra or None,
    }


def _states(
    ticket: str, body: Mapping[str, Any], updated: int, around: Around
) -> Iterator[EventDict]:
    stats = object_of(body.get("stats"))
    told: list[tuple[int, str]] = []
    for key, state, reason in _STATS:
        if stats.get(key) is None:
            continue
        at = of_iso(stats[key], f"stats.{key}")
        told.append((at, state))
        # Keyed by its instant: a second resolve overwrites the field, not the event.
        yield _state(ticket, f"{key}:{at // SECOND}", at, None, state, reason, {"told_by": key})
    now = kinds.state_of(body.get("status"), around.settings)
    if now is None:
        around.notes.add("status_unknown", f"status {body.get('status')}")
        return
    earlier = around.export.before(ticket, updated)
    # At one instant the later step of a ticket's life wins: closed after resolved.
    known = max(enumerate(told), key=lambda one: (one[1][0], one[0]))[1][1] if told else None
    if known == now:
        return
    before = None if earlier is None else kinds.state_of(earlier.status, around.settings)
    previous = known or before
    if previous == now or (previous is None and now == "open"):
        return  # Open is how tickets begin.
    since = [of_iso(body.get("created_at"), "created_at"), *(at for at, _ in told)]
    since += [] if earlier is None else [earlier.at]
    exact = stats.get("status_updated_at")
    at = updated if exact is None else of_iso(exact, "stats.status_updated_at")
    reason = "reopened" if previous in {"solved", "closed"} and now in {"open", "pending"} else None
    extra: dict[str, Any] = {"told_by": "status"}
    if exact is None:
        extra["changed_between"] = [iso(max(since)), iso(updated)]
    yield _state(ticket, f"status:{now}:{at // SECOND}", at, previous, now, reason, extra)


def _state(
    ticket: str,
    identity: str,
    at: int,
    previous: str | None,
    state: str,
    reason: str | None,
    extra: dict[str, Any],
) -> EventDict:
    return {
        "type": "state_change",
        "change_id": f"{ticket}:{identity}",
        "thread_id": ticket,
        "occurred_at": at,
        "from_state": previous,
        "to_state": state,
        "actor": None,
        "reason": reason,
        "extra": extra,
    }


def _handoff(
    ticket: str, body: Mapping[str, Any], updated: int, around: Around
) -> Iterator[EventDict]:
    """A change of who is responsible since the pull before, from the AI agent (or nobody) to people."""
    export, ai_actors = around.export, around.options.ai_actor_ids
    earlier = export.before(ticket, updated)
    spoke = export.dialogues.first(ticket, "ai_agent")
    if earlier is None or spoke is None or spoke > updated:
        return
    responder, group = str(body.get("responder_id") or ""), str(body.get("group_id") or "")
    was_with_people = bool(earlier.responder) and earlier.responder not in ai_actors
    to_person = bool(responder) and responder not in ai_actors and responder != earlier.responder
    to_group = bool(group) and group != earlier.group and not responder
    if was_with_people or not (to_person or to_group):
        return
    accepted = export.dialogues.first(ticket, "human_agent", since=earlier.at)
    yield {
        "type": "handoff",
        "handoff_id": f"{ticket}:{updated // SECOND}",
        "thread_id": ticket,
        "occurred_at": updated if accepted is None else min(updated, accepted),
        # A later export knows who came.
        "revision": export.latest(ticket),
        "from_actor": "ai_agent",
        "to_actor": "human_agent",
        "to_queue": group or None,
        "reason": None,
        "is_planned": False,
        "accepted_at": accepted,
        "is_failed": accepted is None and export.ended_after(ticket, updated),
        "extra": {"changed_between": [iso(earlier.at), iso(updated)]},
    }


def _links(ticket: str, body: Mapping[str, Any], at: int) -> Iterator[EventDict]:
    told = str(body.get("association_type"))
    for other in list_of(body.get("associated_tickets_list")):
        child, parent = (ticket, str(other)) if told in _CHILDREN else (str(other), ticket)
        if told in _CHILDREN | _PARENTS:
            yield {
                "type": "link",
                # Both ends may tell of the same link; each statement is its own event.
                "link_id": f"parent:{child}:{parent}:by:{ticket}",
                "occurred_at": of_iso(body.get("created_at"), "created_at"),
                "revision": at,
                "from_thread_id": child,
                "to_thread_id": parent,
                "kind": "parent",
            }
