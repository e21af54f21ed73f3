"""Answers are worked out once, apart from each other, and forgotten when they are old."""

from __future__ import annotations

import os
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from candor.answers import Answers
from candor.errors import CandorError
from candor.web.aside import Pending
from candor.web.desk import Desk, Edition
from candor.web.preparing import Warmer
from candor.web.site import Site


@pytest.fixture
def fresh(root: Path):
    opened = Desk(root, wait=0.2)
    yield opened
    opened.close()


def test_many_who_ask_the_same_get_one_answer(root: Path) -> None:
    desk, asked, got = Desk(root, wait=20), [], []
    gate = threading.Event()

    def question(answers: Answers) -> str:
        asked.append(threading.current_thread().name)
        gate.wait(10)
        return answers.snapshot

    threads = [
        threading.Thread(target=lambda: got.append(desk.need("card", question))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()
    assert len(asked) == 1
    assert asked[0].startswith("long")
    assert len(set(got)) == 1
    assert len(got) == 8
    assert (desk.reckoned, desk.reused) == (1, 7)
    desk.close()


def test_a_long_question_does_not_stand_in_the_way_of_short_ones(fresh: Desk) -> None:
    gate = threading.Event()
    with pytest.raises(Pending):
        fresh.need("long", lambda _: gate.wait(10))
    assert fresh.ask("short", lambda answers: answers.publication.number) == 1
    gate.set()
    fresh.wait = 10
    assert fresh.need("long", lambda _: gate.wait(10)) is True


def test_a_short_question_that_needs_a_pending_one_is_asked_again_later(fresh: Desk) -> None:
    gate = threading.Event()

    def page(_: Answers) -> bool:
        return fresh.need("card", lambda _: gate.wait(10))

    with pytest.raises(Pending):
        fresh.ask("page", page)
    gate.set()
    fresh.wait = 10
    assert fresh.ask("page", page) is True


def test_a_mistake_is_told_and_not_remembered(fresh: Desk) -> None:
    fresh.wait = 10
    tries = []

    def question(_: Answers) -> int:
        tries.append(1)
        if len(tries) == 1:
            raise CandorError("usage.date", "no date")
        return 7

    with pytest.raises(CandorError):
        fresh.ask("page", question)
    assert fresh.ask("page", question) == 7


def test_a_question_that_runs_out_of_time_itself_is_a_fault_not_a_wait(fresh: Desk) -> None:
    def question(_: Answers) -> int:
        raise TimeoutError

    fresh.wait = 60  # On a busy machine opening the publication takes longer than a reader waits.
    with pytest.raises(TimeoutError):
        fresh.ask("page", question)


def test_a_new_publication_or_an_edited_reference_file_makes_answers_old(
    fresh: Desk, root: Path
) -> None:
    fresh.wait = 10
    assert fresh.ask("page", lambda _: 1) == 1
    assert fresh.ask("page", lambda _: 2) == 1
    targets = root / "targets.yaml"
    stamp = targets.stat()
    try:
        os.utime(targets, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1))
        assert fresh.ask("page", lambda _: 3) == 3
    finally:
        os.utime(targets, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def test_what_has_not_been_measured_says_so(tmp_path: Path) -> None:
    from candor import pipeline

    pipeline.initialise(tmp_path / "new", [])
    desk = Desk(tmp_path / "new", wait=10)
    with pytest.raises(CandorError, match="nothing has been measured"):
        desk.ask("page", lambda _: 1)
    assert desk.about() == {}
    desk.close()


def test_each_edition_is_prepared_once(site: Site) -> None:
    class Told:
        """Counts what is prepared."""

        def __init__(self) -> None:
            self.number, self.prepared = 0, []

        def edition(self) -> int:
            return self.number

        def prepare(self, *_: object) -> None:
            self.prepared.append(self.number)

    told = Told()
    site.desk = told
    warmer = Warmer(site, every=0.01)
    warmer.start()

    def waits_for(count: int) -> None:
        for _ in range(500):
            if len(told.prepared) >= count:
                break
            time.sleep(0.02)

    waits_for(1)
    told.number = 1
    waits_for(2)
    time.sleep(0.1)
    warmer.stop()
    assert told.prepared == [0, 1]


def published_again(desk: Desk, number: int) -> None:
    """Make the desk see another publication of the same content."""
    real = Desk.edition

    def edition(self: Desk) -> Edition:
        marks = real(self).marks
        return Edition(((marks[0][0], number, 0), *marks[1:]))

    desk.edition = edition.__get__(desk)


def test_readers_stay_with_the_edition_before_until_the_new_one_is_prepared(fresh: Desk) -> None:
    fresh.wait = 60
    gate = threading.Event()

    def first(_: Answers):
        yield "card", lambda _: gate.wait(30) and "new card"

    fresh.need("card", lambda _: "old card")
    fresh.prepare(lambda _: (), lambda _: ())
    published_again(fresh, 1)
    preparing = threading.Thread(target=fresh.prepare, args=(first, lambda _: ()))
    preparing.start()
    try:
        # A page of the old edition asks the old card, also while the new one is worked out.
        assert (
            fresh.ask("page", lambda _: fresh.need("card", lambda _: "asked again")) == "old card"
        )
        # Text is never read from the edition before.
        assert fresh.ask("text", lambda _: "new text", is_fresh=True) == "new text"
        assert fresh.ask("text", lambda _: "old text") == "old text"
    finally:
        gate.set()
        preparing.join()
    assert fresh.need("card", lambda _: "asked again") == "new card"
    assert fresh.ask("text", lambda _: "asked again") == "new text"


def test_an_edition_that_cannot_be_prepared_in_time_is_shown_unprepared(
    fresh: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh.wait = 60
    fresh.prepare(lambda _: (), lambda _: ())
    assert fresh.ask("page", lambda _: "old") == "old"
    monkeypatch.setattr("candor.web.desk.PATIENCE", 0.0)
    published_again(fresh, 1)
    assert fresh.ask("page", lambda _: "new") == "new"


def test_a_question_apart_brings_back_answers_and_mistakes(root: Path) -> None:
    desk = Desk(root, wait=120, is_apart=True)
    try:
        period = desk.need("period", Answers.period)
        assert period == desk.ask("period", Answers.period)
        with pytest.raises(CandorError, match="is not a date") as told:
            desk.need("wrong", partial(Answers.period, until="tomorrow"))
        assert told.value.exit_code == 2
    finally:
        desk.close()


def test_a_desk_closes_at_once_whatever_is_being_worked_out(root: Path) -> None:
    desk = Desk(root, wait=120, is_apart=True)
    assert desk.need("period", Answers.period) is not None
    questions = [(number, partial(_slow, number=number)) for number in range(6)]
    preparing = threading.Thread(target=desk.prepare, args=(lambda _: questions, lambda _: ()))
    preparing.start()
    time.sleep(1)
    began = time.monotonic()
    desk.close()
    preparing.join(20)
    assert not preparing.is_alive()
    assert time.monotonic() - began < 30, "each question takes a minute"


def _slow(_: Answers, number: int) -> int:
    time.sleep(60)
    return number
