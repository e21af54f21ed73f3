"""Names and periods of the stored measures, shared by what writes them and what reads them.

The finest stored period is the span: a calendar week cut where a month ends. A fact has one table
for each part (per customer bucket, reasons, histograms); the rows of all breakdowns stand in it.
"""

from __future__ import annotations

import hashlib
import json

import pyarrow as pa

from candor.metrics.definition import Definition
from candor.window import period_end, period_start

BUCKET_KINDS = ("observed", "true")
"""Counts that are kept per customer bucket; the others are kept per span."""
PARTS = ("bucket", "reason", "histogram")
LAYOUT = pa.schema(
    [
        ("fact", pa.string()), ("dimension", pa.string()), ("metric", pa.string()),
        ("digest", pa.string()), ("kind", pa.string()), ("reason", pa.string()),
        ("word", pa.int32()), ("shift", pa.int32()), ("width", pa.int32()), ("largest", pa.int64()),
    ]
)  # fmt: skip
SPANS = pa.schema(
    [
        ("fact", pa.string()), ("period", pa.int32()), ("size", pa.int64()), ("digest", pa.string()),
    ]
)  # fmt: skip


def period_table(starts: list[int]) -> pa.Table:
    """Week, month and quarter of each stored period; one may begin before the calendar does."""
    return pa.table(
        {"period": pa.array(starts, pa.int32())}
        | {
            grain: pa.array([period_start(start, grain) for start in starts], pa.int32())
            for grain in ("week", "month", "quarter")
        }
    )


def digest(definition: Definition) -> str:
    """Short hash of everything that decides a metric's integers."""
    parts = [definition.texts(), definition.estimator, definition.measured_in, definition.window]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def span_of(day: int) -> int:
    """First day of the span a day lies in."""
    return max(period_start(day, "week"), period_start(day, "month"))


def span_end(start: int) -> int:
    """Day after the last of the span that begins on ``start``."""
    return min(
        period_end(period_start(start, grain), grain)
        for grain in ("week", "month")
    )  # fmt: skip


def table_name(fact: str, part: str) -> str:
    """Name of a stored table; part is bucket, reason or histogram."""
    return f"measure_{fact}_{part}"
