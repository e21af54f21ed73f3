"""Whatever the sums, an estimate is either complete or refused, and doubt never flatters."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.estimates import Estimate, make
from candor.estimates.proportion import newcombe_diff, wilson
from candor.estimates.ratio import linearise
from candor.measure import BucketSums, MeasureCell

from .cells import share_cell

Pairs = list[tuple[int, int]]
PAIRS = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 400)).map(lambda p: (min(p), max(p))),
    max_size=60,
)


def _make(cell: MeasureCell) -> Estimate:
    return make(
        cell, estimator="proportion", unit="share", evidence="census", snapshot="s", as_of="t"
    )


@settings(max_examples=150, deadline=None)
@given(PAIRS, st.integers(0, 60), st.integers(0, 500))
def test_a_share_is_complete_or_refused(pairs: Pairs, customers: int, unknown: int) -> None:
    cell = share_cell(
        [x for x, _ in pairs], [m for _, m in pairs], customers=customers,
        unknown={"undetermined": unknown}, confirmed=0,
    )  # fmt: skip
    found = _make(cell)
    json.dumps(found.as_row(), allow_nan=False)
    if found.refusal is None:
        assert 0 <= found.low <= found.point <= found.high <= 1
        assert found.bounds is not None
        assert found.bounds.low <= found.bounds.lower <= found.point + 1e-12
        assert found.point <= found.bounds.upper + 1e-12
        assert found.bounds.upper <= found.bounds.high + 1e-12
    else:
        assert (found.point, found.low, found.high) == (None, None, None)


@settings(max_examples=60, deadline=None)
@given(PAIRS.filter(lambda pairs: sum(1 for _, m in pairs if m) >= 2), st.integers(2, 9))
def test_measures_add(pairs: Pairs, parts: int) -> None:
    """Sums of days are the sums of the week: the same figure to the last digit."""
    whole = linearise([x for x, _ in pairs], [m for _, m in pairs])
    split = [(x // parts, m // parts) for x, m in pairs]
    rest = [(x - a, m - b) for (x, m), (a, b) in zip(pairs, split, strict=True)]
    again = linearise(
        [a + b for (a, _), (b, _) in zip(split, rest, strict=True)],
        [a + b for (_, a), (_, b) in zip(split, rest, strict=True)],
    )
    assert again == whole


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-(10**12), 10**12), min_size=40, max_size=80))
def test_a_mean_of_any_size_has_a_finite_interval(values: list[int]) -> None:
    buckets = {b: BucketSums(1, v, v * v, 1, 1, v) for b, v in enumerate(values)}
    cell = replace(share_cell([], []), buckets=buckets, customers=len(values))
    found = make(cell, estimator="mean", unit="money", evidence="census", snapshot="s", as_of="t")
    assert found.refusal is None
    assert found.low <= found.point <= found.high
    assert found.point == pytest.approx(sum(values) / len(values) / 1e6, rel=1e-9, abs=1e-9)


@given(st.integers(0, 200), st.integers(1, 200))
def test_more_units_never_widen_the_interval(k: int, n: int) -> None:
    share = min(k, n) / n
    low, high = wilson(share, n)
    closer = wilson(share, 2 * n)
    assert low - 1e-12 <= closer[0]
    assert closer[1] <= high + 1e-12


@given(st.integers(0, 50), st.integers(0, 50))
def test_the_difference_is_antisymmetric(a: int, b: int) -> None:
    first, second = ((k / 50, *wilson(k / 50, 50)) for k in (a, b))
    there, back = newcombe_diff(first, second), newcombe_diff(second, first)
    assert there == pytest.approx((-back[0], -back[2], -back[1]), abs=1e-12)
