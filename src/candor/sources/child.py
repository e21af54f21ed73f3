"""The process that reads: started once per ingest, it forks one confined child per file.

Files of an export that must know of each other are forked from a process of their own, which has read
the export ahead, so that an export of many files is not read once for each of them.

Runs as ``python -m candor.sources.child`` with requests on standard input and frames on standard
output, and only for its parent, whose requests it trusts. It has no threads, so that forking it is
safe, and imports everything a child needs before it forks.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import struct
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

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
_LENGTH = struct.Struct(">Q")
_STATUS = struct.Struct(">i")
_READY = b"R"
_WARM_TIME = 1_780_000_000_000_000
_WARM_TEXT = (
    "ann@post.example +49 151 12345678 4111 1111 1111 1111 DE89 3704 0044 0532 0130 00 12.03.1990"
    " 123-45-6789 192.168.0.1 https://shop.example/?token=x My name is Ann Example, order 4711-22"
)

Request = tuple[Source, Path, SourceOptions, PrivacySettings, Confinement]


def request_frame(stream: BinaryIO, request: Request) -> None:
    """Ask for one file (called by the parent)."""
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
    holder: _Holder | None = None
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
        status = None
        export = request[0].export_of(request[1], request[2])
        if export is not None:
            about = _about(export, request)
            if holder is None or holder.about != about:
                if holder is not None:
                    holder.close()
                holder = _Holder(about, export, request, result_pipe)
            status = holder.read(bytes(blobs[0]))
        if status is None:
            status = _forked(request, result_pipe)
        frames.send(result_pipe, {"kind": "exit", "status": status})


def _warm_up(privacy: PrivacySettings) -> None:
    """Do once what every child would do for itself: Arrow's late imports, and compiling patterns.

    Half a second, which counts where an export has thousands of files.
    """
    with suppress(Exception):  # What is wrong with the settings, the child will tell.
        batcher = Batcher("nobody", observed_at_us=0)
        message = {"message_id": "m", "thread_id": "t", "occurred_at": 0, "is_public": True}
        # A time that is too early, so that both ways of reading a column are gone.
        batcher.add("message", message, 1, "")
        batcher.add("message", {**message, "occurred_at": _WARM_TIME, "text": _WARM_TEXT}, 2, "")
        Protector(privacy).table("message", batcher.take().tables["message"])
    gc.freeze()


def _forked(request: Request, pipe: BinaryIO) -> int:
    """Exit status of a process that reads one file and leaves."""
    pid = os.fork()
    if pid == 0:
        _read_and_leave(request, pipe)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _about(export: Path, request: Request) -> tuple[Any, ...]:
    """What must be equal for two requests to share what was read ahead."""
    source, _, options, _, bounds = request
    said = (options.name, options.ai_actor_ids, dict(options.settings), options.observed_at_us)
    return (source.name, export, *said, bounds)


class _Holder:
    """A process that has read an export ahead; its copies read the files.

    Confined as a whole like the reading of all its files. When it cannot read ahead, nothing is
    lost: each file is then read by a process that reads ahead for itself.

    Attributes:
        about: what must be equal for a file to be read here.
    """

    def __init__(
        self, about: tuple[Any, ...], export: Path, request: Request, result_pipe: BinaryIO
    ) -> None:
        self.about = about
        asked, asking = os.pipe()
        telling, told = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(asking)
            os.close(telling)
            _hold_and_leave(export, request, (asked, told), result_pipe)
        os.close(asked)
        os.close(told)
        self._asking = os.fdopen(asking, "wb")
        self._told = os.fdopen(telling, "rb")
        self._is_able = self._told.read(len(_READY)) == _READY

    def read(self, request: bytes) -> int | None:
        """Exit status of the process that read a file; None when this one cannot have it read."""
        if not self._is_able:
            return None
        try:
            self._asking.write(_LENGTH.pack(len(request)) + request)
            self._asking.flush()
        except BrokenPipeError:
            self._is_able = False
            return None
        answer = self._told.read(_STATUS.size)
        if len(answer) < _STATUS.size:
            self._is_able = False
            return -signal.SIGKILL
        return int(_STATUS.unpack(answer)[0])

    def close(self) -> None:
        """Let it go."""
        for pipe in (self._asking, self._told):
            try:
                pipe.close()
            except BrokenPipeError:
                continue
        os.waitpid(self._pid, 0)


def _hold_and_leave(
    export: Path, request: Request, pipes: tuple[int, int], result_pipe: BinaryIO
) -> NoReturn:
    """The holder: reads ahead under bounds, then forks a process per file until nobody asks."""
    status = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        source, path, options, _, bounds = request
        size = sum(unpacked_at_most(one) for one in export.rglob("*") if one.is_file())
        confine(bounds, size)
        source.read_ahead(path, options)
        gc.freeze()
        with os.fdopen(pipes[0], "rb") as asked, os.fdopen(pipes[1], "wb") as told:
            told.write(_READY)
            told.flush()
            while head := asked.read(_LENGTH.size):
                asked_for: Request = pickle.loads(  # noqa: S301 - the parent wrote it
                    asked.read(_LENGTH.unpack(head)[0])
                )
                status = _forked((source, *asked_for[1:]), result_pipe)
                told.write(_STATUS.pack(status))
                told.flush()
        status = 0
    except MemoryError:
        status = OUT_OF_MEMORY
    finally:
        os._exit(status)


def _read_and_leave(request: Request, pipe: BinaryIO) -> NoReturn:
    """The child: reads one file under its bounds and ends the process, whatever happens."""
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


def _read(request: Request, pipe: BinaryIO) -> int:
    source, path, options, privacy, bounds = request
    gc.set_threshold(_RARE_COLLECTION, 50, 50)
    try:
        confine(bounds, unpacked_at_most(path))
        for batch in convert(source, path, options, privacy):
            frames.send_batch(pipe, batch)
    except CandorError as error:
        frames.send(pipe, {"kind": "error", "error": error.as_dict()})
    except OSError as error:
        refused = FileRefused(
            ReasonCode.RESOURCE_LIMIT,
            f"{path.name} cannot be read ({error.strerror})",
            "a readable file",
            "check its permissions and ingest it again",
        )
        frames.send_batch(pipe, SourceBatch(path.name, "", refused=refused, done=True))
    return 0


if __name__ == "__main__":
    main()
