"""How vendors write instants, and how connectors read them: one parser per field, never a guess.

Only this module turns a vendor's time into epoch microseconds (UTC) for the vendor connectors.
A value that cannot be read raises ``RecordRefused`` with a closed reason; nothing is defaulted.
Local times inside a missing hour are refused, those inside a doubled hour take the first reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from candor.events.reasons import ReasonCode
from candor.sources.base import RecordRefused

MICROSECOND = 1
SECOND = 1_000_000 * MICROSECOND
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_MICROSECOND = timedelta(microseconds=1)
# How nearly every vendor writes nearly every time; the standard library cuts off further digits.
_PLAIN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_ISO = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,9}))?\s*(Z|UTC|[+-]\d{2}:?\d{2})?$",
    re.IGNORECASE,
)


@cache
def zones() -> frozenset[str]:
    """Names of all time zones; looking for them on the disk takes tens of milliseconds."""
    return frozenset(available_timezones())


def _refuse(code: ReasonCode, field: str, expected: str, value: Any) -> RecordRefused:
    return RecordRefused(code, field, expected, str(value)[:80])


def _of_number(value: Any, field: str, unit: str, per_unit: Decimal) -> int:
    if type(value) is int:
        return value * int(per_unit)
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise _refuse(ReasonCode.TS_UNPARSED, field, f"{unit} since 1970", value)
    try:
        number = Decimal(str(value))
        return int((number * per_unit).to_integral_value())
    except (InvalidOperation, ValueError, OverflowError):
        raise _refuse(ReasonCode.TS_UNPARSED, field, f"{unit} since 1970", value) from None


def of_seconds(value: Any, field: str) -> int:
    """Epoch microseconds of a number of seconds since 1970 (fractions allowed)."""
    return _of_number(value, field, "seconds", Decimal(SECOND))


def of_milliseconds(value: Any, field: str) -> int:
    """Epoch microseconds of a number of milliseconds since 1970."""
    return _of_number(value, field, "milliseconds", Decimal(1000))


def of_iso(value: Any, field: str, zone: ZoneInfo | None = None) -> int:
    """Epoch microseconds of an ISO-8601 text; digits below a microsecond are cut off.

    Args:
        value: the text, with ``Z`` or an offset unless ``zone`` is given.
        field: name of the vendor's field, for the refusal.
        zone: zone of a text that names none; an explicit offset always wins.

    Raises:
        RecordRefused: TS_UNPARSED, TS_NO_ZONE, or TS_AMBIGUOUS for a local time that never was.
    """
    text = value
    if zone is not None and zone.key == "UTC" and type(value) is str and value[-1:].isdigit():
        text = f"{value}Z"  # A date alone, or an offset, is no plain time with it either.
    if type(text) is str and _PLAIN.fullmatch(text):
        try:
            return (datetime.fromisoformat(text) - _EPOCH) // _ONE_MICROSECOND
        except ValueError:
            raise _refuse(
                ReasonCode.TS_UNPARSED, field, "an existing date and time", value
            ) from None
    match = _ISO.match(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise _refuse(ReasonCode.TS_UNPARSED, field, "an ISO-8601 date and time", value)
    day, clock, fraction, offset = match.groups()
    micros = int((fraction or "0").ljust(6, "0")[:6])
    if offset is not None:
        offset = "+00:00" if offset.upper() in {"Z", "UTC"} else offset
    elif zone is None:
        raise _refuse(ReasonCode.TS_NO_ZONE, field, "a time with Z or an offset", value)
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{offset or ''}")
    except ValueError:
        raise _refuse(ReasonCode.TS_UNPARSED, field, "an existing date and time", value) from None
    if offset is None and zone is not None and zone.key == "UTC":
        moment = moment.replace(tzinfo=UTC)  # It has no hour that is missing or doubled.
    elif offset is None and zone is not None:
        moment = moment.replace(tzinfo=zone)
        back = moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
        if back != moment.replace(tzinfo=None):
            raise _refuse(
                ReasonCode.TS_AMBIGUOUS, field, f"a local time that exists in {zone.key}", value
            )
    return (moment - _EPOCH) // _ONE_MICROSECOND + micros


def iso(instant: int) -> str:
    """An instant as ISO-8601 text to the second, for ``extra``: a bare number reads like a phone."""
    return datetime.fromtimestamp(instant // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def earliest_wins(instant: int) -> int:
    """A revision by which, of several sights of one thing, the earliest counts."""
    return (1 << 62) - instant


def keep_order(instants: Iterable[int]) -> list[int]:
    """Instants in the order given, equal ones parted by one microsecond each.

    Vendors with whole-second clocks order equal seconds by position; a store that sorts by time
    would lose that order. Order between unequal instants is left as the vendor's clock has it.
    """
    seen: dict[int, int] = {}
    kept = []
    for instant in instants:
        before = seen.get(instant, 0)
        kept.append(instant + before)
        seen[instant] = before + 1
    return kept
