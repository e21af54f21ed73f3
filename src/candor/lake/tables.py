"""The Delta tables: their schemas, their folders, and one append that survives a power loss.

Only this module talks to the Delta library. The library syncs nothing, so every log entry is synced
here; it writes the smallest and largest text of each column into its log unless told otherwise, so
tables are created with statistics on the time column only and add actions carry no others.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction
from deltalake.transaction import AddAction

from candor.events import registry, stored_schema
from candor.lake.durable import make_folder, sha256, sync
from candor.lake.records import FileEntry
from candor.lake.state import TableCommit

QUARANTINE = "quarantine"
SUPERSEDED = "superseded"
METADATA_KEY = "candor"
_INSTANT = pa.timestamp("us", "UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

QUARANTINE_SCHEMA = pa.schema(
    [
        ("quarantine_id", pa.string()),
        ("batch_id", pa.string()),
        ("source", pa.string()),
        ("file_sha256", pa.string()),
        ("record_no", pa.int64()),
        ("raw_ref", pa.string()),
        ("reason", pa.string()),
        ("field", pa.string()),
        ("detail", pa.string()),
        ("preview", pa.string()),
        ("rule_version", pa.string()),
        ("is_partial", pa.bool_()),
        ("event_type", pa.string()),
        ("event_id", pa.string()),
        ("raw_offset", pa.int64()),
        ("raw_bytes", pa.int64()),
        ("seen_at", _INSTANT),
        ("replayed_at", _INSTANT),
        ("outcome", pa.string()),
    ]
)
SUPERSEDED_SCHEMA = pa.schema(
    [
        ("event_key", pa.int64()),
        ("revision", pa.int64()),
        ("content_hash", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class NewFile:
    """A written and synced data file that no table knows yet.

    Attributes:
        entry: what the manifest will say of it.
        first_us: smallest value of the table's time column, None when it has none.
        last_us: largest value.
    """

    entry: FileEntry
    first_us: int | None
    last_us: int | None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One readable entry of a Delta log."""

    version: int
    path: Path
    actions: tuple[Mapping[str, Any], ...]

    @property
    def batch(self) -> Mapping[str, Any] | None:
        """What the batch that made this entry said of itself; None for a table's creation."""
        for action in self.actions:
            text = action.get("commitInfo", {}).get(METADATA_KEY)
            if text is not None:
                described: Mapping[str, Any] = json.loads(text)
                return described
        return None

    @property
    def has_files(self) -> bool:
        """Whether the entry adds data files."""
        return any("add" in action for action in self.actions)


class Tables:
    """All Delta tables of one lake folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """Tables that have a folder, sorted."""
        found = [path.name for path in (self.folder / "events").glob("*") if path.is_dir()]
        found += [name for name in (QUARANTINE, SUPERSEDED) if (self.folder / name).is_dir()]
        return sorted(found)

    def path(self, table: str) -> Path:
        """Folder of one table."""
        if table in (QUARANTINE, SUPERSEDED):
            return self.folder / table
        return self.folder / "events" / table

    def log(self, table: str) -> Path:
        """Folder of one table's log."""
        return self.path(table) / "_delta_log"

    def schema(self, table: str) -> pa.Schema:
        """Columns of the data files, without the partition column."""
        if table == QUARANTINE:
            return QUARANTINE_SCHEMA
        if table == SUPERSEDED:
            return SUPERSEDED_SCHEMA
        schema: pa.Schema = stored_schema(table)
        return schema

    def known(self) -> list[str]:
        """Every table there can be."""
        return [*sorted(registry()), QUARANTINE, SUPERSEDED]

    def entries(self, table: str) -> Iterator[LogEntry | Path]:
        """The log in order of version; a path stands for an entry that is empty or torn."""
        for path in sorted(self.log(table).glob("*.json")):
            if not path.stem.isdigit():
                continue
            try:
                lines = path.read_text(encoding="utf-8").splitlines()
                actions = tuple(json.loads(line) for line in lines if line)
            except ValueError:
                actions = ()
            yield LogEntry(int(path.stem), path, actions) if actions else path

    def append(self, table: str, files: Sequence[NewFile], batch: Mapping[str, Any]) -> TableCommit:
        """Add written files to a table and sync its log.

        Args:
            table: event type, ``quarantine`` or ``superseded``.
            files: their data are on the disk already.
            batch: what the batch says of itself; ``source`` and ``seq`` name the transaction.

        Raises:
            RuntimeError: this transaction, or a later one, is in the table already.
        """
        created = self._create(table)
        delta = DeltaTable(self.path(table))
        application = f"ingest:{batch['source']}"
        known = delta.transaction_version(application)
        if known is not None and known >= batch["seq"]:
            raise RuntimeError(f"{table} holds batch {known} of {application} already")
        partition = self.partition(table)
        described = {**batch, "files": [_as_json(one.entry) for one in files]}
        delta.create_write_transaction(
            [_add_action(one, partition, _time_column(table)) for one in files],
            mode="append",
            schema=self._delta_schema(table),
            partition_by=[partition],
            commit_properties=CommitProperties(
                custom_metadata={METADATA_KEY: json.dumps(described, sort_keys=True)},
                max_commit_retries=0,
                app_transactions=[Transaction(application, batch["seq"])],
            ),
            post_commithook_properties=PostCommitHookProperties(
                create_checkpoint=False, cleanup_expired_logs=False
            ),
        )
        version = delta.version() + 1
        hashes = dict(created)
        hashes[version] = self._sync_entry(table, version)
        return TableCommit(table, version, hashes, [one.entry for one in files])

    def replace(
        self,
        table: str,
        old: Sequence[FileEntry],
        new: Sequence[NewFile],
        batch: Mapping[str, Any],
    ) -> TableCommit:
        """Put written files in the place of others, in one synced entry of the table's log.

        The entry is written here, because the library can only replace a whole table or write the
        condition, and with it what is erased, into the log.

        Args:
            table: event type, ``quarantine`` or ``superseded``.
            old: files that are no longer part of the table.
            new: their data are on the disk already.
            batch: what the batch says of itself.
        """
        version = DeltaTable(self.path(table)).version() + 1
        partition = self.partition(table)
        now = time.time_ns() // 1_000_000
        removed = [one.path for one in old]
        described = {**batch, "files": [_as_json(one.entry) for one in new], "removed": removed}
        actions: list[dict[str, Any]] = [
            {"commitInfo": {"timestamp": now, "operation": "ERASE",
                            METADATA_KEY: json.dumps(described, sort_keys=True)}},
            *({"remove": {"path": path, "deletionTimestamp": now, "dataChange": True}}
              for path in removed),
        ]  # fmt: skip
        for one in new:
            action = _add_action(one, partition, _time_column(table))
            actions.append({"add": {
                "path": action.path, "size": action.size, "stats": action.stats,
                "partitionValues": {partition: one.entry.partition},
                "modificationTime": action.modification_time, "dataChange": True,
            }})  # fmt: skip
        draft = self.log(table) / f".{version:020d}.draft"
        draft.write_text("".join(json.dumps(one) + "\n" for one in actions), encoding="utf-8")
        sync(draft)
        draft.rename(self.log(table) / f"{version:020d}.json")
        hashes = {version: self._sync_entry(table, version)}
        return TableCommit(table, version, hashes, [one.entry for one in new], removed)

    def partition(self, table: str) -> str:
        """Name of a table's partition column."""
        return "event_type" if table == SUPERSEDED else "month"

    def delta_paths(self, table: str, version: int) -> set[str]:
        """Data files of one version as the Delta library sees them."""
        delta = DeltaTable(self.path(table), version=version)
        return set(pa.table(delta.get_add_actions()).column("path").to_pylist())

    def _create(self, table: str) -> dict[int, str]:
        log = self.log(table)
        if not (log / f"{0:020d}.json").exists():
            make_folder(log)
            DeltaTable.create(
                self.path(table),
                self._delta_schema(table),
                mode="error",
                partition_by=[self.partition(table)],
                configuration={
                    "delta.dataSkippingStatsColumns": _time_column(table) or "event_key",
                    "delta.enableExpiredLogCleanup": "false",
                },
            )
        if (log / f"{1:020d}.json").exists():
            return {}
        return {0: self._sync_entry(table, 0)}

    def _sync_entry(self, table: str, version: int) -> str:
        path = self.log(table) / f"{version:020d}.json"
        sync(path)
        sync(path.parent)
        return sha256(path)

    def _delta_schema(self, table: str) -> pa.Schema:
        return self.schema(table).append(pa.field(self.partition(table), pa.string()))


def _time_column(table: str) -> str | None:
    if table == SUPERSEDED:
        return None
    return "seen_at" if table == QUARANTINE else "occurred_at"


def _add_action(file: NewFile, partition: str, column: str | None) -> AddAction:
    entry = file.entry
    statistics: dict[str, Any] = {"numRecords": entry.rows}
    if column is not None and file.first_us is not None and file.last_us is not None:
        statistics["minValues"] = {column: _iso(file.first_us)}
        statistics["maxValues"] = {column: _iso(file.last_us)}
    return AddAction(
        path=entry.path,
        size=entry.bytes,
        partition_values={partition: entry.partition},
        modification_time=time.time_ns() // 1_000_000,
        data_change=True,
        stats=json.dumps(statistics),
    )


def _iso(instant_us: int) -> str:
    instant = _EPOCH + timedelta(microseconds=instant_us)
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _as_json(entry: FileEntry) -> list[str | int]:
    return [entry.path, entry.sha256, entry.bytes, entry.rows, entry.partition]
