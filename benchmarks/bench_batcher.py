"""Events per second through the batcher, on one core, for typical message events.

Run: ``python benchmarks/bench_batcher.py [events]``. Prints the median of five runs.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

from candor.events import Batcher, registry

TEXTS = (
    "Where is my parcel? It should have been here on Monday.",
    "Your parcel left our warehouse this morning and arrives tomorrow.",
    "thanks, that helps",
    "Could you tell me the order number, please?",
)


def messages(count: int) -> list[dict[str, Any]]:
    """Message events with the keys a help desk gives, all distinct."""
    return [
        {
            "type": "message",
            "message_id": f"message-{n:012d}",
            "thread_id": f"thread-{n // 8:010d}",
            "occurred_at": f"2026-05-{1 + n % 28:02d}T10:{n % 60:02d}:{n // 60 % 60:02d}Z",
            "actor": ("customer", "ai_agent")[n % 2],
            "actor_id": f"actor-{n % 5000}",
            "is_public": True,
            "text": TEXTS[n % 4],
            "kind": (None, "answer")[n % 2],
            "ai_confidence": (None, 0.81)[n % 2],
            "latency_ms": (None, 900)[n % 2],
            "release": "r12",
        }
        for n in range(count)
    ]


def run(events: list[dict[str, Any]], block: int = 50_000) -> float:
    """Seconds to add and convert all events in blocks."""
    start = time.perf_counter()
    batcher = Batcher("bench", received_at_us=1_800_000_000_000_000)
    stored = 0
    for at in range(0, len(events), block):
        for number, event in enumerate(events[at : at + block], at + 1):
            batcher.add("message", event, number, "bench.jsonl:1")
        stored += batcher.take().tables["message"].num_rows
    if stored != len(events):
        message = f"{len(events) - stored} events were refused"
        raise SystemExit(message)
    return time.perf_counter() - start


def main() -> None:
    """Prints events per second."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    registry()
    events = messages(count)
    seconds = statistics.median(run(events) for _ in range(5))
    print(f"batcher: {count / seconds:,.0f} events/s ({count:,} messages, median of 5)")


if __name__ == "__main__":
    main()
