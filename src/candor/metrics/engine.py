"""What metrics ask of an engine: run SQL, fetch Arrow, fetch rows. Any engine with these will do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import pyarrow as pa


class Engine(Protocol):
    """The part of an engine that metrics use."""

    def run(self, sql: str) -> None:
        """Run statements and drop their result."""

    def arrow(self, sql: str) -> pa.Table:
        """The whole result as an Arrow table."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The whole result as tuples."""

    def fingerprint(self, columns: Sequence[str]) -> str:
        """SQL of a text that is the same for the same rows of some columns, in whatever order."""

    def load(self, table: str, rows: pa.Table, *, temporary: bool = False) -> None:
        """Replace a table by the rows of an Arrow table."""
