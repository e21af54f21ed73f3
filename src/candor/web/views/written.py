"""A document as a page, as data and as files: one source for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from candor.reports import html, pictures, sheets, workbook
from candor.reports.document import Document
from candor.web.render import fragment
from candor.web.view import Look, Picture, Shown, Table


def written(
    look: Look, heading: str, document: Document, data: Mapping[str, Any],
    panels: Sequence[pictures.Panel] = (), **more: Any,
) -> Shown:  # fmt: skip
    """A document as a page, with what stands above its sections."""
    body = fragment(
        "document_body.html.j2", document=document, heading=heading, links=more.pop("links", {}),
        here=look.path, look=look, asked=look.asked, **more,
    )  # fmt: skip
    return shown_as(look, heading, body, data, document, panels)


def shown_as(
    look: Look, heading: str, body: Markup, data: Mapping[str, Any], document: Document,
    panels: Sequence[pictures.Panel] = (),
) -> Shown:  # fmt: skip
    """A page and everything that can be taken along of it.

    Args:
        look: who looks at what.
        heading: of the page.
        body: its HTML.
        data: the same as plain data.
        document: the same as a document; files are made of it.
        panels: charts that the page shows beside its document.
    """
    narrow = ", ".join(
        f"{name.replace('_', ' ')} {'not known' if value is None else value}"
        for name, value in sorted(look.asked.where.items())
    )

    def picture() -> Picture | None:
        return pictures.specification(document, heading, narrow, panels)

    return Shown(
        heading, body, data, look.answers.snapshot, look.answers.as_of,
        tables=lambda: tables_of(document), workbook=lambda: workbook.of_document(document),
        picture=picture if panels or pictures.can_draw(document) else None,
        printed=lambda: html.render_document(document), document=document,
    )  # fmt: skip


def tables_of(document: Document) -> list[Table]:
    """Every table of a document."""
    return [
        (f"{section.title}: {title}" if title else section.title, tuple(heading), list(rows))
        for section in document.sections
        for title, heading, rows in sheets.blocks_of(section.blocks)
    ]
