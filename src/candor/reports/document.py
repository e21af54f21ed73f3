"""A written page as plain data: sections of paragraphs, tables, findings, figures and curves.

Reviews, the vendor report and the plan become a `Document` first; terminal, HTML, PDF and XLSX are
four ways to show one. Numbers keep their unit until they are shown, so that a workbook holds numbers.
Every document ends with where its figures come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from candor.estimates.estimate import Estimate
from candor.verdicts import wording
from candor.verdicts.scorecard import MetricRow

Tone = Literal["good", "bad", "amber", "grey", "plain"]


@dataclass(frozen=True, slots=True)
class Value:
    """A number with its unit; None is shown as a dash."""

    number: float | None
    unit: str
    currency: str = ""
    signed: bool = False

    def words(self) -> str:
        """For people."""
        write = wording.signed if self.signed else wording.figure
        return write(self.number, self.unit, self.currency)


@dataclass(frozen=True, slots=True)
class Range:
    """An interval with its unit."""

    low: float | None
    high: float | None
    unit: str
    currency: str = ""

    def words(self) -> str:
        """For people."""
        return wording.interval(self.low, self.high, self.unit, self.currency)


@dataclass(frozen=True, slots=True)
class Mark:
    """A word that carries a colour; the word says everything."""

    word: str
    tone: Tone = "plain"
    sign: str = ""

    def words(self) -> str:
        """For people."""
        return f"{self.sign} {self.word}".strip()


Cell = str | int | Value | Range | Mark


def words(cell: Cell) -> str:
    """A cell as a person reads it."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int):
        return f"{cell:,}".replace(",", wording.THIN)
    return cell.words()


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Plain sentences; ``strong`` ones stand out."""

    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """Heading of a column; numbers stand to the right."""

    title: str
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; the first cell of a row names it.

    Attributes:
        caption: what the table holds.
        columns: headings.
        rows: one cell for each column.
        folded: opened by the reader on a screen.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One thing somebody should know or do.

    Attributes:
        title: a few words.
        text: plain sentences.
        mark: how urgent or how it stands.
        facts: label and text, in order (next step, owner …).
        evidence: figures behind it.
    """

    title: str
    text: str
    mark: Mark | None = None
    facts: tuple[tuple[str, str], ...] = ()
    evidence: Table | None = None


@dataclass(frozen=True, slots=True)
class Items:
    """Several items; ``numbered`` where their order matters."""

    items: tuple[Item, ...]
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class Cards:
    """Figures as on the scorecard."""

    rows: tuple[MetricRow, ...]
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """A history drawn, with its table.

    Attributes:
        title: what is drawn.
        series: oldest first; refused periods leave a gap.
        target: drawn as a dashed line.
        currency: of money.
    """

    title: str
    series: tuple[Estimate, ...]
    target: float | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """Text to copy, kept as it is."""

    caption: str
    text: str


Block = Paragraph | Bullets | Table | Items | Cards | Curve | Code


@dataclass(frozen=True, slots=True)
class Section:
    """A headed part of a page."""

    name: str
    title: str
    blocks: tuple[Block, ...]
    intro: str = ""


@dataclass(frozen=True, slots=True)
class Colophon:
    """Where the figures of a page come from.

    Attributes:
        snapshot, as_of: publication, and instant up to which data were read.
        version: of candor.
        level: of the intervals.
        definitions: ``name@version`` of every definition used.
        lineage: hashes behind the snapshot, by label.
        data_health: freshness, completeness, quarantine.
    """

    snapshot: str
    as_of: str
    version: str
    level: float
    definitions: tuple[str, ...] = ()
    lineage: Mapping[str, Any] = field(default_factory=dict)
    data_health: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """A whole page.

    Attributes:
        kind: ``weekly review`` and the like.
        title: name of the workspace.
        period: what the page is about, in words.
        summary: the most important sentences, first one first.
        tally: counts shown under the summary.
        sections: the body.
        colophon: where it comes from.
    """

    kind: str
    title: str
    period: str
    summary: tuple[str, ...]
    sections: tuple[Section, ...]
    colophon: Colophon
    tally: tuple[tuple[int, Mark], ...] = ()
