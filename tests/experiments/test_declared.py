"""Experiments are judged by what was declared; every mistake in the declaration is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from candor.errors import CandorError
from candor.experiments.declared import load

KNOWN = ("true_resolution_rate", "escalation_rate")


def test_what_is_declared(tmp_path: Path) -> None:
    path = tmp_path / "experiments.yaml"
    assert load(path, KNOWN) == ()
    path.write_text(
        "- id: style\n  shares: {control: 0.5, new: 0.5}\n  horizon: 400\n"
        "  success: [true_resolution_rate]\n  guardrails: {escalation_rate: 0.02}\n"
    )
    (one,) = load(path, KNOWN)
    assert one.metrics == KNOWN
    assert one.design().primary == "true_resolution_rate"
    assert one.design().guardrails == {"escalation_rate": 0.02}


def test_every_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "experiments.yaml"
    path.write_text(
        "- id: one\n  shares: {control: 0.5, new: 0.4}\n  horizon: 400\n  success: [escalation_rate]\n"
        "- id: two\n  shares: {control: 0.5, new: 0.5}\n  horizon: 0\n  success: []\n"
        "- id: three\n  shares: {control: 0.5, new: 0.5}\n  horizon: 9\n  success: [resolution]\n"
        "- id: four\n  shares: {control: 0.5, new: 0.5}\n  horizon: 9\n  success: [escalation_rate]\n"
        "  watched: [escalation_rate]\n"
    )
    with pytest.raises(CandorError) as told:
        load(path, KNOWN)
    found = [(one.where.rpartition(":")[2], one.what) for one in told.value.problems]
    assert [line for line, _ in found] == ["1", "7", "8", "9", "13"]
    words = " ".join(what for _, what in found)
    for part in (
        "add up to 1",
        "greater than or equal to 1",
        "there is no metric 'resolution'",
        "has two roles",
    ):
        assert part in words
    path.write_text("style: 1\n")
    with pytest.raises(CandorError, match="is no list"):
        load(path, KNOWN)
