"""Windows of time and the reporting calendar. Instants are epoch microseconds UTC.

A window is closed-open: a return exactly 72 hours after the end lies outside, one microsecond
earlier lies inside. Reporting days follow the workspace's time zone and are counted from
1970-01-01; only this module turns instants into days, so a clock change can never lose an hour.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_EPOCH = date(1970, 1, 1)
_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_PATTERN = re.compile(r"(\d+)\s*(s|m|h|d)")


def duration(text: str) -> int:
    """Microseconds of a duration such as ``72h``, ``7d`` or ``30m``.

    Raises:
        ValueError: the text is not a whole number followed by s, m, h or d.
    """
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a duration like 72h, 7d or 30m")
    return int(match[1]) * _UNITS[match[2]]


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One reporting day.

    Attributes:
        day: days since 1970-01-01 of the local date.
        starts_at: first instant of the day (epoch µs).
        ends_at: first instant of the next day (epoch µs).
        week: day number of the Monday that starts its ISO week.
        month: day number of the first of its month.
        quarter: day number of the first of its quarter.
    """

    day: int
    starts_at: int
    ends_at: int
    week: int
    month: int
    quarter: int


def to_day(local: date) -> int:
    """Day number of a date."""
    return (local - _EPOCH).days


def to_date(day: int) -> date:
    """The date of a day number."""
    return _EPOCH + timedelta(days=day)


def period_start(day: int, grain: str) -> int:
    """Day number on which the period of ``grain`` (day, week, month, quarter) begins."""
    local = to_date(day)
    if grain == "day":
        return day
    if grain == "week":
        return day - local.weekday()
    if grain == "month":
        return to_day(local.replace(day=1))
    if grain == "quarter":
        return to_day(date(local.year, 3 * ((local.month - 1) // 3) + 1, 1))
    raise ValueError(f"'{grain}' is not one of day, week, month, quarter")


def period_end(start: int, grain: str) -> int:
    """Day number after the last day of the period that begins on ``start``."""
    if grain == "day":
        return start + 1
    if grain == "week":
        return start + 7
    months = {"month": 1, "quarter": 3}[grain]
    local = to_date(start)
    index = local.year * 12 + local.month - 1 + months
    return to_day(date(index // 12, index % 12 + 1, 1))


def to_instant(day: int, zone: str) -> int:
    """First instant (epoch µs) of a reporting day in ``zone``."""
    local = to_date(day)
    start = datetime(local.year, local.month, local.day, tzinfo=ZoneInfo(zone))
    return int(start.timestamp()) * SECOND


def day_of(instant: int, zone: str) -> int:
    """Reporting day of an instant (epoch µs) in ``zone``."""
    moment = datetime.fromtimestamp(instant // SECOND, tz=UTC).astimezone(ZoneInfo(zone))
    return to_day(moment.date())


def calendar(zone: str, first: int, last: int) -> Iterator[CalendarDay]:
    """Every reporting day from that of instant ``first`` to that of ``last``, both included."""
    for day in range(day_of(first, zone), day_of(last, zone) + 1):
        yield CalendarDay(
            day,
            to_instant(day, zone),
            to_instant(day + 1, zone),
            period_start(day, "week"),
            period_start(day, "month"),
            period_start(day, "quarter"),
        )


def parse_instant(text: str, zone: str = "UTC") -> int:
    """Epoch µs of an ISO date or date-time; a text without offset is read in ``zone``.

    Raises:
        ValueError: the text is not ISO 8601.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    delta = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds


def format_instant(instant: int) -> str:
    """ISO 8601 text in UTC of an instant, to the second unless it carries a fraction."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant)
    spec = "microseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=spec).replace("+00:00", "Z")
