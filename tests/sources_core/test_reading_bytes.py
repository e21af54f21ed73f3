"""Containers, encodings and the kind of content: what is opened, what is refused before reading."""

from __future__ import annotations

import gzip
import io
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from candor.events import ReasonCode
from candor.sources.base import FileRefused
from candor.sources.readers import bytestream, json_lines

LINE = b'{"a": 1}\n'


def code_of(call: Callable[[], object]) -> ReasonCode:
    with pytest.raises(FileRefused) as caught:
        call()
    return caught.value.code


def zipped(path: Path, entries: list[tuple[str, bytes]], mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


def test_all_members_of_a_gzip_and_all_entries_of_a_zip_are_read(tmp_path: Path) -> None:
    two = tmp_path / "two.jsonl.gz"
    two.write_bytes(gzip.compress(LINE * 2) + gzip.compress(LINE))
    assert len(list(json_lines.read(two))) == 3
    many = zipped(tmp_path / "many.zip", [("a.jsonl", LINE * 2), ("b/c.jsonl", LINE)])
    records = list(json_lines.read(many))
    assert [record.number for record in records] == [1, 2, 3]
    assert records[2].ref == "many.zip:b/c.jsonl:byte 0:record 3"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-6],
        lambda data: data + b"trailing",
        lambda data: data[:-8] + bytes(4) + data[-4:],
        lambda data: data[:12] + b"\xff\xff" + data[14:],
    ],
)
def test_a_damaged_gzip_is_refused_whole(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(spoil(gzip.compress(LINE * 50)))
    assert code_of(lambda: list(json_lines.read(path))) is ReasonCode.ARCHIVE_DAMAGED


@pytest.mark.parametrize(
    "entries",
    [
        [("../up.jsonl", LINE)],
        [("a/../../up.jsonl", LINE)],
        [("..\\up.jsonl", LINE)],
        [("/etc/x", LINE)],
        [("C:\\x.jsonl", LINE)],
        [("a.jsonl", LINE), ("A.JSONL", LINE)],
        [("inner.zip", b"PK\x03\x04" + bytes(40))],
        [("inner.gz", gzip.compress(LINE))],
        [(f"{number}.jsonl", LINE) for number in range(1001)],
    ],
)
def test_an_unsafe_zip_is_refused(tmp_path: Path, entries: list[tuple[str, bytes]]) -> None:
    path = zipped(tmp_path / "x.zip", entries)
    assert code_of(lambda: bytestream.members(path)) is ReasonCode.ARCHIVE_UNSAFE


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", [("a.jsonl", b"/etc/passwd")], stat.S_IFLNK | 0o777)
    assert code_of(lambda: bytestream.members(path)) is ReasonCode.ARCHIVE_UNSAFE


def test_a_bomb_stops_at_the_ratio(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=9) as stream:
        for _ in range(40):
            stream.write(b"a" * (1 << 20))
    assert path.stat().st_size < 60_000
    assert code_of(lambda: bytestream.members(path)) is ReasonCode.ARCHIVE_UNSAFE


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(20),
        b"PAR1" + bytes(40) + b"PAR1",
        b"  <!DOCTYPE html><title>Sign in</title>",
        b"\xef\xbb\xbf<html>",
        b"%PDF-1.7 x",
        b"SQLite format 3\x00" + bytes(30),
    ],
)
def test_content_that_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    assert code_of(lambda: bytestream.members(path)) is ReasonCode.TYPE_SNIFF
    path.write_bytes(gzip.compress(content))
    assert code_of(lambda: bytestream.members(path)) is ReasonCode.TYPE_SNIFF


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"")
    assert code_of(lambda: bytestream.members(path)) is ReasonCode.EMPTY_FILE
    path.write_bytes(gzip.compress(b""))
    assert code_of(lambda: bytestream.members(path)) is ReasonCode.EMPTY_FILE


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_marked_encodings_are_understood(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes("naïve 日本\n".encode(encoding))
    with bytestream.open_bytes(path) as stream:
        assert stream.read().decode() == "naïve 日本\n"


def test_other_encodings_must_be_declared(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(("straße\n" * 5).encode("cp1252"))
    assert code_of(lambda: bytestream.members(path)) is ReasonCode.ENC_UNDECLARED
    with bytestream.open_bytes(path, "cp1252") as stream:
        assert stream.read().decode() == "straße\n" * 5
    path.write_bytes("hello\n".encode("utf-16-le"))
    assert code_of(lambda: bytestream.members(path)) is ReasonCode.ENC_UNDECLARED


def test_a_few_foreign_lines_among_many_are_left_to_their_rows(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"a": "caf\xe9"}\n' + '{"a": "café"}\n'.encode() * 3)
    assert [str(one.reason) for one in json_lines.read(path)] == ["ENC_INVALID"] + ["None"] * 3
    path.write_bytes(b'{"a": "caf\xe9"}\n' * 30 + LINE * 1000)
    assert code_of(lambda: list(json_lines.read(path))) is ReasonCode.ENC_UNDECLARED


def test_a_broken_piece_of_a_declared_encoding_stays_broken(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes('{"a": "日"}\n'.encode("shift_jis") + b'{"a": "\x81"}\n')
    assert [str(one.reason) for one in json_lines.read(path, "shift_jis")] == [
        "None",
        "ENC_INVALID",
    ]


def test_lines_keep_their_offsets(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"a": 1}\r\n\n  {"a": 2}\n{"a": ')
    records = list(json_lines.read(path))
    assert [record.ref for record in records] == [
        "x.jsonl:byte 0:record 1",
        "x.jsonl:byte 11:record 2",
        "x.jsonl:byte 22:record 3",
    ]
    assert [record.raw for record in records] == [b'{"a": 1}', b'{"a": 2}', b'{"a":']
    assert str(records[2].reason) == "JSON_SYNTAX"


def test_a_line_over_the_limit_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    long = b'"' + b"x" * (20 << 20) + b'"'
    stream = io.BytesIO(LINE + long + b"\n" + LINE)
    found = list(json_lines.lines(stream))
    assert [(offset, length) for offset, line, length in found if line] == [
        (0, 8), (9, len(long)), (9 + len(long) + 1, 8),
    ]  # fmt: skip
    assert len(found[1][1]) == 1 << 20


def test_a_zip_whose_directory_lies_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", [("a.jsonl", LINE * 3)])
    whole = path.read_bytes()
    seen = set()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            records = list(json_lines.read(path))
        except FileRefused as refused:
            seen.add(refused.code)
        else:
            assert len(records) <= 3
        path.write_bytes(whole[:at] + whole[at + 1 :])
        with pytest.raises(FileRefused):
            list(json_lines.read(path))
    assert ReasonCode.ARCHIVE_DAMAGED in seen
