"""What is added up for a set of metrics of one fact, before any SQL is printed.

Each row of the fact gets one small code per metric: outside, excluded (why), not known (why), known
(false or value), true, true by confirmation. All counts of a metric are counts of its codes, so the
conditions are tried once per row and never per figure. Counts are packed: several fields of
``width`` bits in one 64-bit word, wide enough for the number of rows, so that one sum adds several
counts and unpacking gives the same integers as adding each alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from candor.metrics.definition import Definition

OUTSIDE = 0
WORD_BITS = 62
CountKind = Literal["excluded", "unknown", "observed", "true", "confirmed", "anonymous"]
SumKind = Literal["total", "total_sq", "den", "den_sq", "cross"]


@dataclass(frozen=True, slots=True)
class Codes:
    """Numbering of what may become of a row under one metric.

    Attributes:
        excluded: reasons; codes 1 … len(excluded).
        unknown: reasons, the last for all others; the codes after those.
    """

    excluded: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def known(self) -> int:
        """Outcome false, or a value: the first code that counts as observed."""
        return 1 + len(self.excluded) + len(self.unknown)

    @property
    def true(self) -> int:
        """Outcome true, not confirmed."""
        return self.known + 1

    @property
    def confirmed(self) -> int:
        """Outcome true and confirmed."""
        return self.known + 2

    def state(self, code: int) -> tuple[str, str]:
        """State and reason of a code: outside, excluded, unknown, known, true, confirmed."""
        if code == OUTSIDE:
            return "outside", ""
        if code <= len(self.excluded):
            return "excluded", self.excluded[code - 1]
        if code < self.known:
            return "unknown", self.unknown[code - 1 - len(self.excluded)]
        return ("known", "true", "confirmed")[code - self.known], ""


def codes_of(definition: Definition) -> Codes:
    """The numbering for one metric."""
    return Codes(definition.reasons_excluded, definition.reasons_unknown)


@dataclass(frozen=True, slots=True)
class Count:
    """One count: rows of a metric whose code lies in ``low`` … ``high``.

    Attributes:
        metric: position of the metric in the plan.
        kind: what is counted.
        reason: of an exclusion or an unknown outcome.
        low, high: codes, both included.
    """

    metric: int
    kind: CountKind
    reason: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Sum:
    """One sum of values (never packed): total, squares, or the parts of a ratio."""

    metric: int
    kind: SumKind


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a packed field lies.

    Attributes:
        word: number of the word.
        shift: lowest bit.
    """

    word: int
    shift: int


@dataclass(frozen=True, slots=True)
class Packing:
    """Fields of equal width, laid into words from the lowest bit.

    Attributes:
        width: bits of a field; holds every sum that the rows can reach.
        size: number of fields.
    """

    width: int
    size: int

    @property
    def per_word(self) -> int:
        """Fields in one word."""
        return max(1, WORD_BITS // self.width)

    @property
    def words(self) -> int:
        """Number of words."""
        return -(-self.size // self.per_word)

    def slot(self, number: int) -> Slot:
        """Place of field ``number``."""
        word, position = divmod(number, self.per_word)
        return Slot(word, position * self.width)

    @property
    def mask(self) -> int:
        """A field's bits, shifted to the bottom."""
        return (1 << self.width) - 1


def packing(size: int, rows: int) -> Packing:
    """Fields wide enough for ``rows`` rows in one cell.

    Raises:
        OverflowError: more rows than one word can count.
    """
    width = max(1, rows).bit_length()
    if width > WORD_BITS:
        raise OverflowError(f"{rows} rows do not fit a counter of {WORD_BITS} bits")
    return Packing(width, size)


@dataclass(frozen=True)
class Plan:
    """Everything to add up for some metrics of one fact.

    Attributes:
        fact: name of the fact.
        metrics: the metrics, in order.
        counts: fields to pack.
        sums: sums of values.
    """

    fact: str
    metrics: tuple[Definition, ...]
    counts: tuple[Count, ...]
    sums: tuple[Sum, ...]

    @property
    def quantiles(self) -> tuple[int, ...]:
        """Positions of the metrics that need a histogram."""
        return tuple(at for at, item in enumerate(self.metrics) if item.estimator == "quantile")

    @property
    def followed(self) -> tuple[int, ...]:
        """Positions of the metrics with time-to-event sums."""
        return tuple(at for at, item in enumerate(self.metrics) if item.follow is not None)


def plan(fact: str, metrics: Iterable[Definition], *, anonymous: bool) -> Plan:
    """The plan for metrics of ``fact``.

    Args:
        fact: name of the fact; all metrics must be of it.
        metrics: in the order wanted.
        anonymous: the fact says whether the customer is known.
    """
    chosen = tuple(metrics)
    counts: list[Count] = []
    sums: list[Sum] = []
    for at, definition in enumerate(chosen):
        codes = codes_of(definition)
        counts += _counts(at, definition, codes, anonymous=anonymous)
        sums += [Sum(at, kind) for kind in sum_kinds(definition)]
    return Plan(fact, chosen, tuple(counts), tuple(sums))


def sum_kinds(definition: Definition) -> tuple[SumKind, ...]:
    """Which sums of values a metric needs; squares only where a variance of units is shown."""
    kinds: dict[str, tuple[SumKind, ...]] = {
        "mean": ("total", "total_sq"),
        "ratio": ("total", "total_sq", "den", "den_sq", "cross"),
        "sampled": ("total", "total_sq", "den", "den_sq", "cross"),
        "quantile": ("total",),
        "count": ("total",),
    }
    return kinds.get(definition.estimator, ())


def by_fact(metrics: Sequence[Definition]) -> dict[str, list[Definition]]:
    """Metrics grouped by their fact, in the order given."""
    groups: dict[str, list[Definition]] = {}
    for definition in metrics:
        groups.setdefault(definition.fact, []).append(definition)
    return groups


def _counts(at: int, definition: Definition, codes: Codes, *, anonymous: bool) -> list[Count]:
    counts = [
        Count(at, "excluded", reason, number, number)
        for number, reason in enumerate(codes.excluded, 1)
    ]
    counts += [
        Count(at, "unknown", reason, number, number)
        for number, reason in enumerate(codes.unknown, 1 + len(codes.excluded))
    ]
    counts.append(Count(at, "observed", "", codes.known, codes.confirmed))
    if definition.outcome is not None:
        counts.append(Count(at, "true", "", codes.true, codes.confirmed))
    if definition.confirmed is not None:
        counts.append(Count(at, "confirmed", "", codes.confirmed, codes.confirmed))
    if anonymous:
        counts.append(Count(at, "anonymous", "", codes.known, codes.confirmed))
    return counts
