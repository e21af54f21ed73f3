"""Who an Intercom author is, by type and flags, never by name.

Only this module decides. ``from_ai_agent`` exists from API version 2.14: below it a bot may be the
AI agent or a workflow, and nobody can tell, so the actor is unknown unless its id is declared.
"""

from __future__ import annotations

from typing import Any

from candor.sources.base import Notes

_CUSTOMERS = frozenset({"user", "lead", "contact"})
_STAFF = frozenset({"admin", "teammate"})


def actor_of(author: Any, ai_actors: frozenset[str], notes: Notes) -> str | None:
    """customer, ai_agent, human_agent, system or None (counted as ``actor_unknown``)."""
    if not isinstance(author, dict):
        notes.add("actor_unknown", "a part without author")
        return None
    kind, identity = author.get("type"), author.get("id")
    if kind in _CUSTOMERS:
        return "customer"
    if author.get("from_ai_agent") is True or str(identity) in ai_actors:
        return "ai_agent"
    if kind == "bot" and "from_ai_agent" in author:
        return "system"
    if kind in _STAFF and identity not in (None, "", 0, "0"):
        return "human_agent"
    if kind == "bot":
        notes.add("actor_unknown", f"bot {identity} without from_ai_agent (API below 2.14)")
    else:
        notes.add("actor_unknown", f"author of type {kind}")
    return None


def id_of(author: Any) -> str | None:
    """The author's id as text."""
    identity = author.get("id") if isinstance(author, dict) else None
    return None if identity in (None, "") else str(identity)
