"""Puts the rows of a table in order, unless they are already.

Stored events are sorted by thread and time, so a look usually suffices.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa


def in_order(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """The rows in ascending order of integer columns; sorted ones come in one piece each.

    Args:
        table: any table; the columns named hold integers without nulls.
        names: the first column counts most; none leaves the order as it is.
    """
    if not names or table.num_rows < 2:
        return table
    keys = [table.column(name).to_numpy() for name in names]
    tied = np.ones(len(keys[0]) - 1, dtype=bool)
    falls = np.zeros(len(keys[0]) - 1, dtype=bool)
    for key in keys:
        falls |= tied & (key[1:] < key[:-1])
        tied &= key[1:] == key[:-1]
    if not falls.any():
        return table.combine_chunks()
    return table.combine_chunks().take(pa.array(np.lexsort(tuple(reversed(keys)))))
