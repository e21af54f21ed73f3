"""Workbooks: the rows of one sheet as column name → value, values only.

Formulas are not computed: what the spreadsheet last showed is read. Workbooks with macros or links
to other files are refused. Times have no zone there; the mapping declares it. Empty rows are no
rows.
"""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from candor.events.reasons import ReasonCode
from candor.sources.base import FileRefused, RawRecord
from candor.sources.readers import archives, bytestream
from candor.sources.readers.dialect import check_header
from candor.sources.readers.limits import LIMITS

_BROKEN = (
    InvalidFileException, zipfile.BadZipFile, ParseError, KeyError, ValueError, TypeError, IndexError,
    AttributeError, EOFError, OSError,
)  # fmt: skip
_ACTIVE = ("vbaproject", "externallinks/", "activex/", "embeddings/")


def read(
    path: Path, *, sheet: str | None = None, skip_rows: int = 0, required: Sequence[str] = ()
) -> Iterator[RawRecord]:
    """Every row of the sheet below its header.

    Raises:
        FileRefused: TYPE_SNIFF, ARCHIVE_*, HEADER_*.
    """
    _check_package(path)
    rows = _sheet_rows(path, sheet)
    position = 0
    for _ in range(skip_rows):
        next(rows, None)
        position += 1
    header = next(rows, None)
    if header is None:
        raise FileRefused(
            ReasonCode.HEADER_MISSING,
            f"{path.name} holds no row",
            "a header row",
            "export it again",
        )
    position += 1
    names = ["" if cell is None else str(cell) for cell in header]
    while names and not names[-1]:
        names.pop()
    check_header(names, required, path.name)
    number = 0
    for row in rows:
        position += 1
        if all(cell is None for cell in row):
            continue
        number += 1
        ref = f"{path.name}:row {position}:record {number}"
        cells = [*row[: len(names)], *[None] * (len(names) - len(row))]
        value = dict(zip(names, cells, strict=True))
        raw = json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass")
        if any(cell is not None for cell in row[len(names) :]):
            yield RawRecord(
                number, ref, raw, None, ReasonCode.FIELD_COUNT, f"cells under {len(names)} headings"
            )
        else:
            yield RawRecord(number, ref, raw, value)


def _sheet_rows(path: Path, sheet: str | None) -> Iterator[tuple[Any, ...]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(
                path, read_only=True, data_only=True, keep_links=False, keep_vba=False
            )
    except _BROKEN as error:
        raise archives.damaged(path.name, error) from None
    try:
        names = book.sheetnames
        if sheet is None and len(names) > 1:
            raise FileRefused(
                ReasonCode.HEADER_MISSING,
                f"{path.name} has {len(names)} sheets: {', '.join(names[:10])}",
                "the name of one",
                "declare `sheet:` in the format",
            )
        if sheet is not None and sheet not in names:
            raise FileRefused(
                ReasonCode.HEADER_MISSING, f"{path.name} has no sheet '{sheet}'",
                "one of " + ", ".join(names[:10]), "mend `sheet:` in the format",
            )  # fmt: skip
        try:
            yield from book[sheet or names[0]].iter_rows(values_only=True)
        except _BROKEN as error:
            raise archives.damaged(path.name, error) from None
    finally:
        book.close()


def _check_package(path: Path) -> None:
    kind = bytestream.kind_on_disk(path)
    if kind != "zip":
        what = "is empty" if path.stat().st_size == 0 else f"is no workbook (it is {kind})"
        code = ReasonCode.EMPTY_FILE if path.stat().st_size == 0 else ReasonCode.TYPE_SNIFF
        raise FileRefused(code, f"{path.name} {what}", "an .xlsx workbook", "save it as .xlsx")
    unpacked = 0
    for entry in archives.zip_entries(path):
        name = entry.filename.lower()
        if any(part in name for part in _ACTIVE):
            raise archives.unsafe(
                path.name,
                "it holds macros, embedded objects or links to other files",
                "values only",
            )
        with archives.open_zip_entry(path, entry) as stream:
            while piece := stream.read(1 << 20):
                unpacked += len(piece)
                if unpacked > LIMITS.unpacked_bytes:
                    raise archives.unsafe(path.name, "it unpacks to over 1 GiB", "less")
