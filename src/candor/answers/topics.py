"""Stored topics and what became of their conversations: size, share, history, outcomes, gaps.

Topics are found by `candor topics --store`, apart from any publication, so every answer says up to when they were
looked for; conversations after that are in none and count in no share. A conversation of a topic is counted by the
same codes as the metric's own figure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from candor import window
from candor.answers.period import Period
from candor.answers.snapshot import SERIES, Answers
from candor.estimates import Estimate, make
from candor.measure import BucketSums, MeasureCell
from candor.metrics import compile as sql
from candor.metrics.definition import Definition
from candor.metrics.plan import Codes, codes_of, plan
from candor.reviewing.topic_memory import FOLDER, Kept, kept_topics, members

FIGURES = ("true_resolution_rate", "containment_rate", "escalation_rate")
LATEST = 8
"""Conversations of a topic that are listed."""
_MEMBER = "topic_member"
_CONTACTS = "engaged and not is_test and not is_spam"
_SAID_SQL = """
select c.conversation_id, t.text
from text.timeline as t
inner join conversation as c on t.thread_key = c.thread_key
where t.kind = 'message' and t.actor = 'customer' and t.is_public and t.text is not null
    and t.occurred_at >= c.first_customer_at and c.conversation_id in ({names})
    and t.thread_key in (select o.thread_key from conversation as o where o.conversation_id in ({names}))
qualify row_number() over (partition by c.conversation_id order by t.occurred_at, t.event_key) = 1
order by c.conversation_id
"""


@dataclass(frozen=True, slots=True)
class Topic:
    """A stored topic in a period.

    Attributes:
        topic: id. parent: of the upper topic. terms, parent_terms: that tell them apart.
        since_us, seen_us: how far the data reached when it was first and last found (microseconds UTC).
        is_new: first found by the last run, while others are older. is_gone: not found by the last run.
        conversations, before: in the period, and in the one before it; None without one.
        history: conversations of each period of `Book.history`.
        customers: distinct ones of the period.
        figures: metric to its figure over the topic's conversations of the period.
        novel: requests of the period called novel, of those that were judged.
        gaps: gaps opened from it: id and how they stand, open ones first.
    """

    topic: str
    parent: str
    terms: tuple[str, ...]
    parent_terms: tuple[str, ...]
    since_us: int | None
    seen_us: int | None
    is_new: bool
    is_gone: bool
    conversations: int
    before: int | None
    history: tuple[int, ...]
    customers: int
    figures: Mapping[str, Estimate]
    novel: tuple[int, int]
    gaps: tuple[tuple[str, str], ...]

    @property
    def title(self) -> str:
        """Its clearest terms, or its id."""
        return ", ".join(self.terms[:4]) or self.topic


@dataclass(frozen=True, slots=True)
class Book:
    """Every stored topic in a period.

    Attributes:
        period: the days.
        topics: those of the last run, largest first, then those that are gone.
        asked, asked_before: conversations that were looked at, in the period and in the one before.
        history: first days of the periods drawn, oldest first, and the conversations looked at in each.
        seen_us: how far the data reached when topics were last looked for; None where unknown.
    """

    period: Period
    topics: tuple[Topic, ...] = ()
    asked: int = 0
    asked_before: int | None = None
    history: tuple[tuple[int, int], ...] = ()
    seen_us: int | None = None


@dataclass
class _Counted:
    """One metric over one topic, as it is added up."""

    by_bucket: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    unknown: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    excluded: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    confirmed: int = 0
    customers: int = 0


def topics(answers: Answers, period: Period) -> Book:
    """Every stored topic in a period; no topics where none were ever stored.

    Raises:
        CandorError: ``topics.damaged``.
    """
    kept, _ = kept_topics(answers.workspace.root / FOLDER)
    if not kept:
        return Book(period)
    seen = max((one.seen_us for one in kept if one.seen_us is not None), default=None)
    began = [one.since_us for one in kept if one.since_us is not None]
    with _members(answers):
        days = _days(answers, seen)
        people, counted = _counted(answers, period)
        novel = _novel(answers, period)
    grain, starts = _periods(answers, period)
    earlier = period.before()
    gaps = _gaps(answers)
    found = []
    for one in kept:
        name = one.topic
        own = days.get(name, {})
        found.append(
            Topic(
                name, one.parent, one.terms or _heaviest(one), one.parent_terms, one.since_us,
                one.seen_us,
                is_new=one.since_us is not None and one.since_us == seen and min(began) < one.since_us,
                is_gone=one.seen_us != seen,
                conversations=_within(own, period),
                before=None if earlier is None else _within(own, earlier),
                history=tuple(_of(own, start, grain) for start in starts),
                customers=people.get(name, 0), figures=counted.get(name, {}),
                novel=novel.get(name, (0, 0)), gaps=gaps.get(name, ()),
            )
        )  # fmt: skip
    found.sort(key=lambda one: (one.is_gone, -one.conversations, -sum(one.history), one.topic))
    whole = days.get(None, {})
    return Book(
        period, tuple(found), _within(whole, period),
        None if earlier is None else _within(whole, earlier),
        tuple((start, _of(whole, start, grain)) for start in starts), seen,
    )  # fmt: skip


def latest(answers: Answers, topic: str, period: Period) -> list[dict[str, Any]]:
    """Conversations of a topic in a period, the latest first, without their text."""
    scope = answers.reckoner.scope("conversation", period, {}, "c.")
    with _members(answers, topic):
        rows = answers.engine.rows(
            "select c.conversation_id, c.thread_id, c.day, c.channel, c.path, c.true_resolution, c.escalated"
            f" from conversation as c join {_MEMBER} as m on m.conversation_key = c.conversation_key"
            f" where {scope} order by c.started_at desc, c.conversation_id limit {LATEST}"
        )
    names = ("conversation", "thread", "day", "channel", "path", "truly_resolved", "escalated")
    return [
        {**dict(zip(names, row, strict=True)), "day": window.to_date(row[2]).isoformat()}
        for row in rows
    ]


def first_words(answers: Answers, conversations: Sequence[str]) -> dict[str, str]:
    """What customers wrote first in conversations, redacted."""
    if not conversations:
        return {}
    names = ", ".join(sql.text_literal(one) for one in conversations)
    path = str(answers.publication.text).replace("'", "''")
    answers.engine.run(f"attach if not exists '{path}' as text (read_only)")
    try:
        return {str(name): str(text)
                for name, text in answers.engine.rows(_SAID_SQL.format(names=names))}  # fmt: skip
    finally:
        answers.engine.run("detach text")


@contextmanager
def _members(answers: Answers, topic: str | None = None) -> Iterator[None]:
    """Conversations of topics as a table, meanwhile."""
    connection = answers.engine.connection
    connection.register(_MEMBER, members(answers.workspace.root / FOLDER, topic))
    try:
        yield
    finally:
        connection.unregister(_MEMBER)


def _days(answers: Answers, seen: int | None) -> dict[str | None, dict[int, int]]:
    """Conversations by day of every topic, and of None all that were looked at."""
    looked = (
        "" if seen is None else f" and coalesce(c.first_customer_at, c.started_at) <= {int(seen)}"
    )
    rows = answers.engine.rows(
        f"select m.topic, c.day, count(*) from conversation as c join {_MEMBER} as m"
        f" on m.conversation_key = c.conversation_key where {_CONTACTS} group by m.topic, c.day"
        f" union all select null, c.day, count(*) from conversation as c where {_CONTACTS}{looked}"
        " group by c.day order by 1, 2"
    )
    found: dict[str | None, dict[int, int]] = defaultdict(dict)
    for topic, day, count in rows:
        found[topic][int(day)] = int(count)
    return found


def _counted(
    answers: Answers, period: Period
) -> tuple[dict[str, int], dict[str, dict[str, Estimate]]]:
    """Customers and every figure of every topic that has conversations in the period."""
    known = answers.catalogue.definitions
    wanted = [known[name] for name in FIGURES]
    lacking = answers.asked.lacking(wanted)
    ready = [one for one in wanted if not lacking[one.name]]
    scope = sql.Scope(since=period.since, until=period.until)
    coded = sql.coded(
        plan("conversation", ready, anonymous=False), scope, extra=("conversation_key",)
    )
    joined = (
        f"from ({coded}) as unit join {_MEMBER} as m on m.conversation_key = unit.conversation_key"
    )
    codes = "".join(f", unit.c{at}" for at in range(len(ready)))
    known_to = "".join(
        f", count(distinct case when unit.c{at} >= {codes_of(one).known} then unit.person_key end)"
        for at, one in enumerate(ready)
    )
    found: dict[str, list[_Counted]] = defaultdict(lambda: [_Counted() for _ in ready])
    for topic, bucket, *row in answers.engine.rows(
        f"select m.topic, unit.bucket, count(*){codes} {joined} group by m.topic, unit.bucket{codes}"
        " order by all"
    ):
        for part, one, code in zip(found[topic], ready, row[1:], strict=True):
            _add(part, codes_of(one), int(bucket), int(code), int(row[0]))
    people: dict[str, int] = {}
    for topic, every, *row in answers.engine.rows(
        f"select m.topic, count(distinct unit.person_key){known_to} {joined}"
        " group by m.topic order by m.topic"
    ):
        people[topic] = int(every)
        for part, count in zip(found[topic], row, strict=True):
            part.customers = int(count)
    return people, {
        topic: {
            one.name: _estimate(answers, one, period, part)
            for one, part in zip(ready, parts, strict=True)
        }
        for topic, parts in found.items()
    }


def _novel(answers: Answers, period: Period) -> dict[str, tuple[int, int]]:
    """Requests of each topic's conversations that were called novel, of those that were judged."""
    scope = answers.reckoner.scope("intent_attempt", period, {}, "i.")
    rows = answers.engine.rows(
        "select m.topic, count(*) filter (i.novel_detected), count(*) from intent_attempt as i"
        f" join {_MEMBER} as m on m.conversation_key = i.conversation_key"
        f" where {scope} and i.is_first and i.novel_detected is not null group by m.topic order by m.topic"
    )
    return {str(topic): (int(novel), int(judged)) for topic, novel, judged in rows}


def _add(part: _Counted, codes: Codes, bucket: int, code: int, count: int) -> None:
    state, reason = codes.state(code)
    if state == "unknown":
        part.unknown[reason] += count
    elif state == "excluded":
        part.excluded[reason] += count
    elif state != "outside":
        part.by_bucket[bucket][0] += count
        part.by_bucket[bucket][1] += count if state in ("true", "confirmed") else 0
        part.confirmed += count if state == "confirmed" else 0


def _estimate(answers: Answers, definition: Definition, period: Period, part: _Counted) -> Estimate:
    cell = MeasureCell(
        definition.name, definition.id, "all", None, None, {},
        eligible=sum(n for n, _ in part.by_bucket.values()) + sum(part.unknown.values()),
        unknown=dict(part.unknown), excluded=dict(part.excluded),
        buckets={b: BucketSums(n, t, t, n, n, t) for b, (n, t) in sorted(part.by_bucket.items())},
        customers=part.customers,
        confirmed=part.confirmed if definition.confirmed is not None else None,
        since=period.since, until=period.until,
    )  # fmt: skip
    # People's labels are drawn for the whole, not for a topic: the figure stands as it was counted.
    return make(
        cell, estimator=definition.estimator, unit=definition.measured_in,
        level=answers.workspace.settings.estimates.level, evidence=definition.evidence,
        snapshot=answers.snapshot, as_of=answers.as_of, thresholds=answers.thresholds,
    )  # fmt: skip


def _periods(answers: Answers, period: Period) -> tuple[str, list[int]]:
    """Grain and first days of the periods drawn, ending with the period, as beside other figures."""
    bounds = answers.reckoner.bounds
    if bounds is None:
        return "week", []
    grain, count = SERIES.get(period.grain, ("week", 13))
    end = period.until or bounds[1]
    starts = [window.period_start(end - 1, grain)]
    while len(starts) < count and starts[-1] > bounds[0]:
        starts.append(window.period_start(starts[-1] - 1, grain))
    return grain, starts[::-1]


def _gaps(answers: Answers) -> dict[str, tuple[tuple[str, str], ...]]:
    """Gaps by the topic they were opened from."""
    rows = answers.engine.rows(
        "select split_part(gap_id, '-', 2), gap_id, status from gap where starts_with(gap_id, 'topic-')"
        " order by case status when 'open' then 0 else 1 end, opened_at desc, gap_id"
    )
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for topic, gap, status in rows:
        found[str(topic)] = (*found.get(str(topic), ()), (str(gap), str(status)))
    return found


def _heaviest(kept: Kept) -> tuple[str, ...]:
    """Terms of a topic that was stored without them: its weightiest."""
    return tuple(sorted(kept.profile, key=lambda term: (-kept.profile[term], term))[:8])


def _within(days: Mapping[int, int], period: Period) -> int:
    return sum(
        count for day, count in days.items()
        if (period.since is None or day >= period.since)
        and (period.until is None or day < period.until)
    )  # fmt: skip


def _of(days: Mapping[int, int], start: int, grain: str) -> int:
    end = window.period_end(start, grain)
    return sum(count for day, count in days.items() if start <= day < end)
