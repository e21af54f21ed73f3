"""Gaps, changes of knowledge that answer feedback, and the sound of calls: exact rows of small stories."""

from __future__ import annotations

import gzip
import json
from fractions import Fraction

from .quality_story import build, changed, exchange, gap, only, said, spoke, thread
from .story import BEGAN, DAY, HOUR, LATE, at, event

GAP = ("status", "is_resolved", "is_dismissed", "age_us", "at_risk_us")


def test_a_gap_ages_until_it_is_mended():
    still = ("open", False, False, None, LATE - BEGAN)
    cases = [
        ({}, still),
        ({"status": "resolved", "resolved": 60}, ("resolved", True, False, HOUR, HOUR)),
        ({"status": "resolved", "seen": 60}, ("resolved", True, False, HOUR, HOUR)),
        ({"status": "resolved", "resolved": 0}, ("resolved", True, False, 0, 0)),
        ({"status": "resolved", "resolved": -1}, ("resolved", True, False, None, None)),
        ({"status": "dismissed", "seen": 60}, ("dismissed", False, True, None, HOUR)),
        ({"status": "resolved", "resolved": 10**6}, still),
        ({"status": "open", "resolved": 60}, still),
    ]
    gaps = [gap(f"g{n}", 0, threads=("t", "u"), **told) for n, (told, _) in enumerate(cases)]
    rows = sorted(build([*exchange("t"), *gaps])["gap"], key=lambda row: row["gap_id"])
    assert only(rows, *GAP) == [expected for _, expected in cases]
    assert only(rows[:1], "threads", "topic", "day") == [(2, "refunds", BEGAN // DAY)]


def test_an_open_gap_is_followed_as_far_as_its_source_was_read():
    events = [*exchange("t"), gap("g", 0), gap("h", 0, source="desk2"), gap("late", 10**6)]
    rows = build(events, covered_until={"desk": at(60)})["gap"]
    assert {row["source"]: row["at_risk_us"] for row in rows} == {"desk": HOUR, "desk2": HOUR}


def steps(events, **options):
    rows = build(events, **options)["gap_step"]
    first = BEGAN // DAY
    return sorted(
        (row["kind"], row["day"] - first, row["topic"]) for row in rows if row["kind"] != "watched"
    ), sorted(row["day"] - first for row in rows if row["kind"] == "watched")


def test_days_are_watched_from_the_first_gap_to_the_end_of_the_source():
    day = 24 * 60
    events = [
        *exchange("t"),
        gap("a", 2 * day, status="resolved", resolved=3 * day),
        gap("b", 3 * day, status="dismissed", seen=4 * day, topic="moves"),
    ]
    found, watched = steps(events, covered_until={"desk": at(5 * day)})
    assert found == [
        ("dismissed", 4, "moves"), ("opened", 2, "refunds"), ("opened", 3, "moves"), ("resolved", 3, "refunds"),
    ]  # fmt: skip
    assert watched == [2, 3, 4, 5]
    assert steps(exchange("t")) == ([], [])


LOOP = ("feedback_id", "kind", "is_answered", "delay_us", "at_risk_us")


def disliked(name: str = "t"):
    return [thread(name), said(name, 0, "customer"),
            said(name, 1, "ai_agent", message_id=f"m-{name}", feedback="negative")]  # fmt: skip


def test_feedback_is_answered_by_the_first_change_after_it():
    never = (False, None, LATE - at(1))
    cases = {
        "a": ([changed("n1", 61, feedback_id="m-a")], (True, HOUR, HOUR)),
        "b": ([changed("n2", 61, feedback_id="m-b"), changed("n3", 31, feedback_id="m-b")],
              (True, HOUR // 2, HOUR // 2)),
        "c": ([changed("n4", 1, feedback_id="m-c")], (True, 0, 0)),
        "d": ([changed("n5", 0.5, feedback_id="m-d")], never),
        "e": ([changed("n6", 61, feedback_id="other")], never),
        "f": ([changed("n7", 61, closes_gap_id="g1"), gap("g1", 5, threads=("x", "f"))], (True, HOUR, HOUR)),
        "g": ([changed("n8", 61, closes_gap_id="g2"), gap("g2", 5, threads=("x",))], never),
        "h": ([changed("n9", 10**6, feedback_id="m-h")], never),
    }  # fmt: skip
    events = [one for name, (later, _) in cases.items() for one in (*disliked(name), *later)]
    rows = build(events, covered_until=LATE)["feedback_loop"]
    assert sorted(only(rows, *LOOP)) == [
        (f"m-{name}", "message", *expected) for name, (_, expected) in cases.items()
    ]


def test_without_changes_of_knowledge_nothing_is_followed():
    assert build(disliked())["feedback_loop"] == []


def test_a_low_survey_is_feedback_on_contacts_with_ai():
    def asked(name: str, score: float, **fields):
        return event("survey", name, 30, instrument="csat", scale_min=1.0, scale_max=5.0, score=score,
                     answered_at=at(40), **fields)  # fmt: skip

    human = [thread("h"), said("h", 0, "customer"), said("h", 1, "human_agent")]
    events = [
        *exchange("a"), *exchange("b"), *human, asked("a", 2.0), asked("b", 3.0), asked("h", 1.0),
        changed("n", 100, feedback_id="survey-a-30"),
    ]  # fmt: skip
    rows = build(events, covered_until=LATE)["feedback_loop"]
    assert only(rows, *LOOP) == [("survey-a-30", "survey", True, HOUR, HOUR)]


CALL = ("utterances", "is_complete", "span_us", "speech_us", "silence_us", "overlap_us")
SECOND = 1_000_000


CALLS = [
    ([("customer", 1, 4), ("ai_agent", 6, 9)], (2, True, 8, 6, 2, 0)),
    ([("customer", 0, 4), ("ai_agent", 4, 9)], (2, True, 9, 9, 0, 0)),
    ([("customer", 0, 5), ("ai_agent", 4, 9)], (2, True, 9, 9, 0, 1)),
    ([("customer", 0, 9), ("ai_agent", 2, 4), ("ai_agent", 3, 5)], (3, True, 9, 9, 0, 3)),
    ([("ai_agent", 0, 5), ("human_agent", 2, 6), ("customer", 8, 9)], (3, True, 9, 7, 2, 0)),
    ([("ai_agent", 0, 5), ("human_agent", 2, 6), ("customer", 1, 4)], (3, True, 6, 6, 0, 3)),
    ([("customer", 3, 3)], (1, True, 0, 0, 0, 0)),
    ([("customer", 0, 4), ("ai_agent", 6, None)], (1, False, 4, 4, 0, 0)),
    ([("customer", 0, 4), ("ai_agent", 6, 5)], (1, False, 4, 4, 0, 0)),
    ([("customer", 0, 4), ("ai_agent", None, None)], (1, False, 4, 4, 0, 0)),
]


def called(cases):
    """Each list of speech as a call of its own."""
    return [
        event
        for place, (speech, _) in enumerate(cases)
        for event in (
            thread(f"v{place:02d}", channel="voice"),
            *(spoke(f"v{place:02d}", *one) for one in speech),
        )
    ]


def test_time_of_a_call():
    rows = build(called(CALLS))["voice_call"]
    assert only(rows, *CALL) == [
        (*expected[:2], *(part * SECOND for part in expected[2:])) for _, expected in CALLS
    ]


def test_a_chat_is_no_call():
    found = build(exchange("t"))
    assert (found["voice_call"], found["voice_turn"]) == ([], [])


TURN = ("turn_no", "replied_by", "latency_us", "is_interrupted")


UTTERANCES = [
    ([("customer", 0, 4), ("ai_agent", 5, 9)], [(1, "ai_agent", 1, False)]),
    ([("customer", 0, 4), ("ai_agent", 4, 9)], [(1, "ai_agent", 0, False)]),
    ([("customer", 0, 4), ("ai_agent", 3, 9)], [(1, None, None, True)]),
    ([("customer", 0, 4), ("ai_agent", 0, 2)], [(1, None, None, True)]),
    ([("customer", 0, 4), ("ai_agent", 1, 2), ("ai_agent", 6, 8)], [(1, "ai_agent", 2, True)]),
    ([("customer", 0, 4), ("human_agent", 5, 6), ("ai_agent", 7, 8)], [(1, "human_agent", None, False)]),
    ([("customer", 0, 4), ("human_agent", 5, 6), ("ai_agent", 5, 8)], [(1, "human_agent", None, False)]),
    ([("customer", 0, 4), ("ai_agent", 5, 6), ("human_agent", 7, 8)], [(1, "ai_agent", 1, False)]),
    ([("customer", 0, 4), ("human_agent", 2, 6), ("ai_agent", 7, 8)], [(1, "ai_agent", 3, False)]),
    ([("ai_agent", 0, 3), ("customer", 2, 4)], [(1, None, None, False)]),
    ([("customer", 0, 4), ("customer", 5, 6), ("ai_agent", 8, 9)],
     [(1, None, None, False), (2, "ai_agent", 2, False)]),
]  # fmt: skip


def test_what_follows_an_utterance():
    found = build(called(UTTERANCES))
    call = {row["conversation_key"]: row["conversation_id"] for row in found["voice_call"]}
    told = {}
    for row in sorted(found["voice_turn"], key=lambda row: row["turn_no"]):
        told.setdefault(call[row["conversation_key"]], []).extend(only([row], *TURN))
    assert told == {
        f"v{place:02d}#1": [
            (no, by, None if wait is None else wait * SECOND, cut) for no, by, wait, cut in expected
        ]
        for place, (_, expected) in enumerate(UTTERANCES)
    }


def test_published_voice_figures(shared):
    """Speech of three public simulations. Interruptions agree exactly.

    The published mean latency leaves out words of assent, noises and speech to others, which no
    event tells apart; with them it differs by less than a hundredth.
    """
    folder = shared("data/tau2_voice_metrics")
    published = json.loads((folder / "expected_metrics.json").read_text())
    events = []
    for path in sorted((folder / "simulations").glob("*.json.gz")):
        ticks = json.loads(gzip.decompress(path.read_bytes()))["ticks"]
        name = path.name.split(".")[0]
        events.append(thread(name, channel="voice"))
        for side, actor in (("user", "customer"), ("agent", "ai_agent")):
            spoken = [tick[f"{side}_chunk"]["contains_speech"] for tick in ticks] + [False]
            starts = [n for n, now in enumerate(spoken) if now and not (n and spoken[n - 1])]
            for start in starts:
                end = spoken.index(False, start)
                events.append(
                    spoke(name, actor, start / 5, end / 5, message_id=f"{name}-{side}-{start}")
                )
    rows = build(events)["voice_turn"]
    assert (
        sum(row["is_interrupted"] for row in rows)
        == published["counts"]["agent_interrupts_count"]
        == 8
    )
    waits = [row["latency_us"] for row in rows if row["latency_us"] is not None]
    mean = Fraction(sum(waits), len(waits) * SECOND)
    assert abs(float(mean) / published["response_latency_mean"] - 1) < 0.01
