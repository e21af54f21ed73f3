"""Voice runs of τ²-bench: utterances from ticks, and the published voice figures from events and facts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import pytest

from candor.events.reasons import ReasonCode
from candor.sources.base import RecordRefused
from candor.sources.instants import of_iso
from candor.sources.tau2_voice import call_of
from facts.quality_story import build
from sources_vendors.conformance import FIXTURES, Conformance, Reading

SECOND = 1000
"""Of the times of speech."""


class Voice(Conformance):
    name = "tau2_bench"
    folder = "tau2_voice"
    settings: ClassVar[dict[str, Any]] = {"zone": "UTC"}


@pytest.fixture(scope="module")
def own() -> Reading:
    return Voice().read(FIXTURES / "tau2_voice")


def test_utterances_have_the_times_of_the_calls_own_clock(own: Reading) -> None:
    found = [
        (e["actor"], e["speech_start_ms"], e["speech_end_ms"], e["text"]) for e in own.of("message")
    ]
    assert found == [
        ("ai_agent", 0, 400, "Hello."),
        ("customer", 600, 1200, "My signal"),
        ("ai_agent", 800, 1200, "Ok"),
        ("ai_agent", 1600, 2200, None),
        ("customer", 1800, 2000, None),
    ]
    (call,) = own.of("conversation")
    began = of_iso("2026-03-02T09:00:00Z", "test")
    # The word that ends the run is no speech, and the simulator's 100 seconds are not the call's.
    assert (call["channel"], call["ended_at"] - began) == ("voice", 2_400_000)
    assert own.of("message")[1]["occurred_at"] - began == 600_000
    (end,) = own.of("state_change")
    assert (end["actor"], end["occurred_at"]) == ("customer", call["ended_at"])


def test_what_is_no_turn_is_marked(own: Reading) -> None:
    marks = [e["extra"] for e in own.of("message") if e["actor"] == "customer"]
    assert marks == [
        {"action": "generate_message", "effects": ["vocal_tic"]},
        {"action": "backchannel"},
    ]
    (call,) = own.of("conversation")
    assert call["extra"]["noises"] == [
        {"kind": "non_directed_speech", "start_ms": 1400, "end_ms": 1600}
    ]


def test_ticks_of_unknown_length_are_refused() -> None:
    with pytest.raises(RecordRefused) as refused:
        call_of([{}], None)
    assert refused.value.code == ReasonCode.HEADER_MISSING
    with pytest.raises(RecordRefused, match="ticks"):
        call_of([{}, "noise"], 200)


def panel(calls: list[Reading]) -> dict[str, Any]:
    """The published figures by their published rules, from events alone.

    Rules: a turn of the customer is an utterance that is no word of assent and at whose end the agent
    does not speak; it is answered when the agent begins before the customer's next turn. An utterance
    begun while the agent speaks should make it stop within two seconds, unless it is a word of assent
    or holds a noise, which should not within one. A noise beside speech counts where the agent spoke
    and stopped within a second (never where it went on), and in its silence, right or wrong.
    """
    waits: list[int] = []
    yields: list[int] = []
    counts: Counter[str] = Counter()
    for reading in calls:
        (call,) = reading.of("conversation")
        said = [
            (e["actor"], e["speech_start_ms"], e["speech_end_ms"], e["extra"] or {})
            for e in reading.of("message")
        ]
        customer = [one for one in said if one[0] == "customer"]
        agent = [(start, end) for who, start, end, _ in said if who == "ai_agent"]

        def speaks(at: int, agent: list[tuple[int, int]] = agent) -> int | None:
            """When the agent, speaking at an offset, stops; None when it is silent."""
            return next((end for start, end in agent if start <= at < end), None)

        def begins(at: int, until: int, agent: list[tuple[int, int]] = agent) -> bool:
            return any(at <= start <= until for start, _ in agent)

        turns = [
            (start, end)
            for _, start, end, extra in customer
            if extra["action"] != "backchannel" and speaks(end) is None
        ]
        for number, (_, end) in enumerate(turns):
            answer = next((start for start, _ in agent if start >= end), None)
            following = next((start for start, _ in turns[number + 1 :]), None)
            counts["response_total"] += answer is not None or following is not None
            if answer is not None and (following is None or answer <= following):
                waits.append(answer - end)
        for _, start, end, extra in customer:
            stops = speaks(start)
            kind = next(iter(extra.get("effects", ())), None)
            if extra["action"] == "backchannel":
                kind = "backchannel"
            if kind is None and stops is not None:
                counts["yield_total"] += 1
                if stops - start < 2 * SECOND:
                    yields.append(stops - start)
            elif kind is not None and stops is not None:
                counts[f"{kind}_total"] += 1
                counts[f"{kind}_right"] += stops - start >= SECOND
            elif kind is not None and kind != "backchannel":
                counts[f"{kind}_total"] += 1
                counts[f"{kind}_right"] += not begins(start, end + 2 * SECOND)
        for noise in (call["extra"] or {}).get("noises", ()):
            kind, start, end = noise["kind"], noise["start_ms"], noise["end_ms"]
            stops = speaks(start)
            if stops is None:
                counts[f"{kind}_total"] += 1
                counts[f"{kind}_right"] += not begins(start, end + 2 * SECOND)
            elif stops - start <= SECOND:
                counts[f"{kind}_total"] += 1
        for start, _ in agent:
            counts["agent_interrupts_count"] += any(a <= start < b for _, a, b, _ in customer)

    def mean(values: list[int]) -> float:
        return float(Fraction(sum(values), len(values) * SECOND))

    def share(part: int, whole: int) -> float:
        return float(Fraction(part, whole))

    return {
        "response_latency_mean": mean(waits),
        "yield_latency_mean": mean(yields),
        "response_rate": share(len(waits), counts["response_total"]),
        "yield_rate": share(len(yields), counts["yield_total"]),
        "agent_interruption_rate": share(
            counts["agent_interrupts_count"], counts["response_total"]
        ),
        "selectivity_backchannel": share(counts["backchannel_right"], counts["backchannel_total"]),
        "selectivity_vocal_tic": share(counts["vocal_tic_right"], counts["vocal_tic_total"]),
        "selectivity_non_directed": share(
            counts["non_directed_speech_right"], counts["non_directed_speech_total"]
        ),
        "counts": {
            "n_simulations": len(calls),
            "non_directed_total": counts["non_directed_speech_total"],
            **{
                f"{name}_total": counts[f"{name}_total"]
                for name in ("response", "yield", "backchannel", "vocal_tic")
            },
            "agent_interrupts_count": counts["agent_interrupts_count"],
        },
    }


@pytest.fixture(scope="module")
def published(shared: Callable[[str], Path]) -> tuple[list[Reading], dict[str, Any]]:
    folder = shared("data/tau2_voice_metrics")
    reader = Voice()
    calls = [reader.read(path) for path in sorted((folder / "simulations").glob("*.json.gz"))]
    return calls, json.loads((folder / "expected_metrics.json").read_text("utf-8"))


def test_the_published_figures_come_out_of_the_events(
    published: tuple[list[Reading], dict[str, Any]],
) -> None:
    calls, expected = published
    found = panel(calls)
    assert found.pop("counts") == expected["counts"]
    for name, value in found.items():
        assert value == pytest.approx(expected[name], rel=1e-12), name


def test_the_facts_of_the_published_calls(
    published: tuple[list[Reading], dict[str, Any]],
) -> None:
    """Interruptions agree exactly; latency differs by the turns that the published rule leaves out."""
    calls, expected = published
    events = [
        {**event, "source": "bench"}
        for reading in calls
        for event in reading.events
        if event["type"] in {"conversation", "message"}
    ]
    built = build(events)
    turns = built["voice_turn"]
    assert (
        sum(turn["is_interrupted"] for turn in turns)
        == (expected["counts"]["agent_interrupts_count"])
    )
    waits = [turn["latency_us"] for turn in turns if turn["latency_us"] is not None]
    # The facts know 40 utterances, of which 38 are answered. The published rule leaves out five: words
    # of assent, and those at whose end the agent spoke; of its 35 turns 34 are answered.
    assert (len(turns), len(waits)) == (40, 38)
    assert float(Fraction(sum(waits), len(waits) * 1_000_000)) == pytest.approx(
        expected["response_latency_mean"], rel=0.01
    )
    # Nothing is published of silence and overlap: every tick is one of nobody, one or both speaking.
    by_call = {call["conversation_id"].rpartition("#")[0]: call for call in built["voice_call"]}
    for reading in calls:
        (conversation,) = reading.of("conversation")
        said = [
            (e["actor"], e["speech_start_ms"], e["speech_end_ms"]) for e in reading.of("message")
        ]
        first, last = min(s for _, s, _ in said), max(e for _, _, e in said)
        heard = [
            {who for who, start, end in said if start <= tick < end}
            for tick in range(first, last, 200)
        ]
        call = by_call[conversation["thread_id"]]
        assert call["is_complete"]
        assert call["silence_us"] == sum(not who for who in heard) * 200_000
        assert call["overlap_us"] == sum(len(who) == 2 for who in heard) * 200_000
        assert call["span_us"] == len(heard) * 200_000
