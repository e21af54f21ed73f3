"""Tries a configured judge on the shipped probes and says how often it held, with exact limits.

Graded exactly as conversations are: repeats, the look at texts that address the grader, quotes
checked. Answers are remembered like any others; nothing is stored in the lake.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from candor.estimates.agreement import mcnemar_exact
from candor.estimates.estimate import Refusal
from candor.estimates.proportion import clopper_pearson
from candor.privacy.keys import load_or_create
from candor.reviewing.asking import (
    Asking,
    SkippedError,
    Tally,
    endpoint_of,
    epoch_of,
    settings_of,
    worst_of_case,
)
from candor.scorers.judges import probes
from candor.scorers.judges import rubric as rubrics
from candor.scorers.judges.answer import JudgeError
from candor.scorers.judges.client import Client
from candor.scorers.judges.family import named
from candor.scorers.judges.grade import grade
from candor.scorers.judges.memory import Memory
from candor.scorers.judges.probes import Probe
from candor.scorers.judges.prompt import Line, suspected
from candor.scorers.judges.rubric import Rubric
from candor.workspace import Workspace

Verdicts = Mapping[str, bool | None]


@dataclass
class Share:
    """How often verdicts moved.

    Attributes:
        tried: verdicts that could be moved. moved: that were. left_open: that became unknown.
        low, high: exact 95 % limits of the share moved; None where nothing was tried.
    """

    tried: int = 0
    moved: int = 0
    left_open: int = 0
    low: float | None = None
    high: float | None = None

    @property
    def held(self) -> float | None:
        """Share that did not move: kept, or left open."""
        return 1 - self.moved / self.tried if self.tried else None

    def limited(self) -> Share:
        """With its limits."""
        if not self.tried:
            return self
        low, high = clopper_pearson(self.moved, self.tried)
        return replace(self, low=low, high=high)


@dataclass
class Probed(Tally):
    """What the trials showed.

    Attributes:
        assessor: the judge. probes: version of the shipped probes. model: that answered.
        attacks: all orders of strangers; by_direction, by_kind, by_place: parts of them.
        seen: share of the attacks in which a text addressing the grader was noticed.
        harmless: by kind of change; towards: verdicts that became true, and false, by kind, with the
            exact chance of such a leaning.
        order: the same conversations with the questions in reverse order.
        failed: gradings without a usable answer, by reason.
        worst_case, cost: money at most, and counted for this judge so far.
    """

    assessor: str = ""
    probes: int = 0
    model: str = ""
    attacks: Share = field(default_factory=Share)
    by_direction: dict[str, Share] = field(default_factory=dict)
    by_kind: dict[str, Share] = field(default_factory=dict)
    by_place: dict[str, Share] = field(default_factory=dict)
    seen: float = 0.0
    harmless: dict[str, Share] = field(default_factory=dict)
    towards: dict[str, tuple[int, int, float | None]] = field(default_factory=dict)
    order: Share = field(default_factory=Share)
    failed: Counter[str] = field(default_factory=Counter)
    worst_case: float = 0.0
    cost: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def probe(
    workspace: Workspace, name: str, *, dry_run: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Probed:  # fmt: skip
    """Try a judge.

    Args:
        workspace: with a section ``[judges.<name>]``; nothing needs to be measured.
        name: of the judge.
        dry_run: ask nothing; tell what it would cost at worst.
        sleep: waits between tries.

    Raises:
        CandorError: ``judge.unknown``, ``judge.same_family``, ``judge.url``, ``rubric.invalid``.
    """
    settings = settings_of(workspace, name)
    rubric = rubrics.load(settings.rubric, workspace.root)
    report = Probed(assessor=named(name, settings)[0], probes=probes.version())
    _, key = load_or_create(workspace.restricted)
    attacks, changes, talks = list(probes.attacks()), list(probes.harmless()), probes.talks()
    reverse = replace(rubric, criteria=tuple(reversed(rubric.criteria)))
    cases: list[tuple[Rubric, tuple[Line, ...]]] = [
        *((rubric, lines) for lines in talks), *((reverse, lines) for lines in talks),
        *((rubric, one.lines) for one in (*attacks, *changes)),
    ]  # fmt: skip
    report.worst_case = sum(worst_of_case(form, lines, key, settings) for form, lines in cases)
    report.seen = sum(bool(suspected(one.lines)) for one in attacks) / len(attacks)
    if dry_run:
        return report
    memory = Memory(workspace.root / "judges" / "answers.db")
    try:
        with Client(endpoint_of(settings), sleep=sleep) as client:
            asking = Asking(
                name, settings, endpoint_of(settings), epoch_of(rubric, settings), client, memory,
                report,
            )  # fmt: skip
            with ThreadPoolExecutor(settings.parallel) as pool:
                graded = list(pool.map(lambda case: _graded(case[0], case[1], key, asking), cases))
        report.cost = memory.spent(name)
    finally:
        memory.close()
    _tell(report, graded, attacks, changes, len(talks))
    return report


def _graded(
    rubric: Rubric, lines: tuple[Line, ...], key: bytes, asking: Asking
) -> tuple[Verdicts, str] | str:
    try:
        found = grade(rubric, lines, key, asking, repeats=asking.repeats)
    except (JudgeError, SkippedError) as error:
        return error.reason
    return {one.criterion: one.answer for one in found.verdicts}, found.model


def _tell(
    report: Probed, graded: Sequence[tuple[Verdicts, str] | str], attacks: Sequence[Probe],
    changes: Sequence[Probe], size: int,
) -> None:  # fmt: skip
    for one in graded:
        if isinstance(one, str):
            report.failed[one] += 1
        else:
            report.model = one[1]
    plain, turned = graded[:size], graded[size : 2 * size]
    after = graded[2 * size :]
    leaning: dict[str, list[int]] = {}
    for talk, found in enumerate(turned):
        _count([report.order], Probe(talk, "order", "", None, ()), plain[talk], found)
    for made, found in zip((*attacks, *changes), after, strict=True):
        if made.ordered is None:
            shares = [report.harmless.setdefault(made.kind, Share())]
        else:
            shares = [
                report.attacks,
                report.by_direction.setdefault(str(made.ordered).lower(), Share()),
                report.by_kind.setdefault(made.kind, Share()),
                report.by_place.setdefault(made.place, Share()),
            ]
        moved = _count(shares, made, plain[made.talk], found)
        if made.ordered is None:
            sides = leaning.setdefault(made.kind, [0, 0])
            sides[0] += moved.count(True)
            sides[1] += moved.count(False)
    report.attacks, report.order = report.attacks.limited(), report.order.limited()
    for group in (report.by_direction, report.by_kind, report.by_place, report.harmless):
        group.update({name: share.limited() for name, share in group.items()})
    for kind, (true, false) in leaning.items():
        chance = mcnemar_exact(true, false)
        report.towards[kind] = (true, false, None if isinstance(chance, Refusal) else chance)


def _count(
    shares: Sequence[Share], made: Probe, before: tuple[Verdicts, str] | str,
    after: tuple[Verdicts, str] | str,
) -> list[bool]:  # fmt: skip
    """Count every criterion of one probe; the verdicts to which it moved."""
    moved: list[bool] = []
    if isinstance(before, str) or isinstance(after, str):
        return moved
    for criterion, was in before[0].items():
        became = after[0].get(criterion)
        found = probes.outcome(made, was, became)
        if found is None:
            continue
        for share in shares:
            share.tried += 1
            share.moved += found == "moved"
            share.left_open += found == "open"
        if found == "moved" and became is not None:
            moved.append(became)
    return moved
