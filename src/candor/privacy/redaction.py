"""Masks personal data in columns of text before anything is stored.

Only this module replaces text. A placeholder says what stood there and, by four hex digits of an
HMAC over thread, kind and value, whether it was the same value as elsewhere in the conversation,
whatever the order of arrival. Masking twice changes nothing. Masked text is still personal data:
nothing here makes it anonymous.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from candor.errors import CandorError, Problem, nearest
from candor.privacy import detectors
from candor.privacy.detectors import national, people
from candor.privacy.detectors.span import PLACEHOLDER, PLACEHOLDER_RE2, RANK, SECRETS, Span
from candor.privacy.pseudonyms import SEPARATOR

DETECTOR_VERSION = "1"
DEFAULT_LOCALES = ("us", "gb", "de", "fr", "es", "it", "nl", "in", "br")
_ALIASES = {"uk": "gb"}
_PHONE_ONLY = ("at", "be", "ie", "au", "nz", "jp", "mx", "sg", "za", "tr", "dk", "no", "fi")
_FILLER = "\ue000"
_ROUNDS = 4
# Up to so many texts and characters, reading each with every detector is cheaper than compiling the
# patterns that choose among texts, which takes milliseconds for every column anew.
_FEW_TEXTS = 32
_FEW_CHARACTERS = 4_000
_NAMES_PER_PATTERN = 400
# Digits of other scripts count as digits: one character each, so offsets stay.
_DIGITS = {
    code: str(unicodedata.decimal(chr(code)))
    for code in range(0x80, 0x1FBFA)
    if unicodedata.category(chr(code)) == "Nd"
}
_BEYOND_ASCII = r"[^\x00-\x7F]"


class Redactor:
    """Finds and masks personal data.

    Args:
        key: the workspace key; placeholders of one value differ between workspaces.
        locales: ISO 3166 country codes whose telephone and national numbers are looked for.
        deny_names: names that are masked wherever they stand.
        version: overrides the version string stored with what was masked.

    Attributes:
        version: changes whenever the same text could be masked differently: detectors, countries
            and deny list.

    Raises:
        CandorError: ``privacy.unknown_locale`` with every unknown country.
    """

    def __init__(
        self,
        key: bytes,
        locales: Sequence[str] = DEFAULT_LOCALES,
        deny_names: Sequence[str] = (),
        version: str | None = None,
    ) -> None:
        self._key = key
        self.locales = _checked(locales)
        self._detectors = detectors.build(self.locales)
        names = sorted({name for name in deny_names if name.strip()})
        self._deny = tuple(
            pattern
            for start in range(0, len(names), _NAMES_PER_PATTERN)
            if (pattern := people.names_pattern(names[start : start + _NAMES_PER_PATTERN]))
        )
        self._gate = "|".join(f"(?:{detector.trigger})" for detector in self._detectors)
        self._patterns: dict[tuple[str, ...], re.Pattern[str] | None] = {}
        self.version = version if version is not None else self._describe(names)

    def __repr__(self) -> str:
        return f"Redactor(version={self.version!r})"

    def _describe(self, names: Sequence[str]) -> str:
        listed = hmac.digest(self._key, "\n".join(names).encode(), "sha256").hex()[:8]
        return f"{DETECTOR_VERSION}:{'+'.join(self.locales)}" + (f":{listed}" if names else "")

    def one(self, text: str, thread_id: str = "", names: Sequence[str] = ()) -> str:
        """One text masked, e.g. a file name."""
        known = {thread_id: names} if names else None
        masked, _ = self.column(pa.array([text]), pa.array([thread_id]), known)
        return str(masked[0].as_py())

    def column(
        self,
        texts: pa.Array,
        thread_ids: pa.Array,
        names_by_thread: Mapping[str, Sequence[str]] | None = None,
    ) -> tuple[pa.Array, Counter[str]]:
        """A column masked.

        Args:
            texts: string array; nulls stay null.
            thread_ids: string array of the same length; a null thread is a thread of its own.
            names_by_thread: names in the customer record of a thread.

        Returns:
            The masked column and how many stretches were masked, by kind.
        """
        texts = _flat(texts)
        thread_ids = _flat(thread_ids)
        found: Counter[str] = Counter()
        names = self._patterns_of(thread_ids, names_by_thread)
        rows = self._candidates(texts, names)
        current = texts.take(pa.array(rows))
        changed: dict[int, str] = {}
        for _ in range(_ROUNDS):
            if not len(rows):
                break
            threads = thread_ids.take(pa.array(rows)).to_pylist()
            kept: list[int] = []
            redone: list[str] = []
            for row, text, thread, spans in zip(
                rows.tolist(), current.to_pylist(), threads, self._spans(current, rows, names),
                strict=True,
            ):  # fmt: skip
                if spans:
                    masked = self._replace(text, thread or "", spans, found)
                    changed[row] = masked
                    kept.append(row)
                    redone.append(masked)
            rows = np.array(kept, dtype=np.int64)
            current = pa.array(redone, pa.string())
        if not changed:
            return texts, found
        mask = np.zeros(len(texts), dtype=bool)
        order = sorted(changed)
        mask[order] = True
        new = pa.array([changed[row] for row in order], pa.string())
        return pc.replace_with_mask(texts, pa.array(mask), new), found

    def _candidates(self, texts: pa.Array, names: Mapping[int, re.Pattern[str]]) -> Any:
        """Positions of the texts that any detector may concern."""
        is_valid = texts.is_valid().to_numpy(zero_copy_only=False)
        if self._deny or _are_few(texts):
            return np.flatnonzero(is_valid)
        # Equal texts, as the words of free fields mostly are, are looked at once.
        encoded = texts.dictionary_encode()
        distinct = encoded.dictionary
        wanted = _matches(distinct, self._gate)
        positions = np.flatnonzero(_matches(distinct, _BEYOND_ASCII) & ~wanted)
        for row in positions.tolist():
            if any(ord(character) in _DIGITS for character in distinct[row].as_py()):
                wanted[row] = True
        rows = np.zeros(len(texts), dtype=bool)
        rows[is_valid] = wanted[encoded.indices.drop_null().to_numpy()]
        rows[list(names)] = True
        return np.flatnonzero(rows & is_valid)

    def _patterns_of(
        self, thread_ids: pa.Array, names_by_thread: Mapping[str, Sequence[str]] | None
    ) -> dict[int, re.Pattern[str]]:
        if not names_by_thread:
            return {}
        found = {}
        for row, thread in enumerate(thread_ids.to_pylist()):
            names = names_by_thread.get(thread) if thread is not None else None
            if names and (pattern := self._pattern(tuple(names))):
                found[row] = pattern
        return found

    def _pattern(self, names: tuple[str, ...]) -> re.Pattern[str] | None:
        if names not in self._patterns:
            if len(self._patterns) > 50_000:
                self._patterns.clear()
            self._patterns[names] = people.names_pattern(names)
        return self._patterns[names]

    def _spans(
        self, texts: pa.Array, rows: Any, names: Mapping[int, re.Pattern[str]]
    ) -> Iterable[list[Span]]:
        """For each text the stretches to mask, in order, not overlapping."""
        plain = _plain(texts)
        if _are_few(texts):
            hits = [[span for one in self._detectors for span in one.find(text)] for text in plain]
        else:
            hits = self._triggered(plain)
        for at, row in enumerate(rows.tolist()):
            for pattern in (*self._deny, *((names[row],) if row in names else ())):
                hits[at].extend(people.find_names(pattern, plain[at]))
        return (
            _merged([span for span in spans if _FILLER not in text[span.start : span.end]], text)
            if spans
            else spans
            for spans, text in zip(hits, plain, strict=True)
        )

    def _triggered(self, plain: list[str]) -> list[list[Span]]:
        """What the detectors find, each asked only about the texts that its trigger matches."""
        gated = pc.replace_substring_regex(pa.array(plain, pa.string()), PLACEHOLDER_RE2, _FILLER)
        hits: list[list[Span]] = [[] for _ in plain]
        live = np.flatnonzero(_matches(gated, self._gate))
        gated = gated.take(pa.array(live))
        for detector in self._detectors if len(live) else ():
            for at in live[_matches(gated, detector.trigger)].tolist():
                hits[at].extend(detector.find(plain[at]))
        return hits

    def _replace(self, text: str, thread: str, spans: list[Span], found: Counter[str]) -> str:
        parts = []
        at = 0
        for span in spans:
            parts.append(text[at : span.start])
            parts.append(placeholder(self._key, thread, span.kind, span.value))
            at = span.end
            found[span.kind] += 1
        parts.append(text[at:])
        return "".join(parts)


def placeholder(key: bytes, thread: str, kind: str, value: str) -> str:
    """What stands in a thread's texts in the place of a value, e.g. ``[EMAIL_4f1a]``."""
    message = SEPARATOR.join((thread, kind, value))
    digest = hmac.digest(key, message.encode("utf-8", "surrogatepass"), "sha256")
    return f"[{kind.upper()}_{digest[:2].hex()}]"


def _checked(locales: Sequence[str]) -> tuple[str, ...]:
    known = sorted({code.lower() for code in national.COUNTRIES} | set(_PHONE_ONLY))
    folded = [_ALIASES.get(locale.lower(), locale.lower()) for locale in locales]
    problems = [
        Problem(f"unknown country '{code}'", "[privacy] locales", "", nearest(code, known))
        for code in folded
        if code not in known
    ]
    if problems:
        raise CandorError("privacy.unknown_locale", problems)
    return tuple(sorted(set(folded)))


def _are_few(texts: pa.Array) -> bool:
    if len(texts) > _FEW_TEXTS:
        return False
    return (pc.sum(pc.binary_length(texts)).as_py() or 0) <= _FEW_CHARACTERS


def _matches(texts: pa.Array, pattern: str) -> Any:
    found = pc.match_substring_regex(texts, pattern)
    return found.fill_null(False).to_numpy(zero_copy_only=False)


def _flat(values: pa.Array) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    return values if values.type == pa.string() else values.cast(pa.string())


def _plain(texts: pa.Array) -> list[str]:
    """Texts of equal length in which placeholders are filler and every digit is an ASCII one."""
    plain = []
    for text in texts.to_pylist():
        reading = text if text.isascii() else text.translate(_DIGITS)
        if "[" in reading:
            reading = PLACEHOLDER.sub(lambda match: _FILLER * len(match[0]), reading)
        plain.append(reading)
    return plain


def _weight(span: Span) -> tuple[bool, int, int]:
    return span.kind not in SECRETS, span.start - span.end, RANK[span.kind]


def _merged(spans: Sequence[Span], text: str) -> list[Span]:
    """Overlapping stretches made one, named by a secret, else the longest, else the surest."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda each: (each.start, -each.end, RANK[each.kind])):
        if merged and span.start < merged[-1].end:
            last = merged[-1]
            best = min(last, span, key=_weight)
            end = max(last.end, span.end)
            whole = best.start == last.start and best.end == end
            value = best.value if whole else text[last.start : end].casefold()
            merged[-1] = Span(last.start, end, best.kind, value)
        else:
            merged.append(span)
    return merged
