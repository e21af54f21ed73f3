"""What one Chatwoot record needs to know of its neighbours in the same export.

A reporting event does not say who came after a handoff or when somebody last wrote, and a
conversation does not say when its state changed. Only this module reads a whole export ahead.
Absent neighbours leave questions open; nothing is guessed. Instants are epoch microseconds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import FileRefused, Notes, RecordRefused, SourceOptions
from candor.sources.chatwoot import kinds
from candor.sources.dialogues import Dialogues
from candor.sources.instants import MINUTE, SECOND
from candor.sources.shapes import Item, Read, keys, list_of, object_of, text_of

SAME_HANDOFF = MINUTE
SAME_CLOSE = 5 * SECOND


@dataclass(slots=True)
class Export:
    """One export folder, read ahead."""

    accounts: set[str] = field(default_factory=set)
    display: dict[str, str] = field(default_factory=dict)
    inboxes: dict[str, str] = field(default_factory=dict)
    dialogues: Dialogues = field(default_factory=Dialogues)
    ai_agents: dict[str, tuple[int, str]] = field(default_factory=dict)
    told: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    reported_handoffs: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    told_handoffs: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    reasons: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    bot_closes: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    reported_closes: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    statuses: dict[str, tuple[int, str]] = field(default_factory=dict)
    offered: dict[str, int] = field(default_factory=dict)
    _counts: Counter[str] | None = None

    def state_before(self, thread: str, at: int) -> str | None:
        """The last state known before an instant."""
        earlier = [(time, state) for time, state in self.told.get(thread, ()) if time < at]
        return max(earlier)[1] if earlier else None

    def latest(self, thread: str) -> int:
        """The last instant anything is known to have happened in a thread."""
        return max(
            [self.dialogues.latest(thread), *(at for at, _ in self.told.get(thread, ()))], default=0
        )

    def counts(self) -> Counter[str]:
        """Conversations by their latest status, counted once for all that compare themselves."""
        if self._counts is None:
            self._counts = Counter(status for _, status in self.statuses.values())
        return self._counts


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

    def thread(self, body: Mapping[str, Any], conversation: Any) -> str:
        """Thread of a conversation's number.

        Raises:
            RecordRefused: no number, no account, or a number that the export does not explain.
        """
        return thread_of(self.export, self.settings, body, conversation)


def thread_of(
    export: Export, settings: Mapping[str, Any], body: Mapping[str, Any], conversation: Any
) -> str:
    """Account and display id, as ``3-1204``.

    Raises:
        RecordRefused: ID_MISSING, or ORPHAN for a database id without its conversation.
    """
    number = text_of(conversation)
    if number is None:
        raise RecordRefused(ReasonCode.ID_MISSING, "conversation_id", "the conversation's number")
    if settings.get("ids") == "database":
        found = export.display.get(number)
        if found is None:
            raise RecordRefused(
                ReasonCode.ORPHAN,
                "conversation_id",
                "a conversation with this id and its display_id in the same export",
            )
        number = found
    account = body.get("account_id") or object_of(body.get("account")).get("id")
    if account is None:
        account = settings.get("account_id")
    if account is None and len(export.accounts) == 1:
        account = next(iter(export.accounts))
    if account is None:
        raise RecordRefused(
            ReasonCode.ID_MISSING, "account_id", "the account: set account_id in the settings"
        )
    return f"{account}-{number}"


def read_export(files: Iterable[Path], read: Read, options: SourceOptions) -> Export:
    """Read every file of an export ahead; what cannot be read is told when its own turn comes."""
    export = Export()
    waiting: list[Item] = []
    for path in files:
        try:
            for record in read(path):
                if isinstance(record.value, Item):
                    _note_ids(export, record.value)
                    waiting.extend(
                        p for p in _parts(record.value) if not _noted(export, options, p)
                    )
        except FileRefused:
            continue
    # Accounts and database ids may stand in later files; the mapping says what is wrong with others.
    for item in waiting:
        _noted(export, options, item)
    return export


def number_of(body: Mapping[str, Any]) -> Any:
    """The number of a conversation record."""
    return body.get("display_id") if body.get("display_id") is not None else body.get("id")


def payload_of(body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """What a webhook is about (``message``, ``conversation`` or its event's name), and that record."""
    event = str(body.get("event"))
    inner = {key: value for key, value in body.items() if key != "event"}
    return event.partition("_")[0], inner


def conversation_of(body: Mapping[str, Any]) -> Any:
    """The number a message, survey or reporting event names."""
    if body.get("conversation_id") is not None:
        return body["conversation_id"]
    conversation = object_of(body.get("conversation"))
    return conversation.get("display_id") or conversation.get("id")


def status_change(body: Mapping[str, Any]) -> tuple[str | None, str] | None:
    """Previous and new status of a ``conversation_status_changed`` webhook."""
    for entry in list_of(body.get("changed_attributes")):
        change = object_of(object_of(entry).get("status"))
        if change.get("current_value") is not None:
            return text_of(change.get("previous_value")), str(change["current_value"])
    if body.get("event") == "conversation_status_changed" and body.get("status") is not None:
        return None, str(body["status"])
    return None


def updated_of(body: Mapping[str, Any]) -> int:
    """The last instant a conversation record speaks for."""
    for key in ("updated_at", "last_activity_at", "timestamp", "created_at"):
        if body.get(key) is not None:
            return kinds.instant(body[key], key)
    raise RecordRefused(ReasonCode.TS_UNPARSED, "timestamp", "a time of the conversation")


def _note_ids(export: Export, item: Item) -> None:
    body = item.body
    account = body.get("account_id") or object_of(body.get("account")).get("id")
    if account is not None:
        export.accounts.add(str(account))
    if item.kind == "conversation" and body.get("display_id") is not None:
        export.display[str(body.get("id"))] = str(body["display_id"])
    if item.kind == "inbox" and body.get("id") is not None:
        export.inboxes[str(body["id"])] = str(body["channel_type"])


_WEBHOOK = keys(
    "event changed_attributes status display_id id account_id account updated_at last_activity_at"
    " timestamp created_at"
)
_MESSAGE = keys(
    "id message_type sender_type sender_id sender created_at private content_type conversation_id"
    " conversation account_id account content_attributes"
)


def _parts(item: Item) -> Iterator[Item]:
    """The records a record holds, without what neighbours never ask for: texts above all."""
    body = item.body
    if item.kind == "webhook":
        about, inner = payload_of(body)
        if about == "message":
            yield from _parts(Item("message", inner))
        elif about == "conversation":
            yield Item("webhook", {key: body[key] for key in _WEBHOOK if key in body})
    elif item.kind == "message":
        yield Item("message", {key: body[key] for key in _MESSAGE if key in body})
    elif item.kind == "conversation":
        holder = {"account_id": body.get("account_id"), "conversation_id": body.get("id")}
        for message in list_of(body.get("messages")):
            if isinstance(message, dict):
                yield from _parts(Item("message", {**holder, **message}))
        yield Item("conversation", {key: body[key] for key in _WEBHOOK if key in body})
    elif item.kind in {"reporting_event", "outcome"}:
        yield item


def _noted(export: Export, options: SourceOptions, item: Item) -> bool:
    try:
        _note(export, options, item)
    except (RecordRefused, AttributeError, KeyError, TypeError, ValueError):
        return False
    return True


def _note(export: Export, options: SourceOptions, item: Item) -> None:
    body, settings = item.body, options.settings
    if item.kind == "message":
        if kinds.type_of_message(body) == "activity":
            return
        thread = thread_of(export, settings, body, conversation_of(body))
        at = kinds.instant(body.get("created_at"), "created_at")
        actor = kinds.actor_of(body, options.ai_actor_ids)
        is_public = body.get("private") is not True
        export.dialogues.add(thread, str(body["id"]), at, actor, is_public=is_public)
        if body.get("content_type") in kinds.OFFERS:
            export.offered[thread] = max(at, export.offered.get(thread, at))
        _, identity = kinds.sender_of(body)
        if actor == "ai_agent" and identity is not None:
            first = export.ai_agents.get(thread)
            export.ai_agents[thread] = min((at, identity), first or (at, identity))
    elif item.kind == "webhook":
        change = status_change(body)
        if change is not None:
            thread = thread_of(export, settings, body, number_of(body))
            at = updated_of(body)
            export.told[thread].append((at, change[1]))
            if change == ("pending", "open"):
                export.told_handoffs[thread].append(at)
    elif item.kind == "conversation":
        thread = thread_of(export, settings, body, conversation_key(body, settings))
        seen = (updated_of(body), str(kinds.status_of(body)))
        export.statuses[thread] = max(seen, export.statuses.get(thread, seen))
    elif item.kind == "reporting_event":
        _note_report(export, settings, body)
    elif body.get("handoff_at") is not None:
        thread = thread_of(export, settings, body, conversation_of(body))
        category = str(body.get("handoff_reason_category") or "")
        export.reasons[thread].append((kinds.instant(body["handoff_at"], "handoff_at"), category))


def conversation_key(body: Mapping[str, Any], settings: Mapping[str, Any]) -> Any:
    """The number of a conversation record, as its neighbours name it."""
    return body.get("id") if settings.get("ids") == "database" else number_of(body)


def _note_report(export: Export, settings: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    thread = thread_of(export, settings, body, conversation_of(body))
    at = end_of(body)
    name = body.get("name")
    if name == "conversation_bot_handoff":
        export.reported_handoffs[thread].append(at)
    elif name == "conversation_bot_resolved":
        export.bot_closes[thread].append(at)
        export.told[thread].append((at, "resolved"))
    elif name == "conversation_resolved":
        export.reported_closes[thread].append(at)
        export.told[thread].append((at, "resolved"))
    elif name == "conversation_opened":
        export.told[thread].append((at, "open"))


def end_of(body: Mapping[str, Any]) -> int:
    """When what a reporting event tells of happened."""
    if body.get("event_end_time") is not None:
        return kinds.instant(body["event_end_time"], "event_end_time")
    return kinds.instant(body.get("created_at"), "created_at")


def near(instants: Iterable[int], at: int, within: int) -> bool:
    """Whether any instant lies within a distance."""
    return any(abs(one - at) <= within for one in instants)
