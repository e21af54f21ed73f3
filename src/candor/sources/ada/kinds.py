"""What an Ada file holds, and the meaning of its words.

Only this module knows shapes and value tables. Reference: the data export pages of docs.ada.cx
(``data-export-conversation-object``, ``data-export-message-object``) and the published description
of the interface. Which words stand for a sender is documented only in part: Ada is named, a
customer is an id, anybody else is unknown until the conversation's own ids explain them.
"""

from __future__ import annotations

from candor.sources.shapes import Vendor, shape

VENDOR = Vendor(
    "Ada",
    (
        shape("message", "conversation_id sender"),
        shape("message", "conversation_id message_data"),
        shape("conversation", "_id date_created", "message_data"),
    ),
    {"data": "data", "items": "items"},
    "an Ada conversation or message",
)
CHANNELS = {
    "web": "chat",
    "chat": "chat",
    "api": None,
    "email": "email",
    "voice": "voice",
    "phone": "voice",
    "sms": "sms",
    "twilio": "sms",
    "whatsapp": "messaging",
    "sunshine": "messaging",
    "facebook": "social",
    "instagram": "social",
    "ios": "in_app",
    "android": "in_app",
    "mobile_sdk": "in_app",
}
BOT = frozenset({"ada", "bot", "ai_agent"})
CUSTOMER = frozenset({"chatter", "end_user", "customer", "user"})
PERSON = frozenset({"agent", "human_agent", "live_agent"})
FEEDBACK = {"positive": "positive", "negative": "negative", "up": "positive", "down": "negative"}
NO_ANSWER = (None, "", "None", "none", "null")
"""How a generated answer says that no scripted answer stands behind it."""
