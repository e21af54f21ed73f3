"""The `Estimate`: a measure with its uncertainty, or the reason why there is none.

Only this module defines what an estimate may hold; it refuses to exist incomplete. Shares lie in
0–1, times are seconds, money is in the workspace currency, `points` are differences of two shares
stored as 0–1. A figure that was refused has no point and no interval: never 0, never NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from candor.window import to_date

SIGNIFICANT_DIGITS = 12


class Refusal(StrEnum):
    """Why there is no figure. The order is the order in which reasons are looked for."""

    UNAVAILABLE = "unavailable"
    NOTHING_OBSERVED = "nothing_observed"
    TOO_FEW = "too_few"
    TOO_FEW_CUSTOMERS = "too_few_customers"
    IMMATURE = "immature"
    UNLABELLED = "unlabelled"
    TOO_FEW_LABELS = "too_few_labels"
    JUDGE_UNINFORMATIVE = "judge_uninformative"
    UNCERTIFIABLE = "uncertifiable"
    BASELINE_SHORT = "baseline_short"
    SRM_FAILED = "srm_failed"
    NO_OVERLAP = "no_overlap"
    DENOMINATOR_UNSTABLE = "denominator_unstable"
    SUPPRESSED = "suppressed"
    INCOMPATIBLE = "incompatible"
    MISSING_COMPONENT = "missing_component"


class Caveat(StrEnum):
    """What to know about a figure that is shown."""

    JUDGE_NO_GAIN = "judge_no_gain"
    TRANSPORTED_ERROR_RATES = "transported_error_rates"
    FEW_MINORITY_LABELS = "few_minority_labels"
    DOMINANT_CUSTOMER = "dominant_customer"
    ANONYMOUS_CUSTOMERS = "anonymous_customers"
    ADJUSTED_OBSERVED_ONLY = "adjusted_observed_only"
    NOWCAST = "nowcast"
    ALLOCATION_NOT_CAUSAL = "allocation_not_causal"
    SENSITIVITY_LOW = "sensitivity_low"
    COINCIDENT_WITH_RELEASE = "coincident_with_release"
    MIX_DRIVEN = "mix_driven"
    REWEIGHTED_MISSING = "reweighted_missing"
    UNCORRECTED_JUDGE = "uncorrected_judge"
    SAME_FAMILY_JUDGE = "same_family_judge"
    JUDGE_CHANGED = "judge_changed"


class Evidence(StrEnum):
    """What a figure rests on, strongest first; the two confirmed rungs belong to resolution."""

    SYSTEM_CONFIRMED = "system_confirmed"
    CUSTOMER_CONFIRMED = "customer_confirmed"
    CENSUS = "census"
    HUMAN_SAMPLE = "human_sample"
    JUDGE_CORRECTED = "judge_corrected"
    SURVEY_WEIGHTED = "survey_weighted"
    PROVISIONAL = "provisional"
    ALLOCATED = "allocated"
    VENDOR_CLAIMED = "vendor_claimed"


def weakest(grades: tuple[Evidence, ...]) -> Evidence:
    """The grade of a figure derived from several: the weakest of theirs.

    Raises:
        ValueError: no grade is given.
    """
    return max(grades, key=list(Evidence).index)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Floors below which nothing is said. Conventions, hence configuration.

    Attributes:
        min_units: observed units.
        min_customers: distinct customers, and non-empty customer buckets.
        min_k_eff: effective number of buckets.
        mature_share: share of units that must be past the window.
        dominant_share: share of one bucket above which `dominant_customer` is noted.
        low_k_eff: effective number of buckets below which the same is noted.
        anonymous_share: share of units without a customer above which it is noted.
        min_tail: units that must lie above a quantile.
        min_labels: human labels.
        baseline_points: periods a control chart needs before it may judge.
    """

    min_units: int = 30
    min_customers: int = 15
    min_k_eff: float = 3.0
    mature_share: float = 0.95
    dominant_share: float = 0.20
    low_k_eff: float = 15.0
    anonymous_share: float = 0.20
    min_tail: int = 10
    min_labels: int = 30
    baseline_points: int = 20


DEFAULT_THRESHOLDS = Thresholds()


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What an estimator found, before it is tied to a metric and a cell.

    Attributes:
        method: versioned name of the method.
        point, low, high: figure and interval in the unit of the inputs; all None when refused
            (a count has a point only).
        n_eff: independent units that would give the same variance.
        k_eff: effective number of clusters.
        se: standard error on the scale of the point, where the method has one.
        refusal: why there is no figure.
        caveats: what to know about it.
        evidence: grade, where the method decides it (judge correction, nowcast).
    """

    method: str
    point: float | None = None
    low: float | None = None
    high: float | None = None
    n_eff: float | None = None
    k_eff: float | None = None
    se: float | None = None
    refusal: Refusal | None = None
    caveats: tuple[Caveat, ...] = ()
    evidence: Evidence | None = None

    @classmethod
    def refused(cls, method: str, refusal: Refusal, *, k_eff: float | None = None) -> Reckoning:
        """No figure, and why."""
        return cls(method=method, refusal=refusal, k_eff=k_eff)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The three figures of a three-valued share, always shown together.

    Attributes:
        confirmed: share of all eligible units that is true by confirmation; None where the
            metric has no confirmation.
        lower: true among all eligible units: every unknown counted as false.
        upper: every unknown counted as true.
        low: lower limit of the interval of ``lower``.
        high: upper limit of the interval of ``upper``.
    """

    confirmed: float | None
    lower: float
    upper: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Judged:
    """What machines' verdicts and people's labels say of one figure.

    Attributes:
        criterion: what was judged.
        machines: whose verdicts they are: name, version and rubric.
        says: the machines' own rate or mean score; never the figure where labels correct it.
        labels: units that people labelled, in this cell.
        needed: labels that would give the figure within five points.
        corrected: the figure after the labels, or why there is none.
        same_family: one of the machines is of the graded agent's own family.
        beside: the corrected figure stands beside the metric's own, not in its place.
    """

    criterion: str
    machines: tuple[str, ...]
    says: float | None
    labels: int
    needed: int
    corrected: Reckoning
    same_family: bool = False
    beside: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        found = self.corrected
        return {
            "criterion": self.criterion,
            "machines": list(self.machines),
            "machine_says": published(self.says),
            "labels": self.labels,
            "labels_needed": self.needed,
            "same_family": self.same_family,
            "corrected": {
                "point": published(found.point), "low": published(found.low),
                "high": published(found.high), "method": found.method,
                "evidence": None if found.evidence is None else str(found.evidence),
                "refusal": None if found.refusal is None else str(found.refusal),
                "caveats": [str(caveat) for caveat in found.caveats],
            },
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Estimate:
    """One metric in one cell with its uncertainty (immutable). See the JSON row in the guide.

    Attributes:
        metric, definition: name, and ``name@version``.
        grain, period_start, period_end: cell in time; days since 1970-01-01, end excluded.
        segment: dimension to value; empty for the total.
        eligible, observed, unknown: units counted in, with known outcome, without.
        unknown_reasons, excluded: units without known outcome, and left out, by reason.
        total: sum of outcomes in ``unit``; None when the data hold no such event.
        point, low, high, level: figure and interval; None together when refused.
        n_eff, customers, k_eff: independent units, distinct persons, effective clusters.
        method, evidence, unit: how it was reckoned, what it rests on, what it is measured in.
        refusal, caveats: why there is no figure; what to know about it.
        snapshot, as_of: the publication, and the instant up to which data were read.
        bounds: the three figures of a share with unknown outcomes.
        missing: what the data lack when unavailable, in words.
        detail: components of a derived figure, plain JSON.
        judged: what machines and people said, where the figure rests on a machine's verdicts.
    """

    metric: str
    definition: str
    grain: str
    period_start: int | None
    period_end: int | None
    segment: Mapping[str, str | None]
    eligible: int
    observed: int
    unknown: int
    excluded: Mapping[str, int]
    total: float | None
    point: float | None
    low: float | None
    high: float | None
    level: float
    n_eff: float | None
    customers: int
    k_eff: float | None
    method: str
    evidence: Evidence
    unit: str
    refusal: Refusal | None
    caveats: tuple[Caveat, ...]
    snapshot: str
    as_of: str
    unknown_reasons: Mapping[str, int] = field(default_factory=dict)
    bounds: Bounds | None = None
    missing: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    judged: Judged | None = None

    def __post_init__(self) -> None:
        """Refuse to exist incomplete.

        Raises:
            ValueError: a figure without interval, size, method or lineage; a refusal with a figure.
        """
        problems = list(self._problems())
        if problems:
            raise ValueError(f"{self.metric}: {'; '.join(problems)}")

    def _problems(self) -> list[str]:
        found = []
        numbers = (self.point, self.low, self.high)
        if self.refusal is not None and any(number is not None for number in numbers):
            found.append("a refused estimate holds no figure")
        if self.refusal is None and self.point is None:
            found.append("there is neither a figure nor a refusal")
        if self.refusal is None and not self.is_count:
            if self.low is None or self.high is None:
                found.append("a figure needs its interval")
            if self.n_eff is None or self.k_eff is None:
                found.append("a figure needs n_eff and k_eff")
        shown = [n for n in (*numbers, self.n_eff, self.k_eff, self.total) if n is not None]
        if not all(math.isfinite(number) for number in shown):
            found.append("a number is not finite")
        if self.low is not None and self.high is not None and self.low > self.high:
            found.append("the interval is upside down")
        if self.eligible != self.observed + self.unknown:
            found.append(f"{self.eligible} eligible ≠ {self.observed} known + {self.unknown} not")
        found += [
            f"{name} is missing" for name in ("method", "definition") if not getattr(self, name)
        ]
        return found

    @property
    def is_count(self) -> bool:
        """A contractual or billing count: no interval and never a colour."""
        return self.method.startswith("count")

    @property
    def has_units(self) -> bool:
        """Whether anything was there to be counted in or left out."""
        return bool(self.eligible or any(self.excluded.values()))

    @property
    def unknown_share(self) -> float | None:
        """Share of the eligible units whose outcome is not known; None without units."""
        return self.unknown / self.eligible if self.eligible else None

    def as_row(self) -> dict[str, Any]:
        """The JSON row: sorted nowhere, rounded half-even to 12 significant digits."""
        return {
            "metric": self.metric,
            "grain": self.grain,
            "period_start": _iso(self.period_start),
            "period_end": _iso(self.period_end),
            "segment": dict(self.segment),
            "eligible": self.eligible,
            "observed": self.observed,
            "unknown": self.unknown,
            "unknown_reasons": dict(sorted(self.unknown_reasons.items())),
            "excluded": dict(sorted(self.excluded.items())),
            "total": published(self.total),
            "point": published(self.point),
            "low": published(self.low),
            "high": published(self.high),
            "level": self.level,
            "n_eff": published(self.n_eff),
            "customers": self.customers,
            "k_eff": published(self.k_eff),
            "method": self.method,
            "evidence": str(self.evidence),
            "unit": self.unit,
            "refusal": None if self.refusal is None else str(self.refusal),
            "missing": self.missing,
            "caveats": [str(caveat) for caveat in self.caveats],
            "bounds": self._bounds_row(),
            "definition": self.definition,
            "snapshot": self.snapshot,
            **({"detail": rounded(self.detail)} if self.detail else {}),
            **({"judged": self.judged.as_dict()} if self.judged is not None else {}),
        }

    def _bounds_row(self) -> dict[str, float | None] | None:
        if self.bounds is None:
            return None
        names = ("confirmed", "lower", "upper", "low", "high")
        return {name: published(getattr(self.bounds, name)) for name in names}


def published(number: float | None) -> float | None:
    """A number as it is published: half-even to 12 significant digits, whole numbers without a dot."""
    if number is None:
        return None
    rounded = float(f"{number:.{SIGNIFICANT_DIGITS - 1}e}") + 0.0  # the sum turns -0.0 into 0.0
    return int(rounded) if rounded.is_integer() and abs(rounded) < 2**53 else rounded


def rounded(value: Any) -> Any:
    """Plain JSON with every number in it as it is published."""
    if isinstance(value, float):
        return published(value)
    if isinstance(value, Mapping):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return value


def _iso(day: int | None) -> str | None:
    return None if day is None else to_date(day).isoformat()
