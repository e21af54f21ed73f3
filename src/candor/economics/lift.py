"""Differences between work with help and without it, compared inside strata.

Strata (intent, team, tenure) are known before the work begins; units whose stratum lacks one of the
two groups take no part and are counted. What remains is an adjusted observation: help is chosen by
people, so nothing here is a cause. Buckets of the unit of independence are dropped one at a time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from candor.estimates import Caveat, Reckoning, Refusal
from candor.estimates.estimate import DEFAULT_THRESHOLDS, Thresholds
from candor.estimates.ratio import bucket_jackknife, gate

WITH, WITHOUT = 1, 0


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums of one stratum, group and bucket.

    Attributes:
        stratum: what is compared like with like.
        group: 1 with help, 0 without.
        bucket: of the unit of independence.
        total: numerator (solved issues).
        size: denominator (issues, or microseconds of work).
        units: issues.
    """

    stratum: str
    group: int
    bucket: int
    total: int
    size: int
    units: int


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison within strata.

    Attributes:
        found: the figure.
        with_help, without: standardised rates of both groups.
        strata: how many hold both groups.
        units: units compared, with help and without.
        left_out: units in strata with one group only.
    """

    found: Reckoning
    with_help: float | None
    without: float | None
    strata: int
    units: tuple[int, int]
    left_out: int


def difference(rows: Sequence[Sums], *, customers: int, level: float = 0.95,
               thresholds: Thresholds = DEFAULT_THRESHOLDS) -> Compared:  # fmt: skip
    """Rate with help minus rate without, both at the strata's shares of all compared units."""
    return _compare(rows, customers, level, thresholds, relative=False)


def relative(rows: Sequence[Sums], *, customers: int, level: float = 0.95,
             thresholds: Thresholds = DEFAULT_THRESHOLDS) -> Compared:  # fmt: skip
    """Rate with help over rate without, less 1, both at the strata's shares of all compared units."""
    return _compare(rows, customers, level, thresholds, relative=True)


def _compare(
    rows: Sequence[Sums], customers: int, level: float, thresholds: Thresholds, *, relative: bool
) -> Compared:
    method = "stratified_ratio" if relative else "stratified_difference"
    names = _both(rows)
    kept = [row for row in rows if row.stratum in names]
    counted = (_units(kept, WITH), _units(kept, WITHOUT))
    left_out = sum(row.units for row in rows) - sum(counted)

    def refused(reason: Refusal, k_eff: float | None = None) -> Compared:
        found = Reckoning.refused(method, reason, k_eff=k_eff)
        return Compared(found, None, None, len(names), counted, left_out)

    if not kept:
        return refused(Refusal.NO_OVERLAP if rows else Refusal.NOTHING_OBSERVED)
    per_bucket: dict[int, int] = {}
    for row in kept:
        per_bucket[row.bucket] = per_bucket.get(row.bucket, 0) + row.units
    reason, k_eff = gate(
        list(per_bucket.values()), units=min(counted), customers=customers, thresholds=thresholds
    )
    if reason is not None or k_eff is None:
        return refused(reason or Refusal.NOTHING_OBSERVED, k_eff)
    order = [(name, group) for name in names for group in (WITH, WITHOUT)]
    table = _table(kept, order)
    weights = {
        name: sum(row.units for row in kept if row.stratum == name) / sum(counted) for name in names
    }

    def rates(totals: Sequence[int]) -> tuple[float, float]:
        found = [0.0, 0.0]
        for place, (name, group) in enumerate(order):
            total, size = totals[2 * place], totals[2 * place + 1]
            found[group] += weights[name] * (total / size if size else 0.0)
        return found[WITH], found[WITHOUT]

    def figure(totals: Sequence[int]) -> float:
        helped, plain = rates(totals)
        return helped / plain - 1 if relative else helped - plain

    totals = [sum(column) for column in zip(*table, strict=True)]
    helped, plain = rates(totals)
    if relative and any(
        rates([whole - part for whole, part in zip(totals, row, strict=True)])[1] <= 0
        for row in table
    ):
        return refused(Refusal.DENOMINATOR_UNSTABLE, k_eff)
    jackknife = bucket_jackknife(table, figure)
    low, high = jackknife.limits(level, k_eff - 1)
    found = Reckoning(
        method, jackknife.value, low, high, n_eff=float(min(counted)), k_eff=k_eff,
        se=math.sqrt(jackknife.variance), caveats=(Caveat.ADJUSTED_OBSERVED_ONLY,),
    )  # fmt: skip
    return Compared(found, helped, plain, len(names), counted, left_out)


def _both(rows: Sequence[Sums]) -> tuple[str, ...]:
    groups: dict[str, dict[int, int]] = {}
    for row in rows:
        sizes = groups.setdefault(row.stratum, {})
        sizes[row.group] = sizes.get(row.group, 0) + row.size
    return tuple(
        sorted(name for name, sizes in groups.items() if sizes.get(WITH) and sizes.get(WITHOUT))
    )


def _units(rows: Sequence[Sums], group: int) -> int:
    return sum(row.units for row in rows if row.group == group)


def _table(rows: Sequence[Sums], order: Sequence[tuple[str, int]]) -> list[list[int]]:
    place = {key: number for number, key in enumerate(order)}
    found: dict[int, list[int]] = {}
    for row in rows:
        line = found.setdefault(row.bucket, [0] * (2 * len(order)))
        at = 2 * place[row.stratum, row.group]
        line[at] += row.total
        line[at + 1] += row.size
    return [found[bucket] for bucket in sorted(found)]


def by_stratum(rows: Sequence[Sums]) -> list[Mapping[str, object]]:
    """Plain rates of each stratum and group, for readers."""
    found: list[Mapping[str, object]] = []
    for name in sorted({row.stratum for row in rows}):
        line: dict[str, object] = {"stratum": name}
        for group, words in ((WITH, "with_help"), (WITHOUT, "without")):
            mine = [row for row in rows if row.stratum == name and row.group == group]
            size = sum(row.size for row in mine)
            line[words] = sum(row.total for row in mine) / size if size else None
            line[f"{words}_units"] = sum(row.units for row in mine)
        found.append(line)
    return found
