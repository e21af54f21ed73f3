"""A metric definition: what one YAML of the catalogue says, checked as a whole.

Holds no SQL text beyond the conditions a definition is made of and runs nothing. A definition fixes
who is counted, what is true of them, what is not (yet) known and why, and everything a reader must
know before using the figure. Integers only: shares count units, times are microseconds, money and
scores millionths; ``scale`` says by what an estimate divides them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from candor.measure import EstimatorKind, Unit
from candor.metrics.expression import Expression
from candor.window import DAY, duration

Category = Literal["automation", "quality", "experience", "operational", "risk"]
Evidence = Literal[
    "census", "by_confirmation", "human_sample", "judge_corrected", "survey_weighted",
    "allocated", "vendor_claimed",
]  # fmt: skip
CATEGORIES: tuple[Category, ...] = ("automation", "quality", "experience", "operational", "risk")
SCALES: dict[str, int] = {
    "share": 1, "count": 1, "points": 1, "seconds": 1_000_000, "money": 1_000_000,
    "score": 1_000_000,
}  # fmt: skip
UNDETERMINED = "undetermined"
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Words = Annotated[str, Field(min_length=3)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Stage(_Part):
    """When an organisation should adopt the metric, and why then."""

    level: Literal["crawl", "walk", "run"]
    reason: Words


class Benchmark(_Part):
    """Figures of others, in per cent of units; never mixed with our own."""

    segment: str
    good: str
    great: str
    world_class: str
    source: Words
    date: str


class Version(_Part):
    """One step in the history of a definition."""

    version: Annotated[int, Field(ge=1)]
    date: str
    change: Words


class Frameworks(_Part):
    """Where the metric sits in the scorecards in use."""

    tier: Literal["resolution", "quality", "operational", "business impact"]
    pillar: Literal["reliability and efficiency", "adoption", "business value"]
    support_automation: Literal["core", "handoff", "learning"] | None = None
    understand_reason_respond: Literal["understand", "reason", "respond"] | None = None


class Follow(_Part):
    """Columns from which time-to-event sums are taken (both in microseconds)."""

    delay: str
    at_risk: str


class ExampleRow(_Part):
    """One row of the fact (only the columns that matter) and what becomes of it."""

    row: dict[str, Any]
    state: Annotated[str, Field(pattern=r"^(outside|observed|(unknown|excluded):[a-z0-9_]+)$")]
    value: int | bool | None = None
    denominator: int | None = None
    confirmed: bool = False


class Expected(_Part):
    """What the rows of an example add up to."""

    eligible: int
    observed: int
    total: int
    unknown: dict[str, int] = {}
    excluded: dict[str, int] = {}
    confirmed: int | None = None
    denominator: int | None = None


class Example(_Part):
    """Worked example: rows that share the columns of ``given``, and the measure they give."""

    title: Words
    given: dict[str, Any] = {}
    rows: Annotated[tuple[ExampleRow, ...], Field(min_length=1)]
    measure: Expected


class Definition(_Part):
    """One metric. Expressions are SQL over the columns of ``fact``; see METRICS in the guide.

    Attributes:
        unit: what one unit is, in words; one row of ``fact``.
        include: who is in scope. Units for which it is not true are outside: neither counted nor
            listed as excluded.
        exclude: reason to condition, in order; the first that is true leaves the unit out.
        outcome: of a share: true, false or NULL (not yet known).
        value: of a mean, quantile or count; NULL is not known.
        numerator, denominator: of a ratio, per unit.
        unknown: reason to condition, in order; names why an outcome is NULL. It never changes one.
        confirmed: condition under which a true outcome is confirmed rather than assumed.
        window: how long after the unit something may still happen; maturity is judged by it.
        follow: columns for time-to-event sums up to ``window``.
        quantiles: shown by the quantile estimator.
        requires: event to condition; at least one row must meet it, else the metric is unavailable.
        evidence: grade of the figure; ``by_confirmation`` takes the weakest rung among its units.
        shown_with: metrics that must stand beside it wherever it is shown.
    """

    name: Name
    version: Annotated[int, Field(ge=1)]
    title: Words
    also_known_as: tuple[str, ...]
    question: Words
    fact: Literal["conversation", "handoff", "journey", "survey", "message", "suggestion"]
    unit: Words
    include: str
    exclude: dict[Name, str] = {}
    outcome: str | None = None
    value: str | None = None
    numerator: str | None = None
    denominator: str | None = None
    unknown: dict[Name, str] = {}
    confirmed: str | None = None
    confirmation: Words
    window: str | None = None
    follow: Follow | None = None
    measured_in: Unit
    estimator: EstimatorKind
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    better: Literal["higher", "lower", "neither"]
    tier: Literal["primary", "secondary", "diagnostic"]
    timing: Literal["leading", "lagging"]
    cadence: Literal["daily", "weekly", "monthly", "quarterly"]
    family: Name
    category: Category
    frameworks: Frameworks
    stage: Stage
    audience: Annotated[tuple[str, ...], Field(min_length=1)]
    segments: Annotated[tuple[str, ...], Field(min_length=1)]
    benchmarks: tuple[Benchmark, ...] = ()
    pitfalls: Annotated[tuple[Words, ...], Field(min_length=1)]
    guardrails: tuple[Name, ...]
    related: tuple[Name, ...] = ()
    shown_with: tuple[Name, ...] = ()
    owner: Words
    caveat: Words
    evidence: Evidence
    requires: dict[Words, str] = {}
    history: Annotated[tuple[Version, ...], Field(min_length=1)]
    examples: Annotated[tuple[Example, ...], Field(min_length=1)]

    _expressions: dict[str, Expression] = PrivateAttr(default_factory=dict)

    @field_validator("window")
    @classmethod
    def _is_duration(cls, value: str | None) -> str | None:
        if value is not None:
            duration(value)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Definition:
        wanted = {
            "proportion": {"outcome"}, "time_to_event": {"outcome"}, "mean": {"value"},
            "quantile": {"value"}, "count": {"value"}, "ratio": {"numerator", "denominator"},
        }[self.estimator]  # fmt: skip
        given = {
            key for key in ("outcome", "value", "numerator", "denominator")
            if getattr(self, key) is not None
        }  # fmt: skip
        if given != wanted:
            raise ValueError(
                f"estimator '{self.estimator}' needs {' and '.join(sorted(wanted))}, "
                f"found {' and '.join(sorted(given)) or 'none'}"
            )
        if (self.estimator == "quantile") != bool(self.quantiles):
            raise ValueError("quantiles are given exactly with the quantile estimator")
        if self.outcome is not None and self.measured_in != "share":
            raise ValueError("an outcome is measured in share")
        if self.follow is not None and (self.window is None or duration(self.window) % DAY):
            raise ValueError("follow needs a window of whole days")
        if self.history[-1].version != self.version:
            raise ValueError("the last entry of history must be this version")
        return self

    @property
    def id(self) -> str:
        """``name@version``: what a published figure names as its definition."""
        return f"{self.name}@{self.version}"

    @property
    def scale(self) -> int:
        """Integer units in one unit of ``measured_in``."""
        return SCALES[self.measured_in]

    @property
    def window_us(self) -> int | None:
        """``window`` in microseconds."""
        return None if self.window is None else duration(self.window)

    @property
    def follow_days(self) -> int:
        """Whole delay days of the time-to-event sums; 0 without ``follow``."""
        return 0 if self.follow is None else (self.window_us or 0) // DAY

    @property
    def reasons_excluded(self) -> tuple[str, ...]:
        """Reasons for leaving a unit out, in the order they are tried."""
        return tuple(self.exclude)

    @property
    def reasons_unknown(self) -> tuple[str, ...]:
        """Reasons why an outcome is not known; the last is the one when none of the others holds."""
        return (*self.unknown, UNDETERMINED)

    def texts(self) -> dict[str, str]:
        """Every expression by its place, e.g. ``exclude.test``."""
        found = {
            key: getattr(self, key)
            for key in ("include", "outcome", "value", "numerator", "denominator", "confirmed")
            if getattr(self, key) is not None
        }
        for key in ("exclude", "unknown", "requires"):
            found.update({f"{key}.{reason}": text for reason, text in getattr(self, key).items()})
        if self.follow is not None:
            found |= {"follow.delay": self.follow.delay, "follow.at_risk": self.follow.at_risk}
        return found

    def expression(self, place: str) -> Expression:
        """The checked expression at a place of :meth:`texts`."""
        return self._expressions[place]

    def bind(self, expressions: dict[str, Expression]) -> None:
        """Attach the checked expressions (called once, by the reader of definitions)."""
        self._expressions.update(expressions)
