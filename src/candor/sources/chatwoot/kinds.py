"""What a Chatwoot file holds, and the words and clocks of its records.

Only this module knows shapes and value tables. Reference: the interface's answers and the table
definitions in Chatwoot's public source (``app/views/api/v1``, ``app/models``), and the page on
webhook events (chatwoot.com/docs/product/others/webhook-events). A number is seconds since 1970, a
text is ISO 8601; a text without zone comes from the database, which holds UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from candor.sources.base import Notes
from candor.sources.instants import of_iso, of_seconds
from candor.sources.shapes import Vendor, object_of, shape, text_of

_UTC = ZoneInfo("UTC")
VENDOR = Vendor(
    "Chatwoot",
    (
        shape("webhook", "event"),
        shape("message", "message_type content"),
        shape("message", "message_type conversation_id"),
        shape("reporting_event", "name value", "channel_type"),
        shape("survey", "rating conversation_id"),
        shape("outcome", "episode_trigger"),
        shape("conversation", "status inbox_id", "rating"),
        shape("conversation", "status messages", "rating"),
        shape("inbox", "channel_type"),
        shape("contact", "email phone_number"),
    ),
    {"data": "data.payload", "payload": "payload"},
    "a Chatwoot conversation, message, reporting event, survey response, contact or webhook",
)
STATES = {"open": "open", "pending": "pending", "snoozed": "snoozed", "resolved": "solved"}
_STATUSES = {"0": "open", "1": "resolved", "2": "pending", "3": "snoozed"}
CHANNELS = {
    "Channel::WebWidget": "chat",
    "Channel::Email": "email",
    "Channel::Sms": "sms",
    "Channel::TwilioSms": "sms",
    "Channel::Whatsapp": "messaging",
    "Channel::Telegram": "messaging",
    "Channel::Line": "messaging",
    "Channel::FacebookPage": "social",
    "Channel::TwitterProfile": "social",
    "Channel::Instagram": "social",
    "Channel::Tiktok": "social",
    "Channel::Voice": "voice",
    # The user's own program stands behind it.
    "Channel::Api": None,
}
OFFERS = ("input_csat", 9)
_MESSAGE_TYPES = {
    "0": "incoming",
    "1": "outgoing",
    "2": "activity",
    "3": "template",
}
_BOTS = frozenset({"agentbot", "agent_bot", "captain::assistant", "captain_assistant"})


def instant(value: Any, field: str) -> int:
    """Epoch microseconds of one of Chatwoot's times.

    Raises:
        RecordRefused: neither seconds nor a date.
    """
    if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
        return of_iso(value, field, _UTC)
    return of_seconds(value, field)


def status_of(body: Mapping[str, Any]) -> str | None:
    """The status as a word; the database holds numbers."""
    word = text_of(body.get("status"))
    return None if word is None else _STATUSES.get(word, word)


def type_of_message(body: Mapping[str, Any]) -> str:
    """incoming, outgoing, activity or template; any other word as it stands."""
    word = str(body.get("message_type"))
    return _MESSAGE_TYPES.get(word, word)


def sender_of(body: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Kind and id of who sent a message."""
    sender = object_of(body.get("sender"))
    kind = body.get("sender_type") or sender.get("type")
    identity = body.get("sender_id") or sender.get("id")
    return text_of(kind), text_of(identity)


def actor_of(
    body: Mapping[str, Any], ai_actors: frozenset[str], notes: Notes | None = None
) -> str | None:
    """customer, ai_agent, human_agent, system or None (counted as ``actor_unknown``)."""
    kind, identity = sender_of(body)
    word = (kind or "").lower()
    told = type_of_message(body)
    if told == "incoming" or word == "contact":
        return "customer"
    if told == "template":
        return "system"
    if word in _BOTS or (identity is not None and identity in ai_actors):
        return "ai_agent"
    if word == "user":
        return "human_agent"
    if object_of(body.get("content_attributes")).get("automation_rule_id") is not None:
        return "system"
    if notes is not None:
        notes.add("actor_unknown", f"sender {kind or 'without type'} of an {told} message")
    return None
