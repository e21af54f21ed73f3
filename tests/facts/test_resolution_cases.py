"""The published cases: derived columns of the first conversation of each subject thread."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from candor.engines.duck import DuckEngine
from candor.events import identity
from candor.events.registry import registry
from candor.settings import ConversationSection, Settings

from .world import make, micros, put

LEXICON = [
    ("asks_human", r"real person|human|speak to a|talk to a"),
    (
        "negative",
        r"not it|has not|did not help|didn't help|does not work|doesn't work|not working|wrong|still",
    ),
    ("affirm", r"that worked|it works|that helped|solved it|all sorted"),
]
SAME = {
    "t_last_activity": "last_activity_at",
    "t_last_ai_message": "last_ai_at",
    "t_last_ai_answer": "last_ai_answer_at",
    "n_customer_messages": "customer_messages",
    "n_ai_messages": "ai_messages",
    "n_human_messages": "human_messages",
    "n_ai_answers": "ai_answers",
    "n_ai_fallbacks": "ai_fallbacks",
    "t_conversation_end": "ended_at",
    "t_human_requested": "human_requested_at",
    "t_same_thread_return": "thread_return_at",
    "t_person_return": "return_at",
    "return_class": "return_class",
    "t_person_contact_unknown_issue": "unknown_issue_contact_at",
    "t_other_thread_human_reply": "other_thread_human_reply_at",
    "last_state": "last_state",
    "ai_greeting_only": "ai_greeting_only",
    "engaged": "engaged",
    "has_intent": "has_intent",
    "is_test": "is_test",
    "is_spam": "is_spam",
    "customer_known": "customer_known",
    "reply_class": "reply_class",
    "explicit_feedback": "explicit_feedback",
    "end_topic_reached": "end_topic_reached",
    "planned_handoff_done": "planned_handoff_done",
    "customer_spoke_last": "customer_spoke_last",
    "abandoned": "abandoned",
    "rage_quit": "rage_quit",
    "forced_termination": "forced_termination",
    "system_verdict": "system_verdict",
}
# Columns of the whole thread: the fact keeps them per contact, so the first over the contacts counts.
OF_THREAD = {
    "t_escalated": "escalated_at",
    "t_escalation_attempt": "escalation_attempt_at",
    "t_human_reply": "first_human_at",
    "t_closed": "closed_at",
}
# While a contact is open the fact says "not yet known" where the derived column says false.
UNKNOWN_WHILE_OPEN = {"rage_quit"}
CASES = [
    "c1", "c2", "c2.early", "c3", "c3.unlinked", "c4", "c4.closed_before_return",
    "c4.closed_after_return", "c5", "c6", "c7", "c8", "c9", "c10", "c10.confirmed",
    "c10.contradicted", "c11", "c12", "c13", "c14",
]  # fmt: skip


def reply_class(text: str) -> str:
    lowered = text.lower()
    for name, pattern in LEXICON:
        if re.search(pattern, lowered):
            return name
    if (
        len(lowered.split()) <= 4
        and "?" not in lowered
        and re.match(r"(thank|thanks|cheers|ok|great)", lowered)
    ):
        return "gratitude"
    return "follow_up"


def scored(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kind = registry()["message"]
    return [
        {
            "type": "assessment",
            "source": "candor",
            "occurred_at": event["occurred_at"],
            "assessment_id": f"reply_class:{identity.event_key(kind, {'revision': 0, **event})}:1",
            "thread_id": event["thread_id"],
            "message_id": event["message_id"],
            "assessor_kind": "code",
            "assessor_id": "candor_signals",
            "assessor_version": "1",
            "criterion": "reply_class",
            "label": reply_class(event["text"]),
        }
        for event in events
        if event["type"] == "message" and event["actor"] == "customer" and event.get("text")
    ]


_BUILT: dict[str, list[dict[str, Any]]] = {}


def conversations(case: dict[str, Any], *, swap: bool = False) -> list[dict[str, Any]]:
    if not swap and case["id"] in _BUILT:
        return _BUILT[case["id"]]
    rows = _build(case, swap=swap)
    return rows if swap else _BUILT.setdefault(case["id"], rows)


def _build(case: dict[str, Any], *, swap: bool) -> list[dict[str, Any]]:
    as_of = micros(case["as_of"])
    assert as_of is not None
    events = case["events"] + scored(case["events"])
    events = [event for event in events if micros(event["occurred_at"]) <= as_of]
    if swap:
        events = [*reversed(events), *events]
    settings = Settings(conversation=ConversationSection(idle_gap="24h", idle_gap_by_channel={}))
    with DuckEngine(threads=1) as engine:
        put(engine, events, covered_until=as_of)
        make(engine, settings, as_of, "conversation")
        table = engine.arrow("select * from conversation order by conversation_id")
    return table.to_pylist()


@pytest.fixture(scope="session")
def cases(shared) -> dict[str, dict[str, Any]]:
    found = json.loads(shared("vectors/resolution_cases.json").read_text())
    flat = {}
    for case in found:
        for variant in [case, *case["variants"]]:
            variant.setdefault("subject_thread_id", case["subject_thread_id"])
            flat[variant["id"]] = variant
    return flat


def test_every_case_is_listed(cases):
    assert sorted(cases) == sorted(CASES)


@pytest.mark.shared
@pytest.mark.parametrize("name", CASES)
def test_derived_columns(cases, name):
    case = cases[name]
    rows = [row for row in conversations(case) if row["thread_id"] == case["subject_thread_id"]]
    first = next(row for row in rows if row["conversation_no"] == 1)
    derived = case["derived"]
    wrong = {}
    for column, ours in SAME.items():
        expected = micros(derived[column]) if column.startswith("t_") else derived[column]
        if first["is_open"] and ours in UNKNOWN_WHILE_OPEN:
            expected = None
        if first[ours] != expected:
            wrong[column] = (first[ours], expected)
    for column, ours in OF_THREAD.items():
        found = [row[ours] for row in rows if row[ours] is not None]
        if (min(found) if found else None) != micros(derived[column]):
            wrong[column] = (found, derived[column])
    if (first["ai_actions"] > 0) != derived["ai_asset_executed"]:
        wrong["ai_asset_executed"] = (first["ai_actions"], derived["ai_asset_executed"])
    assert wrong == {}


@pytest.mark.shared
@pytest.mark.parametrize("name", CASES)
def test_ladder_at_windows(cases, name):
    """The L3 rungs follow from returned_W, the answer and the ending; a return at exactly W is outside."""
    case = cases[name]
    first = next(
        row
        for row in conversations(case)
        if row["thread_id"] == case["subject_thread_id"] and row["conversation_no"] == 1
    )
    if not (first["ai_involved"] and not first["is_test"]):
        return
    for window in ("24h", "72h", "7d"):
        refused = (
            first["answered"] is False
            or first["rage_quit"]
            or first["forced_termination"]
            or first["explicit_feedback"] == "neg"
            or first["reply_class"] == "negative"
            or first[f"returned_{window}"]
        )
        held = "not_resolved" if refused else {False: "resolved"}.get(first[f"returned_{window}"])
        rung = case["expected_ladder"][f"no_return_{window}"]
        if held is None:
            assert rung in ("undetermined", "needs_judge")
        else:
            assert rung == held


@pytest.mark.shared
def test_order_and_duplicates_change_nothing(cases):
    for name in ("c3", "c4.closed_before_return", "c9", "c12"):
        assert conversations(cases[name]) == conversations(cases[name], swap=True)


@pytest.mark.shared
def test_true_resolution_of_the_cases(cases):
    """Only answered, contained contacts without a return or a contradiction are true."""
    outcome = {}
    for name in CASES:
        case = cases[name]
        first = next(
            row
            for row in conversations(case)
            if row["thread_id"] == case["subject_thread_id"] and row["conversation_no"] == 1
        )
        outcome[name] = (first["true_resolution"], first["contained"], first["evidence"])
    assert outcome == {
        "c1": (True, True, "customer_confirmed"),
        "c2": (True, True, None),
        "c2.early": (None, None, None),
        "c3": (False, True, None),
        "c3.unlinked": (None, True, None),
        "c4": (False, True, None),
        "c4.closed_before_return": (False, True, None),
        "c4.closed_after_return": (False, True, None),
        "c5": (False, False, None),
        "c6": (False, True, None),
        "c7": (False, True, None),
        "c8": (False, False, None),
        "c9": (False, False, None),
        "c10": (True, True, None),
        "c10.confirmed": (True, True, "system_confirmed"),
        "c10.contradicted": (False, True, None),
        "c11": (True, True, None),
        "c12": (False, True, None),
        "c13": (True, True, None),
        "c14": (True, True, None),
    }
