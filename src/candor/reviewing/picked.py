"""A conversation that somebody picked, judged by a rubric with its figures in sight.

Stored as labels of a person through the same code as every other label, marked as not blind and with
no chance of being drawn: they stand beside the conversation, and never say how often a machine errs.
What is asked in a review queue is answered there, blind, and nowhere else.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from candor.errors import CandorError, Problem
from candor.reviewing import desk, form
from candor.reviewing.labels import Imported, import_labels, stored
from candor.scorers.judges import rubric as rubrics
from candor.scorers.judges.rubric import Criterion, Rubric
from candor.workspace import Workspace

_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """One criterion of a rubric, asked about a picked conversation.

    Attributes:
        criterion: what is asked.
        given: this person's answer that stands; "" for none.
        revision: that an answer would have.
        barred: why it is not asked here, in words; "" where it is.
    """

    criterion: Criterion
    given: str
    revision: int
    barred: str


def known_rubrics(workspace: Workspace) -> list[Rubric]:
    """The shipped rubric, and those of the judges of a workspace.

    Raises:
        CandorError: ``rubric.invalid``.
    """
    names = [rubrics.BUILT_IN, *(one.rubric for one in workspace.settings.judges.values())]
    found = [rubrics.load(name, workspace.root) for name in dict.fromkeys(names)]
    return list({one.label: one for one in found}.values())


def asked(
    workspace: Workspace, rubric: Rubric, conversation: str, thread: str, assessor: str
) -> list[Asked]:
    """What somebody may say of a conversation, and has said.

    Args:
        workspace: measured at least once.
        rubric: whose criteria.
        conversation: what is judged.
        thread: that it is part of.
        assessor: hash of who judges.
    """
    rows = [
        one for one in stored(workspace, thread=thread)
        if one["conversation_id"] == conversation
    ]  # fmt: skip
    queues = {
        drawn.criterion: drawn.name
        for drawn in (desk.opened(workspace, name) for name in desk.queues(workspace))
        if conversation in drawn.items
    }
    found = []
    for each in rubric.criteria:
        same = [one for one in rows if one["criterion"] == each.name]
        own = [
            one for one in same
            if one["assessor"] == assessor and one["rubric"] == rubric.label
        ]  # fmt: skip
        barred = ""
        if each.name in queues:
            barred = f"it is asked in the review queue {queues[each.name]}: answer it there, blind"
        elif any(one["sampling_probability"] is not None for one in same):
            barred = "it was drawn and labelled blind; that label stands"
        elif any(one["assessor"] == assessor and one not in own for one in same):
            barred = "you have labelled it already"
        last = max(own, key=lambda one: one["revision"] or 0, default=None)
        found.append(
            Asked(
                each, str(last["label"] or "") if last else "",
                (last["revision"] or 0) + 1 if last else 0, barred,
            )
        )  # fmt: skip
    return found


def judge(
    workspace: Workspace,
    rubric: Rubric,
    questions: Sequence[Asked],
    answers: Mapping[str, str],
    *,
    conversation: str,
    assessor: str,
    comment: str,
    at: str,
) -> Imported:
    """Store what somebody answered; an answer that stands already is left alone.

    Args:
        workspace: measured at least once.
        rubric: by which it was judged.
        questions: as ``asked`` gave them.
        answers: criterion to true, false or unknown; "" for no answer.
        conversation: what was judged.
        assessor: hash of who judged.
        comment: in words, for all of it.
        at: instant of the judging, ISO.

    Raises:
        CandorError: ``label.invalid`` with every mistake; nothing is stored then.
    """
    known = {one.criterion.name: one for one in questions}
    problems = []
    for name, label in answers.items():
        if name not in known:
            problems.append(Problem("the rubric has no such criterion", name, ", ".join(known)))
        elif label and label not in desk.CHOICES:
            problems.append(Problem("that is no answer", name, ", ".join(desk.CHOICES)))
        elif label and known[name].barred:
            problems.append(Problem(known[name].barred, name))
    given = {
        name: label for name, label in answers.items()
        if label and name in known and label != known[name].given
    }  # fmt: skip
    if not given and not problems:
        problems.append(Problem("nothing new was answered", "", "an answer to one criterion"))
    if len(comment) > _LONGEST:
        problems.append(Problem("is too long", "comment", f"{_LONGEST} characters"))
    if problems:
        raise CandorError("label.invalid", problems, exit_code=2)
    rows = [
        {"conversation_id": conversation, "criterion": name, "label": label, "assessor": assessor,
         "rubric": rubric.label, "is_blind": False, "comment": comment, "labelled_at": at,
         "revision": known[name].revision}
        for name, label in given.items()
    ]  # fmt: skip
    with tempfile.TemporaryDirectory(dir=workspace.restricted) as folder:
        path = Path(folder) / "picked.jsonl"
        form.write(path, rows)
        return import_labels(workspace, path)
