"""Who a Zendesk author is: the bot's three faces, rules, and people.

Only this module recognises Zendesk's own bot: as ``bot`` in the conversation log, as ``system``
with id ``zd:answerBot`` in messaging webhooks, and as a person's seat with the source
``zd:answerBot`` inside ``original_message`` of loader chat events. Display names decide nothing.
"""

from __future__ import annotations

from typing import Any

ANSWER_BOT = "zd:answerBot"
_RULES = frozenset({"trigger", "automation", "macro_rule"})


def is_bot_author(body: dict[str, Any]) -> bool:
    """Whether a log event, webhook message or chat event was written by Zendesk's bot."""
    author = body.get("author") or body.get("actor")
    if isinstance(author, dict):
        if author.get("type") == "bot" or author.get("id") == ANSWER_BOT:
            return True
        if _source_type(author) == ANSWER_BOT:
            return True
    original = body.get("original_message")
    return _source_type(body) == ANSWER_BOT or (
        isinstance(original, dict) and _source_type(original) == ANSWER_BOT
    )


def _source_type(body: dict[str, Any]) -> str | None:
    source = body.get("source")
    return str(source.get("type")) if isinstance(source, dict) else None


def is_rule(via: Any) -> bool:
    """Whether a ``via`` names a trigger or automation."""
    if not isinstance(via, dict):
        return False
    source = via.get("source")
    relation = source.get("rel") if isinstance(source, dict) else None
    return via.get("channel") == "rule" or relation in _RULES


def relation_of(via: Any) -> tuple[str | None, list[str]]:
    """``via.source.rel`` and the tickets the other end names (``from`` before ``to``)."""
    source = via.get("source") if isinstance(via, dict) else None
    if not isinstance(source, dict):
        return None, []
    named: list[str] = []
    for end in ("from", "to"):
        side = source.get(end)
        if isinstance(side, dict):
            one, many = side.get("ticket_id"), side.get("ticket_ids")
            named += [str(one)] if one is not None else []
            named += [str(ticket) for ticket in many] if isinstance(many, list) else []
    relation = source.get("rel")
    return (None if relation is None else str(relation)), named
