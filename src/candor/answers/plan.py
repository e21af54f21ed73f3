"""The ninety-day plan: what the data hold, what can be measured, what to instrument, aim at and do.

Everything is derived from the workspace: stored events, what each metric lacks, intents ranked by
volume, value and how well the AI does them, targets proposed from the baseline's intervals, findings.
A proposed target is met when a figure is clearly better than the baseline, amber when it is as good.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from candor.answers import views
from candor.answers.instrumentation import Gap, gaps, wanted
from candor.answers.pages_reading import Part, read
from candor.answers.snapshot import Answers
from candor.economics.portfolio import IntentLine, Portfolio, ranked
from candor.estimates.estimate import Estimate
from candor.events.registry import registry
from candor.metrics.describing import CATEGORIES
from candor.verdicts.findings import Finding, Severity
from candor.verdicts.targets import Target
from candor.window import to_date

Condition = Literal[
    "always", "gap", "second_gap", "no_confirmation", "no_intents", "no_targets", "finding",
    "unlabelled", "silent", "claims", "no_rates", "headroom",
]  # fmt: skip
_DIGITS = 2
"""Significant digits of a proposed target."""
_LABELS = ("hallucination_rate", "groundedness_rate", "escalation_accuracy")


class Step(Part):
    """One step of the plan.

    Attributes:
        days: by which day.
        when: condition under which it stands in the plan.
        done: how one sees that it is done.
    """

    days: Literal[30, 60, 90]
    when: Condition
    owner: str
    do: str
    done: str


@dataclass(frozen=True, slots=True)
class EventStock:
    """One event type: how many are stored, and how many metrics wait for it."""

    event: str
    doc: str
    stored: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Readiness:
    """How many metrics of a group can be measured today."""

    name: str
    measurable: int
    of: int
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A target proposed from the baseline."""

    estimate: Estimate
    title: str
    target: Target


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the plan shows.

    Attributes:
        stock: event types of the registry.
        sources: coverage of each source.
        categories, stages: what can be measured, by category and by maturity stage.
        stage: stage whose primary figures are the next to reach.
        gaps: what to instrument next, most useful first.
        portfolio: intents ranked; None without intents.
        valued_by: what a conversation's value was taken from; "" unknown.
        proposals: targets, ready for targets.yaml.
        has_targets: metrics that have one already.
        findings: most urgent first.
        steps: of the ninety days.
        baseline: the baseline in words; "" without one.
    """

    stock: tuple[EventStock, ...]
    sources: Mapping[str, Any]
    categories: tuple[Readiness, ...]
    stages: tuple[Readiness, ...]
    stage: str
    gaps: tuple[Gap, ...]
    portfolio: Portfolio | None
    valued_by: str
    proposals: tuple[Proposal, ...]
    has_targets: tuple[str, ...]
    findings: tuple[Finding, ...]
    steps: tuple[Step, ...]
    baseline: str
    snapshot: str
    as_of: str
    data_health: Mapping[str, Any]

    @property
    def measurable(self) -> tuple[int, int]:
        """Metrics that can be measured today, of how many."""
        return sum(one.measurable for one in self.categories), sum(
            one.of for one in self.categories
        )

    def targets_yaml(self) -> str:
        """The proposed targets as lines of targets.yaml."""
        lines = [
            f"# Proposed from the baseline ({self.baseline}):",
            "# met when clearly better than it, amber when about as good.",
        ]
        for one in self.proposals:
            target = one.target
            lines.append(
                f"- {{metric: {target.metric}, target: {target.target:g}, amber: {target.amber:g},"
                f' owner: "{target.owner}", note: "{target.note}"}}'
            )
        return "\n".join(lines) + "\n"

    def as_dict(self) -> dict[str, Any]:
        """Plain data for ``--json``."""
        return {
            "events": [
                {"event": s.event, "stored": s.stored, "metrics_waiting": s.waiting}
                for s in self.stock
            ],
            "sources": dict(self.sources),
            "measurable": {
                one.name: {"measurable": one.measurable, "of": one.of, "missing": list(one.missing)}
                for one in (*self.categories, *self.stages)
            },
            "stage": self.stage,
            "instrument_next": [
                {
                    "what": gap.wanted.sentence,
                    "event": gap.wanted.event,
                    "unlocks": list(gap.unlocks),
                    "helps": list(gap.helps),
                }
                for gap in self.gaps
            ],
            "intents": [dict(row) for row in self.portfolio.rows] if self.portfolio else [],
            "valued_by": self.valued_by,
            "targets": [one.target.model_dump() for one in self.proposals],
            "targets_yaml": self.targets_yaml(),
            "has_targets": list(self.has_targets),
            "findings": [one.as_dict() for one in self.findings],
            "steps": [step.model_dump() for step in self.steps],
            "baseline": self.baseline,
            "snapshot": self.snapshot,
            "as_of": self.as_of,
            "data_health": dict(self.data_health),
        }


def plan(answers: Answers) -> Plan:
    """The plan of a workspace."""
    lacking = answers.reckoner.lacking
    missing = tuple(gaps(lacking))
    stages = tuple(_stages(lacking))
    period = answers.reckoner.baseline
    has = tuple(sorted({target.metric for target in answers.reckoner.targets.all}))
    proposals = tuple(_proposals(answers, has))
    portfolio, valued_by = _portfolio(answers)
    findings = answers.scorecard().findings
    behind = [one.name for one in stages if one.measurable < one.of]
    return Plan(
        stock=tuple(_stock(answers, lacking)),
        sources=answers.about["data_health"]["sources"],
        categories=tuple(_categories(answers, lacking)),
        stages=stages,
        stage=behind[0] if behind else "run",
        gaps=missing,
        portfolio=portfolio,
        valued_by=valued_by,
        proposals=proposals,
        has_targets=has,
        findings=findings,
        steps=tuple(_steps(answers, missing, portfolio, findings, has)),
        baseline=period.words if period is not None else "",
        snapshot=answers.snapshot,
        as_of=answers.as_of,
        data_health=answers.about["data_health"],
    )


def _stock(answers: Answers, lacking: Mapping[str, tuple[str, ...]]) -> Iterator[EventStock]:
    stored = answers.about["data_health"]["events"]
    waiting = [{wanted(text).event for text in texts} for texts in lacking.values() if texts]
    for name, kind in registry().items():
        yield EventStock(
            name, kind.doc, int(stored.get(name, 0)), sum(name in events for events in waiting)
        )


def _categories(answers: Answers, lacking: Mapping[str, tuple[str, ...]]) -> Iterator[Readiness]:
    for category in CATEGORIES:
        names = [item.name for item in answers.catalogue.every if item.category == category]
        yield Readiness(category, sum(not lacking[name] for name in names), len(names))


def _stages(lacking: Mapping[str, tuple[str, ...]]) -> Iterator[Readiness]:
    """Primary figures of each stage that exist and can be measured."""
    for level in views.LEVELS:
        lists = views.every()[views.BY_STAGE].stages[level]
        names = [name for name in lists.primary if name in lacking]
        absent = tuple(name for name in names if lacking[name])
        yield Readiness(level, len(names) - len(absent), len(names), absent)


def _proposals(answers: Answers, has: Sequence[str]) -> Iterator[Proposal]:
    """A target for each early figure that has none and a baseline."""
    period = answers.reckoner.baseline
    if period is None or period.since is None or period.until is None:
        return
    stages = views.every()[views.BY_STAGE].stages
    names = dict.fromkeys(
        (*stages["crawl"].primary, *stages["crawl"].secondary, *stages["walk"].primary)
    )
    wanted_names = [name for name in names if name in answers.catalogue and name not in has]
    if not wanted_names:
        return
    seen: set[str] = set()
    first, last = (_iso(day) for day in (period.since, period.until))
    for estimate in answers.estimates(wanted_names, since=first, until=last).estimates:
        item = answers.catalogue.find(estimate.metric)
        if estimate.metric in seen or item.better == "neither":
            continue
        seen.add(estimate.metric)
        proposed = propose(estimate, item.better, item.owner, period.words)
        if proposed is not None:
            yield Proposal(estimate, item.title, proposed)


def propose(
    estimate: Estimate, better: Literal["higher", "lower"], owner: str, baseline: str
) -> Target | None:
    """A target from a baseline figure: its better limit, with the way to the point as amber.

    A later figure meets it when the whole interval is clearly better than the baseline was, is
    amber while it is about as good, and misses it when it is clearly worse.
    """
    point, low, high = estimate.point, estimate.low, estimate.high
    if point is None or low is None or high is None or not high > low:
        return None
    goal = _rounded(high, up=True) if better == "higher" else _rounded(low, up=False)
    if estimate.unit == "share":
        goal = min(1.0, max(0.0, goal))
    amber = _rounded(abs(goal - point), up=True)
    return Target(
        metric=estimate.metric, target=goal, amber=amber, owner=owner,
        note=f"baseline {baseline}: {point:.4g} ({low:.4g} to {high:.4g})",
    )  # fmt: skip


def _rounded(number: float, *, up: bool) -> float:
    """Two significant digits, outwards."""
    if number == 0:
        return 0.0
    size = 10.0 ** (math.floor(math.log10(abs(number))) - _DIGITS + 1)
    steps = number / size
    whole = math.ceil(steps - 1e-9) if up else math.floor(steps + 1e-9)
    return float(f"{whole * size:.12g}")


def _iso(day: int) -> str:
    return to_date(day).isoformat()


def _portfolio(answers: Answers) -> tuple[Portfolio | None, str]:
    """Intents by volume × value × how well the AI does them; and what their value was taken from."""
    period = answers.period()
    since, until = (None if day is None else _iso(day) for day in (period.since, period.until))

    def by_intent(metric: str) -> dict[str, Estimate]:
        if metric not in answers.catalogue:
            return {}
        rows = answers.estimates([metric], by=("intent_id",), since=since, until=until).estimates
        return {intent: row for row in rows if (intent := row.segment.get("intent_id"))}

    scores, automated = by_intent("true_resolution_rate"), by_intent("automation_rate")
    volumes = by_intent("involvement_rate")
    if not volumes:
        return None, ""
    known = {intent.intent_id: intent for intent in answers.workspace.intents()}
    saving = _saving(answers, since, until)
    values = {name: one.unit_value for name, one in known.items() if one.unit_value is not None}
    lines = []
    for name, volume in volumes.items():
        score, own = scores.get(name), automated.get(name)
        policy = known.get(name)
        lines.append(
            IntentLine(
                name,
                volume.eligible,
                values.get(name) if values else saving,
                None if own is None else own.point,
                _limits(score),
                is_automatable=policy is None or policy.is_automatable,
                risk=policy.risk if policy else None,
                reason="" if _limits(score) else "too little is known of how well it is solved",
            )
        )
    words = "unit_value of intents.yaml" if values else ""
    if not values and saving is not None:
        words = "the cost of a human-only conversation beyond that of an AI-only one"
    return ranked(lines), words


def _limits(estimate: Estimate | None) -> tuple[float, float, float] | None:
    if estimate is None or estimate.point is None or estimate.low is None or estimate.high is None:
        return None
    return estimate.point, estimate.low, estimate.high


def _saving(answers: Answers, since: str | None, until: str | None) -> float | None:
    """What a human-only conversation costs beyond an AI-only one, where both are known."""
    if "cost_to_serve" not in answers.catalogue:
        return None
    rows = answers.estimates(["cost_to_serve"], by=("path",), since=since, until=until).estimates
    cost = {row.segment.get("path"): row.point for row in rows}
    human, alone = cost.get("human_only"), cost.get("ai_only")
    return None if human is None or alone is None or human <= alone else human - alone


def _steps(
    answers: Answers,
    missing: Sequence[Gap],
    portfolio: Portfolio | None,
    findings: Sequence[Finding],
    has: Sequence[str],
) -> Iterator[Step]:
    stored = answers.about["data_health"]["events"]
    urgent = [one for one in findings if one.severity in (Severity.HIGH, Severity.MEDIUM)]
    promising = [
        row for row in (portfolio.rows if portfolio else ())
        if (row["headroom_conversations"] or {}).get("point")
    ]  # fmt: skip
    promising.sort(
        key=lambda row: (
            -(row["headroom_money"] or row["headroom_conversations"])["point"], row["intent"],
        )
    )  # fmt: skip
    root = answers.workspace.root
    lacking = answers.reckoner.lacking
    holds: dict[Condition, bool] = {
        "always": True,
        "gap": len(missing) > 0,
        "second_gap": len(missing) > 1,
        "no_confirmation": not stored.get("confirmation"),
        "no_intents": not (root / "intents.yaml").exists(),
        "no_targets": not has,
        "finding": bool(urgent),
        "unlabelled": any(lacking.get(name) for name in _LABELS),
        "silent": not lacking.get("silent_failure_rate", ("absent",)),
        "claims": bool(stored.get("claim")),
        "no_rates": not (root / "rates.yaml").exists(),
        "headroom": bool(promising),
    }
    places = {
        "gap": missing[0].wanted.brief if missing else "",
        "second_gap": missing[1].wanted.brief if len(missing) > 1 else "",
        "intent": promising[0]["intent"] if promising else "",
        "finding": urgent[0].sentence if urgent else "",
        "next_step": urgent[0].next_step if urgent else "",
    }
    for item in read("plan")["steps"]:
        step = Step.model_validate(item)
        if not holds[step.when]:
            continue
        owner = urgent[0].owner if step.when == "finding" else step.owner
        yield step.model_copy(update={"do": _filled(step.do, places), "owner": owner})


def _filled(text: str, places: Mapping[str, str]) -> str:
    """The text with its places filled; what is filled in is never read as a place."""
    parts = text.split("{")
    filled = [parts[0]]
    for part in parts[1:]:
        name, _, rest = part.partition("}")
        filled.append(places[name] + rest)
    return "".join(filled)
