"""Rasa events as events: sessions, what was said and understood, what was done, who took over.

Only this module maps trackers and event streams; both go through one function, so a tracker and its
stored rows mean the same. Turns that were undone later stay, marked. An event that ran an action says
that it ran, not that it succeeded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import EventDict, RecordRefused, RecordSkipped
from candor.sources.benchmark import kind_of_text, kind_of_tool
from candor.sources.instants import earliest_wins
from candor.sources.rasa import kinds
from candor.sources.rasa.context import Around, key_of, step_of
from candor.sources.rasa.timeline import Session, Timeline
from candor.sources.shapes import Item, keys, list_of, object_of, rest, text_of

_TRACKER_KNOWN = keys(
    "sender_id events slots latest_message latest_event_time latest_input_channel paused"
)
_ENDINGS = {
    "expired": "inactivity",
    "conversation_inactive": "inactivity",
    "restarted": "automation",
}


def of_tracker(body: Mapping[str, Any], around: Around) -> Iterator[EventDict | RecordRefused]:
    """Everything a tracker holds, session by session.

    Raises:
        RecordRefused: it has no sender.
    """
    sender = text_of(body.get("sender_id"))
    if sender is None:
        raise RecordRefused(ReasonCode.ID_MISSING, "sender_id", "the sender's id")
    events, steps, numbers = [], [], []
    for number, event in enumerate(list_of(body.get("events"))):
        if not isinstance(event, dict) or not event.get("event"):
            yield RecordRefused(ReasonCode.TYPE_MISMATCH, f"events[{number}]", "an event")
            continue
        try:
            steps.append(step_of(event, around.settings))
        except RecordRefused as refused:
            yield refused
            continue
        events.append(event)
        numbers.append(number)
    if not steps:
        raise RecordRefused(ReasonCode.TYPE_MISMATCH, "events", "at least one event")
    timeline = Timeline(sender, steps, around.expires_after)
    after: str | None = None
    for position, event in enumerate(events):
        session = timeline.session(position)
        if position == session.first:
            after = None
            inside = events[session.first : session.last + 1]
            extra = {**_slots(inside), **rest(body, _TRACKER_KNOWN)}
            yield from _session(sender, session, event, extra, around)
            yield from _identities(sender, inside, around)
        name = f"{numbers[position] - numbers[session.first]:05d}"
        yield from _event(timeline, position, name, event, after, around)
        if event["event"] == "action":
            after = text_of(event.get("name"))
        elif event["event"] == "user":
            after = None


def of_row(item: Item, around: Around) -> Iterator[EventDict]:
    """One event of a stream or of the tracker store.

    Raises:
        RecordRefused: it has no time, or its stored text is no event.
        RecordSkipped: it means nothing by itself, such as a slot.
    """
    event = kinds.event_of(item)
    sender = str(item.body["sender_id"])
    key = key_of(item, event)
    timeline, positions = around.export.timeline(sender, around.expires_after)
    position = positions[key]
    session = timeline.session(position)
    # Rows have a number of their own; without one, the instant tells them apart.
    name = str(key[1]) if key[1] else f"{timeline.steps[position].at}"
    found: list[EventDict] = []
    if position == session.first:
        found += _session(sender, session, event, {}, around)
    found += _event(timeline, position, name, event, None, around)
    if not found:
        raise RecordSkipped(f"{event.get('event')} that means no event")
    yield from found


def _session(
    sender: str, session: Session, event: Mapping[str, Any], extra: dict[str, Any], around: Around
) -> Iterator[EventDict]:
    assistant = around.ai_agent_id or text_of(kinds.metadata_of(event).get("assistant_id"))
    if session.thread.endswith(":0"):
        around.notes.add("session_start_missing", "events before the first session_started")
        extra = {**extra, "is_truncated": True}
    yield {
        "type": "conversation",
        "thread_id": session.thread,
        "occurred_at": session.began,
        # A longer export knows more of the session's end.
        "revision": session.last - session.first + (1 if session.ended else 0),
        "started_at": session.began,
        "ended_at": session.ended[0] if session.ended else None,
        "channel": kinds.channel_of(session.channel),
        "customer_id": sender,
        "is_test": around.is_test(session.channel, session.environment),
        "is_spam": False,
        "ai_agent_id": assistant,
        "release": session.model,
        "extra": extra or None,
    }
    if session.ended:
        at, why = session.ended
        yield {
            "type": "state_change",
            "change_id": f"{session.thread}:end",
            "thread_id": session.thread,
            "occurred_at": at,
            "from_state": "open",
            "to_state": "closed",
            "actor": "system",
            "reason": _ENDINGS.get(why),
            "extra": {"ended_by": why},
        }
    yield from release(assistant, session.model, session.began)


def release(assistant: str | None, model: str | None, at: int) -> Iterator[EventDict]:
    """The model as it was first seen; nobody tells when it went live."""
    if model is not None:
        yield {
            "type": "release",
            "ai_agent_id": assistant or "rasa",
            "release": model,
            "occurred_at": at,
            "revision": earliest_wins(at),
            "deployed_at": at,
            "kind": "model",
            "extra": {"time_unknown": True},
        }


def _slots(events: list[dict[str, Any]]) -> dict[str, Any]:
    slots = {
        str(event.get("name")): event.get("value")
        for event in events
        if event["event"] == "slot" and event.get("value") is not None
    }
    return {"slots": slots} if slots else {}


def _identities(sender: str, events: list[dict[str, Any]], around: Around) -> Iterator[EventDict]:
    declared = object_of(around.settings.get("identity_slots"))
    kinds_of = {str(slot): str(kind) for kind, slot in declared.items()}
    for event in events:
        kind = kinds_of.get(str(event.get("name"))) if event["event"] == "slot" else None
        alias = text_of(event.get("value"))
        if kind is not None and alias is not None:
            at = kinds.instant(event.get("timestamp"))
            yield {
                "type": "identity",
                "identity_id": f"{sender}:{kind}",
                "occurred_at": at,
                "revision": at,
                "customer_id": sender,
                "alias_kind": kind,
                "alias": alias,
                "is_removed": False,
            }


def _event(
    timeline: Timeline,
    position: int,
    name: str,
    event: Mapping[str, Any],
    after: str | None,
    around: Around,
) -> Iterator[EventDict]:
    session, word = timeline.session(position), event["event"]
    at = timeline.steps[position].at
    extra = rest(event, kinds.EVENT_KNOWN)
    undone = timeline.undone.get(position)
    if undone is not None:
        extra["undone_by"] = undone
    common = {"thread_id": session.thread, "occurred_at": at}
    if position in timeline.handoffs:
        yield {
            "type": "handoff",
            "handoff_id": f"{session.thread}:{name}",
            **common,
            "from_actor": "ai_agent",
            "to_actor": "human_agent",
            "reason": None,
            "is_planned": False,
            # Whoever takes over works elsewhere: that nobody is seen here proves nothing.
            "accepted_at": None,
            "is_failed": False,
            "extra": {"event": word, **extra},
        }
    if word in {"user", "bot"}:
        extra |= _told(event)
        yield {
            "type": "message",
            "message_id": f"{session.thread}:{name}",
            **common,
            "is_public": True,
            **(_said(event) if word == "user" else _answered(event, after, around)),
            "extra": extra or None,
        }
    elif word in {"action", "action_execution_rejected"}:
        yield from _action(f"{session.thread}:{name}", common, event, extra, around)


def _told(event: Mapping[str, Any]) -> dict[str, Any]:
    parsed = rest(object_of(event.get("parse_data")), frozenset(("text", "intent", "message_id")))
    metadata = rest(
        kinds.metadata_of(event), frozenset(("model_id", "assistant_id", "environment"))
    )
    data = {key: value for key, value in object_of(event.get("data")).items() if value}
    found = {"parse_data": parsed, "metadata": metadata, "data": data}
    return {key: value for key, value in found.items() if value}


def _said(event: Mapping[str, Any]) -> EventDict:
    intent = object_of(object_of(event.get("parse_data")).get("intent"))
    return {
        "actor": "customer",
        "text": text_of(event.get("text")),
        "intent_predicted": text_of(intent.get("name")),
        "intent_confidence": intent.get("confidence"),
    }


def _answered(event: Mapping[str, Any], after: str | None, around: Around) -> EventDict:
    text = text_of(event.get("text"))
    template = text_of(kinds.metadata_of(event).get("utter_action"))
    # An utter action is itself the name of its response.
    named = template or (after if (after or "").startswith("utter_") else None)
    kind = kinds.kind_of(named, after, around.settings)
    if kind is None and text and around.settings.get("ai_text_kind") == "question_mark":
        kind = kind_of_text(text)
    return {
        "actor": "ai_agent",
        "text": text,
        "kind": kind,
        "release": kinds.model_of(event),
    }


def _action(
    identity: str,
    common: EventDict,
    event: Mapping[str, Any],
    extra: dict[str, Any],
    around: Around,
) -> Iterator[EventDict]:
    name = text_of(event.get("name")) or "unknown"
    if name in kinds.OWN_ACTIONS or name.startswith("utter_"):
        return
    rejected = event["event"] == "action_execution_rejected"
    yield action(identity, common, name, rejected=rejected, extra=extra, around=around)


def action(
    identity: str,
    common: EventDict,
    name: str,
    *,
    rejected: bool,
    extra: dict[str, Any],
    around: Around,
) -> EventDict:
    """What the assistant did in another system."""
    return {
        "type": "action",
        "action_id": identity,
        **common,
        "actor": "ai_agent",
        "name": name,
        "kind": kind_of_tool(name.removeprefix("action_"), around.notes),
        "status": "failed" if rejected else None,
        "extra": extra or None,
    }
