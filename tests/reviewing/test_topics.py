"""Gaps open where the AI clearly helps less, live as long as the knowledge lacks, and are stored once."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from candor import pipeline
from candor.cli import main as program
from candor.engines.duck import DuckEngine
from candor.errors import CandorError
from candor.lake.serving import Serving
from candor.reviewing import gaps
from candor.reviewing.contacts import Contact
from candor.reviewing.examples import read_embeddings, read_examples
from candor.reviewing.gaps import Gap, lifecycle
from candor.reviewing.topics import Topic, find_topics, judge_gaps
from candor.workspace import Workspace

DAY = 86_400_000_000
NOW = 100 * DAY


def topic(
    name: str, answered: int, unhelped: int, *, people: int | None = None, at: int = 10
) -> Topic:
    people = people or answered
    members = tuple(
        Contact(n, f"{name}{n}", f"{name}-thread{n}", n % people, at * DAY, n < unhelped, True, "q")
        for n in range(answered)
    )
    return Topic(
        name, "group", ("refund", "late"), (), answered, people, answered, unhelped, members=members
    )


def judged(*topics: Topic) -> list[bool | None]:
    judge_gaps(topics)
    return [one.is_gap for one in topics]


def test_a_topic_that_is_helped_clearly_less_is_a_gap() -> None:
    planted = topic("t1", 100, 45)
    assert judged(planted, topic("t2", 200, 20), topic("t3", 200, 24)) == [True, False, False]
    assert planted.elsewhere == pytest.approx(0.11)
    assert planted.excess == pytest.approx(34.0)


def test_little_known_stays_open_and_one_customer_is_no_crowd() -> None:
    assert judged(topic("t1", 19, 19), topic("t2", 200, 20)) == [None, False]
    assert judged(topic("t1", 100, 45, people=9), topic("t2", 200, 20))[0] is None
    assert judged(topic("t1", 100, 25, people=100), topic("t2", 400, 40))[0] is True
    assert judged(topic("t1", 100, 25, people=12), topic("t2", 400, 40))[0] is False


def test_a_small_difference_is_no_gap_and_helping_nowhere_is_one() -> None:
    assert judged(topic("t1", 5000, 900), topic("t2", 5000, 500)) == [False, False]
    assert judged(topic("t1", 200, 180), topic("t2", 200, 180)) == [True, True]
    assert judged() == []


def standing(found: list[Topic], before: dict[str, Gap], changes: dict[str, int]) -> list[Gap]:
    judge_gaps(found)
    return lifecycle(found, before, changes, NOW)


def test_a_gap_opens_once_and_is_mended_by_a_change_that_names_it() -> None:
    found = [topic("t1", 100, 45), topic("t2", 400, 20)]
    (gap,) = standing(found, {}, {})
    assert (gap.gap_id, gap.topic, gap.opened_at, gap.status) == (
        "topic-t1",
        "refund, late",
        NOW,
        "open",
    )
    assert len(gap.thread_ids) == 45
    before = {gap.gap_id: gap}
    assert standing(found, before, {}) == [gap]
    assert standing(found, before, {gap.gap_id: NOW - 1}) == [gap]
    (mended,) = standing(found, before, {gap.gap_id: NOW + DAY})
    assert (mended.status, mended.resolved_at, mended.revision) == ("resolved", NOW + DAY, 1)
    assert gaps.age_days(mended, NOW + 9 * DAY) == 1.0
    assert gaps.age_days(gap, NOW + 9 * DAY) == 9.0


def test_a_quiet_gap_stays_open_and_a_dismissed_one_dismissed() -> None:
    opened = Gap("topic-t1", "refund, late", 5 * DAY, "open", ("x",), 3)
    quiet = [topic("t1", 100, 4), topic("t2", 400, 20)]
    assert standing(quiet, {"topic-t1": opened}, {}) == [opened]
    gone = Gap("topic-t1", "refund", 5 * DAY, "dismissed", ("x",), 4)
    assert standing([topic("t1", 100, 45), topic("t2", 400, 20)], {"topic-t1": gone}, {}) == [gone]


def test_a_mended_gap_opens_again_only_by_later_contacts() -> None:
    mended = Gap("topic-t1", "refund", 5 * DAY, "resolved", ("x",), 1, 50 * DAY)
    early = [topic("t1", 100, 45, at=10), topic("t2", 400, 20, at=60)]
    assert standing(early, {"topic-t1": mended}, {}) == [mended]
    late = [topic("t1", 100, 45, at=60), topic("t2", 400, 20, at=60)]
    assert [g.gap_id for g in standing(late, {"topic-t1": mended}, {})] == [
        "topic-t1",
        "topic-t1-2",
    ]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("topics") / "desk"
    pipeline.build_demo(folder, conversations=300, seed=4)
    return Workspace.open(folder)


def told(capsys: pytest.CaptureFixture[str], demo: Workspace, *arguments: str) -> dict[str, object]:
    assert program.main(["topics", "-w", str(demo.root), "--json", *arguments]) == 0
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    return answer


def test_verdicts_and_ids_are_stored_once_and_measured(
    demo: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "examples.csv"
    rows = [
        f'"{text} {more}",{intent}'
        for intent, text in (("invoice", "send a copy of the invoice"), ("seat", "upgrade my seat"),
                             ("parcel", "where is the parcel, tracking shows nothing"))
        for more in ("", *(f"{a} {b}" for a in ("today", "please", "soon", "now") for b in ("sir", "anna", "team", "all", "you")))
    ]  # fmt: skip
    path.write_text("text,intent\n" + "\n".join(rows), "utf-8")
    first = told(capsys, demo, "--store", "--examples", str(path))
    assert first["contacts"] == first["in_no_topic"] + first["asked_nothing"] + sum(
        one["contacts"] for one in first["topics"]
    )
    assert first["stored"]["verdicts"]["knowledge_gap"] > 100
    assert first["stored"]["verdicts"]["novel_intent"] == first["intents"]["judged"]
    assert all(one["is_new"] for one in first["topics"])
    again = told(capsys, demo, "--store", "--examples", str(path))
    assert again["stored"]["verdicts"] == {"knowledge_gap": 0, "novel_intent": 0}
    assert [t["topic"] for t in again["topics"]] == [t["topic"] for t in first["topics"]]
    assert not any(one["is_new"] for one in again["topics"])
    assert again["stored"]["gaps"] == first["stored"]["gaps"]
    pipeline.measure(demo)
    with DuckEngine(Serving(demo.serving).current().facts, read_only=True) as engine:
        known, novel = engine.rows(
            "select (select count(*) from conversation_quality where knowledge_gap_by = 'code'),"
            " (select count(*) from intent_attempt where novel_detected is not null)"
        )[0]
    assert known == first["stored"]["verdicts"]["knowledge_gap"]
    assert novel == first["intents"]["judged"]
    assert program.main(["topics", "-w", str(demo.root), "--with-text"]) == 0
    assert "novel intents: not looked for" in capsys.readouterr().out


def test_a_gap_can_be_dismissed_by_its_name_alone(
    demo: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    found = find_topics(demo)
    found.topics[0].is_gap = True
    stored = gaps.store(demo, found)
    assert f"topic-{found.topics[0].topic}" in [g.gap_id for g in stored.gaps]
    assert program.main(["topics", "-w", str(demo.root), "--dismiss", "topic-none"]) == 1
    name = next(g.gap_id for g in stored.gaps if g.status == "open")
    assert told(capsys, demo, "--dismiss", name) == {"dismissed": name}
    with pytest.raises(CandorError, match="no open gap"):
        gaps.dismiss(demo, name, found.as_of_us)


def test_files_of_the_user_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "examples.jsonl"
    path.write_text('{"text": "a b", "intent": "x"}\n\n{"text": 3}\n[1]\n', "utf-8")
    with pytest.raises(CandorError) as raised:
        read_examples(path)
    assert [p.where.rsplit(":", 1)[1] for p in raised.value.problems] == ["3", "4"]
    with pytest.raises(CandorError):
        read_examples(tmp_path / "none.csv")
    vectors = tmp_path / "vectors.parquet"
    pq.write_table(
        pa.table({"conversation_id": ["b", "a"], "embedding": [[1.0, 2.0], [3.0, 4.0]]}), vectors
    )
    assert read_embeddings(vectors, ["a", "c"]).tolist() == [[3.0, 4.0], [0.0, 0.0]]
    with pytest.raises(CandorError, match="no vector belongs"):
        read_embeddings(vectors, ["z"])
    pq.write_table(
        pa.table({"conversation_id": ["b", "a"], "embedding": [[1.0], [3.0, 4.0]]}), vectors
    )
    with pytest.raises(CandorError, match="one length"):
        read_embeddings(vectors, ["a"])
