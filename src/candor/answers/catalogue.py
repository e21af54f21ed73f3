"""The catalogue of metrics and the page of one definition, with what this workspace can support."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from candor.answers.snapshot import Answers
from candor.errors import CandorError
from candor.metrics import printing, query
from candor.metrics.definition import Definition
from candor.metrics.lineage import lineage
from candor.metrics.registry import Catalogue, load
from candor.workspace import Workspace


@dataclass(frozen=True)
class CatalogueRow:
    """One line of the catalogue.

    Attributes:
        metric, title, category, tier, question: from the definition.
        available: whether this workspace's data support it; None without a workspace.
        missing: the event or field that is missing, in words.
    """

    metric: str
    title: str
    category: str
    tier: str
    question: str
    available: bool | None
    missing: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True)
class DefinitionPage:
    """One definition in words, as SQL, and down to the fields of events.

    Attributes:
        definition: the definition.
        sql: the query that gives its measure over all data.
        columns: columns of the fact it reads, filters included.
        fields: event fields behind them.
        available: as in the catalogue.
        missing: as in the catalogue.
    """

    definition: Definition
    sql: str
    columns: tuple[str, ...]
    fields: tuple[str, ...]
    available: bool | None
    missing: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            **self.definition.model_dump(mode="json", exclude={"examples"}),
            "sql": self.sql,
            "columns": list(self.columns),
            "event_fields": list(self.fields),
            "available": self.available,
            "missing": self.missing,
        }


def catalogue(workspace: Workspace | None, search: str = "") -> list[CatalogueRow]:
    """Metrics whose name, title, question or family hold every word of ``search``.

    Args:
        workspace: judged for availability when it has a publication.
        search: words; empty lists all.
    """
    known = load(workspace.metrics_dir if workspace else None)
    missing = _missing(workspace, known)
    return [
        CatalogueRow(
            item.name, item.title, item.category, item.tier, item.question,
            None if missing is None else not missing[item.name],
            "" if missing is None else missing[item.name],
        )
        for item in known.search(search)
    ]  # fmt: skip


def explain(workspace: Workspace | None, metric: str) -> DefinitionPage:
    """The page of one metric.

    Raises:
        CandorError: ``metric.unknown`` with the nearest name.
    """
    known = load(workspace.metrics_dir if workspace else None)
    definition = known.get(metric)
    missing = _missing(workspace, known)
    traced = lineage(definition)
    return DefinitionPage(
        definition,
        sql=printing.statement(definition),
        columns=tuple(traced.columns),
        fields=traced.fields,
        available=None if missing is None else not missing[definition.name],
        missing="" if missing is None else missing[definition.name],
    )


def _missing(workspace: Workspace | None, known: Catalogue) -> dict[str, str] | None:
    """What the data lack for each metric; None when nothing was measured yet."""
    if workspace is None:
        return None
    try:
        answers = Answers(workspace)
    except CandorError as error:
        if error.code in ("serving.none", "serving.outdated"):
            return None
        raise
    with answers:
        return query.availability(answers.engine, list(known))
