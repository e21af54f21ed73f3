"""The catalogue as a book: every definition in words, for whom, how it misleads, SQL and lineage.

Puts plain data together from definitions and from what a workspace can support; renders nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import candor
from candor import answers
from candor.metrics.definition import Definition
from candor.metrics.describing import CATEGORIES
from candor.metrics.lineage import derived_lineage, lineage
from candor.metrics.registry import Catalogue, Metric, load
from candor.reports.assemble import how_counted
from candor.reports.report import HowCounted
from candor.verdicts.scorecard import CATEGORIES as CATEGORY_WORDS
from candor.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Entry:
    """One definition.

    Attributes:
        item: the definition.
        how: how it is counted.
        columns, fields: columns of facts it reads, and event fields behind them.
        state: yes, no or unknown: whether the workspace's data support it.
        needs: what to instrument where they do not; what it needs where nothing was measured.
        related: name and title of related metrics that exist.
        haystack: lower-case words that a search looks through.
    """

    item: Metric
    how: HowCounted
    columns: tuple[str, ...]
    fields: tuple[str, ...]
    state: str
    needs: str
    related: tuple[tuple[str, str], ...]
    haystack: str

    @property
    def better(self) -> str:
        """Which direction is good, in words."""
        return {"higher": "higher is better", "lower": "lower is better"}.get(
            self.item.better, "neither direction is good by itself"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            **self.item.model_dump(mode="json", exclude={"examples"}),
            "sql": self.how.sql,
            "columns": list(self.columns),
            "event_fields": list(self.fields),
            "on_this_data": self.state,
            "needs": self.needs,
        }


@dataclass(frozen=True, slots=True)
class Shelf:
    """Entries of one category."""

    name: str
    title: str
    question: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class CatalogueBook:
    """Every definition.

    Attributes:
        title: name of the workspace; "" without one.
        shelves: by category.
        digest: of all definitions.
        version: of candor.
    """

    title: str
    shelves: tuple[Shelf, ...]
    digest: str
    version: str

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every entry, in reading order."""
        return tuple(entry for shelf in self.shelves for entry in shelf.entries)

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "metrics": [entry.as_dict() for entry in self.entries],
            "definitions": self.digest,
            "version": self.version,
        }


def book(workspace: Workspace | None, search: str = "") -> CatalogueBook:
    """The book of the shipped definitions and the workspace's own.

    Args:
        workspace: whose data say what can be measured; None leaves that open.
        search: words that every entry must hold.
    """
    known = load(workspace.metrics_dir if workspace else None)
    rows = {row.metric: row for row in answers.catalogue(workspace, search)}
    titles = {item.name: item.title for item in known.every}
    entries = [
        _entry(known, known.find(name), titles, row.available, row.instrument or row.missing)
        for name, row in rows.items()
    ]
    order = {"primary": 0, "secondary": 1, "diagnostic": 2}
    entries.sort(key=lambda entry: (order[entry.item.tier], entry.item.title))
    return CatalogueBook(
        workspace.settings.workspace.name if workspace else "",
        tuple(
            Shelf(name, *CATEGORY_WORDS[name], _of(entries, name))
            for name in CATEGORIES
            if _of(entries, name)
        ),
        known.digest,
        candor.__version__,
    )


def _of(entries: Sequence[Entry], category: str) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry.item.category == category)


def _entry(
    known: Catalogue, item: Metric, titles: Mapping[str, str], available: bool | None, needs: str
) -> Entry:
    columns, fields = _lineage(known, item)
    words = (
        item.name, item.title, item.question, item.family, item.category, item.owner,
        item.stage.level, *item.audience, *item.also_known_as,
    )  # fmt: skip
    return Entry(
        item=item,
        how=how_counted(item, titles),
        columns=columns,
        fields=fields,
        state={True: "yes", False: "no", None: "unknown"}[available],
        needs=needs,
        related=tuple((name, titles[name]) for name in item.related if name in titles),
        haystack=" ".join(words).replace("_", " ").lower(),
    )


def _lineage(known: Catalogue, item: Metric) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if isinstance(item, Definition):
        found = lineage(item)
        return tuple(f"{item.fact}.{name}" for name in found.columns), found.fields
    return derived_lineage(item, known.grounds(item.name))


def write(out: Path, made: CatalogueBook) -> None:
    """The book into a file, as the ending of its name says."""
    from candor.reports import export, html, workbook

    export.write(
        out,
        page=lambda: html.render_catalogue(made),
        book=lambda: workbook.of_catalogue(made),
        data=made.as_dict,
    )
