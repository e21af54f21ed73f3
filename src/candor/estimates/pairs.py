"""Agreement of two raters over several criteria, with limits from customer buckets.

AC1 is reckoned within each criterion and averaged by the number of doubly rated items, so that a
criterion with other labels does not lower the chance agreement of its neighbour. A criterion in
which only one label occurs tells nothing of agreement beyond chance and is left out. Limits by
delete-one-bucket jackknife, kept inside −1 to 1. Reference: Gwet 2008.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from candor.estimates.agreement import krippendorff_alpha
from candor.estimates.arithmetic import divide, t_quantile
from candor.estimates.estimate import (
    DEFAULT_THRESHOLDS,
    Reckoning,
    Refusal,
    Thresholds,
)

Confusion = Counter[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Pair:
    """Equal pairs of verdicts of one customer bucket.

    Attributes:
        criterion: what was judged.
        human, machine: the two labels.
        bucket: customer bucket.
        count: how many.
    """

    criterion: str
    human: str
    machine: str
    bucket: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class Agreed:
    """Agreement on one criterion.

    Attributes:
        pairs: doubly rated items.
        raw: share of equal labels.
        ac1: Gwet's coefficient; None where only one label occurs.
        alpha: Krippendorff's coefficient; None likewise.
        confusion: (human, machine) to items.
    """

    pairs: int
    raw: float
    ac1: float | None
    alpha: float | None
    confusion: Mapping[tuple[str, str], int]


def by_criterion(pairs: Iterable[Pair]) -> dict[str, Agreed]:
    """Every criterion by itself."""
    return {name: _agreed(table) for name, table in sorted(_tables(pairs).items())}


def agreement(
    pairs: Sequence[Pair],
    *,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """Mean AC1 over the criteria, weighted by their items.

    Args:
        pairs: counts of equal pairs.
        level: confidence level.
        thresholds: least number of pairs and of buckets.

    Returns:
        `unlabelled` without pairs, `too_few_labels`, `too_few_customers`, or `too_few` when no
        criterion shows two labels.
    """
    return _jackknifed(pairs, (), level, thresholds)


def agreement_change(
    now: Sequence[Pair],
    before: Sequence[Pair],
    *,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """Mean AC1 now minus before; the same customer bucket leaves both."""
    for side in (before, now):
        if (refusal := _refusal(side, thresholds)) is not None:
            return Reckoning.refused("ac1_change_jackknife", refusal)
    return _jackknifed(now, before, level, thresholds)


def _jackknifed(
    now: Sequence[Pair], before: Sequence[Pair], level: float, thresholds: Thresholds
) -> Reckoning:
    method = "ac1_change_jackknife" if before else "ac1_jackknife"
    refusal = _refusal(now, thresholds)
    if refusal is not None:
        return Reckoning.refused(method, refusal)

    def figure(without: int | None) -> float | None:
        current = _mean(pair for pair in now if pair.bucket != without)
        if not before or current is None:
            return current
        past = _mean(pair for pair in before if pair.bucket != without)
        return None if past is None else current - past

    point = figure(None)
    sizes = Counter[int]()
    for pair in now:
        sizes[pair.bucket] += pair.count
    k_eff = divide(sizes.total() ** 2, sum(n * n for n in sizes.values()))
    buckets = sorted({pair.bucket for pair in (*now, *before)})
    partial = [figure(bucket) for bucket in buckets]
    values = [value for value in partial if value is not None]
    if point is None or len(values) < len(partial):
        return Reckoning.refused(method, Refusal.TOO_FEW, k_eff=k_eff)
    k = len(values)
    centre = math.fsum(values) / k
    se = math.sqrt((k - 1) / k * math.fsum((value - centre) ** 2 for value in values))
    half = t_quantile(level, k_eff - 1) * se
    bound = 2.0 if before else 1.0
    return Reckoning(
        method, point, max(-bound, point - half), min(bound, point + half),
        n_eff=float(sizes.total()), k_eff=k_eff, se=se,
    )  # fmt: skip


def _refusal(pairs: Sequence[Pair], thresholds: Thresholds) -> Refusal | None:
    n = sum(pair.count for pair in pairs)
    if n == 0:
        return Refusal.UNLABELLED
    if n < thresholds.min_labels:
        return Refusal.TOO_FEW_LABELS
    sizes = Counter[int]()
    for pair in pairs:
        sizes[pair.bucket] += pair.count
    k_eff = divide(n * n, sum(size * size for size in sizes.values()))
    few = len(sizes) < thresholds.min_customers or k_eff < thresholds.min_k_eff
    return Refusal.TOO_FEW_CUSTOMERS if few else None


def _tables(pairs: Iterable[Pair]) -> dict[str, Confusion]:
    tables: dict[str, Confusion] = {}
    for pair in pairs:
        tables.setdefault(pair.criterion, Counter())[pair.human, pair.machine] += pair.count
    return tables


def _mean(pairs: Iterable[Pair]) -> float | None:
    found = [(_ac1(table), table.total()) for table in _tables(pairs).values()]
    known = [(ac1, n) for ac1, n in found if ac1 is not None]
    units = sum(n for _, n in known)
    return math.fsum(ac1 * n for ac1, n in known) / units if units else None


def _ac1(table: Confusion) -> float | None:
    """Gwet's AC1 of two raters from their confusion table."""
    n = table.total()
    labels = sorted({label for pair in table for label in pair})
    if len(labels) < 2:
        return None
    agreed = divide(sum(count for (a, b), count in table.items() if a == b), n)
    chance = 0.0
    for label in labels:
        given = sum(count * ((a == label) + (b == label)) for (a, b), count in table.items())
        share = divide(given, 2 * n)
        chance += share * (1 - share) / (len(labels) - 1)
    return (agreed - chance) / (1 - chance)


def _agreed(table: Confusion) -> Agreed:
    n = table.total()
    labels = sorted({label for pair in table for label in pair})
    place = {label: float(at) for at, label in enumerate(labels)}
    rows = [(place[a], place[b]) for (a, b), count in sorted(table.items()) for _ in range(count)]
    alpha = None
    if len(labels) > 1:
        alpha = krippendorff_alpha([[a for a, _ in rows], [b for _, b in rows]])
    raw = divide(sum(count for (a, b), count in table.items() if a == b), n)
    return Agreed(n, raw, _ac1(table), alpha, dict(sorted(table.items())))
