"""What the tests of reading share: one call that reads files and adds up what came of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from candor.sources.base import FileRefused, RejectedRecord, Source, SourceOptions
from candor.sources.canonical import CanonicalSource
from candor.sources.generic import GenericSource
from candor.sources.mapping import parse_mapping
from candor.sources.run import PrivacySettings, read

PRIVACY = PrivacySettings(b"0123456789abcdef", "k1")


@dataclass
class Outcome:
    """Everything that reading brought, refused files forgotten as the contract asks."""

    read: int = 0
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    quarantine: list[RejectedRecord] = field(default_factory=list)
    notes: Counter[tuple[str, str]] = field(default_factory=Counter)
    unmapped: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    refused: list[FileRefused] = field(default_factory=list)
    counted: list[int | None] = field(default_factory=list)

    @property
    def stored(self) -> int:
        """Records of which at least one event was accepted."""
        return len({row["record_no"] for rows in self.rows.values() for row in rows})

    @property
    def rejected(self) -> list[RejectedRecord]:
        """Whole records that were set aside."""
        return [row for row in self.quarantine if not row.is_partial]

    @property
    def reasons(self) -> list[str]:
        """Reasons of the whole records set aside, in file order."""
        return [str(row.reason) for row in self.rejected]


@pytest.fixture
def ingest() -> Callable[..., Outcome]:
    """``ingest(path, mapping=None, in_child=False)``: canonical without a mapping text."""

    def run(
        *paths: Path, mapping: str | None = None, in_child: bool = False, **options: Any
    ) -> Outcome:
        source: Source = CanonicalSource() if mapping is None else GenericSource()
        parsed = None if mapping is None else parse_mapping(mapping, "test.yaml")
        total = Outcome()
        current = Outcome()
        for batch in read(
            source, list(paths), SourceOptions("test", mapping=parsed, **options),
            privacy=PRIVACY, in_child=in_child,
        ):  # fmt: skip
            current.read += batch.read
            current.quarantine += batch.quarantine
            current.notes.update(batch.notes)
            current.unmapped.update(batch.unmapped)
            for name, table in batch.tables.items():
                current.rows.setdefault(name, []).extend(table.to_pylist())
            if not batch.done:
                continue
            if batch.refused is not None:
                current = Outcome(refused=[batch.refused])
            current.counted.append(batch.counted)
            total.read += current.read
            total.quarantine += current.quarantine
            total.notes += current.notes
            total.unmapped += current.unmapped
            total.refused += current.refused
            total.counted += current.counted
            for name, rows in current.rows.items():
                total.rows.setdefault(name, []).extend(rows)
            current = Outcome()
        return total

    return run
