"""Columns of steps that are kept in memory while facts are built, and what was reckoned from them.

A step kept as columns stays in the order of what it reads, so that steps about the same rows stand side
by side. Those that SQL reads as well are copied into a temporary table before, which has the statistics
that the engine plans by.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

import pyarrow as pa

from candor.engines.duck import DuckEngine

Found = TypeVar("Found")


class Shelf:
    """Tables by name.

    Args:
        engine: where tables that are not kept are read from.
    """

    def __init__(self, engine: DuckEngine) -> None:
        self._engine = engine
        self._kept: dict[str, pa.Table] = {}
        self._reckoned: dict[Hashable, tuple[frozenset[str], Any]] = {}
        self._loaded: set[str] = set()

    def __contains__(self, table: str) -> bool:
        return table in self._kept

    def keep(self, table: str, rows: pa.Table) -> None:
        """Keep a table under its name."""
        self._kept[table] = rows

    def load(self, tables: Iterable[str]) -> None:
        """Make those of the tables that are kept readable by SQL."""
        for table in tables:
            if table in self._kept and table not in self._loaded:
                self._engine.load(table, self._kept[table], temporary=True)
                self._loaded.add(table)

    def release(self, table: str) -> None:
        """Forget the columns of a table, if it is kept, and what was reckoned from them."""
        self._kept.pop(table, None)
        self._loaded.discard(table)
        self._reckoned = {
            name: (tables, found)
            for name, (tables, found) in self._reckoned.items()
            if table not in tables
        }

    def rows(self, table: str, columns: Sequence[str]) -> pa.Table:
        """Columns of a table, kept or not."""
        if table in self._kept:
            return self._kept[table].select(columns)
        listed = ", ".join(f'"{name}"' for name in columns)
        return self._engine.arrow(f'select {listed} from "{table}"')

    def once(self, name: Hashable, tables: Iterable[str], reckon: Callable[[], Found]) -> Found:
        """What ``reckon`` gives, asked for only the first time under this name.

        Args:
            name: of what is reckoned.
            tables: what it is reckoned from; it is forgotten with the first of them.
            reckon: gives it.
        """
        if name not in self._reckoned:
            self._reckoned[name] = (frozenset(tables), reckon())
        found: Found = self._reckoned[name][1]
        return found
