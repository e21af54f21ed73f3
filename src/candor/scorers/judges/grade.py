"""Grades one conversation: repeats, agrees with itself or abstains, and looks at what addresses it.

Every repeat is the same question; a verdict stands when at least two thirds of the repeats give it,
else it is unknown (``inconsistent``). Where a message seems to address the grader, the conversation
is graded once more with such texts withheld: a verdict that changes, up or down, is unknown
(``swayed``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from candor.scorers.judges.answer import JudgeError, Quote, Verdict, check
from candor.scorers.judges.prompt import Line, Prompt, build, suspected, withheld
from candor.scorers.judges.rubric import Rubric

Ask = Callable[[Prompt, int], tuple[str, str]]
"""Prompt and repeat to the text of the answer and the model that gave it."""


@dataclass(frozen=True, slots=True)
class Graded:
    """A verdict on one criterion.

    Attributes:
        criterion: of the rubric.
        answer: None is unknown.
        reason: why it is unknown: "" (the judge says so), ``inconsistent`` or ``swayed``.
        agreed: repeats that gave this answer. repeats: all of them.
        evidence: quotes of the first repeat that gave it.
    """

    criterion: str
    answer: bool | None
    reason: str
    agreed: int
    repeats: int
    evidence: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Grades:
    """A graded conversation: verdicts, the model that gave them, messages that address the grader."""

    verdicts: tuple[Graded, ...]
    model: str
    suspected: tuple[str, ...]


def grade(rubric: Rubric, lines: Sequence[Line], key: bytes, ask: Ask, *, repeats: int) -> Grades:
    """Grade a conversation.

    Args:
        rubric: what is asked.
        lines: its public messages.
        key: secret of the workspace.
        ask: gets an answer, remembered or new.
        repeats: how often the same is asked.

    Raises:
        JudgeError: any repeat failed, or the model changed its name between repeats.
    """
    answers, model = _answers(rubric, lines, key, ask, repeats)
    addressed = suspected(lines)
    other: list[dict[str, Verdict]] = []
    if addressed:
        other, again = _answers(rubric, withheld(lines), key, ask, repeats)
        if again != model:
            raise JudgeError("wrong_shape", "the model changed during the conversation")
    verdicts = []
    for criterion in rubric.criteria:
        found = _settled(criterion.name, [one[criterion.name] for one in answers])
        if other and not found.reason:
            masked = _settled(criterion.name, [one[criterion.name] for one in other])
            if masked.answer != found.answer or masked.reason:
                found = Graded(criterion.name, None, "swayed", found.agreed, repeats, ())
        verdicts.append(found)
    return Grades(tuple(verdicts), model, addressed)


def _answers(
    rubric: Rubric, lines: Sequence[Line], key: bytes, ask: Ask, repeats: int
) -> tuple[list[dict[str, Verdict]], str]:
    prompt = build(rubric, lines, key)
    found, models = [], set()
    for number in range(repeats):
        text, model = ask(prompt, number)
        models.add(model)
        found.append(check(text, rubric, prompt))
    if len(models) > 1:
        raise JudgeError("wrong_shape", "the model changed during the conversation")
    return found, models.pop()


def _settled(criterion: str, given: Sequence[Verdict]) -> Graded:
    counts = Counter(one.answer for one in given)
    answer, agreed = max(counts.items(), key=lambda item: (item[1], str(item[0])))
    if 3 * agreed < 2 * len(given):
        return Graded(criterion, None, "inconsistent", agreed, len(given), ())
    first = next(one for one in given if one.answer == answer)
    return Graded(criterion, answer, "", agreed, len(given), first.evidence)
