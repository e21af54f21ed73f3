"""What is remembered of a source so that its quarantined records can be read again.

Connector, mapping and settings, and for files that left something in quarantine their place and
what stands before their first row: one JSON file per source in ``restricted/readers/``, mode 0600.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from candor.errors import CandorError, Problem
from candor.sources.base import SourceOptions
from candor.sources.mapping import Mapping as MappingFile
from candor.sources.readers import bytestream, csv

_NAME_LIMIT = 200


@dataclass(frozen=True, slots=True)
class OriginalFile:
    """What is kept of a file that left records in quarantine.

    Attributes:
        path: where it lay when it was read.
        encoding: as declared then, "" for UTF-8 or UTF-16 with mark.
        prefaces: by member, the bytes (as UTF-8) before the first row of a table.
    """

    path: Path
    encoding: str = ""
    prefaces: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """How a stored source was last read.

    Attributes:
        connector: name of the connector.
        configured: name of its block in candor.toml, "" when it had none.
        mapping_path: the mapping file, "" without one.
        mapping_text: its text at that time.
        ai_actor_ids, settings: of its block.
        files: by SHA-256, the files with records in quarantine.
    """

    connector: str
    configured: str = ""
    mapping_path: str = ""
    mapping_text: str = ""
    ai_actor_ids: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, OriginalFile] = field(default_factory=dict)


def keep(restricted: Path, source: str, kept: Kept) -> None:
    """Remember how a source was read, besides the files remembered before."""
    earlier = recall(restricted, source)
    files = {**(earlier.files if earlier else {}), **kept.files}
    told = {
        "connector": kept.connector,
        "configured": kept.configured,
        "mapping_path": kept.mapping_path,
        "mapping_text": kept.mapping_text,
        "ai_actor_ids": list(kept.ai_actor_ids),
        "settings": dict(kept.settings),
        "files": {
            sha256: {
                "path": str(one.path),
                "encoding": one.encoding,
                "prefaces": {
                    name: base64.b64encode(raw).decode() for name, raw in one.prefaces.items()
                },
            }
            for sha256, one in sorted(files.items())
        },
    }
    target = _place(restricted, source)
    target.parent.mkdir(mode=0o700, exist_ok=True)
    fresh = target.with_suffix(".writing")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        json.dump(told, handle, sort_keys=True, default=str)
        handle.flush()
        os.fsync(handle.fileno())
    fresh.replace(target)


def recall(restricted: Path, source: str) -> Kept | None:
    """How a source was last read; None when that is not remembered.

    Raises:
        CandorError: ``quarantine.reader_damaged``.
    """
    place = _place(restricted, source)
    if not place.exists():
        return None
    try:
        return _parsed(place.read_text(encoding="utf-8"))
    except (ValueError, KeyError, TypeError):
        raise CandorError(
            "quarantine.reader_damaged",
            Problem(
                f"what was remembered of source '{source}' cannot be read", str(place),
                "the JSON that candor wrote", "remove it, and ingest the source's files again",
            ),
        ) from None  # fmt: skip


def _parsed(text: str) -> Kept:
    told = json.loads(text)
    files = {
        sha256: OriginalFile(
            Path(one["path"]),
            one["encoding"],
            {name: base64.b64decode(text) for name, text in one["prefaces"].items()},
        )
        for sha256, one in told.pop("files").items()
    }
    told["ai_actor_ids"] = tuple(told["ai_actor_ids"])
    return Kept(**told, files=files)


def original(path: Path, options: SourceOptions) -> OriginalFile:
    """What must be kept of a file so that a single row of it can be read again.

    Only its first row is read here, and only after the child read the file to its end.
    """
    mapping = options.mapping
    if not isinstance(mapping, MappingFile):
        return OriginalFile(path.resolve())
    declared = mapping.format
    prefaces = {}
    if declared.type in ("csv", "tsv"):
        for member in bytestream.members(path, declared.encoding):
            rows = csv.rows(member, declared.dialect)
            if declared.dialect.header:
                head = next(rows, None)
                end = head.offset + len(head.raw) if head else 0
            else:
                first = next(rows, None)
                end = first.offset if first else 0
            with member.open() as stream:
                prefaces[member.name] = stream.read(end)
    return OriginalFile(path.resolve(), declared.encoding or "", prefaces)


def _place(restricted: Path, source: str) -> Path:
    name = quote(source, safe="")
    if len(name) > _NAME_LIMIT:
        name = hashlib.sha256(source.encode()).hexdigest()
    return restricted / "readers" / f"{name}.json"
