"""The facts and the metrics of the design, reckoned slowly in plain Python from event records.

``conversation_facts``, ``handoff_facts`` and ``journey_facts`` give rows with the fact columns'
names; ``metrics`` adds up rows. Where the design leaves a choice open this page takes one and says
so; a difference found there is a question to settle, not yet a mistake:

* Claims, surveys, costs and records belong to the thread's latest contact begun when they occurred
  (the first one before that); a survey occurs when it is sent.
* ``return_at`` is the first customer message of the same issue after ``last_activity_at``, also in
  a thread that was already going on.
* A window has passed when ``last_activity_at + W`` lies at or before ``as_of`` and the last event,
  and the contact has ended.
* An unknown customer's return in another thread stays unknown however long one waits.
* An issue is a person and an intent, joined over threads and links; a journey is what was heard of
  it with rests under seven days.

Keys that an implementation may choose are given as text: ``person`` stands for ``person_key``.
``bucket``, sentiment and reporting days are not reckoned here.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import floor
from typing import Any

from .derived import (
    RECEIVERS,
    WINDOWS,
    answers,
    class_at,
    feedback,
    first,
    handoffs,
    is_abandoned,
    is_forced,
    is_rage_quit,
    is_request,
    last,
    of_kind,
    person_return,
    reply_class,
    spoke_last,
    surveys,
    system_verdict,
    thread_return,
)
from .figures import is_eligible
from .timeline import (
    CLOSING,
    DAY,
    Contact,
    Event,
    Timeline,
    build,
    closes,
    micros,
    number,
    stored_number,
)

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
    row |= _returns(line, contact)
    row |= _evidence(line, contact, row)
    row |= _claims(line, contact)
    row |= _resolution(row)
    row |= _durations(contact, row)
    if contact.is_made_up:
        row |= {name: None for name in row if name.endswith("_us") or name in TIMED}
        row |= _resolution(row)
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


def _path(has_ai: bool, has_human: bool) -> str:
    if has_ai:
        return "hybrid" if has_human else "ai_only"
    return "human_only" if has_human else "none"


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
        "path": _path(bool(ai), bool(human)),
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


def _accepted(handoff: Event, as_of: int) -> int | None:
    accepted = micros(handoff.get("accepted_at"))
    return None if accepted is None or accepted > as_of else accepted


def _came(contact: Contact, done: list[Event], requested: int, as_of: int) -> bool | None:
    """Whether somebody came after the customer had asked for a person."""
    wrote = last(contact.by("human_agent"))
    taken = [_accepted(handoff, as_of) for handoff in done]
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


def _evidence(line: Timeline, contact: Contact, row: Row) -> Row:
    reply = reply_class(contact)
    said = feedback(contact, line.as_of)
    system = system_verdict(line, contact)
    came_back_angry = row["return_class"] == "negative" and not contact.is_made_up
    customer = None
    if reply in ("negative", "asks_human") or said == "neg" or came_back_angry:
        customer = "contradicts"
    elif reply == "affirm" or said == "pos":
        customer = "confirms"
    verdict = system or customer
    evidence = None
    if verdict == "confirms":
        evidence = "system_confirmed" if system else "customer_confirmed"
    return {
        "reply_class": reply,
        "explicit_feedback": said,
        "ended_negative": None if reply is None else reply in ("negative", "asks_human"),
        "system_verdict": system,
        "customer_verdict": customer,
        "contradicted": verdict == "contradicts",
        "confirmed": verdict == "confirms",
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


def _reopening(contact: Contact) -> int | None:
    """When somebody but the customer opened the thread again after its last message."""
    closed, since = first(closes(contact)), last(contact.messages)
    if closed is None or since is None or since > closed:
        return None
    return first(
        [
            state
            for state in contact.of(contact.thread.states)
            if state.get("from_state") in CLOSING
            and state["to_state"] in ("open", "pending")
            and state.get("actor") in ("human_agent", "ai_agent", "system")
            and state["at"] > closed
        ]
    )


def _returns(line: Timeline, contact: Contact) -> Row:
    again, in_thread = person_return(line, contact), thread_return(contact)
    unknown = person_return(line, contact, issue=None)
    since = last(contact.messages)
    at = again["at"] if again else None
    thread_at = in_thread["at"] if in_thread else None
    reopened = [one for one in (thread_at, _reopening(contact)) if one is not None]
    reopened_at = min(reopened, default=None)
    until = min(line.covered_until, line.as_of)
    row: Row = {
        "return_at": at,
        "return_channel": line.threads[again["thread_id"]].record.get("channel") if again else None,
        "return_class": class_at(line, again) if again else None,
        "thread_return_at": thread_at,
        "reopened_at": reopened_at,
        "unknown_issue_contact_at": unknown["at"] if unknown else None,
        "return_delay_us": at - since if at is not None and since is not None else None,
        "return_at_risk_us": None
        if since is None or contact.ended is None
        else max((until if at is None else at) - since, 0),
    }
    for window, width in WINDOWS.items():
        returned = _within(at, since, width, until)
        is_blind = contact.thread.person is None or contact.ended is None
        hidden = unknown is not None and since is not None and unknown["at"] - since < width
        if returned is False and (is_blind or hidden):
            returned = None
        row[f"returned_{window}"] = returned
        was_reopened = _within(reopened_at, since, width, until)
        if was_reopened is False and contact.ended is None:
            was_reopened = None
        row[f"reopened_{window}"] = was_reopened
        if window != "48h":
            row[f"window_open_{window}"] = None if since is None else since + width > until
    return row


def _kept(row: Row, window: str, *, is_journey: bool = False) -> bool | None:
    """Whether an issue was solved and stayed so, by the order in which evidence counts."""
    system = row["system_verdict"] == "confirms"
    returned = row[f"returned_{window}"]
    if row["contradicted"] or returned:
        return False
    if system:
        return None if row["is_open"] else True
    if row["explicit_feedback"] == "neg" or True in (
        row["abandoned"],
        row["ended_negative"],
        row["rage_quit"],
    ):
        return False
    if row["is_open"] or row["forced_termination"] is not False:
        return None
    if row["rage_quit"] is None and not is_journey:
        return None
    if row["confirmed"]:
        return True
    is_held = row["reply_class"] is not None and row["answered"] and returned is False
    return True if is_held else None


def _first_contact(row: Row, window: str) -> bool | None:
    """Solved by the AI at the first contact: one that is known to have stayed the only one."""
    if not row["ai_involved"]:
        return None
    if row["transfers"] or row["contradicted"] or row[f"returned_{window}"]:
        return False
    if row["answered"] is False and row["system_verdict"] != "confirms":
        return False
    kept = _kept({**row, "abandoned": False}, window)
    if kept and row["system_verdict"] != "confirms":
        is_told = row["answered"] and row["reply_class"] is not None
        kept = True if is_told else None
    return None if kept and row[f"returned_{window}"] is None else kept


def _resolution(row: Row) -> Row:
    is_proved = row["system_verdict"] == "confirms"
    contained: bool | None = False
    if row["ai_involved"] and not row["escalated"]:
        lost = (row["forced_termination"], row["rage_quit"] and not is_proved)
        if is_proved:
            lost = (row["forced_termination"], False)
        contained = False if True in lost else None if None in lost or row["is_open"] else True
    true = None if not row["ai_involved"] else False if row["escalated"] else _kept(row, "72h")
    claimed = bool(row["claimed_resolved"])
    looked = True if contained or claimed else contained
    silent: bool | None = None
    if looked:
        silent = True if row["contradicted"] else row["returned_7d"]
        if row["is_synthetic_time"] and is_proved:
            silent = False
    held: bool | None = None
    if claimed:
        held = not row["returned_72h"] if row["returned_72h"] is not None else None
        held = True if row["confirmed"] and not row["returned_72h"] else held
        held = False if row["contradicted"] else held
    human: bool | None = None
    if row["human_messages"]:
        failed = row["transfers"] > 1 or row["returned_72h"] or row["contradicted"]
        human = False if failed else None if row["returned_72h"] is None else True
    return {
        "contained": contained,
        "looked_successful": looked,
        "silent_failure": silent,
        "true_resolution": true,
        "resolution_assumed": not row["confirmed"] if true else None,
        "claim_held": held,
        "ai_fcr_24h": _first_contact(row, "24h"),
        "ai_fcr_72h": _first_contact(row, "72h"),
        "human_fcr_72h": human,
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


def handoff_facts(
    events: list[Event], as_of_us: int, gap_us: int | Mapping[str, int] = DAY, **options: bool
) -> list[Row]:
    """One row per handoff, ordered by handoff_id."""
    line = build(events, as_of_us, gap_us, **options)
    carriers = {
        handoff.get("source")
        for thread in line.threads.values()
        for handoff in thread.all("handoff")
        if handoff.get("context")
    }
    rows = []
    for thread in line.threads.values():
        for contact in thread.contacts:
            own = contact.of(thread.all("handoff"))
            asks = [m["at"] for m in contact.by("customer") if m["class"] == "asks_human"]
            asks += [h["at"] for h in own if h.get("reason") == "customer_request"]
            for place, one in enumerate(own, 1):
                row = _handoff(contact, one, asks, line.as_of)
                row["handoff_no"] = place
                row["is_retransferred"] = any(not later["is_failed"] for later in own[place:])
                if one.get("source") not in carriers:
                    row["context_passed"] = None
                rows.append(row)
    return sorted(rows, key=lambda row: str(row["handoff_id"]))


def _handoff(contact: Contact, one: Event, asks: list[int], as_of: int) -> Row:
    accepted = _accepted(one, as_of)
    wrote = first([m for m in contact.by("human_agent") if m["at"] >= one["at"]])
    taken = wrote if accepted is None else accepted
    closed = first(closes(contact))
    began = one["at"] if accepted is None else accepted
    row = {
        "handoff_id": one["handoff_id"],
        "conversation_key": contact.key,
        "occurred_at": one["at"],
        "from_actor": one["from_actor"],
        "to_actor": one["to_actor"],
        "reason": one.get("reason"),
        "is_ai_to_human": one["from_actor"] == "ai_agent" and one["to_actor"] in RECEIVERS,
        "is_executed": not one["is_failed"],
        "is_failed": one["is_failed"],
        "is_planned": one["is_planned"],
        "accepted_at": accepted,
        "wait_us": None if taken is None or taken < one["at"] else taken - one["at"],
        "human_took_over": wrote is not None,
        "resolved_after_us": None if closed is None or closed < began else closed - began,
        "is_proactive": None
        if one.get("reason") is None
        else one["reason"] in PROACTIVE and all(at > one["at"] for at in asks),
        "context_passed": bool(one.get("context")),
    }
    if contact.is_made_up:
        row |= {"wait_us": None, "resolved_after_us": None}
    return row


def journey_facts(
    events: list[Event], as_of_us: int, gap_us: int | Mapping[str, int] = DAY, **options: bool
) -> list[Row]:
    """One row per journey, ordered by first contact; engaged contacts only."""
    line = build(events, as_of_us, gap_us, **options)
    rows = conversation_facts(events, as_of_us, gap_us, **options)
    issues = _issues(line, rows)
    chains: dict[str, list[list[Row]]] = {}
    for row in sorted(rows, key=lambda c: (c["started_at"], c["conversation_key"])):
        if not row["engaged"]:
            continue
        issue = row["conversation_id"] if row["is_synthetic_time"] else issues[_issue(row)]
        known = chains.setdefault(issue, [])
        heard = max((c["last_activity_at"] for c in known[-1]), default=0) if known else None
        if heard is not None and row["started_at"] - heard < WINDOWS["7d"]:
            known[-1].append(row)
        else:
            known.append([row])
    told = [_journey(chain) for chains_of_issue in chains.values() for chain in chains_of_issue]
    return sorted(told, key=lambda row: (row["first_at"], row["journey_key"]))


def _issue(row: Row) -> str:
    """A person and an intent; where either is unknown, the thread."""
    if row["customer_known"] and row["intent_id"] is not None:
        return f"{row['person']} about {row['intent_id']}"
    return f"thread {row['thread_id']}"


def _issues(line: Timeline, rows: list[Row]) -> dict[str, str]:
    """Issue → the least issue it is joined to, over threads with several and over links."""
    threads: dict[str, set[str]] = {}
    for row in rows:
        threads.setdefault(row["thread_id"], set()).add(_issue(row))
    groups = [set(names) for names in threads.values()]
    groups += [
        set().union(*(threads[name] for name in link))
        for link in line.links
        if all(name in threads for name in link) and _may_be_one(line, link)
    ]
    joined: list[set[str]] = []
    for group in groups:
        touching = [other for other in joined if other & group]
        joined = [other for other in joined if not other & group]
        joined.append(group.union(*touching))
    return {name: min(group) for group in joined for name in group}


def _may_be_one(line: Timeline, link: frozenset[str]) -> bool:
    known = {line.threads[name].person for name in link} - {None}
    return len(known) <= 1


def _journey(chain: list[Row]) -> Row:
    begun, final = chain[0], chain[-1]
    has_ai = any(c["ai_messages"] for c in chain)
    has_human = any(c["human_messages"] for c in chain)
    channels = (begun["channel"], final["channel"])
    last_at = max(c["last_activity_at"] for c in chain)
    return {
        "journey_id": begun["conversation_id"],
        "journey_key": begun["conversation_key"],
        "customer_known": begun["customer_known"],
        "person_key": begun["person_key"],
        "is_counted": is_eligible(begun),
        "channel": begun["channel"],
        "last_channel": final["channel"],
        "contacts": len(chain),
        "channels": len({c["channel"] for c in chain if c["channel"] is not None}),
        "first_at": begun["started_at"],
        "last_at": last_at,
        "journey_us": None if begun["is_synthetic_time"] else last_at - begun["started_at"],
        "repeat_3d": begun["returned_72h"],
        "repeat_7d": begun["returned_7d"],
        "resolved_at_last": _kept(final, "72h", is_journey=True),
        "path_first": begun["path"],
        "path_last": final["path"],
        "path": _path(has_ai, has_human),
        "channel_switched": None if None in channels else channels[0] != channels[1],
        "intent_id": begun["intent_id"],
        "is_synthetic_time": begun["is_synthetic_time"],
        "conversations": [c["conversation_id"] for c in chain],
    }
