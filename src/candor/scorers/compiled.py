"""The cutting of words, and VADER's rules, compiled: a few passes over the bytes of many texts.

A second printing of ``tokens`` and ``sentiment``, which stay the definition: every float is reckoned
by the same operations in the same order, so that scores are equal, not close. Needs numba (extra
``fast``); the compiled code is kept on disk. Everything here is numbers: rows are stretches of one
byte array, words are numbers of a table. Blanks are found 64 bytes at a time, as bits of one number,
because a branch for each byte costs more than all the rest.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.extending import intrinsic

Array = Any
_PUNCTUATION = 1
_EXCLAMATION, _QUESTION, _QUOTE = ord("!"), ord("?"), ord("'")
_GATHER = np.uint64(0x0102040810204080)
"""Multiplied with eight bytes of 0 or 1 leaves them as the bits of the highest byte."""
_ONE, _TOP, _ALL_BUT_BYTE = np.uint64(1), np.uint64(63), np.uint64(56)
_COARSE, _FINE = np.uint64(54), np.uint64(48)
"""Where a key's sixteen highest bits are split into a number of the sieve and a bit of it."""


@intrinsic
def _lowest(_: Any, word: Any) -> Any:
    """Number of the lowest bit set of an unsigned number that is not 0."""
    if word != numba.types.uint64:
        return None

    def emit(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], context.get_constant(numba.types.boolean, True))

    return numba.types.int64(numba.types.uint64), emit


lowest: Any = _lowest


@numba.njit(cache=True, nogil=True)
def packed(flags: Array) -> Any:
    """Bytes of 0 or 1, a multiple of 64 of them, as bits: 64 a number."""
    eights = flags.view(np.uint64)
    bits = np.empty(len(flags) // 64, np.uint64)
    for number in range(len(bits)):
        gathered = np.uint64(0)
        for part in range(8):
            eight = (eights[8 * number + part] * _GATHER) >> _ALL_BUT_BYTE
            gathered |= eight << np.uint64(8 * part)
        bits[number] = gathered
    return bits


@numba.njit(cache=True, nogil=True)
def _bits(raw: Array, wanted: int) -> Any:
    """Where bytes equal one, as bits."""
    flags = np.empty(len(raw), np.uint8)
    for at in range(len(raw)):
        flags[at] = raw[at] == wanted
    return packed(flags)


@numba.njit(cache=True, nogil=True)
def _blanks(raw: Array) -> Any:
    """Where blanks are, as bits. Compared, since a table would be read a byte at a time."""
    flags = np.empty(len(raw), np.uint8)
    for at in range(len(raw)):
        byte = raw[at]
        controls = ((byte >= 9) & (byte <= 13)) | ((byte >= 28) & (byte <= 31))
        flags[at] = controls | (byte == 32) | (byte == 133) | (byte == 160)
    return packed(flags)


@numba.njit(cache=True, nogil=True)
def lowered(raw: Array) -> Any:
    """Bytes in lower case."""
    lower = np.empty(len(raw), np.uint8)
    for at in range(len(raw)):
        byte = raw[at]
        plain = (byte >= 65) & (byte <= 90)
        accented = (byte >= 192) & (byte <= 222) & (byte != 215)
        lower[at] = byte | np.uint8(32 * (plain | accented))
    return lower


@numba.njit(cache=True, nogil=True)
def cut_rows(
    raw: Array, words: Array, offsets: Array, classes: Array, masks: Array, mix: Array
) -> Any:
    """First token of each row, and each token's start, end and key (see ``tokens._cut``).

    ``raw`` are the bytes as written, filled up with blanks (see ``tokens.chunks``); ``words`` every
    eight of them in lower case as one number; ``classes`` the class of each byte there is.
    """
    rows = len(offsets) - 1
    most = offsets[rows] // 2 + rows + 64
    start = np.empty(most, np.int64)
    end = np.empty(most, np.int64)
    count = _edges(_blanks(raw), offsets, start, end)
    key = np.empty(count, np.uint64)
    for token in range(count):
        begin, finish = start[token], end[token]
        bare = (classes[raw[begin]] == _PUNCTUATION) | (classes[raw[finish - 1]] == _PUNCTUATION)
        if bare and finish - begin > 2:
            left, right = begin, finish
            while left < right and classes[raw[left]] == _PUNCTUATION:
                left += 1
            while right > left and classes[raw[right - 1]] == _PUNCTUATION:
                right -= 1
            if right - left > 2:
                begin, finish = left, right
                start[token], end[token] = begin, finish
        size = finish - begin
        if size <= 8:
            key[token] = ((words[begin] & masks[size]) + np.uint64(size)) * mix[0]
        else:
            made = (words[begin] + np.uint64(size)) * mix[0]
            for part in (1, 2):
                if size > 8 * part:
                    rest = min(size - 8 * part, 8)
                    made ^= (words[begin + 8 * part] & masks[rest]) * mix[part]
                    made *= mix[3]
            key[token] = made
    first = np.empty(rows + 1, np.int64)
    token = 0
    for row in range(rows):
        first[row] = token
        stop = offsets[row + 1]
        while token < count and start[token] < stop:
            token += 1
    first[rows] = count
    return first, start[:count], end[:count], key


@numba.njit(cache=True, nogil=True)
def _edges(blanks: Array, offsets: Array, start: Array, end: Array) -> int:
    """Stretches without a blank, written to ``start`` and ``end``: how many. Rows cut them too."""
    started = ended = row = 0
    rows = len(offsets)
    inside_before = np.uint64(0)
    for number in range(len(blanks)):
        base = 64 * number
        inside = ~blanks[number]
        edge = np.uint64(0)
        while row < rows and offsets[row] < base + 64:
            edge |= _ONE << np.uint64(offsets[row] - base)
            row += 1
        before = (inside << _ONE) | inside_before
        inside_before = inside >> _TOP
        begins = inside & (edge | ~before)
        stops = before & (edge | ~inside)
        while begins != 0:
            start[started] = base + lowest(begins)
            begins &= begins - _ONE
            started += 1
        while stops != 0:
            end[ended] = base + lowest(stops)
            stops &= stops - _ONE
            ended += 1
    return started


@numba.njit(cache=True, nogil=True)
def find(
    key: Array, start: Array, end: Array, keys: Array, sizes: Array, slots: Array, following: Array,
    sieve: Array, shift: Any,
) -> Any:  # fmt: skip
    """Number of each token in a word table (see ``tokens.WordTable.find``)."""
    found = np.zeros(len(key), np.int16)
    for token in range(len(key)):
        wanted = key[token]
        if (sieve[wanted >> _COARSE] >> ((wanted >> _FINE) & _TOP)) & _ONE:
            number = slots[wanted >> shift]
            size = end[token] - start[token]
            while number and (keys[number] != wanted or sizes[number] != size):
                number = following[number]
            found[token] = number
    return found


@numba.njit(cache=True, nogil=True)
def votes(first: Array, found: Array, counts: Array) -> Any:
    """Of each row and each row of ``counts`` the sum over the words found in it."""
    sums = np.zeros((len(counts), len(first) - 1), np.int64)
    for row in range(len(first) - 1):
        for token in range(first[row], first[row + 1]):
            number = found[token]
            if number:
                for kind in range(len(counts)):
                    sums[kind, row] += counts[kind, number]
    return sums


@numba.njit(cache=True, nogil=True)
def marks(raw: Array, offsets: Array, mark: int) -> Any:
    """How many of one mark each row has."""
    counts = np.zeros(len(offsets) - 1, np.int64)
    bits = _bits(raw, mark)
    row = 0
    for number in range(len(bits)):
        left = bits[number]
        while left != 0:
            at = 64 * number + lowest(left)
            left &= left - _ONE
            while offsets[row + 1] <= at:
                row += 1
            counts[row] += 1
    return counts


@numba.njit(cache=True, nogil=True)
def _known(first: int, second: int, third: int, length: int, idioms: Array) -> int:
    """Row of an idiom; -1 where the words are none."""
    for row in range(len(idioms)):
        if (
            (idioms[row, 2] != 0) == (length == 3)
            and idioms[row, 0] == first
            and idioms[row, 1] == second
            and (length == 2 or idioms[row, 2] == third)
        ):
            return row
    return -1


@numba.njit(cache=True, nogil=True)
def _idiom(
    value: float, back: Array, here: Any, next1: Any, next2: Any, idioms: Array, worth: Array
) -> float:
    """The library's look at the idioms around a word, in its order."""
    found = _known(back[1], here, 0, 2, idioms)
    if found < 0:
        found = _known(back[2], back[1], here, 3, idioms)
    if found < 0:
        found = _known(back[2], back[1], 0, 2, idioms)
    if found < 0:
        found = _known(back[3], back[2], back[1], 3, idioms)
    if found < 0:
        found = _known(back[3], back[2], 0, 2, idioms)
    if found >= 0:
        value = worth[found]
    found = _known(here, next1, 0, 2, idioms)
    if found >= 0:
        value = worth[found]
    found = _known(here, next1, next2, 3, idioms)
    if found >= 0:
        value = worth[found]
    return value


@numba.njit(cache=True, nogil=True)
def valences(
    raw: Array, first: Array, start: Array, end: Array, found: Array, upper: Array, lower: Array,
    lexicon: Any,
) -> Any:  # fmt: skip
    """Sum of the valences of each row's tokens (see ``sentiment``), special idioms included.

    ``lexicon`` holds valence, boost, negation and part of an idiom by word number; up to which
    number words have a valence; the numbers of no, or, nor, so, this, never, without, doubt, least,
    at, very, but, kind, of; idioms of three words a row, 0 for no third, and what they are worth;
    pairs of words that soften, and by what; the constants of negation and of capitals.

    One loop, for a call for each row or word costs more than the words do.
    """
    (
        valence, boost, negates, in_idiom, scored, grammar, idioms, worth, softeners, amounts,
        n_scalar, c_incr,
    ) = lexicon  # fmt: skip
    no, or_, nor, so, this, never, without, doubt, least, at_, very, but, kind, of = grammar
    rows = len(first) - 1
    count = first[rows]
    hit_at = np.empty(count + 1, np.int64)
    turn_at = np.empty(count + 1, np.int64)
    hits = turns = 0
    for token in range(count):
        hit_at[hits] = token
        hits += (found[token] > 0) & (found[token] <= scored)
        turn_at[turns] = token
        turns += found[token] == but
    hit_at[hits] = turn_at[turns] = count
    values = np.empty(hits)
    back = np.zeros(4, np.int64)
    quotes = _bits(raw, _QUOTE)
    totals = np.zeros(rows)
    hit = turn = 0
    for row in range(rows):
        begin, finish = first[row], first[row + 1]
        if hit_at[hit] >= finish:
            continue
        while turn_at[turn] < begin:
            turn += 1
        is_turned = turn_at[turn] < finish
        mixed = -1
        kept = 0
        while hit_at[hit] < finish:
            token = hit_at[hit]
            hit += 1
            here = np.int64(found[token])
            if here == kind and token + 1 < finish and found[token + 1] == of:
                continue
            position = token - begin
            for step in range(1, 4):
                back[step] = found[token - step] if position >= step else 0
            plain = valence[here]
            value = plain
            if here == no and token + 1 < finish and 0 < found[token + 1] <= scored:
                value = 0.0
            either = back[1] == or_ or back[1] == nor
            if back[1] == no or back[2] == no or (back[3] == no and either):
                value = plain * n_scalar
            if _is_upper(raw, start[token], end[token], upper, lower):
                if mixed < 0:
                    mixed = _is_mixed(raw, start, end, begin, finish, upper, lower)
                if mixed:
                    value = value + (c_incr if value > 0 else -c_incr)
            near_so = back[1] == so or back[1] == this
            for step in range(1, 4):
                if position < step or 0 < back[step] <= scored:
                    continue
                other = token - step
                intense = beyond = False
                if step == 2:
                    intense = back[2] == never and near_so
                    beyond = back[2] == without and back[1] == doubt
                elif step == 3:
                    intense = (back[3] == never and (back[2] == so or back[2] == this)) or near_so
                    beyond = back[3] == without and (back[2] == doubt or back[1] == doubt)
                scalar = boost[back[step]]
                if scalar != 0:
                    if value < 0:
                        scalar = scalar * -1
                    if _is_upper(raw, start[other], end[other], upper, lower):
                        if mixed < 0:
                            mixed = _is_mixed(raw, start, end, begin, finish, upper, lower)
                        if mixed:
                            scalar = scalar + (c_incr if value > 0 else -c_incr)
                    value = value + scalar * (1.0 if step == 1 else 0.95 if step == 2 else 0.9)
                denied = negates[back[step]]
                if back[step] == 0:
                    for at in range(start[other] + 1, end[other] - 1):
                        if (quotes[at >> 6] >> np.uint64(at & 63)) & _ONE:
                            denied |= lower[raw[at - 1]] == 110 and lower[raw[at + 1]] == 116
                if intense:
                    value = value * 1.25
                elif denied and not beyond:
                    value = value * n_scalar
                if step == 3:
                    if in_idiom[here] or in_idiom[back[2]]:
                        next1 = np.int64(found[token + 1]) if token + 1 < finish else 0
                        next2 = np.int64(found[token + 2]) if token + 2 < finish else 0
                        value = _idiom(value, back, here, next1, next2, idioms, worth)
                    for left in (3, 2):
                        if back[left] and back[left - 1]:
                            for pair in range(len(softeners)):
                                if (
                                    back[left] == softeners[pair, 0]
                                    and back[left - 1] == softeners[pair, 1]
                                ):
                                    value = value + amounts[pair]
            if back[1] == least and not (position > 1 and (back[2] == at_ or back[2] == very)):
                value = value * n_scalar
            values[kept] = value
            hit_at[kept] = token
            kept += 1
        if is_turned:
            # The library looks each value up in the list it is changing: equal values share a fate.
            for one in range(kept):
                place = 0
                while values[place] != values[one]:
                    place += 1
                values[place] *= 0.5 if hit_at[place] < turn_at[turn] else 1.5
        for one in range(kept):
            totals[row] += values[one]
    return totals


@numba.njit(cache=True, nogil=True)
def _is_upper(raw: Array, begin: int, finish: int, upper: Array, lower: Array) -> bool:
    """Whether a word has capital letters and no small ones."""
    has_capital = False
    for at in range(begin, finish):
        byte = raw[at]
        if byte != upper[byte]:
            return False
        has_capital |= byte != lower[byte]
    return has_capital


@numba.njit(cache=True, nogil=True)
def _is_mixed(
    raw: Array, start: Array, end: Array, begin: int, finish: int, upper: Array, lower: Array
) -> int:
    """1 where a row has words in capitals and others, else 0."""
    loud = 0
    for token in range(begin, finish):
        loud += _is_upper(raw, start[token], end[token], upper, lower)
    return 1 if 0 < loud < finish - begin else 0
