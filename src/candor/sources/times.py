"""Declared formats of time: text or numbers of a source become epoch microseconds.

A format is compiled once. Nothing is guessed per value: without a declared format only ISO 8601 with
an offset is taken, without a declared unit no number is. A local time in the hour that a clock change
leaves out is TS_AMBIGUOUS; in the doubled hour the first reading is taken and counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from candor.events.reasons import ReasonCode
from candor.sources.base import RecordRefused
from candor.sources.scope import number_of

UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local readings are compared before their zone
_SHEET_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - day 0 of spreadsheets, in local time
_MICROSECOND = timedelta(microseconds=1)
_DAY_US = 86_400_000_000
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_LONG_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_PARTS = {
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<y>\d{2})",
    "m": r"(?P<m>\d{1,2})",
    "d": r"(?P<d>\d{1,2})",
    "H": r"(?P<H>\d{1,2})",
    "I": r"(?P<I>\d{1,2})",
    "M": r"(?P<M>\d{2})",
    "S": r"(?P<S>\d{2})",
    "f": r"(?P<f>\d{1,9})",
    "p": r"(?P<p>[AaPp]\.?[Mm]\.?)",
    "b": "(?P<b>" + "|".join(_MONTHS) + ")",
    "B": "(?P<B>" + "|".join(_LONG_MONTHS) + ")",
    "z": r"(?P<z>[Zz]|[+-]\d{2}:?\d{2})",
    "%": "%",
}
DIRECTIVES = tuple(_PARTS)
# Day and month may be swapped in these without anyone noticing.
_SLASHED = re.compile(r"\s*\d{1,2}[/.\-]\d{1,2}[/.\-]\d{2,4}\b")

OnDoubled = Callable[[], None]


class TimeSpecError(ValueError):
    """A declared time that cannot be: names the part at fault."""


@dataclass(frozen=True, slots=True)
class TimeSpec:
    """How a source writes time.

    Attributes:
        formats: formats with ``%`` directives, tried in order; empty: ISO 8601.
        zone: IANA zone of readings without offset; None when every reading has its own.
        unit: ``s``, ``ms``, ``us`` since 1970, ``ns`` or ``days`` (a spreadsheet's serial days, in
            ``zone``) for numbers; None when numbers are no time.
    """

    formats: tuple[str, ...] = ()
    zone: str | None = None
    unit: str | None = None


class TimeReader:
    """Compiled ``TimeSpec``: ``(value, on_doubled) -> epoch µs``."""

    def __init__(self, spec: TimeSpec) -> None:
        self._spec = spec
        self._patterns = [_pattern(text) for text in spec.formats]
        self._zone = ZoneInfo(spec.zone) if spec.zone else None

    def __call__(self, value: Any, name: str, on_doubled: OnDoubled) -> Any:
        """Epoch µs, or ISO text that carries its offset and is left to the batcher.

        Raises:
            RecordRefused: TS_UNPARSED, TS_NO_ZONE, TS_AMBIGUOUS or TS_RANGE.
        """
        if isinstance(value, datetime):
            return self._instant(value, name, on_doubled)
        if isinstance(value, date):
            midnight = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - zoned next
            return self._instant(midnight, name, on_doubled)
        if self._spec.unit is not None:
            return self._number(value, name, on_doubled)
        if not isinstance(value, str):
            raise _refused(
                ReasonCode.TS_UNPARSED, name, "text, or a declared `unit` for numbers", value
            )
        if self._patterns:
            return self._formatted(value, name, on_doubled)
        return self._iso(value, name, on_doubled)

    def day(self, value: Any) -> Any:
        """A calendar day by the declared formats; ISO text is left to the batcher."""
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, str) and self._patterns:
            for pattern in self._patterns:
                match = pattern.fullmatch(value.strip())
                if match is not None:
                    return _built(match, "", value).date()
        return value

    def _number(self, value: Any, name: str, on_doubled: OnDoubled) -> int:
        number = number_of(value)
        if number is None:
            raise _refused(ReasonCode.TS_UNPARSED, name, f"a number ({self._spec.unit})", value)
        if abs(number) > 10**20:
            raise _refused(ReasonCode.TS_RANGE, name, "an instant from 2000-01-01 on", value)
        if self._spec.unit == "days":
            try:
                local = _SHEET_EPOCH + timedelta(microseconds=round(Decimal(number) * _DAY_US))
            except OverflowError:
                raise _refused(ReasonCode.TS_RANGE, name, "a day of this age", value) from None
            return self._instant(local, name, on_doubled)
        if self._spec.unit == "ns":
            return int(Decimal(number) // 1_000)
        return int(Decimal(number) * UNITS[str(self._spec.unit)])

    def _formatted(self, value: str, name: str, on_doubled: OnDoubled) -> int:
        text = value.strip()
        for pattern in self._patterns:
            match = pattern.fullmatch(text)
            if match is not None:
                return self._instant(_built(match, name, value), name, on_doubled)
        raise _refused(
            ReasonCode.TS_UNPARSED, name, "a time written " + " or ".join(self._spec.formats), value
        )

    def _iso(self, value: str, name: str, on_doubled: OnDoubled) -> Any:
        if self._zone is not None:
            match = _LOCAL_ISO.fullmatch(value.strip())
            if match is not None:
                return self._instant(_built(match, name, value), name, on_doubled)
        if _SLASHED.match(value):
            raise _refused(
                ReasonCode.TS_AMBIGUOUS, name, "a declared format that says which part is the day",
                value,
            )  # fmt: skip
        return value

    def _instant(self, at: datetime, name: str, on_doubled: OnDoubled) -> int:
        if at.tzinfo is not None:
            return (at - _EPOCH) // _MICROSECOND
        if self._zone is None:
            raise _refused(ReasonCode.TS_NO_ZONE, name, "an offset, or a declared `zone`", str(at))
        try:
            first = self._zone.utcoffset(at.replace(tzinfo=self._zone))
            second = self._zone.utcoffset(at.replace(tzinfo=self._zone, fold=1))
        except OverflowError:
            raise _refused(ReasonCode.TS_RANGE, name, "a time of this age", str(at)) from None
        if first is None or second is None:
            raise _refused(ReasonCode.TS_NO_ZONE, name, "a zone with offsets", str(at))
        if first < second:
            raise _refused(
                ReasonCode.TS_AMBIGUOUS, name,
                f"a time that the clocks of {self._spec.zone} showed on that day", str(at),
            )  # fmt: skip
        if first > second:
            on_doubled()
        return (at - _LOCAL_EPOCH - first) // _MICROSECOND


_LOCAL_ISO = re.compile(
    r"(?P<Y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)"
    r"(?:[Tt ](?P<H>\d\d):(?P<M>\d\d)(?::(?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?)?)?"
)


def _pattern(text: str) -> re.Pattern[str]:
    pieces = []
    seen: set[str] = set()
    at = 0
    while at < len(text):
        if text[at] != "%":
            pieces.append(r"\s+" if text[at] == " " else re.escape(text[at]))
            at += 1
            continue
        directive = text[at + 1 : at + 2]
        if directive not in _PARTS:
            raise TimeSpecError(f"'%{directive}' in the format '{text}'")
        if directive in seen and directive != "%":
            raise TimeSpecError(f"'%{directive}' twice in the format '{text}'")
        seen.add(directive)
        pieces.append(_PARTS[directive])
        at += 2
    if not (seen & {"Y", "y"}) or not (seen & {"m", "b", "B"}) or "d" not in seen:
        raise TimeSpecError(f"a year, a month and a day missing in the format '{text}'")
    if "I" in seen and "p" not in seen:
        raise TimeSpecError(f"'%I' without '%p' in the format '{text}'")
    return re.compile("".join(pieces), re.IGNORECASE | re.ASCII)


def _built(match: re.Match[str], name: str, value: str) -> datetime:
    part = match.groupdict().get
    year = int(part("Y") or 0) or 2000 + int(part("y") or 0)
    if month_name := (part("b") or part("B")):
        month = _MONTHS.index(month_name[:3].lower()) + 1
    else:
        month = int(part("m") or 0)
    hour = int(part("H") or part("I") or 0)
    if half := part("p"):
        if not 1 <= hour <= 12:
            raise _refused(ReasonCode.TS_UNPARSED, name, "an hour from 1 to 12", value)
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    second = int(part("S") or 0)
    if hour == 24 or second == 60:
        raise _refused(ReasonCode.TS_RANGE, name, "hours to 23 and seconds to 59", value)
    micro = int((part("f") or "0")[:6].ljust(6, "0"))
    try:
        at = datetime(year, month, int(part("d") or 0), hour, int(part("M") or 0), second, micro)  # noqa: DTZ001
    except ValueError:
        raise _refused(ReasonCode.TS_UNPARSED, name, "a date of the calendar", value) from None
    offset = part("z")
    if not offset:
        return at
    if offset in "Zz":
        return at.replace(tzinfo=UTC)
    digits = offset[1:].replace(":", "")
    delta = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if delta >= timedelta(days=1):
        raise _refused(ReasonCode.TS_UNPARSED, name, "an offset below 24 hours", value)
    try:
        return (at - delta if offset[0] == "+" else at + delta).replace(tzinfo=UTC)
    except OverflowError:
        raise _refused(ReasonCode.TS_RANGE, name, "a time of this age", value) from None


def _refused(code: ReasonCode, name: str, expected: str, value: Any) -> RecordRefused:
    return RecordRefused(code, name, expected, str(value)[:80])
