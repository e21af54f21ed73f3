"""Payment cards (Luhn, in any grouping, over a line break, spelled out) and IBANs (mod 97).

Only numbers that pass their checksum, or are announced as a card, are found. A bare card-like number announced as an order
number stays; one written in groups of four does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stdnum import iban, luhn

from candor.privacy.detectors import cues
from candor.privacy.detectors.span import Detector, Span, compact

GAP = r"[\s\-–—.,_/\u00ad\u200b-\u200d\u2060]"
_CARD = re.compile(rf"(?<![\w.])\d(?:{GAP}{{0,3}}\d){{11,22}}(?!\w)")
_PREFIX = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}"
    r"|35\d{14}|6\d{15,18}|5[06-9]\d{14,17}|(?:81|82)\d{14}|9792\d{12}"
)
_IBAN = re.compile(r"\b[A-Z]{2}\s?\d{2}(?:[ \-\u00a0]?[A-Z0-9]){11,36}", re.IGNORECASE)
# National lengths (ISO 13616 registry); a shorter text is no IBAN, a longer one runs into words.
_LENGTH = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28,
    "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
    "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30,
    "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22,
    "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23,
    "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
_GROUPED = re.compile(r"^\d{4}\D\d{4}\D|^\d{4}\D\d{6}\D")

_WORDS = {
    "zero": "0", "oh": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
    "six": "6", "seven": "7", "eight": "8", "nine": "9",
    "null": "0", "eins": "1", "zwei": "2", "zwo": "2", "drei": "3", "vier": "4", "fünf": "5",
    "sechs": "6", "sieben": "7", "acht": "8", "neun": "9",
    "cero": "0", "uno": "1", "dos": "2", "tres": "3", "cuatro": "4", "cinco": "5", "seis": "6",
    "siete": "7", "ocho": "8", "nueve": "9",
}  # fmt: skip
_WORD = "|".join(sorted(_WORDS, key=len, reverse=True))
_SPELLED = re.compile(
    rf"\b(?:(?:(?:double|triple)[\s\-]+)?(?:{_WORD})|\d{{1,6}})"
    rf"(?:[\s,.\-]{{1,3}}(?:(?:(?:double|triple)[\s\-]+)?(?:{_WORD})|\d{{1,6}})){{3,24}}\b",
    re.IGNORECASE,
)
_SPELLED_PART = re.compile(rf"(?:(double|triple)[\s\-]+)?({_WORD}|\d+)", re.IGNORECASE)
_REPEAT = {"double": 2, "triple": 3}


def is_card(digits: str) -> bool:
    """Whether the digits have a card scheme's length and prefix and pass Luhn."""
    return (
        _PREFIX.fullmatch(digits) is not None
        and len(set(digits)) > 1
        and bool(luhn.is_valid(digits))
    )


def _cards(text: str) -> Iterator[Span]:
    for match in _CARD.finditer(text):
        digits = sum(character.isdigit() for character in match[0])
        if digits <= 19 and cues.is_card(text, match.start()):
            # Announced as a card: mistyped or not, it is one.
            yield Span(*match.span(), "card", compact(match[0]))
        else:
            yield from _cards_within(text, match)


def _cards_within(text: str, match: re.Match[str]) -> Iterator[Span]:
    """Cards in one run of digits; a run may go on into an expiry date or begin with a count."""
    places = [match.start() + at for at, character in enumerate(match[0]) if character.isdigit()]
    digits = "".join(text[place] for place in places)
    first = 0
    while first + 13 <= len(digits):
        # A number may begin or end only where a group does.
        starts_group = first == 0 or places[first] - places[first - 1] > 1
        for size in (16, 15, 14, 19, 18, 17, 13) if starts_group else ():
            last = first + size
            if last > len(digits) or (last < len(digits) and places[last] - places[last - 1] == 1):
                continue
            number = digits[first:last]
            start, end = places[first], places[last - 1] + 1
            if not is_card(number):
                continue
            if cues.is_reference(text, start) and not _GROUPED.match(text[start:end]):
                continue
            yield Span(start, end, "card", number)
            first = last - 1
            break
        first += 1


def _spelled(text: str) -> Iterator[Span]:
    for match in _SPELLED.finditer(text):
        digits = ""
        words = 0
        for part in _SPELLED_PART.finditer(match[0]):
            found = part[2].casefold()
            words += found in _WORDS
            digits += _WORDS.get(found, found) * _REPEAT.get((part[1] or "").casefold(), 1)
        if words == 0:
            continue
        if is_card(digits):
            yield Span(*match.span(), "card", digits)
        elif words >= 5 and 9 <= len(digits) <= 13 and not cues.is_reference(text, match.start()):
            yield Span(*match.span(), "phone", digits)


def _ibans(text: str) -> Iterator[Span]:
    for match in _IBAN.finditer(text):
        size = _LENGTH.get(match[0][:2].upper(), 0)
        end = match.start()
        kept = 0
        for character in match[0]:
            end += 1
            kept += character.isalnum()
            if kept == size:
                break
        else:
            continue
        if end < len(text) and text[end].isalnum():
            continue
        number = compact(text[match.start() : end])
        if iban.is_valid(number, check_country=False):
            yield Span(match.start(), end, "iban", number)


DETECTORS = (
    Detector("card", r"\d(?:[\s\-–—.,_/\x{ad}\x{200b}-\x{200d}\x{2060}]{0,3}\d){11}", _cards),
    Detector(
        "spelled",
        rf"(?i)\b(?:{_WORD})[\s,.\-]{{1,3}}(?:(?:double|triple)[\s\-]+)?(?:{_WORD})\b",
        _spelled,
    ),
    Detector("iban", r"(?i)\b[A-Z]{2}\s?\d{2}(?:[ \-\x{a0}]?[A-Z0-9]){11}", _ibans),
)
