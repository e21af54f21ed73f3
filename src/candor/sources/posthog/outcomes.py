"""What customers did in the product: confirmations, arms of experiments, and who is who.

Only this module maps product events. An event that merely can follow a contact says nothing: it is a
confirmation only when the user names it, and neutral unless the user says what it supports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any

from candor.errors import Problem, nearest
from candor.events import registry
from candor.events.reasons import ReasonCode
from candor.sources.base import EventDict, RecordRefused
from candor.sources.posthog import kinds
from candor.sources.posthog.kinds import Event
from candor.sources.shapes import object_of, text_of

_KEYS = ("event", "kind", "supports", "amount", "currency", "intent", "thread", "account")
_CENT = Decimal("0.000001")
_LATEST = 1 << 62


@dataclass(frozen=True, slots=True)
class Rule:
    """What one product event means, as the user declares it.

    Attributes:
        kind: of confirmation.
        supports: what it says of the outcome.
        named: property names by the field they fill.
    """

    kind: str
    supports: str
    named: Mapping[str, str]


def rules_of(told: Any, where: str) -> tuple[dict[str, Rule], list[Problem]]:
    """The declared confirmations by event name, and every mistake in them."""
    rules: dict[str, Rule] = {}
    problems = []
    if not isinstance(told, Sequence) or isinstance(told, str):
        return {}, [Problem("confirmations is no list", where, '[{event = "…", kind = "…"}]')]
    words = {
        name: tuple(registry()["confirmation"].field(name).values) for name in ("kind", "supports")
    }
    for number, one in enumerate(told, start=1):
        rule, place = object_of(one), f"{where}, entry {number}"
        problems += [
            Problem(f"unknown key '{key}'", place, "", nearest(key, _KEYS))
            for key in rule
            if key not in _KEYS
        ]
        if not rule.get("event"):
            problems.append(Problem("it names no event", place, "event, kind and supports"))
            continue
        # What can follow a contact proves nothing until somebody says that it does.
        chosen = {"kind": rule.get("kind"), "supports": rule.get("supports", "neutral")}
        for name, word in chosen.items():
            if word not in words[name]:
                problems.append(
                    Problem(
                        f"'{word}' is no {name} of a confirmation", place,
                        "one of " + ", ".join(words[name]), nearest(str(word), words[name]),
                    )
                )  # fmt: skip
        named = {key: str(rule[key]) for key in _KEYS[3:] if rule.get(key)}
        rules[str(rule["event"])] = Rule(str(chosen["kind"]), str(chosen["supports"]), named)
    return rules, problems


def of_outcome(event: Event, rule: Rule) -> Iterator[EventDict]:
    """A declared product event as a confirmation.

    Raises:
        RecordRefused: its amount is none.
    """
    named = {key: event.properties.get(name) for key, name in rule.named.items()}
    yield {
        "type": "confirmation",
        "confirmation_id": event.id,
        "thread_id": text_of(named.get("thread")),
        "customer_id": event.person,
        "account_id": text_of(named.get("account")),
        "occurred_at": event.at,
        "system": "posthog",
        "kind": rule.kind,
        "supports": rule.supports,
        "intent_id": text_of(named.get("intent")),
        "amount": _money(named.get("amount"), rule),
        "currency": text_of(named.get("currency")),
        "extra": _extra(event, frozenset(rule.named.values())),
    }


def _money(value: Any, rule: Rule) -> Decimal | None:
    if value in (None, ""):
        return None
    try:
        return Decimal(str(value)).quantize(_CENT, ROUND_HALF_EVEN)
    except InvalidOperation:
        raise RecordRefused(
            ReasonCode.TYPE_MISMATCH, rule.named["amount"], "an amount", str(value)[:80]
        ) from None


def _extra(event: Event, known: frozenset[str]) -> dict[str, Any] | None:
    kept = {
        key: value
        for key, value in event.properties.items()
        if key not in known and value not in (None, "", [], {})
    }
    found = {"event": event.name, **event.rest}
    return {**found, "properties": kept} if kept else found


def of_flag(event: Event) -> Iterator[EventDict]:
    """A flag that was asked for: the first time decides the arm.

    Raises:
        RecordRefused: it names no flag.
    """
    flag = text_of(event.properties.get("$feature_flag"))
    if flag is None:
        raise RecordRefused(ReasonCode.ID_MISSING, "$feature_flag", "the flag that was asked for")
    arm = event.properties.get("$feature_flag_response")
    yield {
        "type": "exposure",
        "experiment_id": flag,
        "unit_id": event.person,
        "unit": "customer",
        "occurred_at": event.at,
        # Of several calls the earliest is the one that counts, whenever it is read.
        "revision": _LATEST - event.at,
        "arm": str(arm).lower() if isinstance(arm, bool) or arm is None else str(arm),
        "assigned_at": event.at,
    }


def of_link(event: Event) -> Iterator[EventDict]:
    """Two ids that are one person: both are known under the other id."""
    other = text_of(event.properties.get(kinds.LINKS[event.name]))
    if other is None or other == event.person:
        return
    for customer in (event.person, other):
        yield _identity(f"{event.person}:{other}:{customer}", customer, "cookie", other, event.at)


def of_person(body: Mapping[str, Any]) -> Iterator[EventDict]:
    """An id of a person: all ids of one person share the person's own as an alias.

    Raises:
        RecordRefused: an id is missing.
    """
    customer, person = text_of(body.get("distinct_id")), text_of(body.get("person_id"))
    if customer is None or person is None:
        raise RecordRefused(ReasonCode.ID_MISSING, "person_id", "a distinct id and its person")
    told = next((body[key] for key in ("_inserted_at", "created_at") if body.get(key)), None)
    at = kinds.instant(told, "created_at")
    version = body.get("person_distinct_id_version") or 0
    is_gone = body.get("is_deleted") in (True, 1, "true")
    if is_gone:
        yield {
            "type": "erasure",
            "erasure_id": f"posthog:{customer}",
            "occurred_at": at,
            "requested_at": at,
            "subject_kind": "customer",
            "subject_id": customer,
            "reason": "deleted in PostHog",
        }
    yield {
        **_identity(f"{customer}:person", customer, "external", person, at),
        "revision": int(version),
        "is_removed": is_gone,
        "extra": {"person_version": body.get("person_version")},
    }


def _identity(identity: str, customer: str, kind: str, alias: str, at: int) -> EventDict:
    return {
        "type": "identity",
        "identity_id": identity,
        "customer_id": customer,
        "occurred_at": at,
        "alias_kind": kind,
        "alias": alias,
        "is_removed": False,
    }
