"""The published cases: every rule's verdict and every rung, on every stream."""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from candor.engines.duck import DuckEngine
from candor.resolution import ladder
from candor.resolution.judged import Judged, judge
from candor.resolution.registry import current
from candor.settings import ConversationSection, Settings
from facts.test_resolution_cases import CASES, scored
from facts.world import make, micros, put

SETTINGS = Settings(conversation=ConversationSection(idle_gap="24h", idle_gap_by_channel={}))
Case = dict[str, Any]
CHECKED = (
    "intercom_fin", "zendesk_advanced_chat", "zendesk_contained", "ada_ar", "agentforce_analytics",
    "agentforce_help_agent_bill", "gorgias_automated", "hubspot_resolution", "pylon_resolution",
    "forethought_email", "d365_bot_deflection", "copilot_studio", "servicenow_deflection",
)  # fmt: skip


def evaluate(events: list[Any], as_of: int, rules: Any = None) -> Judged:
    told = events + scored(events)
    told = [event for event in told if (micros(event["occurred_at"]) or 0) <= as_of]
    with DuckEngine(threads=1) as engine:
        put(engine, told, covered_until=as_of)
        make(engine, SETTINGS, as_of, "rule_case", "conversation", "assessment")
        return judge(engine, rules or list(current().values()), as_of_us=as_of)


def at(judged: Judged, thread: str) -> int:
    return judged.threads["thread_id"].to_pylist().index(thread)


def told(judged: Judged, thread: str) -> dict[str, str]:
    row = at(judged, thread)
    return {rule.id: judged.decision(row, n).verdict for n, rule in enumerate(judged.rules)}


def rungs(judged: Judged, thread: str) -> dict[str, str]:
    codes = judged.rungs[at(judged, thread)]
    return {
        rung.name: ladder.WORDS[int(code)] for rung, code in zip(ladder.RUNGS, codes, strict=True)
    }


@cache
def _cases(path: Path) -> dict[str, Case]:
    flat = {}
    for case in json.loads(path.read_text()):
        for variant in [case, *case["variants"]]:
            flat[variant["id"]] = {"subject_thread_id": case["subject_thread_id"], **variant}
    return flat


@pytest.fixture
def cases(shared: Any) -> dict[str, Case]:
    return _cases(shared("vectors/resolution_cases.json"))


@cache
def _judged(path: Path, name: str) -> Judged:
    case = _cases(path)[name]
    return evaluate(case["events"], micros(case["as_of"]) or 0)


@pytest.mark.shared
@pytest.mark.parametrize("name", CASES)
def test_every_rule_on_every_case(shared: Any, cases: dict[str, Case], name: str) -> None:
    case = cases[name]
    found = told(_judged(shared("vectors/resolution_cases.json"), name), case["subject_thread_id"])
    assert {rule: found[rule] for rule in case["expected"]} == case["expected"]
    if "." not in name:
        assert set(case["expected"]) == set(CHECKED)


@pytest.mark.shared
@pytest.mark.parametrize("name", CASES)
def test_every_rung_on_every_case(shared: Any, cases: dict[str, Case], name: str) -> None:
    case = cases[name]
    found = rungs(_judged(shared("vectors/resolution_cases.json"), name), case["subject_thread_id"])
    assert found == case["expected_ladder"]


@pytest.mark.shared
@pytest.mark.parametrize("name", ["c3", "c9", "c12"])
def test_claims_order_and_duplicates_change_nothing(cases: dict[str, Case], name: str) -> None:
    case = cases[name]
    as_of = micros(case["as_of"]) or 0
    plain = evaluate(case["events"], as_of)
    events = [e for e in reversed(case["events"]) if e["type"] != "claim"] * 2
    other = evaluate(events, as_of)
    assert np.array_equal(plain.codes, other.codes)
    assert np.array_equal(plain.rungs, other.rungs)


@pytest.mark.shared
def test_before_its_window_a_rule_says_nothing_yet(cases: dict[str, Case]) -> None:
    case = cases["c2"]
    as_of = micros(case["derived"]["t_last_activity"])
    assert as_of is not None
    found = told(evaluate(case["events"], as_of + 1_000_000), case["subject_thread_id"])
    assert "N" not in found.values()
    assert found["intercom_fin"] == found["d365_bot_deflection"] == "?"


@pytest.mark.shared
def test_a_wider_window_never_restores_a_rung(shared: Any, cases: dict[str, Case]) -> None:
    windows = [n for n, rung in enumerate(ladder.RUNGS) if rung.name.startswith("no_return")]
    for name in CASES:
        judged = _judged(shared("vectors/resolution_cases.json"), name)
        for row in judged.rungs:
            codes = [int(row[n]) for n in windows]
            refused = [code == ladder.NOT_RESOLVED for code in codes]
            assert not any(code == 1 for n, code in enumerate(codes) if any(refused[:n]))


@pytest.mark.shared
def test_proved_shares_never_rise(shared: Any, cases: dict[str, Case]) -> None:
    for name in CASES:
        judged = _judged(shared("vectors/resolution_cases.json"), name)
        proved = ladder.cumulative(judged.rungs)
        climbing = [n for n, rung in enumerate(ladder.RUNGS) if not rung.is_beside]
        for below, above in pairwise(climbing):
            assert not ((proved[:, above] == 1) & (proved[:, below] != 1)).any()
