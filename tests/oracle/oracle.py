"""The facts and the metrics of the design, reckoned slowly in plain Python from event records.

``conversation_facts``, ``handoff_facts`` and ``journey_facts`` give rows with the fact columns'
names; ``metrics`` adds up rows. Where the design leaves a choice open this page takes one and says
so; a difference found there is a question to settle, not yet a mistake:

* Claims, surveys and costs belong to the thread's latest contact begun when they occurred (the
  first one before that). Confirmations belong to every contact of their thread.
* ``return_at`` is the first customer message of the same issue after ``last_activity_at``, also in
  a thread that was already going on.
* A window has passed when ``last_activity_at + W`` lies at or before ``as_of`` and the last event.
* An unknown customer's return in another thread stays unknown however long one waits.
* A journey ends when nothing is heard of its issue for seven days; that an unknown customer did not
  come back is never known. ``is_counted`` says whether its first contact is eligible.

Keys that an implementation may choose are given as text: ``person`` stands for ``person_key``.
``is_synthetic_time``, ``bucket``, sentiment and reporting days are not reckoned here.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from .derived import (
    RECEIVERS,
    WINDOWS,
    answers,
    feedback,
    first,
    handoffs,
    is_abandoned,
    is_forced,
    is_rage_quit,
    last,
    of_kind,
    person_return,
    reply_class,
    spoke_last,
    system_verdict,
    thread_return,
)
from .figures import is_eligible
from .timeline import CLOSING, DAY, Contact, Event, Timeline, build, micros

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
    row |= _escalation(contact, row)
    row |= _endings(contact, row)
    row |= _evidence(line, contact)
    row |= _claims(line, contact)
    row |= _returns(line, contact)
    row |= _resolution(row)
    row |= _durations(contact, row)
    return row | _survey(line, contact) | _cost(contact)


def _identity(contact: Contact) -> Row:
    record = contact.thread.record
    return {
        "conversation_id": contact.id,
        "thread_id": contact.thread.id,
        "conversation_no": contact.number,
        "source": record.get("source"),
        "person": contact.thread.person or f"conv:{contact.id}",
        "customer_known": record.get("customer_id") is not None,
        **{name: record.get(name) for name in SEGMENTS},
        "is_test": record["is_test"],
        "is_spam": record["is_spam"],
        "is_inbound": record.get("direction") != "proactive",
        "is_automatable": True,
    }


def _times(contact: Contact) -> Row:
    started = contact.begins
    if contact.number == 1:
        opened = micros(contact.thread.record["started_at"])
        assert opened is not None
        started = min(opened, started)
    closes = [s for s in contact.of(contact.thread.states) if s["to_state"] in CLOSING]
    return {
        "started_at": started,
        "ended_at": contact.ended,
        "last_activity_at": last(contact.messages),
        "first_customer_at": first(contact.by("customer")),
        "first_ai_at": first(contact.by("ai_agent")),
        "first_human_at": first(contact.by("human_agent")),
        "closed_at": first(closes),
        "closed": bool(closes) if contact.thread.states else None,
        "closed_by": closes[0].get("actor") if closes else None,
        "close_reason": closes[0].get("reason") if closes else None,
        "is_open": contact.ended is None,
    }


def _counts(contact: Contact) -> Row:
    exchanges, waiting = 0, False
    for message in contact.messages:
        if message["actor"] == "customer":
            waiting = True
        elif waiting:
            exchanges += 1
            waiting = False
    ai, human = len(contact.by("ai_agent")), len(contact.by("human_agent"))
    customer = len(contact.by("customer"))
    passed = [h for h in contact.of(contact.thread.all("handoff")) if not h["is_failed"]]
    path = "hybrid" if ai and human else "ai_only" if ai else "human_only" if human else "none"
    return {
        "customer_messages": customer,
        "ai_messages": ai,
        "human_messages": human,
        "engaged": customer > 0,
        "ai_involved": ai > 0,
        "human_involved": human > 0,
        "path": path,
        "ai_answers": answers(contact),
        "ai_fallbacks": of_kind(contact, "fallback"),
        "ai_clarifications": of_kind(contact, "clarification"),
        "turns": exchanges,
        "handoffs": len(passed),
    }


def _escalation(contact: Contact, row: Row) -> Row:
    attempts = handoffs(contact, executed=False)
    done = handoffs(contact, executed=True)
    at = first(done)
    asked_words = [m["at"] for m in contact.by("customer") if m["class"] == "asks_human"]
    asked = asked_words + [
        h["at"]
        for h in contact.of(contact.thread.all("handoff"))
        if h.get("reason") == "customer_request"
    ]
    executed = [h for h in contact.of(contact.thread.all("handoff")) if not h["is_failed"]]
    route = [h["to_actor"] for h in executed]
    if executed:
        route = [executed[0]["from_actor"], *route]
    return {
        "escalated": bool(done),
        "escalation_attempted": bool(attempts),
        "escalated_at": at,
        "escalation_turn": None
        if at is None
        else sum(m["at"] < at for m in contact.by("ai_agent")),
        "escalation_us": None
        if at is None or row["first_ai_at"] is None or at < row["first_ai_at"]
        else at - row["first_ai_at"],
        "escalation_reason": done[0].get("reason") if done else None,
        "is_proactive_escalation": None
        if at is None
        else done[0].get("reason") in PROACTIVE and not any(t <= at for t in asked_words),
        "is_planned_handoff": any(h["is_planned"] for h in done),
        "human_requested_at": min(asked, default=None),
        "asked_human": bool(asked),
        "human_came": row["human_messages"] > 0,
        "is_chain": len(executed) > 1,
        "is_ping_pong": any(
            a == c != b for a, b, c in zip(route, route[1:], route[2:], strict=False)
        ),
    }


def _endings(contact: Contact, row: Row) -> Row:
    given = row["ai_answers"]
    answered = True if row["human_messages"] else None if given is None else given > 0
    return {
        "answered": answered,
        "abandoned": is_abandoned(contact),
        "rage_quit": is_rage_quit(contact),
        "forced_termination": is_forced(contact),
        "customer_spoke_last": spoke_last(contact),
    }


def _evidence(line: Timeline, contact: Contact) -> Row:
    reply = reply_class(contact)
    said = feedback(contact, line.as_of)
    system = system_verdict(line, contact.thread)
    customer = None
    if reply == "negative" or said == "neg":
        customer = "contradicts"
    elif reply == "affirm" or said == "pos":
        customer = "confirms"
    contradicted = "contradicts" in (system, customer if system is None else None)
    confirmed = not contradicted and "confirms" in (system, customer)
    evidence = None
    if confirmed:
        evidence = "system_confirmed" if system == "confirms" else "customer_confirmed"
    return {
        "reply_class": reply,
        "explicit_feedback": said,
        "ended_negative": None if reply is None else reply == "negative",
        "system_verdict": system,
        "customer_verdict": customer,
        "contradicted": contradicted,
        "confirmed": confirmed,
        "evidence": evidence,
    }


def _claims(line: Timeline, contact: Contact) -> Row:
    claims = contact.of(contact.thread.all("claim"))
    claimed = claims[-1]["claimed"] if claims else None
    return {
        "has_claim": bool(claims),
        "claimed": claimed,
        "claimed_resolved": None if claimed is None else claimed.startswith("resolved"),
        "claim_is_billable": claims[-1].get("is_billable") if claims else None,
    }


def _within(at: int | None, since: int | None, width: int, until: int) -> bool | None:
    if since is None:
        return None
    if at is not None and at - since < width:
        return True
    return False if since + width <= until else None


def _returns(line: Timeline, contact: Contact) -> Row:
    again, in_thread = person_return(line, contact), thread_return(contact)
    unknown = person_return(line, contact, issue=None)
    since = last(contact.messages)
    at = again["at"] if again else None
    thread_at = in_thread["at"] if in_thread else None
    row: Row = {
        "return_at": at,
        "return_channel": line.threads[again["thread_id"]].record.get("channel") if again else None,
        "thread_return_at": thread_at,
        "unknown_issue_contact_at": unknown["at"] if unknown else None,
        "return_delay_us": at - since if at is not None and since is not None else None,
        "return_at_risk_us": None
        if since is None
        else max(min(line.covered_until if at is None else at, line.covered_until) - since, 0),
        "window_open_72h": None if since is None else since + WINDOWS["72h"] > line.covered_until,
    }
    for window, width in WINDOWS.items():
        returned = _within(at, since, width, line.covered_until)
        is_blind = contact.thread.person is None
        hidden = unknown is not None and since is not None and unknown["at"] - since < width
        if returned is False and (is_blind or hidden):
            returned = None
        row[f"returned_{window}"] = returned
        row[f"reopened_{window}"] = _within(thread_at, since, width, line.covered_until)
    return row


def _resolution(row: Row) -> Row:
    contained: bool | None = False
    if row["ai_involved"] and not row["escalated"]:
        lost = (row["forced_termination"], row["rage_quit"])
        contained = False if True in lost else None if None in lost else True
    negatives = (
        not row["ai_involved"] or row["escalated"],
        row["forced_termination"],
        row["rage_quit"],
        row["contradicted"],
        row["explicit_feedback"] == "neg",
        row["abandoned"],
        row["ended_negative"],
        row["returned_72h"],
    )
    true: bool | None = None
    if True in negatives:
        true = False
    elif row["confirmed"] or (row["answered"] and None not in negatives):
        true = True
    return {
        "contained": contained,
        "true_resolution": true,
        "resolution_assumed": None if true is None else bool(true and not row["confirmed"]),
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
    asked = [s for s in contact.of(contact.thread.all("survey")) if s["instrument"] == "csat"]
    answered = [
        s
        for s in asked
        if s.get("score") is not None and (micros(s.get("answered_at")) or 0) <= line.as_of
    ]
    row: Row = {
        "survey_asked": bool(asked),
        "survey_answered": bool(answered),
        "csat_ppm": None,
        "csat_about": None,
    }
    if answered:
        final = max(answered, key=lambda s: (micros(s.get("answered_at")) or s["at"], s["at"]))
        low, high = (Fraction(str(final[k])) for k in ("scale_min", "scale_max"))
        share = (Fraction(str(final["score"])) - low) / (high - low)
        row |= {"csat_ppm": round(share * _MILLION), "csat_about": final.get("about")}
    return row


def _cost(contact: Contact) -> Row:
    costs = contact.of(contact.thread.all("cost"))
    currencies = {cost["currency"] for cost in costs}
    if len(currencies) != 1:
        return {"cost_amount": None, "cost_currency": None}
    amount = sum((Decimal(str(cost["amount"])) for cost in costs), Decimal(0))
    return {"cost_amount": amount, "cost_currency": currencies.pop()}


def handoff_facts(
    events: list[Event], as_of_us: int, gap_us: int | Mapping[str, int] = DAY, **options: bool
) -> list[Row]:
    """One row per handoff, ordered by handoff_id."""
    line = build(events, as_of_us, gap_us, **options)
    rows = []
    for thread in line.threads.values():
        for contact in thread.contacts:
            asks = [m["at"] for m in contact.by("customer") if m["class"] == "asks_human"]
            rows += [
                _handoff(contact, one, asks, line.as_of)
                for one in contact.of(thread.all("handoff"))
            ]
    return sorted(rows, key=lambda row: str(row["handoff_id"]))


def _handoff(contact: Contact, one: Event, asks: list[int], as_of: int) -> Row:
    accepted = micros(one.get("accepted_at"))
    if accepted is not None and accepted > as_of:
        accepted = None
    to_people = one["from_actor"] == "ai_agent" and one["to_actor"] in RECEIVERS
    was_asked = any(at <= one["at"] for at in asks)
    return {
        "handoff_id": one["handoff_id"],
        "conversation_id": contact.id,
        "occurred_at": one["at"],
        "from_actor": one["from_actor"],
        "to_actor": one["to_actor"],
        "reason": one.get("reason"),
        "is_executed": not one["is_failed"],
        "is_failed": one["is_failed"],
        "is_planned": one["is_planned"],
        "accepted_at": accepted,
        "wait_us": None if accepted is None or accepted < one["at"] else accepted - one["at"],
        "is_proactive": to_people and one.get("reason") in PROACTIVE and not was_asked,
        "context_passed": one.get("context") is not None,
    }


def journey_facts(
    events: list[Event], as_of_us: int, gap_us: int | Mapping[str, int] = DAY, **options: bool
) -> list[Row]:
    """One row per issue of a person, ordered by first contact; engaged contacts only."""
    line = build(events, as_of_us, gap_us, **options)
    contacts = conversation_facts(events, as_of_us, gap_us, **options)
    contacts = sorted(
        (c for c in contacts if c["engaged"]), key=lambda c: (c["started_at"], c["conversation_id"])
    )
    chains: list[list[Row]] = []
    for contact in contacts:
        chain = next((one for one in reversed(chains) if _continues(line, one, contact)), None)
        if chain is None:
            chains.append([contact])
        else:
            chain.append(contact)
    return [_journey(chain, line.covered_until) for chain in chains]


def _continues(line: Timeline, chain: list[Row], contact: Row) -> bool:
    if all(contact["person"] != one["person"] for one in chain) and all(
        contact["thread_id"] != one["thread_id"] for one in chain
    ):
        return False
    heard = max(one["last_activity_at"] for one in chain)
    is_same = any(
        one["thread_id"] == contact["thread_id"]
        or frozenset((one["thread_id"], contact["thread_id"])) in line.links
        or (one["intent_id"] is not None and one["intent_id"] == contact["intent_id"])
        for one in chain
    )
    return is_same and contact["started_at"] - heard < WINDOWS["7d"]


def _journey(chain: list[Row], until: int) -> Row:
    first_contact, final = chain[0], chain[-1]
    since = first_contact["last_activity_at"]
    again = chain[1]["started_at"] if len(chain) > 1 else None
    is_known = first_contact["customer_known"] or again is not None
    return {
        "person": first_contact["person"],
        "is_counted": is_eligible(first_contact),
        "channel": first_contact["channel"],
        "contacts": len(chain),
        "channels": len({c["channel"] for c in chain if c["channel"] is not None}),
        "first_at": first_contact["started_at"],
        "last_at": max(c["last_activity_at"] for c in chain),
        "repeat_3d": _within(again, since, WINDOWS["72h"], until) if is_known else None,
        "repeat_7d": _within(again, since, WINDOWS["7d"], until) if is_known else None,
        "path_last": final["path"],
        "channel_switched": len({c["channel"] for c in chain}) > 1,
        "intent_id": first_contact["intent_id"],
        "conversations": [c["conversation_id"] for c in chain],
    }
