"""The conversation fact, one row per contact; what came of it is reckoned in ``outcomes``."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import floor
from typing import Any

from .derived import (
    WINDOWS,
    answers,
    first,
    handoffs,
    is_abandoned,
    is_forced,
    is_rage_quit,
    is_request,
    last,
    of_kind,
    spoke_last,
    surveys,
)
from .outcomes import claims, evidence, override, resolution, returns
from .timeline import DAY, Contact, Event, Timeline, build, closes, micros, number, stored_number

Row = dict[str, Any]
SEGMENTS = (
    "channel",
    "direction",
    "language",
    "region",
    "customer_segment",
    "brand",
    "entry_point",
    "intent_id",
    "ai_agent_id",
    "release",
    "priority",
    "account_id",
)
TIMED = (
    "return_at",
    "return_channel",
    "return_class",
    "thread_return_at",
    "reopened_at",
    "unknown_issue_contact_at",
    *(f"{kind}_{window}" for kind in ("returned", "reopened") for window in WINDOWS),
    *(f"window_open_{window}" for window in ("24h", "72h", "7d")),
)
"""Beside durations, what made-up times cannot tell."""
PROACTIVE = ("low_confidence", "sentiment", "policy")
_MILLION = 1_000_000


def conversation_facts(
    events: list[Event], as_of_us: int, gap_us: int | Mapping[str, int] = DAY, **options: bool
) -> list[Row]:
    """One row per contact, ordered by conversation_id. ``options`` go to ``timeline.build``."""
    line = build(events, as_of_us, gap_us, **options)
    rows = [
        _conversation(line, contact)
        for thread in line.threads.values()
        for contact in thread.contacts
    ]
    return sorted(rows, key=lambda row: (row["thread_id"], row["conversation_no"]))


def _conversation(line: Timeline, contact: Contact) -> Row:
    row = {**_identity(contact), **_times(contact), **_counts(contact)}
    row |= _escalation(line, contact, row)
    row |= _endings(contact, row)
    row |= returns(line, contact)
    row |= evidence(line, contact, row)
    row |= claims(contact)
    row |= override(line, contact)
    row |= resolution(row)
    row |= _durations(contact, row)
    if contact.is_made_up:
        row |= {name: None for name in row if name.endswith("_us") or name in TIMED}
        row |= resolution(row)
    return row | _survey(line, contact) | _cost(contact)


def _identity(contact: Contact) -> Row:
    record = contact.thread.record
    return {
        "conversation_id": contact.id,
        "conversation_key": contact.key,
        "thread_id": contact.thread.id,
        "conversation_no": contact.number,
        "source": record.get("source"),
        "person": contact.thread.person or f"conv:{contact.id}",
        "person_key": number(contact.thread.person) if contact.thread.person else contact.key,
        "customer_known": record.get("customer_id") is not None,
        **{name: record.get(name) for name in SEGMENTS},
        "intent_id": contact.intent,
        "has_intent": contact.intent is not None,
        "is_test": record["is_test"],
        "is_spam": record["is_spam"],
        "is_inbound": record.get("direction") != "proactive",
        "is_automatable": True,
        "is_synthetic_time": contact.is_made_up,
    }


def _times(contact: Contact) -> Row:
    closed = closes(contact)
    states = contact.thread.states
    given = [m for m in contact.by("ai_agent") if m.get("kind") in ("answer", "custom_answer")]
    return {
        "started_at": contact.started,
        "ended_at": contact.ended,
        "last_activity_at": last(contact.messages),
        "first_customer_at": first(contact.by("customer")),
        "last_customer_at": last(contact.by("customer")),
        "first_contact_at": first([m for m in contact.by("customer") if is_request(m)]),
        "first_ai_at": first(contact.by("ai_agent")),
        "last_ai_at": last(contact.by("ai_agent")),
        "first_ai_answer_at": first(given),
        "last_ai_answer_at": last(given),
        "first_human_at": first(contact.by("human_agent")),
        "last_human_at": last(contact.by("human_agent")),
        "closed_at": first(closed),
        "closed": bool(closed),
        "closed_by": closed[0].get("actor") if closed else None,
        "close_reason": closed[0].get("reason") if closed else None,
        "last_state": states[-1]["to_state"] if states else None,
        "is_open": contact.ended is None,
    }


def _counts(contact: Contact) -> Row:
    ai, human = len(contact.by("ai_agent")), len(contact.by("human_agent"))
    customer = len(contact.by("customer"))
    passed = contact.of(contact.thread.all("handoff"))
    return {
        "customer_messages": customer,
        "ai_messages": ai,
        "human_messages": human,
        "engaged": customer > 0,
        "ai_involved": ai > 0,
        "human_involved": human > 0,
        "path": path(bool(ai), bool(human)),
        "ai_answers": answers(contact),
        "ai_fallbacks": of_kind(contact, "fallback"),
        "ai_clarifications": of_kind(contact, "clarification"),
        "turns": min(customer, ai + human),
        "handoffs": len(passed),
        "transfers": sum(not handoff["is_failed"] for handoff in passed),
    }


def _escalation(line: Timeline, contact: Contact, row: Row) -> Row:
    attempts = handoffs(contact, executed=False)
    done = handoffs(contact, executed=True)
    at = first(done)
    everything = contact.of(contact.thread.all("handoff"))
    asked = [m["at"] for m in contact.by("customer") if m["class"] == "asks_human"]
    asked += [h["at"] for h in everything if h.get("reason") == "customer_request"]
    requested = min(asked, default=None)
    unheard = any(m["class"] is None for m in contact.by("customer"))
    executed = [h for h in everything if not h["is_failed"]]
    reason = done[0].get("reason") if done else None
    return {
        "escalated": bool(done),
        "escalation_attempted": bool(attempts),
        "escalation_attempt_at": first(attempts),
        "escalated_at": at,
        "escalation_turn": None
        if at is None
        else sum(m["at"] < at for m in contact.by("ai_agent")),
        "escalation_us": None
        if at is None or row["first_ai_at"] is None or at < row["first_ai_at"]
        else at - row["first_ai_at"],
        "escalation_reason": reason,
        "is_proactive_escalation": None
        if reason is None
        else reason in PROACTIVE and (requested is None or requested > at),
        "is_planned_handoff": any(h["is_planned"] for h in done if h["at"] == at) if done else None,
        "human_requested_at": requested,
        "asked_human": True if asked else None if unheard else False,
        "human_came": None if requested is None else _came(contact, done, requested, line.as_of),
        "is_chain": len(executed) > 1,
        "is_ping_pong": any(
            (a["from_actor"], a["to_actor"]) == (b["to_actor"], b["from_actor"])
            for a, b in pairwise(executed)
        ),
    }


def _came(contact: Contact, done: list[Event], requested: int, as_of: int) -> bool | None:
    """Whether somebody came after the customer had asked for a person."""
    wrote = last(contact.by("human_agent"))
    taken = [accepted(handoff, as_of) for handoff in done]
    if any(at is not None and at >= requested for at in (wrote, *taken)):
        return True
    is_waiting = any(
        at is None and (wrote is None or wrote < handoff["at"])
        for handoff, at in zip(done, taken, strict=True)
    )
    return None if contact.ended is None or is_waiting else False


def _endings(contact: Contact, row: Row) -> Row:
    kinds = [m.get("kind") for m in contact.by("ai_agent")]
    answered: bool | None = None if None in kinds else False
    if row["human_messages"] or any(kind in ("answer", "custom_answer") for kind in kinds):
        answered = True
    left, angry = is_abandoned(contact), is_rage_quit(contact)
    if contact.ended is None and contact.by("customer"):
        # Who may still be helped has not left.
        given = answered is True
        left = False if given else None
        angry = False if row["human_messages"] else None
    return {
        "answered": answered,
        "abandoned": left,
        "rage_quit": angry,
        "forced_termination": is_forced(contact),
        "customer_spoke_last": spoke_last(contact),
    }


def _after(events: list[Event], since: int | None) -> int | None:
    """Time from ``since`` to the first of some messages at or after it."""
    if since is None:
        return None
    return next((m["at"] - since for m in events if m["at"] >= since), None)


def _durations(contact: Contact, row: Row) -> Row:
    asked = row["first_customer_at"]
    human, ai = contact.by("human_agent"), contact.by("ai_agent")
    replies = [m for m in contact.messages if m["actor"] != "customer"]
    handed = row["escalated_at"] if row["escalated_at"] is not None else asked
    closed = row["closed_at"]
    return {
        "first_response_us": _after(replies, asked),
        "ai_first_response_us": _after(ai, asked),
        "human_first_response_us": _after(human, handed),
        "resolution_us": None
        if closed is None or closed < row["started_at"]
        else closed - row["started_at"],
        "handle_us": human[-1]["at"] - human[0]["at"] if human else None,
    }


def _survey(line: Timeline, contact: Contact) -> Row:
    asked = [s for s in surveys(contact, line.as_of) if s["instrument"] == "csat"]
    answered = [s for s in asked if s["score"] is not None]
    row: Row = {
        "survey_asked": bool(asked),
        "survey_answered": bool(answered),
        "csat_ppm": None,
        "csat_about": None,
    }
    if answered:
        # Thread events come in the order of their numbers, so the latest of equals is the last.
        at = max(s["told"] for s in answered)
        final = max((s for s in answered if s["told"] == at), key=stored_number)
        low, high = (Fraction(str(final[k])) for k in ("scale_min", "scale_max"))
        share = (Fraction(str(final["score"])) - low) / (high - low)
        row |= {"csat_ppm": floor(share * _MILLION), "csat_about": final.get("about")}
    return row


def _cost(contact: Contact) -> Row:
    costs = contact.of(contact.thread.all("cost"))
    currencies = {cost["currency"] for cost in costs}
    if len(currencies) != 1:
        return {"cost_amount": None, "cost_currency": None}
    amount = sum((Decimal(str(cost["amount"])) for cost in costs), Decimal(0))
    return {"cost_amount": amount, "cost_currency": currencies.pop()}


def path(has_ai: bool, has_human: bool) -> str:
    """Who answered."""
    if has_ai:
        return "hybrid" if has_human else "ai_only"
    return "human_only" if has_human else "none"


def accepted(handoff: Event, as_of: int) -> int | None:
    """When a handoff was accepted, if that is known by then."""
    accepted = micros(handoff.get("accepted_at"))
    return None if accepted is None or accepted > as_of else accepted
