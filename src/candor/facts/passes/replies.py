"""What customers were heard to say: ``_heard`` in one look at the signals.

Reads ``_signal`` sorted by thread and time, and the contacts that messages were cut into. A signal belongs
to the contact running at its instant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from candor.facts.passes.contacts import CUSTOMER, Contacts, contacts
from candor.facts.passes.runs import (
    EARLIEST,
    LATEST,
    Chosen,
    Flags,
    Integers,
    Runs,
    column,
    first_at_or_after,
    instant,
)
from candor.facts.passes.shelf import Shelf

CLASS, SENTIMENT, REPHRASE = 1, 2, 3
GRATITUDE, AFFIRM, FOLLOW_UP, NEGATIVE, ASKS_HUMAN = range(1, 6)
_SENTIMENT_SPAN = 2_097_152
_SENTIMENT_ZERO = 1_000_000


@dataclass(frozen=True, slots=True)
class _Signals:
    """Signals that belong to a contact, in order of contact and time.

    Attributes:
        runs: rows of each contact.
        occurred_at: epoch µs of the message.
        kind: class, sentiment or rephrase.
        code: what it says; meaningless where not known.
        is_known: the scorer did not abstain.
    """

    runs: Runs
    occurred_at: Integers
    kind: npt.NDArray[np.int32]
    code: Integers
    is_known: Flags


def heard(shelf: Shelf) -> pa.Table:
    """``_heard``."""
    cut = contacts(shelf)
    told = _signals(shelf, cut)
    at = told.occurred_at
    of_class = (told.kind == CLASS) & told.is_known
    scored = told.runs.choose(of_class)
    by_class = {
        code: told.runs.choose(of_class & (told.code == code))
        for code in range(GRATITUDE, ASKS_HUMAN + 1)
    }
    more = told.runs.choose(of_class & (told.code >= FOLLOW_UP))
    first_code = more.least(at[more.rows] * 8 + 7 - told.code[more.rows])
    feeling = told.runs.choose((told.kind == SENTIMENT) & told.is_known)
    value = told.code[feeling.rows]
    packed = at[feeling.rows] // 1000 * _SENTIMENT_SPAN + value + _SENTIMENT_ZERO
    rephrased = told.runs.choose((told.kind == REPHRASE) & told.is_known & (told.code == 1))
    has_signal = told.runs.lengths > 0
    messages = cut.messages
    customer = cut.runs.choose(messages.actor == CUSTOMER)
    first_unscored, last_unscored = _unscored(cut, customer, told, scored, has_signal)
    first_customer, last_customer = (
        customer.first(messages.occurred_at),
        customer.last(messages.occurred_at),
    )
    anchors = shelf.rows(
        "_contact",
        ("thread_key", "conversation_no", "last_ai_answer_at", "last_ai_at", "last_human_at"),
    )
    anchor = pc.coalesce(*anchors.columns[2:])
    columns = {
        "thread_key": column(cut.thread_key),
        "conversation_no": column(cut.conversation_no),
        "last_customer_at": instant(last_customer),
        "anchor_at": anchor,
        "scored_messages": column(scored.count, has_signal),
        "last_gratitude_at": instant(by_class[GRATITUDE].last(at)),
        "last_affirm_at": instant(by_class[AFFIRM].last(at)),
        "last_follow_up_at": instant(by_class[FOLLOW_UP].last(at)),
        "last_negative_at": instant(by_class[NEGATIVE].last(at)),
        "first_asks_human_at": instant(by_class[ASKS_HUMAN].first(at)),
        "last_asks_human_at": instant(by_class[ASKS_HUMAN].last(at)),
        "first_code": instant(first_code),
        "first_sentiment": instant(feeling.least(packed)),
        "last_sentiment": instant(feeling.greatest(packed)),
        "sentiment_total": column(feeling.total(value), feeling.has),
        "sentiment_messages": column(feeling.count, has_signal),
        "rephrases": column(rephrased.count, has_signal),
        "first_unscored_at": instant(np.where(has_signal, first_unscored, first_customer)),
        "last_unscored_at": instant(np.where(has_signal, last_unscored, last_customer)),
    }
    return pa.table(columns).filter(pa.array(customer.has))


def _signals(shelf: Shelf, cut: Contacts) -> _Signals:
    rows = shelf.rows("_signal", ("thread_key", "occurred_at", "signal", "code"))
    thread, at, kind = (
        rows.column(name).to_numpy() for name in ("thread_key", "occurred_at", "signal")
    )
    known = rows.column("code")
    is_known = known.is_valid().to_numpy()
    code = known.fill_null(0).to_numpy().astype(np.int64, copy=False)
    owner = _owner(cut, thread, at)
    inside = owner >= 0
    if not inside.all():
        owner, at, kind, code, is_known = (one[inside] for one in (owner, at, kind, code, is_known))
    counts = np.bincount(owner, minlength=len(cut.thread_key))
    return _Signals(Runs.counted(counts), at, kind, code, is_known)


def _owner(cut: Contacts, thread: Integers, at: Integers) -> Integers:
    """For each signal the number of its contact, -1 where its thread has no message."""
    runs = Runs.of(thread)
    keys = thread[runs.starts[:-1]]
    if not len(cut.thread_key) or not len(keys):
        return np.full(len(thread), -1, dtype=np.int64)
    low = np.searchsorted(cut.thread_key, keys)
    high = np.searchsorted(cut.thread_key, keys, side="right")
    owner = np.repeat(np.where(high > low, low, -1), runs.lengths)
    several = np.flatnonzero(np.repeat(high - low > 1, runs.lengths))
    if len(several):
        first = owner[several]
        until = np.repeat(high, runs.lengths)[several]
        # The contact is the last one that begins no later: one before the first that begins after.
        after = first_at_or_after(cut.from_at, first, until, at[several] + 1)
        owner[several] = np.maximum(after - 1, -1)
        owner[several[after == first]] = -1
    return owner


def _unscored(
    cut: Contacts, customer: Chosen, told: _Signals, scored: Chosen, has_signal: Flags
) -> tuple[Integers, Integers]:
    """First and last instant with more customer messages than classes, where classes are missing."""
    nothing = np.full(len(cut.thread_key), EARLIEST)
    partly = has_signal & (scored.count < customer.count)
    if not partly.any():
        return nothing, nothing
    owners = np.repeat(np.arange(len(partly)), customer.count)
    kept = partly[owners]
    owners, at = owners[kept], cut.messages.occurred_at[customer.rows[kept]]
    begins = np.append(True, (owners[1:] != owners[:-1]) | (at[1:] != at[:-1]))
    places = np.flatnonzero(begins)
    said = np.diff(np.append(places, len(at)))
    owners, at = owners[places], at[places]
    class_at = told.occurred_at[scored.rows]
    low, high = scored.since[owners], scored.since[owners] + scored.count[owners]
    first = first_at_or_after(class_at, low, high, at)
    judged = first_at_or_after(class_at, first, high, at + 1) - first
    missing = said > judged
    owners, at = owners[missing], at[missing]
    first_at, last_at = np.full(len(partly), LATEST), nothing.copy()
    np.minimum.at(first_at, owners, at)
    np.maximum.at(last_at, owners, at)
    return np.where(first_at == LATEST, EARLIEST, first_at), last_at
