"""The management page as plain data: five categories of metrics with verdict, change and history.

Each row states two facts apart: the status against its target, and whether it is stable. Built from
estimates handed in; reaches no engine. A metric whose definition says that it may only
stand beside another is hidden, with the reason, where that other one is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from candor.estimates.estimate import Caveat, Estimate, published
from candor.verdicts.annotations import Annotation
from candor.verdicts.bands import Better, Status, Verdict, status
from candor.verdicts.compare import Change, compare
from candor.verdicts.findings import Finding
from candor.verdicts.headlines import Headline, headlines
from candor.verdicts.split import Split
from candor.verdicts.stability import Stability
from candor.verdicts.targets import Target, Targets
from candor.verdicts.trend import Trend, trend

CATEGORIES: dict[str, tuple[str, str]] = {
    "automation": ("Automation", "How much did the AI solve by itself, really?"),
    "quality": ("Quality", "Were its answers right, and did it hand over when it should?"),
    "experience": ("Experience", "What was it like for the customer?"),
    "operational": ("Operational", "What did it do to speed, effort and the human teams?"),
    "risk": ("Risk and governance", "What could go wrong unseen, and can the figures be trusted?"),
}
_LEADS = ("true_resolution_rate", "silent_failure_rate")
"""What a leader must see first in its section."""
_TIERS = {"primary": 0, "secondary": 1, "diagnostic": 2}
NEEDS_FIGURE = {"deflection_rate": "true_resolution_rate"}
"""Metrics that may not be read without the figure of another: quantity without quality."""


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """What the page says about a metric, taken from its definition.

    Attributes:
        name, title, question: identity, and what a leader asks.
        category: one of the five.
        better: which direction is good.
        tier: primary, secondary or diagnostic.
        unit: what one unit is, in words.
        caveat: what to know before using it.
        owner: who answers for it.
        shown_with: metrics that must stand beside it.
    """

    name: str
    title: str
    question: str
    category: str
    better: Better = "higher"
    tier: str = "secondary"
    unit: str = "conversation"
    caveat: str = ""
    owner: str = ""
    shown_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MetricEntry:
    """The estimates of one metric, as handed in.

    Attributes:
        info: what the page says about it.
        estimate: this period.
        previous: the period before, where there is one.
        change: this minus previous, reckoned from customer buckets, where there is one.
        series: one estimate per period, oldest first.
        also: further estimates of the same cell (other quantiles).
        baseline: the frozen past, where there is one and this period is not it.
        since_baseline: this minus baseline, reckoned from customer buckets, where there is one.
        stability: whether it varied as in its baseline.
        split: how much of the change since the period before is mix.
        coincident: releases that went live between the two periods compared.
        members: estimates of the segments for which targets of their own are set.
    """

    info: MetricInfo
    estimate: Estimate
    previous: Estimate | None = None
    change: Estimate | None = None
    series: tuple[Estimate, ...] = ()
    also: tuple[Estimate, ...] = ()
    baseline: Estimate | None = None
    since_baseline: Estimate | None = None
    stability: Stability | None = None
    split: Split | None = None
    coincident: tuple[Annotation, ...] = ()
    members: tuple[Estimate, ...] = ()


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A metric in one segment that has a target of its own."""

    estimate: Estimate
    target: Target
    verdict: Verdict

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "segment": dict(self.estimate.segment),
            "status": str(self.verdict.status),
            "reason": self.verdict.reason,
            "target": self.target.model_dump(),
            "estimate": self.estimate.as_row(),
        }


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric on the page."""

    info: MetricInfo
    estimate: Estimate
    target: Target | None
    verdict: Verdict
    change: Change
    series: tuple[Estimate, ...]
    also: tuple[Estimate, ...]
    since_baseline: Change | None = None
    stability: Stability | None = None
    split: Split | None = None
    trend: Trend | None = None
    coincident: tuple[Annotation, ...] = ()
    members: tuple[MemberRow, ...] = ()

    @property
    def change_caveats(self) -> tuple[Caveat, ...]:
        """What to know about the change since the period before."""
        found = list(self.split.caveats) if self.split is not None else []
        if self.coincident:
            found.append(Caveat.COINCIDENT_WITH_RELEASE)
        return tuple(found)

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        info = self.info
        return {
            "metric": info.name,
            "title": info.title,
            "question": info.question,
            "better": info.better,
            "tier": info.tier,
            "owner": (self.target.owner if self.target else "") or info.owner,
            "caveat": info.caveat,
            "status": str(self.verdict.status),
            "reason": self.verdict.reason,
            "target": None if self.target is None else self.target.model_dump(),
            "estimate": self.estimate.as_row(),
            "unknown_share": self.estimate.unknown_share,
            "change": {
                **self.change.as_dict(),
                "caveats": [str(caveat) for caveat in self.change_caveats],
                "split": None if self.split is None else self.split.as_dict(),
                "coincident": [one.as_dict() for one in self.coincident],
            },
            "since_baseline": None
            if self.since_baseline is None
            else self.since_baseline.as_dict(),
            "stability": None if self.stability is None else self.stability.as_dict(),
            "trend": None if self.trend is None else self.trend.as_dict(),
            "segments": [member.as_dict() for member in self.members],
            "series": [estimate.as_row() for estimate in self.series],
            "also": [estimate.as_row() for estimate in self.also],
        }


@dataclass(frozen=True, slots=True)
class Category:
    """One of the five sections."""

    name: str
    title: str
    question: str
    rows: tuple[MetricRow, ...]


@dataclass(frozen=True, slots=True)
class Hidden:
    """A metric that was left out, and why."""

    metric: str
    reason: str


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The whole page.

    Attributes:
        title: name of the workspace.
        period: what the page is about, in words.
        grain: grain compared.
        categories: the five sections, empty ones left out.
        headlines: plain sentences.
        hidden: metrics left out with the reason.
        data_health: freshness, completeness, quarantine; passed through.
        snapshot, as_of: publication and instant up to which data were read.
        currency: of money.
        findings: what changed and why, most urgent first.
        annotations: releases and what the user noted, inside the periods drawn.
        baseline: the frozen past in words; "" without one.
        undecided: diagnosis to the metrics it would need and has no figure of.
    """

    title: str
    period: str
    grain: str
    categories: tuple[Category, ...]
    headlines: tuple[Headline, ...]
    hidden: tuple[Hidden, ...]
    data_health: Mapping[str, Any]
    snapshot: str
    as_of: str
    currency: str = ""
    findings: tuple[Finding, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    baseline: str = ""
    undecided: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def false_signals(self) -> float:
        """Charts on the page that would speak by chance alone if everything were stable."""
        prices = [row.stability.price for row in self.rows if row.stability is not None]
        return sum(price for price in prices if price is not None)

    @property
    def rows(self) -> tuple[MetricRow, ...]:
        """Every metric shown, in reading order."""
        return tuple(row for category in self.categories for row in category.rows)

    def row(self, metric: str) -> MetricRow | None:
        """The row of a metric; None where it is not shown."""
        return next((row for row in self.rows if row.info.name == metric), None)

    def has_status(self, wanted: str) -> bool:
        """Whether a metric with a target has this status."""
        return any(row.target and row.verdict.status == Status(wanted) for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for ``--json``."""
        return {
            "title": self.title,
            "period": self.period,
            "grain": self.grain,
            "headlines": [{"text": h.text, "metrics": list(h.metrics)} for h in self.headlines],
            "categories": [
                {
                    "category": category.name,
                    "title": category.title,
                    "question": category.question,
                    "metrics": [row.as_dict() for row in category.rows],
                }
                for category in self.categories
            ],
            "hidden": [{"metric": h.metric, "reason": h.reason} for h in self.hidden],
            "data_health": dict(self.data_health),
            "snapshot": self.snapshot,
            "as_of": self.as_of,
            "currency": self.currency,
            "findings": [finding.as_dict() for finding in self.findings],
            "annotations": [one.as_dict() for one in self.annotations],
            "baseline": self.baseline,
            "undecided": {code: list(names) for code, names in sorted(self.undecided.items())},
            "false_signals": published(self.false_signals),
        }


@dataclass
class _Draft:
    shown: dict[str, MetricEntry] = field(default_factory=dict)
    hidden: list[Hidden] = field(default_factory=list)


def build(
    entries: Sequence[MetricEntry],
    targets: Targets | None = None,
    *,
    title: str,
    period: str,
    grain: str,
    data_health: Mapping[str, Any],
    snapshot: str,
    as_of: str,
    currency: str = "",
    annotations: tuple[Annotation, ...] = (),
    baseline: str = "",
) -> Scorecard:
    """Put the page together.

    Args:
        entries: one per metric.
        targets: the workspace's targets.
        title: name of the workspace.
        period: what the page is about, in words.
        grain: grain compared.
        data_health: passed through.
        snapshot: id of the publication.
        as_of: instant up to which data were read (ISO).
        currency: of money.
        annotations: what happened outside the figures.
        baseline: the frozen past in words.

    Raises:
        ValueError: a metric comes twice or belongs to no category.
    """
    draft = _choose(entries)
    goals = targets or Targets()
    rows = [_row(entry, goals) for entry in draft.shown.values()]
    rows.sort(key=_place)
    categories = []
    for name, (heading, question) in CATEGORIES.items():
        own = _beside([row for row in rows if row.info.category == name])
        if own:
            categories.append(Category(name, heading, question, tuple(own)))
    ordered = {row.info.name: row for category in categories for row in category.rows}
    return Scorecard(
        title=title, period=period, grain=grain, categories=tuple(categories),
        headlines=headlines(ordered), hidden=tuple(draft.hidden), data_health=dict(data_health),
        snapshot=snapshot, as_of=as_of, currency=currency, annotations=annotations,
        baseline=baseline,
    )  # fmt: skip


def _choose(entries: Sequence[MetricEntry]) -> _Draft:
    draft = _Draft()
    every = {entry.info.name: entry for entry in entries}
    if len(every) != len(entries):
        raise ValueError("a metric was handed in twice")
    for entry in entries:
        name = entry.info.name
        if entry.info.category not in CATEGORIES:
            raise ValueError(f"{name}: '{entry.info.category}' is no category")
        absent = [other for other in entry.info.shown_with if other not in every]
        needed = NEEDS_FIGURE.get(name)
        if needed and needed not in absent:
            partner = every.get(needed)
            if partner is None or partner.estimate.refusal is not None:
                absent.append(needed)
        if absent:
            reason = f"It misleads alone, and there is no figure of {', '.join(absent)}."
            draft.hidden.append(Hidden(name, reason))
        else:
            draft.shown[name] = entry
    return draft


def _beside(rows: list[MetricRow]) -> list[MetricRow]:
    """The same rows, each metric that must stand beside another moved right after it."""
    names = {row.info.name for row in rows}

    def leader(row: MetricRow) -> str | None:
        wanted = (*row.info.shown_with, NEEDS_FIGURE.get(row.info.name, ""))
        return next((name for name in wanted if name in names and name != row.info.name), None)

    ordered: list[MetricRow] = []
    waiting = [row for row in rows if leader(row)]
    for row in (row for row in rows if not leader(row)):
        ordered.append(row)
        ordered += [other for other in waiting if leader(other) == row.info.name]
    return ordered + [row for row in waiting if row not in ordered]


def _place(row: MetricRow) -> tuple[int, bool]:
    """Sorting key; rows of equal place keep the order of the catalogue."""
    return _TIERS.get(row.info.tier, len(_TIERS)), row.info.name not in _LEADS


def _row(entry: MetricEntry, targets: Targets) -> MetricRow:
    target = targets.find(entry.info.name, entry.estimate.segment)
    better = (target.better if target else None) or entry.info.better
    series = entry.series
    return MetricRow(
        info=entry.info,
        estimate=entry.estimate,
        target=target,
        verdict=status(entry.estimate, target, better),
        change=compare(entry.estimate, entry.previous, better=better, change=entry.change),
        series=series,
        also=entry.also,
        since_baseline=None if entry.baseline is None else compare(
            entry.estimate, entry.baseline, better=better, change=entry.since_baseline
        ),
        stability=entry.stability,
        split=entry.split,
        trend=trend(series, better=better, unit=entry.estimate.unit) if series else None,
        coincident=entry.coincident,
        members=_members(entry, targets),
    )  # fmt: skip


def _members(entry: MetricEntry, targets: Targets) -> tuple[MemberRow, ...]:
    """The segments with a target of their own; one that merely inherits the total's is left out."""
    found = []
    for estimate in entry.members:
        target = targets.find(entry.info.name, estimate.segment)
        if target is not None and target.segment:
            better = target.better or entry.info.better
            found.append(MemberRow(estimate, target, status(estimate, target, better)))
    return tuple(found)
