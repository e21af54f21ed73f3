"""The quote state machine, headers and line ends of delimited text."""

from __future__ import annotations

import csv as standard_csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.events import ReasonCode
from candor.sources.base import FileRefused
from candor.sources.readers import counters, csv
from candor.sources.readers.bytestream import Member
from candor.sources.readers.dialect import Dialect


def member(content: bytes) -> Member:
    return Member("x.csv", len(content), lambda: io.BytesIO(content))


def cells(content: bytes, dialect: Dialect = Dialect()) -> list[Any]:  # noqa: B008 - frozen
    return [
        row.cells if row.reason is None else (str(row.reason), row.raw)
        for row in csv.rows(member(content), dialect)
    ]


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    return path


def test_quotes_delimiters_and_line_ends_inside_cells() -> None:
    assert cells(b'a,"b, c","d ""e""","f\r\ng"\r\nh,i,j,k\rl,m,n,o') == [
        ["a", "b, c", 'd "e"', "f\r\ng"],
        ["h", "i", "j", "k"],
        ["l", "m", "n", "o"],
    ]


def test_quotes_inside_plain_cells_are_data() -> None:
    assert cells(b"a\"b,c\n'd,e'\n") == [['a"b', "c"], ["'d", "e'"]]


def test_without_a_quote_sign_quotes_are_data() -> None:
    assert cells(b'"a,b"\n', Dialect(quote=None)) == [['"a', 'b"']]


def test_escapes_when_declared() -> None:
    dialect = Dialect(escape="\\")
    assert cells(b'"say \\"hi\\", ok",5\na\\,b,c\n', dialect) == [
        ['say "hi", ok', "5"],
        ["a,b", "c"],
    ]


def test_delimiters_of_several_characters() -> None:
    assert cells(b'a||"b||c"||d\n', Dialect(delimiter="||")) == [["a", "b||c", "d"]]


def test_an_open_quote_makes_every_line_to_the_end_a_record() -> None:
    assert cells(b'a,b\nc,"open\nd,e\nf,g\n') == [
        ["a", "b"],
        ("QUOTE_OPEN", b'c,"open\n'),
        ("QUOTE_OPEN", b"d,e\n"),
        ("QUOTE_OPEN", b"f,g\n"),
    ]


def test_text_after_a_closing_quote_sets_its_lines_aside_and_reading_goes_on() -> None:
    assert cells(b'a,"x" y\nb,"1\n2"z\nc,d\n') == [
        ("QUOTE_OPEN", b'a,"x" y\n'),
        ("QUOTE_OPEN", b'b,"1\n'),
        ("QUOTE_OPEN", b'2"z\n'),
        ["c", "d"],
    ]


def test_control_characters_and_broken_bytes_cost_their_row() -> None:
    found = cells(b'a,b\nc,\x00\n"d\x07",e\nf,\xff\n"\xff",g\nh,i\t\n')
    assert [one if isinstance(one, list) else one[0] for one in found] == [
        ["a", "b"], "CTRL_CHAR", "CTRL_CHAR", "ENC_INVALID", "ENC_INVALID", ["h", "i\t"],
    ]  # fmt: skip


def test_a_cell_over_the_limit_costs_its_row_whether_quoted_or_not() -> None:
    big = b"x" * (11 << 20)
    for cell in (big, b'"' + big + b'"', b'"' + big + b"\n" + big + b'"', big + big):
        found = cells(b"a,b\n" + cell + b",c\nd,e\n")
        assert [one if isinstance(one, list) else one[0] for one in found] == [
            ["a", "b"], "FIELD_TOO_LONG", ["d", "e"],
        ]  # fmt: skip


def test_an_open_quote_over_the_limit_is_read_again_line_by_line() -> None:
    content = b'a,b\nc,"open\n' + (b"y" * (1 << 20) + b"\n") * 20
    found = cells(content)
    assert found[0] == ["a", "b"]
    assert [one[0] for one in found[1:]] == ["QUOTE_OPEN"] * 21
    assert b"".join(one[1] for one in found[1:]) == content[4:]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b"a,a\n", ReasonCode.HEADER_DUP),
        (b"a,\n", ReasonCode.HEADER_EMPTY),
        (b"b,c\n", ReasonCode.HEADER_MISSING),
        (b"\n\n", ReasonCode.HEADER_MISSING),
        (b"sep=;\na,b\n", ReasonCode.HEADER_MISSING),
        (b'a,"b\n', ReasonCode.QUOTE_OPEN),
        (b"a," + b",".join(b"c%d" % n for n in range(2000)) + b"\n", ReasonCode.SIZE_LIMIT),
    ],
)
def test_headers_that_name_no_columns_refuse_the_file(
    tmp_path: Path, header: bytes, code: ReasonCode
) -> None:
    with pytest.raises(FileRefused) as caught:
        list(csv.read(written(tmp_path, header), Dialect(), required=["a"]))
    assert caught.value.code is code


def test_missing_columns_are_named_with_what_is_near(tmp_path: Path) -> None:
    with pytest.raises(FileRefused) as caught:
        list(csv.read(written(tmp_path, b"Tickets,b\n1,2\n"), Dialect(), required=["Ticket"]))
    assert "'Ticket'" in caught.value.what
    assert caught.value.fix == "did you mean 'Tickets'?"


def test_rows_of_another_width_are_set_aside(tmp_path: Path) -> None:
    records = list(csv.read(written(tmp_path, b"\n\na,b\n1,2\n1\n1,2,3\n\n3,4"), Dialect()))
    assert [record.value for record in records] == [
        {"a": "1", "b": "2"}, None, None, {"a": "3", "b": "4"},
    ]  # fmt: skip
    assert [record.detail for record in records[1:3]] == ["2 cells, not 1", "2 cells, not 3"]
    assert [record.ref for record in records] == [
        "x.csv:byte 6:record 1", "x.csv:byte 10:record 2", "x.csv:byte 12:record 3",
        "x.csv:byte 19:record 4",
    ]  # fmt: skip


def test_skipped_lines_and_separator_line(tmp_path: Path) -> None:
    path = written(tmp_path, b"Ticket export\nof today\na;b\n1;2\n")
    dialect = Dialect(";", skip_rows=2)
    assert [record.value for record in csv.read(path, dialect)] == [{"a": "1", "b": "2"}]
    assert counters.count_rows(path, dialect) == 1
    path = written(tmp_path, b"sep=;\r\na;b\r\n1;2\r\n")
    assert [record.value for record in csv.read(path, Dialect(";"))] == [{"a": "1", "b": "2"}]
    assert counters.count_rows(path, Dialect(";")) == 1


table = st.lists(
    st.lists(st.text(st.sampled_from('ab,;"\n\r é'), max_size=6), min_size=2, max_size=2),
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(table, st.integers(1, 9), st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_the_standard_writer_writes_is_read_back_at_any_chunk_size(
    rows: list[list[str]], chunk: int, end: str
) -> None:
    text = io.StringIO()
    standard_csv.writer(text, lineterminator=end, quoting=standard_csv.QUOTE_ALL).writerows(rows)
    before = csv._CHUNK
    csv._CHUNK = chunk
    try:
        assert cells(text.getvalue().encode()) == rows
    finally:
        csv._CHUNK = before


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from('ab,"\n\r'), max_size=40), st.integers(1, 9))
def test_no_byte_is_lost_and_the_counter_agrees(text: str, chunk: int) -> None:
    content = text.encode()
    before = csv._CHUNK
    csv._CHUNK = chunk
    try:
        found = list(csv.rows(member(content), Dialect(header=False)))
    finally:
        csv._CHUNK = before
    kept = b"".join(row.raw for row in found)
    assert kept.translate(None, b"\r\n") == content.translate(None, b"\r\n")
    assert counters._rows_of(io.BytesIO(content), Dialect(header=False)) == len(found)


def test_a_header_that_does_not_decode_asks_for_the_encoding(tmp_path: Path) -> None:
    path = written(tmp_path, "Größe,b\n".encode("cp1252") + b"1,2\n" * 9)
    with pytest.raises(FileRefused) as caught:
        list(csv.read(path, Dialect()))
    assert caught.value.code is ReasonCode.ENC_UNDECLARED
    assert len(list(csv.read(path, Dialect(), encoding="cp1252"))) == 9
