"""Documents on a terminal: the same words, tables and order as on the page."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from candor.reports.document import (
    Block,
    Bullets,
    Cards,
    Cell,
    Code,
    Curve,
    Document,
    Item,
    Items,
    Mark,
    Paragraph,
    Table,
    Value,
    words,
)
from candor.reports.periods import period
from candor.reports.terminal import plain_console, shown_table, shown_text

_TONES = {"good": "green", "bad": "red", "amber": "yellow", "grey": "bright_black", "plain": ""}


def print_document(document: Document, console: Console | None = None) -> None:
    """A review, vendor report or plan."""
    out = console or plain_console()
    out.print()
    out.print(
        shown_text(document.title, "bold"),
        shown_text(f"  {document.kind}, {document.period}", "bright_black"),
    )
    out.print()
    for number, sentence in enumerate(document.summary):
        out.print(shown_text(sentence, "bold" if number == 0 else ""))
    for section in document.sections:
        out.print()
        out.print(shown_text(section.title, "bold underline"))
        if section.intro:
            out.print(shown_text(section.intro, "bright_black"))
        for block in section.blocks:
            _print(out, block)
    colophon = document.colophon
    out.print()
    out.print(
        shown_text(
            f"as of {colophon.as_of} · snapshot {colophon.snapshot} · candor {colophon.version}",
            "bright_black",
        )
    )


def _print(out: Console, block: Block) -> None:
    match block:
        case Paragraph():
            out.print(shown_text(block.text, "bold" if block.strong else ""))
        case Bullets():
            for line in block.lines:
                out.print(shown_text(f"• {line}"))
        case Table():
            _table(out, block)
        case Items():
            for number, item in enumerate(block.items, start=1):
                _item(out, item, f"{number}. " if block.numbered else "")
        case Cards():
            for row in block.rows:
                e = row.estimate
                figure = Value(e.point, e.unit, block.currency)
                out.print(shown_text(f"{row.info.title}: {figure.words()}"))
        case Curve():
            out.print()
            out.print(shown_text(block.title, "bright_black"))
            for e in block.series:
                out.print(shown_text(f"  {period(e)}: {Value(e.point, e.unit).words()}"))
        case Code():
            out.print()
            out.print(shown_text(block.caption, "bright_black"))
            out.print(shown_text(block.text))


def _table(out: Console, block: Table) -> None:
    out.print()
    out.print(shown_text(block.caption, "bright_black"))
    table = shown_table()
    for column in block.columns:
        table.add_column(
            column.title, justify="right" if column.is_number else "left", overflow="fold"
        )
    for row in block.rows:
        table.add_row(*(_cell(cell) for cell in row))
    out.print(table)


def _cell(cell: Cell) -> Text:
    style = _TONES[cell.tone] if isinstance(cell, Mark) else ""
    return shown_text(words(cell), style)


def _item(out: Console, item: Item, number: str) -> None:
    out.print()
    mark = shown_text(f"  {item.mark.word}", _TONES[item.mark.tone]) if item.mark else Text("")
    out.print(shown_text(f"{number}{item.title}", "bold"), mark)
    if item.text:
        out.print(shown_text(item.text))
    for label, text in item.facts:
        out.print(shown_text(f"  {label}: {text}", "bright_black"))
