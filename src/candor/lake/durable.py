"""Making files and folders survive a power loss, and telling whether a file is still the same.

Only this module calls fsync. Paths are local; hashes are SHA-256 in hex.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_CHUNK = 1 << 20


def sync(path: Path) -> None:
    """Flush one file, or the entries of one folder, to the disk.

    Raises:
        OSError: the disk refused; what is on it is then unknown.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Make a folder and its parents, each flushed into the one above it."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(mode=mode, exist_ok=True)
    sync(path.parent)


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as handle:
        while chunk := handle.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


class VerifiedFiles:
    """Remembers, for this process, which files were seen to have the bytes they should have.

    A file is hashed on first use and again when its size, inode or modification time changes.
    """

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[tuple[int, int, int], str]] = {}

    def digest(self, path: Path) -> str:
        """The file's SHA-256, computed at most once while the file stays untouched."""
        mark = self._mark(path)
        known = self._seen.get(path)
        if known is None or known[0] != mark:
            known = (mark, sha256(path))
            self._seen[path] = known
        return known[1]

    def forget(self) -> None:
        """Hash every file anew on its next use."""
        self._seen.clear()

    @staticmethod
    def _mark(path: Path) -> tuple[int, int, int]:
        status = path.stat()
        return status.st_size, status.st_ino, status.st_mtime_ns


VERIFIED = VerifiedFiles()
