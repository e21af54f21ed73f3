"""Adds packed integers of rows into cells: the compiled form of the grouping in ``direct``.

Rows come as integer arrays: signature, cell, values. Nothing here knows SQL or metrics. Sums are
64-bit and exact: the caller keeps every field and every sum inside the word (see ``fits``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from candor.metrics.plan import WORD_BITS, Packing, packing

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Fields:
    """Distinct counts of signatures, packed.

    Attributes:
        packed: how the fields lie in words.
        words: signatures × words.
        number: for each count asked for, its field; -1 for one that no signature belongs to.
    """

    packed: Packing
    words: Ints
    number: tuple[int, ...]


def pack(flags: list[Flags], rows: int) -> Fields:
    """Pack counts of signatures; equal ones share a field, empty ones take none.

    Args:
        flags: for each count, which signatures belong to it.
        rows: most rows that one cell can hold.
    """
    seen: dict[bytes, int] = {}
    number = []
    distinct: list[Flags] = []
    for flag in flags:
        if not flag.any():
            number.append(-1)
            continue
        key = np.packbits(flag).tobytes()
        if key not in seen:
            seen[key] = len(distinct)
            distinct.append(flag)
        number.append(seen[key])
    packed = packing(len(distinct), rows)
    size = len(flags[0]) if flags else 0
    words = np.zeros((size, packed.words), dtype=np.int64)
    for field, flag in enumerate(distinct):
        slot = packed.slot(field)
        words[:, slot.word] |= flag.astype(np.int64) << slot.shift
    return Fields(packed, words, tuple(number))


def add_rows(cell: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """Sum rows into cells.

    Args:
        cell: cell of each row.
        rows: rows × columns.

    Returns:
        The cells that occur, in order, and their sums (cells × columns).
    """
    present = np.flatnonzero(np.bincount(cell))
    place = np.empty(int(present[-1]) + 1 if len(present) else 1, dtype=np.int32)
    place[present] = np.arange(len(present), dtype=np.int32)
    matrix = sparse.csc_array(
        (
            np.ones(len(cell), dtype=np.int64),
            place[cell],
            np.arange(len(cell) + 1, dtype=np.int32),
        ),
        shape=(len(present), len(cell)),
    )
    sums: Ints = np.asarray(matrix @ rows)
    return present, sums


def add_signatures(cell: Ints, signature: Ints, words: Ints) -> tuple[Ints, Ints]:
    """The same for rows given by their signature: equal rows of a cell are added up first."""
    present = np.flatnonzero(np.bincount(cell))
    place = np.empty(int(present[-1]) + 1 if len(present) else 1, dtype=np.int32)
    place[present] = np.arange(len(present), dtype=np.int32)
    matrix = sparse.coo_array(
        (np.ones(len(cell), dtype=np.int64), (place[cell], signature.astype(np.int32))),
        shape=(len(present), len(words)),
    ).tocsr()
    sums: Ints = np.asarray(matrix @ words)
    return present, sums


def fits(largest: int, rows: int) -> bool:
    """Whether ``rows`` values of at most ``largest`` add up inside a word."""
    return largest * rows < 1 << WORD_BITS
