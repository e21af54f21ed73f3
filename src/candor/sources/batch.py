"""What reading a file yields, piece by piece: checked, redacted tables and what was set aside.

Only the shape lives here; ``conversion`` makes it, ``frames`` carries it between processes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa

from candor.sources.base import FileRefused, RejectedRecord


@dataclass(slots=True)
class SourceBatch:
    """One piece of one file. Counts add up over the pieces of a file.

    Attributes:
        file: name of the file.
        file_sha256: its fingerprint.
        tables: events by type: ``events.arrow_schema`` and ``record_no``, redacted and
            pseudonymised; a record's events never straddle two pieces.
        quarantine: records and elements set aside in this piece.
        read: records begun in this piece.
        notes: what the connector noticed, by (kind, detail).
        unmapped: words unknown to an optional enum, by (type, field, value).
        masked: stretches of text masked, by kind.
        refused: why the file as a whole cannot be read. Everything that earlier pieces of the same
            file brought must then be forgotten: none of its records count as read.
        done: this is the file's last piece.
        counted: on the last piece, records by an independent counter; None when there is none.
        known: of the records read, those recognised as stored before; they brought no events.
        keys: keys of the records by which they may be recognised later; faultless ones only.
    """

    file: str
    file_sha256: str
    tables: dict[str, pa.Table] = field(default_factory=dict)
    quarantine: list[RejectedRecord] = field(default_factory=list)
    read: int = 0
    notes: dict[tuple[str, str], int] = field(default_factory=dict)
    unmapped: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)
    refused: FileRefused | None = None
    done: bool = False
    counted: int | None = None
    known: int = 0
    keys: bytes = b""
