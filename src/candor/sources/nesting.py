"""Records with records inside, as ``propose`` looks at them: flat columns, and the array of messages.

Only guesses about the first rows; ``mapping`` says how paths and arrays are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from candor.sources import guesses
from candor.sources.guesses import Sample

_DEEPEST = 3
_MOST_ELEMENTS = 200
_SPEAKING = ("text", "actor")


@dataclass(frozen=True, slots=True)
class Nested:
    """An array whose elements seem to be messages.

    Attributes:
        path: where it stands in a record, keys joined by dots.
        sample: its first elements, as rows.
    """

    path: str
    sample: Sample


def flattened(sample: Sample) -> Sample:
    """The same rows with the keys of inner objects as columns, joined by dots."""
    rows = [_flat(row, "", 1) for row in sample.rows]
    columns: dict[str, None] = {}
    for row in rows:
        columns.update(dict.fromkeys(row))
    return replace(sample, columns=list(columns), rows=rows)


def unwrapped(sample: Sample) -> Sample:
    """The records of a document that stands in one line, where it is one; else the same sample."""
    if sample.type != "jsonl" or len(sample.rows) > 1:
        return sample
    if "thread_id" in guesses.columns_of(flattened(sample)):
        return sample  # one conversation
    for key, value in (sample.rows[0] if sample.rows else {}).items():
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            continue
        rows = value[:_MOST_ELEMENTS]
        columns = dict.fromkeys(name for row in rows for name in row)
        inner = replace(
            sample,
            type="json",
            columns=list(columns),
            rows=rows,
            records=key,
            why="one JSON document",
        )
        flat = flattened(inner)
        if messages_of(flat) or "thread_id" in guesses.columns_of(flat):
            return inner
    return sample


def messages_of(sample: Sample) -> Nested | None:
    """The array of messages inside the records of a flattened sample, if there is one."""
    best: tuple[int, Nested] | None = None
    for path in sample.columns:
        arrays = [row[path] for row in sample.rows if isinstance(row.get(path), list)]
        elements = [one for array in arrays for one in array][:_MOST_ELEMENTS]
        if not elements or not all(isinstance(one, dict) for one in elements):
            continue
        inner = flattened(replace(sample, columns=[], rows=elements))
        found = guesses.columns_of(inner)
        score = sum(target in found for target in (*_SPEAKING, "occurred_at", "started_at"))
        if any(target in found for target in _SPEAKING) and (best is None or score > best[0]):
            best = (score, Nested(path, inner))
    return None if best is None else best[1]


def _flat(row: Mapping[str, Any], before: str, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict) and depth < _DEEPEST:
            found |= _flat(value, f"{before}{key}.", depth + 1)
        else:
            found[f"{before}{key}"] = value
    return found
