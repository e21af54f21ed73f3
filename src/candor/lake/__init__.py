"""The only memory: Delta tables of events with crash-safe commits, snapshots and quarantine.

Writers add batches, readers see snapshots. Also keeps the published serving files.
"""

from candor.lake.batch import Batch
from candor.lake.lake import WAIT_SECONDS, Lake
from candor.lake.records import (
    CommitReport,
    Coverage,
    FileEntry,
    Finding,
    QuarantineEntry,
    QuarantineRow,
    RawRejected,
    Replayed,
    ReplayReport,
    SeenFile,
    Snapshot,
)

__all__ = [
    "WAIT_SECONDS",
    "Batch",
    "CommitReport",
    "Coverage",
    "FileEntry",
    "Finding",
    "Lake",
    "QuarantineEntry",
    "QuarantineRow",
    "RawRejected",
    "ReplayReport",
    "Replayed",
    "SeenFile",
    "Snapshot",
]
