"""A form with files, written to its place as it arrives, once it proved to be one of ours.

The framework reads a whole form before anybody asked who sends it, into files outside the
workspace. Here the guard comes first, the form's mark must stand before its first file, and bytes go
straight into the folder they are meant for.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from candor.access.sessions import form_mark
from candor.web.guard import Denied, came_from_here, session_of

_MARK = "mark"
_MARK_BYTES = 64
_HEADER_BYTES = 4_096


def streamed_form(request: Request) -> None:
    """A dependency of routes that take files; whoever reads the body checks the form's mark."""
    came_from_here(request)


class _Parts:
    """Callbacks of the parser: the mark in memory, files to disk."""

    def __init__(self, mark: str, place: Callable[[str], Path]) -> None:
        self._mark, self._place = mark, place
        self._name = b""
        self._value = b""
        self._disposition = b""
        self._field = ""
        self._given = b""
        self._file: BinaryIO | None = None
        self.is_ours = False
        self.is_over = False

    def begin(self) -> None:
        self._name = self._value = self._disposition = b""
        self._field, self._given = "", b""

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name = self._value = b""

    def headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._field = options.get(b"name", b"").decode("utf-8", "replace")
        given = options.get(b"filename")
        # A form whose file field was left empty sends a file without a name.
        if given:
            if not self.is_ours:
                raise Denied(
                    403, "this form is not from the page you are logged in on; load it again"
                )
            path = self._place(given.decode("utf-8", "replace"))
            self._file = open(path, "xb", opener=_owner_only)  # noqa: SIM115 - `end` closes it

    def data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])
        elif self._field == _MARK:
            self._given += data[start:end]
            if len(self._given) > _MARK_BYTES:
                raise Denied(403, "this form is not from a page of this server")

    def end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        elif self._field == _MARK:
            self.is_ours = hmac.compare_digest(self._given, self._mark.encode())

    def over(self) -> None:
        self.is_over = True

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


async def files_of(request: Request, place: Callable[[str], Path]) -> None:
    """Write the files of a form to their places.

    Args:
        request: its body was not read yet.
        place: given the name a client gave, a path that does not exist yet.

    Raises:
        Denied: the form is not ours, is no form, or ended early; what was written until then is
            the caller's to remove.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise Denied(415, "files are sent as a form")
    parts = _Parts(form_mark(session_of(request)), place)
    parser = MultipartParser(
        options[b"boundary"],
        {
            "on_part_begin": parts.begin, "on_part_data": parts.data, "on_part_end": parts.end,
            "on_header_field": parts.header_name, "on_header_value": parts.header_value,
            "on_header_end": parts.header_end, "on_headers_finished": parts.headers,
            "on_end": parts.over,
        },
        max_header_size=_HEADER_BYTES,
    )  # fmt: skip
    try:
        async for chunk in request.stream():
            await run_in_threadpool(parser.write, chunk)
        parser.finalize()
    except FormParserError:
        raise Denied(400, "the form is damaged") from None
    except ClientDisconnect:
        raise Denied(413, "the form ended early, or is larger than it may be") from None
    finally:
        parts.close()
    if not parts.is_over:
        raise Denied(400, "the form ended early")
    if not parts.is_ours:
        raise Denied(403, "this form is not from the page you are logged in on; load it again")


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
