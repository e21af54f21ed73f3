"""One JSON document: its records are the elements of an array, read one after the other.

The array is the document itself or stands under a key of the top-level object (``simulations``); a
top-level object without a named key is one record. Never holds more than one element and one
chunk. A broken document cannot be resynchronised: it is refused whole, which may show only at its
end, so whoever reads must be able to forget what came before.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from candor.events.reasons import ReasonCode
from candor.sources.base import FileRefused, RawRecord
from candor.sources.readers import bytestream
from candor.sources.readers.json_strict import JsonFault, decode_at, skip_at, space_end
from candor.sources.readers.limits import LIMITS

_CHUNK = 1 << 20
_STRING_STOP = re.compile(r'["\\]')
# To the next bracket, past whole strings; it stops at the quote of a string that is cut off.
_VALUE_STOP = re.compile(
    r'[^"{}\[\]]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"{}\[\]]*+)*+(["{}\[\]])', re.DOTALL
)
_FIX = "export it again; if each line is a record of its own, declare the format jsonl"


def read(path: Path, key: str | None = None, encoding: str | None = None) -> Iterator[RawRecord]:
    """Every element of the array, in order.

    Args:
        path: the file (plain, gzip or zip).
        key: key of the top-level object that holds the array; dots go deeper (``data.items``);
            None: the document is the array, or one record.
        encoding: as declared.

    Raises:
        FileRefused: JSON_SYNTAX and the reasons of ``bytestream.members``.
    """
    number = 0
    for member in bytestream.members(path, encoding):
        with member.open() as stream:
            document = _Document(stream, member.name)
            for element in document.elements(key.split(".") if key else []):
                number += 1
                yield RawRecord(
                    number,
                    f"{member.name}:byte {element.offset}:record {number}",
                    element.raw,
                    element.value,
                    element.reason,
                    element.detail,
                )


def top_level(path: Path, keys: Collection[str], encoding: str | None = None) -> dict[str, Any]:
    """The values of the named keys of a top-level object, all other values passed over.

    Raises:
        FileRefused: as ``read``; also when the document is no object.
    """
    with bytestream.open_bytes(path, encoding) as stream:
        document = _Document(stream, path.name)
        return dict(document.members(keys))


@dataclass(slots=True)
class _Element:
    offset: int
    raw: bytes
    value: Any
    reason: ReasonCode | None = None
    detail: str = ""


class _Document:
    """A window of text that slides over a document."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._text = ""
        self._at = 0
        self._base = 0
        self._ended = False

    def elements(self, keys: list[str]) -> Iterator[_Element]:
        """Elements of the array under ``keys``; the document itself when it is one record."""
        mark = self._peek()
        if keys:
            yield from self._under(keys)
        elif mark == "[":
            yield from self._array()
        else:
            yield self._element()
        if self._peek():
            self._refuse("nothing after the end of the document")

    def members(self, keys: Collection[str]) -> Iterator[tuple[str, Any]]:
        """``(key, value)`` of the wanted keys of the top-level object."""
        for key in self._object():
            if key not in keys:
                self._skip()
                continue
            element = self._element()
            if element.reason is not None:
                raise FileRefused(
                    element.reason, f"{self._name}: the value of '{key}'", element.detail, _FIX
                )
            yield key, element.value
        if self._peek():
            self._refuse("nothing after the end of the document")

    def _under(self, keys: list[str]) -> Iterator[_Element]:
        found = False
        for key in self._object():
            if key != keys[0]:
                self._skip()
                continue
            found = True
            if len(keys) > 1:
                yield from self._under(keys[1:])
            elif self._peek() == "[":
                yield from self._array()
            else:
                self._refuse(f"an array under '{key}'")
        if not found:
            self._refuse(f"the key '{keys[0]}'")

    def _object(self) -> Iterator[str]:
        """Keys of the object ahead; the caller reads or skips each value."""
        self._expect("{")
        seen: set[str] = set()
        if self._peek() == "}":
            self._step()
            return
        while True:
            if self._peek() != '"':
                self._refuse("a key in double quotes")
            element = self._element()
            if element.reason is not None or element.value in seen:
                raise FileRefused(
                    element.reason or ReasonCode.JSON_DUP_KEY,
                    f"{self._name}: a key of the document",
                    element.detail or "every key once",
                    _FIX,
                )
            seen.add(element.value)
            self._expect(":")
            yield element.value
            if not self._more("}"):
                return

    def _array(self) -> Iterator[_Element]:
        self._expect("[")
        if self._peek() == "]":
            self._step()
            return
        while True:
            yield self._element()
            if not self._more("]"):
                return

    def _more(self, closing: str) -> bool:
        mark = self._peek()
        if mark not in (",", closing) or not mark:
            self._refuse(f"',' or '{closing}'")
        self._step()
        return mark == ","

    def _expect(self, mark: str) -> None:
        if self._peek() != mark:
            self._refuse(f"'{mark}'")
        self._step()

    def _element(self) -> _Element:
        """The value ahead, with the reason when its content breaks a rule."""
        self._peek()
        while True:
            start = self._at
            value, reason, detail = None, None, ""
            try:
                value, end = decode_at(self._text, start)
            except JsonFault as fault:
                reason, detail = fault.code, fault.detail
                try:
                    end = skip_at(self._text, start) if reason is not ReasonCode.JSON_SYNTAX else -1
                except JsonFault:
                    end = -1
            # A number may go on in the next chunk, so something must follow before it is believed.
            if end >= 0 and (end < len(self._text) or self._ended):
                break
            if len(self._text) - start > LIMITS.line_bytes:
                return self._too_long()
            if not self._grow():
                self._refuse(detail or "a complete document")
        if end - start > LIMITS.line_bytes:
            return self._too_long()
        text = self._text[start:end]
        offset = self._base
        try:
            raw = text.encode()
        except UnicodeEncodeError:
            raw = text.encode("utf-8", "surrogateescape")
            value, reason, detail = None, ReasonCode.ENC_INVALID, "UTF-8"
        self._base += len(raw)
        self._at = end
        return _Element(offset, raw, value, reason, detail)

    def _skip(self) -> None:
        """Passes over the value ahead, however large, holding only a chunk of it."""
        if self._peek() in ("{", "["):
            self._pass_over()
        else:
            self._element()

    def _too_long(self) -> _Element:
        offset = self._base
        raw = self._text[self._at : self._at + LIMITS.kept_raw_bytes].encode(
            "utf-8", "surrogateescape"
        )
        self._pass_over()
        if self._base - offset <= LIMITS.line_bytes:
            # Its brackets end within the limit, so it was not its length that kept it from parsing.
            self._refuse(f"valid JSON in the record at byte {offset}")
        return _Element(
            offset,
            raw,
            None,
            ReasonCode.SIZE_LIMIT,
            f"a record of at most {LIMITS.line_bytes} bytes",
        )

    def _pass_over(self) -> None:
        """To the end of the value ahead, by its brackets and quotes alone."""
        depth = 0
        in_string = self._peek() == '"'
        self._at += in_string
        self._base += in_string
        while True:
            at = self._at
            text = self._text
            while at < len(text):
                if in_string:
                    stop = _STRING_STOP.search(text, at)
                    if stop is None:
                        at = len(text)
                    elif stop.group() == '"':
                        in_string, at = False, stop.end()
                        if depth == 0:
                            self._advance(at)
                            return
                    elif stop.end() < len(text):
                        at = stop.end() + 1
                    else:
                        break
                else:
                    stop = _VALUE_STOP.match(text, at)
                    if stop is None:
                        at = len(text)
                        continue
                    at = stop.end()
                    mark = stop[1]
                    if mark == '"':
                        in_string = True
                    elif mark in "{[":
                        depth += 1
                    else:
                        depth -= 1
                    if depth <= 0 and not in_string:
                        self._advance(at)
                        return
            self._advance(at)
            if not self._grow():
                self._refuse("a complete document")

    def _peek(self) -> str:
        """The next character that is no white space, "" at the end."""
        while True:
            end = space_end(self._text, self._at)
            self._base += end - self._at
            self._at = end
            if end < len(self._text):
                return self._text[end]
            if not self._grow():
                return ""

    def _step(self) -> None:
        """Past one structural character."""
        self._at += 1
        self._base += 1

    def _advance(self, at: int) -> None:
        self._base += len(self._text[self._at : at].encode("utf-8", "surrogateescape"))
        self._at = at

    def _grow(self) -> bool:
        """Reads on; false at the end. Doubles what it reads while one value keeps growing."""
        if self._ended:
            return False
        kept = self._text[self._at :]
        chunk = self._stream.read(max(_CHUNK, len(kept)))
        self._ended = not chunk
        self._text = kept + self._decoder.decode(chunk, self._ended)
        self._at = 0
        return True

    def _refuse(self, expected: str) -> NoReturn:
        raise FileRefused(
            ReasonCode.JSON_SYNTAX,
            f"{self._name} is not one valid JSON document (near byte {self._base})",
            expected,
            _FIX,
        )
