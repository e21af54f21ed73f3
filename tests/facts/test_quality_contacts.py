"""Contacts judged as a whole, verdicts side by side, and the turn after which customers leave."""

from __future__ import annotations

from .quality_story import build, exchange, judged, only, said, thread
from .story import DAY, LATE, at, event

SCORES = ("conversation_id", "experience_ppm", "experience_by")
FIVE = ("relevance", "tone", "professionalism", "efficiency", "clarity")


def test_nothing_judged_makes_no_row():
    assert build(exchange("t"))["conversation_quality"] == []


def test_every_contact_stands_beside_the_judged_one():
    rows = build([
        *exchange("a"), *exchange("b"), *exchange("c"),
        judged("experience_score", 0.25, thread="a", by="llm"),
        judged("experience_score", 0.75, thread="a", by="human", minute=400),
        judged("experience_score", None, thread="b", by="llm"),
        judged("experience_score", 0.5, on="c-1-ai_agent"),
    ])["conversation_quality"]  # fmt: skip
    assert only(rows, *SCORES) == [
        ("a#1", 750_000, "human"), ("b#1", None, "llm"), ("c#1", None, None),
    ]  # fmt: skip


def test_a_verdict_belongs_to_the_contact_running_or_last_before():
    events = [
        *exchange("t"),
        said("t", 3000, "customer", "something else"),
        said("t", 3001, "ai_agent"),
    ]
    for minute, expected in ((2999, ["t#1"]), (3000, ["t#2"]), (9999, ["t#2"]), (-5, ["t#1"])):
        verdict = judged("experience_score", 1.0, thread="t", minute=minute)
        rows = build([*events, verdict])["conversation_quality"]
        assert [row["conversation_id"] for row in rows if row["experience_by"]] == expected, minute
    # a verdict on a message belongs where the message was said, whenever it was judged
    late = judged("hallucination", True, on="t-1-ai_agent", minute=9999)
    found = build([*events, late])
    owner = {row["conversation_key"]: row["turn_id"].split("/")[0] for row in found["ai_turn"]}
    assert [owner[row["conversation_key"]] for row in found["assessment"]] == ["t#1"]


def test_service_quality_is_known_when_all_five_are():
    even = dict.fromkeys(FIVE, 0.5)
    cases = [
        ({}, (None, False, False)),
        (even, (500_000, True, True)),
        (dict(zip(FIVE, (1.0, 0.5, 0.0, 0.25, 0.000001), strict=True)), (350_000, True, True)),
        ({name: 0.5 for name in FIVE if name != "tone"}, (None, True, False)),
        ({**even, "tone": None}, (None, True, True)),
        ({**even, "tone": 1.5}, (None, True, True)),
    ]
    events = [event for place, _ in enumerate(cases) for event in exchange(f"t{place}")]
    events += [
        judged(name, value, thread=f"t{place}", by="llm")
        for place, (scores, _) in enumerate(cases)
        for name, value in scores.items()
    ]
    rows = build([*events, judged("empathy", True, thread="t0")])["conversation_quality"]
    columns = ("service_quality_ppm", "has_service_scores", "has_all_service_scores")
    assert only(rows, *columns) == [expected for _, expected in cases]
    assert only(rows[:2], "empathy_ppm", "empathy_by") == [(1_000_000, "human"), (None, None)]


def test_gaps_and_inferred_satisfaction():
    rows = build([
        *exchange("a"), *exchange("b"), *exchange("c"),
        judged("knowledge_gap", True, thread="a", by="code"), judged("knowledge_gap", 0.0, thread="b", by="code"),
        judged("knowledge_gap", 0.5, thread="c", by="code"), judged("csat_inferred", 0.8, thread="c", by="llm"),
    ])["conversation_quality"]  # fmt: skip
    assert only(rows, "knowledge_gap", "knowledge_gap_by", "csat_inferred_ppm") == [
        (True, "code", None), (False, "code", None), (None, "code", 800_000),
    ]  # fmt: skip


def test_pairs_on_one_item_share_its_id():
    rows = build([
        *exchange("t"),
        judged("hallucination", True, on="t-1-ai_agent", is_blind=True, sampling_probability=0.1, rubric="r"),
        judged("hallucination", False, on="t-1-ai_agent", thread="t", by="llm", minute=10),
        judged("hallucination", True, on="t-1-ai_agent", thread="t", by="llm", minute=11),
        judged("needs_human", True, thread="t"),
        {**judged("needs_human", 0.3, thread="t"), "handoff_id": "h1"},
        judged("hallucination", None, on="nobody-knows"),
    ])["assessment"]  # fmt: skip
    by_item = {}
    for row in rows:
        judged_on = at(500) if row["conversation_key"] is None else at(0)
        assert row["day"] == judged_on // DAY
        told = (
            row["assessor_kind"],
            row["label"],
            row["value_ppm"],
            row["is_latest"],
            row["is_abstained"],
        )
        by_item.setdefault((row["item_kind"], row["criterion"]), []).append(told)
    assert {key: sorted(told, key=repr) for key, told in by_item.items()} == {
        ("message", "hallucination"): [
            ("human", "true", None, True, False), ("human", None, None, True, True),
            ("llm", "false", None, False, False), ("llm", "true", None, True, False),
        ],
        ("conversation", "needs_human"): [("human", "true", None, True, False)],
        ("handoff", "needs_human"): [("human", None, 300_000, True, False)],
    }  # fmt: skip
    human = next(row for row in rows if row["is_blind"])
    assert (human["sampling_ppm"], human["weight_ppm"], human["rubric"]) == (
        100_000,
        10_000_000,
        "r",
    )
    same = {row["item_id"] for row in rows if row["message_key"] is not None}
    assert same == {human["item_id"]}
    unknown = next(row for row in rows if row["is_abstained"])
    assert (unknown["conversation_key"], unknown["is_test"], unknown["item_id"]) == (
        None,
        False,
        "message:nobody-knows",
    )


def test_the_scorer_stands_beside_whoever_judged_the_same_message():
    events = [*exchange("t"), said("t", 2, "customer", "thanks"), *exchange("u")]
    assert build(events)["assessment"] == []
    label = judged("reply_class", "affirm", on="t-2-customer", minute=9)
    rows = build([*events, label])["assessment"]
    assert sorted(only(rows, "assessor_kind", "criterion", "label"), key=repr) == [
        ("code", "reply_class", "gratitude"), ("human", "reply_class", "affirm"),
    ]  # fmt: skip
    assert len({row["item_id"] for row in rows}) == 1


def left(events, *, as_of=LATE, **options):
    rows = build(events, as_of=as_of, **options)["ai_turn"]
    return [(row["position"], row["is_last"], row["left_after"]) for row in rows]


def dialogue(*kinds: str):
    said_by = [said("t", 2 * n + 1, "ai_agent", kind=kind) for n, kind in enumerate(kinds)]
    asked = [said("t", 2 * n, "customer", "how do I pay this bill") for n, _ in enumerate(kinds)]
    return [thread("t"), *said_by, *asked]


def test_customers_leave_after_the_last_turn_only():
    assert left(dialogue("clarification", "fallback")) == [(1, False, False), (2, True, True)]
    assert left(dialogue("clarification", "answer")) == [(1, False, False), (2, True, False)]


def test_greetings_and_closings_are_no_turns():
    assert left(dialogue("greeting", "clarification")) == [(1, True, True)]
    assert left(dialogue("greeting")) == []


def test_an_open_conversation_is_followed_up_to_its_last_turn():
    events = dialogue("clarification", "fallback")
    assert left(events, as_of=at(4)) == [(1, False, False), (2, True, None)]
    assert left(events, as_of=at(3) + DAY - 1) == [(1, False, False), (2, True, None)]
    assert left(events, as_of=at(3) + DAY) == [(1, False, False), (2, True, True)]


def test_an_escalated_conversation_was_not_left():
    passed = event("handoff", "t", 3.5, from_actor="ai_agent", to_actor="human_agent", is_planned=False,
                   is_failed=False)  # fmt: skip
    events = [*dialogue("clarification", "fallback"), passed, said("t", 4, "human_agent")]
    assert left(events) == [(1, False, False), (2, True, False)]


def test_turns_beyond_the_twentieth_are_left_out():
    found = left(dialogue(*["clarification"] * 22))
    assert sorted(found) == [(n, False, False) for n in range(1, 21)]
    rows = build(dialogue(*["clarification"] * 10))["ai_turn"]
    assert sorted(row["turn"] for row in rows) == [f"{n:02d}" for n in range(1, 11)]
