"""Texts of UTF-8 as one byte per character, compiled: a second printing of ``tokens.Flattener``.

What stands for a character is read from pages of 256 characters: a byte, or 256 and the number of the
words that are inserted for it. Pages are made by the Flattener, for the characters that occur.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from candor.scorers.compiled import lowest, packed

Array = Any
_BLANK, _MARK = 32, 1


@numba.njit(cache=True, nogil=True)
def _high(data: Array, least: int) -> Any:
    """Where bytes of at least ``least`` are, as bits; the byte that marks inserted words too."""
    flags = np.zeros(64 * (len(data) // 64 + 1), np.uint8)
    for at in range(len(data)):
        flags[at] = (data[at] >= least) | (data[at] == _MARK)
    return packed(flags)


@numba.njit(cache=True, nogil=True)
def met(data: Array, seen: Array) -> None:
    """Mark in ``seen`` the page of every character beyond ASCII."""
    bits = _high(data, 0xC0)
    for number in range(len(bits)):
        left = bits[number]
        while left != 0:
            at = 64 * number + lowest(left)
            left &= left - np.uint64(1)
            character, _ = _decoded(data, at, len(data))
            seen[character >> 8] = True


@numba.njit(cache=True, nogil=True)
def flatten(
    data: Array, offsets: Array, place: Array, pages: Array, said: Array, ends: Array
) -> Any:
    """The bytes of the texts, and where each begins.

    ``place`` says which row of ``pages`` a page is; ``said`` are the bytes of all inserted words, and
    ``ends`` where those of each number end, after a 0.
    """
    rows = len(offsets) - 1
    is_foreign = np.zeros(rows, np.bool_)
    bits = _high(data, 0xC0)
    most = len(data)
    row = 0
    for number in range(len(bits)):
        left = bits[number]
        while left != 0:
            at = 64 * number + lowest(left)
            left &= left - np.uint64(1)
            while offsets[row + 1] <= at:
                row += 1
            is_foreign[row] = True
            character, _ = _decoded(data, at, len(data))
            value = pages[place[character >> 8], character & 255]
            if value >= 256:
                most += ends[value - 255] - ends[value - 256] + 1
    flat = np.empty(most, np.uint8)
    begins = np.zeros(rows + 1, np.int32)
    written = copied = 0
    for row in range(rows):
        begin, stop = offsets[row], offsets[row + 1]
        if is_foreign[row]:
            _copy(data, copied, begin, flat, written)
            written = _write(data, begin, stop, place, pages, said, ends, flat, written)
            copied = stop
        else:
            written += stop - begin
        begins[row + 1] = written
    _copy(data, copied, len(data), flat, written)
    return flat, begins


@numba.njit(cache=True, nogil=True)
def _copy(data: Array, begin: int, stop: int, flat: Array, written: int) -> None:
    """Copy bytes to end at place ``written``. ``to[:] = of`` is as fast, but takes 5 s to compile."""
    of, to = data[begin:stop], flat[written - (stop - begin) : written]
    for at in range(len(of)):
        to[at] = of[at]


@numba.njit(cache=True, nogil=True)
def _write(
    data: Array, at: int, stop: int, place: Array, pages: Array, said: Array, ends: Array,
    flat: Array, written: int,
) -> int:  # fmt: skip
    """Write one text from place ``written`` on; the next place."""
    begin = written
    while at < stop:
        byte = data[at]
        if byte < 128 and byte != _MARK:
            flat[written] = byte
            written += 1
            at += 1
            continue
        character, length = _decoded(data, at, stop)
        at += length
        value = pages[place[character >> 8], character & 255]
        if value < 256:
            flat[written] = value
            written += 1
            continue
        # Inserted words are set apart by a blank, unless one stands there.
        if written == begin or flat[written - 1] != _BLANK:
            flat[written] = _BLANK
            written += 1
        for letter in range(ends[value - 256], ends[value - 255]):
            flat[written] = said[letter]
            written += 1
    return written


@numba.njit(cache=True, nogil=True)
def _decoded(data: Array, at: int, stop: int) -> Any:
    """A character's number and how many bytes it takes."""
    first = np.int64(data[at])
    length = 1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    if length == 1 or at + length > stop:
        return first, 1
    character = first & (0xFF >> (length + 1))
    for part in range(1, length):
        character = (character << 6) | (data[at + part] & 0x3F)
    return character, length
