"""The identity of an event: what makes two records the same event, and the same content.

The Python functions are the reference; the ``*_sql`` functions print DuckDB expressions over a
stored table's columns that give the same values. Hashes are MD5 because they identify and never
protect; 60-bit keys fit a signed integer on every engine.

Natural key text joins source, type and key values with U+001F. Content text writes each value as
``<length>:<text>`` and null as ``n:``, so that no two different rows can share one text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from candor.events.types import ENVELOPE, EventType, Field

SEPARATOR = "\x1f"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NOT_CONTENT = frozenset({"event_id", "observed_at", "loaded_at", "raw_ref"})


def natural_key(event_type: EventType, row: Mapping[str, Any]) -> str:
    """Source, type and key values as one text; ``row`` holds stored values by column name."""
    parts = [row["source"], event_type.name]
    parts += [_text(_column(event_type, name), row[name]) for name in event_type.key]
    return SEPARATOR.join(parts)


def event_id(event_type: EventType, row: Mapping[str, Any]) -> str:
    """32 hex digits naming one revision of one event."""
    return _md5(natural_key(event_type, row) + SEPARATOR + str(row["revision"]))


def event_key(event_type: EventType, row: Mapping[str, Any]) -> int:
    """60-bit integer naming an event over all its revisions."""
    return _key(natural_key(event_type, row))


def thread_key(thread_id: str | None) -> int | None:
    """60-bit integer naming a thread; null stays null."""
    return None if thread_id is None else _key(thread_id)


def content_hash(event_type: EventType, row: Mapping[str, Any]) -> str:
    """32 hex digits over everything a record says, whenever and wherever it was read."""
    return _md5("".join(_element(field, row[field.name]) for field in _content(event_type)))


def event_id_sql(event_type: EventType) -> str:
    """DuckDB expression of ``event_id``."""
    return f"md5({_natural_key_sql(event_type)} || chr(31) || cast(revision as varchar))"


def event_key_sql(event_type: EventType) -> str:
    """DuckDB expression of ``event_key``."""
    return _key_sql(_natural_key_sql(event_type))


def thread_key_sql(event_type: EventType) -> str:
    """DuckDB expression of ``thread_key``; a null of the right type for types without a thread."""
    return _key_sql("thread_id") if event_type.has("thread_id") else "cast(null as bigint)"


def content_hash_sql(event_type: EventType) -> str:
    """DuckDB expression of ``content_hash``."""
    parts = [_element_sql(field) for field in _content(event_type)]
    return f"md5(concat({', '.join(parts)}))"


def _content(event_type: EventType) -> list[Field]:
    # A source restates a container with each export: only what it says counts, not when it said it.
    dropped = _NOT_CONTENT | ({"occurred_at"} if event_type.name == "conversation" else set())
    return [field for field in (*ENVELOPE, *event_type.fields) if field.name not in dropped]


def _column(event_type: EventType, name: str) -> Field:
    for field in (*ENVELOPE, *event_type.fields):
        if field.name == name:
            return field
    raise KeyError(name)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _key(text: str) -> int:
    return int(_md5(text)[:15], 16)


def _text(field: Field, value: Any) -> str:
    match field.kind:
        case "timestamp":
            return str((value - _EPOCH) // _MICROSECOND)
        case "date":
            return str((value - date(1970, 1, 1)).days)
        case "bool":
            return "true" if value else "false"
        case "float":
            return f"{value:.17g}"
        case "money":
            return f"{value.quantize(Decimal('0.000001')) + 0:.6f}"
        case "list":
            return "".join(f"{len(item)}:{item}" for item in value)
        case _:
            return str(value)


def _element(field: Field, value: Any) -> str:
    if value is None:
        return "n:"
    text = _text(field, value)
    return f"{len(text)}:{text}"


def _text_sql(field: Field) -> str:
    name = f'"{field.name}"'
    match field.kind:
        case "timestamp":
            return f"cast(epoch_us({name}) as varchar)"
        case "date":
            return f"cast({name} - date '1970-01-01' as varchar)"
        case "float":
            return f"format('{{:.17g}}', {name})"
        case "int" | "bool" | "money":
            return f"cast({name} as varchar)"
        case "list":
            sized = f"list_transform({name}, lambda item: length(item) || ':' || item)"
            return f"array_to_string({sized}, '')"
        case _:
            return name


def _element_sql(field: Field) -> str:
    text = _text_sql(field)
    # concat() passes over null, and is one pass where || builds a text for each part.
    return f"coalesce(cast(length({text}) as varchar), 'n'), ':', {text}"


def _natural_key_sql(event_type: EventType) -> str:
    keys = [_text_sql(_column(event_type, name)) for name in event_type.key]
    return " || chr(31) || ".join(["source", f"'{event_type.name}'", *keys])


def _key_sql(text: str) -> str:
    return f"cast('0x' || substr(md5({text}), 1, 15) as bigint)"
