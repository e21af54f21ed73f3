"""The closed list of reasons why a record is quarantined or a file refused.

A new code needs a fixture, a message and a line here; nothing else may invent one.
"""

from __future__ import annotations

from enum import StrEnum


class ReasonCode(StrEnum):
    """Why something was not stored. WAITING codes are offered again at each ingest."""

    ENC_INVALID = "ENC_INVALID"
    ENC_UNDECLARED = "ENC_UNDECLARED"
    CTRL_CHAR = "CTRL_CHAR"
    TYPE_SNIFF = "TYPE_SNIFF"
    EMPTY_FILE = "EMPTY_FILE"
    ARCHIVE_DAMAGED = "ARCHIVE_DAMAGED"
    ARCHIVE_UNSAFE = "ARCHIVE_UNSAFE"
    SIZE_LIMIT = "SIZE_LIMIT"
    RESOURCE_LIMIT = "RESOURCE_LIMIT"
    FIELD_COUNT = "FIELD_COUNT"
    QUOTE_OPEN = "QUOTE_OPEN"
    HEADER_DUP = "HEADER_DUP"
    HEADER_EMPTY = "HEADER_EMPTY"
    HEADER_MISSING = "HEADER_MISSING"
    FIELD_TOO_LONG = "FIELD_TOO_LONG"
    JSON_SYNTAX = "JSON_SYNTAX"
    JSON_DEPTH = "JSON_DEPTH"
    JSON_DUP_KEY = "JSON_DUP_KEY"
    JSON_NONFINITE = "JSON_NONFINITE"
    JSON_SURROGATE = "JSON_SURROGATE"
    TYPE_MISMATCH = "TYPE_MISMATCH"
    ENUM_UNKNOWN = "ENUM_UNKNOWN"
    TS_UNPARSED = "TS_UNPARSED"
    TS_AMBIGUOUS = "TS_AMBIGUOUS"
    TS_NO_ZONE = "TS_NO_ZONE"
    TS_RANGE = "TS_RANGE"
    TS_FUTURE = "TS_FUTURE"
    DURATION_NEGATIVE = "DURATION_NEGATIVE"
    ID_MISSING = "ID_MISSING"
    ID_CONFLICT = "ID_CONFLICT"
    ORPHAN = "ORPHAN"
    SUPPRESSED = "SUPPRESSED"


WAITING = frozenset({ReasonCode.ORPHAN, ReasonCode.TS_FUTURE})
