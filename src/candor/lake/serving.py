"""Published read-only files and the pointer that says which of them is current.

A publication is two DuckDB files that are never changed again: ``facts_N`` (facts and measures, no
message text) and ``text_N`` (redacted transcripts, opened only for those allowed to read them). The
pointer is replaced atomically after both files are on disk, so a reader sees the old publication or
the new one, never a mixture. Both files are caches: they can be deleted and built anew from the
lake.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from candor.errors import CandorError, Problem

KEPT = 3
_POINTER = "current.json"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Publication:
    """One published version.

    Attributes:
        number: counts up from 1.
        facts: DuckDB file of facts and measures.
        text: DuckDB file of redacted transcripts.
        about: provenance, data health and settings the readers need, as plain JSON.
    """

    number: int
    facts: Path
    text: Path
    about: Mapping[str, Any]


class Serving:
    """The publications under one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def current(self) -> Publication:
        """The current publication.

        Raises:
            CandorError: ``serving.none`` when nothing was published, ``serving.damaged`` when a
                file is not what was published.
        """
        try:
            pointer = json.loads((self.folder / _POINTER).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise CandorError(
                "serving.none",
                Problem(
                    "nothing has been measured yet",
                    str(self.folder.parent),
                    "a published snapshot",
                    "run `candor ingest …` and then `candor measure`",
                ),
            ) from None
        except json.JSONDecodeError as error:
            raise self._damaged(self.folder / _POINTER, str(error)) from None
        publication = Publication(
            pointer["number"],
            self.folder / pointer["facts"]["name"],
            self.folder / pointer["text"]["name"],
            pointer["about"],
        )
        for path, entry in (
            (publication.facts, pointer["facts"]),
            (publication.text, pointer["text"]),
        ):
            self._check(path, entry)
        return publication

    def about(self) -> Mapping[str, Any] | None:
        """What the current publication says of itself, its files unchecked; None without one."""
        try:
            pointer = json.loads((self.folder / _POINTER).read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        found: Mapping[str, Any] = pointer["about"]
        return found

    def next_number(self) -> int:
        """The number the next publication will have."""
        numbers = [int(path.stem.split("_")[1]) for path in self.folder.glob("facts_*.duckdb")]
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            # An erasure removes the files; their numbers are never used again.
            numbers.append(json.loads((self.folder / _POINTER).read_text("utf-8"))["number"])
        return max(numbers, default=0) + 1

    def building(self, number: int) -> tuple[Path, Path]:
        """Where the two files of publication ``number`` are to be built; old attempts are removed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for leftover in self.folder.glob("*.building*"):
            leftover.unlink()
        return (
            self.folder / f"facts_{number}.duckdb.building",
            self.folder / f"text_{number}.duckdb.building",
        )

    def publish(self, number: int, about: Mapping[str, Any]) -> Publication:
        """Make the two built files the current publication and drop all but the last few."""
        entries: dict[str, dict[str, Any]] = {}
        for kind in ("facts", "text"):
            built = self.folder / f"{kind}_{number}.duckdb.building"
            final = self.folder / f"{kind}_{number}.duckdb"
            _sync(built)
            entries[kind] = {
                "name": final.name,
                "bytes": built.stat().st_size,
                "sha256": _sha(built),
            }
            built.replace(final)
        pointer = self.folder / _POINTER
        draft = pointer.with_suffix(".tmp")
        content = {"number": number, **entries, "about": about}
        draft.write_text(json.dumps(content, sort_keys=True, indent=1), encoding="utf-8")
        _sync(draft)
        draft.replace(pointer)
        _sync(self.folder)
        for kind in ("facts", "text"):
            for path in self.folder.glob(f"{kind}_*.duckdb"):
                if int(path.stem.split("_")[1]) <= number - KEPT:
                    path.unlink()
        return self.current()

    def copy(self, kind: Literal["facts", "text"], publication: Publication, target: Path) -> bool:
        """Copy one file of the current publication; false when it is not what was published."""
        pointer = json.loads((self.folder / _POINTER).read_text(encoding="utf-8"))
        shutil.copyfile(getattr(publication, kind), target)
        if pointer["number"] == publication.number and _sha(target) == pointer[kind]["sha256"]:
            return True
        target.unlink()
        return False

    def verify(self) -> list[Problem]:
        """Differences between the current files and what was published, by content."""
        pointer_path = self.folder / _POINTER
        if not pointer_path.exists():
            return []
        pointer = json.loads(pointer_path.read_text(encoding="utf-8"))
        problems = []
        for kind in ("facts", "text"):
            path = self.folder / pointer[kind]["name"]
            if not path.exists() or _sha(path) != pointer[kind]["sha256"]:
                problems.append(
                    Problem(
                        "the file is not what was published", str(path), "", "run `candor measure`"
                    )
                )
        return problems

    def _check(self, path: Path, entry: Mapping[str, Any]) -> None:
        if not path.exists() or path.stat().st_size != entry["bytes"]:
            raise self._damaged(path, "the file is missing or has another size")

    def _damaged(self, path: Path, what: str) -> CandorError:
        return CandorError(
            "serving.damaged",
            Problem(
                what, str(path), "the file as it was published", "run `candor measure` to rebuild"
            ),
        )


def _sha(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
