"""One metric in one place held against another, and each release against the one before it.

Shared by everything that looks for findings; nothing is concluded here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from candor.answers.changes import COMPARABLE, Changes, Release
from candor.answers.period import Period
from candor.estimates import Estimate
from candor.estimates.from_cell import SCALES
from candor.measure import MeasureCell
from candor.metrics.definition import Definition
from candor.verdicts.departures import Contrast
from candor.verdicts.support import Interval

if TYPE_CHECKING:
    from candor.answers.snapshot import Answers

AROUND = 21
"""Days on both sides of a release's start that must show what it is blamed for."""


def watched(answers: Answers) -> list[Definition]:
    """Primary metrics with a good direction whose change has an interval."""
    return [
        d for d in answers.catalogue.definitions.values()
        if d.tier == "primary" and d.better != "neither" and d.estimator in COMPARABLE
    ]  # fmt: skip


def of_releases(changes: Changes) -> Iterator[Contrast]:
    """Each release against the one before it, within the data up to the period's end.

    A release is blamed only for what shows at its start as well: a slow decline makes every later
    release look worse than the one before.
    """
    until = changes.period.until
    served = [one for one in changes.releases if until is None or one.since < until]
    cells = changes.by("release", Period("all", None, until)) if len(served) > 1 else {}
    for definition in watched(changes.answers):
        own = members(cells, definition.name, "release")
        for before, after in pairwise(served):
            if before.name in own and after.name in own:
                for found in contrast(
                    changes, definition, own[after.name], own[before.name],
                    place=("release", after.name), against=f"release {before.name} before it",
                    since=after.since,
                ):  # fmt: skip
                    shows = found.distance < 0 or _shows_at_start(
                        changes, definition, before, after
                    )
                    yield found if shows else replace(found, better="neither")


def _shows_at_start(
    changes: Changes, definition: Definition, before: Release, after: Release
) -> bool:
    end = after.since + AROUND
    until = end if changes.period.until is None else min(end, changes.period.until)
    near = Period("all", after.since - AROUND, until)
    own = members(changes.by("release", near), definition.name, "release")
    if before.name not in own or after.name not in own:
        return False
    found = interval(changes.answers.change_of(definition, own[after.name], own[before.name]))
    if found is None:
        return False
    return found.high < 0 if definition.better == "higher" else found.low > 0


def contrast(
    changes: Changes,
    definition: Definition,
    cell: MeasureCell,
    before: MeasureCell,
    *,
    place: tuple[str, str | None] | None,
    against: str,
    since: int | None,
) -> Iterator[Contrast]:
    """One metric in two cells, the first minus the second, where the difference has an interval."""
    found = interval(changes.answers.change_of(definition, cell, before))
    if found is not None:
        yield Contrast(
            definition.name, definition.title, definition.measured_in, definition.better, place,
            against, found, ratio(definition, before), cell.observed, since=since,
        )  # fmt: skip


def members(
    cells: Mapping[str, list[MeasureCell]], metric: str, name: str
) -> dict[str | None, MeasureCell]:
    """The cells of one metric by member of a dimension; none where the data lack its events."""
    return {cell.segment[name]: cell for cell in cells.get(metric, []) if cell.available}


def interval(found: Estimate) -> Interval | None:
    """Point and limits of an estimate; None where it has none."""
    if found.point is None or found.low is None or found.high is None:
        return None
    return Interval(found.point, found.low, found.high, found.level)


def ratio(definition: Definition, cell: MeasureCell) -> float:
    """The plain figure of a cell that has units."""
    return cell.total / (cell.den * SCALES[definition.measured_in])
