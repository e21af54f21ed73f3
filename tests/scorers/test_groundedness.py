"""What an answer claims, held against what it was given: words, numbers, names, and no verdict."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import rankdata

from candor import pipeline
from candor.answers import Answers
from candor.engines.duck import DuckEngine
from candor.errors import CandorError
from candor.lake import Lake
from candor.scorers.groundedness import check
from candor.scorers.grounding import load_knowledge
from candor.workspace import Workspace

ARTICLE = (
    "Returns are free within 30 days. Refunds reach the card after five working days. Ask Ada Fox."
)


def verdict(answer: str, knowledge: str | None = ARTICLE) -> bool | None:
    found: bool | None = check(pa.array([answer]), pa.array([knowledge])).grounded[0].as_py()
    return found


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("You can return it free within 30 days.", True),
        ("You can return it free within 60 days.", False),
        ("The refund reaches your card after five working days!", True),
        ("Please ask Ada about returns.", True),
        ("Please ask Zoe about returns.", False),
        ("Returns are free. Shipping abroad costs extra customs duty.", False),
        ("Ok, yes.", None),
        ("", None),
    ],
)
def test_claims_need_their_numbers_names_and_words(answer: str, expected: bool | None) -> None:
    assert verdict(answer) is expected


def test_without_knowledge_there_is_no_verdict() -> None:
    assert verdict("Returns are free within 30 days.", None) is None
    assert verdict("Returns are free within 30 days.", " ") is None


def test_the_unsupported_claim_is_shown_and_rows_do_not_mix() -> None:
    found = check(
        pa.array(["Returns are free. It costs 12 dollars. It takes 9 weeks.", "It costs 12 dollars."]),
        pa.array([ARTICLE, "The fee is 12 dollars: it costs that."]),
    )  # fmt: skip
    assert found.sentence.to_pylist() == ["It costs 12 dollars", None]
    assert found.grounded.to_pylist() == [False, True]
    assert found.share[1] == 1.0


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "least"), [("wow/begin_dev_wow.tsv", 0.85), ("cmu-dog/begin_dev_cmu.tsv", 0.85)]
)
def test_attributed_replies_rank_above_others(
    shared: Callable[[str], Path], name: str, least: float
) -> None:
    folder = shared("data/begin")
    path = next(one for one in (folder / name, folder / f"{name}.gz") if one.exists())
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = text.decode("utf-8").splitlines()
    rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    truth = np.array([row["begin_label"].startswith("Fully") for row in rows])
    found = check(pa.array([row["response"] for row in rows]), pa.array([row["knowledge"] for row in rows]))  # fmt: skip
    ranks = rankdata(np.nan_to_num(found.share, nan=0.0))
    ones, zeros = truth.sum(), (~truth).sum()
    area = (ranks[truth].sum() - ones * (ones + 1) / 2) / (ones * zeros)
    assert area > least


def test_answers_with_sources_are_scored_once_and_again_when_an_article_changes(
    tmp_path: Path,
) -> None:
    workspace = Workspace.create(tmp_path / "desk", '[workspace]\nname = "Desk"\n')
    said = [
        ("m1", "Returns are free within 30 days.", ["k1"]), ("m2", "Returns cost 9 dollars.", ["k1"]),
        ("m3", "Returns are free within 30 days.", ["k1", "k9"]), ("m4", "Returns are free.", None),
    ]  # fmt: skip
    events: list[dict[str, Any]] = [
        {"type": "conversation", "thread_id": "t", "occurred_at": "2026-05-01T10:00:00Z", "started_at": "2026-05-01T10:00:00Z",
         "channel": "chat", "customer_id": "c", "is_test": False, "is_spam": False},
        {"type": "message", "message_id": "m0", "thread_id": "t", "occurred_at": "2026-05-01T10:00:00Z",
         "actor": "customer", "text": "Can I return it?", "is_public": True},
    ]  # fmt: skip
    for number, (name, text, sources) in enumerate(said, start=1):
        event = {"type": "message", "message_id": name, "thread_id": "t", "occurred_at": f"2026-05-01T10:0{number}:00Z",
                 "actor": "ai_agent", "kind": "answer", "text": text, "is_public": True}  # fmt: skip
        events.append(event if sources is None else {**event, "knowledge_ids": sources})
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in events), "utf-8")
    article = workspace.root / "knowledge.jsonl"
    article.write_text(json.dumps({"knowledge_id": "k1", "text": ARTICLE}) + "\n", "utf-8")
    pipeline.ingest(workspace, "canonical", [path], name="feed")
    pipeline.measure(workspace)

    def stored() -> dict[str, dict[str, Any]]:
        with Lake.open(workspace.root) as lake, DuckEngine() as engine:
            lake.create_views(engine.connection)
            rows = engine.arrow("select * from ev_assessment where assessor_id = 'candor_groundedness'")  # fmt: skip
        return {row["message_id"]: row for row in rows.to_pylist()}

    first = stored()
    assert {name: row["label"] for name, row in first.items()} == {"m1": "true", "m2": "false", "m3": None}  # fmt: skip
    assert json.loads(first["m2"]["explanation"])["evidence"][0]["quote"] == "Returns cost 9 dollars."  # fmt: skip
    assert json.loads(first["m3"]["explanation"]) == {"abstained": "source_not_given"}
    with Answers(workspace) as answers:
        raw = answers.estimates(["groundedness_rate_judged"]).estimates[0]
    assert (raw.eligible, raw.observed, raw.total) == (3, 2, 1)
    pipeline.measure(workspace)
    assert {row["event_id"] for row in stored().values()} == {row["event_id"] for row in first.values()}  # fmt: skip
    article.write_text(json.dumps({"knowledge_id": "k1", "text": "Returns cost 9 dollars."}) + "\n", "utf-8")  # fmt: skip
    pipeline.measure(workspace)
    assert {name: (row["label"], row["revision"]) for name, row in stored().items()} == {"m1": ("false", 1), "m2": ("true", 1), "m3": (None, 0)}  # fmt: skip


def test_mistakes_in_the_articles_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "knowledge.jsonl"
    path.write_text('{"knowledge_id": "k", "text": "a"}\n{"knowledge_id": "k", "text": "b"}\n[]\n', "utf-8")  # fmt: skip
    with pytest.raises(CandorError) as caught:
        load_knowledge(path)
    assert len(caught.value.problems) == 2
