"""How long facts and journeys take, as a multiple of the bare scan of the columns they read.

Makes synthetic events as Parquet sorted by (thread_key, occurred_at), about eight messages a
conversation with scored customer messages, and builds every fact from them. The bare scan sums or
counts exactly the event columns that the fact SQL names, from the same files, in the same run,
interleaved with the builds. Prints ratio, wall and processor time, peak memory, the machine's load and
the slowest tables. On a shared machine trust the ratio of processor times more than that of wall times.

Usage: python benchmarks/bench_facts.py [conversations] [rounds] [folder]
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from candor.engines.duck import DuckEngine
from candor.events.registry import registry
from candor.events.types import ENVELOPE
from candor.facts.build import BuiltFact, build_facts, steps
from candor.facts.steps import event_columns
from candor.settings import Settings

TYPES = {
    "timestamp": "timestamptz", "int": "bigint", "float": "double", "bool": "boolean",
    "money": "decimal(18,6)", "list": "varchar[]", "date": "date",
}  # fmt: skip
START = 1_767_225_600_000_000
DAY = 86_400_000_000
AS_OF = START + 120 * DAY
# i numbers threads. h(i, salt) is an even-handed integer that any engine would give.
PRELUDE = """
create or replace macro h(i, salt) as (i * 2654435761 + salt * 40503 + (i * 7919) % 104729) % 1000003;
create or replace macro k(text) as cast('0x' || substr(md5(text), 1, 15) as bigint);
create or replace table thread as
select i, 't-' || lpad(i::varchar, 9, '0') as thread_id, k('t-' || lpad(i::varchar, 9, '0')) as thread_key,
  {start} + (h(i, 1) % 110) * {day} + (h(i, 2) % 86400) * 1000000 as began,
  4 + h(i, 3) % 10 as messages, h(i, 4) % 100 as u, h(i, 5) % 100 as v, 'c-' || (h(i, 6) % ({n} // 3)) as customer,
  h(i, 8) % 15 = 0 as is_double
from range({threads}) r(i);
create or replace table line as
select i, thread_id, thread_key, j, messages, u, v, is_double, 'm-' || i || '-' || j as message_id,
  k('m' || i || '-' || j) as event_key,
  began + j * 45000000 + (h(i * 16 + j, 9) % 40) * 1000000
    + case when is_double and j * 2 >= messages then 30 * 3600000000 else 0 end as occurred,
  case when j % 2 = 0 then 'customer' when u < 25 and j * 2 >= messages then 'human_agent' else 'ai_agent' end as actor
from (select *, unnest(range(messages)) as j from thread);
"""
TABLES = {
    "conversation": """select thread_id, thread_key, thread_key as event_key, 'bench' as source,
      make_timestamptz(began) as occurred_at, make_timestamptz(began) as started_at,
      ['chat','messaging','email','voice'][1 + (v % 4)] as channel, 'inbound' as direction,
      case when h(i, 10) % 20 > 0 then customer end as customer_id, 'en' as language,
      case when h(i, 11) % 10 > 0 then 'intent-' || (h(i, 12) % 24) end as intent_id, 'assistant' as ai_agent_id,
      'r' || (h(i, 13) % 4) as release, ['smb','mid_market','enterprise'][1 + (i % 3)] as customer_segment,
      false as is_test, false as is_spam from thread""",
    "message": """select message_id, event_key, thread_id, thread_key, 'bench' as source,
      make_timestamptz(occurred) as occurred_at, actor, true as is_public,
      case when actor = 'ai_agent' then
        case when j = 1 and u % 3 = 0 then 'greeting' when h(event_key % 1000000, 3) % 12 = 0 then 'fallback'
          when h(event_key % 1000000, 4) % 6 = 0 then 'clarification' else 'answer' end end as kind,
      case when actor = 'ai_agent' and h(event_key % 1000000, 5) % 30 = 0 then 'positive'
        when actor = 'ai_agent' and h(event_key % 1000000, 5) % 40 = 1 then 'negative' end as feedback,
      case when j = 1 then 'intent-' || (u % 24) end as intent_predicted,
      case when actor = 'ai_agent' then 0.5 + (h(event_key % 1000000, 6) % 50) / 100.0 end as ai_confidence,
      case when actor = 'ai_agent' then 800 + h(event_key % 1000000, 7) % 2000 end as latency_ms from line""",
    "state_change": """select 's-' || i as change_id, k('s-' || i) as event_key, thread_id, thread_key,
      make_timestamptz(max(occurred) + 60000000) as occurred_at, 'bench' as source, 'open' as from_state,
      'solved' as to_state, case when u < 25 then 'human_agent' else 'system' end as actor,
      'inactivity' as reason from line where v % 10 < 8 group by i, thread_id, thread_key, u""",
    "handoff": """select 'h-' || i as handoff_id, k('h-' || i) as event_key, thread_id, thread_key, 'bench' as source,
      make_timestamptz(min(occurred)) as occurred_at, 'ai_agent' as from_actor, 'human_agent' as to_actor,
      case v % 3 when 0 then 'customer_request' when 1 then 'low_confidence' else 'policy' end as reason,
      false as is_planned, v % 20 = 0 as is_failed, '{"summary": "x"}' as context
      from line where u < 25 and j * 2 >= messages group by i, thread_id, thread_key, v""",
    "claim": """select 'k-' || i as claim_id, k('k-' || i) as event_key, thread_id, thread_key, 'vendor' as source,
      make_timestamptz(began + 3 * 86400000000) as occurred_at,
      case when u < 60 then 'resolved_assumed' else 'none' end as claimed, true as is_billable
      from thread where v < 60""",
    "confirmation": """select 'f-' || i as confirmation_id, k('f-' || i) as event_key, thread_id, thread_key,
      'erp' as source, make_timestamptz(began + 86400000000) as occurred_at, 'erp' as system,
      'end_state_check' as kind, case when v % 4 = 0 then 'contradicts' else 'confirms' end as supports
      from thread where u = 7""",
    "survey": """select 'y-' || i as survey_id, k('y-' || i) as event_key, thread_id, thread_key, 'bench' as source,
      make_timestamptz(began + 7200000000) as occurred_at, 'csat' as instrument,
      make_timestamptz(began + 7200000000) as answered_at, 1.0 + v % 5 as score, 1.0 as scale_min, 5.0 as scale_max,
      'whole' as about from thread where u between 30 and 39""",
    "identity": """select 'd-' || i as identity_id, k('d-' || i) as event_key, 'bench' as source,
      make_timestamptz(began) as occurred_at, customer as customer_id, 'email' as alias_kind,
      'a-' || (h(i, 14) % 40000) as alias, false as is_removed from thread where h(i, 15) % 40 = 0""",
    "assessment": """select 'reply_class:' || event_key || ':1' as assessment_id, k('a' || event_key) as event_key,
      md5('a' || event_key) as event_id, 'candor' as source, thread_id, thread_key, message_id,
      make_timestamptz(occurred) as occurred_at, 'code' as assessor_kind, 'candor_signals' as assessor_id,
      '1' as assessor_version, 'reply_class' as criterion,
      case when j = 0 then 'follow_up' else ['follow_up','affirm','gratitude','negative','follow_up','asks_human',
        'gratitude','affirm'][1 + h(event_key % 1000000, 8) % 8] end as label, null::double as value
      from line where actor = 'customer'
      union all select 'sentiment:' || event_key || ':1', k('b' || event_key), md5('b' || event_key), 'candor',
      thread_id, thread_key, message_id, make_timestamptz(occurred), 'code', 'candor_signals', '1', 'sentiment', null,
      (h(event_key % 1000000, 9) % 2001) / 1000.0 - 1 from line where actor = 'customer'""",
}  # fmt: skip


def make(folder: Path, conversations: int) -> None:
    """Write one Parquet file per event type into ``folder``."""
    with DuckEngine(threads=2, memory_limit="8GB", temp_dir=folder / "spill") as engine:
        engine.run(
            PRELUDE.format(start=START, day=DAY, n=conversations, threads=conversations * 15 // 16)
        )
        for name, sql in TABLES.items():
            order = "thread_key, occurred_at, event_key" if name != "identity" else "event_key"
            engine.run(
                f"copy (select * from ({sql}) order by {order}) to '{folder / name}.parquet'"
                " (format parquet, compression zstd, row_group_size 122880)"
            )


def view(engine: DuckEngine, folder: Path) -> None:
    """Make the ``ev_*`` views: files where there are, empty ones elsewhere."""
    for name, kind in registry().items():
        path = folder / f"{name}.parquet"
        have: set[str] = set()
        if path.exists():
            have = {row[0] for row in engine.rows(f"describe select * from '{path}'")}
        parts = []
        keys = [("event_key", "bigint"), ("thread_key", "bigint")]
        for column, sql_type in [
            *(
                (field.name, TYPES.get(field.kind, "varchar"))
                for field in (*ENVELOPE, *kind.fields)
            ),
            *keys,
        ]:
            value = column if column in have else f"null::{sql_type}"
            if sql_type == "timestamptz":
                value = f"epoch_us({value})"
            parts.append(f"{value} as {column}")
        source = f"read_parquet('{path}')" if have else "(select 1) where false"
        engine.run(
            f"create or replace temp view ev_{name} as select {', '.join(parts)} from {source}"
        )
    engine.load(
        "ev_coverage",
        pa.table({
            "source": ["bench"], "covered_from": [START], "covered_until": [AS_OF],
            "has_conversations": [True],
        }),
    )  # fmt: skip


def columns_read() -> Mapping[str, frozenset[str]]:
    """Event columns that the fact SQL names, by view."""
    return event_columns(frozenset(steps()))


def bare_scan(
    engine: DuckEngine, read: Mapping[str, frozenset[str]], types: dict[str, dict[str, str]]
) -> float:
    """Seconds to sum or count each column once."""
    started = time.perf_counter()
    for name, columns in sorted(read.items()):
        parts = [
            f"sum({column})" if types[name][column] == "BIGINT" else f"count({column})"
            for column in sorted(columns)
        ]
        engine.rows(f"select {', '.join(parts)} from {name}")
    return time.perf_counter() - started


def main(conversations: int, rounds: int, folder: Path) -> None:
    if not (folder / "message.parquet").exists():
        make(folder, conversations)
    read = columns_read()
    ratios, walls, scans = [], [], []
    busy: list[tuple[float, float]] = []
    built: list[BuiltFact] = []
    for _ in range(rounds):
        target = folder / "facts.duckdb"
        target.unlink(missing_ok=True)
        with DuckEngine(target, threads=2, memory_limit="3GB", temp_dir=folder / "spill") as engine:
            view(engine, folder)
            types = {
                name: {row[0]: row[1] for row in engine.rows(f"describe {name}")} for name in read
            }
            bare_scan(engine, read, types)
            before = time.process_time()
            scan = bare_scan(engine, read, types)
            scanned = time.process_time()
            started = time.perf_counter()
            built = build_facts(engine, Settings(), as_of_us=AS_OF)
            wall = time.perf_counter() - started
            busy.append((scanned - before, time.process_time() - scanned))
            scans.append(scan)
            walls.append(wall)
            ratios.append(wall / scan)
            rows = engine.rows("select count(*), sum(customer_messages + ai_messages + human_messages)"
                               " from conversation")[0]  # fmt: skip
    slow = sorted(built, key=lambda item: -item.seconds)[:14]
    message = next(item.seconds for item in built if item.name == "message")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"conversations {rows[0]:,}  messages {int(rows[1]):,}  rounds {rounds}")
    print(f"bare scan {statistics.median(scans):.2f} s  build {statistics.median(walls):.2f} s")
    print(f"ratio {statistics.median(ratios):.1f}  without the message fact "
          f"{(statistics.median(walls) - message) / statistics.median(scans):.1f}  peak {peak} MiB")  # fmt: skip
    print(f"processor: bare scan {statistics.median(scan for scan, _ in busy):.2f} s"
          f"  build {statistics.median(build for _, build in busy):.2f} s"
          f"  ratio {statistics.median(build / scan for scan, build in busy):.1f}"
          f"  load average {os.getloadavg()[0]:.1f}")  # fmt: skip
    for item in slow:
        print(f"  {item.name:16} {item.seconds:6.2f} s  {item.rows:>10,} rows")


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    if len(sys.argv) > 3:
        target = Path(sys.argv[3])
        target.mkdir(parents=True, exist_ok=True)
        main(count, repeats, target)
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(count, repeats, Path(temporary))
