"""Customer messages that repeat the sense of an earlier one in the same conversation.

Only compares a customer's own messages. Two messages are the same in sense when their stemmed
content words overlap: at least ``JACCARD`` of all their words in common, or ``CONTAINED`` of the
shorter one's words (three or more) in the longer one. Each is compared with the ``REACH`` messages
before it that share a word. A message of fewer than two content words repeats nothing: "thanks"
said twice is no rephrasing. The thresholds are judgement, not fitted to any data set.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from candor.scorers.tokens import Array, Flattener, Tokens, WordTable, cut, keys_of

JACCARD = (3, 5)
CONTAINED = (4, 5)
CONTAINED_WORDS = 3
REACH = 20
_WORDS_KEPT = 64

_EMPTY = """
    a about actually again all already also am an and any anything are as ask asked asking at be
    because been before being but by can can't cannot could did didn't do does doesn't doing don't
    done else even for from get getting give go going gonna good got great had has have haven't he
    hello help her here hey hi him his how i i'd i'll i'm i've if im in into is isn't it it's its
    just keep keeps kind know let like look looking made make many maybe me mean might mine more much must my
    need needs never no nope not now of off ok okay on one only or other our out over please pls
    question quite really regarding said same say saying see she should so some someone something
    sorry still such sure tell than thank thanks that that's the their them then there these they
    thing this those though to told too tried try trying u understand up us very want wanted was
    wasn't way we well were what what's when where which while who why will with won't would yeah
    yes yet you your yours bot human agent person speak talk real
    aber alle als am an auch auf aus bei bin bitte da danke das dass dem den der des die dies diese
    ein eine einem einen einer er es ganz habe haben hallo hat ich ihr im in ist ja kann kein keine
    man mein meine mich mir mit nein nicht noch nun nur oder schon sehr sein sie sind so und uns von
    vor war warum was wenn wer wie wieder wir wird wo zu zum zur
    al algo como con cuando de del donde el ella en eres es esta este esto estoy fue gracias ha hay
    he hola la las le lo los me mi mis muy necesito no nos o para pero por porque puede puedo que
    quiero se si sin son su sus te tengo tu un una y ya yo
"""


@lru_cache(maxsize=1)
def _empty_words() -> WordTable:
    return WordTable(sorted(set(_EMPTY.split())))


@lru_cache(maxsize=1)
def _flattener() -> Flattener:
    return Flattener()


def rephrases(thread_keys: Array, order: Array, texts: pa.Array) -> Array:
    """Which of a set of customer messages repeat an earlier one.

    Args:
        thread_keys: int64, the conversation (or thread) of each message.
        order: int64, increasing with time inside a conversation; equal values keep the given order.
        texts: string array of the messages, all by customers; nulls repeat nothing.

    Returns:
        bool per message, in the given order.
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    thread_keys = np.asarray(thread_keys, np.int64)
    result = np.zeros(len(texts), dtype=bool)
    if not len(texts):
        return result
    rank = np.lexsort((np.arange(len(texts)), np.asarray(order), thread_keys))
    position = np.empty(len(texts), np.int64)
    position[rank] = np.arange(len(texts))
    message, word = _content_words(texts)
    message = position[message]
    by_message = np.lexsort((word, message))
    message, word = message[by_message], word[by_message]
    fresh = np.ones(len(message), dtype=bool)
    fresh[1:] = (message[1:] != message[:-1]) | (word[1:] != word[:-1])
    message, word = message[fresh], word[fresh]
    counts = np.bincount(message, minlength=len(texts))
    result[rank] = _repeats(thread_keys[rank], message, word, counts)
    return result


def _content_words(texts: pa.Array) -> tuple[Array, Array]:
    """Row and stem key of each content word, at most ``_WORDS_KEPT`` a row."""
    flat = _flattener().flatten(pc.fill_null(texts, ""))
    rows, keys = [], []
    begin = 0
    for tokens in cut(flat):
        row = tokens.row
        keep = (tokens.end - tokens.start > 1) & (_empty_words().find(tokens) == 0)
        keep &= np.arange(len(row)) - tokens.first[row] < 4 * _WORDS_KEPT
        which = np.flatnonzero(keep)
        first_kept = np.searchsorted(row[which], row[which])
        which = which[np.arange(len(which)) - first_kept < _WORDS_KEPT]
        rows.append(row[which] + begin)
        keys.append(keys_of(tokens.lower, tokens.start[which], _stem_ends(tokens, which)))
        begin += tokens.rows
    return np.concatenate(rows), np.concatenate(keys)


def _stem_ends(tokens: Tokens, which: Array) -> Array:
    """Ends of the words without the commonest English endings: 's, s, ing, ed, a final e."""
    lower = np.frombuffer(tokens.lower, np.uint8)
    start, end = tokens.start[which], tokens.end[which].copy()

    def last(back: int) -> Array:
        return lower[np.maximum(end - back, start)]

    possessive = (end - start > 3) & (last(1) == ord("s")) & (last(2) == ord("'"))
    end -= 2 * possessive
    hissing = (last(2) == ord("s")) | (last(2) == ord("u")) | (last(2) == ord("i"))
    end -= (end - start > 3) & (last(1) == ord("s")) & ~hissing
    progressive = (
        (end - start > 5) & (last(1) == ord("g")) & (last(2) == ord("n")) & (last(3) == ord("i"))
    )
    past = (end - start > 4) & (last(1) == ord("d")) & (last(2) == ord("e"))
    end -= 3 * progressive + 2 * past
    doubled = (progressive | past) & (last(1) == last(2)) & (end - start > 3)
    doubled &= (last(1) != ord("l")) & (last(1) != ord("s"))
    end -= doubled
    end -= (end - start > 4) & (last(1) == ord("e"))
    return end


def _repeats(threads: Array, message: Array, word: Array, counts: Array) -> Array:
    """Bool per message (in conversation order): whether an earlier one has the same sense."""
    repeats = np.zeros(len(threads), dtype=bool)
    grouped = np.lexsort((message, word, threads[message]))
    message, word = message[grouped], word[grouped]
    thread = threads[message]
    later, earlier = [], []
    for lag in range(1, REACH + 1):
        same = (word[lag:] == word[:-lag]) & (thread[lag:] == thread[:-lag])
        if not same.any():
            break
        later.append(message[lag:][same])
        earlier.append(message[:-lag][same])
    if not later:
        return repeats
    pair = np.concatenate(later) * np.int64(len(threads)) + np.concatenate(earlier)
    pair, shared = np.unique(pair, return_counts=True)
    one, two = np.divmod(pair, len(threads))
    smaller = np.minimum(counts[one], counts[two])
    union = counts[one] + counts[two] - shared
    alike = (smaller >= 2) & (shared * JACCARD[1] >= union * JACCARD[0])
    contained = (smaller >= CONTAINED_WORDS) & (shared * CONTAINED[1] >= smaller * CONTAINED[0])
    repeats[one[alike | contained]] = True
    return repeats
