"""Recognises records that were stored before by their bytes, so that they need not be read again.

Only for connectors whose records say everything themselves: equal bytes under equal settings then
give equal events. A key is a keyed hash of the record's bytes, so that a list of keys tells nothing
to whoever lacks the workspace's key. Knowing nothing is always safe: the record is read in full.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

KEY_BYTES = 16
_BLOCK_RECORDS = 2_048
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class KnownRecords:
    """What is known of a source's earlier records.

    Attributes:
        secret: key of the hashes.
        files: lists of keys, ``KEY_BYTES`` each, in any order.
    """

    secret: bytes
    files: tuple[Path, ...] = ()


class Marked(NamedTuple):
    """One record's place and bytes, its key, and whether it is known."""

    offset: int
    raw: bytes
    length: int
    key: bytes
    is_known: bool


Placed = tuple[int, bytes, int, bool]
"""Offset, bytes without white space around them, length as it stood, and whether it is whole."""


def unmarked(records: Iterable[Placed]) -> Iterator[Marked]:
    """The records as they come, nothing known of any."""
    for offset, raw, length, _ in records:
        yield Marked(offset, raw, length, b"", is_known=False)


def marked(records: Iterable[Placed], known: KnownRecords) -> Iterator[Marked]:
    """The records with their keys, looked up block by block. A cut one has no key."""
    high, low = _load(known.files)
    for block in _blocks(records):
        keys = [_key(known.secret, raw) if is_whole else b"" for _, raw, _, is_whole in block]
        asked = np.frombuffer(b"".join(key or bytes(KEY_BYTES) for key in keys), dtype=">u8")
        asked_high, asked_low = asked[0::2], asked[1::2]
        if len(high):
            at = np.minimum(np.searchsorted(high, asked_high), len(high) - 1)
            found = (high[at] == asked_high) & (low[at] == asked_low)
        else:
            found = np.zeros(len(keys), dtype=bool)
        for (offset, raw, length, _), key, is_known in zip(
            block, keys, found.tolist(), strict=True
        ):
            yield Marked(offset, raw, length, key, is_known and bool(key))


def _key(secret: bytes, raw: bytes) -> bytes:
    return hashlib.blake2b(raw, digest_size=KEY_BYTES, key=secret[:64]).digest()


def _blocks(records: Iterable[Placed]) -> Iterator[list[Placed]]:
    block: list[Placed] = []
    size = 0
    for record in records:
        block.append(record)
        size += len(record[1])
        if len(block) >= _BLOCK_RECORDS or size >= _BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


def _load(files: Iterable[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Both halves of all keys, in order of the first. A list that is gone tells nothing."""
    parts = [np.empty(0, dtype=">u8")]
    for path in files:
        try:
            held = path.read_bytes()
        except FileNotFoundError:
            continue
        parts.append(np.frombuffer(held[: len(held) // KEY_BYTES * KEY_BYTES], dtype=">u8"))
    both = np.concatenate(parts).astype(np.uint64)
    high, low = both[0::2], both[1::2]
    order = np.argsort(high, kind="stable")
    return high[order], low[order]
