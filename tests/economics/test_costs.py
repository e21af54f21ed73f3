"""All-in costs, worked by hand; what nobody priced is named, never 0."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candor.economics.costs import PATHS, Books, Fee, Work, all_in, implementation, licences
from candor.economics.rates import Rates
from candor.window import to_day

MAY, JUNE, JULY = (to_day(date(2026, month, 1)) for month in (5, 6, 7))
EVEN = {"ai_only": 60, "hybrid": 20, "human_only": 20}


def books(**fields) -> Books:
    return Books(
        **{"since": MAY, "until": JUNE, "conversations": EVEN, "everybody": EVEN, **fields}
    )


def test_a_licence_is_paid_by_the_days_of_its_month():
    rates = Rates.model_validate(
        {
            "licences": [
                {"name": "ai", "amount": 310, "since": date(2026, 5, 11)},
                {"name": "desk", "amount": 365, "every": "year", "bearer": "all"},
                {"name": "floor", "amount": 91, "every": "quarter", "bearer": "human"},
            ]
        }
    )
    # 21 of 31 days of May; 31 of 365 days of the year; 31 of 91 days of the second quarter.
    assert licences(rates, MAY, JUNE) == {"ai": 210, "all": 31, "human": 31}
    assert licences(rates, MAY, MAY + 10)["ai"] == 0


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 200))
def test_licences_of_stretches_add_up(first, second, third):
    rates = Rates.model_validate(
        {"licences": [{"name": "x", "amount": "99.99", "every": every} for every in ("month", "quarter", "year")]}
    )  # fmt: skip
    a, b, c = sorted((MAY + first, MAY + second, MAY + third))
    parts = licences(rates, a, b)["ai"] + licences(rates, b, c)["ai"]
    assert parts == licences(rates, a, c)["ai"]


def test_what_is_paid_once_is_spread_evenly_and_ends():
    rates = Rates.model_validate(
        {"implementation": [{"name": "x", "amount": 920, "since": date(2026, 5, 1), "months": 3}]}
    )
    # May to July have 92 days: 10 a day.
    assert implementation(rates, MAY, JUNE)["ai"] == 310
    assert implementation(rates, MAY - 500, MAY + 500)["ai"] == 920
    assert implementation(rates, MAY + 92, MAY + 500)["ai"] == 0


def test_a_month_of_a_desk_by_hand():
    rates = Rates.model_validate(
        {
            "human": {"cost_per_minute": "0.5", "overhead_share": "0.2"},
            "licences": [{"name": "ai", "amount": 800}, {"name": "desk", "amount": 100, "bearer": "all"}],
            "claims": [{"claimant": "vendor", "price": "0.99"}],
            "usage": [{"unit": "token", "per": 1000, "price": 2}],
        }
    )  # fmt: skip
    found = all_in(
        books(
            recorded={("ai_only", "ai_usage"): Decimal(6), ("hybrid", "telephony"): Decimal(4)},
            uncounted={("ai_only", "token"): Decimal(500)},
            work=[
                Work("hybrid", None, None, 20, paid=Decimal(50), paid_contacts=10,
                     minutes=Decimal(100), minute_contacts=10),
                Work("human_only", None, Decimal(60), 20, minutes=Decimal(200), minute_contacts=20),
            ],
            fees=[Fee("ai_only", "vendor", MAY, 10)], claimed={"ai_only": Decimal("0.10")},
            lumps={"overhead": Decimal(200)},
        ),
        rates,
    )  # fmt: skip
    assert found.missing == ()
    # Usage 6 recorded and 500 tokens at 2 a thousand; ten claims at 0.99 and one amount stated.
    # The AI's 800 over 80 conversations; the desk's 100 and the overhead of 200 over all 100.
    assert found.parts["ai_only"] == {
        "usage": 7, "fees": Fraction(10), "human": 0, "fixed": 600 + 180,
    }  # fmt: skip
    # 50 paid and 100 minutes at 0.5, both with a fifth on top.
    assert found.parts["hybrid"] == {"usage": 4, "fees": 0, "human": 60 + 60, "fixed": 200 + 60}
    # 200 minutes of somebody who costs 60 an hour.
    assert found.parts["human_only"] == {"usage": 0, "fees": 0, "human": 240, "fixed": 60}
    assert found.total() == 7 + 10 + 780 + 4 + 120 + 260 + 240 + 60
    assert found.total(("human_only",)) == 300
    assert found.component("human") == 360


def test_recorded_fees_are_not_paid_again_from_claims():
    rates = Rates.model_validate({"claims": [{"claimant": "v", "price": 5}]})
    fees = [Fee("ai_only", "v", MAY, 10)]
    recorded = {("ai_only", "ai_resolution_fee"): Decimal(30)}
    assert all_in(books(fees=fees), rates).total() == 50
    assert all_in(books(fees=fees, recorded=recorded), rates).total() == 30


def test_spans_of_handling_count_only_when_asked():
    work = [Work("human_only", "blue", None, 10, handled_us=600_000_000, handled_contacts=10)]
    rates = {"human": {"teams": {"blue": 3}}}
    found = all_in(books(work=work), Rates.model_validate(rates))
    assert found.missing[0].startswith("minutes and price of human work")
    rates["human"]["minutes_from"] = "handle_time"
    assert all_in(books(work=work), Rates.model_validate(rates)).total() == 30


@pytest.mark.parametrize(("known", "total"), [(95, 200), (94, None)])
def test_a_few_unknown_minutes_cost_as_much_as_the_others(known, total):
    work = [Work("human_only", None, None, 100, paid=Decimal(2 * known), paid_contacts=known)]
    found = all_in(books(work=work), Rates())
    assert (found.total() if not found.missing else None) == total


@pytest.mark.parametrize(
    ("fields", "rates", "words"),
    [
        ({}, None, "licences: rates.yaml"),
        ({"uncounted": {("ai_only", "token"): Decimal(1)}}, Rates(), "price of a token"),
        ({"fees": [Fee("ai_only", "v", MAY, 1)]}, Rates(), "price of a resolution claimed by v"),
        ({"work": [Work("hybrid", None, None, 1)]}, Rates(), "minutes and price of human work"),
        ({"foreign": ["GBP", "GBP"]}, Rates(), "amounts in GBP cannot be added"),
    ],
)
def test_what_is_not_known_is_missing(fields, rates, words):
    found = all_in(books(**fields), rates)
    assert len(found.missing) == 1
    assert words in found.missing[0]


def test_a_slice_carries_its_share_of_fixed_costs():
    whole = all_in(
        books(lumps={"platform_licence": Decimal(800), "overhead": Decimal(100)}), Rates()
    )
    half = {path: count // 2 for path, count in EVEN.items()}
    part = all_in(
        books(
            conversations=half, lumps={"platform_licence": Decimal(800), "overhead": Decimal(100)}
        ),
        Rates(),
    )
    assert whole.total() == 900
    assert part.total() == 450
    assert {path: part.parts[path]["fixed"] for path in PATHS} == {
        "ai_only": 330, "hybrid": 110, "human_only": 10,
    }  # fmt: skip


def test_who_carries_a_lump_can_be_said():
    rates = Rates.model_validate({"bearers": {"platform_licence": "human"}})
    found = all_in(books(lumps={"platform_licence": Decimal(40)}), rates)
    assert [found.parts[path]["fixed"] for path in PATHS] == [0, 20, 20]


def test_implementation_recorded_or_listed_is_told_apart():
    rates = Rates.model_validate(
        {"implementation": [{"name": "x", "amount": 920, "since": date(2026, 5, 1), "months": 3}]}
    )
    found = all_in(books(lumps={"implementation": Decimal(90), "overhead": Decimal(10)}), rates)
    assert found.implementation == 400
    assert found.component("fixed") == 410
    assert JULY > JUNE
