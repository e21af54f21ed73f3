"""What happened outside the figures: releases, and what the user wrote into ``annotations.yaml``.

Annotations stand beside a series and name a coincidence; they never explain a change by themselves.
A user's annotation may end a baseline (``rebase: true``): limits and changes before and after it are
then not held against each other. All mistakes are reported at once with their lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from candor.errors import CandorError, Problem, nearest
from candor.verdicts.compare import Change
from candor.window import to_date, to_day

Kind = Literal["release", "policy", "campaign", "outage", "season", "instrumentation", "other"]


@dataclass(frozen=True, slots=True)
class Annotation:
    """Something that happened on a day.

    Attributes:
        day: first day (days since 1970-01-01).
        text: what, in a few words.
        kind: release, policy, campaign, outage, season, instrumentation or other.
        rebase: what came before is no baseline for what comes after.
    """

    day: int
    text: str
    kind: str
    rebase: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "day": to_date(self.day).isoformat(),
            "text": self.text,
            "kind": self.kind,
            "rebase": self.rebase,
        }


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    day: date
    text: str = Field(min_length=3)
    kind: Kind = "other"
    rebase: bool = False


def load_annotations(path: Path) -> tuple[Annotation, ...]:
    """Read and check ``annotations.yaml``; a missing file holds none.

    Raises:
        CandorError: ``annotations.syntax`` or ``annotations.invalid`` with every problem.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except UnicodeDecodeError as error:
        raise CandorError(
            "annotations.syntax",
            Problem(f"byte {error.start} is not UTF-8", str(path), "UTF-8 text"),
        ) from None
    try:
        root, raw = yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise CandorError("annotations.syntax", Problem(said, str(path), "YAML")) from None
    if raw is None:
        return ()
    if not isinstance(raw, list) or not isinstance(root, yaml.SequenceNode):
        raise CandorError(
            "annotations.invalid",
            Problem("the file is not a list", f"{path}:1", "one `- {day: …, text: …}` for each"),
        )
    problems: list[Problem] = []
    found = []
    for item, node in zip(raw, root.value, strict=True):
        line = node.start_mark.line + 1
        try:
            entry = _Entry.model_validate(item)
        except ValidationError as error:
            problems += [_problem(path, line, dict(detail)) for detail in error.errors()]
        else:
            found.append(Annotation(to_day(entry.day), entry.text, entry.kind, entry.rebase))
    if problems:
        raise CandorError("annotations.invalid", problems)
    return in_order(found)


def _problem(path: Path, line: int, detail: dict[str, Any]) -> Problem:
    key = ".".join(str(part) for part in detail["loc"])
    where = f"{path}:{line}: {key}" if key else f"{path}:{line}"
    if detail["type"] == "extra_forbidden":
        return Problem(f"unknown key '{key}'", where, "", nearest(key, tuple(_Entry.model_fields)))
    return Problem(str(detail["msg"]), where, "`day`, `text`, and optionally `kind`, `rebase`")


def in_order(annotations: Iterable[Annotation]) -> tuple[Annotation, ...]:
    """By day, then text."""
    return tuple(sorted(annotations, key=lambda one: (one.day, one.kind, one.text)))


def within(
    annotations: Sequence[Annotation], since: int | None, until: int | None
) -> tuple[Annotation, ...]:
    """Those of the days from ``since`` to before ``until``; None leaves a side open."""
    return tuple(
        one for one in annotations
        if (since is None or one.day >= since) and (until is None or one.day < until)
    )  # fmt: skip


def coincides(
    change: Change, annotations: Sequence[Annotation], previous_since: int | None, until: int | None
) -> tuple[Annotation, ...]:
    """Releases that went live between the start of the earlier and the end of the later period.

    Empty unless the change is supported by its interval: nothing coincides with no change.

    Args:
        change: of a metric.
        annotations: all.
        previous_since: first day of the earlier period.
        until: day after the last of the later period.
    """
    if previous_since is None or change.low is None or change.high is None:
        return ()
    if change.low <= 0 <= change.high:
        return ()
    # On the very first day the earlier period was already wholly under that release.
    return tuple(
        one for one in within(annotations, previous_since + 1, until) if one.kind == "release"
    )
