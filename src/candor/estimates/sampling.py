"""Which units people should label: strata, shares per stratum, a random sentinel, and who is drawn.

A unit's chance of being drawn is fixed with the plan and stored with its label; nothing here looks
at labels already made except to guess how much a stratum varies. The draw is by hash: the same
plan and salt draw the same units. Sources: Neyman 1934; STATISTICS §1.4.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

FLOOR = 10
SENTINEL = 0.10
"""Share of the labels drawn at random from everything, so that any later metric can use them."""


@dataclass(frozen=True, slots=True)
class LabelPlan:
    """How many labels each stratum gets, and with what chance a unit of it is drawn.

    Attributes:
        units: units per stratum.
        stratified: labels drawn within each stratum.
        sentinel: labels drawn from all units alike.
        pi: chance that a unit of the stratum is drawn by either way.
    """

    units: tuple[int, ...]
    stratified: tuple[int, ...]
    sentinel: int
    pi: tuple[float, ...]


def neyman_allocation(
    weights: Sequence[float], shares: Sequence[float], n: int, *, floor: int = 0
) -> tuple[float, ...]:
    """Labels per stratum in proportion to W·√(p(1−p)), before rounding.

    Args:
        weights: share of the units in each stratum.
        shares: guessed rate in each stratum.
        n: labels in all.
        floor: fewest labels of a stratum.

    Raises:
        ValueError: no stratum varies.
    """
    spread = [w * math.sqrt(p * (1 - p)) for w, p in zip(weights, shares, strict=True)]
    total = math.fsum(spread)
    if total == 0:
        raise ValueError("no stratum varies; nothing is gained by allocating")
    return tuple(max(float(floor), n * s / total) for s in spread)


def whole(parts: Sequence[float], total: int, *, most: Sequence[int]) -> tuple[int, ...]:
    """Whole numbers near ``parts`` that add up to ``total`` where ``most`` allows it.

    Largest remainders first; what a full stratum cannot take goes to the others.
    """
    found = [min(limit, math.floor(part)) for part, limit in zip(parts, most, strict=True)]
    order = sorted(range(len(parts)), key=lambda h: (found[h] - parts[h], h))
    while sum(found) < total and any(f < limit for f, limit in zip(found, most, strict=True)):
        for h in order:
            if sum(found) < total and found[h] < most[h]:
                found[h] += 1
    return tuple(found)


def label_plan(
    units: Sequence[int],
    shares: Sequence[float],
    n: int,
    *,
    floor: int = FLOOR,
    sentinel: float = SENTINEL,
) -> LabelPlan:
    """A plan for ``n`` labels: a tenth at random from all, the rest by Neyman with a floor.

    The floor may ask for a few labels more than ``n``.

    Args:
        units: units per stratum (judge verdict × intent), in a declared order.
        shares: guessed rate per stratum; ½ where nothing is known.
        n: labels that can be afforded.
        floor: fewest labels of a stratum, as far as it has units.
        sentinel: share of the labels drawn from everything.

    Raises:
        ValueError: there are no units, or fewer than one label.
    """
    total = sum(units)
    if total == 0 or n < 1:
        raise ValueError("a plan needs units and at least one label")
    random = min(total, math.ceil(sentinel * n))
    rest = min(n, total) - random
    weights = [size / total for size in units]
    guesses = [min(0.95, max(0.05, share)) for share in shares]
    parts = neyman_allocation(weights, guesses, rest)
    stratified = whole(parts, rest, most=units)
    stratified = tuple(
        max(drawn, min(floor, size)) for drawn, size in zip(stratified, units, strict=True)
    )
    pi = tuple(
        1 - (1 - random / total) * (1 - drawn / size) if size else 0.0
        for drawn, size in zip(stratified, units, strict=True)
    )
    return LabelPlan(tuple(units), stratified, random, pi)


def draw(
    ids: Sequence[str], stratum: Sequence[int], plan: LabelPlan, *, salt: str
) -> tuple[str, ...]:
    """The units to label, in the order in which they should be worked through.

    Args:
        ids: all units.
        stratum: the stratum of each.
        plan: how many of each.
        salt: what the draw is for: metric, epoch, period.

    Raises:
        ValueError: the units do not fit the plan.
    """
    sizes = [0] * len(plan.units)
    for h in stratum:
        sizes[h] += 1
    if tuple(sizes) != plan.units:
        raise ValueError("the plan was made for other units")
    chosen = set(_first(ids, plan.sentinel, f"{salt}:sentinel:"))
    for h, count in enumerate(plan.stratified):
        own = [unit for unit, s in zip(ids, stratum, strict=True) if s == h]
        chosen |= set(_first(own, count, f"{salt}:stratum:"))
    return tuple(sorted(chosen, key=lambda unit: (_rank(unit, f"{salt}:order:"), unit)))


def _first(ids: Sequence[str], count: int, salt: str) -> list[str]:
    return sorted(ids, key=lambda unit: (_rank(unit, salt), unit))[:count]


def _rank(unit: str, salt: str) -> str:
    return hashlib.md5((salt + unit).encode(), usedforsecurity=False).hexdigest()
