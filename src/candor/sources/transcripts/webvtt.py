"""WebVTT: blocks parted by blank lines, each cue with its time and its words.

Only this module knows the format (www.w3.org/TR/webvtt1). Speakers stand in voice tags (``<v Name>``)
or, as conference systems write them, before a colon; the latter is believed only of labels that
are known or declared, because a caption may begin with a word and a colon of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape

from candor.events.reasons import ReasonCode
from candor.sources.base import RecordRefused
from candor.sources.transcripts.turns import HEADINGS, Transcript, Turn

_TIME = r"(?:(\d{2,}):)?([0-5]\d):([0-5]\d)[.,](\d{3})"
_TIMING = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s|$)")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]*)>")
_TAG = re.compile(r"<[^>]*>")
_HEADING = re.compile(r"(?:NOTE\s+)?([a-z_]+)\s*[:=]\s*(.+)")
_PREFIX = re.compile(r"([^:<>]{1,60}):\s+(\S.*)", re.DOTALL)
IsLabel = Callable[[str], bool]


def read(text: str, is_label: IsLabel) -> Transcript:
    """The cues of a document.

    Args:
        text: the document.
        is_label: whether a word before a colon stands for a speaker.

    Raises:
        RecordRefused: it does not begin as WebVTT does.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff").split("\n")
    if re.fullmatch(r"WEBVTT(?:[ \t].*)?", lines[0]) is None:
        raise RecordRefused(ReasonCode.TYPE_MISMATCH, "", "a first line that begins with WEBVTT")
    found = Transcript()
    if lines[0][6:].strip():
        found.extra["header"] = lines[0][6:].strip()
    for number, block in enumerate(_blocks(lines[1:])):
        _take(found, block, is_label, is_first=number == 0)
    return found


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for line in lines:
        if line.strip():
            block.append(line)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _take(found: Transcript, block: list[str], is_label: IsLabel, *, is_first: bool) -> None:
    at: int | None = 0
    if "-->" not in block[0]:
        at = 1 if len(block) > 1 and "-->" in block[1] else None
    if at is None:
        kept = [line for line in block if not _heading(found, line)]
        if kept and not kept[0].startswith(("NOTE", "STYLE", "REGION")) and not is_first:
            found.turns.append(
                RecordRefused(ReasonCode.TS_UNPARSED, "cue", "a line with --> between two times")
            )
        elif kept and kept != ["NOTE"]:
            found.extra.setdefault("notes", []).append("\n".join(kept))
        return
    match = _TIMING.match(block[at])
    if match is None:
        found.turns.append(
            RecordRefused(ReasonCode.TS_UNPARSED, "cue", "times as [hh:]mm:ss.mmm", block[at][:60])
        )
        return
    start, end = _milliseconds(match.groups()[:4]), _milliseconds(match.groups()[4:])
    if end < start:
        found.turns.append(
            RecordRefused(ReasonCode.DURATION_NEGATIVE, "cue", "an end after the start")
        )
        return
    identity = block[0].strip() if at == 1 else None
    for label, words in _voices("\n".join(block[at + 1 :]), is_label):
        turn = Turn(words, label, start, end)
        if identity and not identity.isdecimal():
            turn.extra["cue"] = identity
        found.turns.append(turn)


def _heading(found: Transcript, line: str) -> bool:
    match = _HEADING.fullmatch(line.strip())
    if match is None or match[1] not in HEADINGS:
        return False
    found.headings[match[1]] = match[2].strip()
    return True


def _voices(payload: str, is_label: IsLabel) -> Iterator[tuple[str | None, str]]:
    """Speakers and words of a cue; one cue may hold several voices."""
    parts = _VOICE.split(payload)
    before, spoken = parts[0], list(zip(parts[1::2], parts[2::2], strict=True))
    if _plain(before):
        yield prefixed(_plain(before), is_label)
    for name, words in spoken:
        if _plain(words):
            yield unescape(name).strip() or None, _plain(words)


def prefixed(words: str, is_label: IsLabel) -> tuple[str | None, str]:
    """Speaker and words of a text in which the speaker may stand before a colon."""
    match = _PREFIX.fullmatch(words)
    if match is not None and is_label(match[1].strip()):
        return match[1].strip(), match[2].strip()
    return None, words


def _plain(payload: str) -> str:
    if "<" not in payload and "&" not in payload and "\n" not in payload:
        return payload.strip()
    lines = (unescape(_TAG.sub("", line)).strip() for line in payload.split("\n"))
    return " ".join(line for line in lines if line)


def _milliseconds(parts: tuple[str | None, ...]) -> int:
    hours, minutes, seconds, thousandths = parts
    whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    return whole * 1000 + int(thousandths or 0)
