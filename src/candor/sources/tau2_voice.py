"""Full-duplex voice runs of τ²-bench: ticks of equal length that say who speaks, as utterances.

Only this module reads ticks. An utterance is a run of ticks in which a side holds speech; its times are
those of the call's own clock, tick by tick, because the simulator's clock runs while it thinks. What the
simulated customer does beside speaking (coughs, words to somebody else) is kept with its times; so is
whether an utterance is a mere word of assent. Offsets are milliseconds from the start of the call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from candor.events.reasons import ReasonCode
from candor.sources.base import RecordRefused
from candor.sources.shapes import object_of

Side = Literal["customer", "ai_agent"]
_CHUNKS: Mapping[Side, str] = {"customer": "user_chunk", "ai_agent": "agent_chunk"}
_INSERTS = {"vocal_tic": "vocal_tic", "non_directed_phrase": "non_directed_speech"}


@dataclass(frozen=True, slots=True)
class Utterance:
    """What one side said without a break.

    Attributes:
        side: who spoke.
        start: offset of its first tick.
        end: offset behind its last tick.
        text: the words; None where the run keeps none.
        action: what the simulated customer meant to do, e.g. ``backchannel``.
        effects: what was heard inside it, e.g. ``vocal_tic``.
    """

    side: Side
    start: int
    end: int
    text: str | None
    action: str | None
    effects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Noise:
    """Something heard from the customer's side while nothing was said: no utterance, no turn."""

    kind: str
    start: int
    end: int


@dataclass(slots=True)
class Call:
    """A run of ticks.

    Attributes:
        utterances: by start; of one start the customer's first.
        noises: by start.
        length: offset behind the last tick.
    """

    utterances: list[Utterance] = field(default_factory=list)
    noises: list[Noise] = field(default_factory=list)
    length: int = 0


def call_of(ticks: Sequence[Any], tick_ms: int | None) -> Call:
    """The utterances of a run.

    Args:
        ticks: as the benchmark wrote them.
        tick_ms: length of a tick.

    Raises:
        RecordRefused: the length of a tick is not known, or a tick is no object.
    """
    if tick_ms is None:
        raise RecordRefused(
            ReasonCode.HEADER_MISSING,
            "info.audio_native_config.tick_duration_seconds",
            "the length of a tick, in the results file",
        )
    if not all(isinstance(tick, dict) for tick in ticks):
        raise RecordRefused(ReasonCode.TYPE_MISMATCH, "ticks", "a list of objects")
    sides = {side: [object_of(tick.get(name)) for tick in ticks] for side, name in _CHUNKS.items()}
    customer = sides["customer"]
    # The customer's word that ends the run is written as one last tick of speech.
    if len(customer) > 1 and _speaks(customer[-1]) and not _speaks(customer[-2]):
        sides = {side: chunks[:-1] for side, chunks in sides.items()}
        customer = sides["customer"]
    call = Call(length=len(customer) * tick_ms)
    for side, chunks in sides.items():
        call.utterances.extend(_utterances(side, chunks, tick_ms))
    call.utterances.sort(key=lambda one: (one.start, one.side != "customer"))
    call.noises.extend(_noises(customer, tick_ms))
    return call


def _speaks(chunk: Mapping[str, Any]) -> bool:
    return chunk.get("contains_speech") is True


def _utterances(
    side: Side, chunks: Sequence[Mapping[str, Any]], tick_ms: int
) -> Iterator[Utterance]:
    for first, behind in _runs([_speaks(chunk) for chunk in chunks]):
        inside = chunks[first:behind]
        text = "".join(str(chunk.get("content") or "") for chunk in inside).strip()
        action = object_of(inside[0].get("turn_taking_action")).get("action")
        kinds = (_insert(chunk, "speech_effects") for chunk in inside)
        effects = tuple(dict.fromkeys(kind for kind in kinds if kind is not None))
        word = None if action is None else str(action)
        yield Utterance(side, first * tick_ms, behind * tick_ms, text or None, word, effects)


def _noises(chunks: Sequence[Mapping[str, Any]], tick_ms: int) -> Iterator[Noise]:
    heard = [None if _speaks(chunk) else _insert(chunk, "source_effects") for chunk in chunks]
    for kind in sorted({one for one in heard if one is not None}):
        for first, behind in _runs([one == kind for one in heard]):
            yield Noise(kind, first * tick_ms, behind * tick_ms)


def _insert(chunk: Mapping[str, Any], where: str) -> str | None:
    kind = object_of(object_of(chunk.get(where)).get("speech_insert")).get("type")
    return None if kind is None else _INSERTS.get(str(kind), str(kind))


def _runs(flags: Sequence[bool]) -> Iterator[tuple[int, int]]:
    first: int | None = None
    for position, flag in enumerate([*flags, False]):
        if flag and first is None:
            first = position
        elif not flag and first is not None:
            yield first, position
            first = None
