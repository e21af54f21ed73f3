"""Events of one span of a traced AI agent, given the export it stands in.

Only this module maps spans: what the customer newly said, what the agent answered, tools, handoffs,
checks, costs and releases. A handoff is known only by the tool the user names; a check's result only
by the user's table; whether a text answers or asks only when the user says how to tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from candor.sources import markup
from candor.sources.base import EventDict, Notes
from candor.sources.benchmark import argument_shape, kind_of_text, kind_of_tool
from candor.sources.shapes import object_of
from candor.sources.spans import Forest, Span, Thread

SETTINGS = (
    "ai_text_kind",
    "channel",
    "currency",
    "guardrail_results",
    "handoff_tools",
    "production_environments",
    "token_prices",
)
"""Settings that every connector of spans knows."""
_MILLION = Decimal(1_000_000)
_CENT = Decimal("0.000001")
_MILLISECOND = 1_000
_STEPS_TOLD = frozenset(("tool", "retriever", "guardrail"))
_LATEST = 1 << 62
_MARKED = re.compile(r"[<>&\n\r\t\f\v]|  ")
_PRODUCTION = ("production", "prod", "default")


@dataclass(frozen=True, slots=True)
class Around:
    """What a mapping may look at beside its span."""

    forest: Forest
    settings: Mapping[str, Any]
    notes: Notes


def of_span(span: Span, around: Around) -> Iterator[EventDict]:
    """Everything one span means; nothing for a step inside an answer."""
    forest = around.forest
    thread = forest.threads[forest.thread_of(span.trace)]
    if thread.first == span.id:
        yield _conversation(thread, around)
    yield from _release(span, forest)
    yield from _heard(span, thread, forest)
    if span.id in forest.speakers and span.said:
        yield _answer(span, thread, around)
    if span.role in {"tool", "retriever"}:
        yield from _action(span, thread, around)
    if span.role == "guardrail":
        yield _guardrail(span, thread, around)
    yield from _cost(span, thread, around)


def keeps_extra(span: Span, forest: Forest) -> bool:
    """Whether an event of a span has room for what no field holds."""
    return span.role in _STEPS_TOLD or span.id in forest.speakers


def _conversation(thread: Thread, around: Around) -> EventDict:
    if thread.is_trace:
        around.notes.add("thread_is_trace", "traces without a session, each a thread of its own")
    if thread.is_truncated:
        around.notes.add("thread_truncated", "threads whose history holds turns never exported")
    return {
        "type": "conversation",
        "thread_id": thread.id,
        "occurred_at": thread.started,
        "revision": thread.ended,
        "started_at": thread.started,
        "ended_at": None,
        "channel": around.settings.get("channel"),
        "direction": None,
        "customer_id": thread.customer,
        "is_test": thread.is_test,
        "is_spam": False,
        "ai_agent_id": thread.agent,
        "release": thread.release,
        "attributes": {"is_truncated": thread.is_truncated},
        "extra": {"thread_is_trace": True} if thread.is_trace else None,
    }


def _release(span: Span, forest: Forest) -> Iterator[EventDict]:
    """First sight of a release: the traces do not say when it was deployed."""
    if not span.agent or not span.release:
        return
    first, identity = forest.releases[span.agent, span.release]
    if identity == span.id:
        yield {
            "type": "release",
            "ai_agent_id": span.agent,
            "release": span.release,
            "occurred_at": first,
            # An earlier sight, found in another export, replaces a later one.
            "revision": _LATEST - first,
            "deployed_at": first,
            "kind": "mixed",
            "extra": {"first_seen": True},
        }


def _heard(span: Span, thread: Thread, forest: Forest) -> Iterator[EventDict]:
    new = forest.fresh.get(span.id, 0)
    if not new:
        return
    said = [one for one in span.heard if one.role == "customer" and one.text]
    for place, one in enumerate(said[len(said) - new :]):
        written = _written(one.text)
        yield {
            "type": "message",
            "message_id": f"{span.id}:in:{place}",
            "thread_id": thread.id,
            "occurred_at": span.started + place,
            "revision": span.revision,
            "actor": "customer",
            "actor_id": span.customer,
            "is_public": True,
            "text": written.text or None,
            "extra": {"quoted": written.quoted} if written.quoted else None,
        }


def _answer(span: Span, thread: Thread, around: Around) -> EventDict:
    text = _written(span.said or "").text or None
    is_told = text is not None and around.settings.get("ai_text_kind") == "question_mark"
    new = around.forest.fresh.get(span.id, 0)
    return {
        "type": "message",
        "message_id": message_of(span.id),
        "thread_id": thread.id,
        # An answer never stands before what it answers, however coarse the clock.
        "occurred_at": max(span.end, span.started + new),
        "revision": span.revision,
        "actor": "ai_agent",
        "actor_id": span.agent,
        "is_public": True,
        "text": text,
        "kind": kind_of_text(text) if is_told and text else None,
        "knowledge_ids": list(around.forest.documents.get(span.id, ())) or None,
        "latency_ms": None if span.ended is None else (span.end - span.started) // _MILLISECOND,
        "release": span.release,
        "extra": _extra(span),
    }


def _written(text: str) -> markup.Body:
    """A text without markup; most of what is typed into a chat needs no look at it."""
    if text.isascii() and not _MARKED.search(text):
        return markup.Body(text.strip(), None)
    return markup.read(text)


def message_of(span_id: str) -> str:
    """Id of the message that a span answered with."""
    return f"{span_id}:out"


def _extra(span: Span) -> dict[str, Any] | None:
    found = dict(span.extra)
    if span.model:
        found["model"] = span.model
    return found or None


def _action(span: Span, thread: Thread, around: Around) -> Iterator[EventDict]:
    status = "denied" if span.is_denied else "failed" if span.is_failed else "succeeded"
    yield {
        "type": "action",
        "action_id": span.id,
        "thread_id": thread.id,
        "occurred_at": span.started,
        "revision": span.revision,
        "actor": "ai_agent",
        "name": span.name,
        "kind": "lookup" if span.role == "retriever" else kind_of_tool(span.name, around.notes),
        # A span that has not ended does not say how it will.
        "status": None if span.ended is None and status == "succeeded" else status,
        "duration_ms": None if span.ended is None else (span.end - span.started) // _MILLISECOND,
        "extra": {**span.extra, **_arguments(span)} or None,
    }
    if span.name in (around.settings.get("handoff_tools") or ()):
        yield {
            "type": "handoff",
            "handoff_id": span.id,
            "thread_id": thread.id,
            "occurred_at": span.end,
            "revision": span.revision,
            "from_actor": "ai_agent",
            "to_actor": "human_agent",
            "reason": None,
            "is_planned": False,
            "accepted_at": None,
            # Who took over works in another system: only a failed call proves a failed handoff.
            "is_failed": span.is_failed or span.is_denied,
        }


def _arguments(span: Span) -> dict[str, Any]:
    return {} if span.arguments in (None, "", {}) else argument_shape(span.arguments)


def _guardrail(span: Span, thread: Thread, around: Around) -> EventDict:
    native = span.result if isinstance(span.result, str) and span.result.strip() else None
    if native is None:
        native = "error" if span.is_failed else "no result exported"
    table = object_of(around.settings.get("guardrail_results"))
    result = table.get(native)
    if result is None:
        around.notes.add("guardrail_unmapped", native)
    return {
        "type": "guardrail",
        "guardrail_id": span.id,
        "thread_id": thread.id,
        "occurred_at": span.end,
        "revision": span.revision,
        "policy_id": span.name,
        "policy_version": span.release,
        "native_result": native,
        "result": result,
        "extra": span.extra or None,
    }


def _cost(span: Span, thread: Thread, around: Around) -> Iterator[EventDict]:
    if span.cost is None or not around.forest.is_cost_leaf(span.id):
        return
    yield {
        "type": "cost",
        "cost_id": span.id,
        "thread_id": thread.id,
        "occurred_at": span.end,
        "revision": span.revision,
        "kind": "ai_usage",
        "quantity": float(1 if span.tokens is None else span.tokens),
        "unit": "call" if span.tokens is None else "token",
        "amount": span.cost.quantize(_CENT, ROUND_HALF_EVEN),
        "currency": span.currency,
        "extra": {"model": span.model} if span.model else None,
    }


def is_test(environment: Any, settings: Mapping[str, Any]) -> bool:
    """Whether an environment is none of production; one that is not told is none of tests."""
    if environment in (None, ""):
        return False
    declared = settings.get("production_environments") or _PRODUCTION
    return str(environment) not in declared


def priced(
    model: str | None, tokens_in: int | None, tokens_out: int | None, settings: Mapping[str, Any]
) -> Decimal | None:
    """Money for tokens by the user's prices per million; None without a price or a count.

    Args:
        model: the model's name, a key of ``token_prices``.
        tokens_in: tokens read, as the span states them.
        tokens_out: tokens written.
        settings: ``token_prices = {m-large = {input = "2.5", output = "10"}}``.
    """
    price = object_of(object_of(settings.get("token_prices")).get(model or ""))
    if not price or (tokens_in is None and tokens_out is None):
        return None
    asked = Decimal(str(price.get("input", 0))) * (tokens_in or 0)
    return (asked + Decimal(str(price.get("output", 0))) * (tokens_out or 0)) / _MILLION
