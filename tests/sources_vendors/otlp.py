"""OTLP JSON written as protobuf, for tests: the reverse of what the connector decodes.

Field numbers are those of the published ``.proto`` files; nothing is shared with the connector.
"""

from __future__ import annotations

import struct
from typing import Any


def request(document: dict[str, Any]) -> bytes:
    """An export request of traces or logs."""
    key = "resourceSpans" if "resourceSpans" in document else "resourceLogs"
    return b"".join(_message(1, _container(one)) for one in document[key])


def framed(*requests: bytes) -> bytes:
    """Requests as the collector's file exporter writes them."""
    return b"".join(len(one).to_bytes(4, "big") + one for one in requests)


def _container(one: dict[str, Any]) -> bytes:
    resource = _attributes(1, one["resource"]["attributes"])
    scopes = one.get("scopeSpans") or one.get("scopeLogs") or []
    return _message(1, resource) + b"".join(_message(2, _scope(scope)) for scope in scopes)


def _scope(scope: dict[str, Any]) -> bytes:
    library = _text(1, scope["scope"]["name"]) + _text(2, scope["scope"]["version"])
    spans = b"".join(_message(2, _span(span)) for span in scope.get("spans", ()))
    logs = b"".join(_message(2, _log(log)) for log in scope.get("logRecords", ()))
    return _message(1, library) + spans + logs + _text(3, scope["schemaUrl"])


def _span(span: dict[str, Any]) -> bytes:
    events = b"".join(
        _message(
            11,
            _fixed(1, event["timeUnixNano"]) + _text(2, event["name"])
            + _attributes(3, event["attributes"]),
        )
        for event in span.get("events", ())
    )  # fmt: skip
    code = span["status"].get("code")
    return (
        _message(1, bytes.fromhex(span["traceId"]))
        + _message(2, bytes.fromhex(span["spanId"]))
        + _message(4, bytes.fromhex(span.get("parentSpanId", "")))
        + _text(5, span["name"])
        + _number(6, span["kind"])
        + _fixed(7, span["startTimeUnixNano"])
        + _fixed(8, span["endTimeUnixNano"])
        + _attributes(9, span["attributes"])
        + events
        + (_message(15, _number(3, code)) if code else b"")
        + _tag(16, 5)
        + b"\x01\x00\x00\x00"
    )


def _log(log: dict[str, Any]) -> bytes:
    return (
        _fixed(1, log["timeUnixNano"])
        + _attributes(6, log["attributes"])
        + _message(9, bytes.fromhex(log.get("traceId", "")))
        + _message(10, bytes.fromhex(log.get("spanId", "")))
        + _text(12, log["eventName"])
    )


def _attributes(number: int, pairs: list[dict[str, Any]]) -> bytes:
    return b"".join(
        _message(number, _text(1, pair["key"]) + _message(2, _value(pair["value"])))
        for pair in pairs
    )


def _value(told: dict[str, Any]) -> bytes:
    ((kind, value),) = told.items()
    if kind == "stringValue":
        return _tag(1, 2) + _sized(value.encode())
    if kind == "boolValue":
        return _number(2, int(value))
    if kind == "intValue":
        return _number(3, int(value) % (1 << 64))
    if kind == "doubleValue":
        return _tag(4, 1) + struct.pack("<d", value)
    inner = value["values"]
    if kind == "arrayValue":
        return _message(5, b"".join(_message(1, _value(one)) for one in inner))
    return _message(6, _attributes(1, inner))


def _tag(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _sized(raw: bytes) -> bytes:
    return _varint(len(raw)) + raw


def _message(number: int, raw: bytes) -> bytes:
    return _tag(number, 2) + _sized(raw)


def _text(number: int, text: str) -> bytes:
    return _message(number, text.encode()) if text else b""


def _number(number: int, value: int) -> bytes:
    return _tag(number, 0) + _varint(value)


def _fixed(number: int, value: str) -> bytes:
    return _tag(number, 1) + struct.pack("<Q", int(value))
