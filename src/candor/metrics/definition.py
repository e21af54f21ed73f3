"""The definition of a counted metric: what one YAML of the catalogue says, checked as a whole.

Holds no SQL text beyond the conditions a definition is made of and runs nothing. A definition fixes
who is counted, what is true of them, what is not (yet) known and why, and everything a reader must
know before using the figure. Integers only: shares count units, times are microseconds, money and
scores millionths; ``scale`` says by what an estimate divides them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, field_validator, model_validator

from candor.errors import nearest
from candor.facts.schema import facts
from candor.measure import EstimatorKind
from candor.metrics.describing import Described, Name, Part, Words
from candor.metrics.expression import Expression
from candor.window import DAY, duration

Evidence = Literal[
    "census", "by_confirmation", "human_sample", "judge_corrected", "survey_weighted",
    "provisional", "allocated", "vendor_claimed",
]  # fmt: skip
UNDETERMINED = "undetermined"


class Follow(Part):
    """Columns from which time-to-event sums are taken (both in microseconds)."""

    delay: str
    at_risk: str


class JudgedBy(Part):
    """Whose verdicts the figure rests on where a machine says them, and how people's labels come in.

    Attributes:
        criterion: of the verdicts and of the labels.
        own: column with the machine's verdict on a row, where that does not stand among the
            verdicts; labels of people must not move it.
        beside: the corrected figure stands beside this one, not in its place.
        parts: criteria whose mean the figure is; a label counts where a person judged all of them.
        through: column of the fact that the verdicts fill, where they are one of several sources or
            decide who is counted. The figure is then held for every row as it would be without
            people, and for labelled rows as it is with them.
        among: rows of which labels may say that they are counted, where the verdict decides it; every
            included row when left out.
        flag_only: labels cannot correct the figure, so it is only marked.
    """

    criterion: Name
    own: Name | None = None
    beside: bool = False
    flag_only: bool = False
    parts: tuple[Name, ...] = ()
    through: Literal["needs_human", "has_violation", "is_novel"] | None = None
    among: str | None = None

    @property
    def criteria(self) -> tuple[str, ...]:
        """Every criterion that must be judged."""
        return self.parts or (self.criterion,)

    @property
    def meaning(self) -> dict[str, Any]:
        """What decides the figure; what is not stated decides nothing."""
        later = ("parts", "through", "among")
        return {key: value for key, value in self.model_dump().items() if value or key not in later}


class ExampleRow(Part):
    """One row of the fact (only the columns that matter) and what becomes of it."""

    row: dict[str, Any]
    state: Annotated[str, Field(pattern=r"^(outside|observed|(unknown|excluded):[a-z0-9_]+)$")]
    value: int | bool | None = None
    denominator: int | None = None
    confirmed: bool = False


class Expected(Part):
    """What the rows of an example add up to."""

    eligible: int
    observed: int
    total: int
    unknown: dict[str, int] = Field(default_factory=dict)
    excluded: dict[str, int] = Field(default_factory=dict)
    confirmed: int | None = None
    denominator: int | None = None


class Example(Part):
    """Worked example: rows that share the columns of ``given``, and the measure they give."""

    title: Words
    given: dict[str, Any] = Field(default_factory=dict)
    rows: Annotated[tuple[ExampleRow, ...], Field(min_length=1)]
    measure: Expected


class Definition(Described):
    """One metric. Expressions are SQL over the columns of ``fact``; see METRICS in the guide.

    Attributes:
        fact: what one row stands for; ``unit`` says it in words.
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
        judged: set where a machine's verdicts stand behind the figure.
    """

    fact: Name
    include: str
    exclude: dict[Name, str] = Field(default_factory=dict)
    outcome: str | None = None
    value: str | None = None
    numerator: str | None = None
    denominator: str | None = None
    unknown: dict[Name, str] = Field(default_factory=dict)
    confirmed: str | None = None
    window: str | None = None
    follow: Follow | None = None
    estimator: EstimatorKind
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    segments: Annotated[tuple[str, ...], Field(min_length=1)]
    evidence: Evidence
    requires: dict[Words, str] = Field(default_factory=dict)
    judged: JudgedBy | None = None
    examples: Annotated[tuple[Example, ...], Field(min_length=1)]

    _expressions: dict[str, Expression] = PrivateAttr(default_factory=dict)

    @field_validator("fact")
    @classmethod
    def _is_fact(cls, value: str) -> str:
        known = facts()
        if value not in known:
            raise ValueError(f"there is no fact '{value}'; {nearest(value, known)}")
        return value

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
            "sampled": {"numerator", "denominator"}, "rare": {"outcome"},
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
        corrects = self.judged is not None and not self.judged.flag_only
        if corrects and self.estimator not in ("proportion", "mean", "rare"):
            raise ValueError("labels correct a share or a mean; else say `flag_only: true`")
        if self.follow is not None and (self.window is None or duration(self.window) % DAY):
            raise ValueError("follow needs a window of whole days")
        return self

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
        if self.judged is not None and self.judged.among is not None:
            found["judged.among"] = self.judged.among
        if self.follow is not None:
            found |= {"follow.delay": self.follow.delay, "follow.at_risk": self.follow.at_risk}
        return found

    def expression(self, place: str) -> Expression:
        """The checked expression at a place of :meth:`texts`."""
        return self._expressions[place]

    def bind(self, expressions: dict[str, Expression]) -> None:
        """Attach the checked expressions (called once, by the reader of definitions)."""
        self._expressions.update(expressions)
