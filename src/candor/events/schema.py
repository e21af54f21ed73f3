"""Storage schema and JSON Schema of every event type, made from the registry alone.

Instants are microseconds in UTC, money has 18 digits of which six after the point.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pyarrow as pa

from candor.events.registry import registry
from candor.events.types import ENVELOPE, EventType, Field

TIMESTAMP = pa.timestamp("us", "UTC")
MONEY = pa.decimal128(18, 6)
ARROW: dict[str, pa.DataType] = {
    "string": pa.string(),
    "id": pa.string(),
    "enum": pa.string(),
    "json": pa.string(),
    "timestamp": TIMESTAMP,
    "date": pa.date32(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "money": MONEY,
    "list": pa.list_(pa.string()),
}
STAMPS = (
    pa.field("event_key", pa.int64()),
    pa.field("thread_key", pa.int64()),
    pa.field("content_hash", pa.string()),
)

_JSON: dict[str, dict[str, Any]] = {
    "string": {"type": ["string", "integer"]},
    "id": {"type": ["string", "integer"], "minLength": 1},
    "timestamp": {
        "anyOf": [
            {
                "type": "string",
                "pattern": r"^\d{4}-\d{2}-\d{2}[T ]\d{2}(:\d{2}(:\d{2}([.,]\d+)?)?)?"
                r"\s?([Zz]|[+-]\d{2}(:?\d{2})?)$",
            },
            {"type": "integer", "description": "microseconds since 1970-01-01T00:00:00Z"},
        ]
    },
    "date": {"type": "string", "format": "date"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "money": {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^[+-]?\d+(\.\d+)?$"}]},
    "json": {"type": "object"},
    "list": {"type": "array", "items": {"type": ["string", "integer"], "minLength": 1}},
}


@cache
def arrow_schema(type_name: str) -> pa.Schema:
    """Envelope, then the type's fields in registry order. All columns nullable in Arrow's sense.

    Raises:
        KeyError: no such event type.
    """
    fields = (*ENVELOPE, *registry()[type_name].fields)
    return pa.schema([pa.field(field.name, ARROW[field.kind]) for field in fields])


@cache
def stored_schema(type_name: str) -> pa.Schema:
    """``arrow_schema`` plus the identity columns that storage stamps on each event."""
    schema = arrow_schema(type_name)
    for stamp in STAMPS:
        schema = schema.append(stamp)
    return schema


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of one canonical record, i.e. one line of canonical JSONL.

    Unknown keys are allowed, they are kept in ``extra``. An unknown word in an optional enum is
    refused here, so that it is noticed, though ingest would keep it in ``extra`` and report it.
    """
    types = registry()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "candor canonical event",
        "description": "One event per line of canonical JSONL.",
        "type": "object",
        "properties": {"type": {"enum": sorted(types)}, **_properties(_given_envelope())},
        "required": ["type", "occurred_at"],
        "allOf": [
            {
                "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
                "then": {"$ref": f"#/$defs/{name}"},
            }
            for name in sorted(types)
        ],
        "$defs": {name: _type_schema(types[name]) for name in sorted(types)},
    }


def _given_envelope() -> tuple[Field, ...]:
    """Envelope fields a canonical record may give; ``source`` may be left out there."""
    return tuple(
        Field(f.name, f.kind, f.name == "occurred_at", doc=f.doc, minimum=f.minimum)
        for f in ENVELOPE
    )


def _type_schema(event_type: EventType) -> dict[str, Any]:
    return {
        "title": event_type.name,
        "description": event_type.doc,
        "type": "object",
        "properties": _properties(event_type.fields),
        "required": [field.name for field in event_type.fields if field.required],
    }


def _properties(fields: tuple[Field, ...]) -> dict[str, Any]:
    return {field.name: _property(field) for field in fields}


def _property(field: Field) -> dict[str, Any]:
    if field.kind == "enum":
        shape: dict[str, Any] = {"enum": [*field.values, *([] if field.required else [None])]}
    else:
        shape = dict(_JSON[field.kind])
        for key, bound in (("minimum", field.minimum), ("maximum", field.maximum)):
            if bound is not None:
                shape[key] = bound
        if not field.required:
            shape = {"anyOf": [shape, {"type": "null"}]}
    return {"description": field.doc, **shape}
