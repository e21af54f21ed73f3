"""What every benchmark shares: the bare scan, interleaving, medians, peak memory, the state of the machine.

The yardstick is the *bare scan*: each column that a step needs, summed or counted once, from the
storage the step reads, in the same run. A step and its bare scan take turns, so that both see the
same load; a ratio is the median over rounds of wall time ÷ the bare scan of that round. Seconds
mean nothing on a shared machine, the ratios do. Memory is MiB.
"""

from __future__ import annotations

import multiprocessing
import os
import platform
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

MEMORY_LIMIT_MIB = 4096
SCANS_A_ROUND = 3
_POLL_S = 0.05
_TICK_S = 1e-6


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        step: what was timed.
        size: of what it was timed on, for people.
        wall: seconds, median over rounds.
        cpu: processor seconds over all threads and child processes, median over rounds; on a busy
            machine the wall time grows with the load of others, this hardly.
        scan: seconds of the bare scan, median; None where the step has another yardstick.
        ratio: median of the rounds' ratios.
        cpu_ratio: the same of processor seconds.
        figure: what the goal is about, with its unit.
        goal: what is asked for, empty where nothing is.
        met: whether the goal is met; None where there is none.
        rounds: how often it was timed.
        note: where the time went, or how the line is to be read.
        peak: highest memory of the process and its children, filled in by whoever started it.
        load: load average over one minute at the end of the step, likewise.
    """

    step: str
    size: str
    wall: float
    cpu: float
    scan: float | None = None
    ratio: float | None = None
    cpu_ratio: float | None = None
    figure: str = ""
    goal: str = ""
    met: bool | None = None
    rounds: int = 1
    note: str = ""
    peak: float = 0.0
    load: float = 0.0


@dataclass(frozen=True)
class Timing:
    """Seconds of a step and of its bare scan, and processor seconds of the step, round by round."""

    walls: tuple[float, ...]
    scans: tuple[float, ...]
    cpus: tuple[float, ...]
    scan_cpus: tuple[float, ...]

    @property
    def wall(self) -> float:
        """Median seconds of the step."""
        return statistics.median(self.walls)

    @property
    def scan(self) -> float:
        """Median seconds of the bare scan."""
        return statistics.median(self.scans)

    @property
    def cpu(self) -> float:
        """Median processor seconds of the step, its child processes included."""
        return statistics.median(self.cpus)

    @property
    def ratio(self) -> float:
        """Median over rounds of step ÷ bare scan."""
        pairs = zip(self.walls, self.scans, strict=True)
        return statistics.median(wall / scan for wall, scan in pairs)

    @property
    def cpu_ratio(self) -> float:
        """Median over rounds of processor seconds, step ÷ bare scan."""
        pairs = zip(self.cpus, self.scan_cpus, strict=True)
        return statistics.median(used / max(scan, _TICK_S) for used, scan in pairs)

    @property
    def figures(self) -> tuple[float, float, float, float, float]:
        """Wall, processor time, bare scan, ratio of wall times, ratio of processor times."""
        return self.wall, self.cpu, self.scan, self.ratio, self.cpu_ratio


def costs(step: Callable[[], object]) -> tuple[float, float]:
    """Wall time and processor time of one call, child processes that ended included."""
    began, used = time.perf_counter(), _processor()
    step()
    return time.perf_counter() - began, _processor() - used


def _processor() -> float:
    return time.process_time() + sum(os.times()[2:4])


def seconds(step: Callable[[], object]) -> float:
    """Wall time of one call."""
    return costs(step)[0]


def interleave(
    scan: Callable[[], object],
    step: Callable[[], object],
    rounds: int,
    *,
    before: Callable[[], object] | None = None,
) -> Timing:
    """Time a step and its bare scan in turns, after one bare scan that warms the caches.

    Args:
        scan: the bare scan; timed several times a round, the median counts.
        step: what is measured.
        rounds: how often.
        before: called ahead of each step, outside the measured time.
    """
    scan()
    scans, steps = [], []
    for _ in range(rounds):
        if before is not None:
            before()
        scans.append(
            tuple(
                map(
                    statistics.median,
                    zip(*(costs(scan) for _ in range(SCANS_A_ROUND)), strict=True),
                )
            )
        )
        steps.append(costs(step))
    return together(steps, scans)


def together(steps: Sequence[tuple[float, ...]], scans: Sequence[tuple[float, ...]]) -> Timing:
    """The timing of rounds whose costs were taken one by one."""
    (walls, cpus), (bare, bare_cpus) = zip(*steps, strict=True), zip(*scans, strict=True)
    return Timing(walls, bare, cpus, bare_cpus)


def in_child(task: Callable[..., list[Line]], *arguments: Any) -> list[Line]:
    """Run ``task`` in a fresh process; its lines come back with peak memory and load average.

    The peak is that of the process and all below it, by sampling their resident sizes, and at least
    what the system recorded for the process itself.

    Raises:
        RuntimeError: the process ended without an answer.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(theirs, task, arguments))
    process.start()
    theirs.close()
    sampled = [0.0]
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, sampled, ended))
    watcher.start()
    try:
        lines, own = ours.recv()
    except EOFError:
        raise RuntimeError(f"{task.__name__} gave no answer") from None
    finally:
        ended.set()
        watcher.join()
        process.join()
    peak, load = max(sampled[0], own), os.getloadavg()[0]
    return [replace(line, peak=peak, load=load) for line in lines]


def _answer(theirs: Connection, task: Callable[..., list[Line]], arguments: Sequence[Any]) -> None:
    lines = task(*arguments)
    theirs.send((lines, _status(os.getpid(), "VmHWM")))
    theirs.close()


def _watch(root: int, highest: list[float], ended: threading.Event) -> None:
    while not ended.wait(_POLL_S):
        highest[0] = max(highest[0], sum(_status(pid, "VmRSS") for pid in _family(root)))


def _family(root: int) -> Iterable[int]:
    """A process and all below it."""
    yield root
    for listed in Path(f"/proc/{root}/task").glob("*/children"):
        try:
            below = listed.read_text(encoding="ascii").split()
        except OSError:
            continue
        for child in below:
            yield from _family(int(child))


def _status(pid: int, name: str) -> float:
    """A size of a process in MiB; 0 when it has ended or the system does not tell."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    found = [line.split()[1] for line in text.splitlines() if line.startswith(f"{name}:")]
    return int(found[0]) / 1024 if found else 0.0


def columns_named(queries: Iterable[str], tables: Callable[[str], bool]) -> dict[str, set[str]]:
    """The columns that queries name, by table, for the tables asked about."""
    found: dict[str, set[str]] = {}
    for query in queries:
        for tree in sqlglot.parse(query, dialect="duckdb"):
            for select in tree.find_all(exp.Select) if tree is not None else ():
                _add_named(select, tables, found)
    return found


def _add_named(
    select: exp.Select, tables: Callable[[str], bool], found: dict[str, set[str]]
) -> None:
    named = {
        table.alias_or_name: table.name
        for table in select.find_all(exp.Table)
        if table.find_ancestor(exp.Select) is select
    }
    only = next(iter(named)) if len(named) == 1 else ""
    for column in select.find_all(exp.Column):
        table = named.get(column.table or only, "")
        if column.find_ancestor(exp.Select) is select and tables(table):
            found.setdefault(table, set()).add(column.name)


def scan_queries(
    columns: Mapping[str, Iterable[str]], types: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """The bare scan: one query a table, each column summed if it is a number and else counted.

    Args:
        columns: wanted columns by table; those a table does not have are passed over.
        types: SQL type of each column, by table.
    """
    queries = []
    for table, names in sorted(columns.items()):
        known = types[table]
        parts = [_total(name, known[name]) for name in sorted(names) if name in known]
        if parts:
            queries.append(f"select {', '.join(parts)} from {table}")
    return queries


def _total(name: str, kind: str) -> str:
    if kind == "BOOLEAN":
        return f'sum(cast("{name}" as tinyint))'
    if kind.endswith("INT") or kind in {"INTEGER", "DOUBLE"} or kind.startswith("DECIMAL"):
        return f'sum("{name}")'
    return f'count("{name}")'


def machine() -> dict[str, str | int]:
    """What the figures were taken on."""
    import duckdb
    import polars as pl
    import pyarrow as pa

    with Path("/proc/meminfo").open(encoding="ascii") as lines:
        memory = int(next(lines).split()[1]) // 1024
    return {
        "cores": os.cpu_count() or 0,
        "memory_mib": memory,
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
        "pyarrow": pa.__version__,
        "polars": pl.__version__,
    }
