"""Reckons derived metrics on one publication: which cells, by which method, as which estimates.

The only place where a :class:`candor.answers.derived.Figure` becomes an estimate. Inputs are asked
for once per cell, however many derived metrics share them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from candor import window
from candor.answers import availability
from candor.answers.derived import Ask, Figure, Method, find
from candor.answers.judged import MARKS
from candor.answers.period import Period
from candor.errors import CandorError, Problem, nearest
from candor.estimates import Caveat, Estimate, Evidence, Refusal
from candor.estimates.estimate import weakest
from candor.measure import MeasureCell
from candor.metrics import compile as sql
from candor.metrics.definition import Definition
from candor.metrics.derived import Derived
from candor.metrics.plan import codes_of, plan
from candor.metrics.reading import column_types
from candor.verdicts.scorecard import MetricEntry
from candor.verdicts.targets import Targets, load_targets

if TYPE_CHECKING:
    from candor.answers.snapshot import Answers

Filters = Mapping[str, str | None]
_Key = tuple[str, tuple[str, ...], str, int | None, int | None, tuple[tuple[str, str | None], ...]]


class Reckoner:
    """Derived figures of one opened publication.

    Args:
        answers: the publication.
    """

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self._estimates: dict[_Key, list[Estimate]] = {}

    def estimates(
        self,
        definition: Derived,
        *,
        by: tuple[str, ...] = (),
        grain: str = "all",
        since: int | None = None,
        until: int | None = None,
        where: Filters | None = None,
    ) -> list[Estimate]:
        """Estimates of a derived metric, one per cell; refused ones say why.

        Args:
            definition: the metric.
            by: at most one dimension.
            grain: all, day, week, month or quarter.
            since: first reporting day.
            until: day after the last.
            where: dimension to value.

        Raises:
            CandorError: ``measure.dimension`` for a dimension that an input does not have.
        """
        method = find(definition.method)
        whole = Period("all", since, until)
        if lacking := self._unanswerable(definition, method, by, grain) or self.missing(definition):
            refused = Figure.refused(Refusal.UNAVAILABLE, missing=lacking)
            return [self._estimate(definition, refused, whole, ())]
        periods = [whole] if grain == "all" else self._periods(grain, since, until)
        return [
            estimate
            for period in periods
            for estimate in self.of_period(definition, period, by=by, where=where)
        ]

    def of_period(
        self,
        definition: Derived,
        period: Period,
        *,
        by: tuple[str, ...] = (),
        where: Filters | None = None,
    ) -> list[Estimate]:
        """Estimates of a derived metric for one period."""
        method = find(definition.method)
        filters = dict(where or {})
        if lacking := self.missing(definition):
            refused = Figure.refused(Refusal.UNAVAILABLE, missing=lacking)
            return [self._estimate(definition, refused, period, ())]
        if by and method.breakdown == "each":
            return [
                estimate
                for member in self._members(definition, by[0], period, filters)
                for estimate in self._asked(
                    definition, method, period, {**filters, by[0]: member}, None, {by[0]: member}
                )
            ]
        return self._asked(definition, method, period, filters, by[0] if by else None, {})

    def entries(self, period: Period) -> list[MetricEntry]:
        """Every derived metric for the management page of one period."""
        from candor.answers.snapshot import info

        earlier = self.before(period)
        found = []
        for definition in self.answers.catalogue.derived.values():
            comparable = earlier is not None and find(definition.method).compares
            found.append(
                MetricEntry(
                    info(definition),
                    self.of_period(definition, period)[0],
                    previous=self.of_period(definition, earlier)[0]
                    if comparable and earlier is not None else None,
                )
            )  # fmt: skip
        return found

    def missing(self, definition: Derived) -> str:
        """What the data lack for a derived metric, in words; empty when it can be reckoned."""
        return ", ".join(self.lacking[definition.name])

    def role(
        self, name: str, *, by: tuple[str, ...], grain: str, period: Period, where: Filters
    ) -> list[Estimate]:
        """Estimates of any metric; asked once per cell."""
        key = _key(name, by, grain, period, where)
        if key not in self._estimates:
            derived = self.answers.catalogue.derived.get(name)
            self._estimates[key] = (
                [
                    estimate
                    for cell in self.cells(name, by=by, grain=grain, period=period, where=where)
                    for estimate in self.answers.made(cell)
                ]
                if derived is None
                else self.estimates(
                    derived, by=by, grain=grain, since=period.since, until=period.until, where=where
                )
            )
        return list(self._estimates[key])

    def cells(
        self, name: str, *, by: tuple[str, ...], grain: str, period: Period, where: Filters
    ) -> list[MeasureCell]:
        """Exact sums of a counted metric."""
        return self.answers.asked.cells(
            [self.answers.catalogue.get(name)], by=by, grain=grain,
            since=period.since, until=period.until, where=where,
        )  # fmt: skip

    def rows(self, statement: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of the published facts, which are open for reading only."""
        found: list[tuple[Any, ...]] = self.answers.engine.connection.execute(
            statement, list(params)
        ).fetchall()
        return found

    def known(
        self,
        definition: Definition,
        items: tuple[str, ...],
        reads: tuple[str, ...],
        period: Period,
        where: Filters,
    ) -> list[tuple[Any, ...]]:
        """Sums of the known units of a counted metric, by columns of its fact."""
        codes = codes_of(definition)
        plain = [item for item in items if " " not in item]
        scope = sql.Scope(
            since=period.since, until=period.until, where=tuple(sorted(where.items()))
        )
        coded = sql.coded(
            plan(definition.fact, [definition], anonymous=False), scope,
            extra=sorted({*plain, *reads}),
        )  # fmt: skip
        if definition.outcome is not None:
            sums = f"sum(case when c0 >= {codes.true} then 1 else 0 end), count(*)"
        else:
            sums = "sum(v0), " + ("count(*)" if definition.denominator is None else "sum(w0)")
        names = [*(item.rsplit(" ", 1)[-1] for item in items), "bucket"]
        listed = ", ".join([*items, "bucket"])
        return self.rows(
            f"select {listed}, {sums} from ({coded}) as unit where c0 >= {codes.known} "
            f"group by {', '.join(names)} order by {', '.join(names)}"
        )

    def change(
        self, definition: Definition, current: MeasureCell, previous: MeasureCell
    ) -> Estimate:
        """One cell of a counted metric minus another."""
        return self.answers.change_of(definition, current, previous)

    def scope(self, fact: str, period: Period, where: Filters, prefix: str = "") -> str:
        """Period and filters as a condition on a fact."""
        known = column_types(fact)
        problems = [
            Problem(f"'{name}' is no dimension of the {fact} fact", "where", "",
                    nearest(name, list(known)))
            for name in where
            if name not in known
        ]  # fmt: skip
        if problems:
            raise CandorError("measure.dimension", problems, exit_code=2)
        parts = ["true"]
        if period.since is not None:
            parts.append(f"{prefix}day >= {int(period.since)}")
        if period.until is not None:
            parts.append(f"{prefix}day < {int(period.until)}")
        parts += [
            f"{prefix}{name} is null" if value is None
            else f"{prefix}{name} = {sql.text_literal(value)}"
            for name, value in sorted(where.items())
        ]  # fmt: skip
        return " and ".join(parts)

    def before(self, period: Period) -> Period | None:
        """The stretch of the same length before; None when there is no beginning."""
        if period.grain != "all":
            return period.before()
        if period.since is None or period.until is None:
            return None
        return Period("all", 2 * period.since - period.until, period.since)

    @cached_property
    def baseline(self) -> Period | None:
        """``[baseline]`` of candor.toml, else the first full month the data cover."""
        from datetime import date

        section = self.answers.workspace.settings.baseline
        if section.since:
            since, until = (
                window.to_day(date.fromisoformat(text)) for text in (section.since, section.until)
            )
            return Period("all", since, until)
        bounds = self.bounds
        if bounds is None:
            return None
        start = window.period_start(bounds[0], "month")
        if start < bounds[0]:
            start = window.period_end(start, "month")
        end = window.period_end(start, "month")
        return Period("month", start, end) if end <= bounds[1] else None

    @cached_property
    def bounds(self) -> tuple[int, int] | None:
        """First reporting day with a conversation, and the day after the last."""
        first, last = self.rows(
            "select min(day), max(day) from conversation where not is_synthetic_time"
        )[0]
        return None if first is None else (int(first), int(last) + 1)

    @cached_property
    def targets(self) -> Targets:
        """The workspace's own targets."""
        path = self.answers.workspace.root / "targets.yaml"
        return load_targets(path, list(self.answers.catalogue.names))

    @cached_property
    def lacking(self) -> dict[str, tuple[str, ...]]:
        """Metric of either kind to the requirements that the data do not meet."""
        return availability.lacking(self.answers.engine, self.answers.catalogue, self.answers.asked)

    def _unanswerable(
        self, definition: Derived, method: Method, by: tuple[str, ...], grain: str
    ) -> str:
        if grain not in method.grains:
            known = [name for name in method.grains if name != "all"]
            offered = f"; there is one by {' or '.join(known)}" if known else ""
            return f"a figure by {grain}: {definition.name} is about a longer past{offered}"
        if len(by) > 1:
            return f"a breakdown by {' and '.join(by)}: derived figures take one dimension"
        if by and method.breakdown == "none":
            return f"a breakdown by {by[0]}: {definition.name} is about the whole"
        return ""

    def _periods(self, grain: str, since: int | None, until: int | None) -> list[Period]:
        if self.bounds is None:
            return []
        first = self.bounds[0] if since is None else max(since, self.bounds[0])
        last = self.bounds[1] if until is None else min(until, self.bounds[1])
        periods = []
        start = window.period_start(first, grain)
        while start < last:
            end = window.period_end(start, grain)
            periods.append(Period(grain, start, end))
            start = end
        return periods

    def _members(
        self, definition: Derived, dimension: str, period: Period, where: Filters
    ) -> list[str | None]:
        found: dict[str | None, None] = {}
        for ground in self.answers.catalogue.grounds(definition.name):
            for cell in self.cells(
                ground.name, by=(dimension,), grain="all", period=period, where=where
            ):
                if cell.segment:
                    found[cell.segment[dimension]] = None
        for fact in definition.reads:
            if not found and dimension in column_types(fact):
                rows = self.rows(
                    f"select distinct {dimension} from {fact} where {self.scope(fact, period, where)}"
                )
                found.update(dict.fromkeys(row[0] for row in rows))
        return sorted(found, key=lambda member: (member is None, member or ""))

    def _asked(
        self,
        definition: Derived,
        method: Method,
        period: Period,
        where: Filters,
        by: str | None,
        segment: Filters,
    ) -> list[Estimate]:
        ask = Ask(definition, period, dict(where), by, self)
        figures = method.run(ask)
        used = ask.weakest_of()
        marks = self._marks(definition, used)
        return [
            self._estimate(
                definition,
                figure.within(
                    segment={**segment, **figure.segment},
                    caveats=tuple(dict.fromkeys((*figure.caveats, *marks)))
                    if figure.refusal is None else figure.caveats,
                ),
                period,
                tuple(estimate.evidence for estimate in used),
            )
            for figure in figures
        ]  # fmt: skip

    def _marks(self, definition: Derived, used: tuple[Estimate, ...]) -> tuple[Caveat, ...]:
        """Marks of machines' verdicts that the inputs of a derived figure carry."""
        carried = {c for one in used for c in one.caveats if c in MARKS}
        settled = {one.metric for one in used}
        for ground in self.answers.catalogue.grounds(definition.name):
            if ground.name not in settled:
                carried.update(self.answers.judgements.marks(ground))
        return tuple(sorted(carried))

    def _estimate(
        self,
        definition: Derived,
        figure: Figure,
        period: Period,
        grades: tuple[Evidence, ...],
    ) -> Estimate:
        in_time = period.grain != "all"
        return Estimate(
            metric=definition.name,
            definition=definition.id,
            grain=period.grain if in_time else "all",
            period_start=period.since if in_time else None,
            period_end=period.until if in_time else None,
            segment=dict(figure.segment),
            eligible=figure.eligible,
            observed=figure.observed,
            unknown=figure.eligible - figure.observed,
            excluded=dict(figure.excluded),
            total=figure.total,
            point=figure.point,
            low=figure.low,
            high=figure.high,
            level=self.answers.workspace.settings.estimates.level,
            n_eff=figure.n_eff,
            customers=figure.customers,
            k_eff=figure.k_eff,
            method=figure.method or definition.method,
            evidence=figure.evidence or _grade(definition, grades),
            unit=definition.measured_in,
            refusal=figure.refusal,
            caveats=figure.caveats,
            snapshot=self.answers.snapshot,
            as_of=self.answers.as_of,
            missing=figure.missing,
            detail=dict(figure.detail),
        )


def _grade(definition: Derived, grades: tuple[Evidence, ...]) -> Evidence:
    if definition.evidence != "by_inputs":
        return Evidence(definition.evidence)
    return weakest(grades) if grades else Evidence.CENSUS


def _key(name: str, by: tuple[str, ...], grain: str, period: Period, where: Filters) -> _Key:
    return name, by, grain, period.since, period.until, tuple(sorted(where.items()))
