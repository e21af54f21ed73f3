"""Counts of a batch: what its files brought, what was rejected, and the report made of it.

Reads the tables that sieve and rejects leave in a batch's private engine; writes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from candor.engines.duck import DuckEngine
from candor.events import ReasonCode
from candor.lake.records import BatchFacts, CommitReport
from candor.lake.rejects import NO_FILE


@dataclass(slots=True)
class StagedFile:
    """One file of the batch; ``signature`` is set once it was read to its end."""

    sha256: str
    read: int = 0
    known: int = 0
    keys: list[bytes] = field(default_factory=list)
    is_refused: bool = False
    signature: str = ""


def rejections(
    engine: DuckEngine, source: str, files: Sequence[StagedFile]
) -> tuple[list[list[str | int | dict[str, int]]], int, Counter[str]]:
    """Rows for ``seen_file``, quarantined records, and rejections by reason."""
    reasons: dict[int, Counter[str]] = {}
    for file_no, reason, count in engine.rows(
        f"select coalesce(file_no, {NO_FILE}), reason, count(*) from rejected group by all"
    ):
        reasons.setdefault(file_no, Counter())[reason] = count
    lost = dict(
        engine.rows(
            f"""
            select file_no, count(*) from (
              select distinct file_no, record_no from rejected
              where file_no <> {NO_FILE} and not is_partial) anti join outcome
              using (file_no, record_no)
            group by file_no
            """
        )
    )
    seen: list[list[str | int | dict[str, int]]] = []
    for number, file in enumerate(files):
        if file.signature and file.sha256 and not file.is_refused:
            by_reason = dict(sorted(reasons.get(number, Counter()).items()))
            # A conflict is found against the lake and is not a property of the file.
            by_reason.pop(ReasonCode.ID_CONFLICT, None)
            seen.append(
                [
                    source,
                    file.sha256,
                    file.signature,
                    file.read,
                    lost.get(number, 0),
                    by_reason,
                ]
            )
    total: Counter[str] = Counter()
    for counted in reasons.values():
        total.update(counted)
    return seen, sum(lost.values()), total


def report(
    facts: BatchFacts, snapshot_id: str, unmapped: dict[tuple[str, str, str], int]
) -> CommitReport:
    """What a committed batch did, from its ledger row."""
    return CommitReport(
        read=facts.read,
        stored=facts.stored,
        duplicate=facts.duplicate,
        quarantined=facts.quarantined,
        by_type=facts.by_type,
        by_reason=facts.by_reason,
        conflicts=facts.conflicts,
        unmapped=unmapped,
        batch_id=facts.batch_id,
        snapshot_id=snapshot_id,
    )
