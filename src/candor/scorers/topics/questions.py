"""The customer's first real question of a contact, and vectors of such questions.

Greetings and thanks are no questions. Vectors are TF-IDF over words and over pieces of words,
condensed (LSA) to a few dimensions of length one; a text without a known word has no vector and is a row of zeros.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

DIMENSIONS = 20
"""Chosen on the development set of DSTC11; on banking77 train texts 15 to 40 hardly differ."""
LOOKED_AT = 3
"""Messages of the customer among which the first real question is sought."""
_MIN_WORDS = 3
_WORD = re.compile(r"[^\W\d_]{2,}")
_PLACEHOLDER = re.compile(r"\[[A-Z_]+_[0-9a-f]{4}\]")
_COURTESY = frozenset({
    "hi", "hello", "hey", "hiya", "good", "morning", "afternoon", "evening", "day", "greetings",
    "there", "dear", "team", "sir", "madam", "please", "thanks", "thank", "you", "ok", "okay",
    "yes", "no", "so", "much", "very", "help", "hallo", "guten", "tag", "morgen", "abend",
    "danke", "bitte", "hola", "buenos", "buenas", "dias", "días", "tardes", "gracias", "por",
    "favor", "bonjour", "bonsoir", "salut", "merci", "ciao", "buongiorno", "grazie",
})  # fmt: skip


def first_question(messages: Sequence[str | None]) -> int | None:
    """Place of the first message that asks something, or None.

    Args:
        messages: the customer's, in order; only the first three are looked at.
    """
    spare = None
    for place, text in enumerate(messages[:LOOKED_AT]):
        said = [w for w in words(text or "") if w not in _COURTESY]
        if len(said) >= _MIN_WORDS:
            return place
        if said and spare is None:
            spare = place
    return spare


def words(text: str) -> list[str]:
    """Words of two letters or more in lower case; placeholders of redacted data are none."""
    return _WORD.findall(_PLACEHOLDER.sub(" ", text).lower())


@dataclass(frozen=True, slots=True)
class Space:
    """Questions as vectors.

    Attributes:
        vectors: one row a question, of length one, or zeros where nothing is known of it.
        weights: TF-IDF, one row a question (sparse), for the terms of a group.
        terms: name of each column of ``weights``.
    """

    vectors: Floats
    weights: Any
    terms: tuple[str, ...]


def space(texts: Sequence[str], embeddings: Floats | None = None) -> Space:
    """Vectors of questions.

    Args:
        texts: the questions.
        embeddings: the user's own vectors, a row a question; a row of zeros is unknown.

    Returns:
        the space; its vectors have no columns when the texts share no words.
    """
    weigher = TfidfVectorizer(
        analyzer=content_words, sublinear_tf=True, min_df=2 if len(texts) > 20 else 1, max_df=0.5
    )
    try:
        weights = weigher.fit_transform(texts)
        terms = tuple(str(one) for one in weigher.get_feature_names_out())
    except ValueError:  # no word is left that tells texts apart
        weights, terms = csr_matrix((len(texts), 0)), ()
    if embeddings is not None:
        return Space(_unit(np.asarray(embeddings, np.float64)), weights, terms)
    if min(DIMENSIONS, min(weights.shape) - 1) < 2 or not weights.nnz:
        return Space(_unit(weights.toarray()), weights, terms)
    pieces = hstack([weights, _pieces(texts)]).tocsr()
    size = min(DIMENSIONS, min(pieces.shape) - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a share of no variance is not asked for
        made = TruncatedSVD(size, random_state=0).fit_transform(pieces)
    return Space(_unit(made), weights, terms)


def _pieces(texts: Sequence[str]) -> Any:
    """TF-IDF of three to five letters in a row within the words that carry a subject.

    They let "refund", "refunded" and a misspelt "refnd" lie near each other without any list of forms.
    """
    weigher = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True,
        min_df=2 if len(texts) > 20 else 1, max_df=0.5,
    )  # fmt: skip
    try:
        return weigher.fit_transform([" ".join(content_words(text)) for text in texts])
    except ValueError:  # no piece is left that tells texts apart
        return csr_matrix((len(texts), 0))


def content_words(text: str) -> list[str]:
    """The words that carry a subject."""
    return [w for w in words(text) if w not in ENGLISH_STOP_WORDS and w not in _COURTESY]


def _unit(rows: Floats) -> Floats:
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.where(size > 1e-9, rows / np.maximum(size, 1e-9), 0.0)
