"""The stories that every implementation of the rules must judge alike, as canonical events.

Only this module expands ``cases.yaml``. Customer words come with their class as an assessment, so
that a story does not depend on a classifier. Times are epoch microseconds; stories are a day apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from candor.window import DAY, SECOND, parse_instant

FIRST_DAY = parse_instant("2026-09-07T09:00:00+00:00")
AFTER_DAYS = 40
_CUSTOMER, _SOURCE = "visitor-{}", "stories"


@dataclass(frozen=True, slots=True)
class Case:
    """One story.

    Attributes:
        id, title: its name.
        thread_id: the thread that the verdicts are about.
        events: canonical events.
        as_of_us: the moment of evaluation.
        verdicts: rule id → verdict.
        bill: status of a line for it under the newest ``intercom_fin``.
    """

    id: str
    title: str
    thread_id: str
    events: tuple[dict[str, Any], ...]
    as_of_us: int
    verdicts: dict[str, str]
    bill: str


@cache
def cases() -> tuple[Case, ...]:
    """Every story, in the order of the file."""
    text = files("candor.resolution").joinpath("cases.yaml").read_text(encoding="utf-8")
    document = yaml.safe_load(text)
    return tuple(
        _case(number, told, document["columns"]) for number, told in enumerate(document["cases"])
    )


def _case(number: int, told: dict[str, Any], columns: list[str]) -> Case:
    start = FIRST_DAY + number * DAY
    name = told["id"]
    thread, mail = f"{name}-chat", f"{name}-mail"
    events = [_conversation(thread, "chat", start, told, _CUSTOMER.format(name))]
    if any(len(step) > 4 and step[-1] == "mail" for step in told["steps"]):
        first = next(step[0] for step in told["steps"] if step[-1] == "mail")
        sender = f"sender-{name}"
        events.append(_conversation(mail, "email", start + first * SECOND, told, sender))
        events += [
            {
                "type": "identity", "source": _SOURCE, "occurred_at": start, "revision": 0,
                "identity_id": f"{name}-{place}", "customer_id": customer, "alias_kind": "email",
                "alias": f"{name}@stories.example", "is_removed": False,
            }
            for place, customer in enumerate((_CUSTOMER.format(name), sender), start=1)
        ]  # fmt: skip
    for place, step in enumerate(told["steps"], start=1):
        where = mail if step[-1] == "mail" else thread
        events += _step(f"{name}-{place}", where, start + step[0] * SECOND, step[1:])
    return Case(
        name, told["title"], thread, tuple(events), start + AFTER_DAYS * DAY,
        dict(zip(columns, told["verdicts"], strict=True)), told["bill"],
    )  # fmt: skip


def _conversation(
    thread: str, channel: str, at: int, told: dict[str, Any], customer: str
) -> dict[str, Any]:
    return {
        "type": "conversation", "source": _SOURCE, "occurred_at": at, "revision": 0,
        "thread_id": thread, "started_at": at, "channel": channel, "direction": "inbound",
        "customer_id": customer, "intent_id": told.get("intent", told["id"]),
        "is_test": told.get("is_test", False), "is_spam": False,
    }  # fmt: skip


def _step(name: str, thread: str, at: int, step: list[Any]) -> list[dict[str, Any]]:
    who, *rest = step
    base = {"source": _SOURCE, "occurred_at": at, "revision": 0, "thread_id": thread}
    if who == "state":
        state, actor, reason = rest[:3]
        return [
            {
                "type": "state_change", **base, "change_id": name, "from_state": "open",
                "to_state": state, "actor": actor, "reason": reason,
            }
        ]  # fmt: skip
    if who == "action":
        return [
            {
                "type": "action", **base, "action_id": name, "actor": "ai_agent", "name": rest[1],
                "kind": rest[0], "status": "succeeded",
            }
        ]  # fmt: skip
    if who == "handoff":
        reason, how = rest
        return [
            {
                "type": "handoff", **base, "handoff_id": name, "from_actor": "ai_agent",
                "to_actor": "human_agent", "reason": reason, "is_planned": how == "planned",
                "accepted_at": None if how == "failed" else at + 300 * SECOND,
                "is_failed": how == "failed",
            }
        ]  # fmt: skip
    message = {
        "type": "message", **base, "message_id": name, "actor": who, "is_public": True,
        "text": rest[1], "kind": rest[0] if who == "ai_agent" else None,
        "feedback": rest[2] if who == "ai_agent" and len(rest) > 2 else None,
    }  # fmt: skip
    if who != "customer":
        return [message]
    return [
        message,
        {
            "type": "assessment", **base, "assessment_id": f"class-{name}", "message_id": name,
            "assessor_kind": "human", "assessor_id": "author", "assessor_version": "1",
            "criterion": "reply_class", "label": rest[0],
        },
    ]  # fmt: skip
