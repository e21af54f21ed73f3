"""Writes what somebody notes beside the figures into ``annotations.yaml``.

Adds lines at the end and leaves every other line as its author wrote it. An annotation from here
never ends a baseline: that changes figures, and is written by hand.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import get_args

import yaml

from candor.answers.changes import ANNOTATIONS, Changes
from candor.answers.snapshot import Answers
from candor.errors import CandorError, Problem, nearest
from candor.verdicts.annotations import Annotation, Kind, load_annotations

KINDS: tuple[str, ...] = tuple(kind for kind in get_args(Kind) if kind != "release")
"""Kinds that people note; releases are seen in the data."""
_SHORTEST, _LONGEST = 3, 200


def noted(answers: Answers) -> tuple[Annotation, ...]:
    """Releases seen in the data and everything noted, by day."""
    return Changes(answers, answers.period()).annotations


def annotate(root: Path, day: str, text: str, kind: str) -> None:
    """Note something.

    Args:
        root: folder of the workspace.
        day: ISO date.
        text: 3 to 200 printable characters.
        kind: one of `KINDS`.

    Raises:
        CandorError: every mistake at once, or a file that cannot be read as it stands.
    """
    words, on, problems = text.strip(), None, []
    try:
        on = date.fromisoformat(day)
    except ValueError:
        problems.append(Problem(f"'{day[:20]}' is not a date", "day", "an ISO date, 2026-05-01"))
    if not _SHORTEST <= len(words) <= _LONGEST or not words.isprintable():
        problems.append(
            Problem("cannot be noted", "text", f"{_SHORTEST} to {_LONGEST} printable characters")
        )
    if kind not in KINDS:
        problems.append(
            Problem(f"unknown kind '{kind[:20]}'", "kind", ", ".join(KINDS), nearest(kind, KINDS))
        )
    if problems:
        raise CandorError("annotation.invalid", problems, exit_code=2)
    path = root / ANNOTATIONS
    before = load_annotations(path)
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    added = yaml.safe_dump(
        [{"day": on, "text": words, "kind": kind}], allow_unicode=True, sort_keys=False
    )
    draft = path.with_suffix(".tmp")
    draft.write_text(f"{old}{'' if old.endswith(chr(10)) or not old else chr(10)}{added}", "utf-8")
    try:
        if len(load_annotations(draft)) != len(before) + 1:
            raise CandorError(
                "annotation.invalid",
                Problem("the file is not one `- …` for each annotation", ANNOTATIONS),
            )
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
