"""How many records a file holds, by means that share nothing with the parsers but opening the file.

A counter knows no rule of content: it counts lines, rows of the standard library's reader, or
elements between brackets, so that a record lost by a parser shows as a difference.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import BinaryIO

from candor.sources.readers import bytestream
from candor.sources.readers.dialect import Dialect

_CHUNK = 1 << 20
_FIELD_LIMIT = 1 << 30


def count_lines(path: Path, encoding: str | None = None) -> int:
    """Lines that hold more than white space."""
    total = 0
    for member in bytestream.members(path, encoding):
        with member.open() as stream:
            total += _lines_of(stream)
    return total


def _lines_of(stream: BinaryIO) -> int:
    total = 0
    pending = False
    while chunk := stream.read(_CHUNK):
        lines = chunk.split(b"\n")
        for line in lines[:-1]:
            if pending or line.strip():
                total += 1
            pending = False
        pending = pending or bool(lines[-1].strip())
    return total + pending


def count_rows(path: Path, dialect: Dialect, encoding: str | None = None) -> int | None:
    """Data rows by the standard library's reader; None for a delimiter it cannot take.

    Where a row's quotes do not fit, each physical line that the reader spent on it counts.
    """
    if len(dialect.delimiter) != 1:
        return None
    before = csv.field_size_limit(_FIELD_LIMIT)
    try:
        return sum(
            _rows_of(member.open(), dialect) for member in bytestream.members(path, encoding)
        )
    finally:
        csv.field_size_limit(before)


def _rows_of(stream: BinaryIO, dialect: Dialect) -> int:
    # Latin-1 gives every byte a character: no row is lost to an encoding here.
    with io.TextIOWrapper(stream, encoding="latin-1", newline="") as text:
        for _ in range(dialect.skip_rows):
            text.readline()
        reader = csv.reader(
            text,
            delimiter=dialect.delimiter,
            quotechar=dialect.quote or '"',
            quoting=csv.QUOTE_NONE if dialect.quote is None else csv.QUOTE_MINIMAL,
            escapechar=dialect.escape,
            doublequote=True,
            strict=True,
        )
        total = -1 if dialect.header else 0
        first = True
        while True:
            line = reader.line_num
            try:
                row = next(reader)
            except StopIteration:
                return max(total, 0)
            except csv.Error:
                total += reader.line_num - line
            else:
                if first and len(row) in (1, 2) and row[0].lower().startswith("sep="):
                    first = False
                    continue
                total += bool(row)
            first = False


def count_elements(path: Path, key: str | None = None, encoding: str | None = None) -> int | None:
    """Elements of the array of a JSON document, by the standard library's whole-document reader.

    Holds the whole document, so only files up to 64 MiB are counted; None for larger ones.
    """
    total = 0
    for member in bytestream.members(path, encoding):
        if member.unpacked_bytes > 64 * _CHUNK:
            return None
        with member.open() as stream:
            try:
                value = json.loads(stream.read().decode("utf-8", "replace"))
                for part in key.split(".") if key else []:
                    value = value[part]
            except (ValueError, LookupError, TypeError, RecursionError):
                return None
        total += len(value) if isinstance(value, list) else 1
    return total
