"""How long pages take while others read and an ingest runs: ``python benchmarks/bench_readers.py WORKSPACE``.

Copies the workspace, starts ``candor serve`` on the copy, waits until it has prepared its answers, then lets
readers click, each on its own schedule, while another process ingests new conversations over and over
(``--measure`` publishes them too). A reader's time counts from the moment the click was due, so a server that
stalls cannot make its readers wait politely. The mix is that of people: mostly the pages of the navigation, then
metric pages by any segment, narrowed scorecards, lists of conversations, single conversations.

Prints median and 95th percentile in milliseconds by kind of page, what was not answered with a page, and the
server's processor milliseconds per page, which say more than the wall on a machine that others use.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from candor.access.people import People
from candor.access.permissions import OPERATOR, Permission
from candor.access.sessions import Sessions
from candor.access.store import Store
from candor.metrics import query, registry

CANDOR = Path(sys.executable).with_name("candor")
NAVIGATION = (
    "/", "/", "/", "/?view=legacy", "/glossary", "/glossary?q=resolution", "/resolution", "/economics",
    "/intents", "/handoffs", "/drop-off", "/assist", "/releases", "/fairness", "/reviews/weekly", "/plan",
    "/vendor", "/health", "/alerts", "/conversations",
)  # fmt: skip
SEGMENTS = ("channel", "intent_id", "language", "customer_segment", "release", "path")
"""Segments a metric page is broken down by; only those the metric has, and the data tell apart."""
KINDS = {"navigation": 60, "metric": 25, "narrowed": 5, "list": 5, "conversation": 5}
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Read:
    """One click.

    Attributes:
        kind: of page.
        path: what was asked for.
        status: of the answer; 0 when there was none.
        seconds: from the moment the click was due.
    """

    kind: str
    path: str
    status: int
    seconds: float


@dataclass
class Reader:
    """Somebody who clicks.

    Attributes:
        port: of the server.
        token: what identifies them.
        reads: what they saw.
    """

    port: int
    token: str
    reads: list[Read] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Connect."""
        self._line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        try:
            self._line.request("GET", path, headers={"authorization": f"Bearer {self.token}"})
            answer = self._line.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self._line.close()
            return 0, b""

    def click(self, kind: str, path: str, due: float) -> None:
        """Read a page that was due at an instant of the monotonic clock."""
        time.sleep(max(0.0, due - time.monotonic()))
        status, _ = self.get(path)
        self.reads.append(Read(kind, path, status, time.monotonic() - due))


def copied(source: Path, target: Path) -> None:
    """A workspace of its own; files that are never changed again are shared."""

    def copy(one: str, other: str) -> None:
        if one.endswith((".parquet", ".duckdb")):
            with contextlib.suppress(OSError):
                os.link(one, other)
                return
        shutil.copy2(one, other)

    shutil.copytree(source, target, copy_function=copy)


def processor_seconds(process: int) -> float:
    """Of a process and its children, those included that have ended."""
    total = 0.0
    with contextlib.suppress(OSError):
        parts = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(part) for part in parts[11:15]) / _TICKS
        for thread in Path(f"/proc/{process}/task").iterdir():
            children = (thread / "children").read_text().split()
            total += sum(processor_seconds(int(child)) for child in children)
    return total


def paths(reader: Reader, seed: int) -> Iterator[tuple[str, str]]:
    """Kind and path of one click after another, for ever."""
    draw, catalogue = random.Random(seed), registry.load()
    card = json.loads(reader.get("/api/scorecard")[1])
    metrics = [row["metric"] for category in card["categories"] for row in category["metrics"]]
    recent = json.loads(reader.get("/api/conversations")[1])["conversations"]
    ids = [one["conversation"] for one in recent]
    while True:
        kind = draw.choices(list(KINDS), list(KINDS.values()))[0]
        metric = draw.choice(metrics)
        match kind:
            case "navigation":
                yield kind, draw.choice(NAVIGATION)
            case "metric":
                known = catalogue.definitions.get(metric)
                offered = [one for one in SEGMENTS if known and one in query.dimensions(known)]
                by = f"?by={draw.choice(offered)}" if offered and draw.random() < 0.5 else ""
                yield kind, f"/metric/{metric}{by}"
            case "narrowed":
                yield kind, "/?" + draw.choice(("channel=chat", "channel=email", "language=en"))
            case "list":
                yield kind, "/metric/containment_rate/" + draw.choice(("numerator", "unknown"))
            case _:
                yield kind, f"/conversations/{quote(draw.choice(ids), safe='')}"


def readers_of(root: Path, port: int, count: int) -> list[Reader]:
    """People who may see everything but text, each with a token of their own."""
    store = Store(root / "restricted")
    people, sessions = People(store), Sessions(store)
    found = []
    with contextlib.suppress(Exception):
        people.add(OPERATOR, "bench-admin", "admin", "a long enough sentence")
    for number in range(count):
        name = f"bench-{number}-{time.time_ns()}"
        actor = people.add(OPERATOR, name, "analyst", "a long enough sentence").actor()
        held = [str(each) for each in (Permission.FIGURES, Permission.MONEY, Permission.AGENTS,
                                       Permission.SMALL_CELLS)]  # fmt: skip
        found.append(Reader(port, sessions.issue(actor, name[:40], held, 1)))
    store.close()
    return found


def ready(reader: Reader, limit: float) -> dict[str, float]:
    """Seconds until each page of the navigation is a page, asked one after another."""
    found = {}
    for path in dict.fromkeys(NAVIGATION):
        began = time.monotonic()
        while reader.get(path)[0] != 200 and time.monotonic() - began < limit:
            time.sleep(0.25)
        found[path] = time.monotonic() - began
    return found


def percentile(values: list[float], share: float) -> float:
    """The value below which this share lies (nearest rank), in milliseconds."""
    ordered = sorted(values)
    return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Load(threading.Thread):
    """Ingests new conversations again and again, and publishes them where wished."""

    def __init__(self, root: Path, conversations: int, *, measures: bool) -> None:
        super().__init__(daemon=True)
        self.root, self.conversations, self.measures = root, conversations, measures
        self.ended, self.ingests, self.publications = threading.Event(), 0, 0
        self.failed: list[str] = []

    def run(self) -> None:
        """Until told to end."""
        with tempfile.TemporaryDirectory() as folder:
            while not self.ended.is_set():
                out = Path(folder) / str(self.ingests)
                size = str(self.conversations)
                self._do("simulate", "--out", str(out), "--conversations", size,
                         "--seed", str(1000 + self.ingests))  # fmt: skip
                self._do("ingest", "canonical", str(out / "events.jsonl"), "-w", str(self.root),
                         "--name", f"load{self.ingests}")  # fmt: skip
                self.ingests += 1
                if self.measures and not self.ended.is_set():
                    self._do("measure", "-w", str(self.root))
                    self.publications += 1
                shutil.rmtree(out, ignore_errors=True)

    def _do(self, *words: str) -> None:
        done = subprocess.run([str(CANDOR), *words], capture_output=True, check=False, text=True,
                              start_new_session=True)  # fmt: skip
        if done.returncode:
            self.failed.append(f"{words[0]}: {done.stderr.strip()[-200:]}")


def main() -> int:
    """Run it."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("workspace", type=Path, help="a measured workspace; it is copied")
    options.add_argument("--readers", type=int, default=16)
    options.add_argument("--seconds", type=float, default=60.0)
    options.add_argument("--warm-up", type=float, default=30.0, help="seconds that do not count")
    options.add_argument("--settle", type=float, default=0.0,
                         help="seconds between the first pages and the first click")  # fmt: skip
    options.add_argument("--every", type=float, default=1.0, help="seconds between two clicks")
    options.add_argument("--ingest", type=int, default=4000, help="conversations a time; 0: none")
    options.add_argument("--measure", action="store_true", help="publish after each ingest")
    options.add_argument("--json", type=Path, help="also write what was found here")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(dir=given.workspace.parent) as folder:
        root = Path(folder) / "workspace"
        copied(given.workspace, root)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        readers = readers_of(root, port, given.readers)
        server = subprocess.Popen(
            [str(CANDOR), "serve", "-w", str(root), "--port", str(port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            found = _run(given, root, readers, server.pid)
        finally:
            server.terminate()
            server.wait(30)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))
    return 0


def _run(
    given: argparse.Namespace, root: Path, readers: list[Reader], server: int
) -> dict[str, object]:
    while readers[0].get("/healthz")[0] != 200:
        time.sleep(0.2)
    waits = ready(readers[0], 300)
    print(f"first pages: {max(waits.values()):.1f} s at most, processor "
          f"{processor_seconds(server):.1f} s; load {os.getloadavg()[0]:.1f}", flush=True)  # fmt: skip
    time.sleep(given.settle)
    for reader in readers:
        # Lines that lay still too long were cut.
        while reader.get("/healthz")[0] != 200:
            time.sleep(0.2)
    load = Load(root, given.ingest, measures=given.measure)
    if given.ingest:
        load.start()
    clicks = [paths(reader, number) for number, reader in enumerate(readers)]
    first = [next(each) for each in clicks]
    used, began = processor_seconds(server), time.monotonic() + 1

    def read(number: int, reader: Reader) -> None:
        due, (kind, path) = began + given.every * number / len(readers), first[number]
        while due < began + given.warm_up + given.seconds:
            reader.click(kind, path, due)
            due += given.every
            kind, path = next(clicks[number])

    threads = [threading.Thread(target=read, args=pair) for pair in enumerate(readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    used = processor_seconds(server) - used
    load.ended.set()
    if load.is_alive():
        # It writes into the copy that is removed next.
        load.join()
    skipped = round(given.warm_up / given.every)
    reads = [one for reader in readers for one in reader.reads[skipped:]]
    cost = 1000 * used / max(1, sum(len(reader.reads) for reader in readers))
    return _told(reads, cost, load)


def _told(reads: list[Read], cost: float, load: Load) -> dict[str, object]:
    rows = {}
    for kind in ("all", *KINDS):
        mine = [one for one in reads if kind in ("all", one.kind)]
        if not mine:
            continue
        times = [one.seconds for one in mine]
        statuses = Counter(one.status for one in mine if one.status != 200)
        rows[kind] = {
            "pages": len(mine), "median_ms": round(1000 * statistics.median(times), 1),
            "p95_ms": round(percentile(times, 0.95), 1), "p99_ms": round(percentile(times, 0.99), 1),
            "most_ms": round(1000 * max(times), 1), "not_a_page": dict(statuses),
        }  # fmt: skip
        print(f"{kind:13s} {rows[kind]}")
    slow = sorted(reads, key=lambda one: -one.seconds)[:8]
    for one in slow:
        print(f"  slow: {1000 * one.seconds:7.0f} ms {one.status} {one.path}")
    print(f"server processor {cost:.1f} ms a page; ingests {load.ingests}, publications "
          f"{load.publications}, failed {load.failed}; load {os.getloadavg()[0]:.1f}")  # fmt: skip
    return {"kinds": rows, "processor_ms_a_page": cost, "ingests": load.ingests,
            "publications": load.publications, "load": os.getloadavg()[0]}  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
