"""Figures that rest on machines' verdicts, corrected by the labels people gave in the same cell.

Reads, once for each metric and population, what the machine said of every unit and what people said
of some; then each cell takes its own days, segment and labels. Labels of another segment are never
used, labels of other days only where ``transported_error_rates`` says so. Which method speaks is
decided in ``estimates.judge_corrected``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from candor.answers.judged_units import Units, units
from candor.estimates import Caveat, Estimate, Evidence, Judged, Reckoning, Refusal
from candor.estimates.compare import square_and_add
from candor.estimates.estimate import weakest
from candor.estimates.judge_corrected import (
    Stratum,
    corrected_domain,
    corrected_score,
    corrected_share,
    labels_needed,
)
from candor.measure import MeasureCell
from candor.metrics.definition import Definition, JudgedBy

if TYPE_CHECKING:
    from candor.answers.snapshot import Answers

_KEPT = 64
"""Populations whose verdicts are kept in memory."""
_PPM = 1_000_000
MARKS = frozenset({Caveat.UNCORRECTED_JUDGE, Caveat.SAME_FAMILY_JUDGE, Caveat.JUDGE_CHANGED})
"""Caveats that a figure reckoned from a machine's figure inherits."""
_BUILT_IN = {"conversation_quality": ("candor_experience",)}
"""Who scores every row of a fact; of those only what people judged too stands among the verdicts."""


class Judgements:
    """Verdicts and labels of one opened publication.

    Args:
        answers: the publication.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._kept: OrderedDict[tuple[str, tuple[str, ...]], Units] = OrderedDict()

    def settled(self, definition: Definition, cell: MeasureCell, estimate: Estimate) -> Estimate:
        """The estimate after people's labels, or marked as a machine's own word.

        Args:
            definition: of a counted metric.
            cell: what it adds up to; names its days and segment.
            estimate: made from the cell without regard to labels.
        """
        judged = definition.judged
        if judged is None or estimate.point is None:
            return estimate
        if judged.flag_only:
            return self._flagged(definition, judged, estimate)
        has_labels = self._labelled.issuperset(judged.criteria)
        if judged.through is not None and not self._behind(definition):
            return estimate
        if judged.beside and not has_labels:
            return estimate
        spread = _spread(cell, definition.measured_in == "share")
        if not has_labels:
            return self._marked(
                definition,
                judged,
                estimate,
                Reckoning.refused("none", Refusal.UNLABELLED),
                0,
                spread,
            )
        return self._corrected(definition, judged, cell, estimate, spread)

    def changed(
        self, definition: Definition, change: Estimate, current: Estimate, previous: Estimate
    ) -> Estimate:
        """A change between two cells, from corrected figures where both are corrected.

        The two intervals count as independent, which is cautious for returning customers. A
        corrected and an uncorrected figure have no difference.

        Args:
            definition: of a counted metric.
            change: from the sums alone.
            current: the settled estimate of the later cell.
            previous: that of the earlier one.
        """
        judged = definition.judged
        if judged is None or judged.beside or change.point is None:
            return change
        sides = [one.judged for one in (current, previous)]
        right = [one is not None and one.corrected.point is not None for one in sides]
        if not any(right):
            marks = {*current.caveats, *previous.caveats} & MARKS
            return replace(change, caveats=(*change.caveats, *sorted(marks)))
        if not all(right) or current.point is None or previous.point is None:
            return replace(
                change, point=None, low=None, high=None, n_eff=None, k_eff=None, caveats=(),
                refusal=Refusal.INCOMPATIBLE,
            )  # fmt: skip
        found = square_and_add(current, previous)
        return replace(
            change, point=found.point, low=found.low, high=found.high, n_eff=found.n_eff,
            k_eff=found.k_eff, method=found.method, evidence=weakest(
                (current.evidence, previous.evidence)
            ), caveats=tuple(dict.fromkeys((*current.caveats, *previous.caveats))),
        )  # fmt: skip

    def alike(self, headline: Estimate, series: Sequence[Estimate]) -> tuple[Estimate, ...]:
        """The periods drawn beside a figure: corrected ones only where the figure is corrected."""
        told = headline.judged
        if told is None or told.beside or told.corrected.point is None:
            return tuple(series)
        return tuple(
            one for one in series
            if one.judged is not None and one.judged.corrected.point is not None
        )  # fmt: skip

    def _corrected(
        self, definition: Definition, judged: JudgedBy, cell: MeasureCell, estimate: Estimate,
        spread: float | None,
    ) -> Estimate:  # fmt: skip
        units = self._units(definition, judged, tuple(sorted({*cell.segment, *cell.where})))
        segment = {**cell.where, **cell.segment}
        inside = np.ones(len(units.day), dtype=bool)
        for name, value in segment.items():
            inside &= units.segments[name] == value
        chosen = [
            (day, label) for day, values, label in units.labels
            if all(values[at] == segment[name] for at, name in enumerate(units.segments))
        ]  # fmt: skip
        first, last = cell.days
        since = -np.inf if first is None else first
        until = np.inf if last is None else last
        inside &= (units.day >= since) & (units.day < until)
        own = [label for day, label in chosen if since <= day < until]
        others = [label for day, label in chosen if not since <= day < until]
        if np.isnan(units.said[inside]).all():  # no machine speaks here
            return estimate
        level, thresholds = estimate.level, self._answers.thresholds
        if judged.among is not None:
            found = corrected_domain(
                _by_stratum(units, inside), own, level=level, thresholds=thresholds
            )
        elif definition.measured_in == "share":
            found = corrected_share(
                _by_stratum(units, inside), own, elsewhere=[*own, *others] if others else (),
                apparent_n=estimate.n_eff or 0.0, level=level, thresholds=thresholds,
            )  # fmt: skip
        else:
            found = corrected_score(_scores(units, inside), own, level=level, thresholds=thresholds)
        return self._marked(definition, judged, estimate, found, len(own), spread, units, inside)

    def _marked(
        self, definition: Definition, judged: JudgedBy, estimate: Estimate, found: Reckoning, labels: int,
        spread: float | None, units: Units | None = None, inside: npt.NDArray[np.bool_] | None = None,
    ) -> Estimate:  # fmt: skip
        machines, says = self._behind(definition), estimate.point
        if units is not None and inside is not None:
            named = {units.strata[at][0] for at in set(units.stratum[inside])} - {""}
            machines = tuple(sorted(named)) or machines
            says = _machine_rate(units, inside)
        is_kin = Caveat.SAME_FAMILY_JUDGE in _marks(machines)
        told = Judged(
            judged.criterion, machines, says, labels,
            labels_needed(
                estimate.point or 0.0, estimate.observed, variance=spread, level=estimate.level,
                thresholds=self._answers.thresholds,
            ),
            found, is_kin, judged.beside,
        )  # fmt: skip
        if judged.beside:
            return replace(estimate, judged=told)
        kin = _marks(machines)
        if found.refusal is not None or found.point is None:
            caveats = (*estimate.caveats, Caveat.UNCORRECTED_JUDGE, *kin)
            return replace(estimate, judged=told, caveats=caveats)
        return replace(
            estimate, point=found.point, low=found.low, high=found.high, n_eff=found.n_eff,
            k_eff=found.k_eff, method=found.method, bounds=None, judged=told,
            evidence=found.evidence or Evidence.JUDGE_CORRECTED,
            caveats=(*estimate.caveats, *found.caveats, *kin),
        )  # fmt: skip

    def marks(self, definition: Definition) -> tuple[Caveat, ...]:
        """What to know where a figure is reckoned from the sums of a metric, past any correction."""
        judged = definition.judged
        if judged is None or judged.beside:
            return ()
        machines = self._behind(definition)
        if not machines:
            return ()
        return (Caveat.UNCORRECTED_JUDGE, *_marks(machines))

    def _flagged(self, definition: Definition, judged: JudgedBy, estimate: Estimate) -> Estimate:
        machines = self._behind(definition)
        if not machines:
            return estimate
        is_kin = Caveat.SAME_FAMILY_JUDGE in _marks(machines)
        told = Judged(
            judged.criterion, machines, estimate.point, 0, 0,
            Reckoning.refused("none", Refusal.INCOMPATIBLE), is_kin,
        )  # fmt: skip
        kin = _marks(machines)
        return replace(
            estimate, judged=told, caveats=(*estimate.caveats, Caveat.UNCORRECTED_JUDGE, *kin)
        )

    def _behind(self, definition: Definition) -> tuple[str, ...]:
        """Machines whose verdicts may stand behind a metric."""
        judged = definition.judged
        if judged is None or judged.own is not None:
            return ()
        named = tuple(
            dict.fromkeys(name for one in judged.criteria for name in self._machines.get(one, ()))
        )
        return named or _BUILT_IN.get(definition.fact, ())

    @cached_property
    def _labelled(self) -> frozenset[str]:
        """Criteria that people labelled."""
        return frozenset(
            row[0]
            for row in self._answers.engine.rows(
                "select distinct a.criterion from assessment as a"
                " where a.assessor_kind = 'human' and a.is_latest order by a.criterion"
            )
        )

    @cached_property
    def _machines(self) -> Mapping[str, tuple[str, ...]]:
        """Criterion to the machines that judged by it, with version and rubric."""
        found: dict[str, list[str]] = {}
        for criterion, name in self._answers.engine.rows(
            "select distinct a.criterion, a.assessor_id || ' ' || a.assessor_version"
            " || case when a.rubric is null then '' else ' (' || a.rubric || ')' end as epoch"
            " from assessment as a where a.assessor_kind in ('llm', 'code', 'vendor')"
            " and a.is_latest order by a.criterion, epoch"
        ):
            found.setdefault(criterion, []).append(name)
        return {criterion: tuple(names) for criterion, names in found.items()}

    def _units(self, definition: Definition, judged: JudgedBy, by: tuple[str, ...]) -> Units:
        key = (definition.name, by)
        if key not in self._kept:
            self._kept[key] = units(self._answers.engine, definition, judged, by)
        self._kept.move_to_end(key)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]


def _marks(machines: Sequence[str]) -> tuple[Caveat, ...]:
    """What the names of machines say of them."""
    kin = any("_same_family" in name for name in machines)
    changed = any("~changed" in name for name in machines)
    return (
        *((Caveat.SAME_FAMILY_JUDGE,) if kin else ()), *((Caveat.JUDGE_CHANGED,) if changed else ())
    )  # fmt: skip


def _by_stratum(units: Units, inside: npt.NDArray[np.bool_]) -> dict[Stratum, dict[int, int]]:
    found: dict[Stratum, dict[int, int]] = {}
    for stratum, bucket, n in zip(
        units.stratum[inside], units.bucket[inside], units.count[inside], strict=True
    ):
        counts = found.setdefault(units.strata[stratum], {})
        counts[int(bucket)] = counts.get(int(bucket), 0) + int(n)
    return found


def _scores(units: Units, inside: npt.NDArray[np.bool_]) -> list[tuple[int, int, float]]:
    """Units and sum of the machine's scores by customer bucket; what it left open stays out."""
    known = inside & ~np.isnan(units.said)
    buckets, place = np.unique(units.bucket[known], return_inverse=True)
    n = np.bincount(place, weights=units.count[known])
    total = np.bincount(place, weights=units.count[known] * units.said[known])
    return [(int(b), int(c), float(t)) for b, c, t in zip(buckets, n, total, strict=True)]


def _machine_rate(units: Units, inside: npt.NDArray[np.bool_]) -> float | None:
    """What the machine alone says of the units it did not leave open."""
    known = inside & (units.said >= 0)
    n = int(units.count[known].sum())
    return float((units.count[known] * units.said[known]).sum() / n) if n else None


def _spread(cell: MeasureCell, is_share: bool) -> float | None:
    """Variance of a unit's score; None for a share, whose rate says it."""
    n = cell.observed
    if is_share or not n:
        return None
    squares = sum(sums.total_sq for sums in cell.buckets.values())
    return max(0.0, squares / n - (cell.total / n) ** 2) / _PPM**2
