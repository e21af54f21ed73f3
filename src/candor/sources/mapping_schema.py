"""The JSON Schema of mapping files, for editors and for other programs that write them.

Made from the same lists of keys that the checker uses. The checker knows more (expressions, time
zones, keys that exclude each other); what passes it passes here too.
"""

from __future__ import annotations

from typing import Any

from candor.events import EventType, registry
from candor.sources.mapping import CASTS, FORMATS
from candor.sources.mapping_check import (
    ASSUMED,
    FIELD_KEYS,
    FORMAT_KEYS,
    RULE_KEYS,
    TIME_KEYS,
    TIME_UNITS,
    TOP_KEYS,
)

_TEXT: dict[str, Any] = {"type": ["string", "number", "boolean"]}
_TEXTS: dict[str, Any] = {
    "anyOf": [_TEXT, {"type": "array", "items": {"type": ["string", "number", "boolean", "null"]}}]
}
_DOCS: dict[str, str] = {
    "source": "Proposed name of the source.",
    "files": "Patterns of the file names to look for in a folder.",
    "format": "How the files are written. Nothing is guessed.",
    "time": "How times are written unless a field says otherwise.",
    "emit": "The events that a record means.",
    "fill_within_thread": "Columns taken over from an earlier row of the thread where empty.",
    "skip_when": "Condition under which a record is left out on purpose; such records are counted.",
    "keep_unmapped": "Whether columns that no rule names are kept in extra (default true).",
    "delimiter": "Sign or signs between cells.",
    "quote": "Sign around cells that hold delimiters or line ends; null for none.",
    "escape": "Sign that makes the next one data; null for none.",
    "header": "Whether the first row names the columns.",
    "columns": "Names of the columns where there is no header.",
    "skip_rows": "Lines before the header that are no data.",
    "encoding": "Encoding; leave out for UTF-8 and for UTF-16 with its mark.",
    "null_values": "Texts that mean that there is no value.",
    "decimal": "Decimal sign of numbers in text.",
    "thousands": "Sign between groups of digits.",
    "records": "Key of the array of records in a JSON document.",
    "sheet": "Sheet of a workbook.",
    "zone": "Time zone of readings without offset.",
    "unit": "Unit of times written as numbers.",
    "when": "Condition under which the rule applies.",
    "for_each": "Path of a nested array; the rule applies to each element.",
    "among": "Condition on elements; others are passed over, also as neighbours.",
    "once_per": "Columns; one event per distinct values and file.",
    "key": "Columns that make the event's id where no field gives it.",
    "fields": "Fields of the event.",
    "extra": "Further columns kept in extra under a name.",
    "column": "Column, or dotted path in JSON.",
    "constant": "A fixed value.",
    "expr": "An expression.",
    "map": "Words of the source and what they mean, or claims.NAME; others become null and are counted.",
    "on_unmapped": "What a word outside the map does.",
    "default": "Value where the source has none.",
    "as": "What text is read as.",
    "split": "Separator of a list written as text.",
    "optional": "A table without this column is still read.",
    "take": "Which of the thread's instants an event of once_per gets.",
}


def mapping_json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "candor mapping file",
        "type": "object",
        "required": ["format", "emit"],
        "additionalProperties": False,
        "properties": _described(
            TOP_KEYS,
            {
                "files": _TEXTS,
                "format": _format(),
                "time": {"$ref": "#/$defs/time"},
                "emit": {
                    "type": "array",
                    "minItems": 1,
                    "items": {"oneOf": [_rule(one) for one in registry().values()]},
                },
                "fill_within_thread": {
                    "type": "object",
                    "required": ["thread", "columns"],
                    "additionalProperties": False,
                    "properties": {"thread": _TEXT, "columns": _TEXTS},
                },
                "keep_unmapped": {"type": "boolean"},
            },
        ),
        "$defs": {"time": _time(), "field": _field()},
    }


def _described(keys: tuple[str, ...], known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    described = {}
    for key in keys:
        schema = dict(known.get(key, _TEXT))
        if key in _DOCS:
            schema["description"] = _DOCS[key]
        described[key] = schema
    return described


def _format() -> dict[str, Any]:
    sign = {"type": ["string", "null"], "maxLength": 1}
    return {
        "type": "object",
        "required": ["type"],
        "additionalProperties": False,
        "properties": _described(
            FORMAT_KEYS,
            {
                "type": {"enum": list(FORMATS)},
                "delimiter": {"type": "string", "minLength": 1},
                "quote": sign,
                "escape": sign,
                "header": {"type": "boolean"},
                "columns": _TEXTS,
                "skip_rows": {"type": "integer", "minimum": 0},
                "null_values": {"type": "array"},
            },
        ),
    }


def _time() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": _described(TIME_KEYS, {"format": _TEXTS, "unit": {"enum": list(TIME_UNITS)}}),
    }


def _field() -> dict[str, Any]:
    return {
        "anyOf": [
            _TEXT,
            {
                "type": "object",
                "additionalProperties": False,
                "oneOf": [{"required": [key]} for key in ("column", "constant", "expr")],
                "properties": _described(
                    FIELD_KEYS,
                    {
                        "constant": {},
                        "default": {},
                        "map": {"type": ["object", "string"]},
                        "on_unmapped": {"enum": ["null", "refuse", None]},
                        "time": {"$ref": "#/$defs/time"},
                        "as": {"enum": list(CASTS)},
                        "null_values": {"type": "array"},
                        "optional": {"type": "boolean"},
                        "take": {"enum": ["earliest", "latest"]},
                    },
                ),
            },
        ]
    }


def _rule(event_type: EventType) -> dict[str, Any]:
    """The rule of one event type: its fields, and which of them cannot be left out."""
    reference = {"$ref": "#/$defs/field"}
    names = ["occurred_at", "observed_at", "revision", *(one.name for one in event_type.fields)]
    required = [
        one.name
        for one in event_type.fields
        if one.required
        and (event_type.name, one.name) not in ASSUMED
        and one.name not in event_type.key
    ]
    return {
        "type": "object",
        "required": ["type", "fields"],
        "additionalProperties": False,
        "properties": _described(
            RULE_KEYS,
            {
                "type": {"const": event_type.name, "description": event_type.doc},
                "once_per": _TEXTS,
                "key": _TEXTS,
                "fields": {
                    "type": "object",
                    "required": required,
                    "additionalProperties": False,
                    "properties": dict.fromkeys(names, reference),
                },
                "extra": {"type": "object", "additionalProperties": reference},
            },
        ),
    }
