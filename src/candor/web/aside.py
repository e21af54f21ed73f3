"""The process that works out long questions, so that they never hold up those who read pages."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import TypeVar

from candor.answers import Answers
from candor.workspace import Workspace

T = TypeVar("T")


class Pending(Exception):  # noqa: N818 - it is an answer: not yet
    """The answer is being worked out; ask again."""


_GIVES_WAY = 5
_LOOKS_EVERY = 2.0
_held: list[tuple[object, Answers]] = []
"""The edition this process has open."""


def settle(ended: Event) -> None:
    """Take one's place beside the server: give way to it, and end with it however it ends.

    Args:
        ended: set when the server stops.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_GIVES_WAY)
    server = os.getppid()
    threading.Thread(target=_follow, args=(server, ended), name="follow", daemon=True).start()


def work(
    root: Path,
    marks: object,
    number: int | None,
    question: Callable[[Answers], T],
) -> T:
    """The answer to one question on one edition.

    Args:
        root: folder of the workspace.
        marks: names the edition.
        number: of its publication; None where there is none that could be opened. Only the number
            crosses: what a publication says of itself is more than a pipe holds at once.
        question: what is asked.

    Raises:
        Pending: something newer was published, and this process has not the older one open.
        CandorError: what opening or the question raised.
    """
    if not _held or _held[0][0] != marks:
        opened = Answers(Workspace.open(root))
        if number is not None and opened.publication.number != number:
            opened.engine.close()
            raise Pending
        if _held:
            _held.pop()[1].engine.close()
        _held.append((marks, opened))
    return question(_held[0][1])


def _follow(server: int, ended: Event) -> None:
    while os.getppid() == server and not ended.wait(_LOOKS_EVERY):
        pass
    # Nobody waits for what is being worked out.
    os._exit(0)
