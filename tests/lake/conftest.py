"""A fresh lake per test, and what its views show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from candor.lake import Lake


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    """An empty lake in a folder with a hostile name."""
    root = tmp_path / "work [space] it's *é"
    root.mkdir()
    with Lake.open(root, create=True, wait_seconds=0.2) as opened:
        yield opened


@pytest.fixture
def shown() -> Callable[[Lake, str], list[tuple[Any, ...]]]:
    """The result of a query over a lake's views."""

    def query(lake: Lake, sql: str) -> list[tuple[Any, ...]]:
        connection = duckdb.connect()
        try:
            connection.execute("set TimeZone = 'UTC'")
            lake.create_views(connection)
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    return query
