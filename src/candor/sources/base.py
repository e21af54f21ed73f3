"""What a source is: how files become records and a record becomes events.

A connector knows one system's shapes and nothing of storage. It yields raw records with their
position, and maps each record to plain event dictionaries with the field names of the event
registry. Validation, redaction, pseudonyms, quarantine and counting happen behind it, in ``run``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from candor.events.reasons import ReasonCode
from candor.sources.known import KnownRecords

EventDict = dict[str, Any]
UNMAPPED_WORD = "unmapped"
"""Kind of note for a word outside a value map; its detail is type, field and word, joined by U+001F."""


class RawRecord(NamedTuple):
    """One source record, or one piece of a file that could not be made into a record.

    Attributes:
        number: position in the file, from 1, in the record unit the source declares.
        ref: where a person finds it again, e.g. ``tickets.jsonl:byte 812:record 12``.
        raw: the bytes as they stood in the file, for quarantine.
        value: the parsed record; None when ``reason`` is set.
        reason: why it could not be read (closed list), else None.
        detail: what was expected, for the quarantine listing.
        key: by which equal bytes are recognised later; b"" when they must be read again.
        is_known: its events are all stored already; it has no value.
    """

    number: int
    ref: str
    raw: bytes
    value: Any = None
    reason: ReasonCode | None = None
    detail: str = ""
    key: bytes = b""
    is_known: bool = False


class RecordRefused(Exception):  # noqa: N818 - a refusal is an outcome, not an error
    """Raised by ``Source.events`` when a record, or one element of it, cannot be mapped."""

    def __init__(self, code: ReasonCode, field_name: str, expected: str, preview: str = "") -> None:
        super().__init__(f"{code}: {field_name}: expected {expected}")
        self.code = code
        self.field_name = field_name
        self.expected = expected
        self.preview = preview


class RecordSkipped(Exception):  # noqa: N818 - a refusal is an outcome, not an error
    """Raised by ``Source.events`` for a record that the user declared to be left out.

    It does not count as read; it is counted in the notes with the reason.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class FileRefused(Exception):  # noqa: N818 - a refusal is an outcome, not an error
    """Raised when a whole file cannot be read; none of its records count as read."""

    def __init__(self, code: ReasonCode, what: str, expected: str, fix: str) -> None:
        super().__init__(f"{code}: {what}")
        self.code = code
        self.what = what
        self.expected = expected
        self.fix = fix


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """One record, or one element of a stored record, that goes to quarantine.

    Attributes:
        record_no: position of the record in its file.
        raw_ref: where a person finds it again.
        reason: closed list.
        field: the field at fault, "" for the record as a whole.
        detail: what was expected; holds no value of the record.
        preview: redacted, at most 200 characters.
        raw: the record's bytes as they stood in the file, unredacted.
        file_sha256: fingerprint of the file.
        is_partial: other events of the same record were accepted, so the record counts as stored.
    """

    record_no: int
    raw_ref: str
    reason: ReasonCode
    field: str
    detail: str
    preview: str
    raw: bytes
    file_sha256: str
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How one configured source is to be read (``[sources.<name>]`` of candor.toml).

    Attributes:
        name: the configured name, stored in the envelope's ``source``.
        mapping: parsed mapping file of the generic source, else None.
        ai_actor_ids: ids of seats through which an AI agent posts.
        observed_at_us: when the files were exported (epoch µs); default: now, at ingest.
        settings: connector-specific settings, validated by the connector.
        known: records stored before, for connectors whose records say everything themselves.
    """

    name: str
    mapping: Any = None
    ai_actor_ids: frozenset[str] = frozenset()
    observed_at_us: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    known: KnownRecords | None = None


@dataclass(slots=True)
class Notes:
    """What a connector noticed while mapping: counted, shown in the ingest footer, never silent."""

    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, kind: str, detail: str) -> None:
        """Count one occurrence of ``kind`` (e.g. ``actor_unknown``) with its detail."""
        key = (kind, detail)
        self.counts[key] = self.counts.get(key, 0) + 1

    def add_all(self, others: Notes) -> None:
        """Count whatever others counted."""
        for key, count in others.counts.items():
            self.counts[key] = self.counts.get(key, 0) + count


class Source(ABC):
    """One system's connector. Subclasses keep nothing between files but what they read ahead.

    Attributes:
        reads_ahead: records need neighbours in other files of the same folder, so that all files
            of an ingest are read in one child, which looks through a folder once.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    record_unit: ClassVar[str]
    reads_ahead: ClassVar[bool] = False

    @abstractmethod
    def files(self, paths: Sequence[Path], options: SourceOptions) -> list[Path]:
        """The files to read under ``paths`` (folders are searched), in a stable order."""

    @abstractmethod
    def records(self, path: Path, options: SourceOptions) -> Iterator[RawRecord]:
        """Every record of one file, streaming; unreadable pieces carry a ``reason``.

        Raises:
            FileRefused: the file as a whole cannot be read.
        """

    @abstractmethod
    def events(self, value: Any, options: SourceOptions, notes: Notes) -> Iterable[EventDict]:
        """The events of one parsed record, with raw identifiers and unredacted text.

        An element that cannot be mapped is yielded as ``RecordRefused`` (not raised), so that the
        rest of the record is kept.

        Raises:
            RecordRefused: the record as a whole cannot be mapped.
            RecordSkipped: the user's configuration leaves it out.
        """

    def count(self, path: Path, options: SourceOptions) -> int | None:  # noqa: ARG002 - a default
        """Records by a counter that shares no code with ``records``; None when none exists."""
        return None
