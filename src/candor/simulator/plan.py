"""Who contacts when: the population of a world, drawn at once from the seed.

Every person's contacts are at least ``SPACING`` apart, longer than any contact can last, so that
contacts of one person never overlap and the next one is always a contact of its own. Times are
whole seconds since 1970 in UTC. About 40 bytes are held for each conversation.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time

import numpy as np
from numpy.typing import NDArray

from candor.simulator.world import World

DAY = 86_400
SPACING = 30 * 3_600
TAIL = 2.2
"""Exponent of the repeat contacts' heavy tail: 1 would spread them evenly over persons."""
_WEEKDAY = np.array([1.0, 1.05, 1.0, 0.98, 0.95, 0.55, 0.45])
_HOUR = np.array([1] * 6 + [2, 4, 7, 9, 10, 10, 9, 9, 10, 10, 9, 8, 6, 5, 4, 3, 2, 1], dtype=float)


@dataclass(frozen=True, slots=True)
class Plan:
    """The drawn population, ordered by start.

    Attributes:
        start: i8[n], start of each contact.
        person: i8[n], who makes it.
        following: i8[n], start of the same person's next contact, ``ends_at`` if there is none.
        begins_at: first second of the world.
        ends_at: first second after it.
    """

    start: NDArray[np.int64]
    person: NDArray[np.int64]
    following: NDArray[np.int64]
    begins_at: int
    ends_at: int


def draw(conversations: int, world: World, rng: np.random.Generator) -> Plan:
    """Draws starts and persons of ``conversations`` contacts."""
    ends_at = int(datetime.combine(world.ends_on, time(), UTC).timestamp())
    begins_at = ends_at - world.days * DAY
    start = _starts(conversations, world, begins_at, rng)
    # Every contact ends inside the world; the last hours hold no new ones.
    start = np.where(start > ends_at - SPACING, start - 2 * DAY, start)
    persons = max(1, int(conversations * world.persons_per_conversation))
    person = (persons * rng.random(conversations) ** TAIL).astype(np.int64)
    order = np.lexsort((start, person))
    start, person = start[order], person[order]
    is_close = np.zeros(conversations, dtype=bool)
    is_close[1:] = (person[1:] == person[:-1]) & (start[1:] - start[:-1] < SPACING)
    # A contact too close to the person's previous one is given to somebody new.
    person[is_close] = persons + np.arange(int(is_close.sum()))
    order = np.lexsort((start, person))
    start, person = start[order], person[order]
    following = np.full(conversations, ends_at, dtype=np.int64)
    same = person[1:] == person[:-1]
    following[:-1][same] = start[1:][same]
    order = np.lexsort((person, start))
    return Plan(start[order], person[order], following[order], begins_at, ends_at)


def _starts(
    count: int, world: World, begins_at: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    days = np.arange(world.days)
    first_weekday = datetime.fromtimestamp(begins_at, UTC).weekday()
    weight = _WEEKDAY[(days + first_weekday) % 7]
    day = rng.choice(days, count, p=weight / weight.sum())
    hour = rng.choice(24, count, p=_HOUR / _HOUR.sum())
    return begins_at + day * DAY + hour * 3_600 + rng.integers(0, 3_600, count)
