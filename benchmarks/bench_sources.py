"""How fast files become checked, masked events: ``python benchmarks/bench_sources.py [EVENTS]``.

Writes message events with texts of about 60 characters as canonical JSON Lines, as CSV for the
generic source and as a nested JSON document, reads each in a confined child while this process only
takes the pieces, and prints events per second. Goal for canonical: 30,000 a second on two cores.
``--profile`` reads in this process and prints where the time goes.
"""

from __future__ import annotations

import argparse
import cProfile
import csv
import json
import pstats
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from candor.sources import registry
from candor.sources.base import SourceOptions
from candor.sources.mapping import parse_mapping
from candor.sources.run import PrivacySettings, read

WORDS = [
    "hello",
    "thanks",
    "order",
    "refund",
    "where",
    "is",
    "my",
    "parcel",
    "please",
    "cancel",
    "the",
    "invoice",
    "again",
    "I",
    "cannot",
    "log",
    "in",
    "what",
    "about",
    "delivery",
    "tomorrow",
    "address",
    "changed",
    "paid",
    "twice",
    "still",
    "waiting",
    "agent",
    "help",
    "sure",
    "done",
]
CSV_MAPPING = """
format: {type: csv, delimiter: ","}
emit:
  - type: message
    fields:
      message_id: message_id
      thread_id: thread_id
      occurred_at: occurred_at
      actor: {column: actor, map: {customer: customer, bot: ai_agent}}
      text: text
"""
JSON_MAPPING = """
format: {type: json, records: chats}
emit:
  - type: message
    for_each: turns
    fields:
      message_id: message_id
      thread_id: $.id
      occurred_at: occurred_at
      actor: {column: actor, map: {customer: customer, bot: ai_agent}}
      text: text
"""


def messages(count: int) -> Iterator[dict[str, Any]]:
    """``count`` messages, eight to a thread, always the same ones."""
    draw = random.Random(7)
    for number in range(count):
        yield {
            "message_id": f"m{number:09d}",
            "thread_id": f"t{number // 8:08d}",
            "occurred_at": f"2026-05-{1 + number % 28:02d}T{number % 24:02d}:{number % 60:02d}:00Z",
            "actor": "bot" if number % 2 else "customer",
            "text": " ".join(draw.choices(WORDS, k=12))[:60],
        }


def write_files(folder: Path, count: int) -> list[tuple[str, str, Path, str | None]]:
    """``(label, connector, file, mapping)`` of each case."""
    canonical, table, nested = (folder / n for n in ("x.jsonl", "x.csv", "x.json"))
    with canonical.open("w") as lines, table.open("w", newline="") as rows:
        writer = csv.DictWriter(rows, ["message_id", "thread_id", "occurred_at", "actor", "text"])
        writer.writeheader()
        for one in messages(count):
            writer.writerow(one)
            actor = "ai_agent" if one["actor"] == "bot" else "customer"
            event = {"type": "message", **one, "actor": actor, "is_public": True}
            lines.write(json.dumps(event) + "\n")
    found = list(messages(count))
    chats = [
        {"id": found[at]["thread_id"], "turns": found[at : at + 8]} for at in range(0, count, 8)
    ]
    nested.write_text(json.dumps({"chats": chats}))
    return [
        ("canonical jsonl", "canonical", canonical, None),
        ("generic csv", "generic", table, CSV_MAPPING),
        ("generic nested json", "generic", nested, JSON_MAPPING),
    ]


def measure(
    connector: str, path: Path, mapping: str | None, *, in_child: bool
) -> tuple[int, float]:
    """Events read and the seconds it took."""
    options = SourceOptions("bench", mapping=None if mapping is None else parse_mapping(mapping))
    privacy = PrivacySettings(b"benchmark key ..")
    began = time.perf_counter()
    events = 0
    for batch in read(registry.get(connector), [path], options, privacy=privacy, in_child=in_child):
        if batch.refused is not None:
            raise SystemExit(str(batch.refused))
        events += sum(len(table) for table in batch.tables.values())
    return events, time.perf_counter() - began


def main() -> None:
    """Print one line per case."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("events", nargs="?", type=int, default=200_000)
    arguments.add_argument("--profile", action="store_true")
    wanted = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for label, connector, path, mapping in write_files(Path(folder), wanted.events):
            profile = cProfile.Profile()
            if wanted.profile:
                profile.enable()
            events, seconds = measure(connector, path, mapping, in_child=not wanted.profile)
            profile.disable()
            size = path.stat().st_size / 1e6
            print(
                f"{label:20} {events:>9,} events {size:7.1f} MB {seconds:6.2f} s "
                f"{events / seconds:>9,.0f} events/s"
            )
            if wanted.profile:
                pstats.Stats(profile).sort_stats("tottime").print_stats(14)


if __name__ == "__main__":
    main()
