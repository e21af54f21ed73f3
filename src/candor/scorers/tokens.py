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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from candor.scorers.accelerated import kernels

Array = Any  # numpy arrays; their dtypes are stated in the docstrings.

_PAD = 32
_CHUNK_BYTES = 1 << 20
_CHUNK_ROWS = 1 << 16
_SPACE, _PUNCTUATION, _LOWER, _UPPER, _OTHER = range(5)
_UPPER_BYTE, _LOWER_BYTE, _OTHER_BYTE = "\xc1", "\xe1", "\xb7"
INSERTED = "\x01"
_MARK = INSERTED.encode()
_LONG = 64
_STRIP_STEPS = 12


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


def byte_tables() -> tuple[Array, ...]:
    """Class, upper and lower case of each byte, masks and multipliers of keys, for compiled code."""
    return _CLASS_OF, _UPPER_OF, _LOWER_OF, _MASKS, _MIX


def lowered(raw: bytes) -> Array:
    """uint64: every eight bytes in lower case as one number, at every offset."""
    return _words(raw.translate(_TO_LOWER))


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
        self._handler = f"candor-flatten-{id(self)}"
        codecs.register_error(self._handler, self._replace)

    def flatten(self, texts: pa.Array) -> pa.Array:
        """The texts as binary values, one byte per character (inserted words apart)."""
        binary = texts.cast(pa.binary())
        # A text with a character beyond ASCII has more bytes than characters.
        foreign = pc.not_equal(pc.binary_length(binary), pc.utf8_length(texts))
        if _holds_mark(binary):
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


def _holds_mark(binary: pa.Array) -> bool:
    """Whether any value may hold the byte that marks inserted words."""
    data = binary.buffers()[2]
    return data is not None and bool((np.frombuffer(data, np.uint8) == _MARK[0]).any())


@dataclass(slots=True)
class Tokens:
    """The tokens of some consecutive rows.

    Attributes:
        rows: how many rows.
        offsets: int64[rows + 1], where each row's bytes begin in ``lower``.
        first: int64[rows + 1], index of each row's first token.
        start, end: int64 per token, offsets of its bytes.
        key: uint64 per token.
        raw, lower: the bytes as written and in lower case, padded with zeros.
        kernels: the compiled code that cut them, where it did.
    """

    rows: int
    offsets: Array
    first: Array
    start: Array
    end: Array
    key: Array
    raw: bytes
    lower: bytes
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
    """The padded bytes of some rows at a time, and where each of them begins and ends."""
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
        raw = (data.slice(begin, end - begin).to_pybytes() if end > begin else b"") + bytes(_PAD)
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
    lower = raw.translate(_TO_LOWER)
    first, start, end, key = compiled.cut_rows(
        np.frombuffer(raw, np.uint8), _words(lower), offsets, _CLASS_OF, _MASKS, _MIX
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


def _words(data: bytes) -> Array:
    """Every eight bytes of the data as one number, at every offset."""
    return np.ndarray((len(data) - 7,), "<u8", buffer=data, strides=(1,))


def keys_of(lower: bytes, start: Array, end: Array) -> Array:
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

    def _slot(self, keys: Array) -> Array:
        return keys >> np.uint64(64 - self._BITS)

    @property
    def compiled(self) -> tuple[Array, ...]:
        """The table as the compiled code takes it."""
        shift = np.uint64(64 - self._BITS)
        return self._keys, self._size, self._slots, self._next, shift

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
