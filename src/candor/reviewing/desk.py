"""A drawn queue served item by item: who is asked what next, and the answer as it is given.

A person labels at most once; items drawn for two people are asked of a second one, who sees nothing
of the first. Answers wait in a file beside the design until they are stored, so that labelling never
waits for the lake; a line is written whole before it counts. People are told apart by a keyed hash.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from candor.errors import CandorError, Problem
from candor.lake import WAIT_SECONDS
from candor.reviewing import form
from candor.reviewing.labels import DESIGN, FOLDER, Imported, import_labels
from candor.workspace import Workspace

ANSWERS = "answers.jsonl"
FORMS = ("labeller-1", "labeller-2")
CHOICES = ("true", "false", form.UNKNOWN)
_LONGEST = 500
_writing = threading.Lock()


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of one person; ``assessor`` is a hash."""

    conversation_id: str
    assessor: str
    label: str
    comment: str
    labelled_at: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A queue.

    Attributes:
        name, criterion: as drawn.
        items: conversations, in the order of the draw. double: those that two people label.
        answers: given so far, in order.
    """

    name: str
    criterion: str
    items: tuple[str, ...]
    double: frozenset[str]
    answers: tuple[Answer, ...]

    def wanted(self, item: str) -> int:
        """How many people are asked about an item."""
        return 2 if item in self.double else 1

    def next_for(self, assessor: str) -> str | None:
        """The item to ask somebody about; None when there is none left for them."""
        given = Counter(one.conversation_id for one in self.answers)
        own = {one.conversation_id for one in self.answers if one.assessor == assessor}
        for item in self.items:
            if item not in own and given[item] < self.wanted(item):
                return item
        return None

    def left_for(self, assessor: str) -> int:
        """Items that somebody may still be asked about."""
        given = Counter(one.conversation_id for one in self.answers)
        own = {one.conversation_id for one in self.answers if one.assessor == assessor}
        return sum(item not in own and given[item] < self.wanted(item) for item in self.items)

    @property
    def asked(self) -> int:
        """Answers wanted in all."""
        return len(self.items) + len(self.double)

    @property
    def disagreements(self) -> dict[str, tuple[Answer, ...]]:
        """Items on which two people differ; only items that both have answered."""
        by_item: dict[str, list[Answer]] = {}
        for one in self.answers:
            by_item.setdefault(one.conversation_id, []).append(one)
        return {
            item: tuple(found) for item in self.items
            if len(found := by_item.get(item, [])) > 1 and len({one.label for one in found}) > 1
        }  # fmt: skip

    @property
    def both(self) -> int:
        """Items that two people have answered."""
        given = Counter(one.conversation_id for one in self.answers)
        return sum(count > 1 for count in given.values())


def queues(workspace: Workspace) -> list[str]:
    """Names of the queues drawn in a workspace."""
    folder = workspace.root / FOLDER
    if not folder.is_dir():
        return []
    return sorted(each.name for each in folder.iterdir() if (each / DESIGN).is_file())


def opened(workspace: Workspace, name: str) -> Drawn:
    """A queue as it stands.

    Raises:
        CandorError: ``queue.unknown``.
    """
    if name not in queues(workspace):
        raise CandorError("queue.unknown", Problem("there is no such review queue"))
    folder = workspace.root / FOLDER / name
    design = json.loads((folder / DESIGN).read_text(encoding="utf-8"))
    items = tuple(one["conversation_id"] for one in design["items"])
    return Drawn(name, design["criterion"], items, _double(folder, set(items)), _answers(folder))


def answer(workspace: Workspace, name: str, given: Answer) -> None:
    """Keep an answer.

    Raises:
        CandorError: ``queue.invalid``: the item is not theirs to answer, or the answer is none.
    """
    if given.label not in CHOICES:
        raise CandorError(
            "queue.invalid", Problem("that is no answer", "label", ", ".join(CHOICES))
        )
    if len(given.comment) > _LONGEST:
        raise CandorError(
            "queue.invalid", Problem("is too long", "comment", f"{_LONGEST} characters")
        )
    with _writing:
        drawn = opened(workspace, name)
        given_before = [
            one for one in drawn.answers if one.conversation_id == given.conversation_id
        ]
        if given.conversation_id not in drawn.items:
            raise CandorError("queue.invalid", Problem("the conversation is not in this queue"))
        if any(one.assessor == given.assessor for one in given_before):
            raise CandorError("queue.invalid", Problem("you have answered this one already"))
        if len(given_before) >= drawn.wanted(given.conversation_id):
            raise CandorError("queue.invalid", Problem("somebody else has answered this one"))
        line = json.dumps(asdict(given), sort_keys=True) + "\n"
        with (workspace.root / FOLDER / name / ANSWERS).open("a", encoding="utf-8") as out:
            out.write(line)
            out.flush()
            os.fsync(out.fileno())


def store(
    workspace: Workspace, name: str, *, wait_seconds: float = WAIT_SECONDS
) -> Imported:  # fmt: skip
    """Put every answer of a queue into the lake; what is there already is counted, not doubled.

    Args:
        workspace: holds the queue.
        name: of the queue.
        wait_seconds: how long to wait for another writer.

    Raises:
        CandorError: ``queue.unknown``, ``lake.locked``, or every mistake of the labels.
    """
    path = workspace.root / FOLDER / name / "given.jsonl"
    form.write(path, rows(opened(workspace, name)))
    return import_labels(workspace, path, wait_seconds=wait_seconds)


def rows(drawn: Drawn) -> list[Mapping[str, Any]]:
    """Answers as rows of a file of labels."""
    return [
        {"queue": drawn.name, "conversation_id": one.conversation_id, "criterion": drawn.criterion,
         "label": one.label, "assessor": one.assessor, "is_blind": True, "comment": one.comment,
         "labelled_at": one.labelled_at}
        for one in drawn.answers
    ]  # fmt: skip


def _double(folder: Path, items: set[str]) -> frozenset[str]:
    """Items of the second form: those that two people label."""
    found = next((path for path in sorted(folder.glob(f"{FORMS[1]}.*"))), None)
    if found is None:
        return frozenset()
    return frozenset(form.items(found)) & items


def _answers(folder: Path) -> tuple[Answer, ...]:
    path = folder / ANSWERS
    if not path.exists():
        return ()
    # A line cut off by a fault of the host was never confirmed to anybody.
    whole = path.read_text(encoding="utf-8").split("\n")[:-1]
    return tuple(Answer(**json.loads(line)) for line in whole if line.strip())
