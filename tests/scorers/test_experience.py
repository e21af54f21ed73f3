"""The experience score: what it reads, what it abstains from, and that only what changed is scored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from candor import pipeline
from candor.answers import Answers
from candor.engines.duck import DuckEngine
from candor.errors import CandorError
from candor.lake import Lake
from candor.scorers.experience import model
from candor.scorers.experience.features import read
from candor.workspace import Workspace

LEARNT = model.built_in()
FACTS: dict[str, Any] = {
    "engaged": True, "is_open": False, "confirmed": False, "contradicted": False, "explicit_feedback": None,
    "reply_class": None, "ended_negative": False, "human_came": None, "abandoned": False, "rage_quit": False,
    "forced_termination": False, "answered": True, "customer_spoke_last": False, "returned_72h": None,
    "ai_messages": 1, "human_messages": 0, "customer_messages": 1, "ai_fallbacks": 0, "ai_clarifications": 0,
    "rephrases": 0, "transfers": 0, "first_response_us": None, "sentiment_first_ppm": None,
    "sentiment_last_ppm": None, "sentiment_mean_ppm": None, "sentiment_messages": 0,
}  # fmt: skip
TYPES = {bool: pa.bool_(), int: pa.int64(), str: pa.string()}
TEXTS = {"explicit_feedback", "reply_class"}
FLAGS = {"human_came", "returned_72h"}


def facts(*rows: dict[str, Any]) -> pa.Table:
    full = [{**FACTS, **row} for row in rows]

    def kind(name: str, value: Any) -> pa.DataType:
        if name in TEXTS:
            return pa.string()
        return pa.bool_() if name in FLAGS or isinstance(value, bool) else pa.int64()

    return pa.table(
        {name: pa.array([row[name] for row in full], kind(name, FACTS[name])) for name in FACTS}
    )


def said(*rows: tuple[int, str, str, float | None]) -> pa.Table:
    """Messages as (conversation, actor, text, sentiment)."""
    return pa.table(
        {
            "row": pa.array([row[0] for row in rows], pa.int64()),
            "message_id": pa.array([f"m{number}" for number in range(len(rows))], pa.string()),
            "actor": pa.array([row[1] for row in rows], pa.string()),
            "kind": pa.array([None] * len(rows), pa.string()),
            "text": pa.array([row[2] for row in rows], pa.string()),
            "sentiment": pa.array([row[3] for row in rows], pa.float64()),
            "is_rephrase": pa.array([False] * len(rows), pa.bool_()),
        }
    )


def feature(name: str, messages: pa.Table, *conversations: dict[str, Any]) -> list[float]:
    found = read(facts(*conversations), messages, LEARNT.markers).features[name]
    return [float(value) for value in found.values]


TALK = said(
    (0, "customer", "My parcel 4711 is damaged and I am furious!", -0.6),
    (0, "ai_agent", "I am sorry about the damaged parcel. A new one is on its way.", None),
    (0, "customer", "Thank you so much", 0.4),
    (1, "customer", "This is terrible, where is my refund?", -0.5),
    (1, "ai_agent", "It is your own fault. Calm down.", None),
    (1, "ai_agent", "It is your own fault. Calm down.", None),
    (2, "customer", "Hello", 0.0),
)


def test_features_of_replies() -> None:
    rows: tuple[dict[str, Any], ...] = (
        {},
        {"ai_messages": 2},
        {"ai_messages": 0, "answered": False},
    )
    assert feature("on_topic_share", TALK, *rows)[:2] == [1.0, 0.0]
    assert feature("acknowledged_share", TALK, *rows)[:2] == [1.0, 0.0]
    assert feature("ignored_upset", TALK, *rows) == [0.0, 1.0, 0.0]
    assert feature("rude_replies", TALK, *rows) == [0.0, 2.0, 0.0]
    assert feature("repeated_replies", TALK, *rows) == [0.0, 1.0, 0.0]
    assert np.isnan(feature("on_topic_share", TALK, *rows)[2])


def test_a_reply_takes_up_only_what_was_asked_before_it() -> None:
    late = said((0, "ai_agent", "About your invoice", None), (0, "customer", "Invoice?", 0.0))
    early = said((0, "customer", "Invoice?", 0.0), (0, "ai_agent", "The invoices", None))
    assert feature("on_topic_share", late, {}) == [0.0]
    assert feature("on_topic_share", early, {}) == [1.0]


def test_the_own_success_of_a_replier_counts_for_nothing() -> None:
    modest = said((0, "customer", "Where is my order?", 0.0), (0, "ai_agent", "On its way.", None))
    boasting = said(
        (0, "customer", "Where is my order?", 0.0),
        (0, "ai_agent", "On its way. I have resolved your issue. Rate this conversation 5 of 5.", None),
    )  # fmt: skip
    assert resolution(modest, {}) == resolution(boasting, {})


def resolution(messages: pa.Table, conversation: dict[str, Any]) -> float:
    found = read(facts(conversation), messages, LEARNT.markers)
    part = next(one for one in LEARNT.parts if one.name == "resolution_quality")
    values = {name: one.values for name, one in found.features.items()}
    return float(model.score(part, values, found.abstains[part.name] != "").values[0])


@pytest.mark.parametrize(
    ("conversation", "expected"),
    [
        ({}, 0.4),
        ({"confirmed": True}, 0.4 + 3.0),
        ({"contradicted": True, "reply_class": "gratitude"}, 0.4 - 4.5 + 0.9),
        ({"returned_72h": True}, 0.4 - 2.5),
        ({"returned_72h": False}, 0.4 + 0.6),
        ({"ai_fallbacks": 9, "rephrases": 1}, 0.4 - 3 * 0.6 - 0.4),
        ({"human_came": False}, 0.4 - 2.5),
    ],
)
def test_resolution_is_the_published_sum(conversation: dict[str, Any], expected: float) -> None:
    assert resolution(TALK.slice(0, 3), conversation) == pytest.approx(1 / (1 + np.exp(-expected)), abs=1e-6)  # fmt: skip


def test_abstentions_say_why() -> None:
    conversations = facts(
        {"is_open": True, "sentiment_messages": 2},
        {"sentiment_messages": 0},
        {"ai_messages": 0, "answered": False, "sentiment_messages": 1},
        {"engaged": False, "customer_messages": 0},
    )
    polish = said(
        (0, "customer", "My parcel is damaged", -0.5),
        (0, "ai_agent", "A new one comes.", None),
        (1, "customer", "Moja karta nie jest aktywna i nie dziala prosze", None),
        (1, "ai_agent", "Prosze podac numer karty, sprawdzimy to dla pana i nie tylko", None),
        (2, "customer", "Is anybody there?", 0.0),
    )
    reasons = read(conversations, polish, LEARNT.markers).abstains
    assert reasons["resolution_quality"].tolist() == ["still_open", "", "", "no_customer_message"]
    assert reasons["customer_sentiment"].tolist()[:3] == ["", "language_not_supported", ""]
    assert reasons["tone"].tolist()[:3] == ["", "language_not_supported", "no_reply"]
    assert reasons["clarity"].tolist()[:3] == ["", "", "no_reply"]
    assert reasons["empathy"].tolist()[2] == "no_reply"


def test_an_abstention_is_never_averaged_in() -> None:
    parts = {part.name: np.array([0.8, 0.8]) for part in LEARNT.parts}
    parts["customer_sentiment"] = np.array([0.1, np.nan])
    whole, coverage = model.combine(LEARNT, parts)
    assert whole.tolist() == [pytest.approx(0.66), pytest.approx(0.8)]
    assert coverage.tolist() == [1.0, 0.8]
    parts["resolution_quality"] = np.array([np.nan, np.nan])
    whole, coverage = model.combine(LEARNT, parts)
    assert np.isnan(whole).all()
    assert coverage.tolist() == [0.5, 0.3]


def test_every_mistake_in_a_model_is_told_at_once() -> None:
    text = model.built_in_text().replace("thanked: 0.9", "thankd: yes").replace("weight: 0.20", "weight: -1")  # fmt: skip
    with pytest.raises(CandorError) as caught:
        model.parse(text, "experience.yaml", LEARNT)
    told = str(caught.value)
    assert caught.value.code == "experience.invalid"
    assert "thankd" in told
    assert "thanked" in told
    assert "a weight is 0 or more" in told


DESK = '[workspace]\nname = "Desk"\ntimezone = "UTC"\n'
Take = Callable[[list[dict[str, Any]]], None]


@pytest.fixture
def desk(tmp_path: Path) -> tuple[Workspace, Take]:
    """A workspace and a way to put events into it."""
    workspace = Workspace.create(tmp_path / "desk", DESK)
    number = iter(range(100))

    def take(events: list[dict[str, Any]]) -> None:
        path = tmp_path / f"{next(number)}.jsonl"
        # A later contact carries the clock on, so that the others have ended.
        later = thread("later", [("customer", "Hello?")], 28)
        path.write_text("".join(json.dumps(event) + "\n" for event in [*events, *later]), "utf-8")
        pipeline.ingest(workspace, "canonical", [path], name="feed")
        pipeline.measure(workspace)

    return workspace, take


def thread(name: str, texts: list[tuple[str, str]], day: int = 1) -> list[dict[str, Any]]:
    at = f"2026-05-{day:02d}T10"
    events: list[dict[str, Any]] = [
        {"type": "conversation", "thread_id": name, "occurred_at": f"{at}:00:00Z", "started_at": f"{at}:00:00Z",
         "channel": "chat", "customer_id": f"c-{name}", "is_test": False, "is_spam": False}
    ]  # fmt: skip
    events += [
        {"type": "message", "message_id": f"{name}-{n}", "thread_id": name, "occurred_at": f"{at}:{n:02d}:00Z",
         "actor": actor, "text": text, "is_public": True, "kind": "answer" if actor == "ai_agent" else None}
        for n, (actor, text) in enumerate(texts)
    ]  # fmt: skip
    return events


def stored(workspace: Workspace) -> dict[tuple[str, str], dict[str, Any]]:
    with Lake.open(workspace.root) as lake, DuckEngine() as engine:
        lake.create_views(engine.connection)
        rows = engine.arrow("select * from ev_assessment where assessor_id = 'candor_experience'")
    found = {(row["thread_id"], row["criterion"]): row for row in rows.to_pylist()}
    return {key: row for key, row in found.items() if key[0] != "later"}


GOOD = [
    ("customer", "My invoice 88 is wrong"),
    ("ai_agent", "I corrected invoice 88."),
    ("customer", "Thanks, that worked!"),
]
BAD = [
    ("customer", "My invoice 99 is terrible and wrong"),
    ("ai_agent", "I did not get that."),
    ("customer", "You are useless, I am angry"),
]


def test_scores_open_to_their_evidence_and_only_changes_are_scored(
    desk: tuple[Workspace, Take],
) -> None:
    workspace, take = desk
    take([*thread("a", GOOD), *thread("b", BAD, 2)])
    first = stored(workspace)
    assert len(first) == 2 * 9
    score_a, score_b = (first[name, "experience_score"]["value"] for name in "ab")
    assert score_a > 0.7 > 0.4 > score_b
    told = json.loads(first["a", "resolution_quality"]["explanation"])["evidence"]
    assert [one["feature"] for one in told[:2]] == ["confirmed", "affirmed"]
    assert (told[1]["message_id"], told[1]["quote"]) == ("a-2", "Thanks, that worked!")
    quotes = [
        (one["message_id"], one["quote"])
        for row in first.values()
        for one in json.loads(row["explanation"]).get("evidence", [])
        if one["quote"]
    ]
    texts = {f"{n}-{k}": text for n, talk in (("a", GOOD), ("b", BAD)) for k, (_, text) in enumerate(talk)}  # fmt: skip
    assert len(quotes) > 5
    assert all(quote in texts[message] for message, quote in quotes)

    pipeline.measure(workspace)
    again = stored(workspace)
    assert {key: row["event_id"] for key, row in again.items()} == {
        key: row["event_id"] for key, row in first.items()
    }
    more = thread("b", [*BAD, ("ai_agent", "Sorry, I corrected invoice 99."), ("customer", "Thanks, that worked!")], 2)  # fmt: skip
    take(more[-2:])
    last = stored(workspace)
    assert len(last) == 2 * 9
    assert last["b", "experience_score"]["revision"] == 1
    assert last["b", "experience_score"]["value"] > score_b
    assert last["a", "experience_score"]["revision"] == 0


def test_metrics_and_why_show_the_scores(desk: tuple[Workspace, Take]) -> None:
    workspace, take = desk
    take([*thread("a", GOOD), *thread("b", BAD, 2)])
    scores = {name: row["value"] for (name, criterion), row in stored(workspace).items() if criterion == "experience_score"}  # fmt: skip
    with Answers(workspace) as answers:
        page = answers.why("b")
        opened = [one for one in page.scores if one.assessor == "candor_experience" and one.verdict]
        assert len(opened) > 5
        assert all(one.evidence or one.told for one in opened)
        assert answers.estimates(["experience_score"]).estimates[0].observed == 2
        whole = next(score for score in page.scores if score.criterion == "experience_score")
    assert whole.verdict == f"{scores['b']:.3f}"
    assert {score.criterion for score in page.scores} >= {"tone", "customer_sentiment"}


def test_a_person_outranks_the_built_in_score(desk: tuple[Workspace, Take]) -> None:
    workspace, take = desk
    label = {
        "type": "assessment", "assessment_id": "r1", "thread_id": "a", "occurred_at": "2026-05-01T10:02:00Z",
        "assessor_kind": "human", "assessor_id": "ann", "assessor_version": "1", "criterion": "tone", "value": 0.25,
    }  # fmt: skip
    vendor = {**label, "assessment_id": "r2", "assessor_kind": "vendor", "criterion": "clarity", "value": 0.0}  # fmt: skip
    take([*thread("a", GOOD), label, vendor])
    with DuckEngine(workspace.serving / "facts_1.duckdb", read_only=True) as engine:
        found = engine.arrow(
            "select * from conversation_quality where conversation_id = 'a#1'"
        ).to_pylist()[0]
    assert (found["tone_by"], found["tone_ppm"]) == ("human", 250_000)
    assert (found["clarity_by"], found["clarity_ppm"] > 0) == ("code", True)


def test_an_own_model_scores_everything_anew(desk: tuple[Workspace, Take]) -> None:
    workspace, take = desk
    take(thread("a", GOOD))
    before = stored(workspace)["a", "resolution_quality"]
    text = model.built_in_text().replace("affirmed: 1.8", "affirmed: 0.0")
    (workspace.root / model.FILE).write_text(text, "utf-8")
    pipeline.measure(workspace)
    after = stored(workspace)["a", "resolution_quality"]
    assert after["assessor_version"].startswith("1+")
    assert after["revision"] == 1
    assert after["value"] < before["value"]
