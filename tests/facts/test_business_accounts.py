"""Customer success, accounts, customers and experiments: stories with the rows they must give."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from candor.window import to_day

from .ledger import DAY, account, act, built, picked, record
from .story import BEGAN, LATE, at, event, exchange

STORY_DAY = to_day(datetime.fromtimestamp(BEGAN / 1e6, tz=UTC).date())


MATERIAL = [
    ({"ai_role": "none"}, None, False),
    ({"ai_role": "none", "retained_share": 0.9}, None, False),
    ({"ai_role": "drafted", "retained_share": 0.5}, None, True),
    ({"ai_role": "drafted", "retained_share": 0.499999}, None, False),
    ({"ai_role": "drafted"}, None, None),
    ({"ai_role": "acted"}, None, True),
    ({"ai_role": "acted", "retained_share": 0.1}, None, False),
    ({"ai_role": "recommended", "outcome": "failed", "outcome_at": at(DAY)}, True, True),
    ({"ai_role": "recommended", "outcome": "open"}, False, False),
    ({"ai_role": "recommended", "outcome": "failed"}, None, None),
    ({"ai_role": "surfaced_signal"}, False, False),
    ({"ai_role": "surfaced_signal", "retained_share": 0.5}, False, True),
    (
        {"ai_role": "surfaced_signal", "outcome": "succeeded", "outcome_at": at(7 * DAY) - 1},
        True, True,
    ),
    (
        {"ai_role": "surfaced_signal", "outcome": "succeeded", "outcome_at": at(7 * DAY)},
        False, False,
    ),
]  # fmt: skip


def test_help_of_ai_is_material_or_not():
    acts = [act(f"{number:02}", **fields) for number, (fields, _, _) in enumerate(MATERIAL)]
    found = picked(built(acts, "intervention"), "is_acted_on", "is_material")
    assert found == [(acted_on, material) for _, acted_on, material in MATERIAL]


def test_a_signal_is_open_until_its_window_has_passed_in_the_source():
    events = [act("i", ai_role="surfaced_signal"), account(-DAY)]
    for until, expected in (
        (at(7 * DAY) - 1, (None, None, True)),
        (at(7 * DAY), (False, False, False)),
    ):
        rows = built(events, "intervention", covered_until={"crm": until})
        assert picked(rows, "is_acted_on", "is_material", "is_window_open") == [expected]


DECIDED = [
    ("accepted", 7 * DAY - 0.001, True),
    ("edited", 1, True),
    ("accepted", 7 * DAY, False),
    ("rejected", 1, False),
    ("ignored", None, False),
    ("accepted", None, True),
]


def test_the_suggestion_that_set_it_off_decides():
    events = []
    for number, (decision, decided, _) in enumerate(DECIDED):
        shown = event(
            "suggestion", None, 0, suggestion_id=f"s{number}", human_agent_id="csm", kind="risk_signal",
            decision=decision, decided_at=None if decided is None else at(decided),
        )  # fmt: skip
        events.append({**shown, "source": "crm"})
        events.append(act(f"{number}", 60, ai_role="surfaced_signal", trigger=f"s{number}"))
    rows = built(events, "intervention")
    expected = [(result, result) for _, _, result in DECIDED]
    assert picked(rows, "is_acted_on", "is_material") == expected


def test_outcome_after_as_of_is_still_open():
    ended = act(
        "i", outcome="succeeded", outcome_at=at(DAY), value_at_risk="10", value_retained="8"
    )
    early = built([ended], "intervention", as_of=at(DAY) - 1)
    late = built([ended], "intervention", as_of=at(DAY))
    columns = ("outcome", "has_succeeded", "value_retained", "outcome_us")
    assert picked(early, *columns) == [("open", None, None, None)]
    assert picked(late, *columns) == [("succeeded", True, Decimal(8), DAY * 60_000_000)]


def test_an_act_takes_the_segment_known_at_its_time():
    events = [
        account(-2, segment="smb"),
        account(-1, segment=None, currency="EUR"),
        account(1, segment="enterprise"),
        act("i"),
    ]
    rows = built(events, "intervention")
    assert picked(rows, "account_segment", "currency", "in_currency") == [("smb", "EUR", False)]


QUARTER = to_day(datetime(2026, 7, 1, tzinfo=UTC).date())
TO_QUARTER = (
    datetime(2026, 7, 1, tzinfo=UTC) - datetime.fromtimestamp(BEGAN / 1e6, tz=UTC)
).total_seconds() / 60
TO_NEXT = TO_QUARTER + 92 * DAY
AUTUMN = at(TO_NEXT) + 5 * DAY * 60_000_000


def quarters(events, as_of=AUTUMN, **options):
    return built(events, "account_period", as_of=as_of, **options)


def test_a_quarter_of_an_account():
    events = [
        account(-DAY, annual_revenue="1000", segment="smb", renewal_at=at(TO_QUARTER), csm_id="m"),
        account(TO_QUARTER + DAY, annual_revenue="1500"),
        account(TO_QUARTER + 2 * DAY, annual_revenue="900"),
        act("i", TO_QUARTER - 90 * DAY, ai_role="acted"),
        act("j", TO_QUARTER, ai_role="acted"),
    ]
    row = next(row for row in quarters(events) if row["day"] == QUARTER)
    assert (row["revenue_start"], row["revenue_end"], row["revenue_kept"]) == (1000, 900, 900)
    assert (row["has_churned"], row["renewal_due"], row["has_renewed"]) == (False, True, True)
    assert (row["interventions"], row["interventions_material"], row["assistance"]) == (
        1,
        1,
        "assisted",
    )
    assert (row["account_segment"], row["csm_id"], row["is_open"]) == ("smb", "m", False)


def test_growth_is_not_retention():
    events = [account(-DAY, annual_revenue="1000"), account(TO_QUARTER + 1, annual_revenue="1500")]
    assert picked(quarters(events)[:1], "revenue_end", "revenue_kept") == [(1500, 1000)]


@pytest.mark.parametrize(
    "ending",
    [
        account(TO_QUARTER + 1, "churned", annual_revenue="1000"),
        record("x", None, TO_QUARTER, "churn", account_id="acme"),
        record("x", None, TO_NEXT - 0.001, "account_closed", account_id="acme"),
    ],
)
def test_an_account_that_left(ending):
    row = quarters([account(-DAY, annual_revenue="1000"), ending])[0]
    assert (row["day"], row["has_churned"]) == (QUARTER, True)
    assert (row["revenue_end"], row["revenue_kept"], row["has_renewed"]) == (0, 0, None)


def test_a_closure_after_the_quarter_is_not_in_it():
    left = record("x", None, TO_NEXT, "churn", account_id="acme")
    row = quarters([account(-DAY, annual_revenue="1000"), left])[0]
    assert (row["has_churned"], row["revenue_kept"]) == (False, 1000)


def test_a_quarter_that_has_not_passed_is_not_known():
    events = [account(-DAY, annual_revenue="1000")]
    for until, expected in (
        (at(TO_NEXT) - 1, (True, None, None)),
        (at(TO_NEXT), (False, False, 1000)),
    ):
        rows = quarters(events, covered_until={"crm": until})
        assert picked(rows[:1], "is_open", "has_churned", "revenue_kept") == [expected]
    assert picked(quarters(events, as_of=at(TO_NEXT) - 1), "is_open", "has_churned") == [
        (True, None)
    ]


def test_help_before_the_quarter_decides_the_group():
    base = account(-DAY, annual_revenue="1000")
    cases = [
        ([], "none"),
        ([act("i", TO_QUARTER - 1)], "unassisted"),
        ([act("i", TO_QUARTER - 1, ai_role="drafted")], None),
        ([act("i", TO_QUARTER - 90 * DAY - 0.001, ai_role="acted")], "none"),
        ([act("i", TO_QUARTER - 1), act("j", TO_QUARTER - 2, ai_role="acted")], "assisted"),
    ]
    for acts, expected in cases:
        assert quarters([base, *acts])[0]["assistance"] == expected


def test_an_account_not_yet_or_no_longer_a_customer_has_no_row():
    assert quarters([account(TO_QUARTER + 1)], as_of=at(TO_NEXT) - 1) == []
    assert quarters([account(-1, "churned")], as_of=at(TO_NEXT) - 1) == []


def stays(*records, as_of=LATE + 90 * DAY * 60_000_000, **options):
    events = [*exchange("a", customer_id="ann", account_id="acme"), *records]
    return built(events, "retention", as_of=as_of, **options)


def test_nothing_is_said_of_loyalty_without_a_record_of_it():
    assert stays() == []


@pytest.mark.parametrize(
    ("records", "left", "bought"),
    [
        ([record("x", None, DAY, "churn", customer_id="ann")], True, None),
        ([record("x", None, DAY, "churn", customer_id="bob")], False, None),
        ([record("x", None, DAY, "repurchase", customer_id="ann")], None, True),
        ([record("x", None, 1 + 90 * DAY, "repurchase", customer_id="ann")], None, False),
        ([record("x", None, 0, "repurchase", customer_id="ann")], None, False),
        ([record("x", None, DAY, "renewal", account_id="acme")], None, True),
        ([record("x", None, DAY, "renewal", account_id="acme", customer_id="bob")], None, False),
        ([account(DAY, "churned")], True, None),
    ],
)
def test_who_left_and_who_bought_again(records, left, bought):
    assert picked(stays(*records), "has_left", "has_bought") == [(left, bought)]


def test_loyalty_is_open_until_ninety_days_are_covered():
    gone = record("x", None, DAY, "churn", customer_id="bob")
    for until, expected in ((at(1 + 90 * DAY) - 1, None), (at(1 + 90 * DAY), False)):
        rows = stays(gone, covered_until={"desk": until})
        assert picked(rows, "has_left") == [(expected,)]


def test_a_month_of_a_customer_adds_up_its_contacts():
    rows = stays(
        *exchange("b", 60, customer_id="ann"),
        *exchange("t", 70, customer_id="ann", is_test=True, intent_id="other"),
        record("x", None, DAY, "churn", customer_id="ann"),
        event("survey", "a", 30, instrument="nps", score=9.0, scale_min=0.0, scale_max=10.0,
              answered_at=at(30), asked_at=at(20)),
    )  # fmt: skip
    assert picked(rows, "contacts", "solved", "solved_known", "rated", "nps_ppm") == [
        (2, 1, 2, 0, 900_000)
    ]


def test_units_of_experiments_are_known_persons_where_they_can_be():
    def put_in(unit, name):
        return {
            "type": "exposure", "source": "lab", "occurred_at": at(0), "assigned_at": at(0),
            "experiment_id": "e", "unit_id": name, "unit": unit, "arm": "new",
        }  # fmt: skip

    units = [put_in("customer", "who-a"), put_in("thread", "a2"), put_in("queue_day", "q1")]
    events = [*exchange("a"), *exchange("a2", is_test=True), *units]
    rows = built(events, "exposure")
    assert picked(rows, "unit_id", "customer_known", "is_test", "day") == [
        ("a2", True, True, STORY_DAY),
        ("q1", False, False, STORY_DAY),
        ("who-a", True, False, STORY_DAY),
    ]
