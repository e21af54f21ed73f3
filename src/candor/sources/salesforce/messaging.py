"""Messaging sessions, their entries, and cases as events.

Only this module maps the objects of the Service side. ``Bot`` is a rule-based bot and Agentforce alike:
the joined Agentforce session decides which AI agent it was. ``AgentMessageCount`` is not computed for
enhanced sessions and is never used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from candor.sources import markup
from candor.sources.base import EventDict, RecordSkipped
from candor.sources.benchmark import kind_of_text
from candor.sources.instants import iso
from candor.sources.salesforce import kinds
from candor.sources.salesforce.context import Around, actor_of, id_of, required
from candor.sources.shapes import keys, object_of, rest, text_of

_KNOWN = keys(
    "Id StartTime EndTime Status Origin AgentType CaseId ChannelType ChannelIntent ChannelLocale"
    " ConversationId MessagingEndUserId SystemModstamp AcceptTime"
)
_ENTRY_KNOWN = keys("Id ConversationId ActorId ActorName ActorType EntryTime EntryType Message")
_CASE_KNOWN = keys(
    "Id CaseNumber CreatedDate ClosedDate Status Origin Priority Subject ContactId AccountId"
    " SystemModstamp Description"
)
_BOTS = frozenset({"Bot", "BotToAgent"})


def link(kind: str, child: str, other: str, at: int, *, told_by: str) -> EventDict:
    """A link between two threads; what two rows tell is two events, each with its own clock."""
    return {
        "type": "link",
        "link_id": f"{kind}:{child}:{other}:by:{told_by}",
        "occurred_at": at,
        "from_thread_id": child,
        "to_thread_id": other,
        "kind": kind,
    }


def revision_of(body: Mapping[str, Any], *others: str) -> int:
    """The vendor's update clock, else the last instant the row tells."""
    found = [kinds.instant(body, key) for key in ("SystemModstamp", *others)]
    return next((at for at in found if at is not None), 0)


def of_session(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """Conversation, state, handoff and links of a messaging session."""
    thread, started = id_of(body), required(body, "StartTime")
    ended = kinds.instant(body, "EndTime")
    export = around.export
    agent, release = export.agent_of(thread)
    if body.get("AgentType") in _BOTS and agent is None:
        since = export.traced_since
        when = "before tracing began" if since is not None and started < since else "not traced"
        around.notes.add("trace_missing", f"sessions with a bot, {when}")
    origin, channel = text_of(body.get("Origin")), text_of(body.get("ChannelType"))
    direction = kinds.DIRECTIONS.get(origin, origin) if origin else None
    yield {
        "type": "conversation",
        "thread_id": thread,
        "occurred_at": started,
        "revision": revision_of(body, "EndTime", "AcceptTime", "StartTime"),
        "started_at": started,
        "ended_at": ended,
        "channel": kinds.CHANNELS.get(channel or "", "messaging"),
        "direction": "proactive" if body.get("AgentType") == "System" else direction,
        "customer_id": text_of(body.get("MessagingEndUserId")),
        "language": text_of(body.get("ChannelLocale")),
        "entry_point": text_of(body.get("ChannelName")),
        "intent_id": text_of(body.get("ChannelIntent")),
        "is_test": any(export.ai_sessions[one].is_test for one in export.ai_of.get(thread, ())),
        "is_spam": False,
        "ai_agent_id": agent,
        "release": release,
        "attributes": {"agent_type": text_of(body.get("AgentType")), "channel_type": channel},
        "extra": rest(body, _KNOWN) or None,
    }
    yield from _close(thread, body, ended, around)
    yield from _handoff(thread, body, ended, around)
    if body.get("CaseId") is not None:
        yield link("parent", thread, str(body["CaseId"]), started, told_by=thread)
    sharing = sorted(export.of_conversation.get(str(body.get("ConversationId")), ()))
    earlier = [other for other in sharing if other < (started, thread)]
    if earlier:
        yield link("followup", thread, earlier[-1][1], started, told_by=thread)


def _close(
    thread: str, body: Mapping[str, Any], ended: int | None, around: Around
) -> Iterator[EventDict]:
    status = text_of(body.get("Status"))
    if status not in kinds.OPEN_STATUSES | {"Ended", "Inactive", None}:
        around.notes.add("status_unknown", f"MessagingSession {status}")
    if ended is None or status not in {"Ended", None}:
        return
    mark = around.export.first_mark(thread, *kinds.CLOSERS)
    actor, reason = (None, None) if mark is None else kinds.CLOSERS[mark[1]]
    yield state(thread, "ended", ended, None, "closed", actor, reason)


def state(
    thread: str,
    identity: str,
    at: int,
    previous: str | None,
    now: str,
    actor: str | None,
    reason: str | None,
) -> EventDict:
    """A change of state."""
    return {
        "type": "state_change",
        "change_id": f"{thread}:{identity}",
        "thread_id": thread,
        "occurred_at": at,
        "from_state": previous,
        "to_state": now,
        "actor": actor,
        "reason": reason,
    }


def _handoff(
    thread: str, body: Mapping[str, Any], ended: int | None, around: Around
) -> Iterator[EventDict]:
    """The passing from a bot to people: when the bot escalated, when a person accepted."""
    export = around.export
    mark = export.first_mark(thread, kinds.ESCALATED, kinds.NO_TRANSFER)
    escalated = [
        one.ended
        for one in (export.ai_sessions[i] for i in export.ai_of.get(thread, ()))
        if one.end_type == "escalated" and one.ended is not None
    ]
    if body.get("AgentType") != "BotToAgent" and mark is None and not escalated:
        return
    accepted = kinds.instant(body, "AcceptTime")
    if accepted is None:
        accepted = export.dialogues.first(thread, "human_agent")
    known = [*([mark[0]] if mark else []), *escalated, *([accepted] if accepted else [])]
    at = known[0] if known else required(body, "StartTime")
    refused = export.first_mark(thread, kinds.NO_TRANSFER) is not None
    yield handoff(
        thread,
        at,
        revision_of(body, "EndTime", "AcceptTime", "StartTime"),
        accepted=accepted,
        is_failed=accepted is None and (refused or ended is not None),
        extra=None if known else {"time_unknown": True},
    )


def handoff(
    thread: str,
    at: int,
    revision: int,
    *,
    accepted: int | None,
    is_failed: bool,
    extra: dict[str, Any] | None,
) -> EventDict:
    """The one passing from a bot to people that a session knows."""
    return {
        "type": "handoff",
        "handoff_id": f"{thread}:1",
        "thread_id": thread,
        "occurred_at": at,
        "revision": revision,
        "from_actor": "ai_agent",
        "to_actor": "human_agent",
        "reason": None,
        "is_planned": False,
        "accepted_at": accepted,
        "is_failed": is_failed,
        "extra": extra,
    }


def of_entry(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """A text as a message; for a session that is not exported, an escalation as a handoff.

    Raises:
        RecordSkipped: an entry that its session tells already, or that means nothing.
    """
    export = around.export
    conversation, kind = id_of(body, "ConversationId"), str(body.get("EntryType"))
    thread, at = export.thread_of_entry(conversation), required(body, "EntryTime")
    if kind != "Text":
        if thread not in export.sessions and kind == kinds.ESCALATED:
            came = export.dialogues.first(thread, "human_agent", since=at)
            yield handoff(thread, at, 0, accepted=came, is_failed=False, extra=None)
            return
        raise RecordSkipped(f"entry {kind} that means no event of its own")
    actor = actor_of(body, around.options.ai_actor_ids)
    if actor is None:
        around.notes.add("actor_unknown", f"ActorType {body.get('ActorType')}")
    identity = id_of(body)
    written = markup.read(str(body.get("Message") or ""))
    text = written.text or None
    asks = around.settings.get("ai_text_kind") == "question_mark"
    extra = rest(body, _ENTRY_KNOWN)
    if written.quoted:
        extra["quoted"] = written.quoted
    yield {
        "type": "message",
        "message_id": identity,
        "thread_id": thread,
        "occurred_at": at + export.dialogues.place(thread, identity, at),
        "revision": revision_of(body),
        "actor": actor,
        "actor_id": text_of(body.get("ActorId")),
        "is_public": True,
        "text": text,
        "kind": kind_of_text(text) if asks and actor == "ai_agent" and text else None,
        "extra": extra or None,
    }


def of_case(body: Mapping[str, Any], _: Around) -> Iterator[EventDict]:
    """A case as a thread of its own; its states come from its history."""
    started = required(body, "CreatedDate")
    origin = text_of(body.get("Origin"))
    closed = kinds.instant(body, "ClosedDate")
    yield {
        "type": "conversation",
        "thread_id": id_of(body),
        "occurred_at": started,
        "revision": revision_of(body, "ClosedDate", "CreatedDate"),
        "started_at": started,
        "ended_at": closed,
        "channel": kinds.CASE_CHANNELS.get(origin, origin) if origin else None,
        "customer_id": text_of(body.get("ContactId")),
        "account_id": text_of(body.get("AccountId")),
        "subject": text_of(body.get("Subject")),
        "priority": text_of(body.get("Priority")),
        "is_test": False,
        "is_spam": False,
        "extra": rest(body, _CASE_KNOWN) or None,
    }


def of_case_history(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """A change of a case's status.

    Raises:
        RecordSkipped: a change of another field, or to a status nobody declared.
    """
    if body.get("Field") != "Status":
        raise RecordSkipped(f"case history of {body.get('Field')} that means no event")
    table = {**kinds.CASE_STATES, **object_of(around.settings.get("case_status_map"))}
    now, before = (table.get(str(body.get(key))) for key in ("NewValue", "OldValue"))
    at = required(body, "CreatedDate")
    if now is None:
        around.notes.add("status_unknown", f"Case {body.get('NewValue')}")
        raise RecordSkipped("case history to a status of unknown meaning")
    thread = id_of(body, "CaseId")
    reason = "reopened" if before in {"closed", "solved"} and now == "open" else None
    yield {
        **state(thread, id_of(body), at, before, now, None, reason),
        "extra": {"told": iso(at), "status": str(body["NewValue"])},
    }


def of_end_user(body: Mapping[str, Any], _: Around) -> Iterator[EventDict]:
    """The contact behind a messaging user.

    Raises:
        RecordSkipped: a user who is nobody else.
    """
    if body.get("ContactId") is None:
        raise RecordSkipped("end user that means no event")
    at = required(body, "CreatedDate")
    yield {
        "type": "identity",
        "identity_id": f"end_user:{id_of(body)}:contact",
        "occurred_at": at,
        "revision": revision_of(body, "CreatedDate"),
        "customer_id": id_of(body),
        "alias_kind": "external",
        "alias": str(body["ContactId"]),
        "is_removed": False,
    }
