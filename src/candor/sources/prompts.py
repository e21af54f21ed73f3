"""What a model was told and what it said, read from the many shapes that tracing tools write.

Only this module knows how chats are written down: a plain text, JSON in a text, a list of messages
with ``content`` or ``parts``, a wrapper around one of these. Nothing is judged: a text whose speaker
is not told is a customer's on the way in and the AI agent's on the way out. Reference: the message
shapes of the OpenAI chat interface, of the OpenTelemetry GenAI conventions (``gen-ai-spans``) and of
the OpenInference specification (``semantic_conventions``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

_ROLES = {
    "user": "customer",
    "human": "customer",
    "customer": "customer",
    "end_user": "customer",
    "assistant": "ai_agent",
    "ai": "ai_agent",
    "model": "ai_agent",
    "bot": "ai_agent",
    "agent": "ai_agent",
}
_LISTS = ("messages", "chat_history", "history", "choices", "contents")
_WRAPPED = ("message", "delta", "kwargs", "data")
_ASKED = ("input", "question", "query", "user_input", "prompt", "text", "content", "value")
_TOLD = ("output", "answer", "response", "result", "completion", "text", "content", "value")
_DEPTH = 6


class Said(NamedTuple):
    """One message of a chat.

    Attributes:
        role: ``customer``, ``ai_agent`` or ``other`` (system texts, tools; may be left out).
        text: what was said; "" for a message that only calls tools.
    """

    role: str
    text: str


def heard(value: Any) -> list[Said]:
    """The messages a model was given, oldest first."""
    value = unpacked(value)
    plain = _plain(value) if type(value) is list else None
    if plain is not None:
        return plain
    return list(_messages(value, "customer", _ASKED, 0))


def _plain(value: list[Any]) -> list[Said] | None:
    """Messages of the one shape that nearly all take; None when one has another shape."""
    found = []
    for one in value:
        role = one.get("role") if type(one) is dict else None
        if type(role) is not str:
            return None
        content = one.get("content")
        if content is None:
            content = one.get("parts")
        if type(content) is str:
            text = content.strip()
        elif type(content) is list:
            text = text_of_parts(content)
        else:
            return None
        speaker = _ROLES.get(role)
        if speaker is not None:
            found.append(Said(speaker, text))
        elif role.lower() in _ROLES:
            return None
    return found


def answered(value: Any) -> str | None:
    """The last text a model gave back; None when it gave none."""
    if type(value) is str and value[:1] not in '[{"':
        return value.strip() or None
    texts = [said.text for said in _messages(value, "ai_agent", _TOLD, 0) if said.text]
    return texts[-1] if texts else None


def _messages(value: Any, speaker: str, named: Sequence[str], depth: int) -> Iterator[Said]:
    value = unpacked(value)
    if value is None or depth > _DEPTH:
        return
    if isinstance(value, str):
        if value.strip():
            yield Said(speaker, value.strip())
    elif isinstance(value, list):
        if value and all(_is_part(one) for one in value):
            if text := text_of_parts(value):
                yield Said(speaker, text)
            return
        for one in value:
            yield from _messages(one, speaker, named, depth + 1)
    elif isinstance(value, dict):
        yield from _of_object(value, speaker, named, depth)


def _of_object(
    value: Mapping[str, Any], speaker: str, named: Sequence[str], depth: int
) -> Iterator[Said]:
    role = value.get("role") or (value.get("type") if "content" in value else None)
    if isinstance(role, str) and ("content" in value or "parts" in value or "tool_calls" in value):
        told = value.get("content") if value.get("content") is not None else value.get("parts")
        yield Said(_ROLES.get(role.lower(), "other"), text_of_parts(told))
        return
    for key in _LISTS:
        if isinstance(value.get(key), list):
            yield from _messages(value[key], speaker, named, depth + 1)
            return
    for key in (*_WRAPPED, *named):
        if value.get(key) not in (None, "", [], {}):
            yield from _messages(value[key], speaker, named, depth + 1)
            return


def unpacked(value: Any) -> Any:
    """A text that holds JSON as what it holds; anything else as it is."""
    if isinstance(value, str) and value[:1] in '[{"' and value[-1:] in ']}"':
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def text_of_parts(value: Any) -> str:
    """The text of a message's content, whether one text or parts of which some are text."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        return ""
    texts = []
    for part in value:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict) and part.get("type", "text") in {"text", "output_text"}:
            told = part.get("text") if part.get("text") is not None else part.get("content")
            texts.append(told if isinstance(told, str) else "")
    return "\n".join(text.strip() for text in texts if text.strip())


def _is_part(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and "role" not in value
        and isinstance(value.get("type"), str)
        and (isinstance(value.get("text"), str) or value["type"] == "text")
    )
