"""Topics: the same figures as everywhere, for who may see them; words only for who may read them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from markupsafe import escape

from candor.answers import Answers, Period, topics
from candor.reviewing.topic_memory import FOLDER, Kept, former_topics, kept_topics, remember
from candor.web.site import Site

from .conftest import HOSTILE

FIGURES = ("true_resolution_rate", "containment_rate", "escalation_rate")


def test_a_topic_of_every_conversation_has_the_figures_of_all(ann: TestClient, root: Path) -> None:
    told = ann.get("/api/topics?grain=all").json()
    by_name = {one["topic"]: one for one in told["topics"]}
    with Answers.open(root) as answers:
        whole = {e.metric: e for e in answers.estimates(list(FIGURES)).estimates}
        counted = answers.engine.rows(
            "select count(*) from conversation where engaged and not is_test and not is_spam"
        )[0][0]
    for name in FIGURES:
        mine = by_name["t1"]["figures"][name]
        for part in ("point", "low", "high", "observed", "unknown", "n_eff", "customers"):
            assert mine[part] == whole[name].as_row()[part], (name, part)
        excluded = {reason: n for reason, n in whole[name].excluded.items() if n}
        assert mine["excluded"] == excluded, name
    assert whole["containment_rate"].observed > 50
    assert told["conversations"] == by_name["t1"]["conversations"] == counted
    assert by_name["t1"]["share"] == 1.0
    assert sum(one["conversations"] for one in by_name["t1"]["history"]) <= counted
    assert by_name["t2"]["figures"]["containment_rate"]["point"] is None
    text = ann.get("/export/csv/topics?grain=all").content.decode("utf-8-sig")
    rows = {row[0]: row for row in csv.reader(io.StringIO(text)) if len(row) > 4}
    assert int(rows["t1"][4]) == counted


def test_words_are_for_who_may_read_them_and_their_reading_is_logged(
    ann: TestClient, browser: Callable[..., TestClient], person: Callable[..., object], site: Site
) -> None:
    def opened() -> int:
        found = site.store.connection.execute(
            "select count(*) from audit where action = 'text.open'"
        ).fetchone()[0]
        return int(found)

    person("vic", "viewer")
    viewer, before = browser("vic"), opened()
    hidden = viewer.get("/api/topics/t1?grain=all").json()
    assert hidden["text_shown"] is False
    assert len(hidden["conversations_shown"]) == topics.LATEST
    assert all(one["first_words"] is None for one in hidden["conversations_shown"])
    assert "First words" not in viewer.get("/topics/t1?grain=all").text
    assert opened() == before
    shown = ann.get("/api/topics/t1?grain=all").json()
    words = [one["first_words"] for one in shown["conversations_shown"]]
    assert all(words)
    page = ann.get("/topics/t1?grain=all").text
    assert str(escape(HOSTILE[0])) in page
    assert HOSTILE[0] not in page
    once = len({one["thread"] for one in shown["conversations_shown"]})
    assert opened() == before + 2 * once
    # Of three conversations a viewer learns nothing but that they are few.
    few = viewer.get("/api/topics/t2?grain=all").json()
    assert (few["few_customers"], few["conversations"], few["history"]) == (True, None, [])
    assert few["conversations_shown"] == []
    assert viewer.get("/topics/t9").status_code == 404


def nothing_stored(answers: Answers, period: Period) -> topics.Book:
    """What a workspace without topics answers."""
    assert answers.snapshot
    return topics.Book(period)


def test_without_topics_the_page_says_what_makes_them(
    ann: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert kept_topics(tmp_path / FOLDER) == ([], 0)
    monkeypatch.setattr(topics, "topics", nothing_stored)
    shown = ann.get("/topics?grain=quarter")
    assert shown.status_code == 200
    assert "candor topics --store" in shown.text
    assert ann.get("/topics/t1?grain=quarter").status_code == 404


def test_what_is_new_and_what_is_gone_is_told_from_the_runs(tmp_path: Path) -> None:
    def kept(name: str, seen: int) -> tuple[Kept, frozenset[int]]:
        return Kept(name, {"a": 1.0}, "group-t1", ("a",), (), seen_us=seen), frozenset({seen})

    remember(tmp_path / FOLDER, {"t1": kept("t1", 10), "t2": kept("t2", 10)}, 2)
    remember(tmp_path / FOLDER, {"t1": kept("t1", 20), "t3": kept("t3", 20)}, 3)
    found, used = kept_topics(tmp_path / FOLDER)
    assert used == 3
    assert [(one.topic, one.since_us, one.seen_us) for one in found] == [
        ("t1", 10, 20), ("t2", 10, 10), ("t3", 20, 20),
    ]  # fmt: skip
    members = {one.topic: one.members for one in former_topics(tmp_path / FOLDER)[0]}
    assert members == {"t1": {20}, "t2": {10}, "t3": {20}}
    # A topic stored before runs were written down keeps an unknown beginning.
    old = replace(found[0], since_us=None)
    remember(tmp_path / "old", {"t1": (old, frozenset())}, 1)
    assert kept_topics(tmp_path / "old")[0][0].since_us == old.seen_us


@pytest.mark.parametrize("path", ["/topics", "/topics/t1"])
def test_an_account_confined_to_a_part_sees_no_topics(
    path: str, browser: Callable[..., TestClient], person: Callable[..., object]
) -> None:
    person("ann", "analyst", channel="email")
    assert browser("ann").get(path).status_code == 403
