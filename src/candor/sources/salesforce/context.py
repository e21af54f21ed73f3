"""What one Salesforce row needs to know of its neighbours in the same export.

An Agentforce session says which messaging session it belongs to, an entry names a conversation, a
messaging session does not say who wrote in it. Only this module reads a whole export ahead. Absent
neighbours leave questions open; nothing is guessed. Instants are epoch microseconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import FileRefused, Notes, RecordRefused, SourceOptions
from candor.sources.dialogues import Dialogues
from candor.sources.instants import of_iso
from candor.sources.salesforce import kinds
from candor.sources.shapes import Item, Read, text_of


@dataclass(frozen=True, slots=True)
class AiSession:
    """An Agentforce session: its thread, its span, its end, and whether it was a preview."""

    thread: str
    started: int
    ended: int | None
    end_type: str | None
    is_test: bool
    individual: str | None


@dataclass(slots=True)
class Export:
    """One export folder, read ahead."""

    sessions: dict[str, int] = field(default_factory=dict)
    end_users: dict[str, str] = field(default_factory=dict)
    of_conversation: dict[str, set[tuple[int, str]]] = field(
        default_factory=lambda: defaultdict(set)
    )
    accepted: int = 0
    entries: int = 0
    entry_rows: list[tuple[str, str, int, str | None]] = field(default_factory=list)
    dialogues: Dialogues = field(default_factory=Dialogues)
    marks: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    mark_rows: list[tuple[str, int, str]] = field(default_factory=list)
    ai_sessions: dict[str, AiSession] = field(default_factory=dict)
    ai_of: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    interactions: dict[str, str] = field(default_factory=dict)
    agents: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    spoken_ai: set[str] = field(default_factory=set)

    def thread_of_entry(self, conversation: str) -> str:
        """The messaging session an entry's conversation id means."""
        if conversation in self.sessions:
            return conversation
        known = sorted(self.of_conversation.get(conversation, ()))
        return known[0][1] if known else conversation

    def first_mark(self, thread: str, *types: str) -> tuple[int, str] | None:
        """The first entry of any of the types."""
        return min((m for m in self.marks.get(thread, ()) if m[1] in types), default=None)

    def agent_of(self, thread: str) -> tuple[str | None, str | None]:
        """Agent and version of a thread's Agentforce sessions; (None, None) without one."""
        for session in sorted(self.ai_of.get(thread, ())):
            agent, version = self.agents.get(session, (None, None))
            return agent or "agentforce", version
        return None, None

    @property
    def traced_since(self) -> int | None:
        """When the first traced session began."""
        return min((one.started for one in self.ai_sessions.values()), default=None)


@dataclass(frozen=True, slots=True)
class Around:
    """What a mapping may look at beside its record."""

    export: Export
    options: SourceOptions
    notes: Notes

    @property
    def settings(self) -> Mapping[str, Any]:
        """The connector's settings."""
        return self.options.settings


def id_of(body: Mapping[str, Any], key: str = "Id") -> str:
    """An id as text.

    Raises:
        RecordRefused: ID_MISSING.
    """
    if body.get(key) is None:
        raise RecordRefused(ReasonCode.ID_MISSING, key, "the row's id")
    return str(body[key])


def required(body: Mapping[str, Any], key: str) -> int:
    """An instant that must be there.

    Raises:
        RecordRefused: TS_UNPARSED.
    """
    found = kinds.instant(body, key)
    return of_iso(None, key) if found is None else found


def thread_of_ai(body: Mapping[str, Any]) -> str:
    """The thread of an Agentforce session: what it is related to, else itself."""
    related = body.get("RelatedMessagingSessionId") or body.get("RelatedVoiceCallId")
    return id_of(body) if related is None else str(related)


def actor_of(body: Mapping[str, Any], ai_actors: frozenset[str]) -> str | None:
    """Who wrote an entry, by its type, and by the declared seats."""
    if text_of(body.get("ActorId")) in ai_actors:
        return "ai_agent"
    return kinds.ACTORS.get(str(body.get("ActorType")))


def read_export(files: Iterable[Path], read: Read, options: SourceOptions) -> Export:
    """Read every file of an export ahead; what cannot be read is told when its own turn comes."""
    export = Export()
    for path in files:
        try:
            for record in read(path):
                if isinstance(record.value, Item):
                    _note(export, options, record.value)
        except FileRefused:
            continue
    for conversation, identity, at, actor in export.entry_rows:
        thread = export.thread_of_entry(conversation)
        export.dialogues.add(thread, identity, at, actor, is_public=True)
    for conversation, at, kind in export.mark_rows:
        export.marks[export.thread_of_entry(conversation)].append((at, kind))
    return export


def _note(export: Export, options: SourceOptions, item: Item) -> None:
    try:
        _NOTED.get(item.kind, _nothing)(export, options, item.body)
    except (RecordRefused, AttributeError, TypeError, ValueError):
        return  # The mapping will say what is wrong with it.


def _nothing(_: Export, __: SourceOptions, ___: Mapping[str, Any]) -> None:
    return


def _session(export: Export, _: SourceOptions, body: Mapping[str, Any]) -> None:
    thread, started = id_of(body), required(body, "StartTime")
    export.sessions[thread] = started
    export.accepted += body.get("AcceptTime") is not None
    if body.get("MessagingEndUserId") is not None:
        export.end_users[thread] = str(body["MessagingEndUserId"])
    if body.get("ConversationId") is not None:
        export.of_conversation[str(body["ConversationId"])].add((started, thread))


def _entry(export: Export, options: SourceOptions, body: Mapping[str, Any]) -> None:
    export.entries += 1
    conversation, at = id_of(body, "ConversationId"), required(body, "EntryTime")
    if body.get("EntryType") == "Text":
        actor = actor_of(body, options.ai_actor_ids)
        export.entry_rows.append((conversation, id_of(body), at, actor))
    else:
        export.mark_rows.append((conversation, at, str(body.get("EntryType"))))


def _ai_session(export: Export, _: SourceOptions, body: Mapping[str, Any]) -> None:
    channel = str(body.get("AiAgentChannelType") or "").lower()
    found = AiSession(
        thread_of_ai(body),
        required(body, "StartTimestamp"),
        kinds.instant(body, "EndTimestamp"),
        text_of(body.get("AiAgentSessionEndType")),
        "builder" in channel or "preview" in channel,
        text_of(body.get("IndividualId")),
    )
    export.ai_sessions[id_of(body)] = found
    export.ai_of[found.thread].add(id_of(body))


def _interaction(export: Export, _: SourceOptions, body: Mapping[str, Any]) -> None:
    export.interactions[id_of(body)] = id_of(body, "AiAgentSessionId")


def _agent(export: Export, _: SourceOptions, body: Mapping[str, Any]) -> None:
    if body.get("AiAgentApiName") is not None:
        found = (str(body["AiAgentApiName"]), text_of(body.get("AiAgentVersionApiName")))
        session = id_of(body, "AiAgentSessionId")
        earlier = export.agents.get(session)
        export.agents[session] = min(earlier or found, found, key=str)


def _ai_message(export: Export, _: SourceOptions, body: Mapping[str, Any]) -> None:
    export.spoken_ai.add(id_of(body, "AiAgentSessionId"))


_NOTED = {
    "session": _session,
    "entry": _entry,
    "ai_session": _ai_session,
    "interaction": _interaction,
    "participant": _agent,
    "moment": _agent,
    "ai_message": _ai_message,
}
