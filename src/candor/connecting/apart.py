"""A module of our own in a process of its own, and the lock that it holds for as long as it lives."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

_LOCK = "lock"


def start(module: str, arguments: Sequence[str], *, held: int, told: bytes = b"") -> None:
    """Start it and see to its end; the caller does not wait.

    Args:
        module: its full name.
        arguments: what it is called with; anybody on the host may read them.
        held: descriptor of a lock; it goes over to the process and falls when that ends.
        told: what it reads from its standard input, for what nobody else may read.
    """
    search = [entry for entry in sys.path if entry]
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module; arguments are data
            # -P: a module lying in the current folder must not be imported.
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(search)},
            pass_fds=(held,), start_new_session=True,
        )  # fmt: skip
    finally:
        os.close(held)
    threading.Thread(target=process.communicate, args=(told,), name=module, daemon=True).start()


def lock(folder: Path) -> int:
    """A descriptor that holds a folder; closing it everywhere lets go.

    Raises:
        BlockingIOError: a process holds it.
    """
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor


def is_locked(folder: Path) -> bool:
    """Whether a process holds a folder."""
    try:
        os.close(lock(folder))
    except BlockingIOError:
        return True
    return False
