"""Files of traces and logs taken apart into single spans and log records.

Only this module knows how they are packed: OTLP JSON (one document, or a request a line), OTLP
protobuf, and tables or lists of spans as tracing tools and console exporters write them. Streams; at
most one request's resource is held. Reference: the OTLP file exporter specification and the
collector's file exporter.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import FileRefused, RawRecord
from candor.sources.envelopes import JSON_FILES, is_lines, top_level_keys
from candor.sources.otel import attributes, wire
from candor.sources.readers import archives, bytestream, json_array, json_lines, parquet
from candor.sources.readers.json_strict import JsonFault, decode
from candor.sources.readers.limits import LIMITS

FILES = (*JSON_FILES, "*.pb", "*.binpb", "*.pb.gz", "*.binpb.gz", "*.parquet")
_CONTAINERS = ("resourceSpans", "resourceLogs", "resource_spans", "resource_logs")
_SCOPES = ("scopeSpans", "scopeLogs", "scope_spans", "scope_logs", "scopes")
_RECORDS = ("spans", "logRecords", "log_records", "records")
_WRITE = json.JSONEncoder(ensure_ascii=False, default=str).encode
_WANTED = "a span or log record of OTLP, or a table of spans with context, name and times"


@dataclass(slots=True)
class Packed:
    """One span or log record with what stands around it.

    Attributes:
        body: as OTLP JSON writes it, or a row of a table of spans.
        resource: attributes of the process it comes from.
        schema_url: version of the conventions, if told.
        is_log: it is a log record and no span.
        seen: what reading ahead made of it, so that its own turn need not; None when it was not
            read ahead, or is too large a file's to be kept.
    """

    body: Mapping[str, Any]
    resource: Mapping[str, Any]
    schema_url: str | None
    is_log: bool = False
    seen: Any = None


def read(path: Path) -> Iterator[RawRecord]:
    """Every span and log record of a file, its value a ``Packed``.

    Raises:
        FileRefused: the file as a whole cannot be read.
    """
    number = 0
    for holder in _holders(path):
        if holder.reason is not None:
            number += 1
            yield holder._replace(number=number)
            continue
        file = holder.ref.rpartition(":")[0]
        for place, packed in _unpacked(holder.value):
            number += 1
            ref = f"{file}:{place}:record {number}"
            if packed is None:
                yield RawRecord(number, ref, holder.raw, None, ReasonCode.TYPE_MISMATCH, _WANTED)
            else:
                yield RawRecord(number, ref, _raw(packed, holder), packed)


def _raw(packed: Packed, holder: RawRecord) -> bytes:
    if packed.body is holder.value:
        return holder.raw
    return _WRITE(packed.body).encode("utf-8", "replace")


def _holders(path: Path) -> Iterator[RawRecord]:
    """Requests, containers or rows: whatever the file is a sequence of."""
    name = path.name.removesuffix(".gz")
    if name.endswith((".pb", ".binpb")):
        return _of_protobuf(path)
    if name.endswith(".parquet"):
        return parquet.read(path)
    if is_lines(path) or _begins_with_a_line(path):
        return json_lines.read(path)
    keys = top_level_keys(path)
    key = next((one for one in _CONTAINERS if one in keys), None)
    if key is not None:
        return json_array.read(path, key=key)
    listed = next((one for one in ("spans", "data") if one in keys), None)
    return json_array.read(path, key=listed)


def _begins_with_a_line(path: Path) -> bool:
    """Whether the first line is a document of its own: the collector names such files ``.json``."""
    with bytestream.open_bytes(path) as stream:
        found = json_lines.lines(stream)
        _, first, length = next(found, (0, b"", 0))
        if length != len(first) or next(found, None) is None:
            return False
        try:
            return isinstance(decode(first.decode()), dict)
        except (JsonFault, UnicodeDecodeError):
            return False


def _of_protobuf(path: Path) -> Iterator[RawRecord]:
    kind = bytestream.kind_on_disk(path)
    if kind not in {"gzip", "text"}:
        raise FileRefused(
            ReasonCode.TYPE_SNIFF, f"{path.name} is {kind}", "OTLP in protobuf, plain or gzip",
            "write it without compression, or unpack it first",
        )  # fmt: skip
    number = 0
    with archives.open_gzip(path) if kind == "gzip" else path.open("rb") as stream:
        try:
            for offset, raw in wire.containers(stream, LIMITS.line_bytes):
                number += 1
                ref = f"{path.name}:byte {offset}:record {number}"
                if raw is None:
                    yield RawRecord(
                        number, ref, b"", None, ReasonCode.SIZE_LIMIT,
                        f"at most {LIMITS.line_bytes} bytes of one resource in a request",
                    )  # fmt: skip
                    continue
                try:
                    yield RawRecord(number, ref, b"", wire.decode(raw))
                except wire.WireFault as fault:
                    yield RawRecord(
                        number, ref, raw[: LIMITS.kept_raw_bytes], None,
                        ReasonCode.TYPE_MISMATCH, f"OTLP in protobuf: {fault}",
                    )  # fmt: skip
        except wire.WireFault as fault:
            raise FileRefused(
                ReasonCode.TYPE_SNIFF, f"{path.name} is no OTLP in protobuf: {fault}",
                "an export request, or requests with their lengths in four bytes",
                "export it again, or as OTLP JSON",
            ) from None  # fmt: skip
    if number == 0:
        raise FileRefused(
            ReasonCode.EMPTY_FILE, f"{path.name} holds no span and no log record",
            "a file with content", "export it again",
        )  # fmt: skip


def _unpacked(value: Any) -> Iterator[tuple[str, Packed | None]]:
    """The records of a request, a container or a row, with their places."""
    if not isinstance(value, dict):
        yield "value", None
        return
    key = next((one for one in _CONTAINERS if one in value), None)
    if key is not None:
        for at, container in enumerate(value[key] or ()):
            yield from _of_container(container, f"{key}[{at}].")
    elif any(one in value for one in _SCOPES):
        yield from _of_container(value, "")
    elif _is_row(value):
        yield "row", Packed(value, _prefixed(value, "resource"), None)
    else:
        yield "value", None


def _of_container(container: Any, place: str) -> Iterator[tuple[str, Packed | None]]:
    if not isinstance(container, dict):
        yield place.rstrip("."), None
        return
    resource = attributes.of_pairs((container.get("resource") or {}).get("attributes"))
    for scope_at, scope in enumerate(_first(container, _SCOPES)):
        url = scope.get("schemaUrl") or scope.get("schema_url") or container.get("schemaUrl")
        are_spans = "spans" in scope and "records" not in scope
        for at, body in enumerate(_first(scope, _RECORDS)):
            where = f"{place}scope[{scope_at}].record[{at}]"
            if isinstance(body, dict):
                is_log = not are_spans and _is_log(scope, body)
                yield where, Packed(body, resource, url, is_log)
            else:
                yield where, None


def _is_log(scope: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """By the list it stands in; in protobuf lists have no names, but spans always have an end."""
    if "records" not in scope:
        return "spans" not in scope
    return "startTimeUnixNano" not in body and "endTimeUnixNano" not in body


def _first(holder: Any, keys: tuple[str, ...]) -> list[Any]:
    if not isinstance(holder, dict):
        return []
    return next((holder[key] for key in keys if isinstance(holder.get(key), list)), [])


def _is_row(value: Mapping[str, Any]) -> bool:
    has_id = "context" in value or "context.span_id" in value or "spanId" in value
    return has_id and any(key in value for key in ("start_time", "startTimeUnixNano", "name"))


def _prefixed(value: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    held = value.get(prefix)
    inner = held.get("attributes", held) if isinstance(held, dict) else {}
    start = f"{prefix}.attributes."
    flat = {key[len(start) :]: one for key, one in value.items() if key.startswith(start)}
    return {**attributes.of_pairs(inner), **flat}
