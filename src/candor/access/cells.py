"""Small cells: which cells of a breakdown must be hidden so that few customers cannot be singled out.

A cell of 1 to 9 customers is hidden. Where exactly one cell of an additive group is hidden, the rest
would give it away, so the next smallest is hidden too. Pure; counts in, positions out.
"""

from __future__ import annotations

from collections.abc import Sequence

K = 10
"""Customers a cell needs to be shown to those who may not see small ones."""


def hidden(customers: Sequence[int], *, k: int = K) -> frozenset[int]:
    """Positions of the cells to hide, in one additive group whose total is known.

    Args:
        customers: distinct customers of each cell; a cell of none hides nobody.
        k: fewest customers that are shown.
    """
    found = {at for at, count in enumerate(customers) if 0 < count < k}
    if len(found) == 1:
        rest = [at for at, count in enumerate(customers) if at not in found and count > 0]
        if rest:
            found.add(min(rest, key=lambda at: (customers[at], at)))
    return frozenset(found)
