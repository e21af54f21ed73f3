"""OTLP in protobuf, decoded to the shape that OTLP has in JSON.

Only this module knows field numbers. Reference: ``trace.proto``, ``logs.proto``, ``common.proto`` and
``resource.proto`` of opentelemetry-proto (version 1), and the protobuf encoding guide. Unknown fields
are passed over, as the encoding demands; a broken message is a ``WireFault`` and never more than its
own bytes are read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_DEPTH = 32
_WORD_BITS = 64


class WireFault(Exception):  # noqa: N818 - becomes a refused file or record
    """The bytes are no protobuf message."""


class _Field(NamedTuple):
    name: str
    kind: str
    message: str = ""
    is_list: bool = False


_ATTRIBUTES = _Field("attributes", "message", "KeyValue", is_list=True)
_MESSAGES: Mapping[str, Mapping[int, _Field]] = {
    "Container": {
        1: _Field("resource", "message", "Resource"),
        2: _Field("scopes", "message", "Scope", is_list=True),
        3: _Field("schemaUrl", "text"),
    },
    "Resource": {1: _ATTRIBUTES},
    "Scope": {
        1: _Field("scope", "message", "Library"),
        2: _Field("records", "message", "Record", is_list=True),
        3: _Field("schemaUrl", "text"),
    },
    "Library": {1: _Field("name", "text"), 2: _Field("version", "text")},
    "Span": {
        1: _Field("traceId", "hex"),
        2: _Field("spanId", "hex"),
        4: _Field("parentSpanId", "hex"),
        5: _Field("name", "text"),
        7: _Field("startTimeUnixNano", "fixed"),
        8: _Field("endTimeUnixNano", "fixed"),
        9: _ATTRIBUTES,
        11: _Field("events", "message", "Event", is_list=True),
        15: _Field("status", "message", "Status"),
    },
    "Event": {
        1: _Field("timeUnixNano", "fixed"),
        2: _Field("name", "text"),
        3: _ATTRIBUTES,
    },
    "Status": {2: _Field("message", "text"), 3: _Field("code", "int")},
    "Log": {
        1: _Field("timeUnixNano", "fixed"),
        5: _Field("body", "message", "Value"),
        6: _ATTRIBUTES,
        9: _Field("traceId", "hex"),
        10: _Field("spanId", "hex"),
        11: _Field("observedTimeUnixNano", "fixed"),
        12: _Field("eventName", "text"),
    },
    "KeyValue": {1: _Field("key", "text"), 2: _Field("value", "message", "Value")},
    "Value": {
        1: _Field("stringValue", "text"),
        2: _Field("boolValue", "bool"),
        3: _Field("intValue", "int"),
        4: _Field("doubleValue", "double"),
        5: _Field("arrayValue", "message", "Array"),
        6: _Field("kvlistValue", "message", "List"),
        7: _Field("bytesValue", "hex"),
    },
    "Array": {1: _Field("values", "message", "Value", is_list=True)},
    "List": {1: _Field("values", "message", "KeyValue", is_list=True)},
}


def containers(stream: BinaryIO, most: int) -> Iterator[tuple[int, bytes | None]]:
    """The encoded containers (of one resource each) of a file, with their offsets.

    The file is one export request, or export requests one after the other, each after its length in
    four bytes, highest first, as the collector's file exporter writes them. A container over ``most``
    bytes is passed over and given as None.

    Raises:
        WireFault: neither of both.
    """
    head = stream.read(1)
    offset = 0
    if head != b"\x00":
        yield from _request(_Bytes(stream, head), None, most)
        return
    while head:
        size = head + stream.read(3)
        if len(size) < 4:
            raise WireFault("the file ends inside a length")
        length = int.from_bytes(size, "big")
        for at, raw in _request(_Bytes(stream, b""), length, most):
            yield offset + 4 + at, raw
        offset += 4 + length
        head = stream.read(1)


class _Bytes:
    """Exact reads with their place."""

    def __init__(self, stream: BinaryIO, head: bytes) -> None:
        self._stream, self._head = stream, head
        self.at = 0

    def read(self, size: int) -> bytes:
        found, self._head = self._head[:size], self._head[size:]
        if len(found) < size:
            found += self._stream.read(size - len(found))
        self.at += len(found)
        return found

    def exactly(self, size: int) -> bytes:
        found = self.read(size)
        if len(found) != size:
            raise WireFault("the file ends inside a message")
        return found

    def pass_over(self, size: int) -> None:
        while size > 0:
            size -= len(self.exactly(min(size, 1 << 20)))


def _request(stream: _Bytes, length: int | None, most: int) -> Iterator[tuple[int, bytes | None]]:
    while length is None or stream.at < length:
        first = stream.read(1)
        if not first:
            if length is not None:
                raise WireFault("the file ends inside a message")
            return
        tag = _varint_of(stream, first)
        kind = tag & 7
        if kind == _LENGTH:
            size = _varint_of(stream, stream.exactly(1))
            at = stream.at
            if tag >> 3 == 1 and size <= most:
                yield at, stream.exactly(size)
                continue
            if tag >> 3 == 1:
                yield at, None
            stream.pass_over(size)
        elif kind in {_FIXED64, _FIXED32}:
            stream.exactly(8 if kind == _FIXED64 else 4)
        elif kind == _VARINT:
            _varint_of(stream, stream.exactly(1))
        else:
            raise WireFault("a field of an unknown kind")


def _varint_of(stream: _Bytes, first: bytes) -> int:
    value, shift, byte = first[0] & 0x7F, 7, first[0]
    while byte & 0x80:
        if shift >= _WORD_BITS:
            raise WireFault("a number of more than 64 bits")
        byte = stream.exactly(1)[0]
        value |= (byte & 0x7F) << shift
        shift += 7
    return value


def decode(raw: bytes) -> dict[str, Any]:
    """A container of spans or log records.

    Raises:
        WireFault: with what is wrong.
    """
    return _decoded(memoryview(raw), "Container", 0)


def _decoded(raw: memoryview, message: str, depth: int) -> dict[str, Any]:
    if depth > _DEPTH:
        raise WireFault(f"more than {_DEPTH} levels of nesting")
    if message == "Record":
        message = _kind_of_record(raw)
    fields = _MESSAGES[message]
    found: dict[str, Any] = {}
    for number, kind, value in _fields(raw):
        known = fields.get(number)
        if known is None:
            continue
        told = _value(known, kind, value, depth)
        if known.is_list:
            found.setdefault(known.name, []).append(told)
        else:
            found[known.name] = told
    return found


def _kind_of_record(raw: memoryview) -> str:
    """Spans begin with the id of their trace, log records with a time of eight bytes."""
    first = next(((number, kind) for number, kind, _ in _fields(raw) if number == 1), None)
    return "Span" if first == (1, _LENGTH) else "Log"


def _value(known: _Field, kind: int, value: Any, depth: int) -> Any:
    if known.kind in {"message", "text", "hex"}:
        if kind != _LENGTH:
            raise WireFault(f"{known.name} of the wrong kind")
        if known.kind == "message":
            return _decoded(value, known.message, depth + 1)
        if known.kind == "hex":
            return bytes(value).hex()
        try:
            return str(value, "utf-8")
        except UnicodeDecodeError:
            raise WireFault(f"{known.name} is no UTF-8") from None
    if known.kind in {"fixed", "double"}:
        if kind != _FIXED64:
            raise WireFault(f"{known.name} of the wrong kind")
        return struct.unpack("<d" if known.kind == "double" else "<Q", value)[0]
    if kind != _VARINT:
        raise WireFault(f"{known.name} of the wrong kind")
    if known.kind == "bool":
        return bool(value)
    return value - (1 << _WORD_BITS) if value >> (_WORD_BITS - 1) else value


def _fields(raw: memoryview) -> Iterator[tuple[int, int, Any]]:
    at, end = 0, len(raw)
    while at < end:
        tag, at = _varint(raw, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _varint(raw, at)
            yield tag >> 3, kind, value
            continue
        if kind == _LENGTH:
            size, at = _varint(raw, at)
        elif kind == _FIXED64:
            size = 8
        elif kind == _FIXED32:
            size = 4
        else:
            raise WireFault("a field of an unknown kind")
        if at + size > end:
            raise WireFault("a field that is longer than its message")
        yield tag >> 3, kind, raw[at : at + size]
        at += size


def _varint(raw: memoryview, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        if at >= len(raw) or shift >= _WORD_BITS + 6:
            raise WireFault("a number without an end")
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7
