"""What every metric of the catalogue says of itself, whether it is counted or derived.

Holds the descriptive part of a definition: the question it answers, who it is for, what to know
before using it, and its history. How the figure comes about stands in :mod:`definition` (sums over
the rows of one fact) and :mod:`derived` (reckoned from figures of other metrics).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from candor.measure import Unit

Category = Literal["automation", "quality", "experience", "operational", "risk"]
CATEGORIES: tuple[Category, ...] = ("automation", "quality", "experience", "operational", "risk")
SCALES: dict[str, int] = {
    "share": 1, "count": 1, "points": 1, "seconds": 1_000_000, "money": 1_000_000,
    "score": 1_000_000,
}  # fmt: skip
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Words = Annotated[str, Field(min_length=3)]


class Part(BaseModel):
    """A piece of a definition: nothing unknown in it, nothing changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Stage(Part):
    """When an organisation should adopt the metric, and why then."""

    level: Literal["crawl", "walk", "run"]
    reason: Words


class Benchmark(Part):
    """Figures of others, in per cent of units; never mixed with our own."""

    segment: str
    good: str
    great: str
    world_class: str
    source: Words
    date: str


class Version(Part):
    """One step in the history of a definition."""

    version: Annotated[int, Field(ge=1)]
    date: str
    change: Words


class Frameworks(Part):
    """Where the metric sits in the scorecards in use."""

    tier: Literal["resolution", "quality", "operational", "business impact"]
    pillar: Literal["reliability and efficiency", "adoption", "business value"]
    support_automation: Literal["core", "handoff", "learning"] | None = None
    understand_reason_respond: Literal["understand", "reason", "respond"] | None = None


class Described(Part):
    """The descriptive fields; see METRICS in the guide.

    Attributes:
        unit: what one unit is, in words.
        confirmation: what makes an outcome known.
        shown_with: metrics that must stand beside it wherever it is shown.
        history: every version with its date and reason; the last is this one.
    """

    name: Name
    version: Annotated[int, Field(ge=1)]
    title: Words
    also_known_as: tuple[str, ...]
    question: Words
    unit: Words
    confirmation: Words
    measured_in: Unit
    better: Literal["higher", "lower", "neither"]
    tier: Literal["primary", "secondary", "diagnostic"]
    timing: Literal["leading", "lagging"]
    cadence: Literal["daily", "weekly", "monthly", "quarterly"]
    family: Name
    category: Category
    frameworks: Frameworks
    stage: Stage
    audience: Annotated[tuple[str, ...], Field(min_length=1)]
    segments: tuple[str, ...]
    benchmarks: tuple[Benchmark, ...] = ()
    pitfalls: Annotated[tuple[Words, ...], Field(min_length=1)]
    guardrails: tuple[Name, ...]
    related: tuple[Name, ...] = ()
    shown_with: tuple[Name, ...] = ()
    owner: Words
    caveat: Words
    history: Annotated[tuple[Version, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _up_to_date(self) -> Described:
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
