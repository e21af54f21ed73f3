"""From bytes in a declared or marked encoding to UTF-8 bytes, without losing what is broken.

UTF-8 (with or without mark) and UTF-16 with mark are recognised; anything else must be declared.
A piece that does not decode stays invalid in the output, so that its row alone is refused later.
Assumes a declared encoding is one Python knows as a text encoding.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from typing import BinaryIO

from candor.events.reasons import ReasonCode
from candor.sources.base import FileRefused

UTF8_MARK = b"\xef\xbb\xbf"
_UTF32_MARKS = (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")
_UTF16_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_CHUNK = 1 << 18
_NUL_SHARE = 0.2
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_ESCAPED = re.compile(r"[\udc80-\udcff]")
_FEW = 3
_DECLARE = "declare it in the mapping, e.g. `encoding: cp1252`, or export as UTF-8"


def encoding_of(head: bytes, declared: str | None, name: str) -> tuple[str, int]:
    """The encoding to read with and the length of the byte-order mark to skip.

    Args:
        head: the first bytes of the file.
        declared: what the user declared, or None.
        name: the file, for the message.

    Raises:
        FileRefused: ENC_UNDECLARED when the mark or the bytes show another encoding.
    """
    if head.startswith(_UTF32_MARKS):
        raise FileRefused(
            ReasonCode.ENC_UNDECLARED,
            f"{name} is UTF-32",
            "UTF-8, or UTF-16 with its mark",
            _DECLARE,
        )
    for mark, encoding in _UTF16_MARKS.items():
        if head.startswith(mark):
            return encoding, 2
    if head.startswith(UTF8_MARK):
        return "utf-8", 3
    if declared is not None:
        return canonical_name(declared), 0
    if len(head) >= 4 and head.count(0) > _NUL_SHARE * len(head):
        raise FileRefused(
            ReasonCode.ENC_UNDECLARED,
            f"{name} is full of zero bytes, as UTF-16 without its mark would be",
            "UTF-8, or UTF-16 with its mark",
            _DECLARE,
        )
    return "utf-8", 0


def canonical_name(declared: str) -> str:
    """Python's name of a declared encoding; ``LookupError`` when there is none for text."""
    "".encode(declared)  # a LookupError for transforms such as base64, which are no text
    name = codecs.lookup(declared).name
    return "utf-8" if name == "utf-8-sig" else name


class Utf8Check:
    """Counts, while bytes stream by, whether they are UTF-8, line by line once they are not."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._all_valid = True

    def feed(self, data: bytes, *, last: bool = False) -> bool:
        """True while everything so far is UTF-8."""
        if self._all_valid:
            try:
                self._decoder.decode(data, last)
            except UnicodeDecodeError:
                self._all_valid = False
        return self._all_valid


def refuse_if_foreign(stream: BinaryIO, name: str) -> None:
    """Refuse a file that is not UTF-8 for the most part; a few broken lines are left to the rows.

    Raises:
        FileRefused: ENC_UNDECLARED when most lines, or most of several lines with other than ASCII
            characters, do not decode; in a document of one line, when most such characters do not.
    """
    lines = foreign = bad = characters = broken = 0
    for line in _lines(stream):
        lines += 1
        if not line.isascii():
            foreign += 1
            text = line.decode("utf-8", "surrogateescape")
            wrong = len(_ESCAPED.findall(text))
            bad += bool(wrong)
            broken += wrong
            characters += len(_FOREIGN.findall(text)) - wrong
    # A document in one line says nothing by lines, so its characters are held against each other.
    is_foreign = broken >= _FEW and broken > characters if lines == 1 else 2 * bad > lines
    if is_foreign or (bad >= _FEW and 2 * bad > foreign):
        raise FileRefused(
            ReasonCode.ENC_UNDECLARED,
            f"{name}: {bad} of {lines} lines are not UTF-8",
            "UTF-8, UTF-16 with its mark, or a declared encoding",
            _DECLARE,
        )


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    rest = b""
    while chunk := stream.read(_CHUNK):
        *lines, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
        yield from lines
        if len(rest) > 64 * _CHUNK:
            yield rest
            rest = b""
    if rest:
        yield rest


class Utf8Stream(io.RawIOBase):
    """A readable stream of UTF-8 bytes over a stream in another encoding."""

    def __init__(self, source: BinaryIO, encoding: str) -> None:
        self._source = source
        self._errors = "surrogatepass" if encoding.startswith("utf-16") else "surrogateescape"
        self._decoder = codecs.getincrementaldecoder(encoding)(self._errors)
        self._ready = b""
        self._ended = False

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill ``buffer`` with the next UTF-8 bytes; 0 at the end."""
        while not self._ready and not self._ended:
            chunk = self._source.read(_CHUNK)
            self._ended = not chunk
            try:
                text = self._decoder.decode(chunk, self._ended)
            except UnicodeDecodeError:
                # A half code unit at the end, which this codec cannot carry: keep it visibly broken.
                text, self._ended = "\udcff", True
            self._ready = text.encode("utf-8", self._errors)
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def close(self) -> None:
        """Close the source too."""
        if not self.closed:
            self._source.close()
        super().close()
