"""Short ways to write verdicts, gaps, changes of knowledge and calls; and one world that holds them all."""

from __future__ import annotations

from typing import Any

from candor.engines.duck import DuckEngine
from candor.facts import schema
from candor.settings import Settings
from candor.workspace import Intent

from .story import BEGAN, LATE, MINUTE, at, exchange, said, thread
from .test_resolution_cases import scored
from .world import make, put

FACTS = (
    "message", "assessment", "conversation_quality", "ai_turn", "intent_attempt", "gap", "gap_step",
    "feedback_loop", "voice_call", "voice_turn",
)  # fmt: skip
_number = iter(range(10**9))


def judged(
    criterion: str,
    verdict: bool | float | str | None,
    *,
    on: str | None = None,
    thread: str | None = None,
    by: str = "human",
    minute: float = 500,
    **fields: Any,
) -> dict[str, Any]:
    """A verdict on a message (``on``), else on a thread; true and false are labels, numbers values."""
    label = {True: "true", False: "false"}[verdict] if isinstance(verdict, bool) else verdict
    is_number = isinstance(verdict, float)
    return {
        "type": "assessment", "source": "desk", "occurred_at": at(minute),
        "assessment_id": fields.pop("assessment_id", f"a{next(_number)}"), "thread_id": thread,
        "message_id": on, "assessor_kind": by, "assessor_id": f"{by}_1", "assessor_version": "1",
        "criterion": criterion, "label": None if is_number else label,
        "value": verdict if is_number else None, **fields,
    }  # fmt: skip


def gap(name: str, opened: float, *, status: str = "open", resolved: float | None = None,
        seen: float | None = None, threads: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:  # fmt: skip
    """A gap opened at a minute; ``seen`` is when its current revision occurred."""
    return {
        "type": "gap", "source": "desk", "occurred_at": at(opened if seen is None else seen),
        "gap_id": name, "topic": "refunds", "opened_at": at(opened),
        "resolved_at": None if resolved is None else at(resolved), "opened_by": "code",
        "thread_ids": list(threads), "status": status, **fields,
    }  # fmt: skip


def changed(name: str, minute: float, **fields: Any) -> dict[str, Any]:
    """A change of the knowledge."""
    return {
        "type": "knowledge_change", "source": "desk", "occurred_at": at(minute), "change_id": name,
        "knowledge_id": "k1", "kind": "updated", **fields,
    }  # fmt: skip


def spoke(
    name: str, actor: str, start: float | None, end: float | None, **fields: Any
) -> dict[str, Any]:
    """An utterance with seconds of speech; it is written down when it begins."""
    begun = 0 if start is None else start
    return said(
        name, begun / 60, actor,
        message_id=fields.pop("message_id", f"{name}-{actor}-{next(_number)}"),
        speech_start_ms=None if start is None else int(start * 1000),
        speech_end_ms=None if end is None else int(end * 1000), **fields,
    )  # fmt: skip


def build(
    events: list[dict[str, Any]], *, as_of: int = LATE, covered_until: Any = None,
    intents: tuple[Intent, ...] = (), score: bool = True, threads: int = 1,
) -> dict[str, list[dict[str, Any]]]:  # fmt: skip
    """Every quality fact as rows in key order."""
    everything = events + (scored(events) if score else [])
    with DuckEngine(threads=threads) as engine:
        put(engine, everything, covered_until=covered_until)
        make(engine, Settings(), as_of, *FACTS, intents=intents)
        return {
            name: engine.arrow(f"select * from {name} order by {schema.key(name)[0]}").to_pylist()
            for name in FACTS
        }


def only(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    """Chosen columns of rows."""
    return [tuple(row[name] for name in names) for row in rows]


def everything() -> list[dict[str, Any]]:
    """One thread or thing for each fact of this family, so that none of them is empty."""
    return [
        *exchange("q1"),
        said("q1", 2, "ai_agent", message_id="q1-down", feedback="negative", intent_predicted="bill",
             intent_confidence=0.5, knowledge_ids=["k1"]),
        judged("hallucination", True, on="q1-down", sampling_probability=0.25),
        judged("experience_score", 0.75, thread="q1", by="llm"),
        gap("g1", 0, threads=("q1",)),
        changed("n1", 90, closes_gap_id="g1"),
        thread("q2", channel="voice"),
        spoke("q2", "customer", 0, 4),
        spoke("q2", "ai_agent", 5, 9),
    ]  # fmt: skip


__all__ = [
    "BEGAN", "LATE", "MINUTE", "at", "build", "changed", "everything", "exchange", "gap", "judged",
    "only", "said", "spoke", "thread",
]  # fmt: skip
