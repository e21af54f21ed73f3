"""Writes canonical events as JSON lines, one method per kind of event.

Only this module knows the shape of a line. Texts come escaped; ids are made from the thread's
number; instants are whole seconds since 1970 and are written as ISO 8601 in UTC. Nothing at or
after ``ends_at`` is written.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Final

from candor.simulator.ledger import CLAIMS, Contact
from candor.simulator.texts import INTENTS, LANGUAGES
from candor.simulator.world import CHANNELS, REGIONS, RELEASES, SEGMENTS

DAY: Final = 86_400
AI_AGENT: Final = "assistant"
HUMANS: Final = 40
_CLOCK = [f"T{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}Z" for s in range(DAY)]
_RAW_CLAIM = ("", "assumed_resolution", "confirmed_resolution", "escalated", "abandoned")


@cache
def _date(day: int) -> str:
    return datetime.fromtimestamp(day * DAY, UTC).strftime("%Y-%m-%d")


def iso(second: int) -> str:
    """ISO 8601 text of a whole second since 1970."""
    return _date(second // DAY) + _CLOCK[second % DAY]


def customer_id(person: int, channel: int) -> str:
    """The id a person is known under on a channel: mail may use one of its own."""
    return f"mail-{person:08d}" if CHANNELS[channel] == "email" else f"cust-{person:08d}"


class Script:
    """Collects lines until they are taken.

    Args:
        ends_at: nothing is written from this second on.
    """

    def __init__(self, ends_at: int) -> None:
        self.ends_at = ends_at
        self.events = 0
        self.lines: list[str] = []
        self.customer = ""
        self._parts = 0

    def take(self) -> str:
        """The lines written since the last call, as one text."""
        text = "".join(self.lines)
        self.lines.clear()
        return text

    def write(self, at: int, line: str) -> None:
        """Adds one line that happened at ``at``."""
        if at < self.ends_at:
            self.lines.append(line)
            self.events += 1

    def open_thread(self, c: Contact, customer: str, entry_point: str, account: str | None) -> None:
        """The conversation event; ``customer`` is "" for an unknown one."""
        self.customer = customer
        self._parts = 0
        who = f'"{customer}"' if customer else "null"
        release = f'"{RELEASES[c.release]}"' if c.chance_solved >= 0 else "null"
        agent = f'"{AI_AGENT}"' if c.chance_solved >= 0 else "null"
        belongs = "null" if account is None else f'"{account}"'
        self.write(
            c.started,
            f'{{"type":"conversation","thread_id":"t{c.thread}","occurred_at":"{iso(c.started)}",'
            f'"started_at":"{iso(c.started)}","channel":"{CHANNELS[c.channel]}",'
            f'"direction":"{"inbound" if c.is_inbound else "proactive"}","customer_id":{who},'
            f'"account_id":{belongs},"language":"{LANGUAGES[c.language]}","region":"{REGIONS[c.region]}",'
            f'"customer_segment":"{SEGMENTS[c.segment]}","entry_point":"{entry_point}",'
            f'"intent_id":"{INTENTS[c.intent]}","is_test":{"true" if c.is_test else "false"},'
            f'"is_spam":{"true" if c.is_spam else "false"},"ai_agent_id":{agent},'
            f'"release":{release}}}\n',
        )

    def say(
        self,
        c: Contact,
        at: int,
        actor: str,
        text: str,
        *,
        kind: str | None = None,
        confidence: float = 0.0,
    ) -> None:
        """A public message; ``kind`` and ``confidence`` are the AI agent's."""
        self._parts += 1
        head = (
            f'{{"type":"message","message_id":"m{c.thread}-{self._parts}",'
            f'"thread_id":"t{c.thread}","occurred_at":"{iso(at)}","actor":"{actor}"'
        )
        if kind is not None:
            thumbs = ""
            if c.feedback and kind == "answer":
                thumbs = f',"feedback":"{("", "positive", "negative")[c.feedback]}"'
            share = 0.45 + 0.5 * confidence if kind == "answer" else 0.2 + 0.4 * confidence
            tail = (
                f',"actor_id":"{AI_AGENT}","is_public":true,"text":"{text}","kind":"{kind}",'
                f'"intent_predicted":"{INTENTS[c.intent]}","ai_confidence":{share:.3f},'
                f'"latency_ms":{600 + int(2_400 * confidence)},'
                f'"release":"{RELEASES[c.release]}"{thumbs}}}\n'
            )
        elif actor == "human_agent":
            tail = f',"actor_id":"human-{c.thread % HUMANS}","is_public":true,"text":"{text}"}}\n'
        else:
            who = f'"{self.customer}"' if self.customer else "null"
            tail = f',"actor_id":{who},"is_public":true,"text":"{text}"}}\n'
        self.write(at, head + tail)

    def state(
        self, c: Contact, at: int, before: str, after: str, *, actor: str, reason: str
    ) -> None:
        """A state change; one in fifty is observed days later."""
        self._parts += 1
        late = ""
        if (c.thread + self._parts) % 50 == 0:
            late = f',"observed_at":"{iso(at + 2 * DAY + c.thread % DAY)}"'
        self.write(
            at,
            f'{{"type":"state_change","change_id":"s{c.thread}-{self._parts}",'
            f'"thread_id":"t{c.thread}","occurred_at":"{iso(at)}","from_state":"{before}",'
            f'"to_state":"{after}","actor":"{actor}","reason":"{reason}"{late}}}\n',
        )

    def handoff(self, c: Contact, at: int, reason: str, accepted: int | None) -> None:
        """A handoff from the AI agent to a person; nobody came when ``accepted`` is None."""
        when = "null" if accepted is None else f'"{iso(accepted)}"'
        self.write(
            at,
            f'{{"type":"handoff","handoff_id":"h{c.thread}-{c.number}","thread_id":"t{c.thread}",'
            f'"occurred_at":"{iso(at)}","from_actor":"ai_agent","to_actor":"human_agent",'
            f'"to_queue":"service","reason":"{reason}",'
            f'"is_planned":{"true" if reason == "planned_procedure" else "false"},'
            f'"accepted_at":{when},"is_failed":{"true" if accepted is None else "false"},'
            f'"context":{{"summary":"{INTENTS[c.intent]}"}}}}\n',
        )

    def action(self, c: Contact, at: int, name: str, status: str) -> None:
        """A transaction of the AI agent."""
        self.write(
            at,
            f'{{"type":"action","action_id":"a{c.thread}-{c.number}","thread_id":"t{c.thread}",'
            f'"occurred_at":"{iso(at)}","actor":"ai_agent","name":"{name}","kind":"transaction",'
            f'"status":"{status}","duration_ms":{200 + c.thread % 900}}}\n',
        )

    def suggestion(self, c: Contact, at: int, draw: float) -> None:
        """A draft offered to the person answering, and what became of it."""
        decision, retained = "ignored", "null"
        if draw < 0.5:
            decision, retained = "accepted", "1.0"
        elif draw < 0.75:
            decision, retained = "edited", f"{draw:.2f}"
        elif draw < 0.9:
            decision, retained = "rejected", "0.0"
        self.write(
            at,
            f'{{"type":"suggestion","suggestion_id":"g{c.thread}-{c.number}",'
            f'"thread_id":"t{c.thread}","occurred_at":"{iso(at)}",'
            f'"human_agent_id":"human-{c.thread % HUMANS}","kind":"draft",'
            f'"confidence":{0.4 + draw / 2:.3f},"decision":"{decision}",'
            f'"retained_share":{retained}}}\n',
        )

    def claim(self, c: Contact, at: int) -> None:
        """What the vendor says became of the contact."""
        is_billable = "true" if CLAIMS[c.claim].startswith("resolved") else "false"
        price = "0.99" if is_billable == "true" else "0"
        self.write(
            at,
            f'{{"type":"claim","claim_id":"v{c.thread}","thread_id":"t{c.thread}",'
            f'"occurred_at":"{iso(at)}","claimant":"demo_vendor",'
            f'"raw_value":"{_RAW_CLAIM[c.claim]}","claimed":"{CLAIMS[c.claim]}",'
            f'"api_version":"2.15","is_billable":{is_billable},"amount":{price},'
            f'"currency":"EUR"}}\n',
        )

    def survey(self, c: Contact, asked: int, answered: int | None) -> None:
        """A five-point satisfaction survey about the whole contact."""
        reply = f'"answered_at":"{iso(answered)}","score":{c.survey_score},' if answered else ""
        self.write(
            asked,
            f'{{"type":"survey","survey_id":"q{c.thread}","thread_id":"t{c.thread}",'
            f'"occurred_at":"{iso(asked)}","instrument":"csat","version":"1",'
            f'"asked_at":"{iso(asked)}",{reply}"scale_min":1,"scale_max":5,"about":"whole"}}\n',
        )

    def confirmation(self, c: Contact, at: int, kind: str, supports: str) -> None:
        """What the order system says about the contact's issue."""
        who = f'"{self.customer}"' if self.customer else "null"
        self.write(
            at,
            f'{{"type":"confirmation","confirmation_id":"o{c.thread}","thread_id":"t{c.thread}",'
            f'"occurred_at":"{iso(at)}","customer_id":{who},"system":"orders","kind":"{kind}",'
            f'"supports":"{supports}","intent_id":"{INTENTS[c.intent]}"}}\n',
        )

    def ai_cost(self, c: Contact) -> None:
        """Usage cost of the AI agent's messages."""
        self.write(
            c.last_activity,
            f'{{"type":"cost","cost_id":"u{c.thread}","thread_id":"t{c.thread}",'
            f'"occurred_at":"{iso(c.last_activity)}","kind":"ai_usage","quantity":'
            f'{c.ai_messages},"unit":"message","amount":"{c.ai_messages * 0.012:.6f}",'
            f'"currency":"EUR"}}\n',
        )

    def human_cost(self, c: Contact, at: int) -> None:
        """Minutes a person spent."""
        minutes = 4 + c.thread % 9
        self.write(
            at,
            f'{{"type":"cost","cost_id":"w{c.thread}-{c.number}","thread_id":"t{c.thread}",'
            f'"occurred_at":"{iso(at)}","kind":"human_minutes","quantity":{minutes},'
            f'"unit":"minute","amount":"{minutes * 0.62:.6f}","currency":"EUR"}}\n',
        )

    def licence(self, at: int, month: int) -> None:
        """One month's licence, belonging to no thread."""
        self.write(
            at,
            f'{{"type":"cost","cost_id":"licence-{month}","occurred_at":"{iso(at)}",'
            f'"kind":"platform_licence","quantity":1,"unit":"month","amount":"1500.000000",'
            f'"currency":"EUR"}}\n',
        )

    def guardrail(self, c: Contact, result: str, severity: str, response: str) -> None:
        """A policy check of the thread's first AI message."""
        self.write(
            c.first_ai,
            f'{{"type":"guardrail","guardrail_id":"p{c.thread}","thread_id":"t{c.thread}",'
            f'"occurred_at":"{iso(c.first_ai)}","policy_id":"promises","policy_version":"3",'
            f'"native_result":"{result}","result":"{result}","severity":"{severity}",'
            f'"response":"{response}","component":"output"}}\n',
        )

    def same_person(self, person: int, at: int) -> None:
        """Two customer ids are known under one mail address."""
        for part, known_as in enumerate(("cust", "mail"), 1):
            self.write(
                at,
                f'{{"type":"identity","identity_id":"i{person}-{part}","occurred_at":"{iso(at)}",'
                f'"customer_id":"{known_as}-{person:08d}","alias_kind":"email",'
                f'"alias":"person{person}@mail.example","is_removed":false}}\n',
            )

    def release(self, at: int, release: int, kind: str) -> None:
        """A release of the AI agent went live."""
        self.write(
            at,
            f'{{"type":"release","occurred_at":"{iso(at)}","ai_agent_id":"{AI_AGENT}",'
            f'"release":"{RELEASES[release]}","deployed_at":"{iso(at)}","kind":"{kind}"}}\n',
        )
