"""What a new version of a definition does to figures that were published under the old one.

Every publication keeps each definition's version, the digest of its meaning and its monthly
figures. The next one holds its own against them: a version that moved restates history, and which
months moved, from what to what, is told and kept. A definition of the workspace that counts
something else under an unchanged version is refused before anything is built.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from candor.errors import CandorError, Problem
from candor.estimates import Thresholds, make, published
from candor.metrics import query
from candor.metrics.build import Stored
from candor.metrics.definition import Definition
from candor.metrics.engine import Engine
from candor.metrics.meaning import meaning
from candor.metrics.registry import Catalogue
from candor.settings import Settings
from candor.verdicts.wording import figure
from candor.window import period_start, to_date

_NEVER = 2_932_896
"""The last day there is: since then nothing moved."""
Record = Mapping[str, Mapping[str, Any]]
"""Metric to version, meaning, date, unit and monthly figures, as plain JSON."""


@dataclass(frozen=True, slots=True)
class Restated:
    """One definition that moved.

    Attributes:
        metric: name.
        before, after: versions.
        date: of the new version, from its history.
        moved: (month, figure before, figure after, unit) of every month that moved; None is no
            figure.
        with_data: whether the data changed as well, so that not all of it is the definition's.
    """

    metric: str
    before: int
    after: int
    date: str
    moved: tuple[tuple[str, float | None, float | None, str], ...]
    with_data: bool

    @property
    def sentences(self) -> list[str]:
        """For people, one per month that moved."""
        start = f"{self.metric}: version {self.before} → {self.after} on {self.date}"
        note = " (the data changed as well)" if self.with_data else ""
        if not self.moved:
            return [f"{start}: no published figure moved{note}"]
        return [
            f"{start}: published figure for {_month(month)} moved "
            f"{figure(old, unit)} → {figure(new, unit)}{note}"
            for month, old, new, unit in self.moved
        ]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "metric": self.metric, "before": self.before, "after": self.after, "date": self.date,
            "moved": [list(one) for one in self.moved], "with_data": self.with_data,
        }  # fmt: skip

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Restated:
        """From plain data."""
        moved = tuple((month, old, new, unit) for month, old, new, unit in told["moved"])
        return cls(
            told["metric"], told["before"], told["after"], told["date"], moved, told["with_data"]
        )


def refuse_unversioned(catalogue: Catalogue, previous: Record) -> None:
    """Stop where a metric of the workspace counts something else under an unchanged version.

    Raises:
        CandorError: ``metric.version`` with every such metric and what to do.
    """
    problems = [
        Problem(
            f"'{item.name}' counts something else than when it was last published, "
            f"but is still version {item.version}",
            f"the YAML of {item.name}",
            f"version {item.version + 1}",
            f"set `version: {item.version + 1}` and add a line to `history` that says what "
            "changed; the published figures are then restated and every move is told",
        )
        for item in catalogue.every
        if item.name in previous
        and item.name in catalogue.own
        and previous[item.name]["version"] == item.version
        and previous[item.name]["meaning"] != meaning(item)
    ]
    if problems:
        raise CandorError("metric.version", problems)


def record(
    engine: Engine,
    catalogue: Catalogue,
    settings: Settings,
    stored: Stored,
    before: Record,
) -> dict[str, dict[str, Any]]:
    """Version, meaning and monthly figures of every definition.

    Args:
        engine: holds facts and stored measures.
        catalogue: all metrics.
        settings: floors below which there is no figure.
        stored: what of the measures was built again.
        before: record of the publication whose measures were kept; figures of months in which
            nothing moved are taken over. Empty where nothing was kept.
    """
    thresholds = Thresholds(
        min_units=settings.estimates.min_units,
        min_customers=settings.estimates.min_customers,
        mature_share=settings.estimates.mature_share,
    )
    months: dict[str, dict[str, float | None]] = {}
    for since, group in _asked(catalogue, stored, before):
        for item in group:
            months[item.name] = {
                month: point
                for month, point in before.get(item.name, {}).get("months", {}).items()
                if since is not None and month < _named(since)
            }
        cells = query.measures(
            engine, group, grain="month", since=since, missing=stored.lacking
        ) if since != _NEVER else []  # fmt: skip
        for cell in cells:
            if cell.period_start is None:
                continue
            item = catalogue.definitions[cell.metric]
            estimate = make(
                cell, estimator=item.estimator, unit=item.measured_in, evidence=item.evidence,
                snapshot="-", as_of="-", quantile=item.quantiles[0] if item.quantiles else None,
                thresholds=thresholds,
            )  # fmt: skip
            months[cell.metric][_named(cell.period_start)] = published(estimate.point)
    return {
        item.name: {
            "version": item.version, "meaning": meaning(item), "date": item.history[-1].date,
            "unit": item.measured_in,
            "months": months.get(item.name, {}) if isinstance(item, Definition) else {},
        }
        for item in catalogue.every
    }  # fmt: skip


def _asked(
    catalogue: Catalogue, stored: Stored, before: Record
) -> list[tuple[int | None, list[Definition]]]:
    """Metrics by the first day since which their figures may have moved; None is the beginning."""
    groups: dict[int | None, list[Definition]] = {}
    for item in catalogue:
        moved = stored.moved.get(item.fact)
        is_same = (
            moved is not None
            and item.follow is None  # how long units were followed moves without their rows
            and before.get(item.name, {}).get("meaning") == meaning(item)
        )
        since = None
        if is_same and moved is not None:
            since = min((period_start(start, "month") for start in moved), default=_NEVER)
        groups.setdefault(since, []).append(item)
    return list(groups.items())


def restated(previous: Record, current: Record, *, with_data: bool) -> list[Restated]:
    """Definitions whose version moved, with the months whose figure moved.

    Args:
        previous: record of the publication before.
        current: record of this one.
        with_data: whether the data changed between the two.
    """
    found = []
    for name, now in sorted(current.items()):
        before = previous.get(name)
        if before is None or before["version"] == now["version"]:
            continue
        months = sorted({*before["months"], *now["months"]})
        moved = tuple(
            (month, old, new, now["unit"])
            for month in months
            if (old := before["months"].get(month)) != (new := now["months"].get(month))
        )
        found.append(
            Restated(name, before["version"], now["version"], now["date"], moved, with_data)
        )
    return found


def sentences(told: Sequence[Mapping[str, Any]], metric: str | None = None) -> list[str]:
    """Every move ever told, newest version last; of one metric when named."""
    return [
        sentence
        for one in told
        if metric is None or one["metric"] == metric
        for sentence in Restated.of(one).sentences
    ]


def _named(day: int) -> str:
    """The month of a day, as ``2026-05``."""
    return f"{to_date(day):%Y-%m}"


def _month(text: str) -> str:
    return f"{date.fromisoformat(f'{text}-01'):%B %Y}"
