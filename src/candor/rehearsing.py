"""What the figures would be under other overrides than those that stand, published nowhere.

Builds the facts once more in a file that is thrown away, and counts every metric over all data; who
tries an override may have derived figures taken from them too (``answers.rehearsed``).
Called when overrides stand or are tried, so that what they move is always told in figures.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from candor.engines.duck import DuckEngine
from candor.estimates import Thresholds, make, published
from candor.facts.build import build_facts
from candor.lake import Lake
from candor.lake.records import Snapshot
from candor.metrics import query
from candor.metrics.engine import Engine
from candor.metrics.registry import Catalogue
from candor.settings import Settings
from candor.workspace import HumanAgent, Intent


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric over all data.

    Attributes:
        observed: units whose outcome is known.
        total: sum of their values; the true ones of a share.
        point: the figure as it is published; None where it is refused.
    """

    observed: int
    total: float | None
    point: float | None


Look = Callable[[DuckEngine], dict[str, Figure]]
"""Takes figures from a file of facts."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A figure that overrides move; ``before`` is without, ``after`` with them."""

    metric: str
    unit: str
    before: Figure
    after: Figure

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def figures(engine: Engine, catalogue: Catalogue, settings: Settings) -> dict[str, Figure]:
    """Every counted metric over all data.

    Args:
        engine: holds facts.
        catalogue: the metrics.
        settings: floors below which there is no figure.
    """
    found = {}
    for cell in query.measures(engine, list(catalogue)):
        item = catalogue.definitions[cell.metric]
        estimate = make(
            cell, estimator=item.estimator, unit=item.measured_in, evidence=item.evidence,
            snapshot="-", as_of="-", quantile=item.quantiles[0] if item.quantiles else None,
            thresholds=Thresholds(
                min_units=settings.estimates.min_units,
                min_customers=settings.estimates.min_customers,
                mature_share=settings.estimates.mature_share,
            ),
        )  # fmt: skip
        total = None if estimate.total is None else published(float(estimate.total))
        found[cell.metric] = Figure(estimate.observed, total, published(estimate.point))
    return found


def rehearse(
    lake: Lake,
    shown: Snapshot,
    catalogue: Catalogue,
    settings: Settings,
    *,
    as_of_us: int,
    intents: Sequence[Intent],
    human_agents: Sequence[HumanAgent],
    folder: Path,
    added: Sequence[Mapping[str, Any]] | None,
    look: Look | None = None,
) -> dict[str, Figure]:
    """The figures with ``added`` beside the overrides that stand; with none at all when it is None.

    Args:
        lake: the events.
        shown: which of them.
        catalogue: the metrics.
        settings: of the workspace.
        as_of_us: nothing later is known.
        intents: rows of ``intents.yaml``.
        human_agents: rows of ``agents.csv``, pseudonymous.
        folder: for the file that is thrown away.
        added: rows of ``ev_override``; columns left out are null.
        look: takes the figures from the facts; every counted metric when left out.
    """
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix="rehearsal_") as place,
        DuckEngine(Path(place) / "facts.duckdb", temp_dir=Path(place) / "spilled") as engine,
    ):
        lake.create_views(engine.connection, shown)
        stored = engine.arrow("select * from ev_override")
        rows = stored.slice(0, 0)
        if added is not None:
            new = pa.Table.from_pylist([dict(row) for row in added], schema=stored.schema)
            rows = pa.concat_tables([stored, new])
        engine.run("drop view ev_override")
        engine.load("ev_override", rows, temporary=True)
        build_facts(engine, settings, as_of_us=as_of_us, intents=intents, human_agents=human_agents)
        return figures(engine, catalogue, settings) if look is None else look(engine)


def moved(
    before: Mapping[str, Figure], after: Mapping[str, Figure], catalogue: Catalogue
) -> list[Moved]:
    """The figures that differ, in the order of the catalogue."""
    return [
        Moved(name, item.measured_in, before[name], after[name])
        for name, item in {**catalogue.definitions, **catalogue.derived}.items()
        if name in before and name in after and before[name] != after[name]
    ]


def sentences(told: Sequence[Mapping[str, Any]]) -> list[str]:
    """For people, one per figure."""
    return [
        f"{one['metric']}: {_words(one['before'])} → {_words(one['after'])}" for one in told
    ]  # fmt: skip


def _words(figure: Mapping[str, Any]) -> str:
    point = figure["point"]
    shown = "no figure" if point is None else f"{point:.6g}"
    total = figure["total"]
    return f"{shown} ({'-' if total is None else f'{total:g}'} of {figure['observed']:,})"
