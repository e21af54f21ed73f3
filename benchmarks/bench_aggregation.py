"""Messages → one row a conversation, written by hand for DuckDB, polars and pandas.

What the conversation fact is at its core: messages of a thread are cut into conversations where 24 h
pass in silence, and counted by who wrote them, with first and last times. None of it is candor's own
code: it says what the engines make of the shape of the work, beside candor's whole build of every
fact (three-valued outcomes, returns, journeys, signals), which is many times more. All give equal rows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import polars as pl

from candor.engines.duck import DuckEngine
from yardstick import Line, interleave

GAP_US = 24 * 3_600_000_000
_SQL = """
with stepped as (
    select thread_key, event_key, epoch_us(occurred_at) as sent, actor, kind, latency_ms,
        epoch_us(occurred_at)
        - lag(epoch_us(occurred_at)) over (partition by thread_key order by occurred_at, event_key)
        as silence
    from read_parquet('{path}')
),
numbered as (
    select *, sum(case when silence > {gap} then 1 else 0 end)
        over (partition by thread_key order by sent, event_key rows unbounded preceding) as number
    from stepped
)
select thread_key, number, count(*) as messages,
    count(*) filter (where actor = 'customer') as of_customer,
    count(*) filter (where actor = 'ai_agent') as of_ai,
    count(*) filter (where actor = 'human_agent') as of_human,
    count(*) filter (where kind = 'fallback') as fallbacks,
    min(sent) as started_at, max(sent) as ended_at,
    min(sent) filter (where actor = 'customer') as first_customer_at,
    min(sent) filter (where actor = 'ai_agent') as first_ai_at,
    min(sent) filter (where actor = 'human_agent') as first_human_at,
    sum(latency_ms) as latency_ms
from numbered group by thread_key, number
"""
_SCAN = (
    "select sum(thread_key), sum(event_key), count(occurred_at), count(actor), count(kind),"
    " sum(latency_ms) from read_parquet('{path}')"
)
_ACTORS = {"customer": "of_customer", "ai_agent": "of_ai", "human_agent": "of_human"}
_FIRST = {
    "customer": "first_customer_at",
    "ai_agent": "first_ai_at",
    "human_agent": "first_human_at",
}


def aggregate(messages: Path, rounds: int, engine_name: str) -> list[Line]:
    """One engine's build of the core, beside the bare scan of the columns it reads.

    Args:
        messages: Parquet file of message events, as ``bench_facts`` makes it.
        rounds: how often.
        engine_name: ``duckdb``, ``polars`` or ``pandas``.
    """
    made: list[int] = []
    with DuckEngine() as engine:

        def by_duckdb() -> int:
            return len(engine.arrow(_SQL.format(path=messages, gap=GAP_US)))

        engines: dict[str, Callable[[], int]] = {
            "duckdb": by_duckdb,
            "polars": lambda: _polars(messages),
            "pandas": lambda: _pandas(messages),
        }
        timing = interleave(
            lambda: engine.rows(_SCAN.format(path=messages)),
            lambda: made.append(engines[engine_name]()),
            rounds,
        )
    return [
        Line(f"  core by hand, {engine_name}", f"{made[-1]:,} conversations", *timing.figures, f"{timing.ratio:.1f} ×", rounds=rounds,
             note="counts and times only; its own bare scan")
    ]  # fmt: skip


def _polars(path: Path) -> int:
    at, actor = pl.col("occurred_at").dt.epoch("us").alias("at"), pl.col("actor")
    frame = (
        pl.scan_parquet(path)
        .select("thread_key", "event_key", at, "actor", "kind", "latency_ms")
        .sort("thread_key", "at", "event_key")
        .with_columns(
            ((pl.col("at") - pl.col("at").shift(1).over("thread_key")) > GAP_US)
            .fill_null(value=False)
            .cast(pl.Int64)
            .cum_sum()
            .over("thread_key")
            .alias("number")
        )
        .group_by("thread_key", "number")
        .agg(
            pl.len().alias("messages"),
            *((actor == name).sum().alias(column) for name, column in _ACTORS.items()),
            (pl.col("kind") == "fallback").sum().alias("fallbacks"),
            pl.col("at").min().alias("started_at"),
            pl.col("at").max().alias("ended_at"),
            *(
                pl.col("at").filter(actor == name).min().alias(column)
                for name, column in _FIRST.items()
            ),
            pl.col("latency_ms").sum(),
        )
    )
    return frame.collect().height


def _pandas(path: Path) -> int:
    columns = ["thread_key", "event_key", "occurred_at", "actor", "kind", "latency_ms"]
    frame = pd.read_parquet(path, columns=columns)
    frame["at"] = frame.pop("occurred_at").dt.as_unit("us").astype("int64")
    frame = frame.sort_values(["thread_key", "at", "event_key"])
    silence = frame.groupby("thread_key", sort=False)["at"].diff()
    frame["number"] = (silence > GAP_US).astype("int64")
    frame["number"] = frame.groupby("thread_key", sort=False)["number"].cumsum()
    for name, column in _ACTORS.items():
        frame[column] = frame["actor"] == name
        frame[_FIRST[name]] = frame["at"].where(frame[column])
    frame["fallbacks"] = frame["kind"] == "fallback"
    found = frame.groupby(["thread_key", "number"], sort=False).agg(
        messages=("at", "size"),
        started_at=("at", "min"),
        ended_at=("at", "max"),
        fallbacks=("fallbacks", "sum"),
        latency_ms=("latency_ms", "sum"),
        **{column: (column, "sum") for column in _ACTORS.values()},
        **{column: (column, "min") for column in _FIRST.values()},
    )
    return len(found)
