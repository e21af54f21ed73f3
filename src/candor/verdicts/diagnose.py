"""Runs the rules over the board and keeps what survives having asked many questions.

A rule holds in a segment when every one of its conditions does; its p-value is that of its weakest
condition. All (rule, segment) pairs that could be decided are one family: Benjamini–Hochberg decides
which are findings. Where a rule holds for everything, its segments are named, not repeated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from candor.estimates.multiplicity import benjamini_hochberg
from candor.verdicts import wording
from candor.verdicts.board import TOTAL, Board, Segment
from candor.verdicts.conditions import Answer
from candor.verdicts.findings import Finding, ranked
from candor.verdicts.rulebook import Rule
from candor.verdicts.support import minus, p_value

FALSE_DISCOVERIES = 0.05
_NAMED = 3
_SLOT = re.compile(r"\{([a-z_0-9]+)(:change|-[a-z_0-9]+)?\}")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the rules found.

    Attributes:
        findings: in reading order.
        tested: (rule, segment) pairs that could be decided.
        undecided: rule to the metrics without a figure for everything.
    """

    findings: tuple[Finding, ...]
    tested: int
    undecided: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Test:
    rule: Rule
    segment: Segment
    answers: tuple[Answer, ...]

    @property
    def distance(self) -> float:
        return min(answer.distance for answer in self.answers)


def diagnose(
    rules: Sequence[Rule], board: Board, *, level: float = FALSE_DISCOVERIES
) -> Diagnosis:  # fmt: skip
    """Which rules hold, and where.

    Args:
        rules: the diagnoses.
        board: every figure that was not refused.
        level: accepted share of false findings among the findings.
    """
    tests: list[_Test] = []
    undecided: dict[str, tuple[str, ...]] = {}
    for rule in rules:
        whole = rule.answers(board, TOTAL)
        if whole is None:
            undecided[rule.code] = _missing(rule, board)
        else:
            tests.append(_Test(rule, TOTAL, tuple(whole)))
        for name in rule.by:
            for segment in board.segments(name):
                answers = rule.answers(board, segment)
                if answers is not None:
                    tests.append(_Test(rule, segment, tuple(answers)))
    kept = benjamini_hochberg([p_value(test.distance) for test in tests], level=level)
    holding: dict[str, list[_Test]] = {}
    for test, is_kept in zip(tests, kept, strict=True):
        if is_kept:
            holding.setdefault(test.rule.code, []).append(test)
    findings = [one for found in holding.values() for one in _told(found, board)]
    return Diagnosis(ranked(findings), len(tests), undecided)


def _missing(rule: Rule, board: Board) -> tuple[str, ...]:
    lacking = []
    for one in rule.when:
        if one.answer(board, TOTAL) is None:
            lacking += [name for name in one.metrics() if (name, TOTAL) not in board.levels]
    return tuple(dict.fromkeys(lacking))


def _told(tests: Sequence[_Test], board: Board) -> list[Finding]:
    """One finding for everything with its strongest segments named, else one a segment."""
    whole = next((test for test in tests if not test.segment), None)
    if whole is None:
        return [_finding(test, board, ()) for test in tests]
    parts = sorted(
        (test for test in tests if test.segment and _has_others(test.segment, board)),
        key=lambda t: (-t.distance, t.segment),
    )
    return [_finding(whole, board, [_words(test.segment) for test in parts[:_NAMED]])]


def _has_others(segment: Segment, board: Board) -> bool:
    """Whether the dimension has another member: naming the only one would tell nothing."""
    (name, _), *_ = segment
    members = {place[0][1] for _, place in board.levels if place and place[0][0] == name}
    return len(members) > 1


def _finding(test: _Test, board: Board, parts: Sequence[str]) -> Finding:
    rule = test.rule
    sentence = _filled(rule.finding, board, test.segment)
    if parts:
        sentence = f"{sentence} Clearest in {', '.join(parts)}."
    return Finding(
        code=rule.code, title=rule.title, metrics=rule.metrics, segment=dict(test.segment),
        sentence=f"{sentence} {rule.means}",
        evidence=tuple(exhibit for answer in test.answers for exhibit in answer.exhibits),
        next_step=rule.next_step, owner=rule.owner, team=rule.team, severity=rule.severity,
        size=max(answer.size for answer in test.answers), strength=test.distance,
    )  # fmt: skip


def _filled(text: str, board: Board, segment: Segment) -> str:
    """The sentence with its figures; what is missing is said to be."""

    def figure(match: re.Match[str]) -> str:
        name, rest = match[1], match[2] or ""
        if name == "where":
            return f" for {_words(segment)}" if segment else ""
        if rest == ":change":
            move = board.moves.get(("previous", name, segment)) or board.moves.get(
                ("baseline", name, segment)
            )
            return "unknown" if move is None else wording.signed(move.interval.point, move.unit)
        level = board.levels.get((name, segment))
        if level is None:
            return "unknown"
        if not rest:
            return wording.figure(level.interval.point, level.unit)
        other = board.levels.get((rest[1:], segment))
        if other is None:
            return "unknown"
        gap = minus(level.interval, other.interval)
        return wording.figure(gap.point, "points" if level.unit == "share" else level.unit)

    return _SLOT.sub(figure, text)


def _words(segment: Segment) -> str:
    return ", ".join(
        f"{name.removesuffix('_id').replace('_', ' ')} "
        f"{'(not known)' if value is None else value.replace('_', ' ')}"
        for name, value in segment
    )
