"""Pages as they came and the place of every stream, kept so that no crash loses or skips any.

Only this module writes below ``restricted/pulls``: a page is on the disk before the place that counts
it as read. Pages hold text nobody has masked yet, so files are readable by their owner only and are
removed once their records are in the lake.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from candor.errors import CandorError, Problem
from candor.lake import durable
from candor.lake.lock import WriteLock
from candor.pulling.paging import Place

_DAY_SECONDS = 86_400


class Pages:
    """Everything a pull keeps of one source; use it as a context, which holds the source's lock.

    Args:
        restricted: the workspace's restricted folder.
        source: the configured name.
    """

    def __init__(self, restricted: Path, source: str) -> None:
        self._root = restricted / "pulls" / quote(source, safe="")
        self.folder = self._root / "pages"
        self._file = self._root / "places.json"
        self._lock = WriteLock(self._root / "lock", 0)
        self._source = source
        self._sequence = 0
        self._settled = 0
        self._places: dict[str, Place] = {}

    def __enter__(self) -> Self:
        durable.make_folder(self.folder, 0o700)
        self._root.chmod(0o700)
        if not self._lock.acquire():
            raise CandorError(
                "pull.running",
                Problem(
                    f"another pull of '{self._source}' is running", str(self._root), "",
                    "wait until it has finished",
                ),
            )  # fmt: skip
        self._read()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()

    def place(self, stream: str) -> Place:
        """Where a stream stands."""
        return self._places.get(stream, Place())

    def put(self, stream: str, name: str, body: bytes | None, place: Place) -> None:
        """Keep a page, then the place after it.

        Args:
            stream: the stream.
            name: ending of the file, ``json`` or ``jsonl``.
            body: the page; None when it held no record.
            place: where the stream stands after it.
        """
        if body is not None:
            # A crash before the place is written asks for the page again and writes it over this.
            _write(self.folder / f"{stream}-{self._sequence:08d}.{name}", body)
            self._sequence += 1
        self._places[stream] = place
        self._note()

    def waiting(self) -> list[Path]:
        """Pages whose records are not known to be in the lake."""
        return [path for path in self._all() if _number(path) >= self._settled]

    def settled(self, keep_days: int, *, keep_latest: bool) -> None:
        """The records of all pages are in the lake: remove what need not stay.

        Args:
            keep_days: pages younger than that stay.
            keep_latest: those of this pull stay until the next has stored its own, because records
                of the next may need them beside them.
        """
        latest, self._settled = self._settled, self._sequence
        self._note()
        oldest = time.time() - keep_days * _DAY_SECONDS
        for path in self._all():
            is_young = keep_days > 0 and path.stat().st_mtime >= oldest
            if not is_young and not (keep_latest and _number(path) >= latest):
                path.unlink()
        durable.sync(self.folder)

    def _all(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if path.name[0] != ".")

    def _note(self) -> None:
        told = {
            "sequence": self._sequence,
            "settled": self._settled,
            "streams": {one: held.as_dict() for one, held in sorted(self._places.items())},
        }
        _write(self._file, json.dumps(told, indent=1).encode())

    def _read(self) -> None:
        if not self._file.exists():
            return
        try:
            told: Mapping[str, Any] = json.loads(self._file.read_text(encoding="utf-8"))
            self._places = {name: Place.of(one) for name, one in told["streams"].items()}
            self._sequence, self._settled = int(told["sequence"]), int(told["settled"])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CandorError(
                "pull.place_damaged",
                Problem(
                    f"where the pull of '{self._source}' stands cannot be read", str(self._file),
                    "the JSON that candor wrote",
                    "remove it: the source is then pulled from the start, and nothing counts twice",
                ),
            ) from None  # fmt: skip


def _number(path: Path) -> int:
    return int(path.name.partition(".")[0].rpartition("-")[2])


def _write(target: Path, body: bytes) -> None:
    """A whole file or none, whatever happens."""
    fresh = target.with_name(f".{target.name}.writing")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(body)
    durable.sync(fresh)
    fresh.replace(target)
    durable.sync(target.parent)
