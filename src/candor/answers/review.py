"""A review: what changed, what it means, what to do, who owns it, and what cannot be said.

Made from one scorecard. A change is called clear only when its interval excludes zero and it
survives looking at all changes of the pack at once (Benjamini-Hochberg); the rest is named as what
chance alone would show. A day is judged by control limits, not by the day before. Every action has
a team and an owner; nothing to report is said plainly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from candor import window
from candor.answers.pages_reading import CADENCES, Pack, Reading, Route, moves, pack
from candor.answers.period import Period
from candor.answers.snapshot import Answers
from candor.errors import CandorError, Problem, nearest
from candor.estimates.estimate import Estimate, Refusal
from candor.estimates.multiplicity import benjamini_hochberg
from candor.verdicts.bands import Status
from candor.verdicts.compare import Direction
from candor.verdicts.findings import TEAMS, Finding, Severity, Team
from candor.verdicts.scorecard import Category, MetricRow, Scorecard
from candor.verdicts.stability import Word
from candor.verdicts.support import Interval, above, below, p_value

COHORTS = ("resolution_rate_day_30", "resolution_rate_day_60", "resolution_rate_day_90")
HEADLINE = "true_resolution_rate"
_SIGNALS = (Word.SIGNAL_ABOVE, Word.SIGNAL_BELOW, Word.SHIFTED)
_DIRECTED = (Direction.BETTER, Direction.WORSE, Direction.HIGHER, Direction.LOWER)
_MOVED_SEVERITY = {Direction.WORSE: Severity.MEDIUM, Direction.BETTER: Severity.GOOD}


@dataclass(frozen=True, slots=True)
class Moved:
    """One figure that moved.

    Attributes:
        row: the figure with its change.
        is_worse: None where neither direction is good by itself.
        reading: what it means and what to do; None where neither direction is good.
        team: whose business it is.
        owner: who answers for it.
        guards: titles of metrics that must not worsen when it improves, and did.
    """

    row: MetricRow
    is_worse: bool | None
    reading: Reading | None
    team: Team
    owner: str
    guards: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "metric": self.row.info.name,
            "title": self.row.info.title,
            "change": self.row.change.as_dict(),
            "estimate": self.row.estimate.as_row(),
            "stability": None if self.row.stability is None else self.row.stability.as_dict(),
            "means": self.reading.means if self.reading else "",
            "do": self.reading.do if self.reading else "",
            "team": self.team,
            "owner": self.owner,
            "guardrails_worse": list(self.guards),
        }


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do, with its reason and its owner."""

    do: str
    because: str
    owner: str
    team: Team
    severity: Severity
    metrics: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "do": self.do,
            "because": self.because,
            "owner": self.owner,
            "team": self.team,
            "severity": str(self.severity),
            "metrics": list(self.metrics),
        }


@dataclass(frozen=True, slots=True)
class Review:
    """Everything a review shows.

    Attributes:
        pack: its cadence.
        card: the scorecard, sections those of the pack.
        headline: true resolution, where there is a figure.
        clear: figures that moved beyond chance, worst first.
        faint: figures that moved, but no more than looking at so many figures shows by chance.
        compared: changes looked at.
        findings: from the scorecard.
        actions: what to do, by team in a fixed order, most urgent first.
        cohorts: resolution by days since go-live, over all data.
        notes: what is wrong with the data.
    """

    pack: Pack
    card: Scorecard
    headline: MetricRow | None
    clear: tuple[Moved, ...]
    faint: tuple[Moved, ...]
    compared: int
    findings: tuple[Finding, ...]
    actions: tuple[Action, ...]
    cohorts: tuple[Estimate, ...]
    notes: tuple[str, ...]

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to act on."""
        return not any(action.severity is not Severity.GOOD for action in self.actions)

    @property
    def withheld(self) -> tuple[MetricRow, ...]:
        """Figures that cannot be given."""
        return tuple(row for row in self.card.rows if row.estimate.refusal is not None)

    def with_status(self, status: Status) -> tuple[MetricRow, ...]:
        """Figures with a target that have this status."""
        return tuple(row for row in self.card.rows if row.target and row.verdict.status is status)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for ``--json``."""
        return {
            "review": self.pack.name,
            "title": self.card.title,
            "period": self.card.period,
            "baseline": self.card.baseline,
            "quiet": self.is_quiet,
            "changed": [moved.as_dict() for moved in self.clear],
            "within_chance": [moved.as_dict() for moved in self.faint],
            "changes_compared": self.compared,
            "findings": [finding.as_dict() for finding in self.findings],
            "actions": [action.as_dict() for action in self.actions],
            "sections": self.card.as_dict()["categories"],
            "by_days_since_go_live": [estimate.as_row() for estimate in self.cohorts],
            "cannot_be_said": [
                {
                    "metric": row.info.name,
                    "refusal": str(row.estimate.refusal),
                    "reason": row.verdict.reason,
                    "missing": row.estimate.missing,
                }
                for row in self.withheld
            ],
            "data_notes": list(self.notes),
            "annotations": [one.as_dict() for one in self.card.annotations],
            "data_health": dict(self.card.data_health),
            "snapshot": self.card.snapshot,
            "as_of": self.card.as_of,
            "currency": self.card.currency,
        }


def check(cadence: str) -> None:
    """Refuse a cadence that is none.

    Raises:
        CandorError: ``usage.cadence``.
    """
    if cadence not in CADENCES:
        raise CandorError(
            "usage.cadence",
            Problem(
                f"unknown review '{cadence}'", "", ", ".join(CADENCES), nearest(cadence, CADENCES)
            ),
            exit_code=2,
        )


def review(answers: Answers, cadence: str, *, until: str | None = None) -> Review:
    """The review of one cadence.

    Args:
        answers: the opened publication.
        cadence: daily, weekly, monthly or quarterly.
        until: day after the last day reviewed (ISO); default the last period that has settled, of
            a day the last one the data cover whole.

    Raises:
        CandorError: ``usage.cadence`` or ``usage.date``.
    """
    check(cadence)
    chosen = pack(cadence)
    if until is None and chosen.latest:
        until = _last_whole_day(answers)
    full = answers.scorecard(grain=chosen.grain, until=until)
    cohorts: tuple[Estimate, ...] = ()
    if chosen.curve:
        known = [name for name in COHORTS if name in answers.catalogue]
        cohorts = answers.estimates(known).estimates if known else ()
    return compose(answers, chosen, full, cohorts)


def past(answers: Answers, cadence: str) -> tuple[Period, ...]:
    """The periods of one cadence that can be reviewed, newest first; none where none has settled.

    Args:
        answers: the opened publication.
        cadence: daily, weekly, monthly or quarterly.

    Raises:
        CandorError: ``usage.cadence``.
    """
    check(cadence)
    chosen, bounds = pack(cadence), answers.reckoner.bounds
    until = _last_whole_day(answers) if chosen.latest else None
    period: Period | None = answers.period(grain=chosen.grain, until=until)
    found = []
    while period is not None and period.until is not None and bounds is not None:
        if period.grain == "all" or period.until <= bounds[0]:
            break
        found.append(period)
        period = period.before()
    return tuple(found)


def compose(
    answers: Answers, chosen: Pack, full: Scorecard, cohorts: Sequence[Estimate] = ()
) -> Review:
    """A review from a scorecard of every metric."""
    rows = {row.info.name: row for row in full.rows}
    card = replace(full, categories=_sections(chosen, rows))
    moved, compared = _moved(answers, card.rows, rows, by_limits=chosen.latest)
    return Review(
        pack=chosen,
        card=card,
        headline=rows.get(HEADLINE),
        clear=tuple(one for one, is_clear in moved if is_clear),
        faint=tuple(one for one, is_clear in moved if not is_clear),
        compared=compared,
        findings=full.findings,
        actions=_actions(answers, full.findings, [one for one, clear in moved if clear], card),
        cohorts=tuple(cohorts),
        notes=_notes(full),
    )


def _last_whole_day(answers: Answers) -> str:
    zone = answers.workspace.settings.workspace.timezone
    # Coverage that ends in the last second of a day covers that day.
    day = window.day_of(int(answers.about["horizon_us"]) + 1_000_000, zone)
    return window.to_date(day).isoformat()


def _sections(chosen: Pack, rows: dict[str, MetricRow]) -> tuple[Category, ...]:
    placed: set[str] = set()
    sections = []
    for section in chosen.sections:
        names = [name for name in section.metrics if name in rows and name not in placed]
        for name in tuple(names):
            # A figure that may not be read alone brings the one beside it.
            names += [
                other for other in rows[name].info.shown_with
                if other in rows and other not in names and other not in placed
                and other not in chosen.metrics()
            ]  # fmt: skip
        placed |= set(names)
        if names:
            own = tuple(rows[name] for name in names)
            sections.append(Category(section.name, section.title, "", own))
    return tuple(sections)


def _moved(
    answers: Answers, shown: Sequence[MetricRow], every: dict[str, MetricRow], *, by_limits: bool
) -> tuple[list[tuple[Moved, bool]], int]:
    """Figures that moved, each with whether it did beyond chance, worst first."""
    if by_limits:
        judged = [row for row in shown if row.stability is not None and row.stability.judged]
        found = [
            (_as_moved(answers, row, every), True)
            for row in judged
            if row.stability is not None and row.stability.word in _SIGNALS
        ]
        return found, len(judged)
    changed = [row for row in shown if row.change.low is not None]
    passed = benjamini_hochberg([p_value(_distance(row)) for row in changed])
    found = [
        (_as_moved(answers, row, every), clear)
        for row, clear in zip(changed, passed, strict=True)
        if row.change.direction in _DIRECTED
    ]
    rank = {True: 0, None: 1, False: 2}
    found.sort(key=lambda item: (rank[item[0].is_worse], -_distance(item[0].row)))
    return found, len(changed)


def _distance(row: MetricRow) -> float:
    change = row.change
    if change.point is None or change.low is None or change.high is None:
        return 0.0
    found = Interval(change.point, change.low, change.high, row.estimate.level)
    return max(above(found, 0.0), below(found, 0.0))


def _as_moved(answers: Answers, row: MetricRow, every: dict[str, MetricRow]) -> Moved:
    definition = answers.catalogue.find(row.info.name)
    route = moves().route(row.info.name, definition.family)
    is_worse = _is_worse(row)
    guards = tuple(
        every[name].info.title
        for name in definition.guardrails
        if is_worse is False and name in every
        and every[name].change.direction is Direction.WORSE
    )  # fmt: skip
    reading = None if is_worse is None else (route.worse if is_worse else route.better)
    return Moved(row, is_worse, reading, route.team, _owner(row), guards)


def _is_worse(row: MetricRow) -> bool | None:
    if row.change.direction in (Direction.BETTER, Direction.WORSE):
        return row.change.direction is Direction.WORSE
    word = row.stability.word if row.stability is not None else None
    better = (row.target.better if row.target else None) or row.info.better
    if better == "neither" or word not in (Word.SIGNAL_ABOVE, Word.SIGNAL_BELOW):
        return None
    return (word is Word.SIGNAL_ABOVE) == (better == "lower")


def _owner(row: MetricRow) -> str:
    return (row.target.owner if row.target else "") or row.info.owner


def _actions(
    answers: Answers, findings: Sequence[Finding], clear: Sequence[Moved], card: Scorecard
) -> tuple[Action, ...]:
    """Findings first; a moved figure or a missed target is added where no finding covers it."""
    found = [
        Action(one.next_step, one.sentence, one.owner, one.team, one.severity, one.metrics)
        for one in findings
    ]
    covered = {name for one in findings for name in one.metrics}
    for moved in clear:
        if moved.reading is None or moved.row.info.name in covered:
            continue
        covered.add(moved.row.info.name)
        found.append(
            Action(
                moved.reading.do, f"{moved.row.info.title}: {moved.reading.means}", moved.owner,
                moved.team, _MOVED_SEVERITY.get(moved.row.change.direction, Severity.LOW),
                (moved.row.info.name,),
            )
        )  # fmt: skip
    for row in card.rows:
        if row.target and row.verdict.status is Status.MISSED and row.info.name not in covered:
            route = _route(answers, row)
            found.append(
                Action(
                    route.worse.do, f"{row.info.title} misses its target: {row.verdict.reason}",
                    _owner(row), route.team, Severity.MEDIUM, (row.info.name,),
                )
            )  # fmt: skip
    order = list(Severity)
    return tuple(sorted(found, key=lambda one: (TEAMS.index(one.team), order.index(one.severity))))


def _route(answers: Answers, row: MetricRow) -> Route:
    return moves().route(row.info.name, answers.catalogue.find(row.info.name).family)


def _notes(card: Scorecard) -> tuple[str, ...]:
    """What is wrong with the data, in sentences."""
    health = card.data_health
    notes = []
    if quarantined := health.get("quarantined"):
        told = ", ".join(f"{count} {reason}" for reason, count in quarantined.items())
        notes.append(f"Records were refused and are in no figure ({told}).")
    if orphans := health.get("threads_without_conversation"):
        notes.append(f"{orphans} threads have messages but no conversation and are in no figure.")
    if nobody := health.get("messages_without_known_actor"):
        notes.append(f"{nobody} of {health.get('messages', 0)} messages have no known author.")
    if unmapped := health.get("unknown_values"):
        notes.append(f"{len(unmapped)} values were not understood and are kept as they came.")
    immature = [r for r in card.rows if r.estimate.refusal is Refusal.IMMATURE]
    if immature:
        notes.append(f"{len(immature)} figures wait for a window that has not closed.")
    return tuple(notes)
