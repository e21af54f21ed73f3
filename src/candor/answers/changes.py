"""What a period is held against: its own past, the frozen baseline, releases, and another mix.

Asks few, fused questions: one per breakdown and stretch of time for all metrics together. Arithmetic
and words are in ``verdicts``; this module only knows which cells belong to which question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from candor import window
from candor.estimates import Estimate
from candor.estimates.estimate import Refusal
from candor.measure import MeasureCell
from candor.metrics import query
from candor.metrics.definition import Definition
from candor.verdicts.annotations import (
    Annotation,
    coincides,
    in_order,
    load_annotations,
    within,
)
from candor.verdicts.compare import Change, compare
from candor.verdicts.history import History, history
from candor.verdicts.rulebook import Rule
from candor.verdicts.rulebook import load as load_rules
from candor.verdicts.scorecard import MetricEntry
from candor.verdicts.split import Split, dimension, split
from candor.verdicts.stability import Stability, Word, stability
from candor.verdicts.targets import Targets, months_between

if TYPE_CHECKING:
    from candor.answers.period import Period
    from candor.answers.snapshot import Answers

ANNOTATIONS, RULES = "annotations.yaml", "rules"
COMPARABLE = ("proportion", "rare", "mean", "ratio")
"""Estimators whose difference is reckoned from customer buckets."""
_WEEKS = 20
_ByMember = dict[str, list[MeasureCell]]


@dataclass(frozen=True, slots=True)
class Release:
    """When a release first served a conversation (days since 1970-01-01)."""

    name: str
    since: int


class Changes:
    """Everything a scorecard says about change, for one period of one publication.

    Args:
        answers: the opened publication.
        period: what the page is about.
    """

    def __init__(self, answers: Answers, period: Period) -> None:
        self.answers = answers
        self.period = period
        self.before = period.before()
        self.definitions = list(answers.catalogue.definitions.values())
        self.current: dict[str, MeasureCell] = {}
        """Every counted metric of the period, as its row was entered."""
        self._cells: dict[tuple[str, int | None, int | None], _ByMember] = {}

    def entry(
        self, entry: MetricEntry, cell: MeasureCell, earlier: MeasureCell | None
    ) -> MetricEntry:
        """A row of the page with its stability, split, baseline and coincidences."""
        definition = self.answers.catalogue.definitions[cell.metric]
        self.current[cell.metric] = cell
        previous = entry.previous if earlier is not None else None
        change = compare(entry.estimate, previous, better=definition.better, change=entry.change)
        frozen = self.baseline_cells.get(cell.metric)
        return replace(
            entry,
            stability=self._stability(definition, cell),
            split=self._split(definition, change),
            coincident=self._coincident(change),
            members=tuple(self._members.get(cell.metric, ())),
            baseline=None if frozen is None else self.answers.made(frozen)[0],
            since_baseline=None if frozen is None or definition.estimator not in COMPARABLE
            else self.answers.change_of(definition, cell, frozen),
        )  # fmt: skip

    @cached_property
    def baseline(self) -> Period | None:
        """The frozen past; None where there is none, or the period shown overlaps it."""
        found = self.answers.reckoner.baseline
        if found is None or found.until is None or self.period.since is None:
            return None
        return found if found.until <= self.period.since else None

    @cached_property
    def long(self) -> Period:
        """From the start of the baseline (or of the period before) to the end of the period.

        What does not depend on time, such as gaps between groups, is told from more data.
        """
        starts = [
            one.since for one in (self.baseline, self.before) if one and one.since is not None
        ]
        return replace(self.period, grain="all", since=min(starts, default=self.period.since))

    @cached_property
    def baseline_cells(self) -> dict[str, MeasureCell]:
        """Every metric over the baseline; empty without one, or when the past was declared over."""
        if self.baseline is None or self._is_rebased:
            return {}
        cells = self.answers.asked.cells(
            self.definitions,
            since=self.baseline.since, until=self.baseline.until,
        )  # fmt: skip
        return {cell.metric: cell for cell in cells}

    @cached_property
    def targets(self) -> Targets:
        """Fixed targets, and improvements as figures of this period."""
        raw = self.answers.reckoner.targets
        if not raw.improvements:
            return raw
        return raw.resolved(self._baseline_point, self._elapsed)

    @cached_property
    def annotations(self) -> tuple[Annotation, ...]:
        """Releases after the first, and what the user wrote."""
        path = self.answers.workspace.root / ANNOTATIONS
        went_live = [
            Annotation(one.since, f"Release {one.name}", "release") for one in self.releases[1:]
        ]
        return in_order([*went_live, *load_annotations(path)])

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The shipped diagnoses and the workspace's own."""
        return load_rules(
            self.answers.workspace.root / RULES, frozenset(self.answers.catalogue.names)
        )

    @cached_property
    def releases(self) -> tuple[Release, ...]:
        """Releases by the first day on which they served a conversation."""
        rows = self.answers.engine.rows(
            "select release, min(day) from conversation where release is not null and ai_involved"
            " and not is_synthetic_time group by release order by min(day), release"
        )
        return tuple(Release(str(name), int(day)) for name, day in rows)

    def shown_annotations(self) -> tuple[Annotation, ...]:
        """Those between the start of the baseline, or of the period before, and the period's end."""
        starts = [
            one.since for one in (self.baseline, self.before) if one and one.since is not None
        ]
        return within(self.annotations, min(starts, default=self.period.since), self.period.until)

    def by(self, name: str, period: Period | None) -> _ByMember:
        """Cells of every metric by one dimension, by metric; metrics without it are left out."""
        if period is None:
            return {}
        key = (name, period.since, period.until)
        if key not in self._cells:
            is_split = period in (self.period, self.before)
            having = [
                d for d in self._wanted(name, split_too=is_split) if name in query.dimensions(d)
            ]
            found: _ByMember = {}
            for cell in self.answers.asked.cells(
                having, by=(name,), since=period.since, until=period.until
            ) if having else ():  # fmt: skip
                found.setdefault(cell.metric, []).append(cell)
            self._cells[key] = found
        return self._cells[key]

    def _wanted(self, name: str, *, split_too: bool) -> Sequence[Definition]:
        """Metrics that are looked at by a dimension: those findings need, and those split by it."""
        from candor.answers.findings import looked_at

        needed = looked_at(self, name)
        return [
            d for d in self.definitions
            if d.name in needed
            or (split_too and d.estimator in COMPARABLE and _split_by(d) == name)
        ]  # fmt: skip

    @cached_property
    def _is_rebased(self) -> bool:
        if self.baseline is None:
            return False
        return any(
            one.rebase for one in within(self.annotations, self.baseline.until, self.period.until)
        )

    @cached_property
    def _elapsed(self) -> float | None:
        if self.baseline is None or self.baseline.until is None or self.period.until is None:
            return None
        return months_between(
            window.to_date(self.baseline.until), window.to_date(self.period.until)
        )

    def _baseline_point(self, metric: str, segment: Mapping[str, str]) -> float | None:
        if self.baseline is None:
            return None
        found = self.answers.reckoner.role(
            metric, by=(), grain="all", period=self.baseline, where=dict(segment)
        )
        return found[0].point if found else None

    def _coincident(self, change: Change) -> tuple[Annotation, ...]:
        since = self.before.since if self.before is not None else None
        return coincides(change, self.annotations, since, self.period.until)

    def _split(self, definition: Definition, change: Change) -> Split | None:
        name = _split_by(definition)
        if name is None or change.point is None or definition.estimator not in COMPARABLE:
            return None
        now = self.by(name, self.period).get(definition.name, [])
        past = self.by(name, self.before).get(definition.name, [])
        return split(
            now, past, by=name, unit=definition.measured_in, change=change,
            customers=max((cell.customers for cell in (*now, *past)), default=0),
            level=self.answers.workspace.settings.estimates.level,
            thresholds=self.answers.thresholds,
        )  # fmt: skip

    def _stability(self, definition: Definition, cell: MeasureCell) -> Stability | None:
        if self.period.since is None or self.period.until is None:
            return None
        if not cell.available:
            return Stability(Word.CANNOT_SAY, cell.missing, refusal=Refusal.UNAVAILABLE)
        baseline = self.answers.reckoner.baseline
        if baseline is None or baseline.since is None or baseline.until is None:
            return Stability(
                Word.BASELINE_SHORT, "There is no full month to take limits from.",
                refusal=Refusal.BASELINE_SHORT,
            )  # fmt: skip
        if self._is_rebased:
            return Stability(
                Word.BASELINE_SHORT, "The baseline was declared over; the new one is too short.",
                refusal=Refusal.BASELINE_SHORT,
            )  # fmt: skip
        judged = (self.period.since, self.period.until)
        found = stability(
            self._history(definition, "day", self._daily), judged=judged,
            baseline=(baseline.since, baseline.until), thresholds=self.answers.thresholds,
        )  # fmt: skip
        weeks = self._first_weeks
        if found.word is not Word.BASELINE_SHORT or weeks is None:
            return found
        weekly = self._history(definition, "week", self._weekly)
        return stability(weekly, judged=judged, baseline=weeks, thresholds=self.answers.thresholds)

    def _history(self, definition: Definition, grain: str, cells: _ByMember) -> History:
        return history(
            cells.get(definition.name, []), metric=definition.name,
            estimator=definition.estimator, unit=definition.measured_in, grain=grain,
            quantile=definition.quantiles[0] if definition.quantiles else None,
        )  # fmt: skip

    @cached_property
    def _daily(self) -> _ByMember:
        baseline = self.answers.reckoner.baseline
        return self._over("day", baseline.since if baseline else None)

    @cached_property
    def _weekly(self) -> _ByMember:
        return self._over("week", self._first_weeks[0] if self._first_weeks else None)

    @cached_property
    def _first_weeks(self) -> tuple[int, int] | None:
        """The first twenty full weeks since the baseline began, where they precede the period."""
        baseline = self.answers.reckoner.baseline
        if baseline is None or baseline.since is None or self.period.since is None:
            return None
        start = window.period_start(baseline.since + 6, "week")
        end = start + 7 * _WEEKS
        return (start, end) if end <= self.period.since else None

    def _over(self, grain: str, since: int | None) -> _ByMember:
        found: _ByMember = {}
        if since is None:
            return found
        cells = self.answers.asked.cells(
            self.definitions, grain=grain, since=since,
            until=self.period.until,
        )  # fmt: skip
        for cell in cells:
            if cell.period_start is not None:
                found.setdefault(cell.metric, []).append(cell)
        return found

    @cached_property
    def _members(self) -> dict[str, list[Estimate]]:
        """Figures of the segments for which the workspace has targets."""
        known = self.answers.catalogue.definitions
        found: dict[str, list[Estimate]] = {}
        for name, metrics in self.answers.reckoner.targets.segmented().items():
            having = [
                known[metric] for metric in metrics
                if metric in known and name in query.dimensions(known[metric])
            ]  # fmt: skip
            if not having:
                continue
            for cell in self.answers.asked.cells(
                having, by=(name,), since=self.period.since,
                until=self.period.until,
            ):  # fmt: skip
                if cell.segment:
                    found.setdefault(cell.metric, []).append(self.answers.made(cell)[0])
        return found


def _split_by(definition: Definition) -> str | None:
    return dimension(definition.segments, query.dimensions(definition))
