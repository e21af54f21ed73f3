"""Plain text: one utterance a line, its speaker before a colon, its time in front where there is one.

Only this module knows the form: ``[00:01:02] Caller: words``, ``[00:01:02.5 - 00:01:04] Caller: words``
or ``Caller: words``. Lines that name no speaker go on with the utterance before. Lines ``# key: value``
at the top tell of the call.
"""

from __future__ import annotations

import re

from candor.events.reasons import ReasonCode
from candor.sources.base import RecordRefused
from candor.sources.transcripts.turns import HEADINGS, Transcript, Turn
from candor.sources.transcripts.webvtt import IsLabel, prefixed

_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{2})(?:[.,](\d{1,3}))?"
_LINE = re.compile(rf"[\[(]?{_TIME}(?:\s*(?:-->|-|–)\s*{_TIME})?[\])]?\s+(?P<words>\S.*)")
_HEADING = re.compile(r"#\s*([a-z_]+)\s*[:=]\s*(.+)")


def read(text: str, is_label: IsLabel) -> Transcript:
    """The utterances of a document.

    Args:
        text: the document.
        is_label: whether a word before a colon stands for a speaker.

    Raises:
        RecordRefused: no line names a speaker.
    """
    found = Transcript()
    lines = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff").split("\n")
    for line in lines:
        words = line.strip()
        heading = _HEADING.fullmatch(words)
        if heading is not None and heading[1] in HEADINGS:
            found.headings[heading[1]] = heading[2].strip()
        elif words:
            _take(found, words, is_label)
    if not any(isinstance(turn, Turn) and turn.label for turn in found.turns):
        raise RecordRefused(
            ReasonCode.TYPE_MISMATCH,
            "",
            "lines with a speaker before a colon, whose label is known or declared in speakers",
        )
    return found


def _take(found: Transcript, line: str, is_label: IsLabel) -> None:
    match = _LINE.fullmatch(line)
    start = end = None
    words = line
    if match is not None:
        start, end = _milliseconds(match.groups()[:4]), _milliseconds(match.groups()[4:8])
        words = match["words"]
    label, said = prefixed(words, is_label)
    last = found.turns[-1] if found.turns else None
    if label is None and start is None and isinstance(last, Turn):
        last.text = f"{last.text} {said}"
    elif start is not None and end is not None and end < start:
        found.turns.append(
            RecordRefused(ReasonCode.DURATION_NEGATIVE, "time", "an end after the start")
        )
    else:
        found.turns.append(Turn(said, label, start, end))


def _milliseconds(parts: tuple[str | None, ...]) -> int | None:
    hours, minutes, seconds, fraction = parts
    if minutes is None or seconds is None:
        return None
    whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * 1000 + int((fraction or "0").ljust(3, "0"))
