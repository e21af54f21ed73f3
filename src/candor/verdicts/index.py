"""The candor index: policy file in, figures in, one number with its band and its parts out.

Goalposts, weights and caps come from ``index.yaml`` and nowhere else; the arithmetic is that of
``estimates.composite``. A component without a figure gives its weight to the rest of its pillar and
is named (`reweighted_missing`); a guardrail without one refuses the index (`missing_component`). A
guardrail is missed only when its whole interval lies beyond its limit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from candor.estimates.composite import Component, Index, composite, reweighted
from candor.estimates.composite_band import Sensitivity, explain_change, sensitivity
from candor.estimates.estimate import DEFAULT_THRESHOLDS, Reckoning, Thresholds, rounded
from candor.estimates.from_cell import SCALES
from candor.estimates.ratio import bucket_ratio
from candor.measure import MeasureCell, Unit

_GRAIN = 1_000
"""Integer steps in one unit of an intent's weight, so that weighted sums stay exact."""
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Goal(_Part):
    """One component: a metric between two goalposts.

    Attributes:
        metric: name.
        worst, best: goalposts in the metric's unit.
        weight: importance within the pillar.
        by_intent: intents count by their value and risk instead of their volume alone.
        guardrail: the index needs it, and a miss caps the index.
        limit: where the guardrail is missed.
        cap: highest index while it is missed.
    """

    metric: str
    worst: float
    best: float
    weight: Positive = 1.0
    by_intent: bool = False
    guardrail: bool = False
    limit: float | None = None
    cap: Annotated[float, Field(gt=0, le=100)] | None = None

    @model_validator(mode="after")
    def _complete(self) -> Goal:
        if self.worst == self.best:
            raise ValueError(f"{self.metric}: the goalposts are both {self.best}")
        if self.guardrail != (self.limit is not None) or self.guardrail != (self.cap is not None):
            raise ValueError(f"{self.metric}: a guardrail has a limit and a cap, others have none")
        return self


class Pillar(_Part):
    """Components that may make up for one another."""

    weight: Positive
    why: str
    components: Annotated[tuple[Goal, ...], Field(min_length=1)]


class Policy(_Part):
    """The whole of ``index.yaml``."""

    version: Annotated[int, Field(ge=1)]
    risk_weights: dict[str, Positive]
    pillars: Annotated[dict[str, Pillar], Field(min_length=2)]

    @model_validator(mode="after")
    def _whole(self) -> Policy:
        total = math.fsum(pillar.weight for pillar in self.pillars.values())
        if not math.isclose(total, 1.0):
            raise ValueError(f"the weights of the pillars add up to {total}, not 1")
        names = [goal.metric for goal in self.goals]
        if len(set(names)) != len(names):
            raise ValueError("a metric stands in the index twice")
        return self

    @property
    def goals(self) -> tuple[Goal, ...]:
        """Every component in order."""
        return tuple(goal for pillar in self.pillars.values() for goal in pillar.components)


@dataclass(frozen=True, slots=True)
class Score:
    """A component's figure, as handed in; all None when it was refused."""

    point: float | None
    low: float | None
    high: float | None
    n_eff: float | None = None
    k_eff: float | None = None


@dataclass(frozen=True, slots=True)
class Composite:
    """The index with all that must stand beside it.

    Attributes:
        index: point, interval, pillars, positions, weights, caps, missing.
        band: the index under other weights and another aggregation; None when refused.
        change: what each component added since the period before; empty without one.
    """

    index: Index
    band: Sensitivity | None
    change: Mapping[str, float]

    def detail(self) -> dict[str, Any]:
        """What is shown beside the number."""
        found, band = self.index, self.band
        plain: dict[str, Any] = rounded(
            {
                "pillars": dict(found.pillars),
                "components": {
                    name: {"position": found.positions[name], "weight": found.weights[name]}
                    for name in found.positions
                },
                "capped_by": list(found.capped_by),
                "missing": list(found.missing),
                "band": None if band is None else {"low": band.low, "high": band.high},
                "band_from": None if band is None else {
                    "inputs": band.inputs, "weights": band.weights,
                    "aggregation": band.aggregation,
                },
                "without": {} if band is None else dict(band.without),
                "arithmetic": None if band is None else band.arithmetic,
                "change": dict(self.change),
            }
        )  # fmt: skip
        return plain


@cache
def policy() -> Policy:
    """The published policy of the index."""
    text = files("candor.verdicts").joinpath("index.yaml").read_text(encoding="utf-8")
    return Policy.model_validate(yaml.safe_load(text))


def candor_index(
    now: Mapping[str, Score],
    before: Mapping[str, Score] | None = None,
    *,
    seed: str,
    goals: Policy | None = None,
    level: float = 0.95,
) -> Composite:
    """The index of one period.

    Args:
        now: metric to its figure; metrics that are not there count as refused.
        before: those of the period before, for the decomposition of the change.
        seed: what the draws are for: index, version, window.
        goals: the policy; the published one when left out.
        level: confidence level.
    """
    chosen = goals or policy()
    parts = _components(chosen, now)
    found = composite(parts, seed=seed, level=level)
    if found.found.refusal is not None:
        return Composite(found, None, {})
    present = reweighted(parts)
    return Composite(
        found, sensitivity(present, seed=seed, level=level), _change(present, chosen, before)
    )


def _components(chosen: Policy, scores: Mapping[str, Score]) -> list[Component]:
    nothing = Score(None, None, None)
    found = []
    for name, pillar in chosen.pillars.items():
        inside = math.fsum(goal.weight for goal in pillar.components)
        for goal in pillar.components:
            score = scores.get(goal.metric, nothing)
            found.append(
                Component(
                    goal.metric, goal.worst, goal.best, pillar.weight * goal.weight / inside, name,
                    score.point, score.low, score.high, score.n_eff, score.k_eff, goal.cap,
                    is_guardrail=goal.guardrail, missed=_missed(goal, score),
                )
            )  # fmt: skip
    return found


def _missed(goal: Goal, score: Score) -> bool:
    if goal.limit is None or score.low is None or score.high is None:
        return False
    return score.low > goal.limit if goal.best < goal.worst else score.high < goal.limit


def _change(
    present: Sequence[Component], chosen: Policy, before: Mapping[str, Score] | None
) -> Mapping[str, float]:
    """The parts of the change, where the same components had a figure in both periods."""
    if before is None:
        return {}
    earlier = reweighted(_components(chosen, before))
    if [c.name for c in earlier] != [c.name for c in present]:
        return {}
    return explain_change(present, earlier)


def intent_weight(value: float | None, risk: str | None, goals: Policy | None = None) -> float:
    """How much one conversation of an intent counts: its value times the weight of its risk.

    Args:
        value: ``unit_value`` of intents.yaml; 1 where none is given.
        risk: its risk tier; the weight of `low` where none is given.
        goals: the policy; the published one when left out.
    """
    weights = (goals or policy()).risk_weights
    return (value if value is not None and value > 0 else 1.0) * weights.get(risk or "low", 1.0)


def weighted(
    cells: Sequence[MeasureCell],
    weights: Mapping[str | None, float],
    *,
    unit: Unit,
    dimension: str = "intent_id",
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """A share or mean in which each unit counts with the weight of its intent.

    Args:
        cells: one per intent.
        weights: intent to weight; 1 for those not listed.
        unit: what the metric is measured in.
        dimension: the cells' breakdown.
        level: confidence level.
        thresholds: floors of the refusals.
    """
    x: dict[int, int] = {}
    m: dict[int, int] = {}
    for cell in cells:
        weight = round(weights.get(cell.segment.get(dimension), 1.0) * _GRAIN)
        for bucket, sums in cell.buckets.items():
            x[bucket] = x.get(bucket, 0) + weight * sums.total
            m[bucket] = m.get(bucket, 0) + weight * sums.den
    buckets = sorted(m)
    return bucket_ratio(
        [x[b] for b in buckets], [m[b] for b in buckets], kind="share" if unit == "share" else "mean",
        units=sum(cell.observed for cell in cells), level=level, scale=SCALES[unit],
        # Customers of several intents are counted in each; the largest intent's are a lower bound.
        customers=max((cell.customers for cell in cells), default=0), thresholds=thresholds,
    )  # fmt: skip
