"""Records of a vendor's JSON files, told apart by their shape, whatever envelope holds them.

A ``.json`` file is a page (``{"payload": […]}``), a list or one record; ``.jsonl`` and ``.ndjson``
hold one record a line. Only shapes and envelopes are looked at here; what a record means is the
connector's business. Nothing is dropped: what has no known shape carries a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from candor.events.reasons import ReasonCode
from candor.sources.base import FileRefused, Notes, RawRecord
from candor.sources.envelopes import JSON_FILES, is_lines, top_level_keys
from candor.sources.readers import counters, json_array, json_lines
from candor.sources.readers.paths import files_under

E = TypeVar("E")
Read = Callable[[Path], Iterator[RawRecord]]
"""Reads every record of a file."""
_ERROR_KEYS = frozenset(("error", "errors", "message", "code", "status", "detail", "description"))


@dataclass(slots=True)
class Item:
    """One record with its kind.

    Attributes:
        kind: by its shape.
        body: the record.
        seen: what reading ahead made of it, so that its own turn need not; None when it was not
            read ahead, or is too large a file's to be kept (``Recent``).
    """

    kind: str
    body: dict[str, Any]
    seen: Any = None


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of record: keys it has, and keys that would make it another kind."""

    kind: str
    have: frozenset[str]
    lack: frozenset[str]


def shape(kind: str, have: str, lack: str = "") -> Shape:
    """A shape from words parted by spaces."""
    return Shape(kind, keys(have), keys(lack))


@dataclass(frozen=True, slots=True)
class Vendor:
    """How one vendor's files are built.

    Attributes:
        title: the vendor's name, for messages.
        shapes: tried in order; the first that fits decides.
        envelopes: top-level key of a page → dotted path of its list.
        wanted: what a file should hold, for messages.
    """

    title: str
    shapes: Sequence[Shape]
    envelopes: Mapping[str, str]
    wanted: str

    def kind_of(self, keys: Iterable[str]) -> str | None:
        """Kind by shape; None when no shape fits."""
        present = keys if isinstance(keys, dict) else dict.fromkeys(keys)
        for one in self.shapes:
            if one.have <= present.keys() and (not one.lack or one.lack.isdisjoint(present)):
                return one.kind
        return None

    def read(self, path: Path) -> Iterator[RawRecord]:
        """Every record of a file, its value an ``Item``.

        Raises:
            FileRefused: the file as a whole cannot be read, or holds an error answer.
        """
        if is_lines(path):
            records = json_lines.read(path)
        else:
            records = json_array.read(path, key=self.list_of(path))
        for record in records:
            yield record if record.reason is not None else self._item(record)

    def list_of(self, path: Path) -> str | None:
        """Path of the list inside a page; None when the document is a list or one record.

        Raises:
            FileRefused: the document is neither.
        """
        keys = top_level_keys(path)
        if not keys or self.kind_of(keys) is not None:
            return None
        found = next((self.envelopes[key] for key in keys if key in self.envelopes), None)
        if found is not None:
            return found
        if set(keys) <= _ERROR_KEYS:
            raise FileRefused(
                ReasonCode.TYPE_MISMATCH,
                f"{path.name} is an error answer, so this part of the export is not available",
                "a page of records",
                "unavailable is not zero: leave the file out, or export it again",
            )
        raise FileRefused(
            ReasonCode.TYPE_MISMATCH,
            f"{path.name} holds no records known of {self.title} (keys: {', '.join(keys[:8])})",
            self.wanted,
            f"see the {self.title} guide for what to export",
        )

    def count(self, path: Path) -> int | None:
        """Records by a counter that shares no code with ``read``."""
        if is_lines(path):
            return counters.count_lines(path)
        return counters.count_elements(path, self.list_of(path))

    def _item(self, record: RawRecord) -> RawRecord:
        body = record.value
        if isinstance(body, dict) and isinstance(body.get("_airbyte_data"), dict):
            body = body["_airbyte_data"]
        kind = self.kind_of(body) if isinstance(body, dict) else None
        if kind is None:
            return record._replace(value=None, reason=ReasonCode.TYPE_MISMATCH, detail=self.wanted)
        return RawRecord(record.number, record.ref, record.raw, Item(kind, body), key=record.key)


class ReadAhead(Generic[E]):
    """The last export that was read ahead, kept as long as its files and settings stay the same.

    Attributes:
        folders: names of folders that hold one kind of file; the export is the folder above.
    """

    def __init__(self, folders: Sequence[str], patterns: Sequence[str] = JSON_FILES) -> None:
        self.folders = frozenset(folders)
        self._patterns = patterns
        self._kept: tuple[str, E] | None = None
        self._stamps: dict[Path, int] = {}

    def of(self, path: Path, settings: Any, build: Callable[[list[Path]], E]) -> E:
        """The export around ``path``, built from all its files when it is not the one kept."""
        asked = repr(settings)
        # Only the file asked for is looked at: looking at all, for each of them, is quadratic.
        is_kept = self._stamps.get(path) == path.stat().st_mtime_ns
        if self._kept is None or self._kept[0] != asked or not is_kept:
            folder = path.parent.parent if path.parent.name in self.folders else path.parent
            files = files_under([folder, path], self._patterns)
            self._stamps = {file: file.stat().st_mtime_ns for file in files}
            self._kept = (asked, build(files))
        return self._kept[1]


class Recent:
    """Records of files that were just read ahead, kept while they are small, to decode them once.

    Args:
        most: bytes of records, as they stood in their files, that are kept altogether.
    """

    def __init__(self, most: int = 32 << 20) -> None:
        self._room = most
        self._kept: dict[Path, tuple[list[RawRecord], int]] = {}

    def first(
        self,
        path: Path,
        records: Iterable[RawRecord],
        size_of: Callable[[RawRecord], int] = lambda record: len(record.raw),
    ) -> Iterator[RawRecord]:
        """The records of a file, kept if there is room for all of them."""
        kept: list[RawRecord] = []
        size = 0
        for record in records:
            size += size_of(record)
            if size <= self._room:
                kept.append(record)
            else:
                kept.clear()
            yield record
        if size <= self._room:
            self._room -= size
            self._kept[path] = kept, size

    def drop(self, path: Path) -> None:
        """Forget the records of a file that is being read already."""
        _, size = self._kept.pop(path, (None, 0))
        self._room += size

    def again(self, path: Path, read: Read) -> Iterator[RawRecord]:
        """The same records once more: as kept, which they then no longer are, else read anew."""
        kept, size = self._kept.pop(path, (None, 0))
        if kept is None:
            yield from read(path)
            return
        self._room += size
        yield from kept


def keys(words: str) -> frozenset[str]:
    """Names of fields from words parted by spaces."""
    return frozenset(words.split())


def rest(body: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """What no field of ours holds, without empty values."""
    return {
        key: value
        for key, value in body.items()
        if key not in known and value is not None and value not in ("", [], {})
    }


def note_unknown(notes: Notes, kind: str, body: Mapping[str, Any], known: frozenset[str]) -> None:
    """Count fields that nobody knows, by name alone: for records whose rest is not kept."""
    for key in body.keys() - known:
        notes.add("field_unknown", f"{kind}.{key}")


def text_of(value: Any) -> str | None:
    """A value as text; None when there is none."""
    return None if value is None or value == "" else str(value)


def object_of(value: Any) -> dict[str, Any]:
    """A value as an object; empty when it is none."""
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """A value as a list; empty when it is none."""
    return value if isinstance(value, list) else []
