"""What an earlier snapshot did not have: data files, and events that gave way to others since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from candor.lake.lake import Lake
from candor.lake.records import Snapshot
from candor.lake.staging import scan
from candor.lake.tables import SUPERSEDED


@dataclass(frozen=True, slots=True)
class FreshFiles:
    """Files of one event type that an earlier snapshot did not have.

    Attributes:
        events: data files.
        superseded: lists of events that are no longer current.
        every: all data files of the type, for looking such events up.
    """

    events: tuple[Path, ...]
    superseded: tuple[Path, ...]
    every: tuple[Path, ...]

    def queries(self, columns: str) -> list[str]:
        """SQL for columns of the new events, and of the earlier ones that gave way.

        Args:
            columns: stored columns, as SQL.
        """
        found = []
        if self.events:
            found.append(f"select {columns} from {scan(self.events)}")
        if self.superseded:
            found.append(
                f"select {columns} from {scan(self.every)}"
                f" semi join (from {scan(self.superseded)}) as gone using (event_key)"
            )
        return found


def fresh_files(
    lake: Lake, before: Snapshot, shown: Snapshot, kinds: Iterable[str]
) -> Mapping[str, FreshFiles] | None:
    """Files of some event types that ``shown`` has and ``before`` had not.

    Returns:
        by event type; None when files of ``before`` are gone, so that what changed cannot be told.
    """
    found = {}
    for kind in kinds:
        added = []
        for table, partition in ((kind, None), (SUPERSEDED, kind)):
            old = set(lake.verified_paths(table, before, partition))
            new = set(lake.verified_paths(table, shown, partition))
            if not old <= new:
                return None
            added.append(tuple(sorted(new - old)))
        every = tuple(lake.verified_paths(kind, shown))
        found[kind] = FreshFiles(added[0], added[1], every)
    return found
