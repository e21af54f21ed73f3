"""The work on an erasure somebody asked for on a page: a process of its own, one at a time.

Runs as ``python -m candor.connecting.erasure WORKSPACE ID``. Whom it is about is written to its standard
input only: no argument, no environment and no file of this module holds it. Pages read the state, which
names nobody.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from candor import pipeline
from candor.access import secrets
from candor.connecting import apart
from candor.errors import CandorError, Problem
from candor.privacy import contacts
from candor.workspace import Workspace

KINDS = ("customer", "email", "phone", "thread")
LONGEST = 300
_KEPT = 50
_FOLDER = "erasures"


@dataclass
class Work:
    """One erasure that was asked for on a page, without whom it is about.

    Attributes:
        id: of the work.
        owner: id of who asked.
        began_us: when, epoch µs.
        kind: what was named; "" to finish what was asked for earlier.
        status: how it stands.
        doing: in words.
        result: counts, when it is done.
        error: what went wrong, as an error's JSON.
    """

    id: str
    owner: str
    began_us: int
    kind: str
    status: Literal["running", "done", "failed"] = "running"
    doing: str = "starting"
    result: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=dict)


def check(workspace: Workspace, kind: str, value: str, again: str, reason: str, sure: str) -> None:
    """Look for every mistake before anything is begun.

    Args:
        workspace: whose data.
        kind: one of ``KINDS``.
        value: the identifier.
        again: the same, written once more.
        reason: why, without naming anybody.
        sure: "yes".

    Raises:
        CandorError: ``erasure.invalid`` with every mistake, none of which repeats the identifier.
    """
    problems = []
    if kind not in KINDS:
        problems.append(Problem("say what is named", "what", ", ".join(KINDS)))
    if not value or len(value) > LONGEST:
        problems.append(Problem("is empty or too long", "who", f"at most {LONGEST} characters"))
    elif value != again:
        problems.append(Problem("is not the same both times", "who, once more"))
    if not reason or len(reason) > LONGEST:
        problems.append(Problem("is empty or too long", "reason", f"at most {LONGEST} characters"))
    elif value and value.casefold() in reason.casefold():
        problems.append(Problem("names who is to be erased", "reason", "a reason without a name"))
    if sure != "yes":
        problems.append(Problem("was not confirmed", "it cannot be undone"))
    if not problems and kind in ("email", "phone"):
        try:
            if kind == "email":
                contacts.of_email(value)
            else:
                contacts.of_phone(value, workspace.settings.privacy.locales)
        except CandorError as error:
            problems += [
                Problem("is not understood", "who", one.expected) for one in error.problems
            ]
    if problems:
        raise CandorError("erasure.invalid", problems)


def start(workspace: Workspace, owner: str, began_us: int, subject: Mapping[str, str]) -> Work:
    """Begin in a process of its own; returns at once.

    Args:
        workspace: whose data.
        owner: id of who asked.
        began_us: now, epoch µs.
        subject: one of ``KINDS`` to the identifier, and ``reason``; empty to finish what was asked
            for earlier.

    Raises:
        CandorError: ``erasure.exists``: another one is being carried out.
    """
    folder = workspace.restricted / _FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        held = apart.lock(folder)
    except BlockingIOError:
        raise CandorError(
            "erasure.exists",
            Problem("another erasure is being carried out", "", "one at a time", "wait for it"),
        ) from None
    kind = next((name for name in KINDS if name in subject), "")
    work = Work(secrets.identifier("e"), owner, began_us, kind)
    _save(folder, work)
    apart.start(
        "candor.connecting.erasure", [str(workspace.root), work.id],
        held=held, told=json.dumps(dict(subject)).encode(),
    )  # fmt: skip
    return work


def listed(workspace: Workspace) -> list[Work]:
    """The latest ones, newest first; one whose process died is failed."""
    folder = workspace.restricted / _FOLDER
    found = [
        Work(**json.loads(path.read_text(encoding="utf-8"))) for path in folder.glob("e_*.json")
    ]
    found.sort(key=lambda one: (-one.began_us, one.id))
    if any(one.status == "running" for one in found) and not apart.is_locked(folder):
        # It may have ended between the two looks: what it wrote last counts.
        for one in found:
            state = json.loads((folder / f"{one.id}.json").read_text(encoding="utf-8"))
            one.status, one.result, one.error = state["status"], state["result"], state["error"]
            if one.status == "running":
                one.status, one.error = "failed", _interrupted()
    return found[:_KEPT]


def carry_out(workspace: Workspace, work: Work, subject: Mapping[str, str]) -> None:
    """Erase and publish anew; every outcome is written to the state."""
    folder = workspace.restricted / _FOLDER

    def progress(what: str, _share: float | None = None) -> None:
        if what != work.doing:
            work.doing = what
            _save(folder, work)

    try:
        done = pipeline.erase(workspace, progress=progress, **subject)
        work.status, work.result = "done", done.as_dict()
    except CandorError as error:
        names = {name: value for name, value in subject.items() if name in KINDS}
        work.status, work.error = "failed", _unnamed(error, workspace, names)
    except BaseException:
        work.status = "failed"
        work.error = CandorError(
            "candor.fault", Problem("this is a fault of candor", "", "", "finish it, or report it")
        ).as_dict()
        raise
    finally:
        work.doing = ""
        _save(folder, work)


def _unnamed(error: CandorError, workspace: Workspace, names: Mapping[str, str]) -> dict[str, Any]:
    """The error's JSON without the identifier and without where the workspace lies."""
    told = json.dumps(error.as_dict())
    for gone in (f"{workspace.root}/", *names.values()):
        told = told.replace(json.dumps(gone)[1:-1], "")
    found: dict[str, Any] = json.loads(told)
    return found


def _interrupted() -> dict[str, Any]:
    return CandorError(
        "erasure.interrupted",
        Problem("it was interrupted", "", "", "finish it: what was begun is remembered"),
    ).as_dict()


def _save(folder: Path, work: Work) -> None:
    path = folder / f"{work.id}.json"
    draft = path.with_suffix(".tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(asdict(work), out)
    draft.replace(path)


def main(arguments: list[str]) -> None:
    """The process: one erasure."""
    workspace = Workspace.open(Path(arguments[0]))
    subject = json.loads(sys.stdin.read())
    path = workspace.restricted / _FOLDER / f"{arguments[1]}.json"
    carry_out(workspace, Work(**json.loads(path.read_text(encoding="utf-8"))), subject)
    # The Delta library may abort while the interpreter shuts down after finished work.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
