"""Known intents learnt from examples, and questions that are none of them.

A linear classifier over words and parts of words. A question whose best intent scores under the
threshold is novel. The threshold keeps a stated share of questions of known intents, told on examples
the classifier did not see; how many novel ones it finds is told on whole intents left out of learning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.svm import LinearSVC

from candor.scorers.topics.questions import Floats, words

VERSION = "1"
KEEP = 0.90
"""Share of questions of known intents that the threshold keeps."""
MIN_EXAMPLES, MIN_INTENTS, MIN_OF_INTENT = 50, 3, 3
"""Fewest examples, intents, and examples of an intent: below, nothing is learnt of it."""
_FOLDS = 5
_CHECK_ROWS = 4_000
Texts = np.ndarray[tuple[int], np.dtype[np.object_]]


@dataclass(frozen=True, slots=True)
class Example:
    """A text and its intent."""

    text: str
    intent: str


@dataclass(frozen=True, slots=True)
class Guess:
    """Of one question: the likeliest intent, its score, and whether it is none of the known."""

    intent: str
    score: float
    is_novel: bool | None


@dataclass(frozen=True)
class Known:
    """A learnt catalogue of intents.

    Attributes:
        intents: learnt, in order. examples: distinct texts they were learnt from.
        threshold: a score below it is novel.
        kept: share of unseen questions of known intents at or above the threshold.
        accuracy: share of them that are kept and given the right intent.
        plain_accuracy: share given the right intent where nothing is called novel.
        found: share of questions of intents left out of learning that fall below the threshold;
            None with fewer than six intents.
        checked: examples behind these shares.
        wrong: (intent, taken for, count) of unseen examples, the most frequent first.
        suspects: unseen examples that clearly look like another intent: (text, intent, looks like).
    """

    intents: tuple[str, ...]
    examples: int
    threshold: float
    kept: float
    accuracy: float
    plain_accuracy: float
    found: float | None
    checked: int
    wrong: tuple[tuple[str, str, int], ...]
    suspects: tuple[tuple[str, str, str], ...]
    model: Pipeline

    def judge(self, texts: Sequence[str]) -> list[Guess]:
        """Guesses for questions; one without a single word is neither known nor novel."""
        if not texts:
            return []
        names, _, scores = _scored(self.model, np.asarray(texts, dtype=object))
        return [
            Guess(name, score, bool(score < self.threshold) if words(text) else None)
            for text, name, score in zip(texts, names, scores.tolist(), strict=True)
        ]


def learn(examples: Sequence[Example], *, keep: float = KEEP) -> Known | None:
    """Learn intents; None when the examples are too few to tell how well.

    Args:
        examples: texts with their intents; a text said twice counts once.
        keep: share of questions of known intents that may not be called novel.
    """
    distinct = {(" ".join(words(e.text)), e.intent): e for e in examples if words(e.text)}
    sizes: dict[str, int] = {}
    for one in distinct.values():
        sizes[one.intent] = sizes.get(one.intent, 0) + 1
    used = [e for _, e in sorted(distinct.items()) if sizes[e.intent] >= MIN_OF_INTENT]
    intents = sorted({e.intent for e in used})
    if len(used) < MIN_EXAMPLES or len(intents) < MIN_INTENTS:
        return None
    texts: Texts = np.asarray([e.text for e in used], dtype=object)
    labels: Texts = np.asarray([e.intent for e in used], dtype=object)
    check = _checked_rows(labels)
    seen, said = texts[check], labels[check]
    guesses = np.empty(len(seen), dtype=object)
    best, own = np.zeros(len(seen)), np.zeros(len(seen))
    folds = StratifiedKFold(
        _FOLDS if min(_counts(said)) >= _FOLDS else 3, shuffle=True, random_state=0
    )
    for train, test in folds.split(seen, said):
        model = _fit(seen[train], said[train])
        names, every, score = _scored(model, seen[test])
        guesses[test], best[test] = names, score
        column = {name: at for at, name in enumerate(model.classes_)}
        own[test] = [row[column[label]] for row, label in zip(every, said[test], strict=True)]
    threshold = float(np.quantile(best, 1 - keep, method="lower"))
    kept, right = best >= threshold, guesses == said
    doubt = np.flatnonzero(~right & (best > 0.0) & (own < -0.5))
    order = doubt[np.argsort(own[doubt] - best[doubt], kind="stable")][:20]
    return Known(
        tuple(intents), len(used), threshold, float(kept.mean()), float((kept & right).mean()),
        float(right.mean()), _found(seen, said, intents, threshold), len(seen),
        _confused(said[~right], guesses[~right]),
        tuple((str(seen[at]), str(said[at]), str(guesses[at])) for at in order),
        _fit(texts, labels),
    )  # fmt: skip


def _found(seen: Texts, said: Texts, intents: Sequence[str], threshold: float) -> float | None:
    """Share of examples below the threshold when their whole intent was left out of learning."""
    if len(intents) < 2 * MIN_INTENTS:
        return None
    parts = min(_FOLDS, len(intents) // 2)
    below = 0
    for part in range(parts):
        out = np.isin(said, list(intents[part::parts]))
        score = _scored(_fit(seen[~out], said[~out]), seen[out])[2]
        below += int((score < threshold).sum())
    return below / len(seen)


def _fit(texts: Texts, labels: Texts) -> Pipeline:
    by_word = TfidfVectorizer(
        ngram_range=(1, 2),
        sublinear_tf=True,
        token_pattern=r"(?u)\b\w+\b",  # noqa: S106 - words of one letter count too
    )
    by_part = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    return Pipeline(
        [
            ("weights", FeatureUnion([("words", by_word), ("parts", by_part)])),
            ("sides", LinearSVC(class_weight="balanced", random_state=0)),
        ]
    ).fit(texts, labels)


def _scored(model: Pipeline, texts: Texts) -> tuple[list[str], Floats, Floats]:
    """Best intent, score by every intent, and best score."""
    every = np.asarray(model.decision_function(texts), np.float64)
    if every.ndim == 1:
        every = np.column_stack((-every, every))
    at = every.argmax(axis=1)
    return [str(model.classes_[one]) for one in at], every, every.max(axis=1)


def _counts(labels: Texts) -> list[int]:
    return [int(n) for n in np.unique(labels.astype(str), return_counts=True)[1]]


def _checked_rows(labels: Texts) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Rows to check on: all, or as large a share of every intent as the limit allows."""
    if len(labels) <= _CHECK_ROWS:
        return np.arange(len(labels))
    share = len(labels) / _CHECK_ROWS
    rows: list[int] = []
    for one in sorted(set(labels)):
        mine = np.flatnonzero(labels == one)
        size = max(MIN_OF_INTENT, round(len(mine) / share))
        rows += mine[np.linspace(0, len(mine) - 1, min(size, len(mine))).astype(np.int64)].tolist()
    return np.asarray(sorted(rows), np.int64)


def _confused(said: Texts, guesses: Texts) -> tuple[tuple[str, str, int], ...]:
    pairs: dict[tuple[str, str], int] = {}
    for pair in zip(said.tolist(), guesses.tolist(), strict=True):
        pairs[pair] = pairs.get(pair, 0) + 1
    order = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:10]
    return tuple((a, b, n) for (a, b), n in order)
