"""What was planted, one row of small integers per contact, kept for the reckoning of the truth.

A contact is one conversation inside a thread. Times are seconds since 1970, -1 where nothing of
the kind happened; codes index the tuples of ``world`` and ``texts``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

REPLY_CLASSES = ("none", "gratitude", "affirm", "follow_up", "negative", "asks_human")
VERDICTS = ("", "confirms", "contradicts")
FEEDBACK = ("", "pos", "neg")
CLAIMS = ("", "resolved_assumed", "resolved_confirmed", "escalated", "abandoned")
CLOSERS = ("", "customer", "ai_agent", "human_agent", "system")


@dataclass(slots=True)
class Contact:
    """One contact as it was played.

    ``person`` is -1 for an unknown customer; ``number`` counts contacts inside the thread from 1;
    ``chance_*`` are the generating chances in millionths, -1 where the AI agent took no part.
    """

    thread: int = 0
    number: int = 1
    person: int = -1
    intent: int = 0
    channel: int = 0
    segment: int = 0
    region: int = 0
    language: int = 0
    release: int = 0
    is_inbound: int = 1
    is_test: int = 0
    is_spam: int = 0
    started: int = -1
    first_customer: int = -1
    first_ai: int = -1
    first_human: int = -1
    last_activity: int = -1
    closed: int = -1
    closer: int = 0
    customer_messages: int = 0
    ai_messages: int = 0
    human_messages: int = 0
    answers: int = 0
    fallbacks: int = 0
    clarifications: int = 0
    rephrases: int = 0
    attempted: int = -1
    escalated: int = -1
    accepted: int = -1
    escalation_turn: int = -1
    is_proactive_handoff: int = 0
    asked_human: int = 0
    reply_class: int = 0
    feedback: int = 0
    is_abandoned: int = 0
    is_rage_quit: int = 0
    is_forced: int = 0
    verdict: int = 0
    claim: int = 0
    survey_asked: int = 0
    survey_score: int = -1
    is_solved: int = -1
    is_silent: int = 0
    chance_solved: int = -1
    chance_contained: int = -1
    chance_escalated: int = -1


COLUMNS = tuple(one.name for one in fields(Contact))
_BLOCK = 10_000


@dataclass(slots=True)
class Ledger:
    """Contacts added one by one, given back as columns of 32-bit integers."""

    _rows: list[list[int]] = field(default_factory=list)
    _blocks: list[NDArray[np.int32]] = field(default_factory=list)

    def add(self, contact: Contact) -> None:
        """Keeps a copy of the contact's values."""
        self._rows.append([getattr(contact, name) for name in COLUMNS])
        if len(self._rows) >= _BLOCK:
            self._pack()

    def columns(self) -> dict[str, NDArray[np.int32]]:
        """All contacts as i4[n] by column name, in the order they were added."""
        self._pack()
        empty = np.zeros((0, len(COLUMNS)), np.int32)
        table = np.concatenate(self._blocks) if self._blocks else empty
        self._blocks = [table]
        return {name: table[:, at] for at, name in enumerate(COLUMNS)}

    def _pack(self) -> None:
        if self._rows:
            self._blocks.append(np.array(self._rows, dtype=np.int32))
            self._rows = []
