"""The simulator repeats itself, writes only valid events, and tells the truth about them.

The truth is checked against the oracle, which reads nothing but the events.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from candor.events import Batcher, json_schema
from candor.simulator import DEMO, QUIET, simulate
from candor.simulator.texts import LANGUAGES, LINES, OPENINGS, REPHRASED
from oracle import figures
from oracle.oracle import conversation_facts, handoff_facts, journey_facts
from oracle.timeline import micros, reply_lexicon

WORLDS = {
    "demo": DEMO,
    "quiet": QUIET,
    "drifting": replace(
        DEMO, drift=True, mix_shift=True, regression=False, persons_per_conversation=0.04
    ),
}
RELEASES = ("r12", "r13", "r14", "r15")


@pytest.fixture(scope="module", params=sorted(WORLDS))
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp(request.param)
    done = simulate(1_500, 11, out, world=WORLDS[request.param])
    lines = (out / "events.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    truth = json.loads((out / "truth.json").read_text(encoding="utf-8"))
    as_of = micros(truth["as_of"])
    assert as_of is not None
    return done, events, truth, conversation_facts(events, as_of)


def test_every_event_is_valid_and_counted(world: Any) -> None:
    done, events, truth, rows = world
    batcher = Batcher("simulated", received_at_us=1_800_000_000_000_000)
    for number, event in enumerate(events, 1):
        batcher.add(event["type"], event, number, "events.jsonl")
    result = batcher.take()
    assert (result.problems, result.unmapped) == ([], Counter())
    assert sum(table.num_rows for table in result.tables.values()) == len(events) == done.events
    assert all(table["extra"].null_count == table.num_rows for table in result.tables.values())
    assert truth["events"] == len(events)
    assert truth["contacts"] == len(rows)


def test_shares_are_what_the_oracle_finds(world: Any) -> None:
    _, _, truth, rows = world
    wrong = []
    for name in figures.SHARES:
        told = truth["metrics"][name]["realised"]
        cells = {"overall": (told["overall"], rows)}
        for dimension in ("channel", "customer_segment", "region"):
            for value, cell in told[dimension].items():
                cells[f"{dimension}={value}"] = (
                    cell,
                    [row for row in rows if row[dimension] == value],
                )
        for value in RELEASES:
            chosen = [row for row in rows if row["release"] == value]
            cells[f"release={value}"] = (told["release"][value], chosen)
        for cell_name, (cell, chosen) in cells.items():
            expected = (cell["eligible"], cell["observed"], cell["total"])
            found = figures.share(chosen, name)
            if found != expected:
                wrong.append((name, cell_name, expected, found))
    assert wrong == []


def test_journeys_are_what_the_oracle_finds(world: Any) -> None:
    _, events, truth, _ = world
    as_of = micros(truth["as_of"])
    assert as_of is not None
    journeys = [one for one in journey_facts(events, as_of) if one["is_counted"]]
    for days in (3, 7):
        told = truth["metrics"][f"repeat_contact_rate_{days}d"]["realised"]["overall"]
        outcomes = [one[f"repeat_{days}d"] for one in journeys]
        expected = (told["eligible"], told["unknown"], told["total"])
        assert (len(outcomes), outcomes.count(None), outcomes.count(True)) == expected


def test_handoffs_are_what_the_oracle_finds(world: Any) -> None:
    _, events, truth, rows = world
    as_of = micros(truth["as_of"])
    assert as_of is not None
    counted = {row["conversation_key"] for row in rows if figures.is_genuine(row)}
    executed = [
        one
        for one in handoff_facts(events, as_of)
        if one["is_executed"] and one["conversation_key"] in counted
    ]
    told = truth["metrics"]["proactive_escalation_share"]["realised"]["overall"]
    assert len(executed) == told["eligible"]
    assert sum(one["is_proactive"] for one in executed) == told["total"]


def test_records_fit_the_published_schema(world: Any) -> None:
    _, events, _, _ = world
    validator = Draft202012Validator(json_schema())
    assert [e for event in events[::97] for e in validator.iter_errors(event)] == []


def test_amounts_are_what_the_oracle_finds(world: Any) -> None:
    _, _, truth, rows = world
    for name in figures.AMOUNTS:
        told = truth["metrics"][name]["realised"]["overall"]
        unit = 1_000_000 if name.startswith("time") or name.endswith("delay") else 1
        found = figures.amount(rows, name)
        assert (len(found), sum(found) / unit) == (told["observed"], told["total"]), name


def test_chances_are_near_what_came(world: Any) -> None:
    _, _, truth, _ = world
    for name in ("latent_resolution_rate", "containment_rate", "escalation_rate"):
        metric = truth["metrics"][name]
        count = metric["realised"]["overall"]["observed"]
        # Five standard errors of a share.
        assert abs(metric["expected"] - metric["realised"]["overall"]["point"]) < 2.5 / count**0.5


def test_planted_effects(tmp_path: Path) -> None:
    demo = simulate(6_000, 3, tmp_path / "demo").truth
    quiet = simulate(6_000, 3, tmp_path / "quiet", world=QUIET).truth

    def latent(truth: dict[str, Any], dimension: str, value: str) -> float:
        return float(
            truth["metrics"]["latent_resolution_rate"]["realised"][dimension][value]["point"]
        )

    assert latent(demo, "release", "r13") - latent(demo, "release", "r14") > 0.10
    assert abs(latent(quiet, "release", "r13") - latent(quiet, "release", "r14")) < 0.08
    assert latent(demo, "region", "north") - latent(demo, "region", "south") > 0.08
    assert abs(latent(quiet, "region", "north") - latent(quiet, "region", "south")) < 0.08
    assert demo["planted"]["silent_failures"] > 400
    assert quiet["planted"]["silent_failures"] == 0


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        simulate(300, seed, tmp_path / name)
    read = {name: (tmp_path / name / "events.jsonl").read_bytes() for name in "abc"}
    assert read["a"] == read["b"] != read["c"]
    assert (tmp_path / "a/truth.json").read_bytes() == (tmp_path / "b/truth.json").read_bytes()


def test_what_customers_say_is_beyond_doubt() -> None:
    plain = [said for by in (OPENINGS, REPHRASED) for lang in by for said in lang]
    expected = {"gratitude": "gratitude", "affirm": "affirm", "negative": "negative"}
    for number, lang in enumerate(LINES):
        texts = [(said, "follow_up") for group in plain for said in group]
        for what in ("detail", "follow_up", "return"):
            texts += [(said, "follow_up") for said in lang[what]]
        for what, label in {**expected, "asks_human": "asks_human"}.items():
            texts += [(said, label) for said in lang.get(what, ())]
        for (before, after), label in texts:
            text = before if after is None else f"{before}123456{after}"
            assert reply_lexicon(text) == label, (LANGUAGES[number], text)


def test_nobody_contacts_twice_at_once(world: Any) -> None:
    _, _, _, rows = world
    by_person: dict[str, list[tuple[int, int]]] = {}
    for row in rows:
        if row["last_activity_at"] is not None:
            span = (row["started_at"], row["last_activity_at"])
            by_person.setdefault(row["person"], []).append(span)
    for spans in by_person.values():
        spans.sort()
        assert all(a[1] < b[0] for a, b in pairwise(spans))
