"""Old figures beside what replaces them: does the old one mislead on this data?

Pure reading of scorecard rows. A rule says "it misleads" only where intervals support it, and says
what is missing where there is no figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from candor.verdicts import wording
from candor.verdicts.bands import REASONS
from candor.verdicts.compare import Direction
from candor.verdicts.scorecard import MetricRow

Answer = Literal["misleads", "not_here", "cannot_say"]
WORDS: dict[Answer, str] = {
    "misleads": "Misleads here",
    "not_here": "Does not mislead here",
    "cannot_say": "Cannot say",
}
_UNHEARD = 0.5
"""Share of conversations without an answer from which a survey leaves more open than it settles."""


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def metrics(self) -> tuple[str, ...]:
        """Names of metrics that the rule reads."""
        values = self.model_dump(exclude={"kind", "old_move", "new_move"}).values()
        return tuple(value for value in values if value)


class Exceeds(_Rule):
    """One share lies above another, by their paired difference where there is one."""

    kind: Literal["exceeds"]
    larger: str
    smaller: str
    gap: str = ""


class Unheard(_Rule):
    """A survey's score, and how few conversations it rests on."""

    kind: Literal["unheard"]
    score: str
    asked: str
    answered: str


class Moves(_Rule):
    """Two figures moved together in given directions."""

    kind: Literal["moves"]
    old: str
    old_move: Literal["higher", "lower"]
    new: str
    new_move: Literal["higher", "lower"]


class Pair(BaseModel):
    """An old figure, what replaces it, why, and the rule that says whether it misleads.

    Attributes:
        misleads, holds: sentences with the rule's figures as ``{places}``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    replaced_by: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    because: str
    rule: Exceeds | Unheard | Moves
    misleads: str
    holds: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the data say about one pair.

    Attributes:
        name, title, replaced_by, because: from the pair.
        answer: misleads, not_here or cannot_say.
        sentence: with the figures it rests on.
        metrics: names it rests on.
    """

    name: str
    title: str
    replaced_by: str
    because: str
    answer: Answer
    sentence: str
    metrics: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "metrics": list(self.metrics)}


def compare_pairs(pairs: Sequence[Pair], rows: Mapping[str, MetricRow]) -> tuple[Comparison, ...]:
    """Judge every pair by the figures of a scorecard."""
    found = []
    for pair in pairs:
        answer, sentence = _judged(pair, rows)
        found.append(
            Comparison(
                pair.name, pair.title, pair.replaced_by, pair.because, answer, sentence,
                pair.rule.metrics(),
            )
        )  # fmt: skip
    return tuple(found)


def _judged(pair: Pair, rows: Mapping[str, MetricRow]) -> tuple[Answer, str]:
    rule = pair.rule
    optional = rule.gap if isinstance(rule, Exceeds) else ""
    for name in rule.metrics():
        row = rows.get(name)
        if name != optional and (row is None or row.estimate.point is None):
            return "cannot_say", f"There is no figure of {_absent(name, row)}"
    if isinstance(rule, Exceeds):
        misleads, places = _exceeds(rule, rows)
    elif isinstance(rule, Unheard):
        misleads, places = _unheard(rule, rows)
    else:
        moved = [rows[name].change for name in (rule.old, rule.new)]
        if any(change.point is None for change in moved):
            return "cannot_say", "There is no period before to see how the two moved."
        misleads, places = _moves(rule, rows)
    text = (pair.misleads if misleads else pair.holds).format(**places)
    return ("misleads" if misleads else "not_here"), text


def _absent(name: str, row: MetricRow | None) -> str:
    if row is None:
        return f"{name.replace('_', ' ')} on this page."
    reason = row.estimate.missing or (
        REASONS[row.estimate.refusal] if row.estimate.refusal is not None else ""
    )
    return f"{row.info.title.lower()}: {reason.rstrip('.')}."


def _exceeds(rule: Exceeds, rows: Mapping[str, MetricRow]) -> tuple[bool, dict[str, str]]:
    larger, smaller = rows[rule.larger].estimate, rows[rule.smaller].estimate
    gap = rows[rule.gap].estimate if rule.gap in rows else None
    if gap is not None and gap.low is not None:
        apart = gap.low > 0
    else:
        apart = larger.low is not None and smaller.high is not None and larger.low > smaller.high
    return apart, {
        "larger": wording.with_interval(larger),
        "smaller": wording.with_interval(smaller),
    }


def _unheard(rule: Unheard, rows: Mapping[str, MetricRow]) -> tuple[bool, dict[str, str]]:
    score, asked, answered = (
        rows[name].estimate.point or 0.0 for name in (rule.score, rule.asked, rule.answered)
    )
    heard = asked * answered
    worst = score * heard
    return 1 - heard > _UNHEARD, {
        "score": wording.figure(score, "share"),
        "heard": wording.figure(heard, "share"),
        "worst": wording.figure(worst, "share"),
        "best": wording.figure(worst + 1 - heard, "share"),
    }


def _moves(rule: Moves, rows: Mapping[str, MetricRow]) -> tuple[bool, dict[str, str]]:
    places = {}
    clear = True
    for place, name, wanted in (
        ("old", rule.old, rule.old_move), ("new", rule.new, rule.new_move),
    ):  # fmt: skip
        change = rows[name].change
        rose = (change.point or 0.0) > 0
        unclear = (Direction.NO_CLEAR_CHANGE, Direction.CANNOT_SAY)
        clear &= change.direction not in unclear and rose == (wanted == "higher")
        places[f"{place}_change"] = wording.signed(change.point, change.unit)
    return clear, places
