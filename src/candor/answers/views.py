"""Views: the same scorecard arranged for one question, as ``metrics/views/*.yaml`` say.

A view chooses and groups metrics and reckons nothing. A metric stands once in a view: where it is
listed, else where its own definition places it. A metric that may not be read alone brings the one
that must stand beside it. Names of metrics that a catalogue does not hold are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from candor.answers.legacy import Comparison, Pair, compare_pairs
from candor.errors import CandorError, Problem, nearest
from candor.metrics.describing import Described
from candor.metrics.registry import Catalogue
from candor.verdicts.headlines import LOOKED, SILENT, TRUE, headlines
from candor.verdicts.scorecard import Category, MetricRow, Scorecard

DEFAULT = "categories"
BY_STAGE = "maturity"
LEVELS = ("crawl", "walk", "run")
"""How far an organisation's measuring is; the other stages are about the age of the AI agent."""
Weight = Literal["primary", "secondary", "diagnostic"]
WEIGHTS: tuple[Weight, ...] = ("primary", "secondary", "diagnostic")
Names = tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], ...]
_STAGE_WORDS: dict[Weight, tuple[str, str]] = {
    "primary": ("Primary", "Look at these in every review."),
    "secondary": ("Secondary", "They explain the primary ones."),
    "diagnostic": ("Diagnostics", "Open them when something moves."),
}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Lists(_Part):
    """Metrics by their weight on the page."""

    title: str
    question: str
    primary: Names = ()
    secondary: Names = ()
    diagnostic: Names = ()

    def listed(self) -> Iterator[tuple[str, Weight]]:
        """Every name with its weight, in reading order."""
        for weight in WEIGHTS:
            for name in getattr(self, weight):
                yield name, weight


class Section(Lists):
    """One group of a view.

    Attributes:
        name: stable name.
        takes: place in the definitions (``category`` or a key of ``frameworks``) to value; metrics
            placed there and listed nowhere in the view follow the listed ones.
    """

    name: str
    takes: dict[str, str] = {}


class View(_Part):
    """One arrangement of the catalogue.

    Attributes:
        sections: groups in reading order.
        stages: lists by stage, for the view by maturity.
        pairs: old figures beside what replaces them.
    """

    name: str
    title: str
    question: str
    about: str
    sections: tuple[Section, ...] = ()
    stages: dict[str, Lists] = {}
    pairs: tuple[Pair, ...] = ()

    def names(self) -> frozenset[str]:
        """Every metric the view lists by name."""
        lists: list[Lists] = [*self.sections, *self.stages.values()]
        listed = {name for one in lists for name, _ in one.listed()}
        for pair in self.pairs:
            listed |= {*pair.old, *pair.new, *pair.rule.metrics()}
        return frozenset(listed)


@dataclass(frozen=True, slots=True)
class Arranged:
    """A scorecard arranged by a view.

    Attributes:
        view: the view.
        stage: the stage it was narrowed to; "" without one.
        card: the scorecard, its sections those of the view.
        comparisons: of old figures with what replaces them.
        benchmarks: metric to the figures of others, by segment, with source and date.
    """

    view: View
    stage: str
    card: Scorecard
    comparisons: tuple[Comparison, ...]
    benchmarks: Mapping[str, tuple[Mapping[str, str], ...]]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for ``--json``: the scorecard's, and what the view adds."""
        return {
            **self.card.as_dict(),
            "view": self.view.name,
            "stage": self.stage,
            "comparisons": [comparison.as_dict() for comparison in self.comparisons],
            "benchmarks": {
                name: [dict(row) for row in rows] for name, rows in self.benchmarks.items()
            },
        }


@cache
def every() -> Mapping[str, View]:
    """All views by name."""
    folder = files("candor.metrics").joinpath("views")
    texts = sorted((entry.name, entry.read_text(encoding="utf-8")) for entry in folder.iterdir()
                   if entry.name.endswith(".yaml"))  # fmt: skip
    found = [View.model_validate(yaml.safe_load(text)) for _, text in texts]
    return {view.name: view for view in found}


def choose(name: str | None, stage: str | None) -> View:
    """The view that was asked for; a stage alone asks for the view by maturity.

    Raises:
        CandorError: ``usage.view`` or ``usage.stage``.
    """
    views = every()
    wanted = (name or (BY_STAGE if stage else DEFAULT)).replace("-", "_")
    if wanted not in views:
        raise CandorError(
            "usage.view",
            Problem(
                f"unknown view '{name}'", "--view", ", ".join(sorted(views)),
                nearest(wanted, sorted(views)),
            ),
            exit_code=2,
        )  # fmt: skip
    stages = views[BY_STAGE].stages
    if stage is not None and stage not in stages:
        raise CandorError(
            "usage.stage",
            Problem(
                f"unknown stage '{stage}'", "--stage", ", ".join(stages),
                nearest(stage, list(stages)),
            ),
            exit_code=2,
        )  # fmt: skip
    return views[wanted]


def arrange(card: Scorecard, view: View, known: Catalogue, stage: str | None = None) -> Arranged:
    """The scorecard as a view shows it.

    Args:
        card: every metric.
        view: from `choose`.
        known: definitions, for places and benchmarks.
        stage: keeps what that stage looks at.
    """
    rows = {row.info.name: row for row in card.rows}
    categories = _filled(_sections(view, stage), rows, known, _kept(view, known, stage))
    ordered = {row.info.name: row for category in categories for row in category.rows}
    leading = {name: rows[name] for name in (*LOOKED, TRUE, SILENT) if name in rows}
    narrowed = replace(card, categories=categories, headlines=headlines({**leading, **ordered}))
    return Arranged(
        view, stage or "", narrowed, compare_pairs(view.pairs, rows), _benchmarks(ordered, known)
    )


def _sections(view: View, stage: str | None) -> tuple[Section, ...]:
    if view.stages and stage is not None:
        lists = view.stages[stage]
        return tuple(
            Section(
                name=weight, title=_STAGE_WORDS[weight][0], question=_STAGE_WORDS[weight][1],
                **{weight: getattr(lists, weight)},
            )
            for weight in WEIGHTS
        )  # fmt: skip
    if view.stages:
        return tuple(Section(name=level, **view.stages[level].model_dump()) for level in LEVELS)
    if view.pairs:
        return tuple(
            Section(
                name=pair.name, title=f"{pair.title} beside {pair.replaced_by}",
                question=pair.because, primary=(*pair.old, *pair.new),
            )
            for pair in view.pairs
        )  # fmt: skip
    return view.sections


def _kept(view: View, known: Catalogue, stage: str | None) -> frozenset[str] | None:
    """Names a stage keeps; None keeps all."""
    if stage is None or view.stages:
        return None
    if stage in LEVELS:
        reached = LEVELS[: LEVELS.index(stage) + 1]
        return frozenset(item.name for item in known.every if item.stage.level in reached)
    return frozenset(name for name, _ in every()[BY_STAGE].stages[stage].listed())


def _filled(
    sections: tuple[Section, ...],
    rows: Mapping[str, MetricRow],
    known: Catalogue,
    kept: frozenset[str] | None,
) -> tuple[Category, ...]:
    listed = {name for section in sections for name, _ in section.listed()}
    described = {item.name: item for item in known.every}
    placed: set[str] = set()
    categories = []
    for section in sections:
        wanted = list(section.listed())
        if section.takes:
            wanted += [
                (name, _lesser(row.info.tier)) for name, row in rows.items()
                if name not in listed and _placed_here(described.get(name), section.takes)
            ]  # fmt: skip
        chosen: list[tuple[str, Weight]] = []
        for name, weight in wanted:
            if name not in rows or name in placed or (kept is not None and name not in kept):
                continue
            chosen.append((name, weight))
            placed.add(name)
            for partner in rows[name].info.shown_with:
                if partner in rows and partner not in placed and partner not in listed:
                    chosen.append((partner, _lesser(weight)))
                    placed.add(partner)
        chosen.sort(key=lambda item: WEIGHTS.index(item[1]))
        if chosen:
            own = tuple(
                replace(rows[name], info=replace(rows[name].info, tier=weight))
                for name, weight in chosen
            )
            categories.append(Category(section.name, section.title, section.question, own))
    return tuple(categories)


def _placed_here(definition: Described | None, takes: Mapping[str, str]) -> bool:
    if definition is None:
        return False
    return all(
        getattr(definition if key == "category" else definition.frameworks, key) == value
        for key, value in takes.items()
    )


def _lesser(tier: str) -> Weight:
    """The weight of a metric that is not listed: never among the first."""
    return "diagnostic" if tier == "diagnostic" else "secondary"


def _benchmarks(
    rows: Mapping[str, MetricRow], known: Catalogue
) -> Mapping[str, tuple[Mapping[str, str], ...]]:
    return {
        item.name: tuple(one.model_dump() for one in item.benchmarks)
        for item in known.every
        if item.name in rows and item.benchmarks
    }
