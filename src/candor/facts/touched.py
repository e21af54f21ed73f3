"""Finds the threads that a refresh builds anew: everything of whoever is touched by something new.

Writes the temporary tables ``touched_thread`` and ``touched_person``, from what is new, from what was
not decided when the stored facts were built, and from what connects threads: a person, a link.
"""

from __future__ import annotations

from candor.engines.duck import DuckEngine
from candor.events.registry import registry
from candor.facts import schema
from candor.facts.steps import EVENTS, Step, event_columns, steps

BEFORE = frozenset(
    {"_calendar", "_customer_edge", "_harm_source", "_link", "_monitored", "_person", "_scorer", "_thread"}
)  # fmt: skip
"""Steps made of all events, before anything is narrowed to the threads touched."""
AFTER = frozenset(
    {
        "_gap", "account_period", "agent_work", "exposure", "feedback_loop", "gap", "gap_step",
        "intervention", "invoice_line", "retention", "revenue", "spend", "worth",
    }
)  # fmt: skip
"""Steps that look across people, made of the facts brought up to date and of all events."""
THREADED = {
    name: next(field.required for field in kind.fields if field.name == "thread_id")
    for name, kind in registry().items()
    if any(field.name == "thread_id" for field in kind.fields)
}
"""Types of events that may name a thread, and whether each of them must."""
OF_CUSTOMERS = ("confirmation", "survey")
"""Types of events that may name a customer instead of a thread."""
_INSTANTS = {
    name: ["occurred_at", *(field.name for field in kind.fields if field.kind == "timestamp")]
    for name, kind in registry().items()
}
_WINDOWS = ("h24_us", "h48_us", "h72_us", "d3_us", "d7_us")


def is_local(step: Step) -> bool:
    """Whether a step is about threads one by one; views of facts follow the tables they show."""
    is_shown = step.is_view and step.name in schema.facts()
    return step.name not in BEFORE | AFTER and not is_shown


def touching() -> tuple[str, ...]:
    """Types of events that touch the thread they name: others are read whole, by what looks across people."""
    local = frozenset(name for name, step in steps().items() if is_local(step))
    return tuple(kind for kind in sorted(THREADED) if EVENTS + kind in event_columns(local))


def find_touched(engine: DuckEngine, stored: str) -> None:
    """Make ``touched_thread`` and ``touched_person``.

    Args:
        engine: holds the stored facts, the views ``ev_*``, the steps of ``BEFORE``, and what is new:
            ``fresh_thread`` (threads of new events, and of events that gave way to them) and
            ``fresh_customer`` (whom new events without a thread name).
        stored: prefix of the stored tables.
    """
    _Finding(engine, stored).find()


def forget(engine: DuckEngine) -> None:
    """Drop the tables again."""
    for name in ("touched_thread", "touched_person", "linked_thread", "person_thread"):
        engine.run(f"drop table if exists temp.main.{name}")


class _Finding:
    def __init__(self, engine: DuckEngine, stored: str) -> None:
        self._engine, self._stored = engine, stored
        [(self._as_of,)] = engine.rows(f"select as_of_us from {stored}known_clock")

    def find(self) -> None:
        run = self._engine.run
        parts = " union ".join(self._unsettled())
        run(f"create or replace temp table touched_thread as {parts}")
        run(
            "create or replace temp table touched_person as"
            " select n.person_key from _person as n"
            " semi join fresh_customer as f on n.customer_id = f.customer_id"
            " union select n.person_key from _person as n semi join ("
            + " union ".join(
                f"select customer_id from {EVENTS}{kind} where thread_key is null and {self._late(kind)}"
                for kind in OF_CUSTOMERS
            )
            + ") as v on n.customer_id = v.customer_id union"
            f" select k.person_key from {self._stored}known_person as k"
            f" semi join fresh_customer as f on k.customer_key = key60(f.customer_id)"
            " union"
            " select unnest([k.person_key, n.person_key])"
            f" from {self._stored}known_person as k"
            " inner join _person as n on k.customer_key = key60(n.customer_id)"
            " where k.person_key <> n.person_key"
        )
        run(
            "create or replace temp table linked_thread as"
            " select key60(from_thread_id) as thread_key, key60(to_thread_id) as other_key from ev_link"
            " union select key60(to_thread_id), key60(from_thread_id) from ev_link"
        )
        run(
            "create or replace temp table person_thread as"
            " select n.person_key, t.thread_key from _thread as t"
            " inner join _person as n on t.customer_id = n.customer_id"
            f" union select person_key, thread_key from {self._stored}conversation where customer_known"
        )
        self._close()

    def _unsettled(self) -> list[str]:
        """Queries for the threads of which something is new, or was not decided yet."""
        # A window of a conversation that closed between the two instants was open before.
        closed = " or ".join(
            f"c.last_activity_at + s.{window} > k.horizon_us and c.last_activity_at + s.{window} <= s.horizon_us"
            for window in _WINDOWS
        )
        # Closed by somebody after its idle gap, which had not run out as far as its source reached.
        late_close = "c.ended_at = c.closed_at and c.closed_at > c.last_activity_at"
        undecided = f"c.is_open or {closed} or ({late_close} and c.ended_at > k.horizon_us)"
        late = (
            f"select thread_key from {EVENTS}{kind} where thread_key is not null and {self._late(kind)}"
            for kind in touching()
        )
        linked = (
            f"select key60({end}) from ev_link where {self._late('link')}"
            for end in ("from_thread_id", "to_thread_id")
        )
        stored = self._stored
        known = (
            f"{stored}conversation as c cross join {stored}known_clock as k cross join setting as s"
        )
        return [
            "select thread_key from fresh_thread",
            f"select c.thread_key from {known} where {undecided}",
            "select m.thread_key from ev_message as m anti join _thread as t using (thread_key)",
            *linked,
            *late,
        ]

    def _late(self, kind: str) -> str:
        """Condition on an event: it speaks of a time that had not come when the facts were built."""
        return f"greatest({', '.join(_INSTANTS[kind])}) >= {self._as_of}"

    def _close(self) -> None:
        """Add whoever is connected to a touched thread, until nobody is missing."""
        grown, size = -1, 0
        while grown != size:
            grown = size
            self._engine.run(
                "insert into touched_person select p.person_key from person_thread as p"
                " semi join touched_thread using (thread_key)"
                " anti join touched_person as known on p.person_key = known.person_key"
            )
            for more in (
                "select p.thread_key from person_thread as p semi join touched_person using (person_key)",
                "select k.other_key from linked_thread as k semi join touched_thread using (thread_key)",
            ):
                self._engine.run(
                    f"insert into touched_thread select distinct thread_key from ({more}) as found (thread_key)"
                    " anti join touched_thread as known using (thread_key)"
                )
            [(size,)] = self._engine.rows("select count(*) from touched_thread")
