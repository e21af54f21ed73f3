"""Human hours that automation freed: what was truly automated, at the handle time people need for it.

Per intent: conversations × share truly resolved by the AI alone × mean human handle time of the same
intent. Intents that no person handled have no known handle time; they add nothing and are named.
Times are microseconds inside and seconds outside; customer buckets are dropped one at a time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from candor.estimates import Reckoning, Refusal
from candor.estimates.estimate import DEFAULT_THRESHOLDS, Thresholds
from candor.estimates.ratio import bucket_jackknife, gate

_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class IntentSums:
    """Sums of one intent and customer bucket.

    Attributes:
        intent: what it is about.
        bucket: of the customers.
        conversations: engaged inbound ones, whatever became of them.
        known: of these with known outcome.
        automated: of these truly resolved by the AI alone.
        handled: human conversations with a known handle time.
        handle_us: sum of those times.
    """

    intent: str
    bucket: int
    conversations: int
    known: int
    automated: int
    handled: int
    handle_us: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """Freed time, and by intent.

    Attributes:
        found: seconds.
        by_intent: intent to seconds, the most first.
        without_time: conversations of intents that no person handled.
    """

    found: Reckoning
    by_intent: Mapping[str, float]
    without_time: int


def unlocked(
    rows: Sequence[IntentSums],
    *,
    customers: int,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Capacity:
    """Σ over intents of conversations × automated/known × handle time/handled."""
    method = "capacity_jackknife"
    names = sorted({row.intent for row in rows})
    sums = {name: [row for row in rows if row.intent == name] for name in names}
    usable = [
        name for name in names
        if sum(row.known for row in sums[name]) and sum(row.handled for row in sums[name])
    ]  # fmt: skip
    without = sum(row.conversations for row in rows if row.intent not in usable)
    per_bucket: dict[int, int] = {}
    for row in rows:
        if row.intent in usable:
            per_bucket[row.bucket] = per_bucket.get(row.bucket, 0) + row.known
    known = sum(per_bucket.values())
    refusal, k_eff = gate(
        list(per_bucket.values()), units=known, customers=customers, thresholds=thresholds
    )
    if refusal is not None or k_eff is None:
        refused = Reckoning.refused(method, refusal or Refusal.NOTHING_OBSERVED, k_eff=k_eff)
        return Capacity(refused, {}, without)
    volume = {name: sum(row.conversations for row in sums[name]) for name in usable}
    width = 4

    def seconds(totals: Sequence[int]) -> list[float]:
        found = []
        for place, name in enumerate(usable):
            seen, done, handled, spent = totals[width * place : width * (place + 1)]
            rate = done / seen if seen else 0.0
            time = spent / handled / _SECOND_US if handled else 0.0
            found.append(volume[name] * rate * time)
        return found

    table: dict[int, list[int]] = {}
    for place, name in enumerate(usable):
        for row in sums[name]:
            line = table.setdefault(row.bucket, [0] * (width * len(usable)))
            for at, value in enumerate((row.known, row.automated, row.handled, row.handle_us)):
                line[width * place + at] += value
    lines = [table[bucket] for bucket in sorted(table)]
    jackknife = bucket_jackknife(lines, lambda totals: math.fsum(seconds(totals)))
    low, high = jackknife.limits(level, k_eff - 1)
    whole = seconds([sum(column) for column in zip(*lines, strict=True)])
    ranked = sorted(zip(usable, whole, strict=True), key=lambda pair: (-pair[1], pair[0]))
    found = Reckoning(
        method, jackknife.value, max(0.0, low), high, n_eff=float(known), k_eff=k_eff,
        se=math.sqrt(jackknife.variance),
    )  # fmt: skip
    return Capacity(found, dict(ranked), without)
