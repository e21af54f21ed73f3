"""Performance and mix: exact sums, Simpson's reversal, and what is not flagged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from candor.estimates import Caveat, Refusal
from candor.measure import BucketSums, MeasureCell
from candor.verdicts.compare import Change, Direction
from candor.verdicts.split import OTHERS, dimension, split

BUCKETS = 40


def _cell(intent: str | None, true: int, units: int) -> MeasureCell:
    """Units and trues spread as evenly over the buckets as whole numbers allow."""
    buckets = {}
    for b in range(BUCKETS):
        n = units * (b + 1) // BUCKETS - units * b // BUCKETS
        x = true * (b + 1) // BUCKETS - true * b // BUCKETS
        if n:
            buckets[b] = BucketSums(n, min(x, n), min(x, n), n, n, min(x, n))
    return MeasureCell(
        "m", "m@1", "month", 0, 30, {"intent_id": intent}, units, {}, {}, buckets, BUCKETS
    )


def _change(point: float, half: float = 0.01) -> Change:
    return Change(Direction.WORSE, point, point - half, point + half, "points", "")


EASY_BEFORE, HARD_BEFORE = _cell("easy", 640, 800), _cell("hard", 60, 200)
EASY_AFTER, HARD_AFTER = _cell("easy", 340, 400), _cell("hard", 210, 600)


def test_the_terms_add_up_and_the_reversal_is_named() -> None:
    # 70 % before; 55 % after, although both kinds of request are solved 5 points more often.
    found = split(
        [EASY_AFTER, HARD_AFTER], [EASY_BEFORE, HARD_BEFORE], by="intent_id", unit="share",
        change=_change(-0.15), customers=BUCKETS,
    )  # fmt: skip
    assert found.within is not None
    assert found.mix is not None
    assert found.within.point == pytest.approx(0.05)
    assert found.mix.point == pytest.approx(-0.20)
    assert found.within.point + found.mix.point == pytest.approx(0.55 - 0.70)
    assert found.is_simpson
    assert found.caveats == (Caveat.MIX_DRIVEN,)
    assert [m.value for m in found.members] == ["easy", "hard"]


def test_a_change_that_all_requests_share_is_not_flagged() -> None:
    found = split(
        [_cell("easy", 560, 800), _cell("hard", 40, 200)], [EASY_BEFORE, HARD_BEFORE],
        by="intent_id", unit="share", change=_change(-0.10), customers=BUCKETS,
    )  # fmt: skip
    assert found.within is not None
    assert found.within.point == pytest.approx(-0.10)
    assert (found.is_simpson, found.caveats) == (False, ())


def test_without_a_supported_change_nothing_is_reversed() -> None:
    found = split(
        [EASY_AFTER, HARD_AFTER], [EASY_BEFORE, HARD_BEFORE], by="intent_id", unit="share",
        change=_change(-0.15, 0.16), customers=BUCKETS,
    )  # fmt: skip
    assert (found.is_simpson, found.caveats) == (False, ())


def test_a_reversal_needs_support_on_both_sides() -> None:
    # Solved slightly more often at an equal mix, but by a different half of the customers.
    noisy = []
    for name, true, units in (("easy", 328, 400), ("hard", 192, 600)):
        cell, lean_by = _cell(name, true, units), 1 if name == "easy" else 4
        lean = {
            b: BucketSums(s.observed, max(0, min(s.observed, s.total + (lean_by if b % 2 else -lean_by))), 0,
                          s.observed, s.observed, 0)
            for b, s in cell.buckets.items()
        }  # fmt: skip
        noisy.append(replace(cell, buckets=lean))
    found = split(
        noisy, [EASY_BEFORE, HARD_BEFORE], by="intent_id", unit="share", change=_change(-0.15),
        customers=BUCKETS,
    )  # fmt: skip
    assert found.within is not None
    assert found.within.low < 0 < found.within.point
    assert (found.is_simpson, found.caveats) == (False, (Caveat.MIX_DRIVEN,))


def test_members_too_small_for_a_rate_are_put_together() -> None:
    small = [_cell(name, 5, 10) for name in ("a", "b", None)]
    found = split(
        [EASY_AFTER, *small], [EASY_BEFORE, *small], by="intent_id", unit="share",
        change=_change(0.0), customers=BUCKETS,
    )  # fmt: skip
    assert {m.value for m in found.members} == {"easy", OTHERS}


def test_a_member_that_entered_is_counted_as_entry() -> None:
    found = split(
        [EASY_BEFORE, _cell("new", 0, 200)], [EASY_BEFORE], by="intent_id", unit="share",
        change=_change(-0.16), customers=BUCKETS,
    )  # fmt: skip
    assert found.entry_exit is not None
    assert found.entry_exit.point == pytest.approx(0.64 - 0.80)
    assert found.within is not None
    assert found.within.point == pytest.approx(0.0)


def test_too_few_customers_have_no_split() -> None:
    found = split(
        [EASY_AFTER, HARD_AFTER], [EASY_BEFORE, HARD_BEFORE], by="intent_id", unit="share",
        change=_change(-0.15), customers=9,
    )  # fmt: skip
    assert (found.refusal, found.within) == (Refusal.TOO_FEW_CUSTOMERS, None)
    assert split(
        [], [], by="intent_id", unit="share", change=_change(0.1), customers=50
    ).refusal is Refusal.NOTHING_OBSERVED  # fmt: skip


def test_the_issue_is_the_first_choice_of_a_breakdown() -> None:
    assert dimension(("channel", "release", "intent_id"), ("intent_id", "channel")) == "intent_id"
    assert dimension(("channel", "intent_id"), ("channel",)) == "channel"
    assert dimension(("team",), ("team",)) is None
