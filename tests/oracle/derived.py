"""The derived columns and the evidence ladder of the design, for one contact, in plain Python.

Reads a ``timeline`` only. True, False and None; None is unknown. ``right_closed`` chooses whether a
return exactly at the window's end is inside (the ladder's reading) or outside (the figures').
"""

from __future__ import annotations

from typing import Any

from .timeline import CLOSING, HOUR, STRENGTH, Contact, Event, Thread, Timeline, closes, micros

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
    """The strongest class of what the customer wrote later than the last AI answer.

    Without an answer: than the last AI message; without the AI: than the last human one. The
    strongest of all classes is known even where another message has none.
    """
    mine = contact.by("ai_agent")
    given = [m for m in mine if m.get("kind") in ANSWERS]
    at = last(given or mine or contact.by("human_agent"))
    found = [m["class"] for m in contact.by("customer") if at is not None and m["at"] > at]
    return strongest(found)


def feedback(contact: Contact, as_of: int) -> str | None:
    """pos, neg or None: the latest thumbs on AI messages or survey about the AI agent.

    At one instant the worse word stands.
    """
    said: list[tuple[int, str | None]] = [
        (m["at"], {"positive": "pos", "negative": "neg"}[m["feedback"]])
        for m in contact.by("ai_agent")
        if m.get("feedback")
    ]
    for survey in surveys(contact, as_of):
        if survey.get("about") == "ai_agent" and survey["score"] is not None:
            above = survey["score"] * 2 - survey["scale_min"] - survey["scale_max"]
            said.append((survey["told"], "pos" if above > 0 else "neg" if above < 0 else None))
    latest = [word for at, word in said if at == max(said, key=lambda one: one[0])[0]]
    return next((word for word in ("neg", None, "pos") if word in latest), None)


def surveys(contact: Contact, as_of: int) -> list[Event]:
    """Surveys sent in a contact; ``told`` is when they were answered, else when they were sent."""
    found = []
    for survey in contact.thread.all("survey"):
        sent = micros(survey.get("asked_at"))
        sent = survey["at"] if sent is None else sent
        answered = micros(survey.get("answered_at"))
        is_later = answered is not None and answered > as_of
        if contact.holds(sent):
            told = sent if answered is None or is_later else answered
            score = None if is_later else survey.get("score")
            found.append({**survey, "told": told, "score": score})
    return found


def handoffs(contact: Contact, *, executed: bool) -> list[Event]:
    """Handoffs from the AI agent to people, all of them or those that were executed."""
    return [
        handoff
        for handoff in contact.of(contact.thread.all("handoff"))
        if handoff["from_actor"] == "ai_agent"
        and handoff["to_actor"] in RECEIVERS
        and not (executed and handoff["is_failed"])
    ]


def _final_kinds(contact: Contact) -> list[str | None]:
    """What the AI's last messages are; several may share the last instant."""
    mine = contact.by("ai_agent")
    return [m.get("kind") for m in mine if m["at"] == mine[-1]["at"]]


def is_abandoned(contact: Contact) -> bool | None:
    """The customer left at a question, fallback, greeting or unheard, with no answer given."""
    kinds = [m.get("kind") for m in contact.by("ai_agent")]
    if contact.by("human_agent") or not contact.by("customer"):
        return False
    if any(kind in ANSWERS for kind in kinds):
        return False
    final = _final_kinds(contact)
    if not spoke_last(contact):
        if None in final:
            return None
        if not {"greeting", "clarification", "fallback"} & set(final):
            return False
    return None if None in kinds else True


def is_rage_quit(contact: Contact) -> bool | None:
    """Left in anger, at a fallback, or asking for a person who never came."""
    if contact.by("human_agent") or not contact.by("customer"):
        return False
    final = _final_kinds(contact)
    reply = reply_class(contact)
    if "fallback" in final or reply in ("negative", "asks_human"):
        return True
    return None if reply is None or None in final else False


def is_forced(contact: Contact) -> bool | None:
    """The system or the AI agent ended it while the customer had spoken last."""
    forced = [
        state
        for state in closes(contact)
        if state.get("actor") in ("system", "ai_agent")
        and state.get("reason") in ("automation", "ai_closed")
    ]
    if not forced or not spoke_last(contact):
        return False
    reply = reply_class(contact)
    return None if reply is None else reply not in ("gratitude", "affirm")


def spoke_last(contact: Contact) -> bool:
    """Whether the customer wrote later than anybody else."""
    mine = last(contact.by("customer"))
    others = [m["at"] for m in contact.messages if m["actor"] != "customer"]
    return mine is not None and all(at < mine for at in others)


def customer_messages(thread: Thread) -> list[Event]:
    """Every public message of the customer in a thread."""
    return [message for message in thread.messages if message["actor"] == "customer"]


def thread_return(contact: Contact) -> Event | None:
    """The first customer message after the contact's end that is no thanks."""
    for message in customer_messages(contact.thread):
        is_later = contact.until is not None and message["at"] >= contact.until
        if is_later and is_request(message):
            return message
    return None


def is_request(message: Event) -> bool:
    """Whether a customer's message is more than thanks or a confirmation, as far as is known."""
    return message["class"] not in ("gratitude", "affirm")


def other_threads(line: Timeline, thread: Thread) -> list[Thread]:
    """The same person's other threads, and those that a link says to be of the same person."""
    found = []
    for other in line.threads.values():
        is_linked = frozenset((thread.id, other.id)) in line.links
        is_theirs = thread.person is not None and thread.person == other.person
        is_open = is_linked and None in (thread.person, other.person)
        if other is not thread and (is_theirs or is_open):
            found.append(other)
    return found


def is_linked(line: Timeline, one: Contact, two: Contact) -> bool:
    """Whether a link joins their threads."""
    return frozenset((one.thread.id, two.thread.id)) in line.links


def same_issue(one: Contact, two: Contact) -> bool | None:
    """Of one intent; None when the intents cannot be compared."""
    return None if one.intent is None or two.intent is None else one.intent == two.intent


def person_return(line: Timeline, contact: Contact, *, issue: bool | None = True) -> Event | None:
    """The person's first contact about the same issue anywhere; ``issue=None``: unknown issue.

    A contact returns with its first request. One of the same person and intent that was already
    going on elsewhere returns with its last.
    """
    found: list[Event] = []
    end = last(contact.messages)
    if end is None:
        return None
    again = thread_return(contact)
    if issue and again is not None:
        found.append(again)
    for thread in other_threads(line, contact.thread):
        is_theirs = thread.person is not None and thread.person == contact.thread.person
        for other in thread.contacts:
            asked = [m for m in other.by("customer") if is_request(m)]
            if not asked or other.is_made_up:
                continue
            compared = same_issue(contact, other)
            is_meant = is_theirs and compared is issue
            if issue and is_linked(line, contact, other):
                is_meant = True
            if is_meant and asked[0]["at"] > end:
                found.append(asked[0])
            elif is_meant and issue and compared and is_theirs and asked[-1]["at"] > end:
                found.append(asked[-1])
    return min(found, key=lambda m: (m["at"], _home(line, m).key)) if found else None


def _home(line: Timeline, message: Event) -> Contact:
    thread = line.threads[message["thread_id"]]
    return next(c for c in thread.contacts if message in c.messages)


def class_at(line: Timeline, message: Event) -> str | None:
    """How a contact began: the strongest class of its first request's instant."""
    asked = [m for m in _home(line, message).by("customer") if is_request(m)]
    return strongest([m["class"] for m in asked if m["at"] == asked[0]["at"]])


def strongest(classes: list[str | None]) -> str | None:
    """Of several classes the strongest; unknown if an unknown one might be stronger."""
    if "asks_human" in classes:
        return "asks_human"
    known = [one for one in classes if one is not None]
    return None if len(known) < len(classes) else max(known, key=STRENGTH.index, default="none")


def system_verdict(line: Timeline, contact: Contact) -> str | None:
    """contradicts if any system says so, else confirms if any does, else None.

    A record with a thread speaks of the contact then running or last before; one without, of the
    person's latest contact with that intent that had begun.
    """
    said = [event["supports"] for event in contact.of(contact.thread.all("confirmation"))]
    for event in line.loose:
        if event["type"] != "confirmation" or event.get("thread_id") is not None:
            continue
        customer, intent = event.get("customer_id"), event.get("intent_id")
        person = None if customer is None else line.persons.get(customer, customer)
        if person is None or intent is None:
            continue
        meant = [
            other
            for thread in line.threads.values()
            for other in thread.contacts
            if thread.person == person and other.intent == intent and other.started <= event["at"]
        ]
        if meant and max(meant, key=lambda c: (c.started, c.key)) is contact:
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
    return {
        "t_closed": first([s for s in thread.states if s["to_state"] in CLOSING]),
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
        "return_class": class_at(line, again) if again else None,
        "t_person_contact_unknown_issue": unknown["at"] if unknown else None,
        "t_other_thread_human_reply": min(helped, default=None),
        "customer_spoke_last": spoke_last(contact),
        "abandoned": is_abandoned(contact),
        "rage_quit": is_rage_quit(contact),
        "forced_termination": is_forced(contact),
        "last_state": thread.states[-1]["to_state"] if thread.states else None,
        "system_verdict": system_verdict(line, contact),
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
