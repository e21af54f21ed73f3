"""One page into a file: the ending of its name says how.

A file is written whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from candor.errors import CandorError, Problem

if TYPE_CHECKING:
    from candor.reports.document import Document

ENDINGS = (".html", ".pdf", ".xlsx", ".json")


def check(out: Path, endings: tuple[str, ...] = ENDINGS) -> None:
    """Refuse a name that cannot be written, before anything is reckoned.

    Raises:
        CandorError: ``usage.out``.
    """
    if out.suffix in endings and out.parent.is_dir() and not out.is_dir():
        return
    listed = f"{', '.join(endings[:-1])} or {endings[-1]}"
    raise CandorError(
        "usage.out",
        Problem(
            f"cannot write {out}", "--out", f"a name ending in {listed} in a folder that exists"
        ),
        exit_code=2,
    )


def write(
    out: Path,
    *,
    page: Callable[[], str],
    book: Callable[[], bytes],
    data: Callable[[], Mapping[str, Any]],
) -> None:
    """Write what the ending asks for.

    Args:
        out: a name that `check` let pass.
        page: makes the HTML page.
        book: makes the workbook.
        data: the plain data of ``--json``.
    """
    if out.suffix == ".html":
        content = page().encode("utf-8")
    elif out.suffix == ".pdf":
        from candor.reports import pdf

        content = pdf.render(page())
    elif out.suffix == ".xlsx":
        content = book()
    else:
        text = json.dumps(
            data(), sort_keys=True, ensure_ascii=False, allow_nan=False, indent=2
        )  # fmt: skip
        content = f"{text}\n".encode()
    part = out.with_name(f".{out.name}.part")
    try:
        part.write_bytes(content)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def write_document(
    out: Path, document: Callable[[], Document], data: Callable[[], Mapping[str, Any]]
) -> None:
    """A document into a file; it is put together only where a page is written.

    Args:
        out: a name that `check` let pass.
        document: makes the document.
        data: the plain data of ``--json``.
    """
    from candor.reports import html, workbook

    write(
        out,
        page=lambda: html.render_document(document()),
        book=lambda: workbook.of_document(document()),
        data=data,
    )
