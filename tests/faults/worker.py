"""An ingest that runs until it is killed, and acknowledges each batch outside the lake.

Batch n holds 20 messages, 5 conversations and one quarantined record, so four tables move together.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from candor.events import ReasonCode, arrow_schema
from candor.lake import Lake, QuarantineRow

START = datetime(2025, 3, 1, tzinfo=UTC)
MESSAGES = 20
THREADS = 5


def table(event_type: str, rows: list[dict[str, Any]]) -> pa.Table:
    schema = arrow_schema(event_type).append(pa.field("record_no", pa.int64()))
    return pa.Table.from_pylist(
        [{"source": "shop", "revision": 0, "observed_at": START, **row} for row in rows],
        schema=schema,
    )


def ingest(lake: Lake, number: int, batch_id: str | None = None) -> None:
    """Batch ``number``, always with the same content."""
    at = START + timedelta(hours=number)
    with lake.batch("shop", batch_id) as batch:
        batch.add(
            "message",
            table(
                "message",
                [
                    {
                        "message_id": f"b{number}-m{i}",
                        "thread_id": f"b{number}-t{i % THREADS}",
                        "is_public": True,
                        "text": f"message {i} of batch {number}",
                        "occurred_at": at + timedelta(minutes=i),
                        "record_no": 100 + i,
                    }
                    for i in range(MESSAGES)
                ],
            ),
        )
        batch.add(
            "conversation",
            table(
                "conversation",
                [
                    {
                        "thread_id": f"b{number}-t{i}",
                        "started_at": at,
                        "occurred_at": at,
                        "is_test": False,
                        "is_spam": False,
                        "record_no": i,
                    }
                    for i in range(THREADS)
                ],
            ),
        )
        batch.quarantine(
            [QuarantineRow(999, "r", ReasonCode.TS_NO_ZONE, raw=f"bad {number}".encode())]
        )
        batch.read_count(MESSAGES + THREADS + 1)
        batch.commit()


def say(path: Path, line: str) -> None:
    """One synced line outside the lake."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{line}\n".encode())
    os.fsync(descriptor)
    os.close(descriptor)


def run(root: Path, log: Path, first: int, last: int) -> None:
    """Ingest batches ``first`` to ``last`` and acknowledge each."""
    with Lake.open(root, create=True) as lake:
        say(log, "ready")
        for number in range(first, last + 1):
            say(log, f"begin {number}")
            try:
                ingest(lake, number)
            except OSError as error:
                say(log, f"failed {number} {error.errno}")
                raise
            say(log, f"ack {number}")


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
