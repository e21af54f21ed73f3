"""The facts that SQL builds are the facts that the plain oracle reckons, on whatever events.

Two readings of the same pages, written apart: a difference is a mistake in one of them, or a
question that the pages leave open and DECISIONS answers. Run this file as a program for more:
``PYTHONPATH=tests python -m integration.test_facts_oracle EXAMPLES SEED``.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from candor.engines.duck import DuckEngine
from candor.events import registry
from candor.facts.build import build_facts
from candor.settings import Settings
from facts.world import micros, put
from oracle import oracle
from oracle.draws import FUZZ, new_seed, only_when_asked
from oracle.strategies import Drawn, event_sets, with_reply_classes

EXAMPLES = 18
FIXED_SEED = 20_261_121
DESK = Settings.model_validate({"conversation": {"idle_gap": "24h", "idle_gap_by_channel": {}}})
IDENTITY = {"conversation": "conversation_id", "handoff": "handoff_id", "journey": "journey_id"}
RECKONED = {
    "conversation": oracle.conversation_facts,
    "handoff": oracle.handoff_facts,
    "journey": oracle.journey_facts,
}
LEAST_SHARED = {"conversation": 100, "handoff": 16, "journey": 20}
"""Columns that must be compared: fewer means that a rename silently ended a comparison."""

Row = dict[str, Any]


def current(events: list[Row]) -> list[Row]:
    """The latest revision of each event, as a lake would show it."""
    latest: dict[tuple[Any, ...], Row] = {}
    for event in events:
        key = (event["type"], *(str(event[name]) for name in registry()[event["type"]].key))
        if key not in latest or latest[key]["revision"] < event["revision"]:
            latest[key] = event
    return list(latest.values())


def built(drawn: Drawn) -> dict[str, dict[str, Row]]:
    """Fact to identity to row, by SQL."""
    events = with_reply_classes(drawn.events)
    with DuckEngine(threads=1) as engine:
        covered = max(micros(event["occurred_at"]) or 0 for event in events)
        put(engine, current(events), covered_until=covered)
        # Both the SQL as written and what is run instead are held against the oracle.
        build_facts(engine, DESK, as_of_us=drawn.as_of_us, is_plain=len(events) % 2 == 0)
        return {
            fact: {row[name]: row for row in engine.arrow(f"select * from {fact}").to_pylist()}
            for fact, name in IDENTITY.items()
        }


def differences(drawn: Drawn) -> list[tuple[str, str, str, Any, Any]]:
    """(fact, identity, column, oracle's, SQL's) wherever the two readings differ."""
    found = built(drawn)
    events = with_reply_classes(drawn.events)
    wrong: list[tuple[str, str, str, Any, Any]] = []
    for fact, name in IDENTITY.items():
        rows = RECKONED[fact](events, drawn.as_of_us, use_lexicon=False)
        expected = {row[name]: row for row in rows}
        wrong += [
            (fact, one, name, one in expected, one in found[fact])
            for one in sorted(set(expected) ^ set(found[fact]))
        ]
        for one in sorted(set(expected) & set(found[fact])):
            reckoned, told = expected[one], found[fact][one]
            shared = sorted(set(reckoned) & set(told))
            assert len(shared) >= LEAST_SHARED[fact], shared
            wrong += [
                (fact, one, column, reckoned[column], told[column])
                for column in shared
                if reckoned[column] != told[column]
            ]
    return wrong


def compare(examples: int, start: int) -> None:
    """Draw, build, reckon, compare."""

    @seed(start)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=False,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(event_sets())
    def check(drawn: Drawn) -> None:
        wrong = differences(drawn)
        assert wrong == [], f"seed {start}: {wrong[:5]} in {drawn}"

    check()


def test_sql_and_oracle_agree() -> None:
    compare(EXAMPLES, FIXED_SEED)


@only_when_asked
def test_sql_and_oracle_agree_on_a_new_draw(capsys: pytest.CaptureFixture[str]) -> None:
    compare(FUZZ, new_seed(capsys))


def _survey(examples: int, start: int) -> None:
    """Count differences by column over many examples, with one example of each."""
    seen: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], Any] = {}

    @seed(start)
    @settings(max_examples=examples, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(event_sets())
    def look(drawn: Drawn) -> None:
        for fact, one, column, *values in differences(drawn):
            seen[fact, column] += 1
            first.setdefault((fact, column), (one, *values, drawn))

    look()
    for place, count in seen.most_common():
        one, reckoned, told, drawn = first[place]
        print(place, count, f"{one}: oracle {reckoned}, SQL {told}")
        thread = one.split("#")[0].split("-")[0]
        if "--show" in sys.argv:
            print("   as of", drawn.as_of_us)
            for event in sorted(current(drawn.events), key=lambda e: e["occurred_at"]):
                if event.get("thread_id") in (thread, None) or "--all" in sys.argv:
                    print("   ", {k: v for k, v in event.items() if v is not None})
    print(f"{examples} examples from seed {start}: {sum(seen.values())} differences")


if __name__ == "__main__":
    _survey(int(sys.argv[1]), int(sys.argv[2]))
