"""Strict JSON, and the elements of one large document."""

from __future__ import annotations

import io
import json
import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.events import ReasonCode
from candor.sources.base import FileRefused
from candor.sources.readers import counters, json_array
from candor.sources.readers.json_strict import JsonFault, decode


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"a": 1, "a": 1}', ReasonCode.JSON_DUP_KEY),
        ('{"b": {"a": 1, "a": 2}}', ReasonCode.JSON_DUP_KEY),
        ("[NaN]", ReasonCode.JSON_NONFINITE),
        ("-Infinity", ReasonCode.JSON_NONFINITE),
        ("1e400", ReasonCode.JSON_NONFINITE),
        (r'"\ud83d"', ReasonCode.JSON_SURROGATE),
        (r'{"\uDE00": 1}', ReasonCode.JSON_SURROGATE),
        ("[" * 65 + "]" * 65, ReasonCode.JSON_DEPTH),
        ("[" * 100_000 + "]" * 100_000, ReasonCode.JSON_DEPTH),
        (json.dumps(dict.fromkeys(map(str, range(5001)))), ReasonCode.SIZE_LIMIT),
        ("1" * 5000, ReasonCode.SIZE_LIMIT),
        ('{"a": 1} {"a": 2}', ReasonCode.JSON_SYNTAX),
        ('{"a": "', ReasonCode.JSON_SYNTAX),
        ("", ReasonCode.JSON_SYNTAX),
        ("{'a': 1}", ReasonCode.JSON_SYNTAX),
        ('{"a": "\t"}', ReasonCode.JSON_SYNTAX),
    ],
)
def test_what_is_refused(text: str, code: ReasonCode) -> None:
    with pytest.raises(JsonFault) as caught:
        decode(text)
    assert caught.value.code is code


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r' "\ud83d\ude00" ', "😀"),
        ("9007199254740993", 9007199254740993),
        ("1.5", 1.5),
        ("0.0", 0.0),
        ("1.000000000000000005", Decimal("1.000000000000000005")),
        ("1e-999", Decimal("1e-999")),
        ("0.1234567890123456789", Decimal("0.1234567890123456789")),
        ("[" * 64 + "]" * 64, None),
        ('"' + "[" * 100 + '"', "[" * 100),
    ],
)
def test_what_is_kept_exactly(text: str, value: Any) -> None:
    found = decode(text)
    if value is not None:
        assert (found, type(found)) == (value, type(value))


def test_a_small_fraction_stays_a_float() -> None:
    assert decode('{"a": 0.1}') == {"a": 0.1}


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    return path


def test_elements_of_a_nested_array_and_their_offsets(tmp_path: Path) -> None:
    content = (
        b'{"info": {"deep": [1, "]}"]}, "data": {"items": [ {"a": 1}, {"a": "\xc3\xa9"} ]}, "z": 1}'
    )
    records = list(json_array.read(written(tmp_path, content), key="data.items"))
    assert [record.value for record in records] == [{"a": 1}, {"a": "é"}]
    for record in records:
        start = int(record.ref.split("byte ")[1].split(":")[0])
        assert content[start : start + len(record.raw)] == record.raw


def test_top_level_values_without_the_rest(tmp_path: Path) -> None:
    content = b'{"a": [1, 2], "b": {"c": "d"}, "e": "f"}'
    assert json_array.top_level(written(tmp_path, content), ("b", "e")) == {
        "b": {"c": "d"},
        "e": "f",
    }


def test_a_bad_element_does_not_sink_the_others(tmp_path: Path) -> None:
    content = b'[{"a": 1}, {"a": NaN}, {"a": 1, "a": 2}, {"a": "\xff"}, %s, {"a": 2}]' % (
        b"[" * 70 + b"]" * 70
    )
    records = list(json_array.read(written(tmp_path, content)))
    assert [str(record.reason) for record in records] == [
        "None", "JSON_NONFINITE", "JSON_DUP_KEY", "ENC_INVALID", "JSON_DEPTH", "None",
    ]  # fmt: skip
    assert records[1].raw == b'{"a": NaN}'


@pytest.mark.parametrize(
    "content",
    [
        b'[{"a": 1}', b'[{"a": 1},]', b'[{"a": 1} {"a": 2}]', b'[{"a": 1}] x', b'{"a": 1}{"a": 2}',
        b'{"a": 1}\n{"a": 2}', b'[{"a": }]', b"[1, 2", b"nothing",
    ],
)  # fmt: skip
def test_a_broken_document_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FileRefused) as caught:
        list(json_array.read(written(tmp_path, content)))
    assert caught.value.code is ReasonCode.JSON_SYNTAX


def test_a_missing_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused) as caught:
        list(json_array.read(written(tmp_path, b'{"a": []}'), key="b"))
    assert caught.value.expected == "the key 'b'"


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(values, max_size=6), st.integers(1, 12), st.booleans(), st.sampled_from([None, 1]))
def test_any_array_is_read_at_any_chunk_size(
    tmp_path_factory: pytest.TempPathFactory,
    elements: list[Any],
    chunk: int,
    plain: bool,
    indent: Any,
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    document: Any = elements if plain else {"x": {"y": [1]}, "items": elements, "z": "end"}
    path.write_text(json.dumps(document, ensure_ascii=False, indent=indent), "utf-8")
    before = json_array._CHUNK
    json_array._CHUNK = chunk
    try:
        records = list(json_array.read(path, None if plain else "items"))
    finally:
        json_array._CHUNK = before
    assert [record.value for record in records] == elements
    assert counters.count_elements(path, None if plain else "items") == len(elements)


def test_an_element_over_the_limit_is_passed_over(tmp_path: Path) -> None:
    content = b'[{"a": 1}, {"b": "' + b'x\\"' * (6 << 20) + b'"}, {"a": 2}]'
    records = list(json_array.read(written(tmp_path, content)))
    assert [str(record.reason) for record in records] == ["None", "SIZE_LIMIT", "None"]
    assert records[2].value == {"a": 2}


class EndlessArray(io.RawIOBase):
    """An array of ``count`` equal elements that is never in memory as a whole."""

    def __init__(self, element: bytes, count: int) -> None:
        self._element, self._left, self._ready = element, count, b"["

    def read(self, size: int = -1) -> bytes:
        while self._left and len(self._ready) < size:
            self._left -= 1
            self._ready += self._element + (b", " if self._left else b"]")
        found, self._ready = self._ready[:size], self._ready[size:]
        return found


def test_two_hundred_megabytes_need_a_few() -> None:
    stream: Any = EndlessArray(json.dumps({"text": "word " * 20_000}).encode(), 2001)
    tracemalloc.start()
    try:
        seen = 0
        for record in json_array._Document(stream, "big").elements([]):
            seen += len(record.raw)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert seen > 200_000_000
    assert peak < 16 << 20
