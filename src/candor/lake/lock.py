"""The one lock that every writer of a workspace holds while it writes.

An advisory ``flock`` on a file: the kernel drops it when the holder dies, so a lock is never stale
and a copied lock file means nothing. The text inside (process id, boot id) only serves messages.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from candor.errors import CandorError, Problem

_POLL_SECONDS = 0.05
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class WriteLock:
    """Exclusive right to write one workspace.

    Args:
        path: the lock file; made when absent, never removed.
        wait_seconds: how long to wait for another writer; 0 tries once.
    """

    def __init__(self, path: Path, wait_seconds: float) -> None:
        self._path = path
        self._wait_seconds = wait_seconds
        self._descriptor = -1

    def acquire(self) -> bool:
        """Take the lock; False when another writer still holds it after the wait."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + self._wait_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(descriptor)
                    return False
                time.sleep(_POLL_SECONDS)
            except BaseException:
                os.close(descriptor)
                raise
        holder = json.dumps({"pid": os.getpid(), "boot_id": _boot_id()})
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, holder.encode(), 0)
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        if not self.acquire():
            raise CandorError(
                "lake.locked",
                Problem(
                    f"another process is writing ({self._holder()})",
                    str(self._path.parent.parent),
                    f"the lock within {self._wait_seconds:g} s",
                    "wait until it has finished and try again",
                ),
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _holder(self) -> str:
        try:
            return f"process {json.loads(self._path.read_text(encoding='utf-8'))['pid']}"
        except (OSError, ValueError, KeyError):
            return "process unknown"


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
