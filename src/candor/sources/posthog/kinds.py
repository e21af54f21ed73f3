"""What a PostHog file holds, and the meaning of its event names.

Only this module knows shapes and names. Batch exports write an event a row: in JSON Lines
``properties`` is an object and times carry a zone, in Parquet it is a JSON text and times are UTC
without one. Reference: posthog.com/docs, pages ``cdp/batch-exports/s3`` and
``llm-analytics/installation/manual-capture``; feedback, metric and evaluation events are described by
clients only and may be absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import RawRecord
from candor.sources.envelopes import JSON_FILES
from candor.sources.instants import of_iso
from candor.sources.prompts import unpacked
from candor.sources.readers import parquet
from candor.sources.shapes import Item, Vendor, object_of, shape
from candor.sources.spans import Role

FILES = (*JSON_FILES, "*.parquet")
VENDOR = Vendor(
    "PostHog",
    (
        shape("event", "event distinct_id timestamp"),
        shape("person", "person_id distinct_id", "event"),
    ),
    {"results": "results"},
    "a PostHog event, or a person's distinct id",
)
SPANS: Mapping[str, Role] = {
    "$ai_generation": "model",
    "$ai_trace": "other",
    "$ai_span": "other",
    "$ai_embedding": "step",
}
"""AI events that are steps of a trace."""
OPINIONS = frozenset(("$ai_feedback", "$ai_metric", "$ai_evaluation"))
FLAG = "$feature_flag_called"
LINKS = {
    "$identify": "$anon_distinct_id",
    "$create_alias": "alias",
    "$merge_dangerously": "alias",
}
"""Events that say two ids are one person → property that holds the other id."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        id: its uuid; the same event sent again has the same.
        name: what happened.
        person: the ``distinct_id`` it happened to.
        at: epoch microseconds, by the client's clock.
        properties: as sent.
        rest: fields of the record beside these.
    """

    id: str
    name: str
    person: str
    at: int
    properties: Mapping[str, Any]
    rest: Mapping[str, Any]


_FIELDS = frozenset((
    "uuid", "id", "event", "distinct_id", "person_id", "properties", "person_properties",
    "timestamp", "created_at", "_inserted_at", "elements_chain", "elements", "team_id", "person",
))  # fmt: skip


def event_of(body: Mapping[str, Any]) -> Event:
    """An event of a row.

    Raises:
        RecordRefused: its time cannot be read.
    """
    identity = body.get("uuid") or body.get("id")
    at = instant(body.get("timestamp"), "timestamp")
    return Event(
        str(identity or f"{body['event']}:{body['distinct_id']}:{at}"),
        str(body["event"]),
        str(body["distinct_id"]),
        at,
        object_of(unpacked(body.get("properties"))),
        {
            key: value
            for key, value in body.items()
            if key not in _FIELDS and value not in (None, "")
        },
    )


def instant(value: Any, field: str) -> int:
    """A time of a row; a table's times are UTC, as the export's page declares.

    Raises:
        RecordRefused: TS_UNPARSED, or TS_NO_ZONE for a text without one.
    """
    if isinstance(value, datetime):
        value = (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return of_iso(value, field)


def read(path: Path) -> Iterator[RawRecord]:
    """Every record of a file, its value an ``Item``.

    Raises:
        FileRefused: the file as a whole cannot be read.
    """
    if not path.name.endswith(".parquet"):
        yield from VENDOR.read(path)
        return
    for record in parquet.read(path):
        kind = None if record.reason else VENDOR.kind_of(record.value)
        if record.reason is None and kind is None:
            yield RawRecord(
                record.number, record.ref, record.raw, None, ReasonCode.TYPE_MISMATCH, VENDOR.wanted
            )
        elif record.reason is None and kind is not None:
            yield RawRecord(record.number, record.ref, record.raw, Item(kind, record.value))
        else:
            yield record


def count(path: Path) -> int | None:
    """Records by a counter that shares no code with ``read``."""
    return parquet.count(path) if path.name.endswith(".parquet") else VENDOR.count(path)
