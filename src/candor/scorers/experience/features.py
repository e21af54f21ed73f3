"""Features of conversations, computed over whole columns of their messages.

Knows what each feature means and which message shows it; weights are the model's. Customers are read
for what they felt and asked, repliers (AI and human alike) for how they answered; what a replier says
of its own success is never read. Unknown is NaN, a feature without a message shows -1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from candor.scorers.experience.model import Floats
from candor.scorers.language import LANGUAGES, UNCLEAR, guess_languages
from candor.scorers.reply import normalised

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
UPSET = -0.3
"""Sentiment at or below which a customer counts as upset."""
_CAP = 3.0
_SHOUT = r"\b[A-Z]{3,}\W+[A-Z]{3,}\W+[A-Z]{3,}\b"
_STEM = 5
_PUNCTUATION = ".,;:!?()[]{}<>\"'*#-–—…/\\“”‘’"
_COMMON = (
    "that", "this", "with", "have", "your", "from", "what", "when", "will", "would", "could",
    "pleas", "about", "there", "which", "thank", "hello", "can't", "does", "just", "like", "need",
    "want", "help", "been", "they", "them", "then", "than", "were", "here", "also", "nicht", "eine",
    "einen", "meine", "bitte", "haben", "habe", "wird", "wurde", "kann", "danke", "hallo", "para",
    "como", "pero", "esta", "este", "tengo", "quier", "graci", "favor", "hola", "puedo",
)  # fmt: skip
_ASIDE = ("greeting", "closing", "survey", "handoff_notice", "note")


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of every conversation.

    Attributes:
        values: NaN where not known.
        message: row of the message that shows it, -1 where none does.
        marker: kind of marker whose sentence is the evidence, or "" for the message's first one.
    """

    values: Floats
    message: Ints
    marker: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """Everything the model needs of some conversations.

    Attributes:
        features: by name.
        abstains: reason by part, an array of reason codes with "" where the part can be scored.
    """

    features: Mapping[str, Feature]
    abstains: Mapping[str, NDArray[np.str_]]


def read(conversations: pa.Table, messages: pa.Table, markers: Mapping[str, str]) -> Read:
    """Read the features of conversations.

    Args:
        conversations: columns of the fact of that name, one row each.
        messages: public messages with text: ``row`` (of the conversation), ``actor``, ``kind``,
            ``text``, ``sentiment`` (-1 to 1, null when not scored), ``is_rephrase``; sorted by row,
            then by time.
        markers: RE2 patterns by kind.
    """
    said = _Said(messages, markers, conversations.num_rows)
    facts = _Facts(conversations)
    features = {**_outcome(facts, said), **_feelings(facts, said), **_replies(facts, said)}
    return Read(features, _abstentions(facts, said))


class _Facts:
    """Columns of the conversation fact as floats: true 1, false 0, null NaN."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def flag(self, name: str) -> Floats:
        return _floats(self._table[name].cast(pa.int8()))

    def number(self, name: str) -> Floats:
        return _floats(self._table[name])

    def equals(self, name: str, value: str) -> Floats:
        return _floats(pc.fill_null(pc.equal(self._table[name], value), False).cast(pa.int8()))


class _Said:
    """Messages as arrays, with what their distinct texts hold."""

    def __init__(self, table: pa.Table, markers: Mapping[str, str], rows: int) -> None:
        self.rows = rows
        self.row = np.asarray(table["row"].combine_chunks().to_numpy(), dtype=np.int64)
        self.index = np.arange(len(self.row), dtype=np.int64)
        coded = table["text"].combine_chunks().dictionary_encode()
        self.texts, self.which = coded.dictionary, coded.indices.to_numpy().astype(np.int64)
        self.plain = normalised(self.texts)
        actor = table["actor"].combine_chunks()
        self.by_customer = _flags(pc.equal(actor, "customer"))
        self.by_replier = _flags(pc.is_in(actor, pa.array(["ai_agent", "human_agent"])))
        kind = table["kind"].combine_chunks()
        self.is_fallback = self.by_replier & _flags(pc.equal(kind, "fallback"))
        self.is_aside = _flags(pc.is_in(kind, pa.array(_ASIDE)))
        self.sentiment = _floats(table["sentiment"])
        self.is_rephrase = _flags(table["is_rephrase"].combine_chunks())
        used = np.zeros(len(self.texts), dtype=bool)
        used[self.which[self.by_replier]] = True
        self._replies = np.flatnonzero(used)
        self.language = np.full(len(self.texts), UNCLEAR, np.int8)
        self.language[self._replies] = guess_languages(self.texts.take(pa.array(self._replies)))
        self.has = {kind: self._marked(self.plain, pattern) for kind, pattern in markers.items()}
        self.shouts = self._marked(self.texts, _SHOUT)
        self.exclaims = self._marked(self.texts, r"!\s*!|!.*!.*!")

    def _marked(self, texts: pa.Array, pattern: str) -> Flags:
        """Replies whose text matches; only texts of repliers are looked at."""
        found = np.zeros(len(texts), dtype=bool)
        some = texts.take(pa.array(self._replies))
        found[self._replies] = _flags(pc.match_substring_regex(some, pattern))
        return np.asarray(self.by_replier & found[self.which], dtype=bool)

    def count(self, which: Flags) -> Floats:
        return np.bincount(self.row[which], minlength=self.rows).astype(np.float64)

    def total(self, numbers: Ints, which: Flags) -> Floats:
        found = np.bincount(self.row[which], weights=numbers[which], minlength=self.rows)
        return np.asarray(found, dtype=np.float64)

    def last(self, which: Flags) -> Ints:
        found = np.full(self.rows, -1, np.int64)
        rows = self.index[which]
        found[self.row[rows]] = rows
        return found

    def share(self, which: Flags, of: Flags) -> Floats:
        return _divided(self.count(which & of), self.count(of))

    def spaced(self, *marks: str) -> Ints:
        """How often any of the marks stands before a blank, by message."""
        counts = np.zeros(len(self.texts), np.int64)
        for mark in marks:
            found = pc.count_substring(self.plain, f"{mark} ")
            counts += found.to_numpy(zero_copy_only=False)
        return np.asarray(counts[self.which])

    def next_reply(self) -> Ints:
        """Row of the first reply after each message in the same conversation, -1 without."""
        end = len(self.index)
        if not end:
            return self.index
        places = np.where(self.by_replier, self.index, end)
        after = np.append(np.minimum.accumulate(places[::-1])[::-1][1:], end)
        same = (after < end) & (self.row[np.minimum(after, end - 1)] == self.row)
        return np.where(same, after, -1)


def _outcome(facts: _Facts, said: _Said) -> dict[str, Feature]:
    nothing = np.full(said.rows, -1, np.int64)
    last_customer = said.last(said.by_customer)
    thanked = facts.equals("reply_class", "gratitude")
    affirmed = facts.equals("reply_class", "affirm")
    waits = facts.flag("customer_spoke_last") * (1 - thanked) * (1 - affirmed)
    came_back = facts.flag("returned_72h")
    return {
        "confirmed": Feature(facts.flag("confirmed"), nothing),
        "contradicted": Feature(facts.flag("contradicted"), nothing),
        "feedback_positive": Feature(facts.equals("explicit_feedback", "pos"), nothing),
        "feedback_negative": Feature(facts.equals("explicit_feedback", "neg"), nothing),
        "thanked": Feature(thanked, last_customer),
        "affirmed": Feature(affirmed, last_customer),
        "ended_negative": Feature(facts.flag("ended_negative"), last_customer),
        "human_never_came": Feature(1 - facts.flag("human_came"), last_customer),
        "abandoned": Feature(facts.flag("abandoned"), last_customer),
        "rage_quit": Feature(facts.flag("rage_quit"), last_customer),
        "forced_end": Feature(facts.flag("forced_termination"), nothing),
        "no_answer": Feature(1 - facts.flag("answered"), last_customer),
        "left_unanswered": Feature(waits, last_customer),
        "returned": Feature(came_back, nothing),
        "did_not_return": Feature(1 - came_back, nothing),
        "fallbacks": Feature(
            np.minimum(facts.number("ai_fallbacks"), _CAP), said.last(said.is_fallback)
        ),
        "rephrases": Feature(
            np.minimum(facts.number("rephrases"), _CAP), said.last(said.is_rephrase)
        ),
    }


def _feelings(facts: _Facts, said: _Said) -> dict[str, Feature]:
    felt = said.by_customer & ~np.isnan(said.sentiment)
    last = said.last(felt)
    order = said.index[felt][np.lexsort((said.sentiment[felt], said.row[felt]))][::-1]
    lowest = np.full(said.rows, -1, np.int64)
    lowest[said.row[order]] = order
    begin, end = facts.number("sentiment_first_ppm"), facts.number("sentiment_last_ppm")
    reply = said.next_reply()
    upset = felt & (said.sentiment <= UPSET) & (reply >= 0)
    heard = upset.copy()
    heard[upset] = said.has["acknowledging"][reply[upset]]
    answers = np.full(said.rows, -1, np.int64)
    answers[said.row[heard]] = reply[heard]
    share = said.share(heard, upset)
    return {
        "sentiment_end": Feature(end / 1e6, last),
        "sentiment_mean": Feature(facts.number("sentiment_mean_ppm") / 1e6, lowest),
        "sentiment_change": Feature((end - begin) / 1e6, last),
        "acknowledged_share": Feature(share, answers, "acknowledging"),
        "apologised_when_upset": Feature((share > 0).astype(float), answers, "acknowledging"),
        "ignored_upset": Feature((share == 0).astype(float), said.last(upset)),
    }


def _replies(facts: _Facts, said: _Said) -> dict[str, Feature]:
    reply = said.by_replier
    spoken = reply & ~said.is_aside
    on_topic = spoken & _takes_up(said)
    again = _repeated(said)
    words, sentences = said.spaced("") + 1, said.spaced(".", "!", "?") + 1
    all_words, all_sentences = said.total(words, reply), said.total(sentences, reply)
    longest = np.zeros(said.rows)
    np.maximum.at(longest, said.row[reply], words[reply].astype(float))
    long_one = said.last(reply & (words >= longest[said.row]))
    minutes = facts.number("first_response_us") / 60e6
    ai_messages = facts.number("ai_messages")
    nothing = np.full(said.rows, -1, np.int64)
    return {
        "on_topic_share": Feature(_divided(said.count(on_topic), said.count(spoken)),
                                  said.last(on_topic)),
        "fallback_share": Feature(_divided(facts.number("ai_fallbacks"), ai_messages),
                                  said.last(said.is_fallback)),
        "clarification_share": Feature(_divided(facts.number("ai_clarifications"), ai_messages),
                                       nothing),
        "repeated_replies": Feature(np.minimum(said.count(again), _CAP), said.last(again)),
        "polite_share": Feature(said.share(said.has["polite"], reply),
                                said.last(said.has["polite"]), "polite"),
        "rude_replies": Feature(np.minimum(said.count(said.has["rude"]), _CAP),
                                said.last(said.has["rude"]), "rude"),
        "shouted_replies": Feature(np.minimum(said.count(said.shouts), _CAP),
                                   said.last(said.shouts)),
        "exclaimed_share": Feature(said.share(said.exclaims, reply), said.last(said.exclaims)),
        "leaked_markup": Feature(np.minimum(said.count(said.has["leaked"]), _CAP),
                                 said.last(said.has["leaked"]), "leaked"),
        "extra_turns": Feature(np.log2(np.maximum(facts.number("customer_messages") - 1, 1)),
                               nothing),
        "transfers": Feature(np.minimum(facts.number("transfers"), _CAP), nothing),
        "slow_start": Feature(np.log10(np.maximum(minutes, 1)), nothing),
        "words_per_sentence": Feature(
            np.maximum(_divided(all_words, all_sentences) - 15, 0) / 10, long_one),
        "longest_reply": Feature(np.maximum(longest - 100, 0) / 100, long_one),
    }  # fmt: skip


def _repeated(said: _Said) -> Flags:
    """Replies with the very text of an earlier reply of the conversation."""
    rows = said.index[said.by_replier]
    key = said.row[rows] * max(len(said.texts), 1) + said.which[rows]
    _, first = np.unique(key, return_index=True)
    again = np.zeros(len(said.index), dtype=bool)
    again[rows] = True
    again[rows[first]] = False
    return again


def _takes_up(said: _Said) -> Flags:
    """Messages with the stem of a word that the customer wrote earlier in the conversation."""
    words = pc.split_pattern(said.plain, " ")
    of_text = pc.list_parent_indices(words).to_numpy(zero_copy_only=False)
    flat = pc.utf8_trim(pc.list_flatten(words), _PUNCTUATION)
    stems = pc.utf8_slice_codeunits(flat, 0, _STEM)
    useful = _flags(pc.greater_equal(pc.utf8_length(flat), 4)) & ~_flags(
        pc.is_in(stems, pa.array(_COMMON))
    )
    stems = stems.filter(pa.array(useful)).dictionary_encode()
    size = max(len(stems.dictionary), 1)
    stem, of_text = stems.indices.to_numpy().astype(np.int64), of_text[useful]
    begin = np.searchsorted(of_text, np.arange(len(said.texts) + 1))
    count = np.diff(begin)[said.which]
    message = np.repeat(said.index, count)
    offset = np.arange(len(message)) - np.repeat(np.cumsum(count) - count, count)
    stem = stem[np.repeat(begin[said.which], count) + offset]
    key = said.row[message] * size + stem
    asked = said.by_customer[message]
    known, first = np.unique(key[asked], return_index=True)
    since = message[asked][first]
    found = np.zeros(len(said.index), dtype=bool)
    if len(known):
        place = np.minimum(np.searchsorted(known, key), len(known) - 1)
        hit = (known[place] == key) & (since[place] < message)
        found[message[hit]] = True
    return found


def _abstentions(facts: _Facts, said: _Said) -> dict[str, NDArray[np.str_]]:
    engaged = facts.flag("engaged") == 1
    replies = said.count(said.by_replier)
    answered = facts.number("ai_messages") + facts.number("human_messages") > 0
    other = LANGUAGES.index("other")
    read_replies = said.count(said.by_replier & (said.language[said.which] != other))
    felt = facts.number("sentiment_messages") > 0
    wrote = said.count(said.by_customer) > 0
    upset = ~np.isnan(said.share(said.by_customer, _upset_and_answered(said)))
    silent = [(~answered, "no_reply"), (replies == 0, "no_text")]
    foreign = [*silent, (read_replies == 0, "language_not_supported")]
    unfelt = [(~wrote, "no_text"), (~felt, "language_not_supported")]
    rules: dict[str, list[tuple[Flags, str]]] = {
        "resolution_quality": [(facts.flag("is_open") == 1, "still_open")],
        "customer_sentiment": unfelt,
        "relevance": [*silent, (~wrote, "no_text")],
        "tone": foreign,
        "professionalism": foreign,
        "efficiency": [(~answered, "no_reply")],
        "clarity": silent,
        "empathy": [*foreign, *unfelt, (~upset, "nothing_to_acknowledge")],
    }
    reasons = {}
    for part, found in rules.items():
        reason = np.full(said.rows, "", dtype="<U24")
        for applies, code in reversed(found):
            reason[applies] = code
        reason[~engaged] = "no_customer_message"
        reasons[part] = reason
    return reasons


def _upset_and_answered(said: _Said) -> Flags:
    return said.by_customer & (said.sentiment <= UPSET) & (said.next_reply() >= 0)


def _floats(column: pa.ChunkedArray) -> Floats:
    cast = column.combine_chunks().cast(pa.float64())
    return np.asarray(pc.fill_null(cast, np.nan).to_numpy(zero_copy_only=False), dtype=np.float64)


def _flags(found: pa.Array) -> Flags:
    return np.asarray(pc.fill_null(found, False).to_numpy(zero_copy_only=False), dtype=bool)


def _divided(part: Floats, whole: Floats) -> Floats:
    nothing = np.full(len(whole), np.nan)
    return np.asarray(np.divide(part, whole, out=nothing, where=whole > 0), dtype=np.float64)
