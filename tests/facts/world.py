"""Puts event dicts into an engine as the ``ev_*`` views that facts are built from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from candor.engines.duck import DuckEngine
from candor.events import identity
from candor.events.registry import registry
from candor.events.types import ENVELOPE
from candor.facts.references import register
from candor.facts.steps import Step, steps
from candor.facts.workshop import Workshop
from candor.settings import Settings
from candor.workspace import HumanAgent, Intent

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TYPES = {
    "string": pa.string(),
    "id": pa.string(),
    "enum": pa.string(),
    "json": pa.string(),
    "timestamp": pa.int64(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "money": pa.decimal128(18, 6),
    "list": pa.list_(pa.string()),
    "date": pa.date32(),
}


def micros(value: Any) -> int | None:
    """Epoch µs of an ISO text, a datetime or a number."""
    if value is None or isinstance(value, int):
        return value
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    delta = moment - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def put(
    engine: DuckEngine,
    events: Iterable[Mapping[str, Any]],
    covered_until: int | Mapping[str, int] | None = None,
) -> None:
    """Create every ``ev_*`` table of the registry and ``ev_coverage``.

    Args:
        engine: receives the tables.
        events: dicts with ``type``, ``source``, ``occurred_at`` and the fields of EVENTS.
        covered_until: one instant for every source with conversations, or one by source.
    """
    by_type: dict[str, list[dict[str, Any]]] = {name: [] for name in registry()}
    for event in events:
        by_type[event["type"]].append(dict(event))
    for name, kind in registry().items():
        fields = [*ENVELOPE, *kind.fields]
        rows = [_stored(kind, fields, row) for row in by_type[name]]
        rows = list({row["event_key"]: row for row in rows}.values())
        columns = {
            field.name: pa.array([row.get(field.name) for row in rows], TYPES[field.kind])
            for field in fields
        }
        columns["event_key"] = pa.array([row["event_key"] for row in rows], pa.int64())
        columns["thread_key"] = pa.array([row["thread_key"] for row in rows], pa.int64())
        engine.load(f"ev_{name}", pa.table(columns))
    sources = sorted({row["source"] for row in by_type["conversation"]})
    until = [
        covered_until.get(name) if isinstance(covered_until, Mapping) else covered_until
        for name in sources
    ]
    engine.load(
        "ev_coverage",
        pa.table(
            {
                "source": pa.array(sources, pa.string()),
                "covered_from": pa.array([0] * len(sources), pa.int64()),
                "covered_until": pa.array(until, pa.int64()),
                "has_conversations": pa.array([True] * len(sources), pa.bool_()),
            }
        ),
    )


def _stored(kind: Any, fields: list[Any], row: dict[str, Any]) -> dict[str, Any]:
    stored: dict[str, Any] = {"revision": 0, "source": "test", **row}
    for field in fields:
        value = stored.get(field.name)
        if field.kind == "timestamp":
            value = micros(value)
        elif field.kind == "json" and value is not None and not isinstance(value, str):
            value = json.dumps(value, sort_keys=True)
        elif field.kind == "money" and value is not None:
            value = Decimal(str(value))
        elif field.kind == "bool" and value is None and field.required:
            value = False
        stored[field.name] = value
    if kind.name == "message":
        stored["is_public"] = row.get("is_public", True)
    stored["event_id"] = identity.event_id(kind, _for_identity(kind, stored))
    stored["event_key"] = identity.event_key(kind, _for_identity(kind, stored))
    stored["thread_key"] = (
        identity.thread_key(stored.get("thread_id")) if kind.has("thread_id") else None
    )
    return stored


def _for_identity(kind: Any, stored: dict[str, Any]) -> dict[str, Any]:
    return {
        **stored,
        **{
            name: datetime.fromtimestamp(stored[name] / 1e6, tz=UTC)
            for name in kind.key
            if name.endswith("_at") and isinstance(stored[name], int)
        },
    }


def make(
    engine: DuckEngine,
    settings: Settings,
    as_of_us: int,
    *names: str,
    intents: Sequence[Intent] = (),
    human_agents: Sequence[HumanAgent] = (),
) -> None:
    """Build some facts and what they rest on, as their SQL is written: a fraction of the whole."""
    register(engine, settings, as_of_us, intents, human_agents)
    workshop = Workshop(engine, is_plain=True, is_kept=False)
    for step in _needed(*names):
        workshop.make(step)


def _needed(*names: str) -> list[Step]:
    """The steps that facts rest on, in their order."""
    makers = {one: one for one in steps()}
    makers |= {step.stitches: one for one, step in steps().items() if step.stitches}
    found, waiting = set(), list(names)
    while waiting:
        step = steps()[waiting.pop()]
        found.add(step.name)
        waiting += [makers[one] for one in step.reads if makers.get(one) not in (None, *found)]
    return [step for one, step in steps().items() if one in found]
