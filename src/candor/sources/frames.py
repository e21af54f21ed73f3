"""How pieces of a file travel from the reading child to its parent: a JSON head and Arrow blobs.

Nothing that a child sends is ever unpickled or believed: sizes are bounded before memory is taken,
schemas must be those of the event registry, and columns are validated in full.
Frame: 4 bytes length of the head (big endian), head, then the blobs whose lengths the head names.
"""

from __future__ import annotations

import io
import json
import struct
from collections import Counter
from collections.abc import Callable
from typing import Any, BinaryIO

import pyarrow as pa

from candor.events import ReasonCode, arrow_schema, registry
from candor.sources.base import FileRefused, RejectedRecord
from candor.sources.batch import SourceBatch
from candor.sources.known import KEY_BYTES

_LENGTH = struct.Struct(">I")
_HEAD_LIMIT = 256 << 20
_RECORD_NO = pa.field("record_no", pa.int64())


class BadFrame(Exception):  # noqa: N818 - names what arrived
    """What came through the pipe is not a frame."""


def send(stream: BinaryIO, head: dict[str, Any], blobs: list[Any] | None = None) -> None:
    """Write one frame."""
    blobs = blobs or []
    head["blobs"] = [len(memoryview(blob)) for blob in blobs]
    text = json.dumps(head, ensure_ascii=True).encode()
    stream.write(_LENGTH.pack(len(text)) + text)
    stream.writelines(blobs)
    stream.flush()


def receive(
    read: Callable[[int], bytes], limit: int
) -> tuple[dict[str, Any], list[memoryview], int]:
    """Read one frame: head, blobs and its size.

    Args:
        read: reads exactly as many bytes as asked; b"" at the end.
        limit: greatest number of bytes of the frame.

    Raises:
        EOFError: the stream ended before a frame.
        BadFrame: it is no frame, or larger than allowed.
    """
    start = read(_LENGTH.size)
    if not start:
        raise EOFError
    (length,) = _LENGTH.unpack(start)
    if length > min(limit, _HEAD_LIMIT):
        raise BadFrame("the head is too large")
    try:
        head = json.loads(read(length))
        sizes = [int(size) for size in head["blobs"]]
    except (ValueError, LookupError, TypeError) as error:
        raise BadFrame("the head cannot be read") from error
    total = length + sum(sizes)
    if any(size < 0 for size in sizes) or total > limit:
        raise BadFrame("the blobs are too large")
    return head, [memoryview(read(size)) for size in sizes], total


def send_batch(stream: BinaryIO, batch: SourceBatch) -> None:
    """Write one piece of a file."""
    blobs: list[Any] = []
    names = []
    for name, table in batch.tables.items():
        names.append(name)
        blobs.append(_packed(table))
    blobs.append(b"".join(row.raw for row in batch.quarantine))
    blobs.append(batch.keys)
    refused = batch.refused
    send(
        stream,
        {
            "kind": "batch",
            "file": batch.file,
            "sha256": batch.file_sha256,
            "tables": names,
            "quarantine": [
                [
                    row.record_no, row.raw_ref, row.reason, row.field, row.detail, row.preview,
                    row.is_partial, len(row.raw),
                ]
                for row in batch.quarantine
            ],
            "read": batch.read,
            "notes": [[*key, count] for key, count in batch.notes.items()],
            "unmapped": [[*key, count] for key, count in batch.unmapped.items()],
            "masked": dict(batch.masked),
            "refused": refused
            and [refused.code, refused.what, refused.expected, refused.fix],
            "done": batch.done,
            "counted": batch.counted,
            "known": batch.known,
        },
        blobs,
    )  # fmt: skip


def batch_of(head: dict[str, Any], blobs: list[memoryview]) -> SourceBatch:
    """The piece that a frame holds.

    Raises:
        BadFrame: it does not hold a piece with the schemas of the registry.
    """
    try:
        sha256 = str(head["sha256"])
        batch = SourceBatch(
            str(head["file"]), sha256, read=int(head["read"]), done=bool(head["done"]),
            counted=None if head["counted"] is None else int(head["counted"]),
            known=int(head["known"]), keys=bytes(blobs[len(head["tables"]) + 1]),
        )  # fmt: skip
        if len(batch.keys) > KEY_BYTES * batch.read or len(batch.keys) % KEY_BYTES:
            raise BadFrame("more keys than records")
        for name, blob in zip(head["tables"], blobs, strict=False):
            batch.tables[name] = _unpacked(name, blob)
        raws = io.BytesIO(blobs[len(head["tables"])])
        for number, ref, reason, name, detail, preview, is_partial, size in head["quarantine"]:
            batch.quarantine.append(
                RejectedRecord(
                    number, ref, ReasonCode(reason), name, detail, preview, raws.read(size), sha256,
                    is_partial,
                )
            )  # fmt: skip
        batch.notes = {(kind, detail): count for kind, detail, count in head["notes"]}
        batch.unmapped = Counter({(t, f, word): n for t, f, word, n in head["unmapped"]})
        batch.masked = Counter(head["masked"])
        if head["refused"] is not None:
            code, what, expected, fix = head["refused"]
            batch.refused = FileRefused(ReasonCode(code), what, expected, fix)
    except (ValueError, LookupError, TypeError, pa.ArrowException) as error:
        raise BadFrame("the piece cannot be read") from error
    return batch


def _packed(table: pa.Table) -> pa.Buffer:
    """Arrow stream of a table without its empty columns, which the receiver knows to add."""
    full = [name for name in table.column_names if table.column(name).null_count < len(table)]
    sink = pa.BufferOutputStream()
    kept = table.select(full)
    with pa.ipc.new_stream(sink, kept.schema) as writer:
        writer.write_table(kept)
    return sink.getvalue()


def _unpacked(name: str, blob: memoryview) -> pa.Table:
    if name not in registry():
        raise BadFrame("an unknown type of event")
    with pa.ipc.open_stream(pa.py_buffer(blob)) as reader:
        table = reader.read_all()
    table.validate(full=True)
    schema = arrow_schema(name).append(_RECORD_NO)
    columns = []
    for field in schema:
        at = table.schema.get_field_index(field.name)
        if at < 0:
            columns.append(pa.chunked_array([pa.nulls(len(table), field.type)]))
        elif table.schema.field(at).type != field.type:
            raise BadFrame("a column of another type")
        else:
            columns.append(table.column(at))
    return pa.Table.from_arrays(columns, schema=schema)
