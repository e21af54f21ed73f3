"""Answers of one publication, each worked out once, away from the event loop.

A question is known by its key; while somebody waits for it, others who ask the same wait for the same
answer. Short questions have a few threads, each with its own read-only opening of the publication. Long
questions go, where the server runs, to a process of their own that gives way to everybody else: what
takes seconds of Python would otherwise hold up every page. Nobody waits longer than `WAIT`; who asked
for something that takes longer is told so and asks again.

Answers are kept in an edition: one publication and the reference files beside it. When something new is
published while somebody prepares editions (see `prepare`), readers go on with the edition before until the
new one's first answers are ready, so that a publication makes nobody wait. Text is always read from the
newest: what was erased is not shown once more.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures import TimeoutError as NotYet
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from candor.answers import Answers
from candor.errors import CandorError
from candor.lake.serving import Publication, Serving
from candor.reviewing.topic_memory import FOLDER as TOPICS
from candor.reviewing.topic_memory import NAMES
from candor.web import aside
from candor.web.aside import Pending
from candor.workspace import REFERENCE_FILES, Workspace

T = TypeVar("T")
Question = tuple[Hashable, Callable[[Answers], Any]]
"""A key and what is asked."""
WAIT = 2.5
"""Seconds a request waits for an answer before it is told to ask again."""
PATIENCE = 900.0
"""Seconds for which readers stay with the edition before while a new one is prepared."""
_BLINK = 0.02
"""Seconds a worker of short questions waits for a long one before it leaves the waiting to who asked."""
_KEPT = 800
_SPAWN = multiprocessing.get_context("spawn")
_SHORT_WORKERS = 3
_LONG_PROCESSES = 2
"""One may be busy with what nobody has asked yet."""
_POINTER = "current.json"
_WATCHED = ("candor.toml", "annotations.yaml", f"{TOPICS}/{NAMES}", *REFERENCE_FILES)


class _Needs(Exception):  # noqa: N818 - it is an answer: first this one
    """A short question rests on a long one that is being worked out.

    Args:
        answer: to the long one.
    """

    def __init__(self, answer: Future[Any]) -> None:
        super().__init__()
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Edition:
    """What the answers of now rest on: the publication and the reference files beside it."""

    marks: tuple[tuple[str, int, int], ...]

    def differs_in_publication_only(self, other: Edition) -> bool:
        """Whether the same reference files stand beside another publication."""
        return self.marks[0] != other.marks[0] and self.marks[1:] == other.marks[1:]


@dataclass
class _Shelf:
    """The answers of one edition.

    Attributes:
        edition: which.
        publication: its files; None where there are none that could be opened.
        answers: by key.
        since: seconds of the monotonic clock when it was first seen.
    """

    edition: Edition
    publication: Publication | None
    answers: OrderedDict[Hashable, Future[Any]] = field(default_factory=OrderedDict)
    since: float = field(default_factory=time.monotonic)


class Desk:
    """Where pages get their answers.

    Args:
        root: folder of the workspace.
        wait: seconds a request waits.
        is_apart: work out long questions in a process of their own; those asked must then be
            functions of modules, with `functools.partial` where they take more.
    """

    def __init__(self, root: Path, *, wait: float = WAIT, is_apart: bool = False) -> None:
        self.root = root
        self.wait = wait
        self.is_apart = is_apart
        self._short = ThreadPoolExecutor(_SHORT_WORKERS, thread_name_prefix="short")
        self._ended = _SPAWN.Event()
        self._long = self._new_long()
        self._threads = threading.local()
        self._lock = threading.Lock()
        self._shown: _Shelf | None = None
        self._next: _Shelf | None = None
        self._prepares = False
        self._about: tuple[tuple[str, int, int], dict[str, Any]] | None = None
        self.reckoned = 0
        self.reused = 0

    def edition(self) -> Edition:
        """The newest edition; a few file stamps, no file is opened."""
        marks = []
        for path in (self.root / "serving" / _POINTER,
                     *(self.root / name for name in _WATCHED)):  # fmt: skip
            try:
                stamp = path.stat()
            except FileNotFoundError:
                marks.append((path.name, 0, 0))
            else:
                marks.append((path.name, stamp.st_mtime_ns, stamp.st_size))
        return Edition(tuple(marks))

    def about(self) -> dict[str, Any]:
        """What the newest publication says of itself; empty without one."""
        mark = self.edition().marks[0]
        if self._about is None or self._about[0] != mark:
            self._about = (mark, dict(Serving(self.root / "serving").about() or {}))
        return self._about[1]

    def ask(self, key: Hashable, question: Callable[[Answers], T], *, is_fresh: bool = False) -> T:
        """The answer to a short question; it may `need` long ones.

        Args:
            key: knows the question.
            question: what is asked.
            is_fresh: only the newest edition will do.

        Raises:
            Pending: it takes longer than anybody waits.
            CandorError: what the question raised.
        """
        shelf, ends = self._shelf(is_fresh=is_fresh), time.monotonic() + self.wait
        while True:
            try:
                return self._wait_for(self._future(shelf, ("short", key), question), ends)
            except _Needs as waiting:
                # It is waited for here: a worker that waited would keep it from those with short questions.
                wait([waiting.answer], timeout=max(0.0, ends - time.monotonic()))
                if not waiting.answer.done():
                    raise Pending from None

    def need(self, key: Hashable, question: Callable[[Answers], T]) -> T:
        """The answer to a long question; from within a short one, of the same edition.

        A short question that needs one which is not there yet is asked again from its beginning once it is.

        Raises:
            Pending, CandorError: as `ask`.
        """
        own = cast("_Shelf | None", getattr(self._threads, "shelf", None))
        found = self._future(own or self._shelf(), ("long", key), question)
        if own is not None and not found.done():
            wait([found], timeout=_BLINK)
            if not found.done():
                raise _Needs(found)
        return self._wait_for(found, time.monotonic() + self.wait)

    def known(self, key: Hashable) -> object | None:
        """The answer to a long question if it is there already; nothing is asked, nobody waits."""
        shelf = cast("_Shelf | None", getattr(self._threads, "shelf", None)) or self._shelf()
        with self._lock:
            found = shelf.answers.get(("long", key))
            if found is None or not found.done() or found.cancelled() or found.exception():
                return None
            shelf.answers.move_to_end(("long", key))
            return cast("object", found.result())

    def prepare(
        self,
        first: Callable[[Answers], Iterable[Question]],
        later: Callable[[Answers], Iterable[Question]],
    ) -> None:
        """Work out the first answers of the newest edition, then show it to everybody.

        From the first call on readers keep the edition before until this is done, or `PATIENCE` is over.

        Args:
            first: long questions that pages will ask.
            later: those that are worked out, one by one, once the edition is shown.
        """
        self._prepares = True
        shelf = self._shelf(is_fresh=True)
        try:
            asked = self._future(shelf, ("short", "first"), lambda answers: list(first(answers)))
            futures = [
                self._future(shelf, ("long", key), question) for key, question in asked.result()
            ]
            self._await(futures)
        except CandorError:
            # Nothing is published, or under other definitions: whoever asks is told.
            return
        finally:
            with self._lock:
                if self._next is shelf:
                    self._shown, self._next = shelf, None
        if self._ended.is_set():
            return
        known = self._future(shelf, ("short", "later"), lambda answers: list(later(answers)))
        for key, question in known.result():
            if self._ended.is_set():
                return
            # One after another: what somebody asks meanwhile finds a process free.
            self._await([self._future(shelf, ("long", key), question)])

    def _await(self, futures: list[Future[Any]]) -> None:
        """Wait until all are done, as long as anybody has patience and the desk is open."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends and not self._ended.is_set():
            # What is cancelled when a pool is shut down wakes nobody who waits for it.
            left = [future for future in futures if not future.done()]
            if not left:
                return
            wait(left, timeout=0.5)

    def close(self) -> None:
        """Stop the workers; only a short answer is finished first, where there are processes."""
        self._ended.set()
        for pool in (self._short, self._long):
            pool.shutdown(wait=True, cancel_futures=True)

    def _new_long(self) -> Executor:
        if not self.is_apart:
            return ThreadPoolExecutor(1, thread_name_prefix="long")
        return ProcessPoolExecutor(
            _LONG_PROCESSES,
            mp_context=_SPAWN,
            initializer=partial(aside.settle, self._ended),
        )

    def _shelf(self, *, is_fresh: bool = False) -> _Shelf:
        """The edition that is shown; the newest where nothing is prepared or it was asked for."""
        newest = self.edition()
        with self._lock:
            shown = self._shown
            if shown is not None and shown.edition == newest:
                self._next = None
                return shown
            if self._next is None or self._next.edition != newest:
                self._next = _Shelf(newest, self._publication())
            coming = self._next
            may_stay = (
                self._prepares
                and shown is not None
                and shown.edition.differs_in_publication_only(newest)
                and time.monotonic() - coming.since < PATIENCE
            )
            if not may_stay:
                self._shown, self._next = coming, None
                return coming
            assert shown is not None  # noqa: S101 - nothing stays where nothing was shown
            return coming if is_fresh else shown

    def _publication(self) -> Publication | None:
        try:
            return Serving(self.root / "serving").current()
        except CandorError:
            # Whoever asks is told why.
            return None

    def _future(
        self, shelf: _Shelf, key: tuple[str, Hashable], question: Callable[[Answers], T]
    ) -> Future[T]:
        with self._lock:
            found = shelf.answers.get(key)
            if found is not None:
                shelf.answers.move_to_end(key)
                self.reused += 1
                return found
            made = self._submit(shelf, question, is_long=key[0] == "long")
            shelf.answers[key] = made
            self.reckoned += 1
            while len(shelf.answers) > _KEPT:
                shelf.answers.popitem(last=False)
        made.add_done_callback(lambda future: self._settle(shelf, key, future))
        return made

    def _submit(
        self, shelf: _Shelf, question: Callable[[Answers], T], *, is_long: bool
    ) -> Future[T]:
        if not (is_long and self.is_apart):
            return (self._long if is_long else self._short).submit(self._work, shelf, question)
        order = partial(
            aside.work,
            self.root,
            shelf.edition.marks,
            None if shelf.publication is None else shelf.publication.number,
            question,
        )
        try:
            return self._long.submit(order)
        except BrokenProcessPool:
            # The process was killed, by lack of memory perhaps; another one takes its place.
            self._long = self._new_long()
            return self._long.submit(order)

    def _settle(self, shelf: _Shelf, key: Hashable, future: Future[Any]) -> None:
        """Forget what failed: a mistake may be mended, a missing file may come."""
        if self._ended.is_set():
            # A pool that is shut down cancels while it holds its own lock, which who asks now waits for under ours.
            return
        if future.cancelled() or future.exception() is not None:
            with self._lock:
                if shelf.answers.get(key) is future:
                    del shelf.answers[key]

    def _wait_for(self, future: Future[T], ends: float) -> T:
        """The answer, by an instant of the monotonic clock."""
        try:
            return future.result(timeout=max(0.0, ends - time.monotonic()))
        except NotYet:
            if future.done():
                raise
            raise Pending from None
        except BrokenProcessPool:
            raise Pending from None

    def _work(self, shelf: _Shelf, question: Callable[[Answers], T]) -> T:
        self._threads.shelf = shelf
        try:
            return question(self._opened(shelf))
        finally:
            self._threads.shelf = None

    def _opened(self, shelf: _Shelf) -> Answers:
        """The publication as this thread has it open."""
        held = cast("tuple[Edition, Answers] | None", getattr(self._threads, "held", None))
        if held is not None and held[0] == shelf.edition:
            return held[1]
        if held is not None:
            held[1].engine.close()
            self._threads.held = None
        opened = Answers(Workspace.open(self.root), shelf.publication)
        if self.is_apart:
            # Readers come many at once: each is served soonest where none takes several threads.
            opened.engine.run("set threads = 1")
        self._threads.held = (shelf.edition, opened)
        return opened
