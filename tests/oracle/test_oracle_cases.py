"""The oracle reproduces every derived column and ladder rung of the design's fourteen cases."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .derived import derived, ladder
from .timeline import DAY, build, micros

Case = dict[str, Any]


@pytest.fixture(scope="module")
def cases(shared: Callable[[str], Path]) -> list[Case]:
    loaded = json.loads(shared("vectors/resolution_cases.json").read_text())
    return [case for one in loaded for case in _streams(one)]


def _streams(case: Case) -> Iterator[Case]:
    yield case
    for variant in case["variants"]:
        yield {"subject_thread_id": case["subject_thread_id"], **variant}


def _as_text(value: Any, name: str) -> Any:
    return micros(value) if name.startswith("t_") else value


def _found(case: Case, events: list[Case]) -> tuple[dict[str, Any], Any]:
    as_of = micros(case["as_of"])
    assert as_of is not None
    line = build(events, as_of, DAY)
    subject = case["subject_thread_id"]
    return derived(line, subject), ladder(line, subject)


def test_all_streams_are_there(cases: list[Case]) -> None:
    assert len({case["id"].split(".")[0] for case in cases}) == 14
    assert len(cases) == 20


def test_derived_columns(cases: list[Case]) -> None:
    wrong = []
    for case in cases:
        found, _ = _found(case, case["events"])
        for name, expected in case["derived"].items():
            if found[name] != _as_text(expected, name):
                wrong.append((case["id"], name, expected, found[name]))
    assert wrong == []


def test_ladder(cases: list[Case]) -> None:
    wrong = []
    for case in cases:
        _, rungs = _found(case, case["events"])
        if rungs != case["expected_ladder"]:
            wrong.append((case["id"], case["expected_ladder"], rungs))
    assert wrong == []


def test_order_and_repeats_change_nothing(cases: list[Case]) -> None:
    for case in cases:
        shuffled = case["events"] * 2
        random.Random(case["id"]).shuffle(shuffled)
        assert _found(case, shuffled) == _found(case, case["events"])
