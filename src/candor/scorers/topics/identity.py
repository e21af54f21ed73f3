"""Gives groups of questions the names they had in the run before.

Two groups are the same when they share most of the conversations that both runs grouped, or, where the
new group has hardly any conversation of the former run, when their terms are alike. Matching is one to one and the best of all. A new
group gets a number that was never used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

SAME = 0.4
"""Least likeness of a group with its former self."""
_ENOUGH_SHARED = 5


@dataclass(frozen=True, slots=True)
class Former:
    """A topic of an earlier run: its id, its conversations, its mean weight by term."""

    topic: str
    members: frozenset[int]
    profile: Mapping[str, float]


def name(
    members: Sequence[frozenset[int]],
    profiles: Sequence[Mapping[str, float]],
    former: Sequence[Former],
    used: int,
) -> tuple[list[str], int]:
    """Names of groups.

    Args:
        members: conversations of each group.
        profiles: mean weight by term of each group.
        former: topics of earlier runs, gone ones included.
        used: greatest number ever given.

    Returns:
        the names, and the greatest number given now.
    """
    names: list[str | None] = [None] * len(members)
    if former and members:
        both = frozenset().union(*members) & frozenset().union(*(f.members for f in former))
        like = np.array(
            [
                [_likeness(mine & both, p, f.members & both, f.profile) for f in former]
                for mine, p in zip(members, profiles, strict=True)
            ]
        )
        for row, column in zip(*linear_sum_assignment(-like), strict=True):
            if like[row, column] >= SAME:
                names[row] = former[column].topic
    told = []
    for one in names:
        if one is None:
            used += 1
        told.append(one or f"t{used}")
    return told, used


def _likeness(
    mine: frozenset[int], profile: Mapping[str, float], theirs: frozenset[int], other: Mapping[str, float]
) -> float:  # fmt: skip
    if len(mine) >= _ENOUGH_SHARED:
        return len(mine & theirs) / len(mine | theirs)
    dot = sum(weight * other.get(term, 0.0) for term, weight in profile.items())
    size = math.hypot(*profile.values()) * math.hypot(*other.values())
    return dot / size if size else 0.0
