"""All signals of a column of messages in one pass over its distinct texts.

Only reads texts and actors. Reply class for customers; kind, fallback and apology for AI agents
(apology for human agents too); sentiment for whoever wrote something English-like. What does not
apply or cannot be told is null.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from candor.scorers import fallbacks, language, reply, sentiment
from candor.scorers.lexicon import reply_lexicons
from candor.scorers.tokens import Array, cut

ASSESSOR_ID = "candor_signals"
ASSESSOR_VERSION = "1"
_PPM_PER_TEN_THOUSANDTH = 100


def score(texts: pa.Array, actors: pa.Array, lexicons: Sequence[Path] = ()) -> pa.Table:
    """Signals of messages.

    Args:
        texts: string array, redacted; nulls and blank texts get no signal.
        actors: string array of the same length: customer, ai_agent, human_agent, system or null.
        lexicons: YAML files of the user's own reply lexicons.

    Returns:
        Table of the same length: ``reply_class`` (string, customers), ``sentiment_ppm`` (int64,
        compound × 10⁶), ``language`` (en, de, es, other; null when unclear), ``message_kind``
        (string, AI agents), ``is_fallback_text`` (bool, AI agents), ``is_apology`` (bool, AI and
        human agents).

    Raises:
        CandorError: ``lexicon.invalid``.
    """
    dictionary = _flat(texts).dictionary_encode()
    distinct, which = dictionary.dictionary, dictionary.indices
    row_actors = _flat(actors)
    by_customer = _used(distinct, which, row_actors, ("customer",))
    by_ai = _used(distinct, which, row_actors, ("ai_agent",))
    by_agent = _used(distinct, which, row_actors, ("ai_agent", "human_agent"))

    languages, compound = _tokens_read(distinct)
    plain = reply.normalised(distinct)
    blank = pc.equal(plain, "").to_numpy(zero_copy_only=False)
    classes = np.full(len(distinct), reply.ABSTAINED, np.int8)
    rows = np.flatnonzero(by_customer)
    classes[rows] = reply.classify_normalised(
        plain.take(pa.array(rows)), languages[rows], reply_lexicons(tuple(lexicons))
    )
    kinds = np.full(len(distinct), fallbacks.NO_KIND, np.int8)
    sorry = np.zeros(len(distinct), dtype=bool)
    rows = np.flatnonzero(by_agent)
    kinds[rows], sorry[rows] = fallbacks.kinds(plain.take(pa.array(rows)), languages[rows])

    read = (languages == language.LANGUAGES.index("en")) | (languages == language.UNCLEAR)
    known = kinds != fallbacks.NO_KIND
    columns = {
        "reply_class": _labels(classes, reply.CLASSES, by_customer),
        "sentiment_ppm": pa.array(compound * _PPM_PER_TEN_THOUSANDTH, mask=~read | blank),
        "language": _labels(languages, language.LANGUAGES, ~blank),
        "message_kind": _labels(kinds, fallbacks.KINDS, by_ai),
        "is_fallback_text": pa.array(kinds == fallbacks.KINDS.index("fallback"), mask=~known),
        "is_apology": pa.array(sorry, mask=~known),
    }
    allowed = {
        "reply_class": ("customer",),
        "message_kind": ("ai_agent",),
        "is_fallback_text": ("ai_agent",),
        "is_apology": ("ai_agent", "human_agent"),
    }
    table = {}
    for name, values in columns.items():
        column = values.take(which)
        if name in allowed:
            column = pc.if_else(
                _by(row_actors, allowed[name]), column, pa.scalar(None, column.type)
            )
        table[name] = column
    return pa.table(table)


def _flat(values: pa.Array) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    return values if values.type == pa.string() else values.cast(pa.string())


def _by(actors: pa.Array, wanted: tuple[str, ...]) -> pa.Array:
    return pc.fill_null(pc.is_in(actors, pa.array(wanted)), False)


def _used(distinct: pa.Array, which: pa.Array, actors: pa.Array, wanted: tuple[str, ...]) -> Array:
    """Bool per distinct text: whether any of the actors wrote it."""
    used = np.zeros(len(distinct), dtype=bool)
    rows = which.filter(_by(actors, wanted)).drop_null().to_numpy(zero_copy_only=False)
    used[rows] = True
    return used


def _tokens_read(texts: pa.Array) -> tuple[Array, Array]:
    """Language (int8) and compound sentiment (int64, ten-thousandths) from one cutting."""
    guesses, compounds = [np.zeros(0, np.int8)], [np.zeros(0, np.int64)]
    begin = 0
    flat = sentiment.flatten(texts)
    for tokens in cut(flat):
        guesses.append(language.of_tokens(tokens))
        compounds.append(sentiment.of_tokens(tokens, texts.slice(begin, tokens.rows)))
        begin += tokens.rows
    return language.refine(texts, np.concatenate(guesses), flat), np.concatenate(compounds)


def _labels(numbers: Array, labels: Sequence[str], applies: Array) -> pa.Array:
    """Labels by number; null where the number is negative or the signal does not apply."""
    indices = pa.array(np.maximum(numbers, 0).astype(np.int32), mask=(numbers < 0) | ~applies)
    return pa.array(labels, pa.string()).take(indices)
