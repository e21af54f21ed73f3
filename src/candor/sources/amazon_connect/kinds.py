"""What an Amazon Connect file holds, and the meaning of its words.

Only this module knows shapes, names and value tables. Reference: the administrator guide's pages on
the data model of contact records, on the output files of Contact Lens for calls and for chats and
on their locations, and the interface reference (docs.aws.amazon.com/connect; for spans ``ListSpans``
and ``SpanMessage``). Reasons of a
disconnect differ by channel and grow: an unlisted one is kept and counted. Streams name things
otherwise than the interface does; from here on only the interface's names are used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import RecordRefused
from candor.sources.instants import of_iso, of_seconds
from candor.sources.shapes import Item, Vendor, keys, list_of, object_of, shape, text_of

VENDOR = Vendor(
    "Amazon Connect",
    (
        shape("lens", "JobStatus Channel"),
        shape("lens", "Transcript Participants"),
        shape("segments", "Segments"),
        shape("span", "spanId sessionId"),
        shape("evaluation", "EvaluationId Status Metadata"),
        shape("evaluation", "Evaluation"),
        shape("contact", "ContactId InitiationMethod"),
        shape("contact", "Id InitiationMethod"),
        shape("contact", "Contact"),
    ),
    {"Contacts": "Contacts", "ContactSummaryList": "ContactSummaryList", "spans": "spans"},
    "an Amazon Connect contact record, Contact Lens file or segments, evaluation or span",
)
LENS_NAME = re.compile(
    r"(?P<contact>.+)_analysis(?:_redacted)?_(?P<day>\d{4}-?\d{2}-?\d{2})T(?P<clock>[\d:_]{5,8}?)_?(?:Z|UTC)"
)
_SEGMENTS_NAME = re.compile(r"(?P<contact>.+)_segments(?:[_.-].*)?\.json")
_WRAPPED = {"contact": "Contact", "evaluation": "Evaluation"}
_FORM = ("EvaluationFormId", "EvaluationFormVersion")
# The stream's names → the interface's.
_RENAMED = {"ContactId": "Id", "Agent": "AgentInfo", "Queue": "QueueInfo"}

CHANNELS = {"VOICE": "voice", "CHAT": "chat", "EMAIL": "email"}
SUBTYPES = {
    "connect:sms": "sms",
    "connect:whatsapp": "messaging",
    "connect:apple": "messaging",
    "connect:applemessagesforbusiness": "messaging",
}
NO_CONTACT = {
    "DISCONNECT": "the flow after a contact",
    "MONITOR": "a supervisor listening",
}
"""Initiation methods of records that are no contact of a customer."""
INBOUND = frozenset(("INBOUND", "WEBRTC_API", "CALLBACK"))
PROACTIVE = frozenset(("OUTBOUND", "EXTERNAL_OUTBOUND"))
UNDIRECTED = frozenset(("TRANSFER", "QUEUE_TRANSFER", "AGENT_REPLY", "FLOW"))
SELF_SERVICE = "SelfService"

# Reason of a disconnect → who ended the contact, and why.
ENDINGS: Mapping[str, tuple[str | None, str | None]] = {
    "CUSTOMER_DISCONNECT": ("customer", None),
    "AGENT_DISCONNECT": ("human_agent", "agent_closed"),
    "AGENT_COMPLETED": ("human_agent", "agent_closed"),
    "DISCARDED": ("human_agent", None),
    "BARGED": ("human_agent", None),
    "THIRD_PARTY_DISCONNECT": (None, None),
    "TRANSFERRED": (None, None),
    "OTHER": (None, None),
    "CONTACT_FLOW_DISCONNECT": ("system", "automation"),
    "API": ("system", "automation"),
    "EXPIRED": ("system", "inactivity"),
    "IDLE_DISCONNECT": ("system", "inactivity"),
    "TELECOM_PROBLEM": ("system", None),
    "AGENT_NETWORK_DISCONNECT": ("system", None),
    "CUSTOMER_CONNECTION_NOT_ESTABLISHED": ("system", None),
    "SYSTEM_ERROR": ("system", None),
}
ROLES = {
    "CUSTOMER": "customer",
    "AGENT": "human_agent",
    "SUPERVISOR": "human_agent",
}
MACHINES = frozenset(("SYSTEM", "CUSTOM_BOT"))
"""Roles that are an AI agent where one is on the contact, and a plain flow where none is."""
SPOKEN = ("inputMessages", "outputMessages")
PARTICIPANTS = {"CUSTOMER": "customer", "BOT": "ai_agent", "AGENT": "human_agent"}
"""Who a message of a span is by."""
GUARDRAIL_RESULTS = {"NONE": "pass", "GUARDRAIL_INTERVENED": "violation"}


@dataclass(frozen=True, slots=True)
class Clue:
    """What the name of a Contact Lens file says: the contact, and when its recording began."""

    contact: str | None = None
    began: int | None = None


def clue_of(path: Path) -> Clue:
    """The name's words; an unknown form of name says nothing."""
    match = LENS_NAME.match(path.name)
    if match is None:
        # An answer of the interface names no contact, so who saves it names the file by it.
        named = _SEGMENTS_NAME.fullmatch(path.name.removesuffix(".gz"))
        return Clue(named["contact"] if named else None)
    day, clock = match["day"].replace("-", ""), match["clock"].replace("_", ":")
    try:
        began = of_iso(f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock}Z", "file name")
    except RecordRefused:
        return Clue(match["contact"])
    return Clue(match["contact"], began)


def lens_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Segments of a contact that is still going on, or just ended, as a Contact Lens file has them.

    Names that people see in a chat are left out. Unfinished utterances come again when finished.
    """
    turns: list[Any] = []
    matched: list[str] = []
    for segment in list_of(body.get("Segments")):
        if not isinstance(segment, dict):
            turns.append(segment)
            continue
        for name, type_ in (("Transcript", "MESSAGE"), ("Event", "EVENT")):
            told = segment.get(name)
            if isinstance(told, dict):
                turn = {key: told[key] for key in told if key not in ("Time", "DisplayName")}
                turn.update(object_of(told.get("Time")))
                if type_ == "EVENT":
                    turn["ContentType"] = turn.pop("EventType", None)
                turns.append({"Type": type_, **turn})
        found = object_of(segment.get("Categories"))
        matched += [str(one) for one in list_of(found.get("MatchedCategories"))]
        matched += object_of(found.get("MatchedDetails")).keys() - set(matched)
    return {
        **{
            key: value
            for key, value in body.items()
            if key not in ("Segments", "NextToken", "Status")
        },
        "Transcript": turns,
        "Categories": {"MatchedCategories": sorted(set(matched))},
    }


def body_of(item: Item) -> dict[str, Any]:
    """The record itself, out of the answer that holds it, under the interface's names."""
    body = item.body
    inner = body.get(_WRAPPED.get(item.kind, ""))
    if isinstance(inner, dict):
        # The form of an evaluation stands beside it.
        form = object_of(body.get("EvaluationForm"))
        body = {**inner, **{key: form[key] for key in _FORM if key in form}}
    if item.kind != "contact" or "ContactId" not in body:
        return body
    return {_RENAMED.get(key, key): value for key, value in body.items()}


def instant(body: Mapping[str, Any], field: str) -> int | None:
    """A time: ISO text in streams and files, seconds as a number in answers of the interface."""
    value = body.get(field)
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return of_iso(value, field)
    return of_seconds(value, field)


def required_instant(body: Mapping[str, Any], field: str) -> int:
    """A time that must be there.

    Raises:
        RecordRefused: TS_UNPARSED.
    """
    found = instant(body, field)
    if found is None:
        raise RecordRefused(ReasonCode.TS_UNPARSED, field, "a date and time")
    return found


def tail(value: Any) -> str | None:
    """The id at the end of a resource name; the value itself when it is none."""
    text = text_of(value)
    return None if text is None else text.rpartition("/")[2] or text


def agents_of(contact: Mapping[str, Any], use: str = SELF_SERVICE) -> list[dict[str, Any]]:
    """AI agents on a contact in one use; those that assist a person do not talk to the customer."""
    found = list_of(object_of(contact.get("WisdomInfo")).get("AiAgents"))
    return [one for one in found if isinstance(one, dict) and one.get("AiUseCase") == use]


def messages_of(span: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was said before and in a span, oldest first: messages with an id of their own."""
    about = object_of(span.get("attributes"))
    return [
        one
        for name in SPOKEN
        for one in list_of(about.get(name))
        if isinstance(one, dict) and isinstance(one.get("messageId"), str)
    ]


def words_of(message: Mapping[str, Any]) -> str:
    """The text of a span's message; "" where it only calls tools."""
    values = [object_of(one) for one in list_of(message.get("values"))]
    texts = [object_of(one.get("text")).get("value") for one in values]
    return "\n".join(text.strip() for text in texts if isinstance(text, str) and text.strip())


def subtype_of(contact: Mapping[str, Any]) -> str:
    """The kind of chat, in lower case."""
    given = object_of(contact.get("SegmentAttributes")).get("connect:Subtype")
    word = given.get("ValueString") if isinstance(given, dict) else given
    return str(word or "").lower()


CONTACT_KNOWN = keys(
    "Id Arn InitialContactId PreviousContactId RelatedContactId ContactAssociationId NextContactId"
    " NextContacts InitiationMethod Channel InitiationTimestamp DisconnectTimestamp"
    " LastUpdateTimestamp DisconnectReason CustomerId CustomerEndpoint Cases WisdomInfo"
    " AWSAccountId AWSContactTraceRecordFormatVersion InstanceARN"
)
LENS_KNOWN = keys(
    "Version Channel LanguageCode Participants Transcript Categories CustomerMetadata AccountId"
)
TURN_KNOWN = keys(
    "Id ParticipantId ParticipantRole Content BeginOffsetMillis EndOffsetMillis Sentiment"
    " AbsoluteTime Type"
)
