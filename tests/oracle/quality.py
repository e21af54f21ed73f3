"""Quality, learning and speech in plain Python: what the facts of that family must hold.

Written from the design pages and the headings of the facts, slow on purpose; shares no code with
the product. Every function returns rows by identity with the columns that it reckons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any

from .oracle import conversation_facts
from .timeline import DAY, Contact, Event, Timeline, build, micros, stored_number

Row = dict[str, Any]
Rows = dict[Any, Row]
MACHINES = ("llm", "code", "vendor")
STRONGEST_FIRST = ("human", *MACHINES, "customer")
SPEAKERS = ("customer", "ai_agent", "human_agent")
TURNS = ("answer", "custom_answer", "clarification", "fallback", None)
SCORED = {
    "experience": "experience_score", "relevance": "relevance", "tone": "tone",
    "professionalism": "professionalism", "efficiency": "efficiency", "clarity": "clarity",
    "empathy": "empathy", "csat_inferred": "csat_inferred",
}  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """One assessment and what it is about.

    Attributes:
        event: the assessment.
        message: the message judged, when it is known.
        contact: the contact judged, or the one of the message.
    """

    event: Event
    message: Event | None
    contact: Contact | None

    @property
    def kind(self) -> str:
        return str(self.event["assessor_kind"])

    @property
    def score(self) -> Fraction | None:
        """0 to 1; None for a doubt or another scale."""
        label, value = self.event.get("label"), self.event.get("value")
        if label is not None and label.lower() in ("true", "false"):
            return Fraction(label.lower() == "true")
        return None if value is None or not 0 <= value <= 1 else Fraction(value)

    @property
    def weight(self) -> int | None:
        chance = ppm(self.event.get("sampling_probability"))
        return 10**12 // chance if chance else None


@dataclass
class World:
    """Everything known at ``as_of``, and every verdict placed."""

    line: Timeline
    facts: dict[str, Row]
    messages: list[Event]
    verdicts: list[Verdict]
    events: list[Event]
    given: list[Event]
    as_of: int
    covered: int

    def contacts(self) -> Iterator[Contact]:
        for thread in self.line.threads.values():
            yield from thread.contacts

    def contact_at(self, thread: str | None, at: int) -> Contact | None:
        known = self.line.threads.get(str(thread))
        return next((c for c in known.contacts if c.holds(at)), None) if known else None


def ppm(value: float | None) -> int | None:
    """Millionths, halves upwards."""
    return None if value is None else floor(value * 1_000_000 + 0.5)


def world(events: list[Event], as_of: int, covered: int) -> World:
    """Places every verdict; see ``World``."""
    line = build(events, as_of, use_lexicon=False)
    known = _latest(events, as_of)
    facts = {r["conversation_id"]: r for r in conversation_facts(events, as_of, use_lexicon=False)}
    messages = [event for event in known if event["type"] == "message"]
    made = World(line, facts, messages, [], known, events, as_of, covered)
    for event in known:
        if event["type"] == "assessment" and event["assessor_id"] != "candor_signals":
            made.verdicts.append(_placed(made, event))
    return made


def _latest(events: list[Event], as_of: int) -> list[Event]:
    from .timeline import _current

    return _current(events, as_of)


def _placed(made: World, event: Event) -> Verdict:
    meant = [
        message
        for message in made.messages
        if message["message_id"] == event.get("message_id")
        and event.get("thread_id") in (None, message["thread_id"])
    ]
    message = min(meant, key=stored_number, default=None)
    if message is not None:
        return Verdict(event, message, made.contact_at(message["thread_id"], message["at"]))
    return Verdict(event, None, made.contact_at(event.get("thread_id"), event["at"]))


def standing(
    verdicts: list[Verdict], criterion: str, kinds: tuple[str, ...] = STRONGEST_FIRST
) -> Verdict | None:
    """The one that stands: by the strongest kind of author, the latest, the smallest id."""
    mine = [v for v in verdicts if v.event["criterion"] == criterion and v.kind in kinds]
    for kind in kinds:
        of_kind = [v for v in mine if v.kind == kind]
        if of_kind:
            newest = max(v.event["at"] for v in of_kind)
            last = [v for v in of_kind if v.event["at"] == newest]
            return min(last, key=lambda v: event_id(v.event))
    return None


def event_id(event: Event) -> str:
    """The identifier that stands for one revision of an event."""
    import hashlib

    parts = (event.get("source"), event["type"], *event["sort"], event["revision"])
    return hashlib.md5("\x1f".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


def on_message(made: World, message: Event) -> list[Verdict]:
    """Verdicts on one message."""
    return [v for v in made.verdicts if v.message is message and v.event.get("handoff_id") is None]


def on_contact(made: World, contact: Contact) -> list[Verdict]:
    """Verdicts on a contact as a whole."""
    return [
        v for v in made.verdicts
        if v.contact is contact and v.message is None
        and v.event.get("message_id") is None and v.event.get("handoff_id") is None
    ]  # fmt: skip


def _sure(verdict: Verdict | None) -> bool | None:
    score = None if verdict is None else verdict.score
    return None if score is None or 0 < score < 1 else score == 1


def _whole(verdict: Verdict | None) -> bool | None:
    score = None if verdict is None else verdict.score
    return None if score is None else score == 1


def _likely(verdict: Verdict | None) -> bool | None:
    score = None if verdict is None else verdict.score
    return None if score is None else (ppm(float(score)) or 0) >= 500_000


def message_rows(made: World) -> Rows:
    """AI messages: verdicts, sources and what followed."""
    rows: Rows = {}
    for contact in made.contacts():
        for message in contact.by("ai_agent"):
            known = next(m for m in made.messages if m["message_id"] == message["message_id"])
            said = on_message(made, known)
            rows[message["message_id"]] = {
                **_about(said, "hallucination", "hallucination", _sure),
                **_about(said, "groundedness", "grounded", _whole),
                "right_source": _sure(standing(said, "right_source")),
                "link_used": _sure(standing(said, "link_used")),
                "sources": None
                if message.get("knowledge_ids") is None
                else len(message["knowledge_ids"]),
                **_next(made, contact, message),
            }
    return rows


def _about(
    said: list[Verdict], criterion: str, column: str, read: Callable[[Verdict | None], bool | None]
) -> Row:
    one = standing(said, criterion)
    return {
        column: read(one),
        f"{column}_by": one.kind if one else None,
        f"{column}_weight_ppm": one.weight if one else None,
        f"{column}_judged": read(standing(said, criterion, MACHINES)),
    }


def _repeats(made: World, message: Event) -> bool:
    known = next(m for m in made.messages if m["message_id"] == message["message_id"])
    human = standing(on_message(made, known), "rephrase", ("human",))
    if human is not None:
        return human.score == 1
    return any(
        event["type"] == "assessment" and event["assessor_id"] == "candor_signals"
        and event["criterion"] == "rephrase" and event["message_id"] == message["message_id"]
        for event in made.events
    )  # fmt: skip


def _next(made: World, contact: Contact, message: Event) -> Row:
    fact = made.facts[contact.id]
    asked = contact.by("customer")
    later = [m for m in asked if m["at"] > message["at"]]
    following = [m for m in later if m["at"] == min(n["at"] for n in later)]
    scored = any(m["class"] is not None for m in asked)
    # The scorer speaks of an instant: what it says of one message holds for all at that instant.
    repeated = any(_repeats(made, m) for m in following)
    turns = [m["at"] for m in contact.by("ai_agent") if m.get("kind") in TURNS]
    marks = []
    if fact["escalated_at"] is not None:
        marks.append(max((t for t in turns if t <= fact["escalated_at"]), default=None))
    if fact["human_requested_at"] is not None:
        marks.append(max((t for t in turns if t < fact["human_requested_at"]), default=None))
    return {
        "replied_next": bool(later),
        "rephrased_next": True if repeated else None if later and not scored else False,
        "escalated_next": message.get("kind") in TURNS and message["at"] in marks,
    }


def contact_rows(made: World) -> Rows:
    """Contacts judged as a whole; none while nobody judged any."""
    rows: Rows = {}
    criteria = (*SCORED.values(), "knowledge_gap")
    judged_any = False
    for contact in made.contacts():
        said = on_contact(made, contact)
        found = {name: standing(said, criterion) for name, criterion in SCORED.items()}
        judged_any |= any(standing(said, criterion) for criterion in criteria)
        row: Row = {}
        for name, one in found.items():
            score = None if one is None or one.score is None else ppm(float(one.score))
            row |= {f"{name}_ppm": score, f"{name}_by": one.kind if one else None}
        five = [
            row[f"{n}_ppm"]
            for n in ("relevance", "tone", "professionalism", "efficiency", "clarity")
        ]
        row["service_quality_ppm"] = None if None in five else sum(five) // 5
        row["knowledge_gap"] = _sure(standing(said, "knowledge_gap"))
        rows[contact.id] = row
    return rows if judged_any else {}


def verdict_rows(made: World) -> Rows:
    """Every verdict by another author than the built-in scorer."""
    groups: dict[Any, list[Verdict]] = {}
    for one in made.verdicts:
        # What is about nothing known is about itself.
        item = _item(one) or ("", stored_number(one.event))
        groups.setdefault((item, one.event["criterion"], one.kind), []).append(one)
    rows: Rows = {}
    for group in groups.values():
        newest = standing(group, group[0].event["criterion"], (group[0].kind,))
        for one in group:
            rows[stored_number(one.event)] = {
                "item_kind": (_item(one) or (None,))[0],
                "occurred_at": one.event["at"],
                "conversation_key": one.contact.key if one.contact else None,
                "label": one.event.get("label"),
                "value_ppm": ppm(one.event.get("value")),
                "weight_ppm": one.weight,
                "is_latest": one is newest,
                "is_abstained": one.event.get("label") is None and one.event.get("value") is None,
            }
    return rows


def _item(one: Verdict) -> tuple[str, Any] | None:
    if one.event.get("message_id") is not None:
        # A message of another thread that happens to have the same id is another one.
        known = None if one.message is None else stored_number(one.message)
        return "message", one.event["message_id"] if known is None else known
    if one.event.get("handoff_id") is not None:
        return "handoff", one.event["handoff_id"]
    if one.event.get("thread_id") is None:
        return None
    # A verdict on a thread without a record is about the thread.
    return "conversation", one.contact.key if one.contact else one.event["thread_id"]


def turn_rows(made: World) -> Rows:
    """AI turns and whether the customer left after them."""
    rows: Rows = {}
    for contact in made.contacts():
        fact = made.facts[contact.id]
        turns = [m for m in contact.by("ai_agent") if m.get("kind") in TURNS]
        for place in range(1, min(len(turns), 20) + 1):
            gone: bool | None = False
            if place == len(turns):
                ways = (fact["abandoned"], fact["rage_quit"])
                gone = True if True in ways else None if None in ways else False
            rows[f"{contact.id}/{place}"] = {
                "left_after": gone,
                "is_last": place == len(turns),
                "contradicted": fact["contradicted"],
            }
    return rows


def attempt_rows(made: World) -> Rows:
    """First recognised intents and items whose intent somebody judged."""
    rows: Rows = {}
    for contact in made.contacts():
        whole = on_contact(made, contact)
        mine = [
            m for m in made.messages
            if made.contact_at(m["thread_id"], m["at"]) is contact
        ]  # fmt: skip
        predicted = sorted(
            (m for m in mine if m["is_public"] and m.get("intent_predicted") is not None),
            key=lambda m: (m["at"], m.get("actor") != "customer", stored_number(m)),
        )
        for message in mine:
            said = on_message(made, message)
            place = predicted.index(message) + 1 if message in predicted else None
            judged = any(v.event["criterion"] in ("intent", "novel_intent") for v in said)
            if place != 1 and not judged:
                continue
            rows[stored_number(message)] = _attempt(contact, message, said, whole, place)
        if not predicted and any(v.event["criterion"] in ("intent", "novel_intent") for v in whole):
            rows[contact.key] = _attempt(contact, None, whole, [], None)
    return rows


def _attempt(
    contact: Contact, message: Event | None, said: list[Verdict], whole: list[Verdict],
    place: int | None,
) -> Row:  # fmt: skip
    guess = None if message is None or place is None else message.get("intent_predicted")
    both = [said, whole] if place == 1 else [said]
    label = None
    for one in (standing(own, "intent", ("human",)) for own in both):
        if label is None and one is not None:
            label = one.event.get("label")
    record = contact.thread.record.get("intent_id")
    reference = label if label is not None else record
    novel = next((v for v in (standing(own, "novel_intent") for own in both) if v), None)
    human = _first_sure([standing(own, "novel_intent", ("human",)) for own in both])
    machine = _first_sure([standing(own, "novel_intent", (*MACHINES, "customer")) for own in both])
    return {
        "is_first": place == 1,
        "reference_intent": reference,
        "reference_by": "human" if label is not None else "record" if record is not None else None,
        "is_correct": None
        if guess is None or reference is None
        else guess.lower() == reference.lower(),
        "is_novel": _likely(novel),
        "novel_by": novel.kind if novel else None,
        "novel_labelled": _likely(human),
        "novel_weight_ppm": human.weight if human else None,
        "novel_detected": _likely(machine),
    }


def _first_sure(found: list[Verdict | None]) -> Verdict | None:
    """The first that says something; else None."""
    return next((v for v in found if v is not None and v.score is not None), None)


def gap_rows(events: list[Event], as_of: int, covered: int) -> Rows:
    """Gaps with their age, and by day what happened to them."""
    rows: Rows = {}
    for gap in _gaps(events):
        opened, status = micros(gap["opened_at"]) or 0, gap["status"]
        if opened > as_of:
            continue
        ended = None
        if status == "resolved":
            ended = micros(gap["resolved_at"]) if gap["resolved_at"] is not None else gap["at"]
        elif status == "dismissed":
            ended = gap["at"]
        if ended is not None and ended > as_of:
            ended, status = None, "open"
        until = max(opened, min(as_of, covered)) if ended is None else ended
        resolved = ended if status == "resolved" else None
        rows[gap["gap_id"]] = {
            "status": status,
            "is_resolved": resolved is not None,
            "is_dismissed": status == "dismissed",
            "age_us": resolved - opened if resolved is not None and resolved >= opened else None,
            "at_risk_us": until - opened if until >= opened else None,
        }
    return rows


def _gaps(events: list[Event]) -> list[Event]:
    from .timeline import _current

    return [e for e in _current(events, 2**62) if e["type"] == "gap"]


def step_counts(events: list[Event], as_of: int, covered: int) -> Rows:
    """(kind, UTC day) to how many; watched days have 1."""
    rows: Rows = {}
    known = gap_rows(events, as_of, covered)
    opened = []
    for gap in _gaps(events):
        row = known.get(gap["gap_id"])
        if row is None:
            continue
        opened.append(micros(gap["opened_at"]) or 0)
        steps = [("opened", opened[-1])]
        if row["is_resolved"]:
            end = gap["resolved_at"]
            steps.append(("resolved", gap["at"] if end is None else micros(end) or 0))
        if row["is_dismissed"]:
            steps.append(("dismissed", gap["at"]))
        for kind, at in steps:
            rows.setdefault((kind, at // DAY), {"n": 0})["n"] += 1
    if opened:
        # A day is watched when a part of it lies between the first gap and the end of the data.
        until = max(min(as_of, covered), *opened)
        for day in range(min(opened) // DAY, until // DAY + 1):
            if day * DAY < until and (day + 1) * DAY > min(opened) and day * DAY <= as_of:
                rows["watched", day] = {"n": 1}
    return rows


def loop_rows(made: World) -> Rows:
    """Thumbs down on AI messages, and the first change of knowledge after each."""
    changes = [e for e in made.events if e["type"] == "knowledge_change"]
    gaps = {
        gap["gap_id"]: gap
        for gap in _gaps(made.given)
        if (micros(gap["opened_at"]) or 0) <= made.as_of
    }
    rows: Rows = {}
    for contact in made.contacts():
        for message in contact.by("ai_agent"):
            if message.get("feedback") != "negative" or not changes:
                continue
            causes = [
                change["at"]
                for change in changes
                if change["at"] >= message["at"]
                and (
                    change.get("feedback_id") == message["message_id"]
                    or contact.thread.id
                    in gaps.get(change.get("closes_gap_id"), {"thread_ids": []})["thread_ids"]
                )
            ]
            at = min(causes, default=None)
            rows[message["message_id"]] = {
                "is_answered": at is not None,
                "delay_us": None if at is None else at - message["at"],
                "at_risk_us": max(
                    (min(made.as_of, made.covered) if at is None else at) - message["at"], 0
                ),
            }
    return rows


def _spoken(contact: Contact) -> list[tuple[int, int, str, int]]:
    """Start, end, speaker and number of each public utterance with times, in milliseconds."""
    return [
        (m["speech_start_ms"], m["speech_end_ms"], m["actor"], stored_number(m))
        for m in contact.messages
        if m.get("speech_start_ms") is not None and m.get("speech_end_ms") is not None
        and m["speech_end_ms"] >= m["speech_start_ms"]
    ]  # fmt: skip


def call_rows(made: World) -> Rows:
    """Calls, millisecond by millisecond."""
    rows: Rows = {}
    for contact in made.contacts():
        spoken = _spoken(contact)
        if not spoken:
            continue
        customer: set[int] = set()
        ours: set[int] = set()
        for start, end, actor, _ in spoken:
            (customer if actor == "customer" else ours).update(range(start, end))
        span = max(end for _, end, _, _ in spoken) - min(start for start, *_ in spoken)
        rows[contact.id] = {
            "utterances": len(spoken),
            "is_complete": len(spoken) == len(contact.messages),
            "span_us": span * 1000,
            "silence_us": (span - len(customer | ours)) * 1000,
            "overlap_us": len(customer & ours) * 1000,
        }
    return rows


def utterance_rows(made: World) -> Rows:
    """Utterances of customers, and who began to speak when."""
    rows: Rows = {}
    for contact in made.contacts():
        spoken = sorted(_spoken(contact), key=lambda one: (one[0], one[3]))
        mine = [one for one in spoken if one[2] == "customer"]
        for place, (start, end, _, key) in enumerate(mine):
            until = mine[place + 1][0] if place + 1 < len(mine) else None
            window = [s for s in spoken if s[2] != "customer" and s[0] >= start
                      and (until is None or s[0] < until)]  # fmt: skip
            ai = [s[0] for s in window if s[2] == "ai_agent"]
            replies = [(s[0], s[2] == "ai_agent", s[2]) for s in window if s[0] >= end]
            # At one instant the person is heard.
            first = min(replies, default=None)
            by_ai = first is not None and first[2] == "ai_agent"
            rows[key] = {
                "turn_no": place + 1,
                "replied_by": first[2] if first else None,
                "latency_us": (first[0] - end) * 1000 if first is not None and by_ai else None,
                "is_interrupted": any(at < end for at in ai),
            }
    return rows


def quality_facts(events: list[Event], as_of: int, covered: int) -> dict[str, Rows]:
    """Fact to identity to the reckoned columns."""
    made = world(events, as_of, covered)
    return {
        "message": message_rows(made),
        "assessment": verdict_rows(made),
        "conversation_quality": contact_rows(made),
        "ai_turn": turn_rows(made),
        "intent_attempt": attempt_rows(made),
        "gap": gap_rows(events, as_of, covered),
        "gap_step": step_counts(events, as_of, covered),
        "feedback_loop": loop_rows(made),
        "voice_call": call_rows(made),
        "voice_turn": utterance_rows(made),
    }
