"""Reporting days across clock changes, periods, and durations."""

from __future__ import annotations

from datetime import date

import pytest

from candor import window


def test_days_across_a_clock_change_have_23_and_25_hours() -> None:
    first = window.parse_instant("2026-03-28", "Europe/Berlin")
    last = window.parse_instant("2026-03-30", "Europe/Berlin")
    hours = [
        (d.ends_at - d.starts_at) // window.HOUR
        for d in window.calendar("Europe/Berlin", first, last)
    ]
    assert hours == [24, 23, 24]
    autumn = window.to_day(date(2026, 10, 25))
    length = window.to_instant(autumn + 1, "Europe/Berlin") - window.to_instant(
        autumn, "Europe/Berlin"
    )
    assert length == 25 * window.HOUR


def test_an_instant_belongs_to_the_local_day() -> None:
    late = window.parse_instant("2026-05-01T23:30:00Z")
    assert window.to_date(window.day_of(late, "UTC")) == date(2026, 5, 1)
    assert window.to_date(window.day_of(late, "Asia/Kolkata")) == date(2026, 5, 2)
    assert window.to_date(window.day_of(late, "America/New_York")) == date(2026, 5, 1)


@pytest.mark.parametrize(
    ("grain", "start", "end"),
    [
        ("day", date(2026, 5, 14), date(2026, 5, 15)),
        ("week", date(2026, 5, 11), date(2026, 5, 18)),
        ("month", date(2026, 5, 1), date(2026, 6, 1)),
        ("quarter", date(2026, 4, 1), date(2026, 7, 1)),
    ],
)
def test_periods_are_closed_open(grain: str, start: date, end: date) -> None:
    begins = window.period_start(window.to_day(date(2026, 5, 14)), grain)
    assert window.to_date(begins) == start
    assert window.to_date(window.period_end(begins, grain)) == end


def test_december_quarter_ends_in_the_next_year() -> None:
    begins = window.period_start(window.to_day(date(2026, 12, 31)), "quarter")
    assert window.to_date(window.period_end(begins, "quarter")) == date(2027, 1, 1)


def test_durations() -> None:
    assert window.duration("72h") == 259_200_000_000
    assert window.duration("7d") == 604_800_000_000
    with pytest.raises(ValueError, match="72 hours"):
        window.duration("72 hours")


def test_instants_round_trip_to_the_microsecond() -> None:
    for text in (
        "2026-03-29T01:59:59.999999Z",
        "1999-12-31T23:59:59Z",
        "2026-01-01T00:00:00.000001Z",
    ):
        assert window.format_instant(window.parse_instant(text)) == text
    assert window.parse_instant("2026-01-01T00:00:00", "Asia/Kolkata") == window.parse_instant(
        "2025-12-31T18:30:00Z"
    )
