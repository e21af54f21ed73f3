"""The workspace's targets, ``targets.yaml``: what is aimed at, by whom, and for which segment.

Ours only; other companies' figures are benchmarks and stand with the definitions. Shares are
written 0–1, times in seconds, money in the workspace currency. An improvement target is a pace away
from the frozen baseline and becomes a figure for each period. All mistakes are reported at once with
their lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from candor.errors import CandorError, Problem, nearest

_FIELDS = ("metric", "target", "improve", "amber", "weight", "owner", "segment", "better", "note")
_PACE = re.compile(
    r"([+\-−]\s*\d+(?:\.\d+)?)\s*(%|points?|)\s*(?:an?|per)\s+(week|month|quarter|year)\s+from\s+baseline"
)
_MONTHS = {"week": 7 / 30.4375, "month": 1.0, "quarter": 3.0, "year": 12.0}


class Target(BaseModel):
    """One target.

    Attributes:
        metric: name of the metric.
        target: the figure aimed at, in the metric's unit.
        amber: width of the band next to the target, on its bad side, that is not yet a miss.
        weight: importance in summaries, relative to the others.
        owner: who answers for it.
        segment: dimension to value it holds for (a channel, a risk tier); empty for everything.
        better: which direction is good, for metrics whose definition leaves that open.
        note: why this figure.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: str
    target: Annotated[float, Field(allow_inf_nan=False)]
    amber: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    owner: str = ""
    segment: dict[str, str] = Field(default_factory=dict)
    better: Literal["higher", "lower"] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a metric shall move away from its baseline, linearly.

    Attributes:
        amount: per ``months``: a share of the baseline's figure, or an amount in the metric's unit.
        is_relative: whether it is a share of the baseline's figure.
        months: length of one step in months.
    """

    amount: float
    is_relative: bool
    months: float

    def target(self, baseline: float, elapsed: float) -> float:
        """The figure aimed at ``elapsed`` months after the end of the baseline."""
        steps = elapsed / self.months
        return baseline + self.amount * steps * (abs(baseline) if self.is_relative else 1.0)


def pace(text: str) -> Pace:
    """Read e.g. ``+5% a month from baseline``, ``-2 points a quarter from baseline``.

    ``%`` is a share of the baseline's figure, ``points`` are percentage points of a share, a bare
    number is in the metric's own unit.

    Raises:
        ValueError: the text is not a pace.
    """
    match = _PACE.fullmatch(" ".join(text.split()))
    if match is None:
        raise ValueError(f"'{text}' is not a pace like '+5% a month from baseline'")
    amount = float(match[1].replace(" ", "").replace("−", "-"))
    divisor = 100.0 if match[2] else 1.0
    return Pace(amount / divisor, match[2] == "%", _MONTHS[match[3]])


class Improvement(BaseModel):
    """A target that moves: a pace away from the baseline. Fields as of `Target`.

    Attributes:
        improve: pace, e.g. ``+5% a month from baseline``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: str
    improve: str
    amber: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    owner: str = ""
    segment: dict[str, str] = Field(default_factory=dict)
    better: Literal["higher", "lower"] | None = None
    note: str = ""

    @field_validator("improve")
    @classmethod
    def _is_pace(cls, value: str) -> str:
        pace(value)
        return value

    def at(self, baseline: float, elapsed: float) -> Target:
        """The target ``elapsed`` months after the baseline.

        Args:
            baseline: the baseline's figure in the metric's unit.
            elapsed: months from the end of the baseline to the end of the period.
        """
        step = pace(self.improve)
        said = f"{self.improve} ({baseline:.4g})"
        return Target(
            metric=self.metric, target=step.target(baseline, elapsed), amber=self.amber,
            weight=self.weight, owner=self.owner, segment=self.segment,
            better=self.better or ("higher" if step.amount > 0 else "lower"),
            note=f"{said}: {self.note}" if self.note else said,
        )  # fmt: skip


def months_between(since: date, until: date) -> float:
    """Calendar months from one date to a later one; days count as shares of a mean month."""
    whole = (until.year - since.year) * 12 + until.month - since.month
    return whole + (until.day - since.day) / 30.4375


class Targets:
    """All targets of a workspace.

    Args:
        targets: fixed figures.
        improvements: paces away from the baseline; `resolved` makes figures of them.
    """

    def __init__(
        self, targets: tuple[Target, ...] = (), improvements: tuple[Improvement, ...] = ()
    ) -> None:
        self.all = targets
        self.improvements = improvements

    def resolved(
        self,
        baseline: Callable[[str, Mapping[str, str]], float | None],
        elapsed: float | None,
    ) -> Targets:
        """The same with each improvement as the figure of one period.

        Args:
            baseline: figure of a metric in a segment in the baseline; None where there is none.
            elapsed: months from the end of the baseline to the end of the period; None or less
                than zero leaves improvements out.
        """
        moved = []
        for one in self.improvements if elapsed is not None and elapsed > 0 else ():
            figure = baseline(one.metric, one.segment)
            if figure is not None and elapsed is not None:
                moved.append(one.at(figure, elapsed))
        return Targets((*self.all, *moved))

    def segmented(self) -> dict[str, tuple[str, ...]]:
        """Dimension to the metrics that have a target for some of its members, one dimension each."""
        found: dict[str, list[str]] = {}
        every: tuple[Target | Improvement, ...] = (*self.all, *self.improvements)
        for one in every:
            if len(one.segment) == 1:
                found.setdefault(next(iter(one.segment)), []).append(one.metric)
        return {name: tuple(dict.fromkeys(metrics)) for name, metrics in sorted(found.items())}

    def find(self, metric: str, segment: Mapping[str, str | None] | None = None) -> Target | None:
        """The most specific target that holds for a metric in a segment; None without one."""
        own = dict(segment or {})
        fitting = [
            target
            for target in self.all
            if target.metric == metric
            and all(own.get(name) == value for name, value in target.segment.items())
        ]
        return max(fitting, key=lambda target: len(target.segment), default=None)


def load_targets(path: Path, metrics: Collection[str] = ()) -> Targets:
    """Read and check ``targets.yaml``; a missing file holds no targets.

    Args:
        path: the file.
        metrics: names that exist; anything goes without them.

    Raises:
        CandorError: ``targets.syntax`` or ``targets.invalid`` with every problem.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Targets()
    except UnicodeDecodeError as error:
        raise CandorError(
            "targets.syntax", Problem(f"byte {error.start} is not UTF-8", str(path), "UTF-8 text")
        ) from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CandorError("targets.syntax", Problem(_one_line(error), str(path), "YAML")) from None
    if raw is None or root is None:
        return Targets()
    if not isinstance(raw, list) or not isinstance(root, yaml.SequenceNode):
        raise CandorError(
            "targets.invalid",
            Problem("the file is not a list", f"{path}:1", "one `- metric: …` for each target"),
        )
    nodes = root.value
    problems: list[Problem] = []
    found = [
        _one(path, item, node, metrics, problems) for item, node in zip(raw, nodes, strict=True)
    ]
    problems += _repeated(path, raw, nodes)
    if problems:
        raise CandorError("targets.invalid", problems)
    return Targets(
        tuple(one for one in found if isinstance(one, Target)),
        tuple(one for one in found if isinstance(one, Improvement)),
    )


def _one(
    path: Path, item: Any, node: yaml.Node, metrics: Collection[str], problems: list[Problem]
) -> Target | Improvement | None:
    lines = _lines(node)
    first = node.start_mark.line + 1
    if not isinstance(item, dict):
        problems.append(Problem("a target is not a list of keys", f"{path}:{first}", "`metric: …`"))
        return None
    name = item.get("metric")
    if metrics and isinstance(name, str) and name not in metrics:
        where = f"{path}:{lines.get('metric', first)}: metric"
        problems.append(
            Problem(f"unknown metric '{name}'", where, "", nearest(name, sorted(metrics)))
        )
    if "improve" in item and "target" in item:
        where = f"{path}:{lines['improve']}: improve"
        problems.append(Problem("a target is a figure or a pace, not both", where))
        return None
    shape = Improvement if "improve" in item else Target
    try:
        return shape.model_validate(item)
    except ValidationError as error:
        for detail in error.errors():
            key = str(detail["loc"][0])
            where = f"{path}:{lines.get(key, first)}: {key}"
            if detail["type"] == "extra_forbidden":
                problems.append(Problem(f"unknown key '{key}'", where, "", nearest(key, _FIELDS)))
            elif detail["type"] == "missing":
                problems.append(Problem(f"'{key}' is missing", where, f"a value for {key}"))
            else:
                problems.append(Problem(str(detail["msg"]).removeprefix("Value error, "), where))
        return None


def _lines(node: yaml.Node) -> dict[str, int]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {key.value: key.start_mark.line + 1 for key, _ in node.value}


def _repeated(path: Path, items: list[Any], nodes: list[yaml.Node]) -> list[Problem]:
    seen: dict[tuple[str, str], int] = {}
    problems = []
    for item, node in zip(items, nodes, strict=True):
        if not isinstance(item, dict):
            continue
        key = (str(item.get("metric")), str(sorted(_pairs(item.get("segment")))))
        line = node.start_mark.line + 1
        if key in seen:
            problems.append(
                Problem(
                    f"'{key[0]}' has a second target for the same segment", f"{path}:{line}",
                    f"one target (the first is on line {seen[key]})",
                )
            )  # fmt: skip
        seen.setdefault(key, line)
    return problems


def _pairs(segment: Any) -> list[tuple[str, str]]:
    return [(str(k), str(v)) for k, v in segment.items()] if isinstance(segment, dict) else []


def _one_line(error: yaml.YAMLError) -> str:
    return " ".join(str(error).split())
