"""Planted groups and intents come back, ids stay, and few texts give nothing."""

from __future__ import annotations

import random

import numpy as np
import pytest

from candor.scorers.topics.groups import group
from candor.scorers.topics.identity import Former, name
from candor.scorers.topics.intents import Example, learn
from candor.scorers.topics.nearest import nearest_article
from candor.scorers.topics.questions import first_question, space
from candor.scorers.topics.training import examine

SUBJECTS = {
    "refund": "refund money back purchase returned",
    "parcel": "parcel tracking shipped courier late",
    "invoice": "invoice copy tax billing document",
    "login": "password login locked reset account",
    "seat": "seat window aisle upgrade cabin",
    "cancel": "cancel subscription stop plan renewal",
}


def sentences(subject: str, count: int, seed: int = 0) -> list[str]:
    rng = random.Random(f"{subject}{seed}")
    frames = ("please tell me about {} {} {}", "my {} {} and {}", "what of the {} {} {} now")
    return [
        rng.choice(frames).format(*rng.sample(SUBJECTS[subject].split(), 3)) for _ in range(count)
    ]


def planted(count: int = 40) -> tuple[list[str], np.ndarray]:
    texts, truth = [], []
    for number, subject in enumerate(SUBJECTS):
        texts += sentences(subject, count)
        truth += [number] * count
    return texts, np.asarray(truth)


@pytest.mark.parametrize(
    ("messages", "place"),
    [
        (["Hi", "Hello there, good morning", "Where is my parcel now?"], 2),
        (["Where is my parcel now?", "It is late"], 0),
        (["hello", "refund"], 1),
        (["hello!", "thanks", None], None),
        (["[EMAIL_3f2a]", "hi"], None),
        (["hi", "ok", "yes", "Where is my parcel now?"], None),
        ([], None),
    ],
)
def test_the_first_message_that_asks_something(
    messages: list[str | None], place: int | None
) -> None:
    assert first_question(messages) == place


def test_planted_groups_come_back_and_their_number_is_found() -> None:
    texts, truth = planted()
    found = group(space(texts))
    assert found is not None
    assert 6 <= len(found.centres) <= 9
    inside = found.group >= 0
    assert inside.mean() > 0.95
    for one in range(len(found.centres)):
        of = truth[found.group == one]
        assert (of == np.bincount(of).argmax()).mean() > 0.95
        subject = list(SUBJECTS)[int(np.bincount(of).argmax())]
        assert set(found.terms[one][:2]) <= set(SUBJECTS[subject].split())
    again = group(space(texts))
    assert again is not None
    assert np.array_equal(found.group, again.group)


def test_a_text_like_no_other_is_in_no_group() -> None:
    texts, _ = planted()
    found = group(space([*texts, "zzz qqq", ""]))
    assert found is not None
    assert found.group[-2:].tolist() == [-1, -1]


def test_vectors_of_the_user_decide_when_given() -> None:
    texts = [f"word{n} thing{n % 7} other" for n in range(60)]
    rng = np.random.default_rng(0)
    vectors = np.eye(3)[np.arange(60) % 3] + rng.normal(0, 0.01, (60, 3))
    vectors[-1] = 0
    found = group(space(texts, vectors))
    assert found is not None
    assert len(found.centres) == 3
    assert found.group[-1] == -1
    assert len(set(found.group[:-1:3].tolist())) == 1


@pytest.mark.parametrize("texts", [[], ["one parcel"] * 300, planted(8)[0], [""] * 80, ["hi"] * 80])
def test_too_few_questions_that_differ_give_no_groups(texts: list[str]) -> None:
    assert group(space(texts)) is None


def test_ids_stay_with_their_conversations_and_are_never_used_again() -> None:
    former = [
        Former("t1", frozenset(range(10)), {"refund": 1.0}),
        Former("t2", frozenset(range(10, 20)), {"parcel": 1.0}),
        Former("t4", frozenset(range(20, 30)), {"seat": 1.0}),
    ]
    members = [frozenset(range(11, 21)), frozenset([*range(9), 70, 71]), frozenset(range(90, 99))]
    profiles = [{"seat": 1.0}, {"x": 1.0}, {"invoice": 1.0}]
    assert name(members, profiles, former, used=5) == (["t2", "t1", "t6"], 6)


def test_without_common_conversations_terms_decide() -> None:
    former = [Former("t1", frozenset({1}), {"refund": 1.0, "money": 1.0})]
    fresh = [frozenset({8, 9}), frozenset({7})]
    names, used = name(fresh, [{"parcel": 1.0}, {"refund": 0.9, "money": 0.8}], former, used=1)
    assert (names, used) == (["t2", "t1"], 2)


def examples(subjects: list[str], count: int = 25, seed: int = 0) -> list[Example]:
    return [Example(text, s) for s in subjects for text in sentences(s, count, seed)]


def test_unseen_questions_are_kept_and_those_of_other_intents_found() -> None:
    known = learn(examples([s for s in SUBJECTS if s != "seat"]) + examples(["seat"], 4))
    assert known is not None
    assert known.kept == pytest.approx(0.9, abs=0.03)
    assert known.accuracy > 0.85
    assert known.found is not None
    assert known.found > 0.6
    fewer = learn(examples([s for s in SUBJECTS if s != "seat"], 30))
    assert fewer is not None
    said = fewer.judge(sentences("seat", 20, seed=9))
    assert sum(one.is_novel is True for one in said) >= 18
    mine = fewer.judge(sentences("parcel", 20, seed=9))
    assert sum(one.is_novel is False and one.intent == "parcel" for one in mine) >= 15
    assert fewer.judge(["", "42"])[0].is_novel is None
    assert fewer.judge([]) == []


def test_keeping_more_lowers_the_threshold() -> None:
    given = examples(list(SUBJECTS))
    strict, mild = learn(given, keep=0.8), learn(given, keep=0.99)
    assert strict is not None
    assert mild is not None
    assert mild.threshold < strict.threshold
    assert mild.kept > strict.kept


@pytest.mark.parametrize(
    "given",
    [
        [],
        examples(["refund", "parcel"], 60),
        examples(["refund", "parcel", "login"], 5),
        [Example("the same words", s) for s in SUBJECTS for _ in range(50)],
    ],
)
def test_too_few_examples_teach_nothing(given: list[Example]) -> None:
    assert learn(given) is None


def test_faults_of_examples_are_counted() -> None:
    given = [
        Example("Where is it?", "a"), Example("where is it", "a"), Example("where is it!", "b"),
        Example("", "a"), Example("new one", "b"), Example("other one", "b"),
    ]  # fmt: skip
    found = examine(given, None)
    assert (found.examples, found.empty, found.repeated, found.contradictory) == (6, 1, 1, 3)
    assert (found.usable, found.usable_share) == (2, pytest.approx(1 / 3))
    assert found.thin == (("a", 1), ("b", 3))
    assert found.evenness == pytest.approx(0.811278, abs=1e-6)
    assert examine([], None).usable_share is None


def test_a_swapped_label_is_a_suspect() -> None:
    given = examples(list(SUBJECTS), 20)
    wrong = Example("parcel tracking shipped courier late today", "login")
    known = learn([*given, wrong])
    assert known is not None
    assert (wrong.text, "login", "parcel") in known.suspects


def test_the_article_nearest_to_a_topic() -> None:
    articles = [("k1", "How refunds work: money back in ten days"), ("k2", "Tracking of a parcel")]
    asked = [["where is my parcel", "tracking of parcel"], ["seat upgrade in the cabin"]]
    assert nearest_article(asked, articles) == ["k2", ""]
    assert nearest_article(asked, []) == ["", ""]
