"""What a Freshdesk file holds, and the meaning of its numbers.

Only this module knows shapes and value tables. Reference: the interface's own page, version 2
(developers.freshdesk.com/api), read together with published client descriptions of the rating
shapes. Times are ISO 8601 with a zone. Statuses from 6 up are the account's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from candor.sources.shapes import Vendor, shape

VENDOR = Vendor(
    "Freshdesk",
    (
        shape("rating", "ticket_id ratings"),
        shape("rating", "ticket_id rating", "body_text"),
        shape("entry", "incoming private"),
        shape("ticket", "requester_id status"),
        shape("agent", "occasional contact"),
        shape("company", "domains"),
        shape("contact", "email mobile"),
    ),
    {"tickets": "tickets", "results": "results", "conversations": "conversations"},
    "a Freshdesk ticket, conversation entry, rating, contact, company or agent",
)
CHANNELS = {"1": "email", "2": "web_form", "3": "voice", "7": "chat", "9": "web_form"} | {
    "10": "email"
}
OUTBOUND = "10"
PRIORITIES = {"1": "low", "2": "medium", "3": "high", "4": "urgent"}
STATES = {"2": "open", "3": "pending", "4": "solved", "5": "closed"}
NEUTRAL = 100


def state_of(status: Any, settings: Mapping[str, Any]) -> str | None:
    """Our state of a status; None for one of the account's own that is not declared."""
    given = settings.get("status_map")
    table = {str(key): str(word) for key, word in given.items()} if isinstance(given, dict) else {}
    return table.get(str(status)) or STATES.get(str(status))
