"""What every vendor's rule says of one thread, why, and on which facts that rests.

Evaluates the shipped rules on this thread alone; what it says is what ``candor compare-rules``
counts. Decides nothing by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from candor import window
from candor.engines.duck import DuckEngine
from candor.resolution import registry
from candor.resolution.columns import COLUMNS, FROM
from candor.resolution.judged import Decision, judge
from candor.resolution.rule import Rule


@dataclass(frozen=True)
class RuleVerdict:
    """What one rule makes of a thread.

    Attributes:
        rule, title, version: which.
        outcome: resolved, not_resolved, undetermined, needs_judge or excluded.
        reason: code of an undetermined outcome; "" otherwise.
        because: the line that decided, as written, or why none was reached.
        basis: stated in the vendor's text, or assumed where it is silent; "" without a line.
        billed: whether the vendor charges for this verdict; None where that is not known.
        facts: what the rule looked at: column of the specification to its value, instants in ISO.
    """

    rule: str
    title: str
    version: int
    outcome: str
    reason: str
    because: str
    basis: str
    billed: bool | None
    facts: dict[str, Any]


def rules_on(
    engine: DuckEngine, thread_id: str, *, as_of_us: int, rules: Sequence[Rule] = ()
) -> tuple[RuleVerdict, ...]:
    """Every rule's verdict on one thread; empty when no rule looks at it.

    Args:
        engine: an opened publication.
        thread_id: as in the conversation fact.
        as_of_us: instant up to which data are known, epoch microseconds.
        rules: which; all shipped ones when empty.
    """
    chosen = tuple(rules) or tuple(registry.current().values())
    where = "r.thread_id = '" + thread_id.replace("'", "''") + "'"
    judged = judge(engine, chosen, as_of_us=as_of_us, where=where)
    if not len(judged):
        return ()
    listed = ", ".join(f"{column.sql} as {name}" for name, column in COLUMNS.items())
    (row,) = engine.arrow(f"select {listed} from {FROM} where {where}").to_pylist()
    return tuple(
        _verdict(rule, judged.decision(0, number), row) for number, rule in enumerate(chosen)
    )


def _verdict(rule: Rule, said: Decision, row: dict[str, Any]) -> RuleVerdict:
    billed = rule.text.billed
    return RuleVerdict(
        rule=rule.id, title=rule.title, version=rule.text.version, outcome=said.outcome,
        reason=said.reason, because=said.words, basis=said.line.basis if said.line else "",
        billed=None if billed is None else said.verdict in billed, facts=_looked_at(rule, said, row),
    )  # fmt: skip


def _looked_at(rule: Rule, said: Decision, row: dict[str, Any]) -> dict[str, Any]:
    """The columns of the line that decided, and of those before it that did not hold."""
    conditions = [rule.denominator]
    if said.line is not None:
        conditions += [
            line.condition for line in rule.lines[: rule.lines.index(said.line) + 1]
        ][::-1]  # fmt: skip
    names = dict.fromkeys(
        name for one in conditions for name in sorted(one.names) if name in COLUMNS
    )
    return {name: _shown(name, row[name]) for name in names}


def _shown(name: str, value: Any) -> Any:
    is_instant = COLUMNS[name].kind == "instant" and value is not None
    return window.format_instant(value) if is_instant else value
