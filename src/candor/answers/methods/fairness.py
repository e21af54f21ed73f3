"""Method of the fairness gap: outcomes of groups of customers against a reference, raw and at one mix.

Every declared attribute and every outcome is one family: each group against the largest one, with
Holm's adjustment within the family. Groups below the floors have no figure; groups of very few
people are not shown at all, nor is one from which they could be reckoned. No gap found is not
fairness: the smallest gap that would have been found stands beside each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from candor.answers import stacking
from candor.answers.derived import Ask, Figure, method
from candor.estimates import Reckoning, Refusal
from candor.estimates.arithmetic import t_quantile
from candor.estimates.between_groups import between_group
from candor.estimates.equivalence import detectable_gap
from candor.estimates.fairness import Group, p_value, pairwise_gaps, standardised_gap
from candor.estimates.multiplicity import holm_adjusted
from candor.estimates.ratio import linearise
from candor.estimates.suppression import suppress

CELL = "intent_id"
UNKNOWN = "(unknown)"


@dataclass(frozen=True, slots=True)
class _Judged:
    attribute: str
    group: str
    reference: str
    found: Reckoning
    row: dict[str, Any]


def widest_gap(given: Mapping[str, Any]) -> Figure:
    """The greatest adjusted gap of one outcome over all attributes, with simultaneous limits.

    ``attributes`` is attribute to group to ``{"people": customers, "cells": sums by intent}``.
    ``min_people`` hides groups, ``min_cell`` and ``min_covered`` rule the standardisation.
    """
    level = given.get("level", 0.95)
    tables = {
        name: _table(name, groups, given, level) for name, groups in given["attributes"].items()
    }
    judged = [one for table in tables.values() for one in table[0] if one.found.se is not None]
    detail = {"attributes": {name: table[1] for name, table in tables.items()}}
    units = max((table[2] for table in tables.values()), default=0)
    shared: dict[str, Any] = {"eligible": units, "observed": units, "detail": detail}
    if not judged:
        return Figure.refused(Refusal.TOO_FEW if units else Refusal.NOTHING_OBSERVED, **shared)
    worst = max(judged, key=lambda one: (abs(one.found.point or 0.0), one.attribute, one.group))
    beyond = 1 - (1 - level) / len(judged)
    half = t_quantile(beyond, (worst.found.k_eff or 2.0) - 1) * (worst.found.se or 0.0)
    point = worst.found.point or 0.0
    greatest = {
        "attribute": worst.attribute, "group": worst.group, "reference": worst.reference,
        "comparisons": len(judged),
    }  # fmt: skip
    return Figure(
        point, point - half, point + half, n_eff=worst.found.n_eff, k_eff=worst.found.k_eff,
        method="standardised_gap_bonferroni", **{**shared, "detail": {**detail, "greatest": greatest}},
    )  # fmt: skip


def _table(
    attribute: str, groups: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any], level: float
) -> tuple[list[_Judged], dict[str, Any], int]:
    """Judged gaps of one attribute, its rows for readers, and its units."""
    sides = {name: stacking.side(group["cells"]) for name, group in groups.items()}
    people = {name: int(group["people"]) for name, group in groups.items()}
    sizes = {name: stacking.units_of(side) for name, side in sides.items()}
    units = sum(sizes.values())
    known = [name for name in groups if name != UNKNOWN]
    if len(known) < 2:
        return [], {"reference": None, "rows": [], "hidden": 0}, units
    hidden = set(suppress(people, minimum=given["min_people"]))
    shown = [name for name in known if name not in hidden]
    if len(shown) < 2:
        return [], {"reference": None, "rows": [], "hidden": len(hidden)}, units
    reference = max(shown, key=lambda name: (sizes[name], name))
    scale, thresholds = given.get("scale", 1), stacking.given_thresholds(given)
    buckets = sorted({b for name in shown for b in stacking.summed(sides[name])})
    raw = pairwise_gaps(
        {name: _group(sides[name], buckets, people[name]) for name in shown}, reference,
        level=level, scale=scale, thresholds=thresholds,
    )  # fmt: skip
    judged = []
    for name in shown:
        if name == reference:
            continue
        table = stacking.stack([sides[reference], sides[name]])
        fitted = standardised_gap(
            table.numerators, table.denominators, customers=(people[reference], people[name]),
            scale=scale, min_cell=given["min_cell"], min_covered=given["min_covered"],
            level=level, thresholds=thresholds,
        )  # fmt: skip
        gap = raw[name]
        row = {
            "group": name, "units": sizes[name], "people": people[name],
            "raw": _limits(gap.found), "raw_p_holm": gap.adjusted,
            "adjusted": _limits(fitted.found), "covered": fitted.covered,
            "detectable": None if fitted.found.se is None
            else detectable_gap(fitted.found.se, 0.0, level=level),
            "refusal": _code(fitted.found.refusal),
        }  # fmt: skip
        judged.append(_Judged(attribute, name, reference, fitted.found, row))
    _adjust(judged, level)
    told = {
        "reference": reference, "reference_units": sizes[reference], "hidden": len(hidden),
        "overall_p": _overall(sides, shown, scale), "rows": [one.row for one in judged],
    }  # fmt: skip
    return judged, told, units


def _adjust(judged: list[_Judged], level: float) -> None:
    """Holm over the groups that can be judged, written into their rows."""
    values = [(one, p) for one in judged if (p := p_value(one.found)) is not None]
    for (one, p), adjusted in zip(values, holm_adjusted([p for _, p in values]), strict=True):
        one.row.update(p=p, p_holm=adjusted, is_found=adjusted <= 1 - level + 1e-12)


def _overall(sides: Mapping[str, stacking.Side], shown: list[str], scale: int) -> float | None:
    """Chance of so much spread among equal groups; None with fewer than three."""
    figures, errors = [], []
    for name in shown:
        sums = stacking.summed(sides[name])
        if len(sums) < 2:
            continue
        line = linearise([x for x, _ in sums.values()], [m for _, m in sums.values()])
        if line.se > 0:
            figures.append(line.ratio / scale)
            errors.append(line.se / scale)
    found = between_group(figures, errors)
    return None if isinstance(found, Refusal) else found.p


def _group(side: stacking.Side, buckets: list[int], people: int) -> Group:
    sums = stacking.summed(side)
    rows = [sums.get(bucket, (0, 0)) for bucket in buckets]
    return Group([x for x, _ in rows], [m for _, m in rows], sum(m for _, m in rows), people)


@method("widest_gap", pure=widest_gap, breakdown="own")
def widest_gap_of(ask: Ask) -> list[Figure]:
    """Every group of the declared attributes against the largest, raw and at one mix of intents."""
    attributes = [ask.by] if ask.by else list(ask.params["attributes"])
    figure = _of_role(ask, "metric", attributes)
    others = {
        role: dict(_of_role(ask, role, attributes).detail)
        for role in ask.definition.inputs
        if role != "metric"
    }
    whole = figure.within(
        customers=ask.cells("metric")[0].customers, detail={**figure.detail, "others": others}
    )
    if ask.by is None:
        return [whole]
    return _by_group(ask.by, whole)


def _of_role(ask: Ask, role: str, attributes: list[str]) -> Figure:
    tables: dict[str, dict[str, Any]] = {}
    for attribute in attributes:
        groups: dict[str, Any] = {}
        for cell in ask.cells(role, by=(attribute,)):
            if cell.segment and cell.available:
                name = cell.segment[attribute] or UNKNOWN
                groups[name] = {"people": cell.customers, "cells": {}}
        for cell in ask.cells(role, by=(attribute, CELL)):
            if cell.segment and cell.den:
                name = cell.segment[attribute] or UNKNOWN
                groups[name]["cells"][cell.segment[CELL]] = stacking.bucket_sums(cell)
        tables[attribute] = groups
    return widest_gap(
        {
            **ask.params, "level": ask.level, "thresholds": ask.thresholds,
            "attributes": tables, "scale": ask.counted(role).scale,
        }
    )  # fmt: skip


def _by_group(attribute: str, whole: Figure) -> list[Figure]:
    """One figure per group of one attribute, at the single-comparison level."""
    found = []
    for row in whole.detail["attributes"][attribute]["rows"]:
        limits = row["adjusted"]
        segment = {attribute: row["group"]}
        sizes = {"eligible": row["units"], "observed": row["units"], "customers": row["people"]}
        if row["refusal"] is not None:
            found.append(
                Figure.refused(Refusal(row["refusal"]), segment=segment, detail=row, **sizes)
            )
            continue
        found.append(
            Figure(
                limits["point"], limits["low"], limits["high"], n_eff=limits["n_eff"],
                k_eff=limits["k_eff"], segment=segment, method="standardised_gap", detail=row,
                **sizes,
            )
        )  # fmt: skip
    return found or [whole]


def _limits(found: Reckoning) -> dict[str, float | None]:
    return {
        "point": found.point, "low": found.low, "high": found.high, "n_eff": found.n_eff,
        "k_eff": found.k_eff,
    }  # fmt: skip


def _code(refusal: Refusal | None) -> str | None:
    return None if refusal is None else str(refusal)
