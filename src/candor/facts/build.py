"""Builds the facts: finds the order of the SQL files by what they read, and runs each once.

Reads the ``ev_<type>`` views of an engine and writes one table per fact into its database; steps,
whose names begin with ``_``, are temporary and dropped after their last reader. Reference tables
stand beside them (see ``references``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from candor.engines.duck import DuckEngine
from candor.facts.references import register
from candor.facts.steps import Step, steps, tables_behind
from candor.facts.workshop import Workshop, looks
from candor.settings import Settings
from candor.workspace import HumanAgent, Intent

__all__ = ["BuiltFact", "Step", "build_facts", "steps"]

_LARGE = ("message", "assessment")
"""Event types of which there are many to each conversation."""
_FEW_ROWS = 50_000
_SMALL_ROWS = 3_000_000
"""Below, a second worker gives less than its waiting costs."""
_KEPT_ROWS = 40_000_000
"""Up to this many messages and assessments are kept in memory (some 30 bytes each); more spill as tables."""
SCORED = "conversation"
"""The fact that the experience score reads."""


@dataclass(frozen=True, slots=True)
class BuiltFact:
    """One table that was built.

    Attributes:
        name: table name; steps begin with ``_``.
        rows: number of rows.
        seconds: wall time.
    """

    name: str
    rows: int
    seconds: float


def build_facts(
    engine: DuckEngine,
    settings: Settings,
    *,
    as_of_us: int,
    intents: Sequence[Intent] = (),
    human_agents: Sequence[HumanAgent] = (),
    keep_steps: bool = False,
    is_plain: bool | None = None,
    score: Callable[[], None] | None = None,
    progress: Callable[[BuiltFact], None] | None = None,
) -> list[BuiltFact]:
    """Build every fact from the engine's ``ev_*`` views.

    Args:
        engine: holds the views ``ev_<type>`` and ``ev_coverage``; receives the tables.
        settings: the workspace's configuration (time zone, idle gaps).
        as_of_us: nothing later than this instant is known.
        intents: rows of ``intents.yaml``.
        human_agents: rows of ``agents.csv``, with ``human_agent_id`` pseudonymised as in events.
        keep_steps: leave the temporary steps in place, for inspection.
        is_plain: run every step exactly as its SQL is written; None does so where there is so little
            that preparing anything better costs more than it saves.
        score: called as soon as conversations stand, before anything reads what it makes of them; it
            may change ``ev_assessment`` by verdicts of the built-in experience score only.
        progress: called after each table.

    Returns:
        One record per table, in the order in which they were built.
    """
    register(engine, settings, as_of_us, intents, human_agents)
    built: list[BuiltFact] = []
    order = in_order()
    last_reader = {table: step.name for step in order for table in tables_behind(step)}
    last_reader |= {step.name: step.name for step in order if step.stitches}
    last_look = {table: step.name for step in order if looks(step) for table in step.reads}
    workshop = workshop_for(engine, is_plain=is_plain)
    with engine.one_thread() if _large_rows(engine) < _SMALL_ROWS else nullcontext():
        for step in order:
            started = time.perf_counter()
            made = workshop.make(step)
            if made is not None:
                built.append(BuiltFact(step.name, made, time.perf_counter() - started))
                if progress is not None:
                    progress(built[-1])
            if not keep_steps:
                for table, reader in last_reader.items():
                    if reader == step.name:
                        workshop.drop(table)
                    elif last_look.get(table) == step.name:
                        workshop.release(table)
            if step.name == SCORED and score is not None:
                score()
                workshop.look_again("ev_assessment")
        if keep_steps:
            workshop.show()
    return built


def in_order() -> list[Step]:
    """Every step: what the conversation rests on, the conversation, then everything else."""
    known = steps()
    makers = {step.stitches: name for name, step in known.items() if step.stitches}
    first, open_ = set[str](), [SCORED]
    while open_:
        name = open_.pop()
        if name in known and name not in first:
            first.add(name)
            open_ += [makers.get(table, table) for table in known[name].reads]
    return sorted(known.values(), key=lambda step: step.name not in first)


def workshop_for(
    engine: DuckEngine, *, is_plain: bool | None = None, is_passing: bool = False
) -> Workshop:
    """A workshop that suits the number of events.

    Args:
        engine: holds the events.
        is_plain: as for ``build_facts``.
        is_passing: as for ``Workshop``.
    """
    rows = _large_rows(engine)
    return Workshop(
        engine,
        is_plain=rows < _FEW_ROWS if is_plain is None else is_plain,
        is_kept=rows <= _KEPT_ROWS,
        is_passing=is_passing,
    )


def _large_rows(engine: DuckEngine) -> int:
    counts = " + ".join(f"(select count(*) from ev_{name})" for name in _LARGE)
    return int(engine.rows(f"select {counts}")[0][0])
