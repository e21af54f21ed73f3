"""Rows of Rasa's analytics tables, and outcomes of Studio, as events.

Only this module maps them. A session is a thread by its own id. Sequence numbers order rows of one
instant; they grow across conversations with gaps, so they are never counted. A claim exists only where
Studio's figure was exported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources import claims
from candor.sources.base import EventDict, RecordRefused, RecordSkipped
from candor.sources.benchmark import kind_of_text
from candor.sources.rasa import kinds
from candor.sources.rasa.context import Around
from candor.sources.rasa.mapping import action, release
from candor.sources.shapes import rest, text_of

CLAIMANT = "rasa_studio"
_MILLISECOND = 1000


def _placed(body: Mapping[str, Any]) -> int:
    """The row's instant; where its clock ends at milliseconds, the sequence number orders it further."""
    at = kinds.instant(body.get("timestamp"))
    number = body.get("sequence_number")
    if isinstance(number, int) and not isinstance(number, bool) and at % _MILLISECOND == 0:
        return at + number % _MILLISECOND
    return at


def _id(body: Mapping[str, Any], key: str) -> str:
    found = text_of(body.get(key))
    if found is None:
        raise RecordRefused(ReasonCode.ID_MISSING, key, "an id")
    return found


def of_session(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """The session, with channel, model and environment from its neighbours."""
    thread, sender = _id(body, "id"), _id(body, "sender_id")
    at = kinds.instant(body.get("timestamp"))
    channel = text_of(body.get("channel")) or around.export.channels.get(sender)
    _, model, environment = around.export.sessions.get(thread, (0, None, None))
    if channel is None:
        around.notes.add("channel_missing", "sessions without their row of rasa_sender")
    yield {
        "type": "conversation",
        "thread_id": thread,
        "occurred_at": at,
        "started_at": at,
        "channel": kinds.channel_of(channel),
        "customer_id": sender,
        "is_test": around.is_test(channel, environment),
        "is_spam": False,
        "ai_agent_id": around.ai_agent_id,
        "release": model,
        "extra": rest(body, kinds.TABLE_KNOWN) or None,
    }
    yield from release(around.ai_agent_id, model, at)


def of_sender(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:  # noqa: ARG001
    """The key by which the channel knows the sender."""
    sender = _id(body, "id")
    at = kinds.instant(body.get("first_seen"), "first_seen")
    yield {
        "type": "identity",
        "identity_id": f"{sender}:sender_key",
        "occurred_at": at,
        "customer_id": sender,
        "alias_kind": "external",
        "alias": _id(body, "sender_key"),
        "is_removed": False,
        "extra": rest(body, frozenset(("id", "sender_key", "first_seen"))) or None,
    }


def of_user_message(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:  # noqa: ARG001
    """What the customer said and what was understood."""
    yield {
        **_message(body),
        "actor": "customer",
        "intent_predicted": text_of(body.get("intent")),
        "intent_confidence": body.get("confidence"),
    }


def of_bot_message(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """What the assistant said."""
    text, template = text_of(body.get("text")), text_of(body.get("template_name"))
    kind = kinds.kind_of(template, None, around.settings)
    if kind is None and text and around.settings.get("ai_text_kind") == "question_mark":
        kind = kind_of_text(text)
    found = {
        **_message(body),
        "actor": "ai_agent",
        "kind": kind,
        "release": text_of(body.get("model_id")),
    }
    if template is not None:
        found["extra"] = {**(found["extra"] or {}), "template_name": template}
    yield found


def _message(body: Mapping[str, Any]) -> EventDict:
    return {
        "type": "message",
        "message_id": _id(body, "event_id"),
        "thread_id": _id(body, "session_id"),
        "occurred_at": _placed(body),
        "is_public": True,
        "text": text_of(body.get("text")),
        "extra": rest(body, kinds.TABLE_KNOWN) or None,
    }


def of_action(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """What the assistant did in another system, or that it passed the conversation on.

    Raises:
        RecordSkipped: it only runs the assistant, or says something.
    """
    name = text_of(body.get("name")) or "unknown"
    common = {"thread_id": _id(body, "session_id"), "occurred_at": _placed(body)}
    identity = _id(body, "event_id")
    if kinds.is_handoff({"event": "action", "name": name}, around.settings):
        yield _handoff(identity, common)
    elif name in kinds.OWN_ACTIONS or name.startswith("utter_"):
        raise RecordSkipped("action that only runs the assistant")
    extra = rest(body, kinds.TABLE_KNOWN)
    if body.get("policy"):
        extra["policy"] = body["policy"]
    yield action(identity, common, name, rejected=False, extra=extra, around=around)


def of_event(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:  # noqa: ARG001
    """Events that no other table tells of: pauses and ends.

    Raises:
        RecordSkipped: another table tells of it.
    """
    word = str(body.get("event_type"))
    common = {"thread_id": _id(body, "session_id"), "occurred_at": _placed(body)}
    if word == "pause":
        yield _handoff(_id(body, "id"), common)
    elif word in kinds.ENDED:
        yield {
            "type": "state_change",
            "change_id": _id(body, "id"),
            **common,
            "from_state": "open",
            "to_state": "closed",
            "actor": "system",
            "reason": "inactivity" if word == "conversation_inactive" else None,
            "extra": {"ended_by": word},
        }
    else:
        raise RecordSkipped(f"{word} that means no event")


def _handoff(identity: str, common: EventDict) -> EventDict:
    return {
        "type": "handoff",
        "handoff_id": identity,
        **common,
        "from_actor": "ai_agent",
        "to_actor": "human_agent",
        "reason": None,
        "is_planned": False,
        "accepted_at": None,
        "is_failed": False,
    }


def of_outcome(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """Studio's word for a session; it calls every session without a person a success."""
    thread, raw = _id(body, "session_id"), str(body.get("outcome"))
    given = body.get("timestamp")
    at = around.options.observed_at_us if given is None else kinds.instant(given)
    yield {
        "type": "claim",
        "claim_id": f"{thread}:outcome",
        "thread_id": thread,
        "occurred_at": at,
        "revision": at,
        "claimant": CLAIMANT,
        "raw_value": raw,
        "claimed": claims.claimed(CLAIMANT, raw, around.notes),
        "api_version": text_of(around.settings.get("studio_version")),
        "is_billable": None,
        "extra": rest(body, frozenset(("session_id", "outcome", "timestamp"))) or None,
    }
