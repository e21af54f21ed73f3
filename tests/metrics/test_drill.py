"""Lists behind a figure and figures behind a conversation agree with the counts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from made_facts import FIRST_DAY

from candor.engines.duck import DuckEngine
from candor.errors import CandorError
from candor.metrics import drill, query, registry

CATALOGUE = registry.load()
CLEAN = {
    "is_test": False, "is_spam": False, "is_inbound": True, "engaged": True, "is_automatable": True,
    "ai_involved": True, "is_open": False, "is_synthetic_time": False, "customer_known": True,
    "window_open_72h": False, "reply_class": "none", "confirmed": False,
}  # fmt: skip


def _row(number: int, **changes: object) -> dict[str, object]:
    return {
        **CLEAN, "conversation_id": f"t{number}#1", "conversation_key": number, "channel": "chat",
        "true_resolution": True, **changes,
    }  # fmt: skip


ROWS = [
    _row(1), _row(2, true_resolution=False), _row(3, confirmed=True),
    _row(4, true_resolution=None, window_open_72h=True), _row(5, is_test=True),
    _row(6, ai_involved=False), _row(7, channel="email"), _row(8, day=FIRST_DAY + 9),
]  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("numerator", [("t1#1", "true", ""), ("t3#1", "confirmed", ""), ("t7#1", "true", ""),
                       ("t8#1", "true", "")]),
        ("denominator", [("t1#1", "true", ""), ("t2#1", "known", ""), ("t3#1", "confirmed", ""),
                         ("t7#1", "true", ""), ("t8#1", "true", "")]),
        ("unknown", [("t4#1", "unknown", "immature")]),
        ("excluded", [("t5#1", "excluded", "test")]),
    ],
)  # fmt: skip
def test_lists_agree_with_the_counts(
    facts: Callable[..., DuckEngine], outcome: drill.Outcome, expected: list[tuple[str, str, str]]
) -> None:
    engine = facts(conversation=ROWS)
    metric = CATALOGUE.get("true_resolution_rate")
    units = drill.conversations(engine, metric, outcome=outcome)
    assert [(unit.conversation_id, unit.state, unit.reason) for unit in units] == expected
    (cell,) = query.measures(engine, [metric])
    counts = {
        "numerator": cell.total, "denominator": cell.observed,
        "unknown": sum(cell.unknown.values()), "excluded": sum(cell.excluded.values()),
    }  # fmt: skip
    assert counts[outcome] == len(expected)


def test_lists_keep_to_segment_period_and_limit(facts: Callable[..., DuckEngine]) -> None:
    engine = facts(conversation=ROWS)
    metric = CATALOGUE.get("true_resolution_rate")
    assert [
        unit.unit_id for unit in drill.conversations(engine, metric, segment={"channel": "email"})
    ] == ["t7#1"]
    late = drill.conversations(engine, metric, since=FIRST_DAY + 1, until=FIRST_DAY + 10)
    assert [unit.unit_id for unit in late] == ["t8#1"]
    assert len(drill.conversations(engine, metric, outcome="denominator", limit=2)) == 2
    with pytest.raises(CandorError, match="unknown outcome 'numerater'"):
        drill.conversations(engine, metric, outcome="numerater")  # type: ignore[arg-type]


def test_a_value_metric_lists_its_values(facts: Callable[..., DuckEngine]) -> None:
    handoff = {
        "handoff_id": "h1", "conversation_key": 2, "is_ai_to_human": True, "is_executed": True,
        "is_test": False, "is_spam": False, "wait_us": 5_000_000, "human_took_over": True,
    }  # fmt: skip
    engine = facts(conversation=ROWS, handoff=[handoff])
    (unit,) = drill.conversations(engine, CATALOGUE.get("handoff_wait_time"), outcome="denominator")
    assert (unit.unit_id, unit.conversation_id, unit.value) == ("h1", "t2#1", 5_000_000)


def test_every_metrics_verdict_on_one_conversation(facts: Callable[..., DuckEngine]) -> None:
    handoff = {
        "handoff_id": "h1", "conversation_key": 4, "is_ai_to_human": True, "is_executed": True,
        "is_test": False, "is_spam": False, "wait_us": 5_000_000, "human_took_over": True,
    }  # fmt: skip
    engine = facts(conversation=ROWS, handoff=[handoff])
    names = ["true_resolution_rate", "involvement_rate", "handoff_wait_time", "csat_ai_only"]
    found = drill.verdict_of(engine, [CATALOGUE.get(name) for name in names], "t4#1")
    assert [(one.metric, one.unit_id, one.state, one.reason, one.value) for one in found] == [
        ("true_resolution_rate", "t4#1", "unknown", "immature", None),
        ("involvement_rate", "t4#1", "true", "", None),
        ("handoff_wait_time", "h1", "known", "", 5_000_000),
    ]
    with pytest.raises(CandorError, match="there is no conversation 't99#1'"):
        drill.verdict_of(engine, list(CATALOGUE), "t99#1")
