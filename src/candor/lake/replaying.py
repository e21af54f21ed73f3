"""Offers quarantined records again: what is accepted now is stored, and the entry is settled.

The new events, the entries' new state and what is rejected anew are one batch. A settled entry is
never offered again, so a second replay stores nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import groupby

import pyarrow as pa

from candor.lake.batch import Batch
from candor.lake.records import QuarantineEntry, RawRejected, Replayed, ReplayReport
from candor.lake.tables import QUARANTINE_SCHEMA

REPLAY_BYTES = 64 << 20


def portions(entries: Sequence[QuarantineEntry], most: int) -> Iterator[list[QuarantineEntry]]:
    """Entries source by source, in portions of at most so many raw bytes.

    All entries of one record stay together, and those of one file as far as they fit.
    """
    ordered = sorted(entries, key=_record_of)
    part: list[QuarantineEntry] = []
    size = 0
    for _, group in groupby(ordered, key=_record_of):
        record = list(group)
        weight = sum(entry.raw_bytes for entry in record)
        if part and (size + weight > most or record[0].source != part[0].source):
            yield part
            part, size = [], 0
        part += record
        size += weight
    if part:
        yield part


def _record_of(entry: QuarantineEntry) -> tuple[str, str, int, str]:
    return entry.source, entry.file_sha256, entry.record_no, entry.raw_ref


def replay(
    batch: Batch, records: Sequence[RawRejected], made: Replayed, so_far: ReplayReport
) -> ReplayReport:
    """Store what a reader made of the offered records of one source.

    Args:
        batch: not yet entered.
        records: as offered; record number n is ``records[n - 1]``.
        made: events and rejections numbered alike.
        so_far: outcome of other sources.

    Returns:
        ``so_far`` and this source's outcome together.
    """
    if not made.tables and _is_unchanged(records, made):
        return _sum(so_far, ReplayReport(len(records), 0, 0, len(records)))
    with batch:
        for event_type, table in made.tables.items():
            batch.add(event_type, table)
        batch.quarantine(made.rejected)
        batch.read_count(len(records))
        batch.prepare()
        outcomes = batch.outcomes()
        rejected = {row.record_no: str(row.reason) for row in made.rejected}
        marks = []
        for number, record in enumerate(records, start=1):
            if number in outcomes:
                marks.append(_mark(record.entry, "stored" if outcomes[number] else "duplicate"))
            elif rejected.get(number, record.entry.reason) != record.entry.reason:
                marks.append(_mark(record.entry, "quarantined"))
        batch.settle(pa.Table.from_pylist(marks, schema=QUARANTINE_SCHEMA))
        report = batch.commit()
    return _sum(
        so_far, ReplayReport(len(records), report.stored, report.duplicate, report.quarantined)
    )


def _is_unchanged(records: Sequence[RawRejected], made: Replayed) -> bool:
    reasons = {row.record_no: str(row.reason) for row in made.rejected}
    return all(
        reasons.get(number) == record.entry.reason for number, record in enumerate(records, start=1)
    )


def _mark(entry: QuarantineEntry, outcome: str) -> dict[str, object]:
    return {
        "quarantine_id": entry.quarantine_id,
        "batch_id": entry.batch_id,
        "source": entry.source,
        "file_sha256": entry.file_sha256,
        "record_no": entry.record_no,
        "raw_ref": entry.raw_ref,
        "reason": entry.reason,
        "field": entry.field,
        "detail": entry.detail,
        "preview": entry.preview,
        "rule_version": entry.rule_version,
        "is_partial": entry.is_partial,
        "event_type": entry.event_type,
        "event_id": entry.event_id,
        "raw_offset": 0,
        "raw_bytes": 0,
        "seen_at": entry.seen_at_us,
        "replayed_at": time.time_ns() // 1_000,
        "outcome": outcome,
    }


def _sum(one: ReplayReport, other: ReplayReport) -> ReplayReport:
    return ReplayReport(
        one.offered + other.offered,
        one.stored + other.stored,
        one.duplicate + other.duplicate,
        one.quarantined + other.quarantined,
    )
