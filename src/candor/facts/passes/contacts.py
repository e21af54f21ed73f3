"""Contacts of threads: ``_activity``, ``_contact`` and ``_recount`` in one look at the messages.

Reads ``_message`` sorted by thread and time. A thread's messages are cut where ``_split`` says that a
contact begins; everything else is the first, the last and the number of messages of a kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from candor.facts.passes.runs import (
    EARLIEST,
    LATEST,
    Flags,
    Integers,
    Runs,
    column,
    first_at_or_after,
    instant,
)
from candor.facts.passes.shelf import Shelf

CUSTOMER, AI, HUMAN = 0, 1, 2
UNKNOWN, ANSWER, CLARIFICATION, GREETING, FALLBACK, _NOTICE, ENDING = range(7)


@dataclass(frozen=True, slots=True)
class Messages:
    """Public messages in order of thread and time.

    Attributes:
        thread_key: thread of each.
        occurred_at: epoch µs.
        actor: 0 customer, 1 AI agent, 2 human agent.
        kind: see ``_message``.
        feedback: 1 liked, -1 disliked.
    """

    thread_key: Integers
    occurred_at: Integers
    actor: npt.NDArray[np.int8]
    kind: npt.NDArray[np.int8]
    feedback: npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Contacts:
    """Messages cut into contacts.

    Attributes:
        messages: all of them.
        runs: rows of each contact.
        thread_key: thread of each contact.
        conversation_no: its number inside the thread.
        from_at: no message of the contact is earlier; ``EARLIEST`` for a thread's first.
    """

    messages: Messages
    runs: Runs
    thread_key: Integers
    conversation_no: npt.NDArray[np.int32]
    from_at: Integers


def messages(shelf: Shelf) -> Messages:
    """The held columns of ``_message``."""
    rows = shelf.rows("_message", ("thread_key", "occurred_at", "actor", "kind", "feedback"))
    return Messages(*(one.to_numpy() for one in rows.columns))


def contacts(shelf: Shelf) -> Contacts:
    """Messages cut where ``_split`` says."""
    return shelf.once("contacts", ("_message", "_split"), partial(_cut, shelf))


def _cut(shelf: Shelf) -> Contacts:
    told = messages(shelf)
    threads = Runs.of(told.thread_key)
    split = shelf.rows("_split", ("thread_key", "conversation_no", "from_at"))
    cut_thread, cut_no, cut_at = (
        one.to_numpy().astype(np.int64, copy=False) for one in split.columns
    )
    later = cut_no > 1
    cut_thread, cut_no, cut_at = cut_thread[later], cut_no[later], cut_at[later]
    firsts = told.thread_key[threads.starts[:-1]]
    thread = np.searchsorted(firsts, cut_thread)
    place = first_at_or_after(
        told.occurred_at, threads.starts[thread], threads.starts[thread + 1], cut_at
    )
    count = len(firsts)
    start = np.concatenate((threads.starts[:-1], place))
    number = np.concatenate((np.ones(count, dtype=np.int64), cut_no))
    since = np.concatenate((np.full(count, EARLIEST), cut_at))
    # Of several contacts that begin at one row, all but the last are empty.
    order = np.lexsort((number, start))
    start, number, since = start[order], number[order], since[order]
    kept = np.append(start[1:] != start[:-1], True) if len(start) else np.zeros(0, dtype=bool)
    start, number, since = start[kept], number[kept], since[kept]
    runs = Runs(np.append(start, len(told.thread_key)))
    return Contacts(told, runs, told.thread_key[start], number.astype(np.int32), since)


def activity(shelf: Shelf) -> pa.Table:
    """``_activity``."""
    told = messages(shelf)
    threads = Runs.of(told.thread_key)
    return pa.table(
        {
            "thread_key": told.thread_key[threads.starts[:-1]],
            "first_at": told.occurred_at[threads.starts[:-1]],
            "last_at": told.occurred_at[threads.starts[1:] - 1],
            "last_customer_at": instant(
                threads.choose(told.actor == CUSTOMER).last(told.occurred_at)
            ),
            "messages": threads.lengths,
        }
    )


def contact(shelf: Shelf) -> pa.Table:
    """``_contact``."""
    cut = contacts(shelf)
    told, runs, at = cut.messages, cut.runs, cut.messages.occurred_at
    of_ai = told.actor == AI
    by_actor = {
        name: runs.choose(told.actor == actor)
        for name, actor in (("customer", CUSTOMER), ("ai", AI), ("human", HUMAN))
    }
    by_kind = {
        kind: runs.choose(of_ai & (told.kind == kind))
        for kind in (UNKNOWN, ANSWER, CLARIFICATION, GREETING, FALLBACK, ENDING)
    }
    count = {kind: chosen.count for kind, chosen in by_kind.items()}
    columns: dict[str, pa.Array] = {
        "thread_key": column(cut.thread_key),
        "conversation_no": column(cut.conversation_no),
        "first_at": column(at[runs.starts[:-1]]),
        "last_at": column(at[runs.starts[1:] - 1]),
    }
    for name, chosen in by_actor.items():
        columns[f"first_{name}_at"] = instant(chosen.first(at))
        columns[f"last_{name}_at"] = instant(chosen.last(at))
    last_prompt = np.maximum(by_kind[CLARIFICATION].last(at), by_kind[GREETING].last(at))
    columns |= {
        "first_ai_answer_at": instant(by_kind[ANSWER].first(at)),
        "last_ai_answer_at": instant(by_kind[ANSWER].last(at)),
        "last_ai_prompt_at": instant(last_prompt),
        "last_ai_fallback_at": instant(by_kind[FALLBACK].last(at)),
        "last_ai_unknown_at": instant(by_kind[UNKNOWN].last(at)),
        "last_liked_at": instant(runs.choose(of_ai & (told.feedback == 1)).last(at)),
        "last_disliked_at": instant(runs.choose(of_ai & (told.feedback == -1)).last(at)),
        **{f"{name}_messages": column(chosen.count) for name, chosen in by_actor.items()},
        "ai_unknown": column(count[UNKNOWN]),
        "ai_answers": column(count[ANSWER]),
        "ai_clarifications": column(count[CLARIFICATION]),
        "ai_greetings": column(count[GREETING]),
        "ai_fallbacks": column(count[FALLBACK]),
        "ai_turns": column(count[UNKNOWN] + count[ANSWER] + count[CLARIFICATION] + count[FALLBACK]),
        "ai_endings": column(count[ENDING]),
    }
    return pa.table(columns)


def recount(shelf: Shelf) -> pa.Table:
    """``_recount``."""
    cut = contacts(shelf)
    told, runs, at = cut.messages, cut.runs, cut.messages.occurred_at
    owner = runs.owners()
    of_customer, of_ai, of_human = (told.actor == actor for actor in (CUSTOMER, AI, HUMAN))
    customer, ai, human = (runs.choose(rows) for rows in (of_customer, of_ai, of_human))
    answer = runs.choose(of_ai & (told.kind == ANSWER))
    first_customer, last_customer = customer.first(at, LATEST), customer.last(at)
    first_answer = np.minimum(answer.first(at, LATEST), human.first(at, LATEST))
    escalated = _escalated(shelf, cut)
    target = (
        (customer.has & (ai.first(at, LATEST) < first_customer))
        | (customer.has & (human.first(at, LATEST) < first_customer))
        | (customer.has & (first_answer < last_customer))
        | (escalated != LATEST)
    )

    def early(rows: Integers, limit: Integers) -> Flags:
        """Rows, as flags over all, that lie before the limit of their contact."""
        flags = np.zeros(len(at), dtype=bool)
        flags[rows] = at[rows] < limit[owner[rows]]
        return flags

    def late(rows: Integers, limit: Integers) -> Flags:
        flags = np.zeros(len(at), dtype=bool)
        flags[rows] = at[rows] >= limit[owner[rows]]
        return flags

    # An instant at the answer itself still counts; without an answer none does.
    until = np.where(first_answer == LATEST, EARLIEST, first_answer + 1)
    before_escalation = np.where(escalated == LATEST, EARLIEST, escalated)
    columns = {
        "thread_key": column(cut.thread_key),
        "conversation_no": column(cut.conversation_no),
        "messages_before_answer": column(runs.choose(early(customer.rows, until)).count),
        "ai_reply_at": instant(runs.choose(late(ai.rows, first_customer)).first(at)),
        "human_reply_at": instant(runs.choose(late(human.rows, first_customer)).first(at)),
        "human_takeover_at": instant(runs.choose(late(human.rows, escalated)).first(at)),
        "escalation_turn": column(runs.choose(early(ai.rows, before_escalation)).count),
    }
    return pa.table(columns).filter(pa.array(target))


def _escalated(shelf: Shelf, cut: Contacts) -> Integers:
    """For each contact the instant of its escalation, ``LATEST`` without one."""
    rows = shelf.rows("_escalation", ("thread_key", "conversation_no", "escalated_at"))
    rows = rows.filter(rows.column("escalated_at").is_valid())
    thread, number, at = (one.to_numpy().astype(np.int64, copy=False) for one in rows.columns)
    found = np.full(len(cut.thread_key), LATEST)
    if not len(found):
        return found
    low = np.searchsorted(cut.thread_key, thread)
    high = np.searchsorted(cut.thread_key, thread, side="right")
    place = first_at_or_after(cut.conversation_no.astype(np.int64), low, high, number)
    here = np.minimum(place, len(found) - 1)
    is_there = (place < high) & (cut.conversation_no[here] == number)
    found[here[is_there]] = at[is_there]
    return found
