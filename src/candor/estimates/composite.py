"""One index from many figures: frozen goalposts, weights, pillars, caps, and its honest band.

Each component is put on 0–1 between two goalposts fixed by policy (never by the data), averaged
within its pillar and multiplied across pillars, so that a collapse cannot be bought back. Missing
components are reweighted and noted; a missing guardrail refuses. Points are 0–100. Sources:
OECD/JRC Handbook on composite indicators 2008; UNDP Human Development technical notes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from candor.estimates import draws
from candor.estimates.arithmetic import normal_quantile, t_quantile
from candor.estimates.estimate import Caveat, Reckoning, Refusal
from candor.estimates.ratio import bucket_jackknife

Aggregation = Literal["geometric", "arithmetic"]
FLOOR = 0.01
"""Least position between the goalposts: a geometric mean survives one zero."""


@dataclass(frozen=True, slots=True)
class Component:
    """One figure of the index.

    Attributes:
        name: metric.
        worst, best: goalposts in the metric's unit; best < worst where less is better.
        weight: declared weight; only its size against the others counts.
        pillar: group within which weights average arithmetically.
        value, low, high: figure and interval; all None when it was refused.
        n_eff, k_eff: its sizes, for the record of the index.
        cap: highest index allowed while ``missed`` (guardrails); None without one.
        is_guardrail: the index refuses without this component.
        missed: the guardrail's target is missed.
        scale: `log` puts the goalposts on a logarithmic scale (money).
    """

    name: str
    worst: float
    best: float
    weight: float = 1.0
    pillar: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n_eff: float | None = None
    k_eff: float | None = None
    cap: float | None = None
    is_guardrail: bool = False
    missed: bool = False
    scale: Literal["linear", "log"] = "linear"


@dataclass(frozen=True, slots=True)
class Index:
    """The index and what it is made of.

    Attributes:
        found: point and interval on 0–100, or why there is none.
        pillars: value of each pillar, 0–100.
        positions: position of each component between its goalposts, 0–1.
        weights: share of each component in the index; they add up to 1.
        capped_by: guardrails whose cap lowers the index.
        missing: components without a figure.
    """

    found: Reckoning
    pillars: Mapping[str, float]
    positions: Mapping[str, float]
    weights: Mapping[str, float]
    capped_by: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def position(
    value: float,
    worst: float,
    best: float,
    *,
    floor: float = FLOOR,
    scale: Literal["linear", "log"] = "linear",
) -> float:
    """Where a value stands between its goalposts, clipped to [floor, 1].

    Raises:
        ValueError: the goalposts are equal, or not positive on a logarithmic scale.
    """
    if worst == best:
        raise ValueError(f"the goalposts are both {best}")
    if scale == "log":
        if min(worst, best) <= 0:
            raise ValueError("goalposts on a logarithmic scale must be positive")
        if value <= 0:
            return floor if best > worst else 1.0
        value, worst, best = math.log(value), math.log(worst), math.log(best)
    return min(1.0, max(floor, (value - worst) / (best - worst)))


def aggregate(
    positions: Sequence[float],
    weights: Sequence[float],
    pillars: Sequence[str] | None = None,
    *,
    how: Aggregation = "geometric",
) -> float:
    """Index of positions: arithmetic within a pillar, ``how`` across pillars; 0–100.

    Args:
        positions: P values in (0, 1].
        weights: P positive weights; only their ratios count.
        pillars: P names; each component is its own pillar without them.
        how: mean across pillars.
    """
    names = [str(i) for i in range(len(positions))] if pillars is None else list(pillars)
    means, shares = pillar_means(positions, weights, names)
    if how == "arithmetic":
        return 100 * math.fsum(shares[name] * means[name] for name in means)
    return 100 * math.exp(math.fsum(shares[name] * math.log(means[name]) for name in means))


def pillar_means(
    positions: Sequence[float], weights: Sequence[float], names: Sequence[str]
) -> tuple[dict[str, float], dict[str, float]]:
    """Mean position and share of the weight, by pillar in order of appearance."""
    if not positions or min(weights) < 0 or math.fsum(weights) <= 0:
        raise ValueError("an index needs components with positive weights")
    total = math.fsum(weights)
    means: dict[str, float] = {}
    shares: dict[str, float] = {}
    for name in dict.fromkeys(names):
        own = [(z, w) for z, w, p in zip(positions, weights, names, strict=True) if p == name]
        weight = math.fsum(w for _, w in own)
        if weight > 0:
            means[name] = math.fsum(z * w for z, w in own) / weight
            shares[name] = weight / total
    return means, shares


def composite(
    components: Sequence[Component],
    *,
    seed: str,
    level: float = 0.95,
    draws_count: int = 2000,
    how: Aggregation = "geometric",
) -> Index:
    """The index with its interval from the intervals of the components.

    Components are drawn independently, each from two half-normals that match its limits; draws
    outside the goalposts are clipped as the point is, and a cap that holds cuts the band as well. Where bucket sums are at hand,
    `composite_jackknife` carries the customers shared between components as well.

    Args:
        components: the parts, at least one.
        seed: what the draws are for: index, version, window.
        level: confidence level.
        draws_count: Monte Carlo draws.
        how: mean across pillars.

    Returns:
        An index whose ``found`` refuses `missing_component` when a guardrail has no figure or
        nothing is left.
    """
    method = f"composite_{how}"
    present = reweighted(components)
    missing = tuple(c.name for c in components if c.value is None)
    if not present or any(c.is_guardrail and c.value is None for c in components):
        refused = Reckoning.refused(method, Refusal.MISSING_COMPONENT)
        return Index(refused, {}, {}, {}, (), missing)
    ceiling, capped_by = ceiling_of(present, how)
    point = min(ceiling, index_of(present, [value_of(c) for c in present], how))
    drawn = input_draws(present, level, draws_count, draws.generator(seed, "inputs"))
    sampled = np.minimum(ceiling, index_rows(present, drawn, [c.weight for c in present], how))
    low, high = np.quantile(sampled, [(1 - level) / 2, (1 + level) / 2])
    found = Reckoning(
        method, point, min(float(low), point), max(float(high), point),
        n_eff=_least([c.n_eff for c in present]), k_eff=_least([c.k_eff for c in present]),
        se=float(np.std(sampled, ddof=1)),
        caveats=(Caveat.REWEIGHTED_MISSING,) if missing else (),
    )  # fmt: skip
    positions = [position_of(c, value_of(c)) for c in present]
    means, _ = pillar_means(positions, [c.weight for c in present], [c.pillar for c in present])
    total = math.fsum(c.weight for c in present)
    return Index(
        found,
        {name: 100 * mean for name, mean in means.items()},
        dict(zip((c.name for c in present), positions, strict=True)),
        {c.name: c.weight / total for c in present},
        capped_by,
        missing,
    )


def reweighted(components: Sequence[Component]) -> list[Component]:
    """The components that have a figure, each pillar keeping its declared weight.

    What is missing gives its weight to the rest of its pillar; an empty pillar to all others.
    """
    found = []
    for c in components:
        if c.value is None:
            continue
        pillar = [other for other in components if other.pillar == c.pillar]
        declared = math.fsum(other.weight for other in pillar)
        present = math.fsum(other.weight for other in pillar if other.value is not None)
        found.append(c if declared == present else replace(c, weight=c.weight * declared / present))
    return found


def composite_jackknife(
    components: Sequence[Component],
    sums: Sequence[Sequence[int]],
    *,
    k_eff: float,
    scales: Sequence[int],
    level: float = 0.95,
    how: Aggregation = "geometric",
) -> Reckoning:
    """The index from bucket sums, dropping one customer bucket from every component at once.

    Args:
        components: P parts; their values are ignored, goalposts, weights and caps are used.
        sums: K rows of 2P integers: numerator and denominator of each component.
        k_eff: effective number of clusters of the smallest component.
        scales: P divisors that bring numerator/denominator to the unit of the goalposts.
        level: confidence level.
        how: mean across pillars.
    """
    method = f"composite_{how}_jackknife"
    totals = [sum(column) for column in zip(*sums, strict=True)]
    if not all(totals[1::2]) or len(totals) != 2 * len(components):
        return Reckoning.refused(method, Refusal.MISSING_COMPONENT)

    def index(row: Sequence[int]) -> float:
        values = [row[2 * i] / (row[2 * i + 1] * scale) for i, scale in enumerate(scales)]
        return index_of(components, values, how)

    ceiling, _ = ceiling_of(components, how)
    found = bucket_jackknife(sums, index)
    half = t_quantile(level, k_eff - 1) * math.sqrt(found.variance)
    return Reckoning(
        method, min(ceiling, found.value), max(0.0, min(ceiling, found.value - half)),
        min(ceiling, 100.0, found.value + half), n_eff=k_eff, k_eff=k_eff,
        se=math.sqrt(found.variance),
    )  # fmt: skip


def value_of(component: Component) -> float:
    """The figure of a component.

    Raises:
        ValueError: it was refused.
    """
    if component.value is None:
        raise ValueError(f"{component.name} has no figure")
    return component.value


def position_of(component: Component, value: float) -> float:
    """A value of this component between its goalposts."""
    return position(value, component.worst, component.best, scale=component.scale)


def index_of(components: Sequence[Component], values: Sequence[float], how: Aggregation) -> float:
    """The index of given values, before any cap."""
    return aggregate(
        [position_of(c, float(v)) for c, v in zip(components, values, strict=True)],
        [c.weight for c in components],
        [c.pillar for c in components],
        how=how,
    )


def ceiling_of(components: Sequence[Component], how: Aggregation) -> tuple[float, tuple[str, ...]]:
    """The lowest cap of a missed guardrail, and which guardrails lower the index by theirs."""
    caps = {c.name: c.cap for c in components if c.missed and c.cap is not None}
    if not caps:
        return 100.0, ()
    values = [c.value for c in components if c.value is not None]
    if len(values) < len(components):
        return min(caps.values()), ()
    raw = index_of(components, values, how)
    return min(caps.values()), tuple(name for name, cap in caps.items() if cap < raw)


def input_draws(
    components: Sequence[Component], level: float, count: int, rng: np.random.Generator
) -> draws.Floats:
    """Draws of the components' values within their intervals: [count, P], in their own units."""
    z = normal_quantile(level)
    noise = draws.normals(rng, (count, len(components)))
    points = np.array([value_of(c) for c in components])
    below = np.array([(value_of(c) - c.low) / z if c.low is not None else 0.0 for c in components])
    above = np.array(
        [(c.high - value_of(c)) / z if c.high is not None else 0.0 for c in components]
    )
    return np.asarray(points + np.where(noise < 0, below, above) * noise, dtype=np.float64)


def index_rows(
    components: Sequence[Component],
    values: draws.Floats,
    weights: Sequence[float] | draws.Floats,
    how: Aggregation,
) -> draws.Floats:
    """The index of many draws at once.

    Args:
        components: P parts, for goalposts and pillars.
        values: [R, P] values in the components' units.
        weights: P weights, or [R, P] of them.
        how: mean across pillars.

    Returns:
        R indices, 0–100, before any cap.
    """
    z = np.empty_like(values)
    for i, c in enumerate(components):
        column, worst, best = values[:, i], c.worst, c.best
        if c.scale == "log":
            column = np.log(np.maximum(column, np.finfo(float).tiny))
            worst, best = math.log(worst), math.log(best)
        z[:, i] = np.clip((column - worst) / (best - worst), FLOOR, 1.0)
    w = np.broadcast_to(np.asarray(weights, float), z.shape)
    total = np.zeros(len(z))
    for name in dict.fromkeys(c.pillar for c in components):
        own = [i for i, c in enumerate(components) if c.pillar == name]
        weight = w[:, own].sum(axis=1)
        mean = (z[:, own] * w[:, own]).sum(axis=1) / np.where(weight > 0, weight, 1.0)
        part = np.log(np.where(weight > 0, mean, 1.0)) if how == "geometric" else mean
        total += weight * part
    mean_of_pillars = total / w.sum(axis=1)
    scaled = np.exp(mean_of_pillars) if how == "geometric" else mean_of_pillars
    return np.asarray(100 * scaled, dtype=np.float64)


def _least(sizes: Sequence[float | None]) -> float:
    known = [size for size in sizes if size is not None]
    return min(known, default=float(len(sizes)))
