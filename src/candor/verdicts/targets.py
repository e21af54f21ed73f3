"""The workspace's targets, ``targets.yaml``: what is aimed at, by whom, and for which segment.

Ours only; other companies' figures are benchmarks and stand with the definitions. Shares are
written 0–1, times in seconds, money in the workspace currency. All mistakes are reported at once
with their lines.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from candor.errors import CandorError, Problem, nearest

_FIELDS = ("metric", "target", "amber", "weight", "owner", "segment", "better", "note")


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


class Targets:
    """All targets of a workspace."""

    def __init__(self, targets: tuple[Target, ...] = ()) -> None:
        self.all = targets

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
    found: list[Target] = []
    for item, node in zip(raw, nodes, strict=True):
        target = _one(path, item, node, metrics, problems)
        if target is not None:
            found.append(target)
    problems += _repeated(path, raw, nodes)
    if problems:
        raise CandorError("targets.invalid", problems)
    return Targets(tuple(found))


def _one(
    path: Path, item: Any, node: yaml.Node, metrics: Collection[str], problems: list[Problem]
) -> Target | None:
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
    try:
        return Target.model_validate(item)
    except ValidationError as error:
        for detail in error.errors():
            key = str(detail["loc"][0])
            where = f"{path}:{lines.get(key, first)}: {key}"
            if detail["type"] == "extra_forbidden":
                problems.append(Problem(f"unknown key '{key}'", where, "", nearest(key, _FIELDS)))
            elif detail["type"] == "missing":
                problems.append(Problem(f"'{key}' is missing", where, f"a value for {key}"))
            else:
                problems.append(Problem(str(detail["msg"]), where))
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
