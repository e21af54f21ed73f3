"""Which cells of a published table must stay hidden so that no small group can be read off it.

A cell with too few people is hidden; where a published total would let it be reckoned by
subtraction, a second cell is hidden as well. Purely about numbers of people; what the cells say
plays no part. Numbers are conventions, hence arguments. Source: Willenborg & de Waal 2001.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MIN_PEOPLE = 11
Key = tuple[str, ...]


def suppress(people: Mapping[str, int], *, minimum: int = MIN_PEOPLE) -> tuple[str, ...]:
    """Cells of one list to hide when its total is published.

    A cell without anybody is not hidden for its own sake: there is nobody to protect.

    Args:
        people: distinct people per cell.
        minimum: fewest people that may be shown.

    Returns:
        Names of hidden cells in the order given; none, or at least two that together hold at
        least ``minimum`` people (all cells when that cannot be reached).
    """
    line: list[Key] = [(name,) for name in people]
    hidden = _close({(name,): count for name, count in people.items()}, [line], minimum)
    return tuple(name for name in people if (name,) in hidden)


def suppress_table(
    people: Mapping[tuple[str, str], int], *, minimum: int = MIN_PEOPLE
) -> frozenset[tuple[str, str]]:
    """Cells of a two-way table to hide when the totals of its rows and columns are published.

    Args:
        people: distinct people per (row, column).
        minimum: fewest people that may be shown.
    """
    counts: dict[Key, int] = dict(people.items())
    lines = [
        [key for key in sorted(counts) if key[axis] == name]
        for axis in (0, 1)
        for name in sorted({key[axis] for key in people})
    ]
    hidden = _close(counts, lines, minimum)
    return frozenset(key for key in people if key in hidden)


def _close(counts: Mapping[Key, int], lines: Sequence[Sequence[Key]], minimum: int) -> set[Key]:
    """Hide small cells, then others, until no line can be differenced."""
    hidden = {key for key, n in counts.items() if 0 < n < minimum}
    changed = True
    while changed:
        changed = False
        for line in lines:
            inside = [cell for cell in line if cell in hidden]
            enough = sum(counts[cell] for cell in inside) >= minimum and len(inside) >= 2
            still_open = sorted(
                (cell for cell in line if cell not in hidden and counts[cell] > 0),
                key=lambda cell: (counts[cell], cell),
            )
            if inside and not enough and still_open:
                hidden.add(still_open[0])
                changed = True
    return hidden
