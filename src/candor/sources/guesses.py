"""What a file and its columns might be: guesses for ``propose``, never used for reading.

Only looks at the first rows; ``column_names`` holds what names and words mean. What is not
recognised is left to the user.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from candor.events import ReasonCode
from candor.sources import column_names
from candor.sources.base import FileRefused, RawRecord
from candor.sources.readers import bytestream, csv, json_array, json_lines, parquet, xlsx
from candor.sources.readers.dialect import Dialect
from candor.sources.scope import number_of

_ROWS = 200
_DELIMITERS = (",", ";", "\t", "|")
_WORDS_SHOWN = 30
_MOST_CELLS = 0.8
_MOST_ENVELOPE_KEYS = 100
_HEAD = 1 << 18
_NOT_UTF8 = "it is not UTF-8; cp1252 is the most common alternative"
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_WORDS_OF_PROSE = 2.5
_TIMES = frozenset(
    {"occurred_at", "started_at", "ended_at", "solved_at", "closed_at", "answered_at"}
)
_TELLING: dict[str, tuple[str, int]] = {"actor": ("message", 2), "channel": ("conversation", 2)}
"""Fields recognised by their words alone: event type, and how many different words it takes."""
_TIME_SHAPES: tuple[tuple[re.Pattern[str], str, bool], ...] = (
    (re.compile(r"\d{1,2}\.\d{1,2}\.\d{4} \d{1,2}:\d\d:\d\d"), "%d.%m.%Y %H:%M:%S", False),
    (re.compile(r"\d{1,2}\.\d{1,2}\.\d{4} \d{1,2}:\d\d"), "%d.%m.%Y %H:%M", False),
    (re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}"), "%d.%m.%Y", False),
    (re.compile(r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d\d:\d\d"), "%d/%m/%Y %H:%M:%S", True),
    (re.compile(r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d\d"), "%d/%m/%Y %H:%M", True),
    (re.compile(r"\d{1,2}/\d{1,2}/\d{4}"), "%d/%m/%Y", True),
    (re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d"), "%Y/%m/%d %H:%M:%S", False),
)
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?\s?(Z|[+-]\d\d:?\d\d)?")
_EPOCHS = (
    (10**9, 10**10, "s"),
    (10**12, 10**13, "ms"),
    (10**15, 10**16, "us"),
    (10**18, 10**19, "ns"),
)


@dataclass(slots=True)
class Sample:
    """The first rows of a file and how they were read.

    Attributes:
        type: format as in a mapping.
        columns: names in the order of their first occurrence.
        rows: at most 200.
        delimiter: of csv.
        encoding: proposed, or None for UTF-8.
        records: key of the array in a JSON document, or None.
        why: what speaks for the format, in words.
    """

    type: str
    columns: list[str]
    rows: list[dict[str, Any]]
    delimiter: str = ","
    encoding: str | None = None
    records: str | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class TimeGuess:
    """How the times of a file seem to be written."""

    example: str
    format: str = ""
    unit: str = ""
    has_offset: bool = False
    is_ambiguous: bool = False


@dataclass(slots=True)
class Seen:
    """Top-level keys, noted while a document is passed over."""

    names: list[str] = field(default_factory=list)

    def __contains__(self, name: object) -> bool:
        self.names.append(str(name))
        return False

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def sample_of(path: Path) -> Sample:
    """The first rows of a file by the format that fits best.

    Raises:
        FileRefused: it holds nothing that could be rows.
    """
    kind = bytestream.kind_on_disk(path)
    if kind == "parquet":
        return _sample("parquet", parquet.read(path), why="it is a Parquet file")
    if kind == "zip" and path.suffix.lower() == ".xlsx":
        return _sample("xlsx", xlsx.read(path), why="it is a workbook")
    encoding, why = _encoding(path)
    first = first_sign(path, encoding)
    if first == "{":
        lines = _sample(
            "jsonl", json_lines.read(path, encoding), encoding, "each line is an object"
        )
        if lines.rows:
            return lines
        key = _array_key(path, encoding)
        found = _sample("json", json_array.read(path, key, encoding), encoding, "one JSON document")
        found.records = key
        return found
    if first == "[":
        return _sample("json", json_array.read(path, None, encoding), encoding, "one JSON array")
    return _table(path, encoding, why)


def columns_of(sample: Sample) -> dict[str, str]:
    """Which column seems to hold which field; each column is used once.

    By its whole name first, then by the words of its name, then by what stands in it.
    """
    found: dict[str, str] = {}
    for look in (column_names.named, column_names.told):
        for target in column_names.targets():
            for column in look(target, sample.columns) if target not in found else ():
                if column not in found.values() and _may_hold(sample, column, target):
                    found[target] = column
                    break
            # What stands in a column says more than a name that might be another field's.
            if target in _TELLING and target not in found:
                telling = _by_words(sample, target, set(found.values()))
                found |= {target: telling} if telling else {}
    # People share a name; an address is theirs.
    if _is_unnamed(sample, found.get("customer_id")) and (
        column := _addresses(sample, set(found.values()))
    ):
        found["customer_id"] = column
    _add_id(sample, found)
    if "actor" in found and "text" not in found and (column := _prose(sample, {*found.values()})):
        found["text"] = column
    return found


def _add_id(sample: Sample, found: dict[str, str]) -> None:
    """A column that is only called an id is that of what a row is: a message, else a thread."""
    target = "message_id" if "text" in found else "thread_id"
    for column in sample.columns:
        values = [str(value) for value in _values(sample, column)]
        is_id = column_names.plain(column) == "id" and len(set(values)) == len(values)
        if target not in found and is_id and column not in found.values():
            found[target] = column


def _may_hold(sample: Sample, column: str, target: str) -> bool:
    values = _values(sample, column)
    if target in _TIMES:
        return _time_in(values) is not None
    if target == "score":
        return opinions_of(sample, column) != () or any(number(v) is not None for v in values)
    # A column of names of people says who they are, not which side they are on.
    return target not in _TELLING or not values or bool(words_of(sample, column))


def _by_words(sample: Sample, target: str, used: set[str]) -> str:
    """A column whose values give it away, whatever its name; "" when there is none."""
    event_type, minimum = _TELLING[target]
    known = column_names.vocabulary(event_type, target)
    for column in sample.columns:
        words = [] if column in used else words_of(sample, column)
        if len(words) >= minimum and all(
            column_names.meaning(word, target, known, is_whole=True) for word in words
        ):
            return column
    return ""


def _is_unnamed(sample: Sample, column: str | None) -> bool:
    """Whether no column says who the customer is, or only by a name without a digit."""
    values = [] if column is None else [str(value) for value in _values(sample, column)]
    return not any(mark.isdigit() or mark == "@" for value in values for mark in value)


def opinions_of(sample: Sample, column: str) -> tuple[str, ...]:
    """The words of a column that only says good or bad; none of any other."""
    words = words_of(sample, column)
    told = {word: column_names.content(word) for word in words}
    return tuple(words) if words and None not in told.values() else ()


def _addresses(sample: Sample, used: set[str]) -> str:
    """A column of mail addresses that are not the answering side's; "" when there is none."""
    for column in sample.columns:
        values = [str(value) for value in _values(sample, column)]
        fitting = sum(_ADDRESS.fullmatch(value.strip()) is not None for value in values)
        if (
            values and column not in used and not column_names.is_of_staff(column)
            and fitting >= _MOST_CELLS * len(values)
        ):  # fmt: skip
            return column
    return ""


def _prose(sample: Sample, used: set[str]) -> str:
    """The column with the longest texts of several words; "" when there is none."""
    lengths: dict[str, float] = {}
    for column in sample.columns:
        texts = [str(value) for value in _values(sample, column)]
        words = sum(len(text.split()) for text in texts)
        if column not in used and texts and words >= _WORDS_OF_PROSE * len(texts):
            lengths[column] = sum(map(len, texts)) / len(texts)
    return max(lengths, key=lambda name: lengths[name], default="")


def time_of(sample: Sample) -> TimeGuess | None:
    """How the times in the recognised columns seem to be written."""
    for target, column in columns_of(sample).items():
        if target in _TIMES and (guess := _time_in(_values(sample, column))) is not None:
            return guess
    return None


def words_of(sample: Sample, column: str) -> list[str]:
    """Distinct values of a column, most frequent first; none when there are too many."""
    counts = Counter(str(value) for value in _values(sample, column))
    if len(counts) > _WORDS_SHOWN:
        return []
    return sorted(counts, key=lambda word: (-counts[word], word))


def number(value: Any) -> Any:
    """A cell as a number, None when it is none."""
    return number_of(value.replace(",", ".") if isinstance(value, str) else value)


def _values(sample: Sample, column: str) -> list[Any]:
    """What stands in a column; arrays and objects are no values."""
    found = (row.get(column) for row in sample.rows)
    return [
        value for value in found if value not in (None, "") and not isinstance(value, list | dict)
    ]


def _time_in(values: Sequence[Any]) -> TimeGuess | None:
    texts = [
        value.isoformat(" ") if hasattr(value, "isoformat") else str(value) for value in values
    ]
    if not texts:
        return None
    # A few bad cells must not hide a column of times: they are quarantined when it is read.
    enough = _MOST_CELLS * len(texts)
    matches = [match for text in texts if (match := _ISO.fullmatch(text.strip()))]
    if matches and len(matches) >= enough:
        return TimeGuess(matches[0][0], has_offset=all(match[1] for match in matches))
    for pattern, time_format, is_ambiguous in _TIME_SHAPES:
        fitting = [text for text in texts if pattern.fullmatch(text.strip())]
        if fitting and len(fitting) >= enough:
            return TimeGuess(fitting[0], format=time_format, is_ambiguous=is_ambiguous)
    numbers = [(text, number_of(text)) for text in texts]
    for low, high, unit in _EPOCHS:
        found = [text for text, value in numbers if value is not None and low <= value < high]
        if found and len(found) >= enough:
            return TimeGuess(found[0], unit=unit)
    return None


def _sample(
    kind: str, records: Iterator[RawRecord], encoding: str | None = None, why: str = ""
) -> Sample:
    rows = [record.value for record in islice(records, _ROWS) if isinstance(record.value, dict)]
    columns: dict[str, None] = {}
    for row in rows:
        columns.update(dict.fromkeys(row))
    return Sample(kind, list(columns), rows, encoding=encoding, why=why)


def _encoding(path: Path) -> tuple[str | None, str]:
    try:
        with bytestream.open_bytes(path) as stream:
            head = stream.read(_HEAD)
        if len(head) == _HEAD:
            head = head[: head.rfind(b"\n") + 1]
        head.decode()
    except UnicodeDecodeError:
        return "cp1252", _NOT_UTF8
    except FileRefused as refused:
        if refused.code is not ReasonCode.ENC_UNDECLARED:
            raise
        return "cp1252", _NOT_UTF8
    return None, ""


def first_sign(path: Path, encoding: str | None = None) -> str:
    """The first character of a file that is no space; a space where there is none."""
    try:
        with bytestream.open_bytes(path, encoding) as stream:
            return stream.read(4096).decode("utf-8", "replace").lstrip()[:1] or " "
    except FileRefused as refused:
        if refused.code is ReasonCode.ENC_UNDECLARED and encoding is None:
            return " "
        raise


def _array_key(path: Path, encoding: str | None) -> str | None:
    """The first top-level key under which objects stand in an array."""
    seen = Seen()
    json_array.top_level(path, seen, encoding)
    # An envelope has a few keys; trying each of thousands would read the file as many times.
    for name in seen.names[:_MOST_ENVELOPE_KEYS]:
        try:
            record = next(iter(json_array.read(path, name, encoding)), None)
        except FileRefused:
            continue
        if record is not None and isinstance(record.value, dict):
            return name
    return None


def _table(path: Path, encoding: str | None, why: str) -> Sample:
    """Rows by the delimiter under which most rows have the width of the header."""
    best: Sample | None = None
    best_fit = 0
    for delimiter in _DELIMITERS:
        try:
            dialect = Dialect(delimiter)
            records = list(islice(csv.read(path, dialect, encoding=encoding), _ROWS))
        except FileRefused:
            continue
        rows = [record.value for record in records if record.value is not None]
        width = len(rows[0]) if rows else 0
        fit = width * len(rows)
        if width > 1 and fit > best_fit:
            text = f"{len(rows)} of the first {len(records)} rows have {width} cells"
            best = Sample(
                "csv",
                list(rows[0]),
                rows,
                delimiter,
                encoding,
                None,
                "; ".join(filter(None, [text, why])),
            )
            best_fit = fit
    if best is None:
        raise FileRefused(
            ReasonCode.HEADER_MISSING, f"{path.name} does not look like a table with a header",
            "rows of equal width under a header", "write a mapping by hand; see the mapping guide",
        )  # fmt: skip
    return best
