"""Checks a judge's answer: one JSON object, every criterion once, quotes that stand in the conversation.

Anything else is a failure with a reason; there are no default verdicts and nothing is mended. An
answer of ``unknown`` is allowed. Reasons are the closed list ``REASONS``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from candor.scorers.judges.prompt import WITHHELD, Prompt
from candor.scorers.judges.rubric import Rubric

REASONS = (
    "not_json", "wrong_shape", "wrong_criteria", "wrong_answer", "no_evidence", "invented_quote",
    "wrong_actor", "leaked_instructions", "truncated", "too_large", "http_error", "rate_limited",
    "timeout", "unreachable",
)  # fmt: skip
ANSWERS = {"true": True, "false": False, "unknown": None}
MOST_QUOTE, LEAST_QUOTE = 200, 2
_SPACE = re.compile(r"\s+")


class JudgeError(Exception):
    """An answer that cannot be used.

    Attributes:
        reason: one of ``REASONS``.
        told: what was found, in a few words of ours.
    """

    def __init__(self, reason: str, told: str = "") -> None:
        super().__init__(f"{reason}: {told}" if told else reason)
        self.reason = reason
        self.told = told


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a message."""

    message_id: str
    quote: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One checked answer; ``answer`` None is unknown."""

    criterion: str
    answer: bool | None
    evidence: tuple[Quote, ...]


def check(text: str, rubric: Rubric, prompt: Prompt) -> dict[str, Verdict]:
    """Read an answer.

    Args:
        text: what the model wrote.
        rubric: what was asked.
        prompt: what was sent.

    Raises:
        JudgeError: with the first reason found.
    """
    if prompt.canary in text:
        raise JudgeError("leaked_instructions")
    try:
        given = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise JudgeError("not_json") from None
    if not isinstance(given, dict) or set(given) != {"verdicts"}:
        raise JudgeError("wrong_shape", "expected one key, verdicts")
    rows = given["verdicts"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise JudgeError("wrong_shape", "verdicts is no list of objects")
    wanted = {one.name: one for one in rubric.criteria}
    if sorted(str(row.get("criterion")) for row in rows) != sorted(wanted):
        raise JudgeError("wrong_criteria", "every criterion once, and no other")
    lines = {line.message_id: line for line in prompt.lines}
    texts = {name: folded(line.text) for name, line in lines.items()}
    found = {}
    for row in rows:
        said = row.get("answer")
        known = isinstance(said, str) and said in ANSWERS
        if not known or not set(row) <= {"criterion", "answer", "evidence"}:
            raise JudgeError("wrong_answer", str(row.get("criterion")))
        criterion = wanted[row["criterion"]]
        quotes = tuple(_quote(one, texts) for one in _list(row.get("evidence", [])))
        for one in quotes:
            if lines[one.message_id].actor not in criterion.evidence:
                raise JudgeError("wrong_actor", criterion.name)
        answer = ANSWERS[row["answer"]]
        if answer is not None and not quotes:
            raise JudgeError("no_evidence", criterion.name)
        found[criterion.name] = Verdict(criterion.name, answer, quotes)
    return found


def folded(text: str) -> str:
    """The text with every run of white space as one blank."""
    return _SPACE.sub(" ", text).strip()


def _quote(given: Any, texts: Mapping[str, str]) -> Quote:
    if not isinstance(given, dict) or set(given) != {"message_id", "quote"}:
        raise JudgeError("wrong_shape", "evidence is message_id and quote")
    message, words = given["message_id"], given["quote"]
    if not isinstance(message, str) or not isinstance(words, str):
        raise JudgeError("wrong_shape", "evidence is text")
    plain = folded(words)
    if not LEAST_QUOTE <= len(plain) <= MOST_QUOTE or plain not in texts.get(message, ""):
        raise JudgeError("invented_quote", "not in the message it names")
    if plain in WITHHELD:
        raise JudgeError("invented_quote", "a withheld text shows nothing")
    return Quote(message, plain)


def _list(given: Any) -> list[Any]:
    if not isinstance(given, list):
        raise JudgeError("wrong_shape", "evidence is a list")
    return given


def _no_constant(name: str) -> float:
    raise ValueError(name)
