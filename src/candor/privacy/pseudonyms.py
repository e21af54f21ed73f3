"""Keyed pseudonyms of identifiers: HMAC-SHA-256 under the workspace key.

Only this module turns an identifier into what is stored. Identifiers compare as bytes: they are
neither trimmed nor case-folded, except aliases (e-mail addresses and telephone numbers), whose
spellings differ between systems. A value that already looks like a pseudonym is hashed like any
other: the caller hashes once.
"""

from __future__ import annotations

import hmac
import re
import unicodedata

import pyarrow as pa

SEPARATOR = "\x1f"
_CACHE_LIMIT = 500_000
_PHONE_SHAPE = re.compile(r"^\s*(\+|00)?[\d\s().\-/]{7,24}$")


def normalise(kind: str, value: str) -> str:
    """The spelling under which two identifiers of a kind are the same.

    Args:
        kind: customer, account, person or alias.
        value: the identifier as the source wrote it.

    Returns:
        ``value`` itself; for aliases an e-mail in folded case, or a telephone number as its digits
        with the international prefix written ``+``.
    """
    if kind != "alias":
        return value
    text = unicodedata.normalize("NFC", value)
    if "@" in text:
        return text.strip().casefold()
    if _PHONE_SHAPE.match(text):
        digits = "".join(character for character in text if character.isdigit())
        if text.lstrip().startswith("+"):
            return "+" + digits
        return "+" + digits[2:] if digits.startswith("00") else digits
    return text


class Pseudonymiser:
    """Makes pseudonyms under one key.

    Args:
        key: at least 16 secret bytes.
        key_id: short name of the key, the prefix of every pseudonym (``k1``).

    Raises:
        ValueError: the key is shorter than 16 bytes.
    """

    def __init__(self, key: bytes, key_id: str = "k1") -> None:
        if len(key) < 16:
            raise ValueError("a pseudonym key needs at least 16 bytes")
        self._key = key
        self.key_id = key_id
        self._known: dict[tuple[str, str], str] = {}

    def __repr__(self) -> str:
        return f"Pseudonymiser(key_id={self.key_id!r})"

    def one(self, kind: str, value: str) -> str:
        """The pseudonym of one identifier: ``<key id>:`` and 32 hex digits (128 bits)."""
        found = self._known.get((kind, value))
        if found is not None:
            return found
        message = kind + SEPARATOR + normalise(kind, value)
        digest = hmac.digest(self._key, message.encode("utf-8", "surrogatepass"), "sha256")
        made = f"{self.key_id}:{digest[:16].hex()}"
        if len(self._known) >= _CACHE_LIMIT:
            self._known.clear()
        self._known[kind, value] = made
        return made

    def column(self, kind: str, values: pa.Array) -> pa.Array:
        """Pseudonyms of a column; nulls stay null.

        Args:
            kind: kind of every identifier in the column.
            values: string, large_string or dictionary of them; chunked or not.

        Returns:
            string array of the same length; each distinct value is hashed once.
        """
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        if not pa.types.is_dictionary(values.type):
            values = values.dictionary_encode()
        made = [
            None if value is None else self.one(kind, value)
            for value in values.dictionary.to_pylist()
        ]
        return pa.array(made, pa.string()).take(values.indices)
