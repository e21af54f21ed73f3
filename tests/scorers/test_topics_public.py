"""On public data, intents and topics are at least as good as docs/quality.md says, less a margin."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from candor.scorers.topics.groups import group
from candor.scorers.topics.intents import Example, learn
from candor.scorers.topics.questions import space

pytestmark = pytest.mark.shared


def test_hint3_unknown_questions_are_found_at_a_stated_accuracy(
    shared: Callable[[str], Path],
) -> None:
    def rows(part: str) -> list[tuple[str, str]]:
        path = shared(f"data/hint3/dataset/v1/{part}/sofmattress_{part}.csv")
        with path.open(encoding="utf-8", newline="") as lines:
            return [(row["sentence"], row["label"]) for row in csv.DictReader(lines)]

    known = learn([Example(*row) for row in rows("train")])
    assert known is not None
    test = rows("test")
    said = known.judge([text for text, _ in test])
    inside = [
        guess.intent == label and guess.is_novel is False
        for guess, (_, label) in zip(said, test, strict=True)
        if label != "NO_NODES_DETECTED"
    ]
    outside = [
        guess.is_novel is not False
        for guess, (_, label) in zip(said, test, strict=True)
        if label == "NO_NODES_DETECTED"
    ]
    assert (len(inside), len(outside)) == (231, 166)
    assert np.mean(inside) > 0.63
    assert np.mean(outside) > 0.65


def test_dstc11_intents_come_back_better_than_by_plain_words(
    shared: Callable[[str], Path],
) -> None:
    path = shared("data/dstc11_intent_induction/test-banking.test-utterances.jsonl")
    told = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    found = group(space([row["utterance"] for row in told]))
    assert found is not None
    truth = np.unique([row["intent"] for row in told], return_inverse=True)[1]
    table = np.zeros((found.group.max() + 2, truth.max() + 1))
    np.add.at(table, (found.group, truth), 1)
    assert table[linear_sum_assignment(-table)].sum() / len(truth) > 0.60
    assert 14 <= len(found.centres) <= 28
