"""A change that only the mix made is told as such, once for all metrics it shows in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from candor.estimates import make
from candor.verdicts.compare import Change, Direction
from candor.verdicts.reversals import reversals
from candor.verdicts.scorecard import MetricEntry, MetricInfo, MetricRow, build
from candor.verdicts.split import Member, Part, Split
from estimates.cells import share_cell


def _row(name: str, change: float, within: float, *, is_simpson: bool = True) -> MetricRow:
    estimate = make(
        share_cell([6 + b % 2 for b in range(40)], [10] * 40, metric=name),
        estimator="proportion", unit="share", evidence="census", snapshot="s", as_of="t",
    )  # fmt: skip
    card = build(
        [MetricEntry(MetricInfo(name, name.replace("_", " ").capitalize(), "?", "automation"), estimate)],
        title="t", period="p", grain="month", data_health={}, snapshot="s", as_of="t",
    )  # fmt: skip
    (row,) = card.rows
    mix = change - within
    split = Split(
        "intent_id", Part(within, within - 0.02, within + 0.02),
        Part(mix, mix - 0.01, mix + 0.01), Part(0.0, 0.0, 0.0),
        (Member("refund_request", within, mix), Member("order_status", 0.0, 0.01)),
        is_simpson=is_simpson,
    )  # fmt: skip
    moved = Change(Direction.WORSE, change, change - 0.02, change + 0.02, "points", "")
    return replace(row, change=moved, split=split)


def test_a_reversal_is_one_finding_with_both_changes_and_what_grew() -> None:
    rows = [_row("true_resolution_rate", -0.05, 0.04), _row("automation_rate", -0.04, 0.03)]
    (found,) = reversals(rows)
    assert (found.code, found.metrics[0]) == ("mix_reversal", "true_resolution_rate")
    assert "−5.0" in found.sentence
    assert "+4.0" in found.sentence
    assert "refund request −9.0" in found.sentence
    assert found.sentence.endswith("The same holds for automation rate.")
    assert found.caveats == ("mix_driven",)
    assert found.size == pytest.approx(0.05 * 400)
    assert found.strength == pytest.approx(3.92, abs=0.01)
    assert [round(e.point or 0, 2) for e in found.evidence[:3]] == [-0.05, 0.04, -0.09]


def test_a_change_that_performance_made_is_not_told() -> None:
    assert reversals([_row("true_resolution_rate", -0.05, -0.04, is_simpson=False)]) == []
    assert reversals([]) == []
