"""A sender's events in order, cut into sessions: one sender talks for years.

Only this module decides which session an event belongs to, which turns were undone later, which handoff
is a new one, and how a session ended. Order is the vendor's: position in a tracker, else time and then
the number of the row. Instants are epoch microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from candor.sources.instants import MINUTE, SECOND

SESSION_START = "action_session_start"
"""The action that begins a session; the event ``session_started`` follows it."""
EXPIRES_AFTER = 60
"""Minutes after which a session ends when nobody writes, unless the assistant sets another number."""


@dataclass(slots=True)
class Step:
    """One event as far as sessions need it.

    Attributes:
        at: its instant.
        word: type of event; of the action that begins a session, its name.
        channel: input channel, of user events.
        model: the model that handled it.
        environment: where the assistant ran.
        is_handoff: whether it passes the conversation to a person.
    """

    at: int
    word: str
    channel: str | None = None
    model: str | None = None
    environment: str | None = None
    is_handoff: bool = False


@dataclass(slots=True)
class Session:
    """One session.

    Attributes:
        thread: sender and start, which no later export changes.
        first: position of its first event.
        last: position of its last event.
        began: its first instant.
        ended: when nobody could write any more, and why; None when that is not known.
    """

    thread: str
    first: int
    last: int
    began: int
    ended: tuple[int, str] | None = None
    channel: str | None = None
    model: str | None = None
    environment: str | None = None


@dataclass(slots=True)
class Timeline:
    """The events of one sender.

    Args:
        sender: the sender's id.
        steps: in the vendor's order.
        expires_after: minutes of silence that end a session.
    """

    sender: str
    steps: list[Step]
    expires_after: int = EXPIRES_AFTER
    sessions: list[Session] = field(default_factory=list)
    undone: dict[int, str] = field(default_factory=dict)
    handoffs: set[int] = field(default_factory=set)
    _of: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Cut, mark and number."""
        self._keep_order()
        self._cut()
        self._mark()

    def session(self, position: int) -> Session:
        """The session of an event."""
        return self.sessions[self._of[position]]

    def _keep_order(self) -> None:
        # Clocks of JSON tools lose digits; within a second the vendor's order is worth more.
        last = None
        for step in self.steps:
            if last is not None and last - SECOND < step.at <= last:
                step.at = last + 1
            last = step.at

    def _cut(self) -> None:
        for position, step in enumerate(self.steps):
            start = self._start(position)
            if start is not None or not self.sessions:
                # What stands before the first start belongs to a session whose start was not exported.
                name = f"{self.sender}:{0 if start is None else start.at}"
                began = step.at if start is None else start.at
                self.sessions.append(Session(name, position, position, began))
            session = self.sessions[-1]
            session.last = position
            session.channel = session.channel or step.channel
            session.model = session.model or step.model
            session.environment = session.environment or step.environment
            if step.word in {"session_ended", "conversation_inactive"}:
                session.ended = (step.at, step.word)
            self._of.append(len(self.sessions) - 1)
        for session, following in zip(self.sessions, self.sessions[1:], strict=False):
            if session.ended is None:
                silent_until = self.steps[session.last].at + self.expires_after * MINUTE
                expired = silent_until <= following.began
                session.ended = (
                    (silent_until, "expired") if expired else (following.began, "restarted")
                )

    def _start(self, position: int) -> Step | None:
        """The start of the session that begins at a position; None where none does."""
        steps = self.steps
        word = steps[position].word
        if word == "session_started":
            is_begun = position > 0 and steps[position - 1].word == SESSION_START
            return None if is_begun else steps[position]
        if word != SESSION_START or position + 1 == len(steps):
            return None
        following = steps[position + 1]
        return following if following.word == "session_started" else None

    def _mark(self) -> None:
        """Turns that were undone, and handoffs that are not the echo of one already made."""
        since_user: dict[int, int] = {}
        is_handed = False
        here = -1
        for position, step in enumerate(self.steps):
            if self._of[position] != here:
                here, is_handed = self._of[position], False
            if step.word == "user":
                since_user[here] = position
            elif step.word == "rewind" and here in since_user:
                self._undo(range(since_user.pop(here), position), "rewind")
            elif step.word == "restart":
                self._undo(range(self.sessions[here].first, position), "restart")
            elif step.word == "resume":
                is_handed = False
            if step.is_handoff and not is_handed:
                self.handoffs.add(position)
                is_handed = True

    def _undo(self, positions: Iterable[int], word: str) -> None:
        for position in positions:
            self.undone.setdefault(position, word)
