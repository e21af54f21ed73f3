"""Where a batch's events wait between reading and commit: stamped with identity, on disk.

Memory stays bounded: events are held until there are enough for one Parquet file, then stamped by
DuckDB (event id, keys, content hash) and written to the batch's staging folder, so that the work is
spread over the reading and overlaps with it. Nothing here is durable or visible to readers.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

from candor.engines.duck import DuckEngine
from candor.events import arrow_schema, registry, stored_schema
from candor.events.identity import content_hash_sql, event_id_sql, event_key_sql, thread_key_sql

_ROWS = 1 << 17
_BYTES = 96 << 20


class Staging:
    """Stamped events of one batch.

    Args:
        folder: the batch's own folder; exists.
        engine: private to the batch.
        loaded_at_us: instant stamped on every event.
    """

    def __init__(self, folder: Path, engine: DuckEngine, loaded_at_us: int) -> None:
        self._folder = folder
        self._engine = engine
        self._loaded_at_us = loaded_at_us
        self._held: dict[str, list[pa.Table]] = {}
        self._held_bytes: dict[str, int] = {}
        self._files: dict[str, list[Path]] = {}
        self._row_no = 0
        self._expected = {
            name: arrow_schema(name).append(pa.field("record_no", pa.int64()))
            for name in registry()
        }

    def add(self, event_type: str, table: pa.Table, file_no: int) -> None:
        """Take events of one file.

        Args:
            event_type: name in the registry.
            table: ``arrow_schema`` columns and ``record_no`` int64, in any order.
            file_no: number of the file inside the batch.
        """
        if table.num_rows == 0:
            return
        schema = self._expected[event_type]
        table = table.select(schema.names)
        if table.schema != schema:
            table = table.cast(schema)
        rows = table.num_rows
        numbers = np.arange(self._row_no, self._row_no + rows, dtype=np.int64)
        self._row_no += rows
        table = table.append_column("file_no", pa.array(np.full(rows, file_no, dtype=np.int64)))
        table = table.append_column("row_no", pa.array(numbers))
        held = self._held.setdefault(event_type, [])
        held.append(table)
        size = self._held_bytes.get(event_type, 0) + table.nbytes
        self._held_bytes[event_type] = size
        if size >= _BYTES or sum(one.num_rows for one in held) >= _ROWS:
            self._spill(event_type)

    def finish(self) -> dict[str, list[Path]]:
        """Write what is still held; the staged files by event type."""
        for event_type in list(self._held):
            self._spill(event_type)
        return self._files

    def _spill(self, event_type: str) -> None:
        held = self._held.pop(event_type, [])
        self._held_bytes.pop(event_type, None)
        if not held:
            return
        files = self._files.setdefault(event_type, [])
        path = self._folder / f"{event_type}-{len(files)}.parquet"
        connection = self._engine.connection
        incoming = pa.concat_tables(held)
        connection.register("_incoming", incoming)
        try:
            self._engine.run(
                f"copy (select {', '.join(self._stamped(event_type))} from {_known(incoming)})"
                f" to {text_literal(path)} (format parquet, compression snappy)"
            )
        finally:
            connection.unregister("_incoming")
        files.append(path)

    def _stamped(self, event_type: str) -> Iterable[str]:
        described = registry()[event_type]
        made = {
            "event_id": event_id_sql(described),
            "loaded_at": f"make_timestamptz({self._loaded_at_us}::bigint)",
            "event_key": event_key_sql(described),
            "thread_key": thread_key_sql(described),
            "content_hash": content_hash_sql(described),
        }
        for name in stored_schema(event_type).names:
            yield f'{made[name]} as "{name}"' if name in made else f'"{name}"'
        yield from ("record_no", "file_no", "row_no")


def _known(incoming: pa.Table) -> str:
    """The incoming rows with columns of nothing written as constants, which cost no hashing."""
    empty = [
        f'cast(null as {sql_type(field.type)}) as "{field.name}"'
        for field, column in zip(incoming.schema, incoming.columns, strict=True)
        if column.null_count == incoming.num_rows
    ]
    return f"(select * replace ({', '.join(empty)}) from _incoming)" if empty else "_incoming"


def sql_type(kind: pa.DataType) -> str:
    """DuckDB's name of a stored column's type."""
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision}, {kind.scale})"
    if pa.types.is_list(kind):
        return "varchar[]"
    if pa.types.is_timestamp(kind):
        return "timestamptz"
    names = {
        pa.bool_(): "boolean",
        pa.float64(): "double",
        pa.date32(): "date",
        pa.int64(): "bigint",
    }
    return names.get(kind, "varchar")


def text_literal(value: Path | str) -> str:
    """A SQL text literal."""
    return "'" + str(value).replace("'", "''") + "'"


def files_literal(paths: Iterable[Path]) -> str:
    """A SQL list of Parquet files, with glob characters taken literally."""
    return "[" + ", ".join(text_literal(_plain(path)) for path in paths) + "]"


def scan(paths: Iterable[Path]) -> str:
    """The table function that reads exactly these Parquet files."""
    return f"read_parquet({files_literal(paths)}, hive_partitioning = false)"


def _plain(path: Path) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path))
