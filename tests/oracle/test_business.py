"""The facts about money and accounts that SQL builds are those the plain oracle reckons."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from candor.engines.duck import DuckEngine
from candor.events.registry import registry
from candor.settings import Settings
from candor.window import to_instant
from facts.world import _stored, make, put

from . import bill, business
from .business_events import worlds

FACTS = (
    "claim",
    "invoice_line",
    "intervention",
    "revenue",
    "worth",
    "human_contact",
    "account_period",
)
DESK = Settings.model_validate({"conversation": {"idle_gap": "24h", "idle_gap_by_channel": {}}})
Row = dict[str, Any]


def tables(events: list[Row], as_of: int) -> tuple[dict[str, list[Row]], dict[str, Any]]:
    """The facts by SQL, and the names SQL gave to things: keys, persons, quarters."""
    with DuckEngine(threads=1) as engine:
        put(engine, events)
        make(engine, DESK, as_of, *FACTS)
        found = {
            name: engine.arrow(f"select * from {name}").to_pylist()
            for name in (*FACTS, "conversation")
        }
        about = {
            "person": dict(engine.rows("select customer_id, person_key from _person")),
            "account": {name: engine.rows(f"select key60('{name}')")[0][0] for name in ("acme", "zeta")},
            "quarters": [row[0] for row in engine.rows("select distinct quarter from calendar_day where day = quarter order by 1")],
        }  # fmt: skip
    return found, about


def keys_of(events: list[Row]) -> dict[Any, int]:
    found: dict[Any, int] = {}
    for event in events:
        kind = registry()[event["type"]]
        stored = _stored(kind, list(kind.fields), {**event})
        name = event["line"] if event["type"] == "invoice_line" else event[kind.key[0]]
        key = (event["type"], name)
        found[(*key, event["occurred_at"]) if event["type"] == "account" else key] = stored[
            "event_key"
        ]
    return found


def differences(events: list[Row], as_of: int) -> list[tuple[Any, ...]]:
    found, about = tables(events, as_of)
    talks = found["conversation"]
    keys = keys_of(events)
    starts = [(day, to_instant(day, "UTC")) for day in about["quarters"]]
    quarters = [
        (day, at, starts[place + 1][1] if place + 1 < len(starts) else None)
        for place, (day, at) in enumerate(starts)
    ]
    money = business.revenues(events, talks, as_of, about["person"], about["account"])
    reckoned: dict[str, tuple[dict[Any, Row], Any]] = {
        "claim": (business.claims(events, talks, as_of, keys), lambda row: row["claim_id"]),
        "invoice_line": (bill.invoice_lines(events, talks, as_of, keys), lambda row: row["line"]),
        "intervention": (business.interventions(events, as_of), lambda row: row["intervention_id"]),
        "revenue": (money, lambda row: row["confirmation_id"]),
        "worth": (business.worths(money, talks, as_of), lambda row: row["conversation_key"]),
        "human_contact": (business.human_contacts(events, talks, as_of), lambda row: row["conversation_key"]),
        "account_period": (
            business.account_periods(events, talks, as_of, quarters, keys),
            lambda row: (row["account_id"], row["day"]),
        ),
    }  # fmt: skip
    wrong: list[tuple[Any, ...]] = []
    for fact, (expected, name) in reckoned.items():
        told = {name(row): row for row in found[fact]}
        wrong += [(fact, one, one in expected, one in told) for one in set(expected) ^ set(told)]
        for one in set(expected) & set(told):
            shared = set(expected[one]) & set(told[one])
            assert len(shared) >= 5, (fact, shared)
            wrong += [
                (fact, one, column, expected[one][column], told[one][column])
                for column in sorted(shared)
                if expected[one][column] != told[one][column]
            ]
    return wrong


@seed(20_261_121)
@settings(
    max_examples=24, deadline=None, suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
)  # fmt: skip
@given(worlds())
def test_two_readings_agree(drawn: tuple[list[Row], int]) -> None:
    assert differences(*drawn) == []


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds(), st.randoms(use_true_random=False))
def test_order_changes_nothing(drawn: tuple[list[Row], int], random: Any) -> None:
    events, as_of = drawn
    mixed = list(events)
    random.shuffle(mixed)
    plain, _ = tables(events, as_of)
    other, _ = tables(mixed, as_of)
    for fact in FACTS:
        order = sorted(map(repr, plain[fact]))
        assert order == sorted(map(repr, other[fact])), fact
