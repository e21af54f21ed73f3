"""How the AI and people share the work: handoffs needed and made, who leaves when, who takes help.

Reads only. Counts come with their customers, so that small groups can be left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from candor.answers.changes import Changes
from candor.answers.contrasts import of_releases
from candor.estimates import Estimate, Reckoning
from candor.estimates.ratio import bucket_ratio
from candor.metrics.definition import Definition
from candor.verdicts.departures import Contrast, departures
from candor.verdicts.findings import Finding
from candor.window import to_date

if TYPE_CHECKING:
    from candor.answers.changes import Release
    from candor.answers.period import Period
    from candor.answers.snapshot import Answers

TENURES = {"under_90d": "under 90 days", "90d_to_1y": "90 days to a year", "over_1y": "over a year"}
_BAND = (
    "case when tenure_days < 90 then 'under_90d' when tenure_days < 365 then '90d_to_1y'"
    " when tenure_days >= 365 then 'over_1y' else 'unknown' end as band"
)
NEEDS = ("needed", "not needed", "not known")
MADE = ("handed over", "asked, nobody came", "not handed over")


@dataclass(frozen=True, slots=True)
class Group:
    """Conversations, and the customers they are of."""

    units: int
    customers: int


@dataclass(frozen=True, slots=True)
class Taken:
    """Suggestions people used, of one tenure."""

    tenure: str
    units: int
    customers: int
    found: Reckoning


@dataclass(frozen=True, slots=True)
class Compared:
    """Every release against the one before it, and what came out as a finding."""

    releases: tuple[Release, ...]
    contrasts: tuple[Contrast, ...]
    findings: tuple[Finding, ...]


def figures(
    answers: Answers, names: Sequence[str], period: Period, by: tuple[str, ...] = ()
) -> list[Estimate]:
    """Estimates of metrics in a period, in the order of their names."""

    def iso(day: int | None) -> str | None:
        return None if day is None else to_date(day).isoformat()

    kept = [
        name for name in names
        if not by or not isinstance(item := answers.catalogue.find(name), Definition)
        or set(by) <= _dimensions(item)
    ]  # fmt: skip
    found = answers.estimates(kept, by=by, since=iso(period.since), until=iso(period.until))
    return list(found.estimates)


def _dimensions(item: Definition) -> set[str]:
    from candor.metrics import query

    return set(query.dimensions(item))


def handoff_matrix(answers: Answers, period: Period) -> Mapping[tuple[str, str], Group]:
    """Whether a person was needed × whether the conversation went to one, with the AI involved."""
    scope = answers.reckoner.scope("conversation", period, {})
    rows = answers.reckoner.rows(
        "select case when needs_human then 'needed' when not needs_human then 'not needed'"
        " else 'not known' end as need, case when escalated then 'handed over'"
        " when escalation_attempted then 'asked, nobody came' else 'not handed over' end as made,"
        f" count(*), count(distinct person_key) from conversation where {scope} and ai_involved"
        " and engaged and not is_test and not is_spam and not is_open group by 1, 2 order by 1, 2"
    )
    return {(need, made): Group(int(units), int(people)) for need, made, units, people in rows}


def by_tenure(answers: Answers, period: Period) -> list[Taken]:
    """Suggestions used, by how long the person has worked here."""
    definition = answers.catalogue.get("guidance_acceptance_rate")
    rows = answers.reckoner.known(definition, (_BAND,), ("tenure_days",), period, {})
    people = _people(answers, period)
    level = answers.workspace.settings.estimates.level
    found = []
    for band, words in (*TENURES.items(), ("unknown", "not known")):
        own = [row for row in rows if row[0] == band]
        if not own:
            continue
        used, units = [int(row[2]) for row in own], [int(row[3]) for row in own]
        reckoned = bucket_ratio(
            used, units, kind="share", units=sum(units), customers=people.get(band, 0),
            level=level, thresholds=answers.thresholds,
        )  # fmt: skip
        found.append(Taken(words, sum(units), people.get(band, 0), reckoned))
    return found


def _people(answers: Answers, period: Period) -> dict[str, int]:
    scope = answers.reckoner.scope("suggestion", period, {})
    rows = answers.reckoner.rows(
        f"select {_BAND}, count(distinct person_key) from suggestion where {scope}"
        " and not is_test and not is_spam group by 1 order by 1"
    )
    return {str(band): int(count) for band, count in rows}


def releases(answers: Answers, period: Period) -> Compared:
    """Each release held against the one before it, up to the end of a period."""
    changes = Changes(answers, period)
    contrasts = list(of_releases(changes))
    found = departures("release", contrasts, "AI engineering")
    return Compared(tuple(changes.releases), tuple(contrasts), tuple(found))
