"""Brings facts up to date: what new events touch is built anew, the rest is taken over as it stands.

A conversation depends on the events of its own thread, on those of the other threads of the same
person, on threads linked to them, and on a few values known from all data together. So whoever is
touched by a new event is built anew with everything of theirs, from events of their threads only;
facts that look across people are built from the facts brought up to date. Taken over is only what
could not have changed: every window of it was closed before. The result has the same rows as a build
from nothing (tested on random events); where that cannot be had, nothing is changed and the caller
builds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from candor.engines.duck import DuckEngine
from candor.events.registry import registry
from candor.facts import schema
from candor.facts.build import SCORED, BuiltFact, in_order, workshop_for
from candor.facts.references import register
from candor.facts.steps import EVENTS, Step, event_columns, steps
from candor.facts.workshop import Workshop
from candor.settings import Settings
from candor.workspace import HumanAgent, Intent

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
WHOLE = frozenset({"known_clock", "known_person", "known_whole", "orphan"})
"""Tables that are replaced as a whole: they are known wholly even from the touched threads."""
MOST = 4
"""Refreshed only when at most one in so many threads is touched; else building anew is as cheap."""
_THREADED = {
    name: next(field.required for field in kind.fields if field.name == "thread_id")
    for name, kind in registry().items()
    if any(field.name == "thread_id" for field in kind.fields)
}
"""Types of events that may name a thread, and whether each of them must."""
_OF_CUSTOMERS = ("confirmation", "survey")
"""Types of events that may name a customer instead of a thread."""
_INSTANTS = {
    name: ["occurred_at", *(field.name for field in kind.fields if field.kind == "timestamp")]
    for name, kind in registry().items()
}
_NOT_TOUCHED = "where thread_key not in (select thread_key from touched_thread)"
_FROM_OTHERS = {
    "_ai_seen": "select ai_agent_id, intent_id, min(started_at) from {stored}conversation"
    f" {_NOT_TOUCHED} and ai_messages > 0 group by ai_agent_id, intent_id",
    "_carrying": f"select source from {{stored}}handoff {_NOT_TOUCHED} and context_passed",
    "_suggesting": "select true from {stored}suggestion",
}
"""What the stored facts add to steps that are known from all data together."""
_WINDOWS = ("h24_us", "h48_us", "h72_us", "d3_us", "d7_us")
_LOOSE = frozenset({"assessment", "claim", "suggestion", "survey"})
"""Facts whose rows may belong to no conversation."""
_BY_THREAD = ("conversation", "rule_case")
_KEYS = {
    "message_line": "message_key", "message_mark": "message_key",
    "quality_mark": "conversation_key", "conversation": "conversation_key",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fresh:
    """What is new since the facts that are refreshed were built; each a temporary table.

    Attributes:
        threads: table of ``thread_key``: threads of new events, and of events that gave way to them.
        customers: table of ``customer_id``: whom events without a thread name.
    """

    threads: str = "fresh_thread"
    customers: str = "fresh_customer"


def touching() -> tuple[str, ...]:
    """Types of events that touch the thread they name: others are read whole, by what looks across people."""
    local = frozenset(name for name, step in steps().items() if _is_local(step))
    return tuple(kind for kind in sorted(_THREADED) if EVENTS + kind in event_columns(local))


def refresh_facts(
    engine: DuckEngine,
    settings: Settings,
    *,
    as_of_us: int,
    show: Callable[[], None],
    fresh: Fresh,
    intents: Sequence[Intent] = (),
    human_agents: Sequence[HumanAgent] = (),
    score: Callable[[], None] | None = None,
) -> list[BuiltFact] | None:
    """Bring the facts in the engine's database up to date with its ``ev_*`` views.

    Args:
        engine: holds the facts of an earlier build of the same definitions and settings, the views
            ``ev_*`` and ``ev_coverage``, and the tables of ``fresh``.
        settings: the workspace's configuration; the same as then.
        as_of_us: nothing later than this instant is known.
        show: makes the ``ev_*`` views of all events, anew.
        fresh: what is new since then.
        intents: rows of ``intents.yaml``; the same as then.
        human_agents: rows of ``agents.csv``; the same as then.
        score: as for ``build_facts``.

    Returns:
        One record per stored table; None when they must be built anew, and are then unchanged.
    """
    refreshing = _Refreshing(engine, show, fresh)
    register(engine, settings, as_of_us, intents, human_agents)
    try:
        if not (refreshing.is_later() and refreshing.find() and refreshing.make(score)):
            return None
        refreshing.merge()
    finally:
        refreshing.tidy()
        show()
    return refreshing.finish()


class _Refreshing:
    """One refresh, step after step."""

    def __init__(self, engine: DuckEngine, show: Callable[[], None], fresh: Fresh) -> None:
        self._engine, self._show, self._fresh = engine, show, fresh
        name = str(engine.rows("select current_database()")[0][0]).replace('"', '""')
        self._stored = f'"{name}".main.'
        """Prefix of the tables in the database, where temporary ones of the same name stand before them."""
        self._order = in_order()
        self._local = [step for step in self._order if _is_local(step)]
        self._columns = event_columns(frozenset(step.name for step in self._local))
        self._read = touching()
        self._made: list[str] = []
        self._built: list[BuiltFact] = []

    def is_later(self) -> bool:
        """Whether nothing known then is unknown now."""
        return bool(
            self._engine.rows(
                "select k.as_of_us <= s.as_of_us and k.horizon_us <= s.horizon_us"
                f" from {self._stored}known_clock as k cross join setting as s"
            )[0][0]
        )

    def find(self) -> bool:
        """Find the threads that must be built anew; whether they are few enough."""
        run = self._engine.run
        if self._engine.rows("select 1 from ev_assessment where thread_key is null limit 1"):
            return False  # it may name a message of any thread
        self._make([step for step in self._order if step.name in BEFORE])
        parts = " union ".join(self._unsettled())
        run(f"create or replace temp table touched_thread as {parts}")
        run(
            "create or replace temp table touched_person as"
            f" select n.person_key from _person as n"
            f" semi join {self._fresh.customers} as f on n.customer_id = f.customer_id"
            " union select n.person_key from _person as n semi join ("
            + " union ".join(
                f"select customer_id from {EVENTS}{kind} where thread_key is null and {self._late(kind)}"
                for kind in _OF_CUSTOMERS
            )
            + ") as v on n.customer_id = v.customer_id union"
            f" select k.person_key from {self._stored}known_person as k"
            f" semi join {self._fresh.customers} as f on k.customer_key = key60(f.customer_id)"
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
        touched, threads = self._engine.rows(
            "select (select count(*) from touched_thread), (select count(*) from _thread)"
        )[0]
        return int(touched) * MOST <= int(threads)

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
            for kind in sorted(self._read)
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
            f"select thread_key from {self._fresh.threads}",
            f"select c.thread_key from {known} where {undecided}",
            "select m.thread_key from ev_message as m anti join _thread as t using (thread_key)",
            *linked,
            *late,
        ]

    def _late(self, kind: str) -> str:
        """Condition on an event: it speaks of a time that had not come when the facts were built."""
        [(as_of,)] = self._engine.rows(f"select as_of_us from {self._stored}known_clock")
        return f"greatest({', '.join(_INSTANTS[kind])}) >= {as_of}"

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
            size = self._count("touched_thread")

    def make(self, score: Callable[[], None] | None) -> bool:
        """Build the touched threads in front of the stored facts; whether the others stand as they are."""
        for kind in self._read:
            self._engine.run(f"alter view {EVENTS}{kind} rename to all_{kind}")
            self._take(kind)
        for table in ("_thread", "_link"):
            self._engine.run(
                f"create or replace temp table {table} as"
                f" select * from {table} semi join touched_thread using (thread_key)"
            )
        workshop = workshop_for(self._engine, is_passing=True)
        for step in self._local:
            workshop.make(step)
            self._made.append(step.name)
            self._complete(workshop, step.name)
            if step.name == "known_whole" and not self._stands():
                return False
            if step.name == SCORED and score is not None:
                self._score(score)
                workshop.look_again("ev_assessment")
        return True

    def _take(self, kind: str) -> None:
        """Narrow a type of events to the touched threads, and to what names no thread."""
        listed = ", ".join(sorted(self._columns[EVENTS + kind] | {"thread_key"}))
        parts = [f"select {listed} from all_{kind} semi join touched_thread using (thread_key)"]
        if kind in _OF_CUSTOMERS:
            parts.append(
                f"select {listed} from all_{kind} where thread_key is null and (customer_id is null or"
                " customer_id in (select customer_id from _person semi join touched_person using (person_key)))"
            )
        elif not _THREADED[kind]:
            parts.append(f"select {listed} from all_{kind} where thread_key is null")
        self._engine.run(
            f"create or replace temp table part_{kind} as {' union all '.join(parts)};"
            f" create or replace temp view {EVENTS}{kind} as select * from part_{kind}"
        )

    def _complete(self, workshop: Workshop, name: str) -> None:
        """Add what the threads not touched contribute to a step about all of them."""
        if name not in _FROM_OTHERS:
            return
        others = _FROM_OTHERS[name].format(stored=self._stored)
        self._engine.run(
            f'create or replace temp table "{name}" as select * from "{name}" union {others}'
        )
        workshop.look_again(name)

    def _stands(self) -> bool:
        """Whether what other conversations read of all data together is as it was."""
        stored = self._stored
        moved = self._engine.rows(
            f"select 1 from {stored}known_whole as k anti join known_whole as n on k.kind = n.kind"
            " and k.name = n.name and k.value is not distinct from n.value limit 1"
        )
        added = self._engine.rows(
            f"select 1 from known_whole as n anti join {stored}known_whole as k"
            " on k.kind = n.kind and k.name = n.name"
            f" left join (select c.ai_agent_id, c.intent_id from {stored}conversation as c"
            " anti join touched_thread using (thread_key)) as c"
            " on (n.kind in ('agent', 'monitored') and n.name = coalesce(c.ai_agent_id, ''))"
            " or (n.kind = 'intent' and n.name = c.intent_id)"
            " where n.kind not in ('agent', 'intent', 'monitored')"
            " or c.ai_agent_id is not null or c.intent_id is not null limit 1"
        )
        return not moved and not added

    def _score(self, score: Callable[[], None]) -> None:
        """Have the touched conversations scored, and see what was appended."""
        for kind in ("message", "assessment"):
            self._engine.run(
                f"create or replace temp view {EVENTS}{kind} as"
                f" select * from all_{kind} semi join touched_thread using (thread_key)"
            )
        score()
        self._show()
        for kind in self._read:
            self._engine.run(
                f"drop view all_{kind}; alter view {EVENTS}{kind} rename to all_{kind}"
            )
            if kind == "assessment":
                self._take(kind)
            else:
                self._engine.run(f"create temp view {EVENTS}{kind} as select * from part_{kind}")

    def merge(self) -> None:
        """Put the rows made in the place of the stored ones."""
        run, stored = self._engine.run, self._stored
        run("begin transaction")
        run(
            "create or replace temp table gone as"
            f" select conversation_key from {stored}conversation semi join touched_thread using (thread_key)"
            " union select thread_key from touched_thread"
        )
        run(
            "create or replace temp table gone_message as"
            f" select message_key from {stored}message_line semi join gone using (conversation_key)"
        )
        for step in self._order:
            if step.name not in self._made or step.name.startswith("_"):
                continue
            table, new = f'{stored}"{step.name}"', f'"{step.name}"'
            if step.name in WHOLE:
                run(f"delete from {table}; insert into {table} by name select * from {new}")
                continue
            key, replaced = _key(step.name), _replaced(step.name)
            run(
                f"create or replace temp table kept as select {key} from ("
                f"select * from {table} where {replaced} intersect select * from {new})"
            )
            run(f"delete from {table} where ({replaced}) and {key} not in (from kept)")
            run(f"insert into {table} by name select * from {new} where {key} not in (from kept)")
        run(
            f"update {stored}conversation as c set"
            " followed_us = greatest(s.horizon_us - c.last_activity_at, 0),"
            " return_at_risk_us = greatest(coalesce(c.return_at, s.horizon_us) - c.last_activity_at, 0)"
            " from setting as s where c.followed_us is not null"
            " and c.followed_us <> greatest(s.horizon_us - c.last_activity_at, 0)"
        )
        run("commit")

    def tidy(self) -> None:
        """Drop what was made on the way, but for what the last steps read."""
        for name in self._made:
            kind = "view" if steps()[name].is_view else "table"
            self._engine.run(f'drop {kind} if exists temp.main."{name}"')
        for name in (
            "touched_thread",
            "touched_person",
            "linked_thread",
            "person_thread",
            "gone",
            "gone_message",
        ):
            self._engine.run(f"drop table if exists temp.main.{name}")
        for kind in registry():
            self._engine.run(f"drop view if exists temp.main.{EVENTS}{kind}")
            self._engine.run(f"drop view if exists temp.main.all_{kind}")
            self._engine.run(f"drop table if exists temp.main.part_{kind}")

    def finish(self) -> list[BuiltFact]:
        """Make the facts that look across people; how many rows every stored table has."""
        self._make([step for step in self._order if step.name in AFTER])
        for name in (*BEFORE, *AFTER):
            if name.startswith("_"):
                self._engine.run(f'drop table if exists temp.main."{name}"')
        spent = {one.name: one.seconds for one in self._built}
        return [
            BuiltFact(step.name, self._count(step.name), spent.get(step.name, 0.0))
            for step in self._order
            if not step.name.startswith("_")
        ]

    def _make(self, chosen: Sequence[Step]) -> None:
        workshop = workshop_for(self._engine)
        for step in chosen:
            started = time.perf_counter()
            workshop.make(step)
            self._built.append(BuiltFact(step.name, 0, time.perf_counter() - started))

    def _count(self, table: str) -> int:
        return int(self._engine.rows(f'select count(*) from "{table}"')[0][0])


def _replaced(fact: str) -> str:
    """Condition on the stored rows of a fact that the new ones replace."""
    if fact in _BY_THREAD:
        return "thread_key in (select thread_key from touched_thread)"
    if fact == "message_mark":
        condition = "message_key in (from gone_message)"
    else:
        key = "journey_key" if fact == "journey" else "conversation_key"
        condition = f"{key} in (from gone)"
    if fact == "message_mark" or fact in _LOOSE:
        condition += f' or {_key(fact)} in (select {_key(fact)} from "{fact}")'
    return condition


def _key(table: str) -> str:
    """The column whose values are unique in a stored table."""
    columns = schema.columns(table) if table in schema.facts() else {}
    if "event_key" in columns:
        return "event_key"
    return _KEYS[table] if table in _KEYS else schema.key(table)[0]


def _is_local(step: Step) -> bool:
    """Whether a step is about threads one by one; views of facts follow the tables they show."""
    is_shown = step.is_view and step.name in schema.facts()
    return step.name not in BEFORE | AFTER and not is_shown
