"""The conditions a rule is made of, each decided by an interval: level, change, steady, gap, growth.

A condition answers with its distance from undecided in standard errors, or None when a figure it
needs is not there. Nothing here knows which rules exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, model_validator

from candor.verdicts import support
from candor.verdicts.board import TOTAL, Board, Segment, Versus
from candor.verdicts.findings import Exhibit
from candor.verdicts.support import Interval

Number = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a condition found.

    Attributes:
        distance: standard errors beyond its limit; negative when it does not hold.
        exhibits: the figures it looked at.
        size: units it concerns.
    """

    distance: float
    exhibits: tuple[Exhibit, ...]
    size: float


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Level(_Part):
    """The whole interval of a figure lies above or below a limit."""

    metric: str
    above: Number | None = None
    below: Number | None = None

    @model_validator(mode="after")
    def _one_side(self) -> Level:
        if (self.above is None) == (self.below is None):
            raise ValueError("a level is `above` or `below` a figure")
        return self

    def metrics(self) -> tuple[str, ...]:
        """What it looks at."""
        return (self.metric,)

    def answer(self, board: Board, segment: Segment) -> Answer | None:
        """See `Condition`."""
        level = board.levels.get((self.metric, segment))
        if level is None:
            return None
        if self.above is not None:
            distance, said = support.above(level.interval, self.above), f"above {self.above:g}"
        else:
            limit = self.below if self.below is not None else 0.0
            distance, said = support.below(level.interval, limit), f"below {limit:g}"
        shown = _exhibit(
            board.title(self.metric), self.metric, segment, level.interval, level.unit, level.units,
            f"held against {said}",
        )  # fmt: skip
        share = level.interval.point if level.unit in ("share", "points") else 1.0
        return Answer(distance, (shown,), level.units * abs(share))


class Change(_Part):
    """A figure rose or fell since the period before or the baseline, by at least ``by``."""

    metric: str
    direction: Literal["higher", "lower"]
    by: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    versus: Versus = "previous"

    def metrics(self) -> tuple[str, ...]:
        """What it looks at."""
        return (self.metric,)

    def answer(self, board: Board, segment: Segment) -> Answer | None:
        """See `Condition`."""
        move = board.moves.get((self.versus, self.metric, segment))
        if move is None:
            return None
        rose = self.direction == "higher"
        distance = (
            support.above(move.interval, self.by)
            if rose
            else support.below(move.interval, -self.by)
        )
        shown = _moved(board, self.metric, segment, self.versus)
        share = move.interval.point if move.unit == "points" else 1.0
        return Answer(distance, shown, move.units * abs(share))


class Steady(_Part):
    """The whole interval of a change lies within ± ``within`` (of the figure before if ``relative``)."""

    metric: str
    within: Positive
    relative: bool = False
    versus: Versus = "previous"

    def metrics(self) -> tuple[str, ...]:
        """What it looks at."""
        return (self.metric,)

    def answer(self, board: Board, segment: Segment) -> Answer | None:
        """See `Condition`."""
        move = board.moves.get((self.versus, self.metric, segment))
        if move is None:
            return None
        margin = self.within * abs(move.before) if self.relative else self.within
        shown = _moved(board, self.metric, segment, self.versus)
        return Answer(support.inside(move.interval, margin), shown, float(move.units))


class NotWorse(_Part):
    """A figure did not fall by more than a margin (or rise, where ``direction`` is higher)."""

    metric: str
    margin: Positive
    direction: Literal["higher", "lower"] = "lower"
    versus: Versus = "previous"

    def metrics(self) -> tuple[str, ...]:
        """What it looks at."""
        return (self.metric,)

    def answer(self, board: Board, segment: Segment) -> Answer | None:
        """See `Condition`."""
        move = board.moves.get((self.versus, self.metric, segment))
        if move is None:
            return None
        distance = (
            support.above(move.interval, -self.margin)
            if self.direction == "lower"
            else support.below(move.interval, self.margin)
        )
        shown = _moved(board, self.metric, segment, self.versus)
        return Answer(distance, shown, float(move.units))


class Gap(_Part):
    """One figure exceeds another by more than a limit."""

    of: str
    over: str
    above: Number = 0.0

    def metrics(self) -> tuple[str, ...]:
        """What it looks at."""
        return (self.of, self.over)

    def answer(self, board: Board, segment: Segment) -> Answer | None:
        """See `Condition`."""
        a, b = board.levels.get((self.of, segment)), board.levels.get((self.over, segment))
        if a is None or b is None:
            return None
        gap = support.minus(a.interval, b.interval)
        unit = "points" if a.unit == "share" else a.unit
        label = f"{board.title(self.of)} minus {board.title(self.over).lower()}"
        units = max(a.units, b.units)
        shown = (
            _exhibit(label, self.of, segment, gap, unit, units, f"held against {self.above:g}"),
            _exhibit(board.title(self.of), self.of, segment, a.interval, a.unit, a.units),
            _exhibit(board.title(self.over), self.over, segment, b.interval, b.unit, b.units),
        )
        return Answer(support.above(gap, self.above), shown, units * abs(gap.point))


class Growth(_Part):
    """The number of conversations a day grew by more than a share of what it was."""

    above: Number
    versus: Versus = "previous"

    def metrics(self) -> tuple[str, ...]:
        """Volume is no metric."""
        return ()

    def answer(self, board: Board, segment: Segment) -> Answer | None:
        """See `Condition`."""
        growth = board.growth.get((self.versus, segment))
        if growth is None:
            return None
        label = f"Conversations a day, against the {_PAST[self.versus]}"
        shown = _exhibit(label, "volume", segment, growth, "share", 0)
        return Answer(support.above(growth, self.above), (shown,), 0.0)


class AnyOf(_Part):
    """At least one of several conditions, paid for as several looks."""

    conditions: Annotated[tuple[Any, ...], Field(min_length=2)]

    def metrics(self) -> tuple[str, ...]:
        """What it looks at."""
        return tuple(name for one in self.conditions for name in one.metrics())

    def answer(self, board: Board, segment: Segment) -> Answer | None:
        """The strongest of those that can be decided."""
        found = [a for one in self.conditions if (a := one.answer(board, segment)) is not None]
        if not found:
            return None
        best = max(found, key=lambda one: one.distance)
        return Answer(support.any_of([a.distance for a in found]), best.exhibits, best.size)


class Condition(Protocol):
    """What every condition can be asked."""

    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics it looks at."""

    def answer(self, board: Board, segment: Segment) -> Answer | None:
        """What it finds in a segment; None when a figure it needs is missing."""


_PAST: dict[Versus, str] = {"previous": "period before", "baseline": "baseline"}


def _moved(board: Board, metric: str, segment: Segment, versus: Versus) -> tuple[Exhibit, ...]:
    move = board.moves[versus, metric, segment]
    label = f"{board.title(metric)}, change against the {_PAST[versus]}"
    return (_exhibit(label, metric, segment, move.interval, move.unit, move.units),)


def _exhibit(
    label: str, metric: str, segment: Segment, found: Interval, unit: str, units: int,
    reason: str = "",
) -> Exhibit:  # fmt: skip
    return Exhibit(
        label, metric, dict(segment or TOTAL), found.point, found.low, found.high, unit,
        units or None, reason,
    )  # fmt: skip
