"""Parquet files: rows as column name → value, with page checksums verified.

Values keep their types: an integer stays an integer, a time without zone stays without. Nanoseconds
are cut to microseconds. Reads one batch of rows at a time; refuses what is damaged or encrypted,
which may show only at its end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from candor.events.reasons import ReasonCode
from candor.sources.base import FileRefused, RawRecord
from candor.sources.readers import bytestream
from candor.sources.readers.dialect import check_header
from candor.sources.readers.limits import LIMITS

_ROWS = 4_096
_STRING_LIMIT = 32 << 20


def read(path: Path, *, required: Sequence[str] = ()) -> Iterator[RawRecord]:
    """Every row.

    Raises:
        FileRefused: TYPE_SNIFF, HEADER_*, ARCHIVE_DAMAGED for damage, RESOURCE_LIMIT for columns
            that do not fit into memory.
    """
    with _opened(path) as file:
        check_header(file.schema_arrow.names, required, path.name)
        number = 0
        try:
            for batch in file.iter_batches(batch_size=_ROWS, use_threads=False):
                for row in _rows(batch):
                    number += 1
                    ref = f"{path.name}:row {number}:record {number}"
                    raw = json.dumps(row, ensure_ascii=False, default=str).encode(
                        "utf-8", "surrogatepass"
                    )
                    if len(raw) > LIMITS.line_bytes:
                        yield RawRecord(
                            number, ref, raw[: LIMITS.kept_raw_bytes], None, ReasonCode.SIZE_LIMIT,
                            f"a row of at most {LIMITS.line_bytes} bytes",
                        )  # fmt: skip
                    else:
                        yield RawRecord(number, ref, raw, row)
        except MemoryError:
            raise
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _damaged(path, error) from None


def count(path: Path) -> int:
    """Rows as the footer says."""
    with _opened(path) as file:
        return int(file.metadata.num_rows)


def shape(path: Path) -> tuple[int, int]:
    """Rows and top-level columns as the footer says."""
    with _opened(path) as file:
        return int(file.metadata.num_rows), len(file.schema_arrow.names)


def _opened(path: Path) -> pq.ParquetFile:
    size = path.stat().st_size
    if size == 0:
        raise FileRefused(
            ReasonCode.EMPTY_FILE, f"{path.name} is empty", "a file with content", "export it again"
        )
    kind = bytestream.kind_on_disk(path)
    if kind == "encrypted parquet":
        raise FileRefused(
            ReasonCode.TYPE_SNIFF, f"{path.name} is encrypted", "a Parquet file without encryption",
            "export it without encryption",
        )  # fmt: skip
    if kind != "parquet":
        raise FileRefused(
            ReasonCode.TYPE_SNIFF, f"{path.name} is no Parquet file (it is {kind})",
            "a Parquet file", "declare the format it has",
        )  # fmt: skip
    try:
        return pq.ParquetFile(
            path,
            page_checksum_verification=True,
            memory_map=False,
            thrift_string_size_limit=_STRING_LIMIT,
        )
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(path, error) from None


def _rows(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    batch.validate(full=True)
    columns = [_plain(column) for column in batch.columns]
    lists = [column.to_pylist() for column in columns]
    for values in zip(*lists, strict=True):
        yield dict(zip(batch.schema.names, values, strict=True))


def _plain(column: pa.Array) -> pa.Array:
    """Nanoseconds as microseconds: Python's instants have no smaller unit."""
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return column.cast(pa.timestamp("us", kind.tz), safe=False)
    return column


def _damaged(path: Path, error: BaseException) -> FileRefused:
    lines = str(error).strip().splitlines()
    return FileRefused(
        ReasonCode.ARCHIVE_DAMAGED,
        f"{path.name} cannot be read ({lines[0][:160] if lines else type(error).__name__})",
        "a whole Parquet file with right checksums",
        "export it again",
    )
