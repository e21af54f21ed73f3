"""Runs of equal keys in sorted columns, and what the first and last row of each tells.

Arrays only: 64-bit integers for keys and instants (epoch µs), positions counted from 0. Rows of a run
stand next to each other in order of time, so the earliest row of a kind is the first of its kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
EARLIEST = np.iinfo(np.int64).min
LATEST = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Chosen:
    """Some rows, run by run.

    Attributes:
        rows: their positions, ascending.
        since: for each run the place in ``rows`` where its own begin.
        count: for each run how many it has.
    """

    rows: Integers
    since: Integers
    count: Integers

    @property
    def has(self) -> Flags:
        """Runs that have any."""
        return self.count > 0

    def first(self, values: Integers, absent: int = EARLIEST) -> Integers:
        """Value of the first row of each run."""
        return self._at(values, self.since, absent)

    def last(self, values: Integers, absent: int = EARLIEST) -> Integers:
        """Value of the last row of each run."""
        return self._at(values, self.since + self.count - 1, absent)

    def least(self, values: Integers, absent: int = EARLIEST) -> Integers:
        """Smallest value of each run; ``values`` stand beside ``rows``."""
        return self._reduced(np.minimum, values, absent)

    def greatest(self, values: Integers, absent: int = EARLIEST) -> Integers:
        """Greatest value of each run; ``values`` stand beside ``rows``."""
        return self._reduced(np.maximum, values, absent)

    def total(self, values: Integers) -> Integers:
        """Sum of each run, 0 for none; ``values`` stand beside ``rows``."""
        return self._reduced(np.add, values, 0)

    def _at(self, values: Integers, places: Integers, absent: int) -> Integers:
        if not len(self.rows):
            return np.full(len(self.count), absent, dtype=np.int64)
        found = values[self.rows[np.minimum(np.maximum(places, 0), len(self.rows) - 1)]]
        if not self.has.all():
            found[~self.has] = absent
        return found

    def _reduced(self, by: np.ufunc, values: Integers, absent: int) -> Integers:
        reduced = np.full(len(self.count), absent, dtype=np.int64)
        if len(values):
            reduced[self.has] = by.reduceat(values, self.since[self.has])
        return reduced


@dataclass(frozen=True, slots=True)
class Runs:
    """Rows cut into runs: run ``i`` holds the rows from ``starts[i]`` up to ``starts[i + 1]``."""

    starts: Integers

    @classmethod
    def of(cls, keys: Integers) -> Runs:
        """Runs of equal keys."""
        if not len(keys):
            return cls(np.zeros(1, dtype=np.int64))
        changes = np.flatnonzero(keys[1:] != keys[:-1]) + 1
        return cls(np.concatenate(([0], changes, [len(keys)])).astype(np.int64))

    @classmethod
    def counted(cls, counts: Integers) -> Runs:
        """Runs of given lengths."""
        return cls(np.concatenate(([0], np.cumsum(counts))).astype(np.int64))

    @property
    def lengths(self) -> Integers:
        """Rows of each run."""
        return np.diff(self.starts)

    def owners(self) -> npt.NDArray[np.int32]:
        """For each row the number of its run."""
        return np.repeat(np.arange(len(self.starts) - 1, dtype=np.int32), self.lengths)

    def choose(self, wanted: Flags) -> Chosen:
        """The rows for which ``wanted`` is true."""
        before = np.zeros(len(wanted) + 1, dtype=np.int32)
        np.cumsum(wanted, out=before[1:])
        since = before[self.starts].astype(np.int64)
        return Chosen(np.flatnonzero(wanted), since[:-1], np.diff(since))


def first_at_or_after(
    values: Integers, low: Integers, high: Integers, sought: Integers
) -> Integers:
    """For each row the first place in ``values[low:high]`` that is not below ``sought``, else ``high``.

    The values ascend inside each range. The usual search by halves, all rows at once.
    """
    low, high = low.copy(), high.copy()
    last = len(values) - 1
    while (is_open := low < high).any():
        middle = (low + high) >> 1
        is_below = is_open & (values[np.minimum(middle, last)] < sought)
        low = np.where(is_below, middle + 1, low)
        high = np.where(is_open & ~is_below, middle, high)
    return low


def column(values: npt.NDArray[np.generic], is_known: Flags | None = None) -> pa.Array:
    """An Arrow column, null where not known."""
    return pa.array(values) if is_known is None else pa.array(values, mask=~is_known)


def instant(values: Integers) -> pa.Array:
    """An Arrow column of instants, null where ``EARLIEST``."""
    return pa.array(values, mask=values == EARLIEST)
