"""The parts of a conversation in their order: what was said, what changed, who took over.

Only this module walks an Intercom conversation. The opening message is ``source``, not a part. Equal
seconds keep the vendor's order. States come from the parts; a state that the parts do not explain
is a snapshot dated between the last part and ``updated_at``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources import markup
from candor.sources.base import EventDict, Notes, RecordRefused
from candor.sources.benchmark import kind_of_text
from candor.sources.instants import SECOND, iso, keep_order, of_seconds
from candor.sources.intercom.authors import actor_of, id_of

_STATES = {"open": "open", "closed": "closed", "snoozed": "snoozed"}
_STATE_OF_TYPE = {
    "close": "closed",
    "open": "open",
    "assign_and_reopen": "open",
    "note_and_reopen": "open",
    "timer_unsnooze": "open",
    "snoozed": "snoozed",
}
_PUBLIC = frozenset(
    ("comment", "quick_reply", "open", "close", "assignment", "assign_and_reopen", "snoozed")
)
_PRIVATE = frozenset(("note", "note_and_reopen", "call_summary", "conversation_summary"))
_CLOSED_BY = {"human_agent": "agent_closed", "ai_agent": "ai_closed", "system": "automation"}
_PART_KNOWN = frozenset(
    [
        "type",
        "id",
        "part_type",
        "body",
        "created_at",
        "updated_at",
        "notified_at",
        "author",
        "assigned_to",
        "state",
        "redacted",
        "event_details",
        "attachments",
        "external_id",
        "metadata",
        "tags",
        "app_package_code",
    ]
)
_NOBODY = (None, "", 0, "0")


@dataclass(frozen=True, slots=True)
class Part:
    """One part (or the opening message), with its place in the order.

    Attributes:
        id: the vendor's id; ``source`` for the opening message.
        type: the vendor's part_type; ``source`` for the opening message.
        at: epoch microseconds, equal seconds parted.
        actor: as ``authors.actor_of``.
        body: the vendor's object.
    """

    id: str
    type: str
    at: int
    actor: str | None
    body: Mapping[str, Any]

    @property
    def is_public(self) -> bool:
        """Whether the customer saw it; parts of an unknown type only when the customer wrote it."""
        if self.type == "source" or self.type in _PUBLIC:
            return True
        return self.type not in _PRIVATE and self.actor == "customer"

    @property
    def has_words(self) -> bool:
        """Whether something was said, even if it was redacted since."""
        return bool(self.body.get("body")) or self.body.get("redacted") is True


def parts_of(
    conversation: Mapping[str, Any], ai_actors: frozenset[str], notes: Notes
) -> tuple[list[Part], list[RecordRefused]]:
    """The opening message and the parts in order, and the parts that cannot be read."""
    found: list[tuple[str, str, int, Mapping[str, Any]]] = []
    refused: list[RecordRefused] = []
    source = conversation.get("source")
    if isinstance(source, dict):
        created = of_seconds(conversation.get("created_at"), "created_at")
        found.append(("source", "source", created, source))
    for position, body in enumerate(listed(conversation, "conversation_parts")):
        try:
            _require_id(body, position)
            at = of_seconds(body.get("created_at"), f"conversation_parts[{position}].created_at")
            found.append((str(body["id"]), str(body.get("part_type")), at, body))
        except RecordRefused as one:
            refused.append(one)
    times = keep_order(at for _, _, at, _ in found)
    parts = [
        Part(identity, kind, at, _actor(body, ai_actors, notes), body)
        for (identity, kind, _, body), at in zip(found, times, strict=True)
    ]
    return parts, refused


def _require_id(body: Any, position: int) -> None:
    if not isinstance(body, dict) or body.get("id") is None:
        where = f"conversation_parts[{position}].id"
        raise RecordRefused(ReasonCode.ID_MISSING, where, "the part's id")


def listed(parent: Mapping[str, Any], key: str) -> list[Any]:
    """A vendor list, which stands under its own name once more (``tags.tags``) or plain."""
    value = parent.get(key)
    if isinstance(value, dict):
        value = value.get(key, value.get("data"))
    return value if isinstance(value, list) else []


def _actor(body: Mapping[str, Any], ai_actors: frozenset[str], notes: Notes) -> str | None:
    actor = actor_of(body.get("author"), ai_actors, notes)
    if actor == "human_agent" and body.get("app_package_code"):
        return "system"  # An app acted through a person's seat.
    return actor


def messages(
    thread: str,
    parts: list[Part],
    ai_agent: Mapping[str, Any],
    settings: Mapping[str, Any],
    notes: Notes,
) -> Iterator[EventDict]:
    """One message per part with words."""
    answers = [part for part in parts if _is_answer(part)]
    for part in parts:
        if not part.has_words:
            continue
        if part.type != "source" and part.type not in _PUBLIC | _PRIVATE:
            notes.add("part_type_unknown", part.type)
        is_redacted = part.body.get("redacted") is True
        written = markup.read(str(part.body.get("body") or "")) if not is_redacted else None
        if is_redacted:
            notes.add("message_redacted", "part")
        text = (written.text or None) if written else None
        is_last_answer = bool(answers) and part is answers[-1]
        extra = {key: value for key, value in part.body.items() if key not in _PART_KNOWN and value}
        if written and written.quoted:
            extra["quoted"] = written.quoted
        if is_redacted:
            extra = {"is_redacted": True}
        if part.type != "source":
            extra["part_type"] = part.type
        updated = part.body.get("updated_at")
        yield {
            "type": "message",
            "message_id": f"{thread}:{part.id}",
            "thread_id": thread,
            "occurred_at": part.at,
            "revision": 0 if updated is None else of_seconds(updated, "updated_at") // SECOND,
            "actor": part.actor,
            "actor_id": id_of(part.body.get("author")),
            "is_public": part.is_public,
            "text": text,
            "kind": _kind(part, text, is_last_answer, ai_agent, settings),
            "knowledge_ids": knowledge_of(ai_agent) if is_last_answer else None,
            "extra": extra or None,
        }


def _is_answer(part: Part) -> bool:
    author = part.body.get("author")
    flag = author.get("is_ai_answer") if isinstance(author, dict) else None
    return part.actor == "ai_agent" and flag is True and part.is_public


def _kind(
    part: Part,
    text: str | None,
    is_last_answer: bool,
    ai_agent: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> str | None:
    if not part.is_public:
        return "note"
    if _is_answer(part):
        custom = is_last_answer and ai_agent.get("last_answer_type") == "custom_answer"
        return "custom_answer" if custom else "answer"
    if part.actor == "ai_agent" and text and settings.get("ai_text_kind") == "question_mark":
        return kind_of_text(text)
    return None


def knowledge_of(ai_agent: Mapping[str, Any]) -> list[str] | None:
    """What the last answer was built from, by address, else title."""
    found = [
        str(one.get("url") or one.get("title"))
        for one in listed(ai_agent, "content_sources")
        if isinstance(one, dict) and one.get("content_type") != "workflow_connector_action"
    ]
    return found or None


def states(
    thread: str, conversation: Mapping[str, Any], parts: list[Part], is_truncated: bool
) -> Iterator[EventDict]:
    """Every change of state the parts tell of, and the state they do not explain."""
    current: str | None = None if is_truncated else "open"
    for part in parts:
        told = _STATE_OF_TYPE.get(part.type) or part.body.get("state")
        if told is None or told == current:
            continue
        is_close = told == "closed"
        reason = _CLOSED_BY.get(part.actor or "") if is_close else None
        if part.type.startswith("merged_"):
            reason = "merged"
        elif current == "closed" and not is_close:
            reason = "reopened"
        yield {
            "type": "state_change",
            "change_id": f"{thread}:{part.id}",
            "thread_id": thread,
            "occurred_at": part.at,
            "from_state": current,
            "to_state": _STATES.get(str(told), str(told)),
            "actor": part.actor,
            "actor_id": id_of(part.body.get("author")),
            "reason": reason,
            "extra": {"part_type": part.type},
        }
        current = str(told)
    now = conversation.get("state")
    if now is not None and now != current and conversation.get("updated_at") is not None:
        updated = of_seconds(conversation["updated_at"], "updated_at")
        last = parts[-1].at if parts else of_seconds(conversation.get("created_at"), "created_at")
        yield {
            "type": "state_change",
            "change_id": f"{thread}:state:{updated // SECOND}",
            "thread_id": thread,
            "occurred_at": updated,
            "from_state": current,
            "to_state": _STATES.get(str(now), str(now)),
            "actor": None,
            "reason": None,
            "extra": {"changed_between": [iso(last), iso(updated)]},
        }


def handoffs(
    thread: str, conversation: Mapping[str, Any], parts: list[Part]
) -> Iterator[EventDict]:
    """Each time people took over after the AI agent had spoken: by assignment, or by answering."""
    ai_agent = conversation.get("ai_agent") or {}
    is_planned = ai_agent.get("resolution_state") == "procedure_handoff"
    spoke, with_people, number = False, False, 0
    for position, part in enumerate(parts):
        if part.actor == "ai_agent" and part.has_words and part.is_public:
            spoke = True
        target = part.body.get("assigned_to")
        is_assigned = isinstance(target, dict) and target.get("id") not in _NOBODY
        is_to_people = is_assigned and (target or {}).get("type") in {"admin", "team", "teammate"}
        if isinstance(target, dict) and is_assigned and not is_to_people:
            with_people = False
        is_reply = part.actor == "human_agent" and part.has_words and part.is_public
        if not (is_to_people or is_reply) or with_people:
            continue
        with_people = True
        if not spoke:
            continue
        number += 1
        rest = parts[position:]
        accepted = next(
            (p.at for p in rest if p.actor == "human_agent" and p.has_words and p.is_public), None
        )
        team = (
            target.get("id") if is_to_people and target and target.get("type") == "team" else None
        )
        yield {
            "type": "handoff",
            "handoff_id": f"{thread}:{number}",
            "thread_id": thread,
            "occurred_at": part.at,
            "revision": _revision(conversation),
            "from_actor": "ai_agent",
            "to_actor": "human_agent",
            "to_queue": None if team is None else str(team),
            "reason": "planned_procedure" if is_planned else None,
            "is_planned": is_planned,
            "accepted_at": accepted,
            "is_failed": accepted is None,
            "extra": {"told_by": "assignment" if is_to_people else "reply"},
        }


def _revision(conversation: Mapping[str, Any]) -> int:
    updated = conversation.get("updated_at") or conversation.get("created_at")
    return of_seconds(updated, "updated_at") // SECOND


def actions(thread: str, parts: list[Part], ai_agent: Mapping[str, Any]) -> Iterator[EventDict]:
    """Custom actions, started and finished parts paired by name, and what the last answer called."""
    answers = [part for part in parts if _is_answer(part)]
    for number, source in enumerate(listed(ai_agent, "content_sources") if answers else []):
        if isinstance(source, dict) and source.get("content_type") == "workflow_connector_action":
            yield {
                "type": "action",
                "action_id": f"{thread}:{answers[-1].id}:source:{number}",
                "thread_id": thread,
                "occurred_at": answers[-1].at,
                "actor": "ai_agent",
                "name": str(source.get("title") or "connector"),
                "kind": "lookup",
                "status": "succeeded",
                "target": source.get("url"),
            }
    waiting: dict[str, list[Part]] = {}
    for part in parts:
        if part.type == "custom_action_started":
            waiting.setdefault(_action(part).get("name") or "", []).append(part)
        elif part.type == "custom_action_finished":
            name = _action(part).get("name") or ""
            queue = waiting.get(name)
            yield _action_event(thread, name, queue.pop(0) if queue else None, part)
    for name, open_ones in waiting.items():
        for started in open_ones:
            yield _action_event(thread, name, started, None)


def _action(part: Part) -> Mapping[str, Any]:
    details = part.body.get("event_details")
    action = details.get("action") if isinstance(details, dict) else None
    return action if isinstance(action, dict) else {}


def _action_event(thread: str, name: str, started: Part | None, finished: Part | None) -> EventDict:
    first = started or finished
    result = None if finished is None else str(_action(finished).get("result") or "")
    duration = (finished.at - started.at) // 1000 if started and finished else None
    actor = None if first is None else first.actor
    return {
        "type": "action",
        "action_id": f"{thread}:{first.id if first else name}",
        "thread_id": thread,
        "occurred_at": 0 if first is None else first.at,
        "actor": actor or "system",
        "name": name or "custom_action",
        # A connector to another system may change something there.
        "kind": "transaction",
        # Started and never finished: how it ended is unknown.
        "status": None if result is None else ("succeeded" if result == "success" else "failed"),
        "duration_ms": duration,
    }
