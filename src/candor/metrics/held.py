"""What is stored of a fact's measures, and what of it still stands for the rows there are now.

A publication that was brought up to date holds the measures of the one before. A span stands when a
fingerprint of its rows, over the columns that the stored sums are made of, is what it was; the
others are built again and lie as those beside them lie. Distinct persons and delays are never
stored, so what only they read is not looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from candor.metrics import compile as sql
from candor.metrics.definition import Definition
from candor.metrics.engine import Engine
from candor.metrics.layout import BUCKET_KINDS, SPANS, digest, span_of
from candor.metrics.plan import Packing, Plan

_FOLLOWED = "follow"
"""Places of a definition that are read from the facts whenever they are asked for."""


@dataclass(frozen=True, slots=True)
class Span:
    """One span of a fact's rows.

    Attributes:
        size: number of rows.
        digest: fingerprint of what the measures read of them, and of who they are about.
    """

    size: int
    digest: str


@dataclass(frozen=True)
class Days:
    """The rows of a fact by day.

    Attributes:
        sizes: day and number of rows, in order.
        spans: first day to what is known of the span.
    """

    sizes: list[tuple[int, int]]
    spans: dict[int, Span]

    @classmethod
    def of(cls, rows: Sequence[tuple[int, int, str]]) -> Days:
        """From day, number of rows and their fingerprint, in the order of days."""
        sizes: dict[int, int] = {}
        marks: dict[int, list[str]] = {}
        for day, size, mark in rows:
            sizes[span_of(day)] = sizes.get(span_of(day), 0) + size
            marks.setdefault(span_of(day), []).append(f"{day}:{size}:{mark}")
        return cls(
            [(day, size) for day, size, _ in rows],
            {
                start: Span(sizes[start], hashlib.sha256("\n".join(own).encode()).hexdigest()[:32])
                for start, own in marks.items()
            },
        )

    def within(self, spans: Iterable[int]) -> list[tuple[int, int]]:
        """Sizes of the days of some spans."""
        chosen = set(spans)
        return [(day, size) for day, size in self.sizes if span_of(day) in chosen]


@dataclass(frozen=True, slots=True)
class Part:
    """How the counts of a stored part lie.

    Attributes:
        packed: fields in words.
        number: for each count of the part, in the plan's order, its field; -1 for none.
    """

    packed: Packing
    number: tuple[int, ...]


@dataclass(frozen=True)
class Held:
    """The stored measures of one fact.

    Attributes:
        fine, coarse: counts by span and bucket, and by span.
        largest: for each metric of the plan, the largest absolute value that was ever added.
        spans: first day to what it was made of.
    """

    fine: Part
    coarse: Part
    largest: list[int]
    spans: Mapping[int, Span]

    def moved(self, days: Days) -> set[int]:
        """First days of the spans that are new, gone, or not what they were."""
        every = {*self.spans, *days.spans}
        return {start for start in every if self.spans.get(start) != days.spans.get(start)}


def days(engine: Engine, wanted: Plan, dims: Sequence[str]) -> Days | None:
    """The rows of a fact by day; None where one lies outside every day.

    Args:
        engine: holds the fact.
        wanted: what is added up.
        dims: dimensions, '' for the total.
    """
    read: set[str] = {"bucket", *sql.persons(wanted.fact), *(name for name in dims if name)}
    if any(count.kind == "anonymous" for count in wanted.counts):
        read.add("customer_known")
    for definition in wanted.metrics:
        read |= _columns(definition)
    rows = engine.rows(
        f"select day, count(*), {engine.fingerprint(sorted(read))} from {wanted.fact}"
        " group by day order by day"
    )
    if any(day is None for day, _, _ in rows):
        return None
    return Days.of(rows)


def read(engine: Engine, wanted: Plan, dims: Sequence[str]) -> Held | None:
    """What is stored of a fact; None unless it is of these metrics, all of them, and dimensions.

    Args:
        engine: holds the stored measures.
        wanted: what is to be added up.
        dims: dimensions, '' for the total.
    """
    fact = sql.text_literal(wanted.fact)
    rows = engine.rows(
        "select dimension, metric, digest, kind, reason, word, shift, width, largest"
        f" from measure_layout where fact = {fact}"
    )
    digests = {item.name: digest(item) for item in wanted.metrics}
    if {row[0] for row in rows} != set(dims) or {row[1]: row[2] for row in rows} != digests:
        return None
    places = {(row[1], row[3], row[4]): row[5:8] for row in rows}
    largest = {row[1]: row[8] for row in rows}

    def part(*, is_fine: bool) -> Part:
        numbers, width = [], 1
        for count in wanted.counts:
            if (count.kind in BUCKET_KINDS) != is_fine:
                continue
            place = places[wanted.metrics[count.metric].name, count.kind, count.reason]
            word, shift, width = map(int, place)
            per_word = Packing(width, 0).per_word
            numbers.append(-1 if word < 0 else word * per_word + shift // width)
        return Part(Packing(width, max(numbers, default=-1) + 1), tuple(numbers))

    spans = engine.rows(f"select period, size, digest from measure_span where fact = {fact}")
    return Held(
        part(is_fine=True), part(is_fine=False), [largest[item.name] for item in wanted.metrics],
        {int(start): Span(int(size), str(mark)) for start, size, mark in spans},
    )  # fmt: skip


def is_any(engine: Engine) -> bool:
    """Whether measures are stored at all."""
    found = engine.rows(
        "select count(*) from information_schema.tables"
        " where table_name in ('measure_layout', 'measure_span')"
    )
    return int(found[0][0]) > 1


def span_table(facts: Mapping[str, Days]) -> pa.Table:
    """The spans of all facts, to be stored."""
    return pa.Table.from_pylist(
        [
            {"fact": fact, "period": start, "size": span.size, "digest": span.digest}
            for fact, found in facts.items()
            for start, span in found.spans.items()
        ],
        schema=SPANS,
    )


def _columns(definition: Definition) -> set[str]:
    """Columns of a fact that the stored sums of a metric are made of."""
    return {
        name
        for place in definition.texts()
        if place.split(".")[0] != _FOLLOWED
        for name in definition.expression(place).columns
    }
