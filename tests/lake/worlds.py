"""Events for the lake's tests, made by rule from a few numbers; nothing is copied from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from candor.events import arrow_schema

START = datetime(2025, 1, 20, 9, tzinfo=UTC)


def table(event_type: str, rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows of one type with everything else null."""
    schema = arrow_schema(event_type).append(pa.field("record_no", pa.int64()))
    return pa.Table.from_pylist(
        [{"source": "shop", "revision": 0, "observed_at": START, **row} for row in rows],
        schema=schema,
    )


def message(number: int, text: str | None = None, revision: int = 0) -> dict[str, Any]:
    """Message ``number``: three an hour, four to a thread, so that 700 of them span months."""
    return {
        "message_id": f"m{number}",
        "thread_id": f"t{number // 4}",
        "actor": "customer" if number % 2 else "ai_agent",
        "is_public": True,
        "text": text if text is not None else f"text of message {number}",
        "occurred_at": START + timedelta(minutes=20 * number),
        "revision": revision,
        "raw_ref": f"shop.jsonl:record {number}",
        "record_no": number + 1,
    }


def conversation(number: int) -> dict[str, Any]:
    """The container of messages 4n to 4n + 3."""
    return {
        "thread_id": f"t{number}",
        "started_at": START + timedelta(minutes=80 * number),
        "is_test": False,
        "is_spam": False,
        "occurred_at": START + timedelta(minutes=80 * number),
        "raw_ref": f"shop.jsonl:thread {number}",
        "record_no": 10_000 + number,
    }


def messages(numbers: Sequence[int]) -> pa.Table:
    """The messages of these numbers, in this order."""
    return table("message", [message(number) for number in numbers])


def conversations(numbers: Sequence[int]) -> pa.Table:
    """The conversations of these numbers, in this order."""
    return table("conversation", [conversation(number) for number in numbers])
