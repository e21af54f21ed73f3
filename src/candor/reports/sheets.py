"""What stands on the sheets of a workbook: blocks of documents and rows of scorecards as tables.

Only plain rows are made here; how a cell is written is the workbook's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from candor.answers.legacy import WORDS
from candor.answers.views import Arranged
from candor.reports.catalogue import Entry
from candor.reports.document import (
    Block,
    Bullets,
    Cards,
    Cell,
    Code,
    Curve,
    Item,
    Items,
    Paragraph,
    Table,
    Value,
)
from candor.reports.periods import period
from candor.reports.told import finding_item
from candor.verdicts import wording
from candor.verdicts.scorecard import MetricRow
from candor.verdicts.stability import WORDS as STABILITY

Cells = Sequence["Cell | TextCell | float | None"]
Sheet = tuple[str, Sequence[str], Sequence[Cells]]
FIGURES = (
    "Metric", "Figure", "Low", "High", "Unit", "Status", "Target", "Owner", "Change", "Change low",
    "Change high", "Reads as", "Stable", "Known", "Unknown", "Customers", "Rests on", "Why no figure",
    "Definition",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TextCell:
    """Text as it is; code keeps its letters."""

    text: str
    is_code: bool = False


def blocks_of(blocks: Iterable[Block]) -> Iterator[Sheet]:
    """The tables of a section's blocks."""
    for block in blocks:
        match block:
            case Paragraph():
                yield "", (), [[block.text]]
            case Bullets():
                yield "", (), [[line] for line in block.lines]
            case Table():
                yield block.caption, tuple(c.title for c in block.columns), list(block.rows)
            case Items():
                yield from _items(block)
            case Cards():
                yield "", FIGURES, [figures(row, block.currency) for row in block.rows]
            case Curve():
                yield block.title, ("Period", "Figure", "Low", "High", "Known"), [
                    [
                        period(e), Value(e.point, e.unit, block.currency),
                        Value(e.low, e.unit, block.currency),
                        Value(e.high, e.unit, block.currency), e.observed,
                    ]
                    for e in block.series
                ]  # fmt: skip
            case Code():
                yield block.caption, (), [[TextCell(text, True)] for text in block.text.split("\n")]


def _items(block: Items) -> Iterator[Sheet]:
    labels: dict[str, None] = {}
    for item in block.items:
        labels.update(dict.fromkeys(label for label, _ in item.facts))
    yield (
        "",
        ("What", "How it stands", "In words", *labels),
        [_item_row(item, tuple(labels)) for item in block.items],
    )
    for item in block.items:
        if item.evidence is not None:
            evidence = item.evidence
            yield (
                f"{item.title}: {evidence.caption}",
                tuple(c.title for c in evidence.columns),
                list(evidence.rows),
            )


def _item_row(item: Item, labels: tuple[str, ...]) -> Cells:
    told = dict(item.facts)
    mark = item.mark.word if item.mark else ""
    return [item.title, mark, item.text, *(told.get(label, "") for label in labels)]


def scorecard_sheets(arranged: Arranged) -> Iterator[tuple[str, list[Sheet]]]:
    """Name and tables of the sheets of a scorecard, data health aside."""
    card = arranged.card
    for category in card.categories:
        rows = [figures(row, card.currency) for row in category.rows]
        yield category.title.split(" beside ")[0], [(category.question, FIGURES, rows)]
    if card.findings:
        yield "To act on", list(_items(Items(tuple(finding_item(f) for f in card.findings))))
    if arranged.comparisons:
        told = [
            [one.title, one.replaced_by, WORDS[one.answer], one.sentence]
            for one in arranged.comparisons
        ]
        headings = ("Old figure", "Replaced by", "On this data", "In words")
        yield "Where old figures mislead", [("", headings, told)]
    rows = [
        [row.info.title, e.eligible, e.observed, e.unknown, _counts(e.unknown_reasons),
         _counts(e.excluded)]
        for row in card.rows for e in (row.estimate,)
    ]  # fmt: skip
    yield (
        "Unknowns",
        [("", ("Metric", "Eligible", "Known", "Unknown", "Why unknown", "Left out"), rows)],
    )
    yield "Over time", [
        (
            "", ("Metric", "Period", "Figure", "Low", "High", "Unit", "Known", "Why no figure"),
            [
                [row.info.title, period(e), *_numbers(e.point, e.low, e.high, e.unit, card.currency),
                 e.unit, e.observed, str(e.refusal or "").replace("_", " ")]
                for row in card.rows for e in row.series
            ],
        )
    ]  # fmt: skip
    if arranged.benchmarks:
        titles = {row.info.name: row.info.title for row in card.rows}
        others = [
            [titles[name], *(row[key] for key in _OTHERS)]
            for name, found in arranged.benchmarks.items() for row in found
        ]  # fmt: skip
        note = "Published figures of others: not our targets, and often counted by other rules"
        yield "Figures of others", [(note, _OTHERS_HEADINGS, others)]


_OTHERS = ("segment", "good", "great", "world_class", "source", "date")
_OTHERS_HEADINGS = ("Metric", "Segment", "Good", "Great", "World class", "Source", "Date")


def figures(row: MetricRow, currency: str) -> Cells:
    """One metric under `FIGURES`."""
    e, change = row.estimate, row.change
    target = None if row.target is None else Value(row.target.target, e.unit, currency)
    return [
        row.info.title, *_numbers(e.point, e.low, e.high, e.unit, currency), e.unit,
        str(row.verdict.status).replace("_", " ") if row.target else "", target,
        (row.target.owner if row.target else "") or row.info.owner,
        *_numbers(change.point, change.low, change.high, change.unit, currency),
        str(change.direction).replace("_", " "),
        STABILITY[row.stability.word] if row.stability else "", e.observed, e.unknown, e.customers,
        wording.rests_on(e) if e.refusal is None else "",
        "" if e.refusal is None else row.verdict.reason, e.definition,
    ]  # fmt: skip


def _numbers(
    point: float | None, low: float | None, high: float | None, unit: str, currency: str
) -> tuple[Value, Value, Value]:
    return Value(point, unit, currency), Value(low, unit, currency), Value(high, unit, currency)


def _counts(mapping: object) -> str:
    items = sorted(mapping.items()) if isinstance(mapping, dict) else []
    return ", ".join(f"{reason.replace('_', ' ')} {count}" for reason, count in items if count)


ENTRY = (
    "Metric", "Name", "Question", "On this data", "To measure it", "Tier", "Stage", "Why then",
    "For", "Owner", "Better", "Counted in", "Outcome", "Window", "Caveat", "How it misleads",
    "Must not worsen", "Related", "Event fields", "SQL",
)  # fmt: skip


def entry_row(entry: Entry) -> Cells:
    """One definition under `ENTRY`."""
    item, how = entry.item, entry.how
    return [
        item.title, item.id, item.question, entry.state, "" if entry.state == "yes" else entry.needs,
        item.tier, item.stage.level, item.stage.reason, ", ".join(item.audience), item.owner,
        entry.better, TextCell(how.include, True), TextCell(how.outcome, True), how.window,
        item.caveat, " ".join(item.pitfalls), ", ".join(how.guardrails),
        ", ".join(title for _, title in entry.related), ", ".join(entry.fields),
        TextCell(how.sql, True),
    ]  # fmt: skip
