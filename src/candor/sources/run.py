"""Reads files through a connector in confined children and hands over what they made of them.

The one entrance for whoever ingests. Parsing, mapping, checking and masking run in another process
(``child``), a few pieces ahead of the consumer. A child that hits a limit or dies costs its file,
which is reported as refused; the parent goes on.
"""

from __future__ import annotations

import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from candor.errors import CandorError, Problem
from candor.events import ReasonCode
from candor.sources import child, frames
from candor.sources.base import FileRefused, RejectedRecord, Source, SourceOptions
from candor.sources.batch import SourceBatch
from candor.sources.confinement import Confinement, unpacked_at_most
from candor.sources.conversion import convert
from candor.sources.protection import PrivacySettings
from candor.sources.readers.bytestream import fingerprint

__all__ = [
    "Confinement",
    "PrivacySettings",
    "RejectedRecord",
    "SourceBatch",
    "fingerprint",
    "read",
]

_AHEAD = 3
_PIPE_BYTES = 1 << 20
_POLL_SECONDS = 0.5
# One thread and the plain allocator: reserved address space would count against the bounds.
_CHILD_ENVIRONMENT = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def read(
    source: Source,
    paths: Sequence[Path],
    options: SourceOptions,
    *,
    privacy: PrivacySettings,
    in_child: bool = True,
    bounds: Confinement | None = None,
) -> Iterator[SourceBatch]:
    """Every piece of every file, file after file, each file ending with a ``done`` piece.

    Args:
        source: the connector; with ``in_child`` its class must be importable by name.
        paths: files and folders.
        options: the configured source.
        privacy: how personal data are masked before they leave the child.
        in_child: False reads in this process, without bounds (for tests and debugging).
        bounds: limits of each child.

    Yields:
        ``SourceBatch``; one with ``refused`` takes back all earlier pieces of its file.

    Raises:
        CandorError: ``sources.no_files``, or ``sources.reader_failed`` when a connector breaks.
    """
    files = source.files(paths, options)
    if not in_child:
        for path in files:
            yield from convert(source, path, options, privacy)
        return
    bounds = bounds or Confinement()
    reader: _Reader | None = None
    # What a connector reads ahead lives as long as a child, so its files share one.
    groups = [files] if source.reads_ahead else [[path] for path in files]
    try:
        for group in groups:
            left = tuple(group)
            while left:
                if reader is None or not reader.is_usable:
                    reader = _replace(reader)
                ended = 0
                for piece in reader.pieces((source, left, options, privacy, bounds)):
                    ended += piece.done
                    yield piece
                left = left[ended:]
    finally:
        if reader is not None:
            reader.close()


def _replace(reader: _Reader | None) -> _Reader:
    if reader is not None:
        reader.close()
    return _Reader()


class _Reader:
    """One reading process with its pipes."""

    def __init__(self) -> None:
        search = [entry for entry in sys.path if entry]
        self._process = subprocess.Popen(
            # -P: a module lying in the current folder must not be imported.
            [sys.executable, "-P", "-m", "candor.sources.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **_CHILD_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(search)},
            start_new_session=True,
        )
        self.is_usable = True

    def pieces(self, request: child.Request) -> Iterator[SourceBatch]:
        """The pieces of the files up to the first that breaks, which ends with a refusal."""
        paths, bounds = request[1], request[4]
        child.request_frame(cast(BinaryIO, self._process.stdin), request)
        ready: queue.Queue[SourceBatch | BaseException | None] = queue.Queue(_AHEAD)
        stop = threading.Event()
        pump = threading.Thread(
            target=self._pump, args=(paths, bounds, ready, stop), name="candor-reader", daemon=True
        )
        pump.start()
        try:
            is_done = False
            while (item := ready.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                is_done = item.done
                yield item
            if not is_done:
                raise RuntimeError(f"the reader of {paths[0].name} ended without a last piece")
        finally:
            if pump.is_alive():
                stop.set()
                self._kill()
            pump.join()

    def _pump(
        self,
        paths: Sequence[Path],
        bounds: Confinement,
        ready: queue.Queue[SourceBatch | BaseException | None],
        stop: threading.Event,
    ) -> None:
        """Moves pieces from the pipe to the queue until the child ended (runs in a thread)."""
        incoming = _Incoming(cast(BinaryIO, self._process.stdout), bounds.wall_seconds)
        waiting = list(paths)
        path = waiting.pop(0)
        is_done = False
        last: SourceBatch | BaseException | None = None
        try:
            allowed = bounds.output_for(unpacked_at_most(path))
            while True:
                head, blobs, size = frames.receive(incoming.exactly, allowed)
                allowed -= size
                if head["kind"] == "batch":
                    batch = frames.batch_of(head, blobs)
                    if not _put(ready, batch, stop):
                        return
                    is_done = batch.done and not waiting
                    if batch.done and waiting:
                        path = waiting.pop(0)
                        allowed = bounds.output_for(unpacked_at_most(path))
                        incoming.wind(bounds.wall_seconds)
                elif head["kind"] == "exit":
                    if not is_done:
                        last = _refusal(path, _ending(head["status"]))
                    break
                else:
                    last = _failure(path, head)
                    is_done = True
        except (frames.BadFrame, EOFError, TimeoutError, OSError) as error:
            self._kill()
            if not is_done:
                last = _refusal(path, str(error) or "it ended without a word")
        except BaseException as error:
            self._kill()
            last = error
        if last is not None and not _put(ready, last, stop):
            return
        _put(ready, None, stop)

    def _kill(self) -> None:
        self.is_usable = False
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the process and free its pipes."""
        self.is_usable = False
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._kill()
            self._process.wait()


class _Incoming:
    """Exact reads from a pipe, with a clock that runs only while waiting."""

    def __init__(self, pipe: BinaryIO, seconds: float) -> None:
        self._descriptor = pipe.fileno()
        self._seconds = seconds

    def wind(self, seconds: float) -> None:
        """Set the clock anew."""
        self._seconds = seconds

    def exactly(self, size: int) -> bytes:
        """``size`` bytes; b"" when the pipe ended before the first."""
        buffer = bytearray(size)
        view = memoryview(buffer)
        filled = 0
        while filled < size:
            began = time.monotonic()
            readable, _, _ = select.select([self._descriptor], [], [], self._seconds)
            self._seconds -= time.monotonic() - began
            if not readable or self._seconds <= 0:
                raise TimeoutError("it took too long")
            count = os.readv(self._descriptor, [view[filled : filled + _PIPE_BYTES]])
            if not count:
                if filled:
                    raise EOFError
                return b""
            filled += count
        return cast(bytes, buffer)


def _put(
    ready: queue.Queue[Any], item: SourceBatch | BaseException | None, stop: threading.Event
) -> bool:
    """Hand over; false when nobody wants more."""
    while not stop.is_set():
        try:
            ready.put(item, timeout=_POLL_SECONDS)
        except queue.Full:
            continue
        return True
    return False


def _ending(status: int) -> str:
    if status in (child.OUT_OF_MEMORY, -signal.SIGKILL, -signal.SIGABRT, -signal.SIGSEGV):
        return "it needed more memory than allowed"
    if status == -signal.SIGXCPU:
        return "it needed more processor time than allowed"
    return f"its reader ended with status {status}"


def _refusal(path: Path, why: str) -> SourceBatch:
    refused = FileRefused(
        ReasonCode.RESOURCE_LIMIT,
        f"{path.name} cannot be read within the limits: {why}",
        "a file whose records fit into the limits of memory, time and output",
        "split it, or check what it holds",
    )
    return SourceBatch(path.name, fingerprint(path), refused=refused, done=True)


def _failure(path: Path, head: dict[str, Any]) -> CandorError:
    """What went wrong in the child, as an error of this process."""
    if head["kind"] == "error":
        told = head["error"]
        return CandorError(
            told["error"],
            [Problem(p["what"], p["where"], p["expected"], p["fix"]) for p in told["problems"]],
        )
    trace = str(head.get("trace", "")).strip()
    return CandorError(
        "sources.reader_failed",
        Problem(
            f"the connector broke ({trace.splitlines()[-1] if trace else 'unknown'})",
            str(path),
            "a mistake in the file to be quarantined",
            "please report it with the file's first lines",
        ),
    )
