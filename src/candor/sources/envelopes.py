"""The envelope of a vendor's JSON document: which keys its top level has.

Only names of keys are looked at; values are passed over without being held.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from candor.sources.base import FileRefused
from candor.sources.readers import json_array

JSON_FILES = ("*.json", "*.jsonl", "*.ndjson", "*.json.gz", "*.jsonl.gz", "*.ndjson.gz")


class _Offered(list[str]):
    """Wants no key of a document, and remembers which it was offered."""

    def __contains__(self, key: object) -> bool:
        self.append(str(key))
        return False


def is_lines(path: Path) -> bool:
    """Whether a file's name says that each line is a JSON value of its own."""
    return path.name.removesuffix(".gz").endswith((".jsonl", ".ndjson"))


def top_level_keys(path: Path) -> list[str]:
    """Keys of a JSON document in its order; none when the document is no object.

    Raises:
        FileRefused: the document is broken after its first key.
    """
    told = path.stat()
    return list(_keys_of(path, told.st_mtime_ns, told.st_size))


@lru_cache(maxsize=4_096)
def _keys_of(path: Path, _changed_ns: int, _size: int) -> tuple[str, ...]:
    """The keys, for as long as the file stays the same: who reads it asks several times."""
    offered = _Offered()
    try:
        json_array.top_level(path, offered)
    except FileRefused:
        if offered:
            raise
    return tuple(offered)
