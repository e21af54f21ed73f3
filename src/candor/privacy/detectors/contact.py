"""E-mail addresses (with Unicode parts and common disguises) and UPI payment handles.

Only finds; assumes nothing about locale.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from candor.privacy.detectors.span import Detector, Span

_LOCAL = r"[^\s@<>()\[\]{},;:\"'`|\\/=?&*!]"
_EMAIL = re.compile(
    rf"(?:\"[^\"@\n]{{1,40}}\"|{_LOCAL}{{1,64}}?)(?:@|＠|%40)"
    r"(?:[^\W_](?:[\w\-]{0,61}[^\W_])?[.。．]){1,8}[^\W\d_](?:[\w\-]{0,22}[^\W_])"
)
_DISGUISED = re.compile(
    r"\b[\w.+\-]{1,64}\s?(?:\(at\)|\[at\]|\{at\}|\s+at\s+|@)\s?"
    r"(?:[\w\-]{1,63}\s?(?:\(dot\)|\[dot\]|\{dot\}|\s+dot\s+)\s?){1,4}[a-z]{2,12}\b",
    re.IGNORECASE,
)
_UPI = re.compile(
    r"(?<![\w@.+\-])[A-Za-z0-9][\w.\-]{1,63}@[A-Za-z][A-Za-z0-9]{1,30}(?![\w@\-]|\.\w)"
)


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text.replace("%40", "@")).casefold()


def _emails(text: str) -> Iterator[Span]:
    for match in _EMAIL.finditer(text):
        yield Span(*match.span(), "email", _fold(match[0]))
    if re.search(r"dot", text, re.IGNORECASE):
        for match in _DISGUISED.finditer(text):
            plain = re.sub(r"\s*[(\[{]?\bat\b[)\]}]?\s*", "@", match[0], flags=re.IGNORECASE)
            plain = re.sub(r"\s*[(\[{]?\bdot\b[)\]}]?\s*", ".", plain, flags=re.IGNORECASE)
            yield Span(*match.span(), "email", _fold(plain))


def _handles(text: str) -> Iterator[Span]:
    for match in _UPI.finditer(text):
        yield Span(*match.span(), "upi", match[0].casefold())


DETECTORS = (
    Detector("email", r"(?i)@|＠|%40|[\s\[({]dot[\s\])}]", _emails),
    Detector("upi", r"\w@[A-Za-z]", _handles),
)
