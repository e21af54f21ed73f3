"""Is an answer borne out by the knowledge it was given? A baseline of words, numbers and names.

Every sentence of an answer with something to check is a claim. It is supported when each number and
each name in it stands in the knowledge, and at least half of its other words do, by their stems. An
answer is grounded when every claim is; without a claim or without knowledge there is no verdict. It
knows no paraphrase and no negation: "is covered" and "is not covered" look alike to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from candor.scorers.reply import normalised

VERSION = "1"
LEAST_SHARE = 0.5
"""Least share of a claim's words that must stand in the knowledge."""
_STEM, _SHORTEST = 5, 4
_PUNCTUATION = ".,;:!?()[]{}<>\"'*#–—…/\\“”‘’"
_COMMON = (
    "that", "this", "with", "have", "your", "from", "what", "when", "will", "would", "could",
    "pleas", "about", "there", "which", "thank", "does", "just", "like", "been", "they", "them",
    "then", "than", "were", "here", "also", "some", "more", "very", "into", "over", "only", "well",
    "yeah", "know", "think", "really", "reall", "because", "becau", "should", "shoul", "these",
    "those", "where", "their", "other", "such", "each", "most",
)  # fmt: skip
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Grounded:
    """Verdicts on answers.

    Attributes:
        grounded: bool, null without a claim or without knowledge.
        share: supported share of all claims' words, numbers and names, NaN where null.
        sentence: the first claim that is not supported, null without one.
    """

    grounded: pa.Array
    share: NDArray[np.float64]
    sentence: pa.Array


def check(answers: pa.Array, knowledge: pa.Array) -> Grounded:
    """Hold answers against their knowledge.

    Args:
        answers: texts.
        knowledge: what each was given, as one text; null or blank is none.
    """
    rows = len(answers)
    sentences = pc.split_pattern_regex(pc.fill_null(answers, ""), r"[.!?]+\s+|\n+")
    row_of = pc.list_parent_indices(sentences).to_numpy(zero_copy_only=False).astype(np.int64)
    flat = pc.list_flatten(sentences)
    claim, words, kind = _items(flat)
    source, known_words, _ = _items(pc.fill_null(knowledge.cast(pa.string()), ""))
    coded = pa.chunked_array([words, known_words]).dictionary_encode().combine_chunks()
    numbers = coded.indices.to_numpy().astype(np.int64)
    size = max(len(coded.dictionary), 1)
    asked = row_of[claim] * size + numbers[: len(words)]
    given = source * size + numbers[len(words) :]
    stands = np.isin(asked, given)
    count = np.bincount(claim, minlength=len(flat))
    right = np.bincount(claim, weights=stands, minlength=len(flat))
    hard_misses = np.bincount(claim, weights=(kind > 0) & ~stands, minlength=len(flat))
    is_claim = count > 0
    supported = (hard_misses == 0) & (right >= LEAST_SHARE * count)
    has_knowledge = np.bincount(source, minlength=rows) > 0
    claims = np.bincount(row_of, weights=is_claim, minlength=rows)
    failed = np.bincount(row_of, weights=is_claim & ~supported, minlength=rows)
    words_in = np.bincount(row_of, weights=count, minlength=rows)
    words_right = np.bincount(row_of, weights=right, minlength=rows)
    known = has_knowledge & (claims > 0)
    share = np.divide(words_right, words_in, out=np.full(rows, np.nan), where=known)
    first = np.full(rows, -1, np.int64)
    missed = np.flatnonzero(is_claim & ~supported)[::-1]
    first[row_of[missed]] = missed
    shown = pa.array(first, mask=(first < 0) | ~known)
    return Grounded(pa.array(failed == 0, mask=~known), share, flat.take(shown))


def _items(texts: pa.Array) -> tuple[Ints, pa.Array, Ints]:
    """Text number, item and kind (0 word, 1 number, 2 name) of everything worth checking."""
    words = pc.split_pattern_regex(texts, r"\s+")
    parent = pc.list_parent_indices(words).to_numpy(zero_copy_only=False).astype(np.int64)
    flat = pc.utf8_trim(pc.list_flatten(words), _PUNCTUATION)
    is_number = _flags(pc.match_substring_regex(flat, r"\d"))
    begins = np.diff(parent, prepend=-1) != 0
    is_name = _flags(pc.match_substring_regex(flat, r"^\p{Lu}\p{L}+")) & ~begins & ~is_number
    plain = normalised(flat)
    stems = pc.utf8_slice_codeunits(plain, 0, _STEM)
    is_long = _flags(pc.greater_equal(pc.utf8_length(plain), _SHORTEST))
    is_word = is_long & ~_flags(pc.is_in(stems, pa.array(_COMMON)))
    # The first word of a sentence may be a name; it counts as a word.
    kept = is_number | is_word | is_name
    kind = np.where(is_number, 1, np.where(is_name, 2, 0))[kept]
    # A number is the same number with or without separators, currency or unit beside it.
    bare = pc.replace_substring_regex(plain, r"[^0-9.]|\.$", "")
    items = pc.if_else(pa.array(is_number), bare, stems)
    return parent[kept], items.filter(pa.array(kept)), kind.astype(np.int64)


def _flags(found: pa.Array) -> Flags:
    return np.asarray(pc.fill_null(found, False).to_numpy(zero_copy_only=False), dtype=bool)
