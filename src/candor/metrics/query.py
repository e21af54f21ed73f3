"""Measures of any metrics in any cells: from stored sums where they are kept, else from the facts.

Answers are lists of :class:`candor.measure.MeasureCell`; nothing is divided here. Both ways give
the same integers. Distinct customers are not additive and always come from the facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from candor.errors import CandorError, Problem, nearest
from candor.measure import MeasureCell
from candor.metrics import compile as sql
from candor.metrics import direct, store
from candor.metrics.cells import Sums, cells_of
from candor.metrics.compile import Scope
from candor.metrics.definition import Definition
from candor.metrics.engine import Engine
from candor.metrics.plan import by_fact
from candor.metrics.reading import column_types

GRAINS = ("all", "day", "week", "month", "quarter")


def measures(
    engine: Engine,
    metrics: Sequence[Definition],
    *,
    by: Iterable[str] = (),
    grain: str = "all",
    since: int | None = None,
    until: int | None = None,
    where: Mapping[str, str | None] | None = None,
    missing: Mapping[str, str] | None = None,
    layouts: store.Layouts | None = None,
) -> list[MeasureCell]:
    """Measures of metrics, one per cell that holds a unit; the total always has a cell.

    Args:
        engine: holds the facts (and stored measures, if any).
        metrics: definitions.
        by: dimensions; their unknown value is a member of its own, so that members add up.
        grain: all, day, week, month or quarter.
        since: first reporting day (days since 1970-01-01).
        until: day after the last.
        where: dimension to value; None asks for the unknown ones.
        missing: what :func:`availability` says of these metrics, where it was asked before.
        layouts: of the stored measures, where more will be asked.

    Raises:
        CandorError: ``measure.grain`` or ``measure.dimension`` with every problem.
    """
    scope = Scope(grain, tuple(by), since, until, tuple(sorted((where or {}).items())))
    _check(metrics, scope)
    found: list[MeasureCell] = []
    for fact, group in by_fact(metrics).items():
        lacks = availability(engine, group) if missing is None else missing
        ready = [definition for definition in group if not lacks[definition.name]]
        sums = _sums(engine, fact, ready, scope, layouts) if ready else None
        for definition in group:
            if lacks[definition.name] or sums is None:
                found.append(_unavailable(definition, scope, lacks[definition.name]))
            else:
                found.extend(cells_of(sums, definition, scope))
    order = {definition.name: at for at, definition in enumerate(metrics)}
    return sorted(found, key=lambda cell: order[cell.metric])


def availability(engine: Engine, metrics: Sequence[Definition]) -> dict[str, str]:
    """Metric to what the data lack for it, in words; empty when it can be measured."""
    return {name: ", ".join(absent) for name, absent in lacking(engine, metrics).items()}


def lacking(engine: Engine, metrics: Sequence[Definition]) -> dict[str, tuple[str, ...]]:
    """Metric to those of its requirements that no row of the data meets."""
    found: dict[str, tuple[str, ...]] = {definition.name: () for definition in metrics}
    for fact, group in by_fact(metrics).items():
        asking = [definition for definition in group if definition.requires]
        if not asking:
            continue
        items = ", ".join(sql.requirement(definition) for definition in asking)
        answers = iter(engine.rows(f"select {items} from {fact}")[0])
        for definition in asking:
            found[definition.name] = tuple(
                event for event in definition.requires if not next(answers)
            )
    return found


def dimensions(definition: Definition) -> tuple[str, ...]:
    """Columns by which a metric may be broken down."""
    return tuple(
        name
        for name, kind in column_types(definition.fact).items()
        if kind == "VARCHAR" and not name.endswith(f"{definition.fact}_id") and name != "thread_id"
    )


def _sums(
    engine: Engine,
    fact: str,
    metrics: Sequence[Definition],
    scope: Scope,
    layouts: store.Layouts | None,
) -> Sums:
    stored = store.sums(engine, fact, metrics, scope, layouts)
    return stored if stored is not None else direct.sums(engine, fact, metrics, scope)


def _check(metrics: Sequence[Definition], scope: Scope) -> None:
    if scope.grain not in GRAINS:
        raise CandorError(
            "measure.grain",
            Problem(f"unknown grain '{scope.grain}'", "grain", "", nearest(scope.grain, GRAINS)),
            exit_code=2,
        )
    problems = []
    for fact, group in by_fact(metrics).items():
        known = dimensions(group[0])
        names = ", ".join(definition.name for definition in group[:3])
        problems += [
            Problem(
                f"'{name}' is no dimension of the {fact} fact ({names}{', …' * (len(group) > 3)})",
                "by" if name in scope.by else "where",
                "",
                nearest(name, known),
            )
            for name in dict.fromkeys([*scope.by, *(name for name, _ in scope.where)])
            if name not in known
        ]
    if problems:
        raise CandorError("measure.dimension", problems, exit_code=2)


def _unavailable(definition: Definition, scope: Scope, missing: str) -> MeasureCell:
    return MeasureCell(
        definition.name, definition.id, scope.grain, None, None, {}, 0, {}, {}, {}, 0,
        available=False, missing=missing,
    )  # fmt: skip
