"""The work on one upload: recognise, rehearse, or store and measure; a process of its own.

Runs as ``python -m candor.connecting.job WORKSPACE UPLOAD``; what is to be done stands in the state,
and so does how it went. Web pages only read the state.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

from candor import ingesting, pipeline
from candor.access import audit
from candor.access.permissions import Actor
from candor.access.store import Store
from candor.connecting import apart
from candor.connecting.uploads import State, Step, Upload, Uploads
from candor.errors import CandorError, Problem, nearest
from candor.events import ReasonCode
from candor.events.advice import ADVICE
from candor.outcomes import IngestResult
from candor.sources import registry
from candor.sources.mapping import parse_mapping
from candor.sources.recognising import recognise
from candor.workspace import Workspace

MAPPING = "mapping"
"""Choice: the files are read by the mapping shown."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_EVERY_SECONDS = 0.4


def choices(workspace: Workspace) -> dict[str, list[str]]:
    """How files can be read: ``mapping``, ``saved:NAME``, ``block:NAME`` or ``connector:NAME``."""
    saved = sorted(path.stem for path in (workspace.root / "mappings").glob("*.yaml"))
    known = [name for name in registry.names() if name != "generic"]
    return {
        "saved": saved, "block": sorted(workspace.settings.sources), "connector": known
    }  # fmt: skip


def choose(workspace: Workspace, state: State, name: str, choice: str, mapping: str) -> None:
    """Take over how the files are to be read, after looking for every mistake.

    Args:
        workspace: where it would be stored.
        state: changed in place, unless there is a mistake.
        name: to store under.
        choice: one of ``choices``.
        mapping: text, for the choice ``mapping``.

    Raises:
        CandorError: ``upload.invalid``, or what is wrong with the mapping.
    """
    kind, _, which = choice.partition(":")
    known = choices(workspace)
    problems = []
    if choice != MAPPING and which not in known.get(kind, ()):
        near = nearest(which, [one for each in known.values() for one in each])
        problems.append(Problem("choose how the files are read", "read as", "", near))
    if kind == "block":
        name = which
    elif not _NAME.fullmatch(name):
        problems.append(
            Problem(
                f"'{name[:40]}' cannot name a source", "name",
                "up to 40 of a-z, 0-9 and _, beginning with a letter",
            )
        )  # fmt: skip
    elif name in workspace.settings.sources:
        problems.append(
            Problem(
                f"'{name}' is a source of candor.toml", "name", "a new name",
                f"or read the files as '{name}'",
            )
        )  # fmt: skip
    if problems:
        raise CandorError("upload.invalid", problems)
    if kind == "saved":
        mapping = (workspace.root / "mappings" / f"{which}.yaml").read_text(encoding="utf-8")
    if kind in (MAPPING, "saved"):
        parse_mapping(mapping, MAPPING)
    target = workspace.root / "mappings" / f"{name}.yaml"
    if kind == MAPPING and target.exists() and target.read_text(encoding="utf-8") != mapping:
        raise CandorError(
            "upload.invalid",
            Problem(
                f"there is a saved mapping '{name}' that says something else", "name",
                "another name", f"or read the files as the saved mapping '{name}'",
            ),
        )  # fmt: skip
    state.name, state.choice, state.mapping = name, choice, mapping


def start(workspace: Workspace, upload: Upload, state: State, step: Step) -> None:
    """Begin a step in a process of its own; returns at once.

    Raises:
        CandorError: ``upload.busy``: another job works in this workspace.
    """
    if Uploads(workspace.restricted).busy() is not None:
        raise _busy()
    try:
        held = upload.lock()
    except BlockingIOError:
        raise _busy() from None
    state.step, state.status, state.doing, state.error = step, "running", "starting", {}
    upload.save(state)
    apart.start("candor.connecting.job", [str(workspace.root), upload.id], held=held)


def work(workspace: Workspace, upload: Upload) -> None:
    """Do the step that the state names; every outcome is written there."""
    state = upload.state()
    last = 0.0

    def progress(what: str, _share: float | None = None) -> None:
        nonlocal last
        if time.monotonic() - last >= _EVERY_SECONDS:
            last = time.monotonic()
            state.doing = what
            upload.save(state)

    try:
        match state.step:
            case "look":
                _look(upload, state)
            case "rehearse":
                state.rehearsed = ""
                result = _ingest(workspace, upload, state, progress, is_rehearsal=True)
                state.result = _told(result)
                if result.stored + result.duplicate and not result.miscounted:
                    state.rehearsed = digest(state)
            case "store":
                _store(workspace, upload, state, progress)
        state.status = "done"
    except CandorError as error:
        state.status, state.error = "failed", _without_paths(error, workspace, upload)
    except BaseException:
        state.status = "failed"
        state.error = CandorError(
            "candor.fault",
            Problem("this is a fault of candor, not of your files", "", "", "please report it"),
        ).as_dict()
        raise
    finally:
        state.doing = ""
        upload.save(state)


def digest(state: State) -> str:
    """What a rehearsal was of: other settings must be rehearsed again."""
    told = repr((state.name, state.choice, state.mapping))
    return hashlib.sha256(told.encode()).hexdigest()


def _look(upload: Upload, state: State) -> None:
    found = recognise(upload.files)
    state.kinds = dict(found.kinds)
    state.mapping = found.mapping
    is_known = found.connector != "generic"
    state.choice = f"connector:{found.connector}" if is_known else MAPPING
    stem = upload.files[0].name.partition(".")[0].lower()
    name = re.sub(r"[^a-z0-9]+", "_", stem).strip("_")[:40]
    state.name = (
        found.connector if is_known else name if _NAME.fullmatch(name) else f"f_{name}"[:40]
    )


def _ingest(
    workspace: Workspace,
    upload: Upload,
    state: State,
    progress: ingesting.Progress,
    *,
    is_rehearsal: bool,
) -> IngestResult:
    kind, _, which = state.choice.partition(":")
    mapping = None
    if kind in (MAPPING, "saved"):
        folder = upload.folder if is_rehearsal else workspace.root / "mappings"
        folder.mkdir(exist_ok=True)
        mapping = folder / (f"{MAPPING}.yaml" if is_rehearsal else f"{state.name}.yaml")
        mapping.write_text(state.mapping, encoding="utf-8")
    return ingesting.ingest(
        workspace, which if kind in ("connector", "block") else "generic", upload.files,
        name=state.name, mapping=mapping, progress=progress, is_rehearsal=is_rehearsal,
    )  # fmt: skip


def _store(
    workspace: Workspace, upload: Upload, state: State, progress: ingesting.Progress
) -> None:
    if state.rehearsed != digest(state):
        raise CandorError("upload.invalid", Problem("rehearse it first: something was changed"))
    # Without files they are stored already, and only measuring failed.
    if upload.files:
        result = _ingest(workspace, upload, state, progress, is_rehearsal=False)
        state.result = _told(result)
        _record(workspace, upload, state, result)
        upload.forget_files()
    state.snapshot = pipeline.measure(workspace, progress=progress).snapshot


def _record(workspace: Workspace, upload: Upload, state: State, result: IngestResult) -> None:
    """Into the audit log: what became of the records, by whose hand."""
    store = Store(workspace.restricted)
    with store.change() as db:
        audit.append(
            db, Actor(state.owner, "", "person"), "connect.stored", state.name, at=store.now(),
            detail={"upload": upload.id, "read": result.read, "stored": result.stored,
                    "duplicate": result.duplicate, "quarantined": result.quarantined},
        )  # fmt: skip
    store.close()


def _told(result: IngestResult) -> dict[str, Any]:
    """The outcome as pages show it: counts, and for each reason examples and what to do."""
    reasons = []
    for code, count in result.by_reason.most_common():
        shown = [
            {"where": one.where, "field": one.field, "expected": one.expected,
             "preview": one.preview}
            for one in result.examples if one.reason == code
        ]  # fmt: skip
        reasons.append(
            {"reason": code, "count": count, "fix": ADVICE[ReasonCode(code)], "examples": shown}
        )
    told = result.as_dict()
    problems = [
        {"what": one.what, "where": Path(one.where).name, "expected": one.expected, "fix": one.fix}
        for one in (*result.refused, *result.miscounted)
    ]
    return {
        **{name: told[name] for name in ("read", "stored", "duplicate", "quarantined", "files",
                                         "by_type", "masked", "notes", "unmapped")},
        "reasons": reasons, "refused": problems,
    }  # fmt: skip


def _without_paths(error: CandorError, workspace: Workspace, upload: Upload) -> dict[str, Any]:
    """The error's JSON; where the workspace lies is nobody's business on a page."""
    told = json.dumps(error.as_dict())
    for prefix in (f"{upload.folder}/files/", f"{upload.folder}/", f"{workspace.root}/"):
        told = told.replace(json.dumps(prefix)[1:-1], "")
    found: dict[str, Any] = json.loads(told)
    return found


def _busy() -> CandorError:
    return CandorError(
        "upload.exists",
        Problem(
            "another upload is being worked on", "", "one at a time",
            "wait until it is done, then start this step again",
        ),
    )  # fmt: skip


def main(arguments: list[str]) -> None:
    """The process: one step of one upload."""
    workspace = Workspace.open(Path(arguments[0]))
    work(workspace, Upload(Uploads(workspace.restricted).folder / arguments[1]))
    # The Delta library may abort while the interpreter shuts down after finished work.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
