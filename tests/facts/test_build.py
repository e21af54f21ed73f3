"""The build itself: order, headers, declared columns, and tables that repeat to the byte."""

import random
import re

import pytest

from candor.engines.duck import DuckEngine
from candor.errors import CandorError
from candor.facts import schema
from candor.facts.build import build_facts, steps
from candor.facts.components import representatives
from candor.settings import Settings

from . import quality_story
from .story import LATE, at, event, exchange, facts, said, thread
from .world import put

HEADER = ("grain", "key", "clock", "reads")


@pytest.mark.parametrize("name", sorted(steps()))
def test_header_names_what_is_read(name):
    step = steps()[name]
    opening = [line for line in step.sql.splitlines() if line.startswith("-- ")]
    assert [line[3:].split(":")[0] for line in opening[: len(HEADER)]] == list(HEADER)
    reads = " ".join(re.findall(r"^-- reads: (.*)$", step.sql, re.MULTILINE))
    assert sorted(re.findall(r"\w+", reads)) == list(step.reads)


def test_order_runs_readers_after_what_they_read():
    seen: set[str] = set()
    makers = {step.stitches: name for name, step in steps().items() if step.stitches}
    for name, step in steps().items():
        for table in step.reads:
            if table in steps() or table in makers:
                assert makers.get(table, table) in seen, (name, table)
        seen.add(name)
    assert set(schema.facts()) <= seen


def world() -> list[dict]:
    events = []
    for i in range(12):
        events += exchange(f"t{i}", minute=i * 700, customer_id=f"c{i % 4}", intent_id=f"i{i % 3}")
        events.append(
            said(
                f"t{i}", i * 700 + 2, "customer", ["thanks", "it works", "wrong", "what now"][i % 4]
            )
        )
        if i % 3 == 0:
            events += [
                event("handoff", f"t{i}", i * 700 + 3, from_actor="ai_agent", to_actor="human_agent",
                      reason="policy", is_planned=False, is_failed=False),
                said(f"t{i}", i * 700 + 9, "human_agent"),
                event("state_change", f"t{i}", i * 700 + 20, to_state="solved", actor="human_agent"),
                said(f"t{i}", i * 700 + 60, "customer", "it broke again"),
            ]  # fmt: skip
        events.append(
            event("survey", f"t{i}", i * 700 + 30, instrument="csat", score=float(1 + i % 5), scale_min=1.0,
                  scale_max=5.0, answered_at=None, about="ai_agent")
        )  # fmt: skip
        events.append(
            event("suggestion", f"t{i}", i * 700 + 8, human_agent_id="h1", kind="draft", decision="edited",
                  retained_share=0.25)
        )  # fmt: skip
    return [*events, *money(), *quality_story.everything()]


def money() -> list[dict]:
    """Events of accounts, vendors and systems of record, so that every fact has a row."""

    def lone(event_type, name, minute, /, **fields):
        return {**event(event_type, name, minute, **fields), "thread_id": None}

    quarter = 120 * 24 * 60
    return [
        said("t0", 10, "human_agent", actor_id="h1"),
        event("claim", "t0", 15, claimant="vendor", raw_value="x", claimed="resolved_assumed"),
        lone("cost", "rent", 15, kind="overhead", quantity=1.0, unit="month", amount="5", currency="USD"),
        event("confirmation", "t0", 20, system="shop", kind="repurchase", supports="neutral", amount="9",
              currency="USD"),
        {"type": "account", "source": "crm", "account_id": "a", "occurred_at": at(-quarter),
         "status": "active"},
        lone("intervention", "i", 15, account_id="a", kind="call", ai_role="none"),
        {"type": "invoice_line", "source": "bill", "occurred_at": at(90), "invoice_id": "i", "line": "1",
         "vendor": "vendor", "period_start": at(0), "period_end": at(90), "thread_id": "t0",
         "outcome_billed": "resolution", "amount": "1", "currency": "USD"},
        {"type": "exposure", "source": "lab", "occurred_at": at(0), "assigned_at": at(0), "experiment_id": "e",
         "unit_id": "c1", "unit": "customer", "arm": "new"},
    ]  # fmt: skip


def test_built_tables_match_the_declared_columns():
    with DuckEngine(threads=1) as engine:
        put(engine, world())
        build_facts(engine, Settings(), as_of_us=LATE)
        for name in schema.facts():
            described = [(row[0], row[1]) for row in engine.rows(f"describe {name}")]
            assert described == [(c.name, c.type) for c in schema.columns(name).values()]
            keys = ", ".join(schema.key(name))
            total, different = engine.rows(
                f"select (select count(*) from {name}), (select count(*) from (select distinct {keys} from {name}))"
            )[0]
            assert total == different > 0, name
        left = {row[0] for row in engine.rows("select table_name from duckdb_tables()")}
        assert not [name for name in left if name.startswith("_") and name in steps()]


def test_same_rows_over_threads_orders_and_duplicates():
    events = world()
    expected = facts(events)
    for seed, threads in ((1, 1), (2, 2), (3, 2)):
        mixed = [*events, *events[:9]]
        random.Random(seed).shuffle(mixed)
        assert facts(mixed, threads=threads) == expected


def test_empty_lake_gives_empty_facts_of_the_right_shape():
    found = facts([])
    assert {name: len(rows) for name, rows in found.items()} == dict.fromkeys(found, 0)


def test_thread_without_conversation_event_is_counted_as_orphan_only():
    with DuckEngine(threads=1) as engine:
        put(engine, [*exchange("a"), said("lost", 5, "customer"), said("lost", 6, "ai_agent")])
        build_facts(engine, Settings(), as_of_us=LATE)
        assert engine.rows("select thread_id from conversation") == [("a",)]
        assert engine.rows("select reason, messages, threads from orphan") == [
            ("no_conversation", 2, 1)
        ]


def test_components_converge_on_long_chains_in_any_order():
    import pyarrow as pa

    links = [(f"n{i:05d}", f"n{i + 1:05d}") for i in range(5000)] + [("z", "z")]
    random.Random(4).shuffle(links)
    table = representatives(
        pa.table({"node": [a for a, _ in links], "other": [b for _, b in links]})
    )
    found = dict(zip(table["node"].to_pylist(), table["representative"].to_pylist(), strict=True))
    assert set(found.values()) == {"n00000", "z"}
    assert len(found) == 5002


def test_unknown_fact_names_the_nearest():
    with pytest.raises(CandorError, match="journey"):
        schema.columns("journy")


def test_two_sources_describing_one_thread_make_one_conversation():
    merged = [
        *exchange("a", brand=None),
        thread("a", source="other", minute=1, brand="north", channel="email"),
    ]
    rows = facts(merged)["conversation"]
    assert [(row["brand"], row["channel"], row["source"]) for row in rows] == [
        ("north", "chat", "desk")
    ]
