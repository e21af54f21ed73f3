"""How much of a change is performance, and how much only another mix of conversations.

Holds cells of two periods against each other by the metric's recommended breakdown (intent first).
Cells too small to have a rate are put together before. A change whose sign the mix made is flagged;
a reversal that both intervals support is Simpson's paradox. Reference: Kitagawa 1955, Das Gupta 1993.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from candor.estimates import compare
from candor.estimates.estimate import (
    DEFAULT_THRESHOLDS,
    Caveat,
    Reckoning,
    Refusal,
    Thresholds,
    published,
)
from candor.estimates.from_cell import SCALES
from candor.measure import MeasureCell, Unit
from candor.verdicts.compare import Change

PREFERRED = ("intent_id", "channel", "customer_segment", "path", "release", "language")
OTHERS = "(small ones together)"


@dataclass(frozen=True, slots=True)
class Part:
    """One term of a change with its interval; the numbers are in the change's unit."""

    point: float
    low: float
    high: float

    @property
    def is_supported(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0

    def as_dict(self) -> dict[str, float | None]:
        """Plain data, numbers as published."""
        return {name: published(getattr(self, name)) for name in ("point", "low", "high")}


@dataclass(frozen=True, slots=True)
class Member:
    """What one member of the breakdown did to the change."""

    value: str | None
    within: float
    mix: float


@dataclass(frozen=True, slots=True)
class Split:
    """A change taken apart; within + mix + entry and exit add up to it.

    Attributes:
        dimension: breakdown used.
        within: what the same mix would have changed by.
        mix: what the same rates would have changed by.
        entry_exit: what members did that exist in one period only.
        members: each member's terms, largest effect first.
        is_simpson: the change and its within part are supported and point in opposite directions.
        caveats: ``mix_driven`` where the mix made the sign.
        refusal: why there is no split; the terms are None then.
    """

    dimension: str
    within: Part | None = None
    mix: Part | None = None
    entry_exit: Part | None = None
    members: tuple[Member, ...] = ()
    is_simpson: bool = False
    caveats: tuple[Caveat, ...] = ()
    refusal: Refusal | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""

        def plain(part: Part | None) -> dict[str, float | None] | None:
            return None if part is None else part.as_dict()

        return {
            "by": self.dimension,
            "within": plain(self.within),
            "mix": plain(self.mix),
            "entry_exit": plain(self.entry_exit),
            "members": [
                {"value": m.value, "within": published(m.within), "mix": published(m.mix)}
                for m in self.members
            ],
            "simpson": self.is_simpson,
            "caveats": [str(caveat) for caveat in self.caveats],
            "refusal": None if self.refusal is None else str(self.refusal),
        }


def dimension(recommended: Sequence[str], available: Sequence[str]) -> str | None:
    """The breakdown a metric's changes are split by; None when it has none of use."""
    wanted = [name for name in PREFERRED if name in recommended and name in available]
    return wanted[0] if wanted else None


def split(
    current: Sequence[MeasureCell],
    previous: Sequence[MeasureCell],
    *,
    by: str,
    unit: Unit,
    change: Change,
    customers: int,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Split:
    """Take a change apart.

    Args:
        current: the metric's cells of the later period, one per member of ``by``.
        previous: those of the earlier period.
        by: the dimension of the cells.
        unit: what the metric is measured in.
        change: the whole change, for the flags.
        customers: distinct customers over both periods (a lower bound will do).
        level: confidence level.
        thresholds: floors of the refusals; members below ``min_units`` are put together.
    """
    cells = [_by_member(cells, by) for cells in (previous, current)]
    names = sorted({*cells[0], *cells[1]}, key=lambda name: (name is None, name or ""))
    groups = _grouped(names, cells, thresholds.min_units)
    if not groups:
        return Split(by, refusal=Refusal.NOTHING_OBSERVED)
    buckets = sorted({b for side in cells for cell in side.values() for b in cell.buckets})
    place = {bucket: at for at, bucket in enumerate(buckets)}
    shape = (len(buckets), len(groups), 2)
    num, den = np.zeros(shape), np.zeros(shape)
    for at, (_, members) in enumerate(groups):
        for side in (0, 1):
            for name in members:
                cell = cells[side].get(name)
                for bucket, sums in cell.buckets.items() if cell else ():
                    num[place[bucket], at, side] += sums.total / SCALES[unit]
                    den[place[bucket], at, side] += sums.den
    totals = den.sum(axis=0)
    if not (totals.sum(axis=0) > 0).all() or not (totals > 0).all(axis=1).any():
        return Split(by, refusal=Refusal.NOTHING_OBSERVED)
    found = compare.kitagawa(num, den, customers=customers, level=level, thresholds=thresholds)
    if isinstance(found, Refusal):
        return Split(by, refusal=found)
    within = _part(found.performance)
    effects = sorted(
        (Member(name, a, b + c) for (name, _), (a, b, c) in zip(groups, found.found.cells, strict=True)),
        key=lambda m: (-abs(m.within) - abs(m.mix), m.value or ""),
    )  # fmt: skip
    reversed_sign = _is_supported(change) and (change.point or 0.0) * within.point < 0
    return Split(
        by, within, _part(found.mix), _part(found.entry_exit), tuple(effects),
        is_simpson=reversed_sign and within.is_supported,
        caveats=(Caveat.MIX_DRIVEN,) if reversed_sign else (),
    )  # fmt: skip


def _is_supported(change: Change) -> bool:
    return (
        change.low is not None and change.high is not None and (change.low > 0 or change.high < 0)
    )


def _by_member(cells: Sequence[MeasureCell], by: str) -> dict[str | None, MeasureCell]:
    return {cell.segment.get(by): cell for cell in cells if cell.available}


def _grouped(
    names: Sequence[str | None],
    cells: Sequence[Mapping[str | None, MeasureCell]],
    floor: int,
) -> list[tuple[str | None, tuple[str | None, ...]]]:
    """Members that stand alone, and those too small in both periods' worth together.

    A member that is large in one period and absent in the other stays alone: it entered or left.
    """
    alone: list[tuple[str | None, tuple[str | None, ...]]] = []
    small: list[str | None] = []
    for name in names:
        sizes = [side[name].observed if name in side else 0 for side in cells]
        if max(sizes) < floor or 0 < min(sizes) < floor:
            small.append(name)
        else:
            alone.append((name, (name,)))
    return [*alone, (OTHERS, tuple(small))] if small else alone


def _part(found: Reckoning) -> Part:
    return Part(found.point or 0.0, found.low or 0.0, found.high or 0.0)
