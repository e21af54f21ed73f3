"""The process that reads: started once per ingest, it forks one confined child per request.

Runs as ``python -m candor.sources.child`` with requests on standard input and frames on standard
output, and only for its parent, whose requests it trusts. It has no threads, so that forking it is
safe, and imports everything a child needs before it forks.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from candor.errors import CandorError
from candor.events import Batcher, ReasonCode, registry
from candor.sources import frames
from candor.sources.base import FileRefused, Source, SourceOptions
from candor.sources.batch import SourceBatch
from candor.sources.confinement import Confinement, confine, unpacked_at_most
from candor.sources.conversion import convert
from candor.sources.protection import PrivacySettings, Protector

_REQUEST_LIMIT = 64 << 20
OUT_OF_MEMORY = 70
_RARE_COLLECTION = 200_000

Request = tuple[Source, tuple[Path, ...], SourceOptions, PrivacySettings, Confinement]
"""Files to read one after the other: one, or several that a connector reads ahead together."""


def request_frame(stream: BinaryIO, request: Request) -> None:
    """Ask for some files (called by the parent)."""
    frames.send(stream, {"kind": "read"}, [pickle.dumps(request)])


def main() -> None:
    """Serve requests until standard input ends."""
    source_pipe, result_pipe = sys.stdin.buffer, os.fdopen(os.dup(1), "wb", buffering=1 << 20)
    # A stray print must not end up between frames.
    os.dup2(2, 1)
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    registry()
    gc.freeze()
    is_warm = False
    while True:
        try:
            _, blobs, _ = frames.receive(source_pipe.read, _REQUEST_LIMIT)
        except EOFError:
            return
        request: Request = pickle.loads(blobs[0])  # noqa: S301 - the parent wrote it
        if not is_warm:
            _warm_up(request[3])
            is_warm = True
        pid = os.fork()
        if pid == 0:
            _read_and_leave(request, result_pipe)
        _, status = os.waitpid(pid, 0)
        frames.send(result_pipe, {"kind": "exit", "status": os.waitstatus_to_exitcode(status)})


def _read_and_leave(request: Request, pipe: BinaryIO) -> None:
    """The child: reads its files under its bounds and ends the process, whatever happens."""
    status = 1
    try:
        os.close(0)
        status = _read(request, pipe)
    except MemoryError:
        status = OUT_OF_MEMORY
    except BaseException:
        frames.send(pipe, {"kind": "failed", "trace": traceback.format_exc()})
        status = 0
    finally:
        os._exit(status)


def collect_rarely() -> None:
    """Look for garbage seldom: what is read hardly refers to itself, and the process is short."""
    gc.set_threshold(_RARE_COLLECTION, 50, 50)


def _read(request: Request, pipe: BinaryIO) -> int:
    source, paths, options, privacy, bounds = request
    collect_rarely()
    confine(
        replace(bounds, cpu_seconds=bounds.cpu_seconds * len(paths)),
        sum(unpacked_at_most(path) for path in paths if path.exists()),
    )
    for path in paths:
        try:
            for batch in convert(source, path, options, privacy):
                frames.send_batch(pipe, batch)
        except CandorError as error:
            frames.send(pipe, {"kind": "error", "error": error.as_dict()})
            break
        except OSError as error:
            refused = FileRefused(
                ReasonCode.RESOURCE_LIMIT,
                f"{path.name} cannot be read ({error.strerror})",
                "a readable file",
                "check its permissions and ingest it again",
            )
            frames.send_batch(pipe, SourceBatch(path.name, "", refused=refused, done=True))
    return 0


_WARM_TIME = 1_780_000_000_000_000
_WARM_TEXT = (
    "ann@post.example +49 151 12345678 4111 1111 1111 1111 DE89 3704 0044 0532 0130 00 12.03.1990"
    " 123-45-6789 192.168.0.1 https://shop.example/?token=x My name is Ann Example, order 4711-22"
)


def _warm_up(privacy: PrivacySettings) -> None:
    """Do once what every child would do for itself: Arrow's late imports, and compiling patterns.

    Half a second, which counts where an export has thousands of files.
    """
    with contextlib.suppress(Exception):  # What is wrong with the settings, the child will tell.
        batcher = Batcher("nobody", observed_at_us=0)
        message = {"message_id": "m", "thread_id": "t", "occurred_at": 0, "is_public": True}
        # A time that is too early, so that both ways of reading a column are gone.
        batcher.add("message", message, 1, "")
        batcher.add("message", {**message, "occurred_at": _WARM_TIME, "text": _WARM_TEXT}, 2, "")
        Protector(privacy).tables(batcher.take().tables)
    gc.freeze()


if __name__ == "__main__":
    main()
