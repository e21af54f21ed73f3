"""Metric definitions read plainly: one row, one condition, one sum at a time, without any engine.

Walks the parsed expression of a definition over a row in three-valued logic (None is unknown) and
adds up what METRICS.md says a measure holds. Slow on purpose, and written apart from the planner.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

import sqlglot
from sqlglot import exp

from candor.measure import SKETCH_ALPHA
from candor.metrics.definition import Definition
from candor.window import DAY

Row = Mapping[str, Any]
UNSQUARED = ("quantile", "count")
"""Estimators that take no variance from squares."""


@cache
def _tree(text: str) -> exp.Expr:
    return sqlglot.parse_one(text, dialect="duckdb")


def told(text: str, row: Row) -> Any:
    """The value of an expression for one row; None where it is not known."""
    return _value(_tree(text), row)


def _both(left: Any, right: Any) -> Any:
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def _either(left: Any, right: Any) -> Any:
    if left is True or right is True:
        return True
    return None if left is None or right is None else False


_STRICT: dict[type[exp.Expr], Callable[[Any, Any], Any]] = {
    exp.EQ: lambda a, b: a == b,
    exp.NEQ: lambda a, b: a != b,
    exp.GT: lambda a, b: a > b,
    exp.GTE: lambda a, b: a >= b,
    exp.LT: lambda a, b: a < b,
    exp.LTE: lambda a, b: a <= b,
    exp.Add: lambda a, b: a + b,
    exp.Sub: lambda a, b: a - b,
    exp.Mul: lambda a, b: a * b,
}


def _value(node: exp.Expr, row: Row) -> Any:
    match node:
        case exp.Column():
            return row[node.name]
        case exp.Paren():
            return _value(node.this, row)
        case exp.Null():
            return None
        case exp.Boolean():
            return node.this
        case exp.Literal():
            return node.this if node.is_string else Decimal(node.this)
        case exp.Neg():
            inner = _value(node.this, row)
            return None if inner is None else -inner
        case exp.Not():
            inner = _value(node.this, row)
            return None if inner is None else not inner
        case exp.And():
            return _both(_value(node.this, row), _value(node.expression, row))
        case exp.Or():
            return _either(_value(node.this, row), _value(node.expression, row))
        case exp.Is():
            left, right = _value(node.this, row), _value(node.expression, row)
            return left is right if right is None or right is True else left == right
        case exp.In():
            one = _value(node.this, row)
            return None if one is None else one in [_value(e, row) for e in node.expressions]
        case exp.Between():
            one, low, high = (_value(node.args[part], row) for part in ("this", "low", "high"))
            return None if one is None else low <= one <= high
        case exp.Coalesce():
            values = (_value(part, row) for part in (node.this, *node.expressions))
            return next((one for one in values if one is not None), None)
        case exp.Case():
            return _case(node, row)
    if type(node) in _STRICT:
        left, right = _value(node.this, row), _value(node.expression, row)
        return None if left is None or right is None else _STRICT[type(node)](left, right)
    raise NotImplementedError(f"{type(node).__name__}: {node}")


def _case(node: exp.Case, row: Row) -> Any:
    for branch in node.args["ifs"]:
        holds = _value(branch.this, row)
        if node.this is not None:
            holds = holds is not None and _value(node.this, row) == holds
        if holds is True:
            return _value(branch.args["true"], row)
    rest = node.args.get("default")
    return None if rest is None else _value(rest, row)


def state_of(definition: Definition, row: Row) -> tuple[str, str]:
    """What becomes of a row: outside, excluded, unknown or known, and why."""
    if told(definition.include, row) is not True:
        return "outside", ""
    for reason, text in definition.exclude.items():
        if told(text, row) is True:
            return "excluded", reason
    if None not in _outcome(definition, row):
        return "known", ""
    for reason, text in definition.unknown.items():
        if told(text, row) is True:
            return "unknown", reason
    return "unknown", "undetermined"


def _outcome(definition: Definition, row: Row) -> tuple[Any, ...]:
    places = ("outcome", "value", "numerator", "denominator")
    texts = (getattr(definition, place) for place in places)
    return tuple(told(text, row) for text in texts if text is not None)


def _whole(definition: Definition, number: Any, *, is_money: bool = True) -> int:
    scaled = number * 1_000_000 if definition.measured_in == "money" and is_money else number
    return int(scaled)


def added(definition: Definition, rows: Iterable[Row], persons: tuple[str, ...]) -> dict[str, Any]:
    """Everything a measure cell holds, over the rows of one cell."""
    counts: dict[str, Counter[str]] = {"unknown": Counter(), "excluded": Counter()}
    sums: dict[int, list[int]] = defaultdict(lambda: [0] * 6)
    seen, histogram = set(), Counter[int]()
    anonymous = confirmed = 0
    events: dict[int, list[int]] = defaultdict(lambda: [0] * definition.follow_days)
    at_risk: dict[int, list[int]] = defaultdict(lambda: [0] * definition.follow_days)
    for row in rows:
        state, reason = state_of(definition, row)
        if state in counts:
            counts[state][reason] += 1
        if state in ("known", "unknown"):
            _follow(definition, row, events[row["bucket"]], at_risk[row["bucket"]])
        if state != "known":
            continue
        outcome = _outcome(definition, row)
        number = _whole(definition, outcome[0])
        denominator = _whole(definition, outcome[1], is_money=False) if len(outcome) > 1 else 1
        square = 0 if definition.estimator in UNSQUARED else number**2
        for place, more in enumerate(
            (1, number, square, denominator, denominator**2, number * denominator)
        ):
            sums[row["bucket"]][place] += more
        seen.add(tuple(row[name] for name in persons))
        anonymous += "customer_known" in row and row["customer_known"] is not True
        if definition.confirmed is not None:
            confirmed += outcome[0] is True and told(definition.confirmed, row) is True
        histogram[_log_bucket(number)] += 1
    return {
        "unknown": dict(counts["unknown"]),
        "excluded": dict(counts["excluded"]),
        "buckets": {bucket: tuple(found) for bucket, found in sums.items()},
        "customers": len(seen),
        "anonymous": anonymous,
        "confirmed": None if definition.confirmed is None else confirmed,
        "histogram": dict(histogram) if definition.estimator == "quantile" else {},
        "events": {b: tuple(found) for b, found in events.items() if any(found)},
        "at_risk": {b: tuple(found) for b, found in at_risk.items() if any(found)},
    }


def _log_bucket(number: int) -> int:
    if number <= 0:
        return -(2**31)
    ratio = (1 + SKETCH_ALPHA) / (1 - SKETCH_ALPHA)
    return math.ceil(round(math.log(number) / math.log(ratio), 9))


def _follow(definition: Definition, row: Row, events: list[int], at_risk: list[int]) -> None:
    if definition.follow is None:
        return
    delay, followed = told(definition.follow.delay, row), told(definition.follow.at_risk, row)
    if followed is None:
        return
    for day in range(definition.follow_days):
        start = day * DAY
        events[day] += delay is not None and start <= delay < start + DAY
        at_risk[day] += day == 0 or followed > start or (followed == start and delay is not None)
