"""An mbox file: mails one after the other, each below a line that begins with ``From``.

Only this module knows the format (RFC 4155 and its relatives that quote ``From`` lines with ``>``).
Streams: holds one mail at most, and of an over-long one its beginning. Bytes are left as they are,
because every part of a mail may have an encoding of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header
from pathlib import Path
from typing import Any, BinaryIO

from candor.events.reasons import ReasonCode
from candor.sources.base import FileRefused
from candor.sources.readers import archives, bytestream
from candor.sources.readers.limits import LIMITS

PATTERNS = ("*.mbox", "*.mbx", "mbox", "*.mbox.gz", "*.mbx.gz")
_CHUNK = 1 << 20
_LONGEST_SEPARATOR = 4096
_SEPARATOR = re.compile(
    rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\r\n]*\d:\d\d[^\r\n]*\b(?:19|20)\d\d\b[^\r\n]*\r?\n"
)
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_ADDRESSES = frozenset(("from", "sender", "to", "cc", "reply-to"))
_FOLD = re.compile(r"\r?\n[ \t]+")


@dataclass(slots=True)
class Mail:
    """One mail as it stood in its file.

    Attributes:
        offset: bytes before it, its separator included.
        separator: the ``From`` line, without its end.
        raw: the bytes below the separator; of an over-long mail the beginning.
        is_cut: whether bytes are missing at the end.
        seen: what reading ahead made of its headers (``context.Head``), so that its own turn need
            not; None when it was not read ahead, or is a large mailbox's.
    """

    offset: int
    separator: str
    raw: bytes
    is_cut: bool = False
    seen: Any = None

    def content(self) -> bytes:
        """The mail itself, its quoted ``From`` lines restored."""
        return _QUOTED_FROM.sub(rb"\1", self.raw) if b"\n>" in self.raw else self.raw

    def headers(self) -> dict[str, list[str]]:
        """Values of every header by its name in lower case, unfolded and decoded."""
        return headers_of(self.raw)


def read(path: Path) -> Iterator[Mail]:
    """Every mail of a file.

    Raises:
        FileRefused: TYPE_SNIFF when it does not begin as an mbox does, and the reasons of
            ``bytestream.members``.
    """
    with _opened(path) as stream:
        yield from _split(stream, path.name)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    # Latin-1 gives every byte a character: the inspection looks at everything but the encoding.
    bytestream.members(path, "latin-1")
    kind = bytestream.kind_on_disk(path)
    if kind == "zip":
        raise FileRefused(
            ReasonCode.TYPE_SNIFF, f"{path.name} is a zip archive", "an mbox file", "unpack it"
        )
    with archives.open_gzip(path) if kind == "gzip" else path.open("rb") as stream:
        yield stream


def _split(stream: BinaryIO, name: str) -> Iterator[Mail]:
    window = stream.read(_CHUNK)
    start = _SEPARATOR.match(window)
    if start is None:
        raise FileRefused(
            ReasonCode.TYPE_SNIFF,
            f"{name} does not begin as an mbox file does",
            "a first line such as 'From ann@post.example Wed Jul  1 10:00:00 2026'",
            "export the folder as mbox",
        )
    offset, held = 0, _Held(start.group())
    window = window[start.end() :]
    offset += start.end()
    while True:
        chunk = stream.read(_CHUNK)
        window += chunk
        position = 0
        for match in _separators(window):
            held.add(window[position : match.start()])
            yield held.mail(offset)
            offset += held.size + len(match.group())
            held, position = _Held(match.group()), match.end()
        if not chunk:
            held.add(window[position:])
            yield held.mail(offset)
            return
        keep = max(position, len(window) - _LONGEST_SEPARATOR)
        held.add(window[position:keep])
        window = window[keep:]


def _separators(window: bytes) -> Iterator[re.Match[bytes]]:
    """Separating lines behind the first byte of a window."""
    at = window.find(b"\nFrom ")
    while at >= 0:
        match = _SEPARATOR.match(window, at + 1)
        if match is not None:
            yield match
        at = window.find(b"\nFrom ", at + 1)


class _Held:
    """The mail being read."""

    def __init__(self, separator: bytes) -> None:
        self.separator = separator.decode("latin-1").rstrip("\r\n")
        self.size = 0
        self._parts: list[bytes] = []

    def add(self, data: bytes) -> None:
        """Take more bytes, as far as they may be held."""
        room = LIMITS.line_bytes - self.size
        if room > 0:
            self._parts.append(data[:room])
        self.size += len(data)

    def mail(self, offset: int) -> Mail:
        """What was taken."""
        raw = b"".join(self._parts)
        return Mail(offset, self.separator, raw, is_cut=self.size > len(raw))


def count(path: Path) -> int:
    """Mails by their lines alone, without the splitter."""
    total, was_empty = 0, True
    with _opened(path) as stream:
        for line in stream:
            if was_empty and line[:5] == b"From ":
                words = line.split()[1:]
                has_clock = any(
                    word.count(b":") in (1, 2) and word[-1:].isdigit() for word in words
                )
                total += has_clock and any(len(w) == 4 and w.isdigit() for w in words)
            was_empty = line in (b"\n", b"\r\n")
    return total


def headers_of(raw: bytes) -> dict[str, list[str]]:
    """Values of every header by its name in lower case, unfolded, and decoded but for addresses."""
    end = _HEADER_END.search(raw)
    block = raw[: end.start()] if end else raw
    if raw[:1] in (b"\n", b"\r"):
        block = b""
    try:
        text = block.decode()
    except UnicodeDecodeError:
        text = block.decode("latin-1")
    found: dict[str, list[str]] = {}
    for line in _FOLD.sub(" ", text).splitlines():
        name, colon, value = line.partition(":")
        if colon:
            key, told = name.strip().lower(), value.strip()
            # A decoded name may hold a comma, and the address behind it would be lost.
            found.setdefault(key, []).append(told if key in _ADDRESSES else _decoded(told))
    return found


def _decoded(value: str) -> str:
    if "=?" not in value:
        return value
    try:
        parts = decode_header(value)
    except (HeaderParseError, ValueError):
        return value
    words = []
    for part, charset in parts:
        if isinstance(part, str):
            words.append(part)
            continue
        try:
            words.append(part.decode(charset or "ascii", "replace"))
        except LookupError:
            words.append(part.decode("utf-8", "replace"))
    return "".join(words)


def identity_of(headers: dict[str, list[str]], raw: bytes) -> str:
    """The mail's id; of a mail without one, a hash of its headers that does not depend on its place."""
    for value in headers.get("message-id", ()):
        if value.strip(" <>\t"):
            return value.strip(" <>\t")
    end = _HEADER_END.search(raw)
    return "sha256:" + hashlib.sha256(raw[: end.start()] if end else raw).hexdigest()[:32]
