"""Diarised JSON of five recognisers: who spoke from when to when, and the words.

Only this module knows their shapes and units: WhisperX (``segments``, seconds), Deepgram
(``results.utterances``, seconds), AssemblyAI (``utterances``, milliseconds), Amazon Transcribe
(``results.audio_segments``, seconds as text) and Rev (``monologues``, seconds of each word). The unit
is the shape's, never guessed of a value. Shapes as documented by each vendor; the time when a
recogniser ran is not the time of the call and is not taken for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import RecordRefused
from candor.sources.shapes import Vendor, list_of, object_of, rest, shape, text_of
from candor.sources.transcripts.turns import HEADINGS, Transcript, Turn

VENDOR = Vendor(
    "a recogniser",
    (
        shape("transcribe", "jobName results"),
        shape("deepgram", "metadata results"),
        shape("assemblyai", "utterances"),
        shape("rev", "monologues"),
        shape("whisperx", "segments"),
    ),
    {"transcripts": "transcripts"},
    "a transcript with speakers: segments, utterances, monologues or results",
)
_SECONDS, _MILLISECONDS = Decimal(1000), Decimal(1)
_Reader = Callable[[Mapping[str, Any]], Iterator[Turn | RecordRefused]]
_BULKY = frozenset(("words", "items", "elements", "alternatives", "channels", "transcripts"))


def read(kind: str, body: Mapping[str, Any]) -> Transcript:
    """The turns of one document of a shape."""
    found = Transcript({key: body[key] for key in HEADINGS if body.get(key) is not None})
    found.turns = list(_READERS[kind](body))
    metadata = object_of(body.get("metadata"))
    identity = body.get("id") or body.get("jobName") or metadata.get("request_id")
    found.headings.setdefault("thread_id", identity)
    found.headings.setdefault("language", body.get("language") or body.get("language_code"))
    known = frozenset((*HEADINGS, "segments", "utterances", "monologues", "results", "words"))
    found.extra = rest(body, known)
    return found


def _turn(
    body: Any, unit: Decimal, label: str | None, start: str, end: str, text: str
) -> Turn | RecordRefused:
    if not isinstance(body, dict):
        return RecordRefused(ReasonCode.TYPE_MISMATCH, "turn", "an object")
    try:
        begin, stop = _offset(body.get(start), unit), _offset(body.get(end), unit)
    except RecordRefused as refused:
        return refused
    if begin is not None and stop is not None and stop < begin:
        return RecordRefused(ReasonCode.DURATION_NEGATIVE, end, "an end after the start")
    confidence = body.get("confidence")
    is_share = isinstance(confidence, int | float) and not isinstance(confidence, bool)
    known = _BULKY | {start, end, text, "speaker", "speaker_label", "confidence"}
    return Turn(
        str(body.get(text) or "").strip(),
        label,
        begin,
        stop,
        float(confidence) if is_share and confidence is not None else None,
        rest(body, known),
    )


def _offset(value: Any, unit: Decimal) -> int | None:
    if value is None:
        return None
    try:
        return int((Decimal(str(value)) * unit).to_integral_value())
    except (InvalidOperation, ValueError, OverflowError):
        raise RecordRefused(ReasonCode.TS_UNPARSED, "start", "a number", str(value)[:40]) from None


def _label(body: Any, *keys: str) -> str | None:
    given = object_of(body)
    for key in keys:
        if given.get(key) is not None:
            value = given[key]
            return text_of(value) if isinstance(value, str) else f"{key}:{value}"
    return None


def _whisperx(body: Mapping[str, Any]) -> Iterator[Turn | RecordRefused]:
    for one in list_of(body.get("segments")):
        yield _turn(one, _SECONDS, _label(one, "speaker"), "start", "end", "text")


def _deepgram(body: Mapping[str, Any]) -> Iterator[Turn | RecordRefused]:
    found = object_of(body.get("results")).get("utterances")
    if not isinstance(found, list):
        raise RecordRefused(
            ReasonCode.TYPE_MISMATCH,
            "results.utterances",
            "utterances: ask for them with utterances=true and diarize=true, or several channels",
        )
    for one in found:
        label = _label(one, "speaker", "channel")
        yield _turn(one, _SECONDS, label, "start", "end", "transcript")


def _assemblyai(body: Mapping[str, Any]) -> Iterator[Turn | RecordRefused]:
    for one in list_of(body.get("utterances")):
        yield _turn(one, _MILLISECONDS, _label(one, "speaker", "channel"), "start", "end", "text")


def _transcribe(body: Mapping[str, Any]) -> Iterator[Turn | RecordRefused]:
    found = object_of(body.get("results")).get("audio_segments")
    if not isinstance(found, list):
        raise RecordRefused(
            ReasonCode.TYPE_MISMATCH,
            "results.audio_segments",
            "segments with their speaker: turn on speaker or channel identification",
        )
    for one in found:
        label = _label(one, "speaker_label", "channel_label")
        yield _turn(one, _SECONDS, label, "start_time", "end_time", "transcript")


def _rev(body: Mapping[str, Any]) -> Iterator[Turn | RecordRefused]:
    for one in list_of(body.get("monologues")):
        elements = [e for e in list_of(object_of(one).get("elements")) if isinstance(e, dict)]
        timed = [e for e in elements if e.get("ts") is not None]
        whole = {
            "text": "".join(str(e.get("value") or "") for e in elements),
            "start": timed[0]["ts"] if timed else None,
            "end": timed[-1].get("end_ts") if timed else None,
        }
        yield _turn(whole, _SECONDS, _label(one, "speaker"), "start", "end", "text")


_READERS: Mapping[str, _Reader] = {
    "whisperx": _whisperx,
    "deepgram": _deepgram,
    "assemblyai": _assemblyai,
    "transcribe": _transcribe,
    "rev": _rev,
}
