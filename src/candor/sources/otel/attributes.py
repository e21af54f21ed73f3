"""Values of OTLP attributes, and lists that were flattened into keys with indexes.

Only this module knows how OTLP writes values. Integers may be texts of digits, ids hexadecimal or
(from generic protobuf writers) base64, instants nanoseconds as texts; a list of objects may be one
JSON text or many keys such as ``llm.input_messages.0.message.role``.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import RecordRefused
from candor.sources.instants import of_iso
from candor.sources.prompts import unpacked

_HEX = re.compile(r"(?:0x)?([0-9a-fA-F]+)$")
_INDEX = re.compile(r"\.\d+(?=\.|$)")
_TRACE_DIGITS, _SPAN_DIGITS = 32, 16
_NANOSECONDS = 1_000


def value_of(told: Any) -> Any:
    """The plain value of an OTLP value."""
    if not isinstance(told, dict):
        return told
    text = told.get("stringValue")
    if text is not None:
        return text
    for key, value in told.items():
        if key == "stringValue":
            return value
        if key == "intValue":
            return int(value) if str(value).lstrip("-").isdigit() else value
        if key == "arrayValue":
            return [value_of(one) for one in (value or {}).get("values") or ()]
        if key == "kvlistValue":
            return of_pairs((value or {}).get("values"))
        if key in {"boolValue", "doubleValue", "bytesValue"}:
            return value
    return told or None


def of_pairs(pairs: Any) -> dict[str, Any]:
    """Attributes as a plain object, whether a list of pairs or an object already."""
    if isinstance(pairs, dict):
        return pairs
    found: dict[str, Any] = {}
    for pair in pairs or ():
        if isinstance(pair, dict) and "key" in pair:
            value = pair.get("value")
            # A call saved where it is a text, as most are.
            text = value.get("stringValue") if type(value) is dict else None
            found[str(pair["key"])] = value_of(value) if text is None else text
    return found


def identity(value: Any, digits: int = _SPAN_DIGITS) -> str | None:
    """An id in hexadecimal digits; None when there is none, or one of zeros only."""
    return None if value in (None, "") else _identity(str(value), digits)


@lru_cache(maxsize=1 << 14)
def _identity(text: str, digits: int) -> str | None:
    """The same of a text; most ids come twice, as a span's own and as its children's parent."""
    match = _HEX.match(text)
    if match and len(match[1]) >= digits:
        found = match[1].lower()
    else:
        try:
            found = base64.b64decode(text, validate=True).hex()
        except (binascii.Error, ValueError):
            found = text
        found = found if len(found) == digits else text
    return None if not found.strip("0") else found


def trace_identity(value: Any) -> str | None:
    """Id of a trace in hexadecimal digits; None when there is none."""
    return identity(value, _TRACE_DIGITS)


def instant(value: Any, field: str) -> int | None:
    """Epoch microseconds of nanoseconds since 1970, of an ISO text or of a time of a table.

    Raises:
        RecordRefused: TS_UNPARSED or TS_NO_ZONE.
    """
    if value in (None, "", 0, "0"):
        return None
    if isinstance(value, datetime):
        return of_iso(value.isoformat(), field)
    text = str(value)
    if text.isdigit():
        return int(text) // _NANOSECONDS
    if isinstance(value, str) and len(value) > 10:
        return of_iso(value, field)
    raise RecordRefused(
        ReasonCode.TS_UNPARSED, field, "nanoseconds since 1970 or an ISO-8601 time", text[:80]
    )


def listed(attributes: Mapping[str, Any], prefix: str) -> list[Any]:
    """A list of objects, whether one value or flattened under ``prefix`` with indexes."""
    whole = attributes.get(prefix)
    if whole is not None:
        found = unpacked(whole)
        return found if isinstance(found, list) else [found]
    items: dict[int, Any] = {}
    start = f"{prefix}."
    for key, value in attributes.items():
        if key.startswith(start):
            index, _, path = key[len(start) :].partition(".")
            if index.isdigit():
                _put(items.setdefault(int(index), {}), path, value)
    return [items[index] for index in sorted(items)]


def heads_of(attributes: Mapping[str, Any]) -> frozenset[str]:
    """Names under which ``listed`` may find something."""
    return frozenset(map(_head_of, attributes))


@lru_cache(maxsize=1 << 12)
def _head_of(name: str) -> str:
    """What stands in front of an attribute's first index; the name itself when it has none."""
    match = _INDEX.search(name)
    return name if match is None else name[: match.start()]


def _put(target: dict[str, Any], path: str, value: Any) -> None:
    """Set a value under a dotted path; indexes stay keys, which ``message_of`` reads in order."""
    if path:
        target[path] = value


def first_of(attributes: Mapping[str, Any], *names: str) -> Any:
    """The first named attribute that is present and not empty."""
    for name in names:
        value = attributes.get(name)
        if value or (value is not None and value not in ("", [], {})):
            return value
    return None
