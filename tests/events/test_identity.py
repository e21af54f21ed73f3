"""Python and DuckDB name events alike; what counts as content does, what does not does not."""

from __future__ import annotations

import string
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import md5
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.events import ENVELOPE, EventType, Field, arrow_schema, registry
from candor.events import identity as of

TEXT = st.text(st.sampled_from(string.ascii_letters + "\x1f\x00 :é€𝄞e\u0301n|\n"), max_size=6)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXT,
    "id": TEXT,
    "enum": TEXT,
    "json": TEXT,
    "timestamp": st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    "int": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "bool": st.booleans(),
    "money": st.decimals(-(10**11), 10**11, places=6),
    "list": st.lists(TEXT, max_size=3),
}


def rows_of(event_type: EventType) -> st.SearchStrategy[dict[str, Any]]:
    sure = {"source", "occurred_at", "revision", *event_type.key}
    fields: tuple[Field, ...] = (*ENVELOPE, *event_type.fields)
    return st.fixed_dictionaries(
        {f.name: VALUES[f.kind] if f.name in sure else st.none() | VALUES[f.kind] for f in fields}
    )


@pytest.fixture(scope="module")
def duck() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


@pytest.mark.parametrize("name", sorted(registry()))
def test_python_and_sql_agree(name: str, duck: duckdb.DuckDBPyConnection) -> None:
    event_type = registry()[name]

    @settings(max_examples=8, deadline=None)
    @given(st.lists(rows_of(event_type), min_size=3, max_size=12))
    def agree(rows: list[dict[str, Any]]) -> None:
        events = pa.Table.from_pylist(rows, schema=arrow_schema(name))
        duck.register("events", events)
        found = duck.execute(
            f"select {of.event_id_sql(event_type)}, {of.event_key_sql(event_type)},"
            f" {of.thread_key_sql(event_type)}, {of.content_hash_sql(event_type)} from events"
        ).fetchall()
        assert found == [
            (
                of.event_id(event_type, row),
                of.event_key(event_type, row),
                of.thread_key(row.get("thread_id")),
                of.content_hash(event_type, row),
            )
            for row in events.to_pylist()
        ]

    agree()


def message(**values: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(arrow_schema("message").names)
    row |= {"source": "s", "revision": 0, "message_id": "m", "thread_id": "t", "is_public": True}
    return row | {"occurred_at": datetime(2026, 5, 1, tzinfo=UTC)} | values


def test_known_values() -> None:
    event_type = registry()["message"]
    assert of.natural_key(event_type, message()) == "s\x1fmessage\x1fm"
    assert of.event_id(event_type, message()) == md5(b"s\x1fmessage\x1fm\x1f0").hexdigest()
    assert of.event_key(event_type, message()) == int(
        md5(b"s\x1fmessage\x1fm").hexdigest()[:15], 16
    )
    assert of.thread_key("t") == 0xE358EFA489F5806
    assert of.thread_key(None) is None


def test_a_revision_is_a_new_id_of_the_same_key() -> None:
    event_type = registry()["message"]
    first, second = message(), message(revision=1)
    assert of.event_id(event_type, first) != of.event_id(event_type, second)
    assert of.event_key(event_type, first) == of.event_key(event_type, second)


def test_what_is_content() -> None:
    message_type, contact = registry()["message"], registry()["conversation"]
    later = datetime(2026, 6, 1, tzinfo=UTC)
    base = of.content_hash(message_type, message())
    for same in ("event_id", "observed_at", "loaded_at", "raw_ref"):
        value = later if same.endswith("_at") else "x"
        assert of.content_hash(message_type, message(**{same: value})) == base
    for other in ({"text": ""}, {"text": "a"}, {"occurred_at": later}, {"extra": "{}"}):
        assert of.content_hash(message_type, message(**other)) != base
    row: dict[str, Any] = dict.fromkeys(arrow_schema("conversation").names) | {"occurred_at": later}
    moved = row | {"occurred_at": datetime(2026, 6, 2, tzinfo=UTC)}
    assert of.content_hash(contact, row) == of.content_hash(contact, moved)


def test_moving_text_between_fields_changes_content() -> None:
    event_type = registry()["message"]
    one = of.content_hash(event_type, message(emotion="ab", language="c"))
    two = of.content_hash(event_type, message(emotion="b", language="ca"))
    assert one != two


def test_account_is_keyed_by_time() -> None:
    row = {"source": "s", "account_id": "a", "occurred_at": datetime(2026, 5, 1, tzinfo=UTC)}
    assert of.natural_key(registry()["account"], row) == "s\x1faccount\x1fa\x1f1777593600000000"


def test_zero_money_has_one_sign() -> None:
    claim = registry()["claim"]
    row: dict[str, Any] = dict.fromkeys(arrow_schema("claim").names)
    hashes = {of.content_hash(claim, row | {"amount": Decimal(z)}) for z in ("0", "-0", "0.000000")}
    assert len(hashes) == 1
