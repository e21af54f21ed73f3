"""Plays one contact: its messages, state changes, handoffs and what other systems say afterwards.

Only this module decides in which order things happen. It writes canonical events and fills in the
ledger's row of the contact; the row never looks at the events. The stories are told by ``Contact``
endings, see ``world``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from candor.simulator.ledger import CLOSERS, REPLY_CLASSES, Contact
from candor.simulator.script import Script
from candor.simulator.texts import ANSWERS, LINES, OPENINGS, REPHRASED, Said

MINUTE: Final = 60
HOUR: Final = 3_600
EMAIL: Final = 2
AI_GAP = ((2, 9), (3, 20), (60, 600), (1, 4))
"""Seconds the AI agent takes, by channel: least and most."""
CUSTOMER_GAP = ((15, 120), (30, 900), (600, 3_600), (5, 30))
HUMAN_WAIT = ((45, 900), (120, 3_600), (1_800, 14_400), (20, 600))
HUMAN_GAP = ((30, 150), (60, 900), (900, 3_600), (10, 60))
IDLE_CLOSE = (2 * HOUR, 6 * HOUR, 20 * HOUR, HOUR)
"""Silence after which the system closes a contact, by channel."""
ASKED_FOR_PERSON = frozenset({"asked_human", "asked_nobody_came"})
UNANSWERED = frozenset(
    {"left_at_fallback", "left_at_clarification", "left_at_greeting", "out_of_hours"}
)
"""Endings before which no answer was given."""
_MOST_EXCHANGES = 7


class Scene:
    """One contact being played.

    Args:
        contact: its ledger row with the thread, person and segments filled in.
        script: where events are written.
        chances: draws in [0, 1), an endless supply.
    """

    def __init__(self, contact: Contact, script: Script, chances: Iterator[float]) -> None:
        self.c = contact
        self.script = script
        self.chances = chances
        self.now = contact.started
        self.lines = LINES[contact.language]
        self.number = str(100_000 + contact.thread % 900_000)
        channel = contact.channel
        self.ai_gap = self._between(AI_GAP[channel])
        self.customer_gap = self._between(CUSTOMER_GAP[channel])
        self.human_gap = self._between(HUMAN_GAP[channel])
        self.since_answer = self.since_ai = 0

    # -- the stories -----------------------------------------------------------------------------

    def with_ai(self, ending: str) -> None:
        """A contact the AI agent answers, up to its ending."""
        c = self.c
        if not c.is_inbound:
            self._ai("greeting", self.lines["proactive"])
            self._customer(self.lines["follow_up"])
        else:
            self._customer(OPENINGS[c.language][c.intent])
        if ending == "left_at_greeting" or next(self.chances) < 0.3:
            self._ai("greeting", self.lines["greeting"])
        if ending != "left_at_greeting":
            self._exchanges(has_answers=ending not in UNANSWERED)
        getattr(self, f"_end_{ending}")()

    def human_only(self, *, is_return: bool = False) -> None:
        """A contact a person answers from the start, perhaps about an old issue."""
        openings = OPENINGS[self.c.language][self.c.intent]
        self._customer(self.lines["return"] if is_return else openings)
        self._person_answers(self._between(HUMAN_WAIT[self.c.channel]))

    def unanswered_notice(self) -> None:
        """A proactive message nobody replies to."""
        self._ai("greeting", self.lines["proactive"])
        self._idle_close(1.0)

    def single(self, what: str) -> None:
        """One message of a tester or spammer, answered by nobody."""
        self._customer(LINES[0][what])
        self._idle_close(1.0)

    def comes_back(self, *, was_closed: bool, is_left_open: bool) -> None:
        """The customer writes again in the same thread; a person answers unless left open."""
        self._customer(self.lines["return"])
        if was_closed:
            self.script.state(
                self.c, self.now + 1, "closed", "open", actor="customer", reason="reopened"
            )
        if not is_left_open:
            self._person_answers(self._between(HUMAN_WAIT[self.c.channel]))

    # -- endings ---------------------------------------------------------------------------------

    def _end_affirm(self) -> None:
        self._answer()
        self._customer(self.lines["affirm"], "affirm")
        self._closed_by("customer", "customer_confirmed")

    def _end_thanks(self) -> None:
        self._answer()
        self._customer(self.lines["gratitude"], "gratitude")
        if next(self.chances) < 0.5:
            self._ai("closing", self.lines["closing"])
            self._closed_by("ai_agent", "ai_closed")
        else:
            self._idle_close(0.9)

    def _end_late_thanks(self) -> None:
        if self.c.channel == EMAIL:
            self._end_thanks()
            return
        self._answer()
        self._idle_close(1.0)
        # After the close, yet within a day of it: it belongs to the contact and is no return.
        self.now = max(self.now, self.c.closed)
        self._customer(self.lines["gratitude"], "gratitude")

    def _end_silence(self) -> None:
        self._answer(feedback=1 if self.c.is_solved and next(self.chances) < 0.06 else 0)
        self._idle_close(0.85)

    def _end_thumbs_down(self) -> None:
        self._answer(feedback=2)
        self._idle_close(0.9)

    def _end_negative(self) -> None:
        self._answer()
        self._customer(self.lines["negative"], "negative")
        self.c.is_rage_quit = 1
        self._idle_close(0.9)

    def _end_left_at_fallback(self) -> None:
        self._ai("fallback", self.lines["fallback"])
        self.c.is_rage_quit = self.c.is_abandoned = 1
        self._idle_close(0.9)

    def _end_left_at_clarification(self) -> None:
        self._ai("clarification", self.lines["clarification"])
        self.c.is_abandoned = 1
        self._idle_close(0.9)

    def _end_left_at_greeting(self) -> None:
        self.c.is_abandoned = 1
        self._idle_close(0.9)

    def _end_forced(self) -> None:
        self._answer()
        self._customer(self.lines["follow_up"])
        self.c.is_forced = 1
        self._closed_by("system", "automation")

    def _end_asked_human(self) -> None:
        if next(self.chances) < 0.6:
            self._answer()
        self._customer_asks()
        self._hand_over("customer_request")

    def _end_asked_nobody_came(self) -> None:
        # An answer comes first, so that the call for a person stands after the last answer.
        self._answer()
        self._customer_asks()
        self._nobody_comes("customer_request")
        self.c.is_rage_quit = 1

    def _end_low_confidence(self) -> None:
        self.c.is_proactive_handoff = 1
        reasons = ("low_confidence", "low_confidence", "policy", "sentiment")
        self._hand_over(reasons[int(next(self.chances) * len(reasons))])

    def _end_planned(self) -> None:
        self.script.action(self.c, self.now + 1, "collect_details", "succeeded")
        self._hand_over("planned_procedure")

    def _end_out_of_hours(self) -> None:
        self._nobody_comes("out_of_hours")

    # -- pieces ----------------------------------------------------------------------------------

    def _between(self, bounds: tuple[int, int]) -> int:
        return bounds[0] + int(next(self.chances) * (bounds[1] - bounds[0]))

    def _exchanges(self, *, has_answers: bool) -> None:
        c = self.c
        for _ in range(int(next(self.chances) ** 1.2 * (_MOST_EXCHANGES + 1))):
            draw = next(self.chances)
            if draw < 0.40 or (draw >= 0.55 and not has_answers):
                self._ai("clarification", self.lines["clarification"])
                self._customer(self.lines["detail"])
            elif draw < 0.55:
                self._ai("fallback", self.lines["fallback"])
                c.rephrases += 1
                self._customer(REPHRASED[c.language][c.intent])
            else:
                self._answer()
                self._customer(self.lines["follow_up"])

    def _answer(self, feedback: int = 0) -> None:
        c = self.c
        text = (ANSWERS[c.language][c.intent],) if c.answers == 0 else self.lines["more"]
        c.feedback = feedback
        self._ai("answer", text)

    def _customer_asks(self) -> None:
        self._customer(self.lines["asks_human"], "asks_human")
        self.c.asked_human = 1

    def _customer(self, texts: tuple[Said, ...], reply: str = "follow_up") -> None:
        c = self.c
        self.now += self.customer_gap if c.last_activity >= 0 else 0
        self.script.say(c, self.now, "customer", self._pick(texts))
        c.customer_messages += 1
        c.last_activity = self.now
        strength = REPLY_CLASSES.index(reply)
        self.since_answer = max(self.since_answer, strength)
        self.since_ai = max(self.since_ai, strength)
        c.reply_class = self.since_answer if c.answers else self.since_ai
        if c.first_customer < 0:
            c.first_customer = self.now

    def _ai(self, kind: str, texts: tuple[Said, ...]) -> None:
        c = self.c
        self.now += self.ai_gap if c.last_activity >= 0 else 0
        self.script.say(
            c, self.now, "ai_agent", self._pick(texts), kind=kind, confidence=next(self.chances)
        )
        c.ai_messages += 1
        c.last_activity = self.now
        self.since_ai = 0
        if kind == "answer":
            c.answers += 1
            self.since_answer = 0
        c.reply_class = self.since_answer if c.answers else 0
        c.fallbacks += kind == "fallback"
        c.clarifications += kind == "clarification"
        if c.first_ai < 0:
            c.first_ai = self.now

    def _person_answers(self, wait: int) -> None:
        c = self.c
        self.now += wait
        for what in ("human_answer", "human_more")[: 1 + (next(self.chances) < 0.4)]:
            self.script.say(c, self.now, "human_agent", self._pick(self.lines[what]))
            c.human_messages += 1
            c.last_activity = self.now
            if c.first_human < 0:
                c.first_human = self.now
            self.now += self.human_gap
        self.now = c.last_activity
        self.script.human_cost(c, self.now)
        if next(self.chances) < 0.5:
            self.script.suggestion(c, self.now, next(self.chances))
        if next(self.chances) < 0.6:
            self._customer(self.lines["gratitude"], "gratitude")
        self._closed_by("human_agent", "agent_closed")

    def _pick(self, texts: tuple[Said, ...]) -> str:
        before, after = texts[int(next(self.chances) * len(texts))]
        return before if after is None else before + self.number + after

    def _hand_over(self, reason: str) -> None:
        c = self.c
        self._ai("handoff_notice", self.lines["handoff_notice"])
        wait = self._between(HUMAN_WAIT[c.channel])
        c.attempted = c.escalated = self.now + 1
        c.accepted = c.escalated + wait
        c.escalation_turn = c.ai_messages
        self.script.handoff(c, c.escalated, reason, c.accepted)
        self.now = c.accepted
        self._person_answers(self.human_gap)

    def _nobody_comes(self, reason: str) -> None:
        c = self.c
        c.attempted = self.now + self.ai_gap
        self.script.handoff(c, c.attempted, reason, None)
        self._ai("handoff_notice", self.lines["nobody"])
        self._idle_close(0.9)

    def _closed_by(self, actor: str, reason: str) -> None:
        self._close(self.c.last_activity + self._between((30, 10 * MINUTE)), actor, reason)

    def _idle_close(self, chance: float) -> None:
        if next(self.chances) < chance:
            at = self.c.last_activity + IDLE_CLOSE[self.c.channel]
            self._close(at, "system", "inactivity")

    def _close(self, at: int, actor: str, reason: str) -> None:
        c = self.c
        if at >= self.script.ends_at:
            return
        c.closed = at
        c.closer = CLOSERS.index(actor)
        state = "solved" if actor in ("human_agent", "customer") else "closed"
        self.script.state(c, at, "open", state, actor=actor, reason=reason)
