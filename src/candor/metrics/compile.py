"""Prints a plan as SQL: codes of rows, packed words, sums, histograms and time-to-event sums.

The only place where SQL of metrics is written. Text is built from checked expressions and column
names of the facts' schema; nothing a user types reaches it unchecked. Integers only, no division,
every result ordered by its keys.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from candor.facts import schema
from candor.measure import SKETCH_ALPHA
from candor.metrics.definition import Definition
from candor.metrics.plan import OUTSIDE, Count, Packing, Plan, Sum, codes_of
from candor.metrics.reading import column_types
from candor.window import DAY

BUCKETS_PER_E = 1 / math.log((1 + SKETCH_ALPHA) / (1 - SKETCH_ALPHA))
NOT_POSITIVE = -(2**31)
"""Histogram bucket of values of zero or less (the same as the estimator's)."""


def code(definition: Definition, at: int) -> str:
    """The code of a row under one metric (see :class:`candor.metrics.plan.Codes`).

    Reads ``o<at>``, what is to be known of the row (see :func:`outcomes`).

    Args:
        definition: the metric.
        at: its position in the plan.
    """
    codes = codes_of(definition)
    known = f"o{at}"
    place = {key: definition.expression(key) for key in definition.texts()}
    lines = [f"when ({place['include'].sql}) is not true then {OUTSIDE}"]
    number = 0
    for reason in definition.exclude:
        number += 1
        lines.append(f"when {place[f'exclude.{reason}'].sql} then {number}")
    for reason in definition.unknown:
        number += 1
        condition = place[f"unknown.{reason}"].sql
        lines.append(f"when {known} is null and ({condition}) then {number}")
    lines.append(f"when {known} is null then {number + 1}")
    if definition.outcome is not None:
        lines.append(f"when not {known} then {codes.known}")
        if definition.confirmed is not None:
            lines.append(f"when {place['confirmed'].sql} then {codes.confirmed}")
        lines.append(f"else {codes.true}")
    else:
        lines.append(f"else {codes.known}")
    return "case " + " ".join(lines) + " end"


def outcomes(plan: Plan) -> list[str]:
    """Select items ``o<n>``: what is to be known of each row; NULL is not (yet) known."""
    return [f"{_known(definition)} as o{at}" for at, definition in enumerate(plan.metrics)]


def value(definition: Definition, part: str = "value") -> str:
    """A row's value in integer units (money in millionths of the currency unit)."""
    expression = definition.expression(part).sql
    if definition.measured_in == "money" and part != "denominator":
        return f"cast(({expression}) * 1000000 as bigint)"
    return f"cast(({expression}) as bigint)"


def columns(plan: Plan) -> list[str]:
    """Select items that give every row its codes ``c<n>`` and values ``v<n>``, ``w<n>``."""
    items = []
    for at, definition in enumerate(plan.metrics):
        items.append(f"cast({code(definition, at)} as tinyint) as c{at}")
        if definition.value is not None:
            items.append(f"{value(definition)} as v{at}")
        if definition.numerator is not None:
            items.append(f"{value(definition, 'numerator')} as v{at}")
            items.append(f"{value(definition, 'denominator')} as w{at}")
        if definition.follow is not None:
            items.append(f"{definition.expression('follow.delay').sql} as d{at}")
            items.append(f"{definition.expression('follow.at_risk').sql} as r{at}")
    return items


def words(counts: Sequence[Count], packed: Packing) -> list[str]:
    """One expression per word: each field is 1 where the row belongs to its count."""
    parts: list[list[str]] = [[] for _ in range(packed.words)]
    for number, count in enumerate(counts):
        slot = packed.slot(number)
        flag = f"cast({_flag(count)} as bigint)"
        parts[slot.word].append(flag if slot.shift == 0 else f"{flag} * {1 << slot.shift}")
    return [" + ".join(part) for part in parts]


def sum_of(item: Sum, definition: Definition) -> str:
    """A sum of values over the rows whose value is known."""
    at = item.metric
    known = f"c{at} = {codes_of(definition).known}"
    term = {
        "total": f"v{at}",
        "total_sq": _product(f"v{at}", f"v{at}"),
        "den": f"w{at}",
        "den_sq": _product(f"w{at}", f"w{at}"),
        "cross": _product(f"v{at}", f"w{at}"),
    }[item.kind]
    kind = "bigint" if item.kind in ("total", "den") else "decimal(38, 0)"
    return f"cast(coalesce(sum(case when {known} then {term} end), 0) as {kind})"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows of a fact are read, and by what they are grouped.

    Attributes:
        grain: all, day, week, month or quarter.
        by: dimensions, columns of the fact.
        since: first reporting day; None without a limit.
        until: day after the last; None without a limit.
        where: dimension to value; a None value asks for the unknown ones.
    """

    grain: str = "all"
    by: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    where: tuple[tuple[str, str | None], ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the grouping columns."""
        return ("period",) * (self.grain != "all") + tuple(f"by_{name}" for name in self.by)


def coded(plan: Plan, scope: Scope, *, extra: Sequence[str] = (), relation: str = "") -> str:
    """A query that gives every row of the scope its keys, codes and values.

    Args:
        plan: the metrics.
        scope: rows and keys.
        extra: further columns of the fact to carry along.
        relation: read in place of the fact; has its columns and the further ones.
    """
    carried = sorted({"bucket", *persons(plan.fact), *extra})
    read = sorted(
        {column for definition in plan.metrics for column in reads(definition)}
        | {*carried, "day", *scope.by}
    )
    period = {"all": [], "day": ["fact.day as period"]}.get(
        scope.grain, [f"calendar_day.{scope.grain} as period"]
    )
    keys = [*period, *[f"fact.{name} as by_{name}" for name in scope.by]]
    inner = [
        *keys, *[f"fact.{name} as {name}" for name in read], *outcomes(plan),
    ]  # fmt: skip
    joined = "" if not period or scope.grain == "day" else (
        " join calendar_day on calendar_day.day = fact.day"
    )  # fmt: skip
    items = [*scope.keys, *carried, *columns(plan)]
    return (
        f"select {', '.join(items)} from (select {', '.join(inner)} "
        f"from {relation or plan.fact} as fact{joined}{_condition(scope)}) as row_of"
    )


def persons(fact: str) -> tuple[str, ...]:
    """Columns that tell the persons of a fact apart: its person, else each unit for itself."""
    return ("person_key",) if "person_key" in column_types(fact) else schema.key(fact)


def reads(definition: Definition) -> frozenset[str]:
    """Columns of the fact that a metric reads, filters included."""
    return frozenset(
        column for place in definition.texts() for column in definition.expression(place).columns
    )


def text_literal(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def _condition(scope: Scope) -> str:
    parts = []
    if scope.since is not None:
        parts.append(f"fact.day >= {scope.since}")
    if scope.until is not None:
        parts.append(f"fact.day < {scope.until}")
    for name, wanted in scope.where:
        parts.append(
            f"fact.{name} is null" if wanted is None else f"fact.{name} = {text_literal(wanted)}"
        )
    return f" where {' and '.join(parts)}" if parts else ""


def log_bucket(name: str) -> str:
    """Log bucket of a value; values of zero or less share one bucket below all others."""
    return (
        f"case when {name} <= 0 then {NOT_POSITIVE} "
        f"else cast(ceil(round(ln({name}) * {BUCKETS_PER_E!r}, 9)) as integer) end"
    )


def follow_counts(at: int, definition: Definition) -> list[tuple[str, str]]:
    """For each whole delay day: condition of an event in it, and of being at risk at its start.

    Every unit in scope is followed, also one whose window has not passed. A unit whose event falls
    exactly on the start of a day has it in that day; one censored there is not at risk any more.
    """
    codes = codes_of(definition)
    scope = f"c{at} > {len(codes.excluded)} and r{at} is not null"
    pairs = []
    for day in range(definition.follow_days):
        start, end = day * DAY, (day + 1) * DAY
        event = f"{scope} and coalesce(d{at} >= {start} and d{at} < {end}, false)"
        at_risk = f"{scope} and (r{at} > {start} or r{at} = {start} and d{at} is not null)"
        pairs.append((event, at_risk if day else scope))
    return pairs


def requirement(definition: Definition) -> str:
    """One condition per requirement, as a select list of booleans (true: some row meets it)."""
    return ", ".join(
        f"coalesce(bool_or({definition.expression(f'requires.{event}').sql}), false)"
        for event in definition.requires
    )


def _known(definition: Definition) -> str:
    if definition.outcome is not None:
        return f"({definition.expression('outcome').sql})"
    if definition.value is not None:
        return f"({definition.expression('value').sql})"
    numerator = definition.expression("numerator").sql
    denominator = definition.expression("denominator").sql
    return f"(({numerator}) + ({denominator}))"


def _flag(count: Count) -> str:
    if count.low == count.high:
        test = f"c{count.metric} = {count.low}"
    else:
        test = f"c{count.metric} >= {count.low}"
    return f"({test} and customer_known is not true)" if count.kind == "anonymous" else f"({test})"


def _product(left: str, right: str) -> str:
    return f"cast({left} as decimal(19, 0)) * cast({right} as decimal(19, 0))"
