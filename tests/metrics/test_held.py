"""Measures that are kept where their rows did not move are the measures of a whole build."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from made_facts import FIRST_DAY, fill, new_engine
from test_query import ROWS, STORED

from candor.engines.duck import DuckEngine
from candor.metrics import build, direct, store
from candor.metrics.cells import cells_of
from candor.metrics.compile import Scope
from candor.metrics.layout import span_end, span_of
from candor.metrics.registry import load

DIMS = ("channel", "intent_id")
Rows = list[dict[str, Any]]


@pytest.fixture
def engine() -> Iterator[DuckEngine]:
    with new_engine() as made:
        fill(made, "conversation", ROWS)
        build.build(made, STORED, DIMS)
        yield made


def agrees(engine: DuckEngine) -> bool:
    """Whether every stored breakdown gives what the rows give."""
    for by in ((), ("channel",), ("intent_id",)):
        for grain in ("all", "week", "month"):
            scope = Scope(grain, by)
            stored = store.sums(engine, "conversation", STORED, scope)
            assert stored is not None
            fresh = direct.sums(engine, "conversation", STORED, scope)
            for definition in STORED:
                ours, theirs = (
                    {(c.period_start, *c.segment.values()): c for c in cells_of(sums, definition, scope)}
                    for sums in (stored, fresh)
                )  # fmt: skip
                if ours != theirs:
                    return False
    return True


def again(engine: DuckEngine, rows: Rows) -> set[int] | None:
    """Replace the rows and keep what stands; the spans that were built again, None for all."""
    fill(engine, "conversation", rows)
    return build.build(engine, STORED, DIMS, is_kept=True).moved.get("conversation")


def test_nothing_moved_and_nothing_is_built(engine: DuckEngine) -> None:
    assert again(engine, ROWS[::-1]) == set()
    assert agrees(engine)


def test_only_spans_whose_rows_moved_are_built_again(engine: DuckEngine) -> None:
    late = FIRST_DAY + 97
    rows = [dict(row) for row in ROWS]
    changed = next(row for row in rows if row["day"] == FIRST_DAY + 60 and row["engaged"])
    changed["is_test"] = not changed["is_test"]
    rows += [dict(row, conversation_key=9_000 + n, day=late) for n, row in enumerate(rows[:40])]
    fill(engine, "conversation", rows)
    assert not agrees(engine)  # the rows moved where the stored measures did not
    assert again(engine, rows) == {span_of(FIRST_DAY + 60), span_of(late)}
    assert agrees(engine)


def test_a_span_that_is_gone_and_one_that_is_new(engine: DuckEngine) -> None:
    gone = span_of(FIRST_DAY + 30)
    rows = [row for row in ROWS if span_of(row["day"]) != gone]
    new = span_end(span_of(FIRST_DAY + 130))
    rows += [dict(ROWS[0], conversation_key=9_000, day=new)]
    assert again(engine, rows) == {gone, new}
    assert agrees(engine)
    stored = engine.rows("select distinct period from measure_conversation_bucket")
    assert gone not in {period for (period,) in stored}
    assert again(engine, []) is None


def test_who_it_was_is_part_of_the_rows(engine: DuckEngine) -> None:
    rows = [dict(row) for row in ROWS]
    rows[0]["person_key"] += 1
    assert again(engine, rows) == {span_of(rows[0]["day"])}
    rows[1]["followed_us"] += 1  # asked of the facts, never stored
    assert again(engine, rows) == set()


@pytest.mark.parametrize(
    "draw",
    [
        lambda row, n: dict(row, is_spam=True, is_test=False),  # a reason that had no field
        lambda row, n: dict(row, person_key=1, bucket=1, channel="chat"),  # more rows than a field holds
        lambda row, n: dict(row, ai_first_response_us=1 << 60),  # sums that may leave a word
    ],
)  # fmt: skip
def test_what_cannot_lie_beside_what_is_held_is_built_whole(
    draw: Callable[[dict[str, Any], int], dict[str, Any]],
) -> None:
    before = [row for row in ROWS if not row["is_spam"]]
    with new_engine() as engine:
        fill(engine, "conversation", before)
        build.build(engine, STORED, DIMS)
        last = max(row["day"] for row in before)
        rows = [*before, *(draw(dict(ROWS[n], conversation_key=9_000 + n, day=last, is_inbound=True), n)
                           for n in range(400))]  # fmt: skip
        assert again(engine, rows) is None
        metrics = [item for item in STORED if item.name != "time_to_first_response_ai"]
        for definition in metrics:
            scope = Scope("month", ("channel",))
            stored = store.sums(engine, "conversation", [definition], scope)
            assert stored is not None
            fresh = direct.sums(engine, "conversation", [definition], scope)
            assert cells_of(stored, definition, scope) == cells_of(fresh, definition, scope)


def test_other_metrics_or_breakdowns_are_built_whole(engine: DuckEngine) -> None:
    other = load().get("containment_rate")
    assert build.build(engine, [*STORED, other], DIMS, is_kept=True).moved == {}
    assert build.build(engine, [*STORED, other], DIMS[:1], is_kept=True).moved == {}
    assert build.build(engine, [*STORED, other], DIMS[:1], is_kept=True).moved == {
        "conversation": set()
    }
    assert build.build(engine, STORED, DIMS[:1]).moved == {}


def test_facts_that_are_empty_now_leave_nothing(engine: DuckEngine) -> None:
    assert again(engine, []) is None
    left = engine.rows(
        "select table_name from duckdb_tables() where table_name like 'measure_con%'"
    )
    assert left == []
    assert store.sums(engine, "conversation", STORED, Scope()) is None
