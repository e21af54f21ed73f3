"""Zip and gzip containers: which entries are safe to read, and streams that obey the limits.

Refuses before anything is unpacked where the directory tells, and while unpacking where only the
bytes tell. Nothing is ever written to disk. An entry's name is text, never a path.
"""

from __future__ import annotations

import gzip
import io
import lzma
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from candor.events.reasons import ReasonCode
from candor.sources.base import FileRefused
from candor.sources.readers.limits import LIMITS

_DRIVE = re.compile(r"^[A-Za-z]:")
_ENCRYPTED_FLAG = 0x1
# OSError: offsets that point before the file, and what the bzip2 decoder says of bad data.
DAMAGE = (EOFError, OSError, lzma.LZMAError, struct.error, zlib.error, zipfile.BadZipFile)
_UNREADABLE = (*DAMAGE, NotImplementedError, RuntimeError, ValueError)


def damaged(name: str, error: BaseException) -> FileRefused:
    """The refusal of an archive whose bytes do not hold together."""
    return FileRefused(
        ReasonCode.ARCHIVE_DAMAGED,
        f"{name} is damaged ({error})",
        "a complete archive whose checksums are right",
        "export or upload it again",
    )


def unsafe(name: str, what: str, expected: str) -> FileRefused:
    """The refusal of an archive that asks for more than its content."""
    return FileRefused(
        ReasonCode.ARCHIVE_UNSAFE,
        f"{name}: {what}",
        expected,
        "unpack it yourself and ingest the files that you trust",
    )


class BoundedStream(io.RawIOBase):
    """Unpacked bytes that stop at the limits of size and ratio, with damage told as a refusal."""

    def __init__(self, source: BinaryIO, name: str, packed: int, before: int = 0) -> None:
        self._source = source
        self._name = name
        self._packed = max(packed, 1)
        self.unpacked = before

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill ``buffer``; raises ``FileRefused`` at a limit or at damage."""
        try:
            data = self._source.read(len(buffer))
        except DAMAGE as error:
            raise damaged(self._name, error) from None
        self.unpacked += len(data)
        if self.unpacked > LIMITS.unpacked_bytes:
            raise unsafe(
                self._name, "it unpacks to over 1 GiB", f"at most {LIMITS.unpacked_bytes} bytes"
            )
        if self.unpacked > LIMITS.ratio_free_bytes and self.unpacked > LIMITS.ratio * self._packed:
            raise unsafe(
                self._name,
                f"it unpacks to more than {LIMITS.ratio} times its size",
                f"a ratio of at most {LIMITS.ratio}",
            )
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the source too."""
        if not self.closed:
            self._source.close()
        super().close()


def check_packed_size(path: Path) -> int:
    """Size of an archive on disk.

    Raises:
        FileRefused: SIZE_LIMIT when it is over the limit.
    """
    size = path.stat().st_size
    if size > LIMITS.packed_bytes:
        raise FileRefused(
            ReasonCode.SIZE_LIMIT,
            f"{path.name} is an archive of {size} bytes",
            f"at most {LIMITS.packed_bytes} bytes packed",
            "split the export, or unpack it and ingest the files",
        )
    return size


def zip_entries(path: Path) -> list[zipfile.ZipInfo]:
    """The entries of a zip that are files, in the order of the directory, all checked.

    Raises:
        FileRefused: ARCHIVE_UNSAFE or ARCHIVE_DAMAGED.
    """
    name = path.name
    check_packed_size(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except _UNREADABLE as error:
        raise damaged(name, error) from None
    if len(entries) > LIMITS.archive_entries:
        raise unsafe(
            name, f"it holds {len(entries)} entries", f"at most {LIMITS.archive_entries} entries"
        )
    seen: set[str] = set()
    files = []
    for entry in entries:
        _check_entry(name, entry)
        folded = unicodedata.normalize("NFC", entry.filename).casefold()
        if folded in seen:
            raise unsafe(
                name, "two entries have the same name but for case", "names that differ in letters"
            )
        seen.add(folded)
        if not entry.is_dir():
            files.append(entry)
    if sum(entry.file_size for entry in files) > LIMITS.unpacked_bytes:
        raise unsafe(
            name, "it unpacks to over 1 GiB", f"at most {LIMITS.unpacked_bytes} bytes unpacked"
        )
    return files


def open_zip_entry(path: Path, entry: zipfile.ZipInfo) -> BinaryIO:
    """The unpacked bytes of one entry; closing it closes the archive."""
    archive = zipfile.ZipFile(path)
    try:
        source = archive.open(entry)
    except _UNREADABLE as error:
        archive.close()
        raise damaged(path.name, error) from None
    # zipfile keeps the file open until both the entry and the archive are closed.
    archive.close()
    return io.BufferedReader(
        BoundedStream(source, path.name, entry.compress_size)  # type: ignore[arg-type]
    )


def open_gzip(path: Path) -> BinaryIO:
    """The unpacked bytes of all members of a gzip file."""
    size = check_packed_size(path)
    return io.BufferedReader(
        BoundedStream(gzip.open(path, "rb"), path.name, size),  # type: ignore[arg-type]
        buffer_size=1 << 17,
    )


def _check_entry(name: str, entry: zipfile.ZipInfo) -> None:
    raw = entry.orig_filename
    parts = raw.replace("\\", "/").split("/")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if raw.startswith(("/", "\\")) or _DRIVE.match(raw):
        raise unsafe(name, "an entry has an absolute path", "relative names")
    if ".." in parts or "\x00" in raw:
        raise unsafe(name, "an entry's path leaves the archive", "names without '..'")
    if kind and not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        raise unsafe(name, "an entry is a link or a device", "plain files")
    if entry.flag_bits & _ENCRYPTED_FLAG:
        raise unsafe(name, "an entry is encrypted", "an archive without a password")
