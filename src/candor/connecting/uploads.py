"""Uploaded files and how far they came: one folder each, readable by the owner only.

Names that a client gave are data: they are cut down to harmless characters before they name a file.
State is one JSON file, replaced whole; while a job works on an upload it holds a lock that the
kernel drops when the job dies. What nobody finished is removed after a day.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from candor.connecting import apart
from candor.errors import CandorError, Problem

MOST_FILES = 20
MOST_UPLOADS = 20
KEPT_SECONDS = 24 * 3600
Step = Literal["look", "rehearse", "store"]
Status = Literal["running", "done", "failed"]
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 80
_ID = re.compile(r"u_[0-9a-f]{16}")
_STATE, _FILES = "state.json", "files"


@dataclass
class State:
    """How far an upload came.

    Attributes:
        owner: id of who uploaded.
        began_us: when, epoch µs.
        files: name and bytes of each file.
        step, status, doing: what is or was done last; ``doing`` in words.
        name: name to store under.
        choice: how the files are read; see ``job``.
        mapping: text of the mapping.
        kinds: file name to the connector it speaks for.
        result: counts of the last rehearsal or ingest.
        rehearsed: digest of the choice that was rehearsed; "" when it must be rehearsed again.
        snapshot: published by the job.
        error: what went wrong, as an error's JSON.
    """

    owner: str
    began_us: int
    files: list[tuple[str, int]] = field(default_factory=list)
    step: Step = "look"
    status: Status = "running"
    doing: str = ""
    name: str = ""
    choice: str = ""
    mapping: str = ""
    kinds: dict[str, str] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    rehearsed: str = ""
    snapshot: str = ""
    error: dict[str, Any] = field(default_factory=dict)

    @property
    def is_stored(self) -> bool:
        """Everything was done."""
        return self.step == "store" and self.status == "done"


class Upload:
    """One upload.

    Args:
        folder: its folder; the name is its id.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.id = folder.name

    @property
    def files(self) -> list[Path]:
        """The uploaded files, by name; none once they were stored."""
        return sorted((self.folder / _FILES).glob("*"))

    def new_file(self, given: str) -> Path:
        """Where a file is to be written.

        Args:
            given: the name the client gave.

        Raises:
            CandorError: ``upload.invalid`` when there are too many.
        """
        folder = self.folder / _FILES
        folder.mkdir(mode=0o700, exist_ok=True)
        taken = {path.name.lower() for path in self.files}
        if len(taken) >= MOST_FILES:
            raise CandorError(
                "upload.invalid", Problem("too many files at once", "", f"at most {MOST_FILES}")
            )
        name = harmless(given)
        number = 1
        while (wanted := name if number == 1 else f"{number}-{name}").lower() in taken:
            number += 1
        return folder / wanted

    def state(self) -> State:
        """How far it came; a job that died is a failed step."""
        told = json.loads((self.folder / _STATE).read_text(encoding="utf-8"))
        found = State(**{**told, "files": [(name, size) for name, size in told["files"]]})
        if found.status == "running" and not self.is_worked_on():
            # The job may have ended between the two looks.
            again = json.loads((self.folder / _STATE).read_text(encoding="utf-8"))
            if again == told:
                found.status = "failed"
                found.error = CandorError(
                    "upload.interrupted",
                    Problem("the work was interrupted", "", "", "start this step again"),
                ).as_dict()
            else:
                found = State(**{**again, "files": [(n, size) for n, size in again["files"]]})
        return found

    def save(self, state: State) -> None:
        """Replace what is kept of the state."""
        part = self.folder / f"{_STATE}.part"
        part.write_text(json.dumps(asdict(state)), encoding="utf-8")
        part.replace(self.folder / _STATE)

    def lock(self) -> int:
        """A descriptor that holds the upload; closing it everywhere lets go.

        Raises:
            BlockingIOError: a job works on it.
        """
        return apart.lock(self.folder)

    def is_worked_on(self) -> bool:
        """Whether a job works on it now."""
        return apart.is_locked(self.folder)

    def forget_files(self) -> None:
        """Remove the uploaded bytes."""
        shutil.rmtree(self.folder / _FILES, ignore_errors=True)

    def remove(self) -> None:
        """Remove everything of it."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Uploads:
    """The uploads of one workspace.

    Args:
        restricted: the workspace's owner-only folder.
    """

    def __init__(self, restricted: Path) -> None:
        self.folder = restricted / "uploads"

    def begin(self, identifier: str) -> Upload:
        """A new, empty one; old ones are removed.

        Args:
            identifier: as ``u_`` and 16 hexadecimal digits.

        Raises:
            CandorError: ``upload.invalid`` when too many are unfinished.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.tidy()
        if sum(1 for _ in self) >= MOST_UPLOADS:
            raise CandorError(
                "upload.invalid",
                Problem(
                    "too many uploads are unfinished", "", f"at most {MOST_UPLOADS}",
                    "finish or drop one of them",
                ),
            )  # fmt: skip
        made = Upload(self.folder / identifier)
        made.folder.mkdir(mode=0o700)
        return made

    def get(self, identifier: str, owner: str) -> Upload:
        """One's own upload.

        Raises:
            CandorError: ``upload.unknown``, whether it is not there or not one's own.
        """
        found = Upload(self.folder / identifier)
        with suppress(FileNotFoundError):
            if _ID.fullmatch(identifier) and found.state().owner == owner:
                return found
        raise CandorError("upload.unknown", Problem("there is no such upload"))

    def of(self, owner: str) -> list[Upload]:
        """One's own uploads, latest first."""
        own = [one for one in self if one.state().owner == owner]
        return sorted(own, key=lambda one: (-one.state().began_us, one.id))

    def busy(self) -> Upload | None:
        """The one that a job works on; None when none is worked on."""
        return next((one for one in self if one.is_worked_on()), None)

    def tidy(self) -> None:
        """Remove what is a day old or was never begun in earnest, unless a job works on it."""
        oldest = time.time() - KEPT_SECONDS
        for folder in self.folder.glob("u_*"):
            if folder.stat().st_mtime < oldest and not Upload(folder).is_worked_on():
                Upload(folder).remove()

    def __iter__(self) -> Iterator[Upload]:
        for folder in sorted(self.folder.glob("u_*")):
            if (folder / _STATE).exists():
                yield Upload(folder)


def harmless(given: str) -> str:
    """A file name without folders, spaces or anything a shell, a path or a page could mistake."""
    base = given.replace("\\", "/").rpartition("/")[2]
    cleaned = _UNSAFE.sub("_", base).lstrip("._-")
    stem, dot, ending = cleaned.partition(".")
    return f"{stem[: _LONGEST_NAME - 20] or 'file'}{dot}{ending[-20:]}"
