"""JSON without surprises: what is accepted is kept exactly, everything else has a reason.

Refused: repeated keys, NaN and infinities, numbers beyond the range of a double, lone surrogates,
nesting and key counts over the limits. Integers stay exact; a decimal fraction that no double holds
is kept as ``Decimal``. Only decodes text it is given; reads nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from json import JSONDecodeError
from typing import Any, cast

from candor.events.reasons import ReasonCode
from candor.sources.readers.limits import LIMITS

_EXACT_LENGTH = 16
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_SPACE = re.compile(r"[ \t\n\r]*")


class JsonFault(Exception):  # noqa: N818 - becomes a quarantined record
    """One reason why a text is not an acceptable JSON value."""

    def __init__(self, code: ReasonCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def decode(text: str) -> Any:
    """The value of a text that holds exactly one JSON value.

    Raises:
        JsonFault: with the reason, for anything else.
    """
    start = 0 if text[:1] == "{" else space_end(text, 0)
    value, end = decode_at(text, start)
    if end != len(text) and space_end(text, end) != len(text):
        raise JsonFault(ReasonCode.JSON_SYNTAX, f"nothing after the value (character {end + 1})")
    return value


def decode_at(text: str, start: int) -> tuple[Any, int]:
    """The value that begins at ``start`` and the position after it.

    Raises:
        JsonFault: the value breaks a rule; ``JSON_SYNTAX`` also when the text merely ends early.
    """
    try:
        value, end = _SCAN(text, start)
    except JsonFault:
        raise
    except StopIteration as stop:
        raise JsonFault(
            ReasonCode.JSON_SYNTAX, f"a JSON value at character {stop.value + 1}"
        ) from None
    except JSONDecodeError as error:
        raise JsonFault(
            ReasonCode.JSON_SYNTAX, f"valid JSON ({error.msg} at character {error.pos + 1})"
        ) from None
    except RecursionError:
        raise JsonFault(ReasonCode.JSON_DEPTH, _DEPTH_DETAIL) from None
    except ValueError:
        raise JsonFault(ReasonCode.SIZE_LIMIT, "an integer of at most 4,300 digits") from None
    _check_depth(text, start, end, value)
    # Bounded by ``end``: the text may be a large window of which this value is a small part.
    if text.find("\\u", start, end) >= 0 and _SURROGATE_ESCAPE.search(text, start, end):
        _check_surrogates(value)
    return value, end


def space_end(text: str, start: int) -> int:
    """Position of the first character after ``start`` that is not JSON white space."""
    return cast(re.Match[str], _SPACE.match(text, start)).end()


def skip_at(text: str, start: int) -> int:
    """Position after the value at ``start``, whatever rules of content it breaks.

    Raises:
        JsonFault: the value is no JSON or not complete, or nested too deeply to tell.
    """
    try:
        _, end = _LENIENT(text, start)
    except (StopIteration, JSONDecodeError):
        raise JsonFault(ReasonCode.JSON_SYNTAX, "valid JSON") from None
    except RecursionError:
        return _skip_deep(text, start)
    return end


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise JsonFault(ReasonCode.JSON_DUP_KEY, "every key once in an object")
    if len(pairs) > LIMITS.object_keys:
        raise JsonFault(ReasonCode.SIZE_LIMIT, f"at most {LIMITS.object_keys} keys in an object")
    return result


def _float(text: str) -> float | Decimal:
    value = float(text)
    if value - value != 0.0:
        raise JsonFault(ReasonCode.JSON_NONFINITE, "a number a double can hold")
    if len(text) <= _EXACT_LENGTH and value != 0.0:
        return value
    try:
        exact = Decimal(text)
    except InvalidOperation:
        raise JsonFault(ReasonCode.JSON_NONFINITE, "a number a double can hold") from None
    return value if exact == Decimal(repr(value)) else exact


def _constant(name: str) -> Any:
    raise JsonFault(ReasonCode.JSON_NONFINITE, f"a finite number, not {name}")


_STRICT_DECODER: Any = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=_float, parse_constant=_constant
)
_LENIENT_DECODER: Any = json.JSONDecoder(parse_int=str, parse_float=str)
# ``raw_decode`` without its conversion of the end of the text into an error that costs a frame.
_SCAN: Callable[[str, int], tuple[Any, int]] = _STRICT_DECODER.scan_once
_LENIENT: Callable[[str, int], tuple[Any, int]] = _LENIENT_DECODER.scan_once
_DEPTH_DETAIL = f"at most {LIMITS.depth} levels of nesting"
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


def _check_depth(text: str, start: int, end: int, value: Any) -> None:
    if text.count("{", start, end) + text.count("[", start, end) <= LIMITS.depth:
        return
    level = [value] if type(value) in (dict, list) else []
    depth = 0
    while level:
        depth += 1
        if depth > LIMITS.depth:
            raise JsonFault(ReasonCode.JSON_DEPTH, _DEPTH_DETAIL)
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]


def _check_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        raise JsonFault(ReasonCode.JSON_SURROGATE, "surrogates in pairs only") from None


def _skip_deep(text: str, start: int) -> int:
    depth = 0
    for token in _TOKEN.finditer(text, start):
        mark = token.group()[0]
        if mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
            if depth == 0:
                return token.end()
    raise JsonFault(ReasonCode.JSON_SYNTAX, "a complete value")
