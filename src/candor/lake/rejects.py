"""Rejected records: collected beside a batch's events, stored with them, listed and read back.

The table ``quarantine`` holds redacted previews; raw bytes lie outside the lake, one file per batch
under ``restricted/quarantine/<batch>/``, mode 0600. A quarantine id names content and reason, so the
same bad record read twice, or from another cut of the file, is one entry. A replay appends a second
row with the same id, ``replayed_at`` and the outcome; the latest row of an id counts.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from candor.engines.duck import DuckEngine
from candor.errors import CandorError, Problem
from candor.events import ReasonCode
from candor.lake.durable import make_folder, sync
from candor.lake.records import QuarantineEntry, Rejected
from candor.lake.staging import scan, sql_type, text_literal
from candor.lake.tables import QUARANTINE_SCHEMA

RAW_FILE = "raw.bin"
NO_FILE = -1
_PREVIEW = 200
_HELD = 20_000
_STAGED = QUARANTINE_SCHEMA.append(pa.field("file_no", pa.int64()))
_NAMES = ", ".join(f'"{name}"' for name in QUARANTINE_SCHEMA.names)


class Rejects:
    """Rejected records of one batch, before its commit.

    Args:
        folder: the batch's staging folder.
        source: name of the source.
        batch_id: name of the batch.
        rule_version: version of the rules that rejected them.
        seen_at_us: instant stamped on them.
    """

    def __init__(
        self, folder: Path, source: str, batch_id: str, rule_version: str, seen_at_us: int
    ) -> None:
        self._folder = folder
        self._source = source
        self._batch_id = batch_id
        self._rule_version = rule_version
        self._seen_at_us = seen_at_us
        self._rows: list[dict[str, Any]] = []
        self._files: list[Path] = []
        self._raw: BinaryIO | None = None
        self._raw_path = folder / RAW_FILE
        self._raw_size = 0

    def add(self, rows: Iterable[Rejected], file_no: int) -> None:
        """Take rejected records of one file."""
        for row in rows:
            # An erased person's record came back: it is counted, its bytes are not kept.
            raw = b"" if row.reason == ReasonCode.SUPPRESSED else row.raw
            self._rows.append(
                {
                    "quarantine_id": _quarantine_id(self._source, row, raw),
                    "batch_id": self._batch_id,
                    "source": self._source,
                    "file_sha256": row.file_sha256,
                    "record_no": row.record_no,
                    "raw_ref": row.raw_ref,
                    "reason": str(row.reason),
                    "field": row.field,
                    "detail": row.detail,
                    "preview": row.preview[:_PREVIEW],
                    "rule_version": self._rule_version,
                    "is_partial": row.is_partial,
                    "event_type": "",
                    "event_id": "",
                    "raw_offset": self._raw_size,
                    "raw_bytes": len(raw),
                    "seen_at": self._seen_at_us,
                    "replayed_at": None,
                    "outcome": "",
                    "file_no": file_no,
                }
            )
            if raw:
                self._keep(raw)
            if len(self._rows) >= _HELD:
                self._spill()

    def settle(self, engine: DuckEngine, refused: Sequence[int], stored: Sequence[Path]) -> None:
        """Make the temporary tables ``rejected`` (all of this batch) and ``quarantine_new``.

        Needs the sieve's ``contested``. ``quarantine_new`` holds what no earlier batch listed, in
        order, with offsets into the batch's raw file.
        """
        self._spill()
        listed = ", ".join(str(number) for number in refused) or "null"
        source = scan(self._files) if self._files else _empty()
        known = f"anti join {scan(stored)} as known using (quarantine_id)" if stored else ""
        engine.run(
            f"""
            create temp table rejected as
            select * from {source} where (file_no in ({listed})) is not true
            union all by name
            select md5('ID_CONFLICT' || chr(31) || event_type || chr(31) || event_id || content_hash)
                as quarantine_id,
              {text_literal(self._batch_id)} as batch_id, source, '' as file_sha256,
              record_no, raw_ref, '{ReasonCode.ID_CONFLICT}' as reason, '' as field,
              'another content of the same event and revision counts' as detail, '' as preview,
              {text_literal(self._rule_version)} as rule_version, true as is_partial,
              event_type, event_id, 0 as raw_offset, 0 as raw_bytes,
              make_timestamptz({self._seen_at_us}::bigint) as seen_at,
              cast(null as timestamptz) as replayed_at, '' as outcome, file_no
            from contested;
            create temp table quarantine_new as
            with once as (
              select *, row_number() over (partition by quarantine_id
                order by file_no, record_no, raw_ref) as copy
              from rejected)
            select once.* exclude (copy), cast(coalesce(sum(raw_bytes) over (
                order by file_no, record_no, quarantine_id
                rows between unbounded preceding and 1 preceding), 0) as bigint) as new_offset
            from once {known} where copy = 1
            order by file_no, record_no, quarantine_id;
            """
        )

    def write(self, engine: DuckEngine, path: Path, restricted: Path, marks: pa.Table) -> int:
        """Write the new entries and ``marks`` to a data file, and their raw bytes beside the lake.

        Args:
            engine: holds ``quarantine_new``.
            path: the data file.
            restricted: folder of raw quarantined bytes.
            marks: rows of settled entries, ``QUARANTINE_SCHEMA``.

        Returns:
            rows written.
        """
        self._store_raw(engine, restricted)
        engine.connection.register("_marks", marks)
        try:
            engine.run(
                f"""
                copy (select {_NAMES} from (
                    select * exclude (raw_offset, new_offset, file_no), new_offset as raw_offset
                    from quarantine_new union all by name select * from _marks)
                  order by quarantine_id, replayed_at nulls first)
                to {text_literal(path)} (format parquet, compression zstd)
                """
            )
        finally:
            engine.connection.unregister("_marks")
        return int(pq.read_metadata(path).num_rows)

    def _store_raw(self, engine: DuckEngine, restricted: Path) -> None:
        spans = engine.rows(
            "select raw_offset, raw_bytes from quarantine_new where raw_bytes > 0"
            " order by new_offset"
        )
        if not spans or self._raw is None:
            return
        self._raw.flush()
        folder = restricted / self._batch_id
        make_folder(restricted, 0o700)
        make_folder(folder, 0o700)
        descriptor = os.open(folder / RAW_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as target, self._raw_path.open("rb") as origin:
            for offset, size in spans:
                origin.seek(offset)
                target.write(origin.read(size))
        sync(folder / RAW_FILE)
        sync(folder)

    def _keep(self, raw: bytes) -> None:
        if self._raw is None:
            descriptor = os.open(self._raw_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            self._raw = os.fdopen(descriptor, "wb")
        self._raw.write(raw)
        self._raw_size += len(raw)

    def _spill(self) -> None:
        if self._rows:
            path = self._folder / f"rejected-{len(self._files)}.parquet"
            pq.write_table(pa.Table.from_pylist(self._rows, schema=_STAGED), path)
            self._files.append(path)
            self._rows = []

    def close(self) -> None:
        """Close the raw file."""
        if self._raw is not None:
            self._raw.close()


def listing(engine: DuckEngine, stored: Sequence[Path]) -> list[QuarantineEntry]:
    """Every entry, its latest state, in order of first sight."""
    if not stored:
        return []
    rows = engine.rows(
        f"""
        with ranked as (
          select *, row_number() over (partition by quarantine_id
            order by replayed_at desc nulls last, batch_id) as rank
          from {scan(stored)})
        select quarantine_id, first.batch_id, first.source, first.file_sha256, first.record_no,
          first.raw_ref, first.reason, first.field, first.detail, first.preview,
          first.rule_version, first.is_partial, first.event_type, first.event_id, first.raw_bytes,
          epoch_us(first.seen_at), epoch_us(ranked.replayed_at), ranked.outcome
        from ranked
        join (from {scan(stored)} where replayed_at is null) as first using (quarantine_id)
        where rank = 1
        order by first.seen_at, first.batch_id, first.record_no, quarantine_id
        """
    )
    return [QuarantineEntry(*row) for row in rows]


def raw_bytes(
    engine: DuckEngine, stored: Sequence[Path], restricted: Path, ids: Sequence[str]
) -> dict[str, bytes]:
    """Raw bytes by quarantine id, of those that still have any."""
    if not stored or not ids:
        return {}
    listed = ", ".join(text_literal(one) for one in ids)
    found: dict[str, bytes] = {}
    for quarantine_id, batch_id, offset, size in engine.rows(
        f"select quarantine_id, batch_id, raw_offset, raw_bytes from {scan(stored)}"
        f" where replayed_at is null and raw_bytes > 0 and quarantine_id in ({listed})"
        " order by batch_id, raw_offset"
    ):
        path = restricted / batch_id / RAW_FILE
        if not path.exists():
            continue
        with path.open("rb") as handle:
            handle.seek(offset)
            raw = handle.read(size)
        if len(raw) != size:
            raise CandorError(
                "lake.quarantine_damaged", Problem("the file is shorter than it was", str(path))
            )
        found[quarantine_id] = raw
    return found


def remove_unknown(restricted: Path, batches: set[str]) -> list[Path]:
    """Remove raw bytes of batches that never came to be; what was removed."""
    removed = [path for path in sorted(restricted.glob("*")) if path.name not in batches]
    for path in removed:
        shutil.rmtree(path)
    return removed


def _quarantine_id(source: str, row: Rejected, raw: bytes) -> str:
    content = raw or f"{row.file_sha256}\x1f{row.record_no}\x1f{row.raw_ref}".encode()
    head = f"{source}\x1f{row.reason}\x1f{row.field}\x1f".encode()
    return hashlib.md5(head + content, usedforsecurity=False).hexdigest()


def _empty() -> str:
    columns = ", ".join(
        f'cast(null as {sql_type(field.type)}) as "{field.name}"' for field in _STAGED
    )
    return f"(select {columns} limit 0)"
