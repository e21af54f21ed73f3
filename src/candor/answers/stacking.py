"""Stacks sums by customer bucket into the tables that estimators of several groups take.

A side (a period, a group, a path) is a mapping of member to the sums of each bucket; members are
values of one dimension. Worked examples write a side as lists of ``[total, units]``, one entry per
bucket. Only numbers; nothing is asked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from candor.estimates import Thresholds
from candor.measure import MeasureCell

Side = Mapping[str | None, Mapping[int, tuple[int, int]]]
Table = npt.NDArray[np.int64]
OTHERS = "(small ones together)"


@dataclass(frozen=True, slots=True)
class Stack:
    """Sums of S sides over C members and K buckets.

    Attributes:
        numerators, denominators: [K, C, S] integers.
        members: names of the C members.
    """

    numerators: Table
    denominators: Table
    members: tuple[str | None, ...]

    @property
    def units(self) -> Table:
        """Units by member and side, [C, S]."""
        found: Table = self.denominators.sum(axis=0)
        return found


def side_of(cells: Iterable[MeasureCell], dimension: str) -> Side:
    """Cells of one breakdown as a side; cells without units are left out."""
    return {
        cell.segment[dimension]: bucket_sums(cell)
        for cell in cells
        if cell.available and cell.segment and cell.den
    }


def bucket_sums(cell: MeasureCell) -> dict[int, tuple[int, int]]:
    """Total and denominator by bucket."""
    return {bucket: (sums.total, sums.den) for bucket, sums in cell.buckets.items() if sums.den}


def side(written: Any) -> Side:
    """A side as it is, or as a worked example writes it."""
    first: Any = next(iter(written.values()), {})
    return written if isinstance(first, Mapping) else given_side(written)


def given_side(written: Mapping[str | None, Sequence[Sequence[int]]]) -> Side:
    """A side as a worked example writes it: one ``[total, units]`` per bucket."""
    return {
        member: {bucket: (int(x), int(m)) for bucket, (x, m) in enumerate(rows)}
        for member, rows in written.items()
    }


def stack(sides: Sequence[Side], *, floor: int = 0) -> Stack:
    """Tables of several sides over their common members and buckets.

    Args:
        sides: S sides.
        floor: members with fewer units than this on a side that has any are put together; a
            member that only one side has stays alone when it is large enough there.
    """
    names = sorted({name for side in sides for name in side}, key=_last_unknown)
    groups: dict[str | None, list[str | None]] = {}
    for name in names:
        sizes = [sum(m for _, m in side[name].values()) for side in sides if name in side]
        groups.setdefault(OTHERS if min(sizes) < floor else name, []).append(name)
    buckets = sorted({b for side in sides for sums in side.values() for b in sums})
    place = {bucket: at for at, bucket in enumerate(buckets)}
    shape = (len(buckets), len(groups), len(sides))
    num, den = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for at, members in enumerate(groups.values()):
        for number, side in enumerate(sides):
            for member in members:
                for bucket, (x, m) in side.get(member, {}).items():
                    num[place[bucket], at, number] += x
                    den[place[bucket], at, number] += m
    return Stack(num, den, tuple(groups))


def summed(side: Side) -> dict[int, tuple[int, int]]:
    """Total and denominator by bucket over all members."""
    found: dict[int, tuple[int, int]] = {}
    for sums in side.values():
        for bucket, (x, m) in sums.items():
            before = found.get(bucket, (0, 0))
            found[bucket] = (before[0] + x, before[1] + m)
    return found


def aligned(
    first: Mapping[int, tuple[int, int]], second: Mapping[int, tuple[int, int]]
) -> tuple[tuple[list[int], list[int]], tuple[list[int], list[int]]]:
    """Numerators and denominators of two groups over the same buckets."""
    buckets = sorted({*first, *second})
    both = [[group.get(bucket, (0, 0)) for bucket in buckets] for group in (first, second)]
    one, other = (([x for x, _ in rows], [m for _, m in rows]) for rows in both)
    return one, other


def units_of(side: Side) -> int:
    """Units of all members."""
    return sum(m for sums in side.values() for _, m in sums.values())


def given_thresholds(given: Mapping[str, Any]) -> Thresholds:
    """Floors of a question (an object) or of a worked example (names to numbers)."""
    found = given.get("thresholds", {})
    return found if isinstance(found, Thresholds) else Thresholds(**found)


def _last_unknown(name: str | None) -> tuple[bool, str]:
    return name is None, name or ""
