"""Run rules on a control chart, and what each costs: the exact in-control run length.

More rules see more and cry wolf more often. The default is the limit rule with the runs of
`control.anhoej_runs`; the four classical rules are here so that their price can be shown. Values
are in standard deviations about the centre. Source: Champ & Woodall 1987 (Markov chain of rules);
Brook & Evans 1972 (cumulative sums).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import numpy as np
from scipy import sparse, special
from scipy.sparse import linalg

Rule = Literal["limit", "two_of_three", "four_of_five", "run_of_eight"]
ALL_RULES: tuple[Rule, ...] = ("limit", "two_of_three", "four_of_five", "run_of_eight")
_RUN = 8

_State = tuple[tuple[int, ...], tuple[int, ...], int]
"""Sides beyond 2σ of the last 2 points, beyond 1σ of the last 4, and the signed run length."""
_QUIET: _State = ((0, 0), (0, 0, 0, 0), 0)
_LINES = (-3, -2, -1, 0, 1, 2, 3)
_ZONES = ((-math.inf, -3), (-3, -2), (-2, -1), (-1, 0), (0, 1), (1, 2), (2, 3), (3, math.inf))


def run_alarms(
    z: Sequence[float], rules: Iterable[Rule] = ALL_RULES, *, clear: bool = True
) -> tuple[bool, ...]:
    """Which points raise an alarm.

    Args:
        z: standardised values in order.
        rules: the rules in use.
        clear: start afresh after an alarm, as a person would after acting on it.
    """
    chosen = frozenset(rules)
    state, alarms = _QUIET, []
    for value in z:
        state, alarm = _step(state, _zone(value), chosen)
        if alarm and clear:
            state = _QUIET
        alarms.append(alarm)
    return tuple(alarms)


def run_length(rules: Iterable[Rule] = ALL_RULES, *, shift: float = 0.0) -> float:
    """Mean number of points until the first alarm of normal values, exactly.

    Args:
        rules: the rules in use.
        shift: mean of the values in standard deviations; 0 is in control.
    """
    chosen = frozenset(rules)
    chances = [
        float(special.ndtr(high - shift) - special.ndtr(low - shift)) for low, high in _ZONES
    ]
    place = {_reduced(_QUIET, chosen): 0}
    pending = [_reduced(_QUIET, chosen)]
    moves: list[tuple[int, int, float]] = []
    while pending:
        state = pending.pop()
        for zone, chance in enumerate(chances):
            after, alarm = _step(state, zone, chosen)
            if not alarm:
                after = _reduced(after, chosen)
                if after not in place:
                    place[after] = len(place)
                    pending.append(after)
                moves.append((place[state], place[after], chance))
    return _mean_steps(moves, len(place))


def _mean_steps(moves: Sequence[tuple[int, int, float]], size: int) -> float:
    """Mean steps from state 0 until absorption, given the moves that stay."""
    rows, columns, chances = zip(*moves, strict=True)
    stay = sparse.csc_matrix((chances, (rows, columns)), shape=(size, size))
    solved = linalg.spsolve(sparse.identity(size, format="csc") - stay, np.ones(size))
    return float(np.atleast_1d(solved)[0])


def _zone(value: float) -> int:
    """Zone of a value; one exactly on a line lies on the side of the centre."""
    return bisect_left(_LINES, value) if value > 0 else bisect_right(_LINES, value)


def _step(state: _State, zone: int, rules: frozenset[Rule]) -> tuple[_State, bool]:
    low, _ = _ZONES[zone]
    side = 1 if low >= 0 else -1
    distance = low if side > 0 else -_ZONES[zone][1]
    twos, ones, run = state
    two = side if distance >= 2 else 0
    one = side if distance >= 1 else 0
    run = run + side if run * side > 0 else side
    alarm = (
        ("limit" in rules and distance >= 3)
        or ("two_of_three" in rules and two != 0 and (*twos, two).count(side) >= 2)
        or ("four_of_five" in rules and one != 0 and (*ones, one).count(side) >= 4)
        or ("run_of_eight" in rules and abs(run) >= _RUN)
    )
    return ((*twos[1:], two), (*ones[1:], one), run), alarm


def _reduced(state: _State, rules: frozenset[Rule]) -> _State:
    """Only what the rules in use can still see, so that the chain stays small."""
    twos, ones, run = state
    return (
        twos if "two_of_three" in rules else (0, 0),
        ones if "four_of_five" in rules else (0, 0, 0, 0),
        run if "run_of_eight" in rules else 0,
    )


def cusum_run_length(*, k: float, h: float, shift: float = 0.0, nodes: int = 60) -> float:
    """Mean run length of a two-sided cumulative sum of standard normal values.

    Args:
        k: slack in standard deviations.
        h: decision limit in standard deviations.
        shift: mean of the values in standard deviations.
        nodes: points of the Gauss–Legendre rule that solves the integral equation.
    """
    one_sided = [_one_sided(k, h, direction * shift, nodes) for direction in (1, -1)]
    return 1 / math.fsum(1 / length for length in one_sided)


def _one_sided(k: float, h: float, shift: float, nodes: int) -> float:
    at, weight = np.polynomial.legendre.leggauss(nodes)
    at, weight = (at + 1) * h / 2, weight * h / 2
    start = np.concatenate([[0.0], at])
    # From level s the sum falls to 0, or lands on another level below h.
    jump = at[None, :] + k - shift - start[:, None]
    kernel = np.exp(-jump * jump / 2) / math.sqrt(2 * math.pi) * weight[None, :]
    to_zero = special.ndtr(k - shift - start)
    stay = np.column_stack([to_zero, kernel])
    return float(np.linalg.solve(np.eye(nodes + 1) - stay, np.ones(nodes + 1))[0])


def poisson_run_length(
    *, rate: float, k: float, h: float, true_rate: float | None = None, grid: int = 200
) -> float:
    """Mean run length of a cumulative sum of counts.

    Args:
        rate: in-control events per period.
        k: slack per period.
        h: decision limit; the alarm is at or above it.
        true_rate: events per period; ``rate`` without it.
        grid: steps per unit in which k and h are counted.
    """
    mean = rate if true_rate is None else true_rate
    slack, limit = round(k * grid), round(h * grid)
    most = math.ceil(h + k) + 1
    chances = [math.exp(-mean) * mean**x / math.factorial(x) for x in range(most + 1)]
    moves = _reachable(lambda level: [level + x * grid - slack for x in range(most + 1)], limit)
    return _mean_steps([(a, b, chances[x]) for a, b, x in moves], 1 + max(b for _, b, _ in moves))


def _reachable(targets: Callable[[int], list[int]], limit: int) -> list[tuple[int, int, int]]:
    """Moves among the levels that can occur at all: (from, to, events)."""
    place, pending = {0: 0}, [0]
    moves = []
    while pending:
        level = pending.pop()
        for events, raw in enumerate(targets(level)):
            after = max(0, raw)
            if after >= limit:
                continue
            if after not in place:
                place[after] = len(place)
                pending.append(after)
            moves.append((place[level], place[after], events))
    return moves


def false_alarms(metrics: int, run_length_in_control: float) -> float:
    """Alarms per period among so many independent metrics that are all in control."""
    return metrics / run_length_in_control
