"""Adds packed integers of rows into cells: the compiled form of the grouping in ``direct``.

Rows come as integer arrays: signature, cell, values. Cells may be added up again into coarser ones.
Nothing here knows SQL or metrics. Sums are
64-bit and exact: the caller keeps every field and every sum inside the word (see ``fits``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from candor.metrics.plan import WORD_BITS, Packing, packing
from candor.metrics.truth import Bits, unpacked

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
_SPARSE = 4
"""Possible cells per row beyond which those that occur are looked for by sorting."""


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


def pack(flags: Sequence[Bits], size: int, rows: int) -> Fields:
    """Pack counts of signatures; equal ones share a field, empty ones take none.

    Args:
        flags: for each count, which signatures belong to it, as bits.
        size: number of signatures.
        rows: most rows that one cell can hold.
    """
    seen: dict[bytes, int] = {}
    number = []
    distinct: list[Bits] = []
    for flag in flags:
        key = flag.tobytes()
        if key not in seen:
            seen[key] = len(distinct) if flag.any() else -1
            distinct += [flag] * (seen[key] >= 0)
        number.append(seen[key])
    packed = packing(len(distinct), rows)
    return Fields(packed, _words(packed, dict(enumerate(distinct)), size), tuple(number))


def pack_alike(
    flags: Sequence[Bits], size: int, rows: int, packed: Packing, number: Sequence[int]
) -> Fields | None:
    """Pack counts of signatures as others of them were packed before.

    Args:
        flags: for each count, which signatures belong to it, as bits.
        size: number of signatures.
        rows: most rows that one cell can hold.
        packed: how the fields lay.
        number: the field of each count; -1 for one that no signature belonged to.

    Returns:
        None where these signatures do not fit: a count that had no field needs one, two that shared
        a field differ, or a cell might leave its field.
    """
    fields: dict[int, Bits] = {}
    for flag, field in zip(flags, number, strict=True):
        if field < 0 and flag.any():
            return None
        if field >= 0 and fields.setdefault(field, flag).tobytes() != flag.tobytes():
            return None
    if rows.bit_length() > packed.width:
        return None
    return Fields(packed, _words(packed, fields, size), tuple(number))


def _words(packed: Packing, fields: Mapping[int, Bits], size: int) -> Ints:
    words = np.zeros((packed.words, size), dtype=np.int64)
    for field, flag in fields.items():
        slot = packed.slot(field)
        words[slot.word] |= unpacked(flag, size).astype(np.int64) << slot.shift
    return np.ascontiguousarray(words.T)


@dataclass(frozen=True)
class Cells:
    """The cells that occur, and what is to be added into each.

    Attributes:
        present: numbers of the cells, in order.
        rows: positions of the rows, ordered by cell.
        starts: for each cell, where its rows begin in ``rows``; one more entry for the end.
    """

    present: Ints
    rows: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int32]


def cells(cell: npt.NDArray[np.integer]) -> Cells:
    """Order rows by their cell and number the cells that occur without gaps."""
    size = len(cell)
    top = int(cell.max(initial=-1)) + 1
    names: Ints | None = None
    if top > _SPARSE * size:
        names, cell = np.unique(cell, return_inverse=True)
        top = len(names)
    # Turning columns into rows is a stable counting sort, the cheapest order of small numbers.
    by_row = sparse.csc_array(
        (np.ones(size, np.int8), cell.astype(np.int32), np.arange(size + 1, dtype=np.int32)),
        shape=(top, size),
    ).tocsr()
    found = np.flatnonzero(np.diff(by_row.indptr))
    starts = np.append(by_row.indptr[found], size).astype(np.int32)
    return Cells(found if names is None else names[found], by_row.indices, starts)


def add(where: Cells, columns: Ints, of: npt.NDArray[np.int32] | None = None) -> Ints:
    """Sum rows into cells.

    Args:
        where: the cells.
        columns: what is added, by row, or by what ``of`` says of the row.
        of: for each row, its line in ``columns``; None when they are the rows themselves.

    Returns:
        Cells × columns.
    """
    lines = where.rows if of is None else of[where.rows]
    matrix = sparse.csr_array(
        (np.ones(len(lines), np.int64), lines, where.starts),
        shape=(len(where.present), len(columns)),
    )
    sums: Ints = np.asarray(matrix @ columns)
    return sums


def fits(largest: int, rows: int) -> bool:
    """Whether ``rows`` values of at most ``largest`` add up inside a word."""
    return largest * rows < 1 << WORD_BITS
