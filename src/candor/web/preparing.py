"""What pages will ask of a new edition, worked out before anybody asks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from functools import partial

from candor.answers import Answers, teamwork
from candor.answers.claims import check_claims
from candor.answers.narrowed import choices
from candor.answers.resolution import compare_rules
from candor.answers.topics import topics
from candor.web.asked import GRAINS
from candor.web.desk import Question
from candor.web.site import Site
from candor.web.views import health, metric, packs
from candor.web.views import teamwork as pages
from candor.web.views.scorecard import card_question

_CHANNELS = 4
log = logging.getLogger("candor.web")


class Warmer(threading.Thread):
    """Prepares every new edition once.

    Args:
        site: the server.
        every: seconds between two looks at the file stamps.
    """

    def __init__(self, site: Site, every: float = 2.0) -> None:
        super().__init__(name="warmer", daemon=True)
        self.site, self.every = site, every
        self._ended = threading.Event()

    def run(self) -> None:
        """Look, and prepare each edition once."""
        seen = None
        while not self._ended.is_set():
            edition = self.site.desk.edition()
            if edition != seen:
                seen = edition
                try:
                    self.site.desk.prepare(first, later)
                except Exception:
                    log.exception("the first pages could not be prepared")
            self._ended.wait(self.every)

    def stop(self) -> None:
        """End it; waits for what is going on."""
        self._ended.set()
        self.join()


def first(answers: Answers) -> Iterator[Question]:
    """What the pages of the navigation need."""
    period = answers.period()
    yield card_question(period)
    yield "book", metric.whole_book
    yield "choices", choices
    yield "rules", compare_rules
    yield ("claims", ()), partial(check_claims, by=())
    yield "doctor", health.examined
    yield ("releases", period), partial(teamwork.releases, period=period)
    yield "plan", packs.planned
    yield "vendor", packs.questioned
    yield ("topics", period), partial(topics, period=period)
    for names, by in pages.ASKED:
        yield pages.question(names, by, period)
    yield pages.question(("fairness_gap",), (), pages.EVERYTHING)
    for cadence in packs.CADENCES:
        yield packs.review_question(cadence)


def later(answers: Answers) -> Iterator[Question]:
    """What is one click away: breakdowns, scorecards of the other grains and of each channel."""
    shown = answers.period()
    yield from metric.prepared(answers, shown)
    for grain in GRAINS:
        period = answers.period(grain=grain)
        if period != shown:
            yield card_question(period)
    for channel in choices(answers).get("channel", ())[:_CHANNELS]:
        yield card_question(shown, {"channel": channel})
