"""Audits and ticket events: states, handoffs, macros, calls, merges.

Only this module turns Zendesk's history into what became of a ticket. A state change is dated by
its audit and carries who made it; a rule's doing is the system's. Reopening is read from the
history at once, never from the vendor's counter, which moves only when solved again.
"""

from __future__ import annotations

from collections.abc import Iterator

from candor.sources.base import EventDict
from candor.sources.shapes import keys
from candor.sources.zendesk import dialogue
from candor.sources.zendesk.authors import is_rule, relation_of
from candor.sources.zendesk.changes import Change, changes_of
from candor.sources.zendesk.context import Around, Export
from candor.sources.zendesk.kinds import Item

_STATES = {
    "new": "open",
    "open": "open",
    "pending": "pending",
    "hold": "pending",
    "solved": "solved",
    "closed": "closed",
}
_ENDED = frozenset({"solved", "closed"})
KNOWN = keys(
    "id ticket_id created_at timestamp author_id updater_id event_type events child_events metadata"
    " via system url tags merged_ticket_ids"
)
"""Fields of audits and ticket events, of which nothing but the changes is kept."""
_CLOSED_BY = {
    "human_agent": "agent_closed",
    "ai_agent": "ai_closed",
    "customer": "customer_confirmed",
}


def of_record(item: Item, around: Around) -> Iterator[EventDict]:
    """The events of one audit or ticket event."""
    ticket = dialogue.ticket_of(item)
    changes = list(changes_of(item.body))
    groups = [c.value for c in changes if c.kind == "field" and c.name == "group_id"]
    for change in changes:
        if change.kind == "comment":
            yield dialogue.of_change(ticket, change, around)
        elif change.kind == "field":
            yield from _of_field(ticket, change, groups, around)
        elif change.kind in {"macro", "call"}:
            yield _action(ticket, change)


def bears_events(item: Item, export: Export) -> bool:
    """Whether an audit holds anything that becomes an event; most hold notifications only."""
    ticket = dialogue.ticket_of(item)
    for change in changes_of(item.body):
        if change.kind in {"comment", "macro", "call"}:
            return True
        if change.kind != "field":
            continue
        if change.name == "merged_ticket_ids" and change.value:
            return True
        if _is_state(change) or export.is_handoff(ticket, change.id):
            return True
    return False


def _is_state(change: Change) -> bool:
    return change.name == "status" and _state_of(change.value) != _state_of(change.previous)


def _state_of(status: str | None) -> str | None:
    # An unknown word stays itself: storage reports it with its count.
    return _STATES.get(status, status) if status else None


def _of_field(
    ticket: str,
    change: Change,
    groups: list[str | None],
    around: Around,
) -> Iterator[EventDict]:
    if change.name == "merged_ticket_ids":
        for loser in (change.value or "").split(","):
            if loser:
                yield _link(f"{change.id}:{loser}", loser, ticket, "merged", change.at)
    elif around.export.is_handoff(ticket, change.id):
        yield _handoff(ticket, change, groups, around.export)
    elif _is_state(change):
        yield from _state(ticket, change, around)


def _state(ticket: str, change: Change, around: Around) -> Iterator[EventDict]:
    to_state, from_state = _state_of(change.value), _state_of(change.previous)
    relation, named = relation_of(change.via)
    actor = "system" if is_rule(change.via) else around.export.role_of(ticket, change.author)
    if actor is None:
        around.notes.add("actor_unknown", f"author {change.author}")
    reason = None
    if relation == "merge":
        reason = "merged"
        for winner in named:
            if winner != ticket:
                yield _link(f"{change.id}:{winner}", ticket, winner, "merged", change.at)
    elif to_state in _ENDED:
        reason = "automation" if is_rule(change.via) else _CLOSED_BY.get(actor or "")
    elif from_state in _ENDED:
        reason = "reopened"
    yield {
        "type": "state_change",
        "change_id": change.id,
        "thread_id": ticket,
        "occurred_at": change.at,
        "from_state": from_state,
        "to_state": to_state,
        "actor": actor,
        "actor_id": change.author,
        "reason": reason,
        "extra": {"status": change.value, "previous_status": change.previous},
    }


def _link(identity: str, child: str, parent: str, kind: str, at: int) -> EventDict:
    return {
        "type": "link",
        "link_id": f"{kind}:{identity}",
        "occurred_at": at,
        "from_thread_id": child,
        "to_thread_id": parent,
        "kind": kind,
    }


def _handoff(ticket: str, change: Change, groups: list[str | None], export: Export) -> EventDict:
    accepted = export.accepted_at(ticket, change.at)
    is_failed = accepted is None and export.ended_after(ticket, change.at)
    queue = next((group for group in groups if group), None)
    return {
        "type": "handoff",
        "handoff_id": change.id,
        "thread_id": ticket,
        "occurred_at": change.at,
        "from_actor": "ai_agent",
        "to_actor": "human_agent",
        "to_queue": queue,
        "reason": None,
        "is_planned": False,
        "accepted_at": accepted,
        # Nobody answered, and the ticket is over: they never came.
        "is_failed": is_failed,
        # Whether somebody came may be learned later; that reading replaces this one.
        "revision": 2 if accepted is not None else int(is_failed),
    }


def _action(ticket: str, change: Change) -> EventDict:
    is_call = change.kind == "call"
    data = change.body.get("data") if is_call else None
    seconds = data.get("call_duration") if isinstance(data, dict) else None
    return {
        "type": "action",
        "action_id": f"{change.kind}:{change.id}",
        "thread_id": ticket,
        "occurred_at": change.at,
        "actor": "human_agent",
        "name": "voice_call" if is_call else f"macro {change.name}",
        # A macro fills in a reply and a call is talk: neither changes anything by itself.
        "kind": "lookup",
        "status": "succeeded",
        "duration_ms": None if seconds is None else int(seconds) * 1000,
        "target": change.name or None,
    }
