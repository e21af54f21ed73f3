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

from candor.engines.duck import DuckEngine
from candor.events.registry import registry
from candor.facts import schema
from candor.facts.build import SCORED, BuiltFact, in_order, workshop_for
from candor.facts.references import register
from candor.facts.steps import EVENTS, Step, event_columns, steps
from candor.facts.touched import (
    AFTER,
    BEFORE,
    OF_CUSTOMERS,
    THREADED,
    find_touched,
    forget,
    is_local,
    touching,
)
from candor.facts.workshop import Workshop
from candor.settings import Settings
from candor.workspace import HumanAgent, Intent

MOST = 4
"""Refreshed only when at most one in so many threads is touched; else building anew is as cheap."""
WHOLE = frozenset({"known_clock", "known_person", "known_whole", "orphan"})
"""Tables that are replaced as a whole: they are known wholly even from the touched threads."""
_NOT_TOUCHED = "where thread_key not in (select thread_key from touched_thread)"
_FROM_OTHERS = {
    "_ai_seen": "select ai_agent_id, intent_id, min(started_at) from {stored}conversation"
    f" {_NOT_TOUCHED} and ai_messages > 0 group by ai_agent_id, intent_id",
    "_carrying": f"select source from {{stored}}handoff {_NOT_TOUCHED} and context_passed",
    "_suggesting": "select true from {stored}suggestion",
}
"""What the stored facts add to steps that are known from all data together."""
_LOOSE = frozenset({"assessment", "claim", "suggestion", "survey"})
"""Facts whose rows may belong to no conversation."""
_BY_THREAD = ("conversation", "rule_case")
_KEYS = {
    "message_line": "message_key", "message_mark": "message_key",
    "quality_mark": "conversation_key", "conversation": "conversation_key",
}  # fmt: skip


def refresh_facts(
    engine: DuckEngine,
    settings: Settings,
    *,
    as_of_us: int,
    show: Callable[[], None],
    intents: Sequence[Intent] = (),
    human_agents: Sequence[HumanAgent] = (),
    score: Callable[[], None] | None = None,
) -> list[BuiltFact] | None:
    """Bring the facts in the engine's database up to date with its ``ev_*`` views.

    Args:
        engine: holds the facts of an earlier build of the same definitions and settings, the views
            ``ev_*`` and ``ev_coverage``, and what is new since then: ``fresh_thread`` and
            ``fresh_customer`` (see ``find_touched``).
        settings: the workspace's configuration; the same as then.
        as_of_us: nothing later than this instant is known.
        show: makes the ``ev_*`` views of all events, anew.
        intents: rows of ``intents.yaml``; the same as then.
        human_agents: rows of ``agents.csv``; the same as then.
        score: as for ``build_facts``.

    Returns:
        One record per stored table; None when they must be built anew, and are then unchanged.
    """
    refreshing = _Refreshing(engine, show)
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

    def __init__(self, engine: DuckEngine, show: Callable[[], None]) -> None:
        self._engine, self._show = engine, show
        name = str(engine.rows("select current_database()")[0][0]).replace('"', '""')
        self._stored = f'"{name}".main.'
        """Prefix of the tables in the database, where temporary ones of the same name stand before them."""
        self._order = in_order()
        self._local = [step for step in self._order if is_local(step)]
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
        if self._engine.rows("select 1 from ev_assessment where thread_key is null limit 1"):
            return False  # it may name a message of any thread
        self._make([step for step in self._order if step.name in BEFORE])
        find_touched(self._engine, self._stored)
        return self._count("touched_thread") * MOST <= self._count("_thread")

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
        if kind in OF_CUSTOMERS:
            parts.append(
                f"select {listed} from all_{kind} where thread_key is null and (customer_id is null or"
                " customer_id in (select customer_id from _person semi join touched_person using (person_key)))"
            )
        elif not THREADED[kind]:
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
        forget(self._engine)
        for name in ("gone", "gone_message", "kept"):
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
