"""Events as plain Python sees them: current revisions, contacts cut from threads, persons stitched.

Written from the design pages only and slow on purpose; shares no code with the product. Instants are
integer microseconds since 1970. Conversations here are called contacts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Event = dict[str, Any]
HOUR = 3_600_000_000
DAY = 24 * HOUR
CLOSING = ("solved", "closed")
STRENGTH = ("none", "gratitude", "affirm", "follow_up", "negative", "asks_human")
KEYS = {
    "conversation": ("thread_id",),
    "message": ("message_id",),
    "state_change": ("change_id",),
    "handoff": ("handoff_id",),
    "action": ("action_id",),
    "claim": ("claim_id",),
    "survey": ("survey_id",),
    "assessment": ("assessment_id",),
    "confirmation": ("confirmation_id",),
    "cost": ("cost_id",),
    "identity": ("identity_id",),
    "link": ("link_id",),
    "suggestion": ("suggestion_id",),
    "guardrail": ("guardrail_id",),
    "release": ("ai_agent_id", "release"),
    "account": ("account_id", "occurred_at"),
    "intervention": ("intervention_id",),
    "invoice_line": ("invoice_id", "line"),
    "exposure": ("experiment_id", "unit_id"),
    "gap": ("gap_id",),
    "knowledge_change": ("change_id",),
    "override": ("override_id",),
}


def micros(value: Any) -> int | None:
    """Any instant of a canonical record as microseconds."""
    if value is None or isinstance(value, int):
        return value
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def number(text: str) -> int:
    """The integer that stands for a text in the stored events: it breaks ties of time."""
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:15], 16)


def reply_lexicon(text: str | None) -> str | None:
    """The built-in classifier of the design, version 1; None when there is nothing to read."""
    if not text or not text.strip():
        return None
    low = text.lower()
    for label, words in (
        ("asks_human", "real person|human|speak to a|talk to a"),
        (
            "negative",
            "not it|has not|did not help|didn't help|does not work|doesn't work|not working|wrong|still",
        ),
        ("affirm", "that worked|it works|that helped|solved it|all sorted"),
    ):
        if re.search(words, low):
            return label
    polite = re.match(r"(thank|thanks|cheers|ok|great)", low.strip())
    if polite and len(low.split()) <= 4 and "?" not in low:
        return "gratitude"
    return "follow_up"


@dataclass
class Contact:
    """One contact inside a thread.

    Attributes:
        thread: its thread.
        number: from 1 inside the thread.
        begins: first instant that belongs to it; what the thread did earlier belongs to number 1.
        until: first instant of the next contact, None for the last one.
        ended: close, or last public message + gap; None while open.
        messages: public messages of customer, AI agent and people, in order.
    """

    thread: Thread
    number: int
    begins: int
    until: int | None = None
    ended: int | None = None
    messages: list[Event] = field(default_factory=list)

    @property
    def id(self) -> str:
        return f"{self.thread.id}#{self.number}"

    @property
    def key(self) -> int:
        """The integer that stands for the contact: it breaks ties of time."""
        return number(self.thread.id if self.number == 1 else self.id)

    @property
    def started(self) -> int:
        """First public message, else the thread's start."""
        return int(self.messages[0]["at"]) if self.messages else self.begins

    @property
    def intent(self) -> str | None:
        """The issue: the record's intent, else the first one predicted in this contact."""
        stated: str | None = self.thread.record.get("intent_id")
        guessed = [e["intent_predicted"] for e in self.of(self.thread.all("predicted"))]
        return stated or (guessed[0] if guessed else None)

    @property
    def is_made_up(self) -> bool:
        """Whether the source's times say nothing."""
        return bool((self.thread.record.get("attributes") or {}).get("synthetic_time"))

    def holds(self, at: int) -> bool:
        """Whether something the thread did at ``at`` belongs to this contact."""
        return (self.number == 1 or at >= self.begins) and (self.until is None or at < self.until)

    def of(self, events: list[Event]) -> list[Event]:
        """Those of the thread's events that belong to this contact."""
        return [event for event in events if self.holds(event["at"])]

    def by(self, actor: str) -> list[Event]:
        """Its public messages by one actor."""
        return [message for message in self.messages if message.get("actor") == actor]


@dataclass
class Thread:
    """One container of the source with everything that happened in it."""

    id: str
    record: Event
    person: str | None = None
    messages: list[Event] = field(default_factory=list)
    states: list[Event] = field(default_factory=list)
    others: dict[str, list[Event]] = field(default_factory=dict)
    contacts: list[Contact] = field(default_factory=list)

    def all(self, kind: str) -> list[Event]:
        """Events of a type in this thread, in order."""
        return self.others.get(kind, [])


@dataclass
class Timeline:
    """Everything known at ``as_of``."""

    as_of: int
    covered_until: int
    threads: dict[str, Thread]
    links: set[frozenset[str]]
    loose: list[Event]
    persons: dict[str, str]
    overrides: list[Event]


def build(
    events: list[Event],
    as_of: int,
    gap: int | Mapping[str, int] = DAY,
    *,
    use_lexicon: bool = True,
) -> Timeline:
    """Reads events; see ``Timeline``.

    Args:
        events: canonical records in any order, repeated or not.
        as_of: what happened later is not known.
        gap: silence that ends a contact, or one by channel.
        use_lexicon: classify messages without a ``reply_class`` assessment by ``reply_lexicon``.
    """
    now = _current(events, as_of)
    covered = max((micros(event["occurred_at"]) or 0 for event in events), default=as_of)
    threads: dict[str, Thread] = {}
    for event in now:
        if event["type"] == "conversation":
            threads[event["thread_id"]] = Thread(event["thread_id"], event)
    persons = _persons(now)
    labels = {
        event["message_id"]: event.get("label")
        for event in now
        if event["type"] == "assessment" and event["criterion"] == "reply_class"
    }
    loose: list[Event] = []
    for event in now:
        thread = threads.get(str(event.get("thread_id")))
        if event["type"] == "conversation":
            continue
        if thread is None:
            loose.append(event)
        elif event["type"] == "message":
            if event["is_public"] and event.get("intent_predicted") is not None:
                thread.others.setdefault("predicted", []).append(event)
            if event["is_public"] and event.get("actor") in ("customer", "ai_agent", "human_agent"):
                thread.messages.append(_classed(event, labels, use_lexicon=use_lexicon))
        elif event["type"] == "state_change":
            thread.states.append(event)
        else:
            thread.others.setdefault(event["type"], []).append(event)
    for thread in threads.values():
        customer = thread.record.get("customer_id")
        thread.person = None if customer is None else persons.get(customer, customer)
        channel = str(thread.record.get("channel"))
        own_gap = gap if isinstance(gap, int) else gap.get(channel, DAY)
        _cut(thread, min(covered, as_of), own_gap)
    links = {
        frozenset((event["from_thread_id"], event["to_thread_id"]))
        for event in now
        if event["type"] == "link"
    }
    # A correction is about the contact, whenever it was made.
    overrides = [event for event in _current(events, 1 << 62) if event["type"] == "override"]
    return Timeline(as_of, min(covered, as_of), threads, links, loose, persons, overrides)


def _classed(event: Event, labels: dict[str, Any], *, use_lexicon: bool) -> Event:
    if event["actor"] != "customer":
        return {**event, "class": None}
    if event["message_id"] in labels:
        return {**event, "class": labels[event["message_id"]]}
    return {**event, "class": reply_lexicon(event.get("text")) if use_lexicon else None}


def _current(events: list[Event], as_of: int) -> list[Event]:
    """The latest revision of each event that occurred up to ``as_of``, in order of time."""
    latest: dict[tuple[Any, ...], Event] = {}
    for event in events:
        at = micros(event["occurred_at"])
        assert at is not None
        key = (event.get("source"), event["type"], *(event[k] for k in KEYS[event["type"]]))
        known = {**event, "at": at, "revision": event.get("revision") or 0, "sort": key[2:]}
        before = latest.get(key)
        if before is None or before["revision"] < known["revision"]:
            latest[key] = known
    kept = [event for event in latest.values() if event["at"] <= as_of]
    return sorted(kept, key=_place)


def _place(event: Event) -> tuple[int, bool, int]:
    """At one instant customers speak before anybody answers; then the stored number decides."""
    return event["at"], event.get("actor") != "customer", stored_number(event)


def stored_number(event: Event) -> int:
    """The integer that stands for an event."""
    parts = (event.get("source"), event["type"], *event["sort"])
    return number("\x1f".join(str(part) for part in parts))


def _persons(now: list[Event]) -> dict[str, str]:
    """Customer id → smallest customer id of the same person."""
    removed = {_alias(e) for e in now if e["type"] == "identity" and e["is_removed"]}
    groups: list[set[str]] = []
    shared: dict[tuple[str, str], set[str]] = {}
    for event in now:
        if event["type"] == "identity" and _alias(event) not in removed:
            key = (event["alias_kind"], event["alias"])
            shared.setdefault(key, set()).add(event["customer_id"])
    for together in shared.values():
        joined = set(together)
        apart = []
        for group in groups:
            if group & joined:
                joined |= group
            else:
                apart.append(group)
        groups = [*apart, joined]
    return {customer: min(group) for group in groups for customer in group}


def _alias(event: Event) -> tuple[str, str, str]:
    return (event["customer_id"], event["alias_kind"], event["alias"])


def _cut(thread: Thread, known_until: int, gap: int) -> None:
    """Cuts the thread into contacts, instant by instant.

    A customer's words after a close, or anybody's after a silence of ``gap``, begin a new contact.
    A customer's thanks or confirmation within a day after a close still belongs to it.
    """
    started = micros(thread.record["started_at"])
    assert started is not None
    current: Contact | None = None
    for at in sorted({message["at"] for message in thread.messages}):
        said = [message for message in thread.messages if message["at"] == at]
        if current is None or _begins_anew(current, said, gap):
            following = Contact(thread, len(thread.contacts) + 1, at)
            if current is not None:
                current.until = at
                _finish(current, known_until, gap)
            thread.contacts.append(following)
            current = following
        current.messages += said
    if current is None:
        current = Contact(thread, 1, started)
        thread.contacts.append(current)
    _finish(current, known_until, gap)


def closes(contact: Contact) -> list[Event]:
    """Changes to solved or closed that belong to the contact; none lies before its first message."""
    first = contact.messages[0]["at"] if contact.messages else None
    return [
        state
        for state in contact.of(contact.thread.states)
        if state["to_state"] in CLOSING and (first is None or state["at"] >= first)
    ]


def _begins_anew(contact: Contact, said: list[Event], gap: int) -> bool:
    at, before = said[0]["at"], contact.messages[-1]["at"]
    closed = max((s["at"] for s in closes(contact) if s["at"] < at), default=None)
    customers = [message for message in said if message["actor"] == "customer"]
    is_polite = (
        closed is not None
        and at - closed < DAY
        and bool(customers)
        and all(message["class"] in ("gratitude", "affirm") for message in customers)
    )
    if at - before >= gap and not (is_polite and closed is not None and closed >= before):
        return True
    return closed is not None and bool(customers) and not is_polite


def _finish(contact: Contact, known_until: int, gap: int) -> None:
    closed = closes(contact)
    silent = contact.messages[-1]["at"] + gap if contact.messages else None
    if silent is not None and silent > known_until:
        silent = None
    known = [at for at in (closed[0]["at"] if closed else None, silent) if at is not None]
    contact.ended = min(known) if known else None
