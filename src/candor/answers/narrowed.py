"""The scorecard of a part of the conversations, and which parts there are.

The same page as for everything, for the counted metrics that the segments can narrow: figures,
targets, change against the period before, history. What rests on the whole (derived metrics, control
limits, diagnoses) is left out, never shown for another population than the page names. Targets are
those set for everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from candor import window
from candor.answers.changes import COMPARABLE
from candor.answers.period import Period
from candor.answers.snapshot import SERIES, Answers, info
from candor.estimates import Estimate
from candor.measure import MeasureCell
from candor.metrics import query
from candor.metrics.compile import text_literal
from candor.metrics.definition import Definition
from candor.settings import SEGMENTS
from candor.verdicts.scorecard import NEEDS_FIGURE, MetricEntry, Scorecard, build

MOST_VALUES = 60
"""Values of a segment that are offered for choice, the most frequent first."""
_MONTH_US, _MOST_OTHERS = 30 * 86_400_000_000, 20
RECENT = (
    "conversation", "day", "channel", "intent", "path", "truly_resolved", "silent_failure",
    "escalated",
)  # fmt: skip
"""What is told of a conversation in a list."""


def narrowed(
    answers: Answers, period: Period, where: Mapping[str, str | None], only: str = ""
) -> Scorecard:
    """The scorecard of the conversations with these values.

    Args:
        answers: an opened publication.
        period: the days it is about.
        where: segment to value; None asks for those where it is not known.
        only: the one metric that is wanted, with what it must stand beside; all when left out.
    """
    wanted = set(where)
    known = answers.catalogue.definitions
    kept = _beside(known, only) if only in known else set(known)
    definitions = [
        item
        for item in answers.catalogue.definitions.values()
        if wanted <= set(query.dimensions(item)) and item.name in kept
    ]
    cells = _cells(answers, definitions, period, where)
    before = period.before()
    earlier = _cells(answers, definitions, before, where) if before else {}
    histories = history(answers, [item.name for item in definitions], period, where)
    entries = []
    for item in definitions:
        cell = cells.get(item.name)
        if cell is None:
            continue
        made, old = answers.made(cell), earlier.get(item.name)
        entries.append(
            MetricEntry(
                info(item), made[0],
                previous=answers.made(old)[0] if old is not None else None,
                change=answers.change_of(item, cell, old)
                if old is not None and item.estimator in COMPARABLE else None,
                series=answers.judgements.alike(made[0], histories.get(item.name, ())),
                also=tuple(made[1:]),
            )
        )  # fmt: skip
    return build(
        entries, answers.reckoner.targets,
        title=answers.workspace.settings.workspace.name, period=period.words, grain=period.grain,
        data_health=answers.about["data_health"], snapshot=answers.snapshot, as_of=answers.as_of,
        currency=answers.workspace.settings.workspace.currency,
    )  # fmt: skip


def _beside(known: Mapping[str, Definition], name: str) -> set[str]:
    """A metric and everything it is never shown without."""
    found, left = set[str](), [name]
    while left:
        one = left.pop()
        if one in known and one not in found:
            found.add(one)
            left += [*known[one].shown_with, NEEDS_FIGURE.get(one, "")]
    return found


def _cells(
    answers: Answers,
    definitions: Sequence[Definition],
    period: Period,
    where: Mapping[str, str | None],
) -> dict[str, MeasureCell]:
    found = answers.asked.cells(definitions, since=period.since, until=period.until, where=where)
    return {cell.metric: cell for cell in found}


def history(
    answers: Answers, names: list[str], period: Period, where: Mapping[str, str | None]
) -> dict[str, list[Estimate]]:
    """The periods drawn beside figures of a period, by metric, oldest first.

    Args:
        answers: an opened publication.
        names: counted metrics that the segments can narrow.
        period: the days the figures are about; a history of everything ends with the data.
        where: segment to value.
    """
    end = period.until
    if end is None:
        bounds = answers.reckoner.bounds
        if bounds is None:
            return {}
        end = bounds[1]
    grain, count = SERIES.get(period.grain, ("week", 13))
    last = window.period_start(end - 1, grain)
    start = last
    for _ in range(count - 1):
        start = window.period_start(start - 1, grain)
    cells = answers.asked.cells(
        [answers.catalogue.definitions[name] for name in names],
        grain=grain, since=start, until=window.period_end(last, grain), where=where,
    )  # fmt: skip
    found: dict[str, list[Estimate]] = {}
    for cell in cells:
        if cell.period_start is not None:
            found.setdefault(cell.metric, []).append(answers.made(cell)[0])
    return found


def choices(answers: Answers) -> dict[str, tuple[str | None, ...]]:
    """The values of every segment that tells conversations apart, the most frequent first."""
    found = {}
    for name in SEGMENTS:
        rows = answers.engine.rows(
            f"select {name}, count(*) from conversation group by {name}"
            f" order by count(*) desc, {name} nulls last limit {MOST_VALUES}"
        )
        if len(rows) > 1:
            found[name] = tuple(None if row[0] is None else str(row[0]) for row in rows)
    return found


def recent(
    answers: Answers, start: str, where: Mapping[str, str | None], limit: int
) -> list[dict[str, Any]]:
    """Conversations, the latest first, without their text.

    Args:
        answers: an opened publication.
        start: how their id begins; "" for all.
        where: segment to value.
        limit: most conversations.
    """
    unknown = sorted(set(where) - set(SEGMENTS))
    if unknown:
        raise ValueError(f"{unknown} are no segments")
    parts = ["not is_test", *(_is(name, value) for name, value in sorted(where.items()))]
    if start:
        parts.append(f"starts_with(conversation_id, {text_literal(start)})")
    rows = answers.engine.rows(
        "select conversation_id, day, channel, intent_id, path, true_resolution, silent_failure,"
        f" escalated from conversation where {' and '.join(parts)}"
        f" order by started_at desc, conversation_id limit {int(limit)}"
    )
    return [
        {**dict(zip(RECENT, row, strict=True)), "day": window.to_date(row[1]).isoformat()}
        for row in rows
    ]


def others(
    answers: Answers, conversations: Sequence[str], where: Mapping[str, str | None]
) -> list[dict[str, Any]]:
    """The other conversations of the same person within a month, on any channel, oldest first.

    Args:
        answers: an opened publication.
        conversations: whose person is meant; of an unknown one nothing is found.
        where: segment to value they are confined to.
    """
    listed = ", ".join(text_literal(one) for one in conversations)
    if not listed:
        return []
    parts = [f"other.{_is(name, value)}" for name, value in sorted(where.items())]
    rows = answers.engine.rows(
        "select other.conversation_id, other.day, other.channel, other.intent_id, other.path,"
        " other.true_resolution, other.silent_failure, other.escalated from conversation as other"
        " join (select person_key, min(started_at) as first, max(started_at) as last from conversation"
        f" where conversation_id in ({listed}) and customer_known group by person_key) as own"
        " on own.person_key = other.person_key"
        f" where other.conversation_id not in ({listed})"
        f" and other.started_at between own.first - {_MONTH_US} and own.last + {_MONTH_US}"
        f"{''.join(f' and {part}' for part in parts)}"
        f" order by other.started_at, other.conversation_id limit {_MOST_OTHERS}"
    )
    return [
        {**dict(zip(RECENT, row, strict=True)), "day": window.to_date(row[1]).isoformat()}
        for row in rows
    ]


def _is(name: str, value: str | None) -> str:
    return f"{name} is null" if value is None else f"{name} = {text_literal(value)}"
