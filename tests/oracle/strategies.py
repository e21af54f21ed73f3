"""Small but nasty event sets for Hypothesis: what breaks reckonings of contacts, returns and ends.

Several threads a person, equal instants, gaps that fall exactly on a window's end, reopened threads,
missing kinds, texts and customers, internal notes, later revisions, repeats, open windows, handoffs
that failed. Instants are integer microseconds. ``with_reply_classes`` adds the assessments a scorer
would have made, so that an implementation that reads only assessments can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from .timeline import DAY, HOUR, Event, micros, reply_lexicon

START = 1_777_629_600_000_000
"""2026-05-01T10:00:00Z."""
STEPS = (
    0,
    1,
    1_000_000,
    60_000_000,
    HOUR,
    DAY - 1,
    DAY,
    DAY + 1,
    2 * DAY,
    3 * DAY - 1,
    3 * DAY,
    3 * DAY + 1,
    7 * DAY,
)
TEXTS = (
    "Where is my order?",
    "My order is late, where is it?",
    "thanks",
    "That worked, I see it now.",
    "No, that is not it.",
    "I want to talk to a human.",
    "",
    None,
)
KINDS = ("answer", "custom_answer", "clarification", "greeting", "fallback", "closing", None)
CUSTOMERS = ("c1", "c2", "c3", None)
INTENTS = ("refund", "delivery", None)


@dataclass(frozen=True)
class Drawn:
    """An event set and the moment it is looked at."""

    events: list[Event]
    as_of_us: int


@st.composite
def event_sets(draw: st.DrawFn) -> Drawn:
    """One to four threads of up to three customers, with everything that can go wrong."""
    events: list[Event] = []
    threads = [f"t{n}" for n in range(draw(st.integers(1, 4)))]
    latest = START
    for thread in threads:
        begin = START + draw(st.sampled_from(STEPS)) + draw(st.sampled_from(STEPS))
        happened, end = _thread(draw, thread, begin)
        events += happened
        latest = max(latest, end)
    events += _around(draw, threads)
    events = _disturbed(draw, events)
    return Drawn(events, latest + draw(st.sampled_from((-DAY, 0, *STEPS))))


def _event(type_name: str, at: int, /, **values: Any) -> Event:
    return {"type": type_name, "source": "desk", "occurred_at": at, "revision": 0, **values}


def _thread(draw: st.DrawFn, thread: str, begin: int) -> tuple[list[Event], int]:
    events = [
        _event(
            "conversation",
            begin,
            thread_id=thread,
            started_at=begin,
            channel=draw(st.sampled_from(("chat", "email", None))),
            direction=draw(st.sampled_from(("inbound", "inbound", "proactive", None))),
            customer_id=draw(st.sampled_from(CUSTOMERS)),
            intent_id=draw(st.sampled_from(INTENTS)),
            is_test=draw(st.sampled_from((False, False, False, True))),
            is_spam=False,
            attributes=draw(st.sampled_from((None,) * 7 + ({"synthetic_time": True},))),
        )
    ]
    now = begin
    for number in range(draw(st.sampled_from((0, 3, 5, 7, 9)))):
        now += draw(st.sampled_from((*STEPS[:5], *STEPS)))
        what = draw(st.sampled_from(("message",) * 6 + ("state", "handoff", "note")))
        events.append(_happening(draw, what, f"{thread}-{number}", thread, now))
    return events, now


def _happening(draw: st.DrawFn, what: str, name: str, thread: str, at: int) -> Event:
    if what == "state":
        return _event(
            "state_change",
            at,
            change_id=name,
            thread_id=thread,
            from_state=draw(st.sampled_from(("open", "solved", "closed", None))),
            to_state=draw(st.sampled_from(("open", "pending", "solved", "closed"))),
            actor=draw(st.sampled_from(("customer", "ai_agent", "human_agent", "system", None))),
            reason=draw(st.sampled_from(("inactivity", "automation", "ai_closed", None))),
        )
    if what == "handoff":
        return _event(
            "handoff",
            at,
            handoff_id=name,
            thread_id=thread,
            from_actor=draw(st.sampled_from(("ai_agent", "ai_agent", "human_agent"))),
            to_actor=draw(st.sampled_from(("human_agent", "specialist", "ai_agent"))),
            reason=draw(st.sampled_from(("customer_request", "low_confidence", "policy", None))),
            is_planned=draw(st.booleans()),
            is_failed=draw(st.booleans()),
            accepted_at=draw(st.sampled_from((None, at - 1, at, at + HOUR))),
            context=draw(st.sampled_from((None, None, {"summary": "late"}))),
        )
    actor = draw(st.sampled_from(("customer", "customer", "ai_agent", "human_agent", "system")))
    is_ai = actor == "ai_agent"
    return _event(
        "message",
        at,
        message_id=name,
        thread_id=thread,
        actor=draw(st.sampled_from((actor,) * 9 + (None,))),
        is_public=what == "message",
        text=draw(st.sampled_from(TEXTS)),
        kind=draw(st.sampled_from(KINDS)) if is_ai else None,
        feedback=draw(st.sampled_from((None, None, "positive", "negative"))) if is_ai else None,
        intent_predicted=draw(st.sampled_from((None,) * 5 + INTENTS)),
    )


def _around(draw: st.DrawFn, threads: list[str]) -> list[Event]:
    events: list[Event] = []
    for number in range(draw(st.integers(0, 5))):
        at = START + sum(draw(st.lists(st.sampled_from(STEPS), max_size=3)))
        make = draw(
            st.sampled_from((_identity, _confirmation, _claim, _survey, _link, _cost, _override))
        )
        events.append(make(draw, at, f"x{number}", draw(st.sampled_from(threads)), threads))
    return events


def _identity(draw: st.DrawFn, at: int, name: str, _thread: str, _threads: list[str]) -> Event:
    return _event(
        "identity",
        at,
        identity_id=name,
        customer_id=draw(st.sampled_from(CUSTOMERS[:3])),
        alias_kind=draw(st.sampled_from(("email", "phone"))),
        alias=draw(st.sampled_from(("a", "b"))),
        is_removed=draw(st.sampled_from((False, False, True))),
    )


def _confirmation(draw: st.DrawFn, at: int, name: str, thread: str, _threads: list[str]) -> Event:
    return _event(
        "confirmation",
        at,
        confirmation_id=name,
        thread_id=draw(st.sampled_from((thread, thread, None))),
        customer_id=draw(st.sampled_from(CUSTOMERS)),
        system="orders",
        kind="end_state_check",
        supports=draw(st.sampled_from(("confirms", "contradicts", "neutral"))),
        intent_id=draw(st.sampled_from(INTENTS)),
    )


def _claim(draw: st.DrawFn, at: int, name: str, thread: str, _threads: list[str]) -> Event:
    return _event(
        "claim",
        at,
        claim_id=name,
        thread_id=thread,
        claimant="vendor",
        raw_value="r",
        claimed=draw(st.sampled_from(("resolved_assumed", "resolved_confirmed", "none"))),
        is_billable=draw(st.sampled_from((True, False, None))),
    )


def _link(draw: st.DrawFn, at: int, name: str, thread: str, threads: list[str]) -> Event:
    return _event(
        "link",
        at,
        link_id=name,
        from_thread_id=thread,
        to_thread_id=draw(st.sampled_from(threads)),
        kind="followup",
    )


def _cost(draw: st.DrawFn, at: int, name: str, thread: str, _threads: list[str]) -> Event:
    return _event(
        "cost",
        at,
        cost_id=name,
        thread_id=draw(st.sampled_from((thread, thread, None))),
        kind="ai_usage",
        quantity=1,
        unit="message",
        amount=draw(st.sampled_from(("0.10", "1.25"))),
        currency=draw(st.sampled_from(("EUR", "EUR", "USD"))),
    )


def _override(draw: st.DrawFn, at: int, name: str, thread: str, _threads: list[str]) -> Event:
    return _event(
        "override",
        at,
        override_id=name,
        thread_id=thread,
        target_type=draw(st.sampled_from(("conversation",) * 5 + ("message",))),
        target_id=f"{thread}#{draw(st.sampled_from((1, 1, 1, 2)))}",
        field=draw(st.sampled_from(("outcome",) * 5 + ("intent_id",))),
        old_value=None,
        new_value=draw(
            st.sampled_from(("resolved", "resolved", "not_resolved", "unknown", "withdrawn"))
        ),
        author="ann",
        reason="read again",
    )


def _survey(draw: st.DrawFn, at: int, name: str, thread: str, _threads: list[str]) -> Event:
    answered = draw(st.sampled_from((None, at, at + DAY)))
    return _event(
        "survey",
        at,
        survey_id=name,
        thread_id=thread,
        instrument=draw(st.sampled_from(("csat", "csat", "nps"))),
        asked_at=at,
        answered_at=answered,
        score=None if answered is None else draw(st.sampled_from((1, 2, 3, 4, 5))),
        scale_min=1,
        scale_max=5,
        about=draw(st.sampled_from(("ai_agent", "whole", None))),
    )


def _disturbed(draw: st.DrawFn, events: list[Event]) -> list[Event]:
    """Some events repeated, some revised, all in any order."""
    more = list(events)
    if events:
        more += draw(st.lists(st.sampled_from(events), max_size=2))
        for revised in draw(st.lists(st.sampled_from(events), max_size=2, unique_by=id)):
            changed = {**revised, "revision": 1}
            if revised["type"] == "message":
                changed["text"] = draw(st.sampled_from(TEXTS))
            more.append(changed)
    return draw(st.permutations(more))


def with_reply_classes(events: list[Event]) -> list[Event]:
    """The events plus one ``reply_class`` assessment for each customer message with text."""
    latest: dict[str, Event] = {}
    for event in events:
        if event["type"] == "message":
            before = latest.get(event["message_id"])
            if before is None or before["revision"] < event["revision"]:
                latest[event["message_id"]] = event
    made = [
        _event(
            "assessment",
            micros(event["occurred_at"]) or 0,
            assessment_id=f"reply_class:{event['message_id']}:1",
            thread_id=event["thread_id"],
            message_id=event["message_id"],
            assessor_kind="code",
            assessor_id="candor_signals",
            assessor_version="1",
            criterion="reply_class",
            label=reply_lexicon(event["text"]),
        )
        for event in latest.values()
        if event.get("actor") == "customer" and reply_lexicon(event.get("text")) is not None
    ]
    return events + made
