"""Tickets, their links, deletions, and the AI agents' export rows.

Only this module makes conversations out of Zendesk. A ticket is the thread; an AI-export row speaks
of the ticket (or chat) in ``platform_conversation_id`` and stands in for it, as revision 0, until
the ticket itself is exported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources import claims
from candor.sources.base import EventDict, Notes, RecordRefused
from candor.sources.instants import SECOND, of_iso, of_seconds
from candor.sources.zendesk.authors import relation_of
from candor.sources.zendesk.context import Around
from candor.sources.zendesk.dialogue import rest
from candor.sources.zendesk.kinds import Item

CLAIMANT = "zendesk_ai"
_CHANNELS = {
    "email": "email",
    "web": "web_form",
    "chat": "chat",
    "native_messaging": "messaging",
    "voice": "voice",
    "sms": "sms",
    "facebook": "social",
    "twitter": "social",
    "mobile_sdk": "in_app",
}
_KNOWN = frozenset(
    [
        "id",
        "created_at",
        "updated_at",
        "generated_timestamp",
        "subject",
        "raw_subject",
        "description",
        "priority",
        "requester_id",
        "submitter_id",
        "organization_id",
        "brand_id",
        "problem_id",
        "followup_ids",
        "via_followup_source_id",
        "due_at",
        "url",
    ]
)
_BOT_KNOWN = frozenset(
    [
        "bot_id",
        "conversation_id",
        "platform_conversation_id",
        "conversation_start_time",
        "conversation_end_time",
        "language",
        "channel",
        "automated_resolution",
        "last_resolution",
        "test_mode",
    ]
)


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def of_ticket(item: Item, around: Around) -> Iterator[EventDict]:
    """The conversation of a ticket and its links to other tickets."""
    body = item.body
    ticket = str(body["id"])
    started = of_iso(body.get("created_at"), "created_at")
    updated = of_iso(body.get("updated_at") or body.get("created_at"), "updated_at")
    generated = body.get("generated_timestamp")
    generated_s = None if generated is None else of_seconds(generated, "generated_timestamp")
    bot = around.export.bot_rows.get(ticket, {})
    if ticket not in around.export.spoken:
        around.notes.add("dialogue_missing", "tickets without an exported comment or log entry")
    yield {
        "type": "conversation",
        "thread_id": ticket,
        "occurred_at": started,
        # generated_timestamp also moves when something outside the ticket changed it.
        "revision": (updated if generated_s is None else generated_s) // SECOND,
        "started_at": started,
        "ended_at": None,
        "channel": _channel(body.get("via")),
        "direction": _direction(body, around),
        "customer_id": _text(body.get("requester_id")),
        "account_id": _text(body.get("organization_id")),
        "brand": _text(body.get("brand_id")),
        "language": _text(bot.get("language")),
        "subject": _text(body.get("subject") or body.get("raw_subject")),
        "priority": _text(body.get("priority")),
        "intent_id": _intent(body, around.settings),
        "is_test": bot.get("test_mode") is True,
        "is_spam": False,
        "ai_agent_id": _text(bot.get("bot_id")),
        "due_first_response_at": around.export.due.get((ticket, "due_first_response_at")),
        "due_resolution_at": around.export.due.get((ticket, "due_resolution_at")),
        "attributes": _attributes(body),
        "extra": {**rest(body, _KNOWN), "vendor_metrics": around.export.metrics.get(ticket)},
    }
    yield from _links(ticket, body, started)


def _attributes(body: Mapping[str, Any]) -> dict[str, Any] | None:
    kept = {"ticket_type": body.get("type"), "group_id": _text(body.get("group_id"))}
    return {key: value for key, value in kept.items() if value} or None


def _channel(via: Any) -> str | None:
    name = via.get("channel") if isinstance(via, dict) else None
    return None if name is None else _CHANNELS.get(str(name), str(name))


def _direction(body: Mapping[str, Any], around: Around) -> str | None:
    requester, submitter = _text(body.get("requester_id")), _text(body.get("submitter_id"))
    if submitter is None or requester is None:
        return None
    if submitter == requester:
        return "inbound"
    role = around.export.roles.get(submitter)
    if role is None:
        around.notes.add("direction_unknown", "submitter's role is not in the export")
        return None
    return "proactive" if role in {"agent", "admin"} else "inbound"


def _intent(body: Mapping[str, Any], settings: Mapping[str, Any]) -> str | None:
    wanted = settings.get("intent_field_id")
    if wanted is None:
        return None
    for entry in body.get("custom_fields") or []:
        if isinstance(entry, dict) and str(entry.get("id")) == str(wanted):
            return _text(entry.get("value"))
    return None


def _links(ticket: str, body: Mapping[str, Any], at: int) -> Iterator[EventDict]:
    found: list[tuple[str, str, str]] = []
    found += [("followup", str(child), ticket) for child in body.get("followup_ids") or []]
    relation, named = relation_of(body.get("via"))
    parent = _text(body.get("via_followup_source_id"))
    if parent is None and relation in {"follow_up", "followup"} and named:
        parent = named[0]
    if parent is not None:
        found.append(("followup", ticket, parent))
    if body.get("problem_id") is not None:
        found.append(("parent", ticket, str(body["problem_id"])))
    for kind, child, other in found:
        yield {
            "type": "link",
            # Both ends may tell of the same link; each statement is its own event.
            "link_id": f"{kind}:{child}:{other}:by:{ticket}",
            "occurred_at": at,
            "from_thread_id": child,
            "to_thread_id": other,
            "kind": kind,
        }


def of_deleted(item: Item, _: Around) -> Iterator[EventDict]:
    """The erasure of a deleted ticket."""
    deleted = of_iso(item.body.get("deleted_at"), "deleted_at")
    yield {
        "type": "erasure",
        "erasure_id": f"deleted_ticket:{item.body['id']}",
        "occurred_at": deleted,
        "subject_kind": "thread",
        "subject_id": str(item.body["id"]),
        "requested_at": deleted,
        "reason": "deleted in Zendesk",
    }


def of_ai_row(item: Item, around: Around) -> Iterator[EventDict]:
    """The stand-in conversation and the claim of an AI-export row."""
    body = item.body
    thread = str(body.get("platform_conversation_id") or f"ai:{body['conversation_id']}")
    started = of_iso(body.get("conversation_start_time"), "conversation_start_time")
    ended_text = body.get("conversation_end_time")
    ended = None if ended_text is None else of_iso(ended_text, "conversation_end_time")
    for day in around.export.day_gaps().get(str(body["bot_id"]), []):
        around.notes.add("coverage_gap", f"bot {body['bot_id']}: no export of {day}")
    channel = {"chat": "messaging", "ticket": "email"}.get(str(body.get("channel")))
    yield {
        "type": "conversation",
        "thread_id": thread,
        "occurred_at": started,
        "revision": 0,
        "started_at": started,
        "ended_at": ended,
        "channel": channel or _text(body.get("channel")),
        "language": _text(body.get("language")),
        "is_test": body.get("test_mode") is True,
        "is_spam": False,
        "ai_agent_id": _text(body.get("bot_id")),
        "extra": {**rest(body, _BOT_KNOWN), "ai_conversation_id": str(body["conversation_id"])},
    }
    yield from _claims(
        thread, body, started if ended is None else ended, around.settings, around.notes
    )


def _claims(
    thread: str, body: Mapping[str, Any], at: int, settings: Mapping[str, Any], notes: Notes
) -> Iterator[EventDict]:
    # Absent means the vendor did not look: no claim. Present and false means it looked.
    for field in ("outcome_tier", "automated_resolution"):
        value = body.get(field)
        if value is None:
            continue
        raw = str(value).lower() if isinstance(value, bool) else str(value)
        on = str(body["conversation_start_time"])[:10]
        yield {
            "type": "claim",
            "claim_id": f"ai:{body['conversation_id']}:{field}",
            "thread_id": thread,
            "occurred_at": at,
            "claimant": CLAIMANT,
            "raw_value": raw,
            "claimed": claims.claimed(CLAIMANT, raw, notes, on=on),
            "api_version": _text(settings.get("ai_export_version")),
            "is_billable": None,
            "extra": {
                key: body[key]
                for key in ("automated_resolution_reasoning", "last_resolution")
                if body.get(key)
            },
        }
        return


def check_thread(item: Item, full_lists: set[str], notes: Notes) -> None:
    """Count a ticket that two full lists no longer hold; it is reported, never assumed erased.

    Raises:
        RecordRefused: ID_MISSING when the ticket has no id.
    """
    ticket = item.body.get("id")
    if ticket is None:
        raise RecordRefused(ReasonCode.ID_MISSING, "id", "the ticket's id")
    if str(ticket) in full_lists:
        notes.add("thread_missing", f"ticket {ticket} is in neither of the last two full lists")
