"""Spans of traced AI agents: which thread each belongs to, which of them spoke, what was new in it.

Only this module decides that. Every model call repeats the whole history, calls are nested, and the
session is named on some spans of a trace; so an export is read ahead, and each span leaves a small
note here. What a customer said is a message once: where it is heard for the first time.

Assumptions: a span's descendants lie inside the answer it gives, so of nested agents and models the
outermost speaks; calls beneath tools, judges, guardrails and retrievers never do. Of several
outermost spans that answer the same words within one trace, the last to end speaks. Memory grows
with spans, some 400 bytes each, and with the messages of their histories, 16 bytes each. Instants are
epoch microseconds.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from candor.sources.prompts import Said

Role = Literal["agent", "model", "tool", "retriever", "guardrail", "step", "other"]
_SPEAKING = frozenset(("agent", "model"))
_SILENT = frozenset(("tool", "retriever", "guardrail", "step"))
_DEPTH = 200
_DOCUMENTS = 50


@dataclass(slots=True)
class Span:
    """One span in full, as a connector reads it.

    Attributes:
        id: unique within the source.
        trace: the trace it belongs to.
        parent: the span around it; None for a root.
        session: the conversation it names itself; None when it names none.
        started, ended: epoch microseconds; ``ended`` None while unknown.
        revision: orders later versions of the same span.
        role: what it is; a ``step`` (judge, embedding, prompt) says nothing, nor does what is in it.
        name: of the step, tool or model call.
        heard, said: the messages given, and the last text that came back.
        is_failed, is_denied: how a step ended, if not well.
        customer, agent, release, model: who and what took part, as far as the span says.
        is_test: made by a test, an experiment or outside production.
        cost: in ``currency``; None when the span states none.
        tokens: what was paid for.
        documents: ids of what a retriever found.
        arguments, result: of a tool or a guardrail.
        answers_as: an id under which evaluations know its answer.
        is_bare: a step that is none of an AI agent's: it carries the tree, its session and customer.
        extra: what no field holds.
    """

    id: str
    trace: str
    parent: str | None
    session: str | None
    started: int
    ended: int | None
    revision: int
    role: Role
    name: str
    heard: Sequence[Said] = ()
    said: str | None = None
    is_failed: bool = False
    is_denied: bool = False
    customer: str | None = None
    agent: str | None = None
    release: str | None = None
    model: str | None = None
    is_test: bool = False
    cost: Decimal | None = None
    currency: str = "USD"
    tokens: int | None = None
    documents: Sequence[str] = ()
    arguments: Any = None
    result: Any = None
    answers_as: str | None = None
    is_bare: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """When it ended, else when it began."""
        return self.started if self.ended is None else max(self.started, self.ended)


@dataclass(slots=True)
class _History:
    """What the customer said, as hashes, each with the hash of the answer before it (0: unknown)."""

    texts: array[int] = field(default_factory=lambda: array("q"))
    before: array[int] = field(default_factory=lambda: array("q"))
    trailing: int = 0

    def extend(self, other: _History, start: int) -> None:
        """Append what the other holds from a place on."""
        self.texts.extend(other.texts[start:])
        self.before.extend(other.before[start:])

    def holds(self, other: _History, at: int, size: int) -> bool:
        """Whether the other's first words stand here at a place."""
        # The first words alone rule most places out.
        if self.texts[at] != other.texts[0] or self.texts[at : at + size] != other.texts[:size]:
            return False
        return all(
            ours == theirs or not ours or not theirs
            for ours, theirs in zip(self.before[at : at + size], other.before[:size], strict=True)
        )

    def overlap(self, other: _History) -> int:
        """Length of the longest beginning of the other that ends this one."""
        for size in range(min(len(self.texts), len(other.texts)), 0, -1):
            if self.holds(other, len(self.texts) - size, size):
                return size
        return 0


@dataclass(slots=True)
class _Note:
    trace: str
    parent: str | None
    session: str | None
    started: int
    end: int
    revision: int
    role: Role
    history: _History
    has_text: bool
    has_cost: bool
    customer: str | None
    agent: str | None
    release: str | None
    is_test: bool
    documents: tuple[str, ...]
    is_bare: bool
    has_cost_below: bool = False


_Taking = tuple[str, _Note, bool, bool]
"""Id, note, whether it hears, whether it speaks."""


@dataclass(slots=True)
class Thread:
    """What is known of a thread once all its spans were noted."""

    id: str
    first: str
    started: int
    ended: int
    customer: str | None
    agent: str | None
    release: str | None
    is_test: bool
    is_trace: bool
    is_truncated: bool = False


@dataclass(slots=True)
class Forest:
    """The spans of an export."""

    notes: dict[str, _Note] = field(default_factory=dict)
    threads: dict[str, Thread] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    releases: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    fresh: dict[str, int] = field(default_factory=dict)
    speakers: set[str] = field(default_factory=set)
    documents: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def add(self, span: Span) -> None:
        """Note one span; of several versions the latest counts."""
        earlier = self.notes.get(span.id)
        if earlier is not None and earlier.revision > span.revision:
            return
        self.notes[span.id] = _Note(
            span.trace, span.parent, span.session, span.started, span.end, span.revision,
            span.role, _history(span.heard), bool(span.said), span.cost is not None, span.customer,
            span.agent, span.release, span.is_test, tuple(span.documents[:_DOCUMENTS]), span.is_bare,
        )  # fmt: skip
        if span.answers_as is not None:
            self.answers[span.answers_as] = span.id

    def thread_of(self, trace: str) -> str:
        """The thread of a trace: its session, else the trace itself."""
        return self.sessions.get(trace, trace)

    def settle(self) -> None:
        """Draw the conclusions, once every span was noted."""
        in_order = sorted(self.notes.items(), key=lambda one: (one[1].started, one[0]))
        for _, note in in_order:
            if note.session is not None:
                self.sessions.setdefault(note.trace, note.session)
        spoken: dict[str, list[_Taking]] = defaultdict(list)
        # Bare spans last: a trace of theirs alone is no thread.
        for identity, note in sorted(in_order, key=lambda one: one[1].is_bare):
            self._note_thread(identity, note)
        for identity, note in in_order:
            ancestors = list(self._ancestors(note))
            if note.has_cost:
                for ancestor in ancestors:
                    ancestor.has_cost_below = True
            hears, speaks = _part_of(note, ancestors)
            if hears or speaks:
                spoken[self.thread_of(note.trace)].append((identity, note, hears, speaks))
        for thread, spans in spoken.items():
            self._hear(self.threads[thread], spans)
        self._cite(in_order)

    def is_cost_leaf(self, identity: str) -> bool:
        """Whether no span beneath states a cost, so that this one's is not told twice."""
        return not self.notes[identity].has_cost_below

    def answer_of(self, identity: str) -> str | None:
        """The span whose answer a span is, or is part of; None when it is part of none."""
        if identity in self.speakers:
            return identity
        note = self.notes.get(identity)
        for _ in range(_DEPTH):
            if note is None or note.parent is None:
                return None
            if note.parent in self.speakers:
                return note.parent
            note = self.notes.get(note.parent)
        return None

    def _ancestors(self, note: _Note) -> Iterator[_Note]:
        parent, depth = note.parent, 0
        while parent is not None and depth < _DEPTH:
            above = self.notes.get(parent)
            if above is None or above.trace != note.trace:
                return
            yield above
            parent, depth = above.parent, depth + 1

    def _note_thread(self, identity: str, note: _Note) -> None:
        name = self.thread_of(note.trace)
        thread = self.threads.get(name)
        if note.is_bare:
            if thread is not None:
                thread.customer = thread.customer or note.customer
                thread.is_test = thread.is_test or note.is_test
            return
        if thread is None:
            self.threads[name] = Thread(
                name, identity, note.started, note.end, note.customer, note.agent, note.release,
                note.is_test, note.trace not in self.sessions,
            )  # fmt: skip
        else:
            thread.ended = max(thread.ended, note.end)
            thread.customer = thread.customer or note.customer
            thread.agent = thread.agent or note.agent
            thread.release = thread.release or note.release
            thread.is_test = thread.is_test or note.is_test
        if note.agent and note.release:
            self.releases.setdefault((note.agent, note.release), (note.started, identity))

    def _hear(self, thread: Thread, spans: Sequence[_Taking]) -> None:
        """Which words each span is the first to hear, and which span answers them."""
        known = _History()
        turn, last_trace = 0, ""
        speaking: dict[tuple[int, str], tuple[int, str]] = {}
        for identity, note, hears, speaks in spans:
            if hears:
                new, is_gap = _unheard(known, note.history, is_same_trace=note.trace == last_trace)
                thread.is_truncated |= is_gap
                last_trace = note.trace
                if new:
                    turn += 1
                    self.fresh[identity] = new
            if speaks:
                found = (note.end, identity)
                key = (turn, note.trace)
                speaking[key] = max(found, speaking.get(key, found))
        self.speakers.update(identity for _, identity in speaking.values())

    def _cite(self, in_order: Sequence[tuple[str, _Note]]) -> None:
        """Documents found since the last answer of a trace stand behind the next."""
        found: dict[str, dict[str, None]] = defaultdict(dict)
        by_trace: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for identity in self.speakers:
            note = self.notes[identity]
            by_trace[note.trace].append((note.end, identity))
        for answers in by_trace.values():
            answers.sort()
        for _, note in in_order:
            if note.documents and note.trace in by_trace:
                answers = by_trace[note.trace]
                chosen = next((one for end, one in answers if end >= note.end), answers[-1][1])
                found[chosen].update(dict.fromkeys(note.documents))
        self.documents = {identity: tuple(ids) for identity, ids in found.items()}


def _part_of(note: _Note, ancestors: Sequence[_Note]) -> tuple[bool, bool]:
    """Whether the customer is heard in a span, and whether it speaks: the outermost that can do.

    The two may be different spans: an agent that records its answer and not what it was asked.
    """
    if note.is_bare or not _is_eligible(note, is_root=_stands_free(ancestors)):
        return False, False
    hears, speaks = bool(note.history.texts), note.has_text
    for at, above in enumerate(ancestors):
        if above.role in _SILENT:
            return False, False
        if not above.is_bare and _is_eligible(above, is_root=_stands_free(ancestors[at + 1 :])):
            hears = hears and not above.history.texts
            speaks = speaks and not above.has_text
    return hears, speaks


def _stands_free(above: Sequence[_Note]) -> bool:
    """Whether only steps of other software lie around a span."""
    return all(one.is_bare for one in above)


def _is_eligible(note: _Note, *, is_root: bool) -> bool:
    return note.role in _SPEAKING or (note.role == "other" and is_root)


def _history(heard: Sequence[Said]) -> _History:
    """What a span was told; an answer without words does not end what the customer said."""
    found = _History()
    before = 0
    for said in heard:
        if said.role == "customer" and said.text:
            found.texts.append(hash(said.text))
            found.before.append(before)
            found.trailing += 1
        elif said.role == "ai_agent" and said.text:
            found.trailing = 0
            before = hash(said.text) or 1
    return found


def _unheard(known: _History, told: _History, *, is_same_trace: bool) -> tuple[int, bool]:
    """How many of a history's last words are new, and whether words between were never seen."""
    size = len(told.texts)
    if not size:
        return 0, False
    if size == told.trailing == 1 and not is_same_trace:
        # Nothing stands before it: it is no replay but what the customer said just now.
        known.extend(told, 0)
        return 1, False
    overlap = known.overlap(told)
    room = len(known.texts) - size
    if overlap == size or any(known.holds(told, at, size) for at in range(room, -1, -1)):
        return 0, False  # The same call made again.
    known.extend(told, overlap)
    new = min(told.trailing, size - overlap)
    return new, size - overlap > new
