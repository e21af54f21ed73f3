"""Reference tables that facts read beside the events: settings, calendar, intents, human agents.

Registers them in an engine under fixed names (``setting``, ``setting_gap``, ``setting_coverage``,
``setting_money``, ``calendar_day``, ``intent``, ``human_agent``). Instants are epoch microseconds UTC;
reporting days follow the workspace's zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pyarrow as pa

from candor.engines.duck import DuckEngine
from candor.settings import CHANNELS, Settings
from candor.window import DAY, HOUR, calendar, duration, to_day
from candor.workspace import HumanAgent, Intent

MONEY = pa.decimal128(18, 6)
_ANY_SOURCE = "select covered_until from ev_coverage where has_conversations"


def register(
    engine: DuckEngine,
    settings: Settings,
    as_of_us: int,
    intents: Sequence[Intent],
    human_agents: Sequence[HumanAgent],
) -> None:
    """Make the reference tables of one build.

    Args:
        engine: holds the views ``ev_*`` and ``ev_coverage``; receives the tables.
        settings: the workspace's configuration.
        as_of_us: nothing later than this instant is known.
        intents: rows of ``intents.yaml``.
        human_agents: rows of ``agents.csv``, pseudonymised.
    """
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
    engine.load(
        "setting_money",
        pa.table({"currency": pa.array([settings.workspace.currency], pa.string())}),
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
        " union all select min(least(asked_at, answered_at, occurred_at)) from ev_survey"
        " union all select min(occurred_at) from ev_claim"
        " union all select min(occurred_at) from ev_cost"
        " union all select min(occurred_at) from ev_confirmation"
        " union all select min(occurred_at) from ev_intervention"
        " union all select min(occurred_at) from ev_account"
        " union all select min(assigned_at) from ev_exposure"
        " union all select min(opened_at) from ev_gap"
        " union all select min(period_start) from ev_invoice_line) as instant"
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
            "unit_value": pa.array([_money(item.unit_value) for item in intents], MONEY),
        }
    )


def _money(amount: float | None) -> Decimal | None:
    """An amount of a reference file as exact decimal, as it was written there."""
    return None if amount is None else Decimal(str(amount))


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
            "cost_per_hour": pa.array([_money(item.cost_per_hour) for item in human_agents], MONEY),
        }
    )
