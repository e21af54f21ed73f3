"""Who somebody is: birth dates and passports stated as such, stated names, and known names.

Only names that are announced ("my name is"), on the user's deny list, or in the customer record
of the thread are found: other personal names need a language model, which is an extra.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from candor.privacy.detectors.span import PLACEHOLDER, Detector, Span, compact

_MONTH = (
    r"(?:jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz|apr(?:il)?|may|mai|june?|juni?|july?|juli?|"
    r"aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?|enero|febrero|marzo|"
    r"abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|janvier|février|mars|avril|"
    r"juin|juillet|août|septembre|octobre|novembre|décembre)"
)
_DATE = (
    r"(?:\d{1,2}[./\- ]\d{1,2}[./\- ](?:19|20)?\d{2}|(?:19|20)\d{2}[./\-]\d{1,2}[./\-]\d{1,2}"
    rf"|\d{{1,2}}(?:st|nd|rd|th|\.|º|er)?\s?(?:of\s|de\s)?[\-\s]?{_MONTH}\.?[\-,\s]*(?:de\s)?(?:(?:19|20)\d{{2}}|['’]?\d{{2}})"
    rf"|{_MONTH}\.?\s?\d{{1,2}}(?:st|nd|rd|th)?,?\s(?:19|20)\d{{2}})"
)
_BIRTH = re.compile(
    r"\b(?:born|birth ?(?:date|day)|date of birth|d\.?\s?o\.?\s?b\.?|geboren|geburts(?:datum|tag)|"
    r"geb\.|né[e]?|date de naissance|fecha de nacimiento|nací|nacido|nacida|nat[oa]|data di nascita|"
    r"nascid[oa]|data de nascimento|geboortedatum|जन्म\w*)"
    rf"(?P<link>[^\d\n]{{0,24}}?)(?P<date>\b{_DATE})(?!\d)",
    re.IGNORECASE,
)
_PASSPORT = re.compile(
    r"\b(?:passport|reisepass\w*|pasaporte|passeport|passaporto|passaporte|paspoort)\b"
    r"[^\d\n]{0,20}?\b(?P<number>[A-Z]{0,3}\d{6,9}[A-Z]?|[CFGHJKLMNPRTVWXYZ0-9]{9})\b",
    re.IGNORECASE,
)
_NAME_WORD = r"[^\W\d_][^\W\d_'’.\-]*(?:['’\-][^\W\d_]+)*"
_STATED = re.compile(
    r"\b(?:my (?:full |first |last |middle |sur)?name(?:'s| is|:)|my (?:sur|last )name(?:'s| is|:)|"
    r"name on (?:the )?(?:card|account|booking|order)(?: is|:)|"
    r"(?:mein |der )name ist|ich heiße|ich heisse|"
    r"me llamo|mi nombre es|je m['’]appelle|mon nom est|mi chiamo|il mio nome è|mijn naam is|ik heet|"
    r"meu nome é|me chamo)\s+"
    rf"(?P<name>{_NAME_WORD}(?:\s+{_NAME_WORD}){{0,3}})",
    re.IGNORECASE,
)
_HINDI = re.compile(
    r"(?:मेरा|मेरी) नाम\s+(?P<name>[\u0900-\u097f]+(?:\s+[\u0900-\u097f]+){0,2}?)(?=\s+(?:है|हैं)|[।.,!]|$)"
)
_NOT_NAME_WORDS = """
    a about actually also already an and as at being but by cannot changed correct correctly
    different displayed for from has here i in incorrect incorrectly is it just listed misspelled
    misspelt mentioned missing my never no not now of on only or please registered same showing
    shown so still spelled spelt still that the there they this to under under. was what where
    which with wrong wrongly yes you your
    falsch nicht richtig und aber auf in unter ich
    y pero no en es está und et mais pas sur est je e ma non su sono en maar niet op
    phone number email address account order booking customer dob last first surname policy
    """
_NOT_NAMES = frozenset(_NOT_NAME_WORDS.split())
_TITLES = frozenset({"mr", "mrs", "ms", "miss", "dr", "mx", "herr", "frau"})


def _births(text: str) -> Iterator[Span]:
    for match in _BIRTH.finditer(text):
        yield Span(*match.span("date"), "birth_date", compact(match["date"]))


def _passports(text: str) -> Iterator[Span]:
    for match in _PASSPORT.finditer(text):
        if any(character.isdigit() for character in match["number"]):
            yield Span(*match.span("number"), "passport", match["number"].upper())


def _stated_names(text: str) -> Iterator[Span]:
    for match in _STATED.finditer(text):
        end = _end_of_name(match["name"])
        if end:
            start = match.start("name")
            yield Span(start, start + end, "name", match["name"][:end].casefold())
    for match in () if text.isascii() else _HINDI.finditer(text):
        yield Span(*match.span("name"), "name", match["name"])


def _end_of_name(words: str) -> int:
    """How many characters of the words after "my name is" are the name.

    A capitalised first word takes following capitalised words with it; a name in lower case takes
    one more word at most, because nothing tells where it ends.
    """
    end = 0
    taken = 0
    capitalised = words[0].isupper()
    for part in re.finditer(r"\S+", words):
        word = part[0].strip(".,")
        if word.casefold() in _NOT_NAMES or (taken and capitalised and not word[0].isupper()):
            break
        if taken == 2 and not capitalised:
            break
        end = part.end()
        taken += len(word) > 1 and word.casefold() not in _TITLES
    return end


DETECTORS = (
    Detector(
        "birth_date",
        r"(?i)\bborn\b|birth ?da[ty]|of birth|\bd\.?\s?o\.?\s?b\b|geboren|geburts|\bgeb\.|\bnée?\s|"
        r"naissance|nacimiento|nací|nacid[oa]|\bnat[oa]\b|nascita|nascid[oa]|nascimento|geboorte|जन्म",
        _births,
    ),
    Detector(
        "passport", r"(?i)\bpass(?:port|eport|aport)|reisepass|pasaporte|paspoort", _passports
    ),
    Detector(
        "stated_name",
        r"(?i)\bname\b|ich hei(?:ß|ss)e|me llamo|nombre|je m['’]appelle|mon nom|mi chiamo|nome|"
        r"mijn naam|ik heet|me chamo|नाम",
        _stated_names,
    ),
)


def names_pattern(names: Iterable[str]) -> re.Pattern[str] | None:
    """A pattern that finds any of the names as whole words, whatever their case.

    Args:
        names: full names or parts; each part of at least three letters (two outside the Latin
            script) is looked for by itself too, so "Maria Keller" finds "maria".

    Returns:
        None when no name is long enough to look for.
    """
    wanted: set[str] = set()
    for name in names:
        whole = " ".join(unicodedata.normalize("NFC", name).split())
        for candidate in (whole, *whole.split()):
            word = candidate.strip(".,;:()\"'")
            if word.casefold().strip(".") in _TITLES:
                continue
            if len(word) >= (3 if word.isascii() else 2) and not word.isdigit():
                wanted.add(word.casefold())
    if not wanted:
        return None
    longest = sorted(wanted, key=lambda word: (-len(word), word))
    union = "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in longest)
    return re.compile(rf"(?<!\w)(?:{union})(?:['’]s)?(?!\w)", re.IGNORECASE)


def find_names(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    """Every known name in a text; placeholders already in it are left alone."""
    for match in pattern.finditer(text):
        if not PLACEHOLDER.fullmatch(match[0]):
            yield Span(*match.span(), "name", " ".join(match[0].casefold().split()))
