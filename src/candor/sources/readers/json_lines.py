"""JSON Lines: one JSON value a line, each with its position, each bad line with its reason.

Streams; holds one chunk and one line at most. Empty lines are no records. A line over the limit is
passed over without being held and reported as SIZE_LIMIT.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from candor.events.reasons import ReasonCode
from candor.sources.base import RawRecord
from candor.sources.known import KnownRecords, Placed, marked, unmarked
from candor.sources.readers import bytestream
from candor.sources.readers.json_strict import JsonFault, decode
from candor.sources.readers.limits import LIMITS

_CHUNK = 1 << 20
_SPACE = b" \t\r\n"


def read(
    path: Path, encoding: str | None = None, known: KnownRecords | None = None
) -> Iterator[RawRecord]:
    """Every line of a file (or of every entry of its archive) that is not blank.

    Args:
        path: the file.
        encoding: as declared; None for UTF-8 or UTF-16 with mark.
        known: lines stored before, which are not parsed again.

    Raises:
        FileRefused: the file as a whole cannot be read.
    """
    number = 0
    for member in bytestream.members(path, encoding):
        name = member.name
        with member.open() as stream:
            found = _filled(stream)
            for offset, raw, length, key, is_known in (
                unmarked(found) if known is None else marked(found, known)
            ):
                number += 1
                ref = f"{name}:byte {offset}:record {number}"
                if is_known:
                    yield RawRecord(number, ref, b"", is_known=True)
                    continue
                if length > LIMITS.line_bytes:
                    yield RawRecord(
                        number, ref, raw, None, ReasonCode.SIZE_LIMIT,
                        f"a line of at most {LIMITS.line_bytes} bytes, not {length}",
                    )  # fmt: skip
                    continue
                try:
                    value = decode(raw.decode())
                except UnicodeDecodeError as error:
                    yield RawRecord(
                        number, ref, raw, None, ReasonCode.ENC_INVALID,
                        f"UTF-8 (byte {error.start + 1} of the line)",
                    )  # fmt: skip
                except JsonFault as fault:
                    yield RawRecord(number, ref, raw, None, fault.code, fault.detail)
                else:
                    yield RawRecord(number, ref, raw, value, key=key)


def _filled(stream: BinaryIO) -> Iterator[Placed]:
    """Lines that are not blank, without the white space around them."""
    for offset, line, length in lines(stream):
        raw = line.strip(_SPACE)
        if raw:
            yield offset, raw, length, len(line) == length


def lines(stream: BinaryIO) -> Iterator[tuple[int, bytes, int]]:
    """``(offset, line without its end, whole length)``; an over-long line is cut, its length true."""
    offset = 0
    rest = b""
    while chunk := stream.read(_CHUNK):
        pieces = (rest + chunk).split(b"\n")
        rest = pieces.pop()
        for piece in pieces:
            yield offset, piece, len(piece)
            offset += len(piece) + 1
        if len(rest) > LIMITS.line_bytes:
            head = rest[: LIMITS.kept_raw_bytes]
            length, rest, ended = _pass_over(stream, len(rest))
            yield offset, head, length
            offset += length + ended
    if rest:
        # What followed an over-long line may hold line ends of its own.
        for piece in rest.split(b"\n"):
            yield offset, piece, len(piece)
            offset += len(piece) + 1


def _pass_over(stream: BinaryIO, length: int) -> tuple[int, bytes, int]:
    while chunk := stream.read(_CHUNK):
        end = chunk.find(b"\n")
        if end >= 0:
            return length + end, chunk[end + 1 :], 1
        length += len(chunk)
    return length, b"", 0
