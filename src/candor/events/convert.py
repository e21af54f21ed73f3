"""One value of a record becomes one stored value, or a problem with a reason code.

This is the reference for what each kind of field accepts; the batcher's columnar paths may only
take a shortcut where they give the same result. Instants are microseconds since 1970 in UTC.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any

from candor.events.reasons import ReasonCode
from candor.events.types import Field

EARLIEST_US = 946_684_800_000_000
"""2000-01-01T00:00:00Z."""
FUTURE_LIMIT_US = 24 * 3_600 * 1_000_000
"""How far ahead of its receipt an instant may lie."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?"
    r"\s?([Zz]|[+-]\d\d(?::?\d\d)?|[A-Za-z]{2,5})?"
)
_INT64 = range(-(2**63), 2**63)
_MONEY_LIMIT = Decimal(10) ** 12
_MONEY_STEP = Decimal("0.000001")
_PREVIEW = 80


@dataclass(frozen=True, slots=True)
class Refused(Exception):  # noqa: N818 - it is a verdict on a value, not a failure
    """A value that a field does not accept."""

    code: ReasonCode
    expected: str


def preview(value: Any) -> str:
    """A short, printable picture of a value for listings (at most 80 characters)."""
    text = value if isinstance(value, str) else repr(value)
    text = text.encode("utf-8", "backslashreplace").decode()
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
    return text if len(text) <= _PREVIEW else text[: _PREVIEW - 1] + "…"


def convert(field: Field, value: Any) -> Any:
    """The stored value of ``value`` in ``field``; null stays null, whether or not it is required.

    Returns what Arrow takes for the field's kind; a timestamp as microseconds since 1970. A word
    unknown to an ``enum`` comes back as it is: whether it is refused depends on the whole field.

    Raises:
        Refused: with the reason code and what was expected.
    """
    if value is None:
        return None
    return _BY_KIND[field.kind](field, value)


def control_free(text: str) -> bool:
    """Whether an id holds no control character other than tab and line ends."""
    return _CONTROL.search(text) is None


def object_text(value: dict[str, Any]) -> str:
    """The canonical text of a JSON object: sorted keys, no blanks, characters as they are.

    Raises:
        Refused: it holds NaN or infinity, a lone surrogate, or something JSON has no word for.
    """
    try:
        text = _ENCODER.encode(value)
    except ValueError as error:
        raise Refused(ReasonCode.JSON_NONFINITE, "finite numbers") from error
    except TypeError as error:
        raise Refused(ReasonCode.TYPE_MISMATCH, "a JSON object with text keys") from error
    return _valid_text(text)


def read_object(value: Any) -> dict[str, Any]:
    """A JSON object given as such or as its text.

    Raises:
        Refused: it is something else.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise _mismatch("a JSON object") from error
    if not isinstance(value, dict):
        raise _mismatch("a JSON object")
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    message = f"no JSON for {type(value).__name__}"
    raise TypeError(message)


_ENCODER = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
)


def _mismatch(expected: str) -> Refused:
    return Refused(ReasonCode.TYPE_MISMATCH, expected)


def _valid_text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Refused(ReasonCode.JSON_SURROGATE, "text without lone surrogates") from error
    return value


def _id(_field: Field, value: Any) -> str:
    if type(value) is int:
        value = str(value)
    if not isinstance(value, str):
        raise _mismatch("text or an integer")
    _valid_text(value)
    if value == "":
        raise Refused(ReasonCode.ID_MISSING, "an id, or null where it is optional")
    if not control_free(value):
        raise Refused(ReasonCode.CTRL_CHAR, "no control characters")
    return value


def _string(field: Field, value: Any) -> str:
    if type(value) is int:
        value = str(value)
    if not isinstance(value, str):
        raise _mismatch("text")
    _valid_text(value)
    # Words of the customer stay as they came; dimension values must compare equal.
    return value if field.personal == "text" else unicodedata.normalize("NFC", value)


def _enum(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise _mismatch("one of " + ", ".join(field.values))
    return _valid_text(value)


def _timestamp(_field: Field, value: Any) -> int:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise Refused(ReasonCode.TS_NO_ZONE, "an instant with its zone")
        instant = (value - _EPOCH) // _MICROSECOND
    elif type(value) is int:
        instant = value
    elif isinstance(value, str):
        instant = _iso(value)
    else:
        raise _mismatch("ISO 8601 text with its zone, or integer microseconds")
    if instant < EARLIEST_US or instant not in _INT64:
        raise Refused(ReasonCode.TS_RANGE, "an instant from 2000-01-01 on, in microseconds")
    return instant


def _iso(text: str) -> int:
    match = _ISO.fullmatch(text.strip())
    if match is None:
        raise Refused(ReasonCode.TS_UNPARSED, "ISO 8601, e.g. 2026-05-01T10:00:00Z")
    year, month, day, hour, minute = (int(part or 0) for part in match.groups()[:5])
    second = int(match[6] or 0)
    zone = match[8]
    if hour == 24 or second == 60:  # spellings ISO 8601 once allowed
        raise Refused(ReasonCode.TS_RANGE, "hours to 23 and seconds to 59")
    if zone is None:
        raise Refused(ReasonCode.TS_NO_ZONE, "Z or an offset such as +05:30")
    if zone[0].isalpha() and zone not in ("Z", "z"):
        raise Refused(ReasonCode.TS_AMBIGUOUS, "an offset instead of an abbreviation")
    micro = int((match[7] or "0")[:6].ljust(6, "0"))
    try:
        at = datetime(year, month, day, hour, minute, second, micro, tzinfo=_zone(zone))
    except ValueError as error:
        raise Refused(ReasonCode.TS_UNPARSED, "a date of the calendar") from error
    return (at - _EPOCH) // _MICROSECOND


def _zone(zone: str) -> timezone:
    if zone in ("Z", "z"):
        return UTC
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if zone[0] == "-" else offset)


def _date(_field: Field, value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise _mismatch("a date such as 2026-05-01")
    try:
        return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise Refused(ReasonCode.TS_UNPARSED, "a date such as 2026-05-01") from error


def _bounded(field: Field, value: float) -> None:
    low, high = field.minimum, field.maximum
    if low is not None and value < low:
        if field.name.endswith("_ms"):
            raise Refused(ReasonCode.DURATION_NEGATIVE, "zero or more milliseconds")
        raise _mismatch(
            f"at least {low:g}" + (f" and at most {high:g}" if high is not None else "")
        )
    if high is not None and value > high:
        raise _mismatch(f"at most {high:g}")


def _int(field: Field, value: Any) -> int:
    if isinstance(value, float | Decimal) and not math.isfinite(value):
        raise Refused(ReasonCode.JSON_NONFINITE, "a finite number")
    if isinstance(value, float | Decimal) and value == int(value):
        value = int(value)
    if type(value) is not int or value not in _INT64:
        raise _mismatch("an integer")
    _bounded(field, value)
    return value


def _float(field: Field, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise _mismatch("a number")
    try:
        number = float(value)
    except OverflowError as error:
        raise Refused(ReasonCode.JSON_NONFINITE, "a finite number") from error
    if not math.isfinite(number):
        raise Refused(ReasonCode.JSON_NONFINITE, "a finite number")
    _bounded(field, number)
    return number


def _bool(_field: Field, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _mismatch("true or false")
    return value


def _money(_field: Field, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise _mismatch("an amount")
    try:
        # A float's shortest spelling is what its writer meant; its binary value is not.
        amount = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation as error:
        raise _mismatch("an amount such as 12.50") from error
    if isinstance(value, str) and "_" in value:
        raise _mismatch("an amount such as 12.50")
    if not amount.is_finite():
        raise Refused(ReasonCode.JSON_NONFINITE, "a finite amount")
    if abs(amount) >= _MONEY_LIMIT:
        raise _mismatch("an amount below a million million")
    return amount.quantize(_MONEY_STEP, rounding=ROUND_HALF_EVEN)


def _json(_field: Field, value: Any) -> str:
    return object_text(read_object(value))


def _list(field: Field, value: Any) -> list[str]:
    if not isinstance(value, list | tuple):
        raise _mismatch("a list of ids")
    return [_id(field, item) for item in value]


_BY_KIND: dict[str, Callable[[Field, Any], Any]] = {
    "string": _string,
    "id": _id,
    "timestamp": _timestamp,
    "date": _date,
    "int": _int,
    "float": _float,
    "bool": _bool,
    "money": _money,
    "json": _json,
    "list": _list,
    "enum": _enum,
}
