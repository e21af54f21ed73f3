"""Facts brought up to date have the rows of facts built from nothing, whatever arrived since."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from candor.engines.duck import DuckEngine
from candor.events.registry import registry
from candor.facts import refresh
from candor.facts.build import build_facts
from candor.facts.refresh import refresh_facts
from candor.facts.steps import steps
from candor.facts.touched import touching
from candor.settings import Settings
from candor.window import DAY
from facts.world import micros, put
from oracle.strategies import Drawn, event_sets, with_reply_classes

DESK = Settings.model_validate({"conversation": {"idle_gap": "24h", "idle_gap_by_channel": {}}})
STORED = [step.name for step in steps().values() if not step.name.startswith("_")]
EXAMPLES = 5
FIXED_SEED = 20_261_122

START = 1_777_629_600_000_000

Row = dict[str, Any]


def show(engine: DuckEngine) -> None:
    """The views that a lake would make, over the tables that ``put`` made."""
    for kind in registry():
        engine.run(f"create or replace temp view ev_{kind} as select * from lake.ev_{kind}")


def laid(engine: DuckEngine, events: Sequence[Row], covered: int) -> None:
    """Events as an engine finds them when it opens a workspace."""
    for kind in registry():
        engine.run(f"drop view if exists temp.main.ev_{kind}")
    put(engine, events, covered_until=covered)
    engine.run("create schema if not exists lake")
    for kind in registry():
        engine.run(
            f"create or replace table lake.ev_{kind} as select * from main.ev_{kind};"
            f" drop table main.ev_{kind}"
        )
    show(engine)


def tables(engine: DuckEngine) -> dict[str, list[Row]]:
    """Every stored table, its rows in an order of their own."""
    return {
        name: sorted(engine.arrow(f'select * from "{name}"').to_pylist(), key=repr)
        for name in STORED
    }


def whole(events: Sequence[Row], as_of: int) -> dict[str, list[Row]]:
    """What a build from nothing makes of all events."""
    with DuckEngine(threads=1) as engine:
        laid(engine, events, as_of)
        build_facts(engine, DESK, as_of_us=as_of)
        return tables(engine)


def refreshed(
    first: Sequence[Row], late: Sequence[Row], instants: tuple[int, int]
) -> dict[str, list[Row]] | None:
    """The tables after late events arrived; None when they were to be built anew."""
    with DuckEngine(threads=1) as engine:
        laid(engine, first, instants[0])
        build_facts(engine, DESK, as_of_us=instants[0])
        engine.run("create schema seen")
        for kind in registry():
            engine.run(f"create table seen.{kind} as select event_id from lake.ev_{kind}")
        laid(engine, [*first, *late], instants[1])
        _mark_fresh(engine)
        done = refresh_facts(engine, DESK, as_of_us=instants[1], show=lambda: show(engine))
        if done is None:
            return None
        found = tables(engine)
        assert {one.name: one.rows for one in done} == {
            name: len(rows) for name, rows in found.items()
        }
        return found


def _mark_fresh(engine: DuckEngine) -> None:
    engine.run("create or replace temp table fresh_thread (thread_key bigint)")
    engine.run("create or replace temp table fresh_customer (customer_id varchar)")
    threads = dict.fromkeys(touching(), "thread_key")
    ends = [("link", f"key60({end}_thread_id)") for end in ("from", "to")]
    for kind, key in [*threads.items(), *ends]:
        engine.run(
            f"insert into fresh_thread select {key} from lake.ev_{kind}"
            f" anti join seen.{kind} using (event_id) where {key} is not null"
        )
    for kind in ("confirmation", "survey"):
        engine.run(
            f"insert into fresh_customer select customer_id from lake.ev_{kind}"
            f" anti join seen.{kind} using (event_id)"
            " where thread_key is null and customer_id is not null"
        )


def differences(left: dict[str, list[Row]], right: dict[str, list[Row]]) -> list[Any]:
    """(table, rows only on the left, only on the right), or the columns of a row that differ."""
    wrong: list[Any] = []
    for name in STORED:
        ours = [row for row in left[name] if row not in right[name]]
        theirs = [row for row in right[name] if row not in left[name]]
        if len(ours) == len(theirs):
            wrong += [
                (name, {c: (one[c], other[c]) for c in one if one[c] != other[c]})
                for one, other in zip(ours, theirs, strict=True)
            ]
        elif ours or theirs:
            wrong.append((name, ours, theirs))
    return wrong


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[Row], list[Row], tuple[int, int]]:
    """Events, a few that arrive late, and the instants up to which both are read."""
    drawn: Drawn = draw(event_sets())
    events = with_reply_classes([event for event in drawn.events if event["revision"] == 0])
    late = draw(st.sets(st.integers(0, max(0, len(events) - 1)), max_size=4))
    end = max(micros(event["occurred_at"]) or 0 for event in events)
    return (
        [event for place, event in enumerate(events) if place not in late],
        [event for place, event in enumerate(events) if place in late],
        (end + draw(st.integers(0, 20)) * DAY, end + draw(st.integers(20, 50)) * DAY),
    )


def test_refreshed_facts_are_those_of_a_whole_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh, "MOST", 1)
    outcomes: list[bool] = []

    @seed(FIXED_SEED)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(arrivals())
    def check(arrived: tuple[list[Row], list[Row], tuple[int, int]]) -> None:
        first, late, instants = arrived
        found = refreshed(first, late, instants)
        outcomes.append(found is not None)
        if found is not None:
            wrong = differences(whole([*first, *late], instants[1]), found)
            assert not wrong, [str(one)[:600] for one in wrong[:6]]

    check()
    assert sum(outcomes) > EXAMPLES / 3


def spoken(thread: str, at: int) -> list[Row]:
    """A thread in which the AI answered once."""
    common = {"source": "desk", "revision": 0, "occurred_at": at, "thread_id": thread}
    return [
        {"type": "conversation", "started_at": at, "channel": "chat", "ai_agent_id": "assistant"}
        | common,
        {"type": "message", "message_id": f"m-{thread}", "actor": "ai_agent", "kind": "answer"}
        | common,
    ]


def desk(threads: Sequence[int]) -> list[Row]:
    return [event for place in threads for event in spoken(f"t{place}", START + place * DAY)]


LATER = (START + 40 * DAY, START + 60 * DAY)


def test_many_touched_threads_are_not_worth_it() -> None:
    assert refreshed(desk(range(6)), desk(range(6, 8)), LATER) is not None
    assert refreshed(desk(range(5)), desk(range(5, 8)), LATER) is None


def test_what_was_known_may_not_become_unknown() -> None:
    assert refreshed(desk(range(2)), [], (LATER[0], LATER[0])) is not None
    assert refreshed(desk(range(2)), [], (LATER[0], LATER[0] - 1)) is None


def test_an_agent_that_was_live_earlier_changes_everybody() -> None:
    assert refreshed(desk(range(9)), spoken("new", START + 5 * DAY), LATER) is not None
    assert refreshed(desk(range(9)), spoken("new", START - 5 * DAY), LATER) is None
