"""Bodies as they came, kept durably in files that are closed when they are to be read.

Only this module writes what was received. Many senders share one flush: whoever waits for the disk
takes along everything that was written meanwhile. After a refused flush nobody knows what the disk
holds, so that file is left and the senders are not answered; they send again.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
import time
from collections import OrderedDict
from pathlib import Path

from candor.lake import durable

LENGTH_BYTES = 4
_OPEN = ".part"
_HOUR_SECONDS = 3_600
_REMEMBERED = 20_000


class _Open:
    """One file that is being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.handle = io.FileIO(descriptor, "a")
        self.size = 0
        self.flushed = 0
        self.is_lost = False
        self.flushing = threading.Lock()

    def append(self, line: bytes) -> int:
        """Write all of it, or nothing; returns the size afterwards."""
        written = self.handle.write(line)
        if written != len(line):
            os.ftruncate(self.handle.fileno(), self.size)
            raise OSError(28, "the disk took only a part")
        self.size += len(line)
        return self.size

    def flush(self, size: int) -> None:
        """Return once the first ``size`` bytes are on the disk.

        Raises:
            OSError: the disk refused, now or at an earlier flush that should have taken them.
        """
        with self.flushing:
            if self.flushed >= size:
                return
            if self.is_lost:
                raise OSError(5, "an earlier flush was refused")
            reached = self.size
            try:
                os.fsync(self.handle.fileno())
            except OSError:
                self.is_lost = True
                raise
            self.flushed = reached


class Inbox:
    """Where bodies wait for the next ingest.

    Args:
        folder: where the files lie; what an earlier process left open is mended and closed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        durable.make_folder(folder, 0o700)
        self._lock = threading.Lock()
        self._open: dict[str, _Open] = {}
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self.requests = 0
        self.repeated = 0
        for path in sorted(folder.glob(f"*{_OPEN}")):
            _mend(path)
            _close(path)

    def keep(self, kind: str, form: str, body: bytes) -> None:
        """Append a body and flush it to the disk.

        Args:
            kind: first part of the file's name.
            form: ``pb`` for a framed body, ``jsonl`` for one line.
            body: one document.

        Raises:
            OSError: the disk refused; what is on it is unknown, and the sender must not be told
                that it was kept.
        """
        if form == "pb":
            line = len(body).to_bytes(LENGTH_BYTES, "big") + body
        else:
            line = body.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n"
        self._append(kind, form, line)

    def keep_lines(self, kind: str, lines: bytes) -> bool:
        """Append lines, unless the very same ones were kept lately.

        Args:
            kind: first part of the file's name.
            lines: whole lines, each ended.

        Returns:
            whether they were new.

        Raises:
            OSError: as ``keep``.
        """
        mark = hashlib.sha256(lines).digest()
        with self._lock:
            if mark in self._seen:
                self._seen.move_to_end(mark)
                self.repeated += 1
                return False
        self._append(kind, "jsonl", lines)
        with self._lock:
            # Remembered only now: a repetition is answered because the first is on the disk.
            self._seen[mark] = None
            while len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
        return True

    def close(self) -> list[Path]:
        """Close what is open; every closed file, oldest first."""
        with self._lock:
            for name, one in list(self._open.items()):
                try:
                    # What a refused flush left was answered to nobody, or flushed before.
                    if not one.is_lost:
                        one.flush(one.size)
                finally:
                    self._leave(name)
        return sorted(path for path in self.folder.iterdir() if not path.name.endswith(_OPEN))

    def forget(self, older_than_hours: float) -> None:
        """Remove closed files that were stored and are older than some hours."""
        oldest = time.time() - older_than_hours * _HOUR_SECONDS
        for path in self.folder.iterdir():
            if not path.name.endswith(_OPEN) and path.stat().st_mtime < oldest:
                path.unlink()
        durable.sync(self.folder)

    def _append(self, kind: str, form: str, line: bytes) -> None:
        with self._lock:
            name = f"{kind}.{form}"
            if name in self._open and self._open[name].is_lost:
                self._leave(name)
            if name not in self._open:
                path = self.folder / f"{kind}-{time.time_ns()}.{form}{_OPEN}"
                self._open[name] = _Open(path)
                durable.sync(self.folder)
            file = self._open[name]
            size = file.append(line)
            self.requests += 1
        file.flush(size)

    def _leave(self, name: str) -> None:
        """Write no more to a file; what it holds is read at the next ingest."""
        file = self._open.pop(name)
        file.handle.close()
        _close(file.path)


def _close(path: Path) -> None:
    if path.stat().st_size:
        path.rename(path.with_name(path.name.removesuffix(_OPEN)))
    else:
        path.unlink()
    durable.sync(path.parent)


def _mend(path: Path) -> None:
    """Cut off what a dying process wrote half: its client was not answered and sends it again."""
    content = path.read_bytes()
    whole = 0
    if path.name.endswith(f".jsonl{_OPEN}"):
        whole = content.rfind(b"\n") + 1
    else:
        while whole + LENGTH_BYTES <= len(content):
            size = int.from_bytes(content[whole : whole + LENGTH_BYTES], "big")
            if whole + LENGTH_BYTES + size > len(content):
                break
            whole += LENGTH_BYTES + size
    os.truncate(path, whole)
