"""What becomes a row, what does not, and that every reason is said at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candor.events import Batcher, Converted, ReasonCode, arrow_schema, registry
from candor.events.convert import Refused, convert

from .samples import AT, RECEIVED_US, all_records, record

AT_US = 1_777_629_600_000_000


def take(*records: dict[str, Any], **options: Any) -> Converted:
    batcher = Batcher("desk", **{"received_at_us": RECEIVED_US, **options})
    for number, one in enumerate(records, 1):
        batcher.add(one["type"], one, number, f"file:{number}")
    return batcher.take()


def message(**values: Any) -> dict[str, Any]:
    base = {"type": "message", "message_id": "m", "thread_id": "t", "is_public": True}
    return {**base, "occurred_at": AT, **values}


def row(**values: Any) -> dict[str, Any]:
    result = take(message(**values))
    assert result.problems == []
    return result.tables["message"].to_pylist()[0]


def codes(*records: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(p.record_no, p.field, p.code.value) for p in take(*records).problems]


def test_a_full_record_of_every_type_is_stored() -> None:
    result = take(*all_records())
    assert result.problems == []
    assert sorted(result.tables) == sorted(registry())
    for name, table in result.tables.items():
        assert table.num_rows == 1
        assert table.schema.remove(len(table.schema) - 1) == arrow_schema(name)
        assert table.schema.names[-1] == "record_no"
        (stored,) = table.to_pylist()
        assert all(stored[field.name] is not None for field in registry()[name].fields)
        assert stored["extra"] is None


def test_values_as_stored() -> None:
    stored = row(
        thread_id=12345678901234567890123,
        knowledge_ids=["a", 9007199254740993],
        ai_confidence=1,
        language="de\u0301",
        text="de\u0301 \x00",
    )
    assert stored["thread_id"] == "12345678901234567890123"
    assert stored["knowledge_ids"] == ["a", "9007199254740993"]
    assert stored["ai_confidence"] == 1.0
    assert stored["language"] == "d\u00e9"
    assert stored["text"] == "de\u0301 \x00"
    assert stored["raw_ref"] == "file:1"
    assert (stored["source"], stored["revision"]) == ("desk", 0)


def test_envelope_given_by_the_record() -> None:
    stored = row(source="other", revision=3, event_id="x", raw_ref="y", loaded_at=AT)
    assert (stored["source"], stored["revision"], stored["raw_ref"]) == ("other", 3, "file:1")
    assert stored["event_id"] is None
    assert stored["extra"] == f'{{"event_id":"x","loaded_at":"{AT}","raw_ref":"y"}}'


def test_observed_at_defaults() -> None:
    at = datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert row()["observed_at"] == at
    later = take(message(), observed_at_us=AT_US + 5).tables["message"].to_pylist()[0]
    assert later["observed_at"] == at + timedelta(microseconds=5)
    assert row(observed_at="2026-05-02T00:00:00Z")["observed_at"].day == 2


def test_extra_is_kept_and_merged() -> None:
    stored = row(extra={"a": 1, "b": 2}, b={"z": None}, __proto__="p")
    assert stored["extra"] == '{"__proto__":"p","a":1,"b":{"z":null}}'
    assert row(extra='{"a": 1}')["extra"] == '{"a":1}'
    assert codes(message(extra=[1])) == [(1, "extra", "TYPE_MISMATCH")]
    assert codes(message(size=float("nan"))) == [(1, "extra", "JSON_NONFINITE")]
    assert codes(message(size="\ud800")) == [(1, "extra", "JSON_SURROGATE")]


def test_unknown_words() -> None:
    result = take(message(actor="robot"), message(actor="customer"), message(actor="robot", b=1))
    rows = result.tables["message"].to_pylist()
    assert [r["actor"] for r in rows] == [None, "customer", None]
    assert [r["extra"] for r in rows] == ['{"actor":"robot"}', None, '{"actor":"robot","b":1}']
    assert dict(result.unmapped) == {("message", "actor", "robot"): 2}
    wrong = {**record(registry()["state_change"]), "to_state": "melted"}
    assert codes(wrong) == [(1, "to_state", "ENUM_UNKNOWN")]
    assert codes({"type": "mesage"}) == [(1, "type", "ENUM_UNKNOWN")]


def test_every_problem_of_every_row_at_once() -> None:
    bad = message(message_id="", is_public="yes", latency_ms=-1, ai_confidence=80, text=5.5)
    worse = message(thread_id=None, occurred_at="2026-05-01T10:00:00", knowledge_ids=[None])
    result = take(message(), bad, message(), worse)
    assert [(p.record_no, p.field, p.code) for p in result.problems] == [
        (2, "message_id", ReasonCode.ID_MISSING),
        (2, "is_public", ReasonCode.TYPE_MISMATCH),
        (2, "text", ReasonCode.TYPE_MISMATCH),
        (2, "ai_confidence", ReasonCode.TYPE_MISMATCH),
        (2, "latency_ms", ReasonCode.DURATION_NEGATIVE),
        (4, "occurred_at", ReasonCode.TS_NO_ZONE),
        (4, "thread_id", ReasonCode.ID_MISSING),
        (4, "knowledge_ids", ReasonCode.TYPE_MISMATCH),
    ]
    assert result.tables["message"]["record_no"].to_pylist() == [1, 3]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"occurred_at": None}, "TYPE_MISMATCH"),
        ({"occurred_at": "yesterday"}, "TS_UNPARSED"),
        ({"occurred_at": "2026-02-30T10:00:00Z"}, "TS_UNPARSED"),
        ({"occurred_at": "2026-05-01T10:00:60Z"}, "TS_RANGE"),
        ({"occurred_at": "2026-05-01T24:00:00Z"}, "TS_RANGE"),
        ({"occurred_at": "1999-12-31T23:59:59Z"}, "TS_RANGE"),
        ({"occurred_at": 1_777_629_600}, "TS_RANGE"),
        ({"occurred_at": "2026-05-01 10:00 IST"}, "TS_AMBIGUOUS"),
        ({"occurred_at": True}, "TYPE_MISMATCH"),
        ({"occurred_at": RECEIVED_US + 86_400_000_001}, "TS_FUTURE"),
        ({"occurred_at": datetime(2026, 5, 1)}, "TS_NO_ZONE"),
        ({"thread_id": 1.0}, "TYPE_MISMATCH"),
        ({"thread_id": True}, "TYPE_MISMATCH"),
        ({"thread_id": "a\x00"}, "CTRL_CHAR"),
        ({"thread_id": "a\x9f"}, "CTRL_CHAR"),
        ({"thread_id": "a\ud800"}, "JSON_SURROGATE"),
        ({"text": "a\ud800"}, "JSON_SURROGATE"),
        ({"is_public": 1}, "TYPE_MISMATCH"),
        ({"ai_confidence": float("inf")}, "JSON_NONFINITE"),
        ({"ai_confidence": True}, "TYPE_MISMATCH"),
        ({"latency_ms": 1.5}, "TYPE_MISMATCH"),
        ({"latency_ms": 2**63}, "TYPE_MISMATCH"),
        ({"revision": -1}, "TYPE_MISMATCH"),
    ],
)
def test_reason_codes(values: dict[str, Any], expected: str) -> None:
    assert codes(message(**values)) == [(1, next(iter(values)), expected)]


def test_due_dates_may_lie_ahead() -> None:
    ahead = RECEIVED_US + 90 * 86_400_000_000
    contact = record(registry()["conversation"])
    assert codes({**contact, "due_resolution_at": ahead}) == []
    assert codes({**contact, "ended_at": ahead}) == [(1, "ended_at", "TS_FUTURE")]


def test_tabs_and_line_ends_in_ids_are_data() -> None:
    assert row(thread_id="a\tb\n")["thread_id"] == "a\tb\n"


@pytest.mark.parametrize(
    ("given_value", "stored"),
    [
        (0.1, "0.100000"),
        (3, "3.000000"),
        ("-12.5", "-12.500000"),
        (Decimal("0.0000005"), "0.000000"),
        (0.1 + 0.2, "0.300000"),
    ],
)
def test_money(given_value: Any, stored: str) -> None:
    claim = {**record(registry()["claim"]), "amount": given_value}
    assert take(claim).tables["claim"]["amount"].to_pylist() == [Decimal(stored)]


@pytest.mark.parametrize("amount", [float("nan"), "inf", Decimal("NaN")])
def test_money_is_finite(amount: Any) -> None:
    claim = {**record(registry()["claim"]), "amount": amount}
    assert codes(claim) == [(1, "amount", "JSON_NONFINITE")]


@pytest.mark.parametrize("amount", [True, "1_000", "ten", 10**12, []])
def test_money_is_an_amount(amount: Any) -> None:
    claim = {**record(registry()["claim"]), "amount": amount}
    assert codes(claim) == [(1, "amount", "TYPE_MISMATCH")]


def test_a_key_that_is_a_word_is_never_empty() -> None:
    release = {**record(registry()["release"]), "release": ""}
    assert codes(release) == [(1, "release", "ID_MISSING")]
    assert codes({**release, "release": None}) == [(1, "release", "ID_MISSING")]
    assert codes({**release, "release": "a\x01"}) == [(1, "release", "CTRL_CHAR")]


_ISO_LIKE = st.from_regex(
    r"20[0-4][0-9]-[01][0-9]-[0-3][0-9][T ][0-2][0-9](:[0-6][0-9](:[0-6][0-9]"
    r"([.][0-9]{1,8})?)?)?(Z|[+-][0-2][0-9](:?[0-5][0-9])?|)",
    fullmatch=True,
)


@given(st.lists(_ISO_LIKE, min_size=1, max_size=4))
def test_the_fast_clock_reads_like_the_slow_one(texts: list[str]) -> None:
    field = registry()["conversation"].field("due_resolution_at")
    expected: dict[int, int | ReasonCode] = {}
    for number, text in enumerate(texts, 1):
        try:
            expected[number] = convert(field, text)
        except Refused as refused:
            expected[number] = refused.code
    base = record(registry()["conversation"])
    for rows in [[n] for n in expected] + [list(expected)]:
        result = take(*({**base, "due_resolution_at": texts[n - 1]} for n in rows))
        found: dict[int, Any] = {p.record_no: p.code for p in result.problems}
        table = result.tables["conversation"]
        times = table["due_resolution_at"].cast("int64").to_pylist()
        found.update(zip(table["record_no"].to_pylist(), times, strict=True))
        assert found == {at: expected[n] for at, n in enumerate(rows, 1)}


def test_instants_of_every_form_agree() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    forms = [AT, AT_US, datetime(2026, 5, 1, 15, 30, tzinfo=east), "2026-05-01 15:30+0530"]
    times = take(*(message(occurred_at=form) for form in forms)).tables["message"]["occurred_at"]
    assert times.cast("int64").to_pylist() == [AT_US] * 4


def test_taking_twice_forgets() -> None:
    batcher = Batcher("desk", received_at_us=RECEIVED_US)
    batcher.add("message", message(), 1, "r")
    assert len(batcher) == 1
    assert batcher.take().tables["message"].num_rows == 1
    assert (batcher.take().tables, len(batcher)) == ({}, 0)


def test_the_reference_cases_are_valid(shared: Callable[[str], Path]) -> None:
    cases = json.loads(shared("vectors/resolution_cases.json").read_text())
    streams = [s for case in cases for s in (case, *case["variants"])]
    events = [event for stream in streams for event in stream["events"]]
    result = take(*events, received_at_us=RECEIVED_US + 31_536_000_000_000)
    assert (result.problems, result.unmapped) == ([], {})
    assert sum(table.num_rows for table in result.tables.values()) == len(events)
    assert result.tables["message"]["source"].to_pylist().count("desk") == 0


@pytest.mark.parametrize("score", [float("nan"), float("-inf")])
def test_numbers_without_bounds_are_finite(score: float) -> None:
    survey = {**record(registry()["survey"]), "score": score}
    assert codes(survey) == [(1, "score", "JSON_NONFINITE")]
