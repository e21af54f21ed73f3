"""Speed of measures as ratios to the bare scan: the catalogue, every stored breakdown, every period.

The bare scan adds up exactly the columns that the step reads, from the same tables, in the same run,
interleaved; a figure is a median. Compared with: one query per metric and breakdown, pandas and
polars doing the same sums of packed-free codes. Prints one table per size, with the peak memory.

    python benchmarks/bench_measures.py [rows …]
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable

import polars as pl
import pyarrow as pa

from candor.engines.duck import DuckEngine
from candor.facts import schema
from candor.metrics import build, registry
from candor.metrics import compile as sql
from candor.metrics.compile import Scope
from candor.metrics.definition import Definition
from candor.metrics.plan import codes_of, plan
from candor.metrics.query import measures
from candor.window import DAY, calendar
from synthetic_conversations import DAYS, FIRST_DAY, make

SEGMENTATIONS = ("channel", "intent_id", "release", "path", "language", "customer_segment")
REPEATS = 5


def main() -> None:
    catalogue = registry.load()
    metrics = catalogue.of_fact("conversation")
    for rows in [int(text) for text in sys.argv[1:]] or [100_000, 1_000_000]:
        with DuckEngine(threads=2, memory_limit="6GB") as engine:
            _prepare(engine, rows)
            _report(engine, metrics, rows)


def _report(engine: DuckEngine, metrics: list[Definition], rows: int) -> None:
    scan = _bare_scan(metrics)
    headline = [item for item in metrics if item.name == "true_resolution_rate"]
    steps: list[tuple[str, int, Callable[[], object]]] = [
        ("stored measures, all breakdowns and periods", 3,
         lambda: build.build(engine, metrics, SEGMENTATIONS)),
        ("one query per metric and breakdown (days)", 1, lambda: _one_by_one(engine, metrics)),
        ("pandas, the same sums (weeks)", 1, lambda: _pandas(engine, metrics)),
        ("polars, the same sums (weeks)", 1, lambda: _polars(engine, metrics)),
        ("read: headline, whole, by channel", 3, lambda: measures(engine, headline, by=["channel"])),
        ("read: headline by month and intent", 3,
         lambda: measures(engine, headline, by=["intent_id"], grain="month")),
        ("read: headline by day (from the facts)", 3,
         lambda: measures(engine, headline, grain="day")),
        ("read: whole catalogue, one breakdown", 1,
         lambda: measures(engine, metrics, by=["channel"])),
    ]  # fmt: skip
    bare: list[float] = []
    found: list[tuple[str, float]] = []
    for name, repeats, step in steps:
        times = []
        for _ in range(repeats):
            bare += [_timed(lambda: engine.rows(scan)) for _ in range(REPEATS)]
            times.append(_timed(step))
        found.append((name, statistics.median(times)))
    unit = statistics.median(bare)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{rows:,} conversations, {len(metrics)} metrics, {len(SEGMENTATIONS)} breakdowns")
    print(f"bare scan {unit * 1000:.0f} ms, peak memory {peak:,.0f} MiB (all steps together)")
    for name, seconds in found:
        print(f"  {seconds / unit:8.1f} × bare scan  {seconds:8.2f} s  {name}")


def _prepare(engine: DuckEngine, rows: int) -> None:
    days = list(calendar("UTC", (FIRST_DAY - 1) * DAY, (FIRST_DAY + DAYS) * DAY))
    engine.load(
        "calendar_day",
        pa.table(
            {
                name: pa.array([getattr(day, name) for day in days], pa.int32())
                for name in ("day", "week", "month", "quarter")
            }
        ),
    )
    make(engine, rows)


def _bare_scan(metrics: list[Definition]) -> str:
    columns = {column for item in metrics for column in sql.reads(item)}
    columns |= {"day", "bucket", *SEGMENTATIONS}
    types = schema.columns("conversation")
    items = []
    for name in sorted(columns):
        if types[name].type == "VARCHAR":
            items.append(f"count({name})")
        elif types[name].type == "BOOLEAN":
            items.append(f"sum(cast({name} as tinyint))")
        else:
            items.append(f"sum({name})")
    return f"select {', '.join(items)} from conversation"


def _one_by_one(engine: DuckEngine, metrics: list[Definition]) -> None:
    for definition in metrics:
        alone = plan("conversation", [definition], anonymous=True)
        known, top = codes_of(definition).known, codes_of(definition).confirmed
        for name in SEGMENTATIONS:
            source = sql.coded(alone, Scope("day", (name,)))
            engine.rows(
                f"select period, by_{name}, bucket, c0, count(*) from ({source}) as coded "
                f"where c0 between 1 and {max(known, top)} group by period, by_{name}, bucket, c0 "
                "order by all"
            )


def _codes(engine: DuckEngine, metrics: list[Definition]) -> pa.Table:
    wanted = plan("conversation", metrics, anonymous=False)
    source = sql.coded(wanted, Scope("week"), extra=SEGMENTATIONS)
    flags = [
        f"cast(c{at} >= {codes_of(item).known} as tinyint) as n{at}, "
        f"cast(c{at} > {codes_of(item).known} as tinyint) as t{at}"
        for at, item in enumerate(metrics)
    ]
    return engine.arrow(
        f"select period, bucket, {', '.join(SEGMENTATIONS)}, {', '.join(flags)} "
        f"from ({source}) as coded"
    )


def _pandas(engine: DuckEngine, metrics: list[Definition]) -> None:
    frame = _codes(engine, metrics).to_pandas()
    sums = [name for name in frame.columns if name[1:].isdigit()]
    for name in SEGMENTATIONS:
        frame.groupby(["period", name, "bucket"], dropna=False)[sums].sum()


def _polars(engine: DuckEngine, metrics: list[Definition]) -> None:
    frame = pl.from_arrow(_codes(engine, metrics))
    assert isinstance(frame, pl.DataFrame)
    sums = [name for name in frame.columns if name[1:].isdigit()]
    for name in SEGMENTATIONS:
        frame.group_by("period", name, "bucket").agg(pl.col(sums).cast(pl.Int64).sum())


def _timed(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
