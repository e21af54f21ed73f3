"""The quality facts that SQL builds are those that the plain oracle reckons, on whatever events."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from candor.engines.duck import DuckEngine
from candor.facts.build import build_facts
from facts.world import put
from oracle.draws import FUZZ, new_seed, only_when_asked
from oracle.quality import quality_facts
from oracle.quality_strategies import Made, quality_sets
from oracle.timeline import DAY

from .test_facts_oracle import DESK, current

EXAMPLES = 9
FIXED_SEED = 20_261_122
IDENTITY = {
    "message": "message_id", "assessment": "assessment_key", "conversation_quality": "conversation_id",
    "ai_turn": "turn_id", "intent_attempt": "attempt_key", "gap": "gap_id", "gap_step": "step_id",
    "feedback_loop": "feedback_id", "voice_call": "conversation_id", "voice_turn": "message_key",
}  # fmt: skip
LEAST_SPOKEN = {
    "message": 4, "assessment": 6, "conversation_quality": 5, "ai_turn": 1, "intent_attempt": 5, "gap": 3,
    "gap_step": 1, "feedback_loop": 1, "voice_call": 3, "voice_turn": 2,
}  # fmt: skip
"""Columns that said something: fewer means that a comparison silently ended."""
Rows = dict[Any, dict[str, Any]]


def built(made: Made) -> dict[str, Rows]:
    """Fact to identity to row, by SQL."""
    with DuckEngine(threads=1) as engine:
        put(engine, current(made.events), covered_until=made.covered_us)
        build_facts(engine, DESK, as_of_us=made.as_of_us)
        found = {
            fact: {row[name]: row for row in engine.arrow(f"select * from {fact}").to_pylist()}
            for fact, name in IDENTITY.items()
        }
        calendar = {row[0] for row in engine.rows("select day from calendar_day")}
    # Verdicts of the built-in scorer stand in the fact for comparison only.
    found["assessment"] = {
        key: row for key, row in found["assessment"].items() if row["assessor_id"] == "somebody"
    }
    found["feedback_loop"] = {
        key: row for key, row in found["feedback_loop"].items() if row["kind"] == "message"
    }
    counted: Rows = defaultdict(lambda: {"n": 0})
    for row in found["gap_step"].values():
        counted[row["kind"], row["occurred_at"] // DAY]["n"] += 1
    found["gap_step"] = dict(counted)
    found["calendar"] = {day: {} for day in calendar}
    return found


def differences(made: Made, seen: Counter[tuple[str, str]]) -> list[tuple[Any, ...]]:
    """(fact, identity, column, oracle's, SQL's) wherever the two readings differ."""
    found = built(made)
    expected = quality_facts(made.events, made.as_of_us, made.covered_us)
    # Before the first day of the workspace's calendar nothing is reported.
    days = set(found.pop("calendar"))
    expected["gap_step"] = {key: row for key, row in expected["gap_step"].items() if key[1] in days}
    expected["assessment"] = {
        key: row
        for key, row in expected["assessment"].items()
        if row["conversation_key"] is not None or row["occurred_at"] // DAY in days
    }
    wrong: list[tuple[Any, ...]] = []
    for fact, rows in expected.items():
        told = found[fact]
        wrong += [(fact, one, one in rows, one in told) for one in set(rows) ^ set(told)]
        for one in set(rows) & set(told):
            for column, reckoned in rows[one].items():
                seen[fact, column] += reckoned not in (None, False)
                if reckoned != told[one][column]:
                    wrong.append((fact, one, column, reckoned, told[one][column]))
    return wrong


def compare(examples: int, start: int) -> Counter[tuple[str, str]]:
    """Draw, build, reckon, compare; how often each column said something."""
    seen: Counter[tuple[str, str]] = Counter()

    @seed(start)
    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=False,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(quality_sets())
    def check(made: Made) -> None:
        wrong = differences(made, seen)
        assert wrong == [], f"seed {start}: {wrong[:5]} in {made}"

    check()
    return seen


def test_sql_and_oracle_agree() -> None:
    seen = compare(EXAMPLES, FIXED_SEED)
    spoke = {fact: sum(n > 0 for (of, _), n in seen.items() if of == fact) for fact in IDENTITY}
    assert {fact: n for fact, n in spoke.items() if n < LEAST_SPOKEN[fact]} == {}, spoke


@only_when_asked
def test_sql_and_oracle_agree_on_a_new_draw(capsys: pytest.CaptureFixture[str]) -> None:
    compare(FUZZ, new_seed(capsys))
