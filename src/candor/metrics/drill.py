"""From a figure down to its conversations, and from a conversation up to every figure.

Uses the same row codes as the measures, so a list and a count can never disagree. Lists are ordered
by the fact's unique key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from candor.errors import CandorError, Problem, nearest
from candor.facts import schema
from candor.metrics import compile as sql
from candor.metrics.compile import Scope
from candor.metrics.definition import Definition
from candor.metrics.engine import Engine
from candor.metrics.plan import Codes, by_fact, codes_of, plan
from candor.metrics.reading import column_types

Outcome = Literal["numerator", "denominator", "unknown", "excluded"]
OUTCOMES: tuple[Outcome, ...] = ("numerator", "denominator", "unknown", "excluded")


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit behind a figure.

    Attributes:
        unit_id: key of the fact's row.
        conversation_id: conversation it belongs to; None when it belongs to none.
        state: excluded, unknown, known (false or a value), true or confirmed.
        reason: of an exclusion or an unknown outcome.
        value: integer value of a value metric, when known.
    """

    unit_id: str
    conversation_id: str | None
    state: str
    reason: str
    value: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one metric counted one conversation (or a unit that belongs to it).

    Attributes:
        metric: name of the metric.
        unit_id: key of the row it judged.
        state: outside, excluded, unknown, known, true or confirmed.
        reason: of an exclusion or an unknown outcome.
        value: integer value of a value metric, when known.
    """

    metric: str
    unit_id: str
    state: str
    reason: str
    value: int | None = None


def conversations(
    engine: Engine,
    metric: Definition,
    *,
    outcome: Outcome = "numerator",
    segment: Mapping[str, str | None] | None = None,
    since: int | None = None,
    until: int | None = None,
    limit: int = 100,
) -> list[Unit]:
    """The units of a metric's cell, ordered by their key.

    Args:
        engine: holds the facts.
        metric: definition.
        outcome: numerator (true), denominator (known), unknown or excluded.
        segment: dimension to value; None asks for the unknown ones.
        since: first reporting day.
        until: day after the last.
        limit: most units returned.

    Raises:
        CandorError: ``drill.outcome`` for an unknown outcome.
    """
    if outcome not in OUTCOMES:
        raise CandorError(
            "drill.outcome",
            Problem(f"unknown outcome '{outcome}'", "", "", nearest(outcome, OUTCOMES)),
            exit_code=2,
        )
    codes = codes_of(metric)
    low, high = _range(metric, codes, outcome)
    scope = Scope(since=since, until=until, where=tuple(sorted((segment or {}).items())))
    rows = engine.rows(
        f"{_listed(metric, scope)} where c0 between {low} and {high} "
        f"order by unit_id limit {int(limit)}"
    )
    return [
        Unit(str(row[0]), row[1], *codes.state(row[2]), _value(codes, row[2], row[3]))
        for row in rows
    ]


def verdict_of(
    engine: Engine, metrics: Sequence[Definition], conversation_id: str
) -> list[Verdict]:
    """How every metric counted a conversation, its handoffs, surveys, messages and suggestions.

    Args:
        engine: holds the facts.
        metrics: definitions.
        conversation_id: conversation, as in the conversation fact.

    Raises:
        CandorError: ``conversation.unknown``.
    """
    quoted = sql.text_literal(conversation_id)
    found = engine.rows(
        f"select conversation_key from conversation where conversation_id = {quoted}"
    )
    if not found:
        raise CandorError(
            "conversation.unknown",
            Problem(f"there is no conversation '{conversation_id}'", "",
                    "an id such as <thread>#1", "list some with `candor show --json`"),
        )  # fmt: skip
    key = int(found[0][0])
    verdicts: list[Verdict] = []
    for fact, group in by_fact(metrics).items():
        own = "journey_key" if fact == "journey" else "conversation_key"
        if own not in column_types(fact):
            continue  # its rows belong to no conversation
        for row in engine.rows(_told_of(fact, group, own, key)):
            for definition, code, value in zip(group, row[1::2], row[2::2], strict=True):
                codes = codes_of(definition)
                kept = _value(codes, code, value)
                verdicts.append(Verdict(definition.name, str(row[0]), *codes.state(code), kept))
    order = {definition.name: at for at, definition in enumerate(metrics)}
    return sorted(verdicts, key=lambda verdict: (order[verdict.metric], verdict.unit_id))


def _range(metric: Definition, codes: Codes, outcome: Outcome) -> tuple[int, int]:
    first_unknown = 1 + len(codes.excluded)
    if outcome == "excluded":
        return 1, first_unknown - 1
    if outcome == "unknown":
        return first_unknown, codes.known - 1
    if outcome == "numerator" and metric.outcome is not None:
        return codes.true, codes.confirmed
    return codes.known, codes.confirmed


def _told_of(fact: str, metrics: Sequence[Definition], own: str, key: int) -> str:
    """A query of unit id, and code and value of every metric, of a conversation's rows."""
    (unit,) = schema.key(fact)
    items = [
        f"coded.c{at}, " + (f"coded.v{at}" if one.outcome is None else "cast(null as bigint)")
        for at, one in enumerate(metrics)
    ]
    wanted = plan(fact, metrics, anonymous=False)
    return (
        f"select coded.{unit} as unit_id, {', '.join(items)} "
        f"from ({sql.coded(wanted, Scope(), extra=sorted({unit, own}))}) as coded "
        f"where coded.{own} = {key} order by unit_id"
    )


def _listed(metric: Definition, scope: Scope) -> str:
    """A query of unit id, conversation id, code and value of every row in scope."""
    columns = column_types(metric.fact)
    (key,) = schema.key(metric.fact)
    extra = {key}
    conversation = "cast(null as varchar)"
    joined = ""
    if metric.fact == "conversation":
        conversation = "coded.conversation_id"
        extra.add("conversation_id")
    elif metric.fact == "journey":
        conversation = "coded.journey_id"
    elif "conversation_key" in columns:
        extra.add("conversation_key")
        conversation = "of.conversation_id"
        joined = (
            " left join (select conversation_key, conversation_id from conversation) as of "
            "on of.conversation_key = coded.conversation_key"
        )
    wanted = plan(metric.fact, [metric], anonymous=False)
    has_value = metric.outcome is None
    value = "coded.v0" if has_value else "cast(null as bigint)"
    return (
        f"select unit_id, conversation_id, c0, unit_value from (select coded.{key} as unit_id, "
        f"{conversation} as conversation_id, coded.c0 as c0, {value} as unit_value "
        f"from ({sql.coded(wanted, scope, extra=sorted(extra))}) as coded{joined}) as listed"
    )


def _value(codes: Codes, code: int, value: int | None) -> int | None:
    return int(value) if value is not None and code == codes.known else None
