"""VADER's compound sentiment (Hutto and Gilbert, 2014), computed over whole columns.

Only the published rules and the lexicon of the installed ``vaderSentiment`` package (MIT): the
score equals ``SentimentIntensityAnalyzer().polarity_scores(text)["compound"]`` to its four
decimals. Rows with one of the eight special idioms are handed to that library, except by the
compiled printing of the same rules (``compiled``), which knows them too. English only: the
caller leaves other languages out.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
from vaderSentiment import vaderSentiment as vader  # noqa: N813 (a module, not a class)

from candor.scorers.tokens import (
    Array,
    Flattener,
    Tokens,
    WordTable,
    byte_tables,
    cut,
)

_IDIOMS = (
    ("the", "shit"), ("the", "bomb"), ("bad", "ass"), ("bus", "stop"), ("yeah", "right"),
    ("kiss", "of", "death"), ("to", "die", "for"), ("beating", "heart"),
)  # fmt: skip
_SOFTENERS = (("just", "enough"), ("kind", "of"), ("sort", "of"))
_GRAMMAR = (
    "no", "or", "nor", "so", "this", "never", "without", "doubt", "least", "at", "very", "but",
    "kind", "of",
)  # fmt: skip


class _Lexicon:
    """The library's words as numbers: lexicon words first, then boosters, negations, the rest."""

    def __init__(self) -> None:
        self.library = vader.SentimentIntensityAnalyzer()
        scored = [
            word
            for word in self.library.lexicon
            if word.isascii() and word == word.lower() and " " not in word
        ]
        parts = {word for phrase in (*_IDIOMS, *_SOFTENERS) for word in phrase}
        plain = {word for word in vader.BOOSTER_DICT if " " not in word}
        others = sorted((plain | set(vader.NEGATE) | parts | set(_GRAMMAR)) - set(scored))
        words = (*scored, *others)
        self.table = WordTable(words)
        self.scored = len(scored)
        self.number = {word: number for number, word in enumerate(words, start=1)}
        self.valence = np.zeros(len(words) + 1)
        self.boost = np.zeros(len(words) + 1)
        self.negates = np.zeros(len(words) + 1, dtype=bool)
        for word, number in self.number.items():
            self.valence[number] = self.library.lexicon.get(word, 0.0)
            self.boost[number] = vader.BOOSTER_DICT.get(word, 0.0)
            self.negates[number] = word in vader.NEGATE or "n't" in word
        self.in_idiom = np.zeros(len(words) + 1, dtype=bool)
        self.in_idiom[[self.number[word] for phrase in _IDIOMS for word in phrase]] = True
        emojis = {mark: said for mark, said in self.library.emojis.items() if len(mark) == 1}
        self.flattener = Flattener(emojis)

    @cached_property
    def compiled(self) -> tuple[Any, ...]:
        """The lexicon as the compiled code takes it."""
        number = self.number
        idioms = [[*(number[word] for word in phrase), 0][:3] for phrase in _IDIOMS]
        return (
            self.valence, self.boost, self.negates, self.in_idiom, self.scored,
            tuple(number[word] for word in _GRAMMAR),
            np.array(idioms),
            np.array([float(vader.SPECIAL_CASES[" ".join(each)]) for each in _IDIOMS]),
            np.array([[number[first], number[second]] for first, second in _SOFTENERS]),
            np.array([vader.BOOSTER_DICT[f"{first} {second}"] for first, second in _SOFTENERS]),
            vader.N_SCALAR, vader.C_INCR,
        )  # fmt: skip


@lru_cache(maxsize=1)
def _lexicon() -> _Lexicon:
    return _Lexicon()


def flatten(texts: pa.Array) -> pa.Array:
    """The texts as ``compound`` reads them: emoji in words, one byte per character."""
    return _lexicon().flattener.flatten(texts)


def compound(texts: pa.Array, flat: pa.Array | None = None) -> Array:
    """Compound sentiment of each text.

    Args:
        texts: string array; null counts as empty.
        flat: ``flatten(texts)`` when the caller has it already.

    Returns:
        int64 per text, in ten-thousandths, from -10,000 to 10,000.
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    flat = flatten(texts) if flat is None else flat
    parts = []
    at = 0
    for tokens in cut(flat):
        parts.append(of_tokens(tokens, texts.slice(at, tokens.rows)))
        at += tokens.rows
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def of_tokens(tokens: Tokens, texts: pa.Array) -> Array:
    """Compound sentiment of rows already cut; ``texts`` are the same rows as written."""
    lexicon = _lexicon()
    found = lexicon.table.find(tokens)
    if tokens.kernels is not None:
        return _compiled(tokens.kernels, tokens, found)
    hits = np.flatnonzero((found > 0) & (found <= lexicon.scored))
    followed = np.append(found, np.int16(0))[hits + 1]
    hits = hits[
        (found[hits] != lexicon.number["kind"]) | (followed != lexicon.number["of"])
        | (hits + 1 == tokens.first[tokens.row_of(hits) + 1])
    ]  # fmt: skip
    if not len(hits):
        return np.zeros(tokens.rows, np.int64)
    window = _Window(tokens, found, hits, lexicon)
    values = _valences(window, lexicon)
    values = _after_but(tokens, found, window, values, lexicon)
    total = np.bincount(window.row, weights=values, minlength=tokens.rows)
    marks = [tokens.count_by_row(tokens.bytes_equal(mark)) for mark in "!?"]
    scores = _normalised(total, _emphasis(*marks))
    _by_library(scores, np.unique(window.row[_idiomatic(window, lexicon)]), texts, lexicon)
    return scores


def _by_library(scores: Array, rows: Array, texts: pa.Array, lexicon: _Lexicon) -> None:
    """Scores of rows with a special idiom, in place."""
    for row in rows.tolist():
        exact = lexicon.library.polarity_scores(texts[row].as_py())["compound"]
        scores[row] = round(exact * 10_000)


def _compiled(compiled: ModuleType, tokens: Tokens, found: Array) -> Array:
    """The same by the compiled printing of the rules."""
    raw = np.frombuffer(tokens.raw, np.uint8)
    total = compiled.valences(
        raw, tokens.first, tokens.start, tokens.end, found, *byte_tables(), _lexicon().compiled
    )
    marks = [compiled.marks(raw, tokens.offsets, ord(mark)) for mark in "!?"]
    return _normalised(total, _emphasis(*marks))


class _Window:
    """The lexicon words of some rows with the three words before and the two after each.

    Attributes:
        row: row of each hit. position: its place in the row. here, back1…back3, next1, next2:
            numbers of the words around it, 0 where there is none or it is unknown.
    """

    def __init__(self, tokens: Tokens, found: Array, hits: Array, lexicon: _Lexicon) -> None:
        self.hits = hits
        self.row = tokens.row_of(hits)
        self.position = hits - tokens.first[self.row]
        self.after = tokens.first[self.row + 1] - 1 - hits
        self.here = found[hits]
        padded = np.concatenate([np.zeros(4, np.int16), found, np.zeros(3, np.int16)])
        self.back = [
            np.where(self.position >= back, padded[hits + 4 - back], 0) for back in range(5)
        ]
        self.next1 = np.where(self.after >= 1, padded[hits + 5], 0)
        self.next2 = np.where(self.after >= 2, padded[hits + 6], 0)
        self._negated = _contracted_not(tokens)
        self._lexicon = lexicon
        upper = tokens.is_upper()
        loud = tokens.sum_by_row(upper)
        mixed = (loud > 0) & (loud < np.diff(tokens.first))
        self._loud = np.concatenate([np.zeros(4, bool), upper])
        self._mixed = mixed[self.row]

    def is_loud(self, back: int) -> Array:
        """Bool: the word ``back`` before the hit is in capitals while others are not."""
        return self._mixed & (self.position >= back) & self._loud[self.hits + 4 - back]

    def is_negated(self, back: int) -> Array:
        """Bool: the word ``back`` before the hit is a negation."""
        contracted = (self.position >= back) & self._negated[np.maximum(self.hits - back, 0)]
        return contracted | self._lexicon.negates[self.back[back]]


def _contracted_not(tokens: Tokens) -> Array:
    """Bool per token: contains ``n't``."""
    found = np.zeros(len(tokens.start), dtype=bool)
    lower = np.frombuffer(tokens.lower, np.uint8)
    marks = tokens.bytes_equal("'")
    marks = marks[marks > 0]
    marks = marks[(lower[marks - 1] == ord("n")) & (lower[marks + 1] == ord("t"))]
    token = np.searchsorted(tokens.start, marks - 1, side="right") - 1
    inside = (token >= 0) & (marks + 2 <= tokens.end[token])
    found[token[inside]] = True
    return found


def _valences(window: _Window, lexicon: _Lexicon) -> Array:
    """Each hit's valence after boosters, negation, capitals and "least"."""
    number = lexicon.number
    back = window.back
    no = number["no"]
    plain = lexicon.valence[window.here]
    value = plain.copy()
    value[(window.here == no) & (window.next1 > 0) & (window.next1 <= lexicon.scored)] = 0.0
    either = (back[1] == number["or"]) | (back[1] == number["nor"])
    refused = (back[1] == no) | (back[2] == no) | ((back[3] == no) & either)
    value = np.where(refused, plain * vader.N_SCALAR, value)
    value = np.where(window.is_loud(0), value + _by_sign(value, vader.C_INCR), value)

    so_this = [(each == number["so"]) | (each == number["this"]) for each in back]
    doubt = [each == number["doubt"] for each in back]
    intense = [
        None,
        np.zeros(len(value), bool),
        (back[2] == number["never"]) & so_this[1],
        ((back[3] == number["never"]) & so_this[2]) | so_this[1],
    ]
    beyond = [
        None,
        np.zeros(len(value), bool),
        (back[2] == number["without"]) & doubt[1],
        (back[3] == number["without"]) & (doubt[2] | doubt[1]),
    ]
    for distance, damping in ((1, 1.0), (2, 0.95), (3, 0.9)):
        near = window.position >= distance
        applies = near & ((back[distance] == 0) | (back[distance] > lexicon.scored))
        boost = lexicon.boost[back[distance]]
        scalar = np.where(value < 0, boost * -1, boost)
        loud = window.is_loud(distance) & (boost != 0)
        scalar = np.where(loud, scalar + _by_sign(value, vader.C_INCR), scalar)
        value = np.where(applies, value + scalar * damping, value)
        turned = applies & ~intense[distance] & ~beyond[distance] & window.is_negated(distance)
        value = np.where(applies & intense[distance], value * 1.25, value)
        value = np.where(turned, value * vader.N_SCALAR, value)
        if distance == 3:
            value = _softened(value, applies, window, lexicon)
    least = (back[1] == number["least"]) & ~(
        (window.position > 1) & ((back[2] == number["at"]) | (back[2] == number["very"]))
    )
    return np.where(least, value * vader.N_SCALAR, value)


def _by_sign(value: Array, amount: float) -> Array:
    return np.where(value > 0, amount, -amount)


def _softened(value: Array, applies: Array, window: _Window, lexicon: _Lexicon) -> Array:
    """Add the dampening of "kind of", "sort of" and "just enough" three and two words before."""
    for left, right in ((3, 2), (2, 1)):
        for first, second in _SOFTENERS:
            pair = (window.back[left] == lexicon.number[first]) & (
                window.back[right] == lexicon.number[second]
            )
            amount = vader.BOOSTER_DICT[f"{first} {second}"]
            value = np.where(applies & pair, value + amount, value)
    return value


def _after_but(
    tokens: Tokens, found: Array, window: _Window, values: Array, lexicon: _Lexicon
) -> Array:
    """Halve what stands before the first "but" of a row and stress what stands after it."""
    places = np.flatnonzero(found == lexicon.number["but"])
    if not len(places):
        return values
    rows, first = np.unique(tokens.row_of(places), return_index=True)
    turn = np.full(tokens.rows, -1)
    turn[rows] = places[first] - tokens.first[rows]
    at = turn[window.row]
    factor = np.where(at < 0, 1.0, np.where(window.position < at, 0.5, 1.5))
    weighed = values * factor
    for run in _sharing(values, weighed, window.row, np.flatnonzero(at >= 0)):
        _weigh_in_turn(values, weighed, run, factor)
    return weighed


def _sharing(values: Array, weighed: Array, row: Array, touched: Array) -> list[Array]:
    """Hits of the rows in which a value equals a later one, before or after it was weighed."""
    shared: set[int] = set()
    shift = 1
    left, right = touched[:-1], touched[1:]
    while len(left):
        beside = row[left] == row[right]
        left, right = left[beside], right[beside]
        equal = (values[left] == values[right]) | (weighed[left] == values[right])
        shared.update(row[left[equal]].tolist())
        shift += 1
        left = left[left + shift < len(row)]
        right = left + shift
    begins = [
        (int(np.searchsorted(row, one)), int(np.searchsorted(row, one + 1)))
        for one in sorted(shared)
    ]
    return [np.arange(begin, end) for begin, end in begins]


def _weigh_in_turn(values: Array, weighed: Array, run: Array, factor: Array) -> None:
    """The library looks each value up in the list it is changing: equal values share a fate."""
    told = values[run].tolist()
    factors = factor[run].tolist()
    for index in range(len(told)):
        place = told.index(told[index])
        told[place] *= factors[place]
    weighed[run] = told


def _idiomatic(window: _Window, lexicon: _Lexicon) -> Array:
    """Indices of hits that are part of a special idiom."""
    near = np.flatnonzero(lexicon.in_idiom[window.here])
    if not len(near):
        return near
    around = [
        window.back[2][near], window.back[1][near], window.here[near], window.next1[near],
        window.next2[near],
    ]  # fmt: skip
    found = np.zeros(len(near), dtype=bool)
    for phrase in _IDIOMS:
        numbers = [lexicon.number[word] for word in phrase]
        for begin in range(3 - len(phrase), 3):
            match = np.ones(len(near), dtype=bool)
            for shift, number in enumerate(numbers):
                match &= around[begin + shift] == number
            found |= match
    return near[found]


def _emphasis(exclaimed: Array, asked: Array) -> Array:
    """What exclamation and question marks add to each row."""
    exclaimed = np.minimum(exclaimed, 4)
    questions = np.where(asked > 3, 0.96, np.where(asked > 1, asked * 0.18, 0.0))
    return exclaimed * 0.292 + questions


def _normalised(total: Array, emphasis: Array) -> Array:
    """Ten-thousandths of ``total / sqrt(total² + 15)``, rounded as Python rounds."""
    score = total + np.where(total > 0, emphasis, np.where(total < 0, -emphasis, 0.0))
    unit = np.clip(score / np.sqrt(score * score + 15), -1.0, 1.0)
    scaled = unit * 10_000
    rounded = np.rint(scaled).astype(np.int64)
    close = np.flatnonzero(np.abs(np.abs(scaled - np.floor(scaled)) - 0.5) < 1e-6)
    for at in close.tolist():
        rounded[at] = round(round(float(unit[at]), 4) * 10_000)
    return rounded
