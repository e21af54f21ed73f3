"""Public corpora of JSON, CSV and Parquet oddities, and our own CSV pairs, cell by cell."""

from __future__ import annotations

import csv as standard_csv
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from candor.sources.base import FileRefused
from candor.sources.readers import bytestream, counters, csv, json_array, json_strict, parquet
from candor.sources.readers.dialect import Dialect

BY_POLICY = {
    "test_parsing/y_object_duplicated_key.json",
    "test_parsing/y_object_duplicated_key_and_value.json",
}
# The index counts these as if every byte were a character.
TWO_BYTES_A_CHARACTER = {
    "encodings/only_utf16.csv", "encodings/utf16.csv", "encodings/utf16.csv.gz",
}  # fmt: skip

pytestmark = pytest.mark.shared


def unpacked(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as found:
        found.extractall(folder, filter="data")
    return folder


def index_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(standard_csv.DictReader(stream))


def value_in(path: Path) -> Any:
    """The one value of a document; raises when it is not accepted."""
    text = path.read_bytes().decode("utf-8")
    return json_strict.decode(text.removeprefix("\ufeff"))


def test_json_suite(shared: Callable[[str], Path], tmp_path: Path) -> None:
    folder = unpacked(shared("data/hostile/json_test_suite/files.tar.gz"), tmp_path)
    entries = index_of(shared("data/hostile/json_test_suite/index.csv"))
    accepted: dict[str, int] = {}
    wrong = []
    for entry in entries:
        try:
            records = list(json_array.read(folder / entry["path"]))
            is_accepted = all(record.reason is None for record in records)
        except FileRefused:
            is_accepted = False
        accepted[entry["expect"]] = accepted.get(entry["expect"], 0) + is_accepted
        expected = {"accept": True, "reject": False}.get(entry["expect"])
        if entry["path"] in BY_POLICY:
            expected = False
        if expected is not None and is_accepted is not expected:
            wrong.append(entry["path"])
        if entry["expect"] == "round_trip_or_reject" and is_accepted:
            written = (folder / entry["path"]).read_text("utf-8")
            again = json.dumps(value_in(folder / entry["path"]), default=str)
            assert _digits(again) == _digits(written), entry["path"]
    assert wrong == []
    assert len(entries) == 340
    assert (accepted["accept"], accepted["reject"]) == (93, 0)


def _digits(text: str) -> Any:
    """A document in which numbers are compared by value, exactly."""
    from decimal import Decimal

    def exact(value: Any) -> Any:
        if isinstance(value, list):
            return [exact(inner) for inner in value]
        if isinstance(value, str):
            try:
                return Decimal(value)
            except ArithmeticError:
                return value
        return value

    return exact(json.loads(text, parse_float=Decimal, parse_int=Decimal))


def test_csv_corpus(shared: Callable[[str], Path], tmp_path: Path) -> None:
    folder = unpacked(shared("data/hostile/duckdb_csv/files.tar.gz"), tmp_path)
    entries = index_of(shared("data/hostile/duckdb_csv/index.csv"))
    headless = Dialect(header=False, columns=("only",))
    wrong = []
    read = refused = 0
    for entry in entries:
        path = folder / entry["path"]
        encoding = None if entry["utf8"] == "1" else "latin-1"
        try:
            records = list(csv.read(path, headless, encoding=encoding))
        except FileRefused:
            refused += 1
            continue
        read += 1
        if counters.count_rows(path, headless, encoding) != len(records):
            wrong.append((entry["path"], "counter", len(records)))
        strict = entry["strict_records_incl_header"]
        if strict and int(strict) != len(records) and entry["path"] not in TWO_BYTES_A_CHARACTER:
            wrong.append((entry["path"], strict, len(records)))
        if entry["strict_error"] and not any(str(one.reason) == "QUOTE_OPEN" for one in records):
            wrong.append((entry["path"], "no open quote"))
    assert wrong == []
    assert (read, refused) == (578, 12)


def test_csv_pairs(shared: Callable[[str], Path], tmp_path: Path) -> None:
    lines = shared("data/hostile/own/csv_pairs.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 19
    for line in lines:
        pair = json.loads(line)
        path = tmp_path / "pair.csv"
        path.write_bytes(pair["csv"].encode())
        (member,) = bytestream.members(path)
        cells = [row.cells for row in csv.rows(member, Dialect())]
        assert cells == pair["cells"], pair["name"]


def test_parquet_corpus(shared: Callable[[str], Path]) -> None:
    folder = shared("data/hostile/parquet")
    entries = index_of(folder / "index.csv")
    assert len(entries) == 46
    wrong = []
    for entry in entries:
        path = folder / entry["path"]
        if "large_string_map" in path.name:
            continue  # more than 2 GiB in memory: see test_reading_confined
        try:
            rows = list(parquet.read(path))
            found: Any = (len(rows), len(rows[0].value) if rows else parquet.shape(path)[1])
        except FileRefused as refused:
            found = refused.code
        if entry["expect"] == "read":
            want: Any = (int(entry["rows"]), int(entry["columns"]))
            if found != want:
                wrong.append((entry["path"], want, found))
        elif entry["expect"] == "clear_error" and isinstance(found, tuple):
            wrong.append((entry["path"], "refused", found))
    assert wrong == []
