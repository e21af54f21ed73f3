"""What an Intercom file holds: conversations, deleted ids, contacts, calls, Fin events, report rows.

Only this module looks at envelopes and shapes. Report rows are refused as a file: they are figures
already, and below API version 2.16 they leave out conversations without a reply of the customer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import FileRefused, RawRecord
from candor.sources.envelopes import is_lines, top_level_keys
from candor.sources.readers import json_array, json_lines

_PAGES = ("conversations", "data", "calls", "contacts", "handling_events")
_FIN_TOPICS = frozenset({"fin_status_updated", "fin_replied", "csat_requested"})


@dataclass(frozen=True, slots=True)
class Item:
    """One record with its kind and the API version its file came through."""

    kind: str
    body: dict[str, Any]
    api_version: str


def kind_of(body: dict[str, Any]) -> str | None:
    """Kind by shape; None when no shape fits."""
    if body.get("type") == "conversation" or {"source", "state"} <= body.keys():
        return "conversation"
    if "metrics_retained" in body or ("deleted_at" in body and "id" in body):
        return "deleted"
    if topic_of(body) is not None:
        return "fin_event"
    if body.get("type") in {"contact", "user", "lead"}:
        return "contact"
    if body.get("type") == "call" or {"conversation_id", "call_type"} <= body.keys():
        return "call"
    if {"teammate", "timestamp"} <= body.keys() and "part_type" not in body:
        return "handling_event"
    if "conversation_id" in body and any("." in key or "time_to" in key for key in body):
        return "report_row"
    return None


def topic_of(body: dict[str, Any]) -> str | None:
    """The Fin event a webhook line or flat record tells of."""
    for key in ("topic", "event", "event_name"):
        if body.get(key) in _FIN_TOPICS:
            return str(body[key])
    return (
        "fin_status_updated"
        if {"conversation_id", "status", "created_at_ms"} <= body.keys()
        else None
    )


def payload_of(body: dict[str, Any]) -> dict[str, Any]:
    """The Fin event inside a webhook's envelope."""
    data = body.get("data")
    inner = data.get("item") if isinstance(data, dict) else None
    return inner if isinstance(inner, dict) else body


def read(path: Path, api_version: str) -> Iterator[RawRecord]:
    """Every record of a file, its value an ``Item``.

    Raises:
        FileRefused: the file as a whole cannot be read, or holds report rows.
    """
    if is_lines(path):
        records = json_lines.read(path)
    else:
        records = json_array.read(path, page_key(top_level_keys(path)))
    for record in records:
        item = _item(record, api_version)
        if isinstance(item.value, Item) and item.value.kind == "report_row":
            raise FileRefused(
                ReasonCode.TYPE_MISMATCH,
                f"{path.name} holds report rows"
                + (
                    ", and below API version 2.16 these leave out conversations without a reply of"
                    " the customer, so no rate may be built on their number"
                    if version(api_version) < (2, 16)
                    else ""
                ),
                "conversations with their parts",
                "export GET /conversations/{id} for each conversation",
            )
        yield item


def page_key(keys: list[str]) -> str | None:
    """The key of a page that holds its records; None when the document is a list or one record."""
    if kind_of(dict.fromkeys(keys)) is not None:
        return None
    return next((key for key in _PAGES if key in keys), None)


def version(text: str) -> tuple[int, ...]:
    """A dotted version as numbers, for comparing."""
    return tuple(int(part) for part in text.split("."))


def _item(record: RawRecord, api_version: str) -> RawRecord:
    if record.reason is not None:
        return record
    body = record.value
    if isinstance(body, dict) and body.get("type") == "notification_event" and not topic_of(body):
        body = payload_of(body)
    kind = kind_of(body) if isinstance(body, dict) else None
    if kind is None or (kind == "report_row" and body is not record.value):
        return record._replace(
            value=None,
            reason=ReasonCode.TYPE_MISMATCH,
            detail="an Intercom conversation, deleted id, contact, call or Fin event",
        )
    item = Item(kind, body, api_version)
    return RawRecord(record.number, record.ref, record.raw, item, key=record.key)
