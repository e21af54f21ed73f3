"""Bodies of OTLP/HTTP: unpacked within bounds, checked, and never interpreted further here.

Reference: the OTLP specification, section OTLP/HTTP (``/v1/traces``, ``/v1/logs``; protobuf or JSON;
gzip).
"""

from __future__ import annotations

import io
import zlib
from http import HTTPStatus

from candor.errors import Problem
from candor.receiving.hooks import Refused
from candor.receiving.inbox import LENGTH_BYTES, Inbox
from candor.sources.otel import wire
from candor.sources.readers.json_strict import JsonFault, decode

PATHS = {"/v1/traces": "traces", "/v1/logs": "logs"}
PACKED_BYTES = 16 << 20
_UNPACKED_BYTES = 64 << 20
_FORMS = {"application/x-protobuf": "pb", "application/json": "jsonl"}


def form_of(content_type: str) -> str:
    """``pb`` or ``jsonl``.

    Raises:
        Refused: another content type.
    """
    form = _FORMS.get(content_type)
    if form is None:
        raise refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    return form


def take(inbox: Inbox, kind: str, form: str, packed: bytes, encoding: str) -> None:
    """Keep one request durably.

    Args:
        inbox: where it waits.
        kind: traces or logs.
        form: see ``form_of``.
        packed: as it came, at most ``PACKED_BYTES``.
        encoding: ``gzip``, ``identity`` or "".

    Raises:
        Refused: it cannot be read; nothing was kept.
        OSError: the disk refused; it must be sent again.
    """
    body = _unpacked(packed, encoding)
    _check(body, form)
    inbox.keep(kind, form, body)


def refused(status: HTTPStatus) -> Refused:
    """A refusal whose status says it all."""
    return Refused(status, Problem(status.phrase))


def _unpacked(body: bytes, encoding: str) -> bytes:
    if encoding in {"identity", ""}:
        return body
    if encoding != "gzip":
        raise refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    try:
        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        found = unpacker.decompress(body, _UNPACKED_BYTES)
    except zlib.error:
        raise refused(HTTPStatus.BAD_REQUEST) from None
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return found


def _check(body: bytes, form: str) -> None:
    """Refuse what the connector could not read: the client should hear of it."""
    try:
        if form == "jsonl":
            if not isinstance(decode(body.decode()), dict):
                raise refused(HTTPStatus.BAD_REQUEST)
            return
        framed = len(body).to_bytes(LENGTH_BYTES, "big") + body
        for _, raw in wire.containers(io.BytesIO(framed), _UNPACKED_BYTES):
            wire.decode(raw or b"")
    except (JsonFault, UnicodeDecodeError, wire.WireFault):
        raise refused(HTTPStatus.BAD_REQUEST) from None
