"""How a cell becomes a value of an event: origin, nulls, value map, default, kind, in this order.

Nothing is guessed: text becomes a number, a time or a word only where the field or the mapping asks
for it. Ids stay text. Knows nothing of rules and files beyond what the plan hands in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from candor.events import ReasonCode
from candor.events.types import Field
from candor.sources.base import UNMAPPED_WORD, RecordRefused
from candor.sources.expressions import compile_expression
from candor.sources.mapping import FieldRule, FileFormat
from candor.sources.scope import Compiled, Scope, number_of, text_of

if TYPE_CHECKING:
    from candor.sources.mapping_plan import Plan

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_INTEGER = re.compile(r"[+-]?\d+")
# What a spreadsheet makes of a long id: the digits are gone.
_CRUSHED_ID = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d+")
_TRUTH = {"true": True, "false": False}
TIME_FIELD = Field("", "timestamp")


def value_of(
    plan: Plan, rule: FieldRule, one: Field | None, type_name: str, nested: bool
) -> Compiled:
    """What reads one field.

    Args:
        plan: the mapping's plan, which resolves columns and times and counts what is noticed.
        rule: where the field comes from.
        one: the field of the event type; None for a name inside ``extra``.
        type_name: the event type, for messages.
        nested: whether the row is an element of a nested array.
    """
    if rule.is_constant:
        constant = rule.constant
        return lambda _row, _scope: constant
    resolve = plan.column(optional=rule.is_optional, nested=nested)
    if rule.expression is not None:
        read = compile_expression(rule.expression, resolve).run
    else:
        read = resolve(str(rule.column))
    if rule.null_values:
        read = _without(read, rule.null_values)
    if rule.words is not None:
        read = _mapped(plan, read, rule, one, type_name)
    if rule.default is not None:
        read = _or_default(read, rule.default)
    if rule.split is not None:
        read = _split(read, rule.split)
    to_kind = _converter(plan, rule, one)
    if to_kind is None:
        return read

    def run(row: Any, scope: Scope) -> Any:
        value = read(row, scope)
        return None if value is None else to_kind(value)

    return run


def _without(read: Compiled, nulls: frozenset[str]) -> Compiled:
    def run(row: Any, scope: Scope) -> Any:
        value = read(row, scope)
        return None if type(value) is str and value in nulls else value

    return run


def _or_default(read: Compiled, default: Any) -> Compiled:
    def run(row: Any, scope: Scope) -> Any:
        value = read(row, scope)
        return default if value is None else value

    return run


def _split(read: Compiled, separator: str) -> Compiled:
    def run(row: Any, scope: Scope) -> Any:
        value = read(row, scope)
        if type(value) is not str:
            return value
        return [part.strip() for part in value.split(separator) if part.strip()]

    return run


def _mapped(
    plan: Plan, read: Compiled, rule: FieldRule, one: Field | None, type_name: str
) -> Compiled:
    words: dict[str, Any] = rule.words or {}
    name = rule.target

    def run(row: Any, scope: Scope) -> Any:
        value = read(row, scope)
        if value is None:
            return None
        word = text_of(value)
        if word is not None and word in words:
            return words[word]
        if rule.refuse_unmapped or (one is not None and one.required) or word is None:
            code = ReasonCode.TYPE_MISMATCH if word is None else ReasonCode.ENUM_UNKNOWN
            raise RecordRefused(
                code, f"{type_name}.{name}", "one of " + ", ".join(words), (word or "")[:80]
            )
        plan.state.notes.add(UNMAPPED_WORD, f"{type_name}\x1f{name}\x1f{word}")
        scope.seen[name] = value
        return None

    return run


def _converter(plan: Plan, rule: FieldRule, one: Field | None) -> Callable[[Any], Any] | None:
    """From a cell to what the field holds; None where nothing has to be done."""
    kind = one.kind if one is not None else "string"
    if kind == "timestamp" or rule.cast == "time":
        reader, notes_of = plan.time_reader(rule), plan
        zone = plan.time_spec(rule).zone or ""
        return lambda value: reader(
            value, rule.target, lambda: notes_of.state.notes.add("doubled_hour", zone)
        )
    if kind == "date":
        return plan.time_reader(rule).day
    is_text = plan.format.type in ("csv", "tsv", "xlsx") or rule.cast is not None
    if rule.cast in ("number", "integer") or (is_text and kind in ("int", "float", "money")):
        return _numbers(plan.format, rule, integer=rule.cast == "integer" or kind == "int")
    if rule.cast == "boolean" or (is_text and kind == "bool"):
        return lambda value: _truth(value, rule.target)
    if kind == "id" and plan.format.type in ("csv", "tsv", "xlsx"):
        return lambda value: _identifier(value, rule.target)
    if rule.cast == "text":
        return lambda value: _as_text(value, rule.target)
    return None


def _numbers(file_format: FileFormat, rule: FieldRule, *, integer: bool) -> Callable[[Any], Any]:
    decimal, thousands = file_format.decimal, file_format.thousands
    pattern, expected = (_INTEGER, "an integer") if integer else (_NUMBER, "a number")

    def run(value: Any) -> Any:
        text = value
        if type(value) is str:
            text = value.strip()
            if thousands:
                text = text.replace(thousands, "")
            if decimal != ".":
                text = "" if "." in text else text.replace(decimal, ".")
            if not pattern.fullmatch(text):
                raise RecordRefused(ReasonCode.TYPE_MISMATCH, rule.target, expected, value[:80])
        number = number_of(text)
        if number is None or (integer and number != int(number)):
            raise RecordRefused(ReasonCode.TYPE_MISMATCH, rule.target, expected, str(value)[:80])
        if integer or (type(text) is str and _INTEGER.fullmatch(text)):
            return int(number)
        return number

    return run


def _truth(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return value
    found = _TRUTH.get(value.strip().lower()) if type(value) is str else None
    if found is None:
        raise RecordRefused(
            ReasonCode.TYPE_MISMATCH, name, "true or false, or a `map` to them", str(value)[:80]
        )
    return found


def _identifier(value: Any, name: str) -> Any:
    if type(value) is str:
        if "+" in value and _CRUSHED_ID.fullmatch(value):
            raise RecordRefused(
                ReasonCode.TYPE_MISMATCH, name,
                "the whole id; a spreadsheet rounded this one to a number",
            )  # fmt: skip
        return value
    if type(value) is float and value.is_integer():
        return str(int(value))
    return value


def _as_text(value: Any, name: str) -> str:
    text = text_of(value)
    if text is None:
        raise RecordRefused(ReasonCode.TYPE_MISMATCH, name, "text", str(value)[:80])
    return text
