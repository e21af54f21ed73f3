"""Delimited text: rows as the declared dialect says, each with its position and raw bytes.

A row whose quotes do not fit never swallows its neighbours unseen: every physical line from the one
where the quote opened to the one where the mistake shows is reported as QUOTE_OPEN, and reading goes
on after it. Cells are text and nothing is converted. Blank lines are no rows.
Streams; holds one chunk and one row at most.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from candor.events.reasons import ReasonCode
from candor.sources.base import FileRefused, RawRecord
from candor.sources.readers import bytestream
from candor.sources.readers.bytestream import Member
from candor.sources.readers.dialect import Dialect, check_header, is_separator_line
from candor.sources.readers.limits import LIMITS

_CHUNK = 1 << 18
_ENDS = b"\r\n"
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_QUOTE_DETAIL = "quotes that close before the next delimiter or line end, doubled inside a cell"


@dataclass(slots=True)
class Row:
    """One row, or one physical line that belongs to none."""

    offset: int
    raw: bytes
    cells: list[str] | None
    reason: ReasonCode | None = None
    detail: str = ""


def read(
    path: Path,
    dialect: Dialect,
    *,
    encoding: str | None = None,
    required: Sequence[str] = (),
) -> Iterator[RawRecord]:
    """Every data row of a file (or of every entry of its archive) as column name → cell.

    Args:
        path: the file.
        dialect: as declared.
        encoding: as declared; None for UTF-8 or UTF-16 with mark.
        required: columns without which the file is refused.

    Raises:
        FileRefused: the file as a whole, or its header, cannot be read.
    """
    number = 0
    for member in bytestream.members(path, encoding):
        found = rows(member, dialect)
        names = list(dialect.columns)
        if dialect.header:
            names = _header(next(found, None), member.name)
        check_header(names, required, member.name)
        width = len(names)
        for row in found:
            number += 1
            ref = f"{member.name}:byte {row.offset}:record {number}"
            cells = row.cells
            if cells is None:
                yield RawRecord(number, ref, row.raw, None, row.reason, row.detail)
            elif len(cells) != width:
                yield RawRecord(
                    number, ref, row.raw, None, ReasonCode.FIELD_COUNT,
                    f"{width} cells, not {len(cells)}",
                )  # fmt: skip
            else:
                yield RawRecord(number, ref, row.raw, dict(zip(names, cells, strict=True)))


def rows(member: Member, dialect: Dialect) -> Iterator[Row]:
    """Every row of one content, the header included, blank and skipped lines left out."""
    with member.open() as stream:
        lines = _Lines(stream, dialect.quote)
        for _ in range(dialect.skip_rows):
            next(lines, None)
        yield from _Splitter(member, dialect).split(lines)


def _header(row: Row | None, name: str) -> list[str]:
    if row is None:
        raise FileRefused(
            ReasonCode.HEADER_MISSING, f"{name} holds no row", "a header row", "export it again"
        )
    if row.cells is None:
        reason = row.reason or ReasonCode.HEADER_MISSING
        raise FileRefused(
            # A header is written by the program, not by a customer: it shows the encoding.
            ReasonCode.ENC_UNDECLARED if reason is ReasonCode.ENC_INVALID else reason,
            f"the header of {name} cannot be read",
            row.detail,
            "mend the first line, or declare the encoding and dialect of the file",
        )
    return row.cells


@dataclass(slots=True)
class _Line:
    offset: int
    raw: bytes
    length: int
    quotes_cut: int = 0


class _Lines(Iterator[_Line]):
    """Physical lines with their ends; knows whether control characters may be near."""

    def __init__(self, stream: BinaryIO, quote: str | None) -> None:
        self._stream = stream
        self._quote = (quote or "").encode()
        self._offset = 0
        self._ready: list[bytes] = []
        self._rest = b""
        self.suspicious = False

    def __next__(self) -> _Line:
        while not self._ready:
            if not self._fill():
                raise StopIteration
        raw = self._ready.pop()
        line = _Line(self._offset, raw, len(raw))
        self._offset += len(raw)
        if not self._ready and len(self._rest) > LIMITS.line_bytes and raw is self._rest:
            self._cut(line)
        return line

    def _fill(self) -> bool:
        chunk = self._stream.read(_CHUNK)
        if not chunk:
            if not self._rest:
                return False
            self._ready = self._rest.splitlines(keepends=True)
            self._ready.reverse()
            self._rest = b""
            return True
        self.suspicious = self.suspicious or _CONTROL.search(chunk) is not None
        pieces = (self._rest + chunk).splitlines(keepends=True)
        # The last piece may go on in the next chunk; a CR at its end may be half of a CRLF.
        self._rest = b"" if pieces[-1].endswith(b"\n") else pieces.pop()
        pieces.reverse()
        self._ready = pieces
        if not pieces and len(self._rest) > LIMITS.line_bytes:
            self._ready = [self._rest]
        return True

    def _cut(self, line: _Line) -> None:
        """Passes over the rest of an over-long line without holding it."""
        kept, self._rest = self._rest[: LIMITS.kept_raw_bytes], b""
        quotes = line.raw.count(self._quote) if self._quote else 0
        while chunk := self._stream.read(_CHUNK):
            pieces = chunk.splitlines(keepends=True)
            first = pieces.pop(0)
            line.length += len(first)
            self._offset += len(first)
            quotes += first.count(self._quote) if self._quote else 0
            if first.endswith((b"\r", b"\n")):
                self._rest = b"".join(pieces)
                break
        line.raw = kept
        line.quotes_cut = quotes


class _Splitter:
    """The quote state machine of one dialect."""

    def __init__(self, member: Member, dialect: Dialect) -> None:
        self._member = member
        self._dialect = dialect
        self._delimiter = dialect.delimiter
        self._quote = dialect.quote
        self._marks = [
            mark.encode() for mark in (dialect.quote, dialect.escape) if mark is not None
        ]
        escape = dialect.escape if dialect.escape != dialect.quote else None
        stop = re.escape((dialect.quote or "") + (escape or ""))
        inner = [re.escape(2 * dialect.quote)] if dialect.quote else []
        if escape:
            inner.insert(0, re.escape(escape) + ".")
        body = f"[^{stop}]*+(?:(?:{'|'.join(inner)})[^{stop}]*+)*+" if stop else ""
        # Possessive, so that hostile text cannot make it try the same characters twice.
        self._to_close = re.compile(body + re.escape(dialect.quote or ""), re.DOTALL)
        self._plain = (
            re.compile(
                rf"(?:{re.escape(escape)}.|(?!{re.escape(self._delimiter)})[^{re.escape(escape)}])*+",
                re.DOTALL,
            )
            if escape
            else None
        )
        self._unescape = re.compile("|".join(inner), re.DOTALL) if inner else None

    def split(self, lines: _Lines) -> Iterator[Row]:
        """Rows of the physical lines."""
        delimiter, marks = self._delimiter, self._marks
        first = True
        for line in lines:
            raw = line.raw
            if line.length <= LIMITS.field_bytes and not any(mark in raw for mark in marks):
                if lines.suspicious and _CONTROL.search(raw):
                    yield _refused(line.offset, raw, ReasonCode.CTRL_CHAR)
                    first = False
                    continue
                try:
                    text = raw.rstrip(_ENDS).decode()
                except UnicodeDecodeError as error:
                    yield _refused(line.offset, raw, ReasonCode.ENC_INVALID, error.start)
                    first = False
                    continue
                if not text:
                    continue
                if first:
                    first = False
                    if is_separator_line(text, self._dialect, self._member.name):
                        continue
                yield Row(line.offset, raw, text.split(delimiter))
                continue
            if first and is_separator_line(
                raw.rstrip(_ENDS).decode("utf-8", "replace"), self._dialect, self._member.name
            ):
                first = False
                continue
            first = False
            yield from self._with_quotes(line, lines)

    def _with_quotes(self, line: _Line, lines: _Lines) -> Iterator[Row]:
        """The row that begins in ``line``, which holds quotes, escapes or too much."""
        start, pieces, size, count = line.offset, [line.raw], line.length, 1
        state = _RowState()
        is_cut = line.quotes_cut > 0 or line.length > LIMITS.line_bytes
        if is_cut:
            state.is_open = line.quotes_cut % 2 == 1
            outcome = True
        else:
            outcome = self._feed(state, line.raw)
        while outcome and state.is_open:
            following = next(lines, None)
            if following is None:
                yield from self._each_line(start, None if is_cut else pieces, None)
                return
            count += 1
            size += following.length
            outcome = self._feed(state, following.raw)
            if size > LIMITS.line_bytes:
                is_cut = True
                state.forget()
            else:
                pieces.append(following.raw)
        if not outcome:
            yield from self._each_line(start, None if is_cut else pieces, count)
            return
        raw = b"".join(pieces)
        if is_cut or any(len(cell) > LIMITS.field_bytes // 4 for cell in state.cells):
            longest = max((len(cell.encode("utf-8", "replace")) for cell in state.cells), default=0)
            if is_cut or longest > LIMITS.field_bytes:
                yield Row(
                    start, raw[: LIMITS.kept_raw_bytes], None, ReasonCode.FIELD_TOO_LONG,
                    f"cells of at most {LIMITS.field_bytes} bytes (the row has {size})",
                )  # fmt: skip
                return
        if lines.suspicious and _CONTROL.search(raw):
            yield _refused(start, raw, ReasonCode.CTRL_CHAR)
            return
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            yield _refused(start, raw, ReasonCode.ENC_INVALID, error.start)
            return
        yield Row(start, raw, state.cells)

    def _feed(self, state: _RowState, raw: bytes) -> bool:
        """Reads one physical line into the row; False when its quotes do not fit."""
        text = raw.decode("utf-8", "surrogateescape")
        end_of_cells = len(text.rstrip("\r\n"))
        at = 0
        if state.is_open:
            match = self._to_close.match(text)
            if match is None:
                state.parts.append(text)
                return True
            state.parts.append(text[: match.end() - 1])
            state.close(self._clean)
            at = match.end()
            if at >= end_of_cells:
                return True
            if not text.startswith(self._delimiter, at):
                return False
            at += len(self._delimiter)
        while True:
            if self._quote is not None and text.startswith(self._quote, at):
                match = self._to_close.match(text, at + 1)
                if match is None:
                    state.is_open = True
                    state.parts = [text[at + 1 :]]
                    return True
                state.cells.append(self._clean(text[at + 1 : match.end() - 1]))
                at = match.end()
                if at >= end_of_cells:
                    return True
                if not text.startswith(self._delimiter, at):
                    return False
            else:
                at = self._unquoted(state, text, at, end_of_cells)
                if at >= end_of_cells:
                    return True
            at += len(self._delimiter)

    def _unquoted(self, state: _RowState, text: str, at: int, end_of_cells: int) -> int:
        if self._plain is None:
            end = text.find(self._delimiter, at, end_of_cells)
            end = end_of_cells if end < 0 else end
            state.cells.append(text[at:end])
            return end
        match = self._plain.match(text, at, end_of_cells)
        end = match.end() if match else end_of_cells
        state.cells.append(self._clean(text[at:end]))
        if end < end_of_cells and not text.startswith(self._delimiter, end):
            state.cells[-1] += text[end:end_of_cells]
            return end_of_cells
        return end

    def _clean(self, text: str) -> str:
        if self._unescape is None:
            return text
        return self._unescape.sub(lambda match: match.group()[1:], text)

    def _each_line(
        self, start: int, pieces: list[bytes] | None, count: int | None
    ) -> Iterator[Row]:
        """Physical lines as records of their own: ``pieces``, or ``count`` (all) read once more."""
        if pieces is not None:
            for raw in pieces:
                yield Row(start, raw, None, ReasonCode.QUOTE_OPEN, _QUOTE_DETAIL)
                start += len(raw)
            return
        with self._member.open() as stream:
            left = start
            while left:
                left -= len(stream.read(min(left, _CHUNK)))
            for number, line in enumerate(_Lines(stream, None)):
                if number == count:
                    return
                yield Row(start + line.offset, line.raw, None, ReasonCode.QUOTE_OPEN, _QUOTE_DETAIL)


@dataclass(slots=True)
class _RowState:
    cells: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    is_open: bool = False

    def close(self, clean: Callable[[str], str]) -> None:
        """Makes the parts of an open cell into a cell."""
        self.cells.append(clean("".join(self.parts)))
        self.parts, self.is_open = [], False

    def forget(self) -> None:
        """Keeps only whether a quote is open: the row is too long to hold."""
        self.cells, self.parts = [], []


def _refused(offset: int, raw: bytes, reason: ReasonCode, at: int | None = None) -> Row:
    if reason is ReasonCode.CTRL_CHAR:
        detail = "no control characters but tab and line ends"
    else:
        detail = f"UTF-8 (byte {(at or 0) + 1} of the row)"
    return Row(offset, raw, None, reason, detail)
