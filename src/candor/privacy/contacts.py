"""The spellings under which an e-mail address or a telephone number may have been kept.

An alias is stored as its keyed hash, and a hash is found only by the spelling that was hashed; a
placeholder in a text tells, by four digits, whether the same spelling stood there. Only builds
spellings; reads nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import phonenumbers

from candor.errors import CandorError, Problem

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_FEWEST = 10**5
"""Shorter numbers, which are services and not people, would be found everywhere."""
_GAP = r"[\s().\-/]{0,3}"


@dataclass(frozen=True, slots=True)
class Spellings:
    """How one address or number may be written.

    Attributes:
        aliases: as a source may name it, before it is hashed.
        detected: kind and value as the detectors of personal data give it.
        pattern: regular expression of it in raw text.
    """

    aliases: tuple[str, ...]
    detected: tuple[tuple[str, str], ...]
    pattern: str


def of_email(text: str) -> Spellings:
    """Spellings of an e-mail address.

    Raises:
        CandorError: ``usage.erase``: it is none.
    """
    given = text.strip()
    if not _EMAIL.fullmatch(given):
        raise _wrong(text, "--email", "an e-mail address such as ann@post.example")
    folded = unicodedata.normalize("NFKC", given).casefold()
    return Spellings(
        tuple(dict.fromkeys((given, folded))),
        (("email", folded),),
        r"(?<![.+])(?i:" + re.escape(folded).replace("@", "(?:@|%40)") + r")(?!\.\w)",
    )


def of_phone(text: str, locales: Sequence[str]) -> Spellings:
    """Spellings of a telephone number, with and without its country's prefix.

    Args:
        text: the number; without ``+`` it is read by the countries in turn.
        locales: ISO 3166 codes of the countries whose national notation is understood.

    Raises:
        CandorError: ``usage.erase``: no number of any of the countries.
    """
    for region in (None, *(one.upper() for one in locales)):
        try:
            parsed = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            continue
        if (parsed.national_number or 0) >= _FEWEST and phonenumbers.is_possible_number(parsed):
            break
    else:
        raise _wrong(text, "--phone", "a telephone number, best with + and the country's code")
    country, national = str(parsed.country_code), phonenumbers.national_significant_number(parsed)
    written = "".join(character for character in text if character.isdigit())
    digits = tuple(
        dict.fromkeys(
            (country + national, "00" + country + national, national, "0" + national, written)
        )
    )
    spelled = "|".join(_GAP.join(one) for one in sorted(digits, key=len, reverse=True))
    return Spellings(
        ("+" + country + national, *digits),
        tuple(("phone", one) for one in digits),
        rf"(?<!\d)\+?\(?(?:{spelled})(?!\d)",
    )


def _wrong(text: str, where: str, expected: str) -> CandorError:
    return CandorError("usage.erase", Problem(f"'{text}' is none", where, expected), exit_code=2)
