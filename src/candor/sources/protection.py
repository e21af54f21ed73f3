"""Personal data leave here masked: what the registry marks as text or identifier, and free JSON.

The one place between reading and storing where redaction and pseudonyms are applied. Each
identifier is hashed exactly once. Strings inside ``extra`` and other JSON columns are masked like
text, and long integers too, because a card or telephone number may stand there as a number.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from candor.events import Field, registry
from candor.privacy.pseudonyms import Pseudonymiser
from candor.privacy.redaction import DEFAULT_LOCALES, Redactor

_PREVIEW_CHARS = 200
_LONG_INTEGER = 10**6
_TELLING_KEY = re.compile(r"@|\d{7}")


@dataclass(frozen=True, slots=True)
class PrivacySettings:
    """What masking needs to know.

    Attributes:
        key: the workspace key, at least 16 bytes.
        key_id: its name, the prefix of pseudonyms.
        locales: countries whose numbers are looked for.
        deny_names: names masked wherever they stand.
    """

    key: bytes
    key_id: str = "k1"
    locales: tuple[str, ...] = DEFAULT_LOCALES
    deny_names: tuple[str, ...] = ()


class Protector:
    """Applies one workspace's privacy settings to tables and texts."""

    def __init__(self, settings: PrivacySettings) -> None:
        self._redactor = Redactor(settings.key, settings.locales, settings.deny_names)
        self._pseudonyms = Pseudonymiser(settings.key, settings.key_id)
        self.masked: Counter[str] = Counter()

    def table(self, type_name: str, table: pa.Table) -> pa.Table:
        """The same rows with personal columns masked or replaced by pseudonyms."""
        event_type = registry()[type_name]
        threads = self._threads(table)
        for one in event_type.fields:
            if one.personal is None:
                continue
            column = table.column(one.name)
            if column.null_count == len(column):
                continue
            masked = self._column(one, column.combine_chunks(), threads)
            if one.personal_when is not None:
                name, value = one.personal_when
                applies = pc.fill_null(pc.equal(table.column(name), value), False)
                masked = pc.if_else(applies.combine_chunks(), masked, column.combine_chunks())
            table = _with(table, one.name, masked)
        extra = table.column("extra")
        if extra.null_count < len(extra):
            table = _with(table, "extra", self._json(extra.combine_chunks(), threads))
        return table

    def previews(self, texts: Sequence[str]) -> list[str]:
        """Texts for people's eyes: masked, one line, at most 200 characters."""
        if not texts:
            return []
        # Masked before it is cut, so that no number loses the digits it is known by.
        masked = self._mask(pa.array(texts, pa.string()), pa.nulls(len(texts), pa.string()))
        return [_one_line(text) for text in masked.to_pylist()]

    def _column(self, one: Field, column: pa.Array, threads: pa.Array) -> pa.Array:
        if one.personal != "text":
            _, _, kind = str(one.personal).partition(":")
            return self._pseudonyms.column(kind, column)
        if one.kind == "json":
            return self._json(column, threads)
        return self._mask(column, threads)

    def _mask(self, texts: pa.Array, threads: pa.Array) -> pa.Array:
        masked, found = self._redactor.column(texts, threads)
        self.masked.update(found)
        return masked

    def _json(self, column: pa.Array, threads: pa.Array) -> pa.Array:
        """JSON texts in which every string, long integer and telling key was masked."""
        rows = column.to_pylist()
        values = {at: json.loads(text) for at, text in enumerate(rows) if text is not None}
        leaves: list[str] = []
        owners: list[int] = []
        for at, value in values.items():
            before = len(leaves)
            _collect(value, leaves)
            owners.extend([at] * (len(leaves) - before))
        if not leaves:
            return column
        masked = self._mask(pa.array(leaves, pa.string()), threads.take(pa.array(owners)))
        changed = {
            old: new for old, new in zip(leaves, masked.to_pylist(), strict=True) if old != new
        }
        if not changed:
            return column
        # The same words may be masked differently in two threads, so each row has its own table.
        replacements: dict[int, dict[str, str]] = {}
        for at, old, new in zip(owners, leaves, masked.to_pylist(), strict=True):
            if old != new:
                replacements.setdefault(at, {})[old] = new
        for at, table in replacements.items():
            rows[at] = json.dumps(
                _replaced(values[at], table),
                ensure_ascii=False,
                sort_keys=True,
                separators=(",", ":"),
            )
        return pa.array(rows, pa.string())

    @staticmethod
    def _threads(table: pa.Table) -> pa.Array:
        if "thread_id" in table.column_names:
            return table.column("thread_id").combine_chunks()
        return pa.nulls(len(table), pa.string())


def _with(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(at), column)


def _collect(value: Any, leaves: list[str]) -> None:
    if isinstance(value, str):
        leaves.append(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if _TELLING_KEY.search(key):
                leaves.append(key)
            _collect(inner, leaves)
    elif isinstance(value, list):
        for inner in value:
            _collect(inner, leaves)
    elif type(value) is int and abs(value) >= _LONG_INTEGER:
        leaves.append(str(value))


def _replaced(value: Any, table: dict[str, str]) -> Any:
    if isinstance(value, str):
        return table.get(value, value)
    if isinstance(value, dict):
        return {table.get(key, key): _replaced(inner, table) for key, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner, table) for inner in value]
    if type(value) is int:
        return table.get(str(value), value)
    return value


def _one_line(text: str) -> str:
    line = "".join(character if character.isprintable() else "·" for character in text)
    return line if len(line) <= _PREVIEW_CHARS else line[: _PREVIEW_CHARS - 1] + "…"
