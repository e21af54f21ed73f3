"""Personal data leave here masked: what the registry marks as text or identifier, and free JSON.

The one place between reading and storing where redaction and pseudonyms are applied. Each
identifier is hashed exactly once. Strings inside ``extra`` and other JSON columns are masked like
text, and long integers too, because a card or telephone number may stand there as a number.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from candor.events import Field, registry
from candor.events.types import ENVELOPE
from candor.privacy.pseudonyms import Pseudonymiser
from candor.privacy.redaction import DEFAULT_LOCALES, Redactor

_EXTRA = next(one for one in ENVELOPE if one.name == "extra")
_PREVIEW_CHARS = 200
_LONG_INTEGER = 10**6
_TELLING_KEY = re.compile(r"@|\d{7}")


# Notes in which nothing was found say the same of file after file.
_CLEAN: dict[PrivacySettings, set[str]] = {}
_MOST_CLEAN = 4_096


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
        self._settings = settings
        self._redactor = Redactor(settings.key, settings.locales, settings.deny_names)
        self._pseudonyms = Pseudonymiser(settings.key, settings.key_id)
        self.masked: Counter[str] = Counter()

    def tables(self, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """The same rows with personal columns masked or replaced by pseudonyms.

        Args:
            tables: by event type.
        """
        made = dict(tables)
        texts: list[_Texts] = []
        for name, table in tables.items():
            threads = self._threads(table)
            for one in registry()[name].fields:
                if one.personal is None:
                    continue
                column = table.column(one.name)
                if column.null_count == len(column):
                    continue
                whole = column.combine_chunks()
                if one.personal == "text":
                    texts.append(_Texts(name, one, whole, threads))
                else:
                    _, _, kind = str(one.personal).partition(":")
                    made[name] = _with(made[name], one, whole, self._pseudonyms.column(kind, whole))
            extra = table.column("extra")
            if extra.null_count < len(extra):
                texts.append(_Texts(name, _EXTRA, extra.combine_chunks(), threads))
        # All at once: choosing the texts that matter costs the same for one column as for twenty.
        for held, masked in zip(texts, self._masked(texts), strict=True):
            made[held.type] = _with(made[held.type], held.field, held.column, masked)
        return made

    def previews(self, texts: Sequence[str]) -> list[str]:
        """Texts for people's eyes: masked, one line, at most 200 characters."""
        if _CLEAN.get(self._settings, frozenset()).issuperset(texts):
            return [_one_line(text) for text in texts]
        # Masked before it is cut, so that no number loses the digits it is known by.
        masked = self._mask(
            pa.array(texts, pa.string()), pa.nulls(len(texts), pa.string())
        ).to_pylist()
        if masked == list(texts) and sum(map(len, _CLEAN.values())) < _MOST_CLEAN:
            _CLEAN.setdefault(self._settings, set()).update(texts)
        return [_one_line(text) for text in masked]

    def _masked(self, columns: Sequence[_Texts]) -> Iterator[pa.Array]:
        """The columns with their texts masked."""
        if not columns:
            return
        texts = pa.concat_arrays([one.texts for one in columns])
        masked = self._mask(texts, pa.concat_arrays([one.threads for one in columns]))
        at = 0
        for one in columns:
            yield one.with_texts(masked.slice(at, len(one.texts)))
            at += len(one.texts)

    def _mask(self, texts: pa.Array, threads: pa.Array) -> pa.Array:
        masked, found = self._redactor.column(texts, threads)
        self.masked.update(found)
        return masked

    @staticmethod
    def _threads(table: pa.Table) -> pa.Array:
        if "thread_id" in table.column_names:
            return table.column("thread_id").combine_chunks()
        return pa.nulls(len(table), pa.string())


class _Texts:
    """The texts of one column: its values, or what stands inside its JSON."""

    def __init__(self, type_name: str, field: Field, column: pa.Array, threads: pa.Array) -> None:
        self.type = type_name
        self.field = field
        self.column = column
        self._is_json = field.kind == "json"
        self.texts, self.threads = column, threads
        if self._is_json:
            self._rows = column.to_pylist()
            self._values = {
                at: json.loads(text) for at, text in enumerate(self._rows) if text is not None
            }
            leaves: list[str] = []
            self._owners: list[int] = []
            for at, value in self._values.items():
                before = len(leaves)
                _collect(value, leaves)
                self._owners.extend([at] * (len(leaves) - before))
            self.texts = pa.array(leaves, pa.string())
            self.threads = threads.take(pa.array(self._owners, pa.int64()))

    def with_texts(self, masked: pa.Array) -> pa.Array:
        """The column with masked texts in the place of its own.

        Every string, long integer and telling key of a JSON value counts as a text.
        """
        if not self._is_json:
            return masked
        if masked.equals(self.texts):
            return self.column
        # The same words may be masked differently in two threads, so each row has its own table.
        replacements: dict[int, dict[str, str]] = {}
        pairs = zip(self._owners, self.texts.to_pylist(), masked.to_pylist(), strict=True)
        for at, old, new in pairs:
            if old != new:
                replacements.setdefault(at, {})[old] = new
        for at, table in replacements.items():
            self._rows[at] = json.dumps(
                _replaced(self._values[at], table),
                ensure_ascii=False,
                sort_keys=True,
                separators=(",", ":"),
            )
        return pa.array(self._rows, pa.string())


def _with(table: pa.Table, one: Field, before: pa.Array, after: pa.Array) -> pa.Table:
    """The table with a column masked, in the rows that its field's condition names."""
    if one.personal_when is not None:
        name, value = one.personal_when
        applies = pc.fill_null(pc.equal(table.column(name), value), False)
        after = pc.if_else(applies.combine_chunks(), after, before)
    at = table.schema.get_field_index(one.name)
    return table.set_column(at, table.schema.field(at), after)


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
