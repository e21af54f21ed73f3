"""How far the index depends on choices nobody can prove, and what moved it.

The band holds the uncertainty of the inputs, of the weights and of the way pillars are combined;
the change between two periods is split exactly over the components. Same units and sources as
`composite`; the first-order shares follow Saltelli et al. 2008, the logarithmic-mean split Ang 2004.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from candor.estimates import draws
from candor.estimates.composite import (
    Component,
    aggregate,
    ceiling_of,
    index_of,
    index_rows,
    input_draws,
    pillar_means,
    position_of,
    value_of,
)


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The index under other choices.

    Attributes:
        low, high: band over inputs, weights and aggregation together.
        inputs, weights, aggregation: share of the variance that each explains alone (first order).
        without: index without each component, by name.
        arithmetic, geometric: index under either aggregation.
    """

    low: float
    high: float
    inputs: float
    weights: float
    aggregation: float
    without: Mapping[str, float]
    arithmetic: float
    geometric: float


def sensitivity(
    components: Sequence[Component],
    *,
    seed: str,
    level: float = 0.95,
    draws_count: int = 2000,
    concentration: float = 50.0,
) -> Sensitivity:
    """The band of the index, and what each choice contributes to it.

    Weights come from a Dirichlet law around the declared ones, the aggregation is a coin. Caps of
    missed guardrails hold throughout.

    Args:
        components: parts that all have a figure.
        seed: what the draws are for: index, version, window.
        level: confidence level.
        draws_count: Monte Carlo draws.
        concentration: how closely the weights stay to the declared ones.

    Raises:
        ValueError: a component has no figure.
    """
    values = [value_of(c) for c in components]
    ceiling, _ = ceiling_of(components, "geometric")
    total = math.fsum(c.weight for c in components)
    declared = [c.weight / total for c in components]
    drawn = input_draws(components, level, draws_count, draws.generator(seed, "inputs"))
    rng = draws.generator(seed, "weights")
    weights = np.array(
        [draws.dirichlet(rng, declared, concentration=concentration) for _ in range(draws_count)]
    )
    coins = draws.generator(seed, "aggregation").random(draws_count) < 0.5
    fixed = np.broadcast_to(np.array(values), drawn.shape)

    def reckon(rows: draws.Floats, w: Sequence[float] | draws.Floats) -> tuple[draws.Floats, ...]:
        return tuple(
            np.asarray(np.minimum(ceiling, index_rows(components, rows, w, how)), dtype=np.float64)
            for how in ("geometric", "arithmetic")
        )

    geometric, arithmetic = reckon(drawn, weights)
    everything = np.where(coins, geometric, arithmetic)
    by_input, by_weight = reckon(drawn, declared)[0], reckon(fixed, weights)[0]
    one, other = (float(column[0]) for column in reckon(fixed[:1], declared))
    alone = (by_input, by_weight, np.where(coins, one, other))
    whole = float(np.var(everything))
    low, high = np.quantile(everything, [(1 - level) / 2, (1 + level) / 2])
    inputs, by_choice, by_coin = (float(np.var(part)) / whole if whole else 0.0 for part in alone)
    return Sensitivity(
        float(low), float(high), inputs, by_choice, by_coin, without=_without(components),
        arithmetic=other, geometric=one,
    )  # fmt: skip


def _without(components: Sequence[Component]) -> dict[str, float]:
    """The index without each component, under the caps of the guardrails that remain."""
    found = {}
    for left_out in components:
        rest = [c for c in components if c is not left_out]
        if rest:
            raw = index_of(rest, [value_of(c) for c in rest], "geometric")
            found[left_out.name] = min(raw, ceiling_of(rest, "geometric")[0])
    return found


def explain_change(now: Sequence[Component], before: Sequence[Component]) -> Mapping[str, float]:
    """What each component added to the change of the geometric index, and the caps.

    Logarithmic-mean weights make the parts add up exactly; what the caps did stands under `cap`.

    Args:
        now: components of the later period.
        before: the same components, in the same order, of the earlier one.

    Raises:
        ValueError: the two differ in components, goalposts or weights, or one has no figure.
    """
    frame = [(c.name, c.worst, c.best, c.weight, c.pillar, c.scale) for c in now]
    if frame != [(c.name, c.worst, c.best, c.weight, c.pillar, c.scale) for c in before]:
        raise ValueError("an index is compared with itself only: same parts, goalposts and weights")
    names = [c.pillar for c in now]
    weights = [c.weight for c in now]
    z1 = [position_of(c, value_of(c)) for c in now]
    z0 = [position_of(c, value_of(c)) for c in before]
    means1, shares = pillar_means(z1, weights, names)
    means0, _ = pillar_means(z0, weights, names)
    raw1, raw0 = aggregate(z1, weights, names), aggregate(z0, weights, names)
    level = _log_mean(raw1, raw0)
    parts = {}
    for c, a, b in zip(now, z1, z0, strict=True):
        inside = math.fsum(w for w, p in zip(weights, names, strict=True) if p == c.pillar)
        slope = 1 / _log_mean(means1[c.pillar], means0[c.pillar])
        parts[c.name] = level * shares[c.pillar] * slope * c.weight / inside * (a - b)
    cut1 = min(ceiling_of(now, "geometric")[0], raw1) - raw1
    cut0 = min(ceiling_of(before, "geometric")[0], raw0) - raw0
    return parts | {"cap": cut1 - cut0}


def _log_mean(a: float, b: float) -> float:
    return a if math.isclose(a, b, rel_tol=1e-12) else (a - b) / math.log(a / b)
