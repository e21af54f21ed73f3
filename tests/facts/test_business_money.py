"""Claims, invoices, revenue and costs: stories with the rows they must give."""

from __future__ import annotations

from decimal import Decimal

import pytest

from .ledger import DAY, built, line, picked, record
from .story import at, event, exchange, said, thread

CENTS = Decimal("0.99")


def bill(events, *lines, **options):
    return built([*events, *lines], "invoice_line", **options)


def judged(events, *lines, **options):
    return picked(bill(events, *lines, **options), "line", "status", "reason")


def test_an_undisturbed_answer_is_accepted_as_assumed():
    row = bill(exchange("a"), line(1, "a"))[0]
    assert (row["status"], row["reason"], row["is_disputed"]) == ("accepted", "assumed", False)
    money = (
        "amount",
        "disputed_amount",
        "credited_amount",
        "recoverable_amount",
        "unverifiable_amount",
    )
    assert [row[name] for name in money] == [CENTS, 0, 0, 0, 0]
    assert (row["in_currency"], row["is_credit"], row["is_resolution"]) == (True, False, True)


HANDED = event(
    "handoff",
    "a",
    2,
    from_actor="ai_agent",
    to_actor="human_agent",
    is_planned=False,
    is_failed=False,
)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (
            [
                event(
                    "confirmation",
                    "a",
                    9,
                    system="s",
                    kind="end_state_check",
                    supports="contradicts",
                )
            ],
            "contradicted",
        ),
        ([HANDED], "escalated"),
        ([said("a", 3 * DAY, "customer", "it is late again, where is it")], "returned"),
        (
            [
                event("state_change", "a", 10, to_state="solved"),
                event(
                    "state_change", "a", 20, from_state="solved", to_state="open", actor="system"
                ),
            ],
            "returned",
        ),
        (exchange("b", 60, customer_id="who-a"), "returned"),
    ],
)
def test_evidence_against_a_resolution_disputes_it(more, reason):
    row = bill([*exchange("a"), *more], line(1, "a"))[0]
    assert (row["status"], row["reason"], row["is_disputed"]) == ("disputed", reason, True)
    assert (row["disputed_amount"], row["recoverable_amount"]) == (CENTS, CENTS)


def test_a_return_after_the_window_disputes_nothing():
    late = exchange("b", 1 + 3 * DAY, customer_id="who-a")
    assert judged([*exchange("a"), *late], line(1, "a")) == [("1", "accepted", "assumed")]


def test_a_session_is_billed_whatever_became_of_it():
    session = line(1, "a", outcome_billed="session")
    assert judged([*exchange("a"), HANDED], session) == [("1", "accepted", "not_a_resolution")]
    assert judged([*exchange("a")], line(1, "a", outcome_billed="Billed Outcome")) == [
        ("1", "accepted", "assumed")
    ]


def test_scope_of_a_charge():
    nobody = [thread("h"), said("h", 0, "customer"), said("h", 1, "human_agent")]
    events = [*exchange("a"), *exchange("t", is_test=True), *nobody, *exchange("n", 31 * DAY)]
    assert judged(events, line(1, "t"), line(2, "h"), line(3, "n")) == [
        ("1", "disputed", "test"),
        ("2", "disputed", "no_ai"),
        ("3", "disputed", "outside_period"),
    ]


@pytest.mark.parametrize(
    ("began", "reason"), [(1 + 3 * DAY, "outside_period"), (3 * DAY, "assumed")]
)
def test_a_contact_may_be_billed_up_to_72_h_after_its_last_word(began, reason):
    start = {"period_start": at(began + 0.5), "period_end": at(40 * DAY)}
    if reason == "outside_period":
        start["period_start"] = at(began)
    assert bill(exchange("a"), line(1, "a", **start))[0]["reason"] == reason


def test_a_second_charge_for_one_contact_is_a_duplicate():
    found = judged(exchange("a"), line(1, "a", 10), line(2, "a", 20))
    assert found == [("1", "disputed", "duplicate"), ("2", "accepted", "assumed")]


def test_a_charge_in_a_later_period_for_the_same_contact_is_a_duplicate():
    """Whichever line was made first: the earlier period has billed the contact."""
    period = {"period_start": at(DAY), "period_end": at(40 * DAY), "invoice_id": "next"}
    for minute in (DAY - 1, DAY, DAY + 1):
        found = judged(exchange("a"), line(1, "a"), line(2, "a", minute, **period))
        assert [reason for _, _, reason in found] == ["assumed", "duplicate"]


def test_two_contacts_of_a_thread_bear_two_charges():
    again = [said("a", 5 * DAY, "customer", "another question"), said("a", 5 * DAY + 1, "ai_agent")]
    events = [*exchange("a"), *again]
    rows = bill(events, line(1, "a", 10), line(2, "a", 20), line(3, "a", 5))
    assert picked(rows, "line", "reason") == [
        ("1", "assumed"),
        ("2", "assumed"),
        ("3", "duplicate"),
    ]
    assert rows[0]["conversation_key"] != rows[1]["conversation_key"]
    # A contact that began after the period bears none of its charges.
    short = {"period_end": at(2 * DAY)}
    found = judged(events, line(1, "a", 10, **short), line(2, "a", 20, **short))
    assert [reason for _, _, reason in found] == ["duplicate", "assumed"]


def test_two_vendors_may_bill_one_contact():
    found = judged(exchange("a"), line(1, "a"), line(2, "a", vendor="other"))
    assert [reason for _, _, reason in found] == ["assumed", "assumed"]


def test_what_cannot_be_checked_is_its_own_state():
    unknown = exchange("u", customer_id=None)
    vague = [*exchange("v"), *exchange("w", 60, customer_id="who-v", intent_id=None)]
    rows = bill([*unknown, *vague], line(1, None), line(2, "gone"), line(3, "u"), line(4, "v"))
    assert picked(rows, "status", "reason") == [
        ("unverifiable", "thread_missing"),
        ("unverifiable", "thread_unknown"),
        ("unverifiable", "identity_unknown"),
        ("unverifiable", "undetermined"),
    ]
    assert picked(
        rows[:1], "is_disputed", "disputed_amount", "recoverable_amount", "unverifiable_amount"
    ) == [(None, None, None, CENTS)]


def test_an_open_window_is_unverifiable_unless_someone_confirmed():
    told = event("confirmation", "a", 9, system="s", kind="end_state_check", supports="confirms")
    early = {"as_of": at(1 + 3 * DAY) - 1, "covered_until": at(1 + 3 * DAY) - 1}
    assert judged(exchange("a"), line(1, "a"), **early) == [("1", "unverifiable", "window_open")]
    assert judged([*exchange("a"), told], line(1, "a"), **early) == [("1", "accepted", "confirmed")]
    late = {"as_of": at(1 + 3 * DAY), "covered_until": at(1 + 3 * DAY)}
    assert judged(exchange("a"), line(1, "a"), **late) == [("1", "accepted", "assumed")]


def test_credits_give_back_disputed_charges_in_their_order():
    events = [*exchange("a"), *exchange("b")]
    rows = bill(
        events,
        line(1, "a", 10, amount="3"),
        line(2, "a", 20, amount="2"),
        line(3, "a", 30, amount="1"),
        line(4, "a", 40, amount="-3.5"),
        line(5, "b", 40, amount="-9"),
        line(6, "a", 40, amount="-9", currency="EUR"),
    )
    assert picked(rows, "status", "disputed_amount", "credited_amount", "recoverable_amount") == [
        ("disputed", 3, 3, 0),
        ("disputed", 2, Decimal("0.5"), Decimal("1.5")),
        ("accepted", 0, 0, 0),
        ("credit", None, None, None),
        ("credit", None, None, None),
        ("credit", None, None, None),
    ]
    assert [row["reason"] for row in rows] == [
        "duplicate",
        "duplicate",
        "assumed",
        None,
        None,
        None,
    ]
    assert rows[5]["in_currency"] is False


def test_a_claim_stands_beside_what_became_of_the_contact():
    def claim(name, minute, thread_id="a", **fields):
        base = {"claimant": "v", "raw_value": "r", "claimed": "resolved_assumed", "claim_id": name}
        return event("claim", thread_id, minute, **{**base, **fields})

    again = [said("a", 5 * DAY, "customer", "it is late again"), said("a", 5 * DAY + 1, "ai_agent")]
    events = [
        *exchange("a"), *again, *exchange("b", 60, customer_id="who-b2"),
        *exchange("c", 62, customer_id="who-b2"),
        claim("1", -5), claim("2", 30, claimed="none"), claim("3", 5 * DAY, amount="0.99", currency="EUR"),
        claim("4", 70, "b"), claim("5", 70, "gone"), claim("6", 40, claimed=None, claimant="w"),
    ]  # fmt: skip
    rows = built(events, "claim")
    assert picked(
        rows, "claim_id", "is_latest", "claimed_resolved", "claim_held", "in_currency"
    ) == [
        ("1", False, True, True, None),
        ("2", True, False, None, None),
        ("3", True, True, True, False),
        ("4", True, True, False, None),
        ("5", True, True, None, None),
        ("6", True, None, None, None),
    ]
    assert rows[0]["conversation_key"] == rows[1]["conversation_key"] != rows[2]["conversation_key"]
    assert rows[4]["conversation_key"] is None


def test_money_belongs_to_the_contact_named_or_the_latest_before():
    events = [
        *exchange("a", customer_id="ann"),
        *exchange("b", 60, customer_id="ann", intent_id="x"),
    ]
    rows = built(
        [
            *events,
            record("1", "a", 90, "repurchase", amount="5"),
            record("2", None, 90, "payment_received", amount="7", customer_id="ann"),
            record("3", None, 30, "refund_issued", amount="2", customer_id="ann", currency="EUR"),
            record("4", None, 60 + 30 * DAY, "expansion", amount="2", customer_id="ann"),
            record("5", None, 90, "renewal", amount="4", account_id="acme", currency=None),
            record("6", None, 90, "complaint", amount="4", customer_id="ann"),
            record("7", None, 90, "repurchase", customer_id="ann"),
            record("8", "gone", 90, "repurchase", amount="-5"),
        ],
        "revenue",
    )
    assert picked(rows, "confirmation_id", "link", "net_amount", "in_currency", "touch_us") == [
        ("1", "thread", 5, True, 90 * 60_000_000),
        ("2", "last_touch", 7, True, 30 * 60_000_000),
        ("3", "last_touch", -2, False, 30 * 60_000_000),
        ("4", None, 2, True, None),
        ("5", None, 4, True, None),
        ("8", None, 5, True, None),
    ]
    assert [row["customer_known"] for row in rows] == [True, True, True, True, True, False]
    assert rows[0]["intent_id"] == rows[2]["intent_id"] == "bill"
    assert rows[1]["intent_id"] == "x"


def test_a_sale_told_twice_counts_once():
    def sold(name, minute, kind, amount="7", customer="ann"):
        return record(name, None, minute, kind, amount=amount, customer_id=customer)

    events = [
        *exchange("a", customer_id="ann"),
        sold("1", 10, "order_shipped"),
        sold("2", 30 * DAY, "payment_received"),
        sold("3", 10, "order_shipped", "8"),
        sold("4", 60 * DAY, "order_shipped"),
        sold("5", 10, "order_shipped", customer="bob"),
    ]
    rows = built(events, "revenue")
    assert picked(rows, "is_same_sale", "net_amount") == [
        (True, 0), (False, 7), (False, 8), (False, 7), (False, 7),
    ]  # fmt: skip


def test_what_followed_a_conversation():
    events = [
        *exchange("a", customer_id="ann"),
        *exchange("n", customer_id=None),
        *exchange("z", customer_id="zoe", attributes={"synthetic_time": True}),
        record("1", "a", 3 * DAY - 0.001, "repurchase", amount="1"),
        record("2", "a", 3 * DAY, "repurchase", amount="2"),
        record("3", "a", 7 * DAY, "repurchase", amount="4"),
        record("4", "a", 30 * DAY, "repurchase", amount="8", currency="EUR"),
    ]
    rows = built(events, "worth")
    assert picked(
        rows, "records_7d", "revenue_3d", "revenue_7d", "revenue_30d", "is_mixed", "solved"
    ) == [
        (2, 1, 3, 7, True, True),
        (None, None, None, None, False, None),
        (None, None, None, None, False, None),
    ]


def test_windows_of_revenue_open_and_close():
    events = [*exchange("a"), record("1", "a", 1, "repurchase", amount="1")]
    columns = ("revenue_3d", "revenue_7d", "window_open_3d", "window_open_7d")
    for until, expected in (
        (at(3 * DAY) - 1, (None, None, True, True)),
        (at(3 * DAY), (1, None, False, True)),
        (at(7 * DAY), (1, 1, False, False)),
    ):
        assert picked(built(events, "worth", covered_until=until), *columns) == [expected]
    assert built(exchange("a"), "worth") == []


def test_what_was_spent_by_day_kind_and_path():
    def cost(name, thread_id, minute=5, **fields):
        base = {
            "kind": "ai_usage",
            "quantity": 1.5,
            "unit": "token",
            "amount": "2",
            "currency": "USD",
        }
        return event("cost", thread_id, minute, **{**base, "cost_id": name, **fields})

    events = [
        *exchange("a"), *exchange("b", 2, customer_id="who-b"),
        cost("1", "a"), cost("2", "b", quantity=2, amount="0"), cost("3", "b", kind="human_minutes"),
        cost("4", None, kind="platform_licence", amount="1500"), cost("5", "gone"),
        cost("6", "a", currency="EUR"), cost("7", "a", DAY), cost("8", "a", 70 * DAY),
    ]  # fmt: skip
    rows = built(events, "spend")
    names = ("kind", "in_currency", "has_thread", "path", "lines", "amount", "quantity_millionths")
    first = rows[0]["day"]
    assert picked(rows, *names) == [
        ("ai_usage", False, True, "ai_only", 1, 2, 1_500_000),
        ("ai_usage", True, True, "ai_only", 2, 2, 3_500_000),
        ("ai_usage", True, True, None, 1, 2, 1_500_000),
        ("human_minutes", True, True, "ai_only", 1, 2, 1_500_000),
        ("platform_licence", True, False, None, 1, 1500, 1_500_000),
        ("ai_usage", True, True, "ai_only", 1, 2, 1_500_000),
    ]
    assert [row["unpriced_millionths"] for row in rows] == [0, 2_000_000, 0, 0, 0, 0]
    assert [row["day"] - first for row in rows] == [0, 0, 0, 0, 0, 1]
