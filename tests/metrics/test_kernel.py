"""Packed sums give the same integers as plain ones; signatures give the same codes as rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.metrics import kernel
from candor.metrics.plan import packing
from candor.metrics.truth import packed


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_packed_sums_are_plain_sums(data: st.DataObject) -> None:
    signatures = data.draw(st.integers(1, 9))
    counts = data.draw(st.integers(1, 40))
    flags = [
        np.array(data.draw(st.lists(st.booleans(), min_size=signatures, max_size=signatures)))
        for _ in range(counts)
    ]
    size = data.draw(st.integers(1, 60))
    rows = np.array(
        data.draw(st.lists(st.integers(0, signatures - 1), min_size=size, max_size=size))
    )
    cell = np.array(data.draw(st.lists(st.integers(0, 5), min_size=size, max_size=size)))
    fields = kernel.pack([packed(flag) for flag in flags], signatures, size)
    where = kernel.cells(cell)
    assert where.present.tolist() == sorted(set(cell.tolist()))
    for sums in (
        kernel.add(where, fields.words[rows]),
        kernel.add(where, fields.words, rows.astype(np.int32)),
    ):
        for number, flag in enumerate(flags):
            for at, one in enumerate(where.present):
                plain = int(flag[rows[cell == one]].sum())
                if fields.number[number] < 0:
                    assert plain == 0
                    continue
                slot = fields.packed.slot(fields.number[number])
                assert (int(sums[at, slot.word]) >> slot.shift) & fields.packed.mask == plain


@pytest.mark.parametrize(("rows", "width", "per_word"), [(1, 1, 62), (3, 2, 31), (1000, 10, 6)])
def test_fields_are_just_wide_enough(rows: int, width: int, per_word: int) -> None:
    packed = packing(7, rows)
    assert (packed.width, packed.per_word) == (width, per_word)
    assert rows <= packed.mask
    assert packed.width * packed.per_word <= 62


def test_equal_counts_share_a_field_and_empty_ones_take_none() -> None:
    one, none = np.array([True, False]), np.array([False, False])
    fields = kernel.pack([packed(flag) for flag in (one, none, one, ~one)], 2, 10)
    assert fields.number == (0, -1, 0, 1)
    assert fields.packed.size == 2


def test_a_word_has_an_end() -> None:
    assert kernel.fits(1 << 40, (1 << 22) - 1)
    assert not kernel.fits(1 << 40, 1 << 22)
    with pytest.raises(OverflowError):
        packing(1, 1 << 70)
