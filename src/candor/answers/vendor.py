"""The vendor questionnaire: what a buyer should ask, answered from the buyer's own data.

Every answer is a figure with its interval, a count of events, or "your data cannot say" with what to
ask for. Nothing is taken from a vendor's summary, and no answer is given that the data do not hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Literal

from candor import window
from candor.answers.pages_reading import Part, read
from candor.answers.period import SETTLING_DAYS
from candor.answers.snapshot import Answers
from candor.errors import CandorError
from candor.estimates.estimate import Estimate

State = Literal["answered", "partly", "cannot_say"]
WORDS: dict[State, str] = {
    "answered": "Answered from your data",
    "partly": "Answered in part",
    "cannot_say": "Your data cannot say",
}
_MOST = 8
"""Members of a breakdown that are listed."""


class Source(Part):
    """Where an answer comes from.

    Attributes:
        metrics: figures that answer it.
        definition: metric whose rule is quoted.
        bounds: adds what is confirmed, assumed and unknown.
        by, of: one metric broken down by a dimension.
        events: event types whose presence answers it.
    """

    metrics: tuple[str, ...] = ()
    definition: str = ""
    bounds: bool = False
    by: str = ""
    of: str = ""
    events: tuple[str, ...] = ()


class Question(Part):
    """One question to a vendor."""

    ask: str
    why: str
    answer: Source
    ask_for: str


class Topic(Part):
    """Questions about one thing."""

    name: str
    title: str
    questions: tuple[Question, ...]


class Questionnaire(Part):
    """Every question."""

    topics: tuple[Topic, ...]

    def metrics(self) -> frozenset[str]:
        """Every metric named."""
        sources = [question.answer for topic in self.topics for question in topic.questions]
        named = {name for one in sources for name in (*one.metrics, one.definition, one.of)}
        return frozenset(named - {""})


@dataclass(frozen=True, slots=True)
class Reply:
    """What the data answer to one question.

    Attributes:
        question: the question.
        state: answered, partly or cannot_say.
        figures: estimates of the metrics named, refused ones included.
        members: estimates of the breakdown, by size.
        rule: definition in words, where it was asked for.
        events: event type to the number stored, where that was asked for.
    """

    question: Question
    state: State
    figures: tuple[Estimate, ...]
    members: tuple[Estimate, ...]
    rule: str
    events: tuple[tuple[str, int], ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "question": self.question.ask,
            "why": self.question.why,
            "state": self.state,
            "rule": self.rule,
            "figures": [estimate.as_row() for estimate in self.figures],
            "by_segment": [estimate.as_row() for estimate in self.members],
            "events": dict(self.events),
            "ask_for": self.question.ask_for,
        }


@dataclass(frozen=True, slots=True)
class VendorReport:
    """The questionnaire with its replies.

    Attributes:
        topics: topic and its replies.
        period: days the figures are about, in words.
        titles: metric to its title.
    """

    topics: tuple[tuple[Topic, tuple[Reply, ...]], ...]
    period: str
    titles: dict[str, str]
    snapshot: str
    as_of: str
    data_health: dict[str, Any]

    @property
    def replies(self) -> tuple[Reply, ...]:
        """Every reply, in reading order."""
        return tuple(reply for _, replies in self.topics for reply in replies)

    def count(self, state: State) -> int:
        """How many questions stand so."""
        return sum(reply.state == state for reply in self.replies)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for ``--json``."""
        return {
            "period": self.period,
            "topics": [
                {
                    "topic": topic.name,
                    "title": topic.title,
                    "questions": [reply.as_dict() for reply in replies],
                }
                for topic, replies in self.topics
            ],
            "snapshot": self.snapshot,
            "as_of": self.as_of,
            "data_health": self.data_health,
        }


@cache
def questionnaire() -> Questionnaire:
    """The questions."""
    return Questionnaire.model_validate(read("vendor"))


def vendor_report(
    answers: Answers, *, since: str | None = None, until: str | None = None
) -> VendorReport:
    """Answer every question from a publication.

    Args:
        answers: the opened publication.
        since: first reporting day (ISO); default the first with data.
        until: day after the last; default the last day whose usual windows have closed.

    Raises:
        CandorError: a date that is none.
    """
    if until is None:
        until = _settled(answers)
    asked = questionnaire()
    known = [name for name in sorted(asked.metrics()) if name in answers.catalogue]
    found: dict[str, Estimate] = {}
    for estimate in answers.estimates(known, since=since, until=until).estimates:
        found.setdefault(estimate.metric, estimate)  # the first of several quantiles
    topics = tuple(
        (topic, tuple(_reply(answers, one, found, since, until) for one in topic.questions))
        for topic in asked.topics
    )
    return VendorReport(
        topics,
        period=_period(since, until),
        titles={item.name: item.title for item in answers.catalogue.every},
        snapshot=answers.snapshot,
        as_of=answers.as_of,
        data_health=dict(answers.about["data_health"]),
    )


def _reply(
    answers: Answers,
    question: Question,
    found: dict[str, Estimate],
    since: str | None,
    until: str | None,
) -> Reply:
    source = question.answer
    figures = tuple(found[name] for name in source.metrics if name in found)
    members = _members(answers, source, since, until)
    stored = answers.about["data_health"]["events"]
    events = tuple((name, int(stored.get(name, 0))) for name in source.events)
    rule = ""
    if source.definition in answers.catalogue:
        item = answers.catalogue.find(source.definition)
        rule = f"Here: {item.confirmation} {item.caveat}"
    return Reply(question, _state(source, figures, members, events), figures, members, rule, events)


def _members(
    answers: Answers, source: Source, since: str | None, until: str | None
) -> tuple[Estimate, ...]:
    if not source.by or source.of not in answers.catalogue:
        return ()
    try:
        rows = answers.estimates([source.of], by=(source.by,), since=since, until=until).estimates
    except CandorError:
        # The metric has no such dimension in this catalogue.
        return ()
    given = [row for row in rows if row.point is not None and row.segment.get(source.by)]
    given.sort(key=lambda row: (-row.observed, str(row.segment.get(source.by))))
    return tuple(given[:_MOST])


def _state(
    source: Source,
    figures: Sequence[Estimate],
    members: Sequence[Estimate],
    events: Sequence[tuple[str, int]],
) -> State:
    """Answered when everything that was asked for is there."""
    there = [estimate.point is not None for estimate in figures]
    there += [False] * (len(source.metrics) - len(figures))
    if source.by:
        there.append(len(members) > 1)
    there += [count > 0 for _, count in events]
    if all(there):
        return "answered"
    return "partly" if any(there) else "cannot_say"


def _settled(answers: Answers) -> str | None:
    """The day after the last whose usual windows have closed; None where that leaves nothing."""
    bounds = answers.reckoner.bounds
    if bounds is None:
        return None
    zone = answers.workspace.settings.workspace.timezone
    last = window.day_of(int(answers.about["horizon_us"]), zone) - SETTLING_DAYS
    return window.to_date(last).isoformat() if last > bounds[0] else None


def _period(since: str | None, until: str | None) -> str:
    start = f"from {since} " if since is not None else ""
    if until is None:
        return start.strip() or "all data"
    last = window.to_date(window.to_day(date.fromisoformat(until)) - 1)
    return f"{start}up to {last.day} {last:%B %Y}"
