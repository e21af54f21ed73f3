"""A scorecard as a document, for files of exactly what a page shows."""

from __future__ import annotations

from collections.abc import Iterator

from candor.answers.views import Arranged
from candor.reports.document import (
    Cell,
    Colophon,
    Column,
    Document,
    Items,
    Mark,
    Range,
    Section,
    Table,
    Tone,
    Value,
)
from candor.reports.html import DIRECTION_WORDS, STATUS_WORDS, SYMBOLS
from candor.reports.told import finding_item
from candor.verdicts.bands import REASONS, Status
from candor.verdicts.scorecard import MetricRow

_TONES: dict[Status, Tone] = {Status.MET: "good", Status.MISSED: "bad", Status.UNSURE: "amber"}
_COLUMNS = (
    Column("Metric"), Column("Figure", True), Column("Interval", True), Column("Known", True),
    Column("Target"), Column("Change"), Column("Why no figure"),
)  # fmt: skip


def document(arranged: Arranged, colophon: Colophon, period: str) -> Document:
    """Sections of the view with their figures, then the findings.

    Args:
        arranged: the scorecard in one of its views.
        colophon: where it comes from.
        period: days and filters, in words.
    """
    card = arranged.card
    return Document("scorecard", card.title, period, (), tuple(_sections(arranged)), colophon)


def _sections(arranged: Arranged) -> Iterator[Section]:
    card = arranged.card
    for category in card.categories:
        rows = tuple(_row(row, card.currency) for row in category.rows)
        table = Table(category.title, _COLUMNS, rows)
        yield Section(category.name, category.title, (table,), category.question)
    if card.findings:
        items = Items(tuple(finding_item(one) for one in card.findings))
        yield Section("findings", "What changed and why", (items,))


def _row(row: MetricRow, currency: str) -> tuple[Cell, ...]:
    found, change = row.estimate, row.change
    status = row.verdict.status
    moved = DIRECTION_WORDS[change.direction]
    if change.point is not None:
        moved += f" {Value(change.point, change.unit, currency, signed=True).words()}"
    return (
        row.info.title, Value(found.point, found.unit, currency),
        Range(found.low, found.high, found.unit, currency), found.observed,
        "" if row.target is None
        else Mark(STATUS_WORDS[status], _TONES.get(status, "grey"), SYMBOLS[str(status)]),
        moved, REASONS[found.refusal] if found.refusal else "",
    )  # fmt: skip
