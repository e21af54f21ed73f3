"""Which dimensions are grouped together before each is added up alone.

Rows are added up once per *branch*, by the combination of its dimensions; each dimension then adds
up the combinations, which are far fewer. Dimensions share a branch as long as their combinations
stay well below the rows; one with many members has a branch of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from candor.metrics import kernel
from candor.metrics.kernel import Cells, Ints

Codes = npt.NDArray[np.int32]
ROWS_PER_CELL = 2
"""Rows that a combination must stand for on average, to be worth a step of its own."""


@dataclass(frozen=True)
class Branch:
    """Dimensions that are added up together.

    Attributes:
        rows: rows by place and combination of members.
        dims: for each dimension, the combinations by place and member. The number of a cell is
            place × members + member.
    """

    rows: Cells
    dims: dict[str, Cells]

    def add(self, columns: Ints, of: Codes | None = None) -> Iterator[tuple[str, Ints]]:
        """Sums of each dimension's cells (see :func:`candor.metrics.kernel.add`)."""
        joint = kernel.add(self.rows, columns, of)
        for name, cells in self.dims.items():
            yield name, kernel.add(cells, joint)


def branch(place: Codes, codes: Mapping[str, Codes], sizes: Mapping[str, int]) -> Branch:
    """Group rows by a place and dimensions.

    Args:
        place: of each row, such as span and bucket in one number.
        codes: for each dimension but the total (''), the member of each row.
        sizes: members of each dimension of this branch; 1 for the total.
    """
    joint = place.astype(np.int64)
    for name, size in sizes.items():
        if size > 1:
            joint = joint * size + codes[name]
    rows = kernel.cells(joint)
    rest = rows.present
    member: dict[str, Ints] = {}
    for name, size in reversed([*sizes.items()]):
        rest, member[name] = np.divmod(rest, size)
    return Branch(
        rows, {name: kernel.cells(rest * size + member[name]) for name, size in sizes.items()}
    )


def shared(sizes: Mapping[str, int], places: int, rows: int) -> list[dict[str, int]]:
    """Put dimensions into branches, the largest first, each where it fits most tightly.

    Args:
        sizes: members of each dimension.
        places: possible places of a row.
        rows: number of rows.
    """
    limit = rows // (ROWS_PER_CELL * places)
    branches: list[dict[str, int]] = []
    products: list[int] = []
    for name, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        room = [at for at, product in enumerate(products) if product * size <= limit]
        if not name and products:  # the total follows from any branch: take the smallest
            room = [products.index(min(products))]
        if room:
            at = max(room, key=lambda one: (products[one], -one))
            branches[at][name] = size
            products[at] *= size
        else:
            branches.append({name: size})
            products.append(size)
    return branches
