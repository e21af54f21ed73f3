"""The derived columns and the evidence ladder of the design, for one contact, in plain Python.

Reads a ``timeline`` only. True, False and None; None is unknown. ``right_closed`` chooses whether a
return exactly at the window's end is inside (the ladder's reading) or outside (the figures').
"""

from __future__ import annotations

from typing import Any

from .timeline import CLOSING, HOUR, STRENGTH, Contact, Event, Thread, Timeline, micros

ANSWERS = ("answer", "custom_answer")
RECEIVERS = ("human_agent", "specialist", "external")
WINDOWS = {"24h": 24 * HOUR, "48h": 48 * HOUR, "72h": 72 * HOUR, "7d": 168 * HOUR}


def first(events: list[Event]) -> int | None:
    """When the first of some events happened."""
    return events[0]["at"] if events else None


def last(events: list[Event]) -> int | None:
    """When the last of some events happened."""
    return events[-1]["at"] if events else None


def answers(contact: Contact) -> int | None:
    """AI answers given; None when an AI message does not say what it is."""
    mine = contact.by("ai_agent")
    if any(message.get("kind") is None for message in mine):
        return None
    return sum(message["kind"] in ANSWERS for message in mine)


def of_kind(contact: Contact, kind: str) -> int | None:
    """AI messages of one kind; None when an AI message does not say what it is."""
    mine = contact.by("ai_agent")
    if any(message.get("kind") is None for message in mine):
        return None
    return sum(message["kind"] == kind for message in mine)


def reply_class(contact: Contact) -> str | None:
    """The strongest class of what the customer wrote after the last AI answer."""
    at = -1
    mine = contact.by("ai_agent")
    given = [n for n, m in enumerate(contact.messages) if m in mine and m.get("kind") in ANSWERS]
    spoken = [n for n, m in enumerate(contact.messages) if m in mine]
    if given:
        at = given[-1]
    elif spoken:
        at = spoken[-1]
    found = [m["class"] for m in contact.messages[at + 1 :] if m["actor"] == "customer"]
    if None in found:
        return None
    return max(found, key=STRENGTH.index) if found else "none"


def feedback(contact: Contact, as_of: int) -> str | None:
    """pos, neg or None: the latest thumbs on AI messages or survey about the AI agent."""
    said: list[tuple[int, int, str | None]] = [
        (m["at"], 0, {"positive": "pos", "negative": "neg"}[m["feedback"]])
        for m in contact.by("ai_agent")
        if m.get("feedback")
    ]
    for survey in contact.of(contact.thread.all("survey")):
        at = micros(survey.get("answered_at"))
        if survey.get("about") != "ai_agent" or survey.get("score") is None:
            continue
        if at is None or at > as_of:
            continue
        above = survey["score"] * 2 - survey["scale_min"] - survey["scale_max"]
        said.append((at, 1, "pos" if above > 0 else "neg" if above < 0 else None))
    return max(said, key=lambda one: one[:2])[2] if said else None


def handoffs(contact: Contact, *, executed: bool) -> list[Event]:
    """Handoffs from the AI agent to people, all of them or those that were executed."""
    return [
        handoff
        for handoff in contact.of(contact.thread.all("handoff"))
        if handoff["from_actor"] == "ai_agent"
        and handoff["to_actor"] in RECEIVERS
        and not (executed and handoff["is_failed"])
    ]


def is_abandoned(contact: Contact) -> bool | None:
    """The customer left at a question, fallback, greeting or unheard, with no answer given."""
    if not contact.messages or contact.by("human_agent"):
        return False
    final = contact.messages[-1]
    at_question = final["actor"] == "customer" or final.get("kind") in (
        "greeting",
        "clarification",
        "fallback",
    )
    given = answers(contact)
    if given is None:
        return None if at_question or final.get("kind") is None else False
    return given == 0 and at_question


def is_rage_quit(contact: Contact) -> bool | None:
    """Left in anger, at a fallback, or asking for a person who never came."""
    if contact.by("human_agent"):
        return False
    mine = contact.by("ai_agent")
    if mine and mine[-1].get("kind") == "fallback":
        return True
    reply = reply_class(contact)
    return None if reply is None else reply in ("negative", "asks_human")


def is_forced(contact: Contact) -> bool | None:
    """The system or the AI agent ended it while the customer had spoken last."""
    closes = [
        state
        for state in contact.of(contact.thread.states)
        if state["to_state"] in CLOSING
        and state.get("actor") in ("system", "ai_agent")
        and state.get("reason") in ("automation", "ai_closed")
    ]
    if not closes or not spoke_last(contact):
        return False
    reply = reply_class(contact)
    return None if reply is None else reply not in ("gratitude", "affirm")


def spoke_last(contact: Contact) -> bool:
    """Whether the contact's last public message is the customer's."""
    return bool(contact.messages) and contact.messages[-1]["actor"] == "customer"


def customer_messages(thread: Thread) -> list[Event]:
    """Every public message of the customer in a thread."""
    return [message for message in thread.messages if message["actor"] == "customer"]


def thread_return(contact: Contact) -> Event | None:
    """The first customer message after the contact's end that is no thanks."""
    for message in customer_messages(contact.thread):
        is_later = contact.until is not None and message["at"] >= contact.until
        if is_later and message["class"] not in ("gratitude", "affirm"):
            return message
    return None


def other_threads(line: Timeline, thread: Thread) -> list[Thread]:
    """The same person's other threads."""
    if thread.person is None:
        return []
    return [t for t in line.threads.values() if t.person == thread.person and t is not thread]


def same_issue(line: Timeline, one: Thread, two: Thread) -> bool | None:
    """Linked or of one intent; None when the intents cannot be compared."""
    if frozenset((one.id, two.id)) in line.links:
        return True
    mine, theirs = one.record.get("intent_id"), two.record.get("intent_id")
    return None if mine is None or theirs is None else mine == theirs


def person_return(line: Timeline, contact: Contact, *, issue: bool | None = True) -> Event | None:
    """The person's first message about the same issue anywhere; ``issue=None``: unknown issue."""
    found = []
    end = last(contact.messages)
    if end is None:
        return None
    again = thread_return(contact)
    if issue and again is not None:
        found.append(again)
    for thread in other_threads(line, contact.thread):
        if same_issue(line, contact.thread, thread) is issue:
            found += [
                message
                for message in customer_messages(thread)
                if message["at"] > end and message["class"] != "gratitude"
            ]
    return min(found, key=lambda m: (m["at"], m["message_id"])) if found else None


def system_verdict(line: Timeline, thread: Thread) -> str | None:
    """contradicts if any system says so, else confirms if any does, else None."""
    said = [event["supports"] for event in thread.all("confirmation")]
    for event in line.loose:
        if event["type"] != "confirmation" or event.get("thread_id") is not None:
            continue
        customer = event.get("customer_id")
        person = None if customer is None else line.persons.get(customer, customer)
        intent = event.get("intent_id")
        is_theirs = person is not None and person == thread.person
        if is_theirs and intent is not None and intent == thread.record.get("intent_id"):
            said.append(event["supports"])
    return next((word for word in ("contradicts", "confirms") if word in said), None)


def session_end(thread: Thread, hours: int, as_of: int) -> int | None:
    """Last public message before the first silence longer than some hours, plus those hours."""
    times = [message["at"] for message in thread.messages]
    for here, after in zip(times, [*times[1:], as_of], strict=True):
        if after - here > hours * HOUR:
            return here + hours * HOUR
    return None


def derived(line: Timeline, thread_id: str) -> dict[str, Any]:
    """Every derived column of the thread's first contact; times in microseconds."""
    thread = line.threads[thread_id]
    contact = thread.contacts[0]
    mine, record = contact.by("ai_agent"), thread.record
    given = [m for m in mine if m.get("kind") in ANSWERS]
    everything = Contact(thread, 1, contact.begins, messages=thread.messages)
    asks = [m for m in customer_messages(thread) if m["class"] == "asks_human"]
    asks += [h for h in thread.all("handoff") if h.get("reason") == "customer_request"]
    acts = [a for a in thread.all("action") if a["actor"] == "ai_agent"]
    done = [a for a in acts if a["status"] == "succeeded"]
    again = person_return(line, contact)
    unknown = person_return(line, contact, issue=None)
    in_thread = thread_return(contact)
    end = last(contact.messages)
    helped = [
        m["at"]
        for other in other_threads(line, thread)
        for m in other.messages
        if m["actor"] == "human_agent" and end is not None and m["at"] > end
    ]
    planned = [
        h
        for h in thread.all("handoff")
        if h["is_planned"] and not h["is_failed"] and any(a["at"] <= h["at"] for a in done)
    ]
    closes = [s for s in thread.states if s["to_state"] in CLOSING]
    return {
        "t_closed": first(closes),
        "t_conversation_end": contact.ended,
        "t_last_activity": end,
        "t_last_ai_message": last(mine),
        "t_last_ai_answer": last(given),
        "t_session_end_2": session_end(thread, 2, line.as_of),
        "n_customer_messages": len(contact.by("customer")),
        "n_ai_messages": len(mine),
        "n_human_messages": len(contact.by("human_agent")),
        "n_ai_answers": answers(contact),
        "n_ai_fallbacks": of_kind(contact, "fallback"),
        "ai_greeting_only": bool(mine) and all(m.get("kind") == "greeting" for m in mine),
        "engaged": bool(contact.by("customer")),
        "has_intent": record.get("intent_id") is not None
        or any(m.get("intent_predicted") for m in thread.messages),
        "is_test": record["is_test"],
        "is_spam": record["is_spam"],
        "customer_known": record.get("customer_id") is not None,
        "reply_class": reply_class(contact),
        "explicit_feedback": feedback(contact, line.as_of),
        "end_topic_reached": any(m.get("kind") in ("closing", "survey") for m in mine),
        "t_human_requested": min((e["at"] for e in asks), default=None),
        "t_escalation_attempt": first(handoffs(everything, executed=False)),
        "t_escalated": first(handoffs(everything, executed=True)),
        "planned_handoff_done": bool(planned),
        "t_human_reply": first([m for m in thread.messages if m["actor"] == "human_agent"]),
        "ai_asset_executed": any(contact.holds(a["at"]) for a in done),
        "t_same_thread_return": in_thread["at"] if in_thread else None,
        "t_person_return": again["at"] if again else None,
        "return_class": again["class"] if again else None,
        "t_person_contact_unknown_issue": unknown["at"] if unknown else None,
        "t_other_thread_human_reply": min(helped, default=None),
        "customer_spoke_last": spoke_last(contact),
        "abandoned": is_abandoned(contact),
        "rage_quit": is_rage_quit(contact),
        "forced_termination": is_forced(contact),
        "last_state": thread.states[-1]["to_state"] if thread.states else None,
        "system_verdict": system_verdict(line, thread),
    }


RUNGS = (
    "closed",
    "contained",
    "deflected",
    *(f"no_return_{window}" for window in WINDOWS),
    "customer_confirmed",
    "system_confirmed",
)


def ladder(line: Timeline, thread_id: str) -> dict[str, str]:
    """Every rung's outcome for the first contact of a thread."""
    d = derived(line, thread_id)
    contact = line.threads[thread_id].contacts[0]
    if not d["engaged"] or not d["n_ai_messages"] or d["is_test"] or d["is_spam"]:
        return dict.fromkeys(RUNGS, "excluded")
    rungs = {"closed": "undetermined"}
    if d["last_state"] is not None:
        rungs["closed"] = "resolved" if d["last_state"] in CLOSING else "not_resolved"
    end = d["t_conversation_end"]
    if end is None:
        rungs |= dict.fromkeys(("contained", "deflected"), "undetermined")
    else:
        handed = d["t_escalated"] is not None and d["t_escalated"] <= end
        if handed or d["rage_quit"] or d["forced_termination"]:
            rungs["contained"] = "not_resolved"
        else:
            rungs["contained"] = "needs_judge" if d["reply_class"] is None else "resolved"
        person = d["n_human_messages"] > 0 or handed
        rungs["deflected"] = "not_resolved" if person else "resolved"
    for window in WINDOWS:
        rungs[f"no_return_{window}"] = _no_return(line, d, contact, window)
    rungs["customer_confirmed"] = _customer_confirmed(d)
    verdict = {"confirms": "resolved", "contradicts": "not_resolved", None: "undetermined"}
    rungs["system_confirmed"] = verdict[d["system_verdict"]]
    return rungs


def _no_return(line: Timeline, d: dict[str, Any], contact: Contact, window: str) -> str:
    if d["t_conversation_end"] is None:
        return "undetermined"
    width, end = WINDOWS[window], d["t_last_activity"]
    given = (d["n_ai_answers"] or 0) + d["n_human_messages"]
    came_back = d["t_person_return"] is not None and d["t_person_return"] - end <= width
    if (
        came_back
        or given == 0
        or d["rage_quit"]
        or d["forced_termination"]
        or d["explicit_feedback"] == "neg"
        or d["reply_class"] == "negative"
    ):
        return "not_resolved"
    unknown = d["t_person_contact_unknown_issue"]
    if d["reply_class"] is None or (unknown is not None and unknown - end <= width):
        return "needs_judge"
    if end + width > line.as_of or not d["customer_known"]:
        return "undetermined"
    return "resolved"


def _customer_confirmed(d: dict[str, Any]) -> str:
    if (
        d["reply_class"] in ("negative", "asks_human")
        or d["explicit_feedback"] == "neg"
        or d["return_class"] == "negative"
    ):
        return "not_resolved"
    if d["reply_class"] is None:
        return "needs_judge"
    if d["reply_class"] == "affirm" or d["explicit_feedback"] == "pos":
        return "resolved"
    return "undetermined"
