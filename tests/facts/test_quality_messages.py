"""What is known of an AI message beyond its line, and of intents: exact rows of small stories."""

from __future__ import annotations

import pytest

from candor.workspace import Intent

from .quality_story import build, exchange, judged, only, said, thread
from .story import at, event

VERDICT = (
    "message_id",
    "hallucination",
    "hallucination_by",
    "hallucination_weight_ppm",
    "hallucination_judged",
)


def answers(*events, columns=VERDICT, **options):
    rows = build([*exchange("t", 0), *events], **options)["message"]
    return next(row[1:] for row in only(rows, *columns) if row[0] == "t-1-ai_agent")


ON = "t-1-ai_agent"


STRENGTH = [
    ([], (None, None, None, None)),
    ([("human", True, {})], (True, "human", None, None)),
    ([("human", True, {"sampling_probability": 0.25})], (True, "human", 4_000_000, None)),
    ([("human", False, {"sampling_probability": 1.0})], (False, "human", 1_000_000, None)),
    ([("human", False, {"sampling_probability": 0.0})], (False, "human", None, None)),
    # stronger authors stand whatever was said later; the machine's word stays beside theirs
    ([("human", False, {"minute": 10}), ("llm", True, {"minute": 20})], (False, "human", None, True)),
    ([("llm", False, {}), ("code", True, {}), ("vendor", True, {})], (False, "llm", None, False)),
    ([("code", True, {}), ("vendor", False, {})], (True, "code", None, True)),
    ([("vendor", True, {}), ("customer", False, {})], (True, "vendor", None, True)),
    ([("customer", True, {})], (True, "customer", None, None)),
    # of one kind the latest stands
    ([("llm", True, {"minute": 10}), ("llm", False, {"minute": 11})], (False, "llm", None, False)),
    ([("llm", True, {"minute": 11}), ("llm", False, {"minute": 10})], (True, "llm", None, True)),
    # a person who abstains is not overruled
    ([("human", None, {}), ("llm", True, {})], (None, "human", None, True)),
    # numbers: one and nought are words, between them is a doubt
    ([("llm", 1.0, {})], (True, "llm", None, True)),
    ([("llm", 0.0, {})], (False, "llm", None, False)),
    ([("llm", 0.5, {})], (None, "llm", None, None)),
    ([("llm", 7.0, {})], (None, "llm", None, None)),
]  # fmt: skip


def test_the_strongest_author_stands():
    events, wanted = [], {}
    for place, (verdicts, expected) in enumerate(STRENGTH):
        events += exchange(f"s{place}")
        wanted[f"s{place}-1-ai_agent"] = expected
        events += [
            judged("hallucination", verdict, on=f"s{place}-1-ai_agent", by=by,
                   assessment_id=f"v{place}-{number}", **fields)
            for number, (by, verdict, fields) in enumerate(verdicts)
        ]  # fmt: skip
    found = {row[0]: row[1:] for row in only(build(events)["message"], *VERDICT)}
    assert found == wanted


def test_a_verdict_of_the_future_is_not_known():
    verdict = judged("hallucination", True, on=ON, minute=100)
    assert answers(verdict, as_of=at(100))[0] is True
    assert answers(verdict, as_of=at(100) - 1)[0] is None


def test_a_message_named_with_another_thread_is_not_meant():
    assert answers(judged("hallucination", True, on=ON, thread="t"))[0] is True
    assert answers(judged("hallucination", True, on=ON, thread="other"))[0] is None


def test_grounded_means_every_claim():
    cases = {"a": (1.0, True), "b": (0.999999, False), "c": (0.5, False), "d": (0.0, False),
             "e": (True, True), "f": (None, None), "g": (1.1, None)}  # fmt: skip
    events = [event for name in cases for event in exchange(name)]
    events += [
        judged("groundedness", value, on=f"{name}-1-ai_agent") for name, (value, _) in cases.items()
    ]
    found = dict(only(build(events)["message"], "message_id", "grounded"))
    assert found == {f"{name}-1-ai_agent": expected for name, (_, expected) in cases.items()}


def test_sources_links_and_use():
    columns = (
        "message_id",
        "sources",
        "has_sources",
        "link_used",
        "right_source",
        "right_source_by",
        "usable",
    )
    rows = build([
        *exchange("t"),
        said("t", 2, "ai_agent", message_id="m2", knowledge_ids=["a", "b"], latency_ms=1500),
        said("t", 3, "ai_agent", message_id="m3", knowledge_ids=[]),
        judged("link_used", True, on="m2", by="vendor"),
        judged("right_source", False, on="m2", by="code"),
        judged("usable", True, on="m3"),
    ])["message"]  # fmt: skip
    assert sorted(only(rows, *columns)) == [
        ("m2", 2, True, True, False, "code", None),
        ("m3", 0, False, None, None, None, True),
        ("t-1-ai_agent", None, None, None, None, None, None),
    ]
    assert sorted(only(rows, "message_id", "latency_ms", "latency_us")) == [
        ("m2", 1500, 1_500_000), ("m3", None, None), ("t-1-ai_agent", None, None),
    ]  # fmt: skip


def repeat(name: str, minute: float, actor: str = "customer"):
    """The built-in scorer's word that a message repeats an earlier one of the customer."""
    from candor.events import identity
    from candor.events.registry import registry

    message = {"source": "desk", "message_id": f"{name}-{minute}-{actor}", "revision": 0}
    return judged(
        "rephrase", True, on=message["message_id"], thread=name, by="code", minute=minute,
        assessor_id="candor_signals", source="candor",
        assessment_id=f"rephrase:{identity.event_key(registry()['message'], message)}:1",
    )  # fmt: skip


NEXT = ("message_id", "replied_next", "rephrased_next", "escalated_next")


def following(events, **options):
    return {row[0]: row[1:] for row in only(build(events, **options)["message"], *NEXT)}


def test_what_follows_an_answer_at_once():
    events = [
        *exchange("t"),
        said("t", 2, "customer", "how do I pay this bill please"),
        repeat("t", 2),
        said("t", 3, "ai_agent"),
        said("t", 3, "ai_agent", message_id="second"),
        said("t", 4, "customer", "ok and the other bill"),
        said("t", 5, "ai_agent"),
    ]
    assert following(events) == {
        "t-1-ai_agent": (True, True, False),
        "t-3-ai_agent": (True, False, False),
        "second": (True, False, False),
        "t-5-ai_agent": (False, False, False),
    }


def test_an_answer_at_the_instant_of_a_message_comes_after_it():
    events = [
        *exchange("t"),
        said("t", 2, "customer", "how do I pay this bill please"),
        said("t", 2, "ai_agent"),
        repeat("t", 2),
    ]
    assert following(events) == {
        "t-1-ai_agent": (True, True, False),
        "t-2-ai_agent": (False, False, False),
    }


def test_unscored_messages_leave_the_repetition_open():
    events = [*exchange("t"), said("t", 2, "customer", "again"), said("t", 3, "ai_agent")]
    assert following(events, score=False) == {
        "t-1-ai_agent": (True, None, False),
        "t-3-ai_agent": (False, False, False),
    }


@pytest.mark.parametrize(("label", "expected"), [(False, False), (True, True)])
def test_a_person_corrects_the_scorer(label, expected):
    word = judged("rephrase", label, on="t-2-customer", minute=9)
    scorer = [repeat("t", 2)] if not label else []
    events = [*exchange("t"), said("t", 2, "customer", "x"), *scorer, word]
    assert following(events)["t-1-ai_agent"] == (True, expected, False)


def handed(minute: float, name: str = "t", **fields):
    return event("handoff", name, minute, **{
        "from_actor": "ai_agent", "to_actor": "human_agent", "is_planned": False, "is_failed": False, **fields,
    })  # fmt: skip


def ai(name: str, minute: float, kind: str | None = "answer"):
    return said(name, minute, "ai_agent", kind=kind)


def wants(name: str, minute: float):
    return said(name, minute, "customer", "I want a human")


def test_escalation_falls_to_the_turn_before_it():
    stories = {
        "a": ([handed(2, "a")], ["a-1-ai_agent"]),
        "b": ([handed(1, "b")], ["b-1-ai_agent"]),
        "c": ([handed(0.5, "c")], []),
        "d": ([handed(2, "d", is_failed=True)], []),
        "e": ([ai("e", 1.5, "clarification"), handed(2, "e")], ["e-1.5-ai_agent"]),
        "f": ([ai("f", 1.5, "greeting"), handed(2, "f")], ["f-1-ai_agent"]),
        "g": ([ai("g", 1.5, "handoff_notice"), handed(2, "g")], ["g-1-ai_agent"]),
        "h": ([ai("h", 1.5, None), handed(2, "h")], ["h-1.5-ai_agent"]),
        "i": ([wants("i", 2)], ["i-1-ai_agent"]),
        "j": ([wants("j", 1)], []),
        "k": ([wants("k", 2), ai("k", 3), handed(4, "k")], ["k-1-ai_agent", "k-3-ai_agent"]),
    }  # fmt: skip
    events = [event for name, (later, _) in stories.items() for event in (*exchange(name), *later)]
    flagged = [name for name, told in following(events).items() if told[2]]
    assert sorted(flagged) == sorted(one for _, wanted in stories.values() for one in wanted)


ATTEMPT = (
    "message_key", "is_first", "intent_predicted", "reference_intent", "reference_by", "is_correct",
)  # fmt: skip


def attempts(*events, columns=ATTEMPT, intent="bill", **options):
    rows = build([thread("t", intent_id=intent), *events], **options)["intent_attempt"]
    return sorted(only(rows, *columns), key=repr)


def test_the_record_and_a_person_as_reference():
    first = said(
        "t", 0, "customer", message_id="m0", intent_predicted="Bill", intent_confidence=0.9
    )
    second = said("t", 1, "customer", message_id="m1", intent_predicted="refund")
    columns = (*ATTEMPT[1:], "intent_confidence_ppm")
    assert attempts(first, second, columns=columns) == [
        (True, "Bill", "bill", "record", True, 900_000)
    ]
    labelled = [judged("intent", "refund", on="m0"), judged("intent", "move", on="m1", by="llm")]
    assert attempts(first, second, *labelled, columns=columns) == [
        (False, "refund", "bill", "record", False, None),
        (True, "Bill", "refund", "human", False, 900_000),
    ]
    whole = judged("intent", "bill", thread="t")
    assert attempts(first, second, whole, columns=columns, intent=None) == [
        (True, "Bill", "bill", "human", True, 900_000),
    ]


def test_the_first_attempt_keeps_its_own_confidence():
    unsure = said("t", 0, "customer", message_id="m0", intent_predicted="bill")
    sure = said(
        "t", 1, "customer", message_id="m1", intent_predicted="refund", intent_confidence=0.7
    )
    hidden = said("t", -1, "customer", message_id="m2", intent_predicted="move", is_public=False)
    columns = ("intent_predicted", "intent_confidence_ppm")
    assert attempts(unsure, sure, hidden, columns=columns) == [("bill", None)]


def test_the_queue_counts_where_it_is_named_like_an_intent():
    first = said("t", 0, "customer", intent_predicted="refund")
    queue = [handed(2, to_queue="refund"), handed(3, to_queue="Tier 2"), handed(1, to_queue="move"),
             handed(4, to_queue="move", is_failed=True)]  # fmt: skip
    intents = (Intent(intent_id="refund"), Intent(intent_id="move"))
    columns = ("reference_intent", "reference_by", "is_correct")
    assert attempts(first, *queue, columns=columns, intent=None, intents=intents) == [
        ("refund", "queue", True)
    ]
    assert attempts(first, *queue, columns=columns, intent=None) == [(None, None, None)]


def test_novelty_by_people_and_machines():
    columns = ("is_novel", "novel_by", "novel_labelled", "novel_weight_ppm", "novel_detected")
    first = said("t", 0, "customer", message_id="m0", intent_predicted="bill")
    assert attempts(first, columns=columns) == [(None,) * 5]
    machine = judged("novel_intent", 0.5, on="m0", by="llm")
    assert attempts(first, machine, columns=columns) == [(True, "llm", None, None, True)]
    machine = judged("novel_intent", 0.4999, on="m0", by="llm")
    human = judged("novel_intent", True, on="m0", sampling_probability=0.5)
    assert attempts(first, machine, human, columns=columns) == [
        (True, "human", True, 2_000_000, False)
    ]
    doubt = judged("novel_intent", None, on="m0", by="llm")
    assert attempts(first, doubt, columns=columns) == [(None, "llm", None, None, None)]


def test_what_was_judged_without_being_recognised_stands_too():
    spoken = said("t", 0, "customer", message_id="m0")
    columns = ("message_key", "is_first", "intent_predicted", "is_novel", "reference_by")
    whole = judged("novel_intent", True, thread="t")
    assert attempts(spoken, whole, columns=columns) == [(None, False, None, True, "record")]
    found = attempts(spoken, judged("novel_intent", True, on="m0"), columns=columns[1:])
    assert found == [(False, None, True, "record")]
    recognised = said("t", 0, "customer", message_id="m0", intent_predicted="bill")
    assert [row[1:] for row in attempts(recognised, whole, columns=columns)] == [
        (True, "bill", True, "record")
    ]
