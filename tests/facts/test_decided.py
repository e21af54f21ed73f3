"""Questions that the pages leave open, decided in DECISIONS and held here, one event at a time."""

from __future__ import annotations

from importlib.resources import files

import pytest
import sqlglot
from sqlglot import exp

from .story import DAY, LATE, MINUTE, at, event, exchange, one, said, thread
from .test_outcomes import handoff, record

MADE_UP = {"attributes": {"synthetic_time": True}}
ANGRY = said("a", 2, "customer", "that is wrong")

GUARDED = {
    "_outcome: GREATEST(COALESCE(j.return_at, j.horizon_us) - j.last_activity_at, 0)",
    "_outcome: GREATEST(j.horizon_us - j.last_activity_at, 0)",
    "conversation: GREATEST(j.messages_before_answer - 1, 0)",
    "conversation: LEAST(100, 10 * GREATEST(j.messages_before_answer - 1, 0) + 15 * j.rephrases"
    " + 5 * j.ai_clarifications + CASE WHEN j.is_channel_switch THEN 20 ELSE 0 END"
    " + CASE WHEN j.is_repeat THEN 20 ELSE 0 END)",
    "feedback_loop: GREATEST(COALESCE(a.changed_at, t.known_until) - f.occurred_at, 0)",
    "invoice_line: GREATEST(LEAST(f.disputed_amount, COALESCE(g.given, 0)"
    " - COALESCE(SUM(f.disputed_amount) OVER (PARTITION BY l.vendor, l.thread_key, l.currency"
    " ORDER BY l.period_start NULLS LAST, l.occurred_at NULLS LAST, l.event_key NULLS LAST"
    " rows BETWEEN UNBOUNDED preceding AND 1 preceding), 0)), 0)",
    "voice_call: GREATEST(u.end_us - GREATEST(u.start_us, COALESCE(u.side_spoken_until_us, u.start_us)), 0)",
    "voice_call: GREATEST(u.end_us - GREATEST(u.start_us, COALESCE(u.spoken_until_us, u.start_us)), 0)",
}
"""Clamps whose other argument is known: by a ``when ... is null`` before them, by the condition that
chose the rows (utterances with times, disputed lines), or because a change of knowledge was read."""


def test_no_clamp_hides_an_unknown() -> None:
    """``least(100, null)`` is 100 in DuckDB: a clamp to a number must be guarded."""
    found = set()
    for item in files("candor.facts").iterdir():
        if not item.name.endswith(".sql"):
            continue
        tree = sqlglot.parse_one(item.read_text(encoding="utf-8"), dialect="duckdb")
        for call in tree.find_all(exp.Least, exp.Greatest):
            arguments = [call.this, *call.expressions]
            if any(isinstance(argument, exp.Literal) for argument in arguments):
                found.add(f"{item.name.removesuffix('.sql')}: {call.sql()}")
    assert found == GUARDED


def test_a_record_outranks_anger() -> None:
    row = one([*exchange("a"), ANGRY, record("a", 500, "confirms")], "a")
    assert row["rage_quit"] is True
    assert (row["contained"], row["true_resolution"]) == (True, True)
    assert (row["ai_fcr_24h"], row["ai_fcr_72h"]) == (True, True)
    for supports in ("contradicts", "neutral"):
        row = one([*exchange("a"), ANGRY, record("a", 500, supports)], "a")
        assert (row["contained"], row["true_resolution"]) == (False, False)
        assert row["ai_fcr_72h"] is False


def test_a_record_does_not_outrank_what_happened() -> None:
    confirmed = [*exchange("a"), record("a", 500, "confirms")]
    assert one([*confirmed, handoff("a", 3)], "a")["true_resolution"] is False
    returned = [*confirmed, *exchange("b", 3_000, customer_id="who-a")]
    assert one(returned, "a")["true_resolution"] is False
    contradicted = [*confirmed, record("a", 501, "contradicts")]
    assert one(contradicted, "a")["true_resolution"] is False
    is_open = one(confirmed[:-1] + [record("a", 3, "confirms")], "a", as_of=at(4))
    assert is_open["true_resolution"] is None


def test_a_confirmed_contact_is_first_contact_resolution_once_time_has_passed() -> None:
    events = [
        *exchange("a"),
        event("state_change", "a", 2, to_state="closed"),
        record("a", 3, "confirms"),
    ]
    early = one(events, "a", as_of=at(1) + 3 * DAY - 1)
    assert (early["true_resolution"], early["ai_fcr_24h"], early["ai_fcr_72h"]) == (
        True,
        True,
        None,
    )
    assert one(events, "a", as_of=at(1) + 3 * DAY)["ai_fcr_72h"] is True


@pytest.mark.parametrize(
    ("supports", "expected"), [("contradicts", True), ("confirms", False), ("neutral", None)]
)
def test_silent_failure_without_a_clock(supports: str, expected: bool | None) -> None:
    row = one([*exchange("a", **MADE_UP), record("a", 500, supports)], "a")
    assert (row["contained"], row["silent_failure"]) == (True, expected)


def test_effort_is_unknown_where_a_component_is() -> None:
    assert one(exchange("a"), "a")["effort_points"] == 0
    for unknown in (
        one(exchange("a", customer_id=None), "a"),
        one(exchange("a", intent_id=None), "a"),
        one(exchange("a"), "a", score=False),
        one([*exchange("a"), said("a", 2, "ai_agent", kind=None)], "a"),
        one(exchange("a", **MADE_UP), "a"),
    ):
        assert unknown["effort_points"] is None


@pytest.mark.parametrize("number", range(6))
def test_of_two_intents_at_one_instant_the_customers_stands(number: int) -> None:
    """Which of the two numbers of stored events is smaller differs by name and must not matter."""
    name = f"a{number}"
    events = [
        thread(name, intent_id=None),
        said(name, 0, "ai_agent", intent_predicted="refund"),
        said(name, 0, "customer", intent_predicted="delivery"),
    ]
    assert one(events, name)["intent_id"] == "delivery"


ASKED = [thread("a"), said("a", 0, "customer", "a human please"), said("a", 1, "ai_agent")]


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ([], False),
        ([handoff("a", 2, is_failed=True)], False),
        ([handoff("a", 2)], None),
        ([handoff("a", 2, accepted_at=at(5))], True),
        ([handoff("a", 2, accepted_at=LATE + 1)], None),
        ([handoff("a", 2), said("a", 9, "human_agent")], True),
    ],
)
def test_a_human_came(extra: list[dict[str, object]], expected: bool | None) -> None:
    assert one([*ASKED, *extra], "a")["human_came"] is expected
    assert one([*ASKED, *extra], "a", as_of=at(3))["human_came"] is None


def test_nobody_was_asked_for() -> None:
    assert one([*exchange("a"), handoff("a", 2)], "a")["human_came"] is None


def test_at_one_instant_the_customer_speaks_first() -> None:
    row = one([*exchange("a"), said("a", 1, "customer", "that is wrong")], "a")
    assert (row["customer_spoke_last"], row["reply_class"]) == (False, "none")
    later = one([*exchange("a"), said("a", 1 + 1 / 60, "customer", "that is wrong")], "a")
    assert (later["customer_spoke_last"], later["reply_class"]) == (True, "negative")
    closing = [thread("a"), said("a", 0, "customer"), said("a", 0, "ai_agent", kind="closing")]
    assert one(closing, "a")["abandoned"] is False


def test_the_first_close_says_who_closed() -> None:
    events = [
        *exchange("a"),
        event("state_change", "a", 2, to_state="solved"),
        event("state_change", "a", 3, to_state="closed", actor="system", reason="automation"),
    ]
    row = one(events, "a")
    assert (row["closed_at"], row["closed_by"], row["close_reason"]) == (at(2), None, None)


def test_a_close_before_the_first_message_closes_nothing() -> None:
    before = event("state_change", "a", -5, to_state="closed", actor="system", reason="automation")
    row = one([*exchange("a"), before], "a")
    assert (row["closed"], row["ended_at"]) == (False, at(1) + DAY)


def test_links_join_no_two_known_persons() -> None:
    link = event("link", None, 5, from_thread_id="a", to_thread_id="b", kind="followup")
    link.pop("thread_id")
    for customer, expected in (("who-b", None), ("who-a", at(60)), (None, at(60))):
        other = exchange("b", 60, customer_id=customer, intent_id="other")
        assert one([*exchange("a"), *other, link], "a")["return_at"] == expected


def test_the_latest_claim_does_not_borrow_from_an_earlier_one() -> None:
    claims = [
        event("claim", "a", 3, claimant="v", raw_value="r", claimed="none", is_billable=True),
        event("claim", "a", 4, claimant="v", raw_value="r", claimed="resolved_assumed"),
    ]
    row = one([*exchange("a"), *claims], "a")
    assert (row["claimed"], row["claim_is_billable"]) == ("resolved_assumed", None)
    assert at(4) - at(3) == MINUTE
