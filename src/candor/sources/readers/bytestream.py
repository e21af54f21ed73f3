"""Opening a file for reading: plain, gzip or zip, in whatever encoding, always as UTF-8 bytes.

``members`` inspects a whole file once (kind of content, damage, limits, encoding) before a single
record is read, so that what it lets pass can be streamed. Offsets of records count the bytes of
these streams: unpacked, without mark, as UTF-8.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from candor.events.reasons import ReasonCode
from candor.sources.base import FileRefused
from candor.sources.readers import archives, encodings, sniff

_CHUNK = 1 << 20
_HEAD = 4096


@dataclass(frozen=True, slots=True)
class Member:
    """One readable content of a file: the file itself, or one entry of its archive.

    Attributes:
        name: how a person would call it, e.g. ``export.zip:tickets.csv``.
        unpacked_bytes: its size as found by the inspection, before any change of encoding.
        open: opens it anew, as UTF-8 bytes without mark.
    """

    name: str
    unpacked_bytes: int
    open: Callable[[], BinaryIO]


def fingerprint(path: Path) -> str:
    """SHA-256 of a file as it lies on disk, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def kind_on_disk(path: Path) -> str:
    """What the file is by its first bytes (see ``sniff.kind_of``)."""
    with path.open("rb") as stream:
        return sniff.kind_of(stream.read(_HEAD))


def members(path: Path, encoding: str | None = None) -> list[Member]:
    """The text contents of a file, inspected in full.

    Args:
        path: a plain, gzip or zip file.
        encoding: the declared encoding; None recognises UTF-8 and UTF-16 with mark.

    Raises:
        FileRefused: EMPTY_FILE, TYPE_SNIFF, ARCHIVE_*, SIZE_LIMIT or ENC_UNDECLARED.
    """
    kind = kind_on_disk(path)
    if path.stat().st_size == 0:
        raise FileRefused(
            ReasonCode.EMPTY_FILE, f"{path.name} is empty", "a file with content", "export it again"
        )
    if kind == "zip":
        entries = archives.zip_entries(path)
        if any(entry.filename == "[Content_Types].xml" for entry in entries):
            raise _not_text(path.name, "an Office document")
        found = [_zip_member(path, entry, encoding) for entry in entries]
        if not found:
            raise FileRefused(
                ReasonCode.EMPTY_FILE, f"{path.name} holds no files", "an archive with files", ""
            )
        return found
    if kind == "gzip":
        return [_member(path.name, partial(archives.open_gzip, path), encoding, nested=True)]
    return [_member(path.name, partial(_open_plain, path), encoding, nested=False)]


def open_bytes(path: Path, encoding: str | None = None) -> BinaryIO:
    """The one content of a file as UTF-8 bytes.

    Raises:
        FileRefused: as ``members``; also TYPE_SNIFF when an archive holds several files.
    """
    found = members(path, encoding)
    if len(found) != 1:
        raise FileRefused(
            ReasonCode.TYPE_SNIFF,
            f"{path.name} holds {len(found)} files",
            "one file",
            "unpack it and ingest the file that you mean",
        )
    return found[0].open()


def _open_plain(path: Path) -> BinaryIO:
    return path.open("rb", buffering=_CHUNK)


def _zip_member(path: Path, entry: zipfile.ZipInfo, encoding: str | None) -> Member:
    name = f"{path.name}:{entry.filename}"
    return _member(name, partial(archives.open_zip_entry, path, entry), encoding, nested=True)


def _member(
    name: str, open_raw: Callable[[], BinaryIO], encoding: str | None, *, nested: bool
) -> Member:
    size = 0
    with open_raw() as stream:
        head = stream.read(_HEAD)
        kind = sniff.kind_of(head)
        if nested and kind in sniff.ARCHIVES:
            raise archives.unsafe(
                name, f"an archive ({kind}) inside an archive", "files, not archives"
            )
        if kind != "text":
            raise _not_text(name, kind)
        found, mark = encodings.encoding_of(head, encoding, name)
        check = encodings.Utf8Check()
        is_utf8 = True
        chunk = head
        while chunk:
            size += len(chunk)
            if found == "utf-8":
                is_utf8 = check.feed(chunk)
            chunk = stream.read(_CHUNK)
        if found == "utf-8" and is_utf8:
            is_utf8 = check.feed(b"", last=True)
    if size == 0:
        raise FileRefused(
            ReasonCode.EMPTY_FILE, f"{name} is empty", "a file with content", "export it again"
        )
    if found == "utf-8" and not is_utf8 and encoding is None:
        with open_raw() as stream:
            encodings.refuse_if_foreign(stream, name)
    return Member(name, size, partial(_open_as_utf8, open_raw, found, mark))


def _open_as_utf8(open_raw: Callable[[], BinaryIO], encoding: str, mark: int) -> BinaryIO:
    stream = open_raw()
    stream.read(mark)
    if encoding == "utf-8":
        return stream
    return io.BufferedReader(
        encodings.Utf8Stream(stream, encoding),
        buffer_size=_CHUNK,
    )


def _not_text(name: str, kind: str) -> FileRefused:
    return FileRefused(
        ReasonCode.TYPE_SNIFF,
        f"{name} is not what its name says: its content is {kind}",
        "the declared format",
        "export it again, or declare what it is",
    )
