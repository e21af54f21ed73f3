"""The size limits of reading: one frozen record, printed in refusals and in the documentation.

Only numbers live here. Units are bytes unless the name says otherwise; MiB = 2**20.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that hold before the damage is done.

    Attributes:
        packed_bytes: greatest archive as it lies on disk.
        unpacked_bytes: greatest sum of unpacked bytes of one archive.
        ratio: greatest unpacked ÷ packed, looked at once ``ratio_free_bytes`` were unpacked.
        ratio_free_bytes: unpacked bytes for which the ratio is not looked at; it must exceed one
            over-long field, so that such a field is quarantined alone and not the whole file.
        archive_entries: greatest number of entries of one archive.
        field_bytes: greatest cell of a table or text of a message.
        line_bytes: greatest line, row or JSON element.
        columns: greatest number of columns of a table.
        object_keys: greatest number of keys of one JSON object.
        depth: greatest nesting of JSON arrays and objects.
        kept_raw_bytes: how much of an over-long record is kept for quarantine.
    """

    packed_bytes: int = 100 * MIB
    unpacked_bytes: int = GIB
    ratio: int = 100
    ratio_free_bytes: int = 16 * MIB
    archive_entries: int = 1_000
    field_bytes: int = 10 * MIB
    line_bytes: int = 16 * MIB
    columns: int = 2_000
    object_keys: int = 5_000
    depth: int = 64
    kept_raw_bytes: int = MIB


LIMITS = Limits()
