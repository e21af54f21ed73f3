"""What is run instead of the SQL as written: the same rows, whatever the events."""

import random
from bisect import bisect_left
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from candor.engines.duck import DuckEngine
from candor.facts import aligned
from candor.facts.build import build_facts, steps
from candor.facts.passes import PASSES
from candor.facts.passes.order import in_order
from candor.facts.passes.runs import EARLIEST, Runs, first_at_or_after
from candor.facts.passes.shelf import Shelf
from candor.facts.printing import printed
from candor.settings import Settings
from oracle.strategies import event_sets, with_reply_classes

from .story import LATE
from .test_build import world
from .world import micros, put

EXAMPLES = 4
FIXED_SEED = 20_261_122


def tables(events, as_of_us, *, is_plain, threads=1):
    """Every step and fact that is a table: its columns and how often each row stands in it."""
    with DuckEngine(threads=threads) as engine:
        covered = max((micros(event["occurred_at"]) or 0 for event in events), default=0)
        put(engine, events, covered_until=covered)
        build_facts(engine, Settings(), as_of_us=as_of_us, keep_steps=True, is_plain=is_plain)
        found = {}
        for name, step in steps().items():
            if not step.is_view:
                rows = engine.arrow(f'select * from "{name}"')
                held = Counter(repr(row) for row in rows.to_pylist())
                found[name] = (sorted(rows.column_names), held)
        return found


def assert_same(events, as_of_us, threads=1):
    plain = tables(events, as_of_us, is_plain=True)
    made = tables(events, as_of_us, is_plain=False, threads=threads)
    assert plain.keys() == made.keys()
    wrong = {name for name in plain if plain[name] != made[name]}
    assert not wrong, {name: (plain[name][1] - made[name][1]) for name in wrong}
    return plain


def test_story_gives_the_same_steps_and_facts_in_any_order_and_on_two_threads():
    events = world()
    rows = assert_same(events, LATE)
    assert all(rows[name][1].total() > 0 for name in PASSES)
    mixed = [*events]
    random.Random(5).shuffle(mixed)
    assert_same(mixed, LATE, threads=2)


def test_no_events_give_the_same_empty_tables():
    rows = assert_same([], LATE)
    assert rows["conversation"][1].total() == 0


@seed(FIXED_SEED)
@settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(event_sets())
def test_drawn_events_give_the_same_steps_and_facts(drawn):
    assert_same(with_reply_classes(drawn.events), drawn.as_of_us)


TYPES = {"w": {"q": "BIGINT", "i": "BIGINT"}}


def shown(sql, *empty):
    return printed(sql, settings={"as_of_us": 7}, empty=frozenset(empty), types=TYPES.get)


def test_settings_stand_as_numbers_and_left_joins_to_nothing_as_nulls():
    made = shown(
        "select b.x, s.as_of_us, w.q from b cross join setting as s left join w on b.x = w.i"
        " where b.x <= s.as_of_us",
        "w",
    )
    assert made.sql == (
        "SELECT b.x, cast(7 as bigint) AS as_of_us, cast(null as BIGINT) AS q FROM b"
        " WHERE b.x <= cast(7 as bigint)"
    )
    assert not made.is_empty


@pytest.mark.parametrize(
    ("sql", "is_empty"),
    [
        ("select w.q from w", True),
        ("select b.x from b inner join w on b.x = w.i", True),
        ("select w.q from w group by w.q", True),
        ("select w.q, count(*) over () as n from w", True),
        ("select count(w.q) as n from w", False),
        ("select w.q from w full outer join b on b.x = w.i", False),
        ("select w.q from w union all select b.x from b", False),
        ("select w.q from w union all select w.i from w", True),
        ("with c as (select w.q from w) select c.q from c", True),
        ("with w as (select b.x as q from b) select w.q from w", False),
        ("with c as (select count(w.q) as n from w) select c.n from c", False),
    ],
)
def test_a_step_over_nothing_is_known_to_be_empty(sql, is_empty):
    assert shown(sql, "w").is_empty is is_empty


def test_rows_find_their_partners_like_a_dictionary():
    draw = np.random.default_rng(3)
    for width, left_rows, right_rows in ((1, 400, 300), (2, 400, 300), (2, 40, 0)):
        left = [draw.integers(0, 60, left_rows) for _ in range(width)]
        keys = list(dict.fromkeys(zip(*(draw.integers(0, 60, right_rows).tolist() for _ in range(width)), strict=True)))  # fmt: skip
        right = [np.array([key[i] for key in keys], dtype=np.int64) for i in range(width)]
        place = {key: row for row, key in enumerate(keys)}
        wanted = [place.get(key, -1) for key in zip(*(one.tolist() for one in left), strict=True)]
        assert aligned._partners(left, right).tolist() == wanted
    same = [np.array([3, 1, 2])]
    assert aligned._partners(same, [same[0].copy()]) is None


def test_a_table_with_a_key_twice_is_refused():
    with DuckEngine(threads=1) as engine:
        shelf = Shelf(engine)
        shelf.keep("_base", pa.table({"thread_key": [1, 2], "x": ["a", "b"]}))
        shelf.keep("_twice", pa.table({"thread_key": [2, 2], "y": [5, 6]}))
        plan = aligned.Plan(
            aligned.Beside("b", "_base", (), ("x",), is_inner=False),
            (aligned.Beside("t", "_twice", (("thread_key", "thread_key"),), ("y",), is_inner=False),),
        )  # fmt: skip
        with pytest.raises(aligned.NotUniqueError):
            aligned.beside(plan, shelf)


def test_searching_by_halves_is_bisection_in_each_range():
    draw = np.random.default_rng(4)
    lengths = draw.integers(0, 9, 50)
    runs = Runs.counted(lengths)
    values = np.concatenate([np.sort(draw.integers(0, 20, n)) for n in lengths]).astype(np.int64)
    sought = draw.integers(-1, 22, 50)
    found = first_at_or_after(values, runs.starts[:-1], runs.starts[1:], sought)
    listed = values.tolist()
    assert found.tolist() == [
        bisect_left(listed, key, low, high)
        for key, low, high in zip(sought, runs.starts[:-1], runs.starts[1:], strict=True)
    ]


def test_chosen_rows_of_runs():
    runs = Runs.of(np.array([4, 4, 4, 5, 7, 7], dtype=np.int64))
    values = np.array([10, 20, 30, 40, 50, 60], dtype=np.int64)
    chosen = runs.choose(np.array([False, True, True, False, True, False]))
    assert chosen.count.tolist() == [2, 0, 1]
    assert chosen.first(values).tolist() == [20, EARLIEST, 50]
    assert chosen.last(values).tolist() == [30, EARLIEST, 50]
    assert chosen.total(values[chosen.rows]).tolist() == [50, 0, 50]
    assert runs.owners().tolist() == [0, 0, 0, 1, 2, 2]
    assert Runs.of(np.zeros(0, dtype=np.int64)).choose(np.zeros(0, dtype=bool)).count.tolist() == []


def test_rows_are_put_in_order_only_when_they_are_not():
    table = pa.table({"a": [2, 1, 1], "b": [0, 9, 3]})
    assert in_order(table, ("a", "b")).to_pydict() == {"a": [1, 1, 2], "b": [3, 9, 0]}
    assert in_order(table, ()) is table
