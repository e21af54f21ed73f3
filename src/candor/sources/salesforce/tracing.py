"""Agentforce session tracing as events: sessions, what was said in them, actions, claims.

Only this module maps the tracing objects of Data Cloud. A session's thread is the messaging session
or call it is related to, else itself. The end type and the outcome of Agent Analytics are two rules
of the vendor, so they are two claims. A moment is a summary: it stands for what was said and is never
taken for wording.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources import claims, markup
from candor.sources.base import EventDict, RecordRefused, RecordSkipped
from candor.sources.benchmark import kind_of_text, kind_of_tool
from candor.sources.salesforce import kinds
from candor.sources.salesforce.context import Around, id_of, required, thread_of_ai
from candor.sources.salesforce.messaging import handoff, link
from candor.sources.shapes import keys, rest, text_of

_KNOWN = keys(
    "Id StartTimestamp EndTimestamp AiAgentChannelType AiAgentSessionEndType ConversationId"
    " PreviousSessionId RelatedMessagingSessionId RelatedVoiceCallId IndividualId"
)
_MESSAGE_KNOWN = keys(
    "Id AiAgentInteractionMessageType AiAgentInteractionMsgContentType AiAgentSessionId ContentText"
    " MessageSentTimestamp AiAgentInteractionId"
)
_SPEAKERS = {"Input": "customer", "Output": "ai_agent"}
_GUARDS = ("guardrail", "trust", "safety", "toxic", "policy", "injection")


def of_ai_session(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """The session's claim, links and aliases, and its conversation where no other row has it."""
    session, thread = id_of(body), thread_of_ai(body)
    started, ended = required(body, "StartTimestamp"), kinds.instant(body, "EndTimestamp")
    export = around.export
    revision = ended or started
    is_known = thread in export.sessions
    if not is_known:
        yield _conversation(session, thread, body, started, ended, around)
    # Without the column the vendor was not asked; with an empty cell it looked and claims nothing.
    if ended is not None and kinds.END_TYPE in body:
        raw = text_of(body[kinds.END_TYPE]) or "null"
        yield _claim(f"end_type:{session}", thread, ended, "salesforce_end_type", raw, around)
        if raw == "escalated" and not is_known:
            came = export.dialogues.first(thread, "human_agent", since=ended)
            yield handoff(thread, ended, revision, accepted=came, is_failed=False, extra=None)
    previous = text_of(body.get("PreviousSessionId"))
    if previous is not None:
        before = export.ai_sessions.get(previous)
        origin = previous if before is None else before.thread
        if origin != thread:
            yield link("followup", thread, origin, started, told_by=session)
    if body.get("RelatedMessagingSessionId") and body.get("RelatedVoiceCallId"):
        yield link("transferred", thread, str(body["RelatedVoiceCallId"]), started, told_by=session)
    end_user, individual = export.end_users.get(thread), text_of(body.get("IndividualId"))
    if end_user is not None and individual is not None:
        yield {
            "type": "identity",
            "identity_id": f"session:{session}:individual",
            "occurred_at": started,
            "customer_id": end_user,
            "alias_kind": "external",
            "alias": individual,
            "is_removed": False,
        }


def _conversation(
    session: str,
    thread: str,
    body: Mapping[str, Any],
    started: int,
    ended: int | None,
    around: Around,
) -> EventDict:
    agent, release = around.export.agent_of(thread)
    channel = text_of(body.get("AiAgentChannelType"))
    is_test = around.export.ai_sessions[session].is_test
    if body.get("RelatedVoiceCallId") and not body.get("RelatedMessagingSessionId"):
        ours: str | None = "voice"
    elif channel is None or is_test:
        ours = None
    else:
        # A word outside the table is stored raw and counted, never guessed.
        ours = kinds.AI_CHANNELS.get(channel, channel)
    return {
        "type": "conversation",
        "thread_id": thread,
        "occurred_at": started,
        # A messaging session that is exported later replaces this.
        "revision": 0 if thread != session else ended or started,
        "started_at": started,
        "ended_at": ended,
        "channel": ours,
        "customer_id": text_of(body.get("IndividualId")),
        "is_test": is_test,
        "is_spam": False,
        "ai_agent_id": agent,
        "release": release,
        "extra": rest(body, _KNOWN) or None,
    }


def _claim(identity: str, thread: str, at: int, vendor: str, raw: str, around: Around) -> EventDict:
    return {
        "type": "claim",
        "claim_id": identity,
        "thread_id": thread,
        "occurred_at": at,
        "claimant": vendor,
        "raw_value": raw,
        "claimed": claims.claimed(vendor, raw, around.notes),
        "api_version": text_of(around.settings.get("api_version")),
        "is_billable": None,
    }


def of_outcome(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """The outcome that Agent Analytics gives a session.

    Raises:
        RecordRefused: ORPHAN when the session is not in the export.
        RecordSkipped: the vendor gave none.
    """
    session = _session_of(body, around)
    if body.get("SessionOutcome") is None:
        raise RecordSkipped("outcome that means no event")
    known = around.export.ai_sessions[session]
    at = known.ended or known.started
    raw = str(body["SessionOutcome"])
    yield _claim(f"analytics:{session}", known.thread, at, "salesforce_analytics", raw, around)


def _session_of(body: Mapping[str, Any], around: Around) -> str:
    found = body.get("AiAgentSessionId") or body.get("SessionId")
    if found is None:
        found = around.export.interactions.get(str(body.get("AiAgentInteractionId")))
    if found is None or str(found) not in around.export.ai_sessions:
        raise RecordRefused(
            ReasonCode.ORPHAN, "AiAgentSessionId", "an AiAgentSession of the same export"
        )
    return str(found)


def of_ai_message(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """A text of a traced session, unless its thread has entries.

    Raises:
        RecordSkipped: the entries say the same in the customer's view.
    """
    thread = around.export.ai_sessions[_session_of(body, around)].thread
    if thread in around.export.dialogues:
        raise RecordSkipped("traced message of a thread with entries")
    told = str(body.get("AiAgentInteractionMessageType"))
    actor = _SPEAKERS.get(told)
    if actor is None:
        around.notes.add("actor_unknown", f"AiAgentInteractionMessageType {told}")
    written = markup.read(str(body.get("ContentText") or ""))
    text = written.text or None
    asks = around.settings.get("ai_text_kind") == "question_mark"
    extra = rest(body, _MESSAGE_KNOWN)
    yield {
        "type": "message",
        "message_id": id_of(body),
        "thread_id": thread,
        "occurred_at": required(body, "MessageSentTimestamp"),
        "actor": actor,
        "is_public": True,
        "text": text,
        "kind": kind_of_text(text) if asks and actor == "ai_agent" and text else None,
        "extra": extra or None,
    }


def of_moment(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """What was asked and answered, in summary, where nothing else tells it.

    Raises:
        RecordSkipped: entries or traced messages tell it in full.
    """
    session = _session_of(body, around)
    thread = around.export.ai_sessions[session].thread
    if thread in around.export.dialogues or session in around.export.spoken_ai:
        raise RecordSkipped("moment of a thread whose words are exported")
    started = required(body, "StartTimestamp")
    ended = kinds.instant(body, "EndTimestamp")
    sides = (
        ("customer", "RequestSummaryText", started),
        ("ai_agent", "ResponseSummaryText", started + 1 if ended is None else ended),
    )
    for actor, field, at in sides:
        if body.get(field) is not None:
            yield {
                "type": "message",
                "message_id": f"moment:{id_of(body)}:{actor}",
                "thread_id": thread,
                "occurred_at": at,
                "actor": actor,
                "is_public": True,
                # A summary is nobody's wording, so nothing may score it.
                "text": None,
                "kind": None,
                "release": text_of(body.get("AiAgentVersionApiName")),
                "extra": {"is_summary": True, "summary": str(body[field])},
            }


def of_step(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """A step that called something.

    Raises:
        RecordSkipped: a step of thought.
    """
    kind = str(body.get("AiAgentInteractionStepType"))
    if not any(word in kind.lower() for word in ("action", "function")):
        raise RecordSkipped(f"step {kind} that means no event")
    started, ended = required(body, "StartTimestamp"), kinds.instant(body, "EndTimestamp")
    name = text_of(body.get("NameInterfaceField") or body.get("Name")) or kind
    yield {
        "type": "action",
        "action_id": id_of(body),
        "thread_id": around.export.ai_sessions[_session_of(body, around)].thread,
        "occurred_at": started,
        "actor": "ai_agent",
        "name": name,
        "kind": kind_of_tool(kinds.words_of(name), around.notes),
        "status": "succeeded" if body.get("ErrorMessageText") is None else "failed",
        "duration_ms": None if ended is None else max(ended - started, 0) // 1000,
        "extra": {"step_type": kind},
    }


def of_log(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """A log line of a safeguard; its code is kept, what it means is unknown.

    Raises:
        RecordSkipped: a line of another category.
    """
    category = str(body.get("Category") or "")
    if not any(word in category.lower() for word in _GUARDS):
        raise RecordSkipped(f"log of category {category} that means no event")
    yield {
        "type": "guardrail",
        "guardrail_id": id_of(body),
        "thread_id": around.export.ai_sessions[_session_of(body, around)].thread,
        "occurred_at": required(body, "LogDateTime"),
        "policy_id": category,
        "native_result": text_of(body.get("Code")) or "null",
        "result": None,
        "severity": None,
        "component": "agentforce",
        "extra": {"log_level": body.get("LogLevelType")},
    }
