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


@dataclass(frozen=True)
class Order:
    """Rows in the order of their signature.

    Attributes:
        rows: positions of the rows, ordered.
        starts: for each signature, where its rows begin in ``rows``; one more entry for the end.
    """

    rows: Ints
    starts: Ints


def order(signature: Ints, size: int) -> Order:
    """Order rows by signature; ``size`` is the number of signatures."""
    starts = np.zeros(size + 1, dtype=np.int64)
    np.cumsum(np.bincount(signature, minlength=size), out=starts[1:])
    return Order(np.argsort(signature, kind="stable"), starts)


@dataclass(frozen=True)
class Cells:
    """The cells that occur.

    Attributes:
        present: numbers of the cells, in order.
        place: for each row, the position of its cell in ``present``.
    """

    present: Ints
    place: Ints


def cells(cell: Ints) -> Cells:
    """Number the cells that occur without gaps."""
    present = np.flatnonzero(np.bincount(cell))
    place = np.empty(int(present[-1]) + 1 if len(present) else 1, dtype=np.int64)
    place[present] = np.arange(len(present))
    return Cells(present, place[cell])


def add_rows(where: Cells, rows: Ints) -> Ints:
    """Sum rows (rows × columns) into cells (cells × columns)."""
    size = len(where.place)
    return _add(where.place, np.arange(size + 1), rows, len(where.present))


def add_signatures(where: Cells, ordered: Order, words: Ints) -> Ints:
    """Sum the words of the rows' signatures (signatures × words) into cells (cells × words)."""
    return _add(where.place[ordered.rows], ordered.starts, words, len(where.present))


def _add(place: Ints, starts: Ints, columns: Ints, size: int) -> Ints:
    ones = np.ones(len(place), dtype=np.int64)
    matrix = sparse.csc_array((ones, place, starts), shape=(size, len(columns)))
    sums: Ints = np.asarray(matrix @ columns)
    return sums


def fits(largest: int, rows: int) -> bool:
    """Whether ``rows`` values of at most ``largest`` add up inside a word."""
    return largest * rows < 1 << WORD_BITS
