"""The plain records that pass in and out of the lake.

Holds no behaviour. Instants named ``*_us`` are epoch microseconds UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from candor.errors import Problem
from candor.events import ReasonCode


class Rejected(Protocol):
    """What the lake asks of a rejected record; any object with these attributes will do."""

    @property
    def record_no(self) -> int:
        """Position of the record in its file."""
        ...

    @property
    def raw_ref(self) -> str:
        """Where a person finds it again."""
        ...

    @property
    def reason(self) -> ReasonCode:
        """Closed list."""
        ...

    @property
    def field(self) -> str:
        """The field at fault, "" for the whole record."""
        ...

    @property
    def detail(self) -> str:
        """What was expected."""
        ...

    @property
    def preview(self) -> str:
        """Redacted, at most 200 characters."""
        ...

    @property
    def raw(self) -> bytes:
        """The record's bytes."""
        ...

    @property
    def file_sha256(self) -> str:
        """Fingerprint of the file."""
        ...

    @property
    def is_partial(self) -> bool:
        """Other events of the record were accepted."""
        ...


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """One record, or one element of a stored record, that goes to quarantine.

    Attributes:
        record_no: position of the record in its file.
        raw_ref: where a person finds it again.
        reason: closed list.
        field: the field at fault, "" for the record as a whole.
        detail: what was expected; holds no value of the record.
        preview: redacted, at most 200 characters.
        raw: the record's bytes as they stood in the file.
        file_sha256: fingerprint of the file.
        is_partial: other events of the same record were accepted.
    """

    record_no: int
    raw_ref: str
    reason: ReasonCode
    field: str = ""
    detail: str = ""
    preview: str = ""
    raw: bytes = b""
    file_sha256: str = ""
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """One line of the quarantine listing.

    Attributes:
        quarantine_id: names the content and the reason; the same bad record read twice is one line.
        batch_id: batch that brought it.
        event_type: set for ID_CONFLICT, else "".
        event_id: the contested event of ID_CONFLICT, else "".
        raw_bytes: length of the raw record; 0 when none is kept.
        seen_at_us: when it was set aside.
        replayed_at_us: when a replay settled it, else None.
        outcome: what the replay did: ``stored``, ``duplicate``, ``quarantined``; "" before it.
    """

    quarantine_id: str
    batch_id: str
    source: str
    file_sha256: str
    record_no: int
    raw_ref: str
    reason: str
    field: str
    detail: str
    preview: str
    rule_version: str
    is_partial: bool
    event_type: str
    event_id: str
    raw_bytes: int
    seen_at_us: int
    replayed_at_us: int | None
    outcome: str


@dataclass(frozen=True, slots=True)
class RawRejected:
    """A quarantined record with its bytes, as offered to a replay."""

    entry: QuarantineEntry
    raw: bytes


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a reader made of the records offered to it.

    Attributes:
        tables: events by type; ``record_no`` is the position in the offered list, from 1.
        rejected: those that still cannot be accepted, numbered alike.
    """

    tables: Mapping[str, pa.Table]
    rejected: tuple[Rejected, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """Outcome of one replay: records offered, and what became of them."""

    offered: int = 0
    stored: int = 0
    duplicate: int = 0
    quarantined: int = 0


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file whose bytes were read to the end before, by the same source and the same rules.

    Attributes:
        sha256: fingerprint of the file.
        read: records it held.
        quarantined: records that were, and are, quarantined.
        by_reason: rejected records and elements by reason.
    """

    sha256: str
    read: int
    quarantined: int
    by_reason: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CommitReport:
    """What one batch did. ``read = stored + duplicate + quarantined``, counted in records.

    Attributes:
        read: records offered.
        stored: records that brought at least one new event.
        duplicate: records whose events were all there already.
        quarantined: records of which nothing could be accepted.
        by_type: new events by type.
        by_reason: rejected records and elements, by reason.
        conflicts: contents that lost against another content of the same event and revision.
        unmapped: words unknown to an optional enum, by (type, field, value).
        batch_id: name of the batch.
        snapshot_id: the lake's snapshot that first holds the batch.
    """

    read: int
    stored: int
    duplicate: int
    quarantined: int
    by_type: dict[str, int]
    by_reason: dict[str, int]
    conflicts: int
    unmapped: dict[tuple[str, str, str], int]
    batch_id: str
    snapshot_id: str


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One data file of a table.

    Attributes:
        path: relative to the table's folder.
        sha256: of the whole file.
        bytes: its size.
        rows: events in it.
        partition: value of the table's partition column.
    """

    path: str
    sha256: str
    bytes: int
    rows: int
    partition: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of all tables together.

    Attributes:
        id: short hash over versions and file hashes; equal ids mean equal bytes.
        seq: number of the last batch in it; 0 for the empty lake.
        versions: Delta version by table (event type, ``quarantine`` or ``superseded``).
        files: data files by table.
    """

    id: str
    seq: int
    versions: Mapping[str, int]
    files: Mapping[str, tuple[FileEntry, ...]]

    def rows(self, table: str) -> int:
        """Stored rows of one table."""
        return sum(entry.rows for entry in self.files.get(table, ()))


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far one source's data reach, both ends included."""

    source: str
    covered_from_us: int | None
    covered_until_us: int | None
    has_conversations: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant that does not hold, or one thing that recovery did.

    Attributes:
        code: stable identifier.
        problem: what, where, expected and what to do.
    """

    code: str
    problem: Problem

    def __str__(self) -> str:
        return f"{self.code}: {self.problem}"


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """What a batch says of itself: kept in the ledger and in every Delta commit it makes.

    Holds counts and hashes only, no text and no identifier of a person.
    """

    seq: int
    batch_id: str
    source: str
    loaded_at_us: int
    read: int
    stored: int
    duplicate: int
    quarantined: int
    by_type: dict[str, int]
    by_reason: dict[str, int]
    conflicts: int
    covered_from_us: int | None
    covered_until_us: int | None
    has_conversations: bool
    seen_files: list[list[str | int | dict[str, int]]] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
