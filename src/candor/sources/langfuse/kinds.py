"""What a Langfuse file holds, and the meaning of its words.

Only this module knows shapes and value tables. The interface writes camelCase and times with a zone,
the blob storage export snake_case and times of UTC without one. Reference: langfuse.com, pages
``observations-api`` (v2), ``scores-api`` (v3), ``blob-storage-export-fields`` and
``deprecated-api-migration``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import RawRecord
from candor.sources.envelopes import JSON_FILES
from candor.sources.instants import of_iso
from candor.sources.readers import counters, csv, parquet
from candor.sources.readers.dialect import Dialect
from candor.sources.shapes import Item, Vendor, keys, shape
from candor.sources.spans import Role

VENDOR = Vendor(
    "Langfuse",
    (
        shape("observation", "id traceId type startTime"),
        shape("observation", "id trace_id type start_time"),
        shape("score", "id name dataType source"),
        shape("score", "id name data_type source"),
        shape("trace", "id timestamp", "dataType data_type traceId trace_id"),
    ),
    {"data": "data"},
    "a Langfuse observation, trace or score",
)
FILES = (*JSON_FILES, "*.csv", "*.csv.gz", "*.parquet")
FOLDERS = ("observations", "observations_v2", "scores", "traces")
"""Folders of the blob storage export."""
ROLES: Mapping[str, Role] = {
    "GENERATION": "model",
    "AGENT": "agent",
    "TOOL": "tool",
    "RETRIEVER": "retriever",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "step",
    "EMBEDDING": "step",
    "SPAN": "other",
    "CHAIN": "other",
    "EVENT": "other",
}
ASSESSORS = {"ANNOTATION": "human", "EVAL": "llm", "API": "code"}
CUT_AT = 200
"""Length at which the interface cuts values of metadata that were not asked for by name."""
_OBSERVATION = keys(
    "id traceId parentObservationId type startTime endTime name level version environment userId"
    " sessionId isRootObservation input output metadata providedModelName usageDetails costDetails"
    " totalCost updatedAt createdAt projectId latency release traceName tags timeToFirstToken"
    " bookmarked public"
)
_SCORE = keys(
    "id name value stringValue dataType source timestamp environment comment authorUserId subject"
    " traceId observationId sessionId datasetRunId updatedAt createdAt projectId configId"
)
_TRACE = keys(
    "id timestamp name environment userId sessionId release version input output metadata tags"
    " updatedAt createdAt projectId totalCost latency observations scores htmlPath public bookmarked"
)
KNOWN = {"observation": _OBSERVATION, "score": _SCORE, "trace": _TRACE}


_SNAKE = {
    "".join("_" + c.lower() if c.isupper() else c for c in word): word
    for known in KNOWN.values()
    for word in known
    if any(c.isupper() for c in word)
}


_NAMES_OF_TABLES = frozenset(_SNAKE)


def named(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A record under the interface's names, whichever way it was exported."""
    if _NAMES_OF_TABLES.isdisjoint(body):
        return body
    return {_SNAKE.get(key, key): value for key, value in body.items()}


def read(path: Path) -> Iterator[RawRecord]:
    """Every record of a file, its value an ``Item``.

    Raises:
        FileRefused: the file as a whole cannot be read.
    """
    form = _form(path)
    if form is None:
        yield from VENDOR.read(path)
        return
    for record in csv.read(path, Dialect()) if form == "csv" else parquet.read(path):
        if record.reason is not None:
            yield record
            continue
        kind = VENDOR.kind_of(record.value)
        if kind is None:
            yield RawRecord(
                record.number, record.ref, record.raw, None, ReasonCode.TYPE_MISMATCH, VENDOR.wanted
            )
        else:
            yield RawRecord(record.number, record.ref, record.raw, Item(kind, record.value))


def count(path: Path) -> int | None:
    """Records by a counter that shares no code with ``read``."""
    form = _form(path)
    if form is None:
        return VENDOR.count(path)
    return counters.count_rows(path, Dialect()) if form == "csv" else parquet.count(path)


def _form(path: Path) -> str | None:
    name = path.name.removesuffix(".gz")
    return next((form for form in ("csv", "parquet") if name.endswith(f".{form}")), None)


@lru_cache(maxsize=1 << 16)
def instant(value: Any, field: str) -> int:
    """A time of the interface, or of the blob storage export, which writes UTC without a zone.

    Raises:
        RecordRefused: the value is neither.
    """
    if isinstance(value, datetime):
        value = (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    if isinstance(value, str) and len(value) > 10 and value[10] == " " and value[-1:].isdigit():
        # The export's own form, and no other, is declared to be UTC.
        return of_iso(f"{value}Z" if "+" not in value else value, field)
    return of_iso(value, field)
