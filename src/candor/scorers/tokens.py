"""Words of a column of texts as arrays of offsets and 64-bit keys, without a loop over rows.

Only cuts and looks up; means nothing by itself. A token is what ``str.split`` gives, without
punctuation at its ends unless two or fewer characters would be left (so emoticons survive).
Texts are first written in Latin-1, characters beyond it replaced one for one by a byte of their
class (upper, lower, other) and blanks by blanks, so that offsets, letter case and lengths stay
countable in bytes; words outside ASCII are therefore never found in a table. Keys hash the first 24 bytes and the
length in lower case.
"""

from __future__ import annotations

import codecs
import string
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from candor.scorers.accelerated import kernels

Array = Any  # numpy arrays; their dtypes are stated in the docstrings.

_PAD, _BLOCK = 32, 64
_CHUNK_BYTES = 1 << 17
_CHUNK_ROWS = 1 << 16
_SPACE, _PUNCTUATION, _LOWER, _UPPER, _OTHER = range(5)
_UPPER_BYTE, _LOWER_BYTE, _OTHER_BYTE = "\xc1", "\xe1", "\xb7"
INSERTED = "\x01"
_MARK = INSERTED.encode()
_LONG = 64
_STRIP_STEPS = 12
_SIEVE_BITS = 16
_PAGES = 1 << 13  # All that the longest sequence of UTF-8 can name.


def _tables() -> tuple[bytes, bytes, bytes]:
    """Class, lower case and upper case of each Latin-1 byte.

    The upper case of a small letter without one in Latin-1 is byte 0: only "differs" matters.
    """
    classes, lower, upper = bytearray(256), bytearray(range(256)), bytearray(range(256))
    for code in range(256):
        character = chr(code)
        if character.isspace():
            classes[code] = _SPACE
        elif character in string.punctuation:
            classes[code] = _PUNCTUATION
        elif character.isupper():
            classes[code] = _UPPER
            lower[code] = ord(character.lower())
        elif character.islower():
            classes[code] = _LOWER
            capital = character.upper()
            upper[code] = ord(capital) if len(capital) == 1 and ord(capital) < 256 else 0
        else:
            classes[code] = _OTHER
    return bytes(classes), bytes(lower), bytes(upper)


_CLASSES, _TO_LOWER, _TO_UPPER = _tables()
_CLASS_OF, _UPPER_OF, _LOWER_OF = (
    np.frombuffer(table, np.uint8) for table in (_CLASSES, _TO_UPPER, _TO_LOWER)
)
_MASKS = np.array([(1 << (8 * size)) - 1 for size in range(9)], dtype=np.uint64)
_MIX = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93],
    dtype=np.uint64,
)


def byte_tables() -> tuple[Array, Array]:
    """Upper and lower case of each byte, for compiled code."""
    return _UPPER_OF, _LOWER_OF


class _Replacements(dict[str, str]):
    """What stands for a character outside Latin-1 (or an inserted one), filled as met."""

    def __init__(self, inserted: Mapping[str, str]) -> None:
        super().__init__()
        self._inserted = inserted

    def __missing__(self, character: str) -> str:
        if character in self._inserted:
            said = self._inserted[character]
            made = INSERTED + "".join(c if ord(c) < 256 else self[c] for c in said)
        elif character.isspace():
            made = "\n"
        elif len(character.lower()) == 1 and character.lower().isascii():
            made = character.lower().upper()
        elif character.isupper():
            made = _UPPER_BYTE
        elif character.islower() or character.istitle():
            made = _LOWER_BYTE
        else:
            made = _OTHER_BYTE
        self[character] = made
        return made


class Flattener:
    """Turns texts into one byte per character.

    Args:
        inserted: characters replaced by words of their own, set apart by a blank before them.
    """

    def __init__(self, inserted: Mapping[str, str] | None = None) -> None:
        self._replacements = _Replacements(inserted or {})
        # Inserted characters that Latin-1 could write must be replaced before it does.
        self._latin = [character for character in inserted or {} if ord(character) < 256]
        self._pages = _Pages(self._replacements, inserted or {})
        self._handler = f"candor-flatten-{id(self)}"
        codecs.register_error(self._handler, self._replace)

    def flatten(self, texts: pa.Array) -> pa.Array:
        """The texts as binary values, one byte per character (inserted words apart)."""
        binary = texts.cast(pa.binary())
        if _is_plain(binary):
            return binary
        if kernels(len(texts)) is not None:
            return self._pages.flatten(pc.fill_null(binary, b""))
        # A text with a character beyond ASCII has more bytes than characters.
        foreign = pc.not_equal(pc.binary_length(binary), pc.utf8_length(texts))
        if holds_byte(binary, INSERTED):
            foreign = pc.or_(foreign, pc.match_substring(binary, _MARK))
        foreign = pc.fill_null(foreign, False)
        mask = foreign.to_numpy(zero_copy_only=False)
        if not mask.any():
            return binary
        flat = [self._one(text) for text in texts.filter(foreign).to_pylist()]
        return pc.replace_with_mask(binary, foreign, pa.array(flat, pa.binary()))

    def _replace(self, error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        found = error.object[error.start : error.end]
        return "".join(map(self._replacements.__getitem__, found)), error.end

    def _one(self, text: str) -> bytes:
        if INSERTED in text:
            text = text.replace(INSERTED, _OTHER_BYTE)
        for character in self._latin:
            if character in text:
                text = text.replace(character, self._replacements[character])
        written = text.encode("latin-1", self._handler)
        if _MARK in written:
            written = written.replace(b" " + _MARK, b" ").replace(_MARK, b" ")
        return written


def _bytes(binary: pa.Array) -> Array:
    """uint8: the bytes of all values, strings or binary, one after another."""
    data = binary.buffers()[2]
    if data is None:
        return np.zeros(0, np.uint8)
    offsets = np.frombuffer(binary.buffers()[1], np.int32)[binary.offset :]
    return np.frombuffer(data, np.uint8)[offsets[0] : offsets[len(binary)]]


def _is_plain(binary: pa.Array) -> bool:
    """Whether all is ASCII without the byte that marks inserted words."""
    data = _bytes(binary)
    return not len(data) or (int(data.max()) < 128 and not holds_byte(binary, INSERTED))


def holds_byte(texts: pa.Array, byte: str) -> bool:
    """Whether any of the texts may hold one ASCII character."""
    return bool((_bytes(texts) == ord(byte)).any())


class _Pages:
    """What stands for each character, in pages of 256, for the compiled printing."""

    def __init__(self, replacements: _Replacements, inserted: Mapping[str, str]) -> None:
        self._replacements = replacements
        self._number = {character: number for number, character in enumerate(inserted)}
        said = [replacements[character].removeprefix(INSERTED) for character in inserted]
        self._said = np.frombuffer("".join(said).encode("latin-1"), np.uint8)
        self._ends = np.cumsum([0, *map(len, said)])
        if any(character.isascii() for character in inserted):
            raise ValueError("words are inserted only for characters beyond ASCII")
        self._place = np.full(_PAGES, -1, np.int64)
        self._made = np.zeros((0, 256), np.int32)

    def flatten(self, binary: pa.Array) -> pa.Array:
        """Binary values without nulls, one byte per character (inserted words apart)."""
        from candor.scorers import compiled_flat

        offsets = np.frombuffer(binary.buffers()[1], np.int32)[binary.offset :]
        offsets = offsets[: len(binary) + 1] - offsets[0]
        data = _bytes(binary)
        seen = np.zeros(len(self._place), bool)
        seen[0] = True
        compiled_flat.met(data, seen)
        missing = np.flatnonzero(seen & (self._place < 0))
        if len(missing):
            self._place[missing] = len(self._made) + np.arange(len(missing))
            self._made = np.concatenate(
                [self._made, [self._page(page) for page in missing.tolist()]]
            )
        flat, begins = compiled_flat.flatten(
            data, offsets, self._place, self._made, self._said, self._ends
        )
        buffers = [None, pa.py_buffer(begins), pa.py_buffer(flat)]
        return pa.Array.from_buffers(pa.binary(), len(binary), buffers)

    def _page(self, page: int) -> Array:
        codes = range(256 * page, 256 * page + 256)
        return np.array(
            [self._value(chr(code)) if code <= sys.maxunicode else 0 for code in codes], np.int32
        )

    def _value(self, character: str) -> int:
        if character in self._number:
            return 256 + self._number[character]
        if character == INSERTED:
            return ord(_OTHER_BYTE)
        return ord(character) if ord(character) < 256 else ord(self._replacements[character])


@dataclass(slots=True)
class Tokens:
    """The tokens of some consecutive rows.

    Attributes:
        rows: how many rows.
        offsets: int64[rows + 1], where each row's bytes begin in ``lower``.
        first: int64[rows + 1], index of each row's first token.
        start, end: int64 per token, offsets of its bytes.
        key: uint64 per token.
        raw, lower: the bytes as written and in lower case, filled up with blanks.
        kernels: the compiled code that cut them, where it did.
    """

    rows: int
    offsets: Array
    first: Array
    start: Array
    end: Array
    key: Array
    raw: bytes
    lower: bytes | Array
    kernels: ModuleType | None = None

    @property
    def row(self) -> Array:
        """int64 per token: its row."""
        return np.repeat(np.arange(self.rows), np.diff(self.first))

    def row_of(self, tokens: Array) -> Array:
        """int64 per given token index: its row."""
        return np.asarray(np.searchsorted(self.first, tokens, side="right")) - 1

    def bytes_equal(self, byte: str) -> Array:
        """int64: offsets of one ASCII character."""
        return np.flatnonzero(np.frombuffer(self.lower, np.uint8) == ord(byte))

    def count_by_row(self, offsets: Array) -> Array:
        """int64[rows]: how many of the sorted byte offsets lie in each row."""
        return np.diff(np.searchsorted(offsets, self.offsets))

    def sum_by_row(self, values: Array) -> Array:
        """Sum of one value per token, by row; same dtype, bool summed as int64."""
        if not len(values):
            return np.zeros(self.rows, np.int64)
        kind = np.int64 if values.dtype == bool else values.dtype
        padded = np.append(values, np.zeros(1, values.dtype))
        total = np.add.reduceat(padded, self.first[:-1], dtype=kind)
        total[self.first[:-1] == self.first[1:]] = 0
        return total

    def is_upper(self) -> Array:
        """Bool per token: has capital letters and no small ones."""
        classes = np.frombuffer(self.raw.translate(_CLASSES), np.uint8)
        found = np.zeros(len(self.start), dtype=bool)
        near = np.flatnonzero((classes[self.start] != _LOWER) & (classes[self.end - 1] != _LOWER))
        upper = self.raw.translate(_TO_UPPER)
        size = self.end[near] - self.start[near]
        for at in near[size > _LONG].tolist():
            begin, end = self.start[at], self.end[at]
            found[at] = self.raw[begin:end] == upper[begin:end] != self.lower[begin:end]
        near = near[size <= _LONG]
        has_small = np.zeros(len(near), dtype=bool)
        has_capital = np.zeros(len(near), dtype=bool)
        views = [_words(part) for part in (self.raw, upper, self.lower)]
        left = np.arange(len(near))
        shift = 0
        while len(left):
            place = self.start[near[left]] + shift
            rest = self.end[near[left]] - place
            mask = _MASKS[np.minimum(rest, 8)]
            as_written, in_upper, in_lower = (view[place] & mask for view in views)
            has_small[left] |= as_written != in_upper
            has_capital[left] |= as_written != in_lower
            left = left[rest > 8]
            shift += 8
        found[near] = has_capital & ~has_small
        return found


def cut(flat: pa.Array) -> Iterator[Tokens]:
    """Tokens of a flattened column, in chunks of rows that fit a processor's cache.

    Args:
        flat: binary array from ``Flattener.flatten``; nulls have no tokens.
    """
    compiled = kernels(len(flat))
    for raw, own in chunks(flat):
        yield _cut(raw, own) if compiled is None else _cut_compiled(raw, own, compiled)


def chunks(flat: pa.Array) -> Iterator[tuple[bytes, Array]]:
    """The bytes of some rows at a time, and where each of them begins and ends.

    They are filled up with at least 32 blanks to a multiple of 64.
    """
    if isinstance(flat, pa.ChunkedArray):
        flat = flat.combine_chunks()
    flat = pc.fill_null(flat, b"")
    offsets = np.frombuffer(flat.buffers()[1], np.int32)[flat.offset :][: len(flat) + 1]
    data = flat.buffers()[2]
    row = 0
    while row < len(flat):
        limit = int(np.searchsorted(offsets, int(offsets[row]) + _CHUNK_BYTES, side="right")) - 1
        last = min(max(limit, row + 1), row + _CHUNK_ROWS, len(flat))
        begin, end = int(offsets[row]), int(offsets[last])
        own = data.slice(begin, end - begin).to_pybytes() if end > begin else b""
        raw = own + b" " * (_PAD + -(len(own) + _PAD) % _BLOCK)
        yield raw, offsets[row : last + 1].astype(np.int64) - begin
        row = last


def _cut(raw: bytes, offsets: Array) -> Tokens:
    size = int(offsets[-1])
    classes = np.frombuffer(raw.translate(_CLASSES), np.uint8)
    inside = classes[:size] != _SPACE
    begins = inside.copy()
    begins[1:] &= ~inside[:-1]
    stops = inside.copy()
    stops[:-1] &= ~inside[1:]
    edges = offsets[1:-1]
    edges = edges[(edges > 0) & (edges < size)]
    begins[edges] = inside[edges]
    stops[edges - 1] = inside[edges - 1]
    start, end = np.flatnonzero(begins), np.flatnonzero(stops) + 1
    first = np.searchsorted(start, offsets)
    _strip(raw, classes, start, end)
    lower = raw.translate(_TO_LOWER)
    key = keys_of(lower, start, end)
    return Tokens(len(offsets) - 1, offsets, first, start, end, key, raw, lower)


def _cut_compiled(raw: bytes, offsets: Array, compiled: ModuleType) -> Tokens:
    """The same in one pass."""
    data = np.frombuffer(raw, np.uint8)
    lower = compiled.lowered(data)
    first, start, end, key = compiled.cut_rows(
        data, _words(lower), offsets, _CLASS_OF, _MASKS, _MIX
    )
    return Tokens(len(offsets) - 1, offsets, first, start, end, key, raw, lower, compiled)


def _strip(raw: bytes, classes: Array, start: Array, end: Array) -> None:
    """Move the ends of tokens over punctuation, in place."""
    bare = (classes[start] == _PUNCTUATION) | (classes[end - 1] == _PUNCTUATION)
    which = np.flatnonzero(bare & (end - start > 2))
    begin, stop = start[which], end[which]
    for edge, step in ((begin, 1), (stop, -1)):
        moving = np.arange(len(which))
        for _ in range(_STRIP_STEPS):
            place = edge[moving] - (step < 0)
            going = (classes[place] == _PUNCTUATION) & (begin[moving] < stop[moving])
            moving = moving[going]
            if not len(moving):
                break
            edge[moving] += step
        for at in moving.tolist():
            token = raw[begin[at] : stop[at]]
            if step > 0:
                begin[at] += len(token) - len(token.lstrip(string.punctuation.encode()))
            else:
                stop[at] -= len(token) - len(token.rstrip(string.punctuation.encode()))
    kept = stop - begin > 2
    start[which[kept]] = begin[kept]
    end[which[kept]] = stop[kept]


def _words(data: bytes | Array) -> Array:
    """Every eight bytes of the data as one number, at every offset."""
    return np.ndarray((len(data) - 7,), "<u8", buffer=data, strides=(1,))


def keys_of(lower: bytes | Array, start: Array, end: Array) -> Array:
    """uint64 key of each stretch of padded lower-case bytes."""
    words = _words(lower)
    size = end - start
    word = words[start] & _MASKS[np.minimum(size, 8)]
    key = (word + size.astype(np.uint64)) * _MIX[0]
    for part in (1, 2):
        longer = np.flatnonzero(size > 8 * part)
        if len(longer):
            rest = np.minimum(size[longer] - 8 * part, 8)
            key[longer] ^= (words[start[longer] + 8 * part] & _MASKS[rest]) * _MIX[part]
            key[longer] *= _MIX[3]
    return key


class WordTable:
    """A fixed list of words, found among tokens by number.

    Args:
        words: ASCII words in lower case, without blanks and of at most 24 letters; word ``i``
            gets number ``i + 1``.

    Raises:
        ValueError: more than 32,766 words, or two that share a key.
    """

    _BITS = 15

    def __init__(self, words: Sequence[str]) -> None:
        if len(words) > np.iinfo(np.int16).max - 1:
            raise ValueError("a word table holds at most 32,766 words")
        data = "".join(words).encode("ascii") + bytes(_PAD)
        end = np.cumsum([len(word) for word in words], dtype=np.int64)
        start = end - np.array([len(word) for word in words], dtype=np.int64)
        keys = keys_of(data, start, end)
        if len(np.unique(keys)) != len(keys):
            raise ValueError("two words of a table share a key")
        self._keys = np.concatenate([np.zeros(1, np.uint64), keys])
        self._size = np.concatenate([np.zeros(1, np.int64), end - start])
        self._slots = np.zeros(1 << self._BITS, np.int16)
        self._next = np.zeros(len(words) + 1, np.int16)
        for number, slot in enumerate(self._slot(keys).tolist(), start=1):
            self._next[number] = self._slots[slot]
            self._slots[slot] = number
        self._sieve = np.zeros(1 << (_SIEVE_BITS - 6), np.uint64)
        high = keys >> np.uint64(64 - _SIEVE_BITS)
        np.bitwise_or.at(self._sieve, high >> np.uint64(6), np.uint64(1) << (high & np.uint64(63)))

    def _slot(self, keys: Array) -> Array:
        return keys >> np.uint64(64 - self._BITS)

    @property
    def compiled(self) -> tuple[Array, ...]:
        """The table as the compiled code takes it."""
        shift = np.uint64(64 - self._BITS)
        return self._keys, self._size, self._slots, self._next, self._sieve, shift

    def find(self, tokens: Tokens) -> Array:
        """int16 per token: the word's number, 0 for none of them."""
        if tokens.kernels is not None:
            return tokens.kernels.find(tokens.key, tokens.start, tokens.end, *self.compiled)
        number = self._slots[self._slot(tokens.key)]
        open_ = np.flatnonzero(number)
        while len(open_):
            tried = number[open_]
            wrong = (self._keys[tried] != tokens.key[open_]) | (
                self._size[tried] != tokens.end[open_] - tokens.start[open_]
            )
            open_ = open_[wrong]
            number[open_] = self._next[number[open_]]
            open_ = open_[number[open_] != 0]
        return number
