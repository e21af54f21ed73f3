"""The pages as data: review packs, what moves mean, the vendor's questions, the plan's steps.

Reads ``answers/pages/*.yaml`` and checks their shape; it knows no figure.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict

from candor.verdicts.findings import Team

CADENCES = ("daily", "weekly", "monthly", "quarterly")


class Part(BaseModel):
    """A piece of a page: nothing unknown in it, nothing changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PackSection(Part):
    """One question of a review and the metrics that answer it."""

    name: str
    title: str
    metrics: tuple[str, ...]


class Pack(Part):
    """One cadence.

    Attributes:
        grain: period that is reviewed.
        latest: the last whole day the data cover, though windows have not closed for it; what
            changed is then read from control limits, not from the day before.
        curve: shows resolution by days since go-live.
        baseline: shows every figure against the baseline.
        goals: shows how far each target is.
    """

    name: str
    title: str
    question: str
    grain: Literal["day", "week", "month", "quarter"]
    latest: bool = False
    curve: bool = False
    baseline: bool = False
    goals: bool = False
    sections: tuple[PackSection, ...]

    def metrics(self) -> tuple[str, ...]:
        """Every metric, in reading order."""
        return tuple(dict.fromkeys(name for section in self.sections for name in section.metrics))


class Reading(Part):
    """What a direction means and what to do next."""

    means: str
    do: str


class Route(Part):
    """Where a metric's movement goes and how it reads."""

    team: Team
    worse: Reading
    better: Reading


class TeamWords(Part):
    """How a team is called and what is its business."""

    title: str
    about: str


class Moves(Part):
    """Routes by metric, else by family."""

    teams: dict[Team, TeamWords]
    families: dict[str, Route]
    metrics: dict[str, Route]

    def route(self, metric: str, family: str) -> Route:
        """The route of a metric; product's general one where neither is listed."""
        return self.metrics.get(metric) or self.families.get(family) or self.families["resolution"]


def read(name: str) -> Any:
    """The plain data of one page file, e.g. ``reviews/weekly``."""
    text = files("candor.answers").joinpath("pages", f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


@cache
def pack(cadence: str) -> Pack:
    """The pack of one cadence."""
    return Pack.model_validate(read(f"reviews/{cadence}"))


@cache
def moves() -> Moves:
    """What movements mean."""
    return Moves.model_validate(read("moves"))
