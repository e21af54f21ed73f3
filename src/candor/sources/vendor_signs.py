"""Which connector an export belongs to, by the keys of its first record."""

from __future__ import annotations

from pathlib import Path

from candor.events import registry
from candor.sources import guesses
from candor.sources.base import FileRefused
from candor.sources.readers import bytestream, json_array, json_lines

_VENDORS: tuple[tuple[str, frozenset[str]], ...] = (
    ("tau2_bench", frozenset({"simulations", "tasks"})),
    ("tau_bench", frozenset({"task_id", "traj", "reward"})),
    ("intercom", frozenset({"conversation_parts", "statistics"})),
    ("intercom", frozenset({"conversation_parts", "source"})),
    ("zendesk", frozenset({"requester_id", "ticket_form_id"})),
    ("zendesk", frozenset({"ticket_id", "child_events"})),
    ("zendesk", frozenset({"requester_id", "satisfaction_rating"})),
)
_ENVELOPES = (
    ("tickets", "zendesk", {"requester_id", "ticket_form_id", "satisfaction_rating", "via"}),
    ("conversations", "intercom", {"conversation_parts", "statistics", "source", "teammates"}),
)
"""A document's key, the connector that reads it, and keys of which a record has one."""


def vendor_of(path: Path) -> str:
    """The connector whose export the file seems to be, "" when none."""
    kind = bytestream.kind_on_disk(path)
    if kind not in ("text", "gzip"):
        return ""
    first = guesses.first_sign(path)
    if first not in "[{":
        return ""
    try:
        record = next(iter(json_lines.read(path)))
        names = set(record.value) if isinstance(record.value, dict) else set()
        known = registry()
        if {"type", "occurred_at"} <= names and record.value["type"] in known:
            return "canonical"
        if not names:
            record = next(iter(json_array.read(path)))
            names = set(record.value) if isinstance(record.value, dict) else set()
        if first == "{" and not names:
            seen = guesses.Seen()
            json_array.top_level(path, seen)
            names = set(seen.names)
    except (FileRefused, StopIteration):
        return ""
    for key, vendor, signs in _ENVELOPES:
        if key in names and signs & _keys_of_first(path, key):
            return vendor
    return next((name for name, signs in _VENDORS if signs <= names), "")


def _keys_of_first(path: Path, key: str) -> set[str]:
    """Keys of the first record of an array inside a document."""
    try:
        value = next(iter(json_array.read(path, key))).value
    except (FileRefused, StopIteration):
        return set()
    return set(value) if isinstance(value, dict) else set()
