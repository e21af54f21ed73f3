"""What changed and why, for the period of a scorecard: diagnoses, regressions, drift, unfair gaps.

Fills the board that rules look at, makes the contrasts that are judged, and attaches the
conversations behind each finding. Rules and corrections for having looked everywhere are in
``verdicts``; nothing is concluded here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from candor.answers.changes import COMPARABLE, Changes
from candor.answers.contrasts import (
    contrast,
    interval,
    members,
    of_releases,
    ratio,
    watched,
)
from candor.estimates import Estimate
from candor.estimates.arithmetic import t_quantile
from candor.estimates.fairness import Group, pairwise_gaps
from candor.estimates.from_cell import SCALES
from candor.estimates.ratio import bucket_jackknife
from candor.measure import MeasureCell
from candor.metrics import query
from candor.metrics.definition import Definition
from candor.verdicts.board import Board, Level, Move, Segment, Versus
from candor.verdicts.compare import Change, Direction
from candor.verdicts.departures import Contrast, beyond_total, departures
from candor.verdicts.diagnose import diagnose
from candor.verdicts.findings import Finding, ranked
from candor.verdicts.reversals import reversals
from candor.verdicts.rulebook import Reading
from candor.verdicts.scorecard import Scorecard
from candor.verdicts.split import split
from candor.verdicts.support import Interval

if TYPE_CHECKING:
    from candor.answers.period import Period

ATTRIBUTES = ("region", "language", "customer_segment")
"""What customers are told apart by when service is held against that of others."""
FAIR = (
    "true_resolution_rate", "escalation_failure_rate", "customer_effort", "containment_quality",
)  # fmt: skip
FAIR_BETWEEN_LANGUAGES = ("true_resolution_rate",)
"""The others are read from words (repeats, requests, moods), and no reader is equally good in every
language: a gap that the reader made must not be called unfair."""
DRIFT_BY = ("intent_id", "channel", "customer_segment", "language")
VOLUME = "involvement_rate"
"""Counts every engaged inbound conversation: its units are the volume."""
_READ = 5
_CANDIDATES = 400
_ATTACHED = 20


def findings(changes: Changes, card: Scorecard) -> Scorecard:
    """The scorecard with what changed and why.

    Args:
        changes: what its period was held against.
        card: the page so far; its rows are the figures for everything.
    """
    board = _board(changes, card)
    found = diagnose(changes.rules, board)
    totals = list(_baseline(changes, card))
    segments = beyond_total(list(_segments(changes)), totals)
    every = [
        *found.findings,
        *departures("release", list(of_releases(changes)), "AI engineering"),
        *departures("baseline", totals, "head of AI"),
        *departures("segment", segments, "head of AI"),
        *departures("trend", list(_trends(card)), "head of AI"),
        *departures("group", list(_groups(changes)), "head of support"),
        *reversals(card.rows),
    ]
    reading = {rule.code: rule.read for rule in changes.rules}
    in_order = ranked(every)
    shown = [
        replace(one, conversations=tuple(_conversations(changes, one, reading.get(one.code))))
        for one in in_order[:_ATTACHED]
    ]
    return replace(card, findings=(*shown, *in_order[_ATTACHED:]), undecided=dict(found.undecided))


def looked_at(changes: Changes, name: str) -> frozenset[str]:
    """Metrics that findings look at by a dimension."""
    wanted: set[str] = set()
    if name in (*DRIFT_BY, "release"):
        wanted |= {d.name for d in watched(changes.answers) if name in d.segments}
    if name in ATTRIBUTES:
        wanted |= set(FAIR)
    for rule in changes.rules:
        if name in rule.by:
            wanted |= set(rule.metrics)
    return frozenset(wanted)


def _board(changes: Changes, card: Scorecard) -> Board:
    rules = changes.rules
    board = Board(titles={row.info.name: row.info.title for row in card.rows})
    for row in card.rows:
        _put_level(board, row.estimate, ())
        _put_move(board, "previous", row.info.name, row.change, row.estimate.observed, ())
        if row.since_baseline is not None:
            _put_move(
                board, "baseline", row.info.name, row.since_baseline, row.estimate.observed, ()
            )
    for name in sorted({dimension for rule in rules for dimension in rule.by}):
        needed = {metric for rule in rules if name in rule.by for metric in rule.metrics}
        _put_members(changes, board, name, needed)
    _put_growth(changes, board)
    return board


def _put_members(changes: Changes, board: Board, name: str, needed: set[str]) -> None:
    now, past = changes.by(name, changes.period), changes.by(name, changes.before)
    for metric in sorted(needed & now.keys()):
        definition = changes.answers.catalogue.definitions[metric]
        earlier = members(past, metric, name)
        for member, cell in members(now, metric, name).items():
            segment: Segment = ((name, member),)
            _put_level(board, changes.answers.made(cell)[0], segment)
            before = earlier.get(member)
            if before is None or definition.estimator not in COMPARABLE:
                continue
            move = interval(changes.answers.change_of(definition, cell, before))
            if move is not None:
                unit = "points" if definition.measured_in == "share" else definition.measured_in
                board.moves["previous", metric, segment] = Move(
                    move, unit, ratio(definition, before), cell.observed
                )


def _put_level(board: Board, estimate: Estimate, segment: Segment) -> None:
    found = interval(estimate)
    if found is not None:
        board.levels[estimate.metric, segment] = Level(found, estimate.unit, estimate.observed)


def _put_move(
    board: Board, versus: Versus, metric: str, change: Change, units: int, segment: Segment
) -> None:
    if change.point is None or change.low is None or change.high is None:
        return
    board.moves[versus, metric, segment] = Move(
        Interval(change.point, change.low, change.high), change.unit, change.previous or 0.0, units
    )


def _put_growth(changes: Changes, board: Board) -> None:
    definition = changes.answers.catalogue.definitions.get(VOLUME)
    pairs: list[tuple[Versus, Period | None]] = [
        ("previous", changes.before), ("baseline", changes.baseline),
    ]  # fmt: skip
    if definition is None:
        return
    for versus, period in pairs:
        if period is None:
            continue
        now, past = (
            changes.answers.asked.cells([definition], since=each.since, until=each.until)[0]
            for each in (changes.period, period)
        )
        growth = _growth(now, past, changes.period, period)
        if growth is not None:
            board.growth[versus, ()] = growth


def _growth(
    now: MeasureCell, past: MeasureCell, period: Period, before: Period
) -> Interval | None:  # fmt: skip
    """Relative growth of conversations a day; customers who write in both periods count once."""
    buckets = sorted({*now.buckets, *past.buckets})
    if not now.observed or not past.observed or len(buckets) < 15:
        return None
    rows = [
        [cell.buckets[b].observed if b in cell.buckets else 0 for cell in (now, past)]
        for b in buckets
    ]
    found = bucket_jackknife(rows, lambda totals: math.log(totals[0] / totals[1]))
    days = _days(before) / _days(period)
    half = t_quantile(0.95, len(buckets) - 1) * math.sqrt(found.variance)
    point, low, high = (days * math.exp(found.value + step) - 1 for step in (0.0, -half, half))
    return Interval(point, low, high)


def _days(period: Period) -> int:
    return (period.until or 0) - (period.since or 0)


def _baseline(changes: Changes, card: Scorecard) -> Iterator[Contrast]:
    """Everything against the frozen baseline."""
    if changes.baseline is None:
        return
    shown = {row.info.name for row in card.rows}
    for definition in watched(changes.answers):
        name = definition.name
        if name in shown and name in changes.baseline_cells:
            yield from contrast(
                changes, definition, changes.current[name], changes.baseline_cells[name],
                place=None, against=changes.baseline.words, since=changes.period.since,
            )  # fmt: skip


def _segments(changes: Changes) -> Iterator[Contrast]:
    """Each segment against itself in the baseline."""
    if changes.baseline is None or not changes.baseline_cells:
        return
    for name in DRIFT_BY:
        current, frozen = (changes.by(name, each) for each in (changes.period, changes.baseline))
        for definition in watched(changes.answers):
            past = members(frozen, definition.name, name)
            for member, cell in members(current, definition.name, name).items():
                if member in past:
                    yield from contrast(
                        changes, definition, cell, past[member], place=(name, member),
                        against=changes.baseline.words, since=changes.period.since,
                    )  # fmt: skip


def _trends(card: Scorecard) -> Iterator[Contrast]:
    """Slopes of the primary metrics over the periods drawn."""
    for row in card.rows:
        trend, point = row.trend, row.estimate.point
        if row.info.tier != "primary" or trend is None or point is None:
            continue
        if trend.point is None or trend.low is None or trend.high is None:
            continue
        yield Contrast(
            row.info.name, row.info.title, row.estimate.unit, row.info.better, None,
            f"the last {trend.periods} {row.series[-1].grain}s",
            Interval(trend.point, trend.low, trend.high), point, row.estimate.observed,
            since=row.series[0].period_start,
        )  # fmt: skip


def _groups(changes: Changes) -> Iterator[Contrast]:
    """Each group of customers against the largest, attribute by attribute."""
    known = changes.answers.catalogue.definitions
    for name in ATTRIBUTES:
        cells = changes.by(name, changes.long)
        compared = FAIR_BETWEEN_LANGUAGES if name == "language" else FAIR
        for definition in (known[metric] for metric in compared if metric in cells):
            own = {
                member: cell
                for member, cell in members(cells, definition.name, name).items()
                if member is not None
            }
            if len(own) < 2:
                continue
            reference = max(own, key=lambda group: (own[group].observed, group))
            yield from _gaps(changes, definition, name, own, reference)


def _gaps(
    changes: Changes,
    definition: Definition,
    name: str,
    cells: dict[str, MeasureCell],
    reference: str,
) -> Iterator[Contrast]:
    buckets = sorted({bucket for cell in cells.values() for bucket in cell.buckets})

    def sums(cell: MeasureCell, part: str) -> list[int]:
        return [int(getattr(cell.buckets[b], part)) if b in cell.buckets else 0 for b in buckets]

    groups = {
        group: Group(sums(cell, "total"), sums(cell, "den"), cell.observed, cell.customers)
        for group, cell in cells.items()
    }
    gaps = pairwise_gaps(
        groups, reference, scale=SCALES[definition.measured_in],
        thresholds=changes.answers.thresholds,
    )  # fmt: skip
    against = f"{name.replace('_', ' ')} {reference.replace('_', ' ')}"
    for group, gap in gaps.items():
        found = gap.found
        if found.point is None or found.low is None or found.high is None:
            continue
        yield Contrast(
            definition.name, definition.title, definition.measured_in, definition.better,
            (name, group), against, Interval(found.point, found.low, found.high),
            ratio(definition, cells[reference]), cells[group].observed,
            within=_at_equal_mix(changes, definition, name, group, reference, found.point),
            since=changes.long.since,
        )  # fmt: skip


def _at_equal_mix(
    changes: Changes, definition: Definition, name: str, group: str, reference: str, gap: float
) -> Interval | None:
    """The gap of two groups at the same mix of requests, where the gap is worth it."""
    worse = gap < 0 if definition.better == "higher" else gap > 0
    if not worse or abs(gap) < 0.05 or "intent_id" not in query.dimensions(definition):
        return None
    sides = [
        changes.answers.asked.cells(
            [definition], by=("intent_id",), where={name: member},
            since=changes.long.since, until=changes.long.until,
        )
        for member in (group, reference)
    ]  # fmt: skip
    cells = [cell for side in sides for cell in side]
    whole = Change(Direction.CANNOT_SAY, gap, None, None, "points", "")
    found = split(
        sides[0], sides[1], by="intent_id", unit=definition.measured_in, change=whole,
        customers=max((cell.customers for cell in cells), default=0),
        thresholds=changes.answers.thresholds,
    )  # fmt: skip
    within = found.within
    return None if within is None else Interval(within.point, within.low, within.high)


def _conversations(changes: Changes, finding: Finding, read: Reading | None) -> list[str]:
    """Ids of conversations that show a finding, most telling first."""
    known = changes.answers.catalogue.definitions
    metric = read.metric if read is not None else finding.metrics[0]
    definition = known.get(metric)
    if definition is None:
        return []
    dimensions = query.dimensions(definition)
    if any(name not in dimensions for name in finding.segment):
        return []
    bad_is_true = read.outcome == "numerator" if read else definition.better == "lower"
    is_share = definition.outcome is not None
    units = changes.answers.units(
        metric, "numerator" if is_share and bad_is_true else "denominator", _CANDIDATES,
        period=changes.period, segment=finding.segment,
    )  # fmt: skip
    if is_share and not bad_is_true:
        units = [unit for unit in units if unit.state == "known"]
    elif not is_share:
        sign = -1 if definition.better == "lower" else 1
        units = sorted(units, key=lambda unit: (sign * (unit.value or 0), unit.unit_id))
    ids = list(dict.fromkeys(unit.conversation_id for unit in units if unit.conversation_id))
    if metric == "silent_failure_rate":
        ids = changes.answers.polite_first(ids)
    return ids[:_READ]
