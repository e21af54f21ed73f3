"""A transcript in one form, whatever form its file had: what is known of the call, and its turns.

Only plain records live here, and the rules that hold for every form: which labels stand for whom by
their meaning alone, and what the name of a file says. Offsets are milliseconds from the start.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from candor.sources.base import RecordRefused
from candor.sources.instants import of_iso

ACTORS = ("customer", "ai_agent", "human_agent", "system")
WORDS: Mapping[str, str] = {
    "customer": "customer",
    "caller": "customer",
    "client": "customer",
    "user": "customer",
    "human agent": "human_agent",
    "human_agent": "human_agent",
    "representative": "human_agent",
    "advisor": "human_agent",
    "ai agent": "ai_agent",
    "ai_agent": "ai_agent",
    "bot": "ai_agent",
    "voicebot": "ai_agent",
    "virtual agent": "ai_agent",
    "assistant": "ai_agent",
    "ivr": "system",
    "system": "system",
}
"""Labels that say who speaks. A bare "agent" is nobody: it may be a person or a machine."""
_DATED = re.compile(
    r"(?P<gmt>GMT)?(?P<day>\d{4}-?\d{2}-?\d{2})[T_ -](?P<clock>\d{2}[:_-]?\d{2}(?:[:_-]?\d{2})?)"
    r"(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?"
)
HEADINGS = (
    "thread_id",
    "started_at",
    "customer_id",
    "channel",
    "direction",
    "language",
    "ai_agent_id",
    "release",
    "is_test",
)
"""What a file may say of its call: ``NOTE key: value`` in WebVTT, ``# key: value`` in plain text."""


@dataclass(slots=True)
class Turn:
    """What one speaker said without a break.

    Attributes:
        text: the words.
        label: the speaker as the file calls them; None when it does not say.
        start: offset in milliseconds; None when unknown.
        end: offset in milliseconds; None when unknown.
        confidence: of the recogniser, as a share.
        extra: what no field holds.
    """

    text: str
    label: str | None
    start: int | None = None
    end: int | None = None
    confidence: float | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Transcript:
    """One call.

    Attributes:
        headings: what the document says of the call, under the names of ``HEADINGS``.
        turns: in the order of the document; a refusal stands where a turn could not be read.
        extra: what no field holds.
    """

    headings: dict[str, Any] = field(default_factory=dict)
    turns: list[Turn | RecordRefused] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)


def began_by_name(name: str, zone: ZoneInfo | None) -> int | None:
    """The instant in a file's name, in UTC, at an offset, or in the declared zone; None without."""
    match = _DATED.search(name)
    if match is None:
        return None
    day = match["day"].replace("-", "")
    clock = re.sub(r"\D", "", match["clock"]).ljust(6, "0")
    told = "Z" if match["gmt"] else match["zone"] or ""
    text = f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock[:2]}:{clock[2:4]}:{clock[4:]}{told}"
    try:
        return of_iso(text, "file name", zone)
    except RecordRefused:
        return None


def joined(turns: list[Turn | RecordRefused], gap: int) -> list[Turn | RecordRefused]:
    """Turns in which a speaker who goes on within ``gap`` milliseconds speaks once.

    Captions cut one utterance into lines; joining them again is the user's choice.
    """
    found: list[Turn | RecordRefused] = []
    for turn in turns:
        last = found[-1] if found else None
        if (
            isinstance(turn, Turn)
            and isinstance(last, Turn)
            and turn.label is not None
            and turn.label == last.label
            and turn.start is not None
            and last.end is not None
            and 0 <= turn.start - last.end <= gap
        ):
            last.text = f"{last.text} {turn.text}"
            last.end = turn.end
            last.confidence = None
        else:
            found.append(turn)
    return found
