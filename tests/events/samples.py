"""One complete, valid record of every event type, made from the registry."""

from __future__ import annotations

from typing import Any

from candor.events import EventType, Field, registry

AT = "2026-05-01T10:00:00Z"
RECEIVED_US = 1_780_000_000_000_000


def value(field: Field) -> Any:
    """A valid value of a field, as a canonical record would give it."""
    match field.kind:
        case "enum":
            return field.values[-1]
        case "timestamp":
            return "2026-05-01T12:30:00.25+02:00"
        case "bool":
            return True
        case "int":
            return 7
        case "float":
            return 0.5
        case "money":
            return 12.34
        case "json":
            return {"b": [1, None], "a": "x"}
        case "list":
            return ["k1", 2]
        case _:
            return f"{field.name}-1"


def record(event_type: EventType) -> dict[str, Any]:
    """A record with every field given."""
    fields = {field.name: value(field) for field in event_type.fields}
    return {"type": event_type.name, "occurred_at": AT, **fields}


def all_records() -> list[dict[str, Any]]:
    """One record of every type."""
    return [record(event_type) for event_type in registry().values()]
