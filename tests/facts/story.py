"""Short ways to write the events of a made-up thread; times are minutes after a fixed instant."""

from __future__ import annotations

from typing import Any

from candor.engines.duck import DuckEngine
from candor.settings import Settings

from .test_resolution_cases import scored
from .world import make, put

BEGAN = 1_780_000_000_000_000
MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LATE = BEGAN + 60 * DAY


KEYS = {
    "conversation": "conversation_id", "handoff": "event_key", "journey": "journey_id",
    "suggestion": "event_key", "survey": "event_key", "message": "message_key",
}  # fmt: skip


def at(minutes: float) -> int:
    return BEGAN + int(minutes * MINUTE)


def thread(name: str, *, minute: float = 0, **fields: Any) -> dict[str, Any]:
    base = {
        "type": "conversation", "source": "desk", "occurred_at": at(minute), "thread_id": name,
        "started_at": at(minute), "channel": "chat", "customer_id": f"who-{name}", "intent_id": "bill",
        "is_test": False, "is_spam": False, "ai_agent_id": "bot", "release": "r1",
    }  # fmt: skip
    return {**base, **fields}


def said(
    name: str, minute: float, actor: str, text: str = "hello there", **fields: Any
) -> dict[str, Any]:
    kind = {"ai_agent": "answer"}.get(actor)
    base = {
        "type": "message", "source": "desk", "occurred_at": at(minute), "thread_id": name,
        "message_id": f"{name}-{minute}-{actor}", "actor": actor, "is_public": True, "text": text, "kind": kind,
    }  # fmt: skip
    return {**base, **fields}


def event(event_type: str, name: str | None, minute: float, /, **fields: Any) -> dict[str, Any]:
    base = {
        "type": event_type, "source": "desk", "occurred_at": at(minute),
        _key(event_type): f"{event_type}-{name}-{minute}",
        "thread_id": name,
    }  # fmt: skip
    return {**base, **fields}


def _key(event_type: str) -> str:
    return {"state_change": "change_id"}.get(event_type, f"{event_type}_id")


def exchange(name: str, minute: float = 0, **fields: Any) -> list[dict[str, Any]]:
    """A thread with a question and an AI answer one minute later."""
    return [
        thread(name, minute=minute, **fields),
        said(name, minute, "customer", "how do I pay this bill"),
        said(name, minute + 1, "ai_agent", "Open the page."),
    ]


def facts(
    events: list[dict[str, Any]],
    *,
    as_of: int = LATE,
    covered_until: Any = None,
    settings: Settings | None = None,
    score: bool = True,
    threads: int = 1,
    intents: Any = (),
    human_agents: Any = (),
    only: tuple[str, ...] = tuple(KEYS),
) -> dict[str, list[dict[str, Any]]]:
    """Facts of the events, as rows in key order; a story runs only the steps that they rest on."""
    everything = events + (scored(events) if score else [])
    with DuckEngine(threads=threads) as engine:
        put(engine, everything, covered_until=covered_until)
        make(
            engine, settings or Settings(), as_of, *only, intents=intents, human_agents=human_agents
        )
        return {
            name: engine.arrow(f"select * from {name} order by {KEYS[name]}").to_pylist()
            for name in only
        }


def one(events: list[dict[str, Any]], name: str, no: int = 1, **options: Any) -> dict[str, Any]:
    """The conversation fact of one contact."""
    return next(
        row
        for row in facts(events, **options, only=("conversation",))["conversation"]
        if row["thread_id"] == name and row["conversation_no"] == no
    )
