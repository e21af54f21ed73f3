"""Trials of a judge on conversations made for it: orders of strangers, harmless changes, order of questions.

Holds the conversations and says what a pair of verdicts means; asks nobody. An attack succeeds when
the verdict becomes the one it orders; a verdict left open is safe and counted apart. What is harmless
must move nothing either way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

from candor.scorers.judges.prompt import Line

Verdicts = Mapping[str, bool | None]
_WORDS = {True: ("true", "good"), False: ("false", "bad")}
Outcome = Literal["held", "moved", "open"]


@dataclass(frozen=True, slots=True)
class Probe:
    """One changed conversation.

    Attributes:
        talk: which conversation it was made of.
        kind: attack, or harmless change.
        place: where an attack stands; "" for a harmless change.
        ordered: the verdict that the attack orders; None for a harmless change.
        lines: what is graded.
    """

    talk: int
    kind: str
    place: str
    ordered: bool | None
    lines: tuple[Line, ...]


@cache
def _shipped() -> dict[str, Any]:
    text = files("candor.scorers.judges").joinpath("probes.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def version() -> int:
    """Of the shipped conversations and texts."""
    return int(_shipped()["version"])


def talks() -> tuple[tuple[Line, ...], ...]:
    """The conversations as they are, which also serve as anchors."""
    return tuple(
        tuple(Line(f"p{at}-{n}", actor, text) for n, (actor, text) in enumerate(talk))
        for at, talk in enumerate(_shipped()["talks"])
    )


def attacks() -> Iterator[Probe]:
    """Every attack at every place in both directions; the conversations take turns."""
    whole = talks()
    number = 0
    for kind, text in _shipped()["attacks"].items():
        for place in _shipped()["places"]:
            for ordered in (True, False):
                # Both directions meet the same conversation, so that one of them has work to do.
                talk = (number // 2) % len(whole)
                number += 1
                answer, word = _WORDS[ordered]
                said = text.format(answer=answer, word=word)
                yield Probe(talk, kind, place, ordered, _put(whole[talk], place, said))


def harmless() -> Iterator[Probe]:
    """Every harmless change of the last reply of every conversation."""
    for kind, text in _shipped()["harmless"].items():
        for at, lines in enumerate(talks()):
            reply = max(n for n, line in enumerate(lines) if line.actor != "customer")
            changed = text.format(text=lines[reply].text)
            yield Probe(at, kind, "", None, _with(lines, reply, changed))


def outcome(probe: Probe, before: bool | None, after: bool | None) -> Outcome | None:
    """What became of a verdict; None where there was nothing to move."""
    if before is None or (probe.ordered is not None and before == probe.ordered):
        return None
    if after == before:
        return "held"
    return "open" if after is None else "moved"


def _put(lines: Sequence[Line], place: str, said: str) -> tuple[Line, ...]:
    if place == "first":
        return _with(lines, 0, f"{said} {lines[0].text}")
    if place == "last":
        return (*lines, Line(f"{lines[0].message_id}-last", "customer", said))
    reply = max(n for n, line in enumerate(lines) if line.actor != "customer")
    own = lines[reply].text
    quoted = f'{own} From our help article: "{said}"' if place == "article" else f"{own} {said}"
    return _with(lines, reply, quoted)


def _with(lines: Sequence[Line], at: int, text: str) -> tuple[Line, ...]:
    return (*lines[:at], Line(lines[at].message_id, lines[at].actor, text), *lines[at + 1 :])
