"""What a Salesforce file holds: rows of objects, as query answers, bulk CSV or Data Cloud Parquet.

Only this module knows prefixes, shapes and value tables. Reference: the object reference
(``sforce_api_objects_messagingsession``, ``…_conversationentry``) and the data model pages
``c360dm-si-aiagent…dmo-dmo`` of developer.salesforce.com. A column may be called ``Id``,
``ssot__Id__c`` or ``std__Id__c``: all three are the same field. Values marked below as seen only in
part stay raw when they are others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import RawRecord
from candor.sources.envelopes import JSON_FILES, is_lines, top_level_keys
from candor.sources.instants import of_iso
from candor.sources.readers import counters, csv, json_array, json_lines, parquet
from candor.sources.readers.dialect import Dialect
from candor.sources.shapes import Item, shape

FILES = (*JSON_FILES, "*.csv", "*.csv.gz", "*.parquet")
_PREFIXED = re.compile(r"(?:ssot|std)__(.+?)__c")
_SHAPES = (
    shape("ai_message", "AiAgentInteractionMessageType"),
    shape("step", "AiAgentInteractionStepType"),
    shape("interaction", "AiAgentInteractionType"),
    shape("moment", "ResponseSummaryText"),
    shape("participant", "AiAgentSessionParticipantRole"),
    shape("log", "LogLevelType"),
    shape("outcome", "AiAgentSessionId SessionOutcome"),
    shape("ai_session", "AiAgentChannelType"),
    shape("ai_session", "AiAgentSessionEndType"),
    shape("ai_session", "RelatedMessagingSessionId StartTimestamp"),
    shape("entry", "EntryType ActorType"),
    shape("session", "AgentType StartTime"),
    shape("session", "ChannelType StartTime"),
    shape("case_history", "CaseId Field NewValue"),
    shape("case", "CaseNumber"),
    shape("end_user", "MessagingPlatformKey"),
)
END_TYPE = "AiAgentSessionEndType"
_LISTS = ("records", "data")
_WANTED = "a row of MessagingSession, ConversationEntry, AiAgentSession or a table beside them"
ACTORS = {
    "EndUser": "customer",
    "Bot": "ai_agent",
    "Agent": "human_agent",
    "Supervisor": "human_agent",
    "System": "system",
}
CHANNELS = {"Voice": "voice", "Phone": "voice", "Email": "email", "Text": "sms"}
AI_CHANNELS = {"Voice": "voice", "Email": "email", "Messaging": "messaging", "SMS": "sms"}
CASE_CHANNELS = {"Email": "email", "Web": "web_form", "Phone": "voice", "Chat": "chat"}
DIRECTIONS = {
    "InboundInitiated": "inbound",
    "AgentInitiated": "proactive",
    "TriggeredOutbound": "proactive",
}
CASE_STATES = {"New": "open", "Working": "open", "Escalated": "open", "Closed": "closed"}
OPEN_STATUSES = frozenset({"New", "Active", "Waiting"})
CLOSERS = {
    "ChatbotClosedIdleSession": ("system", "inactivity"),
    "ChatbotEndedChatByAction": ("ai_agent", "ai_closed"),
    "ChatbotEndedTransferNotConfigured": ("system", "automation"),
}
NO_TRANSFER = "ChatbotEndedTransferNotConfigured"
ESCALATED = "BotEscalated"


@cache
def plain(name: str) -> str:
    """A column's name without the prefix of its model and without the custom-field suffix."""
    found = _PREFIXED.fullmatch(name)
    return found[1] if found else name


def body_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """A row under plain names, empty cells left out but for the one whose emptiness says something."""
    body = {
        plain(name): cell
        for name, cell in value.items()
        if cell is not None and cell != "" and name != "attributes"
    }
    if END_TYPE not in body and END_TYPE in {plain(name) for name in value}:
        body[END_TYPE] = None
    return body


def kind_of(names: set[str]) -> str | None:
    """Kind by the columns a row has, empty ones too."""
    for one in _SHAPES:
        if one.have <= names:
            return one.kind
    return None


def list_key(path: Path) -> str | None:
    """Key of a query answer's list; None when the document is a list or one row."""
    keys = top_level_keys(path)
    return next((key for key in _LISTS if key in keys), None)


def form_of(path: Path) -> str:
    """csv, parquet, lines or document."""
    name = path.name.removesuffix(".gz")
    if name.endswith((".csv", ".parquet")):
        return name.rpartition(".")[2]
    return "lines" if is_lines(path) else "document"


def read(path: Path) -> Iterator[RawRecord]:
    """Every row of a file, its value an ``Item`` under plain names.

    Raises:
        FileRefused: the file as a whole cannot be read.
    """
    form = form_of(path)
    if form == "csv":
        records = csv.read(path, Dialect())
    elif form == "parquet":
        records = parquet.read(path)
    elif form == "lines":
        records = json_lines.read(path)
    else:
        records = json_array.read(path, key=list_key(path))
    for record in records:
        if record.reason is not None:
            yield record
            continue
        value = record.value
        kind = kind_of({plain(name) for name in value}) if isinstance(value, dict) else None
        if kind is None:
            yield record._replace(value=None, reason=ReasonCode.TYPE_MISMATCH, detail=_WANTED)
        else:
            item = Item(kind, body_of(value))
            yield RawRecord(record.number, record.ref, record.raw, item, key=record.key)


def count(path: Path) -> int | None:
    """Rows by a counter that shares no code with ``read``."""
    form = form_of(path)
    if form == "csv":
        return counters.count_rows(path, Dialect())
    if form == "parquet":
        return parquet.count(path)
    if form == "lines":
        return counters.count_lines(path)
    return counters.count_elements(path, list_key(path))


def instant(body: Mapping[str, Any], field: str) -> int | None:
    """Epoch microseconds of a field; None when it is empty.

    Raises:
        RecordRefused: neither ISO 8601 nor a time with a zone.
    """
    value = body.get(field)
    if value is None:
        return None
    return of_iso(value.isoformat() if isinstance(value, datetime) else value, field)


def words_of(name: str) -> str:
    """``GetOrderStatus`` as ``get_order_status``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
