"""What a Rasa file holds, and the meaning of its words.

Only this module knows shapes and value tables. Reference: Rasa's pages on events, on the tracker store,
on the event broker, on the HTTP interface and on the data structure of its analytics pipeline
(rasa.com/docs), and its public source. Times of events are seconds since 1970 with a fraction; those of
analytics tables are ISO text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import RecordRefused
from candor.sources.instants import of_iso, of_seconds
from candor.sources.shapes import Item, Vendor, keys, list_of, object_of, shape, text_of

VENDOR = Vendor(
    "Rasa",
    (
        shape("tracker", "sender_id events"),
        shape("stored", "sender_id type_name data"),
        shape("streamed", "sender_id event timestamp"),
        shape("sender", "sender_key first_seen"),
        shape("outcome", "session_id outcome"),
        shape("user_message", "event_id session_id text intent"),
        shape("bot_message", "event_id session_id text template_name"),
        shape("slot", "event_id session_id name value"),
        shape("action", "event_id session_id name"),
        shape("table_event", "session_id event_type"),
        shape("turn", "session_id start_sequence_number"),
        shape("session", "sender_id start_sequence_number"),
    ),
    {"trackers": "trackers", "events": "events"},
    "a Rasa tracker, an event, or a row of an analytics table",
)
CHANNELS: Mapping[str, str] = {
    "rest": "chat",
    "socketio": "chat",
    "callback": "chat",
    "webchat": "chat",
    "chat": "chat",
    "studio_chat": "chat",
    "cmdline": "chat",
    "facebook": "social",
    "instagram": "social",
    "telegram": "messaging",
    "slack": "messaging",
    "whatsapp": "messaging",
    "webexteams": "messaging",
    "mattermost": "messaging",
    "rocketchat": "messaging",
    "hangouts": "messaging",
    "bot_framework": "messaging",
    "twilio": "sms",
    "vier_cvg": "voice",
    "twilio_voice": "voice",
    "twilio_media_streams": "voice",
    "audiocodes": "voice",
    "audiocodes_stream": "voice",
    "jambonz": "voice",
    "jambonz_stream": "voice",
    "genesys": "voice",
    "browser_audio": "voice",
}
TEST_CHANNELS = frozenset(("cmdline", "studio_chat", "rasa_inspect"))
PRODUCTION = frozenset(("production", "prod"))
OWN_ACTIONS = frozenset(
    (
        "action_listen",
        "action_session_start",
        "action_restart",
        "action_back",
        "action_extract_slots",
        "action_run_slot_rejections",
        "action_clean_stack",
    )
)
"""Actions by which the assistant runs itself; they act upon nothing."""
FALLBACKS = frozenset(
    (
        "action_default_fallback",
        "action_default_ask_rephrase",
        "utter_default",
        "utter_fallback",
        "utter_ask_rephrase",
        "utter_no_knowledge_base",
    )
)
HANDOFF_ACTIONS = frozenset(("action_human_handoff", "action_handoff"))
HANDOFF_FLOWS = frozenset(("pattern_human_handoff",))
ENDED = frozenset(("session_ended", "conversation_inactive"))
EVENT_KNOWN = keys("event timestamp sender_id text parse_data input_channel metadata data name")
TABLE_KNOWN = keys(
    "id event_id session_id sender_id timestamp text intent confidence template_name model_id name"
    " sequence_number environment channel policy"
)


def event_of(item: Item) -> dict[str, Any]:
    """The event of a stored row, whose own columns only repeat it, or of a streamed one.

    Raises:
        RecordRefused: JSON_SYNTAX when the stored text is no event.
    """
    body = item.body
    if item.kind != "stored":
        return body
    data = body.get("data")
    try:
        found = json.loads(data) if isinstance(data, str) else data
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise RecordRefused(ReasonCode.JSON_SYNTAX, "data", "the event as a JSON object")
    return {"event": body["type_name"], "timestamp": body.get("timestamp"), **found} | {
        "sender_id": body["sender_id"]
    }


def instant(value: Any, field: str = "timestamp") -> int:
    """A time: seconds as a number in events, ISO text in tables."""
    return of_iso(value, field) if isinstance(value, str) else of_seconds(value, field)


def metadata_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """What the framework adds to an event."""
    return object_of(event.get("metadata"))


def model_of(event: Mapping[str, Any]) -> str | None:
    """The model that handled an event."""
    return text_of(event.get("model_id") or metadata_of(event).get("model_id"))


def is_handoff(event: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Whether an event passes the conversation to a person."""
    word = event.get("event")
    if word == "pause":
        return True
    if word == "action":
        return event.get("name") in HANDOFF_ACTIONS | set(list_of(settings.get("handoff_actions")))
    if word == "flow_started":
        named = event.get("flow_id") or event.get("name")
        return named in HANDOFF_FLOWS | set(list_of(settings.get("handoff_flows")))
    return False


def channel_of(word: str | None) -> str | None:
    """Our channel; a word outside the table is kept raw and counted, never guessed."""
    return None if word is None else CHANNELS.get(word.lower(), word)


def kind_of(template: str | None, after: str | None, settings: Mapping[str, Any]) -> str | None:
    """What a bot message does, by the name of its response and of the action before it."""
    declared = object_of(settings.get("response_kinds"))
    if template in declared:
        return str(declared[template])
    fallbacks = FALLBACKS | set(list_of(settings.get("fallback_actions")))
    if template in fallbacks or after in fallbacks:
        return "fallback"
    # A response that asks for a slot is named so by the framework's own convention.
    if (template or "").startswith("utter_ask_"):
        return "clarification"
    return None
