"""A document as a letter: plain lines that any mail program shows, the whole page beside them as one file."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage

from candor.reports import html, inert
from candor.reports.document import Bullets, Cards, Document, Items, Paragraph, Table, words
from candor.verdicts import wording

_ROWS, _ITEMS = 40, 8


def message(
    document: Document, heading: str, *, sender: str, to: str, mark: str, page: str
) -> EmailMessage:
    """The letter.

    Args:
        document: what is sent; it holds figures and sentences about them, never words of conversations.
        heading: of the page.
        sender: address it comes from.
        to: address it goes to.
        mark: makes the id of the letter; equal for every attempt to send the same one.
        page: path of the page.
    """
    made = EmailMessage()
    made["Subject"] = _one_line(f"[{document.title}] {heading}, {document.period}")
    made["From"], made["To"] = sender, to
    made["Message-ID"] = f"<{mark}@candor.invalid>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content("\n".join([*lines(document, heading), "", f"On the dashboard: {page}"]))
    made.add_attachment(
        html.render_document(document).encode("utf-8", "replace"), maintype="text", subtype="html",
        filename="page.html",
    )  # fmt: skip
    return made


def lines(document: Document, heading: str) -> Iterator[str]:
    """The letter's words."""
    yield inert.visible(f"{heading}, {document.period}")
    for sentence in document.summary:
        yield inert.visible(sentence)
    for section in document.sections:
        told = list(_told(section.blocks))
        if told:
            yield ""
            yield section.title.upper()
            yield from told
    colophon = document.colophon
    yield ""
    yield f"snapshot {colophon.snapshot}, data read up to {colophon.as_of}"


def _told(blocks: tuple[object, ...]) -> Iterator[str]:
    for block in blocks:
        match block:
            case Paragraph(text=text):
                yield inert.visible(text)
            case Bullets(lines=texts):
                yield from (f"- {inert.visible(text)}" for text in texts)
            case Items(items=items):
                yield from (inert.visible(f"- {one.title}: {one.text}") for one in items[:_ITEMS])
            case Cards(rows=rows, currency=currency):
                for row in rows:
                    found = row.estimate
                    figure = wording.figure(found.point, found.unit, currency)
                    yield f"{row.info.title}: {figure}"
            case Table():
                yield from _table(block)
            case _:
                pass


def _table(table: Table) -> Iterator[str]:
    heads = [column.title for column in table.columns[1:]]
    for row in table.rows[:_ROWS]:
        cells = [
            f"{head.lower()} {text}"
            for head, cell in zip(heads, row[1:], strict=True)
            if (text := words(cell)) not in ("", "–", "—")
        ]
        yield inert.visible(f"{words(row[0])}: {'; '.join(cells)}")
    if len(table.rows) > _ROWS:
        yield f"… {len(table.rows) - _ROWS} more in the page"


def _one_line(text: str) -> str:
    return " ".join(inert.visible(text).split())
