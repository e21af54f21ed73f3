"""What is shown as a file.

The same rows as CSV and XLSX, formulas made harmless; the same figures as a picture; the same page printed.
"""

from __future__ import annotations

import csv
import io

from candor.errors import CandorError, Problem
from candor.reports import drawing, inert, pdf
from candor.reports.document import Mark, Range, Value, words
from candor.reports.sheets import TextCell
from candor.web.view import Shown

FORMS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "svg": "image/svg+xml",
    "png": "image/png",
    "pdf": "application/pdf",
}


def offered(made: Shown) -> tuple[str, ...]:
    """The files there are of a page."""
    has = {"csv": made.tables, "xlsx": made.workbook, "svg": made.picture, "png": made.picture,
           "pdf": made.printed}  # fmt: skip
    return tuple(form for form, maker in has.items() if maker is not None)


def write(made: Shown, form: str) -> tuple[bytes, str]:
    """The file and its media type.

    Raises:
        CandorError: ``export.unknown`` where the page has no such file.
    """
    if form == "xlsx" and made.workbook is not None:
        return made.workbook(), FORMS[form]
    if form == "csv" and made.tables is not None:
        return _csv(made), FORMS[form]
    if form == "pdf" and made.printed is not None:
        return pdf.render(made.printed()), FORMS[form]
    if form in ("svg", "png") and made.picture is not None:
        found = made.picture()
        if found is not None:
            body = drawing.svg(found).encode() if form == "svg" else drawing.png(found)
            return body, FORMS[form]
    raise CandorError("export.unknown", Problem(f"this page has no {form} file"))


def _csv(made: Shown) -> bytes:
    """Every table under its title; the last line says where the figures come from."""
    assert made.tables is not None  # noqa: S101 - the caller looked
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\r\n")
    for title, heading, rows in made.tables():
        if title:
            out.writerow([inert.cell(title)])
        if heading:
            out.writerow([inert.cell(name) for name in heading])
        for row in rows:
            out.writerow([_cell(value) for value in row])
        out.writerow([])
    out.writerow([inert.cell(f"snapshot {made.snapshot}"), inert.cell(f"data as of {made.as_of}")])
    return text.getvalue().encode("utf-8-sig")


def _cell(value: object) -> str | int | float:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return value
        case Value():
            return "" if value.number is None else value.number
        case TextCell():
            return inert.cell(value.text)
        case Range() | Mark():
            return inert.cell(words(value))
        case _:
            return inert.cell(str(value))
