"""Money shared out over the touchpoints of a path: by a rule, never as a cause.

The default is the influenced set with equal split, which is the Shapley value of the path game; the
Markov removal effect stands beside it for comparison. Every figure carries `allocated` and
`allocation_not_causal`: contacts are selected by trouble, and the window decides much. Money is in
whatever unit comes in. Sources: Shapley 1953; Anderl et al. 2016 (removal effect).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from candor.estimates import draws
from candor.estimates.arithmetic import t_quantile
from candor.estimates.estimate import (
    DEFAULT_THRESHOLDS,
    Caveat,
    Evidence,
    Reckoning,
    Refusal,
    Thresholds,
)
from candor.estimates.proportion import newcombe_diff

MAX_PLAYERS = 12
"""Players up to which the Shapley value is exact (4,096 coalitions)."""
_START, _WON, _LOST = "\x00start", "\x00won", "\x00lost"


@dataclass(frozen=True, slots=True)
class Path:
    """What happened along one way to an outcome.

    Attributes:
        touches: touchpoints in order; repeats are allowed.
        converted: how often it ended well (or the value it brought).
        lost: how often it did not.
    """

    touches: tuple[str, ...]
    converted: float
    lost: float = 0.0


def equal_split(paths: Sequence[Path]) -> Mapping[str, float] | Refusal:
    """Each path's value in equal parts to its distinct touchpoints; the parts add up exactly.

    Returns:
        Credit by touchpoint in order of name, or `nothing_observed` without any.
    """
    credit: dict[str, Fraction] = {}
    for path in paths:
        distinct = set(path.touches)
        for touch in distinct:
            credit[touch] = credit.get(touch, Fraction(0)) + Fraction(path.converted) / len(
                distinct
            )
    if not credit:
        return Refusal.NOTHING_OBSERVED
    return {touch: float(credit[touch]) for touch in sorted(credit)}


def shapley(
    players: Sequence[str],
    value: Callable[[frozenset[str]], float],
    *,
    orders: int = 2000,
    seed: str = "shapley",
) -> Mapping[str, float]:
    """The Shapley value of a game: mean marginal contribution over all orders of arrival.

    Args:
        players: distinct players; beyond twelve, orders are sampled instead of enumerated.
        value: worth of a coalition; that of the empty one is taken off.
        orders: sampled orders.
        seed: what the sampling is for.

    Raises:
        ValueError: a player is named twice.
    """
    n = len(players)
    if len(set(players)) != n:
        raise ValueError("every player is named once")
    worth: dict[frozenset[str], float] = {}

    def of(coalition: frozenset[str]) -> float:
        if coalition not in worth:
            worth[coalition] = value(coalition)
        return worth[coalition]

    if n > MAX_PLAYERS:
        return _sampled(players, of, orders, seed)
    shares: dict[str, list[float]] = {player: [] for player in players}
    for mask in range(1 << n):
        coalition = frozenset(p for i, p in enumerate(players) if mask >> i & 1)
        size = len(coalition)
        for player in players:
            if player not in coalition:
                weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
                shares[player].append(weight * (of(coalition | {player}) - of(coalition)))
    return {player: math.fsum(parts) for player, parts in shares.items()}


def _sampled(
    players: Sequence[str], of: Callable[[frozenset[str]], float], orders: int, seed: str
) -> Mapping[str, float]:
    rng = draws.generator(seed, *players)
    shares: dict[str, list[float]] = {player: [] for player in players}
    for _ in range(orders):
        arrived: frozenset[str] = frozenset()
        before = of(arrived)
        for index in rng.permutation(len(players)).tolist():
            arrived |= {players[index]}
            after = of(arrived)
            shares[players[index]].append(after - before)
            before = after
    return {player: math.fsum(parts) / orders for player, parts in shares.items()}


def path_game(paths: Sequence[Path]) -> Callable[[frozenset[str]], float]:
    """Worth of a coalition: the value of all paths it can walk alone."""
    sets = [(frozenset(path.touches), path.converted) for path in paths if path.touches]
    return lambda coalition: math.fsum(v for touches, v in sets if touches <= coalition)


@dataclass(frozen=True, slots=True)
class Removal:
    """Removal effects of an absorbing chain.

    Attributes:
        conversion: chance of ending well from the start.
        effect: share of it lost when every step into a touchpoint is lost instead.
        credit: conversions shared out in proportion to the effects.
    """

    conversion: float
    effect: Mapping[str, float]
    credit: Mapping[str, float]


def markov_removal(paths: Sequence[Path]) -> Removal | Refusal:
    """Removal effects from counts of steps between touchpoints, losses included.

    Args:
        paths: every path, those that converted and those that did not.

    Returns:
        `nothing_observed` when nothing converted or no touchpoint was met.
    """
    steps: dict[tuple[str, str], float] = {}
    for path in paths:
        for end, weight in ((_WON, path.converted), (_LOST, path.lost)):
            if weight and path.touches:
                for step in pairwise((_START, *path.touches, end)):
                    steps[step] = steps.get(step, 0.0) + weight
    touches = sorted({touch for path in paths for touch in path.touches})
    won = math.fsum(path.converted for path in paths if path.touches)
    if not touches or won <= 0:
        return Refusal.NOTHING_OBSERVED
    whole = _conversion(steps, touches, None)
    effect = {touch: 1 - _conversion(steps, touches, touch) / whole for touch in touches}
    total = math.fsum(effect.values())
    return Removal(whole, effect, {touch: won * e / total for touch, e in effect.items()})


def _conversion(
    steps: Mapping[tuple[str, str], float], touches: Sequence[str], removed: str | None
) -> float:
    """Chance of ending well from the start; steps into ``removed`` end badly."""
    states = [_START, *touches]
    place = {state: i for i, state in enumerate(states)}
    inside = np.zeros((len(states), len(states)))
    wins = np.zeros(len(states))
    leaving = np.zeros(len(states))
    for (origin, target), weight in steps.items():
        leaving[place[origin]] += weight
        if target == _WON:
            wins[place[origin]] += weight
        elif target not in (_LOST, removed):
            inside[place[origin], place[target]] += weight
    leaving[leaving == 0] = 1.0
    absorbed = np.linalg.solve(np.eye(len(states)) - inside / leaving[:, None], wins / leaving)
    return float(absorbed[0])


def allocated_total(
    by_bucket: Sequence[float],
    *,
    customers: int,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """Money allocated to one touchpoint, with the spread between customer buckets.

    Args:
        by_bucket: allocated money by customer bucket, empty buckets as 0: K of them.
        customers: distinct customers with a path.
        level: confidence level.
        thresholds: floors of the refusals.
    """
    method, k = "allocated_total", len(by_bucket)
    if k == 0:
        return Reckoning.refused(method, Refusal.NOTHING_OBSERVED)
    if min(customers, k) < thresholds.min_customers:
        return Reckoning.refused(method, Refusal.TOO_FEW_CUSTOMERS, k_eff=float(k))
    point = math.fsum(by_bucket)
    mean = point / k
    se = math.sqrt(k / (k - 1) * math.fsum((value - mean) ** 2 for value in by_bucket))
    half = t_quantile(level, k - 1) * se
    return Reckoning(
        method, point, point - half, point + half, n_eff=float(k), k_eff=float(k), se=se,
        caveats=(Caveat.ALLOCATION_NOT_CAUSAL,), evidence=Evidence.ALLOCATED,
    )  # fmt: skip


def revenue_protected(value: float, without: Reckoning, with_save: Reckoning) -> Reckoning:
    """Revenue kept by saves: value at stake times the fall of the chance of leaving.

    Both chances must come from an experiment or an adjusted comparison; otherwise the figure is a
    scenario and has no grade. Interval from the limits of both (Newcombe's method 10).

    Args:
        value: revenue at stake.
        without: chance of leaving without the save.
        with_save: chance of leaving with it.

    Returns:
        `missing_component` when either chance was refused.
    """
    method = "revenue_protected"
    arms = [(arm.point, arm.low, arm.high) for arm in (without, with_save)]
    known = [(p, low, high) for p, low, high in arms if None not in (p, low, high)]
    if len(known) < 2:
        return Reckoning.refused(method, Refusal.MISSING_COMPONENT)
    first, second = ((p or 0.0, low or 0.0, high or 0.0) for p, low, high in known)
    difference, low, high = newcombe_diff(first, second)
    sizes = [(arm.n_eff or 0.0, arm.k_eff or 0.0) for arm in (without, with_save)]
    return Reckoning(
        method, value * difference, value * low, value * high,
        n_eff=min(n for n, _ in sizes), k_eff=min(k for _, k in sizes),
        caveats=tuple(dict.fromkeys((*without.caveats, *with_save.caveats))),
    )  # fmt: skip
