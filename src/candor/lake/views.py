"""What facts read: one view per event type over exactly the verified files of one snapshot.

A view shows only current events: superseded revisions and lost conflicts are left out. Columns are
named one by one; instants are BIGINT epoch microseconds. Views are temporary, they belong to one
connection and leave nothing in its database file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from candor.events import stored_schema
from candor.lake.records import Coverage
from candor.lake.staging import scan, sql_type, text_literal


def event_view(
    connection: duckdb.DuckDBPyConnection,
    event_type: str,
    files: Sequence[Path],
    superseded: Sequence[Path],
) -> None:
    """Make ``ev_<type>``; an empty view of the right types when there are no files."""
    schema = stored_schema(event_type)
    if not files:
        columns = ", ".join(
            f'cast(null as {_shown_type(field.type)}) as "{field.name}"' for field in schema
        )
        body = f"select {columns} where false"
    else:
        columns = ", ".join(_column(field) for field in schema)
        hidden = (
            f"anti join {scan(superseded)} as hidden"
            " on event.event_key = hidden.event_key and event.revision = hidden.revision"
            " and event.content_hash = hidden.content_hash"
            if superseded
            else ""
        )
        body = f"select {columns} from {scan(files)} as event {hidden}"
    connection.execute(f'create or replace temp view "ev_{event_type}" as {body}')


def coverage_view(connection: duckdb.DuckDBPyConnection, rows: Sequence[Coverage]) -> None:
    """Make ``ev_coverage``: how far each source's data reach, in epoch µs."""
    listed = ", ".join(
        f"({text_literal(one.source)}, {_number(one.covered_from_us)},"
        f" {_number(one.covered_until_us)}, {'true' if one.has_conversations else 'false'})"
        for one in rows
    )
    connection.execute(
        "create or replace temp view ev_coverage as"
        " select cast(source as varchar) as source, cast(covered_from as bigint) as covered_from,"
        " cast(covered_until as bigint) as covered_until,"
        " cast(has_conversations as boolean) as has_conversations"
        f" from (values {listed or '(null, null, null, null)'})"
        " as one (source, covered_from, covered_until, has_conversations)"
        + ("" if listed else " where false")
    )


def _column(field: pa.Field) -> str:
    if pa.types.is_timestamp(field.type):
        return f'epoch_us(event."{field.name}") as "{field.name}"'
    return f'event."{field.name}"'


def _shown_type(kind: pa.DataType) -> str:
    return "bigint" if pa.types.is_timestamp(kind) else sql_type(kind)


def _number(value: int | None) -> str:
    return "null" if value is None else str(value)
