"""Short ways to write events of money and accounts, and the facts made of them; times are minutes."""

from __future__ import annotations

from typing import Any

from candor.engines.duck import DuckEngine
from candor.settings import Settings

from .story import LATE, at, event
from .test_resolution_cases import scored
from .world import make, put

DAY = 24 * 60
"""Minutes of a day."""


def built(events: list[dict[str, Any]], name: str, **options: Any) -> list[dict[str, Any]]:
    """Rows of one fact in key order."""
    covered = options.pop("covered_until", None)
    as_of = options.pop("as_of", LATE)
    chosen = options.pop("settings", Settings())
    with DuckEngine(threads=1) as engine:
        put(engine, events + scored(events), covered_until=covered)
        if isinstance(covered, dict):
            sources = ", ".join(
                f"('{one}', 0, {until}, {one == 'desk'})" for one, until in sorted(covered.items())
            )
            engine.run(
                "create or replace table ev_coverage as select * from (values "
                f"{sources}) as t(source, covered_from, covered_until, has_conversations)"
            )
        make(engine, chosen, as_of, name, **options)
        return engine.arrow(f"select * from {name} order by {_KEYS[name]}").to_pylist()


_KEYS = {
    "account_period": "account_id, day",
    "agent_work": "human_agent_id, day",
    "human_contact": "conversation_id",
    "retention": "person_key, day",
    "worth": "conversation_id",
    "invoice_line": "invoice_id, line",
    "intervention": "intervention_id",
    "revenue": "confirmation_id",
    "claim": "claim_id",
    "exposure": "unit_id",
    "spend": "day, kind, currency, has_thread, path",
}


def picked(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    """Some columns of rows."""
    return [tuple(row[name] for name in names) for row in rows]


def act(name: str, minute: float = 0, **fields: Any) -> dict[str, Any]:
    """An intervention."""
    base = {
        "type": "intervention", "source": "crm", "occurred_at": at(minute), "intervention_id": name,
        "account_id": "acme", "kind": "outreach", "ai_role": "none",
    }  # fmt: skip
    return {**base, **fields}


def account(minute: float, status: str = "active", **fields: Any) -> dict[str, Any]:
    """A snapshot of an account."""
    base = {
        "type": "account", "source": "crm", "occurred_at": at(minute), "account_id": "acme",
        "status": status, "currency": "USD",
    }  # fmt: skip
    return {**base, **fields}


def line(number: int, thread: str | None, minute: float = DAY, **fields: Any) -> dict[str, Any]:
    """A line of an invoice for the first thirty days."""
    base = {
        "type": "invoice_line", "source": "bill", "occurred_at": at(minute), "invoice_id": "inv",
        "line": str(number), "vendor": "vendor", "period_start": at(0), "period_end": at(30 * DAY),
        "thread_id": thread, "outcome_billed": "resolution", "amount": "0.99", "currency": "USD",
    }  # fmt: skip
    return {**base, **fields}


def record(
    name: str, thread: str | None, minute: float, kind: str, /, **fields: Any
) -> dict[str, Any]:
    """What a system of record says, neutral about the outcome."""
    return event(
        "confirmation", thread, minute,
        **{"confirmation_id": name, "system": "shop", "kind": kind, "supports": "neutral",
           "currency": "USD", **fields},
    )  # fmt: skip
