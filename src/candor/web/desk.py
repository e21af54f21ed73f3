"""Answers of the current publication, each worked out once, away from the event loop.

Every worker thread has its own read-only opening of the publication. A question is known by its key;
while somebody waits for it, others who ask the same wait for the same answer. Long questions have a
worker of their own, so that they never stand in the way of short ones. An answer is forgotten when a
new publication or an edited reference file makes it old. Nobody waits longer than `WAIT`; who asked
for something that takes longer is told so and asks again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from candor.answers import Answers
from candor.lake.serving import Serving
from candor.workspace import REFERENCE_FILES, Workspace

T = TypeVar("T")
WAIT = 2.5
"""Seconds a request waits for an answer before it is told to ask again."""
_KEPT = 400
_SHORT_WORKERS = 3
_WATCHED = ("candor.toml", "annotations.yaml", *REFERENCE_FILES)


class Pending(Exception):  # noqa: N818 - it is an answer: not yet
    """The answer is being worked out; ask again."""


@dataclass(frozen=True, slots=True)
class Edition:
    """What the answers of now rest on: the publication and the reference files beside it."""

    marks: tuple[tuple[str, int, int], ...]


class Desk:
    """Where pages get their answers.

    Args:
        root: folder of the workspace.
        wait: seconds a request waits.
    """

    def __init__(self, root: Path, *, wait: float = WAIT) -> None:
        self.root = root
        self.wait = wait
        self._short = ThreadPoolExecutor(_SHORT_WORKERS, thread_name_prefix="short")
        self._long = ThreadPoolExecutor(1, thread_name_prefix="long")
        self._threads = threading.local()
        self._lock = threading.Lock()
        self._answers: OrderedDict[Hashable, Future[Any]] = OrderedDict()
        self._edition: Edition | None = None
        self._about: tuple[Edition, dict[str, Any]] | None = None
        self.reckoned = 0
        self.reused = 0

    def edition(self) -> Edition:
        """The edition of now; a few file stamps, no file is opened."""
        marks = []
        for path in (self.root / "serving" / "current.json",
                     *(self.root / name for name in _WATCHED)):  # fmt: skip
            try:
                stamp = path.stat()
            except FileNotFoundError:
                marks.append((path.name, 0, 0))
            else:
                marks.append((path.name, stamp.st_mtime_ns, stamp.st_size))
        return Edition(tuple(marks))

    def about(self) -> dict[str, Any]:
        """What the current publication says of itself; empty without one."""
        edition = self.edition()
        if self._about is None or self._about[0] != edition:
            self._about = (edition, dict(Serving(self.root / "serving").about() or {}))
        return self._about[1]

    def ask(self, key: Hashable, question: Callable[[Answers], T]) -> T:
        """The answer to a short question; it may `need` long ones.

        Raises:
            Pending: it takes longer than anybody waits.
            CandorError: what the question raised.
        """
        return self._wait_for(self._future(self._short, ("short", key), question))

    def need(self, key: Hashable, question: Callable[[Answers], T]) -> T:
        """The answer to a long question; may be called from within a short one.

        Raises:
            Pending, CandorError: as `ask`.
        """
        return self._wait_for(self._future(self._long, ("long", key), question))

    def start(self, key: Hashable, question: Callable[[Answers], T]) -> None:
        """Begin a long question before anybody asks it."""
        self._future(self._long, ("long", key), question)

    def close(self) -> None:
        """Stop the workers; an answer being worked out is finished first."""
        for pool in (self._short, self._long):
            pool.shutdown(wait=True, cancel_futures=True)

    def _future(
        self, pool: ThreadPoolExecutor, key: Hashable, question: Callable[[Answers], T]
    ) -> Future[T]:
        edition = self.edition()
        with self._lock:
            if edition != self._edition:
                self._answers.clear()
                self._edition = edition
            found = self._answers.get(key)
            if found is not None:
                self._answers.move_to_end(key)
                self.reused += 1
                return found
            made = pool.submit(self._work, edition, question)
            self._answers[key] = made
            self.reckoned += 1
            while len(self._answers) > _KEPT:
                self._answers.popitem(last=False)
        made.add_done_callback(lambda future: self._settle(key, future))
        return made

    def _settle(self, key: Hashable, future: Future[Any]) -> None:
        """Forget what failed: a mistake may be mended, a missing file may come."""
        if future.cancelled() or future.exception() is not None:
            with self._lock:
                if self._answers.get(key) is future:
                    del self._answers[key]

    def _wait_for(self, future: Future[T]) -> T:
        try:
            return future.result(timeout=self.wait)
        except NotYet:
            if future.done():
                raise
            raise Pending from None

    def _work(self, edition: Edition, question: Callable[[Answers], T]) -> T:
        return question(self._opened(edition))

    def _opened(self, edition: Edition) -> Answers:
        """The publication as this thread has it open."""
        held = cast("tuple[Edition, Answers] | None", getattr(self._threads, "held", None))
        if held is not None and held[0] == edition:
            return held[1]
        if held is not None:
            held[1].engine.close()
            self._threads.held = None
        opened = Answers(Workspace.open(self.root))
        self._threads.held = (edition, opened)
        return opened
