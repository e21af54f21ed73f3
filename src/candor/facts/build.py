"""Builds the facts: finds the order of the SQL files by what they read, and runs each once.

Reads the ``ev_<type>`` views of an engine and writes one table per fact into its database; steps,
whose names begin with ``_``, are temporary and dropped after their last reader. Reference tables
(``setting``, ``setting_gap``, ``setting_coverage``, ``calendar_day``, ``intent``, ``human_agent``)
are registered here. Instants are epoch microseconds UTC; reporting days follow the workspace's zone.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from graphlib import TopologicalSorter
from importlib.resources import files

import pyarrow as pa
import sqlglot
from sqlglot import exp

from candor.engines.duck import DuckEngine
from candor.facts import schema
from candor.facts.components import representatives
from candor.settings import CHANNELS, Settings
from candor.window import DAY, HOUR, calendar, duration, to_day
from candor.workspace import HumanAgent, Intent

_STITCH = re.compile(r"^-- stitch: (\w+)$", re.MULTILINE)
_VIEW = re.compile(r"^-- as: view$", re.MULTILINE)
_ANY_SOURCE = "select covered_until from ev_coverage where has_conversations"


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


@dataclass(frozen=True, slots=True)
class Step:
    """One SQL file.

    Attributes:
        name: table it makes.
        sql: its text.
        reads: tables it reads, in alphabetical order.
        stitches: table of connected components made from it, or "".
        is_view: read by few and never stored.
    """

    name: str
    sql: str
    reads: tuple[str, ...]
    stitches: str
    is_view: bool


@cache
def steps() -> Mapping[str, Step]:
    """Every SQL file of this folder by table name, in an order in which they can be run."""
    found = {
        item.name.removesuffix(".sql"): _step(
            item.name.removesuffix(".sql"), item.read_text(encoding="utf-8")
        )
        for item in sorted(files("candor.facts").iterdir(), key=lambda item: item.name)
        if item.name.endswith(".sql")
    }
    makers = {name: name for name in found}
    makers |= {step.stitches: name for name, step in found.items() if step.stitches}
    sorter = TopologicalSorter(
        {
            name: sorted({makers[table] for table in step.reads if table in makers})
            for name, step in found.items()
        }
    )
    return {name: found[name] for name in sorter.static_order()}


def build_facts(
    engine: DuckEngine,
    settings: Settings,
    *,
    as_of_us: int,
    intents: Sequence[Intent] = (),
    human_agents: Sequence[HumanAgent] = (),
    keep_steps: bool = False,
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
        progress: called after each table.

    Returns:
        One record per table, in the order in which they were built.
    """
    _register(engine, settings, as_of_us, intents, human_agents)
    built: list[BuiltFact] = []
    order = list(steps().values())
    last_reader = {table: step.name for step in order for table in _tables_behind(step)}
    last_reader |= {step.name: step.name for step in order if step.stitches}
    for step in order:
        started = time.perf_counter()
        _create(engine, step)
        if not step.is_view or step.name in schema.facts():
            rows = int(engine.rows(f'select count(*) from "{step.name}"')[0][0])
            built.append(BuiltFact(step.name, rows, time.perf_counter() - started))
            if progress is not None:
                progress(built[-1])
        if not keep_steps:
            for table, reader in last_reader.items():
                if reader == step.name:
                    engine.run(f'drop table "{table}"')
    return built


def _tables_behind(step: Step) -> set[str]:
    """Temporary tables that a step reads, also through views."""
    found: set[str] = set()
    for name in step.reads:
        if name in steps() and steps()[name].is_view:
            found |= _tables_behind(steps()[name])
        elif name.startswith("_"):
            found.add(name)
    return found


def _step(name: str, sql: str) -> Step:
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    own = {item.alias_or_name for item in tree.find_all(exp.CTE)}
    reads = {item.name for item in tree.find_all(exp.Table)} - own
    stitches = _STITCH.search(sql)
    return Step(
        name, sql, tuple(sorted(reads)), stitches[1] if stitches else "", bool(_VIEW.search(sql))
    )


def _create(engine: DuckEngine, step: Step) -> None:
    kind = "view" if step.is_view else "table"
    if step.name in schema.facts():
        declared = ", ".join(
            f'cast("{column.name}" as {column.type}) as "{column.name}"'
            for column in schema.columns(step.name).values()
        )
        body = f"select {declared} from (\n{step.sql}\n) as fact"
    else:
        body = step.sql
    lifetime = "temp " if step.name.startswith("_") else ""
    engine.run(f'create or replace {lifetime}{kind} "{step.name}" as\n{body}')
    if step.stitches:
        pairs = engine.arrow(f'select node, other from "{step.name}"')
        engine.load(step.stitches, representatives(pairs), temporary=True)


def _register(
    engine: DuckEngine,
    settings: Settings,
    as_of_us: int,
    intents: Sequence[Intent],
    human_agents: Sequence[HumanAgent],
) -> None:
    covered = [row[0] for row in engine.rows(_ANY_SOURCE) if row[0] is not None]
    integer = pa.int64()
    engine.load(
        "setting",
        pa.table(
            {
                name: pa.array([value], integer)
                for name, value in (
                    ("as_of_us", as_of_us),
                    ("horizon_us", min([as_of_us, *covered])),
                    ("gap_us", duration(settings.conversation.idle_gap)),
                    ("day_us", DAY),
                    ("h24_us", 24 * HOUR),
                    ("h48_us", 48 * HOUR),
                    ("h72_us", 72 * HOUR),
                    ("d3_us", 3 * DAY),
                    ("d7_us", 7 * DAY),
                )
            }
        ),
        temporary=True,
    )
    engine.load(
        "setting_gap",
        pa.table(
            {
                "channel": pa.array(CHANNELS, pa.string()),
                "gap_us": pa.array(
                    [settings.conversation.gap_us(name) for name in CHANNELS], integer
                ),
            }
        ),
        temporary=True,
    )
    engine.run(
        "create or replace temp table setting_coverage as"
        " select source, max(covered_until) as covered_until from ev_coverage"
        " where covered_until is not null group by source"
    )
    _register_calendar(engine, settings.workspace.timezone, as_of_us)
    engine.load("intent", _intent_table(intents))
    engine.load("human_agent", _human_agent_table(human_agents))


def _register_calendar(engine: DuckEngine, zone: str, as_of_us: int) -> None:
    earliest = engine.rows(
        "select min(earliest) from ("
        " select min(least(started_at, occurred_at)) as earliest from ev_conversation"
        " union all select min(occurred_at) from ev_message"
        " union all select min(occurred_at) from ev_handoff"
        " union all select min(occurred_at) from ev_suggestion"
        " union all select min(least(asked_at, answered_at, occurred_at)) from ev_survey) as instant"
    )[0][0]
    first = as_of_us if earliest is None else min(int(earliest), as_of_us)
    days = list(calendar(zone, first, as_of_us))
    engine.load(
        "calendar_day",
        pa.table(
            {
                "day": pa.array([day.day for day in days], pa.int32()),
                "starts_at": pa.array([day.starts_at for day in days], pa.int64()),
                "ends_at": pa.array([day.ends_at for day in days], pa.int64()),
                "week": pa.array([day.week for day in days], pa.int32()),
                "month": pa.array([day.month for day in days], pa.int32()),
                "quarter": pa.array([day.quarter for day in days], pa.int32()),
            }
        ),
    )


def _intent_table(intents: Sequence[Intent]) -> pa.Table:
    text = pa.string()
    return pa.table(
        {
            "intent_id": pa.array([item.intent_id for item in intents], text),
            "name": pa.array([item.name or None for item in intents], text),
            "parent": pa.array([item.parent for item in intents], text),
            "is_automatable": pa.array([item.is_automatable for item in intents], pa.bool_()),
            "risk": pa.array([item.risk for item in intents], text),
            "complexity": pa.array([item.complexity for item in intents], text),
            "kind": pa.array([item.kind for item in intents], text),
            "owner": pa.array([item.owner or None for item in intents], text),
        }
    )


def _human_agent_table(human_agents: Sequence[HumanAgent]) -> pa.Table:
    return pa.table(
        {
            "human_agent_id": pa.array([item.human_agent_id for item in human_agents], pa.string()),
            "team": pa.array([item.team for item in human_agents], pa.string()),
            "started_day": pa.array(
                [
                    None if item.started_on is None else to_day(date.fromisoformat(item.started_on))
                    for item in human_agents
                ],
                pa.int32(),
            ),
            "is_csm": pa.array([item.is_csm for item in human_agents], pa.bool_()),
        }
    )
