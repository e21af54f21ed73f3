"""The cutting of words, and VADER's rules, as one compiled pass over the bytes of many texts.

A second printing of ``tokens`` and ``sentiment``, which stay the definition: every float is reckoned
by the same operations in the same order, so that scores are equal, not close. Needs numba (extra
``fast``); the compiled code is kept on disk. Everything here is numbers: rows are stretches of one
byte array, words are numbers of a table.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

Array = Any
_SPACE, _PUNCTUATION = 0, 1
_EXCLAMATION, _QUESTION = ord("!"), ord("?")


@numba.njit(cache=True, nogil=True)
def cut_rows(
    raw: Array, words: Array, offsets: Array, classes: Array, masks: Array, mix: Array
) -> Any:
    """First token of each row, and each token's start, end and key (see ``tokens._cut``).

    ``words`` are every eight bytes in lower case as one number.
    """
    rows = len(offsets) - 1
    most = offsets[rows] // 2 + rows + 1
    first = np.empty(rows + 1, np.int64)
    start = np.empty(most, np.int64)
    end = np.empty(most, np.int64)
    key = np.empty(most, np.uint64)
    n = 0
    for row in range(rows):
        first[row] = n
        n, _, _ = _cut_row(
            raw, words, offsets[row], offsets[row + 1], classes, masks, mix, start, end, key, n
        )
    first[rows] = n
    return first, start[:n], end[:n], key[:n]


@numba.njit(cache=True, nogil=True)
def _cut_row(
    raw: Array, words: Array, at: int, stop: int, classes: Array, masks: Array, mix: Array,
    start: Array, end: Array, key: Array, n: int,
) -> Any:  # fmt: skip
    """Tokens of one row, written from place ``n`` on; the next place, and marks (! and ?)."""
    exclaimed = asked = 0
    while at < stop:
        if classes[raw[at]] == _SPACE:
            at += 1
            continue
        begin = at
        bare = False
        while at < stop:
            kind = classes[raw[at]]
            if kind <= _PUNCTUATION:
                if kind == _SPACE:
                    break
                bare = True
                exclaimed += raw[at] == _EXCLAMATION
                asked += raw[at] == _QUESTION
            at += 1
        finish = at
        if bare and finish - begin > 2:
            left, right = begin, finish
            while left < right and classes[raw[left]] == _PUNCTUATION:
                left += 1
            while right > left and classes[raw[right - 1]] == _PUNCTUATION:
                right -= 1
            if right - left > 2:
                begin, finish = left, right
        start[n], end[n] = begin, finish
        key[n] = _key(words, begin, finish, masks, mix)
        n += 1
    return n, exclaimed, asked


@numba.njit(cache=True, nogil=True)
def _key(words: Array, begin: int, finish: int, masks: Array, mix: Array) -> Any:
    size = finish - begin
    key = ((words[begin] & masks[min(size, 8)]) + np.uint64(size)) * mix[0]
    for part in (1, 2):
        if size > 8 * part:
            rest = min(size - 8 * part, 8)
            key ^= (words[begin + 8 * part] & masks[rest]) * mix[part]
            key *= mix[3]
    return key


@numba.njit(cache=True, nogil=True)
def find(
    key: Array, start: Array, end: Array, keys: Array, sizes: Array, slots: Array, following: Array,
    shift: Any,
) -> Any:  # fmt: skip
    """Number of each token in a word table (see ``tokens.WordTable.find``)."""
    found = np.zeros(len(key), np.int16)
    for token in range(len(key)):
        found[token] = _number(
            key[token], end[token] - start[token], keys, sizes, slots, following, shift
        )
    return found


@numba.njit(cache=True, nogil=True)
def _number(
    key: int, size: int, keys: Array, sizes: Array, slots: Array, following: Array, shift: Any
) -> int:
    number = slots[key >> shift]
    while number and (keys[number] != key or sizes[number] != size):
        number = following[number]
    return int(number)


@numba.njit(cache=True, nogil=True)
def _is_upper(raw: Array, begin: int, finish: int, upper: Array, lower: Array) -> bool:
    has_capital = False
    for at in range(begin, finish):
        byte = raw[at]
        if byte != upper[byte]:
            return False
        has_capital |= byte != lower[byte]
    return has_capital


@numba.njit(cache=True, nogil=True)
def _is_contracted(raw: Array, begin: int, finish: int, lower: Array) -> bool:
    for at in range(begin + 1, finish - 1):
        if raw[at] == 39 and lower[raw[at - 1]] == 110 and lower[raw[at + 1]] == 116:
            return True
    return False


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
    value: float, back: Array, here: int, next1: int, next2: int, idioms: Array, worth: Array
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
def sentiments(
    raw: Array, words: Array, offsets: Array, tables: Any, table: Any, lexicon: Any
) -> Any:
    """Of each row the sum of its words' valences, and its exclamation and question marks.

    ``raw`` are the bytes as written, ``words`` every eight in lower case as one number; ``tables`` the
    classes, upper and lower case of bytes, masks and multipliers of keys; ``table`` the keys, sizes,
    slots, following words and shift of the word table; ``lexicon`` as in :func:`_valence`.
    """
    classes, upper, lower, masks, mix = tables
    keys, sizes, slots, following, shift = table
    rows = len(offsets) - 1
    longest = 0
    for row in range(rows):
        longest = max(longest, offsets[row + 1] - offsets[row])
    start = np.empty(longest // 2 + 2, np.int64)
    end = np.empty(longest // 2 + 2, np.int64)
    key = np.empty(longest // 2 + 2, np.uint64)
    found = np.empty(longest // 2 + 2, np.int64)
    values = np.empty(longest // 2 + 2)
    factors = np.empty(longest // 2 + 2)
    back = np.zeros(4, np.int64)
    total = np.zeros(rows)
    marks = np.zeros((2, rows), np.int64)
    for row in range(rows):
        n, marks[0, row], marks[1, row] = _cut_row(
            raw, words, offsets[row], offsets[row + 1], classes, masks, mix, start, end, key, 0
        )
        any_scored = False
        for token in range(n):
            number = _number(
                key[token], end[token] - start[token], keys, sizes, slots, following, shift
            )
            found[token] = number
            any_scored |= 0 < number <= lexicon[4]
        if any_scored:
            total[row] = _valence(
                raw, start, end, found, n, upper, lower, lexicon, values, factors, back
            )
    return total, marks


@numba.njit(cache=True, nogil=True)
def _valence(
    raw: Array, start: Array, end: Array, found: Array, finish: int, upper: Array, lower: Array,
    lexicon: Any, values: Array, factors: Array, back: Array,
) -> float:  # fmt: skip
    """Sum of the valences of one row's tokens (see ``sentiment``), special idioms included.

    ``lexicon`` holds valence, boost, negation and part of an idiom by word number; up to which
    number words have a valence; the numbers of no, or, nor, so, this, never, without, doubt, least,
    at, very, but, kind, of; idioms of three words a row, 0 for no third, and what they are worth;
    pairs of words that soften, and by what; the constants of negation and of capitals. ``values``,
    ``factors`` and ``back`` are places to write to.
    """
    (
        valence, boost, negates, in_idiom, scored, grammar, idioms, worth, softeners, amounts,
        n_scalar, c_incr,
    ) = lexicon  # fmt: skip
    no, or_, nor, so, this, never, without, doubt, least, at_, very, but, kind, of = grammar
    begin = 0
    total = 0.0
    hits = 0
    turn = -1
    mixed = False
    for token in range(begin, finish):
        here = found[token]
        if here == but and turn < 0:
            turn = token - begin
    for token in range(begin, finish):
        here = found[token]
        if here <= 0 or here > scored:
            continue
        if here == kind and token + 1 < finish and found[token + 1] == of:
            continue
        if hits == 0:
            loud_words = 0
            for other in range(begin, finish):
                loud_words += _is_upper(raw, start[other], end[other], upper, lower)
            mixed = 0 < loud_words < finish - begin
        position = token - begin
        for step in range(1, 4):
            back[step] = found[token - step] if position >= step else 0
        next1 = found[token + 1] if token + 1 < finish else 0
        next2 = found[token + 2] if token + 2 < finish else 0
        plain = valence[here]
        value = plain
        if here == no and 0 < next1 <= scored:
            value = 0.0
        either = back[1] == or_ or back[1] == nor
        if back[1] == no or back[2] == no or (back[3] == no and either):
            value = plain * n_scalar
        if mixed and _is_upper(raw, start[token], end[token], upper, lower):
            value = value + (c_incr if value > 0 else -c_incr)
        near_so = back[1] == so or back[1] == this
        for step in range(1, 4):
            if position < step or 0 < back[step] <= scored:
                continue
            intense = beyond = False
            if step == 2:
                intense = back[2] == never and near_so
                beyond = back[2] == without and back[1] == doubt
            elif step == 3:
                intense = (back[3] == never and (back[2] == so or back[2] == this)) or near_so
                beyond = back[3] == without and (back[2] == doubt or back[1] == doubt)
            scalar = boost[back[step]]
            has_boost = scalar != 0
            if value < 0:
                scalar = scalar * -1
            other = token - step
            if mixed and has_boost and _is_upper(raw, start[other], end[other], upper, lower):
                scalar = scalar + (c_incr if value > 0 else -c_incr)
            value = value + scalar * (1.0 if step == 1 else 0.95 if step == 2 else 0.9)
            turned = (
                not intense
                and not beyond
                and (negates[back[step]] or _is_contracted(raw, start[other], end[other], lower))
            )
            if intense:
                value = value * 1.25
            if turned:
                value = value * n_scalar
            if step == 3:
                if in_idiom[here] or in_idiom[back[2]]:
                    value = _idiom(value, back, here, next1, next2, idioms, worth)
                for left in (3, 2):
                    for pair in range(len(softeners)):
                        if (
                            back[left] == softeners[pair, 0]
                            and back[left - 1] == softeners[pair, 1]
                        ):
                            value = value + amounts[pair]
        if back[1] == least and not (position > 1 and (back[2] == at_ or back[2] == very)):
            value = value * n_scalar
        values[hits] = value
        factors[hits] = 1.0 if turn < 0 else 0.5 if position < turn else 1.5
        hits += 1
    if turn >= 0:
        # The library looks each value up in the list it is changing: equal values share a fate.
        for hit in range(hits):
            place = 0
            while values[place] != values[hit]:
                place += 1
            values[place] *= factors[place]
    for hit in range(hits):
        total += values[hit]
    return total
