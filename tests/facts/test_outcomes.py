"""Outcomes: three-valued resolution, escalation, evidence, effort, safety, surveys and money."""

from decimal import Decimal

import pytest

from candor.workspace import HumanAgent, Intent

from .story import HOUR, MINUTE, at, event, exchange, facts, one, said, thread


def handoff(name: str, minute: float, **fields):
    base = {
        "from_actor": "ai_agent", "to_actor": "human_agent", "reason": "policy", "is_planned": False,
        "is_failed": False,
    }  # fmt: skip
    return event("handoff", name, minute, **{**base, **fields})


def record(name: str | None, minute: float, supports: str, **fields):
    base = {"system": "erp", "kind": "end_state_check", "supports": supports}
    return event("confirmation", name, minute, **{**base, **fields})


def survey(name: str, minute: float, score: float | None, **fields):
    base = {
        "instrument": "csat",
        "score": score,
        "scale_min": 1.0,
        "scale_max": 5.0,
        "asked_at": at(minute),
    }
    return event("survey", name, minute, **{**base, **fields})


def label(name: str, minute: float, criterion: str, value: str, *, kind="human", **fields):
    base = {
        "assessor_kind": kind, "assessor_id": "reviewer", "assessor_version": "1", "criterion": criterion,
        "label": value,
    }  # fmt: skip
    return event("assessment", name, minute, **{**base, **fields})


A = exchange("a")
OUTCOMES = {
    "silence": ([], True),
    "follow_up": ([said("a", 2, "customer", "where is that page")], True),
    "affirm": ([said("a", 2, "customer", "it works")], True),
    "negative": ([said("a", 2, "customer", "that is wrong")], False),
    "asks_human": ([said("a", 2, "customer", "a human please")], False),
    "thumbs_down": ([{**A[2], "feedback": "negative"}], False),
    "executed_handoff": ([handoff("a", 2)], False),
    "failed_handoff": ([handoff("a", 2, is_failed=True)], True),
    "record_contradicts": ([record("a", 500, "contradicts")], False),
    "record_confirms_but_customer_negative": (
        [said("a", 2, "customer", "that is wrong"), record("a", 500, "confirms")], True,
    ),
    "fallback_last": ([said("a", 2, "ai_agent", kind="fallback")], False),
    "forced": (
        [
            said("a", 2, "customer", "where is that page"),
            event("state_change", "a", 3, to_state="closed", actor="system", reason="automation"),
        ],
        None,
    ),
    "kind_unknown": ([said("a", 2, "ai_agent", kind=None)], None),
    "spoke_of_by_same_intent": (
        [record(None, 500, "contradicts", customer_id="who-a", intent_id="bill")], False,
    ),
    "spoke_of_other_intent": (
        [record(None, 500, "contradicts", customer_id="who-a", intent_id="login")], True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(OUTCOMES))
def test_true_resolution(name):
    extra, expected = OUTCOMES[name]
    by_id = {item.get("message_id", id(item)): item for item in [*A, *extra]}
    assert one(list(by_id.values()), "a")["true_resolution"] is expected


def test_unscored_reply_leaves_the_outcome_unknown_but_not_a_negative_thumb():
    events = [*A, said("a", 2, "customer", "hm")]
    row = one(events, "a", score=False)
    assert (row["reply_class"], row["true_resolution"], row["contained"]) == (None, None, None)
    assert row["asked_human"] is None
    thumbed = [A[0], A[1], {**A[2], "feedback": "negative"}, events[-1]]
    assert one(thumbed, "a", score=False)["true_resolution"] is False


def test_no_ai_has_no_true_resolution_and_is_not_contained():
    row = one([thread("a"), said("a", 0, "customer"), said("a", 1, "human_agent")], "a")
    assert (row["true_resolution"], row["contained"], row["path"]) == (None, False, "human_only")
    assert row["human_fcr_72h"] is True


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("clarification", (True, False, True)), ("greeting", (True, False, True)),
     ("fallback", (True, False, False)), ("answer", (False, True, True)), (None, (None, None, None))],
)  # fmt: skip
def test_leaving_after_each_kind_of_last_message(kind, expected):
    row = one([A[0], A[1], said("a", 1, "ai_agent", kind=kind)], "a")
    assert (row["abandoned"], row["answered"], row["contained"]) == expected


def test_abandoned_is_unknown_while_open_and_false_once_answered():
    asked = [A[0], A[1], said("a", 1, "ai_agent", kind="clarification")]
    assert one(asked, "a", as_of=at(60))["abandoned"] is None
    assert one(A, "a", as_of=at(60))["abandoned"] is False
    assert one(asked, "a", as_of=at(60))["contained"] is None


def test_system_of_record_beats_customer_and_contradiction_wins():
    both = [*A, record("a", 400, "confirms"), record("a", 500, "contradicts")]
    row = one(both, "a")
    assert (row["system_verdict"], row["contradicted"], row["confirmed"]) == (
        "contradicts",
        True,
        False,
    )
    confirmed = one([*A, record("a", 400, "confirms")], "a")
    assert (confirmed["evidence"], confirmed["resolution_assumed"]) == ("system_confirmed", False)
    assert confirmed["self_service_us"] == 399 * MINUTE
    assert one(A, "a")["resolution_assumed"] is True


def test_latest_feedback_counts_and_neutral_is_none():
    assert (
        one([*A, survey("a", 9, 5.0, about="ai_agent", answered_at=at(9))], "a")[
            "explicit_feedback"
        ]
        == "pos"
    )
    down_then_up = [A[0], A[1], {**A[2], "feedback": "negative"},
                    survey("a", 9, 5.0, about="ai_agent", answered_at=at(9))]  # fmt: skip
    assert one(down_then_up, "a")["explicit_feedback"] == "pos"
    neutral = [*down_then_up[:3], survey("a", 9, 3.0, about="ai_agent", answered_at=at(9))]
    assert one(neutral, "a")["explicit_feedback"] is None
    assert (
        one([*A, survey("a", 9, 1.0, about="whole", answered_at=at(9))], "a")["explicit_feedback"]
        is None
    )


def test_escalation_turn_delay_and_who_asked():
    events = [
        thread("a"),
        said("a", 0, "ai_agent", kind="greeting"),
        said("a", 1, "customer", "where is my bill"),
        said("a", 2, "ai_agent"),
        said("a", 3, "customer", "let me talk to a person"),
        handoff("a", 4, reason="customer_request", accepted_at=at(6)),
        said("a", 7, "human_agent"),
        said("a", 9, "human_agent"),
    ]
    found = facts(events)
    row = found["conversation"][0]
    assert (row["escalation_turn"], row["escalation_us"]) == (2, 4 * MINUTE)
    assert (row["human_requested_at"], row["human_came"], row["is_proactive_escalation"]) == (
        at(3),
        True,
        False,
    )
    assert (row["first_response_us"], row["human_first_response_us"]) == (MINUTE, 3 * MINUTE)
    assert (row["messages_before_answer"], row["handle_us"]) == (1, 2 * MINUTE)
    passed = found["handoff"][0]
    assert (passed["wait_us"], passed["human_took_over"], passed["is_proactive"]) == (
        2 * MINUTE,
        True,
        False,
    )
    assert passed["context_passed"] is None


def test_asked_and_nobody_came():
    events = [
        *A,
        said("a", 2, "customer", "a human please"),
        handoff("a", 3, is_failed=True, reason="customer_request"),
    ]
    row = one(events, "a")
    assert (row["asked_human"], row["human_came"], row["escalated"]) == (True, False, False)
    assert one(events, "a", as_of=at(60))["human_came"] is None


def test_chain_and_ping_pong():
    there = handoff("a", 2)
    back = handoff("a", 4, from_actor="human_agent", to_actor="ai_agent")
    on = handoff("a", 4, from_actor="human_agent", to_actor="specialist")
    assert [one([*A, there, x], "a")["is_ping_pong"] for x in (back, on)] == [True, False]
    row = one([*A, there, on], "a")
    assert (row["is_chain"], row["transfers"], row["handoffs"]) == (True, 2, 2)
    rows = facts([*A, there, on])["handoff"]
    assert sorted((row["handoff_no"], row["is_retransferred"]) for row in rows) == [
        (1, True),
        (2, False),
    ]


def test_human_label_overrides_the_scorer():
    events = [*A, said("a", 2, "customer", "that is wrong")]
    message_id = events[-1]["message_id"]
    assert one(events, "a")["reply_class"] == "negative"
    judged = [*events, label("a", 2, "reply_class", "affirm", message_id=message_id)]
    assert one(judged, "a")["reply_class"] == "affirm"
    assert one(judged, "a")["true_resolution"] is True
    by_model = [*events, label("a", 2, "reply_class", "affirm", message_id=message_id, kind="llm")]
    assert one(by_model, "a")["reply_class"] == "negative"


def test_effort_adds_up():
    events = [
        *exchange("a", minute=-600, customer_id="p", channel="email"),
        thread("b", customer_id="p"),
        said("b", 0, "customer", "where is my bill"),
        said("b", 1, "ai_agent", kind="clarification"),
        said("b", 2, "customer", "the one of june"),
        said("b", 3, "ai_agent"),
    ]
    row = one(events, "b")
    assert (row["messages_before_answer"], row["ai_clarifications"], row["rephrases"]) == (2, 1, 0)
    assert (row["repeats"], row["channel_switches"], row["effort_points"]) == (
        1,
        1,
        10 + 5 + 20 + 20,
    )
    assert one(exchange("a"), "a")["effort_points"] == 0
    assert one(exchange("a", customer_id=None), "a")["effort_points"] is None


def test_silent_failure():
    back = exchange("b", minute=5 * 24 * 60, customer_id="who-a")
    assert one([*A, *back], "a")["silent_failure"] is True
    assert one(A, "a")["silent_failure"] is False
    assert one(A, "a", as_of=at(4 * 24 * 60))["silent_failure"] is None
    assert one([*A, handoff("a", 2)], "a")["silent_failure"] is None
    complaint = record(None, 3 * 24 * 60, "neutral", kind="complaint", customer_id="who-a")
    row = one([*A, complaint], "a")
    assert (row["has_complaint"], row["has_dispute"], row["silent_failure"]) == (True, None, True)


def test_claims():
    claimed = event(
        "claim", "a", 600, claimed="resolved_assumed", claimant="v", raw_value="x", is_billable=True
    )
    later = event("claim", "a", 700, claimed="none", claimant="v", raw_value="y", is_billable=False)
    row = one([*A, claimed], "a")
    assert (row["claimed_resolved"], row["claim_held"], row["claim_is_billable"]) == (
        True,
        True,
        True,
    )
    assert one([*A, claimed, later], "a")["claimed_resolved"] is False
    assert (one(A, "a")["has_claim"], one(A, "a")["claimed_resolved"]) == (False, None)


def test_policy_and_reference_tables():
    intents = (Intent(intent_id="bill", is_automatable=False, risk="high", kind="action"),)
    row = one(A, "a", intents=intents)
    assert (row["eligible"], row["needs_human"], row["intent_kind"]) == (False, True, "action")
    assert (one(A, "a")["eligible"], one(A, "a")["needs_human"]) == (True, None)
    assert (
        one([*A, label("a", 5, "needs_human", "false")], "a", intents=intents)["needs_human"]
        is False
    )
    hint = event(
        "suggestion",
        "a",
        1,
        human_agent_id="h",
        kind="draft",
        decision="edited",
        retained_share=0.25,
    )
    agents = (HumanAgent(human_agent_id="h", team="north", started_on="2026-05-01"),)
    shown = facts([*A, hint], human_agents=agents)["suggestion"][0]
    assert (shown["team"], shown["tenure_days"], shown["retained_ppm"]) == ("north", 27, 250_000)
    assert (shown["is_accepted"], shown["is_edited"], shown["true_outcome"]) == (True, True, True)


def test_safety_is_unknown_where_nothing_reports():
    assert (one(A, "a")["has_violation"], one(A, "a")["violations"]) == (None, None)
    guard = event(
        "guardrail", "b", 1, policy_id="p", native_result="x", result="violation", severity="high"
    )
    rows = {row["thread_id"]: row for row in facts([*A, *exchange("b"), guard])["conversation"]}
    assert (rows["b"]["has_violation"], rows["b"]["violation_severity"]) == (True, "high")
    assert (rows["a"]["has_violation"], rows["a"]["near_misses"]) == (False, 0)
    reviewed = one([*A, label("a", 5, "violation", "false")], "a")
    assert reviewed["has_violation"] is False


def test_surveys():
    rows = facts([*A, survey("a", 9, 4.0, answered_at=at(10)), survey("a", 8, None)])
    row = rows["conversation"][0]
    assert (row["survey_asked"], row["survey_answered"], row["csat_ppm"]) == (True, True, 750_000)
    assert sorted((v["answered"], v["answer_us"]) for v in rows["survey"]) == [
        (False, None),
        (True, MINUTE),
    ]
    nps = facts([*A, survey("a", 9, 6.0, instrument="nps", scale_min=0.0, scale_max=10.0)])[
        "survey"
    ][0]
    assert (nps["nps_class"], nps["score_ppm"]) == ("detractor", 600_000)


def cost(minute: float, currency: str, kind: str = "ai_usage"):
    return event(
        "cost", "a", minute, kind=kind, quantity=1.5, unit="u", amount="0.1", currency=currency
    )


def test_money_is_exact_and_never_mixes_currencies():
    row = one([*A, *[cost(i, "EUR") for i in range(3)], cost(9, "EUR", "human_minutes")], "a")
    assert (row["cost_amount"], row["cost_currency"]) == (Decimal("0.400000"), "EUR")
    assert row["human_minutes"] == Decimal("1.500000")
    mixed = one([*A, cost(1, "EUR"), cost(2, "USD")], "a")
    assert (mixed["cost_amount"], mixed["cost_currency"]) == (None, None)


def test_due_times():
    due = {"due_first_response_at": at(1), "due_resolution_at": at(30)}
    events = exchange("a", **due)
    assert (one(events, "a")["first_response_met"], one(events, "a")["resolution_met"]) == (
        True,
        False,
    )
    assert one(events, "a", as_of=at(20))["resolution_met"] is None
    assert one(A, "a")["first_response_met"] is None


def test_days_since_live():
    release = {
        "type": "release", "source": "desk", "occurred_at": at(0) - 50 * 24 * HOUR, "ai_agent_id": "bot",
        "release": "r0", "deployed_at": at(0) - 50 * 24 * HOUR, "kind": "model",
    }  # fmt: skip
    later = exchange("b", minute=3 * 24 * 60)
    rows = {row["thread_id"]: row for row in facts([*A, *later, release])["conversation"]}
    assert (rows["b"]["days_since_live"], rows["b"]["days_since_intent_live"]) == (53, 3)
    rows = {row["thread_id"]: row for row in facts([*A, *later])["conversation"]}
    assert rows["b"]["days_since_live"] == 3


def test_message_fact_knows_its_last_answer():
    rows = facts([*A, said("a", 2, "ai_agent", kind="closing")])["message"]
    found = {
        row["kind"]: (row["is_answer"], row["is_last_ai_answer"], row["outcome"]) for row in rows
    }
    assert found == {"answer": (True, True, True), "closing": (False, False, None)}


def test_scored_kind_stands_where_the_source_states_none():
    from candor.events import identity
    from candor.events.registry import registry

    plain = said("a", 1, "ai_agent", kind=None)
    key = identity.event_key(registry()["message"], {"revision": 0, **plain})
    scored = {
        "type": "assessment", "source": "candor", "occurred_at": at(1), "thread_id": "a",
        "assessment_id": f"message_kind:{key}:1", "message_id": plain["message_id"], "assessor_kind": "code",
        "assessor_id": "candor_signals", "assessor_version": "1", "criterion": "message_kind", "label": "answer",
    }  # fmt: skip
    assert one([A[0], A[1], plain], "a")["answered"] is None
    assert one([A[0], A[1], plain, scored], "a")["ai_answers"] == 1
