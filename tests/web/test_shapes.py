"""How values spread and what a change is made of, from counts and parts told by hand."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from candor.estimates.quantile import bucket_of
from candor.web.views import shapes


def counted(*values: float) -> dict[int, int]:
    found: dict[int, int] = {}
    for value in values:
        bucket = bucket_of(value)
        found[bucket] = found.get(bucket, 0) + 1
    return found


def test_every_value_is_in_one_bin() -> None:
    values = [1_000_000.0 * 1.5**step for step in range(20) for _ in range(step + 1)]
    bins = shapes.distribution(counted(*values), 1_000_000)
    assert sum(one.units for one in bins) == len(values)
    assert 8 <= len(bins) <= 16
    assert bins[0].low == pytest.approx(1.0, rel=0.03)
    assert bins[-1].high == pytest.approx(1.5**19, rel=0.03)
    assert max(one.width for one in bins) == 100
    assert all(one.low <= one.high for one in bins)
    assert all(first.high < second.low for first, second in pairwise(bins))


def test_bins_of_few_units_are_joined_where_few_may_not_be_seen() -> None:
    values = [1e6] * 12 + [3e6] * 2 + [9e6] * 30 + [81e6] * 3
    bins = shapes.distribution(counted(*values), 1_000_000, 10)
    assert [one.units for one in bins] == [12, 35]
    assert shapes.distribution(counted(1e6, 2e6), 1_000_000, 10) == ()


def row(before: float, now: float, *parts: float) -> Any:
    made = [SimpleNamespace(point=part) for part in parts]
    split = SimpleNamespace(within=made[0], mix=made[1], entry_exit=made[2], dimension="intent_id")
    return SimpleNamespace(
        split=split, change=SimpleNamespace(previous=before), estimate=SimpleNamespace(point=now)
    )


def test_steps_lead_from_the_figure_before_to_that_of_now() -> None:
    steps = shapes.waterfall(row(0.60, 0.55, 0.02, -0.08, 0.01))
    assert [one.kind for one in steps] == ["total", "up", "down", "up", "total"]
    assert steps[1].start == 0.60
    assert steps[3].end == pytest.approx(0.55)
    # Each bar begins where the one before it ended.
    assert steps[2].low + steps[2].width == pytest.approx(steps[1].low + steps[1].width, abs=0.02)
    assert steps[0].width > steps[-1].width
    assert shapes.waterfall(SimpleNamespace(**{**vars(row(1, 2, 0, 1, 0)), "split": None})) == ()
