"""Questions grouped by what they ask, on two levels, with the terms that tell each group apart.

The number of groups comes from the data: of a ladder of numbers, the one whose groups lie furthest
apart (silhouette). A question that is like no group's centre is in none. Too few questions: no groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import silhouette_score

from candor.scorers.topics.questions import Floats, Ints, Space

MIN_QUESTIONS = 50
"""Fewest questions: below, nothing is grouped."""
MIN_GROUP = 5
"""A smaller group is none; its questions are in no group."""
_MOST_GROUPS = 120
_FIT_ROWS = 6_000
_SILHOUETTE_ROWS = 2_000
_LEAST_LIKENESS = 0.35
_TERMS = 8


@dataclass(frozen=True, slots=True)
class Grouped:
    """Groups of questions.

    Attributes:
        group: of each question, −1 for none.
        parent: upper group of each group.
        centres: one row a group, of length one.
        terms: of each group, the most telling first.
        parent_terms: of each upper group.
        profile: of each group, its mean weight by term, for finding it again in another run.
        likeness: cosine of each question with its group's centre, 0 for none.
        separation: silhouette of the grouping, −1 to 1.
    """

    group: Ints
    parent: tuple[int, ...]
    centres: Floats
    terms: tuple[tuple[str, ...], ...]
    parent_terms: tuple[tuple[str, ...], ...]
    profile: tuple[dict[str, float], ...]
    likeness: Floats
    separation: float


def group(found: Space, *, number: int | None = None) -> Grouped | None:
    """Group questions; None when there are too few, or nothing tells them apart.

    Args:
        found: the questions as vectors.
        number: how many groups, to compare with others; the data decide without.
    """
    known = np.flatnonzero(np.any(found.vectors != 0, axis=1)) if found.vectors.size else _NOBODY
    distinct = known[np.unique(np.round(found.vectors[known], 9), axis=0, return_index=True)[1]]
    if len(known) < MIN_QUESTIONS or len(distinct) < 2 * MIN_GROUP:
        return None
    fit = found.vectors[_spread(known, _FIT_ROWS)]
    centres, separation = _best(fit, len(distinct), number)
    nearness = found.vectors @ centres.T
    chosen = np.where(nearness.max(axis=1) >= _LEAST_LIKENESS, nearness.argmax(axis=1), -1)
    sizes = np.bincount(chosen[chosen >= 0], minlength=len(centres))
    kept = np.flatnonzero(sizes >= MIN_GROUP)
    if len(kept) < 2:
        return None
    place = np.full(len(centres) + 1, -1, np.int64)
    place[kept] = np.arange(len(kept))
    chosen = place[chosen]
    parent = _parents(centres[kept])
    upper = np.append(np.asarray(parent), -1)[chosen]
    profile = _profiles(found, chosen, len(kept))
    return Grouped(
        chosen,
        parent,
        centres[kept],
        _telling(profile, found.terms),
        _telling(_profiles(found, upper, max(parent) + 1), found.terms),
        tuple(
            {found.terms[at]: round(float(row[at]), 6) for at in np.argsort(-row, kind="stable")[:40] if row[at] > 0}
            for row in profile
        ),
        np.where(chosen >= 0, nearness.max(axis=1), 0.0),
        separation,
    )  # fmt: skip


_NOBODY = np.zeros(0, np.int64)


def _best(rows: Floats, distinct: int, number: int | None) -> tuple[Floats, float]:
    """Centres of the grouping that lies furthest apart, and how far."""
    seen = rows[_spread(np.arange(len(rows)), _SILHOUETTE_ROWS)]
    best: tuple[Floats, float] | None = None
    for size in (number,) if number else _ladder(distinct):
        made = KMeans(size, n_init=4, random_state=0).fit(rows)
        centres = made.cluster_centers_
        length = np.linalg.norm(centres, axis=1, keepdims=True)
        centres = centres / np.maximum(length, 1e-9)
        labels = (seen @ centres.T).argmax(axis=1)
        if not 2 <= len(np.unique(labels)) < len(seen):
            continue
        apart = float(silhouette_score(seen, labels, metric="cosine"))
        if best is None or apart > best[1] + 1e-9:
            best = centres, apart
    if best is None:
        return rows[:1], -1.0
    return best


def _ladder(distinct: int) -> Sequence[int]:
    """Numbers of groups to try: each about a fifth more than the one before."""
    most = min(_MOST_GROUPS, distinct // MIN_GROUP)
    sizes, size = [], 2.0
    while size <= max(2, most):
        sizes.append(round(size))
        size = max(size + 1, size * 1.2)
    return sizes


def _spread(places: Ints, most: int) -> Ints:
    """At most so many of the places, evenly spread."""
    if len(places) <= most:
        return places
    return places[np.linspace(0, len(places) - 1, most).astype(np.int64)]


def _parents(centres: Floats) -> tuple[int, ...]:
    """Upper group of each centre; with few groups each is its own."""
    if len(centres) < 6:
        return tuple(range(len(centres)))
    best: tuple[float, Ints] | None = None
    for size in range(3, len(centres) // 2 + 1):
        made = AgglomerativeClustering(size, metric="cosine", linkage="average").fit(centres)
        apart = float(silhouette_score(centres, made.labels_, metric="cosine"))
        if best is None or apart > best[0] + 1e-9:
            best = apart, made.labels_
    if best is None:
        return tuple(range(len(centres)))
    names: dict[int, int] = {}
    return tuple(names.setdefault(int(one), len(names)) for one in best[1])


def _profiles(found: Space, chosen: Ints, groups: int) -> Floats:
    """Mean TF-IDF of each group's questions."""
    member = np.flatnonzero(chosen >= 0)
    sums = np.zeros((groups, len(found.terms)))
    for one in range(groups):
        rows = member[chosen[member] == one]
        sums[one] = np.asarray(found.weights[rows].mean(axis=0)).ravel() if len(rows) else 0.0
    return sums


def _telling(profile: Floats, terms: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Terms that stand out in each group against the other groups."""
    total = profile.sum(axis=0)
    told = []
    for row in profile:
        others = (total - row) / max(1, len(profile) - 1)
        order = np.argsort(-(row - others), kind="stable")[:_TERMS]
        told.append(tuple(terms[at] for at in order if row[at] > 0))
    return tuple(told)
