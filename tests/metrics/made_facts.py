"""Facts made by hand for tests: tables with every column of the published schema, filled from a few rows."""

from __future__ import annotations

import decimal
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from candor.engines.duck import DuckEngine
from candor.facts import schema
from candor.window import DAY, calendar

FIRST_DAY = 20_516  # 2026-03-04, a Wednesday: weeks and months begin before the data do
_ARROW = {
    "VARCHAR": pa.string(), "BIGINT": pa.int64(), "INTEGER": pa.int32(), "SMALLINT": pa.int16(),
    "BOOLEAN": pa.bool_(),
}  # fmt: skip


def arrow_type(sql: str) -> pa.DataType:
    return _ARROW.get(sql) or pa.decimal128(18, 6)


def new_engine() -> DuckEngine:
    """An engine in memory that holds the reporting calendar."""
    made = DuckEngine(threads=2)
    days = list(calendar("UTC", FIRST_DAY * DAY, (FIRST_DAY + 400) * DAY))
    made.load(
        "calendar_day",
        pa.table(
            {
                name: pa.array([getattr(day, name) for day in days], pa.int64())
                for name in ("day", "starts_at", "ends_at", "week", "month", "quarter")
            }
        ),
    )
    return made


def fill(engine: DuckEngine, fact: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a fact table; columns a row does not name are null, but for person, bucket and day."""
    columns = schema.columns(fact)
    full = [
        {"person_key": number, "bucket": number % 200, "day": FIRST_DAY, **row}
        for number, row in enumerate(rows)
    ]
    table = pa.table(
        {
            name: pa.array(
                [_typed(row.get(name), column.type) for row in full], arrow_type(column.type)
            )
            for name, column in columns.items()
        }
    )
    engine.load(fact, table)


def _typed(value: Any, kind: str) -> Any:
    if value is None or not kind.startswith("DECIMAL"):
        return value
    return decimal.Decimal(str(value))


def digest(value: object) -> int:
    """A repeatable number from anything, for made-up data."""
    return int(hashlib.md5(json.dumps(value).encode()).hexdigest()[:12], 16)
