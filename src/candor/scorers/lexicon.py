"""Lists of patterns per language, read from YAML: what a reply says, what kind a message is.

Only loads and checks. A file states language, version and RE2 patterns; a user may add files by
path, and one for a known language replaces the built-in one. Every mistake in a file is reported
at once.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from candor.errors import CandorError, Problem, nearest

REPLY_LANGUAGES = ("en", "de", "es")
_LISTS = ("shield", "asks_human", "negative", "affirm", "gratitude_phrases")
_SINGLES = ("turn", "gratitude_openers", "gratitude_needs")
_EDGE = r"[^\pL\pN]*"


@dataclass(frozen=True, slots=True)
class ReplyLexicon:
    """Patterns of one language, each list joined to one RE2 pattern.

    Attributes:
        shield: what looks like a class and is none; taken out first.
        asks_human, negative, affirm: the classes.
        turn: words after which an affirmation is not the whole message.
        courtesy: a whole message of closing phrases. opener: a short message that opens with
            thanks. needs: what a courtesy must contain.
    """

    language: str
    version: int
    shield: str
    asks_human: str
    negative: str
    affirm: str
    turn: str
    courtesy: str
    opener: str
    needs: str


@dataclass(frozen=True, slots=True)
class KindLexicon:
    """Kinds of an AI agent's messages in one language, in the order they are tried."""

    language: str
    version: int
    kinds: tuple[tuple[str, str], ...]
    apology: str


def joined(patterns: Iterable[str]) -> str:
    """One pattern that matches, in text without accents, where any of several does."""
    return "|".join(f"(?:{folded(pattern)})" for pattern in patterns)


def folded(pattern: str) -> str:
    """A pattern without accents, as texts are when they are read."""
    plain = unicodedata.normalize("NFKD", pattern).replace("ß", "ss")
    return "".join(character for character in plain if unicodedata.category(character) != "Mn")


@lru_cache(maxsize=8)
def reply_lexicons(paths: tuple[Path, ...] = ()) -> Mapping[str, ReplyLexicon]:
    """The reply lexicons by language: the built-in ones and the user's own.

    Args:
        paths: YAML files of the user's, tried after the built-in ones.

    Raises:
        CandorError: ``lexicon.invalid`` with every mistake of every file.
    """
    built_in = [(f"{name}.yaml", _built_in(f"{name}.yaml")) for name in REPLY_LANGUAGES]
    problems: list[Problem] = []
    found: dict[str, ReplyLexicon] = {}
    for where, text in [*built_in, *((str(path), _read(path, problems)) for path in paths)]:
        document = _document(where, text, (*_LISTS, *_SINGLES), problems)
        if document is not None:
            lexicon = _reply(document)
            found[lexicon.language] = lexicon
    if problems:
        raise CandorError("lexicon.invalid", problems)
    return found


@lru_cache(maxsize=1)
def kind_lexicons() -> Mapping[str, KindLexicon]:
    """The lexicons of message kinds, by language."""
    found = {}
    for language in REPLY_LANGUAGES:
        document = yaml.safe_load(_built_in(f"kinds_{language}.yaml"))
        found[language] = KindLexicon(
            language=document["language"],
            version=document["version"],
            kinds=tuple((entry["kind"], joined(entry["patterns"])) for entry in document["kinds"]),
            apology=joined(document["apology"]),
        )
    return found


def _built_in(name: str) -> str:
    return (files("candor.scorers") / "lexicons" / name).read_text(encoding="utf-8")


def _read(path: Path, problems: list[Problem]) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(f"cannot be read: {error}", str(path), "a UTF-8 YAML file"))
        return ""


def _document(
    where: str, text: str, keys: Sequence[str], problems: list[Problem]
) -> dict[str, Any] | None:
    """A parsed file, or None with what is wrong added to ``problems``."""
    before = len(problems)
    if not text:
        return None
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        problems.append(Problem(f"is not YAML: {error}", where))
        return None
    if not isinstance(document, dict):
        problems.append(Problem("holds no keys", where, "language, version and patterns"))
        return None
    problems.extend(
        Problem(f"unknown key '{key}'", where, "", nearest(str(key), keys))
        for key in document
        if key not in ("language", "version", *keys)
    )
    if not isinstance(document.get("language"), str):
        problems.append(Problem("'language' is missing", where, "a code such as fr"))
    if not isinstance(document.get("version"), int):
        problems.append(Problem("'version' is missing", where, "a whole number"))
    for key in keys:
        value = document.get(key, [] if key in _LISTS else "")
        patterns = value if key in _LISTS else [value]
        if not isinstance(patterns, list) or not all(isinstance(each, str) for each in patterns):
            problems.append(Problem(f"'{key}' is of the wrong kind", where, "text patterns"))
            continue
        problems.extend(
            Problem(f"'{pattern}' is no RE2 pattern: {fault}", f"{where}: {key}")
            for pattern in patterns
            if (fault := _fault(pattern))
        )
    return document if len(problems) == before else None


def _fault(pattern: str) -> str:
    try:
        pc.match_substring_regex(pa.array(["x"]), pattern)
    except pa.ArrowInvalid as error:
        return str(error)
    return ""


def _reply(document: Mapping[str, Any]) -> ReplyLexicon:
    phrases = joined(document.get("gratitude_phrases", ()))
    opener = document.get("gratitude_openers")
    return ReplyLexicon(
        language=document["language"],
        version=document["version"],
        shield=joined(document.get("shield", ())),
        asks_human=joined(document.get("asks_human", ())),
        negative=joined(document.get("negative", ())),
        affirm=joined(document.get("affirm", ())),
        turn=folded(document.get("turn", "")),
        courtesy=rf"^{_EDGE}(?:(?:{phrases})(?:[^\pL\pN]+|$))+$" if phrases else "",
        opener=rf"^{_EDGE}{folded(opener)}[^\s?]*(?: [^\s?]+){{0,3}}$" if opener else "",
        needs=folded(document.get("gratitude_needs", "")),
    )
