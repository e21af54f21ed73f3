"""Times in every vendor's writing land on the same instant, or are refused with a reason."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from candor.events.reasons import ReasonCode
from candor.sources.base import RecordRefused
from candor.sources.instants import iso, keep_order, of_iso, of_milliseconds, of_seconds

INSTANT = 1_772_611_862_000_000
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    "read",
    [
        of_seconds(1_772_611_862, "t"),
        of_seconds("1772611862", "t"),
        of_seconds(1_772_611_862.0, "t"),
        of_milliseconds(1_772_611_862_000, "t"),
        of_iso("2026-03-04T08:11:02Z", "t"),
        of_iso("2026-03-04T08:11:02.000Z", "t"),
        of_iso("2026-03-04 08:11:02 UTC", "t"),
        of_iso("2026-03-04T09:11:02+01:00", "t"),
        of_iso("2026-03-04T09:11:02+0100", "t"),
        of_iso("2026-03-04T08:11:02.000000000Z", "t"),
        of_iso("2026-03-04T09:11:02", "t", BERLIN),
        of_iso("2026-03-04T08:11:02Z", "t", BERLIN),
    ],
)
def test_ct_8_one_instant(read: int) -> None:
    assert read == INSTANT


def test_fractions_keep_microseconds_and_cut_below() -> None:
    assert of_iso("2026-03-04T08:11:02.123456789Z", "t") - INSTANT == 123_456
    assert of_seconds(1_772_611_862.250001, "t") - INSTANT == 250_001


@pytest.mark.parametrize(
    ("value", "zone", "code"),
    [
        ("2026-03-04T08:11:02", None, ReasonCode.TS_NO_ZONE),
        ("04.03.2026 08:11", None, ReasonCode.TS_UNPARSED),
        ("2026-02-30T08:11:02Z", None, ReasonCode.TS_UNPARSED),
        (1_772_611_862, None, ReasonCode.TS_UNPARSED),
        (None, None, ReasonCode.TS_UNPARSED),
        ("2026-03-29T02:30:00", BERLIN, ReasonCode.TS_AMBIGUOUS),
    ],
)
def test_unreadable_times_have_a_reason(
    value: object, zone: ZoneInfo | None, code: ReasonCode
) -> None:
    with pytest.raises(RecordRefused) as refused:
        of_iso(value, "created_at", zone)
    assert refused.value.code is code
    assert refused.value.field_name == "created_at"


@pytest.mark.parametrize("value", [None, True, "soon", [], float("nan")])
def test_numbers_only(value: object) -> None:
    with pytest.raises(RecordRefused):
        of_seconds(value, "t")


def test_a_doubled_hour_takes_its_first_reading() -> None:
    assert of_iso("2026-10-25T02:30:00", "t", BERLIN) == of_iso("2026-10-25T00:30:00Z", "t")


def test_equal_seconds_are_parted_in_order() -> None:
    assert keep_order([5, 5, 5, 9, 5]) == [5, 6, 7, 9, 8]
    assert keep_order([9, 5, 7]) == [9, 5, 7]


def test_instants_as_text_read_back() -> None:
    assert iso(INSTANT) == "2026-03-04T08:11:02Z"
    assert of_iso(iso(INSTANT), "t") == INSTANT
