"""What a method of a derived metric may ask, what it hands back, and the registry of methods.

A method turns figures of other metrics, their history or rows of the published facts into one
:class:`Figure` per cell. It never guesses: an input without a figure gives a refused figure with a
reason code, never 0. Its arithmetic (``pure``) takes numbers and gives numbers, so that the worked
examples of a definition run it without any data.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from candor.errors import CandorError, Problem, nearest
from candor.estimates import Caveat, Estimate, Evidence, Reckoning, Refusal, Thresholds
from candor.measure import MeasureCell
from candor.metrics.definition import Definition
from candor.metrics.derived import Derived

if TYPE_CHECKING:
    from candor.answers.period import Period
    from candor.answers.reckoning import Reckoner
    from candor.settings import Settings
    from candor.verdicts.targets import Targets

GRAINS = ("all", "day", "week", "month", "quarter")
Breakdown = Literal["own", "each", "none"]
Pure = Callable[[Mapping[str, Any]], "Figure"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One derived figure in one cell, before it is tied to a definition and a snapshot.

    Attributes:
        point, low, high: figure and interval in the unit of the definition; None when refused. A
            figure whose method starts with ``count`` has no interval and never a colour.
        n_eff, k_eff: independent units and effective clusters behind it.
        segment: dimension to value; empty for the total.
        eligible, observed, customers: units counted in, with known outcome; distinct persons.
            What is eligible and not observed is unknown.
        excluded: units left out, by reason.
        total: sum behind the figure, where there is one.
        refusal: why there is no figure.
        missing: what the data lack, in words, when unavailable.
        caveats: what to know about it.
        evidence: grade; when left out the definition's, or the weakest of the inputs asked for.
        method: name shown with the figure; the definition's method when left out.
        detail: components for readers, plain JSON.
    """

    point: float | None = None
    low: float | None = None
    high: float | None = None
    n_eff: float | None = None
    k_eff: float | None = None
    segment: Mapping[str, str | None] = field(default_factory=dict)
    eligible: int = 0
    observed: int = 0
    customers: int = 0
    excluded: Mapping[str, int] = field(default_factory=dict)
    total: float | None = None
    refusal: Refusal | None = None
    missing: str = ""
    caveats: tuple[Caveat, ...] = ()
    evidence: Evidence | None = None
    method: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def refused(cls, refusal: Refusal, *, missing: str = "", **more: Any) -> Figure:
        """No figure, and why; ``more`` are other attributes."""
        return cls(refusal=refusal, missing=missing, **more)

    @classmethod
    def of(cls, found: Reckoning, **more: Any) -> Figure:
        """The figure of an estimator; ``more`` are other attributes."""
        return cls(
            point=found.point, low=found.low, high=found.high, n_eff=found.n_eff,
            k_eff=found.k_eff, refusal=found.refusal, caveats=found.caveats,
            evidence=found.evidence, method=found.method, **more,
        )  # fmt: skip

    def within(self, **changes: Any) -> Figure:
        """The same figure with other attributes, e.g. its segment."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Ask:
    """One question put to a method: which derived metric, for which cell.

    Attributes:
        definition: the derived metric.
        period: days it is about; both ends None means everything.
        where: dimension to value; None asks for the unknown ones.
        by: dimension to break it down by, or None for the total.
    """

    definition: Derived
    period: Period
    where: Mapping[str, str | None]
    by: str | None
    _reckoner: Reckoner
    _used: list[Estimate] = field(default_factory=list)

    @property
    def params(self) -> Mapping[str, Any]:
        """Constants of the definition."""
        return self.definition.params

    def role(
        self,
        name: str,
        *,
        by: Sequence[str] = (),
        grain: str | None = None,
        period: Period | None = None,
        where: Mapping[str, str | None] | None = None,
    ) -> list[Estimate]:
        """Estimates of the metric that plays a role, one per cell (and quantile).

        Args:
            name: role of the definition's ``inputs``.
            by: dimensions.
            grain: one estimate per period of this length; None gives one for the whole period.
            period: days; those asked about when left out.
            where: filters beside those asked for.
        """
        found = self._reckoner.role(
            self.definition.inputs[name], by=tuple(by), grain=grain or "all",
            period=period or self.period, where={**self.where, **(where or {})},
        )  # fmt: skip
        self._used.extend(found)
        return found

    def one(
        self,
        name: str,
        *,
        period: Period | None = None,
        where: Mapping[str, str | None] | None = None,
    ) -> Estimate:
        """The one estimate of a role in the whole cell (its first quantile)."""
        return self.role(name, period=period, where=where)[0]

    def cells(
        self,
        name: str,
        *,
        by: Sequence[str] = (),
        grain: str | None = None,
        period: Period | None = None,
        where: Mapping[str, str | None] | None = None,
    ) -> list[MeasureCell]:
        """Exact sums by customer bucket of the counted metric that plays a role."""
        return self._reckoner.cells(
            self.definition.inputs[name], by=tuple(by), grain=grain or "all",
            period=period or self.period, where={**self.where, **(where or {})},
        )  # fmt: skip

    def known(
        self, name: str, items: Sequence[str], *, reads: Sequence[str] = ()
    ) -> list[tuple[Any, ...]]:
        """Sums of the units whose outcome is known, by anything the fact holds.

        Args:
            name: role of a counted metric.
            items: columns of its fact, or expressions with ``as`` and a name.
            reads: columns that the expressions read.

        Returns:
            Rows of the items, then bucket, total and units (denominator of a ratio), in order.
        """
        return self._reckoner.known(
            self.counted(name), tuple(items), tuple(reads), self.period, self.where
        )

    def counted(self, name: str) -> Definition:
        """The counted metric that plays a role."""
        return self._reckoner.answers.catalogue.get(self.definition.inputs[name])

    def change(self, name: str, current: MeasureCell, previous: MeasureCell) -> Estimate:
        """One cell of a role minus another, customers of both accounted for."""
        return self._reckoner.change(self.counted(name), current, previous)

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of the published facts; ``?`` in the text takes the parameters in order."""
        return self._reckoner.rows(sql, params)

    def scope(self, fact: str, *, period: Period | None = None, prefix: str = "") -> str:
        """The period and the filters as an SQL condition on a fact.

        Args:
            fact: name of the fact.
            period: days; those asked about when left out.
            prefix: put before each column, such as ``a.``.

        Raises:
            CandorError: ``measure.dimension`` for a filter the fact does not have.
        """
        return self._reckoner.scope(fact, period or self.period, self.where, prefix)

    def before(self) -> Period | None:
        """The period before; None when this one is everything."""
        return self._reckoner.before(self.period)

    def upto(self) -> Period:
        """Everything up to the end of the period asked about."""
        return replace(self.period, grain="all", since=None)

    def baseline(self) -> Period | None:
        """The frozen past that changes are held against; None when the data hold none."""
        return self._reckoner.baseline

    def weakest_of(self) -> tuple[Estimate, ...]:
        """Every estimate asked for so far (their weakest grade becomes that of the figure)."""
        return tuple(self._used)

    def since_baseline(self) -> tuple[Period, Period] | None:
        """The baseline, and what of the period asked about lies after it; None without either."""
        past, bounds = self.baseline(), self._reckoner.bounds
        if past is None or past.until is None or bounds is None:
            return None
        since = max(past.until, self.period.since or past.until)
        until = min(bounds[1], self.period.until or bounds[1])
        return (
            (past, replace(past, grain="all", since=since, until=until)) if since < until else None
        )

    @property
    def reckoner(self) -> Reckoner:
        """The publication asked: its data health, calendar and reference files."""
        return self._reckoner

    @property
    def thresholds(self) -> Thresholds:
        """Floors below which nothing is said."""
        section = self.settings.estimates
        return Thresholds(
            min_units=section.min_units,
            min_customers=section.min_customers,
            mature_share=section.mature_share,
        )

    @property
    def level(self) -> float:
        """Confidence level of the workspace."""
        return self.settings.estimates.level

    @property
    def settings(self) -> Settings:
        """Configuration of the workspace."""
        return self._reckoner.answers.workspace.settings

    @property
    def targets(self) -> Targets:
        """The workspace's own targets."""
        return self._reckoner.targets


@dataclass(frozen=True)
class Method:
    """A registered method.

    Attributes:
        name: as used in definitions.
        run: from a question to its figures.
        pure: its arithmetic: the ``given`` of an example, with the definition's params, to the
            figure.
        grains: grains of ``candor show --grain`` for which a figure per period means something.
        breakdown: ``own`` answers ``by`` itself, ``each`` is asked once per member of the
            dimension, ``none`` has no breakdown.
        compares: whether the figure of the period before may stand beside it.
    """

    name: str
    run: Callable[[Ask], list[Figure]]
    pure: Pure
    grains: tuple[str, ...] = GRAINS
    breakdown: Breakdown = "own"
    compares: bool = True

    def __call__(self, ask: Ask) -> list[Figure]:
        """Run it."""
        return self.run(ask)


_METHODS: dict[str, Method] = {}


def method(
    name: str,
    *,
    pure: Pure,
    grains: tuple[str, ...] = GRAINS,
    breakdown: Breakdown = "own",
    compares: bool = True,
) -> Callable[[Callable[[Ask], list[Figure]]], Method]:
    """Register a method under a name; see :class:`Method` for the arguments.

    Raises:
        ValueError: the name is taken.
    """

    def register(run: Callable[[Ask], list[Figure]]) -> Method:
        if name in _METHODS:
            raise ValueError(f"there is a method '{name}' already")
        made = Method(name, run, pure, grains, breakdown, compares)
        _METHODS[name] = made
        return made

    return register


def find(name: str) -> Method:
    """A method by its name.

    Raises:
        CandorError: ``method.unknown`` with the nearest name.
    """
    known = methods()
    if name not in known:
        raise CandorError(
            "method.unknown",
            Problem(f"there is no method '{name}'", "", "", nearest(name, sorted(known))),
        )
    return known[name]


@cache
def methods() -> Mapping[str, Method]:
    """Every method, all families loaded."""
    from candor.answers import methods as package

    for module in sorted(item.name for item in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"{package.__name__}.{module}")
    return dict(sorted(_METHODS.items()))
