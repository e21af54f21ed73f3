"""What a customer's message says about the answer before it: one of five classes, or nothing.

Only reads text; whether the message came after an answer is for facts to know. Strongest class
first: asks_human, negative, follow_up, affirm, gratitude. Everything with words that is none of
the others is follow_up. A text in a language without a lexicon gets no class. The patterns are
data (``lexicons``); they contain the reply lexicon of the resolution rules, with exceptions for
the turns of phrase in which its words mean something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from candor.scorers.language import LANGUAGES, UNCLEAR, guess_languages
from candor.scorers.lexicon import ReplyLexicon, reply_lexicons
from candor.scorers.tokens import Array, holds_byte

CLASSES = ("asks_human", "negative", "follow_up", "affirm", "gratitude")
ASKS_HUMAN, NEGATIVE, FOLLOW_UP, AFFIRM, GRATITUDE = range(5)
ABSTAINED = -1


def normalised(texts: pa.Array) -> pa.Array:
    """Lower case, straight apostrophes, no accents, single blanks, none at the ends.

    Accents go because RE2 knows no word boundary beside a letter outside ASCII; lexicons are
    folded alike when they are read.
    """
    texts = pc.utf8_lower(texts)
    foreign = pc.greater(pc.binary_length(texts), pc.utf8_length(texts))
    if holds_byte(texts, "`"):
        foreign = pc.or_(foreign, pc.match_substring(texts, "`"))
    foreign = pc.fill_null(foreign, False)
    if pc.any(foreign).as_py():
        texts = pc.replace_with_mask(texts, foreign, _folded(texts.filter(foreign)))
    return pc.utf8_trim_whitespace(_replaced(texts, r"\s\s+|[\t\n\r]", " "))


def classify(
    texts: pa.Array, languages: Array | None = None, paths: tuple[Path, ...] = ()
) -> Array:
    """The reply class of each text.

    Args:
        texts: string array as written; nulls and empty texts get no class.
        languages: int8 indices into ``LANGUAGES`` (-1 unclear); guessed when None.
        paths: the user's own lexicons. A lexicon for a language the guess does not tell apart is
            tried on unclear texts and on those of other languages.

    Returns:
        int8 index into ``CLASSES`` per text, -1 where the classifier abstains.
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if languages is None:
        languages = guess_languages(texts)
    return classify_normalised(normalised(texts), languages, reply_lexicons(paths))


def classify_normalised(
    texts: pa.Array, languages: Array, lexicons: Mapping[str, ReplyLexicon]
) -> Array:
    """``classify`` for texts from ``normalised``."""
    filled = pc.fill_null(pc.not_equal(texts, ""), False).to_numpy(zero_copy_only=False)
    found = np.full(len(texts), ABSTAINED, np.int8)
    other = LANGUAGES.index("other")
    found[filled & (languages != other)] = FOLLOW_UP
    unmatched = np.full(len(texts), len(CLASSES), np.int8)
    for language, lexicon in lexicons.items():
        known = LANGUAGES.index(language) if language in LANGUAGES else other
        rows = np.flatnonzero(filled & ((languages == known) | (languages == UNCLEAR)))
        if len(rows):
            classes = _by_lexicon(texts.take(pa.array(rows)), lexicon)
            unmatched[rows] = np.minimum(unmatched[rows], classes)
    return np.where(unmatched < len(CLASSES), unmatched, found).astype(np.int8)


def _by_lexicon(texts: pa.Array, lexicon: ReplyLexicon) -> Array:
    """int8 per text: its class, 5 where nothing of the lexicon matches."""
    none = len(CLASSES)
    found = np.full(len(texts), none, np.int8)
    asks, refuses = _matches(texts, lexicon.asks_human), _matches(texts, lexicon.negative)
    affirms = _matches(texts, lexicon.affirm)
    met = np.flatnonzero(asks | refuses | affirms)
    if lexicon.shield and len(met):
        some = texts.take(pa.array(met))
        shielded = _matches(some, lexicon.shield)
        met = met[shielded]
        rest = pc.replace_substring_regex(some.filter(pa.array(shielded)), lexicon.shield, " ")
        asks[met] = _matches(rest, lexicon.asks_human)
        refuses[met] = _matches(rest, lexicon.negative)
        affirms[met] = _matches(rest, lexicon.affirm)
    asking = pc.match_substring(texts, "?").to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(~(asks | refuses | affirms | asking))
    found[rows[_is_courtesy(texts.take(pa.array(rows)), lexicon)]] = GRATITUDE
    found[affirms] = AFFIRM
    turned = np.flatnonzero(affirms)
    if len(turned):
        more = asking[turned] | _matches(texts.take(pa.array(turned)), lexicon.turn)
        found[turned[more]] = FOLLOW_UP
    found[refuses] = NEGATIVE
    found[asks] = ASKS_HUMAN
    return found


def _is_courtesy(texts: pa.Array, lexicon: ReplyLexicon) -> Array:
    """Bool per text: nothing but closing phrases, or short and opening with thanks."""
    found = _matches(texts, lexicon.courtesy)
    rows = np.flatnonzero(found)
    found[rows] = _matches(texts.take(pa.array(rows)), lexicon.needs)
    return found | _matches(texts, lexicon.opener)


def _matches(texts: pa.Array, pattern: str) -> Array:
    if not pattern:
        return np.zeros(len(texts), dtype=bool)
    return pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)


def _folded(texts: pa.Array) -> pa.Array:
    texts = pc.replace_substring_regex(texts, "[\u2018\u2019\u02bc\u00b4`]", "'")
    # Dashes and double quotes, the commonest characters beyond ASCII, are left as they are.
    accented = pc.match_substring_regex(texts, "[^\\x00-\\x7F\u2013\u2014\u201c\u201d]")
    if not pc.any(accented).as_py():
        return texts
    plain = pc.utf8_normalize(texts.filter(accented), "NFKD")
    plain = pc.replace_substring(pc.replace_substring_regex(plain, r"\p{Mn}", ""), "ß", "ss")
    return pc.replace_with_mask(texts, accented, plain)


def _replaced(texts: pa.Array, pattern: str, replacement: str) -> pa.Array:
    """Replace a pattern, touching only the texts that hold it."""
    holds = pc.fill_null(pc.match_substring_regex(texts, pattern), False)
    if not pc.any(holds).as_py():
        return texts
    changed = pc.replace_substring_regex(texts.filter(holds), pattern, replacement)
    return pc.replace_with_mask(texts, holds, changed)
