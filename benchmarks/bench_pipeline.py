"""Ingest, publish and read, end to end, through the doors people use: ``candor.pipeline``.

Simulates a desk, reads it as canonical JSON Lines (and a nested vendor document through a mapping),
publishes, refreshes after 1 % new events, and reads the published file. Called by ``run.py``; each
function is one step in one fresh process. Data are made once under a folder and used again; the
workspace measured is a copy, so that the next run finds it unmeasured.
"""

from __future__ import annotations

import json
import random
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import pyarrow as pa

import bench_sources
from candor import pipeline, transcribing
from candor.answers.snapshot import Answers
from candor.engines.duck import DuckEngine
from candor.facts.build import steps
from candor.lake import Lake
from candor.metrics import compile as sql
from candor.pipeline import Measured
from candor.privacy.redaction import Redactor
from candor.scorers import run as scoring
from candor.workspace import Workspace
from yardstick import Line, Timing, columns_named, costs, interleave, scan_queries, together

SEED = 7
NAME = "bench_desk"
IDEAL = "  the ideal of L-1"
HEADLINE = "true_resolution_rate"
_CONFIG = '[workspace]\nname = "Benchmark"\n'
_ORDER = 11
_KEYS_FROM = 20_000
_TEXTS = 50_000
_READS = 9
_REFRESHES = 1


def reorder(folder: Path, conversations: int) -> list[Line]:
    """Write the simulated records once more, in another order."""
    lines = simulated(folder, conversations).read_bytes().splitlines(keepends=True)
    random.Random(_ORDER).shuffle(lines)
    (folder / f"reordered-{conversations}.jsonl").write_bytes(b"".join(lines))
    return []


def ingest(folder: Path, conversations: int, rounds: int) -> list[Line]:
    """A simulated desk into an empty workspace; the same file again; the same records reordered."""
    events = simulated(folder, conversations)
    reordered = folder / f"reordered-{conversations}.jsonl"
    with events.open("rb") as lines:
        count = sum(1 for _ in lines)
    scans, walls, again, shuffled = [], [], [], []
    with DuckEngine() as engine:
        bare = _bare_json(events)
        engine.rows(bare)
        for _ in range(rounds):
            workspace = _empty(folder / "ingested")
            scans.append(costs(lambda: engine.rows(bare)))
            # Each is called at once, within its round.
            walls.append(costs(lambda: _stored(workspace, events, count)))  # noqa: B023
            again.append(costs(lambda: _stored(workspace, events, 0)))  # noqa: B023
            shuffled.append(costs(lambda: _stored(workspace, reordered, 0)))  # noqa: B023
    first, same, other = (together(each, scans) for each in (walls, again, shuffled))
    rate, load = count / first.wall, f"{count:,} events"
    shares = [
        statistics.median(took / whole for took, whole in zip(each.walls, first.walls, strict=True))
        for each in (same, other)
    ]
    return [
        Line("ingest: canonical JSON Lines → lake", load, *first.figures,
             f"{rate:,.0f} events/s", "≥ 30,000 events/s", rate >= 30_000, rounds),
        Line("  the same file again (L-2)", load, *same.figures,
             f"{shares[0]:.1%} of the first", "≤ 2 %", shares[0] <= 0.02, rounds, "0 rows added"),
        Line("  the same records reordered (L-2)", load, *other.figures,
             f"{shares[1]:.0%} of the first", "≤ 40 %", shares[1] <= 0.40, rounds, "0 rows added"),
    ]  # fmt: skip


def ideal(folder: Path, conversations: int, rounds: int) -> list[Line]:
    """The ideal time of L-1: two redactors, then DuckDB casting the lines and dropping duplicates."""
    events = simulated(folder, conversations)
    texts: list[str | None] = []
    threads: list[str] = []
    count = messages = 0
    with events.open(encoding="utf-8") as lines:
        for count, line in enumerate(lines, 1):  # noqa: B007 - the count is the number of lines
            if '"type":"message"' in line:
                messages += 1
                if len(texts) < _TEXTS:
                    event = json.loads(line)
                    texts.append(event.get("text"))
                    threads.append(event["thread_id"])
    column, of = pa.array(texts, pa.string()), pa.array(threads, pa.string())
    redactor = Redactor(bytes(32))
    redactor.column(column.slice(0, 100), of.slice(0, 100))
    with DuckEngine() as engine:
        bare, distinct = _bare_json(events), _distinct_json(events)
        casting = interleave(lambda: engine.rows(bare), lambda: engine.rows(distinct), rounds)
    masking = statistics.median(
        costs(lambda: redactor.column(column, of))[1] for _ in range(rounds)
    )
    redacted = len(texts) / masking
    best = messages / (2 * redacted) + casting.wall
    return [
        Line(IDEAL, f"{count:,} events", best, casting.cpu + messages / redacted,
             casting.scan, best / casting.scan, None, rounds=rounds,
             note=f"two redactors at {redacted:,.0f} messages/s each, then DuckDB casting and"
             f" dropping duplicates at {count / casting.wall:,.0f} rows/s")
    ]  # fmt: skip


def ingest_vendor(folder: Path, messages: int, rounds: int) -> list[Line]:
    """A nested vendor document through a mapping into an empty workspace."""
    folder.mkdir(parents=True, exist_ok=True)
    cases = bench_sources.write_files(folder, messages)
    _, connector, document, mapping = next(case for case in cases if "nested" in case[0])
    if mapping is None:
        raise ValueError(connector)
    written = folder / "mapping.yaml"
    written.write_text(mapping, encoding="utf-8")
    workspaces: list[Workspace] = []
    with DuckEngine() as engine:
        query = (
            "select count(t.id), count(u.message_id), count(u.thread_id), count(u.occurred_at),"
            " count(u.actor), count(u.text) from (select unnest(chats) as t from read_json("
            f"'{document}', maximum_object_size = {document.stat().st_size + 1_000_000})) as c, unnest(t.turns) as x(u)"
        )

        def step() -> None:
            done = pipeline.ingest(
                workspaces[-1], connector, [document], name=NAME, mapping=written
            )
            _expect(sum(done.by_type.values()), messages)

        timing = interleave(
            lambda: engine.rows(query), step, rounds,
            before=lambda: workspaces.append(_empty(folder / "ingested_vendor")),
        )  # fmt: skip
    rate = messages / timing.wall
    return [
        Line("ingest: nested vendor JSON → lake", f"{messages:,} events", *timing.figures, f"{rate:,.0f} events/s", "≥ 30,000 events/s", rate >= 30_000, rounds)
    ]  # fmt: skip


def prepare(folder: Path, conversations: int) -> list[Line]:
    """The unmeasured workspace that ``publish`` copies, and the 1 % pieces kept back from it."""
    if (folder / f"workspace-{conversations}").exists():
        return []
    events = simulated(folder, conversations)
    lines = events.read_bytes().splitlines(keepends=True)
    lines.sort(key=lambda line: json.loads(line)["occurred_at"])  # as they would arrive
    piece = max(1, len(lines) // 100)
    kept = len(lines) - piece * _REFRESHES
    for number in range(_REFRESHES):
        start = kept + number * piece
        (events.parent / f"more-{number}.jsonl").write_bytes(b"".join(lines[start : start + piece]))
    first = events.parent / "first.jsonl"
    first.write_bytes(b"".join(lines[:kept]))
    del lines
    workspace = _empty(folder / "making")
    pipeline.ingest(workspace, "canonical", [first], name=NAME)
    workspace.root.rename(folder / f"workspace-{conversations}")
    first.unlink()
    return []


def publish(folder: Path, conversations: int, rounds: int) -> list[Line]:
    """Events → published snapshot: scored for the first time, built anew, and after 1 % more."""
    root = folder / f"measured-{conversations}"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(folder / f"workspace-{conversations}", root)
    workspace = Workspace.open(root)
    scored: list[Measured] = []
    first, first_cpu = costs(lambda: scored.append(pipeline.measure(workspace)))
    done = scored[0]
    load = f"{done.facts['conversation']:,} conversations"
    parts: list[dict[str, float]] = []
    with DuckEngine() as engine, Lake.open(root) as lake:
        lake.create_views(engine.connection)
        scan = _queries(engine, _event_columns())

        def bare() -> None:
            for query in scan:
                engine.rows(query)

        timing = interleave(
            bare, lambda: parts.append(dict(pipeline.measure(workspace, anew=True).steps)), rounds
        )
        more = sorted((folder / f"simulated-{conversations}").glob("more-*.jsonl"))
        upon: list[int | None] = []
        refreshed = [costs(partial(_refresh, workspace, path, upon)) for path in more[:_REFRESHES]]
    spent = {name: statistics.median(part[name] for part in parts) for name in parts[0]}
    shares = ", ".join(f"{name} {value:.1f} s" for name, value in spent.items())
    lines = [
        Line("events → published snapshot, text scores present", load, *timing.figures, f"{timing.ratio:.1f} ×", "≤ 15 ×", timing.ratio <= 15, rounds, shares),
        Line("  the first time, with text scoring", load, first, first_cpu, timing.scan, first / timing.scan, None,
             f"{done.scored / done.steps['scoring']:,.0f} messages/s scored and stored", rounds=1,
             note=f"{done.scored:,} messages, scoring {done.steps['scoring']:.1f} s"),
    ]  # fmt: skip
    if refreshed:
        wall, cpu = (statistics.median(each) for each in zip(*refreshed, strict=True))
        share = wall / timing.wall
        lines.append(
            Line("  1 % new events → published snapshot", load, wall, cpu, timing.scan,
                 wall / timing.scan, None, f"{share:.0%} of full",
                 "≤ 15 % of full", share <= 0.15, len(refreshed),
                 "ingest and measure" + ("" if all(upon) else "; built anew, too much was touched"))
        )  # fmt: skip
    return lines


def read(folder: Path, conversations: int, _rounds: int) -> list[Line]:
    """The scorecard and a drill-down, from the published file."""
    root = folder / f"measured-{conversations}"
    with Answers.open(root) as answers:
        engine, catalogue = answers.engine, answers.catalogue
        load = f"{engine.rows('select count(*) from conversation')[0][0]:,} conversations"
        headline = catalogue.get(HEADLINE)
        tables = [row[0] for row in engine.rows("select table_name from duckdb_tables()")]
        needed: dict[str, set[str]] = {}
        for metric in catalogue:
            needed.setdefault(metric.fact, {"day", "bucket", "person_key"}).update(
                sql.reads(metric)
            )
        stored = {
            name: {row[0] for row in engine.rows(f'describe "{name}"')}
            for name in tables
            if "_total_" in name
        }
        whole = _queries(engine, {**needed, **stored})
        one = _queries(engine, {"conversation": {*sql.reads(headline), "conversation_id", "day"}})

        def timed(queries: Sequence[str], step: Callable[[], object]) -> Timing:
            return interleave(lambda: [engine.rows(query) for query in queries], step, _READS)

        scorecard = timed(whole, answers.scorecard)
        drill = timed(one, lambda: answers.units(HEADLINE, "numerator", 100))
        shown = timed(one, lambda: answers.estimates([HEADLINE], by=("channel",)))
    program = [sys.executable, "-m", "candor.cli.main"]
    script = Path(sys.executable).with_name("candor")
    call = [str(script)] if script.exists() else program
    call += ["show", HEADLINE, "--by", "channel", "--workspace", str(root), "--json"]
    started = [
        costs(lambda: subprocess.run(call, check=True, stdout=subprocess.DEVNULL)) for _ in range(3)
    ]
    cold, cold_cpu = (statistics.median(each) for each in zip(*started, strict=True))
    return [
        Line("read: scorecard, whole catalogue, from the published file", load, *scorecard.figures, f"{scorecard.wall * 1000:.0f} ms", rounds=_READS),
        Line("read: one metric by channel", load, *shown.figures,
             f"{shown.wall * 1000:.0f} ms", rounds=_READS),
        Line("read: drill-down to 100 conversations", load, *drill.figures,
             f"{drill.wall * 1000:.0f} ms", rounds=_READS),
        Line("read: one metric by channel, cold program (L-8)", load, cold, cold_cpu, None, None, None,
             f"{cold:.2f} s", "≤ 2 s", cold <= 2, 3),
    ]  # fmt: skip


def simulated(folder: Path, conversations: int) -> Path:
    """The simulated events of one size, made when they are not there."""
    made = folder / f"simulated-{conversations}"
    if not (made / "events.jsonl").exists():
        pipeline.simulate(made, conversations, SEED, "demo")
    return made / "events.jsonl"


def _empty(root: Path) -> Workspace:
    shutil.rmtree(root, ignore_errors=True)
    return Workspace.create(root, _CONFIG)


def _expect(found: int, wanted: int) -> None:
    if found != wanted:
        raise RuntimeError(f"{found:,} stored, {wanted:,} expected")


def _stored(workspace: Workspace, events: Path, wanted: int) -> None:
    _expect(pipeline.ingest(workspace, "canonical", [events], name=NAME).stored, wanted)


def _refresh(workspace: Workspace, events: Path, upon: list[int | None]) -> None:
    pipeline.ingest(workspace, "canonical", [events], name=NAME)
    upon.append(pipeline.measure(workspace).upon)


def _kinds(events: Path) -> dict[str, str]:
    """SQL type of each key that the first lines have."""
    names: dict[str, str] = {}
    with events.open(encoding="utf-8") as lines:
        for line in islice(lines, _KEYS_FROM):
            for name, value in json.loads(line).items():
                number = isinstance(value, int | float) and not isinstance(value, bool)
                kind = "TIMESTAMPTZ" if name.endswith("_at") else "DOUBLE" if number else "VARCHAR"
                names.setdefault(name, kind)
    return names


def _source(events: Path, kinds: Mapping[str, str]) -> str:
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in kinds.items())
    return f"read_json('{events}', format = 'newline_delimited', columns = {{{columns}}})"


def _bare_json(events: Path) -> str:
    """The bare scan of the lines: every key counted, nothing cast."""
    names = dict.fromkeys(_kinds(events), "VARCHAR")
    counts = ", ".join(f'count("{name}")' for name in names)
    return f"select {counts} from {_source(events, names)}"


def _distinct_json(events: Path) -> str:
    """The lines with every key cast and duplicates dropped."""
    return f"select count(*) from (select distinct * from {_source(events, _kinds(events))})"


def _event_columns() -> dict[str, set[str]]:
    """Event columns that scoring, facts and transcripts name, by view."""
    work = scoring._WORK_SQL.format(source="s", assessor="a", version="1")  # noqa: SLF001 - its text is what is read
    queries = [*(step.sql for step in steps().values()), transcribing.statement(), work]
    return columns_named(queries, lambda table: table.startswith("ev_"))


def _queries(engine: DuckEngine, columns: dict[str, set[str]]) -> list[str]:
    types = {
        table: {row[0]: row[1] for row in engine.rows(f'describe "{table}"')} for table in columns
    }
    return scan_queries(columns, types)
