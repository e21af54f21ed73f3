"""The embedded engine: one hardened DuckDB database, in memory or in a file.

Runs SQL and returns results; knows nothing of what the tables mean. A database file is only a
cache. Every connection runs in UTC, never installs or loads an extension by itself, and reads
files only until ``lock`` is called. The two registered functions give integers that are equal on
every engine: ``key60`` names a text, ``bucket200`` assigns it to one of 200 customer buckets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa

BUCKET_SALT = "candor-bucket-v1:"
BUCKETS = 200
FUNCTIONS = ("key60", "bucket200")
_DEFAULT_MEMORY = "3GB"
_KEY60 = "cast('0x' || substr(md5(value), 1, 15) as bigint)"
_BUCKET200 = f"cast(key60('{BUCKET_SALT}' || value) % {BUCKETS} as smallint)"


class DuckEngine:
    """A DuckDB connection that repeats itself: same data, same bytes.

    Args:
        path: database file; None keeps everything in memory.
        threads: worker threads; None leaves the engine's default.
        memory_limit: such as ``3GB``; beyond it the engine spills to ``temp_dir``.
        temp_dir: folder for spilled data; None forbids spilling for a database in memory and uses
            the engine's default beside the file otherwise.
        read_only: open an existing file that others may read at the same time.
    """

    name = "duckdb"

    def __init__(
        self,
        path: Path | str | None = None,
        *,
        threads: int | None = None,
        memory_limit: str | None = None,
        temp_dir: Path | str | None = None,
        read_only: bool = False,
    ) -> None:
        config: dict[str, str] = {
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "memory_limit": memory_limit or _DEFAULT_MEMORY,
        }
        if threads is not None:
            config["threads"] = str(threads)
        if temp_dir is not None:
            config["temp_directory"] = str(temp_dir)
        elif path is None:
            config["temp_directory"] = ""
        self.path = None if path is None else Path(path)
        self._connection = duckdb.connect(
            ":memory:" if path is None else str(path), read_only=read_only, config={**config}
        )
        for statement in (
            "set TimeZone = 'UTC'",
            # The bar of a slow query would be written to where results go.
            "set enable_progress_bar = false",
            # No definition relies on the order of rows, and keeping it costs memory.
            "set preserve_insertion_order = false",
            f"create or replace temp macro key60(value) as {_KEY60}",
            f"create or replace temp macro bucket200(value) as {_BUCKET200}",
        ):
            self._connection.execute(statement)

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection itself, for views over files and for Arrow registration."""
        return self._connection

    def run(self, sql: str) -> None:
        """Run one or more statements and drop their result."""
        self._connection.execute(sql)

    def arrow(self, sql: str) -> pa.Table:
        """The whole result of a query as an Arrow table."""
        return self._connection.execute(sql).to_arrow_table()

    def arrow_in_order(self, sql: str) -> pa.Table:
        """The same, its rows in the order in which the tables it reads hold theirs."""
        self._connection.execute("set preserve_insertion_order = true")
        try:
            return self._connection.sql(sql).to_arrow_table()
        finally:
            self._connection.execute("set preserve_insertion_order = false")

    @contextmanager
    def one_thread(self) -> Iterator[None]:
        """Use a single worker meanwhile: on small data others only wait, and waiting costs too."""
        before = self.rows("select current_setting('threads')")[0][0]
        self._connection.execute("set threads = 1")
        try:
            yield
        finally:
            self._connection.execute(f"set threads = {int(before)}")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The whole result of a query as tuples, always fetched to the end."""
        rows: list[tuple[Any, ...]] = self._connection.execute(sql).fetchall()
        return rows

    def fingerprint(self, columns: Sequence[str]) -> str:
        """SQL of a text that is the same for the same rows of some columns, in whatever order.

        Holds for as long as the database does: another release of DuckDB may hash otherwise.
        """
        listed = ", ".join(f'"{name}"' for name in columns)
        return f"cast(sum(hash({listed})) as varchar)"

    def load(self, table: str, rows: pa.Table, *, temporary: bool = False) -> None:
        """Replace ``table`` by the rows of an Arrow table, with its column types.

        A temporary table lasts as long as the connection and never reaches the database file.
        """
        kind = "temp table" if temporary else "table"
        self._connection.register("_loading", rows)
        try:
            self._connection.execute(
                f'create or replace {kind} "{table}" as select * from _loading'
            )
        finally:
            self._connection.unregister("_loading")

    def lock(self) -> None:
        """Forbid files, extensions and settings for the rest of this connection's life."""
        self._connection.execute("set enable_external_access = false")
        self._connection.execute("set lock_configuration = true")

    def close(self) -> None:
        """Close the connection; a database file is complete afterwards."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
