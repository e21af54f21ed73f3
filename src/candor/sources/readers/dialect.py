"""The declared shape of a delimited text file, and the checks of its header.

Nothing here is guessed: a dialect comes from the user. Cells are text; an empty cell is "".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from candor.errors import nearest
from candor.events.reasons import ReasonCode
from candor.sources.base import FileRefused
from candor.sources.readers.limits import LIMITS

_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a delimited text file is written.

    Attributes:
        delimiter: between cells; one or more characters.
        quote: one character around cells that hold delimiters or line ends; None: quotes are data.
            A quote inside such a cell is doubled.
        escape: one character that makes the next one data; None: it is data itself.
        header: whether the first row names the columns.
        columns: names of the columns when there is no header.
        skip_rows: physical lines before the header (or first row) that are no data.
    """

    delimiter: str = ","
    quote: str | None = '"'
    escape: str | None = None
    header: bool = True
    columns: tuple[str, ...] = ()
    skip_rows: int = 0


def is_separator_line(text: str, dialect: Dialect, name: str) -> bool:
    """Whether a first line is a spreadsheet's ``sep=`` line.

    Raises:
        FileRefused: HEADER_MISSING when it contradicts the declared delimiter.
    """
    match = _SEPARATOR_LINE.fullmatch(text)
    if match is None:
        return False
    if match[1] != dialect.delimiter:
        raise FileRefused(
            ReasonCode.HEADER_MISSING,
            f"{name} begins with 'sep={match[1]}' but the declared delimiter is "
            f"'{dialect.delimiter}'",
            "the delimiter that the file itself names",
            f'declare `delimiter: "{match[1]}"`',
        )
    return True


def check_header(names: Sequence[str], required: Sequence[str], name: str) -> None:
    """Refuse a header that does not name every column once, or lacks a column that is needed.

    Raises:
        FileRefused: HEADER_DUP, HEADER_EMPTY, HEADER_MISSING or SIZE_LIMIT.
    """
    if "" in names:
        raise FileRefused(
            ReasonCode.HEADER_EMPTY,
            f"{name}: column {list(names).index('') + 1} has no name",
            "a name for every column",
            "name it in the file, or declare `header: false` and `columns: [...]`",
        )
    if len(set(names)) != len(names):
        twice = next(one for one in names if names.count(one) > 1)
        raise FileRefused(
            ReasonCode.HEADER_DUP,
            f"{name}: the column '{_short(twice)}' occurs {names.count(twice)} times",
            "every column name once",
            "rename one of them in the file",
        )
    missing = [one for one in required if one not in set(names)]
    if missing:
        raise FileRefused(
            ReasonCode.HEADER_MISSING,
            f"{name}: no column {', '.join(repr(one) for one in missing[:5])} in the header",
            "the columns that the mapping names",
            nearest(missing[0], [_short(one) for one in names[:200]]),
        )
    if len(names) > LIMITS.columns:
        raise FileRefused(
            ReasonCode.SIZE_LIMIT,
            f"{name} has {len(names)} columns",
            f"at most {LIMITS.columns} columns",
            "export fewer columns",
        )


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
