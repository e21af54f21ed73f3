"""Event sets of ``strategies`` with verdicts, sources, speech, gaps and changes of knowledge added.

Authors of every strength who contradict each other, doubts, verdicts before and after the end of a
contact, of messages nobody knows, equal instants, speech that ends before it begins, gaps mended
before they were found.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st

from .strategies import KINDS as KINDS_OF_MESSAGES
from .strategies import START, STEPS, TEXTS, Drawn, _event, event_sets, with_reply_classes
from .timeline import Event, micros, stored_number

ON_MESSAGES = (
    "hallucination",
    "groundedness",
    "right_source",
    "link_used",
    "novel_intent",
    "intent",
)
ON_CONTACTS = (
    "experience_score", "relevance", "tone", "professionalism", "efficiency", "clarity", "empathy",
    "csat_inferred", "knowledge_gap", "novel_intent", "intent",
)  # fmt: skip
KINDS = ("human", "human", "llm", "llm", "code", "vendor", "customer")
VERDICTS = (("true", None), ("false", None), (None, 1.0), (None, 0.0), (None, 0.5), (None, 2.0),
            (None, None), ("unsure", None))  # fmt: skip
CHANCES = (None, 1.0, 0.25, 0.3, 0.0)


@dataclass(frozen=True)
class Made:
    """An event set with assessments, the moment it is looked at, and how far it was read."""

    events: list[Event]
    as_of_us: int
    covered_us: int


@st.composite
def quality_sets(draw: st.DrawFn) -> Made:
    """A drawn set of ``event_sets`` with everything this family reads."""
    drawn: Drawn = draw(event_sets())
    events = [dict(event) for event in drawn.events]
    # A number drawn once spreads wider over so many choices than drawing each of them.
    chance = Random(draw(st.integers(0, 2**32)))
    events += _talk(chance, events, drawn.as_of_us)
    ids = sorted({e["message_id"] for e in events if e["type"] == "message"})
    threads = sorted({e["thread_id"] for e in events if e["type"] == "conversation"})
    more = {one: _more(chance) for one in ids}
    for event in events:
        if event["type"] == "message":
            event.update(more[event["message_id"]])
            if event.get("actor") != "ai_agent":
                event["knowledge_ids"] = None
    events = with_reply_classes(events) + _repeats(chance, events)
    # Few criteria at a time, so that authors meet; the five parts of service come together.
    whole = chance.choice((ON_CONTACTS[1:6], chance.sample(ON_CONTACTS, 3)))
    world = _World(chance, ids, threads, drawn.as_of_us, chance.sample(ON_MESSAGES, 2), list(whole))
    events += [_verdict(world, n) for n in range(chance.choice((0, 1, 12, 40)))]
    events += [_gap(world, n) for n in range(chance.randrange(4))]
    events += [_change(world, n) for n in range(chance.randrange(9))]
    covered = max((micros(event["occurred_at"]) or 0 for event in events), default=START)
    return Made(events, drawn.as_of_us, covered)


def _talk(chance: Random, events: list[Event], as_of: int) -> list[Event]:
    """Further words between customers and the AI agent in one of the threads."""
    begun = [(e["thread_id"], e["started_at"]) for e in events if e["type"] == "conversation"]
    thread, at = chance.choice(sorted(begun))
    said = []
    for place in range(chance.choice((0, 4, 10))):
        at = min(at + chance.choice(STEPS[:5]), max(at, as_of))
        actor = chance.choice(("customer", "ai_agent", "ai_agent", "human_agent"))
        said.append(
            _event(
                "message",
                at,
                message_id=f"q{place}",
                thread_id=thread,
                actor=actor,
                is_public=True,
                text=chance.choice(TEXTS),
                kind=chance.choice((*KINDS_OF_MESSAGES, "answer")) if actor == "ai_agent" else None,
                feedback=chance.choice((None, "negative")) if actor == "ai_agent" else None,
                intent_predicted=chance.choice((None, "refund")),
            )
        )
    return said


def _more(chance: Random) -> dict[str, Any]:
    start = chance.choice((None, None, 0, 1, 5, 9, 20))
    length = chance.choice((None, -1, 0, 1, 4, 12))
    return {
        "knowledge_ids": chance.choice((None, [], ["a"], ["a", "b"])),
        "intent_confidence": chance.choice((None, 0.5, 0.499999)),
        "speech_start_ms": start,
        "speech_end_ms": None if start is None or length is None else start + length,
    }


@dataclass(frozen=True)
class _World:
    """What there is to speak of."""

    chance: Random
    ids: list[str]
    threads: list[str]
    as_of: int
    on_messages: list[str]
    on_contacts: list[str]

    def at(self) -> int:
        """An instant: a sum of steps, or near the moment at which the set is looked at."""
        later = START + sum(self.chance.choices(STEPS, k=self.chance.randrange(5)))
        return self.chance.choice((later, later, START, self.as_of, self.as_of + 1))


def _repeats(chance: Random, events: list[Event]) -> list[Event]:
    """The built-in scorer's words on some customer messages, one for each message."""
    latest: dict[str, Event] = {}
    for event in events:
        if event["type"] == "message":
            before = latest.get(event["message_id"])
            if before is None or before["revision"] < event["revision"]:
                latest[event["message_id"]] = event
    mine = [m for m in latest.values() if m.get("actor") == "customer" and m["is_public"]]
    chosen = chance.sample(mine, min(len(mine), chance.randrange(4)))
    return [
        _event(
            "assessment",
            micros(message["occurred_at"]) or 0,
            assessment_id=f"rephrase:{stored_number({**message, 'sort': (message['message_id'],)})}:1",
            thread_id=message["thread_id"],
            message_id=message["message_id"],
            assessor_kind="code",
            assessor_id="candor_signals",
            assessor_version="1",
            criterion="rephrase",
            label="true",
        )
        for message in chosen
    ]


def _verdict(world: _World, place: int) -> Event:
    chance, ids, threads = world.chance, world.ids, world.threads
    on = chance.choice((*ids, "unknown")) if ids and chance.random() < 0.5 else None
    thread = chance.choice((*threads, *threads, "elsewhere", None))
    if on is not None and chance.random() < 0.7:
        thread = None
    label, value = chance.choice(VERDICTS)
    criterion = chance.choice(
        world.on_contacts if on is None else [*world.on_messages, *world.on_messages, "rephrase"]
    )
    if criterion == "intent":
        label, value = chance.choice(("refund", "Delivery", "move", None)), None
    return _event(
        "assessment",
        world.at(),
        assessment_id=f"v{place}",
        thread_id=thread,
        message_id=on,
        handoff_id=chance.choice((None,) * 7 + ("h1",)) if on is None else None,
        assessor_kind=chance.choice(KINDS),
        assessor_id="somebody",
        assessor_version="1",
        criterion=criterion,
        label=label,
        value=value,
        sampling_probability=chance.choice(CHANCES),
    )


def _gap(world: _World, place: int) -> Event:
    chance, threads, opened = world.chance, world.threads, world.at()
    return _event(
        "gap",
        opened + chance.choice(STEPS),
        gap_id=f"g{place}",
        topic="refunds",
        opened_at=opened,
        resolved_at=chance.choice((None, opened - 1, opened, opened + STEPS[4])),
        opened_by="code",
        thread_ids=chance.choices(threads, k=chance.randrange(3)),
        status=chance.choice(("open", "resolved", "dismissed")),
    )


def _change(world: _World, place: int) -> Event:
    chance, ids = world.chance, world.ids
    return _event(
        "knowledge_change",
        world.at(),
        change_id=f"k{place}",
        knowledge_id="a",
        kind="updated",
        feedback_id=chance.choice((None, *ids)),
        closes_gap_id=chance.choice((None, "g0", "g1", "nobody")),
    )
