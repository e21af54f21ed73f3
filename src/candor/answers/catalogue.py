"""The catalogue of metrics and the page of one definition, with what this workspace can support.

With a published snapshot the data themselves say what can be measured. Without one the list of
stored events says what is certainly missing, and the rest is not known yet.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from candor import restating
from candor.answers import instrumentation
from candor.answers.derived import find
from candor.answers.instrumentation import Wanted, wanted
from candor.answers.snapshot import Answers
from candor.errors import CandorError
from candor.lake.serving import Serving
from candor.metrics import printing
from candor.metrics.definition import Definition
from candor.metrics.derived import Derived
from candor.metrics.lineage import derived_lineage, lineage
from candor.metrics.registry import Catalogue, Metric, load
from candor.workspace import Workspace


@dataclass(frozen=True)
class CatalogueRow:
    """One line of the catalogue.

    Attributes:
        metric, title, category, tier, question: from the definition.
        available: whether this workspace's data support it; None when that is not known: no
            workspace, or nothing measured and no event that is certainly missing.
        missing: what is missing, in the words of the definition.
        instrument: event to send next, with its fields; without data what the metric needs.
        derived: whether it is reckoned from other metrics.
    """

    metric: str
    title: str
    category: str
    tier: str
    question: str
    available: bool | None
    missing: str
    instrument: str = ""
    derived: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True)
class DefinitionPage:
    """One definition in words, as SQL, and down to the fields of events.

    Attributes:
        definition: the definition, counted or derived.
        sql: the query that gives its measure over all data; "" of a derived metric.
        columns: columns of the facts it reads, filters included; ``fact.column`` where derived.
        fields: event fields behind them.
        available: as in the catalogue.
        missing: as in the catalogue.
        instrument: as in the catalogue.
        method: what the method of a derived metric does, in words; "" of a counted one.
        restated: every published figure that a new version moved, in words.
    """

    definition: Metric
    sql: str
    columns: tuple[str, ...]
    fields: tuple[str, ...]
    available: bool | None
    missing: str
    instrument: str = ""
    method: str = ""
    restated: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            **self.definition.model_dump(mode="json", exclude={"examples"}),
            "sql": self.sql,
            "columns": list(self.columns),
            "event_fields": list(self.fields),
            "available": self.available,
            "missing": self.missing,
            "instrument": self.instrument,
            "method_words": self.method,
            "restated": list(self.restated),
        }


@dataclass(frozen=True, slots=True)
class _State:
    available: bool | None
    missing: tuple[str, ...]
    needed: tuple[Wanted, ...]

    @property
    def instrument(self) -> str:
        return "; ".join(dict.fromkeys(one.sentence for one in self.needed))


def catalogue(workspace: Workspace | None, search: str = "") -> list[CatalogueRow]:
    """Metrics whose name, title, question or family hold every word of ``search``.

    Args:
        workspace: judged for availability.
        search: words; empty lists all.
    """
    known = load(workspace.metrics_dir if workspace else None)
    states = _states(workspace, known)
    return [
        CatalogueRow(
            item.name, item.title, item.category, item.tier, item.question,
            state.available, ", ".join(state.missing), state.instrument, isinstance(item, Derived),
        )
        for item in known.search(search)
        for state in (states[item.name],)
    ]  # fmt: skip


def explain(workspace: Workspace | None, metric: str) -> DefinitionPage:
    """The page of one metric.

    Raises:
        CandorError: ``metric.unknown`` with the nearest name.
    """
    known = load(workspace.metrics_dir if workspace else None)
    definition = known.find(metric)
    state = _states(workspace, known)[definition.name]
    shared: dict[str, Any] = {
        "available": state.available,
        "missing": ", ".join(state.missing),
        "instrument": state.instrument,
        "restated": _restated(workspace, definition.name),
    }
    if isinstance(definition, Derived):
        columns, fields = derived_lineage(definition, known.grounds(definition.name))
        words = " ".join((find(definition.method).run.__doc__ or "").split())
        return DefinitionPage(definition, "", columns, fields, **shared, method=words)
    return _counted(definition, shared)


def _restated(workspace: Workspace | None, metric: str) -> tuple[str, ...]:
    """What new versions of a metric did to published figures."""
    about = Serving(workspace.serving).about() if workspace else None
    return tuple(restating.sentences((about or {}).get("restated", []), metric))


def _counted(definition: Definition, shared: dict[str, Any]) -> DefinitionPage:
    traced = lineage(definition)
    return DefinitionPage(
        definition, printing.statement(definition), tuple(traced.columns), traced.fields, **shared
    )


def _states(workspace: Workspace | None, known: Catalogue) -> dict[str, _State]:
    """What is known of every metric's availability."""
    lacking = _lacking(workspace)
    states = {}
    if lacking is not None:
        for name, words in lacking.items():
            states[name] = _State(not words, words, tuple(map(wanted, words)))
        return states
    events = _events(workspace)
    for item in known.every:
        words = instrumentation.requirements(known, item)
        absent = instrumentation.unheard(words, events) if events else ()
        shown = absent if events else words
        states[item.name] = _State(False if absent else None, absent, tuple(map(wanted, shown)))
    return states


def _lacking(workspace: Workspace | None) -> dict[str, tuple[str, ...]] | None:
    """Requirements the published data do not meet, by metric; None when nothing was measured yet."""
    if workspace is None:
        return None
    try:
        answers = Answers(workspace)
    except CandorError as error:
        if error.code in ("serving.none", "serving.outdated"):
            return None
        raise
    with answers:
        return dict(answers.reckoner.lacking)


def _events(workspace: Workspace | None) -> dict[str, int]:
    """Stored events by type; empty when there are none."""
    from candor.lake import Lake

    if workspace is None or not (workspace.root / "state.db").exists():
        return {}
    with Lake.open(workspace.root) as lake:
        snapshot = lake.snapshot()
        return {name: rows for name in snapshot.files if (rows := snapshot.rows(name))}
