"""Contact Lens files as events: who said what and when, in calls and in chats, and what was found.

Only this module maps Contact Lens. Offsets in calls are milliseconds from the start of the recording,
which is when a person was connected; chats carry instants. What Contact Lens did not look at gives
no event but an abstention with the vendor's reason. Of a raw and a redacted file of one contact the
redacted one counts. Scores of sentiment run from -5 to 5.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources import markup
from candor.sources.amazon_connect import kinds
from candor.sources.amazon_connect.context import Around
from candor.sources.base import EventDict, RecordRefused
from candor.sources.benchmark import kind_of_text
from candor.sources.instants import keep_order, of_iso
from candor.sources.shapes import list_of, object_of, rest, text_of

ASSESSOR = "contact_lens"
_MILLISECOND = 1000
_INTERACTIVE = "application/vnd.amazonaws.connect.message.interactive"


def of_lens(body: Mapping[str, Any], around: Around) -> Iterator[EventDict | RecordRefused]:
    """The contact, its utterances and the vendor's findings.

    Raises:
        RecordRefused: neither the file nor its name says of which contact it is, or since when.
    """
    named = text_of(object_of(body.get("CustomerMetadata")).get("ContactId"))
    contact = named or text_of(body.get("ContactId")) or around.clue.contact
    if contact is None:
        raise RecordRefused(
            ReasonCode.ID_MISSING,
            "CustomerMetadata.ContactId",
            "the contact's id, in the file or in the name that Contact Lens gave it",
        )
    yield from _Analysis(contact, body, around).events()


def of_segments(body: Mapping[str, Any], around: Around) -> Iterator[EventDict | RecordRefused]:
    """The same of an answer with segments, whose file is named by the contact.

    Raises:
        RecordRefused: see ``of_lens``.
    """
    yield from of_lens(kinds.lens_of(body), around)


class _Analysis:
    def __init__(self, contact: str, body: Mapping[str, Any], around: Around) -> None:
        self.contact = contact
        self.body = body
        self.around = around
        self.notes = around.notes
        output = text_of(object_of(body.get("ContentMetadata")).get("Output"))
        self.revision = 1 if output == "Redacted" else 0
        self.turns = [one for one in list_of(body.get("Transcript")) if isinstance(one, dict)]
        self.broken = len(list_of(body.get("Transcript"))) - len(self.turns)
        self.roles = {
            str(one.get("ParticipantId")): str(one.get("ParticipantRole"))
            for one in list_of(body.get("Participants"))
            if isinstance(one, dict)
        }
        self.language = text_of(body.get("LanguageCode"))
        self.is_mail = body.get("Channel") == "EMAIL"
        self.instants = [self._absolute(turn) for turn in self.turns]
        self.began = self._began()

    def _began(self) -> int:
        """Instant of offset 0; for chats the first item."""
        if self.around.clue.began is not None:
            return self.around.clue.began
        told = [at for at in self.instants if isinstance(at, int)]
        if told:
            return min(told)
        known = self.around.export.contact(self.contact)
        if known is None:
            raise RecordRefused(
                ReasonCode.TS_UNPARSED,
                "file name",
                "the time that Contact Lens puts into its file names, or the contact record of the"
                " contact in the same folder",
            )
        return known.initiated if known.connected is None else known.connected

    @staticmethod
    def _absolute(turn: Mapping[str, Any]) -> int | RecordRefused | None:
        value = turn.get("AbsoluteTime")
        try:
            return None if value is None else of_iso(value, "AbsoluteTime")
        except RecordRefused as refused:
            return refused

    def event(self, type_: str, at: int, **fields: Any) -> EventDict:
        found = {"type": type_, "occurred_at": at, "revision": self.revision}
        return {**found, "thread_id": self.contact, **fields}

    def events(self) -> Iterator[EventDict | RecordRefused]:
        yield self.conversation()
        for _ in range(self.broken):
            yield RecordRefused(ReasonCode.TYPE_MISMATCH, "Transcript", "a list of objects")
        times = keep_order(map(self._time, self.turns, self.instants))
        told = zip(self.turns, self.instants, times, strict=True)
        for position, (turn, absolute, at) in enumerate(told):
            if isinstance(absolute, RecordRefused):
                yield absolute
                continue
            found = self.message(position, turn, at)
            if found is not None:
                yield found
        yield from self.findings()
        yield from self.skipped()

    def conversation(self) -> EventDict:
        """The contact as far as the file knows it.

        Its contact record says more and outranks it: it counts from an update clock.
        """
        word = text_of(self.body.get("Channel"))
        return {
            **self.event("conversation", self.began),
            "started_at": self.began,
            "channel": kinds.CHANNELS.get(word or "", word),
            "is_test": False,
            "is_spam": False,
            "extra": rest(self.body, kinds.LENS_KNOWN) or None,
        }

    def _time(self, turn: Mapping[str, Any], absolute: int | RecordRefused | None) -> int:
        if isinstance(absolute, int):
            return absolute
        offset = turn.get("BeginOffsetMillis")
        known = isinstance(offset, int | float) and not isinstance(offset, bool)
        return self.began + (int(offset) * _MILLISECOND if known and offset is not None else 0)

    def message(self, position: int, turn: Mapping[str, Any], at: int) -> EventDict | None:
        """One utterance; joins, leaves and receipts of a chat are none and are counted."""
        content_type = text_of(turn.get("ContentType"))
        if turn.get("Type") == "EVENT":
            word = (content_type or "unknown").rpartition(".event.")[2]
            self.notes.add("chat_event", word)
            return None
        actor = self.actor(turn)
        text = self._text(turn, content_type)
        start, end = turn.get("BeginOffsetMillis"), turn.get("EndOffsetMillis")
        extra = rest(turn, kinds.TURN_KNOWN)
        if content_type in (None, "text/plain", "text/markdown"):
            extra.pop("ContentType", None)
        if turn.get("Type") not in (None, "MESSAGE"):
            extra["item"] = turn["Type"]
        kind = None
        declared = self.around.settings.get("ai_text_kind")
        if actor == "ai_agent" and text and declared == "question_mark":
            kind = kind_of_text(text)
        participant = text_of(turn.get("ParticipantId"))
        return self.event(
            "message",
            at,
            message_id=text_of(turn.get("Id")) or f"{self.contact}:{position:05d}",
            actor=actor,
            # In calls the id only repeats the role.
            actor_id=None if participant in kinds.ROLES else participant,
            is_public=True,
            text=text,
            kind=kind,
            language=self.language,
            speech_start_ms=start,
            speech_end_ms=end,
            emotion=text_of(turn.get("Sentiment")),
            extra=extra or None,
        )

    def actor(self, turn: Mapping[str, Any]) -> str | None:
        """customer, ai_agent, human_agent, system or None (counted as ``actor_unknown``)."""
        participant = str(turn.get("ParticipantId"))
        role = str(turn.get("ParticipantRole") or self.roles.get(participant) or participant)
        if participant in self.around.options.ai_actor_ids:
            return "ai_agent"
        if role in kinds.MACHINES:
            declared = text_of(self.around.settings.get("system_role"))
            if declared is not None:
                return declared
            known = self.around.export.contact(self.contact)
            if known is None:
                self.notes.add("contact_missing", "bot turns of contacts without a contact record")
                return None
            return "ai_agent" if known.has_ai else "system"
        found = kinds.ROLES.get(role)
        if found is None:
            self.notes.add("actor_unknown", role)
        return found

    def _text(self, turn: Mapping[str, Any], content_type: str | None) -> str | None:
        content = text_of(turn.get("Content"))
        if content is None or content_type != _INTERACTIVE:
            # Only mails quote and hold markup; what is typed or said stands as it is.
            words = markup.read(content).text if content and self.is_mail else content
            return (words or "").strip() or None
        try:
            shown = json.loads(content)["data"]["content"]
            return text_of(shown.get("title"))
        except (ValueError, LookupError, TypeError, AttributeError):
            return content

    def findings(self) -> Iterator[EventDict]:
        """Scores, categories, counts and the summary, each under the vendor's name."""
        traits = object_of(self.body.get("ConversationCharacteristics"))
        overall = object_of(object_of(traits.get("Sentiment")).get("OverallSentiment"))
        by_role = object_of(overall.get("DetailsByParticipantRole")) or overall
        for role, score in sorted(by_role.items()):
            if role in kinds.ROLES:
                yield from self._score(f"sentiment:{role.lower()}", score)
        parts = object_of(object_of(overall.get("DetailsByInteraction")).get("CUSTOMER"))
        for part, name in (("WithAgent", "with_agent"), ("WithoutAgent", "without_agent")):
            yield from self._score(f"sentiment:customer:{name}", parts.get(part))
        # The vendor's own counts stay beside what the times of speech give.
        interruptions = object_of(traits.get("Interruptions"))
        yield from self._score("interruptions", interruptions.get("TotalCount"))
        quiet = object_of(traits.get("NonTalkTime"))
        yield from self._score("non_talk_ms", quiet.get("TotalTimeMillis"))
        for name in list_of(object_of(self.body.get("Categories")).get("MatchedCategories")):
            yield self._assessment(f"category:{name}", "code", label="matched")
        summary = object_of(object_of(traits.get("ContactSummary")).get("PostContactSummary"))
        if text_of(summary.get("Content")):
            yield self._assessment("summary", "vendor", explanation=str(summary["Content"]))

    def _score(self, criterion: str, given: Any) -> Iterator[EventDict]:
        value = given.get("Score") if isinstance(given, dict) else given
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield self._assessment(criterion, "vendor", value=float(value))

    def _assessment(self, criterion: str, assessor: str, **fields: Any) -> EventDict:
        return self.event(
            "assessment",
            self.began,
            assessment_id=f"{self.contact}:{ASSESSOR}:{criterion}",
            assessor_kind=assessor,
            assessor_id=ASSESSOR,
            assessor_version=text_of(self.body.get("Version")) or "unknown",
            criterion=criterion,
            sampling_probability=None,
            **fields,
        )

    def skipped(self) -> Iterator[EventDict]:
        """An abstention for every analysis that Contact Lens left out, so that its share shows."""
        status = text_of(self.body.get("JobStatus"))
        if status not in (None, "COMPLETED"):
            self.notes.add("analysis_failed", str(status))
        told: dict[str, str] = {}
        for one in list_of(object_of(self.body.get("JobDetails")).get("SkippedAnalysis")):
            given = object_of(one)
            told[str(given.get("Feature"))] = str(given.get("ReasonCode"))
        for feature, reason in sorted(told.items()):
            self.notes.add("analysis_skipped", f"{feature}: {reason}")
            criterion = f"analysis:{feature.lower()}"
            yield self._assessment(criterion, "vendor", explanation=reason)
