"""Every step of the goals table, as ratios to the bare scan: one table and, if asked, JSON.

    python benchmarks/run.py [--size 100k|1m] [--step NAME …] [--rounds N] [--json FILE] [--data FOLDER]

Steps run one after another, each in a fresh process, so that its peak memory is its own. Data are
made once under ``--data`` (default: a temporary folder) and used again. What is measured, and how to
read it, is written in ``docs/performance.md``; ``yardstick.py`` holds what the steps share.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import yardstick
from yardstick import MEMORY_LIMIT_MIB, Line, in_child, interleave


@dataclass(frozen=True)
class Size:
    """How much each step is given.

    Attributes:
        facts: conversations of the steps on facts and measures, about eight messages each.
        ingest: simulated conversations that are ingested from nothing in every round.
        published: simulated conversations of the workspace that is published.
        texts: messages scored.
        vendor: messages of the vendor document.
        rounds: how often each step is timed.
    """

    facts: int
    ingest: int
    published: int
    texts: int
    vendor: int
    rounds: int


SIZES = {
    "10k": Size(10_000, 2_000, 5_000, 20_000, 20_000, 1),
    "100k": Size(100_000, 25_000, 100_000, 100_000, 100_000, 5),
    "1m": Size(1_000_000, 100_000, 1_000_000, 1_000_000, 400_000, 3),
}
INGEST = "ingest: canonical JSON Lines → lake"
IDEAL = "  the ideal of L-1"
STORED = "measures: whole catalogue, every period"
ONE_BY_ONE = "  one query per metric and breakdown, days"
STEPS = ("ingest", "text", "facts", "measures", "publish", "read")


def main() -> None:
    """Run the steps asked for and print their table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--size", choices=SIZES, default="100k")
    parser.add_argument("--step", choices=STEPS, action="append", help="may be repeated")
    parser.add_argument("--rounds", type=int, help="instead of the size's own")
    parser.add_argument("--json", type=Path, help="write the same as JSON")
    parser.add_argument("--data", type=Path, help="folder of made data, kept between runs")
    asked = parser.parse_args()
    size = SIZES[asked.size]
    rounds = asked.rounds or size.rounds
    with tempfile.TemporaryDirectory() as temporary:
        folder = (asked.data or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        lines: list[Line] = []
        for name in asked.step or STEPS:
            for task, arguments in _tasks(name, folder, size, rounds):
                began = time.monotonic()
                made = in_child(task, *arguments)
                print(f"{task.__name__}: {time.monotonic() - began:.0f} s", flush=True)
                for line in made:
                    print(f"    {line.step.strip()}: {line.wall:.2f} s, {line.figure}", flush=True)
                lines += made
    lines = beside_each_other(lines)
    print(table(lines))
    highest = max(line.peak for line in lines)
    print(f"\nhighest memory of a step {highest:,.0f} MiB, limit {MEMORY_LIMIT_MIB:,} MiB:"
          f" {'held' if highest < MEMORY_LIMIT_MIB else 'PASSED'}")  # fmt: skip
    if asked.json:
        report = {
            "size": asked.size,
            "machine": yardstick.machine(),
            "memory_limit_mib": MEMORY_LIMIT_MIB,
            "steps": [asdict(line) for line in lines],
        }
        asked.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _tasks(
    name: str, folder: Path, size: Size, rounds: int
) -> list[tuple[Callable[..., list[Line]], tuple[Any, ...]]]:
    """The processes of a step, in order; those that only make data come first."""
    import bench_aggregation
    import bench_pipeline

    events = folder / f"events-{size.facts}"
    prepared = (bench_pipeline.prepare, (folder, size.published))
    tasks: dict[str, list[tuple[Callable[..., list[Line]], tuple[Any, ...]]]] = {
        "ingest": [
            (bench_pipeline.reorder, (folder, size.ingest)),
            (bench_pipeline.ingest, (folder, size.ingest, rounds)),
            (bench_pipeline.ideal, (folder, size.ingest, rounds)),
            (bench_pipeline.ingest_vendor, (folder / "vendor", size.vendor, rounds)),
        ],
        "text": [(text, (size.texts, rounds))],
        "facts": [
            (make_events, (events, size.facts)),
            (facts, (events, rounds)),
            *(
                (bench_aggregation.aggregate, (events / "message.parquet", rounds, engine))
                for engine in ("duckdb", "polars", "pandas")
            ),
        ],
        "measures": [
            (measures, (size.facts, rounds, "stored")),
            (measures, (size.facts, min(rounds, 3), "one by one")),
            (measures, (size.facts, min(rounds, 3), "polars")),
            (measures, (size.facts, min(rounds, 3), "pandas")),
        ],
        "publish": [prepared, (bench_pipeline.publish, (folder, size.published, rounds))],
        "read": [(bench_pipeline.read, (folder, size.published, rounds))],
    }
    return tasks[name]


def text(messages: int, rounds: int) -> list[Line]:
    """All message signals of unlike messages on one core; redaction and the VADER library beside."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    import bench_text
    from candor.privacy.redaction import Redactor
    from candor.scorers.rephrase import rephrases
    from candor.scorers.signals import score

    pa.set_cpu_count(1)
    texts = pa.array(bench_text.messages(messages, personal=False))
    actors = pa.array((["customer", "ai_agent"] * messages)[:messages])
    keys, order = np.arange(messages) // 8, np.arange(messages)
    threads = pa.array([f"t{key}" for key in keys])
    redactor, library = Redactor(bytes(32)), SentimentIntensityAnalyzer()
    few = texts.slice(0, bench_text.LIBRARY_ROWS).to_pylist()

    def scan() -> object:
        return pc.sum(pc.utf8_length(texts)), pc.sum(pc.utf8_length(actors))

    def signals() -> None:
        score(texts, actors)
        rephrases(keys, order, texts)

    def beside(step: str, task: Callable[[], object], count: int) -> Line:
        timing = interleave(scan, task, rounds)
        return Line(step, f"{count:,} messages", *timing.figures,
                    f"{count / timing.cpu:,.0f} messages/s a core", rounds=rounds)  # fmt: skip

    found = beside("text: all message signals, one core", signals, messages)
    rate = messages / found.cpu
    return [
        replace(found, goal="≥ 100,000 messages/s a core", met=rate >= 100_000),
        beside("  redaction, clean text, one core", lambda: redactor.column(texts, threads), messages),
        beside("  VADER library, sentiment alone", lambda: [library.polarity_scores(t) for t in few], len(few)),
    ]  # fmt: skip


def make_events(folder: Path, conversations: int) -> list[Line]:
    """Synthetic events as Parquet, when they are not there."""
    import bench_facts

    if not (folder / "message.parquet").exists():
        folder.mkdir(parents=True, exist_ok=True)
        bench_facts.make(folder, conversations)
    return []


def facts(folder: Path, rounds: int) -> list[Line]:
    """Every fact from synthetic events into a database file, as publishing does."""
    import bench_facts
    from candor.engines.duck import DuckEngine
    from candor.facts.build import BuiltFact, build_facts
    from candor.settings import Settings

    read = bench_facts.columns_read()
    target = folder / "facts.duckdb"
    engines: list[DuckEngine] = []
    built: list[list[BuiltFact]] = []

    def fresh() -> None:
        for engine in engines:
            engine.close()
        target.unlink(missing_ok=True)
        engines[:] = [DuckEngine(target, temp_dir=folder / "spill")]
        bench_facts.view(engines[0], folder)

    fresh()
    types = {name: {row[0]: row[1] for row in engines[0].rows(f"describe {name}")} for name in read}
    timing = interleave(
        lambda: bench_facts.bare_scan(engines[0], read, types),
        lambda: built.append(build_facts(engines[0], Settings(), as_of_us=bench_facts.AS_OF)),
        rounds, before=fresh,
    )  # fmt: skip
    slow = sorted(built[-1], key=lambda fact: -fact.seconds)[:4]
    rows = {fact.name: fact.rows for fact in built[-1]}
    engines[0].close()
    target.unlink()
    return [
        Line("facts and journeys", f"{rows['conversation']:,} conversations", *timing.figures, f"{timing.ratio:.1f} ×", "≤ 6 ×", timing.ratio <= 6, rounds,
             ", ".join(f"{fact.name} {fact.seconds:.1f} s" for fact in slow))
    ]  # fmt: skip


def measures(conversations: int, rounds: int, way: str) -> list[Line]:
    """The catalogue × six breakdowns × every period with customer buckets, in one of four ways."""
    import bench_measures
    from candor.engines.duck import DuckEngine
    from candor.metrics import build, registry

    metrics = registry.load().of_fact("conversation")
    breakdowns = bench_measures.SEGMENTATIONS
    with DuckEngine(memory_limit="3GB") as engine:
        bench_measures._prepare(engine, conversations)  # noqa: SLF001 - the same data as its own run
        scan = bench_measures._bare_scan(metrics)  # noqa: SLF001
        ways: dict[str, tuple[str, Callable[[], object]]] = {
            "stored": (STORED, lambda: build.build(engine, metrics, breakdowns)),
            "one by one": (ONE_BY_ONE, lambda: bench_measures._one_by_one(engine, metrics)),  # noqa: SLF001
            "polars": ("  polars, the same sums, weeks only", lambda: bench_measures._polars(engine, metrics)),  # noqa: SLF001
            "pandas": ("  pandas, the same sums, weeks only", lambda: bench_measures._pandas(engine, metrics)),  # noqa: SLF001
        }  # fmt: skip
        name, step = ways[way]
        timing = interleave(lambda: engine.rows(scan), step, rounds)
    load = f"{conversations:,} conversations, {len(metrics)} metrics × {len(breakdowns)} breakdowns"
    asked = way == "stored"
    return [
        Line(name, load, *timing.figures, f"{timing.ratio:.1f} ×",
             "≤ 12 ×" if asked else "", timing.ratio <= 12 if asked else None, rounds)
    ]  # fmt: skip


def beside_each_other(lines: list[Line]) -> list[Line]:
    """The lines, with the goals that compare two steps of different processes filled in.

    Bare scans of both are of the same columns, so their ratios compare even when the load changed.
    """
    found = {line.step: line for line in lines}
    made = []
    for line in lines:
        changed = line
        if line.step == IDEAL and INGEST in found:
            times = found[INGEST].wall / line.wall
            changed = replace(line, figure=f"ingest takes {times:.1f} × as long",
                              goal="≤ 2.5 ×", met=times <= 2.5)  # fmt: skip
        elif line.step == ONE_BY_ONE and STORED in found:
            times = (line.ratio or 0) / (found[STORED].ratio or 1)
            changed = replace(line, figure=f"stored measures are {times:.1f} × faster",
                              goal="≥ 8 × faster", met=times >= 8)  # fmt: skip
        made.append(changed)
    return made


def table(lines: list[Line]) -> str:
    """The lines as a table of Markdown."""
    rows = [
        "| step | size | wall s | CPU s | bare scan s | ratio | CPU ratio | found | goal (first) | met | peak MiB | load |",
        "|---|---|---:|---:|---:|---:|---:|---|---|---|---:|---:|",
    ]
    for line in lines:
        scan = "" if line.scan is None else f"{line.scan:.3f}"
        ratio = "" if line.ratio is None else f"{line.ratio:.1f}"
        cpu_ratio = "" if line.cpu_ratio is None else f"{line.cpu_ratio:.1f}"
        met = "" if line.met is None else "yes" if line.met else "**no**"
        rows.append(
            f"| {line.step} | {line.size} | {line.wall:.2f} | {line.cpu:.2f} | {scan} | {ratio} | {cpu_ratio} | {line.figure} |"
            f" {line.goal} | {met} | {line.peak:,.0f} | {line.load:.1f} |"
        )
    notes = [f"- {line.step.strip()}: {line.note}" for line in lines if line.note]
    return "\n".join([*rows, "", *notes])


if __name__ == "__main__":
    main()
