"""What a detector is and what it finds.

Only shapes here. Offsets count characters of the text as given; ``value`` is the found value in
the spelling under which two occurrences are the same (case, spaces and dashes removed).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Span(NamedTuple):
    """One found value: ``text[start:end]`` is to be replaced."""

    start: int
    end: int
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Detector:
    """One kind of personal data (or several found by one reading).

    Attributes:
        name: for tests and tables of recall.
        trigger: RE2 pattern, run over a whole column, that every text with a hit matches. It may
            match more; it must never match less.
        find: yields spans of one text; called only where the trigger matched.
    """

    name: str
    trigger: str
    find: Callable[[str], Iterable[Span]]


PLACEHOLDER = re.compile(r"\[[A-Z][A-Z_]{1,20}_[0-9a-f]{4}\]")
PLACEHOLDER_RE2 = r"\[[A-Z][A-Z_]{1,20}_[0-9a-f]{4}\]"

# Which kind names a stretch that two detectors claim: the more certain one.
RANK = {
    kind: rank
    for rank, kind in enumerate(
        (
            "private_key", "url_secret", "jwt", "token", "api_key", "email", "iban", "card",
            "national_id", "passport", "coordinates", "ip", "birth_date", "password", "phone",
            "upi", "address", "postcode", "name",
        )
    )
}  # fmt: skip
KINDS = tuple(RANK)
SECRETS = frozenset({"private_key", "url_secret", "jwt", "token", "api_key"})

_NOT_ALNUM = re.compile(r"[\W_]+")


def compact(text: str) -> str:
    """The text without anything but letters and digits, in upper case."""
    return _NOT_ALNUM.sub("", text).upper()
