"""Claims against the truth: the arithmetic of a confusion table, and its gap."""

from __future__ import annotations

import numpy as np
import pytest

from candor.estimates.agreement import gwet_ac1
from candor.resolution.claims import Table, check


def test_a_table_worked_by_hand() -> None:
    table = Table(right_yes=14, wrong_yes=21, wrong_no=9, right_no=6)
    assert (table.total, table.agreed) == (50, 0.4)
    # Chance agreement is (35·23 + 15·27) / 50².
    assert table.kappa == pytest.approx((0.4 - 0.484) / (1 - 0.484))
    # The mean share of "solved" is (35 + 23) / 100, so chance is 2 · 0.58 · 0.42.
    assert table.ac1 == pytest.approx((0.4 - 0.4872) / (1 - 0.4872))


def test_one_verdict_only_has_no_agreement_beyond_chance() -> None:
    assert (Table(5, 0, 0, 0).kappa, Table(5, 0, 0, 0).ac1) == (None, None)
    assert Table(0, 0, 0, 0).agreed is None


def test_what_is_not_known_counts_for_nobody() -> None:
    rng = np.random.default_rng(4)
    claimed = rng.integers(-1, 2, 600)
    truth = rng.integers(-1, 2, 600)
    buckets = np.arange(600) % 200
    found = check(claimed, truth, buckets)
    both = (claimed >= 0) & (truth >= 0)
    assert found.claims == 600
    assert found.unclear == (claimed < 0).sum()
    assert found.unknown == ((claimed >= 0) & (truth < 0)).sum()
    assert found.table.total == both.sum() == found.claims - found.unclear - found.unknown
    gap = (claimed[both] - truth[both]).mean()
    assert found.gap.point == pytest.approx(gap)
    assert found.gap.low is not None
    assert found.gap.high is not None
    assert found.gap.low < gap < found.gap.high
    failures = both & (truth == 0)
    assert found.passed.point == pytest.approx((claimed[failures] == 1).mean())
    pairs = [tuple(claimed[both].tolist()), tuple(truth[both].tolist())]
    assert found.table.ac1 == pytest.approx(gwet_ac1(pairs))


def test_no_difference_seen_is_not_none_possible() -> None:
    same = np.tile([1, 0], 100)
    found = check(same, same, np.arange(200) % 40)
    assert found.gap.point == 0
    # At most so often that forty customers without one are still seen once in forty times.
    assert found.gap.high == pytest.approx(1 - 0.025 ** (1 / 40))
    assert found.gap.low == -found.gap.high


def test_customers_widen_the_interval() -> None:
    claimed = np.repeat(np.tile([1, 1, 0], 40), 10)
    truth = np.repeat(np.tile([1, 0, 0], 40), 10)
    apart = check(claimed, truth, np.arange(1200) % 200)
    together = check(claimed, truth, np.repeat(np.arange(120), 10))
    assert apart.gap.point == together.gap.point == pytest.approx(1 / 3)
    assert apart.gap.low is not None
    assert together.gap.low is not None
    assert together.gap.low < apart.gap.low
