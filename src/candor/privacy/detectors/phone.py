"""Telephone numbers of the configured regions, and international ones of any.

``phonenumbers`` decides validity and is asked only about runs of 7 to 15 digits that are neither
dates nor prices. Bare digits are a telephone number only when announced as one, or when they have
a full national length and nothing announces them as a reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

import phonenumbers

from candor.privacy.detectors import cues
from candor.privacy.detectors.span import Detector, Span

_GAP = r"[ \t\u00a0\u2009\u202f().\-–—‑/]"
_CANDIDATE = re.compile(rf"(?<![\w.,/\-:#@=])[+＋(]{{0,2}}\d(?:{_GAP}{{0,3}}\d){{6,17}}(?![\w@])")
_NANP = re.compile(r"(?:\+?1[ .\-]?)?(?:\(\d{3}\)[ .\-]?|\d{3}[.\-]|\d{3} )\d{3}[ .\-]\d{4}")
_DATE = re.compile(
    r"(?:19|20)\d{2}[-/. ]\d{1,2}[-/. ]\d{1,2}(?:\D.*)?|\d{1,2}[-/. ]\d{1,2}[-/. ](?:19|20)\d{2}(?:\D.*)?"
    r"|(?:19|20)\d{2}\s?[-–—/]\s?(?:19|20)\d{2}"
)
_AMOUNT = re.compile(r"\d{1,3}(?:[ .]\d{3})+(?:\.\d{2})?|\d+\.\d+|\d{1,3}(?:\.\d{1,4}){2,}")
_EXTENSION = re.compile(r"\s?(?:ext\.?|extension|x|durchwahl|dw)\s?\d{1,6}\b", re.IGNORECASE)
# Countries where a number dialled inside the country begins with this digit.
_TRUNK = {"GB": "0", "DE": "0", "FR": "0", "NL": "0", "BE": "0", "CH": "0", "AT": "0", "AU": "0",
          "IE": "0", "SE": "0", "JP": "0", "ZA": "0", "NZ": "0", "TR": "0"}  # fmt: skip
_COUNTING = "012345678901234567890"
_BARE_LENGTHS = frozenset({10, 11})


@lru_cache(maxsize=200_000)
def _is_valid(number: str, region: str | None) -> bool:
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.is_valid_number(parsed))


@lru_cache(maxsize=200_000)
def _is_possible_abroad(number: str) -> bool:
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.is_possible_number(parsed))


def detector(regions: Sequence[str]) -> Detector:
    """Finds telephone numbers.

    Args:
        regions: ISO 3166 codes in upper case whose national notation is understood.
    """

    def in_some_region(digits: str, *, announced: bool) -> bool:
        for region in regions:
            trunk = _TRUNK.get(region)
            if trunk and not digits.startswith(trunk) and not announced:
                continue
            if _is_valid(digits, region):
                return True
        return False

    def is_phone(text: str, start: int, raw: str, digits: str) -> bool:
        if raw[0] in "+＋" or raw.startswith(("(+", "(＋")):
            return _is_possible_abroad("+" + digits)
        announced = cues.is_phone(text, start)
        if announced and digits.startswith("00"):
            return _is_possible_abroad("+" + digits[2:])
        if cues.is_reference(text, start):
            return False
        if len(digits) in (10, 11) and "US" in regions and _NANP.fullmatch(raw):
            return True
        if raw.isdigit():
            if digits in _COUNTING:
                return False
            if announced:
                return in_some_region(digits, announced=True) or len(digits) >= 9
            if digits.startswith("00") and len(digits) >= 11:
                return _is_valid("+" + digits[2:], None)
            return len(digits) in _BARE_LENGTHS and in_some_region(digits, announced=False)
        if not announced and (_DATE.fullmatch(raw) or _AMOUNT.fullmatch(raw)):
            return False
        if digits.startswith("00") and _is_valid("+" + digits[2:], None):
            return True
        return in_some_region(digits, announced=announced)

    def find(text: str) -> Iterator[Span]:
        for match in _CANDIDATE.finditer(text):
            raw = match[0].rstrip("(")
            digits = "".join(character for character in raw if character.isdigit())
            start = match.start()
            if len(digits) <= 15 and is_phone(text, start, raw, digits):
                end = start + len(raw)
                if raw.count("(") > raw.count(")") and raw.startswith("("):
                    start += 1
                extension = _EXTENSION.match(text, end)
                yield Span(start, extension.end() if extension else end, "phone", digits)
            elif len(digits) > 11 and "US" in regions:
                for part in _NANP.finditer(raw):
                    found = "".join(character for character in part[0] if character.isdigit())
                    yield Span(start + part.start(), start + part.end(), "phone", found)

    return Detector(
        "phone",
        r"\d(?:[ \t\x{a0}\x{2009}\x{202f}().\-–—‑/]{0,3}\d){6}",
        find,
    )
