"""A view: one thing that can be looked at, as a page, as JSON, and as a file.

All three come from one answer, made under the same permissions, so none of them can show what
another hides.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from markupsafe import Markup

from candor.access.permissions import Actor, Permission
from candor.answers import Answers
from candor.reports.document import Document
from candor.reports.sheets import Cells
from candor.web.asked import Asked
from candor.web.desk import Desk

Table = tuple[str, tuple[str, ...], list[Cells]]
"""Title, heading and rows."""
Picture = Mapping[str, Any]
"""Specification of a chart."""


@dataclass(frozen=True)
class Look:
    """Somebody looks at something.

    Attributes:
        answers: the publication, as this worker has it open.
        desk: for long questions.
        asked: parameters.
        actor: who looks.
        path: path of the page, without parameters.
        names: parts of the path.
    """

    answers: Answers
    desk: Desk
    asked: Asked
    actor: Actor
    path: str
    names: Mapping[str, str]


@dataclass(frozen=True)
class Shown:
    """What is shown.

    Attributes:
        title: of the page.
        body: HTML.
        data: the same as plain data.
        snapshot, as_of: publication it comes from.
        tables: makes the same as tables, for CSV; None where there is nothing to take along.
        workbook: makes the same as an XLSX file.
        picture: makes the specification of the same as a picture; None where there is none.
        printed: makes the same as one HTML file to be printed.
        document: the same as a document, for files and letters; None where there is none.
        opened: threads whose opening must be in the audit log before this leaves.
    """

    title: str
    body: Markup
    data: Mapping[str, Any]
    snapshot: str = ""
    as_of: str = ""
    tables: Callable[[], list[Table]] | None = None
    workbook: Callable[[], bytes] | None = None
    picture: Callable[[], Picture | None] | None = None
    printed: Callable[[], str] | None = None
    document: Document | None = None
    opened: tuple[str, ...] = ()

    @cached_property
    def as_json(self) -> bytes:
        """The data, its snapshot and instant as JSON text, made once."""
        return encoded({**self.data, "snapshot": self.snapshot, "as_of": self.as_of})

    @cached_property
    def etag(self) -> str:
        """Mark of the data as shown to this audience: equal marks, equal bytes."""
        return f'"{hashlib.sha256(self.as_json).hexdigest()[:32]}"'


def encoded(value: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys; a number that is not finite is an error, not ``NaN``."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, default=str)
    return text.encode("utf-8", "replace")


@dataclass(frozen=True)
class View:
    """How one thing is reached.

    Attributes:
        name: stable name.
        path: of the page; parts in braces.
        make: makes what is shown, in a worker.
        permission: needed to look.
        params: parameters known, beside segments.
        takes_segments: whether it can be narrowed to segments.
        is_scoped: whether it confines itself to the actor's scope.
        summary: one line for the description of the interface.
        is_document: whether what it shows is a document of figures, which can be sent by mail.
        holds_text: whether it may hold text of conversations; then it is no file and no link.
    """

    name: str
    path: str
    make: Callable[[Look], Shown]
    permission: Permission = Permission.FIGURES
    params: tuple[str, ...] = ()
    takes_segments: bool = False
    is_scoped: bool = False
    summary: str = ""
    is_document: bool = False
    holds_text: bool = False
