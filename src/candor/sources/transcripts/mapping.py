"""A transcript as events: the call, every utterance with its times, who took over, and the end.

Only this module decides who a speaker is: by ``ai_actor_ids``, by the setting ``speakers``, then by
words that mean nothing else. A label is never taken for a role because of the order of speaking.
A transcript without times inside keeps its order on a synthetic clock of one minute an utterance, and
says so; one whose start is nowhere told is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from candor.events.reasons import ReasonCode
from candor.sources.base import EventDict, Notes, RecordRefused, SourceOptions
from candor.sources.benchmark import kind_of_text
from candor.sources.instants import MINUTE, keep_order, of_iso
from candor.sources.shapes import object_of, text_of
from candor.sources.transcripts.turns import (
    WORDS,
    Transcript,
    Turn,
    began_by_name,
    joined,
)

_MILLISECOND = 1000


def actor_of(label: str | None, options: SourceOptions) -> str | None:
    """Who a label stands for; None when nobody declared it and its word does not say."""
    if label is None:
        return None
    if label in options.ai_actor_ids:
        return "ai_agent"
    declared = object_of(options.settings.get("speakers"))
    found = declared.get(label) or declared.get(label.lower())
    return text_of(found) or WORDS.get(label.lower())


def of_transcript(
    transcript: Transcript, stem: str, options: SourceOptions, notes: Notes
) -> Iterator[EventDict | RecordRefused]:
    """Everything a transcript says.

    Args:
        transcript: the call.
        stem: name of its file without ending, and its place where the file holds several.
        options: the configured source.
        notes: what is counted.

    Raises:
        RecordRefused: nothing tells when the call began, or nothing was said.
    """
    call = _Call(transcript, stem, options, notes)
    yield call.conversation()
    yield from call.messages()
    yield from call.handoff()
    yield from call.ending()


class _Call:
    def __init__(
        self, transcript: Transcript, stem: str, options: SourceOptions, notes: Notes
    ) -> None:
        self.transcript = transcript
        self.options = options
        self.notes = notes
        self.settings: Mapping[str, Any] = options.settings
        self.headings = transcript.headings
        self.thread = text_of(self.headings.get("thread_id")) or stem
        gap = self.settings.get("join_gap_ms")
        found = transcript.turns if gap is None else joined(transcript.turns, int(gap))
        self.refused = [turn for turn in found if isinstance(turn, RecordRefused)]
        self.turns = [turn for turn in found if isinstance(turn, Turn) and turn.text]
        if not self.turns and not self.refused:
            raise RecordRefused(
                ReasonCode.TYPE_MISMATCH, "", "a transcript in which somebody speaks"
            )
        self.is_timed = all(turn.start is not None for turn in self.turns)
        self.began = self._began(stem)
        self.times = keep_order(self._times())
        self.actors = [self._actor(turn) for turn in self.turns]
        if len({turn.label for turn in self.turns}) < 2:
            self.notes.add("one_speaker", "transcripts in which only one speaker is told apart")

    def _began(self, stem: str) -> int:
        zone = self.settings.get("zone")
        told = text_of(self.headings.get("started_at"))
        local = ZoneInfo(str(zone)) if zone else None
        if told is not None:
            return of_iso(told, "started_at", local)
        found = began_by_name(stem, local)
        if found is None:
            raise RecordRefused(
                ReasonCode.TS_UNPARSED,
                "started_at",
                "when the call began, in the document or in the file's name, with Z, an offset or"
                " the setting zone",
            )
        return found

    def _times(self) -> Iterator[int]:
        for position, turn in enumerate(self.turns):
            if self.is_timed and turn.start is not None:
                yield self.began + turn.start * _MILLISECOND
            else:
                yield self.began + position * MINUTE

    def _actor(self, turn: Turn) -> str | None:
        actor = actor_of(turn.label, self.options)
        if actor is None:
            # A label may be a name, so that there was one is all that may be told.
            known = "a bare 'agent' in speakers" if str(turn.label).lower() == "agent" else None
            missing = "utterances without a speaker" if turn.label is None else None
            self.notes.add("actor_unknown", known or missing or "a label that speakers lacks")
        return actor

    def event(self, type_: str, at: int, **fields: Any) -> EventDict:
        return {"type": type_, "thread_id": self.thread, "occurred_at": at, **fields}

    def conversation(self) -> EventDict:
        extra = dict(self.transcript.extra)
        if not self.is_timed:
            extra["synthetic_time"] = True
            self.notes.add("synthetic_time", "transcripts without times inside")
        told = self.headings.get
        return self.event(
            "conversation",
            self.began,
            started_at=self.began,
            ended_at=self._ended(),
            channel=text_of(told("channel")) or str(self.settings.get("channel", "voice")),
            direction=text_of(told("direction")),
            customer_id=text_of(told("customer_id")),
            language=text_of(told("language")),
            is_test=str(told("is_test")).lower() == "true",
            is_spam=False,
            ai_agent_id=text_of(told("ai_agent_id") or self.settings.get("ai_agent_id")),
            release=text_of(told("release")),
            extra=extra or None,
        )

    def _ended(self) -> int | None:
        ends = [turn.end for turn in self.turns if turn.end is not None]
        return self.began + max(ends) * _MILLISECOND if ends and self.is_timed else None

    def messages(self) -> Iterator[EventDict | RecordRefused]:
        language = text_of(self.headings.get("language"))
        kinds = self.settings.get("ai_text_kind")
        spoken = zip(self.turns, self.times, self.actors, strict=True)
        for position, (turn, at, actor) in enumerate(spoken):
            is_told = actor == "ai_agent" and kinds == "question_mark"
            yield self.event(
                "message",
                at,
                message_id=f"{self.thread}:{position:05d}",
                actor=actor,
                actor_id=turn.label,
                is_public=True,
                text=turn.text,
                kind=kind_of_text(turn.text) if is_told else None,
                language=language,
                speech_start_ms=turn.start if self.is_timed else None,
                speech_end_ms=turn.end if self.is_timed else None,
                transcript_confidence=turn.confidence,
                extra=turn.extra or None,
            )
        yield from self.refused

    def handoff(self) -> Iterator[EventDict]:
        """The first words of a person after an AI agent spoke: somebody took the call over."""
        spoken = list(zip(self.actors, self.times, strict=True))
        first = next((n for n, (actor, _) in enumerate(spoken) if actor == "ai_agent"), None)
        if first is None:
            return
        taken = next((at for actor, at in spoken[first:] if actor == "human_agent"), None)
        if taken is None:
            return
        self.notes.add("handoff_inferred", "a person speaks after an AI agent")
        yield self.event(
            "handoff",
            taken,
            handoff_id=f"{self.thread}:1",
            from_actor="ai_agent",
            to_actor="human_agent",
            reason=None,
            is_planned=False,
            accepted_at=taken,
            is_failed=False,
            extra={"inferred_from": "speakers"},
        )

    def ending(self) -> Iterator[EventDict]:
        """A recording ends with the call; who hung up it does not tell."""
        ended = self._ended()
        if ended is not None:
            yield self.event(
                "state_change",
                max(ended, *self.times),
                change_id=f"{self.thread}:end",
                from_state="open",
                to_state="closed",
                actor=None,
                reason=None,
            )
