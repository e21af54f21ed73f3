"""What was declared about experiments before anyone looked: ``experiments.yaml`` of a workspace.

Only what is declared can be judged: the shares of the arms, the metrics that may win, those that must not be lost
by more than a margin, and how many units were planned. Every mistake is reported at once with its line.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from candor.errors import CandorError, Problem, nearest
from candor.experiments.assignment import Design
from candor.yaml_lines import line_at, lines_of

FILE = "experiments.yaml"
_Metrics = tuple[Annotated[str, Field(min_length=1)], ...]


class Declared(BaseModel):
    """One experiment.

    Attributes:
        id: as exposure events name it.
        title: for people.
        owner: who decides.
        shares: intended share of units by arm; the first arm is the control.
        unit: what was assigned.
        horizon: planned units in all arms together.
        success: metrics of which one at least must win.
        guardrails: metric to the loss that is accepted, in the metric's own unit, 0 or more.
        watched: metrics that must not get worse.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(min_length=1)]
    title: str = ""
    owner: str = ""
    shares: dict[str, Annotated[float, Field(gt=0, lt=1)]]
    unit: Literal["customer", "thread", "queue_day"] = "customer"
    horizon: Annotated[int, Field(ge=1)]
    success: Annotated[_Metrics, Field(min_length=1)]
    guardrails: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(
        default_factory=dict
    )
    watched: _Metrics = ()

    @model_validator(mode="after")
    def _consistent(self) -> Declared:
        named = [*self.success, *self.guardrails, *self.watched]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} has two roles")
        self.design()
        return self

    @property
    def metrics(self) -> tuple[str, ...]:
        """Every metric, success first."""
        return (*self.success, *self.guardrails, *self.watched)

    def design(self) -> Design:
        """The design as the estimators take it."""
        return Design(
            self.id, self.shares, self.unit, self.horizon, self.success[0], dict(self.guardrails)
        )


def load(path: Path, known: Collection[str]) -> tuple[Declared, ...]:
    """The experiments of a workspace, in the order of the file; none without a file.

    Args:
        path: of ``experiments.yaml``.
        known: names of metrics.

    Raises:
        CandorError: ``experiments.invalid`` with every mistake and its line.
    """
    if not path.exists():
        return ()
    problems: list[Problem] = []
    try:
        text = path.read_text(encoding="utf-8")
        node, raw = yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CandorError("experiments.invalid", Problem(str(error), str(path))) from None
    lines = {} if node is None else lines_of(path.name, node, problems)
    if raw is not None and not isinstance(raw, list):
        raise CandorError(
            "experiments.invalid",
            Problem("is no list", str(path), "a list of experiments", "begin each with `- id: …`"),
        )
    found: list[Declared] = []
    for at, one in enumerate(raw or ()):
        made = _one(one, lambda *place, at=at: f"{path}:{line_at(lines, (at, *place))}", problems)
        if made is None:
            continue
        problems += [
            Problem(f"there is no metric '{name}'", f"{path}:{line_at(lines, (at,))}", "",
                    nearest(name, sorted(known)))
            for name in made.metrics
            if name not in known
        ]  # fmt: skip
        if made.id in {other.id for other in found}:
            problems.append(Problem(f"'{made.id}' stands twice", f"{path}:{line_at(lines, (at,))}"))
        found.append(made)
    if problems:
        raise CandorError("experiments.invalid", problems)
    return tuple(found)


def _one(raw: Any, where: Any, problems: list[Problem]) -> Declared | None:
    try:
        return Declared.model_validate(raw)
    except ValidationError as error:
        problems += [
            Problem(one["msg"].removeprefix("Value error, "), where(*one["loc"]),
                    "", ".".join(str(part) for part in one["loc"]))
            for one in error.errors()
        ]  # fmt: skip
        return None
