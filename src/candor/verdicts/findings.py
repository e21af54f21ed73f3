"""One thing that the figures say and somebody should act on: the record every page and alert shows.

Diagnoses, drift, regressions, unfairness and alerts all end in a `Finding`. Only this module says
what one holds and in which order they are read. A finding never rests on a point alone: each exhibit
carries its interval, and `strength` says how far the evidence lies from nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from candor.estimates.estimate import Estimate, published
from candor.verdicts.compare import Change

Team = Literal["product", "engineering", "content", "operations"]
TEAMS: tuple[Team, ...] = ("product", "engineering", "content", "operations")


class Severity(StrEnum):
    """How urgent a finding is, most urgent first."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    GOOD = "good"
    """Good news: nothing to mend, something to keep."""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One figure that a finding rests on.

    Attributes:
        label: what it is, in words, e.g. ``Customer satisfaction, change``.
        metric: name of the metric.
        segment: dimension to value; empty for the total.
        point, low, high: figure and interval in ``unit``; None together where there is none.
        unit: unit of the figure; ``points`` for a difference of shares (0–1).
        units: conversations (or other units) behind it.
        reason: why there is no figure, or what it is held against; "" otherwise.
    """

    label: str
    metric: str
    segment: Mapping[str, str | None]
    point: float | None
    low: float | None
    high: float | None
    unit: str
    units: int | None = None
    reason: str = ""

    @classmethod
    def of(cls, label: str, estimate: Estimate, reason: str = "") -> Exhibit:
        """An estimate as evidence."""
        return cls(
            label, estimate.metric, dict(estimate.segment), estimate.point, estimate.low,
            estimate.high, estimate.unit, estimate.observed, reason,
        )  # fmt: skip

    @classmethod
    def of_change(
        cls, label: str, metric: str, change: Change, segment: Mapping[str, str | None]
    ) -> Exhibit:
        """A change as evidence."""
        return cls(
            label, metric, dict(segment), change.point, change.low, change.high, change.unit,
            None, change.reason,
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """Plain data, numbers as published."""
        return {
            "label": self.label,
            "metric": self.metric,
            "segment": dict(self.segment),
            "point": published(self.point),
            "low": published(self.low),
            "high": published(self.high),
            "unit": self.unit,
            "units": self.units,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """Something the figures say, what it rests on, and what to do about it.

    Attributes:
        code: stable name of the rule that found it.
        title: a few words.
        metrics: metrics it is about, the most telling first.
        segment: dimension to value it holds for; empty for everything.
        sentence: what was found, in plain words with figures.
        evidence: the figures behind it.
        next_step: what to do next.
        owner: who answers for it.
        team: where it is routed: product, engineering, content or operations.
        severity: how urgent it is.
        size: conversations of the period that it concerns (estimated); 0 where it cannot be counted.
        strength: least distance of its evidence from nothing, in standard errors; 0 where the
            finding rests on a rule of counts.
        caveats: codes of what to know about it.
        conversations: ids to read, most telling first.
        since: first day (days since 1970-01-01) it is known from; None where it has no beginning.
    """

    code: str
    title: str
    metrics: tuple[str, ...]
    segment: Mapping[str, str | None]
    sentence: str
    evidence: tuple[Exhibit, ...]
    next_step: str
    owner: str
    team: Team
    severity: Severity
    size: float = 0.0
    strength: float = 0.0
    caveats: tuple[str, ...] = ()
    conversations: tuple[str, ...] = field(default=())
    since: int | None = None

    @property
    def key(self) -> str:
        """What makes it the same finding tomorrow: its rule and where it holds."""
        where = ",".join(f"{name}={value}" for name, value in sorted(self.segment.items()))
        return f"{self.code}[{where}]"

    def as_dict(self) -> dict[str, Any]:
        """Plain data for ``--json``."""
        return {
            "code": self.code,
            "key": self.key,
            "title": self.title,
            "metrics": list(self.metrics),
            "segment": dict(self.segment),
            "sentence": self.sentence,
            "evidence": [exhibit.as_dict() for exhibit in self.evidence],
            "next_step": self.next_step,
            "owner": self.owner,
            "team": self.team,
            "severity": str(self.severity),
            "size": published(self.size),
            "strength": published(self.strength),
            "caveats": list(self.caveats),
            "conversations": list(self.conversations),
            "since": self.since,
        }


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings in reading order: urgency, then size, then strength of evidence; ties by key."""
    order = list(Severity)
    return tuple(
        sorted(
            findings,
            key=lambda one: (order.index(one.severity), -one.size, -one.strength, one.key),
        )
    )
