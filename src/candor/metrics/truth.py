"""Three-valued logic on many rows at once: a bit per row says true, another says false.

Reckons conditions whose parts are elementary answers ``a<n>`` (see ``signature``), exactly as SQL
does: and, or, not, case, coalesce, is. A row with neither bit is not known. Bits past the last row
may hold anything; whoever counts masks them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sqlglot import exp

Bits = npt.NDArray[np.uint8]
_LOW = 2
"""Bits of one answer in a word: 0 false, 1 true, 2 not known."""
_EVERY = 0xFF


class Truth(NamedTuple):
    """Where a condition is true, and where it is false; packed, lowest bit first."""

    true: Bits
    false: Bits


def packed(flags: npt.NDArray[np.bool_]) -> Bits:
    """A flag per row as bits."""
    return np.packbits(flags, bitorder="little")


def unpacked(bits: Bits, size: int) -> npt.NDArray[np.uint8]:
    """Bits as one 0 or 1 per row."""
    return np.unpackbits(bits, count=size, bitorder="little")


def answers(words: Sequence[npt.NDArray[np.int64]], per_word: int, count: int) -> list[Truth]:
    """Answers read back from words.

    Args:
        words: one integer per row and word; answer n lies at its two bits ``n % per_word``.
        per_word: answers in a word.
        count: how many answers there are.
    """
    found: list[Truth] = []
    for word in words:
        size = len(word)
        spread = np.unpackbits(
            np.ascontiguousarray(word).astype("<i8").view(np.uint8).reshape(size, 8),
            axis=1, bitorder="little",
        )  # fmt: skip
        planes = np.packbits(np.ascontiguousarray(spread.T), axis=1, bitorder="little")
        for place in range(min(per_word, count - len(found))):
            true, unknown = planes[_LOW * place], planes[_LOW * place + 1]
            found.append(Truth(true, ~(true | unknown)))
    return found


def reckon(tree: exp.Expression | None, known: Sequence[Truth]) -> Truth:
    """Where a condition over ``a<n>`` holds.

    Args:
        tree: and, or, not, case, coalesce, is, constants and columns ``a<n>``; None is NULL.
        known: the answers.
    """
    if isinstance(tree, exp.Column):
        return known[int(tree.name[1:])]
    if isinstance(tree, exp.Paren):
        return reckon(tree.this, known)
    if isinstance(tree, exp.Not):
        part = reckon(tree.this, known)
        return Truth(part.false, part.true)
    if isinstance(tree, exp.And | exp.Or):
        left, right = reckon(tree.this, known), reckon(tree.expression, known)
        if isinstance(tree, exp.And):
            return Truth(left.true & right.true, left.false | right.false)
        return Truth(left.true | right.true, left.false & right.false)
    if isinstance(tree, exp.Is):
        return _is(reckon(tree.this, known), reckon(tree.expression, known))
    if isinstance(tree, exp.Case):
        branches = [
            (reckon(branch.this, known), reckon(branch.args["true"], known))
            for branch in tree.args["ifs"]
        ]
        return _case(branches, reckon(tree.args.get("default"), known))
    if isinstance(tree, exp.Coalesce):
        return reduce(_first, (reckon(part, known) for part in tree.expressions),
                      reckon(tree.this, known))  # fmt: skip
    none = np.zeros_like(known[0].true)
    if tree is None or isinstance(tree, exp.Null):
        return Truth(none, none)
    if isinstance(tree, exp.Boolean):
        every = np.full_like(none, _EVERY)
        return Truth(every, none) if tree.this else Truth(none, every)
    raise ValueError(f"no condition of elementary answers: {tree.sql()}")


def _is(left: Truth, right: Truth) -> Truth:
    """Never unknown: both are the same of true, false and unknown."""
    differs: Bits = (left.true ^ right.true) | (left.false ^ right.false)
    return Truth(~differs, differs)


def _case(branches: Sequence[tuple[Truth, Truth]], default: Truth) -> Truth:
    left = ~np.zeros_like(default.true)
    true, false = np.zeros_like(left), np.zeros_like(left)
    for condition, value in branches:
        taken = left & condition.true
        true |= taken & value.true
        false |= taken & value.false
        left &= ~condition.true
    return Truth(true | (left & default.true), false | (left & default.false))


def _first(left: Truth, right: Truth) -> Truth:
    """The left one where it is known, else the right one."""
    unknown = ~(left.true | left.false)
    return Truth(left.true | (unknown & right.true), left.false | (unknown & right.false))
