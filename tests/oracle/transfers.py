"""The handoff fact, one row per handoff."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .conversations import PROACTIVE, accepted
from .derived import RECEIVERS, first
from .timeline import DAY, Contact, Event, build, closes

Row = dict[str, Any]


def handoff_facts(
    events: list[Event], as_of_us: int, gap_us: int | Mapping[str, int] = DAY, **options: bool
) -> list[Row]:
    """One row per handoff, ordered by handoff_id."""
    line = build(events, as_of_us, gap_us, **options)
    carriers = {
        handoff.get("source")
        for thread in line.threads.values()
        for handoff in thread.all("handoff")
        if handoff.get("context")
    }
    rows = []
    for thread in line.threads.values():
        for contact in thread.contacts:
            own = contact.of(thread.all("handoff"))
            asks = [m["at"] for m in contact.by("customer") if m["class"] == "asks_human"]
            asks += [h["at"] for h in own if h.get("reason") == "customer_request"]
            for place, one in enumerate(own, 1):
                row = _handoff(contact, one, asks, line.as_of)
                row["handoff_no"] = place
                row["is_retransferred"] = any(not later["is_failed"] for later in own[place:])
                if one.get("source") not in carriers:
                    row["context_passed"] = None
                rows.append(row)
    return sorted(rows, key=lambda row: str(row["handoff_id"]))


def _handoff(contact: Contact, one: Event, asks: list[int], as_of: int) -> Row:
    taken_on = accepted(one, as_of)
    wrote = first([m for m in contact.by("human_agent") if m["at"] >= one["at"]])
    taken = wrote if taken_on is None else taken_on
    closed = first(closes(contact))
    began = one["at"] if taken_on is None else taken_on
    row = {
        "handoff_id": one["handoff_id"],
        "conversation_key": contact.key,
        "occurred_at": one["at"],
        "from_actor": one["from_actor"],
        "to_actor": one["to_actor"],
        "reason": one.get("reason"),
        "is_ai_to_human": one["from_actor"] == "ai_agent" and one["to_actor"] in RECEIVERS,
        "is_executed": not one["is_failed"],
        "is_failed": one["is_failed"],
        "is_planned": one["is_planned"],
        "accepted_at": taken_on,
        "wait_us": None if taken is None or taken < one["at"] else taken - one["at"],
        "human_took_over": wrote is not None,
        "resolved_after_us": None if closed is None or closed < began else closed - began,
        "is_proactive": None
        if one.get("reason") is None
        else one["reason"] in PROACTIVE and all(at > one["at"] for at in asks),
        "context_passed": bool(one.get("context")),
    }
    if contact.is_made_up:
        row |= {"wait_us": None, "resolved_after_us": None}
    return row
