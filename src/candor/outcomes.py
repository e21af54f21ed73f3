"""What an ingest or a replay did, as counts, as JSON and in words.

Holds no behaviour beyond telling. Counts are records unless said otherwise.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from candor.errors import Problem

MOST_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class SetAside:
    """One record that was not accepted, for people.

    Attributes:
        reason: code of the closed list.
        where: file and place of the record.
        field: the field at fault, "" for the record as a whole.
        expected: what was expected.
        preview: the record, masked and cut.
    """

    reason: str
    where: str
    field: str
    expected: str
    preview: str


@dataclass
class IngestResult:
    """What became of every record offered.

    ``read = stored + duplicate + quarantined``, in source records; ``by_type`` counts events.
    ``settled`` counts records of earlier ingests that had been waiting and are stored now.
    ``examples`` are the first ``MOST_EXAMPLES`` records set aside for each reason.
    """

    read: int = 0
    stored: int = 0
    duplicate: int = 0
    quarantined: int = 0
    by_type: Counter[str] = field(default_factory=Counter)
    by_reason: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)
    notes: Counter[tuple[str, str]] = field(default_factory=Counter)
    unmapped: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    refused: list[Problem] = field(default_factory=list)
    miscounted: list[Problem] = field(default_factory=list)
    files: int = 0
    seconds: float = 0.0
    settled: int = 0
    examples: list[SetAside] = field(default_factory=list)

    def show(self, rejected: SetAside) -> None:
        """Keep one as an example, unless there are enough for its reason."""
        alike = sum(one.reason == rejected.reason for one in self.examples)
        if alike < MOST_EXAMPLES:
            self.examples.append(rejected)

    def as_dict(self) -> dict[str, Any]:
        """The JSON of ``candor ingest --json``."""
        return {
            "read": self.read,
            "stored": self.stored,
            "duplicate": self.duplicate,
            "quarantined": self.quarantined,
            "by_type": dict(sorted(self.by_type.items())),
            "by_reason": dict(sorted(self.by_reason.items())),
            "masked": dict(sorted(self.masked.items())),
            "notes": [
                {"kind": kind, "detail": detail, "count": count}
                for (kind, detail), count in sorted(self.notes.items())
            ],
            "unmapped": [
                {"type": kind, "field": name, "value": value, "count": count}
                for (kind, name, value), count in sorted(self.unmapped.items())
            ],
            "files": self.files,
            "waiting_settled": self.settled,
            "refused": [str(problem) for problem in self.refused],
            "miscounted": [str(problem) for problem in self.miscounted],
        }

    def lines(self) -> list[str]:
        """The footer of an ingest, for people."""
        became = (
            f"{self.stored:,} stored + {self.duplicate:,} duplicate"
            f" + {self.quarantined:,} quarantined"
        )
        lines = [
            f"{self.files} file(s), {self.read:,} records read = {became}  ({self.seconds:.1f} s)"
        ]
        if self.by_type:
            counts = ", ".join(f"{count:,} {name}" for name, count in self.by_type.most_common())
            lines.append(f"  events stored: {counts}")
        if self.masked:
            counts = ", ".join(f"{count:,} {kind}" for kind, count in self.masked.most_common(8))
            lines.append(f"  masked before storage: {counts}")
        if self.by_reason:
            counts = ", ".join(f"{count:,} {code}" for code, count in self.by_reason.most_common())
            lines.append(f"  set aside: {counts}; see `candor quarantine list`")
        if self.settled:
            lines.append(f"  {self.settled:,} record(s) that had been waiting are stored now")
        lines += [
            f"  unknown value kept raw: {kind}.{name} = {value!r} ({count:,})"
            for (kind, name, value), count in self.unmapped.most_common(8)
        ]
        lines += [
            f"  note: {kind}: {detail} ({n:,})" for (kind, detail), n in self.notes.most_common(8)
        ]
        lines += [f"  refused: {problem}" for problem in self.refused]
        lines += [f"  COUNT DIFFERS: {problem}" for problem in self.miscounted]
        return lines


@dataclass
class ReplayResult:
    """What became of the quarantined records that were offered again.

    ``offered = stored + duplicate + quarantined``; ``not_offered`` counts, by why, those among the
    quarantined that could not be read again.
    """

    offered: int = 0
    stored: int = 0
    duplicate: int = 0
    quarantined: int = 0
    not_offered: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        """The JSON of ``candor quarantine replay --json``."""
        return {
            "offered": self.offered,
            "stored": self.stored,
            "duplicate": self.duplicate,
            "quarantined": self.quarantined,
            "not_read": dict(sorted(self.not_offered.items())),
        }

    def lines(self) -> list[str]:
        """For people."""
        became = (
            f"{self.stored:,} stored + {self.duplicate:,} duplicate"
            f" + {self.quarantined:,} still quarantined"
        )
        return [
            f"{self.offered:,} quarantined records offered again = {became}",
            *(f"  {n:,} could not be read: {why}" for why, n in self.not_offered.most_common()),
        ]
