"""Documents and scorecards as XLSX: numbers as numbers, text as text, provenance on every sheet.

Text of data never becomes a formula or a link. The same content gives the same bytes: the time of
writing is the instant up to which data were read. Shares are written as fractions with a per cent
format, times as seconds, so that they can be reckoned with.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import xlsxwriter

from candor.answers.views import Arranged
from candor.reports import inert
from candor.reports.catalogue import CatalogueBook
from candor.reports.document import Cell, Colophon, Document, Mark, Range, Value, words
from candor.reports.flat import flat
from candor.reports.sheets import ENTRY, Sheet, TextCell, blocks_of, entry_row, scorecard_sheets

_FORMATS = {
    "share": "0.0%", "points": "+0.0%;-0.0%;0.0%", "seconds": "0.0", "money": "#,##0.00",
    "count": "General", "score": "0.00", "whole": "#,##0",
}  # fmt: skip
_LONGEST = 32_000
"""Characters of a cell; a spreadsheet holds 32 767."""
_NAME = re.compile(r"[\[\]:*?/\\']")
_WIDEST, _NARROWEST = 64, 9
_LONG_AGO = datetime(2000, 1, 1)  # noqa: DTZ001 - a spreadsheet's clock has no zone
Row = Sequence[Cell | TextCell | float | None]


class Workbook:
    """One workbook being written.

    Args:
        colophon: named at the top of every sheet.
        title: of the workbook.
        subtitle: kind and period, under the title of every sheet.
    """

    def __init__(self, colophon: Colophon, *, title: str, subtitle: str) -> None:
        self._buffer = io.BytesIO()
        self._book = xlsxwriter.Workbook(
            self._buffer,
            {
                "in_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )  # fmt: skip
        self._colophon, self._title, self._subtitle = colophon, title, subtitle
        self._names: set[str] = set()
        self._formats: dict[str, Any] = {}
        # Without an instant of the data the file would carry the time of writing.
        created = _instant(colophon.as_of) if colophon.as_of else _LONG_AGO
        self._book.set_properties({"title": inert.cell(title), "created": created})

    def sheet(self, name: str, tables: Iterable[tuple[str, Sequence[str], Sequence[Row]]]) -> None:
        """A sheet of tables, one under the other.

        Args:
            name: of the sheet; shortened and made unique where a spreadsheet asks for it.
            tables: caption, headings and rows of each.
        """
        sheet = self._book.add_worksheet(self._unique(name))
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        widths: dict[int, int] = {}
        colophon = self._colophon
        for at, (text, look) in enumerate((
            (self._title, "title"), (self._subtitle, "soft"),
            (_origin(colophon), "soft"),
        )):  # fmt: skip
            sheet.write_string(at, 0, inert.cell(text), self._format(look))
        at = 4
        for caption, headings, rows in tables:
            if caption:
                sheet.write_string(at, 0, inert.cell(caption), self._format("caption"))
                at += 1
            for column, heading in enumerate(headings):
                sheet.write_string(at, column, inert.cell(heading), self._format("head"))
                widths[column] = max(widths.get(column, 0), len(heading))
            at += bool(headings)
            for row in rows:
                for column, value in enumerate(row):
                    self._write(sheet, at, column, value)
                    if headings:
                        widths[column] = max(widths.get(column, 0), _width(value))
                at += 1
            at += 1
        for column, width in widths.items():
            sheet.set_column(column, column, min(_WIDEST, max(_NARROWEST, width + 2)))
        if not widths:
            sheet.set_column(0, 0, 110)

    def bytes(self) -> bytes:
        """The finished file."""
        self._book.close()
        return self._buffer.getvalue()

    def _write(
        self, sheet: Any, at: int, column: int, value: Cell | TextCell | float | None
    ) -> None:
        if value is None or value == "":
            return
        if isinstance(value, Value):
            if value.number is not None:
                look = value.unit if value.signed or value.unit != "points" else "points"
                sheet.write_number(at, column, value.number, self._format(look))
            return
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            look = "whole" if isinstance(value, int) else "count"
            sheet.write_number(at, column, value, self._format(look))
            return
        if isinstance(value, TextCell):
            text, look = value.text, "code" if value.is_code else "wrap"
        else:
            text, look = words(value), "wrap"
        cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
        sheet.write_string(at, column, inert.cell(cut), self._format(look))

    def _format(self, look: str) -> Any:
        if look not in self._formats:
            made: dict[str, Any] = {"valign": "top", "font_size": 10}
            if look in _FORMATS:
                made["num_format"] = _FORMATS[look]
            looks: dict[str, dict[str, Any]] = {
                "title": {"bold": True, "font_size": 14}, "soft": {"font_color": "#565d69"},
                "caption": {"bold": True}, "wrap": {"text_wrap": True},
                "head": {"bold": True, "bottom": 1, "font_color": "#565d69"},
                "code": {"font_name": "Consolas", "font_size": 9},
            }  # fmt: skip
            self._formats[look] = self._book.add_format(made | looks.get(look, {}))
        return self._formats[look]

    def _unique(self, name: str) -> str:
        clean = _NAME.sub(" ", inert.visible(name)).strip()[:31] or "Sheet"
        number, found = 2, clean
        while found.lower() in self._names or found.lower() == "history":
            found = f"{clean[:27]} {number}"
            number += 1
        self._names.add(found.lower())
        return found


def of_document(document: Document) -> bytes:
    """A review, vendor report or plan: a sheet of the summary, one a section, data health."""
    book = Workbook(
        document.colophon, title=document.title, subtitle=f"{document.kind}, {document.period}"
    )
    book.sheet("In short", [("", (), [[text] for text in document.summary])])
    for section in document.sections:
        intro: list[Sheet] = [(section.intro, (), [])] if section.intro else []
        book.sheet(section.title, [*intro, *blocks_of(section.blocks)])
    _closing(book, document.colophon)
    return book.bytes()


def of_scorecard(arranged: Arranged, colophon: Colophon) -> bytes:
    """A scorecard: a sheet for each section, definitions, benchmarks, unknowns, data health."""
    card = arranged.card
    book = Workbook(colophon, title=card.title, subtitle=f"{arranged.view.title}, {card.period}")
    book.sheet("In short", [("", (), [[line.text] for line in card.headlines])])
    for name, tables in scorecard_sheets(arranged):
        book.sheet(name, tables)
    _closing(book, colophon)
    return book.bytes()


def of_catalogue(catalogue: CatalogueBook) -> bytes:
    """The catalogue: a sheet for each category."""
    colophon = Colophon("none", "", catalogue.version, 0.95)
    book = Workbook(
        colophon, title="Metric catalogue", subtitle=f"definitions {catalogue.digest[:16]}"
    )
    for shelf in catalogue.shelves:
        book.sheet(shelf.title, [(shelf.question, ENTRY, [entry_row(e) for e in shelf.entries])])
    return book.bytes()


def _closing(book: Workbook, colophon: Colophon) -> None:
    if colophon.definitions:
        book.sheet(
            "Definitions used", [("", ("Definition",), [[name] for name in colophon.definitions])]
        )
    book.sheet(
        "Data health",
        [
            ("State of the data at this snapshot", ("What", "State"), _pairs(colophon.data_health)),
            ("Where the figures come from", ("What", "Value"), _pairs(colophon.lineage)),
        ],
    )


def _origin(colophon: Colophon) -> str:
    told = f"snapshot {colophon.snapshot}, data as of {colophon.as_of}, " if colophon.as_of else ""
    return f"{told}candor {colophon.version}, intervals at {colophon.level:.0%}"


def _pairs(value: Mapping[str, Any]) -> list[Row]:
    return [[label, text] for label, text in flat(value)]


def _width(value: Cell | TextCell | float | None) -> int:
    if value is None:
        return 0
    if isinstance(value, TextCell):
        return len(value.text)
    if isinstance(value, (str, Value, Range, Mark)):
        return len(words(value))
    return len(f"{value:,}")


def _instant(text: str) -> datetime:
    """The instant as a spreadsheet's clock without zone holds it (UTC)."""
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
